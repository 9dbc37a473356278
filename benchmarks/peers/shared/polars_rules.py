"""What a user of a validator on polars writes beside it: reading, types, and the rules that need more than one row."""

from math import log
from pathlib import Path

import polars as pl

TABLES = ("sites", "subjects", "visits", "vitals", "home_glucose", "adverse_events")
DATES = (
    "birth_date diabetes_dx_date randomisation_date first_dose_date last_dose_date visit_date measured_date "
    "ae_start_date ae_end_date"
).split()
INTEGERS = "birth_year age_yr visit_seq study_day week ae_seq ae_start_day ae_end_day".split()
BOOLEANS = "randomised treated completed".split()
NUMBERS = (
    "hba1c_uln_pct ast_uln_u_l alt_uln_u_l diabetes_duration_yr fasting_hours weight_kg height_cm bmi_kg_m2 bsa_m2 "
    "sbp_mmhg dbp_mmhg heart_rate_bpm body_temp_c home_fpg_mmol_l"
).split()
KEYS = {
    "sites": ["site_id"],
    "subjects": ["subject_id"],
    "visits": ["subject_id", "visit", "visit_seq"],
    "vitals": ["subject_id", "visit", "visit_seq"],
    "home_glucose": ["subject_id", "week"],
    "adverse_events": ["subject_id", "ae_seq"],
}
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
SERIES = {
    "subjects": ["subject_id"],
    "visits": ["subject_id"],
    "vitals": ["subject_id"],
    "home_glucose": ["subject_id", "week"],
}


def read(folder: str, numbers: bool = True) -> dict[str, pl.DataFrame]:
    """Every table with lines and typed columns, numbers only if asked for, and the text of typed cells beside them."""
    frames = {}
    for table in TABLES:
        frame = pl.read_csv(Path(folder) / f"{table}.csv", infer_schema=False)
        here = set(frame.columns)
        kept = [pl.col(name).alias(f"{name}__text") for name in (*DATES, *(NUMBERS if numbers else [])) if name in here]
        typed = [pl.col(name).str.to_date("%Y-%m-%d", strict=False) for name in DATES if name in here]
        typed += [pl.col(name).cast(pl.Int64, strict=False) for name in INTEGERS if name in here]
        typed += [pl.col(name).cast(pl.Float64, strict=False) for name in NUMBERS if numbers and name in here]
        typed += [
            pl.col(name).replace_strict({"true": True, "false": False}, default=None)
            for name in BOOLEANS
            if name in here
        ]
        frames[table] = frame.with_columns(kept).with_columns(typed).with_row_index("line", offset=2)
    return joined(frames)


def joined(frames: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The tables with what their rules need of other tables and of other records."""
    sites, subjects, visits = frames["sites"], frames["subjects"], frames["visits"]
    known = subjects.select("subject_id", known_subject=True).unique()
    first_dose = subjects.select("subject_id", "first_dose_date").unique("subject_id")
    visit = visits.select("subject_id", "visit", "visit_seq", known_visit=True).unique()
    keep = {"how": "left", "maintain_order": "left"}
    frames["subjects"] = subjects.join(sites.select("site_id", known_site=True).unique(), on="site_id", **keep)
    for table in ("visits", "vitals", "home_glucose", "adverse_events"):
        frames[table] = frames[table].join(known, on="subject_id", **keep)
    frames["vitals"] = frames["vitals"].join(visit, on=["subject_id", "visit", "visit_seq"], **keep)
    frames["adverse_events"] = frames["adverse_events"].join(first_dose, on="subject_id", **keep)
    return frames


def readable(name: str) -> pl.Expr:
    """A cell with a text has a value."""
    return pl.col(f"{name}__text").is_null() | pl.col(name).is_not_null()


def refers(names: list[str], known: str) -> pl.Expr:
    """The record referred to exists; a reference that lacks a part refers to nothing."""
    return pl.any_horizontal(pl.col(name).is_null() for name in names) | pl.col(known).is_not_null()


def filled_when(name: str, condition: pl.Expr) -> pl.Expr:
    """A cell is filled where the condition holds; where it is neither true nor false, nothing is asked for."""
    return ~condition.fill_null(False) | pl.col(name).is_not_null()


REQUIRED_WHEN = {
    "subjects": {
        "diabetes_dx_date": pl.col("diabetes_duration_yr").is_null(),
        "randomisation_date": pl.col("randomised"),
        "treated": pl.col("randomised"),
        "first_dose_date": pl.col("treated"),
        "last_dose_date": pl.col("treated") & pl.col("completed").is_not_null(),
        "completed": pl.col("treated"),
    },
    "visits": {"visit_date": pl.col("visit_status") != "missed"},
    "home_glucose": {"home_fpg_mmol_l": pl.col("meter_flag").is_null() | (pl.col("meter_flag") == "none")},
    "adverse_events": {
        "ae_start_date": pl.col("ae_term").is_not_null(),
        "ae_end_date": pl.col("ae_outcome") == "resolved",
        "ae_start_day": pl.col("ae_start_date").is_not_null(),
        "ae_end_day": (pl.col("ae_outcome") == "resolved") & pl.col("ae_start_day").is_not_null(),
    },
}


def starts_after_first_dose() -> pl.Expr:
    """An event that is related to the drug starts on day 1 or later."""
    related = pl.col("ae_related").is_in(["related", "possibly_related"])
    other = pl.col("ae_related").is_in(["not_related", "unknown"])
    return pl.when(related).then(pl.col("ae_start_day") >= 1).when(other).then(pl.lit(True))


def counted_from_first_dose() -> pl.Expr:
    """The start day counts from the first dose as day 1, without a day 0."""
    days = (pl.col("ae_start_date") - pl.col("first_dose_date")).dt.total_days()
    return pl.col("ae_start_day") == pl.when(days >= 0).then(days + 1).otherwise(days)


def in_order() -> pl.Expr:
    """A planned visit is later than the dated one before it; a repeated visit is not earlier."""
    order = pl.col("visit").replace_strict(ORDER, default=None)
    dated = order.is_not_null() & pl.col("visit_date").is_not_null()

    def before(name: str) -> pl.Expr:
        dates = pl.when(dated).then(pl.col(name)).forward_fill().shift(1)
        return dates.over("subject_id", order_by=[order.fill_null(0), "visit_seq"])

    later = (pl.col("visit_date") > before("visit_date")) | (
        (pl.col("visit") == before("visit")) & (pl.col("visit_date") >= before("visit_date"))
    )
    return ~dated | before("visit_date").is_null() | later


def own_series() -> pl.Expr:
    """No other patient has the same series of five values or more; said of its first record."""
    point = pl.concat_str(pl.col("week"), pl.col("home_fpg_mmol_l").cast(pl.String).fill_null(""), separator=":")
    curve = point.sort_by("week").str.join("|").over("subject_id")
    copied = pl.col("subject_id").n_unique().over(curve) > 1
    long = pl.col("home_fpg_mmol_l").count().over("subject_id") >= 5
    first = pl.col("week") == pl.col("week").min().over("subject_id")
    return ~(pl.col("subject_id").is_not_null() & copied & long & first)


def point_in_place(table: str) -> pl.Expr:
    """No unusual value of a row becomes usual for the patient when its decimal point is moved."""
    return ~pl.any_horizontal(moved for name in USUAL[table] for moved in _readings(table, name)).fill_null(False)


def _readings(table: str, name: str) -> list[pl.Expr]:
    low, high = USUAL[table][name]
    value, middle, width = pl.col(name), (log(low) + log(high)) / 2, log(high) - log(low)
    own = pl.when(value.is_between(low, high)).then(value.log()).mean().over(SERIES[table])
    found = []
    for factor in (0.001, 0.01, 0.1, 10.0, 100.0, 1000.0):
        if factor in OTHER_UNIT.get(name, ()) or high > 4 * low * max(factor, 1 / factor) ** 0.5:
            continue
        reading = (value * factor).log()
        usual = (value * factor).is_between(low * (1 - 1e-9), high * (1 + 1e-9))
        far = (value < low / 2) | (value > high * 2)
        like_own = (reading - own).abs() <= log(1.5)
        like_others = own.is_null() & far & ((reading - middle).abs() <= 0.35 * width + 1e-9)
        found.append((value > 0) & ~value.is_between(low, high) & usual & (like_own.fill_null(False) | like_others))
    return found
