"""The first pass over a CSV file: is it UTF-8 text of bounded lines, what is its header, is it plain throughout."""

from __future__ import annotations

import csv
import io
from array import array
from dataclasses import dataclass, field
from pathlib import Path

from anakinra_t2d.reading.csv_blocks import inspect, whole_lines
from anakinra_t2d.reading.csv_records import quote_problem
from anakinra_t2d.reading.encoding import UTF8_BOM, foreign_kind, not_utf8, other_separator
from anakinra_t2d.reading.problems import UnreadableError

BLOCK = 256 << 10
_HEAD = 4096


@dataclass
class Survey:
    """What the first pass found.

    ``offset`` is where the records start in the file, ``skipped`` the number of lines above them (blank ones in
    ``blank``, by row), ``lines`` the number of lines below. When ``plain``, every block is plain (see
    ``BlockFacts.plain``), and ``ends`` and ``counts`` hold, per block, its end in the file and the lines up to there.
    """

    header: list[str]
    offset: int
    skipped: int
    blank: list[int]
    lines: int = 0
    plain: bool = True
    ends: array[int] = field(default_factory=lambda: array("q"))
    counts: array[int] = field(default_factory=lambda: array("q"))


def survey(path: Path) -> Survey | None:
    """Read the file once in bounded memory; None when it holds only blank lines.

    Raises UnreadableError for what is not UTF-8 CSV, OSError when the file cannot be read.
    """
    found: Survey | None = None
    with path.open("rb", buffering=0) as stream:
        head = stream.read(_HEAD)
        kind = foreign_kind(head)
        if kind:
            raise UnreadableError(kind)
        offset = len(UTF8_BOM) if head.startswith(UTF8_BOM) else 0
        stream.seek(offset)
        line = 0  # lines before the block
        try:
            for block in whole_lines(stream, BLOCK):
                _check_utf8(block, offset, line)
                body = block
                if found is None:
                    found = _header(block, offset, line)
                    if found is None:
                        line += inspect(block).lines
                        offset += len(block)
                        continue
                    body = block[found.offset - offset :]
                    line = found.skipped
                offset += len(block)
                if body:
                    facts = inspect(body)
                    line += facts.lines
                    found.plain = found.plain and facts.plain(len(found.header))
                    found.lines += facts.lines
                    found.ends.append(offset)
                    found.counts.append(found.lines)
        except UnreadableError as error:
            raise UnreadableError(error.problem, error.row or line + 1) from None
    return found


def _check_utf8(block: bytes, offset: int, lines_before: int) -> None:
    if block.isascii():
        return
    try:
        block.decode()
    except UnicodeDecodeError as error:
        line = lines_before + block.count(b"\n", 0, error.start) + 1
        raise UnreadableError(not_utf8(block, error.start, offset + error.start, line), line) from None


def _header(block: bytes, offset: int, line: int) -> Survey | None:
    """The header of a file, the first line that is not blank, from the block at ``offset``; None when all are blank.

    ``line`` is the number of lines before the block, blank all of them.
    """
    if b"\n" not in block and b"\r" in block.rstrip(b"\r"):
        raise UnreadableError("the lines end in carriage returns alone, as old Macintosh programs write them")
    stream = io.BytesIO(block)
    read: list[bytes] = []

    def next_line() -> str:
        read.append(stream.readline())
        return read[-1].decode()

    reader = csv.reader(iter(next_line, ""), strict=True)
    cells: list[str] = []
    blank = 0
    while not cells:
        blank = len(read)
        try:
            cells = next(reader)
        except StopIteration:
            return None
        except csv.Error as error:
            problem = f"the header cannot be read: {quote_problem(error)}"
            raise UnreadableError(problem, line + blank + 1) from None
    separator = other_separator(cells)
    if separator:
        raise UnreadableError(separator, line + blank + 1)
    above = line + blank
    return Survey(cells, offset + sum(map(len, read)), line + len(read), list(range(1, above + 1)))
