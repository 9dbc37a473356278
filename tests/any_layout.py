"""Draws where the fields of any table stand in a sheet, and how their units are stated and spelled."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from anakinra_t2d.schema import Definitions, Field, Profile, Table
from anakinra_t2d.schema.quantities import Conversion, Quantity
from anakinra_t2d.schema.sites import OVER, FieldLayout, Over, TableLayout, Tests
from any_format import FORMATS
from any_values import BEYOND, LETTERS, Row, fits, records


@dataclass
class UnitPlace:
    """How the unit of one column is stated; ``spelling`` is the text for it, ``unit`` the UCUM code."""

    how: str
    unit: str
    spelling: str


@dataclass
class TableCase:
    """One table with its layout: as it is written (``written``) and as the profile says it (``read``)."""

    table: Table
    rows: list[Row]
    flags: list[Row]
    written: TableLayout
    read: TableLayout
    units: dict[str, UnitPlace]
    format: str
    true_values: bool
    over_field: str | None = None


def spellings(quantity: Quantity, unit: str, found: Definitions) -> list[str]:
    """Texts that mean ``unit`` for a quantity and nothing else, as the definitions list them."""
    own = {each.text: each for each in reversed(quantity.spellings)}
    general = {each.text: each for each in reversed(found.spellings) if each.text not in own}
    texts = [each.text for each in (*own.values(), *general.values()) if each.unit == unit and not each.ambiguous]
    return texts if unit in own or unit in general else [*texts, unit]


def conversions(quantity: Quantity) -> list[Conversion]:
    """Conversions by a factor that a stated unit is enough for."""
    return [each for each in quantity.conversions if each.apply == "yes" and each.factor is not None]


@st.composite
def table_cases(
    draw: st.DrawFn, table: Table, found: Definitions, subjects: Sequence[str], encoding: str, notation: Profile
) -> TableCase:
    """Records of a table and one layout for them."""
    alphabet = LETTERS + (BEYOND if encoding.startswith("utf") else "")
    kind = draw(st.sampled_from(sorted(FORMATS)))
    if kind == "ods":
        alphabet = alphabet.replace("\t", "")  # the library that reads it leaves tabs out
    rows, flags = draw(records(table, found, subjects, alphabet))
    shape = draw(st.sampled_from(["plain", "plain", "over", "tests"]))
    short = FORMATS[kind].short_names
    names = _Names(draw(st.booleans()) or short, short)
    ways = {
        "profile",
        "unit_column",
        *(["unit_row"] if FORMATS[kind].has_lines else []),
        *([] if short else ["header"]),
    }
    builder = _LayoutBuilder(table, rows, flags, found, names, ways, encoding if FORMATS[kind].is_text else "utf-8")
    true_values = FORMATS[kind].holds_values and draw(st.booleans())
    written = builder.draw_layout(draw, shape)
    units = dict(builder.units)
    case = TableCase(table, rows, builder.flags, written, _as_read(written, units), units, kind, true_values)
    case.over_field = written.over.field if written.over else None
    return case


class _Names:
    def __init__(self, renamed: bool, short: bool) -> None:
        self.renamed = renamed
        self.short = short
        self._number = 0

    def new(self, *, over: bool = False) -> str:
        self._number += 1
        if self.short:
            return f"F{self._number}_{OVER}" if over else f"F{self._number}"
        return f"{OVER} Måling {self._number}" if over else f"Größe {self._number}"


class _LayoutBuilder:
    """Decides where each field stands. ``units`` says by column, or by field of a test, how its unit is stated."""

    def __init__(
        self,
        table: Table,
        rows: list[Row],
        flags: list[Row],
        found: Definitions,
        names: _Names,
        ways: Collection[str],
        encoding: str,
    ) -> None:
        self.table = table
        self.rows = rows
        self.flags = flags
        self.found = found
        self.names = names
        self.ways = ways
        self.encoding = encoding
        self.units: dict[str, UnitPlace] = {}

    def draw_layout(self, draw: st.DrawFn, shape: str) -> TableLayout:
        fields: dict[str, str | FieldLayout] = {}
        table = self.table
        over = draw(st.sampled_from(table.key)) if shape == "over" else None
        tests: Tests | None = None
        tested: list[str] = []
        if shape == "tests":
            free = [name for name in table.fields if name not in table.key]
            free = [name for name in free if table.fields[name].required != "always"]
            tested = draw(st.lists(st.sampled_from(free), min_size=1, unique=True)) if free else []
            if tested:
                tests = self._tests(draw, tested)
        pair = self._pair(draw, tested) if over is None else []
        if pair:
            fields |= self._two_in_a_cell(draw, pair)
        constant = draw(st.none() | st.sampled_from(list(table.fields)))
        for name, each in table.fields.items():
            if name == over or name in tested or name in fields:
                continue
            sent = {row[name] for row in self.rows}
            if name == constant and len(sent) == 1 and None not in sent:
                fields[name] = FieldLayout(value=next(iter(sent)))
            elif over is not None and name not in table.key:
                fields[name] = self._place(draw, each, over=True)
            elif self.names.renamed or over is not None or draw(st.integers(0, 3)) == 0:
                fields[name] = self._place(draw, each)
        return TableLayout(table=table.name, fields=fields, same_names=over is None, tests=tests, over=self._over(over))

    def _over(self, over: str | None) -> Over | None:
        if over is None:
            return None
        found = list(dict.fromkeys(str(row[over]) for row in self.rows))
        return Over(field=over, values={value: f"s{place}" for place, value in enumerate(found)})

    def _place(self, draw: st.DrawFn, each: Field, *, over: bool = False) -> FieldLayout:
        column = self.names.new(over=over)
        quantity = self.found.quantity(each)
        if quantity is None:
            return FieldLayout(column=column)
        how = draw(st.sampled_from(["profile", "header", "unit_row"] + ([] if over else ["unit_column"])))
        if how not in self.ways:
            how = "profile"
        place = self._unit(draw, quantity, how)
        self.units[column] = place
        unit_column = self.names.new() if place.how == "unit_column" else None
        return FieldLayout(column=column, unit=place.unit, unit_column=unit_column)

    def _unit(self, draw: st.DrawFn, quantity: Quantity, how: str) -> UnitPlace:
        unit = draw(st.sampled_from([quantity.unit, *(each.unit for each in conversions(quantity))]))
        texts = [text for text in spellings(quantity, unit, self.found) if fits(text, self.encoding)]
        if how == "header":
            texts = [text for text in texts if "," not in text]
        return UnitPlace(how, unit, draw(st.sampled_from(texts))) if texts else UnitPlace("profile", unit, "")

    def _tests(self, draw: st.DrawFn, tested: list[str]) -> Tests:
        units: dict[str, list[str]] = {}
        for name in tested:
            quantity = self.found.quantity(self.table.fields[name])
            if quantity is not None:
                place = self._unit(draw, quantity, "unit_column")
                other = self._unit(draw, quantity, "unit_column")
                units[name] = [place.unit, other.unit]
                for each in (place, other):
                    self.units[f"{name}\n{each.unit}"] = each
        return Tests(
            column=self.names.new(),
            result=self.names.new(),
            unit_column=self.names.new(),
            status_column=self.names.new() if draw(st.booleans()) else None,
            names={name: [f"Prøve {place}", f"Test {place}"] for place, name in enumerate(tested)},
            units=units,
        )

    def _pair(self, draw: st.DrawFn, tested: Sequence[str]) -> list[str]:
        """Two fields that can share a cell: both have a value in every record, or neither."""
        free = [
            name
            for name, each in self.table.fields.items()
            if each.type in ("integer", "number") and name not in (*self.table.key, *tested)
        ]
        if len(free) < 2 or not draw(st.booleans()):
            return []
        pair = draw(st.lists(st.sampled_from(free), min_size=2, max_size=2, unique=True))
        empty = [row for row in self.rows if None in (row[pair[0]], row[pair[1]])]
        if any(self.table.fields[name].required == "always" for name in pair) and empty:
            return []
        for row in empty:
            row.update(dict.fromkeys(pair))
        return pair

    def _two_in_a_cell(self, draw: st.DrawFn, pair: list[str]) -> dict[str, FieldLayout]:
        column, separator = self.names.new(), draw(st.sampled_from(["/", "\\", ";", "x"]))
        layouts = {}
        for part, name in enumerate(pair, start=1):
            quantity = self.found.quantity(self.table.fields[name])
            unit = self._unit(draw, quantity, "profile").unit if quantity else None
            layouts[name] = FieldLayout(column=column, separator=separator, part=part, unit=unit)
        return layouts


def _as_read(layout: TableLayout, units: Mapping[str, UnitPlace]) -> TableLayout:
    """The layout without the units that the file states."""
    fields: dict[str, str | FieldLayout] = {}
    for name in layout.fields:
        entry = layout.field(name)
        place = units.get(entry.columns[0]) if entry.columns else None
        fields[name] = entry if place is None or place.how == "profile" else entry.model_copy(update={"unit": None})
    return layout.model_copy(update={"fields": fields})
