"""One run of one tool in a process of its own: seconds, memory, and what it found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.peers.rules import KINDS

FAULTS_FOUND = 1
"""Exit status of ``validate`` when the data have errors."""


@dataclass(frozen=True)
class Run:
    """Seconds of a whole process, its peak of memory in MiB, the version of the tool, and (code, table, line) found."""

    seconds: float
    mebibytes: float
    version: str
    found: list[tuple[str, str, int]]


def run_ours(data: Path) -> Run:
    """``anakinra-t2d validate`` with the same rules and nothing else."""
    only = [word for code in KINDS for word in ("--only", code)]
    shown = ["--format", "json", "--show-values"]
    command = [sys.executable, "-m", "anakinra_t2d", "validate", str(data / "files"), *only, *shown]
    seconds, mebibytes, printed = _measured(command, (0, FAULTS_FOUND))
    document = json.loads(printed)
    if document["summary"].get("not_listed"):
        sys.exit("The report does not list every finding; ask for fewer rows.")
    found = [(each["code"], each["table"], each["location"]["row"] or -1) for each in document["findings"]]
    return Run(seconds, mebibytes, version("anakinra-t2d"), found)


def run_peer(python: Path, script: Path, data: Path) -> Run:
    """The definition of a tool, run in its environment."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "found.json"
        seconds, mebibytes, _ = _measured([str(python), str(script), str(data / "files"), str(out)], (0,))
        document = json.loads(out.read_text(encoding="utf-8"))
    found = [(code, table, line) for code, table, line in document["found"]]
    return Run(seconds, mebibytes, document["version"], found)


def _measured(command: list[str], statuses: tuple[int, ...]) -> tuple[float, float, str]:
    """Seconds, MiB and standard output of a process.

    Raises:
        SystemExit: it ended with another status than ``statuses``.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as problems:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=problems)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        problems.seek(0)
        if process.returncode not in statuses:
            said = problems.read()[-2000:]
            sys.exit(f"{Path(command[1]).parent.name} ended with status {process.returncode}:\n{said}")
        return seconds, usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024), out.read()
