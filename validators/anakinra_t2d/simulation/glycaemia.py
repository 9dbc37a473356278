"""HbA1c, fasting glucose of the laboratory and of the glucose test, home glucose, fasting C-peptide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from anakinra_t2d.simulation.body import Body
from anakinra_t2d.simulation.enrolment import ANAKINRA, PLACEBO, Flags, Index, Trial
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
    z_scores,
)
from anakinra_t2d.simulation.targets import mean_sd, value

Whole = NDArray[np.int64]

LOWEST_CHANGE, HIGHEST_CHANGE = -2.4, 2.2
CHANGE_SD = (0.98, 0.8395)
"""SD of the HbA1c change per arm: pooled 0.914, which gives the printed confidence interval of the difference."""
CHANGE4_MEAN = (-0.300, 0.058)
FASTING_CHANGE = ((-0.5, 2.2), (0.1, 2.3))
AFTER_120_CHANGE = ((-1.0, 2.6), (0.3, 2.73))


@dataclass(frozen=True)
class Glycaemia:
    """HbA1c in percent, glucose in mmol/l, C-peptide in pmol/l; one row for each randomised patient.

    Columns of `hba1c` and `fpg` are screening, baseline, week 4, week 13; of `fasting` (true level in the glucose
    test) and `at_120` baseline and week 13; of `cpeptide` screening, baseline, week 13; of `home` weeks 0 to 13.
    """

    hba1c: Values
    fpg: Values
    fasting: Values
    at_120: Values
    cpeptide: Values
    home: Values

    @property
    def hba1c_change(self) -> Values:
        """Change of HbA1c from baseline to week 13; 0 without a week 13 value."""
        return np.asarray(self.hba1c[:, 3] - self.hba1c[:, 1])


def draw_glycaemia(trial: Trial, body: Body) -> Glycaemia:
    """Draw the glycaemic course."""
    rng = trial.rng("glycaemia")
    hba1c = _hba1c(trial, body, rng)
    fpg, fasting = _fasting(trial, hba1c, rng)
    at_120 = _after_two_hours(trial, fasting, rng)
    home = _home(trial, hba1c, fasting, rng)
    return Glycaemia(hba1c, fpg, fasting, at_120, _cpeptide(trial, rng), home)


def _groups(trial: Trial) -> list[tuple[int, Index, Index]]:
    """Arm, its treated, its completers."""
    return [(arm, trial.group(arm, trial.treated), trial.group(arm, trial.completed)) for arm in (ANAKINRA, PLACEBO)]


def _hba1c(trial: Trial, body: Body, rng: Generator) -> Values:
    n = trial.size
    base, change, change4 = (np.zeros(n) for _ in range(3))
    base[:] = to_decimals(8.1 + 0.4 * truncated(rng, n), 1)
    for arm, treated, completed in _groups(trial):
        mean, (_, sd) = value("hba1c_two_decimals", ("anakinra", "placebo")[arm], "mean"), mean_sd("hba1c", arm)
        skewed = rng.gamma((2.2, 1.3)[arm], size=len(treated)).clip(0, (7.0, 4.6)[arm])
        base[treated] = hold(skewed, mean, sd, 1, 7.2, 11.7)
        change[completed] = _change(arm, base[completed], body.bsa[completed], rng)
        shape = with_correlations([change[completed]], [0.55], rng) if len(completed) else np.zeros(0)
        low = np.maximum(-1.5, change[completed] - 2.4)
        high = np.minimum(1.5, change[completed] + 2.4)
        change4[completed] = hold(shape, CHANGE4_MEAN[arm], value("hba1c_change4", "both", "sd"), 1, low, high)
        rest = trial.group(arm, trial.treated & ~trial.completed)
        change4[rest] = 0.1
    screening = limited(base + 0.15 * truncated(rng, n), 7.6, 11.9, rng, 0.15)
    columns = [screening, base, base + change4, base + change]
    return np.column_stack([to_decimals(np.clip(column, 5.6, 12.9), 1) for column in columns])


def _change(arm: int, base: Values, surface: Values, rng: Generator) -> Values:
    """Change after 13 weeks: mean, SD, number of patients with a reduction, relation to body surface."""
    n = len(base)
    name = ("anakinra", "placebo")[arm]
    mean, sd = value("hba1c_change", name, "mean"), CHANGE_SD[arm]
    low = np.maximum(LOWEST_CHANGE, 5.9 - base)
    high = np.minimum(HIGHEST_CHANGE, 12.8 - base)
    if arm == ANAKINRA:
        small, large = surface < 2.00, surface > 2.24
        shape = np.where(small, -0.84, np.where(large, 0.11, -0.30)) + 0.9 * truncated(rng, n, 2.2)
    else:
        small = large = np.zeros(n, dtype=bool)
        fallen = rng.random(n) < 10 / 33
        shape = np.where(fallen, -0.1 - rng.gamma(3.0, 0.27, size=n), 0.05 + rng.gamma(1.6, 0.32, size=n))
    change = hold(shape, mean, sd, 1, low, high)
    if n < 10 or n > SMALL_GROUP:
        return change
    reduced = round(n * (21 / 34, 10 / 33)[arm])
    thirds = [
        (small, value("hba1c_change, small body surface", "anakinra", "mean")),
        (~small & ~large, value("hba1c_change, middle body surface", "anakinra", "mean")),
        (large, value("hba1c_change, large body surface", "anakinra", "mean")),
    ]
    held = arm == ANAKINRA and all(group.sum() >= 5 for group, _ in thirds)
    r2 = value("hba1c_change and body surface", name, "r2")
    sd13 = value("hba1c_week13", "anakinra", "sd")

    def misses(units: Whole) -> float:
        d = units / 10
        total = beyond(d.mean(), mean, 0.003) + beyond(d.std(ddof=1), sd, 0.0015)
        total += 3 * abs(int((units < 0).sum()) - reduced)
        total += beyond(np.corrcoef(d, surface)[0, 1] ** 2, r2, 0.003 if arm == ANAKINRA else 0.0004)
        if held:
            total += sum(beyond(d[group].mean(), target, 0.0045) for group, target in thirds)
        if arm == ANAKINRA:
            total += beyond((base + d).std(ddof=1), sd13, 0.03)
        return float(total)

    start = np.rint(change * 10).astype(np.int64)
    lowest, highest = np.ceil(low * 10 - 1e-9).astype(np.int64), np.floor(high * 10 + 1e-9).astype(np.int64)
    return np.asarray(tune(start, lowest, highest, misses, rng, rounds=30000, reach=4) / 10)


def _agrees(hba1c: Values) -> tuple[Flags, Values]:
    """Patients with a large HbA1c change, whose fasting glucose must move the same way, and its sign."""
    change = hba1c[:, 3] - hba1c[:, 1]
    return np.abs(change) > 1.45, np.sign(change)


def _fasting(trial: Trial, hba1c: Values, rng: Generator) -> tuple[Values, Values]:
    n = trial.size
    fpg = np.zeros((n, 4))
    fasting = np.zeros((n, 2))
    start = to_decimals(9.5 + 1.5 * truncated(rng, n), 1)
    change = np.zeros(n)
    large, sign = _agrees(hba1c)
    for arm, treated, _ in _groups(trial):
        shape = 0.55 * z_scores(hba1c[treated, 1]) + 0.8 * z_scores(rng.gamma(4.0, size=len(treated)).clip(0, 10))
        start[treated] = hold(shape, *mean_sd("fpg", arm), 1, 5.4, 18.5)
    level = start + 0.3 * truncated(rng, n)
    for arm, _, completed in _groups(trial):
        if not len(completed):
            continue
        mean, sd = FASTING_CHANGE[arm]
        shape = with_correlations([hba1c[completed, 3] - hba1c[completed, 1]], [0.6], rng)
        low = np.maximum(-6.0, 4.9 - level[completed])
        high = np.minimum(6.0, 18.6 - level[completed])
        strict, up = large[completed], sign[completed] > 0
        low = np.where(strict & up, 2.0, low)
        high = np.where(strict & ~up, np.maximum(-2.0, low), np.maximum(high, low))
        change[completed] = hold(shape, mean, sd, 2, low, high)
    fasting[:, 0], fasting[:, 1] = level, level + change
    fpg[:, 0] = limited(start + 0.7 * truncated(rng, n), 4.8, 20, rng)
    fpg[:, 1] = start
    fpg[:, 2] = limited(start + 0.45 * change + 1.0 * truncated(rng, n), 4.6, 20, rng)
    fpg[:, 3] = fasting[:, 1] + 0.3 * truncated(rng, n)
    wrong = large & (sign * (fpg[:, 3] - fpg[:, 1]) < 0.15)
    fpg[wrong, 3] = fpg[wrong, 1] + 0.2 * sign[wrong]
    return to_decimals(fpg, 1), fasting


def _after_two_hours(trial: Trial, fasting: Values, rng: Generator) -> Values:
    """Glucose 120 min after the oral load, at baseline and week 13."""
    n = trial.size
    before = to_decimals(limited(fasting[:, 0] + 7.3 + 1.9 * truncated(rng, n), fasting[:, 0] + 2.8, 25.5, rng), 1)
    change = np.zeros(n)
    for arm, _, completed in _groups(trial):
        if not len(completed):
            continue
        mean, sd = AFTER_120_CHANGE[arm]
        shape = with_correlations([fasting[completed, 1] - fasting[completed, 0]], [0.6], rng)
        low = np.maximum(-6.2, fasting[completed, 1] + 2.2 - before[completed])
        high = np.minimum(6.2, 26.5 - before[completed])
        change[completed] = hold(shape, mean, sd, 1, low, np.maximum(high, low + 0.1))
    return to_decimals(np.column_stack([before, before + change]), 1)


def _cpeptide(trial: Trial, rng: Generator) -> Values:
    """Fasting C-peptide; a truncated exponential shape on placebo, as its mean and SD ask for."""
    n = trial.size
    base = 700 + 300 * rng.random(n)
    for arm, treated, _ in _groups(trial):
        shape = rng.gamma((3.0, 1.05)[arm], size=len(treated)).clip(0, (9.0, 4.2)[arm])
        base[treated] = hold(shape, *mean_sd("cpeptide", arm), 0, 405, 2850)
    change = tame(base * 0.10 * truncated(rng, n, 2.0) + 25 * truncated(rng, n, 2.0), 2.8)
    after = np.rint(limited(base + change, 385, 2950, rng, 0.02))
    screening = np.rint(limited(base * (1 + 0.07 * truncated(rng, n)), 404, 2950, rng, 0.02))
    return np.column_stack([screening, np.rint(base), after])


def _home(trial: Trial, hba1c: Values, fasting: Values, rng: Generator) -> Values:
    """Weekly fasting glucose at home; on anakinra the fall comes early, as in the weekly course reported."""
    n = trial.size
    week = np.arange(14)
    progress = np.where(trial.arm[:, None] == ANAKINRA, 1 - np.exp(-week / 3.0), week / 13.0)
    path = fasting[:, :1] + (fasting[:, 1:] - fasting[:, :1]) * progress - 0.25 * (trial.arm[:, None] == ANAKINRA)
    noise = np.column_stack([truncated(rng, n) for _ in week])
    home = limited(path + 0.75 * noise, 3.9, 19.4, rng, 0.06)
    large, sign = _agrees(hba1c)
    wrong = large & (sign * (home[:, 13] - home[:, 0]) < 0.5)
    step = sign[wrong] * (0.6 + rng.random(int(wrong.sum())))
    home[wrong, 0] = home[wrong, 0].clip(4.1 - np.minimum(step, 0), 19.2 - np.maximum(step, 0))
    home[wrong, 13] = home[wrong, 0] + step
    return _without_habits(to_decimals(home, 1), rng)


def _without_habits(home: Values, rng: Generator) -> Values:
    """No value four weeks running and no more than two in five values ending in .0 or .5 by chance."""
    home = home.copy()
    for week in range(2, 14):
        same = (home[:, week] == home[:, week - 1]) & (home[:, week - 1] == home[:, week - 2])
        home[same, week] += 0.2
    for upto in (5, 6, 14):
        units = np.rint(home * 10).astype(np.int64)
        round_ended = units % 5 == 0
        seen = np.cumsum(round_ended, axis=1)
        allowed = np.floor(0.4 * upto - 0.01)
        excess = round_ended & (seen > allowed)
        excess[:, upto:] = False
        home[excess] += rng.choice((0.1, 0.2), size=int(excess.sum()))
    return to_decimals(home, 1)
