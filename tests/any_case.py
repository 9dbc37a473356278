"""Draws tables as any site may send them: the files, the profile that says how they are written, what must come back.

The cells come from ``simulation.layouts``; how units are stated and spelled, what stands above the header, and the
order of columns are added here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from hypothesis import strategies as st

from anakinra_t2d.schema import Definitions, Field, Profile, Table
from anakinra_t2d.schema.sites import OVER, FieldLayout, SheetLayout, TableLayout
from anakinra_t2d.simulation.layouts import Cell, SentSheet, render
from anakinra_t2d.simulation.layouts.cell_text import CellTexts
from anakinra_t2d.simulation.layouts.flags import record_key
from any_format import FORMATS, WrittenFile
from any_layout import TableCase, table_cases
from any_values import Row, loosened, notations, subject_fields

FLAGS_FILE = "left-over.csv"


@dataclass(repr=False)
class Case:
    """Tables as canonical texts, the profile of the site, and the files that it sends."""

    found: Definitions
    tables: dict[str, pl.DataFrame]
    profile: Profile
    files: list[WrittenFile]
    rows_sent: dict[str, int]
    changed: dict[tuple[str, str, str], tuple[str, str]] = field(default_factory=dict)
    """(table, record key, field) of each cell that reads otherwise than it is canonical: text as sent, canonical."""
    vague: set[tuple[str, str]] = field(default_factory=set)
    """Fields that a format holds as true dates: whether their texts count as changed is a matter of the format."""

    @property
    def names(self) -> list[str]:
        """The tables that were asked for; flags may come beside them."""
        return [name for name in self.tables if self.found.tables[name].role != "flags"]

    def __repr__(self) -> str:
        """What is sent, what it should become, and the profile: as much as it takes to see why they differ."""
        shown = [f"{file.name} ({file.encoding}, true values: {file.true_values}): {file.lines}" for file in self.files]
        for name, frame in self.tables.items():
            shown.append(f"{name}: {[{k: v for k, v in row.items() if v is not None} for row in frame.to_dicts()]}")
        return "\n".join([*shown, str(self.profile.model_dump(exclude_defaults=True))])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002
        """What hypothesis prints."""
        printer.text(repr(self))


@st.composite
def cases(draw: st.DrawFn, whole: Definitions, names: Sequence[str]) -> Case:
    """Some tables as one site sends them."""
    found = loosened(whole, names)
    subjects = subject_fields(whole)
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"]))
    notation = draw(notations(found, subjects, encoding))
    tables: dict[str, pl.DataFrame] = {}
    files: list[WrittenFile] = []
    layouts: list[SheetLayout] = []
    flags: list[Row] = []
    sent: dict[str, int] = {}
    case = Case(found, tables, notation, files, sent)
    for name in names:
        each = draw(table_cases(found.tables[name], found, subjects, encoding, notation))
        tables[name] = pl.DataFrame(each.rows, schema=dict.fromkeys(each.table.fields, pl.String))
        sheet, left = _rendered(each, notation, found)
        flags += left
        file, layout = draw(_dressed(each, sheet, notation, encoding, found))
        files.append(file)
        layouts.append(layout)
        sent[file.name] = len(sheet.rows)
        _note_changes(case, each)
        if each.flags:
            flag_table = _flag_table(found)
            frame = pl.DataFrame(each.flags, schema=dict.fromkeys(flag_table.fields, pl.String))
            tables[flag_table.name] = pl.concat([tables.get(flag_table.name, frame.clear()), frame])
    if flags:
        file, layout = _left_over(flags, notation, found)
        files.append(file)
        layouts.append(layout)
    case.profile = notation.model_copy(update={"sheets": layouts})
    return case


def _flag_table(found: Definitions) -> Table:
    return next(table for table in found.tables.values() if table.role == "flags")


def _rendered(each: TableCase, notation: Profile, found: Definitions) -> tuple[SentSheet, list[Row]]:
    """The sheet of one table, and the flags that it cannot say."""
    flag_table = _flag_table(found)
    kind = FORMATS[each.format]
    stand_in = "typed.parquet" if kind.is_typed and each.true_values else "text.csv"
    profile = _writing(each, notation).model_copy(
        update={
            "sheets": [
                SheetLayout(files=stand_in, tables=[each.written]),
                SheetLayout(files="flags.csv", tables=[TableLayout(table=flag_table.name)]),
            ]
        }
    )
    frames = {each.table.name: pl.DataFrame(each.rows, schema=dict.fromkeys(each.table.fields, pl.String))}
    if each.flags:
        frames[flag_table.name] = pl.DataFrame(each.flags, schema=dict.fromkeys(flag_table.fields, pl.String))
    by_name = {file.name: file.sheets[0] for file in render(profile, frames, found)}
    left: list[Row] = []
    if "flags.csv" in by_name:
        place = by_name["flags.csv"].header
        cells = [dict(zip(place, row, strict=True)) for row in by_name["flags.csv"].rows]
        kept = {(row["table"], row["record_key"], row["field"]) for row in cells}
        left = [row for row in each.flags if (row["table"], row["record_key"], row["field"]) in kept]
    return by_name[stand_in], left


def _writing(each: TableCase, notation: Profile) -> Profile:
    """The notation for texts, or where some columns hold true numbers and dates."""
    return notation.model_copy(update={"thousands": [], "dates": []}) if each.true_values else notation


def _columns(each: TableCase) -> Iterator[tuple[str, Field]]:
    """Columns of the sheet that hold one field."""
    layout = each.written
    tested = set(layout.tests.names) if layout.tests else set()
    for name, entry in each.table.fields.items():
        if name in tested or name == each.over_field:
            continue
        if name not in layout.fields:
            yield name, entry
        elif (place := layout.field(name)).columns and place.separator is None:
            spelt = list(layout.over.values.values()) if layout.over and place.is_block else [""]
            for spelling in spelt:
                yield place.columns[0].replace(OVER, spelling), entry


@st.composite
def _dressed(
    draw: st.DrawFn, each: TableCase, sheet: SentSheet, notation: Profile, encoding: str, found: Definitions
) -> tuple[WrittenFile, SheetLayout]:
    """The sheet with its units stated, its columns mixed and lines above it, and the layout that says so."""
    kind = FORMATS[each.format]
    unit_of = dict(each.units)
    if each.written.over:
        spelt = each.written.over.values.values()
        unit_of |= {column.replace(OVER, s): place for column, place in each.units.items() for s in spelt}
    _spell_units(each, sheet, found)
    if notation.missing and not (kind.is_typed and each.true_values):
        word = st.sampled_from([None, None, *notation.missing])
        for column, _ in _columns(each):
            if column in sheet.header:
                at = sheet.header.index(column)
                for row in sheet.rows:
                    row[at] = draw(word) if row[at] is None else row[at]
    order = draw(st.permutations(range(len(sheet.header))))
    header = [sheet.header[at] for at in order]
    rows = [[row[at] for at in order] for row in sheet.rows]
    unit_row = any(unit_of[column].how == "unit_row" for column in header if column in unit_of)
    title = draw(st.integers(0, 2)) if kind.has_lines else 0
    units: list[str | None] = []
    if unit_row:
        units = [
            unit_of[column].spelling if column in unit_of and unit_of[column].how == "unit_row" else None
            for column in header
        ]
    above = bool(units) and title > 0 and draw(st.booleans())
    marks = {
        column: draw(st.sampled_from(["{} ({})", "{} [{}]", *([] if " (" in unit_of[column].spelling else ["{}, {}"])]))
        for column in header
        if column in unit_of and unit_of[column].how == "header"
    }
    shown = [marks[column].format(column, unit_of[column].spelling) if column in marks else column for column in header]
    stem = draw(st.sampled_from([each.table.name, f"Eksport {each.table.name} ä"]))
    stated = encoding in ("cp1252", "latin-1") or draw(st.booleans())
    file = WrittenFile(
        f"{stem}.{kind.suffix}",
        each.format,
        shown,
        rows,
        title=[f"Site export {number}" for number in range(title)],
        units=units,
        units_above=above,
        encoding=encoding,
        fields={shown[header.index(column)]: entry for column, entry in _columns(each) if column in header},
        true_values=each.true_values,
        decimal=notation.decimal,
    )
    layout = SheetLayout(
        files=file.name,
        header_row=title + 1 if title else draw(st.sampled_from([None, 1])) if kind.has_lines else None,
        unit_row=(title if above else title + 2) if units else None,
        encoding=encoding if kind.is_text and stated else None,
        delimiter=_named(kind.delimiter) if kind.is_text and (stated or title or len(header) == 1) else None,
        tables=[each.read],
    )
    return file, layout


def _named(delimiter: str | None) -> str | None:
    return "tab" if delimiter == "\t" else delimiter


def _spell_units(each: TableCase, sheet: SentSheet, found: Definitions) -> None:
    """Put the chosen spellings into the columns that hold the unit of each row."""
    places = {column: at for at, column in enumerate(sheet.header)}
    for name in each.written.fields:
        entry = each.written.field(name)
        if entry.unit_column:
            at = places[entry.unit_column]
            for row in sheet.rows:
                row[at] = None if row[at] is None else each.units[entry.columns[0]].spelling
    tests = each.written.tests
    if tests is None or tests.unit_column is None:
        return
    texts = CellTexts(Profile(title="any", sheets=[]), found)
    spelt: dict[tuple[Cell, Cell], str] = {}
    for name, units in tests.units.items():
        for unit in units:
            usual = texts.unit_text(unit, each.table.fields[name])
            spelt[tests.names[name][0], usual] = each.units[f"{name}\n{unit}"].spelling
    test, unit_at = places[tests.column], places[tests.unit_column]
    for row in sheet.rows:
        row[unit_at] = spelt.get((row[test], row[unit_at]), row[unit_at])


def _left_over(flags: list[Row], notation: Profile, found: Definitions) -> tuple[WrittenFile, SheetLayout]:
    table = _flag_table(found)
    layout = SheetLayout(files=FLAGS_FILE, encoding="utf-8", delimiter=",", tables=[TableLayout(table=table.name)])
    frame = pl.DataFrame(flags, schema=dict.fromkeys(table.fields, pl.String))
    sheet = render(notation.model_copy(update={"sheets": [layout]}), {table.name: frame}, found)[0].sheets[0]
    return WrittenFile(FLAGS_FILE, "comma", sheet.header, sheet.rows), layout


def _note_changes(case: Case, each: TableCase) -> None:
    """Which cells are sent otherwise than canonical, by the same words that the files were written with."""
    writing = _writing(each, case.profile)
    texts = CellTexts(writing, case.found)
    # a column of numbers has no decimal mark; a workbook shows its numbers with that of the site
    numbers = CellTexts(writing.model_copy(update={"decimal": "."}), case.found)
    is_typed = each.true_values and FORMATS[each.format].is_typed
    alone = {entry.name for _, entry in _columns(each)} if is_typed else set()
    layout, table = each.written, each.table
    tested = layout.tests.names if layout.tests else {}
    turns: dict[str | None, int] = {}
    for row in each.rows:
        turn = turns.setdefault(row[table.key[0]], len(turns))
        for name, entry in table.fields.items():
            value = row[name]
            if value is None or name == each.over_field:
                continue
            place = FieldLayout(column=name) if name in tested or name not in layout.fields else layout.field(name)
            if place.value is not None:
                continue
            canonical = case.found.unit(entry)
            unit = place.unit or canonical
            if layout.tests and name in layout.tests.units:
                unit = layout.tests.units[name][turn % len(layout.tests.units[name])]
            if each.true_values and entry.type in ("date", "datetime"):
                case.vague.add((table.name, name))
                continue
            sent = (numbers if name in alone else texts).value(entry, place, value, unit, as_number=False)
            if sent != value or unit != canonical:
                case.changed[table.name, record_key(table, row), name] = (str(sent), value)
