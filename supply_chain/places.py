"""Where things are, and the environments that the commands work in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements/plain.txt"
TOOLS = ROOT / "requirements/tools.txt"
LICENCES = ROOT / "requirements/licences.yaml"
DOCUMENT = ROOT / "docs/supply_chain.md"
ENVIRONMENT = Path(sys.prefix) / "supply"
STAMP = ENVIRONMENT / "tools.txt"


class Failure(click.ClickException):
    """A command could not do its work."""

    exit_code = 2


def tool(name: str) -> Path:
    """The program of this name in the environment of requirements/tools.txt, which is made when it is not there.

    Raises:
        Failure: the environment cannot be made.
    """
    if not tools_are_there():
        python = new_environment(ENVIRONMENT)
        install = [*pip(python), "install", "--quiet", "-r", TOOLS]
        run(*install, why=f"What requirements/{TOOLS.name} names could not be installed.")
        # the stamp is made last, so that a broken installation is tried again
        STAMP.write_text(TOOLS.read_text(encoding="utf-8"), encoding="utf-8")
    return python_of(ENVIRONMENT).with_name(name)


def tools_are_there() -> bool:
    """Whether the environment holds what requirements/tools.txt says now."""
    return STAMP.exists() and STAMP.read_text(encoding="utf-8") == TOOLS.read_text(encoding="utf-8")


def new_environment(folder: Path) -> Path:
    """Make an empty virtual environment, without pip; return its Python."""
    make: list[str | Path] = [sys.executable, "-m", "venv", "--clear", "--without-pip", folder]
    run(*make, why=f"The environment {folder.name} could not be made.")
    return python_of(folder)


def python_of(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    return environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def pip(python: Path) -> list[str | Path]:
    """The beginning of a command line with which the pip of this environment works on another one."""
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]


def completed(*words: str | Path, seconds: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program at the root of the checkout, for so many seconds at most, and keep what it prints."""
    command = [str(word) for word in words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=seconds)  # noqa: S603


def run(*words: str | Path, why: str) -> str:
    """Run a program and return what it prints.

    Raises:
        Failure: it failed; the message is ``why`` with the last line of what it said.
    """
    try:
        done = completed(*words)
    except OSError as error:
        raise Failure(f"{why} {error.strerror or error}") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise Failure(f"{why} {said[-1].strip() if said else f'Exit status {done.returncode}.'}")
    return done.stdout
