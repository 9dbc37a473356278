"""A few tables of the sound trial that can be spoiled, converted and asked about in seconds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import anakinra_t2d as trial
from anakinra_t2d.conversion.outcome import Outcome
from anakinra_t2d.finding import Finding
from conftest import Rows, change

TABLES = ("submission", "sites", "subjects", "visits", "vitals")
DANISH, SWISS = "DK01-001", "CH01-001"


def small_trial(sound: Path, folder: Path, *more: str) -> Path:
    """Copy some tables of a sound trial; together they have no finding."""
    folder.mkdir(parents=True)
    for name in (*TABLES, *more):
        shutil.copy(sound / f"{name}.csv", folder)
    return folder


def set_cells(folder: Path, table: str, subject: str, visit: str, **cells: str) -> None:
    """Write cells of one record."""

    def edit(rows: Rows) -> None:
        (row,) = [row for row in rows if row["subject_id"] == subject and row.get("visit", visit) == visit]
        row.update(cells)

    change(folder / f"{table}.csv", edit)


def one(outcome: Outcome | Iterable[Finding], code: str, subject: str | None = None) -> Finding:
    """The only finding of a rule (and a subject)."""
    findings = outcome.findings if isinstance(outcome, Outcome) else outcome
    (found,) = [f for f in findings if f.code == code and subject in (None, f.key.get("subject_id"))]
    return found


def accepting(path: Path, *findings: Finding, edit: Callable[[dict[str, object]], object] | None = None) -> Path:
    """A list of accepted findings; ``edit`` changes each entry."""
    entries = []
    for finding in findings:
        entry: dict[str, object] = {
            "rule": finding.code,
            "table": finding.table,
            "record": dict(finding.key),
            "field": finding.field,
            "fingerprint": finding.fingerprint,
            "reason": "Confirmed with the source document.",
            "who": "N. N.",
            "when": "2006-03-02",
        }
        if edit:
            edit(entry)
        entries.append(entry)
    registry = trial.definitions().trial.registry
    lines = [f"trial: {registry}", "accepted:", *(f"  - {json.dumps(entry)}" for entry in entries)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
