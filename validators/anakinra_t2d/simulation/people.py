"""Sites, recruitment, subjects, consents, allocation, visits and vital signs."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl

from anakinra_t2d.simulation.body import Body, VitalSigns, bmi
from anakinra_t2d.simulation.calendar import LABORATORIES, NONE, SITES, Days, study_day, years
from anakinra_t2d.simulation.enrolment import Trial
from anakinra_t2d.simulation.laboratory import ALT_ULN, AST_ULN
from anakinra_t2d.simulation.screening import Screened
from anakinra_t2d.simulation.standardise import Values, to_decimals, truncated
from anakinra_t2d.simulation.write import frame, pick

VISITS = ["screening", "baseline", "clamp_baseline", "week4", "clamp_week13", "week13", "early_termination"]
RECEIVED = int(dt.datetime(2006, 3, 1, 12, tzinfo=dt.UTC).timestamp())


def submission(trial: Trial) -> pl.DataFrame:
    """The table submission: one delivery of both sites, marked as synthetic."""
    name = f"SYNTHETIC-{trial.size}-{trial.seed}"
    return frame("submission", {"submission_id": [name], "submission_ts": [RECEIVED], "synthetic": True})


def sites() -> pl.DataFrame:
    """The table sites."""
    return frame(
        "sites",
        {
            "site_id": SITES,
            "country": ["DNK", "CHE"],
            "lab_hba1c_id": LABORATORIES,
            "hba1c_uln_pct": [6.4, 6.4],
            "ast_uln_u_l": AST_ULN,
            "alt_uln_u_l": ALT_ULN,
            "locale_decimal_sep": ["comma", "point"],
            "locale_date_format": ["dd-mm-yyyy", "dd.mm.yyyy"],
        },
    )


def recruitment(trial: Trial) -> pl.DataFrame:
    """The table recruitment: everybody approached, in random order."""
    rng = trial.rng("recruitment")
    total = max(trial.approached, len(trial.subject))
    outcome = np.concatenate(
        [np.zeros(len(trial.subject), dtype=np.int64), rng.integers(1, 4, size=total - len(trial.subject))]
    )
    site = np.concatenate([trial.site, rng.random(total - len(trial.subject)) > 31 / 70]).astype(np.int64)
    subject = np.concatenate([trial.subject, np.full(total - len(trial.subject), "")])
    order = rng.permutation(total)
    digits = max(4, len(str(total)))
    return frame(
        "recruitment",
        {
            "contact_id": np.char.add("C", np.char.zfill(np.arange(1, total + 1).astype(str), digits)),
            "site_id": pick(SITES, site[order]),
            "recruit_source": pick(["outpatient_clinic", "newspaper_advertisement"], rng.random(total) < 0.45),
            "prescreen_outcome": pick(
                ["to_screening", "no_response", "not_interested", "ineligible_by_history"], outcome[order]
            ),
            "subject_id": subject[order],
        },
    )


def _spread(trial: Trial, values: Any, missing: Any) -> Any:
    """Values of the randomised as values of all screened."""
    wide = np.full(len(trial.subject), missing, dtype=np.asarray(values).dtype)
    wide[trial.at] = values
    return wide


def subjects(trial: Trial, screened: Screened) -> pl.DataFrame:
    """The table subjects."""
    rng = trial.rng("subjects")
    n = len(trial.subject)
    drift = np.rint(90 * truncated(rng, n) / 2.4)
    diagnosed = trial.screening_date - np.rint(screened.duration * 365.25 + np.minimum(drift, 60)).astype(np.int64)
    year = years(trial.screening_date) - screened.age.astype(np.int64) - (rng.random(n) < 0.5)
    treated = _spread(trial, trial.treated.astype(np.float64), np.nan)
    completed = _spread(trial, np.where(trial.treated, trial.completed, np.nan).astype(np.float64), np.nan)
    twin = (
        pl.DataFrame(
            {"site": trial.site, "f": screened.female, "y": year, "h": screened.height, "d": trial.screening_date}
        )
        .select(pl.struct(pl.all()).is_first_distinct().not_())
        .to_series()
        .to_numpy()
    )
    born = years(trial.screening_date) - screened.age.astype(np.int64)
    year = np.where(twin, np.where(year == born, born - 1, born), year)
    return frame(
        "subjects",
        {
            "subject_id": trial.subject,
            "site_id": pick(SITES, trial.site),
            "sex": pick(["M", "F"], screened.female),
            "birth_year": year,
            "age_yr": screened.age,
            "diabetes_dx_date": diagnosed,
            "diabetes_duration_yr": screened.duration,
            "screening_status": pick(["failed", "passed"], trial.passed),
            "randomised": trial.passed,
            "randomisation_date": _spread(trial, trial.randomised_on, NONE),
            "treated": pl.Series(treated).fill_nan(None).cast(pl.Boolean),
            "first_dose_date": _spread(trial, trial.first, NONE),
            "last_dose_date": _spread(trial, trial.last, NONE),
            "completed": pl.Series(completed).fill_nan(None).cast(pl.Boolean),
        },
    )


def consents(trial: Trial) -> pl.DataFrame:
    """The table consents: the main one of everybody, the clamp question of the randomised."""
    at = np.concatenate([np.arange(len(trial.subject)), trial.at])
    asked = np.arange(len(at)) >= len(trial.subject)
    agreed = np.concatenate([np.ones(len(trial.subject), dtype=bool), trial.clamp])
    date = np.concatenate([trial.consent_date, np.where(trial.clamp, trial.baseline, NONE)])
    order = np.lexsort((asked, at))
    return frame(
        "consents",
        {
            "subject_id": pick(trial.subject, at[order]),
            "consent_type": pick(["main", "clamp_biopsy"], asked[order]),
            "consent_given": pick(["no", "yes"], agreed[order]),
            "consent_date": date[order],
            "consent_version": pick(["main 2.0", "clamp 1.1"], asked[order]),
        },
    )


def randomisation(trial: Trial) -> pl.DataFrame:
    """The restricted table randomisation."""
    rng = trial.rng("randomisation")
    site = SITES[trial.site[trial.at]]
    digits = max(3, len(str(trial.size)))
    kits = rng.permutation(trial.size) + 10 ** max(4, len(str(trial.size)))

    def label(letter: str, numbers: Any, width: int) -> Any:
        return np.char.add(np.char.add(site, f"-{letter}"), np.char.zfill(numbers.astype(str), width))

    arm = pick(["anakinra", "placebo"], trial.arm)
    return frame(
        "randomisation",
        {
            "subject_id": trial.id,
            "randomisation_no": label("R", trial.number, digits),
            "randomisation_date": trial.randomised_on,
            "stratum_site": site,
            "block_id": label("B", trial.block, max(2, digits - 1)),
            "arm": arm,
            "arm_actual": arm,
            "kit_no": np.char.add("K", kits.astype(str)),
            "issued_by": "County Pharmacy of Zurich",
        },
    )


def _visit_dates(trial: Trial) -> list[tuple[str, Days]]:
    """Date of each visit of the randomised; NONE when it does not take place."""
    return [
        ("screening", trial.screening_date[trial.at]),
        ("baseline", trial.baseline),
        ("clamp_baseline", trial.clamp0),
        ("week4", trial.week4),
        ("clamp_week13", trial.clamp13),
        ("week13", trial.week13),
        ("early_termination", trial.ended),
    ]


def visits(trial: Trial, fasting: Values) -> pl.DataFrame:
    """The table visits; `fasting` are the hours of fasting per patient at baseline and week 13."""
    at, kind, date, first = [], [], [], []
    for order, (_, dates) in enumerate(_visit_dates(trial)):
        here = np.flatnonzero(dates != NONE)
        at.append(trial.at[here])
        kind.append(np.full(len(here), order))
        date.append(dates[here])
        first.append(trial.first[here])
    failed = np.flatnonzero(~trial.passed)
    at.append(failed)
    kind.append(np.zeros(len(failed), dtype=np.int64))
    date.append(trial.screening_date[failed])
    first.append(np.full(len(failed), NONE))
    subject, visit = np.concatenate(at), np.concatenate(kind)
    order_ = np.lexsort((visit, subject))
    subject, visit = subject[order_], visit[order_]
    day, start = np.concatenate(date)[order_], np.concatenate(first)[order_]
    n = len(subject)
    examined, fasted = np.isin(visit, [1, 3, 5]), np.isin(visit, [1, 5])
    hours = np.full((len(trial.subject), 2), np.nan)
    hours[trial.at] = fasting
    return frame(
        "visits",
        {
            "subject_id": pick(trial.subject, subject),
            "visit": pick(VISITS, visit),
            "visit_seq": np.ones(n),
            "visit_date": day,
            "study_day": study_day(day, start),
            "visit_status": "done",
            "physical_exam_done": pick(["", "yes"], examined),
            "fasting_hours": np.where(fasted, hours[subject, (visit == 5).astype(np.int64)], np.nan),
        },
    )


def vitals(trial: Trial, body: Body, signs: VitalSigns, screened: Screened) -> pl.DataFrame:
    """The table vitals: height once at screening, pressures from baseline on."""
    rng = trial.rng("vitals")
    n = trial.size
    none = np.full(n, np.nan)
    ended = np.flatnonzero(trial.ended != NONE)
    parts = [
        frame(
            "vitals",
            {
                "subject_id": trial.subject,
                "visit": "screening",
                "visit_seq": np.ones(len(trial.subject)),
                "weight_kg": screened.weight,
                "height_cm": screened.height,
                "bmi_kg_m2": bmi(screened.weight, screened.height),
            },
        ).with_columns(at=pl.int_range(len(trial.subject)).cast(pl.Int64), order=pl.lit(0))
    ]
    for order, (visit, weight, date) in enumerate(
        (
            ("baseline", body.weight, trial.baseline),
            ("week4", body.weight4, trial.week4),
            ("week13", body.weight13, trial.week13),
        )
    ):
        here = np.flatnonzero(date != NONE)
        parts.append(
            frame(
                "vitals",
                {
                    "subject_id": pick(trial.id, here),
                    "visit": visit,
                    "visit_seq": np.ones(len(here)),
                    "weight_kg": weight[here],
                    "bmi_kg_m2": (none if visit == "week4" else body.bmi(weight))[here],
                    "bsa_m2": (body.bsa if visit == "baseline" else none)[here],
                    "sbp_mmhg": signs.sbp[here, order],
                    "dbp_mmhg": signs.dbp[here, order],
                    "heart_rate_bpm": signs.heart_rate[here, order],
                    "body_temp_c": signs.temperature[here, order],
                },
            ).with_columns(at=pl.Series(trial.at[here]).cast(pl.Int64), order=pl.lit(order + 1))
        )
    if len(ended):
        parts.append(
            frame(
                "vitals",
                {
                    "subject_id": pick(trial.id, ended),
                    "visit": "early_termination",
                    "visit_seq": np.ones(len(ended)),
                    "weight_kg": to_decimals(body.weight4[ended] + 0.4 * truncated(rng, len(ended)), 1),
                    "sbp_mmhg": signs.sbp[ended, 2],
                    "dbp_mmhg": signs.dbp[ended, 2],
                    "heart_rate_bpm": signs.heart_rate[ended, 2],
                    "body_temp_c": signs.temperature[ended, 2],
                },
            ).with_columns(at=pl.Series(trial.at[ended]).cast(pl.Int64), order=pl.lit(9))
        )
    return pl.concat(parts).sort("at", "order").drop("at", "order")
