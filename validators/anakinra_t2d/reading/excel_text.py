"""Reads workbooks (.xlsx, .xlsm, .xlsb, .xls, .ods): one table for every worksheet, hidden ones too.

Values come as they are stored; formulas are never calculated. A sheet without any value is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import polars as pl

from anakinra_t2d.reading.cells import Part, TextTable
from anakinra_t2d.reading.discover import SourceFile
from anakinra_t2d.reading.excel_book import SheetName, Workbook
from anakinra_t2d.reading.excel_cells import Value, values_text
from anakinra_t2d.reading.excel_marks import EPOCH_1900, column_letters
from anakinra_t2d.reading.header_row import LOOKED_AT, find_header, is_blank
from anakinra_t2d.reading.options import ReadOptions
from anakinra_t2d.reading.problems import UnreadableError
from anakinra_t2d.reading.sheet_marks import Cell, SheetMarks

_CELLS_AT_ONCE = 1_000_000


def excel_tables(file: SourceFile, options_of: Callable[[str | None], ReadOptions], batch_rows: int) -> list[TextTable]:
    """A table for every worksheet that holds something, at least one; charts and macros are no tables.

    ``options_of`` gives the options for the name of a sheet.
    """
    options = options_of(None)
    try:
        if file.path.stat().st_size == 0:
            return [ExcelTable(file, options, batch_rows)]
        book = Workbook(file.path)
    except UnreadableError as error:
        return [ExcelTable(file, options, batch_rows, refused=error)]
    except OSError:
        return [ExcelTable(file, options, batch_rows)]
    tables = [ExcelTable(file, options_of(sheet.name), batch_rows, book, sheet) for sheet in book.sheets]
    kept = [table for table in tables if [problem.code for problem in table.problems] != ["FILE-001"]]
    return list[TextTable](kept or tables[:1]) or [ExcelTable(file, options, batch_rows)]


class ExcelTable(TextTable):
    """A worksheet as text cells; see ``excel_cells.values_text`` for how values are written.

    ``date_epoch`` is the day that the number 0 means where a date was stored as a plain number: 1899-12-30 (right
    from March 1900 on) or 1904-01-01.
    """

    has_midnights = True

    def __init__(
        self,
        file: SourceFile,
        options: ReadOptions | None = None,
        batch_rows: int = 250_000,
        book: Workbook | None = None,
        sheet: SheetName | None = None,
        *,
        refused: UnreadableError | None = None,
    ) -> None:
        self.date_epoch = book.epoch if book else EPOCH_1900
        self._book = book
        self._sheet = sheet
        self._refused = refused
        self._marks = SheetMarks()
        self._columns: list[int] = []
        self._first_column = 0
        super().__init__(file, options, batch_rows, sheet.name if sheet else None)

    def _open(self) -> list[str] | None:
        if self._refused is not None:
            raise self._refused
        if self._book is None or self._sheet is None:
            return None
        loaded = self._book.sheet(self._sheet)
        self._marks = self._book.marks(self._sheet)
        if loaded.start is None:
            self._require_nothing()
            return None
        self._first_column = loaded.start[1]
        rows = islice(self._rows(), self._rows_of_head())
        # by column, as one cell costs as much as a column of them
        head = list(zip(*(values_text(values) for values in zip(*rows, strict=True)), strict=True))
        place = self._find_header(head)
        if place is None:
            return None
        unit_row = self.options.unit_row
        if unit_row is not None and unit_row > len(head):
            raise UnreadableError(f"the sheet has no row {unit_row}, which should hold the units")
        self.header_row = place + 1
        cells = head[place]
        self._columns = self._filled_columns(cells)
        if unit_row is not None:
            self.unit_cells = [head[unit_row - 1][column] for column in self._columns]
        return [cells[column] or "" for column in self._columns]

    def _rows(self) -> Iterator[Sequence[Value]]:
        assert self._book is not None and self._sheet is not None
        return self._book.rows(self._sheet)

    def _rows_of_head(self) -> int:
        return max(LOOKED_AT, self.options.header_row or 0, self.options.unit_row or 0)

    def _find_header(self, head: Sequence[Sequence[str | None]]) -> int | None:
        """Index of the header among the first rows, None when the sheet is blank."""
        asked = self.options.header_row
        if asked is not None:
            if asked > len(head) or is_blank(head[asked - 1]):
                raise UnreadableError(f"the sheet has nothing in row {asked}, which should be the header")
            return asked - 1
        place = find_header(head, self.options.known)
        if is_blank(head[place]):
            return self._first_filled(head)
        above = [row for number, row in enumerate(head[:place], 1) if number != self.options.unit_row]
        if any(not is_blank(row) for row in above):
            self.log.add("HEAD-005", place + 1, header=str(place + 1))
        return place

    def _first_filled(self, head: Sequence[Sequence[str | None]]) -> int | None:
        """A header that stands below many blank rows is asked for, a sheet that only has blank texts is empty."""
        for number, row in enumerate(islice(self._rows(), len(head), None), len(head) + 1):
            if not all(_is_blank(value) for value in row):
                raise UnreadableError(
                    f"the first {len(head)} rows of the sheet are blank and row {number} is not; say in the profile "
                    "which row is the header, or remove the blank rows"
                )
        self._require_nothing()
        return None

    def _require_nothing(self) -> None:
        """Raise UnreadableError when a sheet without values is not an empty one."""
        if self._marks.errors or self._marks.unfinished or self._marks.unplaced:
            raise UnreadableError("the sheet holds nothing but errors and formulas without a result")

    def _filled_columns(self, header: Sequence[str | None]) -> list[int]:
        """Places of the columns with a name or with anything below the header."""
        open_ones = {column for column, name in enumerate(header) if not name}
        for row, column in [*self._marks.errors, *self._marks.unfinished]:
            if row >= self.header_row:
                open_ones.discard(column - self._first_column)
        for values in islice(self._rows(), self.header_row, None):
            open_ones.difference_update([column for column in open_ones if not _is_blank(values[column])])
            if not open_ones:
                break
        return [column for column in range(len(header)) if column not in open_ones]

    def _parts(self) -> Iterator[Part]:
        assert self._book is not None and self._sheet is not None
        self._report()
        at_once = max(1, _CELLS_AT_ONCE // max(1, len(self._columns)))
        number = self.header_row
        rows = islice(self._rows(), number, None)
        waiting: list[int] = []  # blank rows, which only count when something follows
        filled_by_marks = {row + 1 for row, _ in [*self._marks.errors, *self._marks.unfinished]}
        while values := list(islice(rows, at_once)):
            part, blank = self._part(values, number + 1, filled_by_marks)
            if part is None:
                waiting += blank
            else:
                last = part.rows + part.cells.height - 1 if isinstance(part.rows, int) else int(part.rows[-1])
                for row in [*waiting, *(row for row in blank if row < last)]:
                    self.log.add("ROW-003", row)
                waiting = [row for row in blank if row > last]
                yield part
            number += len(values)
        self._book.release(self._sheet)

    def _part(
        self, values: list[Sequence[Value]], first: int, filled_by_marks: set[int]
    ) -> tuple[Part | None, list[int]]:
        """The records among rows of the sheet, and the numbers of the blank rows. ``first`` is the row of the first."""
        by_column = list(zip(*values, strict=True))
        mark = self.options.number_mark
        columns = [values_text(by_column[column], mark).alias(f"c{column}") for column in self._columns]
        frame = pl.DataFrame(columns)
        empty = [pl.col(name).is_null() | (pl.col(name).str.strip_chars() == "") for name in frame.columns]
        rows = pl.int_range(first, first + frame.height, dtype=pl.Int64, eager=True).alias("row")
        blank = frame.select(pl.all_horizontal(empty)).to_series() & ~rows.is_in(list(filled_by_marks))
        left_out = blank
        if self.options.unit_row is not None:
            unit = rows == self.options.unit_row
            blank, left_out = blank & ~unit, blank | unit
        blank_rows = rows.filter(blank).to_list()
        if not left_out.any():
            return Part(frame, first, odd=True), []
        records = frame.filter(~left_out)
        return (Part(records, rows.filter(~left_out), odd=True) if records.height else None), blank_rows

    def _report(self) -> None:
        """Say which cells hold no value although something stands in them."""
        for cell in sorted(self._marks.errors):
            if cell[0] + 1 >= self.header_row:
                self.log.add("CELL-008", cell[0] + 1, self._name(cell), found=self._marks.errors[cell])
        for cell in sorted(self._marks.unfinished):
            if cell[0] + 1 >= self.header_row:
                self.log.add("CELL-010", cell[0] + 1, self._name(cell))
        for _ in range(self._marks.unplaced):
            self.log.add("CELL-010")
        for start, end in sorted(self._marks.merged):
            if end[0] + 1 > self.header_row:
                words = f"{_address(start)}:{_address(end)}"
                self.log.add("CELL-011", start[0] + 1, self._name(start), found=words)

    def _name(self, cell: Cell) -> str | None:
        """Name of the column of a cell, its letters where it has none."""
        column = cell[1] - self._first_column
        name = self.header[self._columns.index(column)] if column in self._columns else ""
        return name or column_letters(cell[1])


def _address(cell: Cell) -> str:
    return f"{column_letters(cell[1])}{cell[0] + 1}"


def _is_blank(value: Value) -> bool:
    return isinstance(value, str) and (not value or value.isspace())
