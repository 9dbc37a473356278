"""Findings as annotations of GitHub Actions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anakinra_t2d.conversion.outcome import Outcome


def workflow_commands(outcome: Outcome) -> Iterator[str]:
    """One workflow command per finding, then a notice with the verdict."""
    for finding in outcome.findings:
        place = finding.location
        where = {"file": place.file, "line": place.row, "title": finding.code}
        properties = ",".join(f"{name}={_property(str(value))}" for name, value in where.items() if value is not None)
        words = f"{finding.expected} Found: {finding.message}. {finding.hint}"
        yield f"::{finding.severity} {properties}::{_data(words)}"
    yield f"::notice title=anakinra-t2d::{outcome.errors} errors, {outcome.warnings} warnings"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
