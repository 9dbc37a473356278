"""The rules as a user of Great Expectations writes them, on pandas."""

from datetime import datetime

import great_expectations.expectations as gxe
import pandas as pd  # noqa: TID251 -- the environment of this tool has it
from great_expectations import ExpectationSuite
from great_expectations.expectations.expectation import Expectation
from prepared import DATES, NUMBERS

KEYS = {
    "sites": ["site_id"],
    "subjects": ["subject_id"],
    "visits": ["subject_id", "visit", "visit_seq"],
    "vitals": ["subject_id", "visit", "visit_seq"],
    "home_glucose": ["subject_id", "week"],
    "adverse_events": ["subject_id", "ae_seq"],
}
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
        "birth_date": (datetime(1900, 1, 1), datetime(1990, 12, 31)),
        "age_yr": (0, 120),
        "diabetes_dx_date": (datetime(1930, 1, 1), datetime(2005, 3, 31)),
        "diabetes_duration_yr": (0, 80),
        "randomisation_date": (datetime(2004, 1, 1), datetime(2005, 6, 30)),
        "first_dose_date": (datetime(2004, 1, 1), datetime(2005, 9, 30)),
        "last_dose_date": (datetime(2004, 1, 1), datetime(2005, 12, 31)),
    },
    "visits": {
        "visit_seq": (1, 50),
        "visit_date": (datetime(2003, 10, 1), datetime(2005, 12, 31)),
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
        "measured_date": (datetime(2004, 1, 1), datetime(2005, 12, 31)),
        "home_fpg_mmol_l": (0.6, 35),
    },
    "adverse_events": {"ae_seq": (1, 200), "ae_start_day": (-120, 200), "ae_end_day": (-120, 400)},
}
REQUIRED_WHEN = {
    "subjects": {
        "diabetes_dx_date": "diabetes_duration_yr.isna()",
        "randomisation_date": 'randomised == "true"',
        "treated": 'randomised == "true"',
        "first_dose_date": 'treated == "true"',
        "last_dose_date": 'treated == "true" and completed.notna()',
        "completed": 'treated == "true"',
    },
    "visits": {"visit_date": 'visit_status.notna() and visit_status != "missed"'},
    "home_glucose": {"home_fpg_mmol_l": 'meter_flag.isna() or meter_flag == "none"'},
    "adverse_events": {
        "ae_start_date": "ae_term.notna()",
        "ae_end_date": 'ae_outcome == "resolved"',
        "ae_start_day": "ae_start_date.notna()",
        "ae_end_day": 'ae_outcome == "resolved" and ae_start_day.notna()',
    },
}


def expectations(table: str, frames: dict[str, pd.DataFrame]) -> list[tuple[str, Expectation]]:
    """Every expectation of a table with the code of its rule."""
    frame, key = frames[table], KEYS[table]
    found = [("KEY-002", gxe.ExpectColumnValuesToNotBeNull(column=name)) for name in key]
    if len(key) == 1:
        found.append(("KEY-001", gxe.ExpectColumnValuesToBeUnique(column=key[0])))
    else:
        unique = gxe.ExpectCompoundColumnsToBeUnique(column_list=key, ignore_row_if="any_value_is_missing")
        found.append(("KEY-001", unique))
    for name in frame.columns:
        if name in DATES:
            written = gxe.ExpectColumnValuesToMatchStrftimeFormat(column=f"{name}__text", strftime_format="%Y-%m-%d")
            found.append(("CELL-003", written))
        elif name in NUMBERS:
            written = gxe.ExpectColumnValuesToMatchRegex(column=f"{name}__text", regex=r"^-?\d+(\.\d+)?$")
            found.append(("CELL-001", written))
    found += [("REQ-001", gxe.ExpectColumnValuesToNotBeNull(column=name)) for name in FILLED.get(table, ())]
    for name, terms in TERMS[table].items():
        found.append(("LIST-001", gxe.ExpectColumnValuesToBeInSet(column=name, value_set=terms)))
    for name, (low, high) in RANGES[table].items():
        found.append(("RNG-001", gxe.ExpectColumnValuesToBeBetween(column=name, min_value=low, max_value=high)))
    for name, when in REQUIRED_WHEN.get(table, {}).items():
        needed = gxe.ExpectColumnValuesToNotBeNull(column=name, row_condition=when, condition_parser="pandas")
        found.append(("REQ-002", needed))
    if "subject_id" in frame.columns and table != "subjects":
        found.append(("REF-001", refers("subject_id", frames["subjects"])))
    if "point_in_place" in frame.columns:
        found.append(("ANOM-001", holds("point_in_place")))
    return found


def refers(name: str, parent: pd.DataFrame) -> Expectation:
    return gxe.ExpectColumnValuesToBeInSet(column=name, value_set=parent[name].dropna().tolist())


def holds(flag: str) -> Expectation:
    return gxe.ExpectColumnValuesToBeInSet(column=flag, value_set=[True])


def definition(frames: dict[str, pd.DataFrame]) -> dict[str, ExpectationSuite]:
    """A suite for each table."""
    suites = {table: expectations(table, frames) for table in KEYS}
    suites["subjects"].append(("REF-001", refers("site_id", frames["sites"])))
    suites["visits"].append(("VIS-007", holds("in_order")))
    suites["vitals"].append(("REF-001", holds("refers")))
    higher = gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A="sbp_mmhg", column_B="dbp_mmhg", ignore_row_if="either_value_is_missing"
    )
    suites["vitals"].append(("VIT-002", higher))
    suites["home_glucose"].append(("PAT-001", gxe.ExpectColumnValuesToMatchRegex(column="measured_time", regex=CLOCK)))
    suites["home_glucose"].append(("COPY-009", holds("own_series")))
    related = 'ae_related in ["related", "possibly_related"]'
    started = gxe.ExpectColumnValuesToBeBetween(
        column="ae_start_day", min_value=1, row_condition=related, condition_parser="pandas"
    )
    counted = gxe.ExpectColumnPairValuesToBeEqual(
        column_A="ae_start_day", column_B="counted_day", ignore_row_if="either_value_is_missing"
    )
    suites["adverse_events"] += [("AE-006", started), ("AE-007", counted)]
    for table, coded in suites.items():
        for code, expectation in coded:
            expectation.meta = {"code": code}
        suites[table] = ExpectationSuite(name=table, expectations=[expectation for _, expectation in coded])
    return suites
