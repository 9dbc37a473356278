"""Conditions of the definitions as CHECK constraints of an engine."""

from __future__ import annotations

import re
from typing import Any, Literal

from anakinra_t2d.forms.row_conditions import CannotExpress
from anakinra_t2d.forms.sql_glob import globs
from anakinra_t2d.schema import Table

Engine = Literal["duckdb", "postgres", "sqlite"]

_EVERYWHERE = frozenset(
    "Column Identifier Literal Null Boolean Not And Or Paren Is In Between EQ NEQ LT LTE GT GTE Add Sub Mul Neg Abs"
    " Coalesce Case If Cast DataType Like RegexpLike StartsWith DPipe".split()
)
_BEYOND_SQLITE = frozenset(("Interval", "Var"))


def check_condition(sql: str, table: Table, engine: Engine) -> str:
    """A condition in the SQL of an engine, with the same three-valued meaning as in DuckDB.

    Raises:
        CannotExpress: the condition has a part that the engine does not have, or not with the same meaning.
    """
    import sqlglot

    tree = sqlglot.parse_one(sql, read="duckdb")
    known = _EVERYWHERE if engine == "sqlite" else _EVERYWHERE | _BEYOND_SQLITE
    for node in tree.walk():
        name = type(node).__name__
        if name == "Interval" and engine == "sqlite":
            raise CannotExpress("SQLite has no intervals, and its months run past the end of a short one")
        if name not in known:
            raise CannotExpress(f"nobody has shown that {name} means the same in every engine")
    tree = tree.transform(_quoted)
    if engine == "sqlite":
        tree = tree.transform(lambda node: _for_sqlite(node, table))
    return str(tree.sql(engine))


def quoted(name: str) -> str:
    """A name that every engine takes, whatever word it is."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _quoted(node: Any) -> Any:
    from sqlglot import exp

    return exp.to_identifier(node.name, quoted=True) if isinstance(node, exp.Identifier) else node


def _for_sqlite(node: Any, table: Table) -> Any:
    import sqlglot
    from sqlglot import exp

    if isinstance(node, exp.Column) and table.fields[node.name].type == "datetime" and not _is_wrapped(node):
        return exp.Anonymous(this="DATETIME", expressions=[node])
    if isinstance(node, exp.StartsWith):
        start = node.expression
        length = exp.Length(this=exp.paren(start.copy()))
        return exp.EQ(
            this=exp.Substring(this=node.this, start=exp.Literal.number(1), length=length),
            expression=exp.paren(start.copy()),
        )
    if isinstance(node, exp.Like):
        if not isinstance(node.expression, exp.Literal):
            raise CannotExpress("SQLite compares with LIKE whatever the case of the letters")
        # LIKE of SQLite takes capital for small letters, GLOB does not
        glob = exp.Glob(this=node.this, expression=exp.Literal.string(_glob_of_like(str(node.expression.this))))
        return exp.paren(exp.not_(glob)) if node.args.get("negate") else glob
    if isinstance(node, exp.RegexpLike):
        column = node.this.sql("sqlite")
        forms = " OR ".join(f"{column} GLOB {text_literal(one)}" for one in globs(str(node.expression.this)))
        return exp.paren(sqlglot.parse_one(forms, read="sqlite"))
    return node


def _is_wrapped(node: Any) -> bool:
    from sqlglot import exp

    return isinstance(node.parent, exp.Anonymous) and node.parent.name.upper() == "DATETIME"


def _glob_of_like(text: str) -> str:
    escaped = re.sub(r"[*?\[]", lambda match: f"[{match[0]}]", text)
    return escaped.replace("%", "*").replace("_", "?")
