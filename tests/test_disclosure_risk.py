"""Classes of people become large enough, a person who stands out is found, and the report shows nobody's values."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import anakinra_t2d as trial
from anakinra_t2d.deidentify.classes import band_labels, coarsen, sizes
from anakinra_t2d.deidentify.rare import apply
from anakinra_t2d.deidentify.risk import RiskReport
from anakinra_t2d.schema import SchemaError, load
from anakinra_t2d.schema.deidentification import Deidentification, QuasiIdentifier, RareCodes, Step
from anakinra_t2d.schema.deidentification_references import (
    deidentification_problems,
    identifier_fields,
    person_field,
)
from anakinra_t2d.schema.yaml_source import read_yaml
from conftest import ROOT, change
from released_data import FOUND, deidentified, frame, pseudonym

RULES = FOUND.deidentification
QUASI = [one.field for one in RULES.quasi_identifiers]
UNIQUE = "CH01-001"
FILE = "schema/deidentification.yaml"


def stand_out(rows: list[dict[str, str]]) -> None:
    """The only woman of 80 years and 47.3 years of diabetes at her centre."""
    person = next(row for row in rows if row["subject_id"] == UNIQUE)
    person.update(sex="F", birth_year="1924", age_yr="80", diabetes_duration_yr="47.3", diabetes_dx_date="")


@pytest.fixture(scope="module")
def source(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of a trial in which one person stands out."""
    folder = tmp_path_factory.mktemp("risk")
    shutil.copytree(sound_trial, folder / "sent")
    change(folder / "sent/subjects.csv", stand_out)
    trial.convert(folder / "sent", out=folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def released(source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RiskReport]:
    out = tmp_path_factory.mktemp("released") / "out"
    return out, deidentified(source, out, threshold=5)


class TestAUniquePatient:
    def test_is_found_before_and_hidden_after(self, source: Path, released: tuple[Path, RiskReport]) -> None:
        folder, report = released
        subjects = frame(source, "subjects")
        alike = subjects.filter(pl.col("sex") == "F", pl.col("age_yr") >= 75, pl.col("site_id") == "CH01")
        assert alike["subject_id"].to_list() == [UNIQUE]
        assert report.before.unique > 0 and report.before.k == 1
        after = frame(folder, "subjects").filter(pl.col("subject_id") == pseudonym(UNIQUE))
        shown = [name for name in ("sex", "age_yr", "site_id", "diabetes_duration_yr") if name in after.columns]
        everybody = frame(folder, "subjects").join(after.select(shown), on=shown, how="semi", nulls_equal=True)
        assert everybody.height >= report.threshold

    def test_what_made_her_unique_is_in_no_cell(self, released: tuple[Path, RiskReport]) -> None:
        row = frame(released[0], "subjects").filter(pl.col("subject_id") == pseudonym(UNIQUE))
        texts = {str(value) for value in row.row(0)}
        assert not texts & {"80", "80.0", "47.3", "1924", "75 or over"}

    def test_nobody_is_in_a_small_class(self, released: tuple[Path, RiskReport]) -> None:
        folder, report = released
        table = quasi_table(folder)
        counts = table.group_by(table.columns).len()["len"]
        assert counts.min() == report.after.k >= report.threshold
        assert report.after.below == 0 and sorted(counts) == report.class_sizes
        assert sum(report.class_sizes) == report.people == table.height

    def test_a_higher_threshold_takes_more(
        self, source: Path, released: tuple[Path, RiskReport], tmp_path: Path
    ) -> None:
        higher = deidentified(source, tmp_path / "out", threshold=11)
        assert higher.after.k >= 11 and higher.after.classes <= released[1].after.classes
        assert [one["taken"] for one in higher.steps] >= [one["taken"] for one in released[1].steps]

    def test_more_people_wanted_than_there_are_is_said(self, source: Path, tmp_path: Path) -> None:
        report = deidentified(source, tmp_path / "out", threshold=1000)
        assert report.after.below == report.people
        assert "still in classes of fewer than 1000" in " ".join(report.text().split())
        subjects = frame(tmp_path / "out", "subjects")
        for name in ("sex", "age_yr"):
            assert name not in subjects.columns or subjects[name].null_count() == subjects.height


def quasi_table(folder: Path) -> pl.DataFrame:
    """What of the quasi-identifiers is in released tables, a row for each person."""
    person = person_field(FOUND, "subjects")
    assert person
    table = frame(folder, "subjects")
    history = frame(folder, "medical_history")
    known = [name.split(".") for name in QUASI]
    columns = [column for name, column in known if name == "subjects" and column in table.columns]
    others = [column for name, column in known if name == "medical_history" and column in history.columns]
    return table.join(history.select(person, *others), on=person, how="left").select(*columns, *others)


def test_k_is_what_pycanon_says(
    source: Path, released: tuple[Path, RiskReport], other_python: str, tmp_path: Path
) -> None:
    script = """
import sys
import pandas
from pycanon import anonymity
for path in sys.argv[1:]:
    table = pandas.read_csv(path, dtype=str, keep_default_na=False)
    print(anonymity.k_anonymity(table, list(table.columns)))
"""
    quasi_table(source).write_csv(tmp_path / "before.csv")
    quasi_table(released[0]).write_csv(tmp_path / "after.csv")
    run = subprocess.run(
        [other_python, "-c", script, str(tmp_path / "before.csv"), str(tmp_path / "after.csv")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == [str(released[1].before.k), str(released[1].after.k)]


class TestReport:
    def test_it_is_json_and_the_same_text_says_it(self, released: tuple[Path, RiskReport]) -> None:
        report = released[1]
        document = json.loads(json.dumps(report.as_dict()))
        assert document["format"] == 1 and document["threshold"] == 5
        text = " ".join(report.text().split())
        assert f"k = {report.before.k};" in text and f"k = {report.after.k};" in text
        for limit in RULES.limits:
            assert " ".join(limit.text.split()) in text
        for one in RULES.quasi_identifiers:
            assert one.why in text

    def test_no_value_of_a_person_is_in_it(self, source: Path, released: tuple[Path, RiskReport]) -> None:
        both = json.dumps(released[1].as_dict()) + released[1].text()
        identifiers = identifier_fields(FOUND)
        for name in FOUND.tables:
            if not (source / f"{name}.parquet").exists():
                continue
            rows = frame(source, name)
            for column in rows.columns:
                if f"{name}.{column}" in identifiers or rows[column].dtype == pl.Date:
                    assert not any(str(value) in both for value in rows[column].drop_nulls().unique()), column
        assert "47.3" not in both and "1924" not in both
        for row in frame(released[0], "subjects")["subject_id"]:
            assert row not in both
        for name, column in (("adverse_events", "ae_category"), ("disposition", "ds_reason")):
            counts = frame(source, name).drop_nulls(column).group_by(column).agg(pl.col("subject_id").n_unique())
            rare = set(counts.filter(pl.col("subject_id") < 5)[column]) - {"other"}
            assert rare and not any(code in both for code in rare)

    def test_it_counts_who_is_singled_out_by_measurements(self, released: tuple[Path, RiskReport]) -> None:
        measured = released[1].measured
        assert measured and measured.after.unique > 0
        assert set(measured.fields) <= {one.field for one in RULES.measured}
        assert measured.after.classes <= measured.before.classes

    def test_withheld_fields_are_listed_with_reasons_and_gone(self, released: tuple[Path, RiskReport]) -> None:
        folder, report = released
        listed = {one["field"] for one in report.withheld}
        assert {"subjects.birth_year", "adverse_events.ae_term"} <= listed
        for name in listed:
            table, column = name.split(".")
            assert column not in frame(folder, table).columns
        assert all(one["why"] for one in report.withheld)


class TestRareCodes:
    def test_rare_events_stand_together_without_their_days(
        self, source: Path, released: tuple[Path, RiskReport]
    ) -> None:
        before, after = frame(source, "adverse_events"), frame(released[0], "adverse_events")
        assert after.height == before.height
        people = before.group_by("ae_category").agg(pl.col("subject_id").n_unique())
        frequent = set(people.filter(pl.col("subject_id") >= 5)["ae_category"])
        assert set(after["ae_category"]) <= frequent | {"other"}
        joined = after.filter(pl.col("ae_category") == "other")
        assert joined.height and joined["ae_start_day"].null_count() == joined.height
        rest = after.filter(pl.col("ae_category") != "other")
        assert rest["ae_start_date"].null_count() == 0

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["nausea", "dry_cough", "calf_pain", "other", None]))),
        st.integers(2, 8),
    )
    def test_no_code_but_the_common_one_is_left_to_few(
        self, events: list[tuple[int, str | None]], threshold: int
    ) -> None:
        table = pl.DataFrame(
            [{"person ": str(person), "ae_category": code, "ae_start_day": 3} for person, code in events],
            schema={"person ": pl.String, "ae_category": pl.String, "ae_start_day": pl.Int64},
        )
        rule = RareCodes(
            field="adverse_events.ae_category", into="other", also_empty=["adverse_events.ae_start_day"], why="rare"
        )
        after, result = apply(rule, table, FOUND, threshold)
        people = after.drop_nulls("ae_category").group_by("ae_category").agg(pl.col("person ").n_unique())
        few = people.filter(pl.col("person ") < threshold)["ae_category"].to_list()
        assert set(few) <= {"other"} and result.small_cells == len(few)
        assert after.height == table.height
        assert after["ae_category"].null_count() == table["ae_category"].null_count()
        # nobody can tell which of the pooled records had which code
        for code in set(table["ae_category"].drop_nulls()) - set(after["ae_category"].drop_nulls()):
            assert code in result.hidden

    def test_a_field_of_two_answers_is_withheld_whole(self) -> None:
        table = pl.DataFrame({"person ": list("abcdef"), "tb_history": ["yes", *["no"] * 5]})
        rule = RareCodes(field="screening.tb_history", whole=True, why="known")
        assert "tb_history" not in apply(rule, table, FOUND, 3)[0].columns
        assert "tb_history" in apply(rule, table.with_columns(tb_history=pl.lit("no")), FOUND, 3)[0].columns


PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "t.age": st.integers(20, 95) | st.none(),
            "t.sex": st.sampled_from(["M", "F", None]),
            "t.site": st.sampled_from(["A", "B", "C"]),
            "t.in": st.booleans(),
        }
    ),
    min_size=1,
    max_size=60,
)
KNOWN = [
    QuasiIdentifier(field="t.site", why="lives there"),
    QuasiIdentifier(field="t.age", why="known"),
    QuasiIdentifier(field="t.sex", why="known"),
    QuasiIdentifier(field="t.in", why="known", fixed=True),
]
STEPS = [
    Step(field="t.age", operation="band", edges=[30, 40, 50, 60, 70, 80], always=True, why="tens"),
    Step(field="t.site", operation="merge", groups={"BC": ["B", "C"]}, why="near"),
    Step(field="t.site", operation="withhold", why="too near"),
    Step(field="t.age", operation="band", edges=[60], why="halves"),
]


class TestClasses:
    @settings(max_examples=200, deadline=None)
    @given(PEOPLE, st.integers(2, 15), st.sampled_from([0.0, 0.25, 0.9]))
    def test_every_class_is_large_enough_as_long_as_there_are_enough_people(
        self, people: list[dict[str, Any]], threshold: int, share: float
    ) -> None:
        schema = {"t.age": pl.Int64, "t.sex": pl.String, "t.site": pl.String, "t.in": pl.Boolean}
        table = pl.DataFrame(people, schema=schema)
        done = coarsen(
            table,
            KNOWN,
            STEPS,
            threshold=threshold,
            withheld_at_most=share,
            codes={"t.sex": ["M", "F"], "t.site": ["A", "B", "C"]},
            whole_numbers={"t.age"},
        )
        columns = done.people.columns
        assert done.people.height == table.height and done.people["t.in"].equals(table["t.in"])
        for row, size in zip(
            done.people.iter_rows(named=True), done.people.select(pl.len().over(columns)).to_series(), strict=True
        ):
            others = int((table["t.in"] == row["t.in"]).sum())
            assert size >= min(threshold, others)
            if others < threshold:
                # too few to hide among: then nothing is shown
                assert all(row[name] is None for name in columns if name != "t.in")
        assert done.after == sizes(done.people, columns, threshold)
        # what is shown is true
        for old, new in zip(table.iter_rows(named=True), done.people.iter_rows(named=True), strict=True):
            assert new["t.sex"] in (old["t.sex"], None)
            if (age := new["t.age"]) is not None:
                assert age in done.labels["t.age"] and old["t.age"] is not None and in_band(old["t.age"], age)
            if "t.site" in new and new["t.site"] is not None:
                assert old["t.site"] in ("BC" if new["t.site"] == "BC" else new["t.site"])

    @given(PEOPLE)
    @settings(max_examples=30, deadline=None)
    def test_where_all_agree_nothing_but_the_usual_is_done(self, people: list[dict[str, Any]]) -> None:
        table = pl.DataFrame([{**people[0], "t.age": 44}] * 20, schema_overrides={"t.sex": pl.String})
        done = coarsen(table, KNOWN, STEPS, threshold=11, withheld_at_most=0.25, codes={}, whole_numbers={"t.age"})
        assert [one.sizes is not None for one in done.steps] == [True, False, False, False]
        assert done.people["t.age"].to_list() == ["40 to 49"] * 20 and not done.emptied

    def test_people_without_a_value_are_no_class_of_their_own(self) -> None:
        ages = ["young"] * 8 + ["old"] * 11 + ["old"] * 20
        table = pl.DataFrame({"t.age": ages, "t.sex": ["F"] * 19 + ["M"] * 20})
        done = coarsen(table, KNOWN[1:3], [], threshold=11, withheld_at_most=0, codes={}, whole_numbers=set())
        # eight without age would be the young ones; so the others of their sex lose it too
        assert done.emptied == {"t.age": 19} and done.after.k == 19

    def test_bands_have_words(self) -> None:
        assert band_labels([50, 60, 61], whole=True) == ["under 50", "50 to 59", "60", "61 or over"]
        assert band_labels([2, 5], whole=False) == ["under 2", "2 to under 5", "5 or over"]


def in_band(age: int, label: str) -> bool:
    words = label.split()
    if words[0] == "under":
        return age < int(words[1])
    return age >= int(words[0]) and (words[1] == "or" or age <= int(words[2]))


class TestRules:
    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ("      - medications.med_name\n", "", "medications.med_name can identify a person, and has no rule"),
            ("subjects.birth_date]", "subjects.birth_day]", "there is no field 'subjects.birth_day'"),
            ("table: lineage", "table: linage", "there is no table 'linage'"),
            ("person: subjects.subject_id", "person: subjects.sex", "is none of the identifiers"),
            ("[subjects.first_dose_date,", "[subjects.age_yr,", "comes from a date"),
            ("quantity: days", "quantity: day", "there is no quantity 'day'"),
            ("days: [36525, 73049]", "days: [0, 10]", "above 0"),
            ("prefix: C,", "prefix: P,", "is used 2 times"),
            ("field: medical_history.smoking_status\n", "field: vitals.height_cm\n", "one record for each person"),
            ("edges: [50, 60, 70]", "edges: [60, 50]", "the edges rise"),
            ("operation: band\n    edges: [40", "operation: merge\n    edges: [40", "band has edges"),
            ("not_current: [never, former]", "not_current: [never, once]", "there is no code 'once'"),
            ("not_current: [never, former]", "current: [never, former]", "has the name of a code that stays"),
            ("into: other\n    also", "into: others\n    also", "there is no code 'others'"),
            ("criteria: [X2, X3]", "criteria: [I1, X3]", "no criterion 'I1' after randomisation"),
            ("adverse_events.ae_end_day\n", "disposition.ds_study_day\n", "is in another table"),
            ("withheld_at_most: 0.25", "withheld_at_most: 1.5", "less than 1"),
        ],
    )
    def test_a_mistake_names_line_and_what_is_wrong(self, tmp_path: Path, old: str, new: str, words: str) -> None:
        text = (ROOT / FILE).read_text(encoding="utf-8")
        assert old in text
        problems = problems_of(text.replace(old, new, 1), tmp_path)
        assert any(words in one for one in problems), problems

    def test_the_definitions_are_refused_with_the_line(self, tmp_path: Path) -> None:
        shutil.copytree(ROOT / "schema", tmp_path / "schema")
        lines = (ROOT / FILE).read_text(encoding="utf-8").splitlines()
        number = next(place for place, line in enumerate(lines) if "table: lineage" in line)
        lines[number] = lines[number].replace("lineage", "linage")
        (tmp_path / FILE).write_text("\n".join(lines), encoding="utf-8")
        with pytest.raises(SchemaError) as caught:
            load(tmp_path)
        assert f"{FILE}:{number + 1}: left_out.0.table: there is no table 'linage'" in caught.value.problems

    def test_a_new_field_that_can_name_people_needs_a_rule(self) -> None:
        vitals = FOUND.tables["vitals"]
        remark = vitals.fields["visit"].model_copy(update={"codelist": None, "terms": []})
        remark._name = "remark"
        spoiled = vitals.model_copy(update={"fields": {**vitals.fields, "remark": remark}})
        found = dataclasses.replace(FOUND, tables={**FOUND.tables, "vitals": spoiled})
        (problem,) = deidentification_problems(found)
        assert "vitals.remark can identify a person, and has no rule" in problem

    def test_every_number_of_a_person_is_a_pseudonym(self) -> None:
        identifiers = identifier_fields(FOUND)
        for table in FOUND.tables.values():
            for name in table.fields:
                if name == "subject_id":
                    assert identifiers[f"{table.name}.{name}"].field == RULES.person


def problems_of(text: str, folder: Path) -> list[str]:
    """What is wrong with a text of the rules."""
    (folder / "rules.yaml").write_text(text, encoding="utf-8")
    read = read_yaml(folder / "rules.yaml", FILE)
    try:
        rules = Deidentification.model_validate_json(json.dumps(read.data), strict=True)
    except ValidationError as error:
        return [one["msg"] for one in error.errors()]
    return deidentification_problems(
        dataclasses.replace(FOUND, deidentification=rules, sources={**FOUND.sources, FILE: read})
    )
