"""Rows that did not pass: their text as sent with the reasons, and their typed values for the rules across tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from anakinra_t2d.conversion.records import Records
from anakinra_t2d.finding import Location
from anakinra_t2d.forms.arrow import made_with
from anakinra_t2d.reading import RaggedRow
from anakinra_t2d.schema import Definitions, Table
from anakinra_t2d.wording import HIDDEN, is_direct

SCHEMA = pa.schema(
    [
        pa.field("table", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("sheet", pa.string()),
        pa.field("row", pa.int64()),
        pa.field("reasons", pa.list_(pa.string()), nullable=False),
        pa.field(
            "cells", pa.string(), nullable=False, metadata={"description": "JSON object: column name to text as sent"}
        ),
    ]
)
RejectedRecord = tuple[str, str, str | None, int | None, list[str], str]


class RejectedRows:
    """Writes rejected rows to one Parquet file for people, and one per table with typed values for the rules."""

    def __init__(self, path: Path, scratch: Path, found: Definitions) -> None:
        self._writer = pq.ParquetWriter(path, SCHEMA.with_metadata(made_with(found)), compression="zstd")
        self._scratch = scratch
        self._counts: Counter[str] = Counter()
        self._typed: dict[str, list[Path]] = {}

    def count(self, table: str) -> int:
        """Rejected rows of a table so far."""
        return self._counts[table]

    def typed(self, table: str) -> list[Path]:
        """Parquet files with the typed values of the rejected rows of a table and their rows in ``_row``."""
        return self._typed.get(table, [])

    def add(
        self,
        table: Table,
        view: Records,
        positions: Sequence[int],
        reasons: Mapping[int, list[str]],
        set_aside: set[tuple[int, str]],
    ) -> None:
        """Add rows of a batch; values that are unreadable or impossible are left out of the typed values."""
        sent = view.cells[list(positions)]
        records: list[RejectedRecord] = []
        for position, cells in zip(positions, sent.iter_rows(named=True), strict=True):
            place = view.location(position, None)
            shown = _shown(table, cells)
            records.append((table.name, place.file or "", place.sheet, place.row, reasons[position], shown))
        self._write(records)
        typed = view.frame[list(positions)].with_columns(pl.Series("_row", [view.row(p) for p in positions], pl.Int64))
        for name in {name for row, name in set_aside} & set(table.fields) - set(table.key):
            gone = pl.Series([(row, name) in set_aside for row in typed["_row"].to_list()])
            typed = typed.with_columns(pl.when(~gone).then(pl.col(name)).alias(name))
        # a record without a complete key belongs to nobody; the rules across tables must not judge it
        typed = typed.drop_nulls(table.key)
        if typed.is_empty():
            return
        files = self._typed.setdefault(table.name, [])
        path = self._scratch / f"{table.name}.rejected-{len(files)}.parquet"
        typed.write_parquet(path)
        files.append(path)

    def take(self, table: str, batches: Iterable[list[RejectedRecord]], typed: list[Path]) -> None:
        """Add rows that were set aside elsewhere: batches for people, and files as ``typed`` gives them."""
        for records in batches:
            self._write(records)
        if typed:
            self._typed[table] = [*self.typed(table), *typed]

    def add_unread(self, table: str, file: str, sheet: str | None, rows: Iterable[RaggedRow]) -> None:
        """Add rows that the reader could not cut into the cells of the header."""
        for part in batched(rows, 10_000):
            self._write([(table, file, sheet, row.row, [row.code], _numbered(row.cells)) for row in part])

    def add_written(self, table: Table, places: Sequence[Location], reason: str, frame: pl.DataFrame) -> None:
        """Add rows that were written and are taken back; their cells are the canonical text."""
        text = frame.select(pl.all().cast(pl.String))
        self._write(
            [
                (table.name, place.file or "", place.sheet, place.row, [reason], _shown(table, cells))
                for place, cells in zip(places, text.iter_rows(named=True), strict=True)
            ]
        )

    def _write(self, records: list[RejectedRecord]) -> None:
        if not records:
            return
        columns = list(zip(*records, strict=True))
        arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))
        self._counts.update(record[0] for record in records)

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()


def _numbered(cells: list[str]) -> str:
    return json.dumps(dict(enumerate(cells, 1)), ensure_ascii=False)


def _shown(table: Table, cells: Mapping[str, str | None]) -> str:
    """Cells as JSON; cells of fields that identify a person by themselves are hidden."""
    shown = {name: HIDDEN if text and is_direct(table.fields[name]) else text for name, text in cells.items()}
    return json.dumps(shown, ensure_ascii=False)


def batched(rows: Iterable[RaggedRow], size: int) -> Iterable[list[RaggedRow]]:
    """Rows in lists of at most ``size``."""
    left = iter(rows)
    while part := list(islice(left, size)):
        yield part
