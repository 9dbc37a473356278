"""A canonical trial with gaps, results that are no number, odd texts and rows that are rejected."""

from __future__ import annotations

from pathlib import Path

from conftest import Rows, change


def gaps(folder: Path) -> None:
    """Spoil a canonical trial in every way that a converted directory can show."""
    change(folder / "vitals.csv", _gaps_of_vitals)
    change(folder / "labs.csv", _gaps_of_labs)
    change(folder / "ogtt.csv", lambda rows: rows[0].update(glucose_mmol_l="<0.50", insulin_pmol_l="HI"))
    change(folder / "adverse_events.csv", _gaps_of_events)
    change(folder / "screening.csv", lambda rows: rows[0].update(gad65_ab_value="<5", screening_date="2004-03"))
    change(folder / "subjects.csv", lambda rows: rows[0].update(diabetes_dx_date="1996"))
    change(folder / "labs_restricted.csv", lambda rows: rows[0].update(il1ra_ug_l="<0.1"))
    change(folder / "drug_accountability.csv", _without_values)
    (folder / "biopsy.csv").unlink()


def _gaps_of_vitals(rows: Rows) -> None:
    for name in list(rows[1])[3:]:
        rows[1][name] = ""
    rows[3].update(weight_kg="945.5")
    patient = rows[2]
    rows += [{**patient, "visit": "unscheduled", "visit_seq": number} for number in ("1", "2")]


def _gaps_of_labs(rows: Rows) -> None:
    kept = ("subject_id", "visit", "visit_seq", "lab_id", "collected_ts", "fasting")
    rows[1].update({name: "" for name in rows[1] if name not in kept})
    rows[2].update(
        crp_mg_l="< 0.30", il6_ng_l="n.d.", hba1c_pct="hæmolyseret", sodium_mmol_l="NA", potassium_mmol_l="-"
    )
    rows[3].update(crp_mg_l="0.000012", collected_ts="2004-05")
    rows[4].update({name: "" for name in rows[4] if name not in kept[:3]})
    rows[5].update(urine_volume_ml="not done", leukocytes_10e9_l=">100")
    rows[6].update(platelets_10e9_l="4,5")


def _gaps_of_events(rows: Rows) -> None:
    rows[0].update(ae_start_date="2004-05", ae_start_day="", ae_end_date="2004", ae_end_day="")
    rows[1].update(ae_term="Kløe på armen")
    rows[2].update(ae_term="x" * 250)
    rows[3].update(meddra_pt="NA")


def _without_values(rows: Rows) -> None:
    rows[0].update({name: "" for name in rows[0] if name not in ("subject_id", "visit")})
