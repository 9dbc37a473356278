"""Clock, time zone, language and limits of the machine do not change what is written."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-m", "anakinra_t2d"]
OTHER_CLOCK = """
import sys, time, datetime
time.time = lambda: 4102444800.0
class Other(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2099, 12, 31, 23, 59, 59, tzinfo=tz)
class Day(datetime.date):
    @classmethod
    def today(cls):
        return cls(2099, 12, 31)
datetime.datetime, datetime.date = Other, Day
from anakinra_t2d.cli.main import main
main(prog_name="anakinra-t2d")
"""


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def convert(program: list[str], sent: Path, out: Path, **surroundings: str) -> dict[str, bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "TZ", "PYTHON"))}
    words = [*program, "convert", str(sent), "--out", str(out)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=kept | surroundings)
    return contents(out)


@pytest.mark.parametrize(
    "surroundings",
    [
        {"LANG": "da_DK.UTF-8", "LC_ALL": "da_DK.UTF-8", "TZ": "Pacific/Kiritimati"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TZ": "America/St_Johns"},
    ],
    ids=["Danish and Kiritimati", "C without UTF-8"],
)
def test_language_and_time_zone(
    surroundings: dict[str, str], sound_trial: Path, converted_trial: Path, tmp_path: Path
) -> None:
    assert convert(PROGRAM, sound_trial, tmp_path / "out", **surroundings) == contents(converted_trial)


def test_deriving_with_another_clock_language_and_time_zone(
    converted_trial: Path, derived_trial: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(converted_trial, tmp_path / "out")
    elsewhere = {"LANG": "da_DK.UTF-8", "LC_ALL": "da_DK.UTF-8", "TZ": "Pacific/Kiritimati"}
    command = [sys.executable, "-c", OTHER_CLOCK, "derive", str(out)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | elsewhere)
    assert contents(out) == contents(derived_trial)


def test_the_clock(sound_trial: Path, converted_trial: Path, tmp_path: Path) -> None:
    assert convert([sys.executable, "-c", OTHER_CLOCK], sound_trial, tmp_path / "out") == contents(converted_trial)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux enforces the limit")
@pytest.mark.parametrize(
    "words", [["convert", "SENT", "--out", "out"], ["validate", "SENT"]], ids=lambda words: words[0]
)
@pytest.mark.parametrize("limit", [300_000, 700_000, 3_000_000])
def test_too_little_address_space(words: list[str], limit: int, sound_trial: Path, tmp_path: Path) -> None:
    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit << 10, limit << 10))

    command = [*PROGRAM, *(str(sound_trial) if word == "SENT" else word for word in words)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, preexec_fn=bound, cwd=tmp_path, timeout=30
    )
    assert done.returncode == 2
    assert done.stderr.startswith("The system limits the address space") and done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
