"""Pieces of SQL text that every engine takes: literals, names and lists of constants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def literal(value: object) -> str:
    """``value`` as an SQL constant; None is NULL."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"


def quoted(name: str) -> str:
    """``name`` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def constants(column: str, values: Iterable[object]) -> str:
    """A query with one row for each value."""
    return " UNION ALL ".join(f"SELECT {literal(value)} AS {column}" for value in values)


def case_of(column: str, values: Mapping[object, object]) -> str:
    """A CASE that maps values of ``column``; anything else is NULL."""
    whens = " ".join(f"WHEN {literal(key)} THEN {literal(value)}" for key, value in values.items())
    return f"CASE {column} {whens} END"


def number(expression: str) -> str:
    """``expression`` as a floating-point number in every engine."""
    return f"CAST({expression} AS DOUBLE)"


def view_name(kind: str, id: str) -> str:
    """Name of the view of a card, for instance ``endpoint_ep33_nausea``."""
    return f"{kind}_{id.lower().replace('.', '_')}"
