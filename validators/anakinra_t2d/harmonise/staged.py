"""A harmonised table on disk, with the interface of a table that was just read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from anakinra_t2d.finding import Location
from anakinra_t2d.harmonise.assemble import row_column
from anakinra_t2d.harmonise.contribution import Part
from anakinra_t2d.harmonise.record_frame import NOTES, ROW
from anakinra_t2d.reading import RaggedRow, ReadProblem
from anakinra_t2d.reading.cells import Batch
from anakinra_t2d.schema import Table

_MOST_NAMES = 3


class StagedTable:
    """Iterate once for batches of canonical text cells; the row of a record is its number in the staged file.

    ``place`` finds the file, sheet, row and column that a cell came from.
    """

    readable = True
    problems: Sequence[ReadProblem] = ()
    rejected: Sequence[RaggedRow] = ()

    def __init__(
        self, table: Table, path: Path, parts: Sequence[Part], hashes: dict[str, str], batch_rows: int
    ) -> None:
        self.table = table
        self._path = path
        self._parts = parts
        self._batch_rows = batch_rows
        self._columns: dict[str, pl.Series] = {}
        self._names = pq.read_schema(path).names
        self.header = [name for name in table.fields if name in self._names]
        files = list(dict.fromkeys(part.place.file for part in parts))
        more = f" and {len(files) - _MOST_NAMES} more" if len(files) > _MOST_NAMES else ""
        self.shown = ", ".join(files[:_MOST_NAMES]) + more
        self.sha256 = ",".join(hashes[file] for file in files if file in hashes)
        self.size = 0
        self.records = int(pq.read_metadata(path).num_rows)

    def __iter__(self) -> Iterator[Batch]:
        first = 1
        raw = {name: f"raw:{name}" for name in self.header if f"raw:{name}" in self._names}
        # reading ahead would hold the whole file in memory
        for batch in pq.ParquetFile(self._path, pre_buffer=False).iter_batches(self._batch_rows):
            frame = pl.DataFrame(pl.from_arrow(batch))
            cells = frame.select(self.header)
            sent = frame.select([pl.coalesce(raw.get(name, name), name).alias(name) for name in self.header])
            yield Batch(first, None, cells, odd=True, sent=sent, notes=frame[NOTES])
            first += frame.height

    def place(self, row: int | None, column: str | None) -> Location:
        """Where a cell of a record stands; for a column that no sheet has, where the record stands."""
        if row is None:
            return Location(self.shown)
        fallback: Location | None = None
        for number, part in enumerate(self._parts):
            at = self._cell(self._row_name(number, ROW), row)
            if column in part.own_rows:
                at = self._cell(self._row_name(number, f"row:{column}"), row) or at
            if at is None:
                continue
            place = part.place
            if column is None or column in part.fields:
                over = self._text(place.over, row) if place.over else None
                header = place.header(column, over) if column and place.columns else None
                return Location(place.file, place.sheet, int(at), header)
            fallback = fallback or Location(place.file, place.sheet, int(at), None)
        return fallback or Location(self.shown)

    def place_of_header(self, column: str | None) -> Location:  # noqa: ARG002
        """Where something about a whole column is shown: the file alone, for columns have their names from the site."""
        return Location(self.shown)

    def _row_name(self, number: int, column: str) -> str:
        return column if len(self._parts) == 1 else row_column(number, column)

    def _cell(self, name: str, row: int) -> int | None:
        if name not in self._names:
            return None
        value = self._column(name)[row - 1]
        return None if value is None else int(value)

    def _text(self, name: str, row: int) -> str | None:
        value = self._column(name)[row - 1]
        return None if value is None else str(value)

    def _column(self, name: str) -> pl.Series:
        if name not in self._columns:
            self._columns[name] = pl.read_parquet(self._path, columns=[name])[name]
        return self._columns[name]
