"""Every row check says the same in polars and in DuckDB: TRUE, FALSE or NULL, on values chosen to be awkward."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import duckdb
import polars as pl
import pytest

import anakinra_t2d as trial
from anakinra_t2d.harmonise.typing import CellTyper
from anakinra_t2d.rows.checks import row_checks
from anakinra_t2d.rows.verdicts import RowChecker
from anakinra_t2d.schema import Field

ROWS = 400


def values(field: Field, dice: random.Random) -> list[Any]:
    """Values at, near and far from the limits of a field, its codes, and empty cells."""
    found = trial.definitions()
    if field.type == "boolean":
        pool: list[Any] = [True, False]
    elif field.type == "string":
        pool = found.terms(field) or [
            "",
            "DK01-001",
            "CH01-002",
            "a'b",
            "07:30",
            "24:00",
            "C07AB02",
            "other",
            "insulin",
        ]
    else:
        bounds = [b for pair in (field.bounds, field.expected_bounds) for b in pair or () if b is not None]
        bounds += field.minutes + field.weeks
        if field.type == "date":
            near: list[Any] = [*bounds, dt.date(2004, 5, 3)]
            pool = [day + dt.timedelta(days) for day in near for days in (-8, -7, -1, 0, 1, 7, 8)]
        elif field.type == "datetime":
            pool = [dt.datetime(2004, 5, 3, hour, minute) for hour in (0, 7, 23) for minute in (0, 59)]
        else:
            near = [*bounds, 0, 1, 3, 75]
            steps = [-1, 0, 1] if field.type == "integer" else [-1.0, -1e-9, 0.0, 0.05, 1e-9, 1.0]
            pool = [value + step for value in near for step in steps]
            pool = [int(value) for value in pool] if field.type == "integer" else [float(value) for value in pool]
    return [None if dice.random() < 0.2 else dice.choice(pool) for _ in range(ROWS)]


@pytest.mark.parametrize("name", list(trial.definitions().tables))
def test_row_checks_agree(name: str) -> None:
    found = trial.definitions()
    table = found.tables[name]
    checks = row_checks(table, found)
    dice = random.Random(name)
    frame = pl.DataFrame(
        {field.name: values(field, dice) for field in table.fields.values()}, schema=CellTyper(table, found).schema()
    )
    verdicts = RowChecker(checks)(frame)
    with duckdb.connect() as con:
        con.register("frame", frame.to_arrow())
        columns = ", ".join(f'({check.sql}) AS "{i}"' for i, check in enumerate(checks))
        rows = con.execute(f"SELECT {columns} FROM frame").fetchall()
    for i, check in enumerate(checks):
        polars, sql = verdicts.frame[str(i)].to_list(), [row[i] for row in rows]
        assert polars == sql, (check.rule.code, check.sql)
        count = verdicts.count(i)
        assert (count.passed, count.failed, count.not_assessed) == (sql.count(True), sql.count(False), sql.count(None))
