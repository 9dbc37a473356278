"""Oral glucose test and intravenous stimulation: glucose, insulin, C-peptide and proinsulin curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from anakinra_t2d.simulation.enrolment import ANAKINRA, PLACEBO, Trial
from anakinra_t2d.simulation.glycaemia import Glycaemia
from anakinra_t2d.simulation.standardise import (
    SMALL_GROUP,
    Values,
    beyond,
    hold,
    limited,
    tame,
    to_decimals,
    truncated,
    tune,
    with_correlations,
)
from anakinra_t2d.simulation.targets import mean_sd

Whole = NDArray[np.int64]

ORAL = np.array([-10, 0, 30, 60, 90, 120])
INTRAVENOUS = np.array([0, 3, 6, 9, 12])
BEFORE, AFTER = 0, 1

GLUCOSE_RISE = np.array([0.48, 0.88, 1.05])
"""Share of the two-hour rise reached after 30, 60 and 90 min: the peak of a diabetic curve lies near 90 min."""
SECRETION = np.array([0.45, 0.80, 1.00, 0.97])
SECRETION_AREA = 30 * SECRETION[:3].sum() + 15 * SECRETION[3]
BOLUS = np.array([0.86, 1.00, 0.95, 0.82])
BOLUS_AREA = 3 * BOLUS[:3].sum() + 1.5 * BOLUS[3]
HOMA = 135.0
"""22.5 with insulin in pmol/l and 6 pmol per mU."""
LOWEST_RATIO, HIGHEST_RATIO = 0.025, 0.34
"""Molar ratio of fasting insulin to C-peptide."""
LEAST_INSULIN, MOST_INSULIN, MOST_INSULIN_CHANGE = 14.0, 230.0, 55.0


@dataclass(frozen=True)
class Curves:
    """Arrays of patient x visit (baseline, week 13) x sampling time."""

    oral_glucose: Values
    oral_cpeptide: Values
    oral_insulin: Values
    proinsulin: Values
    iv_glucose: Values
    iv_cpeptide: Values
    iv_insulin: Values

    @property
    def homa(self) -> Values:
        """Sensitivity index 22.5 / (insulin x glucose) from the two fasting samples, per visit."""
        return np.asarray(HOMA / (self.oral_insulin[:, :, :2].mean(axis=2) * self.oral_glucose[:, :, :2].mean(axis=2)))


def draw_curves(trial: Trial, glycaemia: Glycaemia) -> Curves:
    """Draw both tests at both visits; rows of patients without a week 13 test are to be left out."""
    rng = trial.rng("stimulation")
    oral_glucose = _oral_glucose(glycaemia, rng)
    oral_cpeptide, iv_cpeptide = _cpeptide(trial, glycaemia, rng)
    fasting_insulin = _fasting_insulin(trial, oral_glucose, oral_cpeptide, rng)
    oral_insulin, iv_insulin = _insulin(fasting_insulin, oral_cpeptide, iv_cpeptide, rng)
    iv_glucose = _iv_glucose(oral_glucose, rng)
    proinsulin = _proinsulin(trial, fasting_insulin, rng)
    for curve, step in ((oral_glucose, 0.1), (oral_cpeptide, 3.0), (oral_insulin, 1.0)):
        _differ(curve, step, first=2)
    for curve, step in ((iv_glucose, 0.1), (iv_cpeptide, 3.0), (iv_insulin, 1.0)):
        _differ(curve, step, first=1)
    return Curves(oral_glucose, oral_cpeptide, oral_insulin, proinsulin, iv_glucose, iv_cpeptide, iv_insulin)


def _noise(rng: Generator, size: int, times: int, sd: float) -> Values:
    return sd * np.stack([np.column_stack([truncated(rng, size, 2.2) for _ in range(times)]) for _ in range(2)], axis=1)


def _differ(curve: Values, step: float, first: int) -> None:
    """Values of one time are never equal at both visits, as copies would be."""
    same = curve[:, BEFORE, first:] == curve[:, AFTER, first:]
    curve[:, AFTER, first:] = np.where(same, np.round(curve[:, AFTER, first:] + step, 1), curve[:, AFTER, first:])


def _oral_glucose(glycaemia: Glycaemia, rng: Generator) -> Values:
    n = len(glycaemia.fasting)
    glucose = np.zeros((n, 2, 6))
    glucose[:, :, :2] = glycaemia.fasting[:, :, None] + _noise(rng, n, 2, 0.13)
    rise = glycaemia.at_120 - glycaemia.fasting
    shares = GLUCOSE_RISE + _noise(rng, n, 3, 0.055)
    glucose[:, :, 2:5] = glycaemia.fasting[:, :, None] + rise[:, :, None] * shares + _noise(rng, n, 3, 0.3)
    glucose[:, :, 5] = glycaemia.at_120
    return to_decimals(glucose.clip(3.9, 30.5), 1)


def _cpeptide(trial: Trial, glycaemia: Glycaemia, rng: Generator) -> tuple[Values, Values]:
    """C-peptide whose areas change as reported: up on anakinra, more where HbA1c falls."""
    n = trial.size
    fasting = np.empty((n, 2))
    fasting[:, BEFORE] = glycaemia.cpeptide[:, 1] * (1 + 0.03 * truncated(rng, n))
    fasting[:, AFTER] = glycaemia.cpeptide[:, 2] * (1 + 0.03 * truncated(rng, n))
    rise = np.empty((n, 2))
    rise[:, BEFORE] = (1.05 + 0.32 * truncated(rng, n)).clip(0.35, None)
    area = fasting[:, BEFORE] * (120 + rise[:, BEFORE] * SECRETION_AREA)
    change, bolus_change = np.zeros(n), np.zeros(n)
    hba1c_change, hba1c = glycaemia.hba1c[:, 3] - glycaemia.hba1c[:, 1], glycaemia.hba1c[:, 1]
    signs = ((-0.36, -0.22, -0.57, -0.30), (0.12, 0.10, 0.17, 0.05))
    for arm in (ANAKINRA, PLACEBO):
        group = trial.group(arm, trial.completed)
        if len(group) < 6:
            continue
        oral_r, oral_base, iv_r, iv_base = signs[arm]
        about = [hba1c_change[group], hba1c[group]]
        change[group] = with_correlations(about, [oral_r, oral_base], rng)
        bolus_change[group] = with_correlations([*about, change[group]], [iv_r, iv_base, 0.6], rng)
    up = np.where(trial.arm == ANAKINRA, 0.3, -0.2)
    after = area + 30000 * (change + up)
    rise[:, AFTER] = ((after / fasting[:, AFTER] - 120) / SECRETION_AREA).clip(0.2, 3.0)
    rise = np.minimum(rise, 5700 / fasting - 1.05)
    oral = np.empty((n, 2, 6))
    oral[:, :, :2] = fasting[:, :, None] * (1 + _noise(rng, n, 2, 0.02))
    stimulated = 1 + rise[:, :, None] * SECRETION
    oral[:, :, 2:] = fasting[:, :, None] * stimulated * (1 + _noise(rng, n, 4, 0.012))
    for time in range(6):
        oral[:, AFTER, time] = oral[:, BEFORE, time] + tame(oral[:, AFTER, time] - oral[:, BEFORE, time])
    oral = np.rint(oral.clip(330, 5900))

    end = oral[:, :, 5]
    boost = np.empty((n, 2))
    boost[:, BEFORE] = (0.55 + 0.13 * truncated(rng, n)).clip(0.2, 1.0)
    iv_area = end[:, BEFORE] * (12 + boost[:, BEFORE] * BOLUS_AREA)
    iv_after = iv_area + 3600 * (bolus_change + up)
    boost[:, AFTER] = ((iv_after / end[:, AFTER] - 12) / BOLUS_AREA).clip(0.08, 1.5)
    boost = np.minimum(boost, 7700 / end - 1.03)
    iv = np.empty((n, 2, 5))
    iv[:, :, 0] = end * (1 + _noise(rng, n, 1, 0.012)[:, :, 0])
    iv[:, :, 1:] = end[:, :, None] * (1 + boost[:, :, None] * BOLUS) * (1 + _noise(rng, n, 4, 0.012))
    return oral, np.rint(iv.clip(330, 7900))


def _fasting_insulin(trial: Trial, glucose: Values, cpeptide: Values, rng: Generator) -> Values:
    """Two fasting insulin samples per visit; mean and SD of the change of the sensitivity index hold."""
    n = trial.size
    level = glucose[:, :, :2].mean(axis=2)
    secreted = cpeptide[:, :, :2].mean(axis=2)
    most = np.minimum(HIGHEST_RATIO * secreted, MOST_INSULIN)
    least = np.maximum(LOWEST_RATIO * secreted, LEAST_INSULIN)
    index = np.empty((n, 2))
    index[:, BEFORE] = np.exp(np.log(0.30) + 0.50 * truncated(rng, n))
    first = limited(HOMA / (index[:, BEFORE] * level[:, BEFORE]), least[:, BEFORE], most[:, BEFORE], rng, 0.2)
    index[:, BEFORE] = HOMA / (first * level[:, BEFORE])
    most[:, AFTER] = np.maximum(np.minimum(most[:, AFTER], first + MOST_INSULIN_CHANGE), least[:, AFTER] + 5)
    least[:, AFTER] = np.minimum(np.maximum(least[:, AFTER], first - MOST_INSULIN_CHANGE), most[:, AFTER] - 5)
    lowest, highest = HOMA / (most[:, AFTER] * level[:, AFTER]), HOMA / (least[:, AFTER] * level[:, AFTER])
    index[:, AFTER] = index[:, BEFORE].clip(lowest, highest)
    for arm in (ANAKINRA, PLACEBO):
        group = trial.group(arm, trial.completed)
        shape = -0.5 * (index[group, BEFORE] - 0.32) / 0.15 + truncated(rng, len(group))
        low, high = lowest[group] - index[group, BEFORE], highest[group] - index[group, BEFORE]
        change = hold(shape, *mean_sd("homa_change", arm), 5, low, high)
        index[group, AFTER] = index[group, BEFORE] + change
    insulin = HOMA / (index * level)
    apart = 0.06 * truncated(rng, n)[:, None]
    pair = np.stack([np.rint(insulin * (1 + apart)), np.rint(insulin * (1 - apart))], axis=2)
    for arm in (ANAKINRA, PLACEBO):
        group = trial.group(arm, trial.completed)
        if 2 <= len(group) <= SMALL_GROUP:
            before = HOMA / (pair[group, BEFORE].mean(axis=1) * level[group, BEFORE])
            sums = pair[group, AFTER].sum(axis=1)
            bounds = (2 * least[group, AFTER], 2 * most[group, AFTER])
            sums = _whole_sums(arm, sums, bounds, before, level[group, AFTER], rng)
            uneven = np.rint(sums / 2 * (1 + apart[group, 0]))
            pair[group, AFTER, 0], pair[group, AFTER, 1] = uneven, sums - uneven
    return pair


def _whole_sums(
    arm: int, sums: Values, bounds: tuple[Values, Values], before: Values, level: Values, rng: Generator
) -> Values:
    """Whole sums of the two insulin samples of week 13 whose index changes as reported."""
    mean, sd = mean_sd("homa_change", arm)

    def misses(units: Whole) -> float:
        change = HOMA / (units / 2 * level) - before
        return beyond(change.mean(), mean, 0.0003) + beyond(change.std(ddof=1), sd, 0.0003)

    low, high = np.ceil(bounds[0]).astype(np.int64), np.floor(bounds[1]).astype(np.int64)
    return tune(sums.astype(np.int64).clip(low, high), low, high, misses, rng).astype(np.float64)


def _insulin(fasting: Values, oral_cpeptide: Values, iv_cpeptide: Values, rng: Generator) -> tuple[Values, Values]:
    """Insulin follows C-peptide with a ratio that rises during stimulation."""
    n = len(fasting)
    ratio = (fasting.mean(axis=2) / oral_cpeptide[:, :, :2].mean(axis=2))[:, :, None]
    oral = np.empty((n, 2, 6))
    oral[:, :, :2] = fasting
    oral_ratio = ratio * (1 + 0.32 * SECRETION) * (1 + _noise(rng, n, 4, 0.04))
    oral[:, :, 2:] = oral_cpeptide[:, :, 2:] * oral_ratio.clip(0.0255, 0.5)
    iv_ratio = ratio * np.concatenate([[1.30], 1.30 + 0.35 * BOLUS]) * (1 + _noise(rng, n, 5, 0.03))
    iv = iv_cpeptide * iv_ratio.clip(0.0255, 0.54)
    for curve, cpeptide, start in ((oral, oral_cpeptide, 2), (iv, iv_cpeptide, 0)):
        for time in range(start, curve.shape[2]):
            change = tame(curve[:, AFTER, time] - curve[:, BEFORE, time])
            curve[:, AFTER, time] = curve[:, BEFORE, time] + change
        later = cpeptide[:, AFTER, start:]
        curve[:, AFTER, start:] = curve[:, AFTER, start:].clip(0.025 * later, 0.55 * later)
    return np.rint(oral).clip(9, 1450), np.rint(iv).clip(12, 2900)


def _iv_glucose(oral: Values, rng: Generator) -> Values:
    n = len(oral)
    start = oral[:, :, 5:] + _noise(rng, n, 1, 0.18)
    bolus = 8.2 + _noise(rng, n, 1, 0.9)
    curve = start + bolus * np.array([1.0, 0.86, 0.76, 0.68]) + _noise(rng, n, 4, 0.2)
    return to_decimals(np.concatenate([start, curve], axis=2).clip(6.2, 39.5), 1)


def _proinsulin(trial: Trial, insulin: Values, rng: Generator) -> Values:
    """Fasting proinsulin; its ratio to insulin falls on anakinra."""
    n = trial.size
    ratio = np.empty((n, 2))
    ratio[:, BEFORE] = (0.36 + 0.10 * truncated(rng, n)).clip(0.12, None)
    ratio[:, AFTER] = ratio[:, BEFORE]
    for arm, mean in ((ANAKINRA, -0.055), (PLACEBO, 0.025)):
        group = trial.group(arm, trial.completed)
        before = ratio[group, BEFORE]
        ratio[group, AFTER] = before + hold(truncated(rng, len(group)), mean, 0.112, 4, 0.10 - before, 0.9 - before)
    fasting = insulin * ratio[:, :, None] * (1 + _noise(rng, n, 2, 0.03))
    for time in (0, 1):
        fasting[:, AFTER, time] = fasting[:, BEFORE, time] + tame(fasting[:, AFTER, time] - fasting[:, BEFORE, time])
    fasting = to_decimals(fasting.clip(2.0, 145), 1)
    fasting[:, :, 1] = to_decimals(
        np.where(fasting[:, :, 0] == fasting[:, :, 1], fasting[:, :, 1] + 0.1, fasting[:, :, 1]), 1
    )
    return fasting
