"""The records of tables as the rows of SDTM data sets: the profile that reads SDTM, turned around."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from anakinra_t2d.schema import Definitions, Table
from anakinra_t2d.schema.sites import FieldLayout, TableLayout
from anakinra_t2d.standards.canonical_text import canonical_text, number_text
from anakinra_t2d.standards.sdtm_cells import FLAG, LIMIT, RAW, RECORD, STATUS, CellWriter, Losses
from anakinra_t2d.standards.sdtm_metadata import Dataset, ValueLevel, domain_of, sdtm_profile
from anakinra_t2d.standards.sdtm_units import unit_text
from anakinra_t2d.standards.sdtm_variables import own_name

_BEYOND = {"below_limit": "<", "above_limit": ">"}
_KEY = ":key"


@dataclass
class Flags:
    """Results that are no number: the side table, and which of its rows stand in a cell of a data set."""

    frame: pl.DataFrame | None
    placed: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, table: Table, frame: pl.DataFrame | None) -> Flags:
        """The flags of the side table ``table``, whose fields are known by their part in its key and by their type."""
        if frame is None or frame.is_empty():
            return cls(None)
        names = [*table.key, *(name for name in table.fields if name not in table.key)]
        new = [":table", _KEY, ":field", STATUS, LIMIT, RAW]
        return cls(
            frame.select(pl.col(old).cast(pl.Float64 if one == LIMIT else pl.String).alias(one)
                         for old, one in zip(names, new, strict=True)).with_row_index(FLAG)
        )  # fmt: skip

    def of_table(self, table: Table, records: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
        """The flags of the records of a table by field, with the number of the record."""
        if self.frame is None or (own := self.frame.filter(pl.col(":table") == table.name)).is_empty():
            return {}
        keys = [canonical_text(records[name], table.fields[name]).fill_null("") for name in table.key]
        texts = pl.select(
            pl.concat_str([pl.lit(f"{name}=") + pl.lit(key) for name, key in zip(table.key, keys, strict=True)],
                          separator="|").alias(_KEY)
        ).with_row_index(RECORD)  # fmt: skip
        found = own.join(texts, on=_KEY).unique([RECORD, ":field"], keep="none")
        return {str(name): rows.sort(FLAG) for (name,), rows in found.group_by(":field", maintain_order=True)}


class Rows:
    """Turns the records of tables into the rows of data sets.

    Args:
        read: gives the frame of a table, typed as the converter writes it; None for a table that is not there.
    """

    def __init__(
        self, definitions: Definitions, read: Callable[[str], pl.DataFrame | None], flags: Flags, losses: Losses
    ) -> None:
        self._found = definitions
        self._profile = sdtm_profile(definitions)
        self._read = read
        self._flags = flags
        self._losses = losses
        self._sheets = {domain: sheet for sheet in self._profile.sheets if (domain := domain_of(sheet))}
        plain = [
            layout
            for sheet in self._sheets.values()
            for layout in sheet.tables
            if not layout.tests and not layout.where and not layout.when_filled
        ]
        self._whole: dict[str, set[str]] = {}
        for layout in plain:
            self._whole.setdefault(layout.table, set()).update(layout.fields)

    def of(self, dataset: Dataset, tables: Sequence[str]) -> pl.DataFrame | None:
        """The rows of a data set from those of its tables that ``tables`` names, as the profile has them.

        Columns are the variables of fields, tests and marks; None when no table has a record.
        """
        sheet = self._sheets[dataset.name]
        parts: list[pl.DataFrame] = []
        shown: dict[str, set[int]] = {}
        for layout in sheet.tables:
            records = self._read(layout.table) if layout.table in tables else None
            if records is not None and not records.is_empty():
                parts += self._of_layout(dataset, layout, records, shown.setdefault(layout.table, set()))
        filled = [part for part in parts if part.height]
        if not filled:
            return None
        rows = pl.concat(filled, how="diagonal")
        return rows.with_columns(pl.lit(texts[0]).alias(name) for name, texts in sheet.expect.items())

    def _of_layout(
        self, dataset: Dataset, layout: TableLayout, records: pl.DataFrame, shown: set[int]
    ) -> Iterator[pl.DataFrame]:
        table = self._found.tables[layout.table]
        flags = self._flags.of_table(table, records)
        shared = self._shared(dataset, layout, table, records, flags)
        if layout.tests is None:
            yield _taken(shared, layout).drop(RECORD)
            return
        for result in self._results(dataset, layout, table, records, flags):
            rows = _taken(result.join(shared, on=RECORD, maintain_order="left"), layout)
            shown.update(rows[RECORD])
            yield rows.drop(RECORD)
        yield self._empty(dataset, layout, table, shared, shown).drop(RECORD)

    def _shared(
        self,
        dataset: Dataset,
        layout: TableLayout,
        table: Table,
        records: pl.DataFrame,
        flags: Mapping[str, pl.DataFrame],
    ) -> pl.DataFrame:
        """The cells that every row of a record has."""
        columns = {RECORD: pl.Series(range(records.height), dtype=pl.UInt32)}
        for name in layout.fields:
            entry = layout.field(name)
            if not entry.columns or name not in records.columns:
                continue
            column = entry.columns[0]
            columns[column] = self._column(dataset, column, entry, table, records[name], flags.get(name))
            if entry.unit_column and (text := self._unit(table, name)):
                filled = columns[column].is_not_null()
                columns[entry.unit_column] = pl.select(pl.when(filled).then(pl.lit(text))).to_series()
        return pl.DataFrame(columns)

    def _column(
        self,
        dataset: Dataset,
        column: str,
        entry: FieldLayout,
        table: Table,
        values: pl.Series,
        flags: pl.DataFrame | None,
    ) -> pl.Series:
        of = table.fields[values.name]
        if dataset.variable(column).is_number:
            return values.cast(pl.Float64)
        cells = CellWriter(of, entry, self._profile, self._found, self._losses).write(values, flags)
        self._flags.placed.update(cells.placed)
        return cells.texts

    def _unit(self, table: Table, name: str) -> str | None:
        field = table.fields[name]
        unit = self._found.unit(field)
        return unit_text(field, unit, self._profile, self._found) if unit else None

    def _results(
        self,
        dataset: Dataset,
        layout: TableLayout,
        table: Table,
        records: pl.DataFrame,
        flags: Mapping[str, pl.DataFrame],
    ) -> Iterator[pl.DataFrame]:
        """For each test the rows of the records that have a result of it."""
        tests = layout.tests
        assert tests is not None
        entry = FieldLayout(column=tests.result)
        levels = {level.field: level for level in dataset.variable(tests.result).values if level.table == table.name}
        for name in tests.names:
            if name not in records.columns or name not in levels:
                continue
            own = flags.get(name)
            cells = CellWriter(table.fields[name], entry, self._profile, self._found, self._losses).write(
                records[name], own
            )
            self._flags.placed.update(cells.placed)
            yield self._result_rows(dataset, layout, levels[name], records[name], cells.texts, own)

    def _result_rows(
        self,
        dataset: Dataset,
        layout: TableLayout,
        level: ValueLevel,
        values: pl.Series,
        texts: pl.Series,
        flags: pl.DataFrame | None,
    ) -> pl.DataFrame:
        tests = layout.tests
        assert tests is not None
        rows = pl.DataFrame({RECORD: pl.Series(range(len(texts)), dtype=pl.UInt32), tests.result: texts})
        limits = _limits(flags)
        rows = rows.join(limits, on=RECORD, how="left", maintain_order="left")
        number = values.cast(pl.Float64) if values.dtype.is_numeric() else None
        standard = pl.coalesce(pl.when(pl.lit(values).is_not_null()).then(pl.col(tests.result)), pl.col(":standard"))
        unit = pl.when(pl.lit(values).is_not_null() | pl.col(":standard").is_not_null()).then(
            pl.lit(level.unit_text, dtype=pl.String)
        )
        more = {
            tests.column: pl.lit(level.where[0][1][0]),
            "--TEST": pl.lit(level.label),
            "--STRESC": standard,
            "--STRESN": pl.lit(None, dtype=pl.Float64) if number is None else pl.lit(number),
            "--STRESU": unit,
            "--LOINC": pl.lit(level.loinc, dtype=pl.String),
        }
        if tests.unit_column:
            more[tests.unit_column] = pl.when(pl.col(tests.result).is_not_null()).then(unit)
        known = {variable.name for variable in dataset.variables}
        named = {own_name(name, dataset.name): value for name, value in more.items()}
        rows = rows.with_columns(value.alias(name) for name, value in named.items() if name in known)
        return rows.filter(pl.col(tests.result).is_not_null() | pl.col(":standard").is_not_null()).drop(":standard")

    def _empty(
        self, dataset: Dataset, layout: TableLayout, table: Table, shared: pl.DataFrame, shown: set[int]
    ) -> pl.DataFrame:
        """A row without a result for each record that would else not be there, or not with all its values."""
        tests = layout.tests
        assert tests is not None
        rest = shared.filter(~pl.col(RECORD).is_in(list(shown)))
        elsewhere = self._whole.get(table.name)
        if elsewhere is not None:
            own = [layout.field(name).columns[0] for name in layout.fields if name not in {*elsewhere, *table.key}]
            rest = rest.filter(pl.any_horizontal(pl.col(own).is_not_null())) if own else rest.clear()
        name = next(iter(tests.names))
        level = next(v for v in dataset.variable(tests.result).values if v.field == name and v.table == table.name)
        rows = rest.with_columns(pl.lit(level.where[0][1][0]).alias(tests.column))
        test = own_name("--TEST", dataset.name)
        if any(variable.name == test for variable in dataset.variables):
            rows = rows.with_columns(pl.lit(level.label).alias(test))
        rows = _taken(rows, layout)
        shown.update(rows[RECORD])
        return rows


def _limits(flags: pl.DataFrame | None) -> pl.DataFrame:
    """Results beyond a limit by record, as the data set writes them in its own unit."""
    if flags is None:
        return pl.DataFrame(schema={RECORD: pl.UInt32, ":standard": pl.String})
    return flags.select(
        RECORD, (pl.col(STATUS).replace_strict(_BEYOND, default=None) + number_text(flags[LIMIT])).alias(":standard")
    )


def _taken(rows: pl.DataFrame, layout: TableLayout) -> pl.DataFrame:
    """The rows that the profile takes for the table, with the texts that say so."""
    for column, words in layout.where.items():
        if column in rows.columns:
            rows = rows.filter(_is_one_of(rows[column], words))
        else:
            rows = rows.with_columns(pl.lit(words[0]).alias(column))
    for column, words in layout.unless.items():
        if column in rows.columns:
            rows = rows.filter(~_is_one_of(rows[column], words))
    if layout.when_filled:
        rows = rows.filter(pl.any_horizontal(pl.col(layout.when_filled).is_not_null()))
    return rows


def _is_one_of(column: pl.Series, words: Sequence[str]) -> pl.Series:
    return column.cast(pl.String).str.to_lowercase().is_in([word.lower() for word in words]).fill_null(value=False)
