"""Where the fields of one table stand in one sheet, and what the columns are called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from anakinra_t2d.schema.contents import Definitions
from anakinra_t2d.schema.sites import OVER, FieldLayout, SheetLayout, TableLayout
from anakinra_t2d.schema.tables import Field, Table
from anakinra_t2d.simulation.layouts.cell_text import CellTexts


@dataclass(frozen=True)
class Place:
    """Where one field stands. ``unit`` is the UCUM unit of its numbers there.

    ``is_canonical`` says that the column has the name of the field and is not listed in the layout.
    """

    field: Field
    layout: FieldLayout
    column: str
    unit: str | None
    is_canonical: bool = False

    @property
    def is_block(self) -> bool:
        """Whether there is one such column for each record of a block."""
        return OVER in self.column

    def column_of(self, spelling: str) -> str:
        """The column of one record of a block."""
        return self.column.replace(OVER, spelling)


@dataclass
class TablePlaces:
    """The layout of one table in one sheet.

    ``constants`` are values that no column holds: only records with these values belong here. ``texts`` are columns
    beside the fields, with the texts that they may hold, the usual one first; ``conditions`` are columns of fields
    that only let some records through.
    """

    table: Table
    layout: TableLayout
    places: dict[str, Place] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    conditions: dict[str, list[str]] = field(default_factory=dict)

    @property
    def tested(self) -> dict[str, str]:
        """Fields that are rows of their own, with the name of the test."""
        tests = self.layout.tests
        if tests is None:
            return {}
        allowed = {text.casefold() for text in self.layout.where.get(tests.column, [])}
        names = {
            name: next((text for text in texts if not allowed or text.casefold() in allowed), None)
            for name, texts in tests.names.items()
        }
        return {name: text for name, text in names.items() if text is not None}

    @property
    def holds_more_than_keys(self) -> bool:
        """Whether a field that is not part of the key stands here."""
        names = {*self.places, *self.constants, *self.tested}
        return bool(names - set(self.table.key))

    def lacks(self) -> list[str]:
        """Fields of the key that the layout does not give."""
        over = self.layout.over.field if self.layout.over else None
        return [name for name in self.table.key if name not in {*self.places, *self.constants, over}]

    def columns(self) -> Iterator[str]:
        """Columns of the table in their order, without those of a test."""
        blocks = []
        for place in self.places.values():
            if place.is_block:
                blocks.append(place)
            else:
                yield place.column
                if place.layout.unit_column:
                    yield place.layout.unit_column
        yield from self.texts
        if self.layout.over:
            for place in blocks:
                yield from (place.column_of(spelling) for spelling in self.layout.over.values.values())

    def test_columns(self) -> list[str]:
        """Columns that hold one test and its result."""
        tests = self.layout.tests
        names = (tests.column, tests.result, tests.unit_column, tests.status_column) if tests else ()
        return [name for name in names if name]


def find_places(layout: TableLayout, sheet: SheetLayout, found: Definitions, texts: CellTexts) -> TablePlaces:
    """Where ``layout`` puts the fields of its table."""
    table = found.tables[layout.table]
    result = TablePlaces(table, layout)
    tested = set(layout.tests.names) if layout.tests else set[str]()
    over = layout.over.field if layout.over else None
    for name in layout.fields:
        entry = layout.field(name)
        if entry.value is not None:
            result.constants[name] = entry.value
        else:
            column, field_ = entry.columns[0], table.fields[name]
            unit = entry.unit or texts.unit_in(column, field_) or found.unit(field_)
            result.places[name] = Place(field_, entry, column, unit)
    if layout.same_names:
        for name, field_ in table.fields.items():
            if name not in layout.fields and name not in tested and name != over:
                entry = FieldLayout(column=name)
                result.places[name] = Place(field_, entry, name, found.unit(field_), is_canonical=True)
    of_fields = {place.column for place in result.places.values()}
    if layout.tests:
        of_fields.add(layout.tests.column)
    for column, words in {**sheet.expect, **layout.where}.items():
        if column in of_fields:
            result.conditions[column] = words
        else:
            result.texts[column] = words
    return result


def header_text(place: Place, column: str, sheet: SheetLayout, texts: CellTexts) -> str:
    """The name of a column with its unit, where nothing else says the unit."""
    told = sheet.unit_row or place.is_canonical or place.layout.unit or place.layout.unit_column
    if told or place.unit is None or texts.unit_in(column, place.field):
        return column
    unit = texts.unit_text(place.unit, place.field)
    return f"{column} ({unit})" if unit else column
