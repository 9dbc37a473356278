"""Records of a batch by position, and the lines of the written rows."""

from __future__ import annotations

import bisect
from collections.abc import Callable
from functools import cached_property

import polars as pl

from anakinra_t2d.finding import Location
from anakinra_t2d.schema import Table
from anakinra_t2d.wording import plain


class Records:
    """Records of a batch by position: their keys, values and places."""

    def __init__(
        self,
        table: Table,
        frame: pl.DataFrame,
        cells: pl.DataFrame,
        rows: pl.Series,
        place: Callable[[int | None, str | None], Location],
    ) -> None:
        self.table = table
        self.frame = frame
        self.cells = cells
        self.rows = rows
        self.place = place

    @cached_property
    def _lines(self) -> list[int]:
        return self.rows.to_list()

    def row(self, position: int) -> int:
        """Number of the row in its source."""
        return self._lines[position]

    def key(self, position: int) -> dict[str, str]:
        """The record's key as text; an unreadable part as it was sent."""
        key = {}
        for name in self.table.key:
            value = self.frame[name][position]
            if value is None and name in self.cells.columns:
                value = self.cells[name][position]
            key[name] = "" if value is None else plain(value)
        return key

    def values(self, position: int, names: tuple[str, ...]) -> dict[str, object]:
        """Typed values of some fields."""
        return {name: self.frame[name][position] for name in names}

    def location(self, position: int, column: str | None) -> Location:
        """Where a cell was read."""
        return self.place(self.row(position), column)


class LineMap:
    """The source line of each written row, as runs of consecutive lines, so that its size follows the gaps."""

    def __init__(self) -> None:
        self._first_index: list[int] = []
        self._first_line: list[int] = []
        self._rows = 0
        self._next_line = -1

    def add(self, lines: pl.Series) -> None:
        """Add the lines of the rows written next."""
        if not lines.len():
            return
        starts = [0, *((lines.diff() != 1).fill_null(False).arg_true().to_list())]
        for start in starts:
            line = int(lines[start])
            if start or line != self._next_line:
                self._first_index.append(self._rows + start)
                self._first_line.append(line)
        self._next_line = int(lines[-1]) + 1
        self._rows += lines.len()

    def line(self, index: int) -> int:
        """Line of the written row with this index, from 0."""
        run = bisect.bisect_right(self._first_index, index) - 1
        return self._first_line[run] + index - self._first_index[run]
