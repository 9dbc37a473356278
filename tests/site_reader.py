"""Reads what a layout wrote, cell by cell and without the engine, so that a mistake cannot cancel itself out."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from anakinra_t2d.schema import Definitions, Field, Profile, Table
from anakinra_t2d.schema.sites import FieldLayout, SheetLayout, TableLayout
from anakinra_t2d.simulation.layouts import SentFile

Grid = list[list[str]]
Record = dict[str, str]
Key = tuple[str, ...]
Tables = dict[str, dict[Key, Record]]


def sheets_on_disk(folder: Path, encoding: str | None, delimiter: str | None) -> Iterator[tuple[str, str, Grid]]:
    """File, sheet and cells as text of every file in a folder."""
    import openpyxl
    import pyreadstat

    for path in sorted(folder.iterdir()):
        if path.suffix == ".xlsx":
            book = openpyxl.load_workbook(path, read_only=True)
            for sheet in book.worksheets:
                rows = sheet.iter_rows(values_only=True)
                yield path.name, sheet.title, [["" if cell is None else str(cell) for cell in row] for row in rows]
        elif path.suffix == ".csv":
            with path.open(encoding=encoding, newline="") as stream:
                yield path.name, "", list(csv.reader(stream, delimiter=delimiter or ","))
        elif path.suffix == ".xpt":
            frame, _ = pyreadstat.read_xport(path, output_format="polars")
            cells = [["" if cell is None else _plain(cell) for cell in row] for row in frame.iter_rows()]
            yield path.name, "", [frame.columns, *cells]


def _plain(cell: object) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def sheets_in_memory(files: Sequence[SentFile]) -> Iterator[tuple[str, str, Grid]]:
    """The same of files that were not written yet."""
    for file in files:
        for sheet in file.sheets:
            rows = [["" if cell is None else str(cell) for cell in row] for row in sheet.lines]
            yield file.name, sheet.name, rows


class SiteReader:
    """Reads the sheets of one site; ``tables`` are canonical texts by key, numbers in their shortest form."""

    def __init__(self, profile: Profile, found: Definitions) -> None:
        self.profile = profile
        self.found = found
        self.tables: Tables = {}

    def read(self, sheets: Iterator[tuple[str, str, Grid]]) -> Tables:
        for file, name, grid in sheets:
            layouts = [each for each in self.profile.sheets if self._fits(each, file, name)]
            assert len(layouts) == 1, (file, name)
            self._sheet(layouts[0], grid)
        return self.tables

    @staticmethod
    def _fits(layout: SheetLayout, file: str, sheet: str) -> bool:
        pattern = re.escape(layout.files).replace(r"\*", ".*")
        return re.fullmatch(pattern, file) is not None and layout.sheet in (None, sheet)

    def _sheet(self, sheet: SheetLayout, grid: Grid) -> None:
        head = (sheet.header_row or 1) - 1
        columns: dict[str, int] = {}
        units: dict[int, str] = {}
        for place, text in enumerate(grid[head]):
            brackets = re.fullmatch(r"(.*\S) \((.+)\)", text)
            columns.setdefault(text, place)
            if brackets:
                columns.setdefault(brackets[1], place)
                units[place] = brackets[2]
        if sheet.unit_row:
            units.update({place: text for place, text in enumerate(grid[sheet.unit_row - 1]) if text})
        for row in grid[max(head + 1, sheet.unit_row or 0) :]:
            cells = {column: row[place] if place < len(row) else "" for column, place in columns.items()}
            stated = {column: units.get(place) for column, place in columns.items()}
            for column, texts in sheet.expect.items():
                assert cells[column] in texts
            for layout in sheet.tables:
                if self._takes(layout, cells):
                    self._row(layout, cells, stated)

    @staticmethod
    def _takes(layout: TableLayout, cells: Record) -> bool:
        return (
            all(cells[column] in texts for column, texts in layout.where.items())
            and not any(cells.get(column) in texts for column, texts in layout.unless.items())
            and (not layout.when_filled or any(cells.get(column) for column in layout.when_filled))
        )

    def _row(self, layout: TableLayout, cells: Record, stated: dict[str, str | None]) -> None:
        table = self.found.tables[layout.table]
        shared: Record = {}
        entries = {name: layout.field(name) for name in layout.fields}
        if layout.same_names:
            tested = set(layout.tests.names) if layout.tests else set()
            over = layout.over.field if layout.over else None
            more = [name for name in table.fields if name not in entries and name not in tested and name != over]
            entries.update({name: FieldLayout(column=name, unit=self.found.unit(table.fields[name])) for name in more})
        for name, entry in entries.items():
            if not entry.is_block:
                shared.update(self._field(table, name, entry, entry.columns[0] if entry.columns else "", cells, stated))
        if layout.over:
            for value, spelling in layout.over.values.items():
                own: Record = {}
                for name, entry in entries.items():
                    if entry.is_block:
                        column = entry.columns[0].replace("{over}", spelling)
                        own.update(self._field(table, name, entry, column, cells, stated))
                if own:
                    self._add(table, {**shared, layout.over.field: value, **own})
        elif layout.tests:
            tests = layout.tests
            named = [name for name, texts in tests.names.items() if cells[tests.column] in texts]
            if named:
                entry = FieldLayout(column=tests.result, unit_column=tests.unit_column)
                column = tests.result
                if not cells[column] and tests.status_column and cells[tests.status_column]:
                    column = tests.status_column
                own = self._field(table, named[0], entry, column, cells, stated)
                self._add(table, {**shared, **own})
        else:
            self._add(table, shared)

    def _field(
        self, table: Table, name: str, entry: FieldLayout, column: str, cells: Record, stated: dict[str, str | None]
    ) -> Record:
        if entry.value is not None:
            return {name: entry.value}
        text = cells.get(column, "")
        if entry.separator and text:
            text = text.split(entry.separator)[(entry.part or 1) - 1]
        if not text:
            return {}
        field = table.fields[name]
        unit_text = cells.get(entry.unit_column, "") if entry.unit_column else ""
        unit = self._unit(field, stated.get(column) or unit_text) or entry.unit
        return self._value(field, entry, text, unit)

    def _unit(self, field: Field, text: str | None) -> str | None:
        quantity = self.found.quantity(field)
        if not text or quantity is None:
            return None
        known = {each.text: each.unit for each in [*self.found.spellings, *quantity.spellings] if not each.ambiguous}
        return {**known, **self.profile.units}.get(text, text)

    def _value(self, field: Field, entry: FieldLayout, text: str, unit: str | None) -> Record:
        profile, name = self.profile, field.name
        if profile.subjects and name in profile.subjects.fields:
            subject = profile.subjects.to_canonical(text)
            assert subject is not None
            return {name: subject}
        if field.type in ("number", "integer"):
            status = {**self.found.result_words, **profile.results}.get(text)
            if status:
                return {f"{name}:status": status}
            sign = text[0] if text[0] in "<>" else ""
            number = text.removeprefix(sign)
            for mark in profile.thousands:
                number = number.replace(mark, "")
            if not sign and re.fullmatch(r"-?[0-9.]+", text) and not profile.thousands:
                number = text  # a true number of a spreadsheet
            value = self._canonical(field, Decimal(number.replace(profile.decimal, ".")), unit)
            return {f"{name}:status": sign, f"{name}:limit": value} if sign else {name: value}
        if field.type in ("date", "datetime"):
            parts = re.fullmatch(r"(\d\d)[-.](\d\d)[-.](\d{4})(?: (\d\d:\d\d))?", text)
            if parts:
                day = f"{parts[3]}-{parts[2]}-{parts[1]}"
                return {name: f"{day}T{parts[4]}:00" if parts[4] else day}
            return {name: text}
        codes = {**profile.codes.get("boolean" if field.type == "boolean" else field.codelist or "", {}), **entry.codes}
        return {name: codes.get(text, text)}

    def _canonical(self, field: Field, value: Decimal, unit: str | None) -> str:
        quantity = self.found.quantity(field)
        if quantity and quantity.unit not in ("1", unit):
            assert unit, f"{field.table}.{field.name} has no unit"
            value = next(c for c in quantity.conversions if c.unit == unit and c.apply != "no").to_canonical(value)
        return shortest(str(value))

    def _add(self, table: Table, record: Record) -> None:
        key = tuple(record[name] for name in table.key)
        known = self.tables.setdefault(table.name, {}).setdefault(key, {})
        for name, text in record.items():
            assert known.setdefault(name, text) == text, (table.name, key, name)


def shortest(number: str) -> str:
    """A number without needless zeros."""
    text = format(Decimal(number) + 0, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
