"""All rules across rows and tables, in the order of their codes."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from anakinra_t2d.across.eligibility import INPUTS
from anakinra_t2d.across.expand import expand
from anakinra_t2d.across.judge import RuleError, RuleOutcome, Violation, judge, prepare
from anakinra_t2d.across.long_tables import LongTables
from anakinra_t2d.across.sql import quoted
from anakinra_t2d.across.statistics import judge_statistic

if TYPE_CHECKING:
    import duckdb

    from anakinra_t2d.across.expand import ConcreteRule
    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.schema.rules import AcrossRule

_SIDE_BY_SIDE = 2

__all__ = ["RuleError", "RuleOutcome", "Violation", "check_rules", "run_rules"]


def run_rules(
    con: duckdb.DuckDBPyConnection,
    definitions: Definitions,
    only: Collection[str] | None = None,
    on_rule: Callable[[str], None] | None = None,
    limit_per_rule: int = 10_000,
) -> Iterator[RuleOutcome]:
    """Judge the data behind ``con`` (see :func:`open_relations`) by every across rule, in the order of the codes.

    A rule with for_each gives one outcome for each field that has any value. ``only`` picks codes, ``on_rule`` is
    told each code before its rule runs, ``limit_per_rule`` bounds the violations fetched for one code.

    Raises:
        RuleError: a rule cannot run; it is an error of the rule, never of the data.
        KeyError: ``only`` names a code that is no across rule.
    """
    codes = sorted(definitions.across_rules) if only is None else sorted(set(only))
    rules = [definitions.across_rules[code] for code in codes]
    counts = {table: _value_counts(con, table) for table in (*definitions.tables, INPUTS)}
    long = LongTables(con, counts.__getitem__)

    def run(rule: AcrossRule) -> list[RuleOutcome]:
        read = _relations_read(rule, definitions)
        if read and not any(any(counts[name].values()) for name in read):
            return []
        if on_rule is not None:
            on_rule(rule.code)
        # a cursor is a connection of its own, so that small queries run beside each other
        with con.cursor() as cursor:
            concretes = expand(rule, definitions, counts.__getitem__, long.query)
            return _judge_all(cursor, rule, concretes, definitions, limit_per_rule)

    try:
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            try:
                for outcomes in pool.map(run, rules):
                    yield from outcomes
            finally:
                pool.shutdown(cancel_futures=True)
    finally:
        long.drop()


def _relations_read(rule: AcrossRule, definitions: Definitions) -> set[str]:
    """Tables that the SQL of a rule names and the inputs of criteria; empty when that does not say all it reads."""
    words = set(re.findall(r"[a-z0-9_]+", rule.records))
    if rule.for_each is not None:
        return set()
    of_criteria = {INPUTS} if any(word.startswith("eligibility_") for word in words) else set()
    return words & set(definitions.tables) | of_criteria


def check_rules(con: duckdb.DuckDBPyConnection, definitions: Definitions) -> None:
    """Bind every across rule without running it, to know before any data come that each of them can run.

    Raises:
        RuleError: the SQL of a rule fails, its condition is none, or its records lack a column that is needed.
    """
    everything = {table: dict.fromkeys(definitions.tables[table].fields, 1) for table in definitions.tables}
    for rule in definitions.across_rules.values():
        for concrete in expand(rule, definitions, everything.__getitem__):
            prepare(con, concrete, definitions.tables[concrete.table])


def _judge_all(
    con: duckdb.DuckDBPyConnection,
    rule: AcrossRule,
    concretes: Iterable[ConcreteRule],
    definitions: Definitions,
    limit: int,
) -> list[RuleOutcome]:
    if rule.statistic is not None:
        return judge_statistic(con, concretes, definitions, limit)
    found: list[RuleOutcome] = []
    for concrete in concretes:
        outcomes = judge(con, concrete, definitions.tables[concrete.table], limit)
        limit -= sum(len(outcome.violations) for outcome in outcomes)
        found += outcomes
    return found


def _value_counts(con: duckdb.DuckDBPyConnection, table: str) -> dict[str, int]:
    """How many rows of ``table`` have a value in each column."""
    columns = [name for name, *_ in con.execute(f"DESCRIBE {quoted(table)}").fetchall() if not name.startswith("_")]
    counted = ", ".join(f"COUNT({quoted(name)})" for name in columns)
    (counts,) = con.execute(f"SELECT {counted} FROM {quoted(table)}").fetchall()
    return dict(zip(columns, counts, strict=True))
