"""Age, sex, height, weight, body-mass index, body surface and vital signs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from anakinra_t2d.simulation.enrolment import ANAKINRA, PLACEBO, Flags, Index, Trial, share
from anakinra_t2d.simulation.standardise import (
    SMALL_GROUP,
    Values,
    beyond,
    hold,
    limited,
    to_decimals,
    truncated,
    tune,
    z_scores,
)
from anakinra_t2d.simulation.targets import mean_sd

Whole = NDArray[np.int64]

LOWEST_BMI, HIGHEST_BMI = 27.3, 48.5
THIRDS = (11, 11, 12)
"""Anakinra patients below 2.00, from 2.00 to 2.24 and above 2.24 m2: the only split near thirds that gives the
reported mean change from the reported changes of the thirds."""


@dataclass(frozen=True)
class Body:
    """One value for each randomised patient."""

    female: Flags
    age: Values
    height: Values
    weight_screening: Values
    weight: Values
    weight4: Values
    weight13: Values
    bsa: Values

    def bmi(self, weight: Values) -> Values:
        """Body-mass index as written."""
        return bmi(weight, self.height)


def bmi(weight: Values, height: Values) -> Values:
    """Weight in kg by squared height in m, one decimal."""
    return to_decimals(weight / (height / 100) ** 2, 1)


def body_surface(weight: Values, height: Values) -> Values:
    """DuBois body surface in m2 from kg and cm, two decimals."""
    return to_decimals(0.007184 * weight**0.425 * height**0.725, 2)


def draw_body(trial: Trial) -> Body:
    """Draw body measures of the randomised; Table 1 holds in the treated of each arm."""
    rng = trial.rng("body")
    n = trial.size
    age, weight, height, weight13 = (np.zeros(n) for _ in range(4))
    female = np.zeros(n, dtype=bool)
    for arm in (ANAKINRA, PLACEBO):
        group = trial.group(arm, trial.treated)
        age[group] = hold(truncated(rng, len(group), 2.6), *mean_sd("age", arm), 0, 30, 83)
        weight[group], height[group] = _weight_and_height(arm, len(group), rng)
        female[group] = _women(trial, arm, group, height, rng)
        finished = trial.group(arm, trial.completed)
        weight13[finished] = _weight_at_13_weeks(arm, weight[finished], height[finished], rng)
        rest = trial.group(arm, trial.treated & ~trial.completed)
        weight13[rest] = to_decimals(weight[rest] + truncated(rng, len(rest)), 1)
    out = np.flatnonzero(~trial.treated)
    age[out] = 58 + rng.integers(-12, 13, size=len(out))
    height[out] = to_decimals(176 + 5 * truncated(rng, len(out)), 1)
    weight[out] = to_decimals((30 + 3 * rng.random(len(out))) * (height[out] / 100) ** 2, 1)
    drift = weight13 - weight
    weight4 = weight + 0.3 * drift + 0.5 * truncated(rng, n, 2.0)
    floor = 27.06 * (height / 100) ** 2
    return Body(
        female=female,
        age=age,
        height=height,
        weight_screening=to_decimals(np.maximum(weight + 0.6 * truncated(rng, n), floor), 1),
        weight=weight,
        weight4=to_decimals(np.maximum(weight4, floor), 1),
        weight13=weight13,
        bsa=body_surface(weight, height),
    )


def _weight_and_height(arm: int, n: int, rng: Generator) -> tuple[Values, Values]:
    """Weight and height from held weight and body-mass index with the correlation their spreads imply."""
    r = 0.80 if arm == ANAKINRA else 0.66
    first, second = truncated(rng, n, 2.2), truncated(rng, n, 2.2)
    ranks = np.argsort(np.argsort(r * first + np.sqrt(1 - r * r) * second))
    index_mean, index_sd = mean_sd("bmi", arm)
    excess = np.sort(limited(rng.gamma(1.0, 1.0, size=n), 0.01, 3.6, rng))[ranks]
    index = hold(excess, index_mean, index_sd, 2, LOWEST_BMI, HIGHEST_BMI)
    weight_mean, weight_sd = mean_sd("weight", arm)
    weight = hold(first, weight_mean, weight_sd, 1, 68.5, 148)
    height = np.clip(100 * np.sqrt(weight / index), 148.1, 199)
    if n < 2 or n > SMALL_GROUP:
        return weight, to_decimals(height, 1)
    thirds = np.array(THIRDS) if arm == ANAKINRA and n == sum(THIRDS) else None

    def misses(units: Whole) -> float:
        w, h = units[:n] / 10, units[n:] / 10
        index = w / (h / 100) ** 2
        total = beyond(w.mean(), weight_mean, 0.02) + beyond(w.std(ddof=1), weight_sd, 0.02)
        shown = bmi(w, h)
        total += beyond(shown.mean(), index_mean, 0.02) + beyond(shown.std(ddof=1), index_sd, 0.02)
        total += 20 * float(np.maximum(LOWEST_BMI - index, 0).sum() + np.maximum(index - HIGHEST_BMI, 0).sum())
        if thirds is not None:
            surface = np.sort(body_surface(w, h))
            want_low, want_high = thirds[0], thirds[0] + thirds[1]
            total += 400 * float(np.maximum(surface[:want_low] - 1.99, 0).sum())
            total += 400 * float(np.maximum(surface[want_high:] * -1 + 2.25, 0).sum())
            middle = surface[want_low:want_high]
            total += 400 * float(np.maximum(2.00 - middle, 0).sum() + np.maximum(middle - 2.24, 0).sum())
        return total

    start = np.concatenate([np.rint(weight * 10), np.rint(height * 10)]).astype(np.int64)
    low, high = np.repeat([685, 1481], n), np.repeat([1480, 1990], n)
    units = tune(start, low, high, misses, rng, rounds=12000, reach=12)
    return units[:n] / 10, units[n:] / 10


def _women(trial: Trial, arm: int, group: Index, height: Values, rng: Generator) -> Flags:
    """The reported number of women, mostly the shorter patients; who analysed his drug is a man."""
    female = np.zeros(len(group), dtype=bool)
    tall = height[group] + 3.5 * truncated(rng, len(group)) + 1000 * trial.unblinded[group]
    women = share(group, 11, 34) if arm == ANAKINRA else share(group, 8, 35)
    female[np.argsort(tall, kind="stable")[:women]] = True
    return female


def _weight_at_13_weeks(arm: int, weight: Values, height: Values, rng: Generator) -> Values:
    """Weight after 13 weeks; mean and SD of the body-mass index hold."""
    n = len(weight)
    mean, sd = mean_sd("bmi_week13", arm)
    metres2 = (height / 100) ** 2
    before = weight / metres2
    slope, noise = (1.05, 0.75) if arm == ANAKINRA else (0.985, 0.6)
    shape = mean + slope * (before - before.mean()) + noise * truncated(rng, n, 2.0)
    low, high = np.maximum(27.1, before - 1.8), np.minimum(49.5, before + 2.3)
    after = np.round(hold(shape, mean, sd, 2, low, high) * metres2 * 10).astype(np.int64)
    if n < 2 or n > SMALL_GROUP:
        return np.asarray(after / 10)

    def misses(units: Whole) -> float:
        shown = bmi(units / 10, height)
        return beyond(shown.mean(), mean, 0.02) + beyond(shown.std(ddof=1), sd, 0.02)

    lowest = np.ceil(low * metres2 * 10).astype(np.int64)
    highest = np.floor(high * metres2 * 10).astype(np.int64)
    return np.asarray(tune(np.clip(after, lowest, highest), lowest, highest, misses, rng, reach=4) / 10)


@dataclass(frozen=True)
class VitalSigns:
    """Pressure, heart rate and temperature of the randomised; columns are baseline, week 4, week 13."""

    sbp: Values
    dbp: Values
    heart_rate: Values
    temperature: Values


def draw_vital_signs(trial: Trial) -> VitalSigns:
    """Draw vital signs; baseline pressures of Table 1 hold, no visit changes the means."""
    rng = trial.rng("vital signs")
    n = trial.size
    sbp, dbp = np.zeros((n, 3)), np.zeros((n, 3))
    for arm in (ANAKINRA, PLACEBO):
        group = trial.group(arm, trial.treated)
        common = truncated(rng, len(group))
        sbp[group, 0] = hold(common, *mean_sd("sbp", arm), 0, 104, 192)
        shape = 0.5 * z_scores(common) + 0.85 * truncated(rng, len(group), 2.2)
        low, high = np.maximum(58, sbp[group, 0] - 105), np.minimum(108, sbp[group, 0] - 26)
        dbp[group, 0] = hold(shape, *mean_sd("dbp", arm), 0, low, high)
    out = np.flatnonzero(~trial.treated)
    sbp[out, 0] = rng.integers(128, 160, size=len(out))
    dbp[out, 0] = rng.integers(74, 92, size=len(out))
    for visit in (1, 2):
        sbp[:, visit] = np.rint(limited(sbp[:, 0] + 9 * truncated(rng, n), 102, 196, rng))
        diastolic = limited(dbp[:, 0] + 5 * truncated(rng, n), 56, 110, rng)
        dbp[:, visit] = np.rint(np.clip(diastolic, sbp[:, visit] - 110, sbp[:, visit] - 22))
    rate = 72 + 8.5 * truncated(rng, n, 2.2)
    heart_rate = np.column_stack([np.rint(rate + 4.5 * truncated(rng, n, 2.2)) for _ in range(3)])
    temperature = np.column_stack([to_decimals(36.6 + 0.25 * truncated(rng, n), 1) for _ in range(3)])
    return VitalSigns(sbp=sbp, dbp=dbp, heart_rate=np.clip(heart_rate, 47, 108), temperature=temperature)
