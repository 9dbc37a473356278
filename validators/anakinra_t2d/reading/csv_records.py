"""Records of a block of CSV lines: simple lines in bulk, every other record one by one with true line numbers."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from anakinra_t2d.reading import csv_blocks
from anakinra_t2d.reading.csv_blocks import BlockFacts, byte_series, inspect

# above this share of lines that are not simple, going back and forth costs more than it saves
_MOST_SINGLE = 0.05
# {mark} is the delimiter as a code point, so that none needs to be escaped
_SIMPLE_CELL = r'(?:[^"{mark}]*|"(?:[^"]|"")*")'
_MANY_COLUMNS = 4
# a quote that is still open at the end of the block, or for longer than a cell may be
_UNFINISHED = ("unexpected end", "field larger")
_NEVER_IN_TEXT = "\x01"


@dataclass(frozen=True, slots=True)
class Broken:
    """Lines that are no record of the table: ``row`` to ``last_row``, in lines of the block counted from 0.

    ``code`` is ROW-001 (``cells`` as read), ROW-002 (``cells`` holds the text, ``problem`` says why) or ROW-003.
    """

    code: str
    row: int
    last_row: int
    cells: list[str]
    problem: str = ""


@dataclass
class BlockRecords:
    """Records of one block, columns ``c0``, ``c1`` ... by position.

    ``rows`` is the line of each record in the block, counted from 0, or None when every line is a record.
    ``rest`` is where the unfinished last record starts in the block, ``rest_line`` its line; None when there is none.
    """

    cells: pl.DataFrame
    rows: pl.Series | None
    facts: BlockFacts
    broken: list[Broken] = field(default_factory=list)
    rest: int | None = None
    rest_line: int | None = None


def positions(columns: int) -> dict[str, type[pl.DataType]]:
    """Schema of text columns by position."""
    return {f"c{place}": pl.String for place in range(columns)}


@dataclass(frozen=True, slots=True)
class Form:
    """What the records of a file have in common: the number of cells and what separates them."""

    columns: int
    delimiter: str = ","

    @property
    def in_bulk(self) -> bool:
        """Whether polars can split at the delimiter, and no odd character is taken for one."""
        return self.delimiter.isascii() and (self.delimiter.isprintable() or self.delimiter == "\t")


def read_block(block: bytes, form: Form, *, one_by_one: bool = False) -> BlockRecords:
    """Records of ``block``, valid UTF-8 in whole lines, the first of which starts a record.

    ``one_by_one`` reads every record with the csv module, which gives the same and is slow (for tests).
    """
    facts = inspect(block, form.delimiter)
    if form.in_bulk and not one_by_one:
        if facts.plain(form.columns):
            frame = _parse(block, form, quote=False)
            if frame is not None and frame.height == facts.lines:
                return BlockRecords(frame, None, facts)
        if form.columns > 1 and not (facts.stray_cr or facts.odd):
            records = _mixed(block, form, facts)
            if records is not None:
                return records
    return _walk(block, form, facts, _line_ends(block), range(facts.lines))


def quote_problem(error: csv.Error) -> str:
    """What the csv module found, in words."""
    text = str(error)
    if "expected after" in text:
        return "text follows a closing quote"
    if "unexpected end" in text:
        return "the quote is never closed"
    if "new-line character" in text:
        return "a carriage return stands in the middle of the line"
    if "field larger" in text:
        return "a cell is longer than 16 MiB"
    return text


def _parse(block: bytes, form: Form, *, quote: bool) -> pl.DataFrame | None:
    """The block parsed by polars, or None when it does not take it."""
    try:
        return pl.read_csv(
            block,
            has_header=False,
            schema=positions(form.columns),
            separator=form.delimiter,
            quote_char='"' if quote else None,
            raise_if_empty=False,
        )
    except pl.exceptions.PolarsError:
        return None


def _mixed(block: bytes, form: Form, facts: BlockFacts) -> BlockRecords | None:
    """Simple lines in bulk, the others one by one; None when there are too many others.

    A line is simple when it is a whole record by itself with the right number of cells. Whether a simple-looking
    line lies inside a quoted cell is known, because the walk comes to it from the record before.
    """
    try:
        lines = pl.read_csv(
            block,
            has_header=False,
            schema={"line": pl.String},
            quote_char=None,
            separator=_NEVER_IN_TEXT,
            empty_string_is_null=False,
        )["line"]
        mark = f"\\x{{{ord(form.delimiter):X}}}"
        cell = _SIMPLE_CELL.replace("{mark}", mark)
        simple = lines.str.contains(f"^{cell}(?:{mark}{cell}){{{form.columns - 1}}}$")
    except pl.exceptions.PolarsError:  # for one thing, too many columns for one pattern
        return None
    if len(lines) != facts.lines:
        return None
    others = (~simple).arg_true().to_list()
    if not others:
        frame = _parse(block, form, quote=facts.quotes)
        return BlockRecords(_emptied(frame), None, facts) if frame is not None and frame.height == facts.lines else None
    if len(others) > 10 + facts.lines * _MOST_SINGLE:
        return None
    return _walk(block, form, facts, _line_ends(block), others)


def _emptied(frame: pl.DataFrame) -> pl.DataFrame:
    """Empty cells as null, quoted ones too."""
    return frame.with_columns(pl.when(pl.all() != "").then(pl.all()))


def _line_ends(block: bytes) -> list[int]:
    """Where each line of the block ends, its newline included."""
    ends = ((byte_series(block) == 10).arg_true() + 1).to_list()
    if not block.endswith(b"\n"):
        ends.append(len(block))
    return ends


class _Lines:
    """Lines of a block for the csv module, starting wherever ``position`` is set."""

    def __init__(self, block: bytes, ends: list[int]) -> None:
        self.block, self.ends, self.position = block, ends, 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.position >= len(self.ends):
            raise StopIteration
        self.position += 1
        return self.text(self.position - 1, self.position - 1)

    def start(self, line: int) -> int:
        return self.ends[line - 1] if line else 0

    def text(self, first: int, last: int) -> str:
        return self.block[self.start(first) : self.ends[last]].decode()


def _walk(block: bytes, form: Form, facts: BlockFacts, ends: list[int], singles: list[int] | range) -> BlockRecords:
    """Read the records that start at the lines ``singles`` one by one, the lines between them in bulk."""
    lines = _Lines(block, ends)
    reader = csv.reader(lines, delimiter=form.delimiter, strict=True)
    rows: list[int] = []
    cells: list[list[str]] = []
    broken: list[Broken] = []
    runs: list[tuple[int, int]] = []  # lines in bulk: first, end
    done, rest = 0, None
    limit = csv.field_size_limit(csv_blocks.LONGEST_LINE)
    try:
        for line in singles:
            if line < done:
                continue  # inside the record before
            if line > done:
                runs.append((done, line))
            lines.position = line
            try:
                record = next(reader)
            except csv.Error as error:
                if any(words in str(error) for words in _UNFINISHED):
                    rest = line
                    done = len(ends)
                    break
                done = lines.position
                text = lines.text(line, done - 1)
                broken.append(Broken("ROW-002", line, done - 1, [text], quote_problem(error)))
                continue
            done = lines.position
            if not record:
                broken.append(Broken("ROW-003", line, line, []))
            elif len(record) != form.columns:
                broken.append(Broken("ROW-001", line, done - 1, record))
            elif done - line > 2 and _swallows_rows(record, form):
                problem = "a quoted cell holds whole rows of the table; a quote is missing at its end"
                broken.append(Broken("ROW-002", line, done - 1, [lines.text(line, done - 1)], problem))
            else:
                rows.append(line)
                cells.append(record)
    finally:
        csv.field_size_limit(limit)
    if done < len(ends):
        runs.append((done, len(ends)))
    bulk = _bulk(lines, form, runs, quote=facts.quotes)
    if bulk is None:
        return _walk(block, form, facts, ends, range(len(ends)))
    frame, numbers = bulk
    if cells:
        single = pl.DataFrame(list(zip(*cells, strict=True)), schema=positions(form.columns), orient="col")
        both = pl.concat([frame.with_columns(numbers), single.with_columns(pl.Series("row", rows, dtype=pl.Int64))])
        both = both.sort("row")
        frame, numbers = both.drop("row"), both["row"]
    every = len(numbers) == facts.lines
    found = BlockRecords(_emptied(frame), None if every else numbers, facts, broken)
    if rest is not None:
        found.rest, found.rest_line = lines.start(rest), rest
    return found


def _bulk(
    lines: _Lines, form: Form, runs: list[tuple[int, int]], *, quote: bool
) -> tuple[pl.DataFrame, pl.Series] | None:
    """Runs of simple lines as one frame, with their lines in the block; None when polars reads other records."""
    if not runs:
        return pl.DataFrame(schema=positions(form.columns)), pl.Series("row", [], dtype=pl.Int64)
    text = b"".join(lines.block[lines.start(first) : lines.ends[end - 1]] for first, end in runs)
    numbers = pl.concat([pl.int_range(first, end, dtype=pl.Int64, eager=True) for first, end in runs]).alias("row")
    frame = _parse(text, form, quote=quote)
    return (frame, numbers) if frame is not None and frame.height == len(numbers) else None


def _swallows_rows(record: list[str], form: Form) -> bool:
    """Whether the full lines inside a quoted cell all have as many delimiters as rows of the table."""
    if form.columns < _MANY_COLUMNS:
        return False
    inner = [line for cell in record if "\n" in cell for line in cell.split("\n")[1:-1]]
    return bool(inner) and all(line.count(form.delimiter) == form.columns - 1 for line in inner)
