"""Tables of measurements: laboratory, cross-check, stimulation tests, clamp, biopsy; flags of missing values."""

from __future__ import annotations

import numpy as np
import polars as pl

from anakinra_t2d.simulation.body import Body
from anakinra_t2d.simulation.calendar import CH, DK, LABORATORIES, NONE, Days, day
from anakinra_t2d.simulation.clamp import MINUTES, Biopsy, Clamp
from anakinra_t2d.simulation.enrolment import Flags, Index, Trial, count
from anakinra_t2d.simulation.glycaemia import Glycaemia
from anakinra_t2d.simulation.history import DIET, INSULIN, History
from anakinra_t2d.simulation.laboratory import BASELINE, Laboratory, draw_il1ra
from anakinra_t2d.simulation.screening import Screened
from anakinra_t2d.simulation.standardise import Values, to_decimals, truncated, with_correlations
from anakinra_t2d.simulation.stimulation import INTRAVENOUS, ORAL, Curves
from anakinra_t2d.simulation.write import frame, pick

LAB_VISITS = ["screening", "baseline", "week4", "week13"]
TEST_VISITS = ["baseline", "week13"]
DAY = 86400
LIMITS = {"crp_mg_l": 0.3, "il6_ng_l": 0.5}
"""Quantification limits of the sensitive methods used from baseline on."""


def _seconds(days: Days, minute: Values | Index) -> Index:
    """Local time of a day as seconds since 1970."""
    return np.asarray(days.astype(np.int64) * DAY + np.rint(minute).astype(np.int64) * 60)


def labs(
    trial: Trial, screened: Screened, glycaemia: Glycaemia, lab: Laboratory, missing: Index
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The tables labs and result_flags."""
    rng = trial.rng("labs")
    measured = {**lab, "hba1c_pct": glycaemia.hba1c, "fpg_mmol_l": glycaemia.fpg}
    empty = np.full(trial.size, np.nan)
    fasting = glycaemia.cpeptide
    measured["cpeptide_fasting_pmol_l"] = np.column_stack([fasting[:, 0], fasting[:, 1], empty, fasting[:, 2]])
    dates = (trial.screening_date[trial.at], trial.baseline, trial.week4, trial.week13)
    haemolysed = _haemolysed(trial, rng)
    parts, flags = [], []
    for visit, date in enumerate(dates):
        here = np.flatnonzero(date != NONE) if visit else np.arange(len(trial.subject))
        patient = here if visit else np.zeros(0, dtype=np.int64)
        position = trial.at[here] if visit else here
        values = {field: column[patient, visit] for field, column in measured.items()} if visit else screened.labs
        values = {field: column.copy() for field, column in values.items()}
        for field, status, gone, limit in _gaps(visit, patient, values, missing, haemolysed):
            flags.append(_flags(trial, position[gone], LAB_VISITS[visit], field, status, limit))
            values[field][gone] = np.nan
        female = screened.female[position]
        site = trial.site[position]
        start = rng.integers(440, 560, size=len(position))
        when = date[here] if visit else trial.screening_date
        made = frame(
            "labs",
            {
                "subject_id": pick(trial.subject, position),
                "visit": LAB_VISITS[visit],
                "visit_seq": np.ones(len(position)),
                "hormone_lab_id": "" if visit == 2 else "LAB_DK",
                "lab_id": pick(LABORATORIES, site),
                "collected_ts": _seconds(when, start),
                "fasting": "yes",
                "hba1c_dup_coded": False,
                "hcg_result": pick(["", "negative"], female & (visit != 2)),
                **values,
            },
        )
        parts.append(made.with_columns(at=pl.Series(position).cast(pl.Int64), order=pl.lit(visit)))
    table = pl.concat(parts).sort("at", "order").drop("at", "order")
    return table, pl.concat(flags).sort("table", "record_key", "field")


def _haemolysed(trial: Trial, rng: np.random.Generator) -> Index:
    """Patients whose week 4 potassium could not be used."""
    completers = np.flatnonzero(trial.completed)
    return np.sort(rng.choice(completers, min(len(completers), count(trial.size, 1)), replace=False))


def _gaps(
    visit: int, patient: Index, values: dict[str, Values], missing: Index, haemolysed: Index
) -> list[tuple[str, str, Flags, float | None]]:
    """Field, status, which records and the limit of the values that are not numbers."""
    gaps: list[tuple[str, str, Flags, float | None]] = []
    if visit == BASELINE:
        gaps.append(("albumin_excretion_mg_24h", "not_done", np.isin(patient, missing), None))
    if visit == 2:
        gaps.append(("potassium_mmol_l", "haemolysed", np.isin(patient, haemolysed), None))
    if visit >= BASELINE:
        gaps += [(field, "below_limit", values[field] < limit, limit) for field, limit in LIMITS.items()]
    return gaps


def _flags(trial: Trial, position: Index, visit: str, field: str, status: str, limit: float | None) -> pl.DataFrame:
    keys = pl.Series(trial.subject[position].tolist(), dtype=pl.String)
    raw = {"below_limit": f"<{limit}", "not_done": "not done", "haemolysed": "haemolysed"}[status]
    return frame(
        "result_flags",
        {
            "table": "labs",
            "record_key": pl.DataFrame({"k": keys}).select(
                pl.format("subject_id={}|visit={}|visit_seq=1", "k", pl.lit(visit))
            ).to_series(),
            "field": field,
            "result_status": status,
            "limit_value": np.full(len(position), np.nan if limit is None else limit),
            "value_raw": raw,
        },
    )  # fmt: skip


def albuminuria(lab: Laboratory, missing: Index) -> pl.Series:
    """The flag of medical_history: baseline excretion above 30, unknown where it was not done."""
    code = (lab["albumin_excretion_mg_24h"][:, BASELINE] > 30).astype(np.int64)
    code[missing] = 2
    return pick(["no", "yes", "unknown"], code)


def labs_restricted(trial: Trial) -> pl.DataFrame:
    """The restricted table labs_restricted: level after the last injection at week 13."""
    level, hours = draw_il1ra(trial)
    at = np.flatnonzero(trial.completed)
    return frame(
        "labs_restricted",
        {
            "subject_id": pick(trial.id, at),
            "visit": "week13",
            "il1ra_ug_l": level[at],
            "il1ra_hours_post_dose": hours[at],
            "anti_drug_antibody": "not_done",
        },
    )


def hba1c_crosscheck(trial: Trial) -> pl.DataFrame:
    """The table hba1c_crosscheck: coded samples measured in both laboratories, r squared 0.97."""
    rng = trial.rng("cross-check")
    samples = max(4, count(trial.size, 22))
    first = second = np.zeros(samples)
    for _ in range(200):
        first = to_decimals(8.3 + 1.0 * truncated(rng, samples, 2.2), 1)
        noise = with_correlations([first], [0.0], rng) * 0.17
        second = to_decimals(first + 0.04 + noise, 1)
        if samples < 10 or round(float(np.corrcoef(first, second)[0, 1] ** 2), 2) == 0.97:
            break
    digits = max(3, len(str(samples)))
    code = np.repeat(np.char.add("X", np.char.zfill(np.arange(1, samples + 1).astype(str), digits)), 2)
    run = day(2004, 5, 3) + 7 * rng.integers(0, 55, size=samples)
    return frame(
        "hba1c_crosscheck",
        {
            "sample_code": code,
            "lab_id": pick(LABORATORIES, np.tile([DK, CH], samples)),
            "hba1c_pct": np.column_stack([first, second]).ravel(),
            "measured_date": np.column_stack([run, run + rng.integers(1, 4, size=samples)]).ravel(),
        },
    )


def _tests(trial: Trial) -> tuple[Index, Index]:
    """Patient and visit (0 baseline, 1 week 13) of every glucose test, in order."""
    at = np.repeat(np.arange(trial.size), 2)
    visit = np.tile([0, 1], trial.size)
    here = (visit == 0) | trial.completed[at]
    return at[here], visit[here]


def draw_fasting_hours(trial: Trial) -> Values:
    """Hours of fasting before the visit and the test of baseline and of week 13, per patient."""
    hours = 9.9 + 0.75 * truncated(trial.rng("fasting"), 2 * trial.size)
    return to_decimals(hours.reshape(trial.size, 2), 1)


def stimulation_tests(trial: Trial, body: Body, history: History, fasted: Values) -> pl.DataFrame:
    """The table stimulation_tests."""
    rng = trial.rng("test sessions")
    at, visit = _tests(trial)
    n = len(at)
    date = np.where(visit == 0, trial.baseline[at], trial.ogtt13[at]).astype(np.int32)
    start = rng.integers(475, 575, size=n)
    fasting = fasted[at, visit]
    weight = np.where(visit == 0, body.weight[at], body.weight13[at])
    since_insulin = np.where(history.treatment[at] == INSULIN, fasting + 1.2 + 0.5 * truncated(rng, n), np.nan)
    return frame(
        "stimulation_tests",
        {
            "subject_id": pick(trial.id, at),
            "visit": pick(TEST_VISITS, visit),
            "ogtt_date": date,
            "ogtt_start_time": _seconds(date, start),
            "ogtt_done": "yes",
            "ogtt_glucose_dose_g": 75 + 0.25 * truncated(rng, n),
            "fasting_hours": fasting,
            "antidiabetic_withheld": pick(["yes", "not_applicable"], history.treatment[at] == DIET),
            "hours_since_insulin": since_insulin,
            "iv_done": "yes",
            "iv_glucose_g": np.minimum(0.3 * weight, 45.0),
            "iv_glucagon_mg": np.full(n, 0.5),
            "iv_arginine_g": np.full(n, 5.0),
            "iv_bolus_time": _seconds(date, start + 121 + rng.integers(0, 6, size=n)),
            "hormone_lab_id": "LAB_DK",
        },
    )


def _series(
    trial: Trial, table: str, minutes: Index, jitter: float, columns: dict[str, Values], rng: np.random.Generator
) -> pl.DataFrame:
    at, visit = _tests(trial)
    times = len(minutes)
    actual = np.tile(minutes, len(at)) + jitter * truncated(rng, len(at) * times, 2.0)
    actual = np.where(np.tile(minutes, len(at)) == 0, 0.0, actual)
    return frame(
        table,
        {
            "subject_id": pick(trial.id, np.repeat(at, times)),
            "visit": pick(TEST_VISITS, np.repeat(visit, times)),
            "nominal_min": np.tile(minutes, len(at)),
            "actual_min": actual,
            **{name: curve[at, visit].ravel() for name, curve in columns.items()},
        },
    )


def ogtt(trial: Trial, curves: Curves) -> pl.DataFrame:
    """The table ogtt; proinsulin in the two fasting samples."""
    proinsulin = np.full((trial.size, 2, len(ORAL)), np.nan)
    proinsulin[:, :, :2] = curves.proinsulin
    columns = {
        "glucose_mmol_l": curves.oral_glucose,
        "insulin_pmol_l": curves.oral_insulin,
        "cpeptide_pmol_l": curves.oral_cpeptide,
        "proinsulin_pmol_l": proinsulin,
    }
    return _series(trial, "ogtt", ORAL, 0.8, columns, trial.rng("oral times"))


def iv_stimulation(trial: Trial, curves: Curves) -> pl.DataFrame:
    """The table iv_stimulation."""
    columns = {
        "glucose_mmol_l": curves.iv_glucose,
        "insulin_pmol_l": curves.iv_insulin,
        "cpeptide_pmol_l": curves.iv_cpeptide,
    }
    return _series(trial, "iv_stimulation", INTRAVENOUS, 0.15, columns, trial.rng("bolus times"))


def site_calculations(trial: Trial, curves: Curves) -> pl.DataFrame:
    """The table site_calculations: the fasting sensitivity index of each test and its change, rounded at the end."""
    at, visit = _tests(trial)
    later = at[visit == 1]
    change = curves.homa[later, 1] - curves.homa[later, 0]
    return frame(
        "site_calculations",
        {
            "subject_id": pick(trial.id, np.concatenate([at, later])),
            "visit": pick(TEST_VISITS, np.concatenate([visit, np.ones_like(later)])),
            "calculation": pick(["homa", "EP10"], np.repeat([0, 1], [len(at), len(later)])),
            "calculated_value": np.concatenate([curves.homa[at, visit], change]),
            "calculated_unit": "L2/(m[iU].mmol)",
            "calculation_method": "22.5 / (insulin in mU/l x glucose in mmol/l), 6 pmol in 1 mU, mean of -10 and 0 min",
        },
    ).sort("subject_id", "visit", "calculation", maintain_order=True)


CLAMP_VISITS = ["clamp_baseline", "clamp_week13"]


def clamp_table(trial: Trial, clamp: Clamp) -> pl.DataFrame:
    """The table clamp."""
    at, visit = np.repeat(clamp.at, 2), np.tile([0, 1], len(clamp.at))
    dates = np.column_stack([trial.clamp0, trial.clamp13])[at, visit]
    tests = np.column_stack([trial.baseline, trial.ogtt13])[at, visit]
    flat = clamp.flat()
    return frame(
        "clamp",
        {
            "subject_id": pick(trial.id, at),
            "visit": pick(CLAMP_VISITS, visit),
            "clamp_date": dates,
            "days_after_ogtt": (dates - tests).astype(np.float64),
            "clamp_status": "done",
            "antidiabetic_withheld_h": flat["withheld"],
            "no_strenuous_exercise_24h": "yes",
            "body_weight_kg": flat["weight"],
            "insulin_infusion_mu_m2_min": flat["insulin_rate"],
            "steady_start_min": flat["steady_start"],
            "steady_end_min": flat["steady_end"],
            "gir_ss_mg_min": flat["gir"],
            "ss_insulin_pmol_l": flat["insulin"],
            "ss_glucose_mmol_l": flat["glucose"],
            "ss_glucose_cv_pct": flat["glucose_cv"],
            "m_value_mg_kg_min": flat["m_value"],
            "mi_index": flat["mi_index"],
            "vo2_ml_min": flat["vo2"],
            "vco2_ml_min": flat["vco2"],
            "rq": flat["rq"],
            "urinary_n_mg_min": flat["nitrogen"],
            "glucose_oxidation_mg_kg_min": flat["glucose_oxidation"],
            "fat_oxidation_mg_kg_min": flat["fat_oxidation"],
        },
    )


def clamp_samples(trial: Trial, clamp: Clamp, curves: Curves) -> pl.DataFrame:
    """The table clamp_samples: infusion rate, glucose and insulin on the way to the steady state."""
    rng = trial.rng("clamp samples")
    at, visit = np.repeat(clamp.at, 2), np.tile([0, 1], len(clamp.at))
    n, times = len(at), len(MINUTES)
    flat = clamp.flat()
    progress = 1 - np.exp(-MINUTES / 38.0)
    start_glucose = curves.oral_glucose[at, visit, 0][:, None]
    start_insulin = curves.oral_insulin[at, visit, 0][:, None]
    noise = [truncated(rng, n * times).reshape(n, times) for _ in range(3)]
    glucose = flat["glucose"][:, None] + (start_glucose - flat["glucose"][:, None]) * (1 - progress) + 0.18 * noise[0]
    rate = flat["gir"][:, None] * np.clip(1.02 * progress**2, 0, 1) * (1 + 0.03 * noise[1])
    level = start_insulin + (flat["insulin"][:, None] - start_insulin) * (1 - np.exp(-MINUTES / 12.0))
    return frame(
        "clamp_samples",
        {
            "subject_id": pick(trial.id, np.repeat(at, times)),
            "visit": pick(CLAMP_VISITS, np.repeat(visit, times)),
            "clamp_min": np.tile(MINUTES, n),
            "gir_mg_min": rate.clip(0, 1450).ravel(),
            "glucose_mmol_l": glucose.clip(3.9, 14.8).ravel(),
            "insulin_pmol_l": (level * (1 + 0.03 * noise[2])).clip(21, 1980).ravel(),
        },
    )


def biopsy_table(trial: Trial, biopsy: Biopsy) -> pl.DataFrame:
    """The table biopsy: taken on the day of the glucose test."""
    patients = np.flatnonzero(trial.clamp)
    at, visit = np.repeat(patients, 2), np.tile([0, 1], len(patients))
    return frame(
        "biopsy",
        {
            "subject_id": pick(trial.id, at),
            "visit": pick(TEST_VISITS, visit),
            "biopsy_date": np.column_stack([trial.baseline, trial.ogtt13])[at, visit],
            "biopsy_status": "done",
            "muscle": "vastus_lateralis",
            "expression_raw_glut4": biopsy.glut4.ravel(),
            "expression_raw_pgc1a": biopsy.pgc1a.ravel(),
            "expression_raw_ppia": biopsy.ppia.ravel(),
            "glut4_rel": biopsy.glut4_rel.ravel(),
            "pgc1a_rel": biopsy.pgc1a_rel.ravel(),
        },
    )
