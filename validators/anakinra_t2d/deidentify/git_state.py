"""Whether a file could get into a git repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from enum import Enum, auto
from pathlib import Path

_SECONDS = 20


class Tracking(Enum):
    """What git does with a file."""

    OUTSIDE = auto()
    IGNORED = auto()
    NOT_IGNORED = auto()
    TRACKED = auto()
    UNKNOWN = auto()


def tracking(path: Path) -> Tracking:
    """What the innermost git work tree around ``path`` does with it; the file need not be there.

    A symbolic link is followed: the file it names counts, and the link itself only when that is tracked.
    """
    states = [_state(Path(os.path.abspath(path)))]
    real = Path(os.path.realpath(path))
    if real != Path(os.path.abspath(path)):
        states.append(_state(real))
    worst = (Tracking.TRACKED, Tracking.NOT_IGNORED, Tracking.UNKNOWN, Tracking.IGNORED)
    return next((state for state in worst if state in states), Tracking.OUTSIDE)


def _state(path: Path) -> Tracking:
    if not any((folder / ".git").exists() for folder in path.parents):
        return Tracking.OUTSIDE
    program = shutil.which("git")
    if program is None:
        return Tracking.UNKNOWN
    inside = _run(program, path.parent, "rev-parse", "--is-inside-work-tree")
    if inside is None or inside.returncode != 0 or inside.stdout.strip() != "true":
        return Tracking.UNKNOWN
    listed = _run(program, path.parent, "--literal-pathspecs", "ls-files", "--error-unmatch", "--", path.name)
    if listed is not None and listed.returncode == 0:
        return Tracking.TRACKED
    # check-ignore takes names and no patterns, but for those that begin with a colon
    ignored = _run(program, path.parent, "check-ignore", "--quiet", "--", f"./{path.name}")
    if ignored is None or ignored.returncode not in (0, 1):
        return Tracking.UNKNOWN
    return Tracking.IGNORED if ignored.returncode == 0 else Tracking.NOT_IGNORED


def _run(program: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str] | None:
    # variables such as GIT_DIR would make git answer for another repository
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        return subprocess.run(  # noqa: S603
            [program, "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
            env=clean,
        )
    except (OSError, subprocess.SubprocessError):
        return None
