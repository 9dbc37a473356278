"""Pieces of SQL text: names and literals that survive any spelling."""

from __future__ import annotations

from collections.abc import Iterable


def quoted(name: str) -> str:
    """``name`` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def listed(names: Iterable[str]) -> str:
    """``names`` as a list of SQL identifiers."""
    return ", ".join(quoted(name) for name in names)


def as_literal(text: str) -> str:
    """``text`` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"
