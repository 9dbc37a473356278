"""The values of a table below each other, made once for all rules that read them so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING

from anakinra_t2d.across.sql import as_literal, listed, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from anakinra_t2d.schema import Field, Table

VALUES_KEPT = 1_000_000
"""Values of all tables that are kept below each other; above it each rule makes its own, which needs less memory."""

_TYPES = {"number": "DOUBLE", "integer": "DOUBLE", "date": "DATE", "datetime": "DATE"}


def long_query(table: Table, fields: Sequence[Field]) -> str:
    """A query of the key of ``table``, ``field`` and ``value`` with a row for each value of ``fields``."""
    key = listed(table.key)
    return " UNION ALL ".join(
        f"SELECT {key}, {as_literal(field.name)} AS field, CAST({quoted(field.name)} AS {_type(field)}) AS value "
        f"FROM {quoted(table.name)} WHERE {quoted(field.name)} IS NOT NULL"
        for field in fields
    )


class LongTables:
    """Long forms of the tables behind a connection; ``counts`` tells how many values each field of a table has.

    Many branches of a union take longer to plan than a trial takes to read, and several rules read the same ones.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, counts: Callable[[str], Mapping[str, int]]) -> None:
        self._con = con
        self._counts = counts
        self._lock = Lock()
        self._left = VALUES_KEPT
        self._names: dict[tuple[str, str], str | None] = {}

    def query(self, table: Table, fields: Sequence[Field]) -> str:
        """What :func:`long_query` gives, from the kept long form where there is one."""
        kinds = {_type(field) for field in fields}
        name = self._kept(table, kinds.pop()) if len(kinds) == 1 and len(fields) > 1 else None
        if name is None:
            return long_query(table, fields)
        chosen = ", ".join(as_literal(field.name) for field in fields)
        return f"SELECT * FROM {quoted(name)} WHERE field IN ({chosen})"

    def drop(self) -> None:
        """Remove the long forms; the tables may change after it."""
        for name in self._names.values():
            if name is not None:
                self._con.execute(f"DROP TABLE {quoted(name)}")
        self._names = {}

    def _kept(self, table: Table, kind: str) -> str | None:
        with self._lock:
            if (table.name, kind) not in self._names:
                self._names[table.name, kind] = self._make(table, kind)
            return self._names[table.name, kind]

    def _make(self, table: Table, kind: str) -> str | None:
        counts = self._counts(table.name)
        fields = [
            field
            for field in table.fields.values()
            if _type(field) == kind and field.name not in table.key and counts[field.name]
        ]
        values = sum(counts[field.name] for field in fields)
        if values > self._left:
            return None
        self._left -= values
        name = f"_long_{table.name}_{kind.lower()}"
        with self._con.cursor() as cursor:
            cursor.execute(f"CREATE TABLE {quoted(name)} AS {long_query(table, fields)}")
        return name


def _type(field: Field) -> str:
    return _TYPES.get(field.type, "VARCHAR")
