"""Which submission a changed file belongs to, and which files a commit removes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anakinra_t2d.reading.discover import PACKAGE, PROFILE
from anakinra_t2d.reading.formats import format_of

_DESCRIBING = (PACKAGE, PROFILE)


@dataclass
class Package:
    """A directory with changed files: ``changed`` are there, ``removed`` are gone with the commit."""

    root: Path
    changed: list[Path] = field(default_factory=list)
    removed: list[Path] = field(default_factory=list)


def is_data(path: Path) -> bool:
    """Whether a file holds data or describes files that do, by its name."""
    return format_of(path)[0] is not None or path.suffix.lower() == ".zip" or path.name in _DESCRIBING


def packages(changed: Iterable[Path], removed: Iterable[Path], tables: Iterable[str]) -> list[Package]:
    """Group files by the directory that is sent as a whole.

    That is the directory of the file, or the one above it where that has tables or a description of its own and the
    file lies in a folder of it, such as ``restricted/``. An archive is a submission of its own.
    """
    known = frozenset(tables)
    found: dict[Path, Package] = {}
    for path in changed:
        root = path if path.suffix.lower() == ".zip" else _root(path.parent, known)
        found.setdefault(root, Package(root)).changed.append(path)
    for path in removed:
        root = _root(path.parent, known)
        if root.is_dir():
            found.setdefault(root, Package(root)).removed.append(path)
    return [found[root] for root in sorted(found)]


def removed_files() -> list[Path]:
    """Data files that the commit removes or renames away, below the current directory; none outside a repository.

    pre-commit names only files that are there; between two commits it says which in its environment.
    """
    begin, end = os.environ.get("PRE_COMMIT_FROM_REF"), os.environ.get("PRE_COMMIT_TO_REF")
    span = [f"{begin}...{end}"] if begin and end else ["--cached"]
    command = ["git", "diff", "--name-only", "--no-renames", "--diff-filter=D", "--relative", "-z", *span, "--"]
    try:
        run = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 (the words are ours)
    except (OSError, subprocess.CalledProcessError):
        return []
    paths = [Path(os.fsdecode(name)) for name in run.stdout.split(b"\0") if name]
    return [path for path in paths if is_data(path)]


def tables_in(folder: Path, known: frozenset[str]) -> Sequence[str]:
    """Names of the tables that files of a folder are named after."""
    if not folder.is_dir():
        return []
    return [stem for path in folder.iterdir() if (stem := format_of(path)[1]) in known and format_of(path)[0]]


def _root(folder: Path, known: frozenset[str]) -> Path:
    above = folder.parent
    if folder == above or not folder.name:
        return folder
    if any((folder / name).is_file() for name in _DESCRIBING):
        return folder
    described = any((above / name).is_file() for name in _DESCRIBING)
    return above if described or tables_in(above, known) else folder
