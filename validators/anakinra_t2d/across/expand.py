"""One rule for many fields: for_each repeated into concrete rules, placeholders filled in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anakinra_t2d.across.long_tables import long_query
from anakinra_t2d.across.schema_relations import is_measured
from anakinra_t2d.schema.rules import FIELD_PLACEHOLDERS, TABLE_PLACEHOLDERS, AcrossRule, ForEach

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions, Field, Table

    ValueCounts = Callable[[str], Mapping[str, int]]
    LongQuery = Callable[[Table, Sequence[Field]], str]

VALUES_TOGETHER = 2_000_000
"""Fields of a table are judged together up to this number of values: one query is faster, many values need memory."""

_PLACEHOLDER = re.compile(r"\{(" + "|".join((*TABLE_PLACEHOLDERS, *FIELD_PLACEHOLDERS)) + r")\}")
_VISIT_PARTS = ("visit", "visit_seq")


@dataclass(frozen=True)
class ConcreteRule:
    """A rule bound to the table it judges; ``rule`` has no placeholder of for_each left.

    ``field`` is None when the rule judges a table as a whole, or several fields together (``by_field``): then each
    selected record names its own ``field`` and ``value``.
    """

    rule: AcrossRule
    table: str
    field: str | None
    by_field: bool = False


def expand(
    rule: AcrossRule, definitions: Definitions, counts: ValueCounts | None = None, long: LongQuery = long_query
) -> Iterator[ConcreteRule]:
    """Every concrete rule of ``rule``, in the order of the schema: one, or as many as its for_each asks for.

    ``counts`` tells the number of values of each field of a table; fields without any are left out. ``long`` gives
    the query of the values of fields below each other.
    """
    if rule.for_each is None:
        assert rule.table is not None
        yield ConcreteRule(rule, rule.table, rule.field)
        return
    for_each = rule.for_each
    for table, fields in selected(for_each, definitions):
        found = counts(table.name) if counts else dict.fromkeys((field.name for field in fields), 0)
        present = [field for field in fields if not counts or found[field.name]]
        for group in _groups(for_each, present, found):
            single = group[0] if for_each.by == "field" else None
            values = {
                "table": table.name,
                "key": ", ".join(table.key),
                "series": ", ".join(name for name in table.key if name not in _VISIT_PARTS),
                "long": long(table, group),
            }
            filled = _filled(rule, values | (_of_field(single, definitions) if single else {}))
            name = single.name if single else None
            concrete = filled.model_copy(update={"table": table.name, "field": name, "for_each": None})
            yield ConcreteRule(concrete, table.name, name, by_field=for_each.by == "fields")


def selected(for_each: ForEach, definitions: Definitions) -> Iterator[tuple[Table, list[Field]]]:
    """Tables with the fields that ``for_each`` runs over, in the order of the schema."""
    for table in definitions.tables.values():
        if table.role != "data" or not set(for_each.key) <= set(table.key):
            continue
        fields = [
            field
            for field in table.fields.values()
            if _KINDS[for_each.fields](table, field) and _wanted(for_each, table.name, field.name)
        ]
        if fields:
            yield table, fields


_KINDS: dict[str, Callable[[Table, Field], bool]] = {
    "measured": is_measured,
    "numeric": lambda table, field: field.type in ("number", "integer") and field.name not in table.key,
    "text": lambda table, field: field.type == "string" and field.codelist is None and field.name not in table.key,
    "dates": lambda table, field: field.type in ("date", "datetime"),
}


def _wanted(for_each: ForEach, table: str, field: str) -> bool:
    names = {table, f"{table}.{field}"}
    return not names & set(for_each.exclude) and (not for_each.only or bool(names & set(for_each.only)))


def _groups(for_each: ForEach, fields: list[Field], counts: Mapping[str, int]) -> Iterator[list[Field]]:
    if for_each.by == "table":
        if fields:
            yield fields
        return
    group: list[Field] = []
    values = 0
    for field in fields:
        if group and (for_each.by == "field" or values + counts[field.name] > VALUES_TOGETHER):
            yield group
            group, values = [], 0
        group.append(field)
        values += counts[field.name]
    if group:
        yield group


def _of_field(field: Field, definitions: Definitions) -> dict[str, str]:
    low, high = field.range or (None, None)
    expected_low, expected_high = field.expected or (None, None)
    return {
        "field": field.name,
        "label": field.label,
        "unit": definitions.unit(field) or "",
        "quantity": field.quantity or "",
        "decimals": _or_null(field.decimals),
        "resolution": _or_null(None if field.decimals is None else f"1e-{field.decimals}"),
        "low": _or_null(low),
        "high": _or_null(high),
        "expected_low": _or_null(expected_low),
        "expected_high": _or_null(expected_high),
    }


def _or_null(value: object) -> str:
    return "NULL" if value is None else str(value)


def _filled(rule: AcrossRule, values: dict[str, str]) -> AcrossRule:
    texts = {
        name: _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), getattr(rule, name))
        for name in ("records", "assert_", "expected", "message", "hint", "why")
    }
    return rule.model_copy(update=texts)
