"""Daily injections, syringe counts and weekly home glucose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from anakinra_t2d.simulation.enrolment import Flags, Index, Trial
from anakinra_t2d.simulation.glycaemia import Glycaemia
from anakinra_t2d.simulation.standardise import Values, to_decimals
from anakinra_t2d.simulation.write import frame, pick

CLOCK = [f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(24 * 60)]
MOST_MISSED = (2, 5)
"""Most injections missed up to week 4 and after: more would leave the 10 % that syringe counts may differ."""


@dataclass(frozen=True)
class Doses:
    """One row for each day from first to last dose: patient, days since the first dose, whether missed."""

    at: Index
    since: Index
    missed: Flags
    period: Index

    def taken(self, size: int, period: int) -> Index:
        """Injections taken in a period by each patient."""
        here = (self.period == period) & ~self.missed
        return np.bincount(self.at[here], minlength=size)

    def planned(self, size: int, period: int) -> Index:
        """Days of a period of each patient."""
        return np.bincount(self.at[self.period == period], minlength=size)


def draw_doses(trial: Trial) -> Doses:
    """Draw which injections were missed; period 0 lasts to the week 4 visit, 1 to the last dose."""
    rng = trial.rng("doses")
    days = np.where(trial.treated, trial.last - trial.first + 1, 0).astype(np.int64)
    at = np.repeat(np.arange(trial.size), days)
    since = np.arange(len(at)) - np.repeat(np.cumsum(days) - days, days)
    period = (since > np.repeat(trial.week4 - trial.first, days)).astype(np.int64)
    habit = np.repeat(rng.uniform(0.02, 0.07, size=trial.size), days)
    missed = rng.random(len(at)) < habit
    missed[(since == 0) | (since == np.repeat(days - 1, days)) | trial.unblinded[at]] = False
    group = at * 2 + period
    ends = np.cumsum(missed)
    starts = np.concatenate([[True], group[1:] != group[:-1]]) if len(at) else np.zeros(0, dtype=bool)
    before = np.maximum.accumulate(np.where(starts, ends - missed, 0)) if len(at) else ends
    missed &= (ends - before) <= np.array(MOST_MISSED)[period]
    return Doses(at, since, missed, period)


def exposure(trial: Trial, doses: Doses) -> pl.DataFrame:
    """The table exposure."""
    rng = trial.rng("exposure")
    n = len(doses.at)
    usual = rng.integers(390, 560, size=trial.size)
    minute = usual[doses.at] + rng.integers(-25, 26, size=n)
    reasons = ["", "forgotten", "travelling", "felt unwell"]
    return frame(
        "exposure",
        {
            "subject_id": pick(trial.id, doses.at),
            "dose_date": trial.first[doses.at] + doses.since,
            "dose_time": pick([*CLOCK, ""], np.where(doses.missed, len(CLOCK), minute)),
            "dose_mg": np.full(n, 100.0),
            "route": "SUBCUTANEOUS",
            "injection_site": pick(["abdomen", "thigh", ""], np.where(doses.missed, 2, rng.random(n) < 0.35)),
            "dose_taken": pick(["yes", "no"], doses.missed),
            "missed_reason": pick(reasons, np.where(doses.missed, rng.choice([1, 1, 1, 2, 3], size=n), 0)),
        },
    )


def drug_accountability(trial: Trial, doses: Doses) -> pl.DataFrame:
    """The table drug_accountability; adherence is injections taken by injections planned since the visit before."""
    rng = trial.rng("accountability")
    n = trial.size
    broken = rng.random((n, 2)) < 0.25
    given = np.column_stack([rng.integers(36, 41, size=n), rng.integers(68, 72, size=n)]).astype(np.float64)
    given[trial.unblinded, 1] = 28
    given[trial.infected, 1] = np.nan  # the drug is stopped at this visit
    broken[trial.unblinded] = False
    used = np.column_stack([doses.taken(n, period) for period in (0, 1)]) + broken
    planned = np.column_stack([doses.planned(n, period) for period in (0, 1)])
    adherence = to_decimals(100 * (used - broken) / np.maximum(planned, 1), 1)
    first = trial.treated
    rows: list[tuple[Flags, str, Values | Index | None, int | None]] = [
        (first, "baseline", given[:, 0], None),
        (first, "week4", given[:, 1], 0),
        (trial.completed, "week13", None, 1),
        (trial.unblinded, "early_termination", None, 1),
    ]
    parts = []
    for order, (who, visit, dispensed, period) in enumerate(rows):
        at = np.flatnonzero(who)
        none = np.full(len(at), np.nan)
        made = frame(
            "drug_accountability",
            {
                "subject_id": pick(trial.id, at),
                "visit": visit,
                "syringes_dispensed": none if dispensed is None else dispensed[at],
                "syringes_returned": none if period is None else (given - used)[at, period],
                "adherence_pct": none if period is None else adherence[at, period],
            },
        )
        parts.append(made.with_columns(at=pl.Series(at), order=pl.lit(order)))
    return pl.concat(parts).sort("at", "order").drop("at", "order")


def home_glucose(trial: Trial, glycaemia: Glycaemia) -> pl.DataFrame:
    """The table home_glucose: weeks 0 to 13 of the treated, as long as they take the drug."""
    rng = trial.rng("home glucose")
    at = np.repeat(np.flatnonzero(trial.treated), 14)
    week = np.tile(np.arange(14), int(trial.treated.sum()))
    jitter = np.where(week == 0, rng.integers(-2, 1, size=len(at)), rng.integers(-1, 2, size=len(at)))
    date = trial.first[at] + 7 * week + jitter
    end = np.where(trial.completed[at], trial.week13[at], trial.last[at])
    date = np.where((week == 13) & trial.completed[at], np.minimum(date, end), date)
    keep = trial.completed[at] | (date <= end)
    at, week, date = at[keep], week[keep], date[keep]
    usual = rng.integers(360, 500, size=trial.size)
    return frame(
        "home_glucose",
        {
            "subject_id": pick(trial.id, at),
            "week": week,
            "measured_date": date,
            "measured_time": pick(CLOCK, usual[at] + rng.integers(-30, 31, size=len(at))),
            "home_fpg_mmol_l": glycaemia.home[at, week],
            "fasting_confirmed": "yes",
            "meter_calibration": "plasma",
            "meter_flag": "none",
            "symptomatic_hypoglycaemia": pick(["", "no"], week > 0),
        },
    )
