"""``derive``: what it writes beside the tables, under which readings, and what it says of bad input."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import anakinra_t2d as trial
from anakinra_t2d.cli.main import main
from anakinra_t2d.derivation.run import Derived
from anakinra_t2d.forms.derived_tables import DERIVED
from anakinra_t2d.schema.readings import choices
from conftest import change


@pytest.fixture(scope="module")
def whole_trial(converted_example: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole synthetic trial of 70 patients, converted."""
    return Path(shutil.copytree(converted_example, tmp_path_factory.mktemp("whole") / "out"))


@pytest.fixture(scope="module")
def derived(whole_trial: Path) -> Derived:
    return trial.derive(whole_trial, all_readings=True)


@pytest.fixture
def copy(converted_trial: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(converted_trial, tmp_path / "copy"))


def endpoint(folder: Path, id: str) -> dict[str, dict[str, Any]]:
    rows = pl.read_parquet(folder / "endpoints.parquet").filter(endpoint_id=id)
    return {row["subject_id"]: row for row in rows.to_dicts()}


def test_files_have_the_columns_they_are_described_with(whole_trial: Path, derived: Derived) -> None:
    types = {"string": pl.String, "number": pl.Float64, "integer": pl.Int64, "boolean": pl.Boolean}
    for name, table in DERIVED.items():
        frame = pl.read_parquet(whole_trial / f"{name}.parquet")
        assert dict(frame.schema) == {column.name: types[column.type] for column in table.columns}, name
        assert frame.height
        assert not frame.select(table.key).is_duplicated().any(), name
        for column in table.columns:
            if column.required:
                assert frame[column.name].null_count() == 0, (name, column.name)


def test_every_card_is_there_for_every_randomised_patient(whole_trial: Path, derived: Derived) -> None:
    cards = trial.definitions().endpoints
    parameters = pl.read_parquet(whole_trial / "parameters.parquet")
    counts = dict(parameters.group_by("parameter").len().rows())
    assert counts == {card.id: 70 * len(card.visits) for card in cards.parameters}
    endpoints = pl.read_parquet(whole_trial / "endpoints.parquet")
    assert dict(endpoints.group_by("endpoint_id").len().rows()) == {card.id: 70 for card in cards.endpoints}
    for frame in (parameters, endpoints):
        without = frame.filter(pl.col("value").is_null())
        assert without["reason"].null_count() == 0
        assert set(without["state"]) <= {"not_derivable", "not_in_population"}
        assert not frame["value"].is_nan().any()
        assert frame.filter(pl.col("value").is_not_null())["state"].is_in(["not_derivable"]).sum() == 0


def test_manifest_and_package_name_the_new_files(whole_trial: Path, derived: Derived) -> None:
    out = trial.read(whole_trial)
    assert set(DERIVED) <= set(out)
    for name in (*(f"{name}.parquet" for name in DERIVED), "results.txt", "datapackage.json"):
        content = (whole_trial / name).read_bytes()
        import hashlib

        assert out.manifest["files"][name]["sha256"] == hashlib.sha256(content).hexdigest()
    assert out.manifest["derived"]["readings"] == {}


def test_deriving_twice_gives_the_same_bytes(copy: Path) -> None:
    trial.derive(copy)
    first = {path.name: path.read_bytes() for path in copy.iterdir()}
    trial.derive(copy)
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == first
    assert not [path for path in copy.parent.iterdir() if path.name.startswith(".")]


def test_what_is_derived_is_not_read_as_a_submission(copy: Path) -> None:
    before = trial.validate(copy)
    trial.derive(copy)
    after = trial.validate(copy)
    assert [finding.code for finding in after.findings] == [finding.code for finding in before.findings]


def test_results_stand_beside_the_paper_and_nothing_is_unexplained(derived: Derived) -> None:
    assert derived.synthetic
    verdicts = {one.verdict for one in derived.comparisons}
    assert "agrees" in verdicts
    unexplained = [
        (one.line.id, one.kind, one.printed, one.ours)
        for one in derived.comparisons
        if one.verdict in ("differs", "not_available")
    ]
    assert unexplained == []
    assert all(one.reason for one in derived.comparisons if one.verdict in ("listed", "accepted"))


def test_every_other_choice_of_a_reading_is_shown(derived: Derived) -> None:
    found = {result.reading for result in derived.results if result.reading}
    known = choices(trial.definitions())
    by_cards = {
        f"{one.reading}={one.choice}"
        for card in [*trial.definitions().endpoints.parameters, *trial.definitions().endpoints.groups]
        for one in card.alternatives
    }
    assert found == by_cards
    assert {reading.partition("=")[0] for reading in found} <= set(known)


def test_a_reading_changes_what_depends_on_it_and_nothing_else(copy: Path) -> None:
    trial.derive(copy)
    usual = pl.read_parquet(copy / "endpoints.parquet")
    trial.derive(copy, readings={"A12": "incremental"})
    other = pl.read_parquet(copy / "endpoints.parquet")
    changed = usual.join(other, on=["subject_id", "endpoint_id"]).filter(
        ~pl.col("value").eq_missing(pl.col("value_right"))
    )
    assert set(changed["endpoint_id"]) == {"EP06", "EP07", "EP08"}
    assert trial.read(copy).manifest["derived"]["readings"] == {"A12": "incremental"}


def without(path: Path, **key: str) -> None:
    change(
        path,
        lambda rows: rows.__setitem__(slice(None), [r for r in rows if not all(r[k] == v for k, v in key.items())]),
    )


WHO = ("no visit", "interior", "end", "start", "below limit", "zero insulin", "doubled")


@pytest.fixture(scope="module")
def spoiled(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A small trial in which one patient for each fault is spoiled before it is converted and derived."""
    folder = tmp_path_factory.mktemp("spoiled")
    sent = Path(shutil.copytree(sound_trial, folder / "sent"))
    completed = pl.read_csv(sent / "subjects.csv", infer_schema_length=None).filter(completed=True)
    who = dict(zip(WHO, completed["subject_id"].sort().to_list(), strict=False))
    without(sent / "labs.csv", subject_id=who["no visit"], visit="week13")
    without(sent / "ogtt.csv", subject_id=who["interior"], visit="baseline", nominal_min="60")
    without(sent / "ogtt.csv", subject_id=who["end"], visit="baseline", nominal_min="120")
    for minute in ("-10", "0"):
        without(sent / "ogtt.csv", subject_id=who["start"], visit="baseline", nominal_min=minute)

    def of(row: dict[str, str], fault: str, visit: str) -> bool:
        return row["subject_id"] == who[fault] and row["visit"] == visit

    change(sent / "labs.csv", lambda rows: [r.update(crp_mg_l="<0.3") for r in rows if of(r, "below limit", "week13")])
    trial.convert(sent, out=folder / "out")
    # what the checks of a conversion would reject can still stand in Parquet files that others made
    frame = pl.read_parquet(folder / "out" / "ogtt.parquet")
    fasting = (pl.col("nominal_min") <= 0) & (pl.col("visit") == "week13")
    zero = (pl.col("subject_id") == who["zero insulin"]) & fasting
    frame = frame.with_columns(insulin_pmol_l=pl.when(zero).then(0.0).otherwise("insulin_pmol_l"))
    doubled = frame.filter(
        (pl.col("subject_id") == who["doubled"]) & (pl.col("visit") == "week13") & (pl.col("nominal_min") == 120)
    )
    frame = pl.concat([frame, doubled.with_columns(pl.col("cpeptide_pmol_l") + 100, pl.col("glucose_mmol_l") + 1)])
    frame.write_parquet(folder / "out" / "ogtt.parquet")
    trial.derive(folder / "out")
    return folder / "out", who


FAULTS = [
    ("no visit", "EP01", "not_derivable", "week13: no record"),
    ("no visit", "EP21", "not_derivable", "week13: no record"),
    ("interior", "EP06", "input_imputed_interval", "baseline: samples bridged between the ends: 1"),
    ("interior", "EP08", "input_imputed_interval", "baseline: oral: samples bridged between the ends: 1"),
    ("end", "EP06", "not_derivable", "baseline: no end of the curve, minute 120: no record"),
    ("end", "EP18", "not_derivable", "baseline: no record"),
    ("start", "EP06", "not_derivable", "baseline: no start of the curve: no record"),
    ("start", "EP10", "not_derivable", "baseline: insulin: no record"),
    ("below limit", "EP20b", "not_derivable", "week13: below the limit of quantification"),
    ("zero insulin", "EP10", "not_derivable", "week13: insulin is not above zero"),
    ("zero insulin", "EP09", "not_derivable", "week13: insulin is not above zero"),
    ("doubled", "EP06", "not_derivable", "week13: no end of the curve, minute 120: several different values"),
    ("doubled", "EP18", "not_derivable", "week13: 0 of 1 samples (several different values)"),
]


@pytest.mark.parametrize(("fault", "id", "state", "reason"), FAULTS, ids=[f"{f[0]}: {f[1]}" for f in FAULTS])
def test_bad_data_are_states_with_their_reason(
    spoiled: tuple[Path, dict[str, str]], fault: str, id: str, state: str, reason: str
) -> None:
    out, who = spoiled
    row = endpoint(out, id)[who[fault]]
    assert (row["state"], row["reason"]) == (state, reason)
    assert (row["value"] is None) == (state == "not_derivable")
    results = pl.read_parquet(out / "results.parquet").filter(endpoint_id=id, group="all", statistic="not_derivable")
    assert results["value"][0] >= (state == "not_derivable")


def test_half_of_the_limit_is_taken_when_asked_for(spoiled: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    out, who = spoiled
    copy = Path(shutil.copytree(out, tmp_path / "copy"))
    trial.derive(copy, readings={"A28": "half_limit"})
    row = endpoint(copy, "EP20b")[who["below limit"]]
    assert row["state"] == "input_imputed_limit"
    assert row["follow_up"] == pytest.approx(0.15)


def test_a_patient_without_arm_is_left_out_of_the_comparison_and_counted(copy: Path) -> None:
    before = trial.derive(copy)
    rows = pl.read_parquet(copy / "randomisation.parquet")
    who = rows.filter(arm="anakinra")["subject_id"][0]
    table = pq.read_table(copy / "randomisation.parquet")
    kept = [row != who for row in table["subject_id"].to_pylist()]
    pq.write_table(table.filter(kept), copy / "new")
    (copy / "new").replace(copy / "randomisation.parquet")
    after = trial.derive(copy)

    def n(found: Derived, group: str) -> float | None:
        values = {(r.endpoint_id, r.group, r.statistic): r.value for r in found.results}
        return values.get(("BL01", group, "n"))

    assert n(before, "without_arm") is None
    assert n(after, "without_arm") == 1
    assert (n(before, "anakinra") or 0) - 1 == n(after, "anakinra")
    assert n(before, "all") == n(after, "all")


def test_without_arms_there_is_no_comparison_and_it_says_so(copy: Path) -> None:
    (copy / "randomisation.parquet").unlink()
    package = json.loads((copy / "datapackage.json").read_text())
    package["resources"] = [one for one in package["resources"] if one["name"] != "randomisation"]
    (copy / "datapackage.json").write_text(json.dumps(package))
    found = trial.derive(copy)
    values = {(r.endpoint_id, r.group, r.statistic): r for r in found.results}
    assert values["EP01", "difference", "p_student"].reason == "the data have no arms"
    assert values["EP01", "all", "n"].value
    assert not [
        one
        for one in found.comparisons
        if one.verdict == "agrees" and one.line.shown and one.line.shown.group == "anakinra"
    ]


def test_a_table_in_another_unit_is_not_used(copy: Path) -> None:
    path = copy / "labs.parquet"
    table = pq.read_table(path)
    index = table.schema.get_field_index("hba1c_pct")
    field = table.schema.field(index)
    metadata = {**field.metadata, b"unit": b"mmol/mol"}
    pq.write_table(table.cast(table.schema.set(index, field.with_metadata(metadata))), copy / "new")
    (copy / "new").replace(path)
    found = trial.derive(copy)
    assert any("labs.hba1c_pct is in mmol/mol" in warning for warning in found.warnings)
    rows = endpoint(copy, "EP01")
    assert all(row["value"] is None for row in rows.values())
    assert any("is in mmol/mol, not in %" in (row["reason"] or "") for row in rows.values())


BAD: list[tuple[Callable[[Path], object], list[str], str]] = [
    (shutil.rmtree, [], "There is no directory"),
    (lambda folder: (folder / "manifest.json").unlink(), [], "manifest.json is missing"),
    (lambda folder: (folder / "manifest.json").write_text("{"), [], "cannot be read"),
    (lambda folder: (folder / "datapackage.json").write_text("[]"), [], "is not what `anakinra-t2d convert` writes"),
    (lambda folder: (folder / "labs.parquet").unlink(), [], "labs.parquet is missing"),
    (lambda folder: (folder / "labs.parquet").write_text("no"), [], "is not a Parquet file"),
    (lambda folder: None, ["--reading", "A12"], "not of the form ID=CHOICE"),
    (lambda folder: None, ["--reading", "A99=x"], "There is no open reading 'A99'"),
    (lambda folder: None, ["--reading", "A12=half"], "it has total, incremental"),
    (lambda folder: None, ["--reading", "A12=total", "--reading", "A12=incremental"], "given twice"),
]


@pytest.mark.parametrize(("spoil", "options", "sentence"), BAD, ids=[sentence for *_, sentence in BAD])
def test_bad_input_ends_with_a_sentence(
    copy: Path, spoil: Callable[[Path], object], options: list[str], sentence: str
) -> None:
    spoil(copy)
    before = sorted(path.name for path in copy.iterdir()) if copy.exists() else []
    done = CliRunner().invoke(main, ["derive", str(copy), *options])
    assert done.exit_code == 2, done.output
    assert sentence in " ".join(done.output.split())
    assert "Traceback" not in done.output
    assert (sorted(path.name for path in copy.iterdir()) if copy.exists() else []) == before


def test_json_for_programs(copy: Path) -> None:
    done = CliRunner().invoke(main, ["derive", str(copy), "--format", "json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["format"] == 1
    assert document["synthetic"] is True
    assert {row["endpoint_id"] for row in document["results"]} >= {"EP01", "EP05", "EP30"}
