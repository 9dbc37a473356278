"""One concrete rule on the data: how many records hold, and which do not."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anakinra_t2d.across.sql import listed, quoted
from anakinra_t2d.across.text import as_text

if TYPE_CHECKING:
    import duckdb

    from anakinra_t2d.across.expand import ConcreteRule
    from anakinra_t2d.schema import Table
    from anakinra_t2d.schema.rules import AcrossRule

HOLDS = "_holds"
_HIDDEN = (HOLDS, "_row", "_written")


class RuleError(Exception):
    """A rule that cannot run; never skipped. ``code`` is the rule's, ``message`` says what is wrong."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Violation:
    """A record (or, with an empty key, a table) on which a rule does not hold.

    ``row`` and ``written`` are ``_row`` and ``_written`` of the judged record, None when it was not found.
    ``key`` is text as in the CSV; a key part without value is the empty text. ``values`` has every column that
    the rule selected, as Python values.
    """

    table: str
    key: dict[str, str]
    row: int | None
    written: bool | None
    field: str | None
    value: object
    values: dict[str, object]


@dataclass(frozen=True)
class RuleOutcome:
    """What a rule found in one table (and field): ``judged`` = ``passed`` + ``failed`` + ``not_assessed``.

    ``rule`` is the rule with its for_each placeholders filled in. ``failed`` counts every violation,
    ``violations`` holds at most as many as were asked for.
    """

    rule: AcrossRule
    table: str
    field: str | None
    judged: int
    passed: int
    failed: int
    not_assessed: int
    violations: list[Violation]


@dataclass(frozen=True)
class Judged:
    """The query of a rule with its condition as the column ``_holds``, and what it selects."""

    concrete: ConcreteRule
    query: str
    columns: list[str]
    key: list[str]


def judge(con: duckdb.DuckDBPyConnection, concrete: ConcreteRule, table: Table, limit: int) -> list[RuleOutcome]:
    """Judge every record of ``concrete``: one outcome, or one for each field when it judges several together.

    At most ``limit`` violations are fetched (the first by key), ordered by row, then key.

    Raises:
        RuleError: the SQL fails, the condition is none, or the judged records cannot be told apart by key.
    """
    import duckdb

    # binding a query costs as much as running it on a trial, so its columns are only looked at when they are needed
    try:
        rows = con.execute(
            f"SELECT {'field' if concrete.by_field else 'NULL'} AS field, COUNT(*), "
            f"COUNT(*) FILTER (WHERE {HOLDS}), COUNT(*) FILTER (WHERE NOT {HOLDS}) "
            f"FROM ({query_of(concrete)}) {'GROUP BY field ORDER BY field' if concrete.by_field else ''}"
        ).fetchall()
        any_failed = any(failed for *_, failed in rows)
        violations = _violations(con, prepare(con, concrete, table), limit) if any_failed and limit > 0 else []
    except duckdb.Error as error:
        raise RuleError(concrete.rule.code, f"the rule cannot run on {concrete.table}: {error}") from error
    return [
        RuleOutcome(
            concrete.rule,
            concrete.table,
            field or concrete.field,
            total,
            passed,
            failed,
            total - passed - failed,
            [one for one in violations if field is None or one.field == field],
        )
        for field, total, passed, failed in rows
    ]


def prepare(con: duckdb.DuckDBPyConnection, concrete: ConcreteRule, table: Table) -> Judged:
    """Bind the SQL of a rule without running it.

    Raises:
        RuleError: see :func:`judge`.
    """
    import duckdb

    rule, query = concrete.rule, query_of(concrete)
    try:
        types = {name: kind for name, kind, *_ in con.execute(f"DESCRIBE {query}").fetchall()}
    except duckdb.Error as error:
        raise RuleError(rule.code, f"the rule cannot run on {concrete.table}: {error}") from error
    if types[HOLDS] != "BOOLEAN":
        raise RuleError(rule.code, f"`assert` gives {types[HOLDS]}, which is no condition")
    return judged_by(concrete, query, table, types)


def judged_by(concrete: ConcreteRule, query: str, table: Table, names: Collection[str]) -> Judged:
    """A rule whose ``query`` selects columns of these names.

    Raises:
        RuleError: a column that is needed is not among them.
    """
    rule = concrete.rule
    missing = [name for name in table.key if name not in names]
    if missing and len(missing) < len(table.key):
        raise RuleError(rule.code, f"`records` lacks {', '.join(missing)}, part of the key of {table.name}")
    needed = ["field"] if concrete.by_field else [concrete.field] if concrete.field and not missing else []
    if lacking := [name for name in needed if name not in names]:
        raise RuleError(rule.code, f"`records` lacks the column {lacking[0]}")
    columns = [name for name in names if name not in _HIDDEN]
    return Judged(concrete, query, columns, [] if missing else table.key)


def query_of(concrete: ConcreteRule) -> str:
    """The records of a rule with its condition as the column ``_holds``."""
    rule = concrete.rule
    return f"SELECT *, ({rule.assert_}\n) AS {HOLDS} FROM (\n{rule.records}\n) AS _judged"


def violation(judged: Judged, row: int | None, written: bool | None, cells: Iterable[object]) -> Violation:
    """The violation of a record with ``cells`` in the order of ``judged.columns``."""
    values = dict(zip(judged.columns, cells, strict=True))
    key = {name: as_text(values[name]) for name in judged.key}
    concrete = judged.concrete
    if concrete.field is None and (concrete.by_field or not key):
        field, value = values.get("field"), values.get("value")
    else:
        field, value = concrete.field, values.get(concrete.field or "")
    named = field if isinstance(field, str) else None
    return Violation(concrete.table, key, row, written, named, value if key else None, values)


def _violations(con: duckdb.DuckDBPyConnection, judged: Judged, limit: int) -> list[Violation]:
    # every column takes part in the order, so that records with the same key come in the same order each time
    order = listed([*judged.key, *(name for name in judged.columns if name not in judged.key)])
    picked = (
        f"SELECT {listed(judged.columns)} FROM ({judged.query}) WHERE NOT {HOLDS} ORDER BY {order} LIMIT {int(limit)}"
    )
    if not judged.key:
        return [violation(judged, None, None, cells) for cells in con.execute(picked).fetchall()]
    same = " AND ".join(f"_picked.{quoted(name)} IS NOT DISTINCT FROM _t.{quoted(name)}" for name in judged.key)
    found = con.execute(f"""
        WITH _picked AS MATERIALIZED ({picked}),
        _places AS (
            SELECT {listed(judged.key)}, _row, _written, ROW_NUMBER() OVER (
                PARTITION BY {listed(judged.key)} ORDER BY _written DESC NULLS LAST, _row) AS _place
            FROM {quoted(judged.concrete.table)} AS _t WHERE EXISTS (SELECT 1 FROM _picked WHERE {same})
        )
        SELECT _t._row, _t._written, {", ".join(f"_picked.{quoted(name)}" for name in judged.columns)}
        FROM _picked LEFT JOIN (SELECT * FROM _places WHERE _place = 1) AS _t ON {same}
        ORDER BY _t._row NULLS LAST, _t._written DESC NULLS LAST, {", ".join(f"_picked.{c}" for c in order.split(", "))}
    """).fetchall()
    return [violation(judged, row, written, cells) for row, written, *cells in found]
