"""The bill of materials of the locked versions, as CycloneDX; the same versions give the same bytes."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

from anakinra_t2d import __version__
from supply_chain.places import LOCK, ROOT, new_environment, run, tool


def bill_of_materials() -> str:
    """Install the locked versions into a new environment and describe what is then in it; CycloneDX 1.6 as JSON.

    Raises:
        Failure: the versions cannot be installed, or the document does not fit the schema of CycloneDX.
    """
    with tempfile.TemporaryDirectory() as scratch:
        python = new_environment(Path(scratch) / "plain")
        run(
            *(tool("uv"), "pip", "install", "--no-config", "--quiet", "--python", python),
            *("--require-hashes", "--requirements", LOCK),
            why="The locked versions could not be installed.",
        )
        return describe(python, Path(scratch))


def describe(python: Path, scratch: Path) -> str:
    """Describe the environment of this interpreter, with this package as what it is for.

    Raises:
        Failure: the document does not fit the schema of CycloneDX.
    """
    # the version stands in the package; the tool looks for it in pyproject.toml alone
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    stated, count = re.subn(r'^dynamic = \["version"\]$', f'version = "{__version__}"', project, flags=re.MULTILINE)
    assert count == 1
    (scratch / "pyproject.toml").write_text(stated, encoding="utf-8")
    run(
        *(tool("cyclonedx-py"), "environment", python, "--pyproject", scratch / "pyproject.toml"),
        *("--output-reproducible", "--short-PURLs", "--spec-version", "1.6", "--validate"),
        *("--output-format", "JSON", "--output-file", scratch / "bill.json"),
        why="The bill of materials could not be made.",
    )
    bill: dict[str, Any] = json.loads((scratch / "bill.json").read_text(encoding="utf-8"))
    return json.dumps(bill, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
