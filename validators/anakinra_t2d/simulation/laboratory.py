"""Blood counts, chemistry, lipids, inflammation, adipokines, urine and drug level of the randomised."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from anakinra_t2d.simulation.body import Body
from anakinra_t2d.simulation.enrolment import ANAKINRA, PLACEBO, SMALLEST_WHOLE, Flags, Index, Trial, share
from anakinra_t2d.simulation.standardise import (
    Bound,
    Values,
    hold,
    limited,
    tame,
    to_decimals,
    truncated,
    with_correlations,
    z_scores,
)
from anakinra_t2d.simulation.targets import mean_sd

SCREENING, BASELINE, WEEK4, WEEK13 = range(4)
AST_ULN = np.array([40, 38])
ALT_ULN = np.array([45, 50])
"""Upper reference limits at the Danish and the Swiss laboratory."""

Laboratory = dict[str, Values]
"""Field name to an array of patient x visit (screening, baseline, week 4, week 13); NaN where not measured."""


def draw_laboratory(trial: Trial, body: Body, hba1c_change: Values, ast_elevated: Flags) -> Laboratory:
    """Draw all laboratory values but HbA1c, glucose and C-peptide."""
    lab: Laboratory = {}
    lab.update(_blood_counts(trial, body, trial.rng("blood counts")))
    lab.update(_chemistry(trial, body, ast_elevated, trial.rng("chemistry")))
    lab.update(_lipids(trial, trial.rng("lipids")))
    lab.update(_inflammation(trial, body, hba1c_change, trial.rng("inflammation")))
    lab.update(_adipokines(trial, body, trial.rng("adipokines")))
    lab.update(_urine(trial, lab["creatinine_umol_l"], body, trial.rng("urine")))
    return lab


def _stable(base: Values, sd: float, decimals: int, low: Bound, high: Bound, rng: Generator, visits: str) -> Values:
    """A baseline and the other visits around it without a trend; `visits` has 1 for measured."""
    size = len(base)
    columns = []
    for visit, measured in enumerate(visits):
        if measured == "0":
            columns.append(np.full(size, np.nan))
        elif visit == BASELINE:
            columns.append(base)
        else:
            columns.append(limited(base + sd * truncated(rng, size, 2.0), low, high, rng, 0.03))
    return to_decimals(np.column_stack(columns), decimals)


def _blood_counts(trial: Trial, body: Body, rng: Generator) -> Laboratory:
    n = trial.size
    neutrophils = np.empty((n, 4))
    base = limited(5.6 + 1.25 * truncated(rng, n), 3.2, 9.4, rng)
    neutrophils[:, BASELINE] = to_decimals(base, 2)
    base = neutrophils[:, BASELINE]
    neutrophils[:, SCREENING] = limited(base + 0.5 * truncated(rng, n), 2.0, 10.5, rng)
    neutrophils[:, WEEK4] = base + 0.6 * truncated(rng, n) - 0.9 * (trial.arm == ANAKINRA)
    platelets = np.empty((n, 4))
    platelets[:, BASELINE] = np.rint(248 + 48 * truncated(rng, n))
    platelets[:, SCREENING] = platelets[:, BASELINE] + 14 * truncated(rng, n)
    platelets[:, WEEK4] = platelets[:, BASELINE] + 17 * truncated(rng, n) - 12 * (trial.arm == ANAKINRA)
    for arm in (ANAKINRA, PLACEBO):
        group = trial.group(arm, trial.completed)
        before = base[group]
        change = -0.4 * (before - 5.6) + 1.3 * truncated(rng, len(group), 2.2)
        held = hold(change, *mean_sd("neutrophils_change", arm), 2, 1.15 - before, 10.2 - before)
        neutrophils[group, WEEK13] = before + held
        counted = platelets[group, BASELINE]
        held = hold(truncated(rng, len(group)), *mean_sd("platelets_change", arm), 0, 112 - counted, 480 - counted)
        platelets[group, WEEK13] = counted + held
    rest = np.flatnonzero(~trial.completed)
    neutrophils[rest, WEEK13], platelets[rest, WEEK13] = base[rest], platelets[rest, BASELINE]
    neutrophils[:, WEEK4] = limited(neutrophils[:, WEEK4], 1.2, 10.2, rng, 0.02)
    others = (2.75 + 0.55 * truncated(rng, n))[:, None] + 0.15 * np.column_stack([truncated(rng, n) for _ in range(4)])
    lowest = np.where(body.female, 108, 118)
    highest = np.where(body.female, 163, 178)
    mean = np.where(body.female, 134, 147)
    hemoglobin = np.rint(mean + 9.5 * truncated(rng, n))
    neutrophils = to_decimals(neutrophils, 2)
    return {
        "neutrophils_10e9_l": neutrophils,
        "leukocytes_10e9_l": to_decimals((neutrophils + others.clip(1.3, None)).clip(3.05, 13.9), 2),
        "platelets_10e9_l": np.rint(platelets.clip(105, 490)),
        "hemoglobin_g_l": _stable(hemoglobin, 4.0, 0, lowest, highest, rng, "1111"),
    }


def _chemistry(trial: Trial, body: Body, ast_elevated: Flags, rng: Generator) -> Laboratory:
    n = trial.size
    creatinine = np.rint(88 + 10 * truncated(rng, n))
    for arm in (ANAKINRA, PLACEBO):
        group = trial.group(arm, trial.treated)
        shape = -0.5 * body.female[group] + 1.1 * truncated(rng, len(group), 2.0)
        creatinine[group] = hold(shape, *mean_sd("creatinine", arm), 0, 46, 136)
    renal = _stable(creatinine, 5.0, 0, 43, 145, rng, "1111")
    renal[:, SCREENING] = np.minimum(renal[:, SCREENING], 130 - rng.integers(0, 4, size=n))
    liver = truncated(rng, n, 2.2)
    ast = np.rint(24 + 6.0 * liver).clip(10, None)
    limit = AST_ULN[trial.site[trial.at]]
    ast = np.where(ast_elevated, limit - rng.integers(1, 4, size=n), ast)
    alt = np.rint(np.exp(3.42 + 0.30 * liver + 0.18 * truncated(rng, n))).clip(9, 92)
    enzymes = _stable(ast, 4.2, 0, 9, 60, rng, "1111")
    raised = np.maximum(enzymes[:, WEEK13], limit + rng.integers(4, 8, size=n))
    enzymes[ast_elevated, WEEK13] = raised[ast_elevated]
    cystatin = 0.45 + 0.0052 * creatinine + 0.09 * truncated(rng, n)
    return {
        "sodium_mmol_l": _stable(np.rint(140 + 2.4 * truncated(rng, n)), 1.8, 0, 131, 147, rng, "0111"),
        "potassium_mmol_l": _stable(to_decimals(4.3 + 0.32 * truncated(rng, n), 1), 0.25, 1, 3.3, 5.5, rng, "0111"),
        "ast_u_l": enzymes,
        "alt_u_l": _stable(alt, 4.5, 0, 7, 110, rng, "1111"),
        "creatinine_umol_l": renal,
        "cystatin_c_mg_l": _stable(to_decimals(limited(cystatin, 0.58, 1.5, rng), 2), 0.06, 2, 0.53, 1.7, rng, "0101"),
    }


def _lipids(trial: Trial, rng: Generator) -> Laboratory:
    n = trial.size
    total = 4.7 + 0.6 * truncated(rng, n)
    hdl = 1.1 + 0.2 * truncated(rng, n)
    for arm in (ANAKINRA, PLACEBO):
        group = trial.group(arm, trial.treated)
        total[group] = hold(rng.gamma(5.0, size=len(group)).clip(0, 10), *mean_sd("cholesterol", arm), 2, 2.75, 8.4)
        shape = rng.gamma(7.0, size=len(group)).clip(0, 14)
        hdl[group] = hold(shape, *mean_sd("hdl", arm), 2, 0.56, np.minimum(2.3, total[group] - 1.5))
    visits = "0101"
    total, hdl = to_decimals(total, 2), to_decimals(hdl, 2)
    cholesterol = _stable(total, 0.4, 2, np.maximum(2.6, hdl + 1.35), 8.8, rng, visits)
    density = _stable(hdl, 0.10, 2, 0.53, 2.45, rng, visits)
    rest = cholesterol - density
    log_level = np.log(1.9) + 0.40 * truncated(rng, n) + 0.25 * z_scores(total)
    level = np.column_stack([np.full(n, np.nan), log_level, np.full(n, np.nan), log_level])
    level = np.exp(level + 0.12 * np.column_stack([truncated(rng, n, 1.8) for _ in range(4)]))
    lowest = np.maximum(0.45, 2.2 * (rest - 6.0))
    highest = np.maximum(lowest + 0.05, np.minimum(6.8, 2.2 * (rest - 0.80)))
    triglycerides = limited(level, lowest, highest, rng, 0.15)
    change = tame(triglycerides[:, WEEK13] - triglycerides[:, BASELINE], 3.0)
    triglycerides[:, WEEK13] = triglycerides[:, BASELINE] + change
    triglycerides = to_decimals(triglycerides, 2)
    ldl = rest - triglycerides / 2.2 + 0.06 * np.column_stack([truncated(rng, n, 2.0) for _ in range(4)])
    ffa = to_decimals(limited(0.58 + 0.17 * truncated(rng, n), 0.16, 1.25, rng), 2)
    return {
        "cholesterol_mmol_l": cholesterol,
        "hdl_mmol_l": density,
        "ldl_mmol_l": to_decimals(ldl.clip(0.62, 6.4), 2),
        "triglycerides_mmol_l": triglycerides,
        "ffa_mmol_l": _stable(ffa, 0.11, 2, 0.12, 1.35, rng, visits),
    }


INFLAMMATION = {
    "crp_mg_l": (4.4, 0.48, 1.0, 20.0, ((-1.0, 1.7), (0.0, 1.7)), ((-1.3, 1.7), (0.1, 1.75))),
    "il6_ng_l": (2.7, 0.40, 0.9, 12.0, ((-1.0, 0.65), (0.05, 0.6)), ((-1.05, 0.65), (0.0, 0.6))),
}
"""Median, SD of the logarithm and range of the baseline, then mean and SD of the change at week 4 and at week 13 in
each arm: levels are shown only in a figure, so the changes are chosen to give about the reported P values."""


def _inflammation(trial: Trial, body: Body, hba1c_change: Values, rng: Generator) -> Laboratory:
    """C-reactive protein and interleukin-6: lower on anakinra from week 4 on, unrelated to HbA1c."""
    n = trial.size
    fat = z_scores(body.weight / body.height**2)
    result = {}
    for name, (median, log_sd, low, high, *changes) in INFLAMMATION.items():
        shape = truncated(rng, n, 2.2)
        for arm in (ANAKINRA, PLACEBO):
            group = trial.group(arm, trial.treated)
            if len(group) > 3:
                shape[group] = with_correlations([hba1c_change[group], fat[group]], [0.0, 0.2], rng)
        base = to_decimals(limited(np.exp(np.log(median) + log_sd * shape), low, high, rng), 2)
        values = np.full((n, 4), np.nan)
        values[:, BASELINE] = base
        if name == "crp_mg_l":
            values[:, SCREENING] = limited(base * np.exp(0.15 * truncated(rng, n)), 0.5, 27, rng, 0.05)
        for visit, spreads in zip((WEEK4, WEEK13), changes, strict=True):
            values[:, visit] = base
            for arm, (mean, sd) in zip((ANAKINRA, PLACEBO), spreads, strict=True):
                group = trial.group(arm, trial.treated)
                about = [hba1c_change[group], base[group]]
                drawn = with_correlations(about, [0.0, -0.45], rng) if len(group) > 3 else truncated(rng, len(group))
                floor = np.maximum(low * 0.2 - base[group], mean - 3.3 * sd)
                values[group, visit] += hold(drawn, mean, sd, 2, floor, mean + 2.8 * sd)
        result[name] = to_decimals(values, 2)
    return result


def _adipokines(trial: Trial, body: Body, rng: Generator) -> Laboratory:
    """Changes hold per arm; the baseline leaves room for them, so it correlates negatively with the change."""
    n = trial.size
    result = {}
    for field, name, decimals, low, spread, shape, top in (
        ("leptin_ug_l", "leptin", 2, 1.4, 9.0, 2.0, 78.0),
        ("adiponectin_mg_l", "adiponectin", 2, 1.4, 5.0, 2.0, 58.0),
        ("resistin_ug_l", "resistin", 2, 2.6, 5.0, 2.0, 68.0),
        ("tnf_alpha_ng_l", "tnf_alpha", 2, 0.5, 1.0, 3.0, 19.0),
        ("mcp1_ng_l", "mcp1", 1, 38.0, 45.0, 3.5, 780.0),
        ("il8_ng_l", "il8", 2, 0.8, 1.8, 2.5, 48.0),
    ):
        change = np.zeros(n)
        for arm in (ANAKINRA, PLACEBO):
            group = trial.group(arm, trial.completed)
            wide = name == "il8" and arm == ANAKINRA
            draws = rng.uniform(-1, 1, len(group)) if wide else truncated(rng, len(group), 2.3)
            mean, sd = mean_sd(f"{name}_change", arm)
            change[group] = hold(draws, mean, sd, decimals, mean - 2.5 * sd, mean + 2.5 * sd)
        female = 1 + 0.8 * body.female * (name == "leptin")
        room = np.maximum(0.0, -change) + np.maximum(0.0, change) * 0.3 * rng.random(n)
        base = low + room + spread * female * rng.gamma(shape, size=n)
        base = to_decimals(limited(base, low, top - np.maximum(0.0, change), rng, 0.1), decimals)
        base = to_decimals(np.maximum(base, low - np.minimum(0.0, change)), decimals)
        empty = np.full(n, np.nan)
        result[field] = to_decimals(np.column_stack([empty, base, empty, base + change]), decimals)
    return result


def _urine(trial: Trial, creatinine: Values, body: Body, rng: Generator) -> Laboratory:
    n = trial.size
    shape = (n, 4)
    fields = ("urine_volume_ml", "urine_collection_h", "urine_creatinine_mmol_l", "creatinine_clearance_ml_min")
    result = {field: np.full(shape, np.nan) for field in (*fields, "albumin_excretion_mg_24h")}
    per_day = (0.15 + 0.022 * truncated(rng, n)) * body.weight * np.where(body.female, 0.85, 1.0)
    volume = 1950 + 340 * truncated(rng, n, 2.2)
    above = np.zeros(n, dtype=bool)
    for arm, of in ((ANAKINRA, 33), (PLACEBO, 34)):
        group = trial.group(arm, trial.treated)
        above[rng.choice(group, share(group, 11, of + 1), replace=False)] = True
    excess = np.log(np.where(above, 75.0, 9.5)) + np.where(above, 0.42, 0.45) * truncated(rng, n, 2.0)
    albumin = np.where(above, np.exp(excess).clip(32.5, 700), np.exp(excess).clip(1.8, 27.5))
    before: dict[str, Values] = {}
    for visit in (BASELINE, WEEK13):
        hours = to_decimals(24 + 0.6 * truncated(rng, n), 1)
        millilitres = limited(volume + 150 * truncated(rng, n, 2.0), 950, 3300, rng)
        per_minute = creatinine[:, visit] / 1000 * hours * 60
        wanted = limited(per_day * (1 + 0.05 * truncated(rng, n, 2.0)) * hours / 24, 6.5, 26.5, rng, 0.02)
        cleared = (wanted / per_minute * 1000).clip(48, 215)
        concentration = (cleared * per_minute / millilitres).clip(2.3, 23.5)
        if visit == WEEK13:
            cleared = before["cleared"] + tame(cleared - before["cleared"], 2.9)
            concentration = before["concentration"] + tame(concentration - before["concentration"], 2.9)
        before = before or {"cleared": cleared, "concentration": concentration}
        concentration = to_decimals(concentration, 1)
        millilitres = np.rint((cleared * per_minute / concentration).clip(800, 4200))
        result["urine_volume_ml"][:, visit] = millilitres
        result["urine_collection_h"][:, visit] = hours
        result["urine_creatinine_mmol_l"][:, visit] = concentration
        result["creatinine_clearance_ml_min"][:, visit] = np.rint(concentration * millilitres / per_minute)
        step = tame(albumin * 0.16 * truncated(rng, n)) if visit == WEEK13 else 0.0
        result["albumin_excretion_mg_24h"][:, visit] = to_decimals((albumin + step).clip(1.3, None), 1)
    return result


def draw_il1ra(trial: Trial) -> tuple[Values, Values]:
    """Level of interleukin-1 receptor antagonist (ug/l) and hours since the last injection, of the completers."""
    rng = trial.rng("il1ra")
    level = np.full(trial.size, np.nan)
    for arm, gamma in ((ANAKINRA, 1.7), (PLACEBO, 2.2)):
        group = trial.group(arm, trial.completed)
        mean, sd = mean_sd("il1ra", arm)
        top = mean + (4.4 if arm == ANAKINRA else 3.2) * sd
        low = 90.0 if arm == ANAKINRA else 0.1
        level[group] = hold(rng.gamma(gamma, size=len(group)).clip(0, gamma * 4), mean, sd, 1, low, top)
    hours = to_decimals(1.5 + 0.2 * truncated(rng, trial.size), 2)
    return level, hours


def missing_excretion(trial: Trial, albumin: Values) -> Index:
    """Patients whose baseline albumin excretion was not done: one in each arm, both of normal excretion."""
    rng = trial.rng("missing excretion")
    missing = []
    for arm, of in ((ANAKINRA, 34), (PLACEBO, 35)):
        group = trial.group(arm, trial.treated)
        normal = group[albumin[group, BASELINE] <= 30]
        wanted = max(share(group, 1, of), int(trial.size >= SMALLEST_WHOLE))
        missing.append(rng.choice(normal, min(wanted, len(normal)), replace=False))
    return np.sort(np.concatenate(missing)).astype(np.int64)
