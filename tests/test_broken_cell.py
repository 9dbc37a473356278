"""One broken cell in a sound trial: a finding names its table, field and row, or the value is still legal."""

from __future__ import annotations

import csv
import datetime as dt
import math
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import anakinra_t2d as trial
from anakinra_t2d.schema import Field, Table
from conftest import Rows, read_rows, write_rows

KINDS = ["text", "sign", "times 10", "by 100", "other unit", "other code", "empty", "day", "year", "double", "orphan"]


def broken(kind: str, text: str, field: Field, number: int) -> str:
    """The cell's text after a fault; unchanged where the fault does not apply."""
    found = trial.definitions()
    if kind == "text":
        return ["abc", "n.d.", "1,5", "<0.3", "NaN", "1e400", "12 kg", "\uff11\uff12", "-", "0x10"][number % 10]
    if kind == "empty":
        return ""
    if kind == "other code" and field.codelist:
        codes = found.codelists[field.codelist].codes
        return codes[number % len(codes)]
    if kind in ("day", "year") and field.type == "date" and text:
        days = number - 50 if kind == "day" else (number - 50) * 365
        return (dt.date.fromisoformat(text) + dt.timedelta(days)).isoformat()
    if field.type in ("number", "integer") and text:
        value = float(text)
        factors = (
            [float(c.factor) for c in found.quantities[field.quantity].conversions if c.factor]
            if field.quantity
            else []
        )
        changed = {
            "sign": -value,
            "times 10": value * 10,
            "by 100": value / 100,
            "other unit": value / factors[number % len(factors)] if factors else value,
        }.get(kind, value)
        return str(int(changed)) if field.type == "integer" else repr(changed)
    return text


def is_legal(text: str, row: dict[str, str], field: Field, table: Table) -> bool:
    """Whether the definition of the field alone allows the text, judged without the package's engine."""
    if text == "":
        return may_be_empty(row, field)
    if field.codelist:
        return text in (field.terms or trial.definitions().codelists[field.codelist].codes)
    if field.type == "string":
        return field.pattern is None or re.fullmatch(field.pattern, text) is not None
    value = reading(text, field.type)
    if value is None:
        return False
    for bounds in (field.bounds, field.expected_bounds):
        low, high = bounds or (None, None)
        if (low is not None and value < low) or (high is not None and value > high):
            return False
    times = field.minutes or field.weeks
    return not (times and field.name in table.key and value not in times)


def may_be_empty(row: dict[str, str], field: Field) -> bool:
    if field.required != "planned":
        return field.required != "always"
    plan = field.planned
    at_visit = not plan.visits or row.get("visit") in plan.visits
    at_minute = not plan.minutes or int(row.get("nominal_min") or -999) in plan.minutes
    return not (at_visit and at_minute) or plan.when is not None


FORMS = {
    "number": r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?",
    "integer": r"[+-]?[0-9]+",
    "date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "boolean": r"true|false",
    "datetime": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?",
}
READERS: dict[str, Any] = {
    "number": float,
    "integer": int,
    "date": dt.date.fromisoformat,
    "boolean": str,
    "datetime": dt.datetime.fromisoformat,
}


def reading(text: str, kind: str) -> Any:
    if not re.fullmatch(FORMS[kind], text, re.ASCII):
        return None
    try:
        value = READERS[kind](text)
    except ValueError:
        return None
    return None if isinstance(value, float) and not math.isfinite(value) else value


@pytest.fixture(scope="module")
def tables(sound_trial: Path) -> dict[str, Rows]:
    return {path.stem: read_rows(path) for path in sorted(sound_trial.glob("*.csv"))}


@settings(
    max_examples=int(os.environ.get("BROKEN_CELLS", "25")),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_broken_cell_is_named(
    sound_trial: Path, tables: dict[str, Rows], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    found = trial.definitions()
    name = data.draw(st.sampled_from(sorted(name for name, rows in tables.items() if rows)), label="table")
    rows, table = [dict(row) for row in tables[name]], found.tables[name]
    position = data.draw(st.integers(0, len(rows) - 1), label="row")
    column = data.draw(st.sampled_from(sorted(table.fields)), label="field")
    kind = data.draw(st.sampled_from(KINDS), label="kind")
    number = data.draw(st.integers(0, 100), label="number")
    line, legal = position + 2, True
    if kind == "double":
        rows.append(dict(rows[position]))
        column, legal = table.key[0], False
    elif kind == "orphan":
        if "subject_id" not in table.fields or name in ("subjects", "recruitment"):
            return
        column, legal = "subject_id", False
        rows[position][column] = "DK01-999999"
    else:
        before = rows[position][column]
        rows[position][column] = broken(kind, before, table.fields[column], number)
        if rows[position][column] == before:
            return
        legal = is_legal(rows[position][column], rows[position], table.fields[column], table)

    folder = tmp_path_factory.mktemp("broken")
    try:
        for path in sound_trial.glob("*.csv"):
            if path.stem != name:
                os.link(path, folder / path.name)
        write_rows(folder / f"{name}.csv", rows)
        outcome = trial.validate(folder)
    finally:
        shutil.rmtree(folder)
    named = [
        finding
        for finding in outcome.findings
        if finding.table == name and finding.location.row == line and column in (finding.field, *finding.fields)
    ]
    assert named or legal, (rows[position], [f.message for f in outcome.findings[:5]])
    for other, counts in outcome.tables.items():
        sent = len(rows) if other == name else len(tables[other])
        assert counts.rows_read == sent == counts.rows_valid + counts.rows_rejected
        assert counts.rows_rejected <= ((2 if kind == "double" else 1) if other == name else 0), other


def test_the_oracle_agrees_with_the_sound_trial(tables: dict[str, Rows]) -> None:
    found = trial.definitions()
    flags = {(row["table"], row["record_key"], row["field"]) for row in tables["result_flags"]}
    for name, rows in tables.items():
        table = found.tables[name]
        for row in rows:
            key = "|".join(f"{part}={row[part]}" for part in table.key)
            for field, text in row.items():
                assert is_legal(text, row, table.fields[field], table) or (name, key, field) in flags, (
                    name,
                    row,
                    field,
                )


def test_csv_has_no_dialect_surprise(sound_trial: Path) -> None:
    for path in sound_trial.glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            widths = {len(row) for row in csv.reader(file, strict=True)}
        assert len(widths) == 1, path.name
