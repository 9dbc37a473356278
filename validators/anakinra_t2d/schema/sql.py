"""SQL conditions as text: which columns they read, without running them."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"'(?:[^']|'')*'|[A-Za-z_][A-Za-z0-9_.]*|[0-9.]+(?:[eE][-+]?[0-9]+)?|\S")
_NOT_COLUMNS = frozenset(
    "and or not is null in between case when then else end true false like escape cast as bigint double date"
    " interval year month day hour minute distinct from integer varchar timestamp".split()
)


class SqlProblem(Exception):
    """The text is not a condition the engines can share."""


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
