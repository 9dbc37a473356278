"""SQL conditions as text: those of ranges and forms, and which columns a condition reads, without running them."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

_TOKEN = re.compile(r"'(?:[^']|'')*'|[A-Za-z_][A-Za-z0-9_.]*|[0-9.]+(?:[eE][-+]?[0-9]+)?|\S")
_NOT_COLUMNS = frozenset(
    "and or not is null in between case when then else end true false like escape cast as bigint double date"
    " interval year month day hour minute distinct from integer varchar timestamp".split()
)


class SqlProblem(Exception):
    """The text is not a condition the engines can share."""


def between(name: str, bounds: tuple[Any, Any]) -> str:
    """The condition that the column lies within bounds, ends included; a bound that is None is none."""
    low, high = bounds
    if low is None:
        return f'"{name}" <= {_literal(high)}'
    if high is None:
        return f'"{name}" >= {_literal(low)}'
    return f'"{name}" BETWEEN {_literal(low)} AND {_literal(high)}'


def has_form(name: str, pattern: str) -> str:
    """The condition that the text of the column has the form of a regular expression."""
    text = pattern.replace("'", "''")
    return f"\"{name}\" ~ '{text}'"


def _literal(value: Any) -> str:
    return f"DATE '{value.isoformat()}'" if isinstance(value, dt.date) else repr(value)


def columns_read(condition: str) -> set[str]:
    """Names of the columns that a row condition reads.

    Raises:
        SqlProblem: unbalanced quotes or brackets.
    """
    tokens = _TOKEN.findall(condition)
    if "'" in tokens:
        raise SqlProblem("a quote is not closed")
    if tokens.count("(") != tokens.count(")"):
        raise SqlProblem("brackets are not balanced")
    columns = set()
    for position, token in enumerate(tokens):
        is_name = token[0].isalpha() or token[0] == "_"
        is_call = position + 1 < len(tokens) and tokens[position + 1] == "("
        if is_name and token.lower() not in _NOT_COLUMNS and not is_call:
            columns.add(token)
    return columns
