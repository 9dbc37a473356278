"""Opens a file of any supported format as text cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anakinra_t2d.reading.discover import SourceFile

if TYPE_CHECKING:
    from anakinra_t2d.reading.cells import TextTable


def open_table(file: SourceFile, *, batch_rows: int = 250_000) -> TextTable:
    """The table of ``file``, to be iterated once for its batches of ``batch_rows`` records; raises for no bad file."""
    if file.format == "parquet":
        from anakinra_t2d.reading.parquet_text import ParquetTable

        return ParquetTable(file, batch_rows)
    from anakinra_t2d.reading.csv_text import CsvTable

    return CsvTable(file, batch_rows)
