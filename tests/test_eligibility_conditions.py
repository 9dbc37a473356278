"""Entry criteria at their limits, with missing values, and the inputs they are judged on."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from anakinra_t2d.across import open_relations
from anakinra_t2d.schema import definitions
from anakinra_t2d.schema.sql import columns_read

CRITERIA = {criterion.id: criterion for criterion in definitions().eligibility.criteria}
TRIAL = Path(__file__).parents[2] / "shared" / "trial" / "eligibility.csv"


@pytest.fixture(scope="module")
def empty() -> Iterator[duckdb.DuckDBPyConnection]:
    con = open_relations(definitions(), {})
    yield con
    con.close()


def judge(con: duckdb.DuckDBPyConnection, criterion: str, inputs: dict[str, Any]) -> bool | None:
    """The condition of ``criterion`` on one row of inputs; inputs that are not named are NULL."""
    types = {name: kind for name, kind, *_ in con.execute("DESCRIBE eligibility_inputs").fetchall()}
    assert set(inputs) <= set(types)
    row = ", ".join(f"CAST(${name} AS {kind}) AS {name}" for name, kind in types.items())
    values = {name: inputs.get(name) for name in types}
    found = con.execute(f"SELECT ({CRITERIA[criterion].condition}) FROM (SELECT {row})", values).fetchone()
    assert found is not None
    result: bool | None = found[0]
    return result


MAIN = {"consent_given": "yes", "consent_date": "2004-02-01"}
DRUG = {"other_inv_drug_used": "yes", "consent_date": "2004-03-01"}
LIVER = {"ast_uln_u_l": 40, "alt_uln_u_l": 45, "alt_u_l": 20, "ast_u_l": 20, "creatinine_umol_l": 80}
TUBERCULOSIS = {
    "tb_history": "no",
    "other_granulomatous_infection": "no",
    "chest_xray_result": "normal",
    "mantoux_result": "negative",
}
CASES: list[tuple[str, dict[str, Any], bool | None]] = [
    ("I1", {"age_yr": 19}, False),
    ("I1", {"age_yr": 20}, True),
    ("I1", {}, None),
    ("I2", {"dx_type": "T2DM", "dx_ada_criteria_met": "yes"}, True),
    ("I2", {"dx_type": "T2DM"}, None),
    ("I2", {"dx_type": "T1DM"}, False),
    ("I3", {"diabetes_dx_date": "2004-01-10", "screening_date": "2004-04-10"}, False),
    ("I3", {"diabetes_dx_date": "2004-01-10", "screening_date": "2004-04-11"}, True),
    ("I3", {"diabetes_dx_date": "2004-02-29", "screening_date": "2004-05-31"}, False),
    ("I3", {"diabetes_duration_yr": 0.25, "screening_date": "2004-04-11"}, False),
    ("I3", {"diabetes_duration_yr": 0.26}, True),
    ("I3", {}, None),
    ("I4", {"weight_kg": 78.03, "height_cm": 170}, False),
    ("I4", {"weight_kg": 78.1, "height_cm": 170}, True),
    ("I4", {"weight_kg": 88.21051875, "height_cm": 180.75}, False),
    ("I4", {"weight_kg": 78.1}, None),
    ("I5", {"hba1c_pct": 7.5}, False),
    ("I5", {"hba1c_pct": 7.6}, True),
    ("I5", {"hba1c_pct": 0.09148 * 58 + 2.152}, False),
    ("I5", {"hba1c_pct": 0.09148 * 59 + 2.152}, True),
    ("I5", {"hba1c_pct_above": 15}, True),
    ("I5", {}, None),
    ("I6", {"med_change_last_3mo": "no", "screening_date": "2004-04-10"}, True),
    ("I6", {"med_change_last_3mo": "yes", "last_med_change_date": "2004-01-10", "screening_date": "2004-04-10"}, False),
    ("I6", {"med_change_last_3mo": "yes", "last_med_change_date": "2004-01-09", "screening_date": "2004-04-10"}, True),
    ("I6", {"med_change_last_3mo": "yes", "screening_date": "2004-04-10"}, False),
    ("I6", {"screening_date": "2004-04-10"}, None),
    ("I7", MAIN, True),
    ("I7", MAIN | {"randomisation_date": "2004-02-01"}, True),
    ("I7", MAIN | {"randomisation_date": "2004-01-31"}, False),
    ("I7", MAIN | {"consent_given": "no"}, False),
    ("I7", {"randomisation_date": "2004-03-01"}, None),
    ("E1a", {"gad65_ab_result": "positive"}, True),
    ("E1a", {"gad65_ab_result": "negative"}, False),
    ("E1a", {}, None),
    ("E1b", {"ia2_ab_result": "positive"}, True),
    ("E1b", {}, None),
    ("E1b", {"ia2_ab_result": "negative"}, False),
    ("E2", {"hba1c_pct": 12.0}, False),
    ("E2", {"hba1c_pct": 12.1}, True),
    ("E2", {"hba1c_pct": 0.09148 * 107 + 2.152}, False),
    ("E2", {"hba1c_pct": 0.09148 * 108 + 2.152}, True),
    ("E2", {"hba1c_pct_above": 11}, None),
    ("E3", {"cpeptide_fasting_pmol_l": 399}, True),
    ("E3", {"cpeptide_fasting_pmol_l": 400}, False),
    ("E3", {"cpeptide_fasting_pmol_l": 1.2 * 331}, True),
    ("E3", {"cpeptide_fasting_pmol_l": 1.21 * 331}, False),
    ("E3", {"cpeptide_fasting_pmol_l_below": 400}, True),
    ("E3", {"cpeptide_fasting_pmol_l_below": 401}, None),
    ("E3", {"cpeptide_fasting_pmol_l_above": 3000}, False),
    ("E4d", {"aspirin_mg_d": 100}, False),
    ("E4d", {"aspirin_mg_d": 101}, True),
    ("E4d", {"aspirin_mg_d": 75}, False),
    ("E4d", {}, None),
    ("E5a", {"crp_mg_l": 30}, False),
    ("E5a", {"crp_mg_l": 30.1}, True),
    ("E5a", {"crp_mg_l_below": 0.3}, False),
    ("E5a", {"crp_mg_l_below": 50}, None),
    ("E5b", {"body_temp_c": 37.9}, False),
    ("E5b", {"body_temp_c": 38.0}, True),
    ("E5b", {"fever": "no", "body_temp_c": 38.0}, True),
    ("E5b", {"fever": "no"}, False),
    ("E5b", {}, None),
    ("E5d", TUBERCULOSIS, False),
    ("E5d", TUBERCULOSIS | {"chest_xray_result": "not_done"}, False),
    ("E5d", TUBERCULOSIS | {"mantoux_result": "not_done"}, False),
    ("E5d", TUBERCULOSIS | {"chest_xray_result": "not_done", "mantoux_result": "not_done"}, None),
    ("E5d", TUBERCULOSIS | {"chest_xray_result": "not_done", "mantoux_result": "late_positive"}, True),
    ("E5d", TUBERCULOSIS | {"tb_history": None}, None),
    ("E5d", TUBERCULOSIS | {"tb_history": None, "mantoux_result": "positive"}, True),
    ("E5d", TUBERCULOSIS | {"mantoux_result": None}, None),
    ("E7", {"leukocytes_10e9_l": 1.99}, True),
    ("E7", {"leukocytes_10e9_l": 2.00}, False),
    ("E7", {"neutrophils_10e9_l": 1.5}, None),
    ("E8a", {"sex": "M", "hemoglobin_g_l": 109}, True),
    ("E8a", {"sex": "M", "hemoglobin_g_l": 110}, False),
    ("E8a", {"sex": "M", "hemoglobin_g_l": 6.8 * 16.114}, True),
    ("E8a", {"sex": "M", "hemoglobin_g_l": 6.9 * 16.114}, False),
    ("E8a", {"sex": "F"}, False),
    ("E8a", {"sex": "M"}, None),
    ("E8b", {"sex": "F", "hemoglobin_g_l": 99}, True),
    ("E8b", {"sex": "F", "hemoglobin_g_l": 100}, False),
    ("E8b", {"sex": "M", "hemoglobin_g_l": 99}, False),
    ("E8b", {"sex": "F"}, None),
    ("E9", {"sex": "F", "pregnant": "no"}, False),
    ("E9", {"sex": "F", "pregnant": "no", "hcg_result": "positive"}, True),
    ("E9", {"sex": "F"}, None),
    ("E9", {"sex": "M"}, False),
    ("E10", {"sex": "F", "breast_feeding": "yes"}, True),
    ("E10", {"sex": "F", "breast_feeding": "no"}, False),
    ("E10", {"sex": "F"}, None),
    ("E10", {"sex": "M"}, False),
    ("E11", {"sex": "F", "fertile": "yes", "contraception_months": 2.9}, True),
    ("E11", {"sex": "F", "fertile": "yes", "contraception_months": 3.0}, False),
    ("E11", {"sex": "F", "fertile": "yes"}, None),
    ("E11", {"sex": "F", "fertile": "no"}, False),
    ("E11", {"sex": "F"}, None),
    ("E12", LIVER | {"ast_u_l": 120}, False),
    ("E12", LIVER | {"ast_u_l": 121}, True),
    ("E12", LIVER | {"creatinine_umol_l": 130}, False),
    ("E12", LIVER | {"creatinine_umol_l": 131}, True),
    ("E12", LIVER | {"creatinine_umol_l": 1.47 * 88.42}, False),
    ("E12", LIVER | {"creatinine_umol_l": 1.48 * 88.42}, True),
    ("E12", LIVER | {"ast_u_l": 99.9, "ast_uln_u_l": 33.3}, False),
    ("E12", LIVER | {"alt_uln_u_l": None}, None),
    ("E12", LIVER | {"alt_uln_u_l": None, "creatinine_umol_l": 131}, True),
    ("E14", DRUG | {"other_inv_drug_last_date": "2004-01-31", "other_inv_drug_half_life_d": 2}, True),
    ("E14", DRUG | {"other_inv_drug_last_date": "2004-01-30", "other_inv_drug_half_life_d": 2}, False),
    ("E14", DRUG | {"other_inv_drug_last_date": "2004-01-11", "other_inv_drug_half_life_d": 10}, True),
    ("E14", DRUG | {"other_inv_drug_last_date": "2004-01-10", "other_inv_drug_half_life_d": 10}, False),
    ("E14", DRUG | {"other_inv_drug_last_date": "2004-02-20"}, True),
    ("E14", DRUG | {"other_inv_drug_last_date": "2004-01-01"}, None),
    ("E14", {"other_inv_drug_used": "no"}, False),
    (
        "X1",
        {"mantoux_result": "late_positive", "mantoux_read_date": "2004-03-02", "randomisation_date": "2004-03-01"},
        True,
    ),
    ("X1", {"mantoux_result": "negative"}, False),
    ("X1", {}, None),
    ("X2", {"withdrawal_reason": "adverse_event_infection"}, True),
    ("X2", {"withdrawal_reason": "self_unblinding"}, False),
    ("X2", {}, None),
    ("X3", {"withdrawal_reason": "self_unblinding"}, True),
    ("X3", {"withdrawal_reason": "none"}, False),
    ("X3", {}, None),
    ("X4", {"dose_reduction_reason": "improved_glycaemia"}, True),
    ("X4", {"dose_reduction_reason": "none"}, False),
    ("X4", {}, None),
]
QUESTIONS = {
    "E4a": "corticosteroid_current",
    "E4b": "nsaid_current",
    "E4c": "other_antiinflam_current",
    "E5c": "antibiotic_current",
    "E5e": "other_infection_sign",
    "E6a": "recurrent_infection_history",
    "E6b": "infection_predisposition",
    "E13": "cancer_current_or_past",
    "E15": "immunosuppressive_current",
    "E16": "immunodeficiency",
}
for _criterion, _name in QUESTIONS.items():
    CASES += [(_criterion, {_name: "yes"}, True), (_criterion, {_name: "no"}, False), (_criterion, {}, None)]


@pytest.mark.parametrize(
    ("criterion", "inputs", "expected"), CASES, ids=[f"{case[0]}-{place}" for place, case in enumerate(CASES)]
)
def test_condition(
    empty: duckdb.DuckDBPyConnection, criterion: str, inputs: dict[str, Any], expected: bool | None
) -> None:
    assert judge(empty, criterion, inputs) is expected


@pytest.mark.parametrize("criterion", list(CRITERIA))
def test_every_criterion_has_cases_of_each_result(criterion: str) -> None:
    assert {expected for name, _, expected in CASES if name == criterion} == {True, False, None}


@pytest.mark.skipif(not TRIAL.is_file(), reason="the list of criteria is not beside the checkout")
def test_every_listed_criterion_is_there() -> None:
    with TRIAL.open(encoding="utf-8", newline="") as file:
        listed = {row["id"]: row for row in csv.DictReader(file) if row["id"] != "OVERALL"}
    assert set(listed) == set(CRITERIA)
    for name, row in listed.items():
        assert CRITERIA[name].kind == row["kind"]
        assert (CRITERIA[name].ambiguity or "") == row["ambiguity_id"]
        if row["alt_expression"]:
            assert [one.reading for one in CRITERIA[name].alternatives] == [row["ambiguity_id"]]


@pytest.mark.parametrize("criterion", list(CRITERIA))
def test_reads_is_what_the_condition_reads(empty: duckdb.DuckDBPyConnection, criterion: str) -> None:
    """A limit of quantification stands in for its result and is not listed on its own."""
    inputs = {name for name, *_ in empty.execute("DESCRIBE eligibility_inputs").fetchall()}
    card = CRITERIA[criterion]
    cards = [(card.condition, card.reads)]
    cards += [(other.condition, other.reads or card.reads) for other in card.alternatives]
    for condition, reads in cards:
        read = {name.removesuffix("_below").removesuffix("_above") for name in columns_read(condition)}
        assert read & inputs == set(reads)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def inputs_of(tables: dict[str, list[dict[str, Any]]]) -> dict[tuple[str, int], dict[str, Any]]:
    """Rows of eligibility_inputs by subject and screening number."""
    con = open_relations(definitions(), {name: [pl.DataFrame(rows)] for name, rows in tables.items()})
    found = con.execute("SELECT * FROM eligibility_inputs")
    names = [column[0] for column in found.description or []]
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    con.close()
    return {(row["subject_id"], row["screening_no"]): row for row in rows}


def lab(seq: int, **results: Any) -> dict[str, Any]:
    return {"subject_id": "DK01-001", "visit": "screening", "visit_seq": seq, **results}


def visit(seq: int, date: str) -> dict[str, Any]:
    return {"subject_id": "DK01-001", "visit": "screening", "visit_seq": seq, "visit_date": day(date)}


ONE = {"subject_id": "DK01-001", "screening_no": 1, "screening_date": day("2004-02-01")}
PERSON = {"subject_id": "DK01-001", "site_id": "DK01", "randomisation_date": day("2004-03-01")}


def test_last_screening_value_before_randomisation_counts() -> None:
    tables: dict[str, list[dict[str, Any]]] = {
        "screening": [ONE],
        "subjects": [PERSON],
        "visits": [visit(1, "2004-02-01"), visit(2, "2004-02-10"), visit(3, "2004-03-02")],
        "labs": [lab(1, hba1c_pct=8.0, ast_u_l=20.0), lab(2, hba1c_pct=9.0, ast_u_l=None), lab(3, hba1c_pct=13.0)],
    }
    found = inputs_of(tables)["DK01-001", 1]
    assert (found["hba1c_pct"], found["ast_u_l"]) == (9.0, 20.0)


def test_each_screening_has_its_own_values() -> None:
    second = ONE | {"screening_no": 2, "screening_date": day("2004-03-20")}
    tables: dict[str, list[dict[str, Any]]] = {
        "screening": [ONE, second],
        "subjects": [PERSON | {"randomisation_date": day("2004-04-01")}],
        "visits": [visit(1, "2004-02-01"), visit(2, "2004-03-20")],
        "labs": [lab(1, hba1c_pct=7.0), lab(2, hba1c_pct=9.0)],
    }
    found = inputs_of(tables)
    assert [found["DK01-001", number]["hba1c_pct"] for number in (1, 2)] == [7.0, 9.0]


def test_the_coded_comparison_is_no_patient_result() -> None:
    rows = [lab(1, hba1c_pct=8.0, hba1c_dup_coded=None), lab(2, hba1c_pct=9.0, hba1c_dup_coded=True)]
    assert inputs_of({"screening": [ONE], "labs": rows})["DK01-001", 1]["hba1c_pct"] == 8.0


def test_a_censored_result_brings_its_limit() -> None:
    flag = {
        "table": "labs",
        "record_key": "subject_id=DK01-001|visit=screening|visit_seq=1",
        "field": "cpeptide_fasting_pmol_l",
        "result_status": "below_limit",
        "limit_value": 300.0,
    }
    tables: dict[str, list[dict[str, Any]]] = {
        "screening": [ONE],
        "labs": [lab(1, cpeptide_fasting_pmol_l=None)],
        "result_flags": [flag],
    }
    found = inputs_of(tables)["DK01-001", 1]
    assert (found["cpeptide_fasting_pmol_l"], found["cpeptide_fasting_pmol_l_below"]) == (None, 300.0)


def test_unknown_answers_are_missing_and_others_stay() -> None:
    answers = ONE | {
        "fever": "unknown",
        "gad65_ab_result": "indeterminate",
        "ia2_ab_result": "not_done",
        "mantoux_result": "not_done",
        "pregnant": "not_applicable",
        "fertile": "unknown",
    }
    found = inputs_of({"screening": [answers]})["DK01-001", 1]
    missing = [found[name] for name in ("fever", "gad65_ab_result", "ia2_ab_result", "fertile")]
    assert missing == [None] * 4
    assert (found["mantoux_result"], found["pregnant"]) == ("not_done", "not_applicable")


def test_consent_limits_and_measures_come_from_their_tables() -> None:
    tables: dict[str, list[dict[str, Any]]] = {
        "screening": [ONE],
        "subjects": [PERSON],
        "sites": [
            {"site_id": "DK01", "ast_uln_u_l": 40.0, "alt_uln_u_l": 45.0},
            {"site_id": "CH01", "ast_uln_u_l": 50.0, "alt_uln_u_l": 55.0},
        ],
        "consents": [
            {"subject_id": "DK01-001", "consent_type": "clamp_biopsy", "consent_given": "no", "consent_date": None},
            {
                "subject_id": "DK01-001",
                "consent_type": "main",
                "consent_given": "yes",
                "consent_date": day("2004-02-01"),
            },
        ],
        "vitals": [
            {"subject_id": "DK01-001", "visit": "screening", "visit_seq": 1, "weight_kg": 90.0, "height_cm": 175.0},
            {"subject_id": "DK01-001", "visit": "baseline", "visit_seq": 1, "weight_kg": 70.0, "height_cm": None},
        ],
    }
    found = inputs_of(tables)["DK01-001", 1]
    assert (found["ast_uln_u_l"], found["alt_uln_u_l"], found["consent_given"]) == (40.0, 45.0, "yes")
    assert (found["weight_kg"], found["height_cm"], found["consent_date"]) == (90.0, 175.0, day("2004-02-01"))


@pytest.mark.parametrize(
    ("age", "sex", "expected"), [(19, None, "ineligible"), (50, "F", "not_assessable"), (50, None, "not_assessable")]
)
def test_a_known_failure_beats_a_missing_value(age: int, sex: str | None, expected: str) -> None:
    people = [{"subject_id": "DK01-001", "age_yr": age, "sex": sex}]
    tables: dict[str, list[pl.DataFrame]] = {"screening": [pl.DataFrame([ONE])], "subjects": [pl.DataFrame(people)]}
    con = open_relations(definitions(), tables)
    assert con.execute("SELECT state FROM eligibility_overall").fetchall() == [(expected,)]
    con.close()
