"""A change of the schema, its level, and the version number that a set of changes asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Level = Literal["major", "minor", "patch"]
Kind = Literal["added", "removed", "renamed", "tightened", "loosened", "changed", "reordered", "words"]

LEVELS: tuple[Level, ...] = ("major", "minor", "patch")

_VERSION = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")


class EditionError(Exception):
    """A state of the schema cannot be read or compared; the message says why and what to do."""


@dataclass(frozen=True, order=True)
class Version:
    """MAJOR.MINOR.PATCH."""

    major: int
    minor: int
    patch: int

    @classmethod
    def read(cls, text: str) -> Version:
        """The version that ``text`` states.

        Raises:
            ValueError: it is not of the form MAJOR.MINOR.PATCH.
        """
        if not (found := _VERSION.fullmatch(text)):
            raise ValueError(f"{text!r} is not a version of the form MAJOR.MINOR.PATCH")
        return cls(*map(int, found.groups()))

    def after(self, level: Level | None) -> Version:
        """The version that follows a change of this level; itself when nothing changed."""
        if level is None:
            return self
        if level == "major":
            return Version(self.major + 1, 0, 0)
        if level == "minor":
            return Version(self.major, self.minor + 1, 0)
        return Version(self.major, self.minor, self.patch + 1)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True)
class Change:
    """One change. ``what`` is the kind of thing, ``name`` its name, ``aspect`` the property that changed, if one did.

    ``sentence`` says it whole. ``name`` is the new name; ``before`` is the old one of something renamed.
    """

    level: Level
    kind: Kind
    what: str
    name: str
    aspect: str | None
    sentence: str
    before: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "level": self.level,
            "kind": self.kind,
            "what": self.what,
            "name": self.name,
            "aspect": self.aspect,
            "before": self.before,
            "sentence": self.sentence,
        }


@dataclass
class Changes:
    """Gathers changes in the order in which they are found."""

    found: list[Change] = field(default_factory=list)

    def add(
        self,
        level: Level,
        kind: Kind,
        what: str,
        name: str,
        sentence: str,
        *,
        aspect: str | None = None,
        before: str | None = None,
    ) -> None:
        """Note a change."""
        self.found.append(Change(level, kind, what, name, aspect, sentence, before))

    def words(self, what: str, name: str, keys: Iterable[str]) -> None:
        """Note that only words changed; nothing when ``keys`` is empty."""
        if named := [key.replace("_", " ") for key in keys]:
            self.add("patch", "words", what, name, f"The words of {what} {name} changed: {listed(named)}.")


def highest(changes: Iterable[Change]) -> Level | None:
    """The level of the weightiest change; None when there is none."""
    present = {change.level for change in changes}
    return next((level for level in LEVELS if level in present), None)


def listed(names: Iterable[str], most: int = 6) -> str:
    """Names as the part of a sentence; beyond ``most`` they are counted."""
    shown = list(names)
    if len(shown) > most:
        return f"{', '.join(shown[: most - 1])} and {len(shown) - most + 1} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def shortened(value: object, longest: int = 60) -> str | None:
    """A value as it stands in a sentence; None when it is too long for one."""
    if value is None or value in ("", [], {}):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        text = ", ".join(map(str, value))
    elif isinstance(value, str | int | float):
        text = " ".join(str(value).split())
    else:
        return None
    return text if len(text) <= longest else None


def from_to(old: object, new: object) -> str:
    """`` from x to y`` where both are short enough to be read, else nothing."""
    before, after = shortened(old), shortened(new)
    return f" from {before} to {after}" if before is not None and after is not None else ""
