"""SQL conditions over one record as JSON Schema, with the three-valued logic of SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from anakinra_t2d.forms.row_conditions import CannotExpress
from anakinra_t2d.schema import Table

Schema = dict[str, Any]


def never_false(sql: str, table: Table) -> Schema:
    """A schema that accepts a record unless the condition is FALSE of it; a field that is left out is NULL.

    Raises:
        CannotExpress: the condition compares fields with each other, calculates, or asks what JSON Schema cannot.
    """
    import sqlglot

    return _not(_Reader(table).when(sqlglot.parse_one(sql, read="duckdb"), truth=False))


class _Reader:
    def __init__(self, table: Table) -> None:
        from sqlglot import exp

        self._table = table
        self._ways: dict[type, Callable[[Any, bool], Schema]] = {
            exp.Paren: lambda node, truth: self.when(node.this, truth=truth),
            exp.Not: lambda node, truth: self.when(node.this, truth=not truth),
            exp.And: self._and,
            exp.Or: lambda node, truth: self._and(node, not truth, parts_truth=truth),
            exp.Is: self._is,
            exp.In: self._in,
            exp.Between: self._between,
            exp.Case: self._case,
            exp.Coalesce: self._coalesce,
            exp.Boolean: lambda node, truth: {} if bool(node.this) == truth else {"not": {}},
            exp.Column: lambda node, truth: self._has(node, {"const": truth}),
            exp.Like: self._like,
            exp.RegexpLike: lambda node, truth: self._pattern(node.this, str(node.expression.this), truth),
        }
        self._marks = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}

    def when(self, node: Any, *, truth: bool) -> Schema:
        """A schema of the records of which the condition is TRUE (``truth``) or FALSE; it refuses those with NULL."""
        if node.args.get("negate"):  # NOT LIKE of newer sqlglot
            truth = not truth
        if (mark := self._marks.get(type(node))) is not None:
            return self._compared(node, mark, truth)
        if (way := self._ways.get(type(node))) is None:
            raise CannotExpress(f"JSON Schema has no {type(node).__name__}")
        return way(node, truth)

    def _and(self, node: Any, truth: bool, parts_truth: bool | None = None) -> Schema:
        parts = [self.when(part, truth=truth if parts_truth is None else parts_truth) for part in node.flatten()]
        return _all(parts) if truth else _any(parts)

    def _is(self, node: Any, truth: bool) -> Schema:
        from sqlglot import exp

        if not isinstance(node.expression, exp.Null):
            raise CannotExpress("JSON Schema has no IS but that of NULL")
        name = self._name(node.this)
        return {"properties": {name: {"type": "null"}}} if truth else self._has(node.this, {"not": {"type": "null"}})

    def _in(self, node: Any, truth: bool) -> Schema:
        codes = {"enum": [self._constant(one) for one in node.expressions]}
        return self._has(node.this, codes if truth else {"not": {"enum": [*codes["enum"], None]}})

    def _compared(self, node: Any, mark: str, truth: bool) -> Schema:
        from sqlglot import exp

        if mark == "<=" and isinstance(node.this, exp.Abs):
            return self._near(node, truth)
        value = self._constant(node.expression)
        if mark in ("=", "<>"):
            same = (mark == "=") == truth
            return self._has(node.this, {"const": value} if same else {"not": {"enum": [value, None]}})
        self._only_numbers(node.this)
        opposite = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
        word = {"<": "exclusiveMaximum", "<=": "maximum", ">": "exclusiveMinimum", ">=": "minimum"}
        return self._has(node.this, {"type": "number", word[mark if truth else opposite[mark]]: value})

    def _near(self, node: Any, truth: bool) -> Schema:
        """``ABS(field - number) <= number``."""
        from sqlglot import exp

        inside = node.this.this
        if not isinstance(inside, exp.Sub):
            raise CannotExpress("it calculates with fields")
        middle, reach = self._constant(inside.expression), self._constant(node.expression)
        return self._inside(inside.this, middle - reach, middle + reach, truth)

    def _between(self, node: Any, truth: bool) -> Schema:
        return self._inside(node.this, self._constant(node.args["low"]), self._constant(node.args["high"]), truth)

    def _inside(self, node: Any, low: Any, high: Any, truth: bool) -> Schema:
        self._only_numbers(node)
        if truth:
            return self._has(node, {"type": "number", "minimum": low, "maximum": high})
        outside = _any([{"exclusiveMaximum": low}, {"exclusiveMinimum": high}])
        return self._has(node, {"type": "number", **outside})

    def _case(self, node: Any, truth: bool) -> Schema:
        from sqlglot import exp

        subject = node.this
        last = node.args.get("default")
        result = {"not": {}} if last is None else self.when(last, truth=truth)
        for branch in reversed(node.args["ifs"]):
            asked = exp.EQ(this=subject, expression=branch.this) if subject is not None else branch.this
            met = self.when(asked, truth=True)
            result = _any([_all([met, self.when(branch.args["true"], truth=truth)]), _all([_not(met), result])])
        return result

    def _coalesce(self, node: Any, truth: bool) -> Schema:
        from sqlglot import exp

        if len(node.expressions) != 1 or not isinstance(node.expressions[0], exp.Boolean):
            raise CannotExpress("JSON Schema has no COALESCE of values")
        given = bool(node.expressions[0].this)
        if given == truth:
            return _not(self.when(node.this, truth=not truth))
        return self.when(node.this, truth=truth)

    def _like(self, node: Any, truth: bool) -> Schema:
        parts = re.split(r"([%_])", str(self._constant(node.expression)))
        text = "".join({"%": "[\\s\\S]*", "_": "[\\s\\S]"}.get(part) or re.escape(part) for part in parts)
        return self._pattern(node.this, f"^{text}$", truth)

    def _pattern(self, node: Any, pattern: str, truth: bool) -> Schema:
        form: Schema = {"pattern": pattern}
        return self._has(node, {"type": "string", **(form if truth else {"not": form})})

    def _has(self, node: Any, asked: Schema) -> Schema:
        name = self._name(node)
        return {"required": [name], "properties": {name: asked}}

    def _name(self, node: Any) -> str:
        from sqlglot import exp

        if not isinstance(node, exp.Column):
            raise CannotExpress("it calculates with fields")
        return str(node.name)

    def _only_numbers(self, node: Any) -> None:
        kind = self._table.fields[self._name(node)].type
        if kind not in ("number", "integer"):
            raise CannotExpress(f"JSON Schema does not say which {kind} comes first")

    def _constant(self, node: Any) -> Any:
        from sqlglot import exp

        if isinstance(node, exp.Literal):
            return str(node.this) if node.is_string else _number(str(node.this))
        if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal):
            return -_number(str(node.this.this))
        if isinstance(node, exp.Boolean):
            return bool(node.this)
        if isinstance(node, exp.Cast):
            raise CannotExpress("JSON Schema does not say which date comes first")
        if isinstance(node, exp.Column):
            raise CannotExpress("it compares two fields")
        raise CannotExpress("it calculates with fields")


def _number(text: str) -> int | float:
    return int(text) if text.isdigit() else float(text)


def _not(schema: Schema) -> Schema:
    return schema["not"] if set(schema) == {"not"} else {"not": schema}


def _all(parts: Sequence[Schema]) -> Schema:
    return _joined("allOf", parts, neutral={}, final={"not": {}})


def _any(parts: Sequence[Schema]) -> Schema:
    return _joined("anyOf", parts, neutral={"not": {}}, final={})


def _joined(word: str, parts: Sequence[Schema], *, neutral: Schema, final: Schema) -> Schema:
    if final in parts:
        return final
    told = [part for part in parts if part != neutral]
    flat = [one for part in told for one in (part[word] if set(part) == {word} else [part])]
    if not flat:
        return neutral
    return flat[0] if len(flat) == 1 else {word: flat}
