"""The definitions are complete, and every mistake in them is an error that names file and line."""

from __future__ import annotations

import csv
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from anakinra_t2d.schema import SchemaError, definitions, load
from anakinra_t2d.schema.sql import SqlProblem, columns_read
from anakinra_t2d.schema.units import unit_problem

ROOT = Path(__file__).parents[1]
FACTS = ROOT.parent / "shared" / "trial"


@pytest.fixture
def schema_copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "schema", tmp_path / "schema")
    return tmp_path


def spoil(root: Path, file: str, old: str, new: str) -> list[str]:
    """Replace text in a schema file and return the problems that loading reports."""
    path = root / "schema" / file
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{file} does not contain {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SchemaError) as caught:
        load(root)
    return caught.value.problems


def line_of(file: str, text: str) -> int:
    lines = (ROOT / "schema" / file).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("tables/vitals.yaml", "    decimals: 1", "    decimal: 1", "unknown key 'decimal'"),
        ("tables/vitals.yaml", "range: [30, 350]", "range: [350, 30]", "upside down"),
        ("tables/vitals.yaml", "expected: [60, 160]", "expected: [20, 160]", "beyond the hard range"),
        ("tables/vitals.yaml", "quantity: body_weight", "quantity: body_wieght", "did you mean 'body_weight'"),
        ("tables/vitals.yaml", "key: [subject_id", "key: [subjectid", "'subjectid', which this table does not have"),
        ("tables/ogtt.yaml", "table: stimulation_tests", "table: stimulation", "there is no table 'stimulation'"),
        ("tables/ogtt.yaml", "codelist: visit", "codelist: visits", "there is no codelist 'visits'"),
        ("tables/ogtt.yaml", "terms: [baseline, week13]", "terms: [baseline, week12]", "'week12'"),
        ("tables/eye_exam.yaml", "funduscopy_done = 'yes'", "fundoscopy_done = 'yes'", "'fundoscopy_done'"),
        ("tables/clamp.yaml", "required: conditional", "required: conditionally", "required"),
        ("tables/recruitment.yaml", "required: conditional", "required: optional", "go together"),
        ("quantities.yaml", 'unit: "mmol/L"', 'unit: "mmol/l/x"', "not a UCUM unit"),
        ("quantities.yaml", 'factor: "0.0555074"', "factor: 0.0555074", "should be a valid string"),
        ("codelists.yaml", 'code: "no"', "code: no", "should be a valid string"),
        ("trial.yaml", "days: [26, 32]", "days: [32, 26]", "upside down"),
        ("trial.yaml", "table: vitals", "table: vital", "there is no table 'vital'"),
        ("rules/structure.yaml", "code: RNG-002", "code: RNG-001", "already used"),
        ("rules/structure.yaml", "severity: warning", "severity: waring", "'error' or 'warning'"),
    ],
)
def test_a_mistake_names_file_line_and_what_is_wrong(
    schema_copy: Path, file: str, old: str, new: str, words: str
) -> None:
    problems = spoil(schema_copy, file, old, new)
    assert any(words in problem and problem.startswith(f"schema/{file}:") for problem in problems), problems


def test_the_line_is_the_line_of_the_mistake(schema_copy: Path) -> None:
    line = line_of("tables/vitals.yaml", "range: [30, 350]")
    problems = spoil(schema_copy, "tables/vitals.yaml", "range: [30, 350]", "rnage: [30, 350]")
    assert any(problem.startswith(f"schema/tables/vitals.yaml:{line}: ") for problem in problems), problems


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("title: ", "title: a\ntitle: ", "stands twice"),
        ("key: [", "key: [\x00", "control characters"),
        ("rows: ", "rows: {", "expected"),
        ("range: [30, 350]", "range: [2004-01-01, 350]", "put it in quotes"),
        ("fields:\n", "fields:\n  no:\n    label: x\n", "put it in quotes"),
    ],
)
def test_yaml_traps_are_errors(schema_copy: Path, old: str, new: str, words: str) -> None:
    problems = spoil(schema_copy, "tables/vitals.yaml", old, new)
    assert any(words in problem for problem in problems), problems


def test_missing_files_and_wrong_endings_are_errors(schema_copy: Path) -> None:
    (schema_copy / "schema/trial.yaml").unlink()
    (schema_copy / "schema/tables/vitals.yaml").rename(schema_copy / "schema/tables/vitals.yml")
    with pytest.raises(SchemaError) as caught:
        load(schema_copy)
    assert any("trial.yaml: the file is missing" in problem for problem in caught.value.problems)
    assert any("end in .yaml" in problem for problem in caught.value.problems)


@pytest.mark.skipif(not FACTS.is_dir(), reason="the folder with the facts of the trial is not here")
class TestAgainstTheFacts:
    """The schema says what the collected facts say; run where the facts are."""

    @staticmethod
    def rows(name: str) -> list[dict[str, str]]:
        with (FACTS / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def test_every_variable_has_a_column_or_a_reason(self) -> None:
        found = definitions()
        have = {field.variable for table in found.tables.values() for field in table.fields.values()}
        derived = {"eligibility_results", "endpoints_derived", "queries"}
        names = {f"{row['table']}.{row['name']}" for row in self.rows("variables.csv") if row["table"] not in derived}
        assert names - have == set(found.trial.without_column)

    def test_hard_ranges_and_units_are_those_of_the_facts(self) -> None:
        found = definitions()
        facts = {f"{row['table']}.{row['name']}": row for row in self.rows("variables.csv")}
        checked = 0
        for table in found.tables.values():
            for field in table.fields.values():
                fact = facts.get(field.variable or "")
                if not fact:
                    continue
                if fact["canonical_unit"]:
                    assert found.unit(field) == fact["canonical_unit"], field.variable
                if fact["type"] == "number" and fact["hard_min"] and field.range:
                    assert [float(x) for x in field.range] == [float(fact["hard_min"]), float(fact["hard_max"])]  # type: ignore[arg-type]
                    checked += 1
                assert field.basis == fact["basis"], field.variable
        assert checked > 100

    def test_every_conversion_and_spelling_is_there(self) -> None:
        found = definitions()
        conversions = {
            (conversion.unit, Decimal(conversion.factor).normalize() if conversion.factor else None)
            for quantity in found.quantities.values()
            for conversion in quantity.conversions
        }
        for row in self.rows("units.csv"):
            factor = row["factor"]
            number = Decimal(factor).normalize() if factor.replace(".", "").isdigit() else None
            assert (row["from_unit"], number) in conversions, row

    def test_every_check_is_a_rule(self) -> None:
        covered = {fact for rule in definitions().rules.values() for fact in rule.fact}
        assert {row["id"] for row in self.rows("consistency_rules.csv")} - covered == set()

    def test_every_criterion_is_there(self) -> None:
        ids = {row["id"] for row in self.rows("eligibility.csv")} - {"OVERALL"}
        assert {criterion.id for criterion in definitions().eligibility.criteria} == ids

    def test_every_line_of_the_schedule_is_there(self) -> None:
        assert {step.id for step in definitions().trial.schedule} == {r["sched_id"] for r in self.rows("schedule.csv")}


def test_codes_read_from_a_condition() -> None:
    assert columns_read("a = 'b c' AND NOT (d IS NULL) OR ABS(e - 1.5e3) < f + INTERVAL '7' DAY") == {
        "a",
        "d",
        "e",
        "f",
    }
    with pytest.raises(SqlProblem):
        columns_read("a = 'b")
    with pytest.raises(SqlProblem):
        columns_read("(a = 1")


UNITS = """mmol/L 10*9/L m[iU]/L mg/(24.h) mm[Hg] L2/(m[iU].mmol) % 1 {cycle} /min Cel mL/min/{1.73_m2} %{MonoS}
    ug.L/(kg.min.pmol)"""


@pytest.mark.parametrize("unit", UNITS.split())
def test_ucum_codes_are_accepted(unit: str) -> None:
    assert unit_problem(unit) is None


@pytest.mark.parametrize("unit", ["mmol/l/", "mmoll", "µmol/L", "10^9/L/", "mm Hg", "mU//L", "(mg", "", "KG", "mg dL"])
def test_other_texts_are_no_ucum_codes(unit: str) -> None:
    assert unit_problem(unit)
