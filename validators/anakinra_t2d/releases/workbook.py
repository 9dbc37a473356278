"""All tables as one workbook: a sheet for each table whose rows fit, and one with every column, its label and unit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

COLUMNS = "columns"
"""The sheet that describes all others; no table has this name."""
MOST_ROWS = 1_048_575
"""Records that fit below the header of a sheet."""
_LONGEST_TEXT = 32_767
_BATCH = 20_000
# the same bytes on every run
_CREATED = dt.datetime(2000, 1, 1)
_FIRST_DAY = dt.date(1900, 3, 1)
"""Spreadsheets differ on the days before it, so that these stay text."""
_FORMS = {"date": "yyyy-mm-dd", "datetime": "yyyy-mm-dd hh:mm:ss"}


@dataclass(frozen=True)
class ColumnWords:
    """A column as people read it."""

    table: str
    name: str
    label: str
    type: str
    unit: str
    codes: str
    description: str


def write_workbook(
    path: Path, title: str, tables: Mapping[str, Path], columns: Sequence[ColumnWords], scratch: Path
) -> list[str]:
    """Write ``tables`` (Parquet files by name) as a workbook; the same bytes on every run.

    Texts are written as texts, whatever they look like, so that no cell is a formula or a link. Rows are written one
    after another, so that memory does not grow with them; ``scratch`` takes them meanwhile.

    Returns:
        The tables that have more records than a sheet takes and are not in the workbook.
    """
    from xlsxwriter import Workbook

    options = {
        "constant_memory": True,
        "tmpdir": str(scratch),
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "nan_inf_to_errors": True,
    }
    left_out = []
    book = Workbook(str(path), options)
    try:
        book.set_properties({"title": title, "created": _CREATED})
        bold = book.add_format({"bold": True, "bottom": 1})
        forms = {kind: book.add_format({"num_format": form}) for kind, form in _FORMS.items()}
        _columns_sheet(book, bold, columns)
        for name, table in tables.items():
            file = pq.ParquetFile(table, pre_buffer=False)
            if file.metadata.num_rows > MOST_ROWS:
                left_out.append(name)
                continue
            units = {one.name: one.unit for one in columns if one.table == name}
            _table_sheet(book.add_worksheet(name), file, bold, forms, units)
    finally:
        book.close()
    return left_out


def _columns_sheet(book: Workbook, bold: Format, columns: Sequence[ColumnWords]) -> None:
    sheet = book.add_worksheet(COLUMNS)
    head = ("table", "column", "label", "type", "unit", "codes", "description")
    for place, (word, width) in enumerate(zip(head, (22, 26, 38, 10, 14, 40, 80), strict=True)):
        sheet.set_column(place, place, width)
        sheet.write_string(0, place, word, bold)
    sheet.freeze_panes(1, 2)
    for row, one in enumerate(columns, 1):
        cells = (one.table, one.name, one.label, one.type, one.unit, one.codes, one.description)
        for place, text in enumerate(cells):
            if text:
                sheet.write_string(row, place, text[:_LONGEST_TEXT])
    sheet.autofilter(0, 0, max(1, len(columns)), len(head) - 1)


def _table_sheet(
    sheet: Worksheet, file: pq.ParquetFile, bold: Format, forms: Mapping[str, Format], units: Mapping[str, str]
) -> None:
    names = file.schema_arrow.names
    for place, name in enumerate(names):
        sheet.set_column(place, place, max(10, min(28, len(name) + 3)))
        sheet.write_string(0, place, name, bold)
    for place, name in enumerate(names):
        if units.get(name):
            # notes of a sheet are kept in memory, one for each column
            sheet.write_comment(0, place, f"Unit: {units[name]}", {"author": "", "x_scale": 1.2, "y_scale": 0.4})
    sheet.freeze_panes(1, 1)
    row = 1
    for batch in file.iter_batches(_BATCH):
        for record in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            for place, value in enumerate(record):
                _cell(sheet, row, place, value, forms)
            row += 1
    if names:
        sheet.autofilter(0, 0, max(1, row - 1), len(names) - 1)


def _cell(sheet: Worksheet, row: int, place: int, value: Any, forms: Mapping[str, Format]) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, place, value)
    elif isinstance(value, int | float):
        sheet.write_number(row, place, value)
    elif isinstance(value, dt.datetime | dt.date):
        day = value.date() if isinstance(value, dt.datetime) else value
        if day < _FIRST_DAY:
            sheet.write_string(row, place, value.isoformat())
        else:
            sheet.write_datetime(row, place, value, forms["datetime" if isinstance(value, dt.datetime) else "date"])
    else:
        sheet.write_string(row, place, str(value)[:_LONGEST_TEXT])
