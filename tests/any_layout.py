"""Draws tables of the schema and layouts that a site may send them in, and says what must come back.

Nothing here names a table or a field: all of it follows from the definitions. The cells come from
``simulation.layouts``; how units are stated and spelled, what stands above the header, and the order of columns is
added here.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl
from hypothesis import strategies as st

from anakinra_t2d.harmonise.results import ABOVE_LIMIT, BELOW_LIMIT
from anakinra_t2d.schema import Definitions, Field, Profile, Table
from anakinra_t2d.schema.quantities import Conversion, Quantity
from anakinra_t2d.schema.sites import BOOLEAN, OVER, FieldLayout, Over, SheetLayout, SubjectNumbers, TableLayout, Tests
from anakinra_t2d.schema.tables import Planned
from anakinra_t2d.simulation.layouts import Cell, SentSheet, render
from anakinra_t2d.simulation.layouts.cell_text import CellTexts
from anakinra_t2d.simulation.layouts.flags import record_key
from any_format import FORMATS, WrittenFile

Row = dict[str, str | None]
FLAGS_FILE = "left-over.csv"
_LETTERS = "abcXYZ0179 .:-_/&<>=#%+*()[]{}'\",;|\t\nÄÖÜäöüßæøåéµ°"
_BEYOND = "λ日😀Ω"
_SITE = "AB12"
_MISSING = ("k.A.", "ikke målt")
_DATES = ("dd.mm.yyyy", "d.m.yy", "dd-mm-yyyy", "mm/dd/yyyy", "yyyy/mm/dd", "dd/mm/yy", "yy-mm-dd", "d/m/yyyy")
_CLOCKS = (" hh:mm", " hh:mm:ss", " h:mm", " hh.mm", "Thh:mm")
_MOST_DIGITS = 9
_MOST_RECORDS = 4


def loosened(found: Definitions, names: Sequence[str]) -> Definitions:
    """Some tables without the rules that their values could break; what may never be empty still may not."""
    kept = [name for name, table in found.tables.items() if name in names or table.role in ("flags", "lineage")]
    return dataclasses.replace(found, tables={name: _loosened(found.tables[name]) for name in kept}, across_rules={})


def _loosened(table: Table) -> Table:
    free = {"required": "optional", "planned": Planned(), "required_when": None, "required_by": None}
    fields = {
        name: each if each.required == "always" else each.model_copy(update=free) for name, each in table.fields.items()
    }
    return table.model_copy(update={"fields": fields, "rules": [], "foreign_keys": [], "unique": []})


def subject_fields(found: Definitions) -> list[str]:
    """Fields that hold a subject number: those that refer to the table which most tables refer to."""
    single = [
        (key.table, key.fields[0])
        for table in found.tables.values()
        for key in table.foreign_keys
        if len(key.fields) == 1
    ]
    most = Counter(table for table, _ in single).most_common(1)[0][0]
    return sorted({name for table, name in single if table == most} | set(found.tables[most].key))


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

    def __repr__(self) -> str:
        """What is sent, what it should become, and the profile: as much as it takes to see why they differ."""
        shown = [f"{file.name} ({file.encoding}, true values: {file.true_values}): {file.lines}" for file in self.files]
        for name, frame in self.tables.items():
            shown.append(f"{name}: {[{k: v for k, v in row.items() if v is not None} for row in frame.to_dicts()]}")
        return "\n".join([*shown, str(self.profile.model_dump(exclude_defaults=True))])


def values(each: Field, found: Definitions, subjects: Sequence[str], alphabet: str) -> st.SearchStrategy[str]:
    """Canonical texts of a field that is not empty."""
    if each.name in subjects:
        return st.integers(1, 12).map(lambda number: f"{_SITE}-{number:03}")
    terms = found.terms(each)
    if terms is not None:
        return st.sampled_from(terms)
    if each.type == "boolean":
        return st.sampled_from(["true", "false"])
    if each.type in ("integer", "number"):
        return _numbers(each)
    if each.type in ("date", "datetime"):
        return _moments(each)
    if each.pattern is not None:
        return st.from_regex(each.pattern.strip("^$"), fullmatch=True)
    return st.text(st.sampled_from(alphabet), min_size=1, max_size=14).map(str.strip).filter(_is_free)


def _is_free(text: str) -> bool:
    return bool(text) and text.casefold() not in {word.casefold() for word in _MISSING}


def _numbers(each: Field) -> st.SearchStrategy[str]:
    low, high = (float(bound) if isinstance(bound, int | float) else None for bound in each.range or (None, None))
    low, high = (-5000.0 if low is None else low), (50_000.0 if high is None else high)

    def of_places(places: int) -> st.SearchStrategy[str]:
        scale = 10**places
        whole = st.integers(math.ceil(low * scale), math.floor(high * scale))
        return whole.map(lambda number: _shortest(Decimal(number).scaleb(-places)))

    if each.type == "integer":
        return of_places(0)
    most = _MOST_DIGITS - 1 - math.floor(math.log10(max(abs(low), abs(high), 1)))
    return st.integers(0, max(0, min(most, 6))).flatmap(of_places)


def _shortest(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _moments(each: Field) -> st.SearchStrategy[str]:
    low, high = each.bounds or (None, None)
    first = low if isinstance(low, dt.date) else dt.date(1931, 1, 1)
    last = high if isinstance(high, dt.date) else dt.date(2019, 12, 31)
    days = st.dates(first, last)
    if each.type == "date":
        return days.map(dt.date.isoformat)
    times = st.sampled_from(["00:00", "00:00:00", "07:45", "23:59:59", "12:00:30", "08:05"])
    return st.tuples(days, times).map(lambda pair: f"{pair[0].isoformat()}T{pair[1]}")


@st.composite
def records(
    draw: st.DrawFn, table: Table, found: Definitions, subjects: Sequence[str], alphabet: str
) -> tuple[list[Row], list[Row]]:
    """Records of a table with whole and unique keys, and the flags of some of their empty cells."""
    keys = st.fixed_dictionaries({name: values(table.fields[name], found, subjects, alphabet) for name in table.key})
    drawn = draw(
        st.lists(keys, min_size=1, max_size=_MOST_RECORDS, unique_by=lambda key: tuple(map(_folded, key.values())))
    )
    others = [each for name, each in table.fields.items() if name not in table.key]
    rows: list[Row] = []
    flags: list[Row] = []
    for key in drawn:
        row: Row = dict(key)
        for each in others:
            must = each.required == "always" or each is others[0]
            row[each.name] = None
            if must or draw(st.booleans()):
                row[each.name] = draw(values(each, found, subjects, alphabet))
        for each in others:
            may = each.required != "always" and each.type in ("integer", "number") and each.quantity is not None
            if may and table.role == "data" and row[each.name] is None and draw(st.integers(0, 3)) == 0:
                flags.append(draw(_flag(table, row, each, found)))
        rows.append(row)
    return rows, flags


def _folded(text: str) -> str:
    return text.casefold()


@st.composite
def _flag(draw: st.DrawFn, table: Table, row: Row, each: Field, found: Definitions) -> Row:
    status = draw(st.sampled_from(found.result_statuses.codes))
    limit = draw(_numbers(each)) if status in (BELOW_LIMIT, ABOVE_LIMIT) else None
    names = ("table", "record_key", "field", "result_status", "limit_value", "value_raw")
    return dict(zip(names, (table.name, record_key(table, row), each.name, status, limit, None), strict=True))


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
    draw: st.DrawFn, table: Table, found: Definitions, subjects: Sequence[str], alphabet: str, notation: Profile
) -> TableCase:
    """Records of a table and one layout for them."""
    rows, flags = draw(records(table, found, subjects, alphabet))
    kind = draw(st.sampled_from(sorted(FORMATS)))
    shape = draw(st.sampled_from(["plain", "plain", "over", "tests"]))
    short = FORMATS[kind].short_names
    names = _Names(draw(st.booleans()) or short, short)
    ways = {"profile", "unit_column", *(["unit_row"] if FORMATS[kind].has_lines else []), *([] if short else ["header"])}
    builder = _LayoutBuilder(table, rows, flags, found, names, ways)
    # 1.234 in a text cell of a workbook is a number with a point, whatever the profile says of texts
    true_values = FORMATS[kind].holds_values and ("." in notation.thousands or draw(st.booleans()))
    written = builder.draw_layout(draw, shape)
    units = {column: place for column, place in builder.units.items()}
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
    ) -> None:
        self.table = table
        self.rows = rows
        self.flags = flags
        self.found = found
        self.names = names
        self.ways = ways
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
        return TableLayout(
            table=table.name, fields=fields, same_names=over is None, tests=tests, over=self._over(over, draw)
        )

    def _over(self, over: str | None, draw: st.DrawFn) -> Over | None:
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
        texts = spellings(quantity, unit, self.found)
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
        column, separator = self.names.new(), draw(st.sampled_from(["/", " / ", " - ", "\\"]))
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


@st.composite
def notations(draw: st.DrawFn, found: Definitions, subjects: Sequence[str]) -> Profile:
    """How a site writes numbers, dates, codes and subject numbers; a profile without sheets."""
    decimal = draw(st.sampled_from([".", ","]))
    marks = st.sampled_from([mark for mark in ("'", "’", " ", ".", ",") if mark != decimal])
    date = draw(st.none() | st.sampled_from(_DATES))
    dates = [] if date is None else draw(st.sampled_from([[date, date + clock] for clock in _CLOCKS]))
    codes = {}
    used = {each.codelist for table in found.tables.values() for each in table.fields.values()}
    lists = {name: each.codes for name, each in found.codelists.items() if name in used}
    lists[BOOLEAN] = ["true", "false"]
    for name, terms in lists.items():
        how = draw(st.sampled_from(["same", "words", "numbers", "moved"]))
        if how == "words":
            codes[name] = {f"{term[:4]}ø{place}": term for place, term in enumerate(terms)}
        elif how == "numbers":
            codes[name] = {str(place): term for place, term in enumerate(terms)}
        elif how == "moved":
            codes[name] = dict(zip(terms, [*terms[1:], terms[0]], strict=True))
    return Profile(
        title="Any site",
        decimal=decimal,  # type: ignore[arg-type]
        thousands=draw(st.lists(marks, max_size=2, unique=True)),  # type: ignore[arg-type]
        dates=dates,
        two_digit_years_from=1930,
        missing=list(draw(st.sampled_from([(), _MISSING[:1], _MISSING]))),
        codes=codes,
        subjects=draw(st.none() | _subject_numbers(list(subjects))),
        sheets=[],
    )


def _subject_numbers(fields: list[str]) -> st.SearchStrategy[SubjectNumbers]:
    return st.sampled_from(
        [
            SubjectNumbers(fields=fields, sent="{number}", canonical=f"{_SITE}-{{number:03}}"),
            SubjectNumbers(fields=fields, sent="Pt {number:05}/{site}", canonical="{site}-{number:03}"),
            SubjectNumbers(fields=fields, map={"X 1": f"{_SITE}-001"}, others="keep"),
        ]
    )


@st.composite
def cases(draw: st.DrawFn, whole: Definitions, names: Sequence[str]) -> Case:
    """Some tables as one site sends them."""
    found = loosened(whole, names)
    subjects = subject_fields(whole)
    notation = draw(notations(found, subjects))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"]))
    alphabet = _LETTERS + (_BEYOND if encoding.startswith("utf") else "")
    tables: dict[str, pl.DataFrame] = {}
    files: list[WrittenFile] = []
    layouts: list[SheetLayout] = []
    flags: list[Row] = []
    sent: dict[str, int] = {}
    case = Case(found, tables, notation, files, sent)
    for name in names:
        each = draw(table_cases(found.tables[name], found, subjects, alphabet, notation))
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
    stand_in = ("typed.parquet" if kind.is_typed else "book.xlsx") if each.true_values else "text.csv"
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
    """The notation for texts, or for cells that are true numbers and dates."""
    return notation.model_copy(update={"decimal": ".", "thousands": [], "dates": []}) if each.true_values else notation


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
        column: draw(st.sampled_from(["{} ({})", "{} [{}]", "{}, {}"]))
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
            sent = texts.value(entry, place, value, unit, as_number=False)
            if sent != value or unit != canonical:
                case.changed[table.name, record_key(table, row), name] = (str(sent), value)
