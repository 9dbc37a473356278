"""The Parquet file of all parameters or of all endpoints, written card by card."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from anakinra_t2d.derivation.aligned_columns import words_at
from anakinra_t2d.forms.derived_tables import DERIVED

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ROW_GROUP = 250_000
"""Rows of a row group, at least where that many are there."""

_DICTIONARY = 4 << 20
"""Bytes in which the names of all patients of a row group have room."""


def arrow_schema(name: str) -> pa.Schema:
    """Columns of a derived table; texts as words, because few of them are different."""
    import pyarrow as pa

    types = {"string": pa.dictionary(pa.int32(), pa.string()), "number": pa.float64(), "integer": pa.int64()}
    return pa.schema([(column.name, types[column.type]) for column in DERIVED[name].columns])


class CardFile:
    """Writes the rows of one card after those of another, by patient and visit.

    ``name`` is a derived table with the column ``id``; ``subjects`` are the names of the patients in their order. Rows
    are written while the next card is made.
    """

    def __init__(self, path: Path, name: str, id: str, subjects: pa.Array) -> None:
        import pyarrow.parquet as pq

        self.subjects = subjects
        self.id = id
        self._schema = arrow_schema(name)
        self._waiting: list[pa.Table] = []
        self._writer = ThreadPoolExecutor(max_workers=1)
        self._being_written: Future[None] | None = None
        # the schema of Arrow would tell readers to give words as categories
        self._file: pq.ParquetWriter = pq.ParquetWriter(
            path,
            self._schema,
            compression="zstd",
            dictionary_pagesize_limit=_DICTIONARY,
            store_schema=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            if self._waiting and error[0] is None:
                self._write_waiting()
            self._wait()
        finally:
            self._writer.shutdown()
            self._file.close()

    def note(self, metadata: Mapping[str, str]) -> None:
        """Add file properties."""
        self._file.add_key_value_metadata(dict(metadata))

    def add(self, id: str, unit: str, visits: Mapping[str, pa.Table]) -> None:
        """Write a card: its columns at each visit. An endpoint has one visit without a name."""
        patients = len(self.subjects)
        groups = round(patients * len(visits) / ROW_GROUP)
        if not groups:
            # a small card shares its row group with those that follow
            self._waiting.append(self._rows(id, unit, visits))
            if sum(rows.num_rows for rows in self._waiting) >= ROW_GROUP:
                self._write_waiting()
            return
        if self._waiting:
            self._write_waiting()
        at_once = -(-patients // groups)
        for start in range(0, patients, at_once):
            parts = {visit: table.slice(start, at_once) for visit, table in visits.items()}
            self._write(self._rows(id, unit, parts), self.subjects.slice(start, at_once))

    def _rows(self, id: str, unit: str, visits: Mapping[str, pa.Table]) -> pa.Table:
        """The rows of a card, with the place of the patient instead of the name."""
        import pyarrow as pa

        names, number = list(visits), len(visits)
        patients = visits[names[0]].num_rows
        always = np.zeros(patients * number, np.int32)
        columns: dict[str, Any] = {
            "subject_id": pa.array(np.repeat(np.arange(patients, dtype=np.int32), number)),
            "visit": words_at(np.tile(np.arange(number, dtype=np.int32), patients), pa.array(names, pa.string())),
            self.id: words_at(always, pa.array([id])),
            "unit": words_at(always, pa.array([unit])),
        }
        together = pa.concat_tables(visits.values()).unify_dictionaries().combine_chunks()
        if number > 1:
            # the visits stand behind each other, the rows are ordered by patient
            order = np.arange(patients * number).reshape(number, patients).T.ravel()
            together = together.take(pa.array(order))
        columns |= dict(zip(together.column_names, together.columns, strict=True))
        return pa.table({name: columns[name] for name in self._schema.names})

    def _write_waiting(self) -> None:
        import pyarrow as pa

        self._write(pa.concat_tables(self._waiting).unify_dictionaries().combine_chunks(), self.subjects)
        self._waiting = []

    def _write(self, rows: pa.Table, subjects: pa.Array) -> None:
        named = words_at(rows["subject_id"].to_numpy(), subjects)
        rows = rows.set_column(0, "subject_id", named).cast(self._schema)
        # one at a time, so that not more than one row group waits in memory
        self._wait()
        self._being_written = self._writer.submit(self._file.write_table, rows, max(1, rows.num_rows))

    def _wait(self) -> None:
        if self._being_written is not None:
            self._being_written.result()
