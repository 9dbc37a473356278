"""The results table: statistics of every endpoint by arm, the comparison of the arms, and results of groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from anakinra_t2d.across.sql import as_literal, quoted
from anakinra_t2d.derivation.statistics import (
    Statistics,
    Values,
    compare_counts,
    compare_means,
    contingency,
    correlation,
    count,
    describe,
    regression,
)
from anakinra_t2d.endpoint_views.text import case_of
from anakinra_t2d.schema.endpoints import ContingencyCard, CorrelationCard, PairsCard, RegressionCard

if TYPE_CHECKING:
    import duckdb

    from anakinra_t2d.derivation.workspace import Relations
    from anakinra_t2d.schema.endpoints import Endpoint, GroupResult, Measure

ALL, DIFFERENCE, WITHOUT_ARM = "all", "difference", "without_arm"
_LEFT_OUT = "state NOT IN ('not_derivable', 'not_in_population')"
_IN_UNIT = {"mean", "sd", "se", "median", "difference", "ci_low", "ci_high", "sd_pooled"}
_NO_ARMS = "the data have no arms"


@dataclass(frozen=True)
class Result:
    """One statistic of one group; ``value`` is None with the state ``not_derivable`` and a reason."""

    endpoint_id: str
    reading: str | None
    group: str
    statistic: str
    value: float | None
    unit: str
    state: str
    reason: str | None


class Results:
    """Calculates results from relations of a workspace; ``arms`` are the arms of the trial in their order."""

    def __init__(self, con: duckdb.DuckDBPyConnection, arms: list[str]) -> None:
        self.con = con
        self.arms = arms
        self.has_arms = bool(self._rows("SELECT COUNT(*) FROM trial_arms")[0][0])

    def of(self, relations: Relations) -> Iterator[Result]:
        """Every result that the readings of ``relations`` can change."""
        for endpoint in relations.cards.endpoints:
            if endpoint.id in relations.changed:
                yield from self._endpoint(endpoint, relations)
        for group in relations.cards.groups:
            if relations.reading is None or group.id in relations.changed:
                yield from self._group(group, relations)

    def _endpoint(self, card: Endpoint, relations: Relations) -> Iterator[Result]:
        is_count, analysis = card.analysis.kind == "counts", card.analysis
        groups = self._values(card, relations)
        shown = [*groups, *([ALL] if analysis.arm is None else [])]
        for group in shown:
            values = np.concatenate([v for v, _ in groups.values()]) if group == ALL else groups[group][0]
            absent = sum(n for _, n in groups.values()) if group == ALL else groups[group][1]
            is_change = card.operation in ("change", "log_ratio")
            found = count(values) if is_count else describe(values, is_change=is_change)
            found.put(["not_derivable"], [absent])
            yield from _rows_of(card, relations, group, found)
        pair = ["yes", "no"] if analysis.by else self.arms
        if analysis.arm is not None and analysis.by is None:
            return
        if not self.has_arms or len(pair) != 2:
            names = ["p_chi_square"] if is_count else ["difference", "p_student", "p_welch", "p_rank_sum"]
            found = Statistics()
            found.put(names, [None] * len(names), _NO_ARMS)
        else:
            first, second = (groups[name][0] for name in pair)
            found = compare_counts([first, second]) if is_count else compare_means(first, second)
        yield from _rows_of(card, relations, DIFFERENCE, found)

    def _values(self, card: Endpoint, relations: Relations) -> dict[str, tuple[Values, int]]:
        """Values and the number of patients without one, by group; everyone of the population is in one group."""
        analysis = card.analysis
        wanted = f"AND a.arm = {as_literal(analysis.arm)}" if analysis.arm else ""
        if analysis.by:
            names = ["yes", "no", "not_known"]
            place = "CASE b.value WHEN 1 THEN 0 WHEN 0 THEN 1 ELSE 2 END"
            join = f"LEFT JOIN {quoted(relations[analysis.by])} AS b ON b.subject_id = e.subject_id"
        else:
            names, join = [*self.arms, WITHOUT_ARM], ""
            place = (
                f"COALESCE({case_of('a.arm', {arm: place for place, arm in enumerate(self.arms)})}, {len(self.arms)})"
            )
        # places instead of names, because a million short texts are many objects
        rows = self.con.execute(f"""
            SELECT CAST({place} AS TINYINT) AS place, CASE WHEN e.{_LEFT_OUT} THEN e.value END AS value
            FROM {quoted(relations[card.id])} AS e
            LEFT JOIN trial_arms AS a ON a.subject_id = e.subject_id {join}
            WHERE e.state <> 'not_in_population' {wanted}
            ORDER BY e.subject_id""").fetchnumpy()
        groups, found = rows["place"], _plain(rows["value"])
        if analysis.arm and not analysis.by:
            names = [name if name == analysis.arm else "" for name in names]
        result = {}
        for number, name in enumerate(names):
            inside = found[groups == number]
            present = inside[np.isfinite(inside)]
            # empty groups that only bad data can fill are not shown, nor arms where the data have none
            expected = name not in (WITHOUT_ARM, "not_known") and (self.has_arms or bool(analysis.by))
            if name and (expected or len(inside)):
                result[name] = (present, len(inside) - len(present))
        return result

    def _group(self, card: GroupResult, relations: Relations) -> Iterator[Result]:
        if isinstance(card, PairsCard):
            x, y = self._columns(card.pairs, 2)
            yield from _rows_of(card, relations, ALL, correlation(x, y))
        elif isinstance(card, CorrelationCard):
            yield from self._correlation(card, relations)
        elif isinstance(card, RegressionCard):
            query = self._joined(card.population, relations, {"y": card.y, "c": card.covariate})
            y, covariate, arm = self._columns(
                f"SELECT y, c, CASE arm WHEN {as_literal(self.arms[0])} THEN 1.0 WHEN {as_literal(self.arms[-1])} "
                f"THEN 0.0 END AS arm FROM ({query})",
                3,
            )
            yield from _rows_of(card, relations, ALL, regression(y, arm, covariate))
        else:
            yield from self._contingency(card, relations)

    def _correlation(self, card: CorrelationCard, relations: Relations) -> Iterator[Result]:
        query = self._joined(card.population, relations, {"x": card.x, "y": card.y})
        arms = self.arms if card.arms == "each" else [ALL] if card.arms == "pooled" else [card.arms]
        for arm in arms:
            wanted = "" if arm == ALL else f" WHERE arm = {as_literal(arm)}"
            x, y = self._columns(f"SELECT x, y FROM ({query}){wanted}", 2)
            yield from _rows_of(card, relations, arm, correlation(x, y))

    def _contingency(self, card: ContingencyCard, relations: Relations) -> Iterator[Result]:
        measures = {f"c{place}": id for place, id in enumerate(card.classes)}
        joins = " ".join(
            f"LEFT JOIN {quoted(relations[id])} AS {name} ON {name}.subject_id = p.subject_id"
            for name, id in measures.items()
        )
        known = " AND ".join(f"{name}.value IS NOT NULL" for name in measures)
        sums = ", ".join(f"SUM({name}.value)" for name in measures)
        rest = " + ".join(f"{name}.value" for name in measures)
        rows = self._rows(f"""
            SELECT a.arm, {sums}, SUM(CASE WHEN {rest} = 0 THEN 1 ELSE 0 END)
            FROM {relations[card.population]} AS p JOIN trial_arms AS a ON a.subject_id = p.subject_id {joins}
            WHERE p.member = 1 AND {known} GROUP BY a.arm""")
        counts = {arm: {str(place): float(n) for place, n in enumerate(numbers)} for arm, *numbers in rows}
        groups = {arm: counts[arm] for arm in self.arms if arm in counts}
        yield from _rows_of(card, relations, DIFFERENCE, contingency(groups))

    def _joined(self, population: str, relations: Relations, measures: dict[str, Measure]) -> str:
        """Members of a population with their arm and the value of each measure."""
        joins, columns = [], []
        for name, measure in measures.items():
            id = measure.endpoint or measure.parameter or ""
            visit = f" AND {name}.visit = {as_literal(measure.visit)}" if measure.visit else ""
            joins.append(f"LEFT JOIN {quoted(relations[id])} AS {name} ON {name}.subject_id = p.subject_id{visit}")
            columns.append(f"{name}.value AS {name}")
        return (
            f"SELECT a.arm, {', '.join(columns)} FROM {relations[population]} AS p "
            f"LEFT JOIN trial_arms AS a ON a.subject_id = p.subject_id {' '.join(joins)} "
            "WHERE p.member = 1 ORDER BY p.subject_id"
        )

    def _columns(self, query: str, number: int) -> list[Values]:
        found = self.con.execute(query).fetchnumpy()
        return [_plain(found[name]) for name in list(found)[:number]]

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.con.execute(query).fetchall()


def _plain(column: Any) -> Values:
    """A column of DuckDB as numbers, not a number where it has no value."""
    return np.ma.filled(np.ma.asarray(column, float), np.nan)


def _rows_of(card: Endpoint | GroupResult, relations: Relations, group: str, found: Statistics) -> Iterator[Result]:
    for statistic, value in found.values.items():
        unit = card.unit if statistic in _IN_UNIT else "%" if statistic == "percent" else "1"
        state = "derived" if value is not None else "not_derivable"
        reason = found.reasons.get(statistic) if value is None else None
        yield Result(card.id, relations.reading, group, statistic, value, unit, state, reason)
