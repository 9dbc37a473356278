"""Euglycaemic clamp with gas exchange, clamp samples and muscle biopsy of the patients who agreed."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from anakinra_t2d.simulation.body import Body
from anakinra_t2d.simulation.enrolment import ANAKINRA, PLACEBO, Index, Trial
from anakinra_t2d.simulation.standardise import (
    SMALL_GROUP,
    Values,
    beyond,
    hold,
    limited,
    to_decimals,
    truncated,
    tune,
    with_correlations,
)
from anakinra_t2d.simulation.stimulation import Curves
from anakinra_t2d.simulation.targets import mean_sd

Whole = NDArray[np.int64]
BEFORE, AFTER = 0, 1
MINUTES = np.array([0, 30, 60, 90, 120, 130, 140, 150])


@dataclass(frozen=True)
class Clamp:
    """Arrays of clamp patient x visit (baseline, week 13)."""

    at: Index
    weight: Values
    insulin: Values
    glucose: Values
    glucose_cv: Values
    gir: Values
    m_value: Values
    mi_index: Values
    steady_start: Values
    steady_end: Values
    insulin_rate: Values
    withheld: Values
    vo2: Values
    vco2: Values
    nitrogen: Values
    rq: Values
    glucose_oxidation: Values
    fat_oxidation: Values

    def flat(self) -> dict[str, Values]:
        """Values by name, baseline and week 13 of one patient in turn."""
        return {f.name: getattr(self, f.name).ravel() for f in fields(self) if f.name != "at"}


def draw_clamp(trial: Trial, body: Body, curves: Curves, hba1c_change: Values) -> Clamp:
    """Draw the clamps; changes of M/I and of oxidation hold in each arm, unrelated to HbA1c."""
    rng = trial.rng("clamp")
    at = np.flatnonzero(trial.clamp)
    n = len(at)
    pair = (n, 2)
    visit_weight = np.column_stack([body.weight[at], body.weight13[at]])
    weight = to_decimals((visit_weight + 0.35 * _normal(rng, pair)).clip(64, 155), 1)
    fasting = curves.oral_insulin[at][:, :, :2].mean(axis=2)
    insulin = np.rint(np.maximum(470 + 70 * _normal(rng, pair) + 0.8 * fasting, 3.35 * fasting + 20).clip(260, 1950))
    homa = curves.homa[at]
    sensitivity = with_correlations([np.log(homa[:, BEFORE])], [0.75], rng) if n > 3 else np.zeros(n)
    index = np.empty(pair)
    index[:, BEFORE] = limited(8.0 + 2.4 * sensitivity, 3.2, 15.0, rng)
    index[:, AFTER] = index[:, BEFORE]
    for arm in (ANAKINRA, PLACEBO):
        group = np.flatnonzero(trial.arm[at] == arm)
        before = index[group, BEFORE]
        ceiling = np.minimum(18.0, 11500 / insulin[group, AFTER]) - before
        shape = truncated(rng, len(group), 2.3)
        if len(group) > 4:
            shape = with_correlations([hba1c_change[at[group]], before], [0.05, -0.3], rng)
        index[group, AFTER] = before + hold(shape, *mean_sd("mi_change", arm), 2, 2.6 - before, ceiling)
    gir = to_decimals(index * insulin / 1000 * weight, 1)
    m_value = to_decimals(gir / weight, 2)
    start = 120 + np.rint(4 * _normal(rng, pair))
    vo2, vco2, nitrogen = _gas_exchange(trial, at, weight, m_value, rng)
    oxidised, fat = oxidation(vo2, vco2, nitrogen, weight)
    return Clamp(
        at=at,
        weight=weight,
        insulin=insulin,
        glucose=to_decimals(5.3 + 0.26 * _normal(rng, pair), 1),
        glucose_cv=to_decimals(4.2 + 1.2 * _normal(rng, pair), 1),
        gir=gir,
        m_value=m_value,
        mi_index=to_decimals(1000 * (gir / weight) / insulin, 2),
        steady_start=start,
        steady_end=start + 30 + rng.integers(-2, 3, size=pair),
        insulin_rate=np.repeat(np.rint(40 + 3 * truncated(rng, n, 2.0))[:, None], 2, axis=1),
        withheld=to_decimals(9.4 + 0.5 * _normal(rng, pair), 1),
        vo2=vo2,
        vco2=vco2,
        nitrogen=nitrogen,
        rq=to_decimals(vco2 / vo2, 3),
        glucose_oxidation=oxidised,
        fat_oxidation=fat,
    )


def _normal(rng: Generator, shape: tuple[int, int]) -> Values:
    return truncated(rng, shape[0] * shape[1], 2.0).reshape(shape)


def oxidation(vo2: Values, vco2: Values, nitrogen: Values, weight: Values) -> tuple[Values, Values]:
    """Frayn's glucose and fat oxidation in mg/(kg.min) from ml/min, ml/min, mg/min and kg, two decimals."""
    glucose = (4.55 * vco2 - 3.21 * vo2 - 2.87 * nitrogen) / weight
    fat = (1.67 * (vo2 - vco2) - 1.92 * nitrogen) / weight
    return to_decimals(glucose, 2), to_decimals(fat, 2)


def _gas_exchange(
    trial: Trial, at: Index, weight: Values, m_value: Values, rng: Generator
) -> tuple[Values, Values, Values]:
    """Gas exchange that gives the wanted oxidation rates; whole ml/min as the instrument prints them."""
    n = len(at)
    nitrogen = to_decimals(8.0 + 1.7 * _normal(rng, (n, 2)), 2)
    glucose, fat = np.empty((n, 2)), np.empty((n, 2))
    glucose[:, BEFORE] = np.minimum(1.9 + 0.36 * truncated(rng, n), m_value[:, BEFORE] + 1.2)
    fat[:, BEFORE] = 0.52 - 0.18 * (glucose[:, BEFORE] - 1.9) + 0.11 * truncated(rng, n)
    glucose[:, AFTER], fat[:, AFTER] = glucose[:, BEFORE], fat[:, BEFORE]
    groups = [np.flatnonzero(trial.arm[at] == arm) for arm in (ANAKINRA, PLACEBO)]
    for arm, group in enumerate(groups):
        if not len(group):
            continue
        first = truncated(rng, len(group), 2.2)
        # what is gained from glucose is saved from fat: energy expenditure of a patient hardly moves
        second = with_correlations([first], [-0.85], rng)
        before = glucose[group, BEFORE]
        high = np.minimum(4.2, m_value[group, AFTER] + 1.2) - before
        glucose[group, AFTER] += hold(first, *mean_sd("glucose_oxidation_change", arm), 3, 0.35 - before, high)
        before = fat[group, BEFORE]
        low, high = 0.02 - before, 1.25 - before
        fat[group, AFTER] += hold(second, *mean_sd("fat_oxidation_change", arm), 3, low, high)
    difference = (fat * weight + 1.92 * nitrogen) / 1.67
    vco2 = np.rint((glucose * weight + 3.21 * difference + 2.87 * nitrogen) / 1.34).clip(143, 425)
    vo2 = np.rint(vco2 + difference).clip(172, 445)
    for arm, group in enumerate(groups):
        if 2 <= len(group) <= SMALL_GROUP:
            _correct(arm, group, vo2, vco2, nitrogen, weight, m_value, rng)
    return vo2, vco2, nitrogen


def _correct(
    arm: int,
    group: Index,
    vo2: Values,
    vco2: Values,
    nitrogen: Values,
    weight: Values,
    m_value: Values,
    rng: Generator,
) -> None:
    """Move single ml/min of the second clamp until means and SDs of both changes hold, in place."""
    n = len(group)
    first = oxidation(vo2[group, BEFORE], vco2[group, BEFORE], nitrogen[group, BEFORE], weight[group, BEFORE])
    goals = (mean_sd("glucose_oxidation_change", arm), mean_sd("fat_oxidation_change", arm))
    roof = m_value[group, AFTER] + 1.35

    def misses(units: Whole) -> float:
        second = oxidation(
            units[:n].astype(np.float64), units[n:].astype(np.float64), nitrogen[group, AFTER], weight[group, AFTER]
        )
        total = 50 * float(np.maximum(second[0] - roof, 0).sum() + np.maximum(0.05 - second[0], 0).sum())
        total += 50 * float(np.maximum(-0.25 - second[1], 0).sum() + np.maximum(second[1] - 1.8, 0).sum())
        for before, after, (mean, sd) in zip(first, second, goals, strict=True):
            change = after - before
            total += beyond(change.mean(), mean, 0.004) + beyond(change.std(ddof=1), sd, 0.004)
        return total

    start = np.concatenate([vo2[group, AFTER], vco2[group, AFTER]]).astype(np.int64)
    units = tune(start, np.repeat([172, 143], n), np.repeat([445, 425], n), misses, rng, rounds=8000)
    vo2[group, AFTER], vco2[group, AFTER] = units[:n], units[n:]


@dataclass(frozen=True)
class Biopsy:
    """Arrays of clamp patient x visit: raw quantities and their ratios to cyclophilin A."""

    glut4: Values
    pgc1a: Values
    ppia: Values
    glut4_rel: Values
    pgc1a_rel: Values


def draw_biopsy(trial: Trial) -> Biopsy:
    """Draw the expression of both genes; mean and SD of the changes hold in each arm."""
    rng = trial.rng("biopsy")
    at = np.flatnonzero(trial.clamp)
    n = len(at)
    ppia = to_decimals(np.exp(0.15 * _normal(rng, (n, 2))) * 12, 4)
    relative = {}
    for name, low in (("glut4", 1.0), ("pgc1a", 0.9)):
        change = np.zeros(n)
        for arm in (ANAKINRA, PLACEBO):
            group = np.flatnonzero(trial.arm[at] == arm)
            mean, sd = mean_sd(f"{name}_change", arm)
            change[group] = hold(truncated(rng, len(group), 2.2), mean, sd, 2, mean - 2.6 * sd, mean + 2.6 * sd)
        before = to_decimals(low + np.maximum(0, -change) + rng.gamma(3.0, 0.3, size=n).clip(0.05, 2.5), 2)
        relative[name] = np.column_stack([before, to_decimals(before + change, 2)])
    raw = {
        name: to_decimals((ratio + 0.003 * _normal(rng, (n, 2)) / 2.4) * ppia, 4) for name, ratio in relative.items()
    }
    return Biopsy(raw["glut4"], raw["pgc1a"], ppia, relative["glut4"], relative["pgc1a"])
