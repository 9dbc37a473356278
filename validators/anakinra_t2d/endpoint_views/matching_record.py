"""A record on which a condition of a card holds, found from the text of the condition."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

Value = str | int | float | bool | None


def matching_record(condition: str | None) -> dict[str, Value]:
    """Values of fields that make an SQL condition true, as far as it joins simple comparisons by AND.

    Fields that need no value (``x IS NOT TRUE``) are left out, and so is what is too difficult: a vector then names
    the fields itself (``record``).
    """
    return dict(_found(condition)) if condition else {}


@cache
def _found(condition: str) -> tuple[tuple[str, Value], ...]:
    import sqlglot

    whole = sqlglot.parse_one(condition, read="duckdb")
    values: dict[str, Value] = {}
    for part in whole.flatten() if isinstance(whole, sqlglot.exp.And) else [whole]:
        values |= _one(part.unnest())
    return tuple(values.items())


def _one(part: Any) -> dict[str, Value]:
    from sqlglot import exp

    if isinstance(part, exp.Column):
        return {part.name: True}
    if isinstance(part, exp.Not) and isinstance(part.this, exp.Column):
        return {part.this.name: False}
    if not isinstance(part.this, exp.Column):
        return {}
    name = part.this.name
    if isinstance(part, exp.EQ | exp.GTE | exp.LTE):
        return {name: _constant(part.expression)}
    if isinstance(part, exp.In) and part.expressions:
        return {name: _constant(part.expressions[0])}
    if isinstance(part, exp.Is) and isinstance(part.expression, exp.Boolean):
        return {name: part.expression.this}
    if isinstance(part, exp.Between):
        return {name: _constant(part.args["low"])}
    return {}


def _constant(part: Any) -> Value:
    from sqlglot import exp

    if isinstance(part, exp.Boolean | exp.Literal):
        found = part.to_py()
        return float(found) if isinstance(found, Decimal) else found
    return None
