"""Branching logic of REDCap from the conditions of the schema, only where it hides nothing that may be recorded."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import polars as pl

from anakinra_t2d.schema import Definitions, Field, Table

_TOKEN = re.compile(
    r"\s*(?:'(?P<text>(?:[^']|'')*)'|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<mark><>|[=(),])|(?P<other>\S))"
)
_TYPES: dict[str, type[pl.DataType] | pl.DataType] = {
    "string": pl.String,
    "integer": pl.Int64,
    "number": pl.Float64,
    "boolean": pl.Boolean,
    "date": pl.Date,
    "datetime": pl.Datetime("us"),
}
_MOST_STATES = 2000


def branching_logic(field: Field, definitions: Definitions, name: Callable[[str], str]) -> str:
    """The logic that shows a field; empty when it is always shown.

    REDCap offers to erase what a hidden field holds. So a field is hidden only where the schema does not ask for a
    value *and* a rule of the table refuses one. Comparisons of codes (``=``, ``<>``, ``IN``) and true-or-false fields,
    joined by AND and OR, are translated; any other part of a condition counts as met.

    Args:
        field: a field that is required under a condition.
        definitions: where its table and codes come from.
        name: the variable of the REDCap project for a field of the same table.
    """
    table = definitions.tables[field.table]
    if field.required_when is None:
        return ""
    condition = _Reader(field.required_when, table, definitions).read()
    if condition is None or field.name in condition.fields:
        return ""
    return condition.logic(name) if _refused_outside(field, condition, table, definitions) else ""


class _Comparison:
    """A condition that REDCap can state; ``sql`` means the same as ``logic``."""

    def __init__(self, field: str, mark: str, code: str, *, boolean: bool) -> None:
        self.fields: list[str] = [field]
        self._mark, self._code = mark, code
        quoted = code if boolean else "'" + code.replace("'", "''") + "'"
        self.sql: str = f"{field} {mark} {quoted}"

    def logic(self, name: Callable[[str], str]) -> str:
        return f"[{name(self.fields[0])}] {self._mark} '{self._code}'"


class _Joined:
    def __init__(self, word: str, parts: list[_Condition]) -> None:
        self._word, self._parts = word, parts
        self.fields: list[str] = list(dict.fromkeys(field for part in parts for field in part.fields))
        self.sql: str = "(" + f" {word} ".join(part.sql for part in parts) + ")"

    def logic(self, name: Callable[[str], str]) -> str:
        parts = [f"({text})" if isinstance(part, _Joined) else text for part, text in self._texts(name)]
        return f" {self._word.lower()} ".join(parts)

    def _texts(self, name: Callable[[str], str]) -> list[tuple[_Condition, str]]:
        return [(part, part.logic(name)) for part in self._parts]


_Condition = _Comparison | _Joined


class _Reader:
    """Reads a condition; None stands for a part that REDCap cannot state or that must not hide anything."""

    def __init__(self, sql: str, table: Table, definitions: Definitions) -> None:
        self._tokens = [(match.lastgroup or "", match[match.lastgroup or 0]) for match in _TOKEN.finditer(sql)]
        self._place = 0
        self._table, self._definitions = table, definitions

    def read(self) -> _Condition | None:
        try:
            condition = self._either()
        except _NotSimple:
            return None
        return condition if self._place == len(self._tokens) else None

    def _peek(self) -> str:
        kind, text = self._tokens[self._place] if self._place < len(self._tokens) else ("", "")
        return text.upper() if kind == "word" else text if kind == "mark" else ""

    def _take(self, kind: str, text: str = "") -> str:
        if self._place >= len(self._tokens):
            raise _NotSimple
        found, value = self._tokens[self._place]
        if found != kind or (text and value.upper() != text):
            raise _NotSimple
        self._place += 1
        return value

    def _either(self) -> _Condition | None:
        parts = [self._both()]
        while self._peek() == "OR":
            self._take("word")
            parts.append(self._both())
        known = [part for part in parts if part is not None]
        return _join("OR", known) if len(known) == len(parts) else None

    def _both(self) -> _Condition | None:
        parts = [self._one()]
        while self._peek() == "AND":
            self._take("word")
            parts.append(self._one())
        known = [part for part in parts if part is not None]
        return _join("AND", known) if known else None

    def _one(self) -> _Condition | None:
        if self._peek() == "(":
            self._take("mark")
            inside = self._either()
            self._take("mark", ")")
            return inside
        name = self._take("word")
        if name not in self._table.fields:
            raise _NotSimple
        return self._after(self._table.fields[name])

    def _after(self, field: Field) -> _Condition | None:
        mark = self._peek()
        if mark in ("=", "<>"):
            self._take("mark")
            return self._comparison(field, mark, self._take("text"))
        if mark == "IN":
            self._take("word")
            self._take("mark", "(")
            codes = [self._take("text")]
            while self._peek() == ",":
                self._take("mark")
                codes.append(self._take("text"))
            self._take("mark", ")")
            parts = [self._comparison(field, "=", code) for code in codes]
            known = [part for part in parts if part is not None]
            return _join("OR", known) if len(known) == len(parts) else None
        if mark == "IS":
            self._take("word")
            if self._peek() == "NOT":
                self._take("word")
            self._take("word", "NULL")
            return None
        if mark == "LIKE":
            self._take("word")
            self._take("text")
            return None
        return _Comparison(field.name, "=", "true", boolean=True) if field.type == "boolean" else None

    def _comparison(self, field: Field, mark: str, code: str) -> _Condition | None:
        known = code in (self._definitions.terms(field) or [])
        return _Comparison(field.name, mark, code, boolean=False) if known else None


class _NotSimple(Exception):
    pass


def _join(word: str, parts: list[_Condition]) -> _Condition:
    return parts[0] if len(parts) == 1 else _Joined(word, parts)


def _refused_outside(field: Field, condition: _Condition, table: Table, found: Definitions) -> bool:
    """Whether in each state of the other fields that hides the field some rule of a row refuses a value in it."""
    choices = [_states(table.fields[name], found) for name in condition.fields]
    states = list(itertools.islice(itertools.product(*choices), _MOST_STATES + 1))
    value = _example(field, found)
    if value is None or not states or len(states) > _MOST_STATES:
        return False
    columns = dict(zip(condition.fields, zip(*states, strict=True), strict=True))
    frame = pl.DataFrame(
        [
            pl.Series(
                name, list(columns.get(name, [value if name == field.name else None] * len(states))), _TYPES[each.type]
            )
            for name, each in table.fields.items()
        ]
    )
    met = frame.select(pl.sql_expr(condition.sql).fill_null(False)).to_series()
    refused = pl.Series([False]).new_from_index(0, frame.height)
    for rule in table.rules:
        if rule.severity == "error" and field.name in (rule.field, *rule.fields):
            refuses = frame.select((~pl.sql_expr(rule.assert_)).fill_null(False)).to_series()
            # a rule that refuses the example wherever it stands says nothing about the condition
            if not refuses.filter(met).all():
                refused |= refuses
    return not met.all() and bool(refused.filter(~met).all())


def _states(field: Field, found: Definitions) -> list[str] | list[bool]:
    return [True, False] if field.type == "boolean" else found.terms(field) or []


def _example(field: Field, found: Definitions) -> object:
    """A value that the field may hold; None for a type without an obvious one."""
    low, high = field.expected_bounds or field.bounds or (None, None)
    if terms := found.terms(field):
        return terms[0]
    if field.type in ("integer", "number", "date"):
        return low if low is not None else high
    return {"boolean": True, "string": "text"}.get(field.type)
