"""Other readings of an implausible number."""

from __future__ import annotations

import pytest

from anakinra_t2d.across.readings import likely_reading
from anakinra_t2d.schema import definitions


@pytest.mark.parametrize(
    ("table", "field", "value", "expected"),
    [
        ("labs", "fpg_mmol_l", 180.0, "180 mmol/L reads as 10 mmol/L if it was sent in mg/dL."),
        ("labs", "hba1c_pct", 70.0, "70 % reads as 8.6 % if it was sent in mmol/mol."),
        ("labs", "hba1c_pct", 87.0, "87 % reads as 10.1 % if it was sent in mmol/mol."),
        ("labs", "cholesterol_mmol_l", 180.0, "180 mmol/L reads as 4.65 mmol/L if it was sent in mg/dL."),
        ("labs", "creatinine_umol_l", 1.1, "1.1 umol/L reads as 97 umol/L if it was sent in mg/dL."),
        ("labs", "cpeptide_fasting_pmol_l", 2.8, "2.8 pmol/L reads as 927 pmol/L if it was sent in ng/mL."),
        ("labs", "hdl_mmol_l", 8.3, "8.3 mmol/L reads as 0.83 mmol/L if the decimal point was moved."),
        ("vitals", "weight_kg", 945.0, "945 kg reads as 94.5 kg if the decimal point was moved."),
        ("vitals", "height_cm", 1.73, "1.73 cm reads as 173 cm if it was sent in m."),
        ("vitals", "body_temp_c", 98.2, "98.2 Cel reads as 36.8 Cel if it was sent in [degF]."),
    ],
)
def test_a_usual_reading(table: str, field: str, value: float, expected: str) -> None:
    assert likely_reading(definitions(), definitions().tables[table].fields[field], value) == expected


@pytest.mark.parametrize(
    ("table", "field", "value"),
    [
        ("labs", "fpg_mmol_l", 22.0),  # at the end of the expected range
        ("labs", "fpg_mmol_l", 24.5),  # high, and nothing else as it stands
        ("labs", "crp_mg_l", 280.0),  # an infection as likely as a slip
        ("labs", "fpg_mmol_l", 0.0),
        ("labs", "fpg_mmol_l", -10.0),
        ("visits", "study_day", 920),  # no quantity with a scale
        ("screening", "aspirin_mg_d", 1000.0),  # the expected range starts at nothing
    ],
)
def test_no_reading(table: str, field: str, value: float) -> None:
    assert likely_reading(definitions(), definitions().tables[table].fields[field], value) is None
