"""Columns of Arrow data as text; what Parquet, Feather and Arrow files have in common."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from anakinra_t2d.reading.problems import UnreadableError

FIRST_ROW = 2
"""Row of the first record, as if a header stood above."""
ROWS_AT_ONCE = 65_536
ERRORS = (pa.ArrowException, ValueError, TypeError, KeyError, IndexError, MemoryError)
"""What the library raises for damaged data."""


def header_of(schema: pa.Schema) -> list[str]:
    """Names of the columns. Raises UnreadableError for a column that does not hold single cells."""
    for field in schema:
        if not _has_text(field.type):
            raise UnreadableError(f"the column {field.name} holds values of the type {field.type}, not single cells")
    return list(schema.names)


def text_columns_of(schema: pa.Schema) -> frozenset[str]:
    """Names of the columns that hold text."""
    return frozenset(field.name for field in schema if _is_text(field.type))


def _is_text(kind: pa.DataType) -> bool:
    if types.is_dictionary(kind):
        return _is_text(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return _is_text(kind.storage_type)
    return _is_bytes(kind) or _is_string(kind)


def units_of(schema: pa.Schema) -> dict[str, str]:
    """Unit of every column whose metadata state one under ``unit``."""
    units = {}
    for field in schema:
        unit = (field.metadata or {}).get(b"unit")
        if unit:
            units[field.name] = unit.decode("utf-8", "replace")
    return units


def batch_text(batch: pa.RecordBatch) -> pl.DataFrame:
    """A record batch as text, columns by position. Raises UnreadableError for text that is not UTF-8."""
    columns = []
    for place, (name, column) in enumerate(zip(batch.schema.names, batch, strict=True)):
        try:
            columns.append(column_text(column).alias(f"c{place}"))
        except (UnicodeDecodeError, pa.ArrowInvalid) as error:
            raise UnreadableError(f"the column {name} cannot be written as text: {short(error)}") from None
    return pl.DataFrame(columns)


def column_text(column: pa.Array) -> pl.Series:
    """A column as text; null and the empty text are null.

    Numbers in their shortest exact form, whole ones without decimals (5.0 is ``5``); ``NaN``, ``inf``; ``true`` and
    ``false``; ``2004-02-29``; ``2004-02-29T08:30:00``, with a fraction only where it is not zero and with the offset
    where a time zone is given; ``08:30:00``. Raises pyarrow.ArrowInvalid for text that is not UTF-8.
    """
    kind = column.type
    if types.is_dictionary(kind):
        return column_text(column.dictionary_decode())
    if isinstance(kind, pa.BaseExtensionType):
        return column_text(column.storage)
    if types.is_null(kind):
        return pl.Series([None], dtype=pl.String).new_from_index(0, len(column))
    if _is_bytes(kind):
        column = column.cast(pa.large_binary()).cast(pa.large_string())  # this cast checks the UTF-8
    elif _is_string(kind):
        column.validate(full=True)
    if _is_bytes(kind) or _is_string(kind):
        text = _series(column.cast(pa.large_string()))
        return text.to_frame("text").select(pl.when(pl.col("text") != "").then(pl.col("text"))).to_series()
    if types.is_float16(kind):
        column = column.cast(pa.float32())
    if types.is_decimal(kind):
        text = _series(pc.cast(column, pa.string()))
        return text.str.replace(r"(\.\d*?)0+$", "${1}").str.strip_suffix(".")
    if types.is_timestamp(kind):
        return _timestamps(column)
    values = _series(column)
    if types.is_floating(column.type):
        return values.cast(pl.String).str.strip_suffix(".0")
    if types.is_time(kind):
        return values.dt.to_string("%H:%M:%S%.f")
    return values.cast(pl.String)


def _timestamps(column: pa.Array) -> pl.Series:
    zone = column.type.tz
    values = _series(column)
    return values.dt.to_string("%Y-%m-%dT%H:%M:%S%.f" + ("%:z" if zone else ""))


def _series(column: pa.Array) -> pl.Series:
    series = pl.from_arrow(column)
    assert isinstance(series, pl.Series)
    return series


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind))


def _is_string(kind: pa.DataType) -> bool:
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _has_text(kind: pa.DataType) -> bool:
    """Whether values of the type are single cells; lists, structs, maps and durations are not."""
    if types.is_dictionary(kind):
        return _has_text(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return _has_text(kind.storage_type)
    plain = types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    dated = types.is_date(kind) or types.is_timestamp(kind) or types.is_time(kind)
    return bool(plain or dated or _is_bytes(kind) or _is_string(kind) or types.is_null(kind))


def short(error: BaseException) -> str:
    """The first line of an error, at most 120 characters."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line if len(line) <= 120 else line[:119] + "…"
