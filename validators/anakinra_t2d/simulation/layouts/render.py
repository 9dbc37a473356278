"""Lays the tables of a trial out as one site profile says."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from anakinra_t2d.schema.contents import Definitions
from anakinra_t2d.schema.sites import Profile, SheetLayout
from anakinra_t2d.schema.tables import Table
from anakinra_t2d.simulation.layouts.cell_text import CellTexts
from anakinra_t2d.simulation.layouts.coverage import Coverage
from anakinra_t2d.simulation.layouts.drafts import Drafter, Record
from anakinra_t2d.simulation.layouts.flags import Flags
from anakinra_t2d.simulation.layouts.places import TablePlaces, find_places, header_text
from anakinra_t2d.simulation.layouts.sent import Cell, SentFile, SentSheet, suffix_of
from anakinra_t2d.simulation.layouts.sheet_rows import SheetRows

_DELIMITERS = {".tsv": "\t", ".tab": "\t", ".psv": "|"}
NOTICE = "Synthetic data. No record describes a real person."


def render(profile: Profile, tables: Mapping[str, pl.DataFrame], found: Definitions) -> list[SentFile]:
    """The files that a site with this profile would send.

    Args:
        profile: how the site writes.
        tables: canonical texts (see ``canonical_texts``) by table: String columns, null for an empty cell.

    Raises:
        ValueError: a value or a record has no place in the layout, or cannot be written so that it is read back.
    """
    return _Renderer(profile, tables, found).files()


class _Renderer:
    def __init__(self, profile: Profile, tables: Mapping[str, pl.DataFrame], found: Definitions) -> None:
        self.profile = profile
        self.tables = {name: frame for name, frame in tables.items() if frame.height}
        self.found = found
        self.texts = CellTexts(profile, found)
        self.flags = Flags.of(self.tables, found)
        self.coverage = Coverage()
        self.names = [_file_name(sheet.files, profile.extension) for sheet in profile.sheets]
        self.places = [
            [find_places(table, sheet, found, self.texts) for table in sheet.tables] for sheet in profile.sheets
        ]
        self.rows = [SheetRows() for _ in profile.sheets]

    def files(self) -> list[SentFile]:
        self._fill()
        for name, frame in self.tables.items():
            if self.found.tables[name].role == "flags":
                self._cover_placed(self.found.tables[name])
            self.coverage.check(self.found.tables[name], frame, self.profile.name or self.profile.title)
        files: dict[str, SentFile] = {}
        for sheet, name, places, rows in zip(self.profile.sheets, self.names, self.places, self.rows, strict=True):
            if rows.rows:
                file = files.setdefault(name, self._file(sheet, name))
                file.sheets.append(self._sheet(sheet, places, rows))
        return list(files.values())

    def _fill(self) -> None:
        """Write records into rows: lists of keys after the sheets that they complete, flags last of all."""
        every = [(number, each) for number, several in enumerate(self.places) for each in several]

        every = [(number, each) for number, each in every if each.table.name in self.tables]
        flags = [(number, each) for number, each in every if each.table.role == "flags"]
        keys = [(number, each) for number, each in every if not each.holds_more_than_keys]
        for number, places in [each for each in every if each not in flags and each not in keys]:
            self.rows[number].add(self._drafter(number, places).drafts(self._records(places)), places.texts)
        for number, places in every:
            if places.layout.tests:
                self.rows[number].add(self._drafter(number, places).empty_results(self._records(places)), places.texts)
        for number, places in keys + flags:
            self.rows[number].add(self._drafter(number, places).drafts(self._records(places)), places.texts)

    def _drafter(self, number: int, places: TablePlaces) -> Drafter:
        if lacking := places.lacks():
            raise ValueError(f"{self.names[number]}: no column holds {places.table.name}.{lacking[0]}, part of the key")
        return Drafter(places, self.names[number], self.texts, self.flags, self.coverage)

    def _records(self, places: TablePlaces) -> list[Record]:
        table = places.table
        rows = enumerate(self.tables[table.name].iter_rows(named=True))
        if table.role != "flags":
            return [Record(number, row) for number, row in rows]
        return [Record(number, row) for number, row in rows if number not in self.flags.placed]

    def _cover_placed(self, flags: Table) -> None:
        for number in self.flags.placed:
            self.coverage.cover(flags.name, number, flags.fields)

    def _file(self, sheet: SheetLayout, name: str) -> SentFile:
        delimiter = sheet.delimiter or self.profile.delimiter or _DELIMITERS.get(suffix_of(name), ",")
        return SentFile(name, [], sheet.encoding or self.profile.encoding or "utf-8", delimiter)

    def _sheet(self, sheet: SheetLayout, several: list[TablePlaces], rows: SheetRows) -> SentSheet:
        headers: dict[str, str] = {}
        labels: dict[str, str] = {}
        units: dict[str, str] = {}
        optional: set[str] = set()
        order = [*sheet.expect]
        for places in several:
            order += places.columns()
            for place in places.places.values():
                over = places.layout.over
                spellings = over.values.values() if over and place.is_block else [""]
                for column in (place.column_of(spelling) for spelling in spellings):
                    headers.setdefault(column, header_text(place, column, sheet, self.texts))
                    labels.setdefault(column, place.field.label)
                    if place.unit and (unit := self.texts.unit_text(place.unit, place.field)):
                        units.setdefault(column, unit)
                    if place.is_canonical:
                        optional.add(column)
        order += [column for places in several for column in places.test_columns()]
        filled = {column for row in rows.rows for column, cell in row.items() if cell is not None}
        columns = [column for column in dict.fromkeys(order) if column in filled or column not in optional]
        cells = [[row.get(column) for column in columns] for row in rows.rows]
        head = sheet.header_row or 1
        above = [self.profile.title, NOTICE][: head - 1]
        title = above + [""] * (head - 1 - len(above))
        return SentSheet(
            sheet.sheet or several[0].table.title,
            [headers.get(column, column) for column in columns],
            cells,
            title,
            [units.get(column) for column in columns] if sheet.unit_row else [],
            sheet.unit_row,
            [labels.get(column, column) for column in columns],
        )


def _file_name(pattern: str, extension: str | None) -> str:
    """A file name that the pattern takes: without the stars and the marks before them."""
    stem, _, suffix = pattern.rpartition(".")
    bare = (stem or suffix).replace("*", "").strip("_- .") or "data"
    return f"{bare}.{extension or 'csv'}" if "*" in suffix or not stem else f"{bare}.{suffix}"


__all__ = ["NOTICE", "Cell", "render"]
