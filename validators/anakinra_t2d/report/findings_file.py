"""Reads the findings of an earlier run: a directory of ``convert``, or the JSON document of a run."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anakinra_t2d.finding import Finding
from anakinra_t2d.reading import InputError

FINDINGS = "findings.json"
_FORMAT = 1


@dataclass(frozen=True)
class SavedFindings:
    """Findings of an earlier run. ``folder`` is the directory of ``convert`` they lie in, None for a single document.

    ``values_hidden`` says that the fingerprints were made without values. ``not_listed`` counts by rule the findings
    beyond the limit of one check. ``digest`` tells one run from another. ``tables`` are the tables that were sent.
    """

    shown: str
    folder: Path | None
    trial: str
    schema_version: str
    values_hidden: bool
    not_listed: Mapping[str, int]
    findings: list[Finding]
    digest: str
    tables: frozenset[str] = frozenset()

    @property
    def open_fingerprints(self) -> Counter[str]:
        """How often each fingerprint stands among the open findings."""
        return Counter(finding.fingerprint for finding in self.findings if finding.status == "open")


def read_findings(path: Path) -> SavedFindings:
    """The findings of a directory of ``convert`` or of a document that ``--format json`` gave.

    Raises:
        InputError: there is no such file, or it is something else.
    """
    file = path / FINDINGS if path.is_dir() else path
    try:
        content = file.read_bytes()
    except OSError as error:
        if path.is_dir() and not file.exists():
            raise InputError(f"{path} is not an output of convert: {FINDINGS} is missing.") from None
        raise InputError(f"{file} cannot be read: {(error.strerror or str(error)).lower()}.") from None
    try:
        data = json.loads(content)
        summary = data["summary"]
        if data["format"] != _FORMAT:
            raise InputError(f"{file} has the format {data['format']}; this version reads format {_FORMAT}.")
        findings = [Finding.from_dict(each) for each in data["findings"]]
        not_listed = {str(code): int(number) for code, number in summary.get("not_listed", {}).items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InputError(f"{file} does not hold the findings of a run.") from None
    return SavedFindings(
        shown=str(path),
        folder=path if path.is_dir() else None,
        trial=str(summary.get("trial") or _manifest(path).get("trial") or ""),
        schema_version=str(summary.get("schema_version", "")),
        values_hidden=bool(summary.get("values_hidden", False)),
        not_listed=not_listed,
        findings=findings,
        digest=hashlib.sha256(content).hexdigest()[:16],
        tables=frozenset(map(str, summary.get("tables", {}))),
    )


def _manifest(folder: Path) -> dict[str, Any]:
    """What the manifest of a directory says; nothing where there is none."""
    try:
        data = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
