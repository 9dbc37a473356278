"""The enrolment flow: numbers of the paper from the example, what does not add up, and the pictures."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from anakinra_t2d.across import open_relations
from anakinra_t2d.derivation.eligibility import eligibility_query
from anakinra_t2d.derivation.flow import FlowRow, flow_query, flow_rows
from anakinra_t2d.report.flow_picture import WIDTH, flow_svg, flow_text
from anakinra_t2d.schema import definitions
from anakinra_t2d.schema.loading import load
from anakinra_t2d.schema.reported import FLOW
from anakinra_t2d.schema.yaml_source import SchemaError

ROOT = Path(__file__).parents[1]
FOUND = definitions()
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def example(converted_example: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = converted_example
    tables = {name: [folder / f"{name}.parquet"] for name in FOUND.tables if (folder / f"{name}.parquet").is_file()}
    con = open_relations(FOUND, tables)
    con.execute(f"CREATE TABLE trial_arms AS {FOUND.endpoints.arms}")
    yield con
    con.close()


@pytest.fixture(scope="module")
def rows(example: duckdb.DuckDBPyConnection) -> list[FlowRow]:
    return flow_rows(example, FOUND, arms=True)


def totals(rows: list[FlowRow]) -> dict[tuple[str, str], int | None]:
    return {(row.step, row.group): row.n for row in rows if row.reason is None}


def reasons(rows: list[FlowRow], step: str, group: str = "all") -> dict[str, int | None]:
    return {row.reason: row.n for row in rows if (row.step, row.group) == (step, group) and row.reason is not None}


class TestNumbers:
    def test_the_example_has_the_numbers_of_the_paper(self, rows: list[FlowRow]) -> None:
        """Rows R001 to R023 of the printed results."""
        paper = {
            ("recruited", "all"): 312,
            ("not_screened", "all"): 188,
            ("screened", "all"): 124,
            ("not_eligible", "all"): 54,
            ("randomised", "all"): 70,
            ("randomised", "anakinra"): 34,
            ("randomised", "placebo"): 36,
            ("excluded_before_dose", "placebo"): 1,
            ("treated", "anakinra"): 34,
            ("treated", "placebo"): 35,
            ("completed", "all"): 67,
            ("completed", "anakinra"): 34,
            ("completed", "placebo"): 33,
            ("clamp_consent", "anakinra"): 16,
            ("clamp_consent", "placebo"): 19,
            ("randomised", "DK01"): 31,
            ("randomised", "CH01"): 39,
        }
        found = totals(rows)
        assert {key: found[key] for key in paper} == paper
        assert (found["excluded_before_dose", "anakinra"], found["withdrawn", "anakinra"]) == (0, 0)
        assert reasons(rows, "withdrawn", "placebo") == {"adverse_event_infection": 1, "self_unblinding": 1}
        assert reasons(rows, "excluded_before_dose") == {"late_positive_mantoux": 1}

    def test_every_printed_number_of_the_flow_is_there(self, rows: list[FlowRow]) -> None:
        printed = [one for one in FOUND.reported if one.shown and one.shown.result == FLOW]
        assert len(printed) >= 17
        found = {(row.step, row.group, row.reason): row.n for row in rows}
        for one in printed:
            assert one.shown and one.shown.step
            assert found[one.shown.step, one.shown.group, one.shown.reason] == int(one.value or -1), one.id

    def test_why_screening_failed_is_judged(self, rows: list[FlowRow]) -> None:
        found = reasons(rows, "not_eligible")
        assert (found["I5"], found["E3"]) == (28, 17)
        assert sum(n or 0 for n in found.values()) > 54
        assert list(found.values()) == sorted(found.values(), key=lambda n: -(n or 0))

    def test_everything_adds_up(self, rows: list[FlowRow]) -> None:
        followed = {step.parent for step in FOUND.flow.steps if step.kind == "goes_on" and step.parent}
        for row in rows:
            is_total = row.step in followed and row.reason is None
            assert row.adds_up is (True if is_total else None), row

    def test_sites_and_arms_make_up_everybody(self, rows: list[FlowRow]) -> None:
        for step in FOUND.flow.steps:
            found = {by: sum(row.n or 0 for row in rows if (row.step, row.by, row.reason) == (step.id, by, None))
                     for by in ("all", "site", "arm")}  # fmt: skip
            assert found["site"] == found["all"]
            assert found["arm"] == (found["all"] if step.id in FOUND.flow.allocated else 0)

    def test_without_arms_nothing_reveals_them(self, example: duckdb.DuckDBPyConnection) -> None:
        query = flow_query(FOUND)
        assert "arm" not in re.findall(r"\w+", query.replace("'arm'", "")) and "trial_arms" not in query
        assert {row.by for row in flow_rows(example, FOUND)} == {"all", "site"}

    def test_eligibility_of_the_example(self, example: duckdb.DuckDBPyConnection) -> None:
        overall = f"FROM ({eligibility_query()}) WHERE criterion_id = 'OVERALL'"
        found = example.execute(f"SELECT state, investigator, COUNT(*) {overall} GROUP BY ALL ORDER BY ALL").fetchall()
        # one reaction to the skin test turned positive after randomisation
        assert found == [("eligible", "yes", 69), ("ineligible", "no", 54), ("ineligible", "yes", 1)]


def people(tables: dict[str, list[dict[str, Any]]], *, arms: dict[str, str] | None = None) -> list[FlowRow]:
    """The flow of a few people."""
    con = open_relations(FOUND, {name: [pl.DataFrame(rows)] for name, rows in tables.items()})
    con.execute("CREATE TABLE trial_arms (subject_id VARCHAR, arm VARCHAR)")
    for subject, arm in (arms or {}).items():
        con.execute("INSERT INTO trial_arms VALUES (?, ?)", [subject, arm])
    found = flow_rows(con, FOUND, arms=arms is not None)
    con.close()
    return found


def subject(number: int, **more: Any) -> dict[str, Any]:
    row = {"subject_id": f"DK01-{number:03}", "site_id": "DK01", "screening_status": "passed", "randomised": True}
    return row | {"treated": True, "completed": True, "age_yr": 50} | more


def screening(*numbers: int, **more: Any) -> list[dict[str, Any]]:
    return [{"subject_id": f"DK01-{number:03}", "screening_no": 1} | more for number in numbers]


FAILED = {"screening_status": "failed", "randomised": False, "treated": None, "completed": None}


class TestOddData:
    def test_nothing_was_sent(self) -> None:
        rows = people({})
        assert {row.n for row in rows} == {None}
        assert "not known" in flow_text(rows)
        ET.fromstring(flow_svg(rows))

    def test_a_table_that_was_not_sent_leaves_the_number_open(self) -> None:
        rows = people({"subjects": [subject(1)], "screening": screening(1)})
        found = totals(rows)
        assert (found["recruited", "all"], found["screened", "all"], found["withdrawn", "all"]) == (None, 1, None)
        assert {row.adds_up for row in rows if row.step in ("recruited", "treated")} == {None}

    def test_what_does_not_add_up_is_said(self) -> None:
        subjects = [
            subject(1),
            subject(2, completed=False),
            subject(3, randomised=False, treated=False, completed=None),
        ]
        tables = {
            "subjects": subjects,
            "screening": screening(1, 2, 3),
            "disposition": [{"subject_id": "DK01-001", "ds_seq": 1, "ds_event": "screened", "ds_reason": None}],
        }
        rows = people(tables)
        odd = {(row.step, row.group) for row in rows if row.adds_up is False}
        assert odd == {(step, group) for step in ("screened", "treated") for group in ("all", "DK01")}, totals(rows)
        text = flow_text(rows)
        assert "Screened does not add up: 3 is not 0 (Failed screening) + 2 (Randomised)." in text
        assert "(does not add up)" in text
        assert "does not add up" in flow_svg(rows)

    def test_reasons_that_cannot_be_judged(self) -> None:
        subjects = [subject(1, age_yr=19, **FAILED), subject(2, **FAILED), subject(3, age_yr=18, **FAILED)]
        tables = {"subjects": subjects, "screening": screening(1, 2) + screening(3, fever="yes")}
        rows = people(tables)
        assert reasons(rows, "not_eligible") == {"I1": 2, "E5b": 1, "not_judged": 1}
        assert totals(rows)["not_eligible", "all"] == 3
        assert "a person can have several reasons" in flow_text(rows)

    def test_the_last_screening_counts(self) -> None:
        tables = {
            "subjects": [subject(1, **FAILED)],
            "screening": screening(1, fever="yes") + screening(1, screening_no=2, fever="no", nsaid_current="yes"),
        }
        rows = people(tables)
        assert reasons(rows, "not_eligible") == {"E4b": 1}
        assert totals(rows)["screened", "all"] == 1

    def test_an_unknown_reason_is_shown_as_it_is(self) -> None:
        contact = {"contact_id": "C0001", "site_id": "DK01", "prescreen_outcome": "moved_away"}
        (row,) = [row for row in people({"recruitment": [contact]}) if row.reason and row.by == "all"]
        assert (row.reason, row.reason_label, row.n) == ("moved_away", "moved_away", 1)

    def test_a_patient_without_arm(self) -> None:
        rows = people({"subjects": [subject(1), subject(2)]}, arms={"DK01-001": "placebo"})
        assert (totals(rows)["randomised", "all"], totals(rows)["randomised", "placebo"]) == (2, 1)
        assert "Randomised: 1 of 2 have a known arm." in flow_text(rows)

    def test_leaving_before_and_after_the_first_dose(self) -> None:
        subjects = [subject(1, treated=False, completed=None), subject(2, completed=False), subject(3, completed=False)]
        events = [("DK01-001", "withdrawn", "withdrew_consent"), ("DK01-002", "died", None)]
        events += [("DK01-003", "withdrawn", None)]
        disposition = [
            {"subject_id": id, "ds_seq": 1, "ds_event": event, "ds_reason": reason} for id, event, reason in events
        ]
        rows = people({"subjects": subjects, "disposition": disposition})
        assert reasons(rows, "excluded_before_dose") == {"withdrew_consent": 1}
        assert reasons(rows, "withdrawn") == {"died": 1, "withdrawn": 1}
        assert all(row.adds_up for row in rows if row.step in ("randomised", "treated") and row.group == "all")


def boxes(text: str) -> set[str]:
    """Lines in boxes, each as label and number."""
    return {" ".join(cell.split()) for line in text.splitlines() for cell in line.split("│") if cell.strip()}


class TestPictures:
    def test_text(self, rows: list[FlowRow]) -> None:
        text = flow_text(rows)
        assert max(map(len, text.splitlines())) <= WIDTH
        assert all(line == line.rstrip() for line in text.splitlines())
        shown = ["Recruited 312", "Did not go to screening 188", "Screened 124", "Failed screening 54", "Randomised 70"]
        shown += ["Randomised 34", "Randomised 36", "Excluded before the first dose 1", "Completed 33", "Withdrawn 2"]
        shown += ["Agreed to clamp and biopsy 16", "I5 not met: HbA1c above 7.5 % 28", "Placebo once daily"]
        assert set(shown) <= boxes(text)
        order = [text.index(word) for word in ("Recruited", "Screened", "Randomised", "Received", "Completed")]
        assert order == sorted(order)

    def test_text_without_arms(self, rows: list[FlowRow]) -> None:
        text = flow_text([row for row in rows if row.by != "arm"])
        assert {"Randomised 70", "Received the study drug 69", "Withdrawn 2", "Completed 67"} <= boxes(text)
        assert "Placebo" not in text

    @pytest.mark.parametrize("arms", [1, 3, 5])
    def test_any_number_of_arms_fits(self, rows: list[FlowRow], arms: int) -> None:
        kept = [row for row in rows if row.by != "arm"]
        of_one = [row for row in rows if row.group == "placebo"]
        for place in range(arms):
            kept += [replace(row, group=f"arm{place}", group_label=f"Dose {place}") for row in of_one]
        text, picture = flow_text(kept), flow_svg(kept)
        assert max(map(len, text.splitlines())) <= WIDTH
        for place in range(arms):
            assert f"Dose {place}" in text and f"Dose {place}" in picture

    @pytest.mark.parametrize("by_arm", [True, False])
    def test_svg_shows_every_number(self, rows: list[FlowRow], by_arm: bool) -> None:
        kept = [row for row in rows if by_arm or row.by != "arm"]
        root = ET.fromstring(flow_svg(kept))
        texts = [text.text for text in root.iter(f"{SVG}text")]
        trunk = [row for row in kept if row.by == "all"]
        if by_arm:
            above = {"recruited", "not_screened", "screened", "not_eligible", "randomised"}
            trunk = [row for row in trunk if row.step in above]
            trunk += [row for row in kept if row.by == "arm"]
        numbers = [str(row.n) for row in trunk]
        assert sorted(text for text in texts if text and text.isdigit()) == sorted(numbers)

    def test_svg_can_be_read_without_seeing_it(self, rows: list[FlowRow]) -> None:
        picture = flow_svg(rows)
        root = ET.fromstring(picture)
        assert root.attrib["role"] == "img"
        named = root.attrib["aria-labelledby"].split()
        assert [root[0].attrib["id"], root[1].attrib["id"]] == named
        assert [root[0].tag, root[1].tag] == [f"{SVG}title", f"{SVG}desc"]
        words = root[1].text or ""
        assert words.startswith("Recruited 312; Did not go to screening 188 (not interested 69")
        assert "Placebo once daily: Randomised 36; Excluded before the first dose 1" in words

    def test_svg_needs_nothing_else_and_has_no_colour_of_its_own(self, rows: list[FlowRow]) -> None:
        picture = flow_svg(rows)
        root = ET.fromstring(picture)
        assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
            "svg", "title", "desc", "rect", "text", "path",
        }  # fmt: skip
        colours = {
            element.attrib[key] for element in root.iter() for key in ("fill", "stroke") if key in element.attrib
        }
        assert colours == {"currentColor"}
        assert not re.search(r"href|url\(|#[0-9a-f]{3}|<style", picture)

    def test_svg_boxes_lie_inside_and_apart(self, rows: list[FlowRow]) -> None:
        root = ET.fromstring(flow_svg(rows))
        left, top, width, height = map(float, root.attrib["viewBox"].split())
        found = [
            tuple(float(box.attrib[key]) for key in ("x", "y", "width", "height")) for box in root.iter(f"{SVG}rect")
        ]
        for place, (x, y, w, h) in enumerate(found):
            assert left <= x and x + w <= left + width and top <= y and y + h <= top + height
            for x2, y2, w2, h2 in found[place + 1 :]:
                assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y

    def test_hostile_texts_are_only_text(self, rows: list[FlowRow]) -> None:
        hostile = "</text><script>alert('1')</script> & \"\x1b[31m\x07\u202eabc"
        spoilt = [
            replace(row, label=hostile, reason_label=hostile if row.reason else None, group_label=hostile)
            for row in rows
        ]
        picture = flow_svg(spoilt)
        root = ET.fromstring(picture)
        assert not list(root.iter(f"{SVG}script")) and "<script" not in picture
        assert "alert" in "".join(root.itertext())
        for text in (picture, flow_text(spoilt)):
            assert not set(text) & {"\x1b", "\x07", "\u202e"}

    def test_long_words_stay_in_their_box(self, rows: list[FlowRow]) -> None:
        spoilt = [replace(row, label=row.label + "x" * 300) for row in rows]
        assert max(map(len, flow_text(spoilt).splitlines())) <= WIDTH

    def test_no_rows(self) -> None:
        assert flow_text([]) == ""
        ET.fromstring(flow_svg([]))


BROKEN = [
    ("parent: recruited\n    tables: [scr", "parent: recruted\n    tables: [scr", "no earlier step 'recruted'"),
    ("codelist: prescreen_outcome", "codelist: outcomes", "there is no codelist 'outcomes'"),
    ("tables: [subjects, consents]", "tables: [subjects, consent]", "there is no table 'consent'"),
    ("id: completed", "id: treated", "the step treated is there twice"),
    ("kind: part", "kind: goes_on", "the way already goes on from treated"),
    ("'to_screening'", "'to_screening", "a quote is not closed"),
]  # fmt: skip


def test_broken_references_of_the_flow_are_named_with_their_lines(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "schema", tmp_path / "schema")
    path = tmp_path / "schema" / "flow.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new, _ in BROKEN:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SchemaError) as caught:
        load(tmp_path)
    for _, _, problem in BROKEN:
        found = [line for line in caught.value.problems if problem in line]
        assert found, caught.value.problems
        assert all(re.match(r"schema/flow\.yaml:\d+: steps\.\d+", line) for line in found)
