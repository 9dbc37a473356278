"""What the files of a site show: the cells of each column, counted, and the notation they prove."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from anakinra_t2d.profiling.notation import (
    MISSING_WORDS,
    Dates,
    NumberMarks,
    dates,
    is_number,
    number_marks,
    two_parts,
)
from anakinra_t2d.reading.discover import SourceFile, discover
from anakinra_t2d.reading.opening import open_tables
from anakinra_t2d.reading.options import ReadOptions
from anakinra_t2d.reading.problems import InputError

if TYPE_CHECKING:
    import polars as pl

    from anakinra_t2d.profiling.unit_words import UnitWords
    from anakinra_t2d.reading.cells import TextTable
    from anakinra_t2d.schema import Definitions

MOST_ROWS = 100_000
"""Rows of a sheet that are looked at."""
MOST_TEXTS = 3_000
"""Different texts of a column that are looked at, the most frequent first."""
_UNIT_ROW_SHARE = 0.5
_UNIT_COLUMN_SHARE = 0.4
_FEWEST_UNITS = 2
_MOST_UNITS = 40


@dataclass
class ColumnEvidence:
    """One column of a sheet. ``unit`` is the text that header marker, unit row or file state, ``place`` from 0."""

    header: str
    place: int
    texts: dict[str, int]
    rows: int
    first_rows: dict[str, int] = field(default_factory=dict)
    unit: str | None = None
    unit_source: str = ""
    result_words: frozenset[str] = frozenset()
    is_doubled: bool = False

    @cached_property
    def missing(self) -> dict[str, int]:
        """Texts that stand for an empty cell."""
        return {
            text: times
            for text, times in self.texts.items()
            if text.lower() in MISSING_WORDS and text.lower() not in self.result_words
        }

    @cached_property
    def filled(self) -> dict[str, int]:
        """Texts that say something, with how often."""
        return {text: times for text, times in self.texts.items() if text not in self.missing}

    @cached_property
    def count(self) -> int:
        """Number of cells that say something."""
        return sum(self.filled.values())

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Texts that are numbers."""
        return {text: times for text, times in self.filled.items() if is_number(text)}

    @cached_property
    def result_texts(self) -> dict[str, int]:
        """Words that say why there is no number."""
        return {text: times for text, times in self.filled.items() if text.lower() in self.result_words}

    @cached_property
    def number_share(self) -> float:
        """Share of the filled cells that are numbers, words in place of a number left out."""
        others = self.count - sum(self.result_texts.values())
        return sum(self.numbers.values()) / others if others else 0.0

    @cached_property
    def marks(self) -> NumberMarks:
        """Decimal mark and thousands marks."""
        return number_marks(self.numbers)

    @cached_property
    def dates(self) -> Dates:
        """Dates and their layouts."""
        return dates(self.filled)

    @cached_property
    def separator(self) -> str | None:
        """What stands between two numbers in a cell."""
        return two_parts(self.filled)

    @property
    def is_constant(self) -> bool:
        """Whether every row has the same text."""
        return len(self.texts) == 1 and self.rows > 1 and sum(self.texts.values()) == self.rows

    def part(self, number: int) -> ColumnEvidence:
        """The column with one part of its two-part cells."""
        texts: Counter[str] = Counter()
        for text, times in self.filled.items():
            pieces = text.split(self.separator or "/")
            texts[pieces[number - 1].strip() if len(pieces) >= number else text] += times
        return ColumnEvidence(
            self.header, self.place, dict(texts), self.rows, {}, self.unit, self.unit_source, self.result_words
        )


def together(columns: Sequence[ColumnEvidence], header: str) -> ColumnEvidence:
    """Columns side by side that hold the same thing, as one column."""
    texts: Counter[str] = Counter()
    for column in columns:
        texts.update(column.texts)
    units = {column.unit for column in columns}
    first = columns[0]
    unit = first.unit if len(units) == 1 else None
    rows = sum(column.rows for column in columns)
    source = "headers" if first.unit_source == "header" else first.unit_source
    return ColumnEvidence(header, first.place, dict(texts), rows, {}, unit, source, first.result_words)


@dataclass
class SheetEvidence:
    """One sheet: where its header stands, its columns, and the cells that were looked at."""

    file: str
    stem: str
    sheet: str | None
    header_row: int
    unit_row: int | None
    columns: list[ColumnEvidence]
    frame: pl.DataFrame
    is_sample: bool
    needs_header_row: bool

    @property
    def shown(self) -> str:
        """Name of the file and the sheet."""
        return f"{self.file}, sheet {self.sheet}" if self.sheet else self.file


def gather(
    paths: Sequence[Path], found: Definitions, known: frozenset[str], units: UnitWords, scratch: Path
) -> tuple[list[SheetEvidence], list[str]]:
    """Look at every sheet of every file; also returns sentences about what could not be read.

    Raises:
        InputError: nothing can be read.
    """
    submission = discover(paths, list(found.tables), scratch, profiled=True)
    problems = [f"{each.file}: {_words(each.code, each.details, found)}" for each in submission.problems]
    sheets: list[SheetEvidence] = []
    for source in [*submission.files, *submission.others]:
        options = ReadOptions(
            encoding=source.stated.encoding,
            delimiter=source.stated.delimiter,
            known=known,
            missing=source.stated.missing,
        )
        seen, troubles = _sheets(source, options, found, units)
        sheets += seen
        problems += troubles
    if not sheets:
        reasons = "; ".join(dict.fromkeys(problems)) or "no file holds a table"
        raise InputError(f"No profile can be drafted, because nothing could be read: {reasons}.")
    return sheets, problems


def _sheets(
    source: SourceFile, options: ReadOptions, found: Definitions, units: UnitWords
) -> tuple[list[SheetEvidence], list[str]]:
    import polars as pl

    sheets: list[SheetEvidence] = []
    problems: list[str] = []
    for table in _opened(source, options):
        frames: list[pl.DataFrame] = []
        rows: list[pl.Series] = []
        height = 0
        for batch in table:
            frames.append(batch.cells)
            rows.append(batch.row_numbers())
            height += batch.cells.height
            if height >= MOST_ROWS:
                break
        problems += [
            f"{table.file.shown}: {_words(problem.code, problem.details, found)}"
            for problem in table.problems
            if problem.code.startswith("FILE")
        ]
        if not table.readable or not table.header:
            continue
        names = [name for name in table.header if table.header.count(name) == 1]
        frame = pl.concat(frames) if frames else pl.DataFrame({name: [] for name in names}, strict=False)
        frame = frame.select(pl.col(name).cast(pl.String).str.strip_chars().replace("", None) for name in frame.columns)
        numbers = pl.concat(rows) if rows else pl.Series("row", [], dtype=pl.Int64)
        stated: list[str | None] = list(table.unit_cells)
        unit_row = table.options.unit_row
        if not stated and (cells := _unit_cells(frame, names, units)):
            unit_row = int(numbers[0])
            stated = [cells.get(name) for name in table.header]
            frame, numbers = frame.slice(1), numbers.slice(1)
        result_words = frozenset(found.result_words)
        columns = [_column(place, name, frame, numbers, result_words) for place, name in enumerate(table.header)]
        for column in columns:
            _state_unit(column, stated, table.units)
        name = PurePosixPath(table.file.shown).name
        sheets.append(
            SheetEvidence(
                name,
                PurePosixPath(name).stem,
                table.sheet,
                table.header_row,
                unit_row,
                columns,
                frame,
                height >= MOST_ROWS,
                table.header_row != 1,
            )
        )
    return sheets, problems


def _opened(source: SourceFile, options: ReadOptions) -> list[TextTable]:
    """The tables of a file; a header below a row with as many cells is none, whatever names it happens to hold."""
    tables = open_tables(source, options)
    if all(table.header_row == 1 for table in tables):
        return tables
    plain = open_tables(source, replace(options, known=frozenset()))
    pairs = zip(tables, plain, strict=True)
    return [first if _filled(first) >= _filled(found) else found for found, first in pairs]


def _filled(table: TextTable) -> int:
    return sum(bool(name.strip()) for name in table.header)


def _column(
    place: int, name: str, frame: pl.DataFrame, rows: pl.Series, result_words: frozenset[str]
) -> ColumnEvidence:
    if name not in frame.columns:
        return ColumnEvidence(name, place, {}, frame.height, is_doubled=True)
    import polars as pl

    counted = (
        pl.DataFrame({"text": frame[name], "row": rows})
        .drop_nulls("text")
        .group_by("text", maintain_order=True)
        .agg(pl.len().alias("times"), pl.col("row").first())
        .sort("times", descending=True, maintain_order=True)
        .head(MOST_TEXTS)
    )
    texts = dict(zip(counted["text"].to_list(), counted["times"].to_list(), strict=True))
    first = dict(zip(counted["text"].to_list(), counted["row"].to_list(), strict=True))
    return ColumnEvidence(name, place, texts, frame.height, first, result_words=result_words)


def _state_unit(column: ColumnEvidence, row: list[str | None], declared: dict[str, str]) -> None:
    from anakinra_t2d.reading.header_row import name_and_unit

    marked = name_and_unit(column.header)[1]
    if marked:
        column.unit, column.unit_source = marked, "header"
    elif column.place < len(row) and row[column.place]:
        column.unit, column.unit_source = row[column.place], "unit row"
    elif column.header in declared:
        column.unit, column.unit_source = declared[column.header], "file"


def _unit_cells(frame: pl.DataFrame, names: list[str], units: UnitWords) -> dict[str, str]:
    """The first record as units, when it holds units and no value."""
    if frame.height < 2:
        return {}
    cells = {name: text.strip("()[]") for name in names if (text := frame[name][0])}
    known = [text for text in cells.values() if units.is_unit(text)]
    is_row = len(known) >= max(2, _UNIT_ROW_SHARE * len(cells)) and not any(is_number(text) for text in cells.values())
    return cells if is_row else {}


def unit_columns(sheet: SheetEvidence, units: UnitWords) -> list[ColumnEvidence]:
    """Columns that hold units row by row; one with single letters alone, as of sexes, is none."""
    found: list[ColumnEvidence] = []
    for column in sheet.columns:
        texts = column.filled
        if not texts or len(texts) > _MOST_UNITS or all(len(text) == 1 and text.isalpha() for text in texts):
            continue
        known = {text: times for text, times in texts.items() if units.is_unit(text)}
        is_clear = len(known) == len(texts) or sum(len(text) > 1 for text in known) >= _FEWEST_UNITS
        if is_clear and sum(known.values()) >= _UNIT_COLUMN_SHARE * sum(texts.values()) and not column.numbers:
            found.append(column)
    return found


def _words(code: str, details: dict[str, str], found: Definitions) -> str:
    rule = found.builtin_rules.get(code)
    try:
        return rule.message.format_map(details).rstrip(".") if rule else code
    except (KeyError, IndexError):
        return details.get("problem", code)
