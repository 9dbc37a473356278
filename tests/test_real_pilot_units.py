"""The laboratory and vital-sign results of the CDISC pilot: what we convert is what the pilot converted."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from anakinra_t2d.harmonise.cells import CellReader, ReadCells
from anakinra_t2d.harmonise.notation import Notation
from anakinra_t2d.schema import Field, definitions

PILOT = Path(__file__).parents[2] / "shared/real/cdisc_pilot"
pytestmark = pytest.mark.skipif(not PILOT.is_dir(), reason="the folder with real third-party files is not here")

FOUND = definitions()
FACTORS = {"GLUC": "0.05551", "CHOL": "0.02586", "CREAT": "88.4", "HGB": "0.6206", "WEIGHT": "0.4536"}
"""Factors that the pilot used, with the digits that it used."""
ROUNDED = {"HEIGHT": "0.005", "WEIGHT": "0.005", "TEMP": "0.005"}
"""The pilot's standard results of these have two decimals."""
TESTS = {
    "LB": {"GLUC", "CHOL", "CREAT", "HGB", "SODIUM", "K", "AST", "ALT", "WBC", "PLAT"},
    "VS": {"HEIGHT", "WEIGHT", "SYSBP", "DIABP", "TEMP"},
}


def results(domain: str) -> pl.DataFrame:
    """Test, result and unit as sent and in standard form."""
    rows = pl.read_csv(PILOT / f"{domain.lower()}.csv", infer_schema=False)
    return rows.select(
        pl.col(f"{domain}{name}").alias(name) for name in ("TESTCD", "ORRES", "ORRESU", "STRESN", "STRESU")
    )


def fields(domain: str) -> dict[str, Field]:
    """Fields of serum, plasma or blood, or without specimen, by the test code that the schema gives them."""
    return {
        field.codes.cdisc: field
        for table in ("labs", "vitals")
        for field in FOUND.tables[table].fields.values()
        if field.codes.cdisc_domain == domain and field.codes.cdisc and field.quantity and field.specimen != "urine"
    }


def read(field: Field, texts: pl.Series, units: pl.Series) -> ReadCells:
    return CellReader(field, FOUND, Notation()).read(texts, units)


@pytest.mark.parametrize(("domain", "test"), [(domain, test) for domain in TESTS for test in sorted(TESTS[domain])])
def test_both_forms_of_a_result_are_the_same_value(domain: str, test: str) -> None:
    rows = results(domain).filter(TESTCD=test)
    field = fields(domain)[test]
    sent, standard = read(field, rows["ORRES"], rows["ORRESU"]), read(field, rows["STRESN"], rows["STRESU"])
    assert sent.problems == standard.problems == []
    compared = 0
    for ours, theirs in zip(sent.values.to_list(), standard.values.to_list(), strict=True):
        if ours is None:
            assert theirs is None
            continue
        allowed = Decimal(ROUNDED.get(test, 0)) + abs(Decimal(ours)) * _imprecision(test)
        assert abs(Decimal(ours) - Decimal(theirs)) <= allowed, (ours, theirs)
        compared += 1
    # what is not compared is flagged, or was not sent
    assert compared + sent.flags.height + rows["ORRES"].null_count() == rows.height
    assert compared > 35


def _imprecision(test: str) -> Decimal:
    """Relative error of the pilot's factor, from the digits it is stated with; binary noise elsewhere."""
    factor = Decimal(FACTORS.get(test, "1.0000000000"))
    exponent = factor.as_tuple().exponent
    assert isinstance(exponent, int)
    return Decimal(f"0.5E{exponent}") / factor


def test_every_test_that_the_schema_knows_is_compared() -> None:
    for domain, tests in TESTS.items():
        sent = set(results(domain)["TESTCD"])
        assert sent & set(fields(domain)) == tests


def test_the_censored_glucose_stays_censored() -> None:
    rows = results("LB").filter(TESTCD="GLUC")
    found = read(fields("LB")["GLUC"], rows["ORRES"], rows["ORRESU"])
    (flag,) = found.flags.rows(named=True)
    assert (flag["result_status"], flag["limit_value"], flag["value_raw"]) == ("below_limit", "2.220296", "<40")
    assert found.values[flag["position"]] is None


def test_units_of_other_quantities_are_not_taken() -> None:
    rows = results("LB").filter(TESTCD="MCH")
    found = read(fields("LB")["HGB"], rows["ORRES"], rows["ORRESU"])
    assert found.values.null_count() == rows.height
    assert {problem.code for problem in found.problems} == {"UNIT-001"}
