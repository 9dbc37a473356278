"""The rules as a user of pandera writes them, on polars."""

import pandera.polars as pa
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
    refers,
    starts_after_first_dose,
)

YES_NO = ["yes", "no"]
YES_NO_UNKNOWN = ["yes", "no", "unknown"]
VISITS = ["screening", "baseline", "week4", "week13", "unscheduled", "early_termination"]
ALL_VISITS = [*VISITS, "clamp_baseline", "clamp_week13"]


def text(*terms: str, required: bool = False, pattern: str | None = None) -> pa.Column:
    checks = [pa.Check.isin(terms)] if terms else []
    if pattern:
        checks.append(pa.Check.str_matches(pattern))
    return pa.Column(pl.String, checks, nullable=not required)


def column(dtype: object, low: object = None, high: object = None, required: bool = False) -> pa.Column:
    checks = [pa.Check.in_range(low, high)] if low is not None else []
    return pa.Column(dtype, checks, nullable=not required)


def number(low: float | None = None, high: float | None = None, required: bool = False) -> pa.Column:
    return column(pl.Float64, low, high, required)


def integer(low: int | None = None, high: int | None = None, required: bool = False) -> pa.Column:
    return column(pl.Int64, low, high, required)


def day(low: str | None = None, high: str | None = None, required: bool = False) -> pa.Column:
    ends = [None if end is None else pl.Series([end]).str.to_date()[0] for end in (low, high)]
    return column(pl.Date, *ends, required)


def rule(code: str, condition: pl.Expr) -> pa.Check:
    return pa.Check(lambda data: data.lazyframe.select(condition), name=code)


def table(name: str, columns: dict[str, pa.Column], *checks: pa.Check) -> pa.DataFrameSchema:
    number_code, date_code = "CELL-001", "CELL-003"
    typed = [
        rule(date_code if column.dtype.type == pl.Date else number_code, readable(field))
        for field, column in columns.items()
        if column.dtype.type in (pl.Date, pl.Float64)
    ]
    needed = [rule("REQ-002", filled_when(field, when)) for field, when in REQUIRED_WHEN.get(name, {}).items()]
    return pa.DataFrameSchema(columns, checks=[*typed, *needed, *checks], unique=KEYS[name], name=name)


SUBJECT = rule("REF-001", refers(["subject_id"], "known_subject"))

SCHEMAS = {
    "sites": table(
        "sites",
        {
            "site_id": text("DK01", "CH01", required=True),
            "country": text("DNK", "CHE", required=True),
            "lab_hba1c_id": text("LAB_DK", "LAB_CH", required=True),
            "hba1c_uln_pct": number(4, 8, required=True),
            "ast_uln_u_l": number(10, 100, required=True),
            "alt_uln_u_l": number(10, 120, required=True),
            "locale_decimal_sep": text("comma", "point", required=True),
            "locale_date_format": text(required=True),
        },
    ),
    "subjects": table(
        "subjects",
        {
            "subject_id": text(required=True),
            "site_id": text("DK01", "CH01", required=True),
            "sex": text("M", "F", required=True),
            "birth_year": integer(1900, 1990, required=True),
            "birth_date": day("1900-01-01", "1990-12-31"),
            "age_yr": integer(0, 120, required=True),
            "diabetes_dx_date": day("1930-01-01", "2005-03-31"),
            "diabetes_duration_yr": number(0, 80, required=True),
            "screening_status": text("passed", "failed", "not_assessable", "pending", required=True),
            "randomised": pa.Column(pl.Boolean),
            "randomisation_date": day("2004-01-01", "2005-06-30"),
            "treated": pa.Column(pl.Boolean, nullable=True),
            "first_dose_date": day("2004-01-01", "2005-09-30"),
            "last_dose_date": day("2004-01-01", "2005-12-31"),
            "completed": pa.Column(pl.Boolean, nullable=True),
            "race_ethnicity": text(),
        },
        rule("REF-001", refers(["site_id"], "known_site")),
        rule("ANOM-001", point_in_place("subjects")),
    ),
    "visits": table(
        "visits",
        {
            "subject_id": text(required=True),
            "visit": text(*ALL_VISITS, required=True),
            "visit_seq": integer(1, 50, required=True),
            "visit_date": day("2003-10-01", "2005-12-31"),
            "study_day": integer(-200, 200),
            "visit_status": text("done", "missed", "partial", required=True),
            "physical_exam_done": text(*YES_NO),
            "physical_exam_finding": text(),
            "fasting_hours": number(0, 48),
        },
        SUBJECT,
        rule("VIS-007", in_order()),
        rule("ANOM-001", point_in_place("visits")),
    ),
    "vitals": table(
        "vitals",
        {
            "subject_id": text(required=True),
            "visit": text(*VISITS, required=True),
            "visit_seq": integer(1, 50, required=True),
            "weight_kg": number(30, 350),
            "height_cm": number(120, 230),
            "bmi_kg_m2": number(12, 80),
            "bsa_m2": number(1.0, 3.6),
            "sbp_mmhg": number(50, 300),
            "dbp_mmhg": number(20, 200),
            "heart_rate_bpm": number(20, 250),
            "body_temp_c": number(30, 44),
        },
        SUBJECT,
        rule("REF-001", refers(KEYS["visits"], "known_visit")),
        rule("VIT-002", pl.col("dbp_mmhg") < pl.col("sbp_mmhg")),
        rule("ANOM-001", point_in_place("vitals")),
    ),
    "home_glucose": table(
        "home_glucose",
        {
            "subject_id": text(required=True),
            "week": integer(0, 20, required=True),
            "measured_date": day("2004-01-01", "2005-12-31", required=True),
            "measured_time": text(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"),
            "home_fpg_mmol_l": number(0.6, 35),
            "fasting_confirmed": text(*YES_NO_UNKNOWN),
            "meter_calibration": text("plasma", "whole_blood", "unknown"),
            "meter_flag": text("none", "HI", "LO"),
            "symptomatic_hypoglycaemia": text(*YES_NO_UNKNOWN),
        },
        SUBJECT,
        rule("COPY-009", own_series()),
        rule("ANOM-001", point_in_place("home_glucose")),
    ),
    "adverse_events": table(
        "adverse_events",
        {
            "subject_id": text(required=True),
            "ae_seq": integer(1, 200, required=True),
            "ae_term": text(required=True),
            "ae_category": text(
                *"injection_site_reaction injection_site_haematoma nausea facial_nerve_palsy urinary_tract_infection "
                "upper_respiratory_tract_infection ast_elevation dry_cough peroneal_nerve_palsy calf_pain "
                "phlegmonous_foot_infection symptomatic_hypoglycaemia other".split(),
                required=True,
            ),
            "meddra_pt": text(),
            "ae_start_date": day(),
            "ae_end_date": day(),
            "ae_start_day": integer(-120, 200),
            "ae_end_day": integer(-120, 400),
            "ae_severity": text("mild", "moderate", "severe", required=True),
            "ae_serious": text(*YES_NO, required=True),
            "ae_related": text("related", "possibly_related", "not_related", "unknown", required=True),
            "ae_action": text("none", "interrupted", "stopped", "not_applicable", required=True),
            "ae_outcome": text("resolved", "resolving", "not_resolved", "sequelae", "fatal", "unknown", required=True),
            "isr_present": text(*YES_NO),
        },
        SUBJECT,
        rule("AE-006", starts_after_first_dose()),
        rule("AE-007", counted_from_first_dose()),
    ),
}
