"""Writes one table as Parquet in row groups of a fixed size, so that equal input gives equal bytes."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from anakinra_t2d.forms.arrow import arrow_schema
from anakinra_t2d.schema import Definitions, Table

ROW_GROUP = 250_000


class ParquetTable:
    """A Parquet file of one table; ``write`` takes typed frames of any height, in order."""

    def __init__(self, path: Path, table: Table, found: Definitions, metadata: Mapping[str, str]) -> None:
        self.rows = 0
        schema = arrow_schema(table, found)
        merged = {**(schema.metadata or {}), **{k.encode(): v.encode() for k, v in metadata.items()}}
        self._schema = schema.with_metadata(merged)
        self._terms = {name: found.terms(field) for name, field in table.fields.items()}
        self._pending: list[pl.DataFrame] = []
        self._pending_rows = 0
        # compressing one row group while the next one is read and checked
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="parquet")
        self._writing: Future[None] | None = None
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd", compression_level=1)

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows; complete row groups are written at once."""
        self._pending.append(frame)
        self._pending_rows += frame.height
        if self._pending_rows >= ROW_GROUP:
            waiting = pl.concat(self._pending)
            whole = waiting.height - waiting.height % ROW_GROUP
            for start in range(0, whole, ROW_GROUP):
                self._submit(waiting.slice(start, ROW_GROUP))
            self._pending = [waiting.slice(whole)]
            self._pending_rows = waiting.height - whole

    def note(self, key: str, value: str) -> None:
        """Add a file property that is known only after the rows, such as the hash of their source."""
        self._writer.add_key_value_metadata({key: value})

    def _submit(self, group: pl.DataFrame) -> None:
        """Hand a row group to the writing thread; wait while another one is still being written."""
        if self._writing is not None:
            self._writing.result()
        self._writing = self._thread.submit(self._write_group, group)

    def _write_group(self, frame: pl.DataFrame) -> None:
        arrays = [self._array(frame[field.name], field) for field in self._schema]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema), row_group_size=ROW_GROUP)
        self.rows += frame.height

    def _array(self, column: pl.Series, field: pa.Field) -> pa.Array:
        terms = self._terms[field.name]
        if terms is None:
            array = column.to_arrow(compat_level=pl.CompatLevel.oldest())
            return array if array.type == field.type else array.cast(field.type)
        codes = column.cast(pl.Enum(terms)).to_physical().cast(pl.Int8 if len(terms) < 128 else pl.Int16)
        indices = codes.to_arrow().cast(field.type.index_type)
        return pa.DictionaryArray.from_arrays(indices, pa.array(terms, pa.string()))

    def close(self) -> None:
        """Write what is left and the file's footer."""
        rest = pl.concat(self._pending) if self._pending else None
        self._pending = []
        if rest is not None and rest.height:
            self._submit(rest)
        try:
            if self._writing is not None:
                self._writing.result()
        finally:
            self._thread.shutdown()
            self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._thread.shutdown(cancel_futures=True)
            self._writer.close()
