"""Excel workbooks."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

from anakinra_t2d.simulation.layouts.sent import SentFile, SentSheet

_CREATED = dt.datetime(2006, 3, 1)
_MOST_ROWS = 1_048_576
_LONGEST_NAME = 31


def write_workbook(file: SentFile, path: Path) -> None:
    """Write a workbook: texts as text cells, numbers as number cells.

    Raises:
        ValueError: a sheet has more rows than Excel takes, or a name that it does not.
    """
    import xlsxwriter
    from xlsxwriter.exceptions import XlsxWriterException

    for sheet in file.sheets:
        if len(sheet.rows) + len(sheet.title) + 2 > _MOST_ROWS:
            raise ValueError(f"{file.name}: the sheet {sheet.name} has more rows than a workbook can hold")
    book = xlsxwriter.Workbook(path)
    # the time of writing would make every copy differ
    book.set_properties({"created": _CREATED, "comments": "Synthetic data. No record describes a real person."})
    bold = book.add_format({"bold": True})
    try:
        for sheet in file.sheets:
            _write_sheet(book.add_worksheet(sheet.name[:_LONGEST_NAME]), sheet, bold)
        book.close()
    except XlsxWriterException as error:
        raise ValueError(f"{file.name}: {error}") from None


def _write_sheet(target: Any, sheet: SentSheet, bold: Any) -> None:
    head = len(sheet.title)
    for number, row in enumerate(sheet.lines):
        style = bold if number in (0, head) else None
        for column, cell in enumerate(row):
            if isinstance(cell, Decimal):
                target.write_number(number, column, float(cell), style)
            elif cell is not None:
                target.write_string(number, column, cell, style)
    target.freeze_panes(head + (1 if sheet.unit_row is None else 2), 0)
