"""The synthetic trial: bytes, flow, and every number of the trial report that it claims to hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from anakinra_t2d.conversion.run import validate
from anakinra_t2d.schema import definitions
from anakinra_t2d.simulation import simulate, tables
from anakinra_t2d.simulation.targets import TARGETS, Target
from conftest import made_once

T_975 = {65: 1.99714}
"""Two-sided 5 % point of the t distribution for 34 + 33 patients."""


class Written:
    """Values of a written trial, by arm."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._frames: dict[str, pl.DataFrame] = {}
        people = (
            self["subjects"]
            .filter("randomised")
            .join(self["randomisation"].select("subject_id", "arm"), on="subject_id")
        )
        self.people = people.with_columns(
            treated=pl.col("treated").fill_null(False), completed=pl.col("completed").fill_null(False)
        )

    def __getitem__(self, table: str) -> pl.DataFrame:
        if table not in self._frames:
            self._frames[table] = pl.read_csv(
                self.folder / f"{table}.csv", infer_schema_length=None, try_parse_dates=True
            )
        return self._frames[table]

    def ids(self, arm: str, flag: str = "treated") -> pl.DataFrame:
        people = self.people.filter(flag)
        return (people if arm in ("all", "both") else people.filter(arm=arm)).select("subject_id")

    def at(self, table: str, field: str, visit: str, arm: str, flag: str = "treated") -> pl.Series:
        rows = self[table].filter(visit=visit)
        return self.ids(arm, flag).join(rows, on="subject_id", how="inner", maintain_order="left")[field]

    def change(self, table: str, field: str, arm: str, before: str = "baseline", after: str = "week13") -> pl.Series:
        rows = self[table]
        pair = rows.filter(visit=before).join(rows.filter(visit=after), on="subject_id", suffix="_after")
        pair = self.ids(arm, "completed").join(pair, on="subject_id", how="inner", maintain_order="left")
        return (pair[f"{field}_after"] - pair[field]).round(6)

    def fasting(self, field: str) -> pl.DataFrame:
        return self["ogtt"].filter(pl.col("nominal_min") <= 0).group_by("subject_id", "visit").agg(pl.col(field).mean())

    def homa(self) -> pl.DataFrame:
        both = self.fasting("glucose_mmol_l").join(self.fasting("insulin_pmol_l"), on=["subject_id", "visit"])
        return both.with_columns(homa=135 / (pl.col("insulin_pmol_l") * pl.col("glucose_mmol_l")))

    def change_of(self, rows: pl.DataFrame, field: str, arm: str) -> pl.Series:
        pair = rows.filter(visit="baseline").join(rows.filter(visit="week13"), on="subject_id", suffix="_after")
        pair = self.ids(arm, "completed").join(pair, on="subject_id", how="inner", maintain_order="left")
        return pair[f"{field}_after"] - pair[field]


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return Written(made_once(tmp_path_factory, "simulated", simulate))


LABS = {
    "hba1c": "hba1c_pct",
    "hba1c_two_decimals": "hba1c_pct",
    "fpg": "fpg_mmol_l",
    "cpeptide": "cpeptide_fasting_pmol_l",
    "cholesterol": "cholesterol_mmol_l",
    "hdl": "hdl_mmol_l",
    "creatinine": "creatinine_umol_l",
    "neutrophils": "neutrophils_10e9_l",
    "platelets": "platelets_10e9_l",
    "leptin": "leptin_ug_l",
    "adiponectin": "adiponectin_mg_l",
    "resistin": "resistin_ug_l",
    "tnf_alpha": "tnf_alpha_ng_l",
    "mcp1": "mcp1_ng_l",
    "il8": "il8_ng_l",
}
CLAMP = {
    "mi": "mi_index",
    "glucose_oxidation": "glucose_oxidation_mg_kg_min",
    "fat_oxidation": "fat_oxidation_mg_kg_min",
}
THIRDS = {"small": (0.0, 1.995), "middle": (1.995, 2.245), "large": (2.245, 9.0)}


def values(trial: Written, name: str, arm: str) -> pl.Series:
    """The written values behind a target with a mean or an SD."""
    if name in LABS:
        return trial.at("labs", LABS[name], "baseline", arm)
    if name in ("weight", "bmi", "sbp", "dbp"):
        field = {"weight": "weight_kg", "bmi": "bmi_kg_m2", "sbp": "sbp_mmhg", "dbp": "dbp_mmhg"}[name]
        return trial.at("vitals", field, "baseline", arm)
    if name in ("age", "duration"):
        field = {"age": "age_yr", "duration": "diabetes_duration_yr"}[name]
        return trial.ids(arm).join(trial["subjects"], on="subject_id", maintain_order="left")[field]
    if name == "hba1c_week13":
        return trial.at("labs", "hba1c_pct", "week13", arm, "completed")
    if name == "bmi_week13":
        return trial.at("vitals", "bmi_kg_m2", "week13", arm, "completed")
    if name == "il1ra":
        return trial.at("labs_restricted", "il1ra_ug_l", "week13", arm, "completed")
    if name == "hba1c_change4":
        return trial.change("labs", "hba1c_pct", arm, after="week4")
    if name == "homa_change":
        return trial.change_of(trial.homa(), "homa", arm)
    if name == "ogtt_start":
        return trial.change_of(trial.fasting("glucose_mmol_l"), "glucose_mmol_l", arm)
    if name == "ogtt_end":
        return trial.change_of(trial["ogtt"].filter(nominal_min=120), "glucose_mmol_l", arm)
    if name.startswith("hba1c_change, "):
        low, high = THIRDS[name.split()[1]]
        change = trial.change("labs", "hba1c_pct", arm)
        return change.filter(trial.at("vitals", "bsa_m2", "baseline", arm, "completed").is_between(low, high))
    stem = name.removesuffix("_change")
    if stem in CLAMP:
        return trial.change("clamp", CLAMP[stem], arm, "clamp_baseline", "clamp_week13")
    if stem in ("glut4", "pgc1a"):
        return trial.change("biopsy", f"{stem}_rel", arm)
    return trial.change("labs", LABS[stem], arm)


def area(trial: Written, test: str, arm: str) -> pl.Series:
    """Change of the C-peptide area of a test."""
    if test == "combined":
        return area(trial, "oral", arm) + area(trial, "intravenous", arm)
    weights = {
        "oral": {-10: 7.5, 0: 7.5, 30: 30, 60: 30, 90: 30, 120: 15},
        "intravenous": {0: 1.5, 3: 3, 6: 3, 9: 3, 12: 1.5},
    }[test]
    rows = trial[{"oral": "ogtt", "intravenous": "iv_stimulation"}[test]]
    weighted = rows.with_columns(w=pl.col("nominal_min").replace_strict(weights, return_dtype=pl.Float64))
    total = weighted.group_by("subject_id", "visit").agg((pl.col("w") * pl.col("cpeptide_pmol_l")).sum().alias("area"))
    return trial.change_of(total, "area", arm)


def r_squared(trial: Written, name: str, arm: str) -> float:
    """Squared correlation behind a target."""
    if name == "cross-check":
        wide = trial["hba1c_crosscheck"].pivot(on="lab_id", index="sample_code", values="hba1c_pct")
        return float(np.corrcoef(wide["LAB_DK"], wide["LAB_CH"])[0, 1] ** 2)
    if name == "clamp and fasting index":
        index = trial.homa().filter(visit="baseline").select("subject_id", "homa")
        both = trial["clamp"].filter(visit="clamp_baseline").join(index, on="subject_id")
        return float(np.corrcoef(both["mi_index"], both["homa"])[0, 1] ** 2)
    first, second = name.split(" and ")
    other = (
        trial.at("vitals", "bsa_m2", "baseline", arm, "completed")
        if second == "body surface"
        else area(trial, second.split(", ")[1], arm)
    )
    own = trial.at("labs", "hba1c_pct", "baseline", arm, "completed") if first == "hba1c" else values(trial, first, arm)
    return float(np.corrcoef(own, other)[0, 1] ** 2)


def _having(table: str, field: str, value: str) -> Callable[[Written, str], int]:
    return lambda t, arm: t.ids(arm).join(t[table].filter(pl.col(field) == value), on="subject_id").height


COUNTS: dict[str, Callable[[Written, str], int]] = {
    "approached": lambda t, arm: t["recruitment"].height,
    "screened": lambda t, arm: t["screening"].height,
    "screen failures": lambda t, arm: t["disposition"].filter(ds_event="screen_failed").height,
    "randomised": lambda t, arm: t.ids(arm, "randomised").height,
    "treated": lambda t, arm: t.ids(arm, "treated").height,
    "completed": lambda t, arm: t.ids(arm, "completed").height,
    "excluded before first dose": lambda t, arm: t["disposition"].filter(ds_event="excluded_before_dose").height,
    "reduced antidiabetic dose": _having("antidiabetic_treatment", "dose_changed", "reduced"),
    "clamp consent": lambda t, arm: t.ids(arm).join(
        t["consents"].filter(consent_type="clamp_biopsy", consent_given="yes"), on="subject_id"
    ).height,
    "randomised in Denmark": lambda t, arm: t.people.filter(site_id="DK01").height,
    "randomised in Switzerland": lambda t, arm: t.people.filter(site_id="CH01").height,
    "cross-check samples": lambda t, arm: t["hba1c_crosscheck"]["sample_code"].n_unique(),
    "male": _having("subjects", "sex", "M"),
    "female": _having("subjects", "sex", "F"),
    "smoking current": _having("medical_history", "smoking_status", "current"),
    "smoking former": _having("medical_history", "smoking_status", "former"),
    "antihypertensive": _having("medical_history", "antihypertensive_use", "yes"),
    "cardiovascular history": _having("medical_history", "cvd_history", "yes"),
    "albuminuria": _having("medical_history", "albuminuria_gt30", "yes"),
    "retinopathy": _having("medical_history", "retinopathy_baseline", "yes"),
    "diet": _having("medical_history", "antidiabetic_class_baseline", "diet"),
    "oral": _having("medical_history", "antidiabetic_class_baseline", "oral"),
    "insulin": _having("medical_history", "antidiabetic_class_baseline", "insulin"),
    "hba1c_reduced": lambda t, arm: int((t.change("labs", "hba1c_pct", arm) < 0).sum()),
}  # fmt: skip


def recomputed(trial: Written, target: Target) -> float:
    """A target's statistic from the written files."""
    if target.statistic == "count":
        count = COUNTS.get(target.name) or _having("adverse_events", "ae_category", target.name)
        return count(trial, target.group)
    if target.statistic == "r2":
        return r_squared(trial, target.name, target.group)
    if target.group != "both":
        found = values(trial, target.name, target.group).to_numpy()
        return float(found.mean() if target.statistic == "mean" else found.std(ddof=1))
    first, second = (values(trial, target.name, arm).to_numpy() for arm in ("anakinra", "placebo"))
    n, m = len(first), len(second)
    pooled = math.sqrt(((n - 1) * first.var(ddof=1) + (m - 1) * second.var(ddof=1)) / (n + m - 2))
    difference = float(first.mean() - second.mean())
    half = T_975[n + m - 2] * pooled * math.sqrt(1 / n + 1 / m)
    return {"difference": difference, "sd": pooled, "ci_low": difference - half, "ci_high": difference + half}[
        target.statistic
    ]


EXACT = [t for t in TARGETS if t.exact]
NEAR = [t for t in TARGETS if not t.exact]


def _label(target: Target) -> str:
    return f"{target.id}-{target.name}-{target.group}-{target.statistic}".replace(" ", "_")


@pytest.mark.parametrize("target", EXACT, ids=_label)
def test_reported_number_is_held_to_the_printed_precision(trial: Written, target: Target) -> None:
    assert abs(recomputed(trial, target) - target.value) <= 0.5 * 10.0**-target.decimals + 1e-9


@pytest.mark.parametrize("target", NEAR, ids=_label)
def test_reported_number_is_approached(trial: Written, target: Target) -> None:
    assert target.reason
    tolerance = 0.15 if target.statistic == "r2" else 0.09
    assert abs(recomputed(trial, target) - target.value) <= tolerance


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_same_seed_gives_the_same_bytes(trial: Written, tmp_path: Path) -> None:
    simulate(tmp_path)
    assert _bytes(tmp_path) == _bytes(trial.folder)


def test_another_seed_gives_other_values(trial: Written, tmp_path: Path) -> None:
    simulate(tmp_path, seed=1)
    assert _bytes(tmp_path)["labs.csv"] != _bytes(trial.folder)["labs.csv"]


def test_every_table_but_lineage_is_written_with_the_columns_of_the_schema(trial: Written) -> None:
    expected = {name: ",".join(table.fields) for name, table in definitions().tables.items() if name != "lineage"}
    found = {p.stem: p.read_text(encoding="utf-8").split("\n")[0] for p in trial.folder.glob("*.csv")}
    assert found == expected


def test_rows_returned_are_rows_written(tmp_path: Path) -> None:
    rows = simulate(tmp_path, patients=9, seed=4)
    lines = {name: (tmp_path / f"{name}.csv").read_bytes().count(b"\n") - 1 for name, number in rows.items() if number}
    lines |= {name: 0 for name in rows if not (tmp_path / f"{name}.csv").exists()}
    assert rows == lines


def test_files_use_plain_line_ends_and_declare_themselves_synthetic(trial: Written) -> None:
    files = _bytes(trial.folder)
    assert not any(b"\r" in content for content in files.values())
    assert b"synthetic" in files["README.txt"].lower()
    assert trial["submission"]["synthetic"].to_list() == [True]
    assert "SYNTHETIC" in trial["submission"]["submission_id"][0]


def test_numbers_are_written_with_the_decimals_of_their_field(trial: Written) -> None:
    text = pl.read_csv(trial.folder / "labs.csv", infer_schema=False)
    for name, field in definitions().tables["labs"].fields.items():
        if field.type == "number" and field.decimals:
            decimals = text[name].drop_nulls().str.split(".").list.last().str.len_chars()
            assert decimals.is_empty() or decimals.unique().to_list() == [field.decimals], name


def test_typed_tables_are_those_written(trial: Written) -> None:
    assert tables()["vitals"]["weight_kg"].to_list() == trial["vitals"]["weight_kg"].to_list()


def test_submission_is_later_than_every_other_date(trial: Written) -> None:
    received = trial["submission"]["submission_ts"][0].date()
    for name, table in definitions().tables.items():
        dates = [field for field, what in table.fields.items() if what.type == "date"]
        if name not in ("lineage", "submission"):
            for field in dates:
                latest = trial[name][field].drop_nulls()
                assert latest.is_empty() or latest.max() < received, f"{name}.{field}"


def test_only_the_restricted_tables_name_the_drug(trial: Written) -> None:
    restricted = {f"{name}.csv" for name, table in definitions().tables.items() if table.restricted}
    for name, content in _bytes(trial.folder).items():
        if name not in restricted | {"README.txt"}:
            assert not any(word in content.lower() for word in (b"anakinra", b"placebo", b"kineret", b"verum")), name


def test_who_failed_screening_has_screening_records_only(trial: Written) -> None:
    failed = trial["subjects"].filter(screening_status="failed")["subject_id"]
    alone = {"recruitment", "subjects", "consents", "screening", "visits", "vitals", "labs", "disposition"}
    for name, table in definitions().tables.items():
        if "subject_id" in table.fields and name not in alone:
            assert not trial[name]["subject_id"].is_in(failed.implode()).any(), name
    for name in ("visits", "vitals", "labs"):
        assert trial[name].filter(pl.col("subject_id").is_in(failed.implode()))["visit"].unique().to_list() == [
            "screening"
        ]


def test_the_three_exceptions_are_those_reported(trial: Written) -> None:
    ends = trial["disposition"].filter(pl.col("ds_reason").is_not_null()).join(trial.people, on="subject_id")
    assert set(ends["arm"]) == {"placebo"}
    assert set(ends["ds_reason"]) == {"late_positive_mantoux", "adverse_event_infection", "self_unblinding"}
    day = dict(zip(ends["ds_reason"], ends["ds_study_day"], strict=True))
    assert 28 <= day["adverse_event_infection"] <= 35 < day["self_unblinding"] <= 42
    assert ends.filter(ds_reason="self_unblinding")["sex"].to_list() == ["M"]
    assert (
        trial["unblinding"]["subject_id"].to_list() == ends.filter(ds_reason="self_unblinding")["subject_id"].to_list()
    )


def test_blocks_are_balanced_within_each_site(trial: Written) -> None:
    balance = trial["randomisation"].group_by("block_id").agg(n=pl.len(), a=(pl.col("arm") == "anakinra").sum())
    assert (balance.filter(n=4)["a"] == 2).all()
    assert balance.filter(pl.col("n") < 4).height == 2


def test_injection_site_reactions_start_and_end_on_the_days_reported(trial: Written) -> None:
    rows = trial["adverse_events"].filter(ae_category="injection_site_reaction")
    assert rows["ae_start_day"].is_between(6, 14).all()
    assert rows["ae_end_day"].is_between(19, 38).all()


@pytest.mark.parametrize(("patients", "seed"), [(70, 303394), (12, 5)])
def test_trial_raises_no_finding(patients: int, seed: int, tmp_path: Path) -> None:
    simulate(tmp_path, patients=patients, seed=seed)
    assert [(f.code, f.table, f.field, f.key) for f in validate(tmp_path).findings] == []


@pytest.mark.parametrize("patients", [4, 5, 7])
def test_a_handful_of_patients_is_enough(patients: int, tmp_path: Path) -> None:
    rows = simulate(tmp_path, patients=patients, seed=2)
    assert rows["randomisation"] == rows["labs_restricted"] == patients
    assert rows["unblinding"] == 0


def test_counts_scale_with_the_number_of_patients(tmp_path: Path) -> None:
    rows = simulate(tmp_path, patients=700, seed=2)
    assert rows["recruitment"] == 3120
    assert rows["screening"] == 1240
    assert rows["unblinding"] == 10
    assert rows["labs_restricted"] == 670


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [({"patients": 3}, "at least 4"), ({"seed": -1}, "negative"), ({"layout": "wide"}, "unknown layout")],
)
def test_impossible_wishes_are_refused_and_leave_no_files(
    asked: dict[str, int], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=complaint):
        simulate(tmp_path / "new", **asked)  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()
