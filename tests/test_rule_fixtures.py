"""Every rule on its own fixtures: it finds what ``invalid`` holds and nothing in ``valid``."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import yaml

from anakinra_t2d.across import open_relations, run_rules
from anakinra_t2d.across.calculated import PREFIX, make_recheck_relations
from anakinra_t2d.across.eligibility import make_eligibility_relations
from anakinra_t2d.across.text import as_text
from anakinra_t2d.rows.recalculated import recalculated
from anakinra_t2d.schema import Table, definitions
from anakinra_t2d.schema.rules import BuiltinRule, RowRule

FOLDER = Path(__file__).parent / "rules"
POLARS_TYPES: dict[str, Any] = {
    "string": pl.String,
    "integer": pl.Int64,
    "number": pl.Float64,
    "boolean": pl.Boolean,
    "date": pl.Date,
    "datetime": pl.Datetime("us"),
}


def codes_of_folders() -> set[str]:
    return {path.name for path in FOLDER.iterdir() if path.is_dir()} if FOLDER.is_dir() else set()


def isolated_codes() -> list[str]:
    return [code for code, rule in definitions().rules.items() if not isinstance(rule, BuiltinRule)]


def read_fixture(path: Path, table: Table) -> pl.DataFrame:
    """The CSV typed as the schema says, every field of the table present, an empty cell as null."""
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = list(csv.reader(stream))
    unknown = set(header) - set(table.fields)
    assert not unknown, f"{path}: {table.name} has no field {sorted(unknown)}"
    missing = set(table.key) - set(header)
    assert not missing, f"{path}: the key fields {sorted(missing)} are missing"
    assert all(len(row) == len(header) for row in rows), f"{path}: a row is not as long as the header"
    texts = {name: [row[index] or None for row in rows] for index, name in enumerate(header)}
    columns = []
    for name, field in table.fields.items():
        text = pl.Series(name, texts.get(name, [None] * len(rows)), dtype=pl.String)
        if field.type == "boolean":
            typed = pl.Series(name, [None if cell is None else {"true": True, "false": False}[cell] for cell in text])
            columns.append(typed.cast(pl.Boolean))
        elif field.type == "date":
            columns.append(text.str.to_date("%Y-%m-%d"))
        elif field.type == "datetime":
            times = [None if cell is None else dt.datetime.fromisoformat(cell) for cell in text]
            columns.append(pl.Series(name, times, dtype=pl.Datetime("us")))
        else:
            columns.append(text.cast(POLARS_TYPES[field.type]))
    return pl.DataFrame(columns).with_columns(_row=pl.int_range(1, len(rows) + 1, dtype=pl.Int64))


def read_folder(folder: Path) -> dict[str, pl.DataFrame]:
    tables = definitions().tables
    found = {path.stem: path for path in sorted(folder.glob("*.csv"))}
    assert found, f"{folder} holds no fixture"
    unknown = set(found) - set(tables)
    assert not unknown, f"{folder}: the schema has no table {sorted(unknown)}"
    return {name: read_fixture(path, tables[name]) for name, path in found.items()}


@dataclass
class Result:
    """What one rule says of one folder; findings as (table, key, field), sorted."""

    findings: list[tuple[str, tuple[tuple[str, str], ...], str]]
    passed: int
    not_assessed: int


@cache
def connection() -> duckdb.DuckDBPyConnection:
    """One set of empty relations for all fixtures: making them takes longer than running a rule."""
    return open_relations(definitions(), {})


@contextmanager
def relations(
    tables: dict[str, pl.DataFrame], *, eligibility: bool = False, recheck: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    con = connection()
    try:
        for name, frame in tables.items():
            con.register("_fixture", frame)
            con.execute(f'INSERT INTO "{name}" BY NAME SELECT * FROM _fixture')
        if eligibility:
            make_eligibility_relations(con, definitions().eligibility)
        if recheck:
            make_recheck_relations(con, definitions())
        yield con
    finally:
        for name in tables:
            con.execute(f'DELETE FROM "{name}"')


def run_alone(code: str, folder: Path) -> Result:
    found = definitions()
    tables = read_folder(folder)
    if code in found.row_rules:
        table, rule = found.row_rules[code]
        assert table.name in tables, f"{folder} has no {table.name}.csv, which {code} reads"
        return run_row_rule(table, rule, tables[table.name])
    findings, passed, not_assessed = [], 0, 0
    records = found.across_rules[code].records
    with relations(tables, eligibility="eligibility_" in records, recheck=PREFIX in records) as con:
        outcomes = list(run_rules(con, found, only=[code]))
    for outcome in outcomes:
        passed += outcome.passed
        not_assessed += outcome.not_assessed
        assert outcome.failed == len(outcome.violations)
        for violation in outcome.violations:
            findings.append((violation.table, tuple(sorted(violation.key.items())), violation.field or ""))
            fill(outcome.rule.message, violation.values)
    return Result(sorted(findings), passed, not_assessed)


def run_row_rule(table: Table, rule: RowRule, frame: pl.DataFrame) -> Result:
    """Both engines must give the same three-valued result for every record."""
    in_polars = frame.select(pl.sql_expr(f"({rule.assert_}) AS holds")).to_series().to_list()
    with relations({table.name: frame}) as con:
        rows = con.execute(f'SELECT ({rule.assert_}) FROM "{table.name}" ORDER BY _row').fetchall()
    in_duckdb = [holds for (holds,) in rows]
    assert in_polars == in_duckdb, f"{rule.code}: polars and DuckDB do not agree"
    findings = []
    for holds, record in zip(in_polars, frame.iter_rows(named=True), strict=True):
        if holds is False:
            key = tuple(sorted((name, as_text(record[name])) for name in table.key))
            findings.append((table.name, key, rule.field))
            fill(rule.message, record | recalculated(rule, {name: record[name] for name in rule.fields}))
    return Result(sorted(findings), in_polars.count(True), in_polars.count(None))


def fill(message: str, values: dict[str, Any]) -> str:
    """The message of a finding; a name that the record does not have fails the test."""
    try:
        return message.format(**values)
    except (KeyError, IndexError, ValueError) as error:
        pytest.fail(f"the message {message!r} cannot be filled in: {error!r}")


def test_every_isolated_rule_has_a_folder() -> None:
    assert set(isolated_codes()) - codes_of_folders() == set()


def test_every_folder_has_a_rule() -> None:
    assert codes_of_folders() - set(definitions().rules) == set()


@pytest.mark.parametrize("code", isolated_codes())
def test_fixture(code: str) -> None:
    folder = FOLDER / code
    if not folder.is_dir():
        pytest.fail(f"{code} has no folder of fixtures")
    expected = yaml.safe_load((folder / "expected.yaml").read_text(encoding="utf-8"))
    valid, invalid = run_alone(code, folder / "valid"), run_alone(code, folder / "invalid")
    assert valid.findings == []
    assert valid.passed > 0, "no record of valid/ is judged TRUE"
    wanted = [(f["table"], tuple(sorted(f["key"].items())), f.get("field") or "") for f in expected["findings"]]
    assert wanted, "expected.yaml lists no finding"
    assert invalid.findings == sorted(wanted)
    assert invalid.not_assessed == expected["not_assessed"]
