"""What a user of Great Expectations writes beside it, in pandas: reading, types, joins, and flags of some rules."""

from math import log
from pathlib import Path

import numpy as np
import pandas as pd  # noqa: TID251 -- the environment of this tool has it

TABLES = ("sites", "subjects", "visits", "vitals", "home_glucose", "adverse_events")
DATES = (
    "birth_date diabetes_dx_date randomisation_date first_dose_date last_dose_date visit_date measured_date "
    "ae_start_date ae_end_date"
).split()
NUMBERS = (
    "birth_year age_yr visit_seq study_day week ae_seq ae_start_day ae_end_day "
    "hba1c_uln_pct ast_uln_u_l alt_uln_u_l diabetes_duration_yr fasting_hours weight_kg height_cm bmi_kg_m2 bsa_m2 "
    "sbp_mmhg dbp_mmhg heart_rate_bpm body_temp_c home_fpg_mmol_l"
).split()
ORDER = {"screening": 1, "baseline": 2, "week4": 4, "week13": 5}
USUAL = {
    "subjects": {"age_yr": (20, 90)},
    "visits": {"fasting_hours": (8, 14)},
    "vitals": {
        "weight_kg": (60, 160),
        "height_cm": (145, 205),
        "bmi_kg_m2": (27, 50),
        "bsa_m2": (1.5, 2.9),
        "sbp_mmhg": (95, 200),
        "dbp_mmhg": (50, 115),
        "heart_rate_bpm": (45, 110),
        "body_temp_c": (35.5, 37.9),
    },
    "home_glucose": {"home_fpg_mmol_l": (3.5, 20)},
}
OTHER_UNIT = {"weight_kg": (0.001,), "height_cm": (0.1, 100.0)}
SERIES = {"home_glucose": ["subject_id", "week"]}
VISIT_KEY = ["subject_id", "visit", "visit_seq"]


def read(folder: str) -> dict[str, pd.DataFrame]:
    """Every table with its columns typed, the text of typed cells beside them; the index is the line of the file."""
    frames = {}
    for table in TABLES:
        frame = pd.read_csv(Path(folder) / f"{table}.csv", dtype=str, keep_default_na=False, na_values=[""])
        frame.index += 2
        for name in list(frame.columns):
            if name in DATES:
                frame[f"{name}__text"] = frame[name]
                frame[name] = pd.to_datetime(frame[name], format="%Y-%m-%d", errors="coerce")
            elif name in NUMBERS:
                frame[f"{name}__text"] = frame[name]
                frame[name] = pd.to_numeric(frame[name], errors="coerce")
        frames[table] = frame
    visits, vitals, events = frames["visits"], frames["vitals"], frames["adverse_events"]
    known = vitals[VISIT_KEY].merge(visits[VISIT_KEY].drop_duplicates().assign(known=True), how="left", on=VISIT_KEY)[
        "known"
    ]
    vitals["refers"] = vitals[VISIT_KEY].isna().any(axis=1) | known.notna().to_numpy()
    first = events["subject_id"].map(
        frames["subjects"].drop_duplicates("subject_id").set_index("subject_id")["first_dose_date"]
    )
    days = (events["ae_start_date"] - first).dt.days
    events["counted_day"] = days.where(days < 0, days + 1)
    visits["in_order"] = in_order(visits)
    frames["home_glucose"]["own_series"] = own_series(frames["home_glucose"])
    for table in USUAL:
        frames[table]["point_in_place"] = point_in_place(table, frames[table])
    return frames


def in_order(visits: pd.DataFrame) -> pd.Series:
    """A planned visit is later than the dated one before it; a repeated visit is not earlier."""
    planned = visits.assign(order=visits["visit"].map(ORDER)).dropna(subset=["order", "visit_date"])
    planned = planned.sort_values(["subject_id", "order", "visit_seq"])
    before = planned.groupby("subject_id")[["visit", "visit_date"]].shift(1)
    later = planned["visit_date"] > before["visit_date"]
    repeated = (planned["visit"] == before["visit"]) & (planned["visit_date"] >= before["visit_date"])
    return (before["visit_date"].isna() | later | repeated).reindex(visits.index, fill_value=True)


def own_series(home: pd.DataFrame) -> pd.Series:
    """No other patient has the same series of five values or more; said of its first record."""
    ordered = home.dropna(subset=["subject_id"]).sort_values(["subject_id", "week"])
    point = ordered["week"].map(str) + ":" + ordered["home_fpg_mmol_l"].map(str, na_action=None)
    series = pd.DataFrame({
        "curve": point.groupby(ordered["subject_id"]).agg("|".join),
        "points": ordered.groupby("subject_id")["home_fpg_mmol_l"].count(),
        "line": ordered.index.to_series().groupby(ordered["subject_id"]).first(),
    })  # fmt: skip
    series = series[series["points"] >= 5]
    copied = series.loc[series["curve"].duplicated(keep=False), "line"]
    return pd.Series(~home.index.isin(copied), home.index)


def point_in_place(table: str, frame: pd.DataFrame) -> pd.Series:
    """No unusual value of a row becomes usual for the patient when its decimal point is moved."""
    moved = pd.Series(False, frame.index)
    for name, (low, high) in USUAL[table].items():
        value, middle, width = frame[name].astype(float), (log(low) + log(high)) / 2, log(high) - log(low)
        logs = np.log(value.where(value > 0))
        series = [frame[part] for part in SERIES.get(table, ["subject_id"])]
        own = logs.where(value.between(low, high)).groupby(series).transform("mean")
        doubtful = (value > 0) & ~value.between(low, high)
        far = own.isna() & ((value < low / 2) | (value > high * 2))
        for factor in (0.001, 0.01, 0.1, 10.0, 100.0, 1000.0):
            if factor in OTHER_UNIT.get(name, ()) or high > 4 * low * max(factor, 1 / factor) ** 0.5:
                continue
            usual = (value * factor).between(low * (1 - 1e-9), high * (1 + 1e-9))
            reading = logs + log(factor)
            like_own = (reading - own).abs() <= log(1.5)
            like_others = far & ((reading - middle).abs() <= 0.35 * width + 1e-9)
            moved |= doubtful & usual & (like_own | like_others)
    return ~moved
