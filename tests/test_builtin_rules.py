"""Every built-in rule on its folder of data that pass and data that fail, through the whole of validate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import anakinra_t2d as trial

RULES = Path(__file__).parent / "rules"
# small tables without the tables they refer to: these codes say so in every such case
INCOMPLETE = {"HEAD-001", "HEAD-002", "REF-001", "FILE-005"}


def case(code: str) -> tuple[Path, dict[str, Any]]:
    folder = RULES / code
    expected = yaml.safe_load((folder / "expected.yaml").read_text(encoding="utf-8"))
    return folder, expected


CODES = [code for code in sorted(trial.definitions().builtin_rules) if not case(code)[1].get("blinded")]
"""Rules of `--blinded` have tests of their own, in test_blinded."""


def accepted(folder: Path, kind: str) -> Path | None:
    """The list of accepted findings of a case, for rules about such lists."""
    path = folder / f"{kind}.accepted.yaml"
    return path if path.is_file() else None


@pytest.mark.parametrize("code", CODES)
def test_the_invalid_data_give_the_finding(code: str) -> None:
    folder, expected = case(code)
    outcome = trial.validate(folder / "invalid", accepted=accepted(folder, "invalid"))
    named = [finding for finding in outcome.findings if finding.code == code]
    shown = [
        {
            "table": finding.table,
            "key": dict(finding.key),
            "field": finding.field,
            **({"row": finding.location.row} if "row" in want else {}),
            **({"file": finding.location.file} if "file" in want else {}),
        }
        for finding, want in zip(named, expected["findings"], strict=False)
    ]
    assert shown == expected["findings"]
    assert len(named) == len(expected["findings"]), [finding.message for finding in named]
    allowed = tuple(expected.get("also", ()))
    others = {f.code for f in outcome.findings if f.code != code and not f.code.startswith(allowed or ("?",))}
    assert others <= INCOMPLETE - {code}, others


@pytest.mark.parametrize("code", CODES)
def test_the_valid_data_give_none(code: str) -> None:
    folder, expected = case(code)
    outcome = trial.validate(folder / "valid", accepted=accepted(folder, "valid"))
    assert not [finding for finding in outcome.findings if finding.code == code]
    allowed = tuple(expected.get("also", ()))
    others = {f.code for f in outcome.findings if not f.code.startswith(allowed or ("?",))}
    assert others <= INCOMPLETE, others
