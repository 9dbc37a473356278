"""A small synthetic trial, made once, and ways to change a copy of it."""

from __future__ import annotations

import csv
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import anakinra_t2d as trial
from tools import missing

ROOT = Path(__file__).parents[1]
OTHERS = Path(sys.prefix) / "others/bin/python"

# Values are hidden in CI; the tests that say so set these themselves.
for _name in ("CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
    os.environ.pop(_name, None)


@pytest.fixture(scope="session")
def sound_trial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a synthetic trial of 16 patients that has no finding."""
    folder = tmp_path_factory.mktemp("sound")
    trial.simulate(folder, patients=16, seed=7)
    return folder


@pytest.fixture
def copy_of_trial(sound_trial: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    folder = tmp_path / "trial"
    shutil.copytree(sound_trial, folder)
    return folder


Rows = list[dict[str, str]]


def read_rows(path: Path) -> Rows:
    """Rows of a canonical CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, rows: Rows) -> None:
    """Write rows back in the layout of the simulator."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def change(path: Path, edit: Callable[[Rows], object]) -> None:
    """Read the rows of a file, let ``edit`` change them in place, and write them back."""
    rows = read_rows(path)
    edit(rows)
    write_rows(path, rows)


@pytest.fixture(scope="session")
def other_python() -> str:
    """An interpreter whose environment has pandas and what needs it (tests/other-tools.txt), and not this package."""
    if not OTHERS.exists():
        missing("the environment of tests/other-tools.txt (`make test` makes it)")
    return str(OTHERS)


@pytest.fixture(scope="session")
def engine_frames(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The tables that endpoints read, of a sound trial and of one with all kinds of gaps."""
    from engines import spoiled, trial_frames

    out = tmp_path_factory.mktemp("engines") / "out"
    trial.convert(sound_trial, out=out)
    sound = trial_frames(out)
    return {"sound": sound, "spoiled": spoiled(sound)}
