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
from anakinra_t2d.reading import RaggedRow
from anakinra_t2d.schema import Table
from anakinra_t2d.wording import HIDDEN, is_direct

SCHEMA = pa.schema(
    [
        pa.field("table", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("row", pa.int64()),
        pa.field("reasons", pa.list_(pa.string()), nullable=False),
        pa.field(
            "cells", pa.string(), nullable=False, metadata={"description": "JSON object: column name to text as sent"}
        ),
    ]
)


class RejectedRows:
    """Writes rejected rows to one Parquet file for people, and one per table with typed values for the rules."""

    def __init__(self, path: Path, scratch: Path) -> None:
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")
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
        file: str,
        view: Records,
        positions: Sequence[int],
        reasons: Mapping[int, list[str]],
        set_aside: set[tuple[int, str]],
    ) -> None:
        """Add rows of a batch; values that are unreadable or impossible are left out of the typed values."""
        sent = view.cells[list(positions)]
        records: list[tuple[str, str, int | None, list[str], str]] = []
        for position, cells in zip(positions, sent.iter_rows(named=True), strict=True):
            records.append((table.name, file, view.row(position), reasons[position], _shown(table, cells)))
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

    def add_unread(self, table: str, file: str, rows: Iterable[RaggedRow]) -> None:
        """Add rows that the reader could not cut into the cells of the header."""
        for part in batched(rows, 10_000):
            self._write(
                [
                    (table, file, row.row, [row.code], json.dumps(dict(enumerate(row.cells, 1)), ensure_ascii=False))
                    for row in part
                ]
            )

    def add_written(self, table: Table, file: str, rows: Sequence[int], reason: str, frame: pl.DataFrame) -> None:
        """Add rows that were written and are taken back; their cells are the canonical text."""
        text = frame.select(pl.all().cast(pl.String))
        self._write(
            [
                (table.name, file, row, [reason], _shown(table, cells))
                for row, cells in zip(rows, text.iter_rows(named=True), strict=True)
            ]
        )

    def _write(self, records: list[tuple[str, str, int | None, list[str], str]]) -> None:
        if not records:
            return
        columns = list(zip(*records, strict=True))
        arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))
        self._counts.update(record[0] for record in records)

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()


def _shown(table: Table, cells: Mapping[str, str | None]) -> str:
    """Cells as JSON; cells of fields that identify a person by themselves are hidden."""
    shown = {name: HIDDEN if text and is_direct(table.fields[name]) else text for name, text in cells.items()}
    return json.dumps(shown, ensure_ascii=False)


def batched(rows: Iterable[RaggedRow], size: int) -> Iterable[list[RaggedRow]]:
    """Rows in lists of at most ``size``."""
    left = iter(rows)
    while part := list(islice(left, size)):
        yield part
