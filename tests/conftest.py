"""A small synthetic trial, made once, and ways to change a copy of it."""

from __future__ import annotations

import csv
import os
import pickle
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import hypothesis
import pytest
from filelock import FileLock

import anakinra_t2d as trial
from tools import missing

ROOT = Path(__file__).parents[1]
# how long an example takes says more about the machine than about the code
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")
Value = TypeVar("Value")
OTHERS = Path(sys.prefix) / "others/bin/python"

# Values are hidden in CI; the tests that say so set these themselves.
for _name in ("CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
    os.environ.pop(_name, None)


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that the first of all test processes makes; the others wait for it. Nobody may change it."""
    base = factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, half_made = base / f"made_{name}", base / f"half_made_{name}"
    with FileLock(base / f"{name}.lock"):
        if not folder.exists():
            shutil.rmtree(half_made, ignore_errors=True)
            make(half_made)
            half_made.rename(folder)
    return folder


def worked_out_once(factory: pytest.TempPathFactory, name: str, work_out: Callable[[], Value]) -> Value:
    """A value that the first of all test processes works out; the others read what it kept."""

    def make(folder: Path) -> None:
        folder.mkdir()
        (folder / "value.pickle").write_bytes(pickle.dumps(work_out()))

    value: Value = pickle.loads((made_once(factory, name, make) / "value.pickle").read_bytes())
    return value


@pytest.fixture(scope="session")
def sound_trial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a synthetic trial of 16 patients that has no finding."""
    return made_once(tmp_path_factory, "sound", lambda folder: trial.simulate(folder, patients=16, seed=7))


@pytest.fixture(scope="session")
def converted_trial(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same trial, converted."""
    return made_once(tmp_path_factory, "converted", lambda folder: trial.convert(sound_trial, out=folder))


@pytest.fixture(scope="session")
def derived_trial(converted_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same trial, converted and derived."""

    def make(folder: Path) -> None:
        shutil.copytree(converted_trial, folder)
        trial.derive(folder)

    return made_once(tmp_path_factory, "derived", make)


@pytest.fixture(scope="session")
def released_trial(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Releases of a trial in every view; see :func:`release_data.write_releases`."""
    from release_data import write_releases

    return made_once(tmp_path_factory, "released", lambda folder: write_releases(sound_trial, folder))


@pytest.fixture(scope="session")
def converted_example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The synthetic trial of 70 patients that has the numbers of the paper, converted."""
    sent = ROOT / "examples" / "canonical"
    return made_once(tmp_path_factory, "example", lambda folder: trial.convert(sent, out=folder))


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
    # Arrow's threads, when a Python file object was read, can end the interpreter at its exit with SIGABRT or keep it
    # for ever (apache/arrow 34314 and 50482); with one thread there is none left then.
    os.environ["OMP_NUM_THREADS"] = "1"
    return str(OTHERS)


@pytest.fixture(scope="session")
def engine_frames(converted_trial: Path) -> dict[str, Any]:
    """The tables that endpoints read, of a sound trial and of one with all kinds of gaps."""
    from engines import spoiled, trial_frames

    sound = trial_frames(converted_trial)
    return {"sound": sound, "spoiled": spoiled(sound)}


@pytest.fixture(scope="session")
def expected_answers(engine_frames: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """What DuckDB says of the frames of a kind, for the engines that must say the same."""
    from engines import reference

    return lambda kind: worked_out_once(tmp_path_factory, f"answers_{kind}", lambda: reference(engine_frames[kind]))
