"""Errors, formulas without result and merged cells of an OpenDocument spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator
from xml.parsers import expat

from anakinra_t2d.reading.problems import UnreadableError
from anakinra_t2d.reading.sheet_marks import SheetMarks

_MOST_MARKS = 100_000


def ods_sheets(pieces: Iterator[bytes]) -> dict[str, SheetMarks]:
    """Marks of the sheets by name, from ``content.xml`` in pieces. Raises UnreadableError when it is not XML."""
    walk = _Walk()
    try:
        for piece in pieces:
            walk.parser.Parse(piece, False)
        walk.parser.Parse(b"", True)
    except (expat.ExpatError, ValueError):
        raise UnreadableError("the spreadsheet is damaged: its content is not well-formed XML") from None
    return walk.sheets


class _Walk:
    """Follows rows and columns through repeated and covered cells; tables inside cells are passed over."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.buffer_text = True
        self.sheets: dict[str, SheetMarks] = {}
        self._marks = SheetMarks()
        self._depth = 0
        self._row = self._column = 0
        self._rows = self._columns = 1
        self._words: list[str] | None = None

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "table:table":
            self._depth += 1
            if self._depth == 1:
                self._marks = self.sheets[attributes.get("table:name", "")] = SheetMarks()
                self._row = 0
        elif self._depth != 1:
            return
        elif tag == "table:table-row":
            self._rows = int(attributes.get("table:number-rows-repeated", "1"))
            self._column = 0
        elif tag in ("table:table-cell", "table:covered-table-cell"):
            self._columns = int(attributes.get("table:number-columns-repeated", "1"))
            self._cell(attributes)

    def _cell(self, attributes: dict[str, str]) -> None:
        here = (self._row, self._column)
        if attributes.get("calcext:value-type") == "error":
            self._words = []
        elif "table:formula" in attributes and "office:value-type" not in attributes:
            for row, column in self._repeated():
                self._marks.unfinished.append((row, column))
        rows = int(attributes.get("table:number-rows-spanned", "1"))
        columns = int(attributes.get("table:number-columns-spanned", "1"))
        if rows > 1 or columns > 1:
            self._marks.merged.append((here, (here[0] + rows - 1, here[1] + columns - 1)))

    def _text(self, text: str) -> None:
        if self._words is not None:
            self._words.append(text)

    def _end(self, tag: str) -> None:
        if tag == "table:table":
            self._depth -= 1
        elif self._depth != 1:
            return
        elif tag == "table:table-row":
            self._row += self._rows
        elif tag in ("table:table-cell", "table:covered-table-cell"):
            if self._words is not None:
                shown = "".join(self._words).strip() or "an error"
                for cell in self._repeated():
                    self._marks.errors[cell] = shown
                self._words = None
            self._column += self._columns

    def _repeated(self) -> Iterator[tuple[int, int]]:
        """The cells that the one at hand stands for."""
        if self._rows * self._columns + len(self._marks.errors) + len(self._marks.unfinished) > _MOST_MARKS:
            raise UnreadableError(f"the sheet has more than {_MOST_MARKS} cells with errors or without results")
        for row in range(self._row, self._row + self._rows):
            for column in range(self._column, self._column + self._columns):
                yield row, column
