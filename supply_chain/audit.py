"""Known vulnerabilities of the locked versions, from the advisory database that pip-audit asks.

What could not be asked about is never called clean: a database that cannot be reached, or that does not know a package,
leaves it unchecked.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from supply_chain.lock import Pin
from supply_chain.places import completed, tool

SECONDS = 600


@dataclass
class Audit:
    """What is known about the locked versions."""

    clean: set[str] = field(default_factory=set)
    vulnerable: list[str] = field(default_factory=list)
    unchecked: dict[str, str] = field(default_factory=dict)  # version to reason

    @property
    def verdict(self) -> Literal["clean", "vulnerable", "not checked"]:
        """Clean only when every version was asked about."""
        if self.vulnerable:
            return "vulnerable"
        return "clean" if self.clean and not self.unchecked else "not checked"


def rounds(pins: Iterable[Pin]) -> list[list[Pin]]:
    """The pins in as few lists as it takes to name each package once in a list."""
    lists: list[list[Pin]] = []
    for pin in pins:
        place = next((one for one in lists if all(other.name != pin.name for other in one)), None)
        if place is None:
            place = []
            lists.append(place)
        place.append(pin)
    return lists


def ask(pins: Iterable[Pin], service: str) -> Audit:
    """Ask about every locked version, whatever Python or platform it is for."""
    audit = Audit()
    for some in rounds(pins):
        try:
            answer, reason = _answer(some, service)
        except subprocess.TimeoutExpired:
            answer, reason = None, f"no answer in {SECONDS} seconds"
        take(audit, some, answer, reason)
    return audit


def _answer(pins: list[Pin], service: str) -> tuple[dict[str, Any] | None, str]:
    with tempfile.TemporaryDirectory() as scratch:
        listed = Path(scratch) / "versions.txt"
        listed.write_text("".join(f"{pin.name}=={pin.version}\n" for pin in pins), encoding="utf-8")
        done = completed(
            *(tool("pip-audit"), "--requirement", listed, "--no-deps", "--disable-pip"),
            *("--vulnerability-service", service, "--format", "json", "--progress-spinner", "off"),
            seconds=SECONDS,
        )
    try:
        return json.loads(done.stdout), ""
    except ValueError:
        errors = re.findall(r"^(?:[\w.]*\.)?(\w*(?:Error|Exception|Timeout))\b", done.stderr, re.MULTILINE)
        return None, f"the advisory database gave no answer ({errors[-1] if errors else f'status {done.returncode}'})"


def take(audit: Audit, pins: list[Pin], answer: dict[str, Any] | None, reason: str) -> None:
    """Add an answer of pip-audit about these pins; without an answer all of them are unchecked for ``reason``."""
    known = {} if answer is None else {one["name"]: one for one in answer.get("dependencies", [])}
    for pin in pins:
        version = f"{pin.name} {pin.version}"
        found = known.get(pin.name)
        if found is None or "vulns" not in found:
            audit.unchecked[version] = reason or "the advisory database does not know it"
            continue
        audit.clean.add(version)
        for advisory in found["vulns"]:
            audit.clean.discard(version)
            mended = ", ".join(advisory.get("fix_versions", [])) or "no version yet"
            audit.vulnerable.append(f"{version}: {advisory['id']}, mended in {mended}")
