"""The row checks of a table: every condition that follows from its fields, then its own row rules.

Each check is one SQL predicate over the typed row, TRUE where it holds, FALSE for a finding, NULL where it cannot
be assessed. The same text runs in polars and in DuckDB.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from anakinra_t2d.schema import Definitions, Field, Rule, Table
from anakinra_t2d.schema.sql import between, columns_read, has_form
from anakinra_t2d.wording import plain


@dataclass(frozen=True)
class RowCheck:
    """One predicate of a table. ``words`` fill the rule's texts; ``presence`` marks a check for an empty cell."""

    rule: Rule
    field: str
    fields: tuple[str, ...]
    sql: str
    words: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    presence: bool = False

    @property
    def is_error(self) -> bool:
        """Whether a row that breaks the check is rejected."""
        return self.rule.severity == "error"


def row_checks(table: Table, found: Definitions) -> tuple[RowCheck, ...]:
    """Every row check of ``table``, in the order of its fields, row rules last."""
    checks = [check for each in table.fields.values() for check in _field_checks(table, each, found)]
    checks += [
        RowCheck(rule, rule.field, tuple(dict.fromkeys([rule.field, *rule.fields])), rule.assert_)
        for rule in table.rules
    ]
    return tuple(checks)


def _field_checks(table: Table, item: Field, found: Definitions) -> Iterator[RowCheck]:
    rules, name = found.builtin_rules, item.name
    filled = f"{quoted(name)} IS NOT NULL"
    if name in table.key:
        yield RowCheck(rules["KEY-002"], name, (name,), filled, {"fields": ", ".join(table.key)}, presence=True)
    elif item.required == "always":
        yield RowCheck(rules["REQ-001"], name, (name,), filled, presence=True)
    elif item.required == "conditional" and item.required_when:
        read = sorted(columns_read(item.required_when))
        sql = f"(NOT ({item.required_when})) OR {filled}"
        yield RowCheck(rules["REQ-002"], name, (name, *read), sql, {"condition": item.required_when}, presence=True)
    elif item.required == "planned":
        place, where, read = _planned(table, item)
        yield RowCheck(rules["REQ-003"], name, (name, *read), f"(NOT ({where})) OR {filled}", {"place": place}, True)
    possible, usual = item.bounds, item.expected_bounds
    if possible is not None:
        yield RowCheck(rules["RNG-001"], name, (name,), between(name, possible), _limits(possible, item, found))
    if usual is not None:
        inside = between(name, usual)
        sql = inside if possible is None else f"({inside}) OR NOT ({between(name, possible)})"
        yield RowCheck(rules["RNG-002"], name, (name,), sql, _limits(usual, item, found))
    times = item.minutes or item.weeks
    if times and name in table.key:
        shown = ", ".join(str(time) for time in times)
        yield RowCheck(rules["TIME-001"], name, (name,), f"{quoted(name)} IN ({shown})", {"planned": shown})
    if item.pattern:
        yield RowCheck(rules["PAT-001"], name, (name,), has_form(name, item.pattern), {"form": item.form})


def quoted(name: str) -> str:
    """A column name that both engines take as a name, whatever word it is."""
    return f'"{name}"'


def _planned(table: Table, item: Field) -> tuple[str, str, list[str]]:
    """Place in words, condition in SQL, and the fields it reads, of a planned value."""
    plan, words, sql, read = item.planned, [], [], []
    if plan.visits:
        words.append(" or ".join(plan.visits))
        sql.append("visit IN ({})".format(", ".join(f"'{visit}'" for visit in plan.visits)))
        read.append("visit")
    for times, unit in ((plan.minutes, "minute"), (plan.weeks, "week")):
        if times:
            time_field = next(name for name in table.key if table.fields[name].minutes or table.fields[name].weeks)
            shown = ", ".join(str(time) for time in times)
            words.append(f"{unit} {shown}")
            sql.append(f"{quoted(time_field)} IN ({shown})")
            read.append(time_field)
    if plan.when:
        sql.append(f"({plan.when})")
        read += sorted(columns_read(plan.when) - set(read))
    return ", ".join(words) or "this record", " AND ".join(sql), read


def _limits(bounds: Any, item: Field, found: Definitions) -> dict[str, str]:
    unit = found.unit(item)
    low, high = (plain(bound) if bound is not None else "any value" for bound in bounds)
    return {"low": low, "high": high, "unit": f" {unit}" if unit and unit != "1" else ""}
