"""Statistical rules: silent on sound data of any shape and size, and each finds the fault it is for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from anakinra_t2d.across import RuleOutcome, open_relations, run_rules
from anakinra_t2d.across.schema_relations import is_measured
from anakinra_t2d.schema import Field, definitions

Frames = dict[str, pl.DataFrame]
Floats = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]

ANOMALIES = sorted(code for code in definitions().across_rules if code.startswith("ANOM-"))
VISITS = {
    "vitals": ["screening", "baseline", "week4", "week13"],
    "labs": ["screening", "baseline", "week4", "week13"],
    "clamp": ["clamp_baseline", "clamp_week13"],
    "visits": ["screening", "baseline", "week4", "week13"],
}
DAYS = {"screening": -20, "baseline": 0, "week4": 28, "week13": 91}
SHAPES: dict[str, Draw] = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "heavy tails": lambda rng, n: np.asarray(rng.standard_t(6, n) / np.sqrt(1.5)),
    "uniform": lambda rng, n: rng.uniform(-1.73, 1.73, n),
    "skewed": lambda rng, n: (rng.gamma(4, 1, n) - 4) / 2,
    "truncated": lambda rng, n: np.clip(rng.standard_normal(n), -1.2, 1.5),
}


def sound(seed: int, patients: int = 70, shape: str = "normal", coarser: int = 0, only: tuple[str, ...] = ()) -> Frames:
    """Frames without any fault: patients at two sites, correlated visits, values rounded, 3 % missing."""
    rng = np.random.default_rng(seed)
    sites = np.where(np.arange(patients) % 70 < 31, "DK01", "CH01")
    ids = np.array([f"{site}-{index:05}" for index, site in enumerate(sites)])
    first = np.datetime64("2004-02-01") + rng.integers(0, 400, patients)
    frames = {"subjects": pl.DataFrame({"subject_id": ids, "site_id": sites})}
    for name, visits in VISITS.items():
        if only and name not in only:
            continue
        table = definitions().tables[name]
        rows = patients * len(visits)
        columns: dict[str, Any] = {"subject_id": np.repeat(ids, len(visits)), "visit": np.tile(visits, patients)}
        if "visit_seq" in table.key:
            columns["visit_seq"] = np.ones(rows, dtype=np.int64)
        if "visit_date" in table.fields:
            days = np.tile([DAYS[visit] for visit in visits], patients) + rng.integers(-2, 3, rows)
            columns["visit_date"] = (np.repeat(first, len(visits)) + days).astype("datetime64[D]")
        for field in table.fields.values():
            if is_measured(table, field) and field.decimals is not None:
                columns[field.name] = values(rng, field, patients, len(visits), SHAPES[shape], coarser)
        frames[name] = pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None))
    weeks = np.tile(np.arange(14), patients)
    trend = rng.standard_normal(patients)
    home = 10 + 2 * np.repeat(rng.standard_normal(patients), 14) + np.repeat(trend, 14) * weeks / 13
    home += rng.standard_normal(len(weeks))
    if not only or "home_glucose" in only:
        frames["home_glucose"] = pl.DataFrame(
            {"subject_id": np.repeat(ids, 14), "week": weeks, "home_fpg_mmol_l": np.round(np.clip(home, 2, 30), 1)}
        )
    return frames


def values(rng: np.random.Generator, field: Field, patients: int, visits: int, draw: Draw, coarser: int) -> Floats:
    """Values over the expected range: log scale where it is wide, the same value where it is a point."""
    assert field.expected is not None and field.decimals is not None and field.range is not None
    low, high = (float(bound or 0) for bound in field.expected)
    level = np.sqrt(0.9) * np.repeat(draw(rng, patients), visits) + np.sqrt(0.1) * draw(rng, patients * visits)
    if low > 0 and high > 4 * low:
        found = np.exp((np.log(low) + np.log(high)) / 2 + level * (np.log(high) - np.log(low)) / 6)
    else:
        found = (low + high) / 2 + level * (high - low) / 7
    hard_low, hard_high = (float(bound or 0) for bound in field.range)
    rounded: Floats = np.round(np.clip(found, hard_low, hard_high), max(field.decimals - coarser, 0))
    return np.where(rng.random(patients * visits) < 0.03, np.nan, rounded)


def findings(frames: Frames, *codes: str) -> list[RuleOutcome]:
    con = open_relations(definitions(), {name: [frame] for name, frame in frames.items()})
    return [outcome for outcome in run_rules(con, definitions(), only=codes or ANOMALIES) if outcome.failed]


def said(outcome: RuleOutcome) -> list[str]:
    return [outcome.rule.message.format(**found.values) for found in outcome.violations]


def change(frames: Frames, table: str, **columns: pl.Expr | pl.Series) -> Frames:
    return frames | {table: frames[table].with_columns(**columns)}


AT_DK = pl.col("subject_id").str.starts_with("DK01")


class TestSilence:
    @pytest.mark.parametrize("shape", sorted(SHAPES))
    def test_on_data_of_any_shape(self, shape: str) -> None:
        assert findings(sound(11, shape=shape)) == []

    def test_on_coarsely_rounded_data(self) -> None:
        assert findings(sound(12, coarser=1)) == []

    def test_on_large_data(self) -> None:
        assert findings(sound(13, patients=2000, only=("vitals", "visits"))) == []

    def test_on_few_records(self) -> None:
        frames = sound(14, patients=12, only=("vitals", "labs"))
        con = open_relations(definitions(), {name: [frame] for name, frame in frames.items()})
        tested = [code for code in ANOMALIES if definitions().across_rules[code].statistic]
        counts = {code: [0, 0] for code in tested}
        for outcome in run_rules(con, definitions(), only=tested):
            counts[outcome.rule.code][0] += outcome.passed + outcome.failed
            counts[outcome.rule.code][1] += outcome.not_assessed
        # 12 patients are fewer than any rule over patients of a site asks for; there are enough changes and pairs
        assert {code for code, (assessed, _) in counts.items() if assessed} == {"ANOM-004", "ANOM-007"}
        assert counts["ANOM-005"][1] > 0

    def test_at_the_stated_rate(self) -> None:
        """The rate is stated for a whole rule; at 1 % each, 12 trials give 1 finding by chance, and rarely 3."""
        statistical = [code for code in ANOMALIES if definitions().across_rules[code].statistic]
        alarms = dict.fromkeys(statistical, 0)
        for seed in range(12):
            shape = sorted(SHAPES)[seed % len(SHAPES)]
            for outcome in findings(sound(100 + seed, shape=shape, only=("vitals",)), *statistical):
                alarms[outcome.rule.code] += 1
        assert max(alarms.values()) <= 1, alarms
        assert sum(alarms.values()) <= 2, alarms

    def test_every_rule_states_its_rate_and_its_number_of_records(self) -> None:
        for code in ANOMALIES:
            rule = definitions().across_rules[code]
            if rule.statistic is not None:
                assert rule.note is not None
                assert f"{rule.statistic.min_records}" in rule.note, code
                assert f"{rule.statistic.false_alarm_rate * 100:g} %" in rule.note, code


class TestDetection:
    def test_a_moved_decimal_point(self) -> None:
        frames = sound(1, only=("labs",))
        who = frames["labs"]["subject_id"][4]
        hit = (pl.col("subject_id") == who) & (pl.col("visit") == "week4")
        frames = change(frames, "labs", hdl_mmol_l=pl.when(hit).then(8.3).otherwise("hdl_mmol_l"))
        frames = change(
            frames, "labs", hdl_mmol_l=pl.when((pl.col("subject_id") == who) & ~hit).then(0.9).otherwise("hdl_mmol_l")
        )
        (outcome,) = findings(frames, "ANOM-001")
        assert said(outcome) == ["8.3 mmol/L reads as 0.83 mmol/L if the decimal point was moved"]
        (found,) = outcome.violations
        assert (found.field, found.value, found.key["visit"]) == ("hdl_mmol_l", 8.3, "week4")

    def test_a_value_in_another_unit(self) -> None:
        frames = sound(2, only=("labs",))
        hit = (pl.col("subject_id") == frames["labs"]["subject_id"][0]) & (pl.col("visit") == "baseline")
        sent = {"fpg_mmol_l": 180.0, "hba1c_pct": 70.0, "creatinine_umol_l": 1.1, "cpeptide_fasting_pmol_l": 2.8}
        columns = {name: pl.when(hit).then(value).otherwise(name) for name, value in sent.items()}
        frames = change(frames, "labs", **columns).copy()
        # nothing else of the patient, so that the reading stands on its own
        who = frames["labs"]["subject_id"][0]
        frames["labs"] = frames["labs"].filter(hit | (pl.col("subject_id") != who))
        messages = {outcome.field: said(outcome) for outcome in findings(frames, "ANOM-002")}
        assert messages == {
            "fpg_mmol_l": ["180.0 mmol/L reads as 10.0 mmol/L if it was sent in mg/dL"],
            "hba1c_pct": ["70.0 % reads as 8.6 % if it was sent in mmol/mol"],
            "creatinine_umol_l": ["1.1 umol/L reads as 97.0 umol/L if it was sent in mg/dL"],
            "cpeptide_fasting_pmol_l": ["2.8 pmol/L reads as 927.0 pmol/L if it was sent in ng/mL"],
        }

    @pytest.mark.parametrize(
        ("field", "factor", "offset", "unit"),
        [
            ("cholesterol_mmol_l", 1 / 0.02586, 0.0, "mg/dL"),
            ("creatinine_umol_l", 1 / 88.4, 0.0, "mg/dL"),
            ("hba1c_pct", 1 / 0.09148, -2.152 / 0.09148, "mmol/mol"),
            ("hemoglobin_g_l", 0.1, 0.0, "g/dL"),
        ],
    )
    def test_a_whole_column_in_another_unit(self, field: str, factor: float, offset: float, unit: str) -> None:
        sent = pl.when(AT_DK).then(pl.col(field) * factor + offset).otherwise(field)
        frames = change(sound(3, only=("labs",)), "labs", **{field: sent})
        (outcome,) = findings(frames, "ANOM-003")
        assert outcome.field == field
        (message,) = said(outcome)
        assert message.endswith(f"as if DK01 sent it in {unit}")
        # what another unit explains is no site effect
        assert findings(frames, "ANOM-010") == []

    def test_a_change_that_no_patient_makes(self) -> None:
        frames = sound(4, only=("vitals",))
        patient = frames["vitals"]["subject_id"][0]
        other = frames["vitals"].filter(visit="baseline")["weight_kg"].max()
        hit = (pl.col("subject_id") == patient) & (pl.col("visit") == "week13")
        before = (pl.col("subject_id") == patient) & (pl.col("visit") == "baseline")
        weight = pl.when(hit).then(other).when(before).then(62.0).otherwise("weight_kg")
        outcomes = findings(change(frames, "vitals", weight_kg=weight, height_cm=pl.lit(None)), "ANOM-004")
        weights = [found for outcome in outcomes if outcome.field == "weight_kg" for found in outcome.violations]
        assert {found.key["visit"] for found in weights} >= {"week13"}
        assert {found.key["subject_id"] for found in weights} == {patient}

    def test_preferred_digits(self) -> None:
        frames = sound(5, only=("vitals",))
        rounded = pl.when(AT_DK & (pl.int_range(pl.len()) % 2 == 0)).then((pl.col("sbp_mmhg") / 5).round() * 5)
        outcomes = findings(change(frames, "vitals", sbp_mmhg=rounded.otherwise("sbp_mmhg")), "ANOM-005")
        assert [(outcome.field, outcome.failed) for outcome in outcomes] == [("sbp_mmhg", 1)]
        assert "at DK01" in said(outcomes[0])[0]

    def test_a_value_filled_down(self) -> None:
        frames = sound(6, only=("labs",))
        filled = pl.when(AT_DK & (pl.int_range(pl.len()) % 2 == 0)).then(4.65).otherwise("cholesterol_mmol_l")
        (outcome,) = findings(change(frames, "labs", cholesterol_mmol_l=filled), "ANOM-006")
        assert outcome.field == "cholesterol_mmol_l"
        assert "at DK01 are 4.65 mmol/L" in said(outcome)[0]

    def test_a_column_sent_twice(self) -> None:
        frames = change(sound(7, only=("labs",)), "labs", ast_u_l=pl.col("alt_u_l"))
        (outcome,) = findings(frames, "ANOM-007")
        (found,) = outcome.violations
        assert (found.table, found.key, found.field) == ("labs", {}, "alt_u_l")
        assert "alt_u_l and ast_u_l are perfectly correlated" in said(outcome)[0]

    def test_swapped_visits(self) -> None:
        frames = sound(8, only=("labs", "home_glucose"))
        late = pl.col("home_fpg_mmol_l").filter(pl.col("week") >= 9).mean()
        early = pl.col("home_fpg_mmol_l").filter(pl.col("week") <= 4).mean()
        trend = frames["home_glucose"].group_by("subject_id").agg(trend=late - early)
        labs = frames["labs"].join(trend, on="subject_id", maintain_order="left")
        week13 = pl.when(pl.col("visit") == "week13").then(pl.col("trend") * 0.4).otherwise(0)
        noise = pl.Series(np.random.default_rng(8).normal(0, 0.2, labs.height))
        labs = labs.with_columns(hba1c_pct=8 + week13 + noise)
        assert findings(frames | {"labs": labs.drop("trend")}, "ANOM-008") == []
        swapped = pl.col("visit").replace({"week4": "week13", "week13": "week4"})
        (outcome,) = findings(frames | {"labs": labs.drop("trend").with_columns(visit=swapped)}, "ANOM-008")
        assert outcome.failed == 2

    def test_rows_shifted_by_one(self) -> None:
        frames = sound(9, only=("vitals",))
        vitals = frames["vitals"].with_row_index("place")
        week13 = vitals.filter(visit="week13").with_columns(
            weight_kg=pl.col("weight_kg").shift(1), bmi_kg_m2=pl.col("bmi_kg_m2").shift(1)
        )
        shifted = pl.concat([vitals.filter(pl.col("visit") != "week13"), week13]).sort("place").drop("place")
        outcomes = findings(frames | {"vitals": shifted}, "ANOM-009")
        assert {outcome.field for outcome in outcomes} == {"weight_kg", "bmi_kg_m2"}
        assert {found.values["at_visit"] for outcome in outcomes for found in outcome.violations} == {"week13"}

    def test_sites_far_apart(self) -> None:
        frames = sound(10, only=("labs",))
        shifted = pl.when(AT_DK).then(pl.col("sodium_mmol_l") + 7).otherwise("sodium_mmol_l")
        (outcome,) = findings(change(frames, "labs", sodium_mmol_l=shifted), "ANOM-010")
        assert outcome.field == "sodium_mmol_l"
        assert said(outcome)[0].startswith("sodium_mmol_l is usually 138.0 mmol/L at CH01")

    def test_swapped_day_and_month(self) -> None:
        frames = sound(11, only=("visits",))
        swapped = [
            found.replace(month=found.day, day=found.month) if found and found.day <= 12 else None
            for found in frames["visits"]["visit_date"].to_list()
        ]
        assert dt.date(2004, 1, 1) < max(filter(None, swapped))
        (outcome,) = findings(change(frames, "visits", visit_date=pl.Series(swapped)), "ANOM-011")
        assert outcome.failed == 2
        assert "100.0 % of the different dates of visit_date" in said(outcome)[0]
