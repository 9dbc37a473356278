"""What must be true of a single record, as SQL conditions with their rule codes, for forms that can refuse a record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from anakinra_t2d.schema import Definitions, Field, Rule, Table
from anakinra_t2d.schema.rules import AcrossRule, BuiltinRule
from anakinra_t2d.schema.sql import between, has_form

Kind = Literal["other records", "before the tables", "warning", "flags", "engine"]
"""Why a form does not hold a rule. ``engine``: the language of the form cannot state the condition."""

_OF_OTHER_RECORDS = frozenset(("KEY-001", "KEY-003", "REF-001", "FLAG-001"))
"""Rules that follow from keys, references and flags, which read other records than the one they judge."""

_FLAGGED_TYPES = frozenset(("number", "integer", "date", "datetime"))


class CannotExpress(Exception):
    """A condition that a form cannot state; the message is the reason, a fragment that follows a colon."""


@dataclass(frozen=True)
class Condition:
    """A condition over the fields of one record: TRUE holds, FALSE refuses the record, NULL lets it pass."""

    code: str
    field: str
    sql: str
    is_own_rule: bool = False

    @property
    def name(self) -> str:
        """Unique among the conditions of a table: the code, for what every field is asked with the field."""
        return self.code if self.is_own_rule else f"{self.code} {self.field}"


@dataclass(frozen=True)
class NotHeld:
    """A rule that a form does not hold, for one field or as a whole (``table`` and ``field`` are then empty)."""

    code: str
    severity: str
    table: str
    field: str
    kind: Kind
    reason: str
    expected: str


def row_conditions(table: Table) -> Iterator[Condition]:
    """The conditions of severity error, those of fields first; what an engine says by types and keys is not among them.

    Those that a result flag may excuse are left out: `excused_requirements` has them.
    """
    excused = {field.name for field in excused_requirements(table)}
    for field in table.fields.values():
        if field.required_when and field.name not in excused:
            yield Condition("REQ-002", field.name, f'(NOT ({field.required_when})) OR "{field.name}" IS NOT NULL')
        if field.bounds:
            yield Condition("RNG-001", field.name, between(field.name, field.bounds))
        if field.pattern:
            yield Condition("PAT-001", field.name, has_form(field.name, field.pattern))
    for rule in table.rules:
        if rule.severity == "error":
            yield Condition(rule.code, rule.field, rule.assert_, is_own_rule=True)


def excused_requirements(table: Table) -> list[Field]:
    """Fields that are required under a condition, and yet empty in a sound record when a result flag says why."""
    return [
        field
        for field in table.fields.values()
        if field.required_when and table.role == "data" and field.type in _FLAGGED_TYPES
    ]


def not_held(definitions: Definitions, held: set[str], refused: dict[tuple[str, str, str], str]) -> list[NotHeld]:
    """Every rule that a form does not hold, ordered by code, table and field, with the reason.

    Args:
        definitions: the definitions.
        held: codes the form holds at least for some fields.
        refused: reasons of the conditions that the form cannot state, by code, table and field.
    """
    found = [
        _entry(definitions.rules[code], table, field, "engine", reason)
        for (code, table, field), reason in refused.items()
    ]
    for table in definitions.tables.values():
        for item in excused_requirements(table):
            reason = "a sound record may lack the value when a result flag says why"
            found.append(_entry(definitions.rules["REQ-002"], table.name, item.name, "flags", reason))
    stated = held | {one.code for one in found}
    for code, rule in definitions.rules.items():
        if code not in stated:
            kind, reason = _why_not(rule)
            found.append(_entry(rule, "", "", kind, reason))
    return sorted(found, key=lambda one: (one.code, one.table, one.field))


def _why_not(rule: Rule) -> tuple[Kind, str]:
    if isinstance(rule, AcrossRule) or rule.code in _OF_OTHER_RECORDS:
        return "other records", "it reads more than one record"
    if rule.severity == "warning":
        return "warning", "it warns, and a record that only warns is kept"
    if isinstance(rule, BuiltinRule):
        return "before the tables", "it is about files, headers and cells as they were sent"
    raise AssertionError(f"{rule.code} is neither held nor refused")


def _entry(rule: Rule, table: str, field: str, kind: Kind, reason: str) -> NotHeld:
    return NotHeld(rule.code, rule.severity, table, field, kind, reason, rule.expected)
