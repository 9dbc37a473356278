"""The other tools: what is said of each, and an environment of its own for each.

    python -m benchmarks.peers.environment

makes the environments in build/peers/ that are not there, from the package index.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENVIRONMENTS = ROOT / "build" / "peers"
WAYS = ("code", "outside")
"""How a rule is held that a tool has no construct for; see the page."""


@dataclass(frozen=True)
class Peer:
    """A tool: its folder beside this file, and the words of its ``peer.yaml``."""

    name: str
    words: dict[str, Any]

    @property
    def folder(self) -> Path:
        """Where its definition, its run and its requirements are."""
        return HERE / self.name

    @property
    def python(self) -> Path:
        """The interpreter of its environment, whether or not there is one."""
        return ENVIRONMENTS / self.name / "bin" / "python"

    @property
    def lines(self) -> int:
        """Lines that a user has to write: neither blank nor comment, of the definition and of what stands beside it."""
        return sum(written_lines(self.folder / name) for name in self.words["written"])

    def way(self, code: str) -> str:
        """How a rule is held: one of ``WAYS``, or nothing where the tool has a construct for it."""
        return next((way for way in WAYS if code in self.words[way]), "")

    def not_run(self) -> str | None:
        """Why the tool is not run, or None."""
        wanted = self.words.get("python")
        own = ".".join(map(str, sys.version_info[:2]))
        reasons = []
        if wanted and wanted != own:
            reasons.append(f"It needs Python {wanted}, and this is Python {own}.")
        if "not_run" in self.words:
            reasons.append(self.words["not_run"])
        return " ".join(reasons) or None

    def ready(self) -> bool:
        """Whether its environment was made from the requirements as they are now."""
        stamp = ENVIRONMENTS / self.name / ".ready"
        return self.python.exists() and stamp.exists() and stamp.read_text() == self._requirements()

    def install(self) -> None:
        """Make its environment, unless it is there.

        Raises:
            SystemExit: the package index does not have what it asks for.
        """
        if self.ready():
            return
        target = ENVIRONMENTS / self.name
        shutil.rmtree(target, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", target], check=True)
        pip = [sys.executable, "-m", "pip", "--python", str(self.python)]
        wanted = ["install", "--quiet", "--disable-pip-version-check", "-r", str(self.folder / "requirements.txt")]
        done = subprocess.run([*pip, *wanted], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            said = done.stdout.strip().splitlines() or ["pip says nothing more."]
            sys.exit(f"{self.words['title']} could not be installed: {said[-1]}")
        (target / ".ready").write_text(self._requirements())

    def _requirements(self) -> str:
        return (self.folder / "requirements.txt").read_text()


def peers() -> dict[str, Peer]:
    """Every tool by the name of its folder, in the order of the page."""
    order = ("frictionless", "pandera", "dataframely", "pointblank", "great_expectations", "cdisc_rules_engine")
    return {name: Peer(name, yaml.safe_load((HERE / name / "peer.yaml").read_text(encoding="utf-8"))) for name in order}


def written_lines(path: Path) -> int:
    """Lines of a file that are neither blank nor comment."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return sum(bool(line) and not line.startswith("#") for line in lines)


if __name__ == "__main__":
    for each in peers().values():
        if each.not_run() is None:
            each.install()
