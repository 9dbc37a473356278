"""Medical history, medicines, antidiabetic treatment with its changes, eye examination."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from anakinra_t2d.simulation.calendar import DK, NONE, Days
from anakinra_t2d.simulation.enrolment import ANAKINRA, PLACEBO, Codes, Flags, Index, Trial, share
from anakinra_t2d.simulation.glycaemia import Glycaemia
from anakinra_t2d.simulation.standardise import Values, hold, to_decimals, truncated
from anakinra_t2d.simulation.targets import mean_sd
from anakinra_t2d.simulation.write import frame, pick

DIET, ORAL, INSULIN = 0, 1, 2
CLASSES = ["diet", "oral", "insulin"]
YES_NO = ["no", "yes"]


@dataclass(frozen=True)
class History:
    """One value for each randomised patient."""

    smoking: Codes
    cardiovascular: Flags
    antihypertensive: Flags
    retinopathy: Flags
    treatment: Index
    aspirin: Values
    reduced: Flags
    reduced_on: Days
    duration: Values


def draw_history(trial: Trial, glycaemia: Glycaemia, age: Values) -> History:
    """Draw history; the counts of Table 1 hold in the treated of each arm."""
    rng = trial.rng("history")
    n = trial.size
    smoking = np.full(n, "never", dtype="<U8")
    flags = {name: np.zeros(n, dtype=bool) for name in ("cardiovascular", "antihypertensive", "retinopathy", "reduced")}
    treatment = np.full(n, ORAL)
    duration = to_decimals(6 + 3 * rng.random(n), 1)
    counts: dict[str, tuple[int, int]] = {
        "cardiovascular": (16, 8),
        "antihypertensive": (24, 26),
        "retinopathy": (7, 11),
    }
    for arm, size in ((ANAKINRA, 34), (PLACEBO, 35)):
        group = trial.group(arm, trial.treated)
        order = rng.permutation(group)
        current = share(group, (5, 6)[arm], size)
        former = share(group, (14, 12)[arm], size)
        smoking[order[:current]], smoking[order[current : current + former]] = "current", "former"
        for name, cases in counts.items():
            chosen = rng.permutation(group)[: share(group, cases[arm], size)]
            flags[name][chosen] = True
        order = rng.permutation(group)
        diet, insulin = share(group, (3, 2)[arm], size), share(group, (13, 18)[arm], size)
        treatment[order[:diet]], treatment[order[diet : diet + insulin]] = DIET, INSULIN
        shape = 0.25 * (age[group] - 60) / 9 + rng.gamma(2.6, 0.6, size=len(group)).clip(0, 4.6)
        duration[group] = hold(shape, *mean_sd("duration", arm), 1, 0.6, np.minimum(36.0, age[group] - 8))
        fall = glycaemia.hba1c[:, 3] - glycaemia.hba1c[:, 1]
        later = glycaemia.hba1c[:, 3] - glycaemia.hba1c[:, 2]
        able = trial.group(arm, trial.completed & (treatment != DIET) & (fall < -0.45) & (later < -0.15))
        chosen = able[np.argsort(fall[able], kind="stable")][: share(group, (2, 1)[arm], size)]
        flags["reduced"][chosen] = True
    aspirin = np.where(
        flags["cardiovascular"] | (rng.random(n) < 0.25), np.where(trial.site[trial.at] == DK, 75, 100), 0
    )
    return History(
        smoking=smoking,
        aspirin=aspirin.astype(np.float64),
        treatment=treatment,
        reduced_on=np.where(flags["reduced"], trial.week4 + rng.integers(8, 40, size=n), NONE).astype(np.int32),
        duration=duration,
        **flags,
    )


Rows = dict[str, np.ndarray[Any, Any]]

METFORMIN = ("metformin", "A10BA02", "biguanide")
SULFONYLUREA = ("glimepiride", "A10BB12", "sulfonylurea")
BASAL = ("insulin human isophane", "A10AC01", "insulin_basal")
BOLUS = ("insulin aspart", "A10AB05", "insulin_bolus")


def _medicine(what: tuple[str, str, str], at: Index, start: Any, **columns: Any) -> pl.DataFrame:
    name, atc, group = what
    rows: dict[str, Any] = {
        "at": at,
        "start": np.broadcast_to(start, at.shape),
        "end": np.full(len(at), NONE, dtype=np.int64),
    }
    for column in ("dose", "per_day", "units"):
        value = np.asarray(columns.get(column, np.nan), dtype=np.float64)
        rows[column] = np.broadcast_to(value, at.shape)
    made = pl.DataFrame({key: np.ascontiguousarray(values) for key, values in rows.items()})
    return made.with_columns(name=pl.lit(name), atc=pl.lit(atc), group=pl.lit(group)).cast({"start": pl.Int64})


def draw_medicines(
    trial: Trial, history: History, female: Flags, age: Values, infections: pl.DataFrame
) -> pl.DataFrame:
    """All medicine rows of the randomised, in order of patient and start.

    Args:
        infections: antibiotic courses with the columns at, start, end.
    """
    rng = trial.rng("medicines")
    n = trial.size
    everyone = np.arange(n)
    screened = trial.screening_date[trial.at].astype(np.int64)

    def since(at: Index) -> Index:
        return np.asarray(screened[at] - rng.integers(130, 2600, size=len(at)))

    oral, insulin = history.treatment == ORAL, history.treatment == INSULIN
    metformin = everyone[(oral & (rng.random(n) < 0.8)) | (insulin & (rng.random(n) < 0.45))]
    second = everyone[oral & (~np.isin(everyone, metformin) | (rng.random(n) < 0.5))]
    basal = everyone[insulin]
    bolus = everyone[insulin & (rng.random(n) < 0.5)]
    daily = np.rint(38 + 14 * truncated(rng, n)).clip(12, None)
    parts = [
        _medicine(
            METFORMIN,
            metformin,
            since(metformin),
            dose=rng.choice([500, 850, 1000], size=len(metformin)),
            per_day=rng.choice([2, 3], size=len(metformin), p=[0.75, 0.25]),
        ),
        _medicine(SULFONYLUREA, second, since(second), dose=rng.choice([1, 2, 3, 4, 6], size=len(second)), per_day=1),
        _medicine(BASAL, basal, since(basal), per_day=rng.choice([1, 2], size=len(basal)), units=daily[basal]),
        _medicine(
            BOLUS, bolus, since(bolus), per_day=3, units=np.rint(daily[bolus] * (0.5 + 0.5 * rng.random(len(bolus))))
        ),
    ]
    pressure = everyone[history.antihypertensive]
    for what, doses, part in (
        (("enalapril", "C09AA02", "antihypertensive"), [5, 10, 20], pressure),
        (("amlodipine", "C08CA01", "antihypertensive"), [5, 10], pressure[rng.random(len(pressure)) < 0.35]),
        (("simvastatin", "C10AA01", "lipid_lowering"), [10, 20, 40], everyone[rng.random(n) < 0.45]),
    ):
        parts.append(_medicine(what, part, since(part), dose=rng.choice(doses, size=len(part)), per_day=1))
    thin = everyone[history.aspirin > 0]
    parts.append(
        _medicine(
            ("acetylsalicylic acid", "B01AC06", "aspirin"), thin, since(thin), dose=history.aspirin[thin], per_day=1
        )
    )
    young = everyone[female & (age < 48)]
    parts.append(_medicine(("levonorgestrel", "G03AC03", "contraceptive"), young, since(young), dose=0.15, per_day=1))
    table = pl.concat(parts)
    table = _with_reductions(table, history)
    courses = infections.select("at", "start", "end").cast(pl.Int64)
    if courses.height:
        cure = _medicine(("amoxicillin", "J01CA04", "antibiotic"), courses["at"].to_numpy(), 0, dose=750, per_day=3)
        table = pl.concat([table, cure.with_columns(courses["start"], courses["end"])])
    return table.sort("at", "start", "name", maintain_order=True)


def _with_reductions(table: pl.DataFrame, history: History) -> pl.DataFrame:
    """Split the first antidiabetic medicine of each patient whose dose was reduced."""
    date = pl.Series("changed", history.reduced_on.astype(np.int64))
    antidiabetic = pl.col("atc").str.starts_with("A10")
    rows = table.with_row_index("row").with_columns(changed=date.gather(table["at"]))
    cut = (
        rows.filter(antidiabetic & (pl.col("changed") != int(NONE))).group_by("at", maintain_order=True).first()["row"]
    )
    rows = rows.with_columns(pl.when(pl.col("row").is_in(cut.to_list())).then(pl.col("changed")).alias("cut"))
    smaller = (
        pl.when(pl.col("group") == "sulfonylurea").then((pl.col("dose") / 2).clip(0.5)).otherwise(pl.col("dose") / 2)
    )
    new = rows.filter(pl.col("cut").is_not_null()).with_columns(
        start=pl.col("cut"), dose=smaller, units=(pl.col("units") * 0.75).round()
    )
    old = rows.with_columns(end=pl.when(pl.col("cut").is_not_null()).then(pl.col("cut") - 1).otherwise(pl.col("end")))
    return pl.concat([old, new]).select(table.columns)


def medications(trial: Trial, medicines: pl.DataFrame) -> pl.DataFrame:
    """The table medications."""
    sequence = medicines.select(pl.int_range(pl.len()).over("at").alias("seq"))["seq"] + 1
    return frame(
        "medications",
        {
            "subject_id": pick(trial.id, medicines["at"].to_numpy()),
            "med_seq": sequence,
            "med_name": medicines["name"],
            "atc_code": medicines["atc"],
            "med_class": medicines["group"],
            "dose": medicines["dose"],
            "doses_per_day": medicines["per_day"],
            "total_daily_insulin_u": medicines["units"],
            "start_date": medicines["start"],
            "end_date": medicines["end"],
            "ongoing": pick(YES_NO, (medicines["end"] == int(NONE)).to_numpy()),
        },
    )


def regimen_hash(text: str) -> str:
    """Sixteen hexadecimal digits that change when a drug or a dose in the regimen text changes."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _regimens(trial: Trial, medicines: pl.DataFrame, on: Days) -> list[str]:
    """Hash of the antidiabetic regimen of each patient on a date."""
    day = pl.Series("on", on.astype(np.int64)).gather(medicines["at"])
    current = medicines.with_columns(on=day).filter(
        pl.col("atc").str.starts_with("A10")
        & (pl.col("start") <= pl.col("on"))
        & ((pl.col("end") == int(NONE)) | (pl.col("end") >= pl.col("on")))
    )
    amount = pl.coalesce(pl.col("units").fill_nan(None), (pl.col("dose") * pl.col("per_day")).fill_nan(None))
    texts = (
        current.with_columns(text=pl.format("{}={}", "name", amount))
        .sort("at", "text")
        .group_by("at", maintain_order=True)
        .agg(pl.col("text").str.join("|"))
    )
    by_patient = dict(zip(texts["at"].to_list(), texts["text"].to_list(), strict=True))
    known: dict[str, str] = {}
    result = []
    for at in range(trial.size):
        text = by_patient.get(at, "diet")
        if text not in known:
            known[text] = regimen_hash(text)
        result.append(known[text])
    return result


def antidiabetic_treatment(trial: Trial, history: History, medicines: pl.DataFrame) -> pl.DataFrame:
    """The table antidiabetic_treatment: snapshots at baseline, week 4 and week 13."""
    parts = []
    for order, (visit, date) in enumerate(
        (("baseline", trial.baseline), ("week4", trial.week4), ("week13", trial.week13))
    ):
        at = np.flatnonzero(date != NONE)
        hashes = np.array(_regimens(trial, medicines, date))
        changed = history.reduced[at] & (visit == "week13")
        columns: dict[str, Any] = {
            "subject_id": pick(trial.id, at),
            "visit": visit,
            "treatment_class": pick(CLASSES, history.treatment[at]),
            "regimen_text_hash": hashes[at],
        }
        if visit != "baseline":
            columns["dose_changed"] = pick(["no", "reduced"], changed)
            columns["dose_change_reason"] = pick(["", "improved_glycaemia"], changed)
            columns["dose_change_date"] = np.where(changed, history.reduced_on[at], NONE)
        made = frame("antidiabetic_treatment", columns)
        parts.append(made.with_columns(at=pl.Series(at), order=pl.lit(order)))
    return pl.concat(parts).sort("at", "order").drop("at", "order")


def medical_history(trial: Trial, history: History, albuminuria: pl.Series) -> pl.DataFrame:
    """The table medical_history."""
    return frame(
        "medical_history",
        {
            "subject_id": trial.id,
            "smoking_status": history.smoking,
            "cvd_history": pick(YES_NO, history.cardiovascular),
            "antihypertensive_use": pick(YES_NO, history.antihypertensive),
            "albuminuria_gt30": albuminuria,
            "retinopathy_baseline": pick(YES_NO, history.retinopathy),
            "antidiabetic_class_baseline": pick(CLASSES, history.treatment),
            "lifestyle_change_reported": pick(["", "no"], trial.treated),
        },
    )


def eye_exam(trial: Trial, history: History) -> pl.DataFrame:
    """The table eye_exam: both eyes at baseline and week 13."""
    rng = trial.rng("eyes")
    n = trial.size
    worst = np.where(history.retinopathy, rng.choice([1, 1, 1, 2, 2, 3], size=n), 0)
    other = np.where(history.retinopathy & (rng.random(n) < 0.6), worst, 0)
    right_first = rng.random(n) < 0.5
    grades = np.column_stack([np.where(right_first, worst, other), np.where(right_first, other, worst)])
    at = np.repeat(np.arange(n), 4)
    visit, eye = np.tile([0, 0, 1, 1], n), np.tile([0, 1, 0, 1], n)
    here = (visit == 0) | trial.completed[at]
    at, visit, eye = at[here], visit[here], eye[here]
    return frame(
        "eye_exam",
        {
            "subject_id": pick(trial.id, at),
            "visit": pick(["baseline", "week13"], visit),
            "eye": pick(["right", "left"], eye),
            "funduscopy_done": "yes",
            "retinopathy_grade": pick(["none", "mild_npdr", "moderate_npdr", "severe_npdr"], grades[at, eye]),
            "fundus_change": pick(["", "none"], visit),
        },
    )
