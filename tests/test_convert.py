"""What convert writes: every row accounted for, types and metadata kept, equal input gives equal bytes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

import anakinra_t2d as trial
from anakinra_t2d.conversion import table_run
from conftest import change, read_rows


@pytest.fixture(scope="module")
def converted(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("converted") / "out"
    outcome = trial.convert(sound_trial, out=out)
    assert (outcome.errors, outcome.warnings) == (0, 0), outcome.findings[:5]
    return out


def test_every_table_is_there_with_all_its_rows(sound_trial: Path, converted: Path) -> None:
    out = trial.read(converted)
    for path in sound_trial.glob("*.csv"):
        rows = read_rows(path)
        assert out[path.stem].height == len(rows), path.stem
    assert out.rejected.height == 0


def test_values_arrive_unchanged(sound_trial: Path, converted: Path) -> None:
    found = trial.definitions()
    for path in sound_trial.glob("*.csv"):
        table = found.tables[path.stem]
        frame = trial.read(converted)[path.stem]
        for sent, stored in zip(read_rows(path), frame.iter_rows(named=True), strict=True):
            for name, text in sent.items():
                kind, value = table.fields[name].type, stored[name]
                if text == "":
                    assert value is None
                elif kind in ("number", "integer"):
                    assert value == float(text)
                elif kind == "boolean":
                    assert value is (text == "true")
                elif kind == "datetime":
                    assert value.isoformat(timespec="seconds").startswith(text)
                else:
                    assert str(value) == text


def test_types_units_and_labels_survive(converted: Path) -> None:
    schema = pq.read_schema(converted / "labs.parquet")
    assert schema.field("hba1c_pct").metadata[b"unit"] == b"%"
    assert schema.field("hba1c_pct").metadata[b"label"]
    assert str(schema.field("visit").type).startswith("dictionary")
    assert str(pq.read_schema(converted / "visits.parquet").field("visit_date").type) == "date32[day]"
    assert schema.metadata[b"schema_version"] == trial.definitions().trial.version.encode()
    assert schema.metadata[b"schema_fingerprint"] == trial.definitions().fingerprint.encode()
    file = pq.ParquetFile(converted / "labs.parquet")
    source = trial.read(converted).manifest["tables"]["labs"]["source"]
    assert file.metadata.metadata[b"source_sha256"] == source["sha256"].encode()
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_same_input_same_bytes(sound_trial: Path, converted: Path, tmp_path: Path) -> None:
    trial.convert(sound_trial, out=tmp_path / "again")
    first = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in converted.iterdir()}
    again = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in (tmp_path / "again").iterdir()}
    assert first == again


def test_bytes_do_not_depend_on_batches(copy_of_trial: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(copy_of_trial / "vitals.csv", lambda rows: rows[5].update(weight_kg="945", sbp_mmhg="x"))
    trial.convert(copy_of_trial, out=tmp_path / "large")
    monkeypatch.setattr(table_run, "BATCH_ROWS", 7)
    trial.convert(copy_of_trial, out=tmp_path / "small")
    for path in (tmp_path / "large").glob("*.parquet"):
        assert path.read_bytes() == (tmp_path / "small" / path.name).read_bytes(), path.name
    assert (tmp_path / "large/findings.json").read_text() == (tmp_path / "small/findings.json").read_text()


def test_rows_read_are_valid_or_rejected_with_reasons(copy_of_trial: Path, tmp_path: Path) -> None:
    def spoil(rows: list[dict[str, str]]) -> None:
        rows[0]["weight_kg"] = "heavy"
        rows[1]["weight_kg"] = "945"
        rows[2]["dbp_mmhg"] = ""
        rows.append(dict(rows[3]))

    change(copy_of_trial / "vitals.csv", spoil)
    sent = read_rows(copy_of_trial / "vitals.csv")
    with (copy_of_trial / "vitals.csv").open("a") as file:
        file.write("one,cell,too,few\n")
    outcome = trial.convert(copy_of_trial, out=tmp_path / "out")
    out = trial.read(tmp_path / "out")
    counts = outcome.tables["vitals"]
    assert counts.rows_read == len(sent) + 1 == counts.rows_valid + counts.rows_rejected
    assert out["vitals"].height == counts.rows_valid
    rejected = out.rejected.filter(pl.col("table") == "vitals").sort("row")
    assert rejected.height == counts.rows_rejected == 5
    reasons = dict(zip(rejected["row"], rejected["reasons"].to_list(), strict=True))
    assert reasons[2] == ["CELL-001:weight_kg"]
    assert reasons[3] == ["RNG-001:weight_kg"]
    assert reasons[5] == reasons[len(sent) + 1] == ["KEY-001:visit_seq"]
    assert reasons[len(sent) + 2] == ["ROW-001"]
    cells = json.loads(rejected["cells"][0])
    assert cells["weight_kg"] == "heavy"
    for name, table in outcome.tables.items():
        assert table.rows_read == table.rows_valid + table.rows_rejected, name


def test_changed_cells_are_in_the_lineage(copy_of_trial: Path, tmp_path: Path) -> None:
    change(copy_of_trial / "vitals.csv", lambda rows: rows[4].update(weight_kg=f" {rows[4]['weight_kg']} "))
    sent = read_rows(copy_of_trial / "vitals.csv")[4]
    outcome = trial.convert(copy_of_trial, out=tmp_path / "out")
    assert [(f.code, f.location.row, f.field) for f in outcome.findings] == [("CELL-006", 6, "weight_kg")]
    (row,) = trial.read(tmp_path / "out")["lineage"].to_dicts()
    assert (row["src_row"], row["src_column"], row["value_raw"]) == (6, "weight_kg", sent["weight_kg"])
    assert row["record_key"] == f"subject_id={sent['subject_id']}|visit={sent['visit']}|visit_seq={sent['visit_seq']}"


def test_parquet_package_and_zip_say_the_same_as_csv(sound_trial: Path, converted: Path, tmp_path: Path) -> None:
    archive = tmp_path / "trial.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sound_trial.glob("*.csv"):
            file.write(path, f"delivery/{path.name}")
    for source in (converted, converted / "datapackage.json", archive):
        outcome = trial.convert(source, out=tmp_path / "again")
        assert (outcome.errors, outcome.warnings) == (0, 0), (source, outcome.findings[:3])
        for path in sound_trial.glob("*.csv"):
            first, again = trial.read(converted)[path.stem], trial.read(tmp_path / "again")[path.stem]
            assert first.equals(again), (source, path.stem)


def test_the_manifest_has_the_hashes(sound_trial: Path, converted: Path) -> None:
    manifest = trial.read(converted).manifest
    for name, entry in manifest["files"].items():
        assert hashlib.sha256((converted / name).read_bytes()).hexdigest() == entry["sha256"]
    for name, table in manifest["tables"].items():
        assert hashlib.sha256((sound_trial / f"{name}.csv").read_bytes()).hexdigest() == table["source"]["sha256"]
    assert manifest["synthetic"] is True


def test_the_output_package_is_valid_for_frictionless(converted: Path, other_python: str) -> None:
    run = subprocess.run(
        [other_python, "-m", "frictionless", "validate", "datapackage.json", "--json"],
        cwd=converted,
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(run.stdout)
    assert report["valid"], run.stdout
    assert {task["name"] for task in report["tasks"]} >= {"labs", "ogtt", "lineage"}


def test_findings_are_the_same_for_validate_and_convert(copy_of_trial: Path, tmp_path: Path) -> None:
    change(copy_of_trial / "vitals.csv", lambda rows: rows[1].update(weight_kg="945"))
    checked = trial.validate(copy_of_trial)
    outcome = trial.convert(copy_of_trial, out=tmp_path / "out")
    assert checked.findings == outcome.findings
    document = json.loads((tmp_path / "out/findings.json").read_text(encoding="utf-8"))
    assert document["format"] == 1
    assert document["findings"] == [finding.as_dict() for finding in outcome.findings]
    assert set(document["summary"]) >= {"errors", "warnings", "not_assessed", "tables"}


def test_progress_goes_forward(sound_trial: Path) -> None:
    parts: list[float] = []
    trial.validate(sound_trial / "vitals.csv", sound_trial / "labs.csv", progress=lambda text, part: parts.append(part))
    assert len(parts) > 3
    assert all(0 <= part <= 1 for part in parts)
    assert parts[0] < parts[-1]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a POSIX signal")
def test_a_killed_convert_leaves_the_old_or_the_new_output(copy_of_trial: Path, tmp_path: Path) -> None:
    """The whole program, killed at many moments; test_whole_directory kills at every single step of the exchange."""
    out, source = tmp_path / "out", copy_of_trial / "vitals.csv"
    trial.convert(source, out=out)
    states = {"old": contents(out)}
    change(source, lambda rows: rows[0].update(weight_kg=rows[1]["weight_kg"]))
    trial.convert(source, out=tmp_path / "elsewhere")
    states["new"] = contents(tmp_path / "elsewhere")
    seen = set()
    for moment in range(12):
        process = subprocess.Popen(
            [sys.executable, "-m", "anakinra_t2d", "convert", source, "--out", out],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.15 + 0.15 * moment)
        process.kill()
        process.wait()
        (state,) = [name for name, files in states.items() if files == contents(out)]
        seen.add(state)
    assert "old" in seen
    trial.convert(source, out=out)
    assert contents(out) == states["new"]
    assert not list(tmp_path.glob(".out*")), "left-overs of killed runs"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_findings_beyond_the_limit_are_counted(copy_of_trial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(rows: list[dict[str, str]]) -> None:
        for row in rows[:5]:
            row.update(weight_kg="945", sbp_mmhg="x")

    change(copy_of_trial / "vitals.csv", spoil)
    every = trial.validate(copy_of_trial / "vitals.csv")
    monkeypatch.setattr(table_run, "FINDINGS_PER_CHECK", 2)
    some = trial.validate(copy_of_trial / "vitals.csv")
    assert some.not_listed["RNG-001"] == some.not_listed["CELL-001"] == 3
    assert (some.errors, some.warnings) == (every.errors, every.warnings)
    one = trial.validate(copy_of_trial / "vitals.csv", only=["RNG-001"])
    assert (len(one.findings), one.not_listed, one.errors) == (2, {"RNG-001": 3}, 5)
