"""A release opened by others: each reads the same values, and the units where its format can carry them."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

import anakinra_t2d as trial
from anakinra_t2d.releases import endpoint_files
from anakinra_t2d.releases.run import release
from conftest import made_once
from release_data import unpacked
from tools import missing

FOUND = trial.definitions()
TABLE, COLUMN, UNIT = "vitals", "weight_kg", "kg"


@pytest.fixture(scope="module")
def archive(derived_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(folder: Path) -> None:
        folder.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(endpoint_files, "DIALECTS", ("duckdb", "sqlite"))
            release(derived_trial, folder / "r.zip")

    return made_once(tmp_path_factory, "readers", make) / "r.zip"


@pytest.fixture
def folder(archive: Path, tmp_path: Path) -> Path:
    return unpacked(archive, tmp_path / "unpacked")


@pytest.fixture
def ours(folder: Path) -> list[float | None]:
    return pl.read_parquet(folder / f"data/{TABLE}.parquet")[COLUMN].to_list()


def readme(folder: Path, language: str) -> list[str]:
    """The programs of a language in the README."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def ran(command: Sequence[str | Path], folder: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    return done.stdout


def close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= 1e-9 * max(1.0, abs(one))


def endpoints_of(folder: Path) -> dict[tuple[str, str], float | None]:
    frame = pl.read_parquet(folder / "data/endpoints.parquet")
    return {(row["subject_id"], row["endpoint_id"]): row["value"] for row in frame.iter_rows(named=True)}


def test_frictionless_finds_the_archive_valid(archive: Path, tmp_path: Path) -> None:
    program = Path(sys.executable).parent / "frictionless"
    if not program.exists():
        missing("the frictionless command")
    report = json.loads(ran([program, "validate", archive, "--json"], tmp_path))
    assert report["valid"]
    assert report["stats"]["tasks"] > 25
    labels = {task["name"] for task in report["tasks"]}
    assert {TABLE, "endpoints", "checks"} <= labels


def test_frictionless_tells_the_unit(folder: Path, ours: list[float | None]) -> None:
    from frictionless import Package
    from frictionless.resources import TableResource

    resource = Package(str(folder / "datapackage.json")).get_resource(TABLE)
    assert isinstance(resource, TableResource)
    assert resource.schema.get_field(COLUMN).to_dict()["unit"] == UNIT
    rows = resource.read_rows()
    assert [None if row[COLUMN] is None else float(row[COLUMN]) for row in rows] == ours


def test_the_python_of_the_readme(folder: Path, ours: list[float | None]) -> None:
    polars, _, duckdb = readme(folder, "python")
    shown = f"[{TABLE}['{COLUMN}'].to_list(), units['{COLUMN}'], [row[:5] for row in endpoints]]"
    told = ran([sys.executable, "-c", f"{polars}\n{duckdb}\nimport json\nprint(json.dumps({shown}))"], folder)
    # DuckDB shows a bar there when a query takes more than two seconds
    values, unit, endpoints = json.loads(told.splitlines()[-1])
    assert (values, unit) == (ours, UNIT)
    known = endpoints_of(folder)
    assert {(subject, id) for subject, id, *_ in endpoints} == set(known)
    for subject, id, _, _, value in endpoints:
        assert close(value, known[subject, id])


def test_pandas_and_pyarrow(folder: Path, ours: list[float | None], other_python: str) -> None:
    (program,) = [one for one in readme(folder, "python") if "pandas" in one]
    shown = (
        "import json\nimport pyarrow.parquet as pq\n"
        f"values = [None if pd.isna(one) else one for one in {TABLE}['{COLUMN}'].tolist()]\n"
        f"unit = pq.read_schema('data/{TABLE}.parquet').field('{COLUMN}').metadata[b'unit'].decode()\n"
        "print(json.dumps([values, unit]))"
    )
    told = ran([other_python, "-c", f"{program}\n{shown}"], folder)
    assert json.loads(told) == [ours, UNIT]


@pytest.mark.r
def test_the_r_of_the_readme(folder: Path, ours: list[float | None]) -> None:
    if not shutil.which("Rscript"):
        missing("R")
    read, sqlite = readme(folder, "r")
    shown = (
        f"writeLines(attr({TABLE}${COLUMN}, 'unit'))\n"
        f"writeLines(ifelse(is.na({TABLE}${COLUMN}), 'NA', sprintf('%.17g', {TABLE}${COLUMN})))\n"
        "write.csv(data.frame(s = endpoints$subject_id, e = endpoints$endpoint_id,"
        " v = ifelse(is.na(endpoints$value), '', sprintf('%.17g', endpoints$value))), 'seen.csv', row.names = FALSE)\n"
    )
    (folder / "read.R").write_text(f"{read}\n{sqlite}\n{shown}", encoding="utf-8")
    unit, *values = ran(["Rscript", "--vanilla", "read.R"], folder).splitlines()
    assert unit == UNIT
    seen = [None if one == "NA" else float(one) for one in values]
    assert all(close(one, other) for one, other in zip(seen, ours, strict=True))
    known = endpoints_of(folder)
    with (folder / "seen.csv").open(encoding="utf-8", newline="") as file:
        rows = {(row["s"], row["e"]): float(row["v"]) if row["v"] else None for row in csv.DictReader(file)}
    assert rows.keys() == known.keys()
    assert all(close(rows[key], known[key]) for key in known)


def test_libreoffice_reads_the_workbook(folder: Path, ours: list[float | None]) -> None:
    if not shutil.which("soffice"):
        missing("LibreOffice")
    # every sheet as a CSV file of its own, cells as they are and not as they are shown
    form = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1"
    profile = f"-env:UserInstallation={(folder.parent / 'profile').as_uri()}"
    ran(["soffice", profile, "--headless", "--convert-to", form, "--outdir", "sheets", "tables.xlsx"], folder)
    with (folder / f"sheets/tables-{TABLE}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row[COLUMN]) if row[COLUMN] else None for row in rows] == ours
    with (folder / "sheets/tables-columns.csv").open(encoding="utf-8", newline="") as file:
        units = {(row["table"], row["column"]): row["unit"] for row in csv.DictReader(file)}
    for name in FOUND.tables:
        for field in FOUND.tables[name].fields.values():
            if (name, field.name) in units:
                assert units[name, field.name] == (FOUND.unit(field) or "")


def test_sha256sum_agrees(folder: Path) -> None:
    if not shutil.which("sha256sum"):
        missing("sha256sum")
    lines = ran(["sha256sum", "--check", "checksums.sha256"], folder).splitlines()
    assert len(lines) > 60
    assert all(line.endswith(": OK") for line in lines)
