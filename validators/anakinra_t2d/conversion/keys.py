"""Keys and references: what makes records unique, which records exist, and what result flags point to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import TYPE_CHECKING, Any

from anakinra_t2d.schema import Definitions, Rule, Table
from anakinra_t2d.schema.tables import Reference
from anakinra_t2d.wording import plain

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class KeyViolation:
    """A record that breaks a key rule; ``row`` is an index into the written rows or a line, as ``written`` says."""

    rule: Rule
    table: str
    key: dict[str, str]
    field: str
    fields: tuple[str, ...]
    value: object
    words: dict[str, str]
    row: int | None
    written: bool


@dataclass(frozen=True)
class KeyCheck:
    """Result of one key rule on one table; ``doubled`` has the index of every written row with a doubled key."""

    rule: Rule
    table: str
    field: str
    passed: int
    failed: int
    not_assessed: int
    violations: list[KeyViolation]
    doubled: list[int] = dataclass_field(default_factory=list)


class KeyChecks:
    """Runs the key rules over the relations of a submission; at most ``limit`` violations of each are listed."""

    def __init__(self, con: DuckDBPyConnection, found: Definitions, tables: Sequence[str], limit: int) -> None:
        self.con = con
        self.found = found
        self.tables = [found.tables[name] for name in tables]
        self.limit = limit

    def run(self) -> Iterator[KeyCheck]:
        """Every key rule of every submitted table, in table order."""
        for table in self.tables:
            yield self._unique(table, table.key, "KEY-001")
            for group in table.unique:
                yield self._unique(table, group, "KEY-003")
            for index, reference in enumerate(table.foreign_keys):
                yield self._reference(table, reference, table.foreign_keys[:index])
            if table.role == "flags":
                yield self._flags(table)

    def _unique(self, table: Table, group: Sequence[str], code: str) -> KeyCheck:
        rule = self.found.builtin_rules[code]
        columns, whole = _list(group), " AND ".join(f'"{name}" IS NOT NULL' for name in group)
        total, known = self._row(f'SELECT COUNT(*), COUNT(*) FILTER ({whole}) FROM "{table.name}"')
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE doubled AS SELECT {columns}, COUNT(*) AS times "
            f'FROM "{table.name}" WHERE {whole} GROUP BY {columns} HAVING COUNT(*) > 1'
        )
        failed = self._row("SELECT COALESCE(SUM(times), 0) FROM doubled")[0]
        violations, doubled = [], []
        if failed:
            joined = f'"{table.name}" AS t JOIN doubled AS d USING ({columns})'
            doubled = [row["_row"] for row in self._records(f"SELECT t._row FROM {joined} WHERE t._written ORDER BY 1")]
            rows = self._records(
                f"SELECT {_list(table.key, 't')}, t._row, t._written, d.times FROM {joined} "
                f"ORDER BY NOT t._written, t._row LIMIT {self.limit}"
            )
            for row in rows:
                words = {"fields": ", ".join(group), "times": str(row["times"])}
                violations.append(self._violation(rule, table, row, group[-1], tuple(group), words))
        return KeyCheck(rule, table.name, group[-1], known - failed, failed, total - known, violations, doubled)

    def _reference(self, table: Table, reference: Reference, earlier: Sequence[Reference]) -> KeyCheck:
        rule = self.found.builtin_rules["REF-001"]
        whole = " AND ".join(f'c."{name}" IS NOT NULL' for name in reference.fields)
        # a record that is already unknown to an earlier reference would only say the same again
        judged = " AND ".join([whole, *(_exists(each) for each in earlier)])
        orphan = f"{judged} AND NOT {_exists(reference)}"
        total, known = self._row(f'SELECT COUNT(*), COUNT(*) FILTER ({judged}) FROM "{table.name}" AS c')
        failed = self._row(f'SELECT COUNT(*) FROM "{table.name}" AS c WHERE {orphan}')[0]
        field = reference.fields[min(1, len(reference.fields) - 1)]
        violations = []
        if failed:
            columns = _list(dict.fromkeys([*table.key, *reference.fields]), "c")
            rows = self._records(
                f'SELECT {columns}, c._row, c._written FROM "{table.name}" AS c WHERE {orphan} '
                f"ORDER BY NOT c._written, c._row LIMIT {self.limit}"
            )
            for row in rows:
                named = ", ".join(
                    f"{to} {plain(row[name])}" for name, to in zip(reference.fields, reference.to, strict=True)
                )
                words = {"parent": reference.table, "reference": named}
                violations.append(self._violation(rule, table, row, field, tuple(reference.fields), words))
        return KeyCheck(rule, table.name, field, known - failed, failed, total - known, violations)

    def _flags(self, table: Table) -> KeyCheck:
        rule = self.found.builtin_rules["FLAG-001"]
        flags = self._records(f'SELECT * FROM "{table.name}" ORDER BY NOT _written, _row')
        targets = self._flag_targets(table.name, flags)
        violations = []
        for flag in flags:
            if problem := self._flag_problem(flag, targets):
                fields = ("table", "record_key", "field")
                words = {"problem": problem}
                violations.append(self._violation(rule, table, flag, "record_key", fields, words))
        failed = len(violations)
        return KeyCheck(rule, table.name, "record_key", len(flags) - failed, failed, 0, violations[: self.limit])

    def _flag_targets(self, name: str, flags: list[dict[str, Any]]) -> dict[tuple[str, str, str], bool]:
        """Which flagged cells exist, by table, field and record key, and whether they hold a value."""
        targets: dict[tuple[str, str, str], bool] = {}
        for target, field in sorted(
            {(flag["table"], flag["field"]) for flag in flags if flag["table"] and flag["field"]}
        ):
            table = self.found.tables.get(target)
            if table is None or field not in table.fields:
                continue
            key = " || '|' || ".join(f"'{part}=' || CAST(t.\"{part}\" AS VARCHAR)" for part in table.key)
            rows = self.con.execute(
                f'SELECT f.record_key, COUNT(t."{field}") FROM "{target}" AS t JOIN "{name}" AS f '
                f'ON f.record_key = {key} AND f."table" = ? AND f.field = ? GROUP BY f.record_key',
                [target, field],
            ).fetchall()
            targets.update({(target, field, record_key): bool(filled) for record_key, filled in rows})
        return targets

    def _flag_problem(self, flag: dict[str, Any], targets: dict[tuple[str, str, str], bool]) -> str | None:
        if flag["table"] is None or flag["record_key"] is None or flag["field"] is None:
            return None
        table = self.found.tables.get(flag["table"])
        if table is None:
            return f"there is no table {flag['table']}"
        if flag["field"] not in table.fields:
            return f"{table.name} has no field {flag['field']}"
        if [part.partition("=")[0] for part in flag["record_key"].split("|")] != list(table.key):
            return f"the record key does not name {', '.join(table.key)} in this order"
        filled = targets.get((table.name, flag["field"], flag["record_key"]))
        if filled is None:
            return f"{table.name} has no record with this key"
        return f"the cell it explains is not empty in {table.name}" if filled else None

    def _violation(
        self, rule: Rule, table: Table, row: dict[str, Any], field: str, fields: tuple[str, ...], words: dict[str, str]
    ) -> KeyViolation:
        key = {name: "" if row[name] is None else plain(row[name]) for name in table.key}
        return KeyViolation(
            rule, table.name, key, field, fields, row.get(field), words, row["_row"], bool(row["_written"])
        )

    def _row(self, sql: str, parameters: list[Any] | None = None) -> tuple[Any, ...]:
        row = self.con.execute(sql, parameters or []).fetchone()
        assert row is not None
        return tuple(row)

    def _records(self, sql: str) -> list[dict[str, Any]]:
        cursor = self.con.execute(sql)
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _list(names: Any, alias: str | None = None) -> str:
    prefix = f"{alias}." if alias else ""
    return ", ".join(f'{prefix}"{name}"' for name in names)


def _exists(reference: Reference) -> str:
    same = " AND ".join(f'p."{to}" = c."{name}"' for name, to in zip(reference.fields, reference.to, strict=True))
    return f'EXISTS (SELECT 1 FROM "{reference.table}" AS p WHERE {same})'
