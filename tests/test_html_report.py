"""The HTML report: what it says, what it must never show, and how it looks and works in a browser."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import anakinra_t2d as trial
from anakinra_t2d.cli.report import report
from anakinra_t2d.report.html import html_report
from anakinra_t2d.report.html.completeness import Cell, cells
from anakinra_t2d.report.html.disclosure import Disclosure
from anakinra_t2d.report.html.distributions import distributions
from anakinra_t2d.report.html.finding_groups import _shares, grouped
from anakinra_t2d.report.html.page import _TEMPLATES
from anakinra_t2d.report.html.people import Expected
from anakinra_t2d.report.html.scale import Scale
from anakinra_t2d.report.html.submission import Submission
from anakinra_t2d.report.html.visible import visible
from anakinra_t2d.wording import pseudonym
from browser import DESKTOP, PHONE, chromium, opened
from conftest import change, made_once, read_rows

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from browser import Scheme

FOUND = trial.definitions()
VOID = {"meta", "link", "input", "br", "option"}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></script><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "\x1b[31mred\x1b[0m\x00\x07",
    "\u202eesrever\u2066\u200b",
    "=HYPERLINK(0)",
    "javascript:alert(1)",
    "x" * 1_000_000,
]


@dataclass
class Element:
    name: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Parsed(HTMLParser):
    """Elements in their order, each with the text directly in it; fails on tags that do not close."""

    elements: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop().name == tag

    def handle_data(self, data: str) -> None:
        for element in self.open[-1:]:
            element.text += data

    def named(self, name: str) -> list[Element]:
        return [element for element in self.elements if element.name == name]


def parsed(page: str) -> Parsed:
    found = Parsed()
    found.feed(page)
    found.close()
    assert found.open == []
    return found


def words(page: str) -> str:
    """The text of the page as one line."""
    body = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def entry(**changed: Any) -> dict[str, Any]:
    """A finding as findings.json holds it."""
    base = {
        "code": "RNG-001",
        "severity": "error",
        "table": "labs",
        "key": {"subject_id": "DK01-003", "visit": "week4", "visit_seq": "1"},
        "field": "hba1c_pct",
        "value": "84",
        "fields": ["hba1c_pct"],
        "expected": "The value lies in the possible range, 3 to 20 %.",
        "message": "84 % is outside 3 to 20",
        "hint": FOUND.rules["RNG-001"].hint,
        "location": {"file": "labs.csv", "sheet": None, "row": 7, "column": "hba1c_pct"},
        "fingerprint": "0" * 16,
    }
    return base | changed


def with_findings(folder: Path, copy: Path, entries: list[dict[str, Any]], **summary: Any) -> Path:
    """A copy of a converted directory that holds other findings."""
    shutil.copytree(folder, copy)
    document = json.loads((copy / "findings.json").read_text(encoding="utf-8"))
    document["findings"] = entries
    opened = [one["severity"] for one in entries if one.get("status", "open") == "open"]
    document["summary"] |= {"errors": opened.count("error"), "warnings": opened.count("warning")} | summary
    (copy / "findings.json").write_text(json.dumps(document), encoding="utf-8")
    return copy


@pytest.fixture(scope="module")
def sound(derived_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A converted and derived trial without findings."""
    return Path(shutil.copytree(derived_trial, tmp_path_factory.mktemp("sound") / "out"))


@pytest.fixture(scope="module")
def faulty(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A converted trial with a value out of range, a wrong code, an empty value and a wrong glucose of a curve."""

    def make(folder: Path) -> None:
        sent = folder / "sent"
        shutil.copytree(sound_trial, sent)
        change(sent / "vitals.csv", lambda rows: rows[5].update(weight_kg="978"))
        change(sent / "vitals.csv", lambda rows: rows[2].update(visit="week 4"))
        change(sent / "labs.csv", lambda rows: next(r for r in rows if r["visit"] == "week4").update(hba1c_pct=""))
        change(sent / "ogtt.csv", lambda rows: rows[3].update(glucose_mmol_l="45"))
        trial.convert(sent, out=folder / "out")

    return made_once(tmp_path_factory, "html_faulty", make) / "out"


def page_of(converted: Path, name: str, factory: pytest.TempPathFactory, *, unblinded: bool = False) -> str:
    """The page of a converted directory, made by the first process that asks for it."""

    def make(folder: Path) -> None:
        folder.mkdir()
        (folder / "page.html").write_bytes(html_report(converted, FOUND, unblinded=unblinded).encode())

    return (made_once(factory, f"html_{name}_page", make) / "page.html").read_bytes().decode()


@pytest.fixture(scope="module")
def sound_page(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return page_of(sound, "sound", tmp_path_factory)


@pytest.fixture(scope="module")
def faulty_page(faulty: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return page_of(faulty, "faulty", tmp_path_factory)


@pytest.fixture(scope="module")
def unblinded_page(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return page_of(sound, "unblinded", tmp_path_factory, unblinded=True)


class TestPage:
    def test_it_is_one_file_that_asks_for_nothing(self, faulty_page: str) -> None:
        page = parsed(faulty_page)
        policy = next(e.attributes["content"] for e in page.named("meta") if "http-equiv" in e.attributes)
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        links = [e.attributes[name] for e in page.elements for name in ("href", "src") if name in e.attributes]
        assert {link for link in links if not link.startswith("#")} == {"data:,"}
        assert not re.search(r"https?:|url\(|@import|\bfetch\(|XMLHttp", re.sub(r'xmlns="[^"]+"', "", faulty_page))
        assert all("style" not in e.attributes for e in page.elements)
        assert not [name for e in page.elements for name in e.attributes if name.startswith("on")]

    @pytest.mark.parametrize("kind", ["sound_page", "faulty_page"])
    def test_every_link_leads_somewhere_and_ids_are_unique(self, kind: str, request: pytest.FixtureRequest) -> None:
        page = parsed(request.getfixturevalue(kind))
        ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
        assert len(ids) == len(set(ids))
        targets = {e.attributes["href"][1:] for e in page.elements if e.attributes.get("href", "").startswith("#")}
        assert targets <= set(ids)

    def test_the_same_directory_gives_the_same_bytes(self, faulty: Path, faulty_page: str) -> None:
        assert html_report(faulty, FOUND) == faulty_page

    def test_the_verdict_and_the_synthetic_mark_stand_on_top(self, sound_page: str, faulty_page: str) -> None:
        assert [e.text for e in parsed(sound_page).named("h1")] == ["Nothing to correct"]
        assert [e.text for e in parsed(faulty_page).named("h1")] == ["2 errors to correct"]
        for page in (sound_page, faulty_page):
            assert words(page).index("Synthetic data: no row describes a real person.") < words(page).index("correct ")

    def test_the_flow_is_drawn_or_the_page_says_how_to_get_it(self, sound_page: str, faulty_page: str) -> None:
        assert '<title id="enrolment-flow-title">' in sound_page
        assert "anakinra-t2d derive" in faulty_page
        assert "anakinra-t2d derive" not in sound_page

    def test_every_variable_has_the_words_of_the_schema(self, faulty_page: str) -> None:
        ids = {e.attributes.get("id") for e in parsed(faulty_page).elements}
        sent = [table for table in FOUND.tables.values() if table.role != "lineage"]
        assert {f"variable-{table.name}-{name}" for table in sent for name in table.fields} <= ids
        text = words(faulty_page)
        assert "Glycated haemoglobin as NGSP (DCCT) percent" in text
        assert "Possible 3 to 20. assumption" in text
        assert "LOINC 4548-4" in text

    def test_a_page_of_a_trial_stays_below_a_megabyte(self, faulty_page: str) -> None:
        assert len(faulty_page.encode()) < 1_000_000

    def test_other_definitions_than_those_of_the_conversion_are_named(self, sound: Path, tmp_path: Path) -> None:
        folder = with_findings(sound, tmp_path / "copy", [])
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        (folder / "manifest.json").write_text(json.dumps(manifest | {"schema_fingerprint": "0"}), encoding="utf-8")
        assert "converted with another state of the definitions" in html_report(folder, FOUND)


class TestFindings:
    def test_each_says_what_was_expected_what_was_found_where_and_what_to_do(self, faulty_page: str) -> None:
        text = words(faulty_page)
        assert "The value lies in the possible range, 30 to 350 kg." in text
        assert re.search(r"[A-Z]{2}01-\d+ \w+ · visit_seq 1 978 kg is outside 30 to 350", text)
        assert "vitals.csv, row 7, column weight_kg" in text
        assert "What to do Compare with the source document" in text
        assert "978 kg reads as 97.8 kg if the decimal point was moved." in text

    def test_sites_come_from_the_subject_else_from_its_number(self, sound: Path, tmp_path: Path) -> None:
        subjects = pl.read_parquet(sound / "subjects.parquet").select("subject_id", "site_id").cast(pl.String)
        subject, site = subjects.row(0)
        keys = [{"subject_id": subject}, {"subject_id": "CH01-999"}, {"subject_id": "nobody"}]
        found = grouped(
            Submission(with_findings(sound, tmp_path / "x", [entry(key=key) for key in keys]), FOUND), Disclosure(FOUND)
        )
        assert [line.site for line in found.groups[0].parts[0].lines] == [site, "CH01", ""]

    def test_accepted_findings_are_marked_and_leave_the_verdict(self, sound: Path, tmp_path: Path) -> None:
        acceptance = {"reason": "seen in the source", "who": "DK01", "when": "2005-02-01", "until": None}
        accepted = entry(status="accepted", acceptance=acceptance)
        page = html_report(with_findings(sound, tmp_path / "x", [accepted]), FOUND)
        assert parsed(page).named("h1")[0].text == "Nothing to correct"
        assert "accepted by DK01 on 2005-02-01: seen in the source" in words(page)
        both = [accepted, entry(severity="warning", known=True)]
        half = html_report(with_findings(sound, tmp_path / "y", both), FOUND)
        assert parsed(half).named("h1")[0].text == "No error, 1 warning to look at"
        assert "already open in the earlier submission" in words(half)

    def test_what_is_beyond_a_limit_is_counted(self, sound: Path, tmp_path: Path) -> None:
        folder = with_findings(sound, tmp_path / "x", [entry()], not_listed={"RNG-001": 7, "REF-001": 2})
        text = words(html_report(folder, FOUND))
        assert "7 more findings of this rule are not listed here." in text
        assert "2 more findings of this rule are not listed here." in text
        submission = Submission(with_findings(sound, tmp_path / "y", [entry()] * 30 + [entry(code="REQ-003")]), FOUND)
        found = grouped(submission, Disclosure(FOUND), most=10)
        assert [(group.listed, group.count) for group in found.groups] == [(1, 1), (9, 30)]

    @given(st.dictionaries(st.text(max_size=3), st.integers(0, 500), max_size=12), st.integers(0, 2000))
    def test_a_limit_is_shared_so_that_no_rule_disappears(self, counts: dict[str, int], most: int) -> None:
        shares = _shares(counts, most)
        assert sum(shares.values()) == min(sum(counts.values()), most) or sum(shares.values()) <= most
        assert all(shares[code] <= counts[code] for code in counts)
        assert all(shares[code] > 0 for code in counts if counts[code]) or most < len(counts)
        if sum(counts.values()) <= most:
            assert shares == counts

    def test_a_finding_without_a_known_table_or_rule_is_shown(self, sound: Path, tmp_path: Path) -> None:
        strange = entry(code="NEW-999", table="elsewhere", field="x", key={})
        assert "NEW-999" in html_report(with_findings(sound, tmp_path / "x", [strange, entry(table=None)]), FOUND)


class TestBlinding:
    def test_a_blinded_page_does_not_depend_on_what_tells_the_arm(
        self, sound: Path, sound_page: str, unblinded_page: str, tmp_path: Path
    ) -> None:
        """Arms, drug levels and revealing fields are changed, and not a byte of the page."""
        folder = with_findings(sound, tmp_path / "other", [])
        changed = 0
        for name, table in FOUND.tables.items():
            path = folder / f"{name}.parquet"
            if not path.is_file() or table.role != "data":
                continue
            frame = pl.read_parquet(path)
            fields = [
                field
                for field in table.fields.values()
                if (table.restricted or field.blinding == "revealing") and field.name not in table.key
            ]
            for one in fields:
                given = frame[one.name].drop_nulls().reverse()
                if given.is_empty():
                    continue
                # values change place, empty cells do not
                order = frame[one.name].is_not_null().cum_sum().cast(pl.Int64) - 1
                frame = frame.with_columns(
                    pl.when(pl.col(one.name).is_not_null()).then(given.gather(order.clip(0))).alias(one.name)
                )
                changed += 1
            frame.write_parquet(path)
        for name in ("flow", "results"):
            derived = pl.read_parquet(folder / f"{name}.parquet")
            swap = {"anakinra": "placebo", "placebo": "anakinra"}
            derived.with_columns(pl.col("group").replace(swap)).write_parquet(folder / f"{name}.parquet")
        assert changed > 20
        assert html_report(folder, FOUND) == sound_page
        assert html_report(folder, FOUND, unblinded=True) != unblinded_page

    def test_only_an_unblinded_page_compares_the_arms(self, sound_page: str, unblinded_page: str) -> None:
        arm = FOUND.trial.arms[0].label
        assert arm in words(unblinded_page) and arm not in words(sound_page)
        assert "EP01" in words(unblinded_page) and "EP01" not in words(sound_page)
        assert "Unblinded report: it can reveal the arms." in words(unblinded_page)

    @pytest.mark.parametrize(
        "finding",
        [
            entry(table="labs_restricted", field="il1ra_ug_l", value="1256.7", message="1256.7 is above"),
            entry(table="randomisation", field="arm", value="placebo", message="placebo is not a code"),
            entry(code="BLND-007", table="labs_restricted", field="il1ra_ug_l", value="1256.7", message="1256.7"),
            entry(code="RAND-006", table="subjects", field="randomised", value="true", message="1256.7"),
        ],
    )
    def test_a_finding_that_can_tell_the_arm_is_counted_only(
        self, finding: dict[str, Any], sound: Path, tmp_path: Path
    ) -> None:
        finding["key"] = {"subject_id": "DK01-777"}
        folder = with_findings(sound, tmp_path / "x", [finding])
        blinded, unblinded = html_report(folder, FOUND), html_report(folder, FOUND, unblinded=True)
        assert "DK01-777" not in blinded and finding["message"] not in words(blinded)
        assert "1 finding of this rule could tell the arm and is counted only" in words(blinded)
        assert "DK01-777" in unblinded and finding["message"] in words(unblinded)

    def test_a_revealing_value_is_hidden_and_its_place_is_not(self, sound: Path, tmp_path: Path) -> None:
        finding = entry(
            code="LIST-001", table="adverse_events", field="ae_category", fields=["ae_category"],
            value="injection site", message="injection site is not one of ...",
            key={"subject_id": "DK01-777", "ae_seq": "3"},
        )  # fmt: skip
        text = words(html_report(with_findings(sound, tmp_path / "x", [finding]), FOUND))
        assert "injection site is not" not in text
        assert "DK01-777 ae_seq 3 [hidden] is not one of" in text


class TestNoValues:
    def test_no_value_and_no_subject_number_is_on_the_page(self, faulty: Path) -> None:
        page = html_report(faulty, FOUND, show_values=False)
        subjects = pl.read_parquet(faulty / "subjects.parquet")["subject_id"].cast(pl.String)
        # the schema has one as an example
        page = page.replace("subject_id=DK01-001|", "")
        assert not [subject for subject in subjects if subject in page]
        assert "978" not in words(page)
        assert 'class="plot"' not in page and "minis" not in {e.attributes.get("class") for e in parsed(page).elements}

    def test_a_patient_has_the_same_pseudonym_everywhere_and_a_site(self, sound: Path, tmp_path: Path) -> None:
        subject = str(pl.read_parquet(sound / "subjects.parquet")["subject_id"][0])
        keys = [{"subject_id": subject}, {"subject_id": pseudonym(subject)}]
        folder = with_findings(sound, tmp_path / "x", [entry(key=key) for key in keys])
        found = grouped(Submission(folder, FOUND), Disclosure(FOUND, show_values=False))
        lines = found.groups[0].parts[0].lines
        assert [line.patient for line in lines] == [pseudonym(subject)] * 2
        assert len({line.site for line in lines}) == 1 and lines[0].site

    def test_the_value_of_a_direct_identifier_is_never_shown(self, sound: Path, tmp_path: Path) -> None:
        finding = entry(table="subjects", field="birth_date", value="1950-07-31", message="1950-07-31 is odd")
        page = html_report(with_findings(sound, tmp_path / "x", [finding]), FOUND, unblinded=True)
        assert "1950-07-31" not in page


class TestHostileData:
    def test_it_stays_text(self, sound: Path, sound_page: str, tmp_path: Path) -> None:
        entries = []
        for text in HOSTILE:
            finding = entry(
                key={"subject_id": text, "visit": text}, value=text, message=text, expected=text, hint=text,
                location={"file": text, "sheet": text, "row": 1, "column": text},
            )  # fmt: skip
            entries += [finding, finding | {"table": text, "field": text}]
        folder = with_findings(sound, tmp_path / "x", entries)
        page = html_report(folder, FOUND)
        found = parsed(page)
        assert [e.name for e in found.elements if e.name in ("script", "style", "img", "iframe")] == ["style", "script"]
        assert not [name for e in found.elements for name in e.attributes if name.startswith("on")]
        odd = {char for char in page if not char.isprintable()}
        assert odd <= {char for char in sound_page if not char.isprintable()} <= {"\n", "\u202f"}
        assert len(page) < len(sound_page) + 60_000
        policy = r'content="(default-src [^"]+)"'
        assert re.findall(policy, page) == re.findall(policy, sound_page)

    def test_tables_and_names_of_files_are_text_too(self, sound: Path, tmp_path: Path) -> None:
        folder = with_findings(sound, tmp_path / "x", [])
        for name in ("ogtt", "home_glucose"):
            frame = pl.read_parquet(folder / f"{name}.parquet")
            evil = pl.lit("<script>\u202e").alias("subject_id")
            frame.head(6).with_columns(evil).write_parquet(folder / f"{name}.parquet")
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        manifest["tables"]["labs"]["source"]["file"] = manifest["package"] = "<script>\u202e"
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        page = html_report(folder, FOUND)
        assert len(parsed(page).named("script")) == 1
        assert "\u202e" not in page and "&lt;script&gt;\\u202e" in page

    @given(st.text(max_size=400))
    def test_visible_text_is_printable_and_short(self, text: str) -> None:
        shown = visible(text)
        assert shown.isprintable()
        assert len(shown) <= 300 * 6 + 30
        if text.isprintable() and len(text) <= 300:
            assert shown == " ".join(text.split())

    @pytest.mark.parametrize("content", ["", "[]", "{", '{"findings": 3}', '{"findings": [{"code": "X"}]}'])
    def test_findings_that_cannot_be_read_are_a_sentence(self, content: str, sound: Path, tmp_path: Path) -> None:
        folder = with_findings(sound, tmp_path / "x", [])
        (folder / "findings.json").write_text(content, encoding="utf-8")
        with pytest.raises(trial.InputError, match=r"findings\.json"):
            html_report(folder, FOUND)


def all_cells(folder: Path) -> dict[tuple[str, str], Cell]:
    submission = Submission(folder, FOUND)
    return {(cell.table, cell.visit): cell for cell in cells(submission, Disclosure(FOUND), Expected(submission))}


class TestCompleteness:
    def test_the_planned_values_are_those_of_the_treated(self, sound: Path) -> None:
        cell = all_cells(sound)["labs", "week4"]
        treated = pl.read_parquet(sound / "subjects.parquet").filter(pl.col("treated"))["subject_id"].to_list()
        asked = [
            name
            for name, field in FOUND.tables["labs"].fields.items()
            if name not in FOUND.tables["labs"].key
            and (field.required == "always" or (field.required == "planned" and "week4" in field.planned.visits))
        ]
        labs = pl.read_parquet(sound / "labs.parquet")
        labs = labs.filter((pl.col("visit").cast(pl.String) == "week4") & pl.col("subject_id").is_in(treated))
        assert cell.planned == len(treated) * len(asked)
        assert cell.present == sum(labs[name].is_not_null().sum() for name in asked)
        assert cell.everybody

    def test_nothing_is_missing_in_sound_data_but_what_those_who_withdrew_would_have_given(self, sound: Path) -> None:
        found = all_cells(sound)
        late = {"week13", ""}
        assert {place for place, cell in found.items() if cell.missing} <= {(t, v) for t, v in found if v in late}

    def test_a_missing_value_and_a_missing_record_count_and_a_flagged_value_is_explained(
        self, copy_of_trial: Path, tmp_path: Path, sound: Path
    ) -> None:
        before = all_cells(sound)["labs", "baseline"]

        def spoil(rows: list[dict[str, str]]) -> None:
            chosen = [row for row in rows if row["visit"] == "baseline" and row["subject_id"] in treated]
            chosen[0]["sodium_mmol_l"] = chosen[1]["potassium_mmol_l"] = ""
            flagged.append(f"subject_id={chosen[1]['subject_id']}|visit=baseline|visit_seq={chosen[1]['visit_seq']}")
            rows.remove(chosen[2])

        flagged: list[str] = []
        treated = {row["subject_id"] for row in read_rows(copy_of_trial / "subjects.csv") if row["treated"] == "true"}
        change(copy_of_trial / "labs.csv", spoil)

        def flag(rows: list[dict[str, str]]) -> None:
            place = {"table": "labs", "record_key": flagged[0], "field": "potassium_mmol_l"}
            rows.append(dict.fromkeys(rows[0], "") | place | {"result_status": "haemolysed"})

        change(copy_of_trial / "result_flags.csv", flag)
        trial.convert(copy_of_trial, out=tmp_path / "out")
        after = all_cells(tmp_path / "out")["labs", "baseline"]
        assert after.planned == before.planned
        assert after.explained == before.explained + 1
        assert after.missing > before.missing + 1
        sodium = {one.field: one for one in after.fields}["sodium_mmol_l"]
        assert sodium.planned - sodium.present == 2

    def test_restricted_tables_are_left_out_of_a_blinded_page(self, sound: Path) -> None:
        restricted = {name for name, table in FOUND.tables.items() if table.restricted}
        assert not restricted & {table for table, _ in all_cells(sound)}

    def test_a_directory_without_subjects_expects_nobody(self, sound: Path, tmp_path: Path) -> None:
        folder = with_findings(sound, tmp_path / "x", [])
        (folder / "subjects.parquet").unlink()
        found = all_cells(folder)
        assert found["labs", "week4"].planned and not found["labs", "week4"].everybody
        assert "Completeness" in html_report(folder, FOUND)


class TestDistributions:
    def test_the_box_holds_the_middle_half(self, sound: Path) -> None:
        rows = distributions(FOUND.tables["vitals"], Submission(sound, FOUND), Disclosure(FOUND), [])["weight_kg"]
        frame = pl.read_parquet(sound / "vitals.parquet")
        for row, visit in zip(rows, ("screening", "baseline", "week4", "week13"), strict=False):
            values = frame.filter(pl.col("visit").cast(pl.String) == visit)["weight_kg"].drop_nulls().to_numpy()
            assert row.n == len(values) and row.quartiles is not None and row.whiskers is not None
            assert np.allclose(row.quartiles, np.quantile(values, [0.25, 0.5, 0.75]))
            assert row.whiskers[0] <= row.quartiles[0] <= row.quartiles[2] <= row.whiskers[1]
            assert all(not row.whiskers[0] <= value <= row.whiskers[1] for value in row.beyond)

    def test_a_wrong_value_is_marked_and_does_not_stretch_the_scale(self, faulty_page: str) -> None:
        card = re.search(r'<article class="card" id="variable-vitals-weight_kg".*?</svg>', faulty_page, re.DOTALL)
        assert card is not None
        assert '<path class="flag"' in card[0]
        ticks = [int(text) for text in re.findall(r'class="middle">(\d+)<', card[0])]
        assert max(ticks) < 350
        assert "1 value with a finding" in card[0]

    def test_a_wrong_point_of_a_curve_is_marked(self, faulty_page: str) -> None:
        marked = [e for e in parsed(faulty_page).named("li") if "data-flagged" in e.attributes]
        assert len(marked) == 1
        assert "1 point with a finding" in faulty_page

    @given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
    def test_ticks_are_few_and_within_the_scale(self, low: float, width: float) -> None:
        scale = Scale(low, low + width, 0, 100)
        ticks = scale.ticks()
        assert 1 <= len(ticks) <= 6
        assert all(-1e-6 <= scale.at(tick) <= 100 + 1e-6 for tick in ticks)


def schemes() -> dict[str, dict[str, str]]:
    """Colours by scheme, read from the style sheet."""
    style = (_TEMPLATES / "report.css").read_text(encoding="utf-8")
    roots = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    light, dark, paper = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", root)) for root in roots)
    return {"light": light, "dark": light | dark, "paper": light | paper}


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


class TestColours:
    @pytest.mark.parametrize("scheme", ["light", "dark", "paper"])
    def test_text_and_pictures_have_contrast(self, scheme: str) -> None:
        colours = schemes()[scheme]
        grounds = ["page", "surface", "mark", "error-soft", "warning-soft", "sound-soft", *(f"l{n}" for n in range(6))]
        assert min(contrast(colours["text"], colours[ground]) for ground in grounds) >= 7
        for text in ("muted", "accent", "error", "warning", "sound"):
            assert min(contrast(colours[text], colours[ground]) for ground in ("page", "surface", "mark")) >= 4.5
        for state in ("error", "warning", "sound"):
            assert contrast(colours[state], colours[f"{state}-soft"]) >= 4.5
        for line in ("first", "second", "third", "error", "accent", "strong"):
            assert min(contrast(colours[line], colours[ground]) for ground in ("page", "surface", "mark")) >= 3


class TestCommand:
    def test_it_writes_the_page(self, sound: Path, sound_page: str, tmp_path: Path) -> None:
        out = tmp_path / "report.html"
        result = CliRunner().invoke(report, [str(sound), "--out", str(out)])
        assert result.exit_code == 0, result.output
        assert out.read_text(encoding="utf-8") == sound_page
        assert list(tmp_path.iterdir()) == [out]

    def test_an_unblinded_page_has_the_numbers_of_the_paper(self, sound: Path, tmp_path: Path) -> None:
        out = tmp_path / "report.html"
        result = CliRunner().invoke(report, [str(sound), "--out", str(out), "--unblinded"])
        assert "which can reveal the arms" in result.output
        rows = [e.attributes.get("class") for e in parsed(out.read_text(encoding="utf-8")).named("tr")]
        assert rows.count("printed") > 20

    @pytest.mark.parametrize("folder", ["absent", "."])
    def test_another_directory_is_a_sentence(self, folder: str, tmp_path: Path) -> None:
        result = CliRunner().invoke(report, [str(tmp_path / folder), "--out", str(tmp_path / "x.html")])
        assert result.exit_code == 2
        assert "anakinra-t2d convert" in result.output and "Traceback" not in result.output
        assert not (tmp_path / "x.html").exists()

    def test_a_file_that_cannot_be_written_is_a_sentence(self, sound: Path, tmp_path: Path) -> None:
        result = CliRunner().invoke(report, [str(sound), "--out", str(tmp_path / "no" / "x.html")])
        assert result.exit_code == 2
        assert "cannot be written" in result.output


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def pages(
    sound_page: str, sound: Path, faulty_page: str, unblinded_page: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """The page of sound data, of faulty data, of 10,000 findings, and one for the unblinded."""
    subjects = pl.read_parquet(sound / "subjects.parquet")["subject_id"].cast(pl.String).to_list()
    measured = [field for field in FOUND.tables["labs"].fields.values() if field.quantity and field.expected]
    entries = []
    for place in range(10_000):
        field = measured[place % len(measured)]
        warning = bool(place % 3)
        entries.append(
            entry(
                code="RNG-002" if warning else "RNG-001",
                severity="warning" if warning else "error",
                field=field.name,
                key={"subject_id": subjects[place % len(subjects)], "visit": "week4", "visit_seq": str(place)},
                value=str(place),
                expected=f"The value of {field.name} lies in its range.",
                message=f"{place} is outside the range",
                location={"file": "labs.csv", "sheet": None, "row": place + 2, "column": field.name},
                status="accepted" if place % 10 == 0 else "open",
            )
        )

    def make(folder: Path) -> None:
        texts = {
            "sound": sound_page,
            "faulty": faulty_page,
            "many": html_report(with_findings(sound, folder / "many", entries), FOUND),
            "unblinded": unblinded_page,
        }
        for name, text in texts.items():
            (folder / f"{name}.html").write_text(text, encoding="utf-8")

    folder = made_once(tmp_path_factory, "html_pages", make)
    return {path.stem: path for path in folder.glob("*.html")}


@pytest.mark.browser
class TestBrowser:
    @pytest.mark.parametrize("name", ["sound", "faulty", "many", "unblinded"])
    @pytest.mark.parametrize("size", [DESKTOP, PHONE])
    def test_it_opens_without_a_complaint_a_request_or_a_sideways_scroll(
        self, browser: Browser, pages: dict[str, Path], name: str, size: tuple[int, int]
    ) -> None:
        with opened(browser, pages[name], size=size) as watched:
            watched.page.evaluate("for (const one of document.querySelectorAll('details.table')) one.open = true")
            assert watched.complaints == [] and watched.requests == []
            width = watched.page.evaluate("document.documentElement.scrollWidth")
            assert width <= size[0]

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("name", ["sound", "faulty", "unblinded"])
    def test_axe_finds_nothing(self, browser: Browser, pages: dict[str, Path], name: str, scheme: Scheme) -> None:
        with opened(browser, pages[name], scheme=scheme) as watched:
            watched.page.evaluate("location.hash = 'variable-vitals-weight_kg'")
            assert watched.violations() == []

    @pytest.mark.parametrize(
        ("control", "value", "fits"),
        [
            ("site", "CH01", "CH01"),
            ("table", "ogtt", "column glucose_mmol_l"),
            ("severity", "error", ""),
            ("rule", "RNG-001", "978"),
            ("status", "open", ""),
            ("patient", "CH01-0", "CH01-0"),
            ("text", "978", "978"),
            ("text", "vitals.weight_kg", "weight_kg"),
        ],
    )
    def test_each_filter(self, browser: Browser, pages: dict[str, Path], control: str, value: str, fits: str) -> None:
        with opened(browser, pages["faulty"]) as watched:
            page = watched.page
            lines = page.locator("#rules li")
            every = [str(text) for text in lines.all_text_contents()]
            place = page.locator(f'#filters [name="{control}"]')
            if place.evaluate("e => e.tagName") == "SELECT":
                place.select_option(value)
            else:
                place.fill(value)
            page.wait_for_timeout(200)
            shown = page.evaluate(
                "[...document.querySelectorAll('#rules li')].filter(e => !e.closest('.off')).map(e => e.textContent)"
            )
            if fits:
                assert shown == [text for text in every if fits in text] != []
            assert page.inner_text("#shown") == f"{len(shown)} of {len(every)} findings."
            page.click("#filters button")
            page.wait_for_timeout(50)
            assert watched.shown("#rules li") == len(every)

    def test_status_parts_open_and_accepted(self, browser: Browser, pages: dict[str, Path]) -> None:
        with opened(browser, pages["many"]) as watched:
            watched.page.select_option('#filters [name="status"]', "accepted")
            assert watched.shown("#rules li") == 1000
            watched.page.select_option('#filters [name="status"]', "open")
            assert watched.shown("#rules li") == 9000
            watched.page.select_option('#filters [name="severity"]', "error")
            assert watched.shown("#rules li") == 3000

    def test_a_finding_leads_to_its_variable_and_back(self, browser: Browser, pages: dict[str, Path]) -> None:
        with opened(browser, pages["faulty"]) as watched:
            page = watched.page
            page.click('#rules a[href="#variable-vitals-weight_kg"]')
            card = page.locator("#variable-vitals-weight_kg")
            card.wait_for(state="visible")
            assert card.locator("dl").is_visible()
            assert page.evaluate("document.activeElement.id") == "variable-vitals-weight_kg"
            card.locator("a.found").click()
            page.wait_for_timeout(50)
            assert page.input_value('#filters [name="text"]') == "vitals.weight_kg"
            assert watched.shown("#rules li") == 1

    def test_everything_can_be_reached_by_keyboard(self, browser: Browser, pages: dict[str, Path]) -> None:
        with opened(browser, pages["faulty"]) as watched:
            page = watched.page
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
            page.keyboard.press("Enter")
            assert page.evaluate("document.activeElement.id") == "main"
            reached: set[str] = set()
            for _ in range(400):
                page.keyboard.press("Tab")
                described = "e => [e.tagName, e.name ?? '', e.getAttribute('href') ?? '', e.className].join(' ')"
                now = str(page.evaluate(f"({described})(document.activeElement)"))
                if now.startswith("SUMMARY") and not page.evaluate("document.activeElement.parentElement.open"):
                    page.keyboard.press("Enter")
                    assert page.evaluate("document.activeElement.parentElement.open")
                reached.add(now.strip())
            controls = {"INPUT text", "INPUT patient", "SELECT site", "SELECT table", "SELECT severity", "SELECT rule"}
            assert controls <= reached
            assert any(text.startswith("A  #variable-vitals-weight_kg") for text in reached)

    def test_it_says_everything_without_scripts(self, browser: Browser, pages: dict[str, Path]) -> None:
        with opened(browser, pages["faulty"], javascript=False) as watched:
            page = watched.page
            assert page.locator("#filters").is_hidden()
            assert page.locator("#rules li").first.is_visible()
            assert watched.complaints == []

    def test_paper_has_every_finding_whatever_is_closed_or_filtered(
        self, browser: Browser, pages: dict[str, Path]
    ) -> None:
        with opened(browser, pages["faulty"]) as watched:
            page = watched.page
            page.fill('#filters [name="text"]', "no such text")
            page.wait_for_timeout(200)
            page.evaluate("for (const one of document.querySelectorAll('.rule')) one.open = false")
            page.emulate_media(media="print")
            heights = page.evaluate(
                "[...document.querySelectorAll('#rules li')].map(e => e.getBoundingClientRect().height)"
            )
            assert heights and min(heights) > 0
            assert page.locator("#filters").is_hidden() and page.locator("nav").is_hidden()
            assert page.pdf().startswith(b"%PDF")

    def test_ten_thousand_findings_open_and_filter_within_a_second(
        self, browser: Browser, pages: dict[str, Path]
    ) -> None:
        with opened(browser, pages["many"]) as watched:
            page = watched.page
            assert page.inner_text("#shown") == "10,000 findings, 1,000 accepted."
            before = watched.busy()
            assert before < 1, f"{before:.2f} s to open"
            for name, value in (("site", "DK01"), ("severity", "error"), ("site", ""), ("text", "77")):
                control = page.locator(f'#filters [name="{name}"]')
                if name == "text":
                    control.fill(value)
                else:
                    control.select_option(value)
                page.wait_for_timeout(200)
                now = watched.busy()
                assert now - before < 1, f"{now - before:.2f} s to filter by {name}"
                before = now
            assert 0 < watched.shown("#rules li") < 10_000
        assert pages["many"].stat().st_size < 8_000_000
