"""The screening of everybody: answers and values, with true reasons for every failure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from anakinra_t2d.simulation.body import Body
from anakinra_t2d.simulation.calendar import DK, NONE
from anakinra_t2d.simulation.enrolment import Codes, Flags, Trial
from anakinra_t2d.simulation.glycaemia import Glycaemia
from anakinra_t2d.simulation.history import YES_NO, History
from anakinra_t2d.simulation.laboratory import ALT_ULN, SCREENING, Laboratory
from anakinra_t2d.simulation.standardise import Values, limited, to_decimals, truncated
from anakinra_t2d.simulation.write import frame, pick

REASONS = [
    *["I5"] * 26,
    *["E3"] * 15,
    *["I5;E3"] * 2,
    *["E2"] * 2,
    *["E12"] * 2,
    *["E1a", "E1b", "E4b", "E5d", "E6a", "E8a", "E13"],
]
"""Criteria violated by 54 screen failures: HbA1c and C-peptide in most."""


@dataclass(frozen=True)
class Screened:
    """One value for each screened person."""

    reason: Codes
    female: Flags
    age: Values
    duration: Values
    height: Values
    weight: Values
    labs: dict[str, Values]
    aspirin: Values
    fertile: Flags


def draw_screened(trial: Trial, body: Body, glycaemia: Glycaemia, lab: Laboratory, history: History) -> Screened:
    """Screening values of all: those of the randomised and a draw for the failures."""
    rng = trial.rng("screening")
    n = len(trial.subject)
    failed = ~trial.passed
    female = rng.random(n) < 0.32
    reason = np.full(n, "", dtype="<U6")
    reason[failed] = rng.permutation(np.resize(REASONS, int(failed.sum())))
    female[reason == "E8a"] = False
    age = np.rint(59 + 9 * truncated(rng, n))
    duration = to_decimals(np.minimum(0.8 + rng.gamma(2.2, 4.0, size=n).clip(0, 30), age - 12), 1)
    height = to_decimals(np.where(female, 163, 177) + 6 * truncated(rng, n), 1)
    index = limited(27.4 + rng.gamma(1.5, 2.6, size=n), 27.3, 46, rng)
    weight = to_decimals((index * (height / 100) ** 2).clip(60.5, 155), 1)
    weight = np.maximum(weight, np.ceil(27.1 * (height / 100) ** 2 * 10) / 10)
    labs = _labs(trial, reason, female, rng)
    at = trial.at
    for field, values in (("hba1c_pct", glycaemia.hba1c), ("fpg_mmol_l", glycaemia.fpg)):
        labs[field][at] = values[:, SCREENING]
    labs["cpeptide_fasting_pmol_l"][at] = glycaemia.cpeptide[:, 0]
    for field in set(labs) & set(lab):
        labs[field][at] = lab[field][:, SCREENING]
    female[at], age[at], height[at] = body.female, body.age, body.height
    weight[at], duration[at] = body.weight_screening, history.duration
    aspirin = np.where(rng.random(n) < 0.3, np.where(trial.site == 0, 75.0, 100.0), 0.0)
    aspirin[at] = history.aspirin
    return Screened(reason, female, age, duration, height, weight, labs, aspirin, female & (age < 48))


def _labs(trial: Trial, reason: Codes, female: Flags, rng: np.random.Generator) -> dict[str, Values]:
    n = len(reason)
    low_hba1c, low_cpeptide = np.char.find(reason, "I5") >= 0, np.char.find(reason, "E3") >= 0
    hba1c = limited(8.6 + 0.8 * truncated(rng, n), 7.6, 11.9, rng)
    hba1c = np.where(low_hba1c, 6.0 + 1.5 * np.sqrt(rng.random(n)), hba1c)
    hba1c = np.where(reason == "E2", 12.1 + 0.8 * rng.random(n), hba1c)
    cpeptide = np.where(low_cpeptide, 205 + 190 * rng.random(n), 405 + rng.gamma(1.6, 330, size=n).clip(0, 2400))
    creatinine = 86 + 13 * truncated(rng, n)
    alt = np.exp(3.4 + 0.3 * truncated(rng, n))
    renal = (reason == "E12") & ((trial.site != DK) | (rng.random(n) < 0.5))
    creatinine = np.where(renal, 132 + 15 * rng.random(n), creatinine)
    alt = np.where((reason == "E12") & ~renal, 3 * ALT_ULN[DK] + 2 + 10 * rng.random(n), alt)
    hemoglobin = np.where(female, 133, 147) + 9 * truncated(rng, n)
    hemoglobin = np.where(reason == "E8a", 101 + 8 * rng.random(n), hemoglobin)
    neutrophils = 5.2 + 1.2 * truncated(rng, n)
    ast = 0.45 * alt + 9 + 3 * truncated(rng, n)
    values = {
        "hba1c_pct": (hba1c, 1),
        "fpg_mmol_l": (limited(6.5 + 1.5 * (hba1c - 6.5) + 1.0 * truncated(rng, n), 4.9, 19, rng), 1),
        "cpeptide_fasting_pmol_l": (cpeptide, 0),
        "crp_mg_l": (limited(np.exp(1.1 + 0.7 * truncated(rng, n)), 0.35, 26, rng), 2),
        "leukocytes_10e9_l": (neutrophils + 2.4 + 0.4 * truncated(rng, n), 2),
        "neutrophils_10e9_l": (neutrophils, 2),
        "platelets_10e9_l": (248 + 48 * truncated(rng, n), 0),
        "hemoglobin_g_l": (hemoglobin, 0),
        "ast_u_l": (ast.clip(9, 90), 0),
        "alt_u_l": (alt, 0),
        "creatinine_umol_l": (creatinine, 0),
    }
    return {field: to_decimals(draws, decimals) for field, (draws, decimals) in values.items()}


def screening(trial: Trial, screened: Screened) -> pl.DataFrame:
    """The table screening."""
    rng = trial.rng("screening table")
    n = len(trial.subject)
    reason = screened.reason
    late = np.zeros(n, dtype=bool)
    late[trial.at] = ~trial.treated
    randomised_on = np.full(n, NONE, dtype=np.int32)
    randomised_on[trial.at] = trial.randomised_on
    positive = reason == "E5d"
    induration = np.where(positive | late, 10, np.minimum(rng.integers(0, 7, size=n), rng.integers(0, 7, size=n)))
    placed = np.where(late, randomised_on - 3, trial.screening_date)
    read = np.where(late, randomised_on + 1, trial.screening_date + rng.integers(2, 4, size=n))
    women = pick(["not_applicable", "no"], screened.female)
    antibody = {name: reason == code for name, code in (("gad65", "E1a"), ("ia2", "E1b"))}
    values = {name: np.where(found, 2 + 7 * rng.random(n), 0.9 * rng.random(n)) for name, found in antibody.items()}
    return frame(
        "screening",
        {
            "subject_id": trial.subject,
            "screening_no": np.ones(n),
            "screening_date": trial.screening_date,
            "dx_type": "T2DM",
            "dx_ada_criteria_met": "yes",
            "med_change_last_3mo": "no",
            "gad65_ab_result": pick(["negative", "positive"], antibody["gad65"]),
            "gad65_ab_value": values["gad65"],
            "ia2_ab_result": pick(["negative", "positive"], antibody["ia2"]),
            "ia2_ab_value": values["ia2"],
            "corticosteroid_current": "no",
            "nsaid_current": pick(YES_NO, reason == "E4b"),
            "other_antiinflam_current": "no",
            "aspirin_mg_d": screened.aspirin,
            "fever": "no",
            "body_temp_c": 36.6 + 0.25 * truncated(rng, n),
            "antibiotic_current": "no",
            "other_infection_sign": "no",
            "tb_history": "no",
            "other_granulomatous_infection": "no",
            "chest_xray_date": trial.screening_date + rng.integers(0, 5, size=n),
            "chest_xray_result": "normal",
            "mantoux_placed_date": placed,
            "mantoux_read_date": read,
            "mantoux_induration_mm": induration,
            "mantoux_result": pick(["negative", "positive", "late_positive"], np.where(late, 2, positive)),
            "recurrent_infection_history": pick(YES_NO, reason == "E6a"),
            "infection_predisposition": "no",
            "pregnant": women,
            "breast_feeding": women,
            "fertile": pick(["not_applicable", "no", "yes"], screened.female.astype(int) + screened.fertile),
            "contraception_months": np.where(screened.fertile, rng.uniform(8, 120, size=n), np.nan),
            "contraception_method": pick(["", "oral contraceptive"], screened.fertile),
            "cancer_current_or_past": pick(YES_NO, reason == "E13"),
            "other_inv_drug_used": "no",
            "immunosuppressive_current": "no",
            "immunodeficiency": "no",
            "screen_fail_reason": reason,
            "investigator_eligible": pick(YES_NO, trial.passed),
        },
    )
