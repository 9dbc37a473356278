"""What one file shows: its name, its columns, its cells and its lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from anakinra_t2d.finding import Location
from anakinra_t2d.reading.formats import format_of
from anakinra_t2d.restricted.signs import COLUMN_RULE, HINT_RULE, ONE_ARM_RULE, TABLE_RULE, Signs
from anakinra_t2d.restricted.text_file import head_of, lines_of, text_encoding

if TYPE_CHECKING:
    from anakinra_t2d.reading.cells import TextTable

DOCUMENTS = frozenset(
    ".txt .xml .rtf .eml .docx .doc .pdf .msg .odt .log .mdb .accdb .sqlite .rds .rdata .7z .rar".split()
)
"""Ends of names of files that hold data or letters, although no table is read from them."""
_LINES = frozenset({"csv", "dataset_json"})
_BATCH_ROWS = 50_000
_COUNTS = frozenset({"passed", "failed", "not_assessed"})
"""Columns of the counts of checks, which name every field and hold no value of any."""
_OF_COLUMNS = (COLUMN_RULE, "BLND-103", "BLND-104")


@dataclass
class Sight:
    """Something seen; ``place`` is what of the file shows it, ``times`` how many cells or lines do."""

    rule: str
    label: str
    place: str
    location: Location
    times: int = 1


@dataclass
class Seen:
    """What was seen in a file. ``unread`` says why it, or a part of it, was not looked into."""

    sights: dict[tuple[object, ...], Sight] = field(default_factory=dict)
    unread: str | None = None

    def add(self, rule: str, label: str, place: str, location: Location, times: int = 1) -> None:
        """Note it once for each sheet and column, at its first row."""
        key = (rule, label, place, location.file, location.sheet, location.column)
        if (known := self.sights.get(key)) is None:
            self.sights[key] = Sight(rule, label, place, location, times)
        else:
            known.times += times

    def leave_out_columns_of_restricted(self) -> None:
        """A file or sheet that is a restricted table is one finding, not one for each of its columns."""
        whole = {(s.location.file, s.location.sheet) for s in self.sights.values() if s.rule == TABLE_RULE}
        self.sights = {
            key: sight
            for key, sight in self.sights.items()
            if sight.rule not in _OF_COLUMNS or (sight.location.file, sight.location.sheet) not in whole
        }


def holds_data(path: Path) -> bool:
    """Whether a file is of a kind that holds data or letters, by its name."""
    return format_of(path)[0] is not None or path.suffix.lower() in DOCUMENTS or path.suffix.lower() == ".zip"


def look_into(path: Path, shown: str, signs: Signs) -> Seen:
    """Everything that ``signs`` find in a file; nothing is raised for a file that cannot be read."""
    seen = Seen()
    is_data = holds_data(Path(shown))
    if is_data:
        _name(Path(shown), shown, signs, seen)
    kind = format_of(Path(shown))[0]
    try:
        if kind is not None:
            _tables(path, shown, kind, signs, seen)
        if kind is None or kind in _LINES:
            encoding = text_encoding(head_of(path))
            if encoding is None:
                seen.unread = seen.unread or "it is neither text nor a table"
            else:
                _lines(path, shown, encoding, signs, seen, is_data=is_data)
    except OSError as error:
        seen.unread = (error.strerror or "it cannot be read").lower()
    seen.leave_out_columns_of_restricted()
    return seen


def _name(path: Path, shown: str, signs: Signs, seen: Seen) -> None:
    stem = format_of(path)[1]
    if stem.casefold() in signs.tables:
        seen.add(TABLE_RULE, f"the table {stem.casefold()}", "name of the file", Location(shown))
        return
    for sign in signs.file_names:
        if sign.found_in(stem.casefold()):
            seen.add(sign.rule, sign.label, "name of the file", Location(shown))
            return


def _tables(path: Path, shown: str, kind: str, signs: Signs, seen: Seen) -> None:
    from anakinra_t2d.reading import ReadOptions, SourceFile, open_tables

    source = SourceFile(None, path, shown, kind)  # type: ignore[arg-type]
    for table in open_tables(source, ReadOptions(known=signs.known), batch_rows=_BATCH_ROWS):
        if table.sheet:
            _sheet_name(table, signs, seen)
        _columns(table, signs, seen, with_texts=kind not in _LINES)
        if not table.readable and any(problem.code == "FILE-002" for problem in table.problems):
            problem = next(p.details.get("problem", "") for p in table.problems if p.code == "FILE-002")
            seen.unread = None if kind == "parquet" and _nested(path, shown, signs, seen) else problem


def _nested(path: Path, shown: str, signs: Signs, seen: Seen) -> bool:
    """Look into a Parquet file with lists in its cells, such as the reasons of rejected rows; whether it could be."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = 2
    try:
        for batch in pq.ParquetFile(path, pre_buffer=False).iter_batches(_BATCH_ROWS):
            for name, values in zip(batch.schema.names, batch.columns, strict=True):
                texts = [None if value is None else str(value) for value in values.to_pylist()]
                column = pl.Series(name, texts, dtype=pl.String)
                for rule, label, matches in _cell_matches(column, signs, with_texts=True):
                    place = Location(shown, row=row + int(matches.arg_true()[0]), column=name)
                    seen.add(rule, label, "cell", place, int(matches.sum()))
            row += batch.num_rows
    except (pa.ArrowException, OSError, ValueError):
        return False
    return True


def _sheet_name(table: TextTable, signs: Signs, seen: Seen) -> None:
    name = (table.sheet or "").casefold()
    where = Location(table.file.shown, table.sheet)
    if name in signs.tables:
        seen.add(TABLE_RULE, f"the table {name}", "name of the sheet", where)
        return
    for sign in signs.file_names:
        if sign.found_in(name):
            seen.add(sign.rule, sign.label, "name of the sheet", where)
            return


def _columns(table: TextTable, signs: Signs, seen: Seen, *, with_texts: bool) -> None:
    if set(table.header) >= _COUNTS:
        return
    known = {name: signs.column(name) for name in dict.fromkeys(table.header)}
    for name in table.header:
        if table.header.count(name) > 1:
            # the cells of columns with one name cannot be told apart, so they count as filled
            for rule, label in known[name]:
                seen.add(rule, label, "column", table.place_of_header(name))
    for batch in table:
        rows = batch.row_numbers()
        for column in batch.cells.get_columns():
            filled = column.is_not_null()
            number = int(filled.sum())
            if not number:
                continue
            first = filled.arg_true()[0]
            name = column.name
            for rule, label in known.get(name, []):
                seen.add(rule, label, "column", table.place(int(rows[first]), name), number)
            if name in signs.hinting:
                seen.add(HINT_RULE, name, "column", table.place(int(rows[first]), name), number)
            if any(rule == COLUMN_RULE for rule, _ in known.get(name, [])):
                continue  # the column itself is the finding
            for rule, label, matches in _cell_matches(column, signs, with_texts=with_texts):
                place = table.place(int(rows[matches.arg_true()[0]]), name)
                seen.add(rule, label, "cell", place, int(matches.sum()))


def _cell_matches(column: pl.Series, signs: Signs, *, with_texts: bool) -> Iterator[tuple[str, str, pl.Series]]:
    looked_for = [(sign.rule, sign.label, sign.source) for sign in (*signs.cells, *(signs.texts if with_texts else ()))]
    for rule, label, pattern in looked_for:
        matches = column.str.contains(pattern).fill_null(value=False)
        if matches.any():
            yield rule, label, matches
    for codes in signs.codes:
        if codes.column == column.name:
            matches = column.is_in(list(codes.codes)).fill_null(value=False)
            if matches.any():
                yield ONE_ARM_RULE, codes.label, matches


def _lines(path: Path, shown: str, encoding: str, signs: Signs, seen: Seen, *, is_data: bool) -> None:
    texts = [sign for sign in signs.texts if is_data or not sign.only_in_data]
    for first, lines in lines_of(path, encoding):
        block = pl.Series(lines, dtype=pl.String)
        for sign in texts:
            matches = block.str.contains(sign.source)
            if matches.any():
                row = first + int(matches.arg_true()[0])
                seen.add(sign.rule, sign.label, "text", Location(shown, row=row), int(matches.sum()))


def sights_in_order(seen: Iterable[Seen]) -> list[Sight]:
    """All that was seen, by file and row."""
    every = [sight for one in seen for sight in one.sights.values()]
    return sorted(every, key=lambda s: (s.location.file or "", s.location.sheet or "", s.location.row or 0, s.rule))
