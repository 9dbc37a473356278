"""Checks the definitions of a repository: sound, every rule can run, generated files fresh."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from anakinra_t2d.schema import SchemaError, load
from anakinra_t2d.schema.blinding import blinding


def check_schema(root: Path) -> list[str]:
    """What is wrong with the definitions below ``root``, a line each; none when they are sound.

    In a checkout of the package the generated files are compared with what its own code makes of the definitions. In
    any other repository only the definitions and datapackage.json are looked at.
    """
    if not (root / "schema" / "trial.yaml").is_file():
        return [f"There is no schema/trial.yaml in {root.name}; the hook is for repositories of the definitions."]
    try:
        found = load(root)
        blinding(root)
    except SchemaError as error:
        return error.problems
    from anakinra_t2d.across.relations import RelationError, open_relations
    from anakinra_t2d.across.run import RuleError, check_rules

    try:
        with open_relations(found, {}) as con:
            check_rules(con, found)
    except (RelationError, RuleError) as error:
        return str(error).splitlines()
    return _stale(root)


def _stale(root: Path) -> list[str]:
    """Generated files that do not follow, by the code of the repository itself where it has one."""
    source = root / "validators"
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    if not (source / "anakinra_t2d").is_dir():
        from anakinra_t2d.forms.generate import generated, stale

        texts = generated(load(root))
        here = {path: text for path, text in texts.items() if (root / path).exists() or path == "datapackage.json"}
        return [f"{path}: does not follow the definitions; generate it anew" for path in stale(root, here)]
    environment["PYTHONPATH"] = os.pathsep.join(part for part in (str(source), environment.get("PYTHONPATH")) if part)
    command = [sys.executable, "-m", "anakinra_t2d.forms.generate", "--check"]
    run = subprocess.run(  # noqa: S603 (the words are ours)
        command, cwd=root, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )
    if run.returncode == 0:
        return []
    return [line for line in (run.stdout + run.stderr).splitlines() if line.strip()]
