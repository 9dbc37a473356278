"""Statistical rules: tests of all variables corrected together, silent unless the effect is large too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from anakinra_t2d.across.judge import HOLDS, Judged, RuleError, RuleOutcome, Violation, judged_by, query_of, violation
from anakinra_t2d.across.sql import quoted

if TYPE_CHECKING:
    import duckdb

    from anakinra_t2d.across.expand import ConcreteRule
    from anakinra_t2d.schema import Definitions, Table
    from anakinra_t2d.schema.rules import Statistic

_INPUTS = {
    "chi2": ("n", "statistic", "df"),
    "normal": ("n", "statistic"),
    "student": ("n", "statistic", "df"),
    "binomial": ("n", "successes", "chance"),
}
_MOST_ROWS = 100_000


@dataclass(frozen=True)
class _Test:
    """One row of ``records``: ``p`` is None when the test says nothing."""

    cells: tuple[object, ...]
    field: str
    holds: bool | None
    p: float | None
    of: int


def judge_statistic(
    con: duckdb.DuckDBPyConnection, concretes: Iterable[ConcreteRule], definitions: Definitions, limit: int
) -> list[RuleOutcome]:
    """Judge all variables of one statistical rule together.

    A row of ``records`` is one test. It is a finding when its P value after Holm's correction is below
    ``false_alarm_rate`` and ``assert`` (the effect is small) is FALSE. It is not assessed below ``min_records``,
    without a statistic, or when ``assert`` is NULL. A column ``tests`` says that the rows of the variable are the
    most extreme ones of so many tests. The values of a violation get ``p``, the corrected P value as text.

    Raises:
        RuleError: the SQL fails, a column that the test needs is missing, or ``records`` gives too many rows.
    """
    variables: list[tuple[Judged, str, list[_Test]]] = []
    for concrete in concretes:
        judged, tests = _tests(con, concrete, definitions.tables[concrete.table])
        fields = sorted({test.field for test in tests}) if concrete.by_field else [concrete.field or ""]
        variables += [
            (judged, field, [one for one in tests if not concrete.by_field or one.field == field]) for field in fields
        ]
    family = sum(_family(tests) for _, _, tests in variables)
    corrected = iter(holm([one.p for _, _, tests in variables for one in tests if one.p is not None], family))
    outcomes = []
    for judged, field, tests in variables:
        tests = [test if test.p is None else replace(test, p=next(corrected)) for test in tests]
        outcome = _outcome(con, judged, field or None, tests, limit)
        limit -= len(outcome.violations)
        outcomes.append(outcome)
    return outcomes


def holm(p_values: Sequence[float], family: int | None = None) -> list[float]:
    """P values corrected by Holm's method, in the order given.

    ``family`` is the number of tests made, when only the smallest P values of a larger number are given.
    """
    size = max(family or 0, len(p_values))
    corrected = [1.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: (p_values[i], i))):
        highest = max(highest, min(1.0, (size - rank) * p_values[index]))
        corrected[index] = highest
    return corrected


def p_value(statistic: Statistic, inputs: dict[str, float]) -> float:
    """The P value of one test from the columns that its distribution needs."""
    from scipy import special

    if statistic.distribution == "chi2":
        return float(special.chdtrc(inputs["df"], inputs["statistic"]))
    if statistic.distribution == "binomial":
        successes, records, chance = inputs["successes"], inputs["n"], inputs["chance"]
        upper = float(special.betainc(successes, records - successes + 1, chance)) if successes > 0 else 1.0
        lower = float(special.betainc(records - successes, successes + 1, 1 - chance)) if successes < records else 1.0
        return {"upper": upper, "lower": lower, "both": min(1.0, 2 * min(upper, lower))}[statistic.sides]
    value = {"upper": -inputs["statistic"], "lower": inputs["statistic"], "both": -abs(inputs["statistic"])}
    at = value[statistic.sides]
    tail = special.ndtr(at) if statistic.distribution == "normal" else special.stdtr(inputs["df"], at)
    return float(tail) * (2 if statistic.sides == "both" else 1)


def _statistic(judged: Judged) -> Statistic:
    statistic = judged.concrete.rule.statistic
    assert statistic is not None
    return statistic


def _tests(con: duckdb.DuckDBPyConnection, concrete: ConcreteRule, table: Table) -> tuple[Judged, list[_Test]]:
    import duckdb

    code, query = concrete.rule.code, query_of(concrete)
    try:
        # run at once: to look at its columns first takes a third as long as running it
        answer = con.execute(f"SELECT * FROM ({query}) LIMIT {_MOST_ROWS + 1}")
        names = [name for name, *_ in answer.description or ()]
        rows = answer.fetchall()
    except duckdb.Error as error:
        raise RuleError(code, f"the rule cannot run on {concrete.table}: {error}") from error
    judged = judged_by(concrete, query, table, names)
    statistic = _statistic(judged)
    needed = _INPUTS[statistic.distribution]
    if missing := [name for name in needed if name not in judged.columns]:
        raise RuleError(code, f"`records` lacks {', '.join(missing)}, which the test needs")
    if len(rows) > _MOST_ROWS:
        raise RuleError(code, f"`records` gives more than {_MOST_ROWS} tests of one variable")
    places = [names.index(HOLDS), *(names.index(name) for name in judged.columns)]
    rows = sorted((tuple(row[place] for place in places) for row in rows), key=_ascending)
    if rows and not isinstance(rows[0][0], bool | None):
        raise RuleError(code, f"`assert` gives {rows[0][0]!r}, which is no condition")
    tests = []
    for holds, *cells in rows:
        values = dict(zip(judged.columns, cells, strict=True))
        inputs = {name: float(values[name]) for name in needed if values[name] is not None}
        silent = len(inputs) < len(needed) or inputs["n"] < statistic.min_records or holds is None
        p = None if silent else p_value(statistic, inputs)
        field, of = str(values.get("field") or ""), int(values.get("tests") or 1)
        tests.append(_Test(tuple(cells), field, holds, None if p is None or p != p else p, of))
    return judged, tests


def _ascending(cells: Sequence[Any]) -> list[tuple[bool, Any]]:
    """Orders rows cell by cell, those without a value last, so that the order does not depend on the engine."""
    return [(cell is None or cell != cell, 0 if cell is None or cell != cell else cell) for cell in cells]


def _family(tests: list[_Test]) -> int:
    """How many tests stand behind those of one variable."""
    tested = [test.of for test in tests if test.p is not None]
    return max([len(tested), *tested])


def _outcome(
    con: duckdb.DuckDBPyConnection, judged: Judged, field: str | None, tests: list[_Test], limit: int
) -> RuleOutcome:
    rate = _statistic(judged).false_alarm_rate
    failed = [test for test in tests if test.p is not None and test.p < rate and not test.holds]
    unknown = sum(test.p is None for test in tests)
    found = sorted((_violation(con, judged, test) for test in failed[: max(limit, 0)]), key=_place_in_file)
    concrete = judged.concrete
    passed = len(tests) - len(failed) - unknown
    return RuleOutcome(concrete.rule, concrete.table, field, len(tests), passed, len(failed), unknown, found)


def _violation(con: duckdb.DuckDBPyConnection, judged: Judged, test: _Test) -> Violation:
    row, written = None, None
    if judged.key:
        key_cells = [test.cells[judged.columns.index(name)] for name in judged.key]
        place = con.execute(
            f"SELECT _row, _written FROM {quoted(judged.concrete.table)} "
            f"WHERE {' AND '.join(f'{quoted(name)} IS NOT DISTINCT FROM ?' for name in judged.key)} "
            "ORDER BY _written DESC NULLS LAST, _row LIMIT 1",
            key_cells,
        ).fetchall()
        row, written = place[0] if place else (None, None)
    found = violation(judged, row, written, test.cells)
    return replace(found, values=found.values | {"p": f"{test.p:.1e}"})


def _place_in_file(found: Violation) -> tuple[bool, int, bool, tuple[str, ...]]:
    return found.row is None, found.row or 0, not found.written, tuple(found.key.values())
