"""The locked versions of what a plain install needs, as pip takes them with --require-hashes."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from supply_chain.places import LOCK, ROOT, Failure, run, tool

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# system, platform and operating system, as markers name them
PLATFORMS = (("Linux", "linux", "posix"), ("Darwin", "darwin", "posix"), ("Windows", "win32", "nt"))
Surroundings: TypeAlias = dict[str, str]


@dataclass(frozen=True)
class Pin:
    """One locked version and the files that may be installed for it."""

    name: str
    version: Version
    marker: Marker | None
    hashes: tuple[str, ...]

    def holds_in(self, surroundings: Surroundings) -> bool:
        """Whether this version is the one for these surroundings."""
        return self.marker is None or self.marker.evaluate(dict(surroundings))


def surroundings() -> Iterator[Surroundings]:
    """The values of markers for each Python and platform that the lock is made for."""
    for python, (system, platform, name) in itertools.product(PYTHONS, PLATFORMS):
        yield {
            "python_version": python,
            "python_full_version": f"{python}.0",
            "implementation_version": f"{python}.0",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "platform_system": system,
            "sys_platform": platform,
            "os_name": name,
            "extra": "",
        }


def read_lock(path: Path = LOCK) -> list[Pin]:
    """The pins of a lock file.

    Raises:
        Failure: a line is no pin.
    """
    pins = []
    lines = [re.sub(r"(^|\s)#.*", "", line) for line in path.read_text(encoding="utf-8").splitlines()]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        words, *hashes = re.split(r"\s+--hash=", line.strip())
        if not words:
            continue
        try:
            pins.append(_pin(Requirement(words), tuple(hashes)))
        except ValueError:
            raise Failure(f"{path.name} has a line that is no locked version: {line.strip()[:80]}") from None
    return pins


def _pin(requirement: Requirement, hashes: tuple[str, ...]) -> Pin:
    [exact] = requirement.specifier
    if exact.operator != "==":
        raise ValueError(f"{exact.operator} locks no version")
    return Pin(canonicalize_name(requirement.name), Version(exact.version), requirement.marker, hashes)


def declared(project: Path = ROOT / "pyproject.toml") -> list[Requirement]:
    """What pyproject.toml says that a plain install needs."""
    found = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    return [Requirement(line) for line in found["dependencies"]]


def faults(pins: Iterable[Pin], requirements: Iterable[Requirement]) -> list[str]:
    """One sentence for each requirement that the lock does not meet, and each pin that cannot be held to."""
    said: dict[str, None] = {}
    pins = list(pins)
    for pin in pins:
        if not pin.hashes or not all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in pin.hashes):
            said[f"{pin.name} {pin.version} has no sound sha256 hash."] = None
    requirements = list(requirements)
    for place in surroundings():
        where = f"Python {place['python_version']} on {place['platform_system']}"
        versions: dict[str, list[Version]] = {}
        for pin in pins:
            if pin.holds_in(place):
                versions.setdefault(pin.name, []).append(pin.version)
        for name, several in versions.items():
            if len(several) > 1:
                said[f"{name} is locked {len(several)} times for {where}."] = None
        for wanted in requirements:
            if wanted.marker is not None and not wanted.marker.evaluate(dict(place)):
                continue
            locked = versions.get(canonicalize_name(wanted.name))
            if locked is None:
                said[f"{wanted.name} is not locked for {where}."] = None
            elif not all(wanted.specifier.contains(version, prereleases=True) for version in locked):
                said[f"{wanted.name} is locked at {locked[0]} for {where}, and {wanted.specifier} is asked for."] = None
    return list(said)


def write_lock(*, upgrade: bool, path: Path = LOCK) -> None:
    """Write the lock anew; without ``upgrade`` a locked version stays where pyproject.toml still allows it.

    Raises:
        Failure: the versions cannot be found.
    """
    path.parent.mkdir(exist_ok=True)
    run(
        *(tool("uv"), "pip", "compile", "pyproject.toml", "--no-config", "--quiet"),
        *("--universal", "--python-version", PYTHONS[0], "--generate-hashes", "--no-emit-index-url"),
        *("--custom-compile-command", "python -m supply_chain lock", "--output-file", path),
        *(("--upgrade",) if upgrade else ()),
        why="The versions to lock could not be found.",
    )
