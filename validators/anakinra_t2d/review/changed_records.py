"""What changed in the records of a table between two directories of ``convert``, cell by cell."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from anakinra_t2d.across.sql import as_literal, quoted
from anakinra_t2d.across.text import as_text
from anakinra_t2d.reading import InputError
from anakinra_t2d.wording import HIDDEN, Wording, pseudonym

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MEMORY = "400MB"
_THREADS = "2"


@dataclass(frozen=True)
class CellChange:
    """A cell that is not what it was; a text is None where the cell is empty."""

    key: Mapping[str, str]
    field: str
    old: str | None
    new: str | None


@dataclass
class TableChange:
    """What changed in a table. ``rows_old`` and ``rows_new`` are None where a submission does not have the table.

    ``added``, ``removed`` and ``cells`` list the first changes, as many as were asked for; the counts are complete.
    ``problem`` says why the records could not be compared, ``columns`` how the columns differ, a sentence each.
    """

    table: str
    rows_old: int | None = None
    rows_new: int | None = None
    number_added: int = 0
    number_removed: int = 0
    number_changed: int = 0
    cells_changed: dict[str, int] = field(default_factory=dict)
    added: list[dict[str, str]] = field(default_factory=list)
    removed: list[dict[str, str]] = field(default_factory=list)
    cells: list[CellChange] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    problem: str | None = None

    @property
    def is_same(self) -> bool:
        """Whether nothing changed."""
        numbers = self.number_added, self.number_removed, self.number_changed
        there = self.rows_old is not None and self.rows_new is not None
        return there and not any(numbers) and not self.columns and self.problem is None


@dataclass(frozen=True)
class _Saved:
    """A table of an output as its data package describes it."""

    path: Path
    key: tuple[str, ...]
    identifying: Mapping[str, str]


class ChangedRecords:
    """Compares the tables of two outputs; at most ``most`` changes of a kind are listed for each table."""

    def __init__(self, old: Path, new: Path, wording: Wording, most: int) -> None:
        self.old, self.new = _tables(old), _tables(new)
        self.found = wording.definitions
        self.wording = wording
        self.most = most

    def __iter__(self) -> Iterator[TableChange]:
        names = [*self.found.trial.tables, *sorted({*self.old, *self.new} - set(self.found.trial.tables))]
        for name in names:
            if name in self.old or name in self.new:
                yield self._table(name)

    def _table(self, name: str) -> TableChange:
        import duckdb

        change = TableChange(name)
        old, new = self.old.get(name), self.new.get(name)
        with _connection() as con:
            try:
                types = [_view(con, side, saved.path) if saved else {} for side, saved in (("o", old), ("n", new))]
                change.rows_old = _count(con, "o") if old else None
                change.rows_new = _count(con, "n") if new else None
                if old and new:
                    self._compare(con, change, old, new, *types)
            except duckdb.Error as error:
                words = str(error).splitlines()[0]
                raise InputError(f"The table {name} of the two outputs cannot be compared: {words}") from None
        return change

    def _compare(
        self,
        con: DuckDBPyConnection,
        change: TableChange,
        old: _Saved,
        new: _Saved,
        old_types: Mapping[str, str],
        new_types: Mapping[str, str],
    ) -> None:
        for words, names in (
            ("is only in the old submission", [name for name in old_types if name not in new_types]),
            ("is only in the new submission", [name for name in new_types if name not in old_types]),
        ):
            change.columns += [f"the column {name} {words}" for name in names]
        common = [name for name in new_types if name in old_types]
        as_words = {name for name in common if old_types[name] != new_types[name]}
        change.columns += [
            f"the column {name} was {old_types[name]} and is {new_types[name]}; it was compared as text"
            for name in sorted(as_words)
        ]
        if old.key != new.key:
            change.columns.append(f"the key was {', '.join(old.key)} and is {', '.join(new.key)}")
        key = new.key
        if not key or not set(key) <= set(common):
            change.problem = f"the key {', '.join(key)} is not in both submissions"
            return
        values = [name for name in common if name not in key]
        _join(con, key, values, as_words)
        self._fill(con, change, key, values, {**old.identifying, **new.identifying})

    def _fill(
        self,
        con: DuckDBPyConnection,
        change: TableChange,
        key: Sequence[str],
        values: Sequence[str],
        identifying: Mapping[str, str],
    ) -> None:
        counts = ["COUNT(*) FILTER (_old IS NULL)", "COUNT(*) FILTER (_new IS NULL)", "COUNT(*) FILTER (_old AND _new)"]
        counts += [f"COUNT(*) FILTER ({_differs(place)})" for place in range(len(values))]
        row = con.execute(f"SELECT {', '.join(counts)} FROM differing").fetchone() or ()
        change.number_added, change.number_removed, change.number_changed = row[:3]
        cells = dict(zip(values, row[3:], strict=True))
        change.cells_changed = {name: number for name, number in cells.items() if number}
        keys = ", ".join(f"k{place}" for place in range(len(key)))

        def listed(columns: str, condition: str) -> list[tuple[Any, ...]]:
            sql = f"SELECT {keys}{columns} FROM differing WHERE {condition} ORDER BY {keys} LIMIT {self.most}"
            return con.execute(sql).fetchall()

        def shown(row: Sequence[Any]) -> dict[str, str]:
            parts = zip(key, row, strict=False)
            return {name: self._key_part(change.table, name, value, identifying) for name, value in parts}

        change.added = [shown(row) for row in listed("", "_old IS NULL")]
        change.removed = [shown(row) for row in listed("", "_new IS NULL")]
        found: list[tuple[tuple[Any, ...], int, CellChange]] = []
        for place, name in enumerate(values):
            if name not in change.cells_changed:
                continue
            for row in listed(f", o{place}, n{place}", _differs(place)):
                before, after = (self._value(change.table, name, value, identifying) for value in row[len(key) :])
                found.append((row[: len(key)], place, CellChange(shown(row), name, before, after)))
        found.sort(key=lambda item: (item[0], item[1]))
        change.cells = [cell for _, _, cell in found[: self.most]]

    def _level(self, table: str, name: str, identifying: Mapping[str, str]) -> set[str]:
        known = self.found.tables.get(table)
        field = known.fields.get(name) if known else None
        return {identifying.get(name, "none"), field.identifying if field else "none"}

    def _key_part(self, table: str, name: str, value: object, identifying: Mapping[str, str]) -> str:
        text, levels = as_text(value), self._level(table, name, identifying)
        if not self.wording.show_values and levels != {"none"}:
            return pseudonym(text)
        return HIDDEN if "direct" in levels else self.wording.safe(text)

    def _value(self, table: str, name: str, value: object, identifying: Mapping[str, str]) -> str | None:
        if value is None:
            return None
        if not self.wording.show_values or "direct" in self._level(table, name, identifying):
            return HIDDEN
        return self.wording.safe(as_text(value))


def _differs(place: int) -> str:
    return f"_old AND _new AND o{place} IS DISTINCT FROM n{place}"


def _join(con: DuckDBPyConnection, key: Sequence[str], values: Sequence[str], as_words: set[str]) -> None:
    """Make the relation of the records that differ: key as k0.., values as o0.. and n0.., and which sides have them."""

    def column(side: str, name: str) -> str:
        return f"CAST({side}.{quoted(name)} AS VARCHAR)" if name in as_words else f"{side}.{quoted(name)}"

    selected = [f"COALESCE({column('o', name)}, {column('n', name)}) AS k{place}" for place, name in enumerate(key)]
    selected += ["o._there AS _old", "n._there AS _new"]
    for place, name in enumerate(values):
        selected += [f"{column('o', name)} AS o{place}", f"{column('n', name)} AS n{place}"]
    same_key = " AND ".join(f"{column('o', name)} = {column('n', name)}" for name in key)
    differs = " OR ".join(
        ["o._there IS NULL", "n._there IS NULL"]
        + [f"{column('o', name)} IS DISTINCT FROM {column('n', name)}" for name in values]
    )
    con.execute(
        f"CREATE TEMP TABLE differing AS SELECT {', '.join(selected)} FROM o FULL OUTER JOIN n ON {same_key} "
        f"WHERE {differs}"
    )


@contextmanager
def _connection() -> Iterator[DuckDBPyConnection]:
    import duckdb

    with TemporaryDirectory(prefix="anakinra-t2d-") as scratch:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": _MEMORY,
            "threads": _THREADS,
            "temp_directory": scratch,
            "preserve_insertion_order": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
        con = duckdb.connect(":memory:", config=config)
        try:
            con.execute("SET enable_progress_bar = false")
            con.execute("SET TimeZone = 'UTC'")
            yield con
        finally:
            con.close()


def _view(con: DuckDBPyConnection, side: str, path: Path) -> dict[str, str]:
    """Make the relation of one side; its columns with their types."""
    shown = as_literal("".join(f"[{char}]" if char in "[*?" else char for char in str(path)))
    con.execute(f"CREATE VIEW {side} AS SELECT *, TRUE AS _there FROM read_parquet({shown})")
    columns = con.execute(f"DESCRIBE SELECT * EXCLUDE (_there) FROM {side}").fetchall()
    return {str(row[0]): str(row[1]) for row in columns}


def _count(con: DuckDBPyConnection, side: str) -> int:
    row = con.execute(f"SELECT COUNT(*) FROM {side}").fetchone()
    return int(row[0]) if row else 0


def _tables(folder: Path) -> dict[str, _Saved]:
    """The tables of trial data of an output by name.

    Raises:
        InputError: the data package is missing or not one that ``convert`` wrote.
    """
    file = folder / "datapackage.json"
    try:
        resources = json.loads(file.read_text(encoding="utf-8"))["resources"]
        found = {
            str(each["name"]): _Saved(
                # an output lies in one folder; a path that leads elsewhere is not followed
                folder / Path(each["path"]).name,
                tuple(each["schema"].get("primaryKey", ())),
                {item["name"]: str(item.get("identifying", "none")) for item in each["schema"]["fields"]},
            )
            for each in resources
            if each.get("role") != "lineage"
        }
    except OSError as error:
        raise InputError(f"{file} cannot be read: {(error.strerror or str(error)).lower()}.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{file} is not a data package that convert wrote.") from None
    missing = [saved.path.name for saved in found.values() if not saved.path.is_file()]
    if missing:
        raise InputError(f"{folder} is not whole: {', '.join(missing)} missing.")
    return found
