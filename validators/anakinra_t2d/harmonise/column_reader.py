"""Reads the columns of one sheet: the unit that is stated for each, its cells, the parts of cells with two values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation

import polars as pl

from anakinra_t2d.harmonise.cells import CellReader
from anakinra_t2d.harmonise.columns import Column
from anakinra_t2d.harmonise.notation import Notation
from anakinra_t2d.harmonise.record_frame import cell_columns, excused, note
from anakinra_t2d.harmonise.units import UnitReading, likely_unit, read_unit
from anakinra_t2d.reading.cells import TextTable
from anakinra_t2d.schema import Definitions, Field, Profile, Table
from anakinra_t2d.wording import count

Say = Callable[[str, str | None, Mapping[str, str]], None]
"""Reports something about a whole column: code of the rule, header as sent, words."""
_TYPED = frozenset({"parquet", "arrow", "statistical", "dataset_json"})
"""Formats with columns of numbers, whose texts have a point whatever the site writes in columns of text."""
_NO_UNIT = "1"
_SAMPLE = 200


class ColumnReader:
    """Reads columns of one sheet as fields of ``table``."""

    def __init__(self, table: Table, source: TextTable, profile: Profile | None, found: Definitions, say: Say) -> None:
        self.table = table
        self.found = found
        self.profile = profile
        self.say = say
        self._source = source
        self._readers: dict[tuple[str, str], tuple[CellReader, Notation]] = {}
        self._units: dict[tuple[str, str], UnitReading | None] = {}
        self._refused: Counter[tuple[str, str]] = Counter()
        self._samples: dict[tuple[str, str], list[Decimal]] = {}
        self._columns: dict[tuple[str, str], Column] = {}

    def needs_others(self, name: str) -> bool:
        """Whether some conversion of a field needs another field of the same record, which must be read before."""
        quantity = self.found.quantity(self.table.fields[name])
        return quantity is not None and any(conversion.needs for conversion in quantity.conversions)

    def read(self, column: Column, cells: pl.DataFrame, known: Mapping[str, pl.Series]) -> list[pl.Series]:
        """The cells of a column: canonical texts first, then the event columns (see ``record_frame``)."""
        texts, broken = self._parts(column, cells[column.header])
        units: pl.Series | None = None
        if column.unit_column is not None and column.unit_column in cells.columns and column.unit is None:
            units = cells[column.unit_column]
        columns = self.read_texts(column, texts, units, known)
        if broken is None:
            return columns
        whole = pl.select(pl.when(broken.is_not_null()).then(cells[column.header])).to_series()
        raw = f"raw:{column.field}"
        before = {series.name: series for series in columns}
        kept = [series for name, series in before.items() if name != raw]
        sent = pl.select(pl.coalesce(whole, before[raw])).to_series() if raw in before else whole
        return [*kept, sent.alias(raw), broken]

    def read_texts(
        self, column: Column, texts: pl.Series, units: pl.Series | None, known: Mapping[str, pl.Series]
    ) -> list[pl.Series]:
        """Read ``texts`` as cells of a column; ``units`` are the units of each, None when the column states one."""
        field = self.table.fields[column.field]
        reader, notation = self._reader(column)
        if units is not None and field.quantity is not None:
            if column.layout.unit:
                units = units.fill_null(column.layout.unit)
            return cell_columns(field.name, reader.read(texts, units, known))
        unit = self._unit(column, notation)
        if unit is not None and unit.code is not None:
            return self._refuse(column, texts)
        columns = cell_columns(field.name, reader.read(texts, unit, known))
        return columns if unit is None else _with_unit(columns, column)

    def _reader(self, column: Column) -> tuple[CellReader, Notation]:
        key = (column.field, column.header)
        if key not in self._readers:
            field = self.table.fields[column.field]
            notation = self._notation(field, column)
            self._readers[key] = CellReader(field, self.found, notation), notation
        return self._readers[key]

    def _notation(self, field: Field, column: Column) -> Notation:
        """How the site writes the cells of a column; what the file itself declares goes before the profile."""
        notation = Notation.of(self.profile, field, column.layout, self.found)
        source = self._source
        declared = {**dict(source.options.decimal), **source.decimal}
        decimal = declared.get(column.header, notation.decimal)
        stated = frozenset(word.casefold() for word in source.options.missing)
        return replace(
            notation,
            decimal=decimal,
            thousands=tuple(mark for mark in notation.thousands if mark != decimal),
            missing=notation.missing | stated,
            midnights=source.has_midnights,
            epoch=source.date_epoch,
            typed=source.file.format in _TYPED and column.header not in source.text_columns,
        )

    def _unit(self, column: Column, notation: Notation) -> UnitReading | None:
        """The unit of a whole column, None for the canonical one."""
        key = (column.field, column.header)
        if key in self._units:
            return self._units[key]
        self._columns[key] = column
        field = self.table.fields[column.field]
        quantity = self.found.quantity(field)
        unit: UnitReading | None = None
        stated = column.unit or column.layout.unit
        if quantity is not None and (stated or not (column.is_canonical or quantity.unit == _NO_UNIT)):
            unit = read_unit(stated, field, self.found, notation)
            if column.unit and unit.code is not None and column.layout.unit and column.header in column.layout.columns:
                unit = read_unit(column.layout.unit, field, self.found, notation)  # the brackets hold no unit
            elif column.unit and column.layout.unit:
                other = read_unit(column.layout.unit, field, self.found, notation)
                if other.unit != unit.unit and unit.unit is not None:
                    words = {"found": column.unit, "other": column.layout.unit, "fields": field.name}
                    self.say("UNIT-004", column.header, words)
        self._units[key] = unit
        return unit

    def _refuse(self, column: Column, texts: pl.Series) -> list[pl.Series]:
        """No cell of a column without a usable unit is taken; the column is reported once, at the end."""
        key = (column.field, column.header)
        filled = texts.is_not_null()
        self._refused[key] += int(filled.sum())
        sample = self._samples.setdefault(key, [])
        for text in texts.filter(filled).head(_SAMPLE - len(sample)).to_list():
            try:
                sample.append(Decimal(text.replace(",", ".")))
            except InvalidOperation:
                continue
        empty = pl.Series(column.field, [None], dtype=pl.String).new_from_index(0, len(texts))
        excuse = pl.select(pl.when(filled).then(pl.lit(excused(column.field)))).to_series()
        return [empty, excuse.alias(f"note:{column.field}"), texts.alias(f"raw:{column.field}")]

    def close(self) -> None:
        """Report the columns whose cells were not taken."""
        for key, number in self._refused.items():
            column, unit = self._columns[key], self._units[key]
            assert unit is not None and unit.code is not None
            field = self.table.fields[column.field]
            details = dict(unit.details)
            if not details.get("reading"):
                details["reading"] = likely_unit(field, self.found, self._samples[key])
            details["rest"] = f"; {count(number, 'cell')} not read"
            self.say(unit.code, column.header, {**details, "fields": column.field})

    def _parts(self, column: Column, texts: pl.Series) -> tuple[pl.Series, pl.Series | None]:
        """The part of each cell that belongs to the field, and notes for cells that have no such part."""
        separator, part = column.layout.separator, column.layout.part
        if separator is None or part is None:
            return texts, None
        pieces = texts.str.split(separator)
        fits = (pieces.list.len() > 1) & (pieces.list.len() >= part)
        word = (pieces.list.len() == 1) & ~texts.str.contains(r"\d").fill_null(False)
        taken = pl.select(
            pl.when(fits).then(pieces.list.get(part - 1, null_on_oob=True).str.strip_chars()).when(word).then(texts)
        ).to_series()
        broken = texts.is_not_null() & ~fits.fill_null(False) & ~word.fill_null(False)
        if not broken.any():
            return taken, None
        details = {"times": str(max(2, part)), "found": separator}
        notes = [note("CELL-009", column.field, text, details) for text in texts.filter(broken)]
        empty = pl.Series(f"note:{column.field}", [None], dtype=pl.String).new_from_index(0, len(texts))
        return taken, empty.scatter(broken.arg_true(), notes)


def _with_unit(columns: list[pl.Series], column: Column) -> list[pl.Series]:
    """Columns of a field with the unit that is stated for its whole column beside each changed cell."""
    stated = column.unit or column.layout.unit
    changed = next((each for each in columns if each.name == f"conversion:{column.field}"), None)
    if changed is None or stated is None:
        return columns
    name = f"unit:{column.field}"
    return [
        pl.select(pl.when(changed.is_not_null()).then(pl.lit(stated)).alias(name)).to_series()
        if series.name == name
        else series
        for series in columns
    ]
