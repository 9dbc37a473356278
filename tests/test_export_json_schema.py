"""JSON Schemas of the tables: what they accept, what they refuse, and what they say they cannot hold."""

from __future__ import annotations

import collections
import csv
import datetime as dt
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import anakinra_t2d as trial
from anakinra_t2d.cli.export.json_schema import json_schema as command
from anakinra_t2d.forms.json_conditions import never_false
from anakinra_t2d.forms.json_schema import NOT_HELD, json_schema, json_schema_files, rules_held, rules_not_held
from anakinra_t2d.forms.row_conditions import CannotExpress, excused_requirements, row_conditions
from anakinra_t2d.rows.checks import row_checks
from conftest import read_rows, write_rows
from test_rule_fixtures import FOLDER, read_fixture

FOUND = trial.definitions()
SCHEMAS = {name: json_schema(name, FOUND) for name in FOUND.tables}
KEYWORDS = {
    "KEY-002": {"required", "type"},
    "REQ-001": {"required", "type"},
    "LIST-001": {"enum"},
    "PAT-001": {"pattern"},
    "RNG-001": {"minimum", "maximum"},
}


def records(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them: dates as text, an empty cell as null."""
    return [
        {name: value.isoformat() if isinstance(value, dt.date) else value for name, value in row.items()}
        for row in frame.iter_rows(named=True)
    ]


def refusals(table: str, record: dict[str, Any]) -> set[tuple[str, str]]:
    """What the schema refuses: the title of a part of ``allOf`` with no field, or a keyword with its field."""
    found = set()
    for error in Draft202012Validator(SCHEMAS[table]).iter_errors(record):
        path = list(error.absolute_schema_path)
        if path[0] == "allOf":
            found.add((SCHEMAS[table]["allOf"][path[1]]["title"], ""))
        elif error.validator == "required":
            found |= {("required", name) for name in SCHEMAS[table]["required"] if name not in record}
        else:
            found.add((str(error.validator), str(error.absolute_path[0])))
    return found


def test_every_schema_is_a_schema() -> None:
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", list(FOUND.tables))
def test_every_record_of_a_sound_trial_is_valid(name: str, converted_trial: Path) -> None:
    path = converted_trial / f"{name}.parquet"
    if not path.is_file():
        pytest.skip(f"{name} was not sent")
    validator = Draft202012Validator(SCHEMAS[name])
    for record in records(pl.read_parquet(path).head(400)):
        validator.validate(record)
        validator.validate({key: value for key, value in record.items() if value is not None})


def test_a_record_in_which_a_flag_explains_an_empty_cell_is_valid(sound_trial: Path, tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    sent.mkdir()
    rows = read_rows(sound_trial / "clamp.csv")
    rows[0]["ss_insulin_pmol_l"] = "< 12"
    write_rows(sent / "clamp.csv", rows)
    trial.convert(sent, out=tmp_path / "out")
    assert pl.read_parquet(tmp_path / "out" / "result_flags.parquet").height == 1
    assert pl.read_parquet(tmp_path / "out" / "clamp.parquet")["ss_insulin_pmol_l"].null_count() == 1
    for record in records(pl.read_parquet(tmp_path / "out" / "clamp.parquet")):
        assert refusals("clamp", record) == set()


@pytest.mark.parametrize("code", sorted(rules_held(FOUND)))
def test_the_row_of_a_fixture_is_refused_and_the_rule_named(code: str) -> None:
    expected = yaml.safe_load((FOLDER / code / "expected.yaml").read_text(encoding="utf-8"))
    for finding in expected["findings"]:
        table, field = FOUND.tables[finding["table"]], finding["field"]
        bad = find_record(code, "invalid", table.name, finding)
        found = refusals(table.name, bad)
        if code in KEYWORDS:
            assert {(keyword, field) for keyword in KEYWORDS[code]} & found
        else:
            assert ({(code, ""), (f"{code} {field}", "")}) & found


@pytest.mark.parametrize("code", sorted(rules_held(FOUND) & set(FOUND.row_rules)))
def test_the_rows_that_a_rule_accepts_are_not_refused_by_it(code: str) -> None:
    table, _ = FOUND.row_rules[code]
    rows = records(read_fixture(FOLDER / code / "valid" / f"{table.name}.csv", table).drop("_row"))
    assert rows
    for row in rows:
        assert (code, "") not in refusals(table.name, row)


def find_record(code: str, folder: str, name: str, finding: dict[str, Any]) -> dict[str, Any]:
    """The record of a finding, cells typed; a cell that is no code stays as it was sent."""
    table = FOUND.tables[name]
    frame = read_fixture(FOLDER / code / folder / f"{name}.csv", table).drop("_row")
    key = {part: value or None for part, value in finding["key"].items()}
    matching = [
        row
        for row in records(frame)
        if all((None if row[part] is None else str(row[part])) == value for part, value in key.items())
    ]
    assert matching, f"no record {key} in {code}"
    return matching[0]


# ------------------------------------------------------------------------------------------------ what is not held


def test_every_rule_is_held_or_listed_with_its_reason() -> None:
    listed = {one.code for one in rules_not_held(FOUND)}
    assert rules_held(FOUND) | listed == set(FOUND.rules)
    assert all(one.reason for one in rules_not_held(FOUND))


def test_as_many_rules_are_held_as_before() -> None:
    kinds = collections.Counter(one.kind for one in rules_not_held(FOUND))
    assert len(rules_held(FOUND)) == 43
    assert kinds["engine"] == 30
    assert kinds["flags"] == 48
    errors = {code for code, (_, rule) in FOUND.row_rules.items() if rule.severity == "error"}
    assert len(errors & rules_held(FOUND)) == 37
    assert {one.reason for one in rules_not_held(FOUND) if one.kind == "engine"} == {
        "it compares two fields",
        "it calculates with fields",
        "JSON Schema does not say which date comes first",
        "JSON Schema has no StartsWith",
    }


def test_the_conditions_are_those_that_the_converter_checks() -> None:
    """But for requirements that a flag may excuse, and for presence, which is a matter of types and keys."""
    for table in FOUND.tables.values():
        excused = {field.name for field in excused_requirements(table)}
        checked = {
            (check.rule.code, check.field, check.sql)
            for check in row_checks(table, FOUND)
            if check.is_error and check.rule.code not in ("KEY-002", "REQ-001")
            if not (check.rule.code == "REQ-002" and check.field in excused)
        }
        assert {(one.code, one.field, one.sql) for one in row_conditions(table)} == checked


# -------------------------------------------------------------------------------- the same answer as SQL, three values

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "dose_taken": st.sampled_from([None, "yes", "no", "partial"]),
    "missed_reason": st.sampled_from([None, "forgot", "hospital_stay"]),
    "dose_mg": st.sampled_from([None, 0.0, 1.5, 100.0]),
    "dose_time": st.sampled_from([None, "07:30", "insulin", "x\ny"]),
}
ATOMS = [
    "dose_taken = 'yes'", "dose_taken <> 'no'", "dose_taken IN ('yes', 'partial')", "dose_taken NOT IN ('no')",
    "dose_mg >= 1.5", "dose_mg < 100", "dose_mg BETWEEN 1 AND 50", "ABS(dose_mg - 1) <= 0.5", "dose_mg IS NULL",
    "missed_reason IS NOT NULL", "dose_time LIKE 'ins%'", "dose_time LIKE 'x_y'", "dose_time NOT LIKE '%7%'",
    "COALESCE(dose_taken = 'yes', FALSE)", "COALESCE(dose_mg > 1, TRUE)", "TRUE", "dose_mg = -1",
    "CASE dose_taken WHEN 'yes' THEN dose_mg > 1 WHEN 'no' THEN dose_mg IS NULL END",
    "CASE WHEN dose_mg > 1 THEN dose_taken = 'yes' ELSE missed_reason = 'forgot' END",
]  # fmt: skip
CONDITIONS = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: (
        inner.map(lambda one: f"NOT ({one})")
        | st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda three: "(({}) {} ({}))".format(*three))
    ),
    max_leaves=5,
)


@given(CONDITIONS, st.fixed_dictionaries(VALUES), st.booleans())
def test_a_condition_says_the_same_as_in_polars(condition: str, record: dict[str, Any], left_out: bool) -> None:
    frame = pl.DataFrame([record], schema={"dose_taken": pl.String, "missed_reason": pl.String, "dose_mg": pl.Float64,
                                           "dose_time": pl.String})  # fmt: skip
    in_sql = frame.select(pl.sql_expr(f"({condition}) AS holds")).item()
    schema = never_false(condition, FOUND.tables["exposure"])
    shown = {key: value for key, value in record.items() if value is not None} if left_out else record
    assert Draft202012Validator(schema).is_valid(shown) == (in_sql is not False)


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("dose_mg < dose_taken", "compares two fields"),
        ("dose_mg * 2 < 3", "calculates with fields"),
        ("dose_date > DATE '2004-01-01'", "which date comes first"),
        ("dose_taken < 'a'", "which string comes first"),
        ("LENGTH(dose_taken) = 3", "calculates"),
    ],
)
def test_what_cannot_be_stated_says_why(condition: str, reason: str) -> None:
    with pytest.raises(CannotExpress, match=reason):
        never_false(condition, FOUND.tables["exposure"])


# -------------------------------------------------------------------------------------------------------- the command


def test_the_command_writes_a_schema_for_each_table(tmp_path: Path) -> None:
    out = tmp_path / "schemas"
    done = CliRunner().invoke(command, ["--out", str(out)])
    assert done.exit_code == 0, done.output
    assert {path.name for path in out.iterdir()} == {*(f"{name}.schema.json" for name in FOUND.tables), NOT_HELD}
    labs = json.loads((out / "labs.schema.json").read_text(encoding="utf-8"))
    assert labs["properties"]["hba1c_pct"]["x-unit"] == "%"
    assert labs["x-primaryKey"] == ["subject_id", "visit", "visit_seq"]
    rows = list(csv.DictReader(io.StringIO((out / NOT_HELD).read_text(encoding="utf-8"))))
    assert [row["code"] for row in rows] == [one.code for one in rules_not_held(FOUND)]


def test_the_archive_holds_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        assert CliRunner().invoke(command, ["--out", str(tmp_path / name)]).exit_code == 0
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == json_schema_files(FOUND)


def test_what_exists_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    done = CliRunner().invoke(command, ["--out", str(tmp_path / "there")])
    assert done.exit_code == 2
    assert "already exists" in done.output
