"""Draws whose group statistics hold to the printed precision after rounding to the written decimals."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Values = NDArray[np.float64]
Whole = NDArray[np.int64]
Bound = float | Values

SMALL_GROUP = 200
"""Groups up to this size get a step-by-step search: in larger ones the rounding error of a mean is negligible."""


def truncated(rng: Generator, size: int, limit: float = 2.4) -> Values:
    """Standard normal values inside +/- limit."""
    values = rng.standard_normal(size)
    outside = np.abs(values) > limit
    while outside.any():
        values[outside] = rng.standard_normal(int(outside.sum()))
        outside = np.abs(values) > limit
    return values


def z_scores(values: Values) -> Values:
    """Values with mean 0 and SD 1; zeros when they do not differ."""
    if len(values) < 2 or values.std(ddof=1) == 0:
        return np.zeros(len(values))
    scores: Values = (values - values.mean()) / float(values.std(ddof=1))
    return scores


def to_decimals(values: Values, decimals: int) -> Values:
    """Values rounded as they are written."""
    return np.asarray(values, dtype=np.float64).round(decimals) + 0.0


def limited(values: Values, low: Bound, high: Bound, rng: Generator, soft: float = 0.12) -> Values:
    """Values moved inside the limits, spread over the outer part so that no limit collects copies."""
    low_, high_ = np.broadcast_to(low, values.shape), np.broadcast_to(high, values.shape)
    room = (high_ - low_) * soft * rng.random(values.shape)
    return np.where(values < low_, low_ + room, np.where(values > high_, high_ - room, values))


def hold(shape: Values, mean: float, sd: float, decimals: int, low: Bound, high: Bound) -> Values:
    """Values of the given shape with this mean and SD after clipping and rounding.

    The affine map is corrected until the rounded values agree; what is left of the sum is spread one
    unit at a time over the values nearest the mean, where the SD feels it least.
    """
    if len(shape) == 0:
        return np.zeros(0)
    unit = 10.0**-decimals
    low_units = np.ceil(np.broadcast_to(low, shape.shape) / unit - 1e-6)
    high_units = np.floor(np.broadcast_to(high, shape.shape) / unit + 1e-6)
    z = z_scores(shape)
    centre, spread = mean, sd
    units = np.zeros(len(shape))
    for _ in range(300):
        units = np.clip(np.rint((centre + spread * z) / unit), low_units, high_units)
        off = mean - float(units.mean()) * unit
        found = float(units.std(ddof=1)) * unit if len(shape) > 1 else sd
        if abs(off) < unit * 0.02 and abs(found / sd - 1) < 1e-4:
            break
        centre += off
        spread *= min(1.2, max(0.8, sd / found)) if found else 1.0
    rest = int(np.rint(mean / unit * len(units) - units.sum()))
    if 0 < abs(rest) <= len(units):
        free = np.flatnonzero((units < high_units) if rest > 0 else (units > low_units))
        nearest = free[np.argsort(np.abs(units[free] * unit - mean), kind="stable")]
        units[nearest[: abs(rest)]] += np.sign(rest)
    if 3 <= len(units) <= SMALL_GROUP:
        _settle_spread(units, (sd / unit) ** 2, low_units, high_units)
    return to_decimals(units * unit, decimals)


def _settle_spread(units: Values, variance: float, low: Values, high: Values) -> None:
    """Move pairs of values one unit apart or together, in place, until the variance is as near as units allow."""
    for _ in range(60):
        wanted = variance * (len(units) - 1) - float(((units - units.mean()) ** 2).sum())
        gain = 2 * (units[:, None] - units[None, :] + 1)
        able = (units < high)[:, None] & (units > low)[None, :]
        np.fill_diagonal(able, False)
        if not able.any():
            return
        left = np.where(able, np.abs(wanted - gain), np.inf)
        up, down = np.unravel_index(int(np.argmin(left)), left.shape)
        if left[up, down] >= abs(wanted):
            return
        units[up] += 1
        units[down] -= 1


def with_correlations(others: Sequence[Values], r: Sequence[float], rng: Generator) -> Values:
    """Z scores with these sample correlations to other variables."""
    size = len(others[0])
    noise = truncated(rng, size)
    if size <= len(others) + 2:
        return noise
    basis = np.column_stack([z_scores(other) for other in others])
    weights = np.linalg.lstsq(np.corrcoef(basis, rowvar=False).reshape(len(others), len(others)), np.asarray(r))[0]
    explained = basis @ weights
    noise = noise - basis @ np.linalg.lstsq(basis, noise)[0]
    left = max(0.0, 1.0 - float(np.dot(weights, r)))
    return np.asarray(explained + np.sqrt(left) * z_scores(noise))


def tame(change: Values, limit: float = 3.3, rng: Generator | None = None) -> Values:
    """Changes with the ones beyond `limit` robust SDs (1.4826 MAD) drawn back inside."""
    tamed = change.copy()
    for _ in range(4):
        here = np.isfinite(tamed)
        if here.sum() < 4:
            return tamed
        centre = float(np.median(tamed[here]))
        robust = 1.4826 * float(np.median(np.abs(tamed[here] - centre)))
        far = here & (np.abs(tamed) > limit * robust)
        if robust == 0 or not far.any():
            return tamed
        share = np.full(len(tamed), 0.85) if rng is None else 0.7 + 0.3 * rng.random(len(tamed))
        tamed[far] = np.sign(tamed[far]) * limit * robust * share[far]
    return tamed


def tune(
    units: Whole,
    low: Whole | int,
    high: Whole | int,
    misses: Callable[[Whole], float],
    rng: Generator,
    rounds: int = 6000,
    reach: int = 3,
) -> Whole:
    """Move whole-number values by single steps until `misses` is 0 or the rounds are used up.

    Args:
        misses: sum of what the statistics of the values miss, 0 when all are inside their tolerance.
        reach: largest step.
    """
    best, state = misses(units), units.copy()
    low_, high_ = np.broadcast_to(low, units.shape), np.broadcast_to(high, units.shape)
    heat = 0.02 * best
    current = best
    kept = state.copy()
    for round_no in range(rounds):
        if best <= 0:
            break
        at = rng.integers(len(units), size=1 + int(rng.random() < 0.5))
        trial = state.copy()
        trial[at] += rng.integers(1, reach + 1, size=len(at)) * rng.choice((-1, 1), size=len(at))
        if (trial[at] < low_[at]).any() or (trial[at] > high_[at]).any():
            continue
        value = misses(trial)
        if value < current or rng.random() < np.exp(-(value - current) / max(heat, 1e-9)):
            state, current = trial, value
            if value < best:
                best, kept = value, trial
        heat *= 1 - 4 / rounds
        if round_no % 500 == 499:
            state, current = kept.copy(), best
    return kept


def beyond(value: float, target: float, tolerance: float) -> float:
    """By how many tolerances a value misses its target; 0 inside."""
    return max(0.0, abs(value - target) / tolerance - 1.0)
