"""Files much larger than a batch are read and harmonised in memory that does not grow with them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

SMALL, LARGE = 25, 125
"""Sizes of the files in MiB."""
FINDING = 1500
"""Characters of the only long text of a row: few rows make a large file, which is soon read."""
SMALL_BLOCKS = {"POLARS_CSV_CHUNK_SIZE": "262144", "POLARS_CSV_CHUNK_PREFETCH_LIMIT": "2"}
"""polars reads CSV ahead by a fixed number of large blocks; with small ones the small file has more than these."""
PROFILE = """
title: A clinic
dates: [dd.mm.yyyy]
subjects: {fields: [subject_id], sent: "P-{number}", canonical: "CH01-{number:03}"}
codes:
  visit: {V1: baseline, V2: week4, V3: week13}
sheets:
  - files: "visiten.*"
    tables:
      - table: visits
        same_names: false
        fields:
          subject_id: PatNr
          visit: Visite
          visit_seq: {value: "1"}
          visit_date: Datum
          fasting_hours: {column: Nuechtern, unit: h}
          physical_exam_finding: Befund
"""
# the peak of this process alone: on Linux ru_maxrss begins with that of the process which started it
CHILD = """
import resource, sys
from pathlib import Path
from anakinra_t2d.conversion.intake import Intake
from anakinra_t2d.reading import discover, parquet_text
from anakinra_t2d.schema import definitions, load_profile
file, scratch, found = Path(sys.argv[1]), Path(sys.argv[2]), definitions()
parquet_text.ROWS_AT_ONCE = 2000
problems = []
report = lambda problem, table, field: problems.append(problem)
profile = load_profile(file.with_name("profile.yaml"), found)
intake = Intake(found, profile, scratch, report, 2000, lambda text: None)
intake.take(discover([file], list(found.tables), scratch, profiled=True))
staged = intake.staged("visits")
rows = sum(batch.cells.drop_nulls().height for batch in staged)
status = Path("/proc/self/status")
if status.exists():
    peak = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(rows, intake.side.lineage.rows, len(problems), peak)
"""


def records(mebibytes: int) -> pl.DataFrame:
    """About so many MiB of visits, as text that cannot be compressed."""
    rows = mebibytes * 2**20 // (FINDING + 50)
    numbers = np.arange(rows)
    letters = np.random.default_rng(1).bytes(rows * FINDING // 2).hex()
    return pl.DataFrame(
        {
            "PatNr": [f"P-{number // 3 % 1000 + 1}" for number in numbers],
            "Visite": [f"V{number % 3 + 1}" for number in numbers],
            "Datum": [f"{number % 28 + 1:02}.03.2005" for number in numbers],
            "Nuechtern": ["10.5"] * rows,
            "Befund": [letters[at : at + FINDING] for at in range(0, rows * FINDING, FINDING)],
        }
    )


def write_csv(frame: pl.DataFrame, path: Path) -> None:
    frame.write_csv(path, separator=";")


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    frame.write_parquet(path, compression="uncompressed", row_group_size=5000)


def write_ndjson(frame: pl.DataFrame, path: Path) -> None:
    columns = [{"itemOID": name, "name": name, "label": name, "dataType": "string"} for name in frame.columns]
    head = {"datasetJSONVersion": "1.1.0", "name": "visiten", "label": "Visiten", "columns": columns}
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps({**head, "records": frame.height}) + "\n")
        file.writelines(json.dumps(row) + "\n" for row in frame.iter_rows())


def peak_of(file: Path, scratch: Path, rows: int) -> float:
    """MiB that a process needs at most to read a file and harmonise it."""
    scratch.mkdir()
    command = [sys.executable, "-c", CHILD, str(file), str(scratch)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, **SMALL_BLOCKS})
    read, changed, problems, peak = map(int, done.stdout.split())
    assert (read, problems) == (rows, 0)
    assert changed == 3 * rows  # subject number, visit and date
    return peak / 1024


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "write"),
    [("visiten.csv", write_csv), ("visiten.parquet", write_parquet), ("visiten.ndjson", write_ndjson)],
)
def test_memory_does_not_grow_with_the_file(
    name: str, write: Callable[[pl.DataFrame, Path], None], tmp_path: Path
) -> None:
    peaks = {}
    for size in (SMALL, LARGE):
        folder = tmp_path / str(size)
        folder.mkdir()
        (folder / "profile.yaml").write_text(PROFILE, encoding="utf-8")
        frame = records(size)
        write(frame, folder / name)
        assert (folder / name).stat().st_size > 0.9 * size * 2**20
        peaks[size] = peak_of(folder / name, folder / "scratch", frame.height)
    assert peaks[LARGE] - peaks[SMALL] < (LARGE - SMALL) / 2, peaks
