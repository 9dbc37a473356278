"""The rules as a user of pointblank writes them, on polars."""

from datetime import date

import pointblank as pb
import polars as pl
from polars_rules import (
    KEYS,
    REQUIRED_WHEN,
    counted_from_first_dose,
    filled_when,
    in_order,
    own_series,
    point_in_place,
    readable,
    starts_after_first_dose,
)

YES_NO = ["yes", "no"]
YES_NO_UNKNOWN = ["yes", "no", "unknown"]
VISITS = ["screening", "baseline", "week4", "week13", "unscheduled", "early_termination"]
ALL_VISITS = [*VISITS, "clamp_baseline", "clamp_week13"]
CATEGORIES = (
    "injection_site_reaction injection_site_haematoma nausea facial_nerve_palsy urinary_tract_infection "
    "upper_respiratory_tract_infection ast_elevation dry_cough peroneal_nerve_palsy calf_pain "
    "phlegmonous_foot_infection symptomatic_hypoglycaemia other"
).split()
CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"

FILLED = {
    "sites": ["country", "lab_hba1c_id", "hba1c_uln_pct", "ast_uln_u_l", "alt_uln_u_l", "locale_decimal_sep",
              "locale_date_format"],
    "subjects": ["site_id", "sex", "birth_year", "age_yr", "diabetes_duration_yr", "screening_status", "randomised"],
    "visits": ["visit_status"],
    "vitals": [],
    "home_glucose": ["measured_date"],
    "adverse_events": ["ae_term", "ae_category", "ae_severity", "ae_serious", "ae_related", "ae_action", "ae_outcome"],
}  # fmt: skip
TERMS = {
    "sites": {
        "site_id": ["DK01", "CH01"],
        "country": ["DNK", "CHE"],
        "lab_hba1c_id": ["LAB_DK", "LAB_CH"],
        "locale_decimal_sep": ["comma", "point"],
    },
    "subjects": {
        "site_id": ["DK01", "CH01"],
        "sex": ["M", "F"],
        "screening_status": ["passed", "failed", "not_assessable", "pending"],
    },
    "visits": {"visit": ALL_VISITS, "visit_status": ["done", "missed", "partial"], "physical_exam_done": YES_NO},
    "vitals": {"visit": VISITS},
    "home_glucose": {
        "fasting_confirmed": YES_NO_UNKNOWN,
        "meter_calibration": ["plasma", "whole_blood", "unknown"],
        "meter_flag": ["none", "HI", "LO"],
        "symptomatic_hypoglycaemia": YES_NO_UNKNOWN,
    },
    "adverse_events": {
        "ae_category": CATEGORIES,
        "ae_severity": ["mild", "moderate", "severe"],
        "ae_serious": YES_NO,
        "ae_related": ["related", "possibly_related", "not_related", "unknown"],
        "ae_action": ["none", "interrupted", "stopped", "not_applicable"],
        "ae_outcome": ["resolved", "resolving", "not_resolved", "sequelae", "fatal", "unknown"],
        "isr_present": YES_NO,
    },
}
RANGES = {
    "sites": {"hba1c_uln_pct": (4, 8), "ast_uln_u_l": (10, 100), "alt_uln_u_l": (10, 120)},
    "subjects": {
        "birth_year": (1900, 1990),
        "birth_date": (date(1900, 1, 1), date(1990, 12, 31)),
        "age_yr": (0, 120),
        "diabetes_dx_date": (date(1930, 1, 1), date(2005, 3, 31)),
        "diabetes_duration_yr": (0, 80),
        "randomisation_date": (date(2004, 1, 1), date(2005, 6, 30)),
        "first_dose_date": (date(2004, 1, 1), date(2005, 9, 30)),
        "last_dose_date": (date(2004, 1, 1), date(2005, 12, 31)),
    },
    "visits": {
        "visit_seq": (1, 50),
        "visit_date": (date(2003, 10, 1), date(2005, 12, 31)),
        "study_day": (-200, 200),
        "fasting_hours": (0, 48),
    },
    "vitals": {
        "visit_seq": (1, 50),
        "weight_kg": (30, 350),
        "height_cm": (120, 230),
        "bmi_kg_m2": (12, 80),
        "bsa_m2": (1.0, 3.6),
        "sbp_mmhg": (50, 300),
        "dbp_mmhg": (20, 200),
        "heart_rate_bpm": (20, 250),
        "body_temp_c": (30, 44),
    },
    "home_glucose": {
        "week": (0, 20),
        "measured_date": (date(2004, 1, 1), date(2005, 12, 31)),
        "home_fpg_mmol_l": (0.6, 35),
    },
    "adverse_events": {"ae_seq": (1, 200), "ae_start_day": (-120, 200), "ae_end_day": (-120, 400)},
}


def steps(table: str, frames: dict[str, pl.DataFrame]) -> pb.Validate:
    """Every step of a table; its brief is the code of the rule."""
    frame = frames[table]
    plan = pb.Validate(frame, tbl_name=table)
    for name in frame.columns:
        if name.endswith("__text"):
            typed = name.removesuffix("__text")
            code = "CELL-003" if frame.schema[typed] == pl.Date else "CELL-001"
            plan = plan.col_vals_expr(readable(typed), brief=code)
    plan = plan.col_vals_not_null(KEYS[table], brief="KEY-002").rows_distinct(KEYS[table], brief="KEY-001")
    if FILLED[table]:
        plan = plan.col_vals_not_null(FILLED[table], brief="REQ-001")
    for name, terms in TERMS[table].items():
        plan = plan.col_vals_in_set(name, [*terms, None], brief="LIST-001")
    for name, (low, high) in RANGES[table].items():
        plan = plan.col_vals_between(name, low, high, na_pass=True, brief="RNG-001")
    for name, condition in REQUIRED_WHEN.get(table, {}).items():
        plan = plan.col_vals_expr(filled_when(name, condition), brief="REQ-002")
    if "subject_id" in frame.columns and table != "subjects":
        plan = refers(plan, frames["subjects"], ["subject_id"])
    return plan


def refers(plan: pb.Validate, parent: pl.DataFrame, names: list[str]) -> pb.Validate:
    return plan.col_vals_in_table(names, parent, names, na_pass=True, brief="REF-001")


def holds(plan: pb.Validate, code: str, condition: pl.Expr) -> pb.Validate:
    """A step of one rule; a condition that is neither true nor false would count as a fault."""
    return plan.col_vals_expr(condition.fill_null(True), brief=code)


def definition(frames: dict[str, pl.DataFrame]) -> dict[str, pb.Validate]:
    """Every table with its steps."""
    plans = {table: steps(table, frames) for table in KEYS}
    plans["subjects"] = refers(plans["subjects"], frames["sites"], ["site_id"])
    plans["visits"] = holds(plans["visits"], "VIS-007", in_order())
    plans["vitals"] = refers(plans["vitals"], frames["visits"], KEYS["visits"])
    plans["vitals"] = plans["vitals"].col_vals_lt("dbp_mmhg", pb.col("sbp_mmhg"), na_pass=True, brief="VIT-002")
    plans["home_glucose"] = holds(plans["home_glucose"], "COPY-009", own_series())
    plans["home_glucose"] = plans["home_glucose"].col_vals_regex("measured_time", CLOCK, na_pass=True, brief="PAT-001")
    plans["adverse_events"] = holds(plans["adverse_events"], "AE-006", starts_after_first_dose())
    plans["adverse_events"] = holds(plans["adverse_events"], "AE-007", counted_from_first_dose())
    for table in ("subjects", "visits", "vitals", "home_glucose"):
        plans[table] = holds(plans[table], "ANOM-001", point_in_place(table))
    return plans
