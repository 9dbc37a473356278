"""From the records of one table to what they say in the rows of one sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anakinra_t2d.schema.sites import FieldLayout
from anakinra_t2d.simulation.layouts.cell_text import CellTexts
from anakinra_t2d.simulation.layouts.coverage import Coverage
from anakinra_t2d.simulation.layouts.flags import Flags, Row
from anakinra_t2d.simulation.layouts.places import Place, TablePlaces
from anakinra_t2d.simulation.layouts.sent import Cell, has_numbers, has_typed_columns
from anakinra_t2d.simulation.layouts.sheet_rows import Cells, Draft


@dataclass(frozen=True)
class Record:
    """A record of a table; ``number`` counts them from 0."""

    number: int
    row: Row


@dataclass(frozen=True)
class Written:
    """A cell with the fields of the record that it says."""

    cell: Cell
    unit: str | None = None
    is_flag: bool = False


class Drafter:
    """Writes the records of one table for one sheet. ``file`` is the name of the file, which says its format."""

    def __init__(self, places: TablePlaces, file: str, texts: CellTexts, flags: Flags, coverage: Coverage) -> None:
        self.places = places
        self.table = places.table
        self._name = places.table.name
        self._tested = places.tested
        self._values: dict[tuple[str, str | None, str], Cell] = {}
        self._wanted = [(column, _folded(words)) for column, words in places.conditions.items()]
        self._unwanted = [(column, _folded(words)) for column, words in places.layout.unless.items()]
        self.texts = texts
        self.flags = flags
        self.coverage = coverage
        self._numbers = has_numbers(file)
        self._typed = has_typed_columns(file)

    def drafts(self, records: Sequence[Record]) -> list[Draft]:
        """What the records say here; records that do not belong here are left out."""
        records = [record for record in records if self._belongs(record)]
        if not self.places.holds_more_than_keys:
            # a layout of keys alone is a list of the records that no other sheet can show
            records = [record for record in records if not self.coverage.has_arrived(self.table, record.number)]
        if self.places.layout.tests:
            return list(self._results(records))
        if self.places.layout.over:
            return list(self._blocks(records))
        return list(self._plain(records))

    def empty_results(self, records: Sequence[Record]) -> list[Draft]:
        """One test with an empty result for each record that has none, where else something of it would be lost."""
        tests = self.places.layout.tests
        tested = self._tested
        drafts: list[Draft] = []
        if tests is None or not tested:
            return drafts
        for record in records:
            if not self._belongs(record):
                continue
            shared, said = self._shared(record)
            filled = [name for name in said if record.row.get(name) is not None]
            cells = {**shared, **self._result_row(next(iter(tested)), Written(None))}
            if self.coverage.lacks(self.table, record.number, filled) and self._passes(cells):
                drafts.append(self._draft(cells, tests.column))
                self._cover(record, said)
        return drafts

    def _belongs(self, record: Record) -> bool:
        over = self.places.layout.over
        if over and record.row.get(over.field) not in over.values:
            return False
        if any(record.row.get(name) != value for name, value in self.places.constants.items()):
            return False
        filled_in = [name for name, place in self.places.places.items() if place.layout.default is not None]
        return all(record.row.get(name) is not None for name in filled_in)

    def _plain(self, records: Sequence[Record]) -> Iterator[Draft]:
        for record in records:
            cells, said = self._shared(record)
            if self._passes(cells):
                yield self._draft(cells)
                self._cover(record, said)

    def _blocks(self, records: Sequence[Record]) -> Iterator[Draft]:
        over = self.places.layout.over
        assert over
        groups: dict[tuple[str | None, ...], list[Record]] = {}
        for record in records:
            key = tuple(record.row.get(name) for name in self.table.key if name != over.field)
            groups.setdefault(key, []).append(record)
        for group in groups.values():
            cells: Cells = {}
            said: list[tuple[Record, dict[str, Written]]] = []
            for record in group:
                spelling = over.values[str(record.row[over.field])]
                block, own = self._block(record, spelling)
                if any(cell is not None for cell in block.values()):
                    shared, of_record = self._shared(record)
                    self._merge(cells, {**shared, **block})
                    said.append((record, {**of_record, **own}))
            if said and self._passes(cells):
                yield self._draft(cells)
                for record, written in said:
                    self._cover(record, written)
                    self.coverage.cover(self._name, record.number, [over.field])

    def _block(self, record: Record, spelling: str) -> tuple[Cells, dict[str, Written]]:
        cells: Cells = {}
        written: dict[str, Written] = {}
        for name, place in self.places.places.items():
            if place.is_block:
                written[name] = self._cell(record, name, place.layout, place.unit)
                cells[place.column_of(spelling)] = written[name].cell
        return cells, written

    def _results(self, records: Sequence[Record]) -> Iterator[Draft]:
        tests = self.places.layout.tests
        assert tests
        tested = self._tested
        turns: dict[str | None, int] = {}
        for record in records:
            turn = turns.setdefault(record.row[self.table.key[0]], len(turns))
            shared, said = self._shared(record)
            for name in tested:
                units = tests.units.get(name)
                unit = units[turn % len(units)] if units else self.texts.found.unit(self.table.fields[name])
                entry = FieldLayout(column=tests.result)
                result = self._cell(record, name, entry, unit, is_text=self._typed)
                cells = {**shared, **self._result_row(name, result)}
                if result.cell is not None and self._passes(cells):
                    yield self._draft(cells, tests.column)
                    self._cover(record, {**said, name: result})

    def _result_row(self, name: str, written: Written) -> Cells:
        tests = self.places.layout.tests
        assert tests
        cells: Cells = {tests.column: self._tested[name], tests.result: written.cell}
        is_word = written.is_flag and not str(written.cell).startswith(("<", ">"))
        if tests.status_column:
            cells[tests.status_column] = None
            if is_word:
                cells = {**cells, tests.result: None, tests.status_column: written.cell}
        if tests.unit_column:
            field, unit = self.table.fields[name], written.unit
            cells[tests.unit_column] = self.texts.unit_text(unit, field) if unit and not is_word else None
        return cells

    def _shared(self, record: Record) -> tuple[Cells, dict[str, Written]]:
        """The cells that stand once in a row, and the fields they say."""
        cells: Cells = {}
        said = {name: Written(value) for name, value in self.places.constants.items()}
        parts: dict[str, list[tuple[Place, Written]]] = {}
        for name, place in self.places.places.items():
            if place.is_block:
                continue
            if place.layout.separator:
                written = self._cell(record, name, place.layout, place.unit, is_text=True, may_flag=False)
                parts.setdefault(place.column, []).append((place, written))
                said[name] = written
                continue
            said[name] = written = self._cell(record, name, place.layout, place.unit)
            own: Cells = {place.column: written.cell}
            if place.layout.unit_column and written.unit and written.cell is not None:
                own[place.layout.unit_column] = self.texts.unit_text(written.unit, place.field)
            self._merge(cells, own)
        for column, each in parts.items():
            self._merge(cells, {column: self._joined(each)})
        return cells, said

    def _joined(self, parts: list[tuple[Place, Written]]) -> str | None:
        texts = {place.layout.part or 1: written.cell for place, written in parts}
        if all(text is None for text in texts.values()):
            return None
        separator = parts[0][0].layout.separator or ""
        names = " and ".join(place.field.name for place, _ in parts)
        if any(separator in str(text) for text in texts.values()):
            raise ValueError(f"{self.table.name}: {names} stand in one cell, but a value holds the mark between them")
        # a cell with the mark has two parts at least; a part without a value is empty
        return separator.join(str(texts.get(part) or "") for part in range(1, max(2, *texts) + 1))

    def _cell(
        self,
        record: Record,
        name: str,
        layout: FieldLayout,
        unit: str | None,
        *,
        is_text: bool = False,
        may_flag: bool = True,
    ) -> Written:
        value = record.row.get(name)
        field = self.table.fields[name]
        if value is not None:
            key = (name, unit, value)
            if key not in self._values:
                as_number = self._numbers and not is_text
                self._values[key] = self.texts.value(field, layout, value, unit, as_number=as_number)
            return Written(self._values[key], unit)
        if not may_flag or (self._typed and not is_text) or field.type not in ("number", "integer"):
            return Written(None, unit)
        flag = self.flags.get(self.table, record.row, name)
        if flag is None:
            return Written(None, unit)
        text = self.texts.flag(field, layout, flag.status, flag.limit, flag.raw, unit)
        return Written(text, unit, is_flag=text is not None)

    def _merge(self, cells: Cells, more: Cells) -> None:
        for column, cell in more.items():
            if cells.get(column) is not None and cell is not None and cells[column] != cell:
                raise ValueError(f"{self.table.name}: two values meet in one cell of the column {column}")
            if cell is not None or column not in cells:
                cells[column] = cell

    def _passes(self, cells: Cells) -> bool:
        """Whether a row with these cells is taken for the table when it is read."""
        layout = self.places.layout
        whole = {**{column: words[0] for column, words in self.places.texts.items()}, **cells}
        wanted = all(_is_one_of(whole.get(column), words) for column, words in self._wanted)
        unwanted = any(_is_one_of(whole.get(column), words) for column, words in self._unwanted)
        filled = not layout.when_filled or any(whole.get(column) is not None for column in layout.when_filled)
        return wanted and filled and not unwanted

    def _draft(self, cells: Cells, test: str | None = None) -> Draft:
        keys = [self.places.places[name] for name in self.table.key if name in self.places.places]
        identity = [place.column for place in keys if not place.is_block]
        return Draft(cells, [*identity, test] if test else identity)

    def _cover(self, record: Record, said: dict[str, Written]) -> None:
        self.coverage.cover(self._name, record.number, said)
        for name, written in said.items():
            if written.is_flag:
                flag = self.flags.get(self.table, record.row, name)
                assert flag
                self.flags.placed.add(flag.number)


def _folded(words: Sequence[str]) -> frozenset[str]:
    return frozenset(word.casefold() for word in words)


def _is_one_of(cell: Cell, words: frozenset[str]) -> bool:
    return str(cell if cell is not None else "").casefold() in words
