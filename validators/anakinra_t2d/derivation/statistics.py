"""Statistics of groups of patients: description, comparison of arms, correlation, regression, contingency.

Every function gives statistics by name; None stands for one that cannot be calculated, with the reason beside it.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
_LEVEL = 0.95


@dataclass
class Statistics:
    """``values`` by name of the statistic; ``reasons`` of those that are None."""

    values: dict[str, float | None] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def put(self, names: Sequence[str], values: Sequence[object], problem: str | None = None) -> None:
        """Add statistics, or with a problem their absence."""
        for name, value in zip(names, values, strict=True):
            found = None if problem or value is None else float(value)  # type: ignore[arg-type]
            if found is not None and not np.isfinite(found):
                found, problem = None, problem or "the values have no spread"
            self.values[name] = found
            if found is None:
                self.reasons[name] = problem or "cannot be calculated"


def describe(values: Values, *, is_change: bool) -> Statistics:
    """n, mean, sd (n - 1), se and median; for changes ``p_within``, the t test against no change."""
    from scipy import stats

    found, n = Statistics(), len(values)
    found.put(["n"], [n])
    found.put(["mean", "median"], [np.mean(values), np.median(values)] if n else [None] * 2, None if n else "no values")
    few = None if n > 1 else "fewer than two values"
    sd = None if few else float(np.std(values, ddof=1))
    found.put(["sd", "se"], [sd, None if sd is None else sd / np.sqrt(n)], few)
    if is_change:
        flat = few or ("the values have no spread" if _is_flat(values) else None)
        found.put(["p_within"], [None if flat else stats.ttest_1samp(values, 0).pvalue], flat)
    return found


def compare_means(first: Values, second: Values) -> Statistics:
    """Difference of the means, first minus second, its 95 % interval (pooled variance), sd_pooled, P by three tests."""
    from scipy import stats

    found = Statistics()
    names = ["difference", "sd_pooled", "ci_low", "ci_high", "p_student", "p_welch", "p_rank_sum"]
    empty = _too_few(first, second, 1)
    found.put(names[:1], [None if empty else np.mean(first) - np.mean(second)], empty)
    few = _too_few(first, second, 2)
    if few:
        found.put(names[1:], [None] * 6, few)
        return found
    degrees = len(first) + len(second) - 2
    pooled = np.sqrt((np.var(first, ddof=1) * (len(first) - 1) + np.var(second, ddof=1) * (len(second) - 1)) / degrees)
    found.put(["sd_pooled"], [pooled])
    if _is_flat(first) and _is_flat(second):
        found.put(names[2:], [None] * 5, "the values have no spread")
        return found
    with warnings.catch_warnings():
        # an arm without spread is no harm to either test as long as the other one has some
        warnings.simplefilter("ignore", RuntimeWarning)
        student = stats.ttest_ind(first, second)
        welch = stats.ttest_ind(first, second, equal_var=False)
    interval = student.confidence_interval(_LEVEL)
    found.put(["ci_low", "ci_high", "p_student"], [interval.low, interval.high, student.pvalue])
    found.put(["p_welch"], [welch.pvalue])
    found.put(["p_rank_sum"], [stats.mannwhitneyu(first, second, alternative="two-sided").pvalue])
    return found


def count(values: Values) -> Statistics:
    """n, the number of ones, and their percentage."""
    found, n = Statistics(), len(values)
    ones = float(np.sum(values))
    found.put(["n", "count"], [n, ones])
    found.put(["percent"], [100 * ones / n if n else None], None if n else "no values")
    return found


def compare_counts(groups: Sequence[Values]) -> Statistics:
    """Pearson's chi-square without continuity correction of 0/1 values in groups."""
    ones = [float(np.sum(values)) for values in groups]
    return chi_square([ones, [len(values) - one for values, one in zip(groups, ones, strict=True)]])


def chi_square(table: Sequence[Sequence[float]]) -> Statistics:
    """Pearson's chi-square without correction of a table of counts."""
    from scipy import stats

    found, counts = Statistics(), np.asarray(table, float).reshape(len(table), len(table[0]) if table else 0)
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    problem = None
    if not columns.all() or len(columns) < 2:
        problem = "a group has no patient"
    elif np.count_nonzero(rows) < 2:
        problem = "all patients are in one class"
    result = None if problem else stats.chi2_contingency(counts[rows > 0], correction=False)
    found.put(["chi_square", "p_chi_square"], [result.statistic, result.pvalue] if result else [None] * 2, problem)
    return found


def correlation(x: Values, y: Values) -> Statistics:
    """n, r2, and the slope of y on x with its P value; pairs with a missing value do not count."""
    from scipy import stats

    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    found = Statistics()
    found.put(["n"], [len(x)])
    problem = "fewer than three pairs" if len(x) < 3 else None
    if problem is None and (_is_flat(x) or _is_flat(y)):
        problem = "the values have no spread"
    if problem:
        found.put(["r2", "slope", "p_slope"], [None] * 3, problem)
        return found
    line = stats.linregress(x, y)
    found.put(["r2", "slope", "p_slope"], [line.rvalue**2, line.slope, line.pvalue])
    return found


def regression(y: Values, arm: Values, covariate: Values) -> Statistics:
    """Least squares of y on arm (1 or 0) and a covariate: effects and P of both, and P of the whole model."""
    from scipy import stats

    whole = np.isfinite(y) & np.isfinite(arm) & np.isfinite(covariate)
    y, arm, covariate = y[whole], arm[whole], covariate[whole]
    found, n = Statistics(), len(y)
    found.put(["n"], [n])
    names = ["effect_treatment", "effect_covariate", "p_treatment", "p_covariate", "p_model"]
    design = np.column_stack([np.ones(n), arm, covariate - (covariate.mean() if n else 0)])
    if n < 4 or np.linalg.matrix_rank(design) < 3:
        found.put(
            names, [None] * 5, "fewer than four patients" if n < 4 else "arm or covariate has no spread of its own"
        )
        return found
    effects, *_ = np.linalg.lstsq(design, y, rcond=None)
    left = y - design @ effects
    degrees = n - 3
    unexplained = float(left @ left)
    if unexplained <= 1e-12 * float(((y - y.mean()) ** 2).sum()):
        found.put(names, [effects[1], effects[2], None, None, None], None)
        for name in names[2:]:
            found.reasons[name] = "the model leaves nothing unexplained"
        return found
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * unexplained / degrees)
    p = 2 * stats.t.sf(np.abs(effects / errors), degrees)
    explained = float(((y - y.mean()) ** 2).sum()) - unexplained
    whole_model = stats.f.sf(explained / 2 / (unexplained / degrees), 2, degrees)
    found.put(names, [effects[1], effects[2], p[1], p[2], whole_model])
    return found


def contingency(groups: Mapping[str, Mapping[str, float]]) -> Statistics:
    """Chi-square of groups (by name) against classes (by name) with their counts; n is the sum."""
    classes = list(next(iter(groups.values()), {}))
    found = chi_square([[groups[group][name] for group in groups] for name in classes])
    found.put(["n"], [sum(sum(counts.values()) for counts in groups.values())])
    return found


def _is_flat(values: Values) -> bool:
    """Whether the values differ by no more than the noise of floating-point numbers."""
    return bool(np.ptp(values) <= 1e-12 * np.max(np.abs(values)))


def _too_few(first: Values, second: Values, least: int) -> str | None:
    if min(len(first), len(second)) >= least:
        return None
    return "an arm has no value" if least == 1 else "an arm has fewer than two values"
