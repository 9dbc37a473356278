"""The page on reliability names tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
NAMED = re.findall(r"`(test_\w+\.py)::(\w+)`", (TESTS.parent / "docs/reliability.md").read_text(encoding="utf-8"))


def test_faults_are_listed() -> None:
    assert len(NAMED) > 20


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED}))
def test_every_test_named_exists(file: str) -> None:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    there = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert {name for named, name in NAMED if named == file} - there == set()


def test_every_file_of_faults_is_named() -> None:
    files = {path.name for path in TESTS.glob("test_faults_*.py")} - {Path(__file__).name}
    assert files <= {file for file, _ in NAMED}
