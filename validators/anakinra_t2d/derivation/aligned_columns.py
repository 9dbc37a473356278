"""Columns of numbers and of few different words, a row for each patient in the order of their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa


class Shelf:
    """Keeps tables of columns by name: in memory, or in a folder when they are too many for it."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._held: dict[str, pa.Table] = {}

    def put(self, name: str, table: pa.Table) -> None:
        """Keep a table whose columns have one chunk each."""
        import pyarrow as pa

        if self.folder is None:
            self._held[name] = table
            return
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_file(self.folder / name, table.schema, options=options) as file:
            file.write_table(table)

    def get(self, name: str, columns: Sequence[str]) -> pa.Table:
        """These columns of a table that was put here."""
        import pyarrow as pa

        if self.folder is None:
            return self._held[name].select(list(columns))
        # read, not mapped: what is mapped counts as memory of the process until it ends
        with pa.OSFile(str(self.folder / name)) as source:
            names = pa.ipc.open_file(source).schema.names
            options = pa.ipc.IpcReadOptions(included_fields=[names.index(column) for column in columns])
            return pa.ipc.open_file(source, options=options).read_all()


class Words:
    """Numbers of words; -1 is no word."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._codes: dict[str, int] = {}

    def code(self, word: str | None) -> int:
        """The number of a word."""
        if word is None:
            return -1
        if word not in self._codes:
            self._codes[word] = len(self.words)
            self.words.append(word)
        return self._codes[word]

    def codes(self, column: pa.Array) -> Any:
        """The number of each word of a column of text."""
        found = column.dictionary_encode()
        # one more place at the end, at which -1 finds itself
        known = np.array([*(self.code(word) for word in found.dictionary.to_pylist()), -1], np.int32)
        return known[found.indices.fill_null(-1).to_numpy(zero_copy_only=False)]

    def column(self, codes: Any) -> pa.Array:
        """Numbers as a column of words, whose order does not depend on which of them came first."""
        import pyarrow as pa

        words = sorted(self.words)
        places = np.array([*map(words.index, self.words), -1], np.int32)[codes]
        return pa.DictionaryArray.from_arrays(pa.array(places, mask=places < 0), pa.array(words, pa.string()))


class Scattered:
    """Value, state and reason of ``size`` places, which all have ``absent`` until something else is put there."""

    def __init__(self, size: int, absent: tuple[float | None, str, str]) -> None:
        value, state, reason = absent
        self._states, self._reasons = Words(), Words()
        self._value = np.full(size, 0.0 if value is None else value)
        self._known = np.full(size, value is not None)
        self._state = np.full(size, self._states.code(state), np.int32)
        self._reason = np.full(size, self._reasons.code(reason), np.int32)

    def put(self, rows: pa.RecordBatch) -> None:
        """Rows with the columns place, value, state and reason."""
        where = rows.column("place").to_numpy(zero_copy_only=False)
        value = rows.column("value")
        self._value[where] = value.fill_null(0.0).to_numpy(zero_copy_only=False)
        self._known[where] = value.is_valid().to_numpy(zero_copy_only=False)
        self._state[where] = self._states.codes(rows.column("state"))
        self._reason[where] = self._reasons.codes(rows.column("reason"))

    def table(self, start: int, end: int) -> pa.Table:
        """The columns value, state and reason of these places."""
        import pyarrow as pa

        part = slice(start, end)
        return pa.table(
            {
                "value": pa.array(self._value[part], mask=~self._known[part]),
                "state": self._states.column(self._state[part]),
                "reason": self._reasons.column(self._reason[part]),
            }
        )


def with_words(table: pa.Table) -> pa.Table:
    """The same table with one chunk of each column and its texts as numbers of words."""
    import pyarrow as pa

    columns = [
        column.dictionary_encode()
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        else column
        for column in table.columns
    ]
    return pa.table(dict(zip(table.column_names, columns, strict=True))).combine_chunks()


def words_at(places: Any, words: pa.Array) -> pa.Array:
    """The words at these places in ``words``, which are all different, as a column of words."""
    import pyarrow as pa

    # a word that is missing is none
    missing = words.is_null().to_numpy(zero_copy_only=False)[places] if words.null_count else None
    return pa.DictionaryArray.from_arrays(pa.array(places, mask=missing), words.fill_null(""))


def nothing(rows: int) -> pa.Table:
    """The columns value, state and reason without anything in them."""
    import pyarrow as pa

    words = pa.dictionary(pa.int32(), pa.string())
    types = {"value": pa.float64(), "state": words, "reason": words}
    return pa.table({name: pa.nulls(rows, kind) for name, kind in types.items()})


def numbers(column: pa.Array | pa.ChunkedArray) -> Any:
    """A column as floating-point numbers, not a number where it has none."""
    return column.to_numpy(zero_copy_only=False).astype(float)


def counted(column: pa.ChunkedArray) -> dict[str, int]:
    """How often each word is in a column of words."""
    found = column.combine_chunks()
    times = np.bincount(found.indices.to_numpy(), minlength=len(found.dictionary)).tolist()
    return {word: n for word, n in zip(found.dictionary.to_pylist(), times, strict=True) if n}
