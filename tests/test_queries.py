"""Queries to sites: who gets which finding, what a workbook looks like, and what its answers become."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import anakinra_t2d as trial
from anakinra_t2d.cli.accept import accept as accept_command
from anakinra_t2d.finding import Finding, Location
from anakinra_t2d.review.accept import accept
from anakinra_t2d.review.queries import site_queries
from anakinra_t2d.review.query_text import COLUMNS, QueryText, cell_text
from anakinra_t2d.review.sites import SiteOfFindings
from anakinra_t2d.schema.accepted import read_accepted
from conftest import Rows, change
from review_data import DANISH, SWISS, set_cells, small_trial

FORMULA = '=HYPERLINK("http://example.org","x")'
TODAY = dt.date(2006, 3, 10)


@pytest.fixture(scope="module")
def out(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faults at both sites, one with the text of a formula, one in a restricted table and one of no site."""
    folder = tmp_path_factory.mktemp("queries")
    sent = small_trial(sound_trial, folder / "sent", "randomisation", "adverse_events")
    set_cells(sent, "vitals", SWISS, "baseline", weight_kg=FORMULA)
    set_cells(sent, "vitals", SWISS, "baseline", heart_rate_bpm="150")
    set_cells(sent, "vitals", DANISH, "baseline", sbp_mmhg="70", dbp_mmhg="90")
    (sent / "unknown.csv").write_text("a,b\n1,2\n", encoding="utf-8")

    def wrong_arm(rows: Rows) -> None:
        rows[0]["arm"] = "verum"

    def wrong_category(rows: Rows) -> None:
        rows[0]["ae_category"] = "injektionsreaktion"

    change(sent / "randomisation.csv", wrong_arm)
    change(sent / "adverse_events.csv", wrong_category)
    trial.convert(sent, out=folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def books(out: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    files = site_queries(out, tmp_path_factory.mktemp("books") / "q")
    return {path.stem.removeprefix("queries-"): path for path in files}


def queries(path: Path) -> list[dict[str, Any]]:
    header, *rows = openpyxl.load_workbook(path)["Queries"].iter_rows(values_only=True)
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


def every_byte(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return "\n".join(archive.read(name).decode() for name in archive.namelist())


class TestWhoGetsWhat:
    def test_each_site_has_its_own_findings(self, books: dict[str, Path]) -> None:
        assert list(books) == ["DK01", "CH01", "unassigned", "restricted"]
        for site, other in (("DK01", "CH01"), ("CH01", "DK01")):
            assert {str(row["Record"])[11:15] for row in queries(books[site])} == {site}
            assert other not in every_byte(books[site])

    def test_every_open_finding_is_asked_once(self, books: dict[str, Path], out: Path) -> None:
        document = json.loads((out / "findings.json").read_text(encoding="utf-8"))
        asked = [str(row["Fingerprint"]) for path in books.values() for row in queries(path)]
        assert sorted(asked) == sorted(finding["fingerprint"] for finding in document["findings"])

    def test_nothing_reveals_the_arm(self, books: dict[str, Path]) -> None:
        assert {row["Rule"] for row in queries(books["restricted"])} >= {"LIST-001"}
        for path in books.values():
            text = every_byte(path)
            assert "verum" not in text
            assert "injektionsreaktion" not in text
        (hidden,) = [row for row in queries(books["CH01"]) if str(row["Field"]).endswith("(ae_category)")]
        assert str(hidden["What was found"]).startswith("not shown here")

    def test_a_folder_with_something_in_it_is_not_replaced(self, out: Path, books: dict[str, Path]) -> None:
        with pytest.raises(trial.OutputError):
            site_queries(out, books["DK01"].parent)

    def test_where_nothing_is_open_nothing_is_written(self, out: Path, tmp_path: Path) -> None:
        shutil.copytree(out, tmp_path / "out")
        document = json.loads((out / "findings.json").read_text(encoding="utf-8"))
        (tmp_path / "out" / "findings.json").write_text(json.dumps({**document, "findings": []}), encoding="utf-8")
        assert site_queries(tmp_path / "out", tmp_path / "q") == []
        assert not (tmp_path / "q").exists()

    @pytest.mark.parametrize(
        ("key", "more", "site"),
        [
            ({"subject_id": "DK01-001"}, {}, "DK01"),
            ({"subject_id": "DK01-999"}, {}, "DK01"),
            ({"subject_id": "P7"}, {}, "CH01"),
            ({"subject_id": "DK012-001"}, {}, None),
            ({"subject_id": "DK01-002"}, {}, None),  # the table says the other site
            ({"subject_id": "[hidden]"}, {}, None),
            ({"site_id": "CH01"}, {}, "CH01"),
            ({"table": "labs", "record_key": "subject_id=DK01-001|visit=week4", "field": "a"}, {}, "DK01"),
            ({"contact_id": "K1"}, {"table": "recruitment"}, "DK01"),
            ({"subject_id": "DK01-001"}, {"message": "the same as in CH01-004"}, None),
            ({"subject_id": "DK01-001"}, {"message": "the same as in DK01-004"}, "DK01"),
            ({"subject_id": "DK01-001"}, {"message": "the same as in P7"}, None),
            ({"subject_id": "DK01-001"}, {"hint": "Ask CH01."}, None),
            ({}, {"location": Location("data/CH01_vitals.csv")}, "CH01"),
            ({}, {"location": Location("CH01_DK01.csv")}, None),
            ({}, {"location": Location("vitals.csv")}, None),
        ],
    )
    def test_the_site_of_a_finding(self, key: dict[str, str], more: dict[str, Any], site: str | None) -> None:
        site_of = SiteOfFindings(
            frozenset({"DK01", "CH01"}),
            "subject_id",
            {"DK01-001": "DK01", "DK01-002": "CH01", "P7": "CH01"},
            {("recruitment", "contact_id=K1"): "DK01"},
        )
        assert site_of(finding(key=key, **more)) == site

    def test_a_file_of_an_only_site_is_of_that_site(self) -> None:
        site_of = SiteOfFindings(frozenset({"DK01", "CH01"}), "subject_id", {"DK01-001": "DK01"})
        assert site_of(finding(location=Location("vitals.csv"))) == "DK01"


def finding(**more: Any) -> Finding:
    given: dict[str, Any] = {
        "code": "RNG-002", "severity": "warning", "table": "vitals", "key": {}, "field": "weight_kg", "value": "1",
        "fields": ("weight_kg",), "expected": "It fits.", "message": "it does not", "hint": "Look.",
        "location": Location(), "fingerprint": "0" * 16, **more,
    }  # fmt: skip
    return Finding(**given)


class TestTheWorkbook:
    def test_has_the_columns_and_what_a_person_needs(self, books: dict[str, Path]) -> None:
        book = openpyxl.load_workbook(books["CH01"])
        assert book.sheetnames == ["Read me", "Queries", "_about"]
        assert book["_about"].sheet_state == "hidden"
        sheet = book["Queries"]
        assert [cell.value for cell in sheet[1]] == list(COLUMNS)
        assert sheet.freeze_panes == "C2"
        assert sheet.auto_filter.ref == f"A1:O{sheet.max_row}"
        assert sheet.column_dimensions["O"].hidden
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.print_title_rows == "$1:$1"
        said = " ".join(str(cell) for row in book["Read me"].iter_rows(values_only=True) for cell in row if cell)
        for words in ("NCT00303394", "SYNTHETIC", "corrected", "confirmed", "not available", "Swiss"):
            assert words in said

    def test_only_answers_can_be_written(self, books: dict[str, Path]) -> None:
        sheet = openpyxl.load_workbook(books["CH01"])["Queries"]
        assert sheet.protection.sheet
        assert sheet.protection.password is None
        unlocked = {sheet.cell(1, cell.column).value for cell in sheet[2] if not cell.protection.locked}
        assert unlocked == {"Answer", "Comment", "Who", "Date"}

    def test_the_drop_down_offers_to_confirm_what_can_be_accepted(self, books: dict[str, Path]) -> None:
        sheet = openpyxl.load_workbook(books["CH01"])["Queries"]
        lists = {}
        for check in sheet.data_validations.dataValidation:
            if check.type == "list":
                for part in check.sqref.ranges:
                    lists.update(dict.fromkeys(range(part.min_row, part.max_row + 1), check.formula1))
        assert set(lists) == set(range(2, sheet.max_row + 1))
        for row, choices in lists.items():
            rule = trial.definitions().rules[sheet.cell(row, 2).value]
            assert ("confirmed" in choices) == rule.acceptable
            assert "corrected" in choices and "not available" in choices
        assert len(set(lists.values())) == 2

    def test_no_cell_is_a_formula(self, books: dict[str, Path]) -> None:
        for path in books.values():
            for sheet in openpyxl.load_workbook(path):
                assert not [c for row in sheet.iter_rows() for c in row if c.data_type == "f"]
            assert "<f>" not in every_byte(path).replace("<formula1>", "")
        (found,) = [row["What was found"] for row in queries(books["CH01"]) if "HYPERLINK" in row["What was found"]]
        assert str(found).startswith("'=HYPERLINK")

    def test_it_is_the_same_on_every_run(self, out: Path, books: dict[str, Path], tmp_path: Path) -> None:
        again = site_queries(out, tmp_path / "q")
        assert [path.read_bytes() for path in again] == [path.read_bytes() for path in books.values()]

    @given(st.text(st.characters(), max_size=80))
    def test_no_text_begins_a_formula_or_hides(self, text: str) -> None:
        shown = cell_text(text)
        assert not shown.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
        assert not {"\x1b", "\u202e", "\u200b", "\ud800", "\x00"} & set(shown)
        assert len(cell_text("x" * 1_000_000)) <= 2000
        assert shown.encode() or not text

    def test_what_identifies_a_person_is_hidden(self) -> None:
        text = QueryText(trial.definitions())
        born = finding(table="subjects", field="birth_date", value="1950-01-31", message="1950-01-31 is no day")
        assert "1950" not in " ".join(text.query(born).cells.values())
        asked = finding(table="subjects", field="race_ethnicity", message="the text 010150-1234 is not known")
        assert "1234" not in " ".join(text.query(asked).cells.values())


Edit = Callable[[Any], object]


@pytest.fixture
def answer(books: dict[str, Path], tmp_path: Path) -> Callable[..., Path]:
    """Answers queries as a site would and saves the workbook with another program."""

    def write(answers: dict[str, dict[str, Any]], site: str = "CH01", edit: Edit | None = None) -> Path:
        book = openpyxl.load_workbook(books[site])
        sheet = book["Queries"]
        places = {str(cell.value): cell.column for cell in sheet[1]}
        for row in range(2, sheet.max_row + 1):
            for name, value in answers.get(sheet.cell(row, places["Rule"]).value, {}).items():
                sheet.cell(row, places[name]).value = value
        if edit:
            edit(book)
        path = tmp_path / f"answered-{site}.xlsx"
        book.save(path)
        return path

    return write


YES = {"Answer": "confirmed", "Comment": "Seen in the source.", "Who": "A. B.", "Date": dt.datetime(2006, 3, 5)}


class TestAnswers:
    def test_become_entries(self, answer: Callable[..., Path], out: Path, tmp_path: Path) -> None:
        book = answer({"RNG-002": YES, "CELL-001": {"Answer": "Corrected "}, "LIST-001": {"Answer": "not available"}})
        list_ = tmp_path / "accepted.yaml"
        result = accept([book], out, list_, until=dt.date(2006, 12, 31), today=TODAY)
        assert result.refused == []
        assert result.counts["corrected"] == 1 and result.counts["not available"] == 1
        (entry,) = read_accepted(list_).entries
        assert (entry.rule, entry.table, entry.field) == ("RNG-002", "vitals", "heart_rate_bpm")
        assert entry.record["subject_id"] == SWISS
        assert (entry.reason, entry.who, entry.when, entry.until) == (
            "Seen in the source.", "A. B.", "2006-03-05", "2006-12-31",
        )  # fmt: skip
        assert "150" not in list_.read_text(encoding="utf-8").replace(entry.fingerprint, "")
        assert accept([book], out, list_, until=dt.date(2006, 12, 31), today=TODAY).new == 0

    def test_of_a_sorted_workbook_with_moved_columns_are_found(
        self, answer: Callable[..., Path], out: Path, tmp_path: Path
    ) -> None:
        def shuffle(book: Any) -> None:
            sheet = book["Queries"]
            header, *rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
            for number, values in enumerate([header, *reversed(rows)], 1):
                for column, value in enumerate(reversed(values), 1):
                    sheet.cell(number, column).value = value
            sheet.row_dimensions[2].hidden = True

        book = answer({"RNG-002": YES}, edit=shuffle)
        result = accept([book], out, tmp_path / "a.yaml", today=TODAY)
        assert result.refused == []
        assert [entry.rule for entry in result.entries] == ["RNG-002"]

    def test_the_option_names_who_answered_when_the_row_does_not(
        self, answer: Callable[..., Path], out: Path, tmp_path: Path
    ) -> None:
        book = answer({"RNG-002": {"Answer": "confirmed", "Comment": "Seen."}})
        (refusal,) = accept([book], out, tmp_path / "a.yaml", today=TODAY).refused
        assert "--who" in refusal
        (entry,) = accept([book], out, tmp_path / "a.yaml", who="C. D.", today=TODAY).entries
        assert (entry.who, entry.when) == ("C. D.", "2006-03-10")

    @pytest.mark.parametrize(
        ("code", "cells", "words"),
        [
            ("RNG-002", {**YES, "Comment": None}, "without a reason"),
            ("RNG-002", {**YES, "Comment": "Patient 010150-1234"}, "personal number"),
            ("RNG-002", {**YES, "Who": "a@example.org"}, "an address"),
            ("RNG-002", {**YES, "Answer": "yes"}, "'yes' is not one of the answers"),
            ("RNG-002", {**YES, "Date": "soon"}, "'soon' is not of the form"),
            ("RNG-002", {**YES, "Date": dt.datetime(2030, 1, 1)}, "in the future"),
            ("RNG-002", {"Comment": "Why?"}, "a comment and no answer"),
            ("RNG-002", {**YES, "Comment": "x" * 1001}, "more than 1000 letters"),
            ("RNG-002", {**YES, "Fingerprint": "0" * 16}, "of another submission"),
            ("RNG-002", {**YES, "Fingerprint": None}, "fingerprint is missing"),
            ("RNG-002", {**YES, "Record": "subject_id DK01-001"}, "different findings"),
            ("CELL-001", YES, "CELL-001 cannot be accepted"),
        ],
    )
    def test_that_cannot_be_taken_are_refused_with_their_place(
        self, code: str, cells: dict[str, Any], words: str, answer: Callable[..., Path], out: Path, tmp_path: Path
    ) -> None:
        result = accept([answer({code: cells})], out, tmp_path / "a.yaml", today=TODAY)
        (refusal,) = result.refused
        assert words in refusal
        assert "answered-CH01.xlsx, row " in refusal
        assert "1234" not in refusal and "a@example" not in refusal
        assert not (tmp_path / "a.yaml").exists()

    def test_two_answers_to_one_query_are_refused(self, answer: Callable[..., Path], out: Path, tmp_path: Path) -> None:
        first = answer({"RNG-002": YES}).rename(tmp_path / "first.xlsx")
        second = answer({"RNG-002": {"Answer": "corrected"}})
        (refusal,) = accept([first, second], out, tmp_path / "a.yaml", today=TODAY).refused
        assert "another answer" in refusal

    @pytest.mark.parametrize(
        ("fact", "value", "words"),
        [
            ("trial", "NCT00000000", "about the trial NCT00000000"),
            ("schema_version", "0.1.0", "version 0.1.0 of the schema"),
            ("format", "queries 99", "another version"),
        ],
    )
    def test_of_another_trial_or_schema_stop_the_run(
        self, fact: str, value: str, words: str, answer: Callable[..., Path], out: Path, tmp_path: Path
    ) -> None:
        def forge(book: Any) -> None:
            (row,) = [row for row in book["_about"].iter_rows() if row[0].value == fact]
            row[1].value = value

        with pytest.raises(trial.InputError, match=words):
            accept([answer({"RNG-002": YES}, edit=forge)], out, tmp_path / "a.yaml", today=TODAY)

    def test_of_something_else_stop_the_run(self, out: Path, tmp_path: Path) -> None:
        openpyxl.Workbook().save(tmp_path / "other.xlsx")
        (tmp_path / "text.xlsx").write_text("no workbook", encoding="utf-8")
        for name, words in (("other.xlsx", "not a workbook of queries"), ("text.xlsx", "cannot be read"),
                            ("no.xlsx", "no file"), ("a.csv", "not a workbook")):  # fmt: skip
            with pytest.raises(trial.InputError, match=words):
                accept([tmp_path / name], out, tmp_path / "a.yaml")

    def test_on_the_command_line(self, answer: Callable[..., Path], out: Path, tmp_path: Path) -> None:
        target = tmp_path / "accepted.yaml"
        words = [str(answer({"RNG-002": YES, "CELL-001": YES})), "--findings", str(out), "--out", str(target)]
        run = CliRunner().invoke(accept_command, words)
        assert run.exit_code == 1
        assert "1 confirmed, 0 corrected, 0 not available" in run.output
        assert "Not taken: " in run.output
        assert len(read_accepted(target).entries) == 1
        run = CliRunner().invoke(accept_command, [*words[:1], "--findings", str(tmp_path), "--out", str(target)])
        assert run.exit_code == 2
        assert "findings.json is missing" in run.output
