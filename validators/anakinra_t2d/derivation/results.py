"""The results table: statistics of every endpoint by arm, the comparison of the arms, and results of groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

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
from anakinra_t2d.endpoint_views.views import ARMS
from anakinra_t2d.schema.endpoints import ContingencyCard, CorrelationCard, PairsCard, RegressionCard

if TYPE_CHECKING:
    import duckdb

    from anakinra_t2d.derivation.workspace import Relations, Workspace
    from anakinra_t2d.schema.endpoints import Endpoint, GroupResult, Measure

ALL, DIFFERENCE, WITHOUT_ARM = "all", "difference", "without_arm"
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
    """Calculates results from what a workspace made; ``arms`` are the arms of the trial in their order."""

    def __init__(self, con: duckdb.DuckDBPyConnection, workspace: Workspace, arms: list[str]) -> None:
        self.con = con
        self.workspace = workspace
        self.arms = arms
        self.has_arms = bool(con.execute(f"SELECT COUNT(*) FROM {ARMS}").fetchall()[0][0])
        self._arm_of_each = workspace.arms(arms)

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
            values = np.concatenate([[], *(v for v, _ in groups.values())]) if group == ALL else groups[group][0]
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
        if analysis.by:
            names = ["yes", "no", "not_known"]
            by = self.workspace.numbers(relations, analysis.by)
            groups = np.select([by == 1, by == 0], [0, 1], 2)
        else:
            names = [*self.arms, WITHOUT_ARM]
            groups = np.where(self._arm_of_each < 0, len(self.arms), self._arm_of_each)
        states = self.workspace.states(relations, card.id)
        counts = states != "not_in_population"
        if analysis.arm:
            counts &= self._in_arm(analysis.arm)
        if analysis.arm and not analysis.by:
            names = [name if name == analysis.arm else "" for name in names]
        values = self.workspace.numbers(relations, card.id)
        values[states == "not_derivable"] = np.nan
        result = {}
        for number, name in enumerate(names):
            inside = values[counts & (groups == number)]
            present = inside[np.isfinite(inside)]
            # empty groups that only bad data can fill are not shown, nor arms where the data have none
            expected = name not in (WITHOUT_ARM, "not_known") and (self.has_arms or bool(analysis.by))
            if name and (expected or len(inside)):
                result[name] = (present, len(inside) - len(present))
        return result

    def _in_arm(self, arm: str) -> Any:
        return self._arm_of_each == (self.arms.index(arm) if arm in self.arms else -2)

    def _group(self, card: GroupResult, relations: Relations) -> Iterator[Result]:
        if isinstance(card, PairsCard):
            found = self.con.execute(card.pairs).fetchnumpy()
            x, y = (_plain(found[name]) for name in list(found)[:2])
            # a join gives its rows in any order, and the last digit of a sum depends on it
            order = np.lexsort((y, x))
            x, y = x[order], y[order]
            yield from _rows_of(card, relations, ALL, correlation(x, y))
        elif isinstance(card, CorrelationCard):
            yield from self._correlation(card, relations)
        elif isinstance(card, RegressionCard):
            members = self.workspace.members(card.population)
            y, covariate = (self._measured(measure, relations)[members] for measure in (card.y, card.covariate))
            first, last = (self._in_arm(self.arms[place]) for place in (0, -1))
            arm = np.select([first, last], [1.0, 0.0], np.nan)[members]
            yield from _rows_of(card, relations, ALL, regression(y, arm, covariate))
        else:
            yield from self._contingency(card, relations)

    def _correlation(self, card: CorrelationCard, relations: Relations) -> Iterator[Result]:
        members = self.workspace.members(card.population)
        x, y = (self._measured(measure, relations) for measure in (card.x, card.y))
        arms = self.arms if card.arms == "each" else [ALL] if card.arms == "pooled" else [card.arms]
        for arm in arms:
            inside = members if arm == ALL else members & self._in_arm(arm)
            yield from _rows_of(card, relations, arm, correlation(x[inside], y[inside]))

    def _contingency(self, card: ContingencyCard, relations: Relations) -> Iterator[Result]:
        measured = np.array([self.workspace.numbers(relations, id) for id in card.classes])
        known = self.workspace.members(card.population) & ~np.isnan(measured).any(axis=0)
        groups = {}
        for arm in self.arms:
            inside = measured[:, known & self._in_arm(arm)]
            if inside.shape[1]:
                counts = [*inside.sum(axis=1), (inside.sum(axis=0) == 0).sum()]
                groups[arm] = {str(place): float(n) for place, n in enumerate(counts)}
        yield from _rows_of(card, relations, DIFFERENCE, contingency(groups))

    def _measured(self, measure: Measure, relations: Relations) -> Values:
        """An endpoint, or a parameter at a visit, of everyone."""
        found: Values = self.workspace.numbers(
            relations, measure.endpoint or measure.parameter or "", measure.visit or ""
        )
        return found


def _plain(column: Any) -> Values:
    """A column of DuckDB as numbers, not a number where it has no value."""
    return np.ma.filled(np.ma.asarray(column, float), np.nan)


def _rows_of(card: Endpoint | GroupResult, relations: Relations, group: str, found: Statistics) -> Iterator[Result]:
    for statistic, value in found.values.items():
        unit = card.unit if statistic in _IN_UNIT else "%" if statistic == "percent" else "1"
        state = "derived" if value is not None else "not_derivable"
        reason = found.reasons.get(statistic) if value is None else None
        yield Result(card.id, relations.reading, group, statistic, value, unit, state, reason)
