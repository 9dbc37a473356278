"""Which columns of a sheet hold which fields, by the layout that a site profile gives for it."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import polars as pl

from anakinra_t2d.reading.cells import TextTable
from anakinra_t2d.reading.header_row import name_and_unit
from anakinra_t2d.schema.sites import OVER, FieldLayout, SheetLayout, TableLayout
from anakinra_t2d.schema.tables import Table


@dataclass(frozen=True)
class Column:
    """Where the cells of a field stand. ``header`` is as sent.

    ``unit`` is the text that the header, the unit row or the file itself states; ``unit_column`` the header of the
    column that states it row by row. ``is_canonical`` says that the column has the name of the field and so, when
    nothing else is stated, its unit.
    """

    field: str
    header: str
    layout: FieldLayout
    unit: str | None = None
    unit_column: str | None = None
    is_canonical: bool = False


@dataclass(frozen=True)
class TestColumns:
    """Columns of a sheet with one result a row; ``fields`` maps the name of a test, case folded, to its field."""

    name: str
    result: Column
    status: str | None
    fields: dict[str, str]
    ignored: frozenset[str]


@dataclass(frozen=True)
class MissingColumn:
    """A column that the profile names and the sheet does not have; ``fields`` are what it is named for."""

    column: str
    fields: tuple[str, ...]
    suggestion: str
    is_needed: bool


@dataclass
class TableColumns:
    """The layout of one table, found in the header of one sheet.

    ``constants`` are values that no column holds, ``defaults`` those that stand in for an empty or missing cell.
    ``blocks`` holds, by value of the key field that column names hold, the columns of that record.
    """

    table: Table
    layout: TableLayout
    columns: dict[str, Column] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    blocks: dict[str, dict[str, Column]] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    where: dict[str, frozenset[str]] = field(default_factory=dict)
    unless: dict[str, frozenset[str]] = field(default_factory=dict)
    when_filled: list[str] = field(default_factory=list)
    tests: TestColumns | None = None
    missing: list[MissingColumn] = field(default_factory=list)

    @property
    def fields(self) -> list[str]:
        """Every field that the sheet gives, in the order of the table."""
        found = {
            *self.columns,
            *self.constants,
            *self.defaults,
            *(name for block in self.blocks.values() for name in block),
        }
        if self.blocks and self.layout.over:
            found.add(self.layout.over.field)
        if self.tests:
            found.update(self.tests.fields.values())
        return [name for name in self.table.fields if name in found]

    @property
    def is_usable(self) -> bool:
        """Whether the columns without which no record can be made are there."""
        return not any(missing.is_needed for missing in self.missing)

    def headers(self) -> set[str]:
        """Headers of every column that is read."""
        every = [*self.columns.values(), *(column for block in self.blocks.values() for column in block.values())]
        found = {*self.where, *self.unless, *self.when_filled}
        if self.tests:
            every.append(self.tests.result)
            found.update(name for name in (self.tests.name, self.tests.status) if name)
        for column in every:
            found.update(name for name in (column.header, column.unit_column) if name)
        return found


class HeaderNames:
    """Finds columns of a sheet by name: the whole header, or the header without its unit."""

    def __init__(self, source: TextTable) -> None:
        self.source = source
        self._whole: dict[str, int] = {}
        self._bare: dict[str, int] = {}
        for place, header in enumerate(source.header):
            self._whole.setdefault(_folded(header), place)
        for place, header in enumerate(source.header):
            self._bare.setdefault(_folded(name_and_unit(header)[0]), place)

    def place(self, names: Iterable[str]) -> int | None:
        """Place of the first column with one of the names, or None."""
        for name in names:
            folded = _folded(name)
            for known in (self._whole, self._bare):
                if folded in known:
                    return known[folded]
        return None

    def header(self, name: str) -> str | None:
        """The header as sent of the column with this name."""
        place = self.place([name])
        return None if place is None else self.source.header[place]

    def unit(self, place: int) -> str | None:
        """The unit text that the header, the unit row or the file states for a column, in this order."""
        header = self.source.header[place]
        marked = name_and_unit(header)[1]
        if marked:
            return marked
        if place < len(self.source.unit_cells) and (cell := self.source.unit_cells[place]):
            return cell
        return self.source.units.get(header)

    def near(self, name: str) -> str:
        """Words that suggest a column of a similar name, or nothing."""
        near = difflib.get_close_matches(name, self.source.header, n=1, cutoff=0.7)
        return f" (did you mean {near[0]}?)" if near else ""


def find_columns(layout: TableLayout, table: Table, names: HeaderNames) -> TableColumns:
    """Find what ``layout`` says in a header; nothing is guessed, what is not there is in ``missing``."""
    found = TableColumns(table, layout)
    for name in layout.fields:
        entry = layout.field(name)
        if entry.value is not None:
            found.constants[name] = entry.value
        elif entry.is_block:
            _find_block(found, name, entry, names)
        else:
            if entry.default is not None:
                found.defaults[name] = entry.default
            column = _column(name, entry, entry.columns, names)
            if column is None and entry.default is None:
                _miss(found, entry.columns[0], (name,), names, is_needed=name in table.key)
            elif column is not None:
                found.columns[name] = column
    tested = set(layout.tests.names) if layout.tests else set()
    if layout.same_names:
        for name in table.fields:
            is_over = layout.over is not None and layout.over.field == name
            if name not in layout.fields and name not in tested and not is_over:
                place = names.place([name])
                if place is not None:
                    unit = names.unit(place)
                    found.columns[name] = Column(
                        name, names.source.header[place], FieldLayout(column=name), unit, None, is_canonical=True
                    )
    _find_conditions(found, names)
    _find_tests(found, names)
    return found


def _column(name: str, entry: FieldLayout, spellings: Sequence[str], names: HeaderNames) -> Column | None:
    place = names.place(spellings)
    if place is None:
        return None
    unit_column = names.header(entry.unit_column) if entry.unit_column else None
    return Column(name, names.source.header[place], entry, names.unit(place), unit_column)


def _find_block(found: TableColumns, name: str, entry: FieldLayout, names: HeaderNames) -> None:
    assert found.layout.over
    some = False
    for value, spelling in found.layout.over.values.items():
        column = _column(name, entry, [each.replace(OVER, spelling) for each in entry.columns], names)
        if column is not None:
            found.blocks.setdefault(value, {})[name] = column
            some = True
    if not some:
        _miss(found, entry.columns[0], (name,), names, is_needed=False)


def _find_conditions(found: TableColumns, names: HeaderNames) -> None:
    for column, texts in found.layout.where.items():
        header = names.header(column)
        if header is None:
            _miss(found, column, (found.table.name,), names, is_needed=True)
        else:
            found.where[header] = frozenset(_folded(text) for text in texts)
    for column, texts in found.layout.unless.items():
        header = names.header(column)
        if header is not None:
            found.unless[header] = frozenset(_folded(text) for text in texts)
    for column in found.layout.when_filled:
        header = names.header(column)
        if header is not None:
            found.when_filled.append(header)


def _find_tests(found: TableColumns, names: HeaderNames) -> None:
    tests = found.layout.tests
    if tests is None:
        return
    fields = {_folded(text): name for name, texts in tests.names.items() for text in texts}
    entry = FieldLayout(column=tests.result, unit_column=tests.unit_column)
    name, result = names.header(tests.column), _column(tests.result, entry, [tests.result], names)
    for column, header in ((tests.column, name), (tests.result, result)):
        if header is None:
            _miss(found, column, (found.table.name,), names, is_needed=True)
    if name is not None and result is not None:
        status = names.header(tests.status_column) if tests.status_column else None
        ignored = frozenset(_folded(text) for text in tests.ignore)
        found.tests = TestColumns(name, result, status, fields, ignored)


def _miss(found: TableColumns, column: str, fields: tuple[str, ...], names: HeaderNames, *, is_needed: bool) -> None:
    found.missing.append(MissingColumn(column, fields, names.near(column), is_needed))


def left_over(source: TextTable, sheet: SheetLayout, tables: Sequence[TableColumns]) -> list[str]:
    """Headers that neither a table reads nor the profile leaves out on purpose."""
    read = {header for table in tables for header in table.headers()} | set(source.technical)
    read.update(name for column in sheet.expect if (name := HeaderNames(source).header(column)))
    patterns = [pattern.casefold() for pattern in sheet.ignore]
    return [
        header
        for header in dict.fromkeys(source.header)
        if header not in read and not any(fnmatch.fnmatchcase(_folded(header), each) for each in patterns)
    ]


def folded(texts: pl.Series) -> pl.Series:
    """Texts without needless spaces and letter case, as names are compared; null stays null."""
    known = {text: _folded(text) for text in texts.drop_nulls().unique()}
    return texts.replace_strict(known, default=None, return_dtype=pl.String) if known else texts


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
