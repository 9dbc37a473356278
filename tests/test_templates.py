"""What sites are given to fill: the workbook, the CSV headers, and the command that writes them."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner, Result

import anakinra_t2d as trial
from anakinra_t2d.cli.export import export
from anakinra_t2d.forms import template_xlsx as template_module
from anakinra_t2d.forms.csv_headers import COLUMNS, csv_headers
from anakinra_t2d.forms.field_help import sent_tables, subject_field, subject_table
from anakinra_t2d.forms.template_xlsx import CODES, LAST_ROW, README, template_xlsx
from anakinra_t2d.reading.discover import SourceFile
from anakinra_t2d.reading.opening import open_tables
from anakinra_t2d.schema import Field

FOUND = trial.definitions()


@pytest.fixture(scope="module")
def content() -> bytes:
    return template_xlsx(FOUND)


@pytest.fixture
def book(content: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content))


def checks(sheet: Any) -> dict[str, Any]:
    """The check of each column, by column name."""
    names = {cell.column_letter: cell.value for cell in sheet[1]}
    found = {}
    for check in sheet.data_validations.dataValidation:
        (area,) = check.sqref.ranges
        assert (area.min_row, area.max_row, area.min_col) == (2, LAST_ROW + 1, area.max_col)
        found[names[openpyxl.utils.get_column_letter(area.min_col)]] = check
    return found


def fields() -> list[Field]:
    return [field for table in sent_tables(FOUND) for field in table.fields.values()]


class TestWorkbook:
    def test_there_is_a_sheet_for_each_table_that_is_sent(self, book: Any) -> None:
        assert book.sheetnames == [README, *(table.name for table in sent_tables(FOUND))]
        assert "lineage" not in book.sheetnames
        for table in sent_tables(FOUND):
            assert [cell.value for cell in book[table.name][1]] == list(table.fields)
            assert book[table.name].max_row == 1

    def test_the_bytes_are_the_same_on_every_run(self, content: bytes) -> None:
        assert template_xlsx(FOUND) == content

    def test_no_cell_holds_a_formula(self, content: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
            assert len(sheets) == len(sent_tables(FOUND)) + 1
            assert not [name for name in sheets if b"<f>" in archive.read(name) or b"<v>=" in archive.read(name)]

    def test_the_header_is_locked_and_the_cells_below_are_not(self, book: Any) -> None:
        for table in sent_tables(FOUND):
            sheet = book[table.name]
            assert sheet.protection.sheet
            assert not sheet.protection.password
            assert not sheet.protection.autoFilter, "False means that the filter may be used"
            assert all(cell.protection.locked for cell in sheet[1])
            assert sheet.freeze_panes == "A2"
            assert sheet.auto_filter.ref.startswith("A1:")
            for cell in sheet[1]:
                assert not _column(sheet, cell.column).protection.locked

    def test_every_header_has_a_comment_with_what_must_be_known(self, book: Any) -> None:
        for field in fields():
            sheet = book[field.table]
            place = list(FOUND.tables[field.table].fields).index(field.name) + 1
            text = sheet.cell(1, place).comment.text
            assert field.label in text
            assert field.description in text
            assert f"Unit: {FOUND.unit(field)}" in text or FOUND.unit(field) is None
            assert "Required: always" in text or field.required != "always"
            assert all(visit in text for visit in field.visits)

    def test_every_cell_says_what_belongs_in_it(self, book: Any) -> None:
        for table in sent_tables(FOUND):
            found = checks(book[table.name])
            assert list(found) == list(table.fields)
            for check in found.values():
                assert 0 < len(check.promptTitle) <= 32
                assert 0 < len(check.prompt) <= 255
                assert check.type is None or 0 < len(check.error) <= 255

    def test_codes_are_chosen_from_a_list(self, book: Any) -> None:
        for field in fields():
            check = checks_of(book, field)
            codes = FOUND.terms(field) or (["true", "false"] if field.type == "boolean" else None)
            if codes:
                assert check.type == "list"
                assert check.formula1 == '"' + ",".join(codes) + '"'
                assert check.errorStyle in (None, "stop")
            else:
                assert check.type != "list"

    def test_hard_ranges_stop_and_expected_ranges_are_told(self, book: Any) -> None:
        assert sum(field.range is not None for field in fields()) > 100
        for field in fields():
            if field.range is None:
                continue
            check = checks_of(book, field)
            assert check.type == {"integer": "whole", "number": "decimal", "date": "date"}[field.type]
            assert check.errorStyle in (None, "stop")
            assert [limit for limit in _limits(check, field) if limit is not None] == [
                _number(bound) for bound in field.range if bound is not None
            ]
            if field.expected:
                assert "Usual: " in check.prompt

    def test_types_without_a_range_are_checked_too(self, book: Any) -> None:
        kinds = {"integer": "whole", "number": "decimal", "date": "date", "datetime": "date"}
        plain = [field for field in fields() if field.type in kinds and field.range is None]
        assert {field.type for field in plain} >= {"datetime", "number"}
        for field in plain:
            assert checks_of(book, field).type == kinds[field.type]

    def test_what_is_restricted_is_marked(self, book: Any) -> None:
        for table in sent_tables(FOUND):
            assert bool(book[table.name].sheet_properties.tabColor) == table.restricted

    def test_a_list_too_long_for_a_check_stands_on_a_hidden_sheet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(template_module, "_LONGEST_LIST", 20)
        book = openpyxl.load_workbook(io.BytesIO(template_xlsx(FOUND)))
        assert book[CODES].sheet_state == "hidden"
        assert book.sheetnames[-1] == CODES
        long = [field for field in fields() if len(",".join(FOUND.terms(field) or [])) > 20]
        assert len(long) > 20
        for field in long:
            name = checks_of(book, field).formula1.removeprefix("=")
            ((sheet, area),) = book.defined_names[name].destinations
            assert [cell.value for (cell,) in book[sheet][area]] == FOUND.terms(field)

    def test_a_filled_workbook_is_read_without_a_profile(self, book: Any, tmp_path: Path, sound_trial: Path) -> None:
        sent = {}
        for name in ("subjects", "visits", "labs", "result_flags"):
            with (sound_trial / f"{name}.csv").open(encoding="utf-8", newline="") as file:
                sent[name] = [*csv.DictReader(file)][:20]
            for row in sent[name]:
                book[name].append([_as_typed(FOUND.tables[name].fields[key], text) for key, text in row.items()])
        path = tmp_path / "filled.xlsx"
        book.save(path)
        read = {}
        for table in open_tables(SourceFile(None, path, "filled.xlsx", "excel")):
            rows = [row for batch in table for row in batch.cells.iter_rows(named=True)]
            if table.sheet in sent:
                assert [problem for problem in table.problems if problem.code != "FILE-003"] == []
                read[table.sheet] = rows
            else:
                assert table.sheet == README or not rows
        assert {name: [_plain(name, row) for row in rows] for name, rows in read.items()} == {
            name: [_plain(name, row) for row in rows] for name, rows in sent.items()
        }

    def test_a_filled_workbook_is_validated_by_itself(self, book: Any, tmp_path: Path, sound_trial: Path) -> None:
        rows = {}
        for name in ("submission", "sites", "subjects", "visits", "vitals"):
            with (sound_trial / f"{name}.csv").open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    book[name].append([_as_typed(FOUND.tables[name].fields[key], text) for key, text in row.items()])
            rows[name] = book[name].max_row - 1
        book.save(tmp_path / "filled.xlsx")
        outcome = trial.validate(tmp_path / "filled.xlsx", only=FOUND.builtin_rules)
        assert {each.code for each in outcome.findings} <= {"FILE-003"}
        assert {name: outcome.tables[name].rows_valid for name in rows} == rows


def checks_of(book: Any, field: Field) -> Any:
    """The check of one field."""
    if not hasattr(book, "checks"):
        book.checks = {table.name: checks(book[table.name]) for table in sent_tables(FOUND)}
    return book.checks[field.table][field.name]


def _column(sheet: Any, place: int) -> Any:
    """The format of a column; openpyxl keeps neighbours of one format as one group."""
    return next(each for each in sheet.column_dimensions.values() if each.min <= place <= each.max)


def _number(bound: object) -> float:
    if isinstance(bound, str):
        day = dt.date.fromisoformat(bound)
        # Excel counts a 29 February 1900
        return float((day - dt.date(1899, 12, 30 if day >= dt.date(1900, 3, 1) else 31)).days)
    assert isinstance(bound, int | float)
    return float(bound)


def _limits(check: Any, field: Field) -> tuple[float | None, float | None]:
    """The limits of a check that come from the range of the field."""
    first, second = float(check.formula1), None if check.formula2 is None else float(check.formula2)
    if check.operator == "greaterThanOrEqual":
        return first, None
    if check.operator == "lessThanOrEqual":
        return None, first
    assert check.operator in (None, "between")
    low, high = field.range or (None, None)
    return (None if low is None else first), (None if high is None else second)


def _as_typed(field: Field, text: str) -> object:
    """A value as somebody types it into a cell."""
    if text == "":
        return None
    if field.type == "number":
        return float(text)
    if field.type == "integer":
        return int(text)
    if field.type == "date":
        return dt.date.fromisoformat(text)
    return dt.datetime.fromisoformat(text) if field.type == "datetime" else text


def _plain(table: str, row: dict[str, Any]) -> dict[str, object]:
    return {name: _as_typed(FOUND.tables[table].fields[name], text or "") for name, text in row.items()}


class TestCsvHeaders:
    def test_there_is_a_file_with_the_header_of_each_table(self) -> None:
        files = csv_headers(FOUND)
        assert set(files) == {f"{table.name}.csv" for table in sent_tables(FOUND)} | {COLUMNS}
        for table in sent_tables(FOUND):
            assert files[f"{table.name}.csv"] == ",".join(table.fields) + "\n"

    def test_the_list_of_columns_describes_each_of_them(self) -> None:
        rows = list(csv.DictReader(io.StringIO(csv_headers(FOUND)[COLUMNS])))
        assert [(row["table"], row["column"]) for row in rows] == [(field.table, field.name) for field in fields()]
        for row, field in zip(rows, fields(), strict=True):
            assert row["unit"] == (FOUND.unit(field) or "")
            assert row["required"] == field.required
            assert row["description"] == field.description
            assert [code.partition(" = ")[0] for code in row["codes"].split("; ") if code] == (
                FOUND.terms(field) or (["true", "false"] if field.type == "boolean" else [])
            )


class TestSubject:
    def test_the_subject_is_what_most_tables_refer_to(self) -> None:
        assert subject_table(FOUND).name == "subjects"
        belong = {table.name for table in sent_tables(FOUND) if subject_field(table, FOUND)}
        others = {"submission", "sites", "recruitment", "hba1c_crosscheck", "result_flags"}
        assert belong == {table.name for table in sent_tables(FOUND)} - others


def run(*arguments: object) -> Result:
    return CliRunner().invoke(export, [str(argument) for argument in arguments])


class TestCommand:
    @pytest.mark.parametrize(
        ("form", "name"),
        [
            ("template-xlsx", "t.xlsx"),
            ("redcap", "r.csv"),
            ("redcap", "r.zip"),
            ("csv-headers", "h.zip"),
            ("csv-headers", "headers"),
        ],
    )
    def test_it_says_what_was_written_and_replaces_nothing(self, form: str, name: str, tmp_path: Path) -> None:
        out = tmp_path / name
        first = run(form, "--out", out)
        assert first.exit_code == 0, first.output
        assert first.output.startswith("Wrote ")
        assert str(out) in first.output
        before = _bytes(out)
        again = run(form, "--out", out)
        assert again.exit_code == 2
        assert "already exists" in again.output
        assert _bytes(out) == before
        run(form, "--out", tmp_path / f"other-{name}")
        assert _bytes(tmp_path / f"other-{name}") == before

    def test_a_directory_and_an_archive_hold_the_same_files(self, tmp_path: Path) -> None:
        run("csv-headers", "--out", tmp_path / "headers")
        run("csv-headers", "--out", tmp_path / "headers.zip")
        with zipfile.ZipFile(tmp_path / "headers.zip") as archive:
            inside = {name: archive.read(name) for name in archive.namelist()}
        assert inside == {path.name: path.read_bytes() for path in (tmp_path / "headers").iterdir()}
        assert inside == {name: text.encode() for name, text in csv_headers(FOUND).items()}

    def test_without_out_it_writes_into_the_current_directory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        for form in ("template-xlsx", "redcap", "csv-headers"):
            assert run(form).exit_code == 0
        names = {"anakinra-t2d-template.xlsx", "anakinra-t2d-redcap.csv", "anakinra-t2d-headers"}
        assert {path.name for path in tmp_path.iterdir()} == names

    @pytest.mark.parametrize("form", ["template-xlsx", "redcap"])
    def test_an_output_that_cannot_be_written_is_a_sentence(self, form: str, tmp_path: Path) -> None:
        ending = "xlsx" if form == "template-xlsx" else "csv"
        result = run(form, "--out", tmp_path / "nowhere" / f"x.{ending}")
        assert result.exit_code == 2
        assert "cannot be written: no such file or directory." in result.output
        wrong = run(form, "--out", tmp_path / "x.txt")
        assert wrong.exit_code == 2
        assert "must end in" in wrong.output
        assert list(tmp_path.iterdir()) == []

    def test_a_directory_below_a_file_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("x")
        result = run("csv-headers", "--out", tmp_path / "file" / "headers")
        assert result.exit_code == 2
        assert "Traceback" not in result.output
        assert (tmp_path / "file").read_text() == "x"


def _bytes(path: Path) -> dict[str, bytes]:
    files = path.iterdir() if path.is_dir() else [path]
    return {file.name if path.is_dir() else "": file.read_bytes() for file in files}
