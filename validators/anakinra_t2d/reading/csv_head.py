"""The head of a CSV file: which character separates its cells, which row is its header, where its records start."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from anakinra_t2d.reading import csv_blocks
from anakinra_t2d.reading.csv_records import quote_problem
from anakinra_t2d.reading.delimiters import CANDIDATES, delimiter_named
from anakinra_t2d.reading.encoding import UTF8_BOM, check_utf8
from anakinra_t2d.reading.header_row import LOOKED_AT, find_header, is_blank, known_names
from anakinra_t2d.reading.options import ReadOptions
from anakinra_t2d.reading.problems import UnreadableError

_MOST_LINES = 200


@dataclass
class Head:
    """What stands above the records.

    ``offset`` is where the records start in the file, ``skipped`` the number of lines above them, ``blank`` the rows
    of blank lines above the header; ``text_above`` says that rows with text stand above it that nobody announced.
    """

    delimiter: str
    header: list[str]
    header_row: int
    offset: int
    skipped: int
    blank: list[int] = field(default_factory=list)
    text_above: bool = False
    unit_cells: list[str | None] = field(default_factory=list)


def read_head(path: Path, options: ReadOptions, usual: str) -> Head | None:
    """Read the head of a UTF-8 file; None when it holds only blank lines.

    ``usual`` is the delimiter to be expected from the file's name. Raises UnreadableError, OSError.
    """
    top = _Top(path, options.header_row)
    if not top.lines:
        if options.header_row is not None and top.above:
            raise UnreadableError(f"the file ends before row {options.header_row}, which should be its header")
        return None
    check_utf8(b"".join(top.lines), top.offset, top.above)
    text = [line.decode() for line in top.lines]
    stated = delimiter_named(options.delimiter) if options.delimiter else top.mark
    known = options.known if options.header_row is None else frozenset()
    reading = _Reading(text, stated, known) if stated else _likeliest(text, usual, known)
    chosen = reading.header
    header_row = top.above + chosen.line + 1
    if chosen.problem:
        raise UnreadableError(f"the header cannot be read: {chosen.problem}", header_row)
    if not chosen.cells:
        raise UnreadableError(f"row {header_row}, which should be the header, is blank", header_row)
    above = reading.records[: reading.place]
    text_above = not all(is_blank(each.cells) or top.above + each.line + 1 == options.unit_row for each in above)
    blank = [top.above + each.line + 1 for each in above if is_blank(each.cells)]
    head = Head(
        reading.delimiter,
        chosen.cells,
        header_row,
        top.offset + sum(map(len, top.lines[: chosen.end])),
        top.above + chosen.end,
        [] if text_above else top.blank + blank,
        text_above,
    )
    if options.unit_row is not None:
        head.unit_cells = _unit_cells(path, options.unit_row, head)
    return head


class _Top:
    """The first lines of a file below those that are blank, or from row ``header_row`` on.

    ``above`` lines stand above them, the blank ones in ``blank``; they start at ``offset``. ``mark`` is the delimiter
    that a first line such as ``sep=;`` of Excel states.
    """

    def __init__(self, path: Path, header_row: int | None) -> None:
        self.lines: list[bytes] = []
        self.blank: list[int] = []
        self.above = 0
        self.mark: str | None = None
        with path.open("rb") as stream:
            if stream.read(len(UTF8_BOM)) != UTF8_BOM:
                stream.seek(0)
            self.offset = stream.tell()
            size = 0
            for line in _lines(stream):
                bare = line.rstrip(b"\r\n")
                if self.above == 0 and not self.lines and _is_mark(bare):
                    self.mark = bare.strip(b'"')[4:].decode()
                elif self.lines or (bare and header_row is None) or self.above + 1 == header_row:
                    if len(line) > csv_blocks.LONGEST_LINE:
                        if not self.lines:
                            raise UnreadableError(csv_blocks.too_long(), self.above + 1)
                        break  # the survey says so
                    self.lines.append(line)
                    size += len(line)
                    if len(self.lines) == _MOST_LINES or size > csv_blocks.LONGEST_LINE:
                        break
                    continue
                elif header_row is None:
                    self.blank.append(self.above + 1)
                self.above += 1
                self.offset += len(line)


def _is_mark(line: bytes) -> bool:
    bare = line.strip(b'"')
    return len(bare) == 5 and bare[:4].lower() == b"sep=" and bare.isascii()


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream up to one that is longer than LONGEST_LINE, which is cut."""
    longest = csv_blocks.LONGEST_LINE
    while line := stream.readline(longest + 1):
        yield line
        if len(line) > longest:
            return


@dataclass(frozen=True, slots=True)
class _Record:
    """A record of the first lines: its first line and the one after it, counted from 0; ``problem`` when broken."""

    line: int
    end: int
    cells: list[str]
    problem: str = ""


class _Reading:
    """The first records as one delimiter gives them, and the ``place`` of the header among them."""

    def __init__(self, lines: list[str], delimiter: str, known: frozenset[str]) -> None:
        self.delimiter = delimiter
        self.records = _records(lines, delimiter)
        self.place = find_header([record.cells for record in self.records], known) if known else 0
        self.header = self.records[self.place]
        self.known = len(known_names(self.header.cells, known)) if known else 0

    @property
    def width(self) -> int:
        """Cells of the header."""
        return 0 if self.header.problem else len(self.header.cells)

    def score(self) -> tuple[int, float, int]:
        """How likely the delimiter is: known names, cells that the rows have too, cells.

        A cell of the header that starts with a space may be the rest of a name such as ``Glucose, mmol/L``; it counts
        only where nothing else decides.
        """
        below = [record for record in self.records[self.place + 1 :] if record.cells and not record.problem]
        agree = sum(len(record.cells) == self.width for record in below) / len(below) if below else 1.0
        separate = 1 + sum(not cell[:1].isspace() for cell in self.header.cells[1:])
        return self.known, agree * (separate if separate > 1 else 0), self.width


def _likeliest(lines: list[str], usual: str, known: frozenset[str]) -> _Reading:
    """The reading with the delimiter that splits the header, ``usual`` when none does; a tie is a comma."""
    first = _Reading(lines, usual, known)
    if usual != "," and first.width > 1:
        return first
    # most files, and no other delimiter finds more names than all
    if first.width > 1 and first.known == first.width:
        return first
    others = [_Reading(lines, mark, known) for mark in CANDIDATES if mark != usual]
    splitting = [each for each in [first, *others] if each.width > 1]
    return max(splitting, key=_Reading.score, default=first)


def _records(lines: list[str], delimiter: str) -> list[_Record]:
    """The first records; a line that opens no whole record is one by itself."""
    found: list[_Record] = []
    at = 0
    limit = csv.field_size_limit(csv_blocks.LONGEST_LINE)
    try:
        while at < len(lines) and len(found) < LOOKED_AT:
            reader = csv.reader(iter(lines[at:]), delimiter=delimiter, strict=True)
            try:
                cells = next(reader)
                found.append(_Record(at, at + reader.line_num, cells))
            except csv.Error as error:
                found.append(_Record(at, at + 1, [lines[at]], quote_problem(error)))
            at = found[-1].end
    finally:
        csv.field_size_limit(limit)
    return found


def _unit_cells(path: Path, row: int, head: Head) -> list[str | None]:
    """The cells of the row with the units, as many as the header has."""
    if row == head.header_row:
        raise UnreadableError(f"row {row} cannot hold both the column names and the units", row)
    with path.open("rb") as stream:
        lines = (line.decode(errors="replace").removeprefix("\ufeff") for line in _lines(stream))
        for number, line in enumerate(lines, start=1):
            if number == row:
                rest = iter([line, *[next(lines, "") for _ in range(_MOST_LINES)]])
                try:
                    cells = next(csv.reader(rest, delimiter=head.delimiter, strict=True), [])
                except csv.Error:
                    cells = []  # the row is reported as a broken record
                padded = [cell.strip() or None for cell in cells] + [None] * len(head.header)
                return padded[: len(head.header)]
    raise UnreadableError(f"the file ends before row {row}, which should hold the units")
