"""From columns of numbers and codes to frames and files with the columns of the schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from anakinra_t2d.schema import definitions
from anakinra_t2d.schema.tables import Field
from anakinra_t2d.simulation.calendar import NONE

Columns = Mapping[str, Any]

DATETIME = "%Y-%m-%dT%H:%M:%S"


def pick(levels: Sequence[str] | np.ndarray[Any, Any], codes: np.ndarray[Any, Any]) -> pl.Series:
    """Texts by their position; much cheaper than text arrays for long tables."""
    series = pl.Series(np.asarray(levels).tolist(), dtype=pl.String)
    return series.gather(pl.Series(np.asarray(codes, dtype=np.uint32)))


def frame(table: str, columns: Columns) -> pl.DataFrame:
    """A typed frame with all columns of a table in their order.

    Args:
        columns: arrays or series; dates are days since 1970 and date times seconds, both with NONE for missing;
            NaN, None and empty text are missing. A text for a whole column is repeated.
    """
    fields = definitions().tables[table].fields
    unknown = set(columns) - set(fields)
    if unknown:
        raise KeyError(f"{table} has no column {', '.join(sorted(unknown))}")
    rows = max(len(values) for values in columns.values() if not isinstance(values, (str, bool)))
    return pl.DataFrame([_series(field, columns.get(name), rows) for name, field in fields.items()])


def _series(field: Field, values: Any, rows: int) -> pl.Series:
    name = field.name
    dtype = {"string": pl.String, "integer": pl.Int64, "number": pl.Float64, "boolean": pl.Boolean}.get(field.type)
    if values is None:
        empty = dtype or (pl.Date() if field.type == "date" else pl.Datetime("us"))
        return pl.repeat(None, rows, dtype=empty, eager=True).alias(name)
    if isinstance(values, (str, bool)):
        return pl.repeat(None if values == "" else values, rows, dtype=dtype, eager=True).alias(name)
    series = values if isinstance(values, pl.Series) else pl.Series(_plain(values, field))
    series = series.alias(name)
    if field.type == "string":
        return series.cast(pl.String).replace("", None)
    if field.type == "boolean":
        return series.cast(pl.Boolean)
    if field.type in ("date", "datetime"):
        whole = series.cast(pl.Int64)
        whole = whole.set(whole == int(NONE), None)
        return (
            whole.cast(pl.Int32).cast(pl.Date) if field.type == "date" else (whole * 1_000_000).cast(pl.Datetime("us"))
        )
    number = series.cast(pl.Float64).fill_nan(None)
    if field.type == "integer":
        return number.round().cast(pl.Int64)
    return number.round(field.decimals if field.decimals is not None else 3) + 0.0


def _plain(values: Any, field: Field) -> Any:
    array = np.asarray(values)
    return array.tolist() if field.type == "string" or array.dtype == object else array


def as_text(table: str, data: pl.DataFrame) -> pl.DataFrame:
    """The frame with every number as text with the decimals of its field."""
    fields = definitions().tables[table].fields
    numbers = {name: field.decimals for name, field in fields.items() if field.type == "number"}
    shown = [
        pl.col(name).cast(pl.Decimal(38, decimals if decimals is not None else 3)) for name, decimals in numbers.items()
    ]
    return data.with_columns(shown)


def write_table(out: Path, table: str, data: pl.DataFrame) -> int:
    """Write `<table>.csv`: UTF-8, comma, LF, empty for missing. Returns the number of rows."""
    as_text(table, data).write_csv(out / f"{table}.csv", datetime_format=DATETIME, line_terminator="\n")
    return data.height


README = """Synthetic data
==============

These files are the output of a program. No record describes a real person.

They imitate the trial NCT00303394 (anakinra against placebo in type 2 diabetes): its flow, its schedule and the group
statistics that its report prints. Single values are drawn at random and mean nothing.

One file for each table, with the columns of the schema: UTF-8, comma separated, the first line is the header, empty
cells are missing values, dates are written as YYYY-MM-DD.
"""


def write_readme(out: Path) -> None:
    """Write README.txt, which says that the data are synthetic."""
    (out / "README.txt").write_text(README, encoding="utf-8", newline="\n")
