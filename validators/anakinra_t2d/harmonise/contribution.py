"""What one sheet says about one table: batches of cells as sent become records with canonical cells, on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from anakinra_t2d.harmonise.column_reader import ColumnReader, Say
from anakinra_t2d.harmonise.columns import Column, TableColumns, folded
from anakinra_t2d.harmonise.record_frame import NOTES, ROW, all_notes
from anakinra_t2d.harmonise.result_rows import ResultRows
from anakinra_t2d.harmonise.side_tables import SideTables, SourcePlace
from anakinra_t2d.reading.cells import Batch, TextTable
from anakinra_t2d.schema import Definitions, Profile, Table


@dataclass(frozen=True)
class Part:
    """Records of one table from one sheet, in a Parquet file of text columns.

    Columns: every field of ``fields``; ``raw:f`` with the text as sent where it is not the canonical one; ``:notes``;
    ``:row`` with the row of the source; ``row:f`` for the fields of ``own_rows``, which have rows of their own.
    """

    path: Path
    table: Table
    fields: list[str]
    own_rows: frozenset[str]
    place: SourcePlace
    records: int


class PartWriter:
    """Writes record frames to the file of a part."""

    def __init__(self, path: Path, fields: list[str], own_rows: frozenset[str]) -> None:
        self.path = path
        self.fields = fields
        self.records = 0
        texts = [*fields, *(f"raw:{name}" for name in fields), NOTES]
        rows = [ROW, *(f"row:{name}" for name in fields if name in own_rows)]
        self._columns = {**dict.fromkeys(texts, pl.String), **dict.fromkeys(rows, pl.Int64)}
        empty = pl.DataFrame(schema=self._columns)
        self._schema: pa.Schema = empty.to_arrow(compat_level=pl.CompatLevel.oldest()).schema
        self._writer = pq.ParquetWriter(path, self._schema, compression="lz4", write_statistics=False)

    def write(self, frame: pl.DataFrame) -> None:
        """Add records; columns that are not there are null, event columns that are not kept are left out."""
        columns = [
            frame[name] if name in frame.columns else pl.Series(name, [None], kind).new_from_index(0, frame.height)
            for name, kind in self._columns.items()
        ]
        whole = pl.DataFrame([column.alias(name) for column, name in zip(columns, self._columns, strict=True)])
        self._writer.write_table(whole.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(self._schema))
        self.records += frame.height

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()


class Contribution:
    """Reads the cells of one sheet for one table, batch by batch."""

    def __init__(
        self,
        number: int,
        source: TextTable,
        columns: TableColumns,
        profile: Profile | None,
        found: Definitions,
        side: SideTables,
        path: Path,
        say: Say,
    ) -> None:
        self.columns = columns
        self.table = columns.table
        self.fields = columns.fields
        self.changed = 0
        self._side = side
        self._reader = ColumnReader(self.table, source, profile, found, say)
        over = columns.layout.over.field if columns.layout.over else None
        self.place = SourcePlace(number, source.file.shown, source.sheet, _headers(columns), over)
        for value, block in columns.blocks.items():
            for name, column in block.items():
                self.place.blocks.setdefault(name, {})[value] = column.header
        own_rows = frozenset(columns.tests.fields.values()) if columns.tests else frozenset[str]()
        self._own_rows = own_rows
        self._writer = PartWriter(path, self.fields, own_rows)
        self._results: ResultRows | None = None
        if columns.tests is not None:
            self._results = ResultRows(self.table, columns.tests, self._reader, path.with_suffix(".results"), say)

    def rows(self, cells: pl.DataFrame) -> pl.Series:
        """True for the rows of a batch that this table takes."""
        taken = pl.Series([True]).new_from_index(0, cells.height)
        for header, texts in self.columns.where.items():
            if header in cells.columns:
                taken &= folded(cells[header]).is_in(list(texts)).fill_null(False)
        for header, texts in self.columns.unless.items():
            if header in cells.columns:
                taken &= ~folded(cells[header]).is_in(list(texts)).fill_null(False)
        if self.columns.when_filled:
            filled = cells.select(pl.any_horizontal(pl.col(self.columns.when_filled).is_not_null())).to_series()
            taken &= filled
        return taken

    def add(self, batch: Batch, taken: pl.Series) -> None:
        """Read the rows ``taken`` of a batch."""
        cells = batch.cells.filter(taken).rechunk()
        if cells.is_empty():
            return
        shared = self._read(self.columns.columns, cells, {})
        shared = shared.with_columns(batch.row_numbers().filter(taken).alias(ROW))
        shared = shared.with_columns(
            *(pl.lit(text).alias(name) for name, text in self.columns.constants.items()),
            *(_or_default(shared, name, text) for name, text in self.columns.defaults.items()),
        )
        if self._results is not None:
            self._results.add(shared, cells)
        elif self.columns.layout.over is not None:
            self._write(self._blocks(shared, cells, self.columns.layout.over.field))
        else:
            self._write(shared)

    def close(self) -> Part:
        """Finish the part; an export of results becomes records now."""
        if self._results is not None:
            self._write(self._results.records())
        self._reader.close()
        self._writer.close()
        return Part(self._writer.path, self.table, self.fields, self._own_rows, self.place, self._writer.records)

    def _read(self, columns: Mapping[str, Column], cells: pl.DataFrame, known: Mapping[str, pl.Series]) -> pl.DataFrame:
        """Canonical cells and events of some columns; ``known`` are fields that a conversion may need."""
        there = {name: column for name, column in columns.items() if column.header in cells.columns}
        frame: list[pl.Series] = []
        values = dict(known)
        for name in sorted(there, key=self._reader.needs_others):
            series = self._reader.read(there[name], cells, values)
            values[name] = series[0]
            frame += series
        return pl.DataFrame(frame) if frame else pl.DataFrame({ROW: pl.int_range(cells.height, eager=True)})

    def _blocks(self, shared: pl.DataFrame, cells: pl.DataFrame, over: str) -> pl.DataFrame:
        """One record for each value of ``over`` with a cell that is not empty, in the order of the rows."""
        frames: list[pl.DataFrame] = []
        known = {name: shared[name] for name in self.columns.columns if name in shared.columns}
        for value, block in self.columns.blocks.items():
            read = self._read(block, cells, known)
            some = read.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
            record = pl.concat([shared, read.drop(ROW, strict=False)], how="horizontal").filter(some)
            frames.append(record.with_columns(pl.lit(value).alias(over)))
        if not frames:
            return shared.clear()
        return pl.concat(frames, how="diagonal").sort(ROW, maintain_order=True)

    def _write(self, frame: pl.DataFrame) -> None:
        if frame.is_empty():
            return
        self.changed += self._side.add(self.table, _with_key(frame, self.table), self.fields, self.place)
        self._writer.write(frame.with_columns(all_notes(frame, self.fields)))


def _or_default(frame: pl.DataFrame, name: str, text: str) -> pl.Expr:
    """The cells of a field with ``text`` where a cell is empty and nothing else is known of it."""
    if name not in frame.columns:
        return pl.lit(text).alias(name)
    events = [pl.col(f"{event}:{name}").is_null() for event in ("note", "flag") if f"{event}:{name}" in frame.columns]
    return pl.when(pl.col(name).is_null(), *events).then(pl.lit(text)).otherwise(pl.col(name)).alias(name)


def _with_key(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    missing = [name for name in table.key if name not in frame.columns]
    return frame.with_columns([pl.lit(None, dtype=pl.String).alias(name) for name in missing])


def _headers(columns: TableColumns) -> dict[str, str]:
    found = {name: column.header for name, column in columns.columns.items()}
    if columns.tests is not None:
        found.update(dict.fromkeys(columns.tests.fields.values(), columns.tests.result.header))
    return found
