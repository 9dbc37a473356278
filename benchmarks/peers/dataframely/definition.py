"""The rules as a user of dataframely writes them."""
# ruff: noqa: N805 -- rules are class methods without the decorator

from datetime import date

import dataframely as dy
import polars as pl
from polars_rules import (
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
CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


def required_when(table: str, name: str) -> pl.Expr:
    return filled_when(name, REQUIRED_WHEN[table][name])


def number(low: float, high: float, required: bool = False) -> dy.Float64:
    return dy.Float64(min=low, max=high, nullable=not required)


def integer(low: int, high: int, required: bool = False) -> dy.Int64:
    return dy.Int64(min=low, max=high, nullable=not required)


def day(low: date, high: date, required: bool = False) -> dy.Date:
    return dy.Date(min=low, max=high, nullable=not required)


def terms(*allowed: str, required: bool = False) -> dy.Enum:
    return dy.Enum(allowed, nullable=not required)


class Record(dy.Schema):
    line = dy.UInt32(nullable=False)


class OfSubject(Record):
    subject_id = dy.String(primary_key=True)
    known_subject = dy.Bool(nullable=True)

    @dy.rule()
    def ref_001_subject(cls) -> pl.Expr:
        return refers(["subject_id"], "known_subject")


class Sites(Record):
    site_id = dy.Enum(["DK01", "CH01"], primary_key=True)
    country = terms("DNK", "CHE", required=True)
    lab_hba1c_id = terms("LAB_DK", "LAB_CH", required=True)
    hba1c_uln_pct = number(4, 8, required=True)
    ast_uln_u_l = number(10, 100, required=True)
    alt_uln_u_l = number(10, 120, required=True)
    locale_decimal_sep = terms("comma", "point", required=True)
    locale_date_format = dy.String(nullable=False)


class Subjects(Record):
    subject_id = dy.String(primary_key=True)
    site_id = terms("DK01", "CH01", required=True)
    sex = terms("M", "F", required=True)
    birth_year = integer(1900, 1990, required=True)
    birth_date = day(date(1900, 1, 1), date(1990, 12, 31))
    birth_date__text = dy.String(nullable=True)
    age_yr = integer(0, 120, required=True)
    diabetes_dx_date = day(date(1930, 1, 1), date(2005, 3, 31))
    diabetes_dx_date__text = dy.String(nullable=True)
    diabetes_duration_yr = number(0, 80, required=True)
    screening_status = terms("passed", "failed", "not_assessable", "pending", required=True)
    randomised = dy.Bool(nullable=False)
    randomisation_date = day(date(2004, 1, 1), date(2005, 6, 30))
    randomisation_date__text = dy.String(nullable=True)
    treated = dy.Bool(nullable=True)
    first_dose_date = day(date(2004, 1, 1), date(2005, 9, 30))
    first_dose_date__text = dy.String(nullable=True)
    last_dose_date = day(date(2004, 1, 1), date(2005, 12, 31))
    last_dose_date__text = dy.String(nullable=True)
    completed = dy.Bool(nullable=True)
    race_ethnicity = dy.String(nullable=True)
    known_site = dy.Bool(nullable=True)

    @dy.rule()
    def cell_003_birth(cls) -> pl.Expr:
        return readable("birth_date")

    @dy.rule()
    def cell_003_diagnosis(cls) -> pl.Expr:
        return readable("diabetes_dx_date")

    @dy.rule()
    def cell_003_randomisation(cls) -> pl.Expr:
        return readable("randomisation_date")

    @dy.rule()
    def cell_003_first_dose(cls) -> pl.Expr:
        return readable("first_dose_date")

    @dy.rule()
    def cell_003_last_dose(cls) -> pl.Expr:
        return readable("last_dose_date")

    @dy.rule()
    def req_002_diagnosis(cls) -> pl.Expr:
        return required_when("subjects", "diabetes_dx_date")

    @dy.rule()
    def req_002_randomisation(cls) -> pl.Expr:
        return required_when("subjects", "randomisation_date")

    @dy.rule()
    def req_002_treated(cls) -> pl.Expr:
        return required_when("subjects", "treated")

    @dy.rule()
    def req_002_first_dose(cls) -> pl.Expr:
        return required_when("subjects", "first_dose_date")

    @dy.rule()
    def req_002_last_dose(cls) -> pl.Expr:
        return required_when("subjects", "last_dose_date")

    @dy.rule()
    def req_002_completed(cls) -> pl.Expr:
        return required_when("subjects", "completed")

    @dy.rule()
    def ref_001_site(cls) -> pl.Expr:
        return refers(["site_id"], "known_site")

    @dy.rule()
    def anom_001(cls) -> pl.Expr:
        return point_in_place("subjects")


class Visits(OfSubject):
    visit = dy.Enum(ALL_VISITS, primary_key=True)
    visit_seq = dy.Int64(min=1, max=50, primary_key=True)
    visit_date = day(date(2003, 10, 1), date(2005, 12, 31))
    visit_date__text = dy.String(nullable=True)
    study_day = integer(-200, 200)
    visit_status = terms("done", "missed", "partial", required=True)
    physical_exam_done = terms(*YES_NO)
    physical_exam_finding = dy.String(nullable=True)
    fasting_hours = number(0, 48)

    @dy.rule()
    def cell_003(cls) -> pl.Expr:
        return readable("visit_date")

    @dy.rule()
    def req_002(cls) -> pl.Expr:
        return required_when("visits", "visit_date")

    @dy.rule()
    def vis_007(cls) -> pl.Expr:
        return in_order()

    @dy.rule()
    def anom_001(cls) -> pl.Expr:
        return point_in_place("visits")


class Vitals(OfSubject):
    visit = dy.Enum(VISITS, primary_key=True)
    visit_seq = dy.Int64(min=1, max=50, primary_key=True)
    weight_kg = number(30, 350)
    height_cm = number(120, 230)
    bmi_kg_m2 = number(12, 80)
    bsa_m2 = number(1.0, 3.6)
    sbp_mmhg = number(50, 300)
    dbp_mmhg = number(20, 200)
    heart_rate_bpm = number(20, 250)
    body_temp_c = number(30, 44)
    known_visit = dy.Bool(nullable=True)

    @dy.rule()
    def ref_001_visit(cls) -> pl.Expr:
        return refers(["subject_id", "visit", "visit_seq"], "known_visit")

    @dy.rule()
    def vit_002(cls) -> pl.Expr:
        return pl.col("dbp_mmhg") < pl.col("sbp_mmhg")

    @dy.rule()
    def anom_001(cls) -> pl.Expr:
        return point_in_place("vitals")


class HomeGlucose(OfSubject):
    week = dy.Int64(min=0, max=20, primary_key=True)
    measured_date = day(date(2004, 1, 1), date(2005, 12, 31), required=True)
    measured_date__text = dy.String(nullable=True)
    measured_time = dy.String(regex=CLOCK, nullable=True)
    home_fpg_mmol_l = number(0.6, 35)
    fasting_confirmed = terms(*YES_NO_UNKNOWN)
    meter_calibration = terms("plasma", "whole_blood", "unknown")
    meter_flag = terms("none", "HI", "LO")
    symptomatic_hypoglycaemia = terms(*YES_NO_UNKNOWN)

    @dy.rule()
    def cell_003(cls) -> pl.Expr:
        return readable("measured_date")

    @dy.rule()
    def req_002(cls) -> pl.Expr:
        return required_when("home_glucose", "home_fpg_mmol_l")

    @dy.rule()
    def copy_009(cls) -> pl.Expr:
        return own_series()

    @dy.rule()
    def anom_001(cls) -> pl.Expr:
        return point_in_place("home_glucose")


class AdverseEvents(OfSubject):
    ae_seq = dy.Int64(min=1, max=200, primary_key=True)
    ae_term = dy.String(nullable=False)
    ae_category = terms(
        *"injection_site_reaction injection_site_haematoma nausea facial_nerve_palsy urinary_tract_infection "
        "upper_respiratory_tract_infection ast_elevation dry_cough peroneal_nerve_palsy calf_pain "
        "phlegmonous_foot_infection symptomatic_hypoglycaemia other".split(),
        required=True,
    )
    meddra_pt = dy.String(nullable=True)
    ae_start_date = dy.Date(nullable=True)
    ae_start_date__text = dy.String(nullable=True)
    ae_end_date = dy.Date(nullable=True)
    ae_end_date__text = dy.String(nullable=True)
    ae_start_day = integer(-120, 200)
    ae_end_day = integer(-120, 400)
    ae_severity = terms("mild", "moderate", "severe", required=True)
    ae_serious = terms(*YES_NO, required=True)
    ae_related = terms("related", "possibly_related", "not_related", "unknown", required=True)
    ae_action = terms("none", "interrupted", "stopped", "not_applicable", required=True)
    ae_outcome = terms("resolved", "resolving", "not_resolved", "sequelae", "fatal", "unknown", required=True)
    isr_present = terms(*YES_NO)
    first_dose_date = dy.Date(nullable=True)

    @dy.rule()
    def cell_003_start(cls) -> pl.Expr:
        return readable("ae_start_date")

    @dy.rule()
    def cell_003_end(cls) -> pl.Expr:
        return readable("ae_end_date")

    @dy.rule()
    def req_002_start_date(cls) -> pl.Expr:
        return required_when("adverse_events", "ae_start_date")

    @dy.rule()
    def req_002_end_date(cls) -> pl.Expr:
        return required_when("adverse_events", "ae_end_date")

    @dy.rule()
    def req_002_start_day(cls) -> pl.Expr:
        return required_when("adverse_events", "ae_start_day")

    @dy.rule()
    def req_002_end_day(cls) -> pl.Expr:
        return required_when("adverse_events", "ae_end_day")

    @dy.rule()
    def ae_006(cls) -> pl.Expr:
        return starts_after_first_dose()

    @dy.rule()
    def ae_007(cls) -> pl.Expr:
        return counted_from_first_dose()


SCHEMAS = {
    "sites": Sites,
    "subjects": Subjects,
    "visits": Visits,
    "vitals": Vitals,
    "home_glucose": HomeGlucose,
    "adverse_events": AdverseEvents,
}
