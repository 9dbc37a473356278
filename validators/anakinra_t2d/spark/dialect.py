"""Statements in the SQL of DuckDB, translated to Spark SQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from anakinra_t2d.across.sql import as_literal

_TYPES = {
    "string": "VARCHAR",
    "bigint": "BIGINT",
    "int": "INTEGER",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamp_ntz": "TIMESTAMP",
}


def duckdb_type(spark: str) -> str:
    """The name that DuckDB has for a type of Spark."""
    return _TYPES.get(spark, spark.upper())


@lru_cache(maxsize=4096)
def parsed(statement: str) -> Any:
    """The syntax tree of one statement; it must not be changed."""
    import sqlglot

    return sqlglot.parse_one(statement, read="duckdb")


def in_spark(tree: Any) -> str:
    """The Spark SQL of a query."""
    from sqlglot import exp

    # in brackets named queries stay where they are; above all others their names clash
    return str(exp.Paren(this=tree.transform(_adapted)).sql(dialect="spark"))


def with_parameters(statement: str, parameters: Sequence[object]) -> str:
    """A statement whose question marks are filled with literals, in their order."""
    pieces = statement.split("?")
    if len(pieces) != len(parameters) + 1:
        raise ValueError("the statement has another number of question marks than there are parameters")
    filled = [pieces[0]]
    for value, piece in zip(parameters, pieces[1:], strict=True):
        filled += [_literal(value), piece]
    return "".join(filled)


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return f"CAST({value!r} AS {'BIGINT' if isinstance(value, int) else 'DOUBLE'})"
    if isinstance(value, dt.datetime):
        return f"CAST({as_literal(value.isoformat(' '))} AS TIMESTAMP)"
    if isinstance(value, dt.date):
        return f"CAST({as_literal(value.isoformat())} AS DATE)"
    return as_literal(str(value))


def _adapted(node: Any) -> Any:
    from sqlglot import exp

    if isinstance(node, exp.CTE):
        # Spark has no word for it
        node.set("materialized", None)
    if isinstance(node, exp.Round) and node.args.get("decimals") is not None:
        # Spark rounds the decimal text of a number, and only to a constant place
        power = exp.func("POWER", exp.Literal.number(10), node.args["decimals"])
        whole = exp.Anonymous(this="ROUND", expressions=[exp.Mul(this=exp.paren(node.this), expression=power)])
        return exp.paren(exp.Div(this=whole, expression=power.copy(), typed=False, safe=True))
    return node
