"""Reads Parquet: every column becomes the text that a CSV file would hold."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow.parquet as pq

from anakinra_t2d.reading.arrow_columns import (
    ERRORS,
    FIRST_ROW,
    ROWS_AT_ONCE,
    batch_text,
    header_of,
    short,
    text_columns_of,
    units_of,
)
from anakinra_t2d.reading.cells import Part, TextTable
from anakinra_t2d.reading.problems import UnreadableError


class ParquetTable(TextTable):
    """A Parquet file as text cells; see ``arrow_columns.column_text`` for how values are written."""

    def _open(self) -> list[str] | None:
        try:
            with pq.ParquetFile(self.file.path) as file:
                schema = file.schema_arrow
        except ERRORS as error:
            raise UnreadableError(f"the file is not a readable Parquet file: {short(error)}") from None
        self.units = units_of(schema)
        self.text_columns = text_columns_of(schema)
        return header_of(schema)

    def _parts(self) -> Iterator[Part]:
        row = FIRST_ROW
        try:
            with pq.ParquetFile(self.file.path, page_checksum_verification=True, pre_buffer=False) as file:
                for batch in file.iter_batches(ROWS_AT_ONCE):
                    yield Part(batch_text(batch), row, odd=True)
                    row += batch.num_rows
        except ERRORS as error:
            raise UnreadableError(f"the Parquet file is damaged from row {row} on: {short(error)}") from None
