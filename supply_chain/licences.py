"""The licences of what is in a bill of materials, held against those that requirements/licences.yaml allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from packaging.utils import canonicalize_name

from supply_chain.places import LICENCES


@dataclass(frozen=True)
class Licensed:
    """A package, its licence in the words of SPDX where these are known, and whether that is allowed."""

    name: str
    version: str
    licence: str
    allowed: bool
    note: str


@dataclass(frozen=True)
class Decisions:
    """What requirements/licences.yaml says."""

    allowed: list[str]
    words: dict[str, str]
    read: dict[str, dict[str, str]] = field(default_factory=dict)


def decisions(path: Path = LICENCES) -> Decisions:
    """Read the file of decisions."""
    return Decisions(**yaml.safe_load(path.read_text(encoding="utf-8")))


def licences(bill: dict[str, Any], made: Decisions) -> Iterator[Licensed]:
    """Each package of a bill of materials, by name."""
    for component in sorted(bill["components"], key=lambda one: canonicalize_name(one["name"])):
        name = canonicalize_name(component["name"])
        own = made.read.get(name, {})
        licence = own.get("licence") or _stated(component, made.words)
        yield Licensed(
            name, component["version"], licence or "none stated", permits(licence, made.allowed), own.get("note", "")
        )


def _stated(component: dict[str, Any], words: dict[str, str]) -> str:
    found: dict[str, None] = {}
    for one in component.get("licenses", []):
        licence = one.get("license", {})
        text = one.get("expression") or licence.get("id") or licence.get("name", "")
        found[words.get(text, text)] = None
    # several statements without a word between them: all of them are taken to bind
    return " AND ".join(found)


def permits(expression: str, allowed: list[str]) -> bool:
    """Whether an expression of SPDX can be met with allowed licences; one with brackets is left to a person."""
    return any(
        all(licence.strip() in allowed for licence in choice.split(" AND ")) for choice in expression.split(" OR ")
    )
