"""Values of spreadsheet cells as text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from anakinra_t2d.reading.clock_text import duration_text, moment_text, time_text

Value = int | float | str | bool | dt.date | dt.time | dt.datetime | dt.timedelta
"""What a cell holds; an empty cell is the empty text."""

_OTHERS: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    int: str,
    dt.date: dt.date.isoformat,
    dt.datetime: moment_text,
    dt.time: time_text,
    dt.timedelta: duration_text,
}


def value_text(value: Value) -> str | None:
    """One value as text, written as in ``values_text``."""
    text: str | None = values_text([value])[0]
    return text


def values_text(values: Sequence[Value], mark: str = ".") -> pl.Series:
    """Values of a column as text; the empty text is null. ``mark`` is the decimal mark of numbers.

    Numbers in their shortest exact form, whole ones without decimals; ``true`` and ``false``; ``2004-02-29``;
    ``2004-02-29T08:30:00``; times of day and durations as ``08:30``, with seconds only where they are not zero.
    """
    kinds = set(map(type, values))
    parts = []
    if str in kinds:
        texts = values if len(kinds) == 1 else [value if type(value) is str else None for value in values]
        series = pl.Series("text", texts, dtype=pl.String)
        parts.append(series.to_frame().select(pl.when(pl.col("text") != "").then(pl.col("text"))).to_series())
    if float in kinds:
        floats = [value if type(value) is float else None for value in values]
        numbers = pl.Series("text", floats, dtype=pl.Float64).cast(pl.String).str.strip_suffix(".0")
        parts.append(numbers if mark == "." else numbers.str.replace(".", mark, literal=True))
    if kinds - {str, float}:
        others = [_OTHERS[type(value)](value) if type(value) in _OTHERS else None for value in values]
        parts.append(pl.Series("text", others, dtype=pl.String))
    if not parts:
        return pl.Series("text", [], dtype=pl.String)
    return parts[0] if len(parts) == 1 else pl.select(pl.coalesce(parts)).to_series()
