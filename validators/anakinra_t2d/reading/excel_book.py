"""An open workbook: its sheets, and what they hold beside values.

python-calamine reads the values, as it keeps the type of every cell. fastexcel loads a sheet in about three quarters of
the time, but its texts round numbers to nine decimals, write a time as 1899-12-31 08:23:00, and do not tell a typed
date from a real one; it is asked only where error cells stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from python_calamine import CalamineSheet, CalamineWorkbook, PasswordError, SheetTypeEnum

from anakinra_t2d.reading.excel_cells import Value
from anakinra_t2d.reading.excel_marks import workbook_marks
from anakinra_t2d.reading.excel_probe import MAX_CELLS as MAX_OLD_CELLS
from anakinra_t2d.reading.excel_probe import PROBED, require_loadable
from anakinra_t2d.reading.excel_safety import PASSWORD, require_workbook
from anakinra_t2d.reading.problems import UnreadableError
from anakinra_t2d.reading.sheet_marks import Cell, SheetMarks

MAX_CELLS = 50_000_000
"""Rows times columns of a sheet, from its first to its last filled cell."""
MAX_ROWS = 1_048_576
MAX_COLUMNS = 16_384
"""What spreadsheet programs can hold."""
_KEPT_CELLS = 10_000_000
_SHOWN = {
    "Div0": "#DIV/0!",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
    "GettingData": "#GETTING_DATA",
}


@dataclass(frozen=True, slots=True)
class SheetName:
    """A worksheet and its place in the workbook."""

    place: int
    name: str


class Workbook:
    """A workbook that was found safe to open. Raises UnreadableError when it cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kind = require_workbook(path)
        marks = workbook_marks(path, self.kind)
        self.epoch = marks.epoch
        self._marks = marks.sheets
        self._kept: dict[int, CalamineSheet] = {}
        self._kept_cells = 0
        self._most_cells = MAX_OLD_CELLS if self.kind in PROBED else MAX_CELLS
        if self.kind in PROBED:
            require_loadable(path)
        with as_sentences():
            self._book = CalamineWorkbook.from_path(path)
            found = self._book.sheets_metadata
        if not found:
            raise UnreadableError("the workbook is damaged: no sheet is found in it")
        self.sheets = [
            SheetName(place, sheet.name) for place, sheet in enumerate(found) if sheet.typ == SheetTypeEnum.WorkSheet
        ]

    def sheet(self, sheet: SheetName) -> CalamineSheet:
        """Load a sheet; it stays in memory until ``release`` unless it is large and others are there."""
        kept = self._kept.get(sheet.place)
        if kept is not None:
            return kept
        known = self._marks.get(sheet.name)
        if known is not None:
            _require_size(known.rows, known.columns, self._most_cells)
        elif self.kind == "xlsx":
            require_loadable(self.path)  # its list of sheets is not the one that was followed
        with as_sentences():
            loaded = self._book.get_sheet_by_index(sheet.place)
        cells = loaded.height * loaded.width
        _require_size(loaded.height, loaded.width, self._most_cells)
        if self._kept_cells == 0 or self._kept_cells + cells <= _KEPT_CELLS:
            self._kept[sheet.place] = loaded
            self._kept_cells += cells
        return loaded

    def rows(self, sheet: SheetName) -> Iterator[list[Value]]:
        """The rows of a sheet from row 1 on, each from the first to the last column that is filled in any row."""
        loaded = self.sheet(sheet)
        with as_sentences():
            yield from loaded.iter_rows()

    def release(self, sheet: SheetName) -> None:
        """Let go of a sheet that is no longer needed."""
        loaded = self._kept.pop(sheet.place, None)
        if loaded is not None:
            self._kept_cells -= loaded.height * loaded.width

    def marks(self, sheet: SheetName) -> SheetMarks:
        """What the sheet holds beside values: errors by cell, formulas without result, merged cells."""
        known = self._marks.get(sheet.name) or SheetMarks(may_have_errors=self.kind != "ods")
        loaded = self.sheet(sheet)
        merged = loaded.merged_cell_ranges
        if merged:
            known.merged = merged
        if known.may_have_errors and loaded.end is not None:
            known.errors = self._errors(sheet, loaded.end)
            known.may_have_errors = False
        return known

    def _errors(self, sheet: SheetName, end: Cell) -> dict[Cell, str]:
        """Error cells, which the library that tells dates from times gives as empty ones."""
        import fastexcel

        with as_sentences():
            loaded = fastexcel.read_excel(self.path).load_sheet(sheet.place, header_row=None, dtypes="string")
            batch, found = loaded.to_arrow_with_errors()
        if found is None:
            return {}
        # both libraries end at the last filled cell, but not always begin at the same one
        row = end[0] + 1 - batch.num_rows
        column = end[1] + 1 - batch.num_columns
        errors: dict[Cell, str] = {}
        for error in found.errors:
            name = error.detail.partition("'Error(")[2].partition(")")[0]
            if name:
                at = error.position
                errors[(row + at[0], column + at[1])] = _SHOWN.get(name, f"#{name.upper()}!")
        return errors


def _require_size(rows: int, columns: int, most_cells: int) -> None:
    if rows > MAX_ROWS or columns > MAX_COLUMNS:
        raise UnreadableError(
            f"the sheet spans {rows:,} rows and {columns:,} columns, more than any spreadsheet program can hold: "
            "the workbook is damaged"
        )
    if rows * columns > most_cells:
        raise UnreadableError(
            f"the sheet spans {rows:,} rows and {columns:,} columns; {most_cells:,} cells are the limit; "
            "clear what stands far outside the table, or save it as .csv"
        )


@contextmanager
def as_sentences() -> Iterator[None]:
    """Turn whatever a library raises for a bad workbook into UnreadableError."""
    try:
        yield
    except PasswordError:
        raise UnreadableError(PASSWORD) from None
    except BaseException as error:
        # a panic of the library is no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UnreadableError(f"the workbook is damaged: {line[:120]}") from None
