"""Reads Parquet: every column becomes the text that a CSV file would hold."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import types

from anakinra_t2d.reading.cells import Part, TextTable
from anakinra_t2d.reading.problems import UnreadableError

_ROWS = 65_536
_FIRST_ROW = 2
_ERRORS = (pa.ArrowException, ValueError, TypeError, KeyError, MemoryError)


class ParquetTable(TextTable):
    """A Parquet file as text cells; see ``column_text`` for how values are written."""

    def _open(self) -> list[str] | None:
        try:
            with pq.ParquetFile(self.file.path) as file:
                schema = file.schema_arrow
        except _ERRORS as error:
            raise UnreadableError(f"the file is not a readable Parquet file: {_short(error)}") from None
        for field in schema:
            if not _has_text(field.type):
                raise UnreadableError(
                    f"the column {field.name} holds values of the type {field.type}, not single cells"
                )
        return list(schema.names)

    def _parts(self) -> Iterator[Part]:
        row = _FIRST_ROW
        try:
            with pq.ParquetFile(self.file.path, page_checksum_verification=True) as file:
                for batch in file.iter_batches(_ROWS):
                    columns = [self._text(name, column) for name, column in zip(self.header, batch, strict=True)]
                    frame = pl.DataFrame([column.alias(f"c{place}") for place, column in enumerate(columns)])
                    yield Part(frame, row, odd=True)
                    row += batch.num_rows
        except _ERRORS as error:
            raise UnreadableError(f"the Parquet file is damaged from row {row} on: {_short(error)}") from None

    def _text(self, name: str, column: pa.Array) -> pl.Series:
        try:
            return column_text(column)
        except (UnicodeDecodeError, pa.ArrowInvalid) as error:
            raise UnreadableError(f"the column {name} cannot be written as text: {_short(error)}") from None


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


def _short(error: BaseException) -> str:
    """The first line of an error, at most 120 characters."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line if len(line) <= 120 else line[:119] + "…"
