"""What a site calculated itself is held against what follows from the measured values."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

import anakinra_t2d as trial
from anakinra_t2d.across import calculated, open_relations, run_rules
from anakinra_t2d.across.calculated import calculations, make_recheck_relations, rechecked_fields
from anakinra_t2d.across.recheck_queries import visits_of
from anakinra_t2d.endpoint_views import views
from anakinra_t2d.endpoint_views.views import relation_of
from anakinra_t2d.schema import definitions
from anakinra_t2d.simulation import tables
from anakinra_t2d.wording import Wording

FOUND = definitions()
HOMA, AREA = "L2/(m[iU].mmol)", "pmol.min/L"
IN_THEIR_RECORD = {"vitals.bmi_kg_m2": "VIT-001", "clamp.m_value_mg_kg_min": "CLMP-008", "clamp.mi_index": "CLMP-009"}
"""Fields that another rule recalculates."""

PROFILE = """
title: A clinic that calculates in its visit sheet
decimal: ","
codes: {visit: {V1: baseline, V3: week13}}
sheets:
  - files: "tests.csv"
    tables:
      - table: ogtt
        same_names: false
        over: {field: nominal_min, values: {"-10": "-10", "0": "0", "30": "30", "60": "60", "90": "90", "120": "120"}}
        fields:
          subject_id: PatNr
          visit: Visite
          glucose_mmol_l: {column: "G_{over}", unit: mmol/L}
          insulin_pmol_l: {column: "Ins_{over}", unit: pmol/L}
          cpeptide_pmol_l: {column: "CP_{over}", unit: pmol/L}
      - table: site_calculations
        same_names: false
        when_filled: [HOMA]
        fields:
          subject_id: PatNr
          visit: Visite
          calculation: {value: homa}
          calculated_value: HOMA
          calculated_unit: {value: "L2/(m[iU].mmol)"}
      - table: site_calculations
        same_names: false
        when_filled: [AUC C-Peptid]
        fields:
          subject_id: PatNr
          visit: Visite
          calculation: {value: auc_ogtt}
          calculated_value: AUC C-Peptid
          calculated_unit: {value: pmol.min/L}
"""
TESTS = (
    "PatNr;Visite;G_-10;G_0;Ins_-10;Ins_0;CP_-10;CP_0;CP_30;CP_60;CP_90;CP_120;HOMA;AUC C-Peptid\n"
    "CH01-001;V1;10,4;10,4;60;60;900;900;1300;1700;1900;1900;0,216;81000\n"
    "CH01-001;V3;9,8;9,8;58;58;900;900;1400;1800;2000;2000;0,2375;199500\n"
    "CH01-002;V1;10,4;10,4;60;60;;;;;;;0,0096;\n"
)


def site_calculations(*rows: tuple[str, str, str, float | None, str]) -> pl.DataFrame:
    names = ["subject_id", "visit", "calculation", "calculated_value", "calculated_unit"]
    types = dict.fromkeys(names, pl.String()) | {"calculated_value": pl.Float64()}
    return pl.DataFrame([list(row) for row in rows], schema=types, orient="row")


@cache
def connection() -> duckdb.DuckDBPyConnection:
    """One set of empty relations for all tests: making them takes longer than a recheck."""
    return open_relations(FOUND, {})


@contextmanager
def relations(**frames: pl.DataFrame) -> Iterator[duckdb.DuckDBPyConnection]:
    con = connection()
    try:
        for name, frame in frames.items():
            insert(con, name, frame)
        make_recheck_relations(con, FOUND)
        yield con
    finally:
        for name in FOUND.tables:
            con.execute(f'DELETE FROM "{name}"')


def insert(con: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    con.register("_frame", frame)
    con.execute(f'INSERT INTO "{name}" BY NAME SELECT * FROM _frame')
    con.unregister("_frame")


def messages(con: duckdb.DuckDBPyConnection, code: str) -> dict[tuple[str, ...], str]:
    """The message of each finding by its key."""
    words = Wording(FOUND)
    return {
        tuple(one.key.values()): words.finding(outcome.rule, table=one.table, key=one.key, values=one.values).message
        for outcome in run_rules(con, FOUND, only=[code])
        for one in outcome.violations
    }


def counts(con: duckdb.DuckDBPyConnection, code: str) -> tuple[int, int, int]:
    """How many records passed, failed and were not assessed."""
    found = list(run_rules(con, FOUND, only=[code]))
    return sum(o.passed for o in found), sum(o.failed for o in found), sum(o.not_assessed for o in found)


@pytest.fixture(scope="module")
def synthetic() -> dict[str, pl.DataFrame]:
    return {name: frame for name, frame in tables(patients=8, seed=7).items() if not frame.is_empty()}


def test_every_field_in_which_sites_send_a_card_is_rechecked_once() -> None:
    sent = {f"{one.table}.{one.field}" for card in FOUND.endpoints.parameters for one in card.sent}
    generic = {f"{one.table}.{one.field}" for one in rechecked_fields(FOUND)}
    assert generic | IN_THEIR_RECORD.keys() == sent, "list the field in CALC-001, or say which rule recalculates it"
    assert not generic & IN_THEIR_RECORD.keys()
    for field, code in IN_THEIR_RECORD.items():
        rule = FOUND.rules[code]
        assert getattr(rule, "field", None) == field.partition(".")[2]


def test_every_visit_of_the_table_leads_to_one_of_the_card() -> None:
    for one in rechecked_fields(FOUND):
        card = FOUND.endpoints.parameter(one.calculation)
        assert set(one.visits.values()) == set(card.visits), one
        assert set(one.visits) <= set(FOUND.tables[one.table].fields["visit"].terms), one


def test_no_relation_is_missing_when_nothing_was_sent() -> None:
    with relations() as con:
        for code in ("CALC-001", "CALC-002", "CALC-003"):
            assert counts(con, code) == (0, 0, 0)


def test_each_calculation_is_that_of_the_views(synthetic: dict[str, pl.DataFrame]) -> None:
    known = calculations(FOUND.endpoints, FOUND)
    cards = {id: known[id] for id in known if known[id].operation in ("formula", "trapezoid")}
    for id, card in known.items():
        if card.operation not in {one.operation for one in cards.values()}:
            cards[id] = card
    visits = FOUND.tables["site_calculations"].fields["visit"].terms
    expected: dict[tuple[str, str, str], tuple[float, str]] = {}
    with relations(**synthetic) as con:
        con.execute("DELETE FROM site_calculations")
        try:
            con.execute("BEGIN")
            for view in views(FOUND):
                if view.name not in ("parameters", "endpoints"):  # both unions are too much for the memory of rules
                    con.execute(f"CREATE VIEW {view.name} AS {view.query}")
            for id, card in cards.items():
                at_visit = "visit" if id.islower() else f"'{visits_of(card)[0]}'"
                for subject, visit, value, state in con.execute(
                    f"SELECT subject_id, {at_visit}, value, state FROM {relation_of(FOUND.endpoints, id)} "
                    "WHERE value IS NOT NULL ORDER BY ALL LIMIT 5"
                ).fetchall():
                    if visit in visits:
                        expected[subject, visit, id] = value, state
        finally:
            con.execute("ROLLBACK")
        assert {id for _, _, id in expected} == cards.keys()
        rows = [(s, at, id, round(v, cards[id].decimals), cards[id].unit) for (s, at, id), (v, _) in expected.items()]
        con.execute("DELETE FROM site_calculations")
        insert(con, "site_calculations", site_calculations(*rows))
        make_recheck_relations(con, FOUND)
        made = con.execute("SELECT subject_id, visit, calculation, value, state, rounding FROM recheck_values")
        # the fields in which sites send a value are rechecked too
        found = {(s, at, id): rest for s, at, id, *rest in made.fetchall() if (s, at, id) in expected}
        assert found.keys() == expected.keys()
        for key, (value, state) in expected.items():
            assert found[key][:2] == [pytest.approx(value, rel=1e-9), state], key
            assert found[key][2] >= 0
        derived = sum(state == "derived" for _, state in expected.values())
        assert counts(con, "CALC-003") == (derived, 0, len(expected) - derived)
        assert counts(con, "CALC-002") == (len(expected), 0, 0)


def test_patients_in_parts_give_the_same(synthetic: dict[str, pl.DataFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    def everything(con: duckdb.DuckDBPyConnection) -> list[list[tuple[Any, ...]]]:
        names = ("recheck_values", "recheck_sources", "recheck_readings")
        return [con.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for name in names]

    wrong = synthetic["site_calculations"].with_columns(pl.col("calculated_value") * 1.5)
    with relations(**synthetic | {"site_calculations": wrong}) as con:
        together = everything(con)
        monkeypatch.setattr(calculated, "TOGETHER", 3)
        make_recheck_relations(con, FOUND)
        assert everything(con) == together
        assert all(together)


def ogtt(insulin: float = 60.0, *, without: tuple[int, ...] = (), flagged: bool = False) -> pl.DataFrame:
    cpeptide = {-10: 900.0, 0: 900.0, 30: 1300.0, 60: 1700.0, 90: 1900.0, 120: 1900.0}
    rows = [
        {
            "subject_id": "DK01-001",
            "visit": "baseline",
            "nominal_min": minute,
            "glucose_mmol_l": 10.4,
            "insulin_pmol_l": insulin,
            "cpeptide_pmol_l": None if flagged and minute == 30 else value,
        }
        for minute, value in cpeptide.items()
        if minute not in without
    ]
    return pl.DataFrame(rows)


@pytest.mark.parametrize(
    ("calculation", "value", "unit", "words"),
    [
        ("homa", 0.2163, HOMA, None),
        ("homa", 0.0096, HOMA, "insulin 60 pmol/L, glucose 10.4 mmol/L give 0.2163; the reading A09 constant_1 gives"),
        ("homa", 0.25, HOMA, "the reading A09 factor_6_945 gives it"),
        ("homa", 0.3, HOMA, "homa is 0.3, but insulin 60 pmol/L, glucose 10.4 mmol/L give 0.2163; no other reading"),
        ("auc_ogtt", 189000, AREA, None),
        ("auc_ogtt", 81000, AREA, "1900 at 120 min give 189000; the reading A12 incremental gives it"),
        ("auc_ogtt", 100000, AREA, "no other reading gives it"),
    ],
)
def test_both_values_are_shown_with_the_reading_that_gives_the_other(
    calculation: str, value: float, unit: str, words: str | None
) -> None:
    sent = site_calculations(("DK01-001", "baseline", calculation, value, unit))
    with relations(ogtt=ogtt(), site_calculations=sent) as con:
        found = messages(con, "CALC-003")
    if words is None:
        assert found == {}
    else:
        assert words in found["DK01-001", "baseline", calculation]


@pytest.mark.parametrize(
    ("frame", "calculation", "unit"),
    [
        (ogtt(insulin=0.0), "homa", HOMA),
        (ogtt(without=(120,)), "auc_ogtt", AREA),
        (ogtt(without=(60,)), "auc_ogtt", AREA),
        (ogtt(flagged=True), "auc_ogtt", AREA),
        (pl.concat([ogtt(), ogtt(insulin=61.0)]), "homa", HOMA),
        (ogtt(), "homa", "L2/(mU.mmol)"),
        (ogtt(), "no_such_thing", HOMA),
    ],
)
def test_what_cannot_be_derived_is_not_assessed(frame: pl.DataFrame, calculation: str, unit: str) -> None:
    sent = site_calculations(("DK01-001", "baseline", calculation, 7.0, unit))
    with relations(ogtt=frame, site_calculations=sent) as con:
        assert counts(con, "CALC-003") == (0, 0, 1)


def test_what_tells_the_arms_apart_is_not_compared() -> None:
    restricted = {name for name, table in FOUND.tables.items() if table.restricted}
    known = calculations(FOUND.endpoints, FOUND)
    for card in FOUND.endpoints.parameters:
        if getattr(getattr(card, "input", None), "table", None) in restricted:
            assert card.id not in known
            assert not any(getattr(one, "parameter", None) == card.id for one in known.values())


def calorimetry(patients: int, seed: int) -> tuple[pl.DataFrame, dict[str, float]]:
    """Clamps as a site sends them: rounded inputs, and results from the unrounded ones, the largest error of them."""
    draw = random.Random(seed)
    rows: list[dict[str, Any]] = []
    largest = {"glucose": 0.0, "fat": 0.0}
    for number in range(patients):
        weight, vo2, vco2 = draw.uniform(60, 140), draw.uniform(180, 400), draw.uniform(150, 380)
        nitrogen = draw.uniform(2, 20)
        glucose = (4.55 * vco2 - 3.21 * vo2 - 2.87 * nitrogen) / weight
        fat = (1.67 * vo2 - 1.67 * vco2 - 1.92 * nitrogen) / weight
        shown = [round(weight, 1), round(vo2), round(vco2), round(nitrogen, 2)]
        largest["glucose"] = max(
            largest["glucose"], abs(glucose - (4.55 * shown[2] - 3.21 * shown[1] - 2.87 * shown[3]) / shown[0])
        )
        rows.append(
            {
                "subject_id": f"DK01-{number:03}",
                "visit": "clamp_baseline",
                "clamp_status": "done",
                "body_weight_kg": shown[0],
                "vo2_ml_min": float(shown[1]),
                "vco2_ml_min": float(shown[2]),
                "urinary_n_mg_min": shown[3],
                "glucose_oxidation_mg_kg_min": round(glucose, 2),
                "fat_oxidation_mg_kg_min": round(fat, 2),
            }
        )
    return pl.DataFrame(rows), largest


def test_rounded_inputs_are_no_finding_and_another_formula_is_one() -> None:
    sent, largest = calorimetry(400, seed=3)
    assert largest["glucose"] > 0.02, "half of the last decimal and 1 % would not be enough"
    with relations(clamp=sent) as con:
        assert counts(con, "CALC-001") == (800, 0, 0)
    moved = sent.with_columns(pl.col("glucose_oxidation_mg_kg_min") + 0.3)
    with relations(clamp=moved) as con:
        passed, failed, _ = counts(con, "CALC-001")
        assert failed > 390
        assert passed + failed == 800


def test_records_of_a_repeated_visit_are_not_assessed() -> None:
    first = {"subject_id": "DK01-001", "visit": "baseline", "visit_seq": 1, "weight_kg": 95.8, "height_cm": 174.0}
    again = first | {"visit_seq": 2, "weight_kg": 94.0}
    with relations(vitals=pl.DataFrame([first | {"bsa_m2": 2.5}])) as con:
        assert counts(con, "CALC-001") == (0, 1, 0)
    with relations(vitals=pl.DataFrame([first | {"bsa_m2": 2.1}, again | {"bsa_m2": None}])) as con:
        assert counts(con, "CALC-001") == (0, 0, 1)


def test_columns_of_a_visit_sheet_become_calculations(tmp_path: Path) -> None:
    sent, out = tmp_path / "sent", tmp_path / "out"
    sent.mkdir()
    (sent / "profile.yaml").write_text(PROFILE, encoding="utf-8")
    (sent / "tests.csv").write_text(TESTS, encoding="utf-8")
    trial.convert(sent, out=out)
    rows = {
        (row["subject_id"], row["visit"], row["calculation"]): (row["calculated_value"], row["calculated_unit"])
        for row in trial.read(out)["site_calculations"].to_dicts()
    }
    assert rows == {
        ("CH01-001", "baseline", "homa"): (0.216, HOMA),
        ("CH01-001", "week13", "homa"): (0.2375, HOMA),
        ("CH01-002", "baseline", "homa"): (0.0096, HOMA),
        ("CH01-001", "baseline", "auc_ogtt"): (81000, AREA),
        ("CH01-001", "week13", "auc_ogtt"): (199500, AREA),
    }
    found = trial.read(out).findings.filter(pl.col("code") == "CALC-003")
    places = {(row["message"].partition(" is ")[0], row["row"], row["column"]) for row in found.to_dicts()}
    assert places == {("homa", 4, "HOMA"), ("auc_ogtt", 2, "AUC C-Peptid")}


def test_values_are_hidden_on_demand(tmp_path: Path) -> None:
    ogtt().write_csv(tmp_path / "ogtt.csv")
    site_calculations(("DK01-001", "baseline", "homa", 0.3, HOMA)).write_csv(tmp_path / "site_calculations.csv")
    shown, hidden = (trial.validate(tmp_path, only=["CALC-003"], show_values=show).findings for show in (True, False))
    (told,), (untold,) = ([f.message for f in findings if f.code == "CALC-003"] for findings in (shown, hidden))
    assert "0.2163" in told
    assert not {"0.2163", "0.3,", "10.4"} & set(untold.split())
