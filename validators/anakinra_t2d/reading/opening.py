"""Opens a file of any supported format as text cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from anakinra_t2d.reading.discover import SourceFile
from anakinra_t2d.reading.options import ReadOptions

if TYPE_CHECKING:
    from anakinra_t2d.reading.cells import TextTable

BATCH_ROWS = 250_000


def open_tables(
    file: SourceFile,
    options: ReadOptions | Callable[[str | None], ReadOptions] | None = None,
    *,
    batch_rows: int = BATCH_ROWS,
) -> list[TextTable]:
    """The tables in ``file``, each to be iterated once for its batches of ``batch_rows`` records.

    Most formats hold one; a workbook has one for each sheet, a transport file one for each data set. Raises for no
    bad file: what is wrong stands in the ``problems`` of the tables, of which there is always at least one.
    ``options`` may be a function of the name of the sheet (None for a file that is one table).
    """
    options_of = options if callable(options) else _always(options or file.stated)
    options = options_of(None)
    if file.format == "parquet":
        from anakinra_t2d.reading.parquet_text import ParquetTable

        return [ParquetTable(file, options, batch_rows)]
    if file.format == "arrow":
        from anakinra_t2d.reading.arrow_text import ArrowTable

        return [ArrowTable(file, options, batch_rows)]
    if file.format == "excel":
        from anakinra_t2d.reading.excel_text import excel_tables

        return excel_tables(file, options_of, batch_rows)
    if file.format == "statistical":
        from anakinra_t2d.reading.statistical_text import statistical_tables

        return statistical_tables(file, options_of, batch_rows)
    if file.format == "dataset_json":
        from anakinra_t2d.reading.dataset_json import DatasetJsonTable

        return [DatasetJsonTable(file, options, batch_rows)]
    from anakinra_t2d.reading.csv_text import CsvTable

    return [CsvTable(file, options, batch_rows)]


def open_table(file: SourceFile, options: ReadOptions | None = None, *, batch_rows: int = BATCH_ROWS) -> TextTable:
    """The only or first table of ``file``."""
    return open_tables(file, options, batch_rows=batch_rows)[0]


def _always(options: ReadOptions) -> Callable[[str | None], ReadOptions]:
    return lambda sheet: options
