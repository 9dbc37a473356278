"""Adverse events, disposition, unblinding and protocol deviations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from anakinra_t2d.simulation.calendar import NONE, Days, study_day
from anakinra_t2d.simulation.enrolment import ANAKINRA, PLACEBO, Codes, Flags, Index, Trial, share
from anakinra_t2d.simulation.write import frame, pick

ANTIBIOTIC_FOR = ("urinary_tract_infection", "upper_respiratory_tract_infection", "phlegmonous_foot_infection")


@dataclass(frozen=True)
class Kind:
    """A row of Table 2: arm, patients of that arm, days of start and end as inclusive ranges."""

    category: str
    arm: int
    cases: int
    start: tuple[int, int]
    end: tuple[int, int]
    term: str
    preferred: str
    severity: str = "mild"
    related: str = "not_related"
    outcome: str = "resolved"


KINDS = [
    Kind("injection_site_reaction", ANAKINRA, 17, (6, 14), (19, 38), "redness and itching at injection site",
         "Injection site reaction", related="related"),
    Kind("injection_site_haematoma", ANAKINRA, 1, (15, 60), (61, 66), "small bruise at injection site",
         "Injection site haematoma", related="related"),
    Kind("nausea", ANAKINRA, 1, (3, 20), (21, 27), "nausea", "Nausea", related="possibly_related"),
    Kind("facial_nerve_palsy", ANAKINRA, 1, (40, 40), (64, 80), "peripheral facial palsy", "Facial paralysis",
         "moderate", "unknown"),
    Kind("urinary_tract_infection", ANAKINRA, 1, (26, 26), (28, 28), "cystitis", "Urinary tract infection",
         related="possibly_related"),
    Kind("upper_respiratory_tract_infection", ANAKINRA, 1, (41, 41), (45, 45), "common cold with sinusitis",
         "Upper respiratory tract infection", related="possibly_related"),
    Kind("ast_elevation", ANAKINRA, 1, (87, 87), (100, 110), "raised AST", "Aspartate aminotransferase increased",
         related="possibly_related"),
    Kind("dry_cough", PLACEBO, 1, (10, 50), (58, 75), "dry cough", "Cough"),
    Kind("peroneal_nerve_palsy", PLACEBO, 1, (30, 55), (75, 95), "weakness of foot lifting", "Peroneal nerve palsy",
         "moderate"),
    Kind("calf_pain", PLACEBO, 1, (20, 60), (62, 70), "pain in the calf", "Pain in extremity"),
]  # fmt: skip


@dataclass(frozen=True)
class Events:
    """One row for each adverse event: patient, kind (position in KINDS, -1 for the foot infection), days."""

    at: Index
    kind: Index
    start: Index
    end: Index

    def having(self, category: str, size: int) -> Flags:
        """Patients with an event of a category."""
        number = [kind.category for kind in KINDS].index(category)
        flags = np.zeros(size, dtype=bool)
        flags[self.at[self.kind == number]] = True
        return flags


def draw_events(trial: Trial) -> Events:
    """Draw who has which event when; rates are those of Table 2."""
    rng = trial.rng("events")
    at, kinds, starts, ends = [], [], [], []
    for number, kind in enumerate(KINDS):
        group = trial.group(kind.arm, trial.completed)
        of = (34, 35)[kind.arm]
        cases = min(len(group), share(len(trial.group(kind.arm, trial.treated)), kind.cases, of))
        chosen = np.sort(rng.choice(group, cases, replace=False))
        at.append(chosen)
        kinds.append(np.full(cases, number))
        starts.append(rng.integers(kind.start[0], kind.start[1] + 1, size=cases))
        ends.append(rng.integers(kind.end[0], kind.end[1] + 1, size=cases))
    infected = np.flatnonzero(trial.infected)
    begin = (trial.week4 - trial.first)[infected].astype(np.int64)
    at.append(infected)
    kinds.append(np.full(len(infected), -1))
    starts.append(begin)
    ends.append(begin + rng.integers(18, 28, size=len(infected)))
    columns = [np.concatenate(values).astype(np.int64) for values in (at, kinds, starts, ends)]
    order = np.lexsort((columns[2], columns[0]))
    return Events(*(column[order] for column in columns))


def courses(trial: Trial, events: Events) -> pl.DataFrame:
    """Antibiotic courses of the infections: patient, first and last day."""
    numbers = [number for number, kind in enumerate(KINDS) if kind.category in ANTIBIOTIC_FOR]
    cured = np.isin(events.kind, [*numbers, -1])
    at = events.at[cured]
    first = trial.first[at].astype(np.int64)
    return pl.DataFrame({"at": at, "start": first + events.start[cured] - 1, "end": first + events.end[cured] - 1})


def adverse_events(trial: Trial, events: Events) -> pl.DataFrame:
    """The table adverse_events."""
    foot = Kind("phlegmonous_foot_infection", PLACEBO, 1, (0, 0), (0, 0), "phlegmonous infection of the foot",
                "Cellulitis", "severe")  # fmt: skip
    kinds = [*KINDS, foot]
    code = np.where(events.kind < 0, len(KINDS), events.kind)
    withdrawn = events.kind < 0
    first = trial.first[events.at].astype(np.int64)
    sequence = pl.DataFrame({"at": events.at}).select(pl.int_range(pl.len()).over("at").alias("seq"))["seq"] + 1
    reaction = events.having("injection_site_reaction", trial.size)

    def column(name: str) -> pl.Series:
        return pick([getattr(kind, name) for kind in kinds], code)

    return frame(
        "adverse_events",
        {
            "subject_id": pick(trial.id, events.at),
            "ae_seq": sequence,
            "ae_term": column("term"),
            "ae_category": column("category"),
            "meddra_pt": column("preferred"),
            "ae_start_date": first + events.start - 1,
            "ae_end_date": first + events.end - 1,
            "ae_start_day": events.start,
            "ae_end_day": events.end,
            "ae_severity": column("severity"),
            "ae_serious": pick(["no", "yes"], withdrawn),
            "ae_related": column("related"),
            "ae_action": pick(["none", "stopped"], withdrawn),
            "ae_outcome": column("outcome"),
            "isr_present": pick(["no", "yes"], reaction[events.at]),
        },
    )


def disposition(trial: Trial) -> pl.DataFrame:
    """The table disposition: milestones in order of time."""
    n = len(trial.subject)
    failed = np.flatnonzero(~trial.passed)
    first = np.full(n, NONE, dtype=np.int32)
    first[trial.at] = trial.first
    withdrawn = trial.infected | trial.unblinded
    out = ~trial.treated
    reason = np.where(trial.infected, "adverse_event_infection", "self_unblinding")
    steps: list[tuple[str, Index, Days, Codes | str]] = [
        ("screened", np.arange(n), trial.screening_date, ""),
        ("screen_failed", failed, trial.screening_date[failed] + 7, ""),
        ("randomised", trial.at, trial.randomised_on, ""),
        ("excluded_before_dose", trial.at[out], trial.randomised_on[out] + 2, "late_positive_mantoux"),
        ("first_dose", trial.at[trial.treated], trial.first[trial.treated], ""),
        ("withdrawn", trial.at[withdrawn], trial.ended[withdrawn], reason[withdrawn]),
        ("completed", trial.at[trial.completed], trial.week13[trial.completed], ""),
    ]
    weeks = np.full(n, np.nan)
    weeks[trial.at[trial.treated]] = (trial.last - trial.first + 1)[trial.treated] / 7
    parts = []
    for order, (event, at, date, why) in enumerate(steps):
        ending = event in ("withdrawn", "completed")
        parts.append(
            frame(
                "disposition",
                {
                    "subject_id": pick(trial.subject, at),
                    "ds_seq": np.ones(len(at)),
                    "ds_event": event,
                    "ds_date": date,
                    "ds_study_day": study_day(date, first[at]),
                    "ds_reason": why,
                    "weeks_on_drug": weeks[at] if ending else np.full(len(at), np.nan),
                },
            ).with_columns(at=pl.Series(at).cast(pl.Int64), order=pl.lit(order))
        )
    table = pl.concat(parts).sort("at", "order")
    return table.with_columns(ds_seq=pl.int_range(pl.len(), dtype=pl.Int64).over("at") + 1).drop("at", "order")


def unblinding(trial: Trial) -> pl.DataFrame:
    """The restricted table unblinding."""
    at = np.flatnonzero(trial.unblinded)
    date = trial.last[at]
    return frame(
        "unblinding",
        {
            "subject_id": pick(trial.id, at),
            "unblind_date": date,
            "unblind_study_day": study_day(date, trial.first[at]),
            "unblind_method": "own_drug_analysis",
            "unblind_who": "patient",
            "unblind_led_to_withdrawal": "yes",
        },
    )


def protocol_deviations(trial: Trial, missing: Index) -> pl.DataFrame:
    """The table protocol_deviations: the broken code and the urine collections not done."""
    unblinded = np.flatnonzero(trial.unblinded)
    at = np.concatenate([unblinded, missing])
    major = np.arange(len(at)) < len(unblinded)
    date = np.concatenate([trial.last[unblinded], trial.baseline[missing]])
    order = np.lexsort((date, at))
    at, major, date = at[order], major[order], date[order]
    sequence = pl.DataFrame({"at": at}).select(pl.int_range(pl.len()).over("at").alias("seq"))["seq"] + 1
    return frame(
        "protocol_deviations",
        {
            "subject_id": pick(trial.id, at),
            "dv_seq": sequence,
            "dv_category": pick(["missed_procedure", "unblinding"], major),
            "dv_date": date,
            "dv_major": pick(["no", "yes"], major),
        },
    )
