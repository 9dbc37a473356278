"""The words of every finding, read by a person once and kept as they are in ``tests/messages``.

``UPDATE_MESSAGES=1 pytest tests/test_messages.py`` writes them, and the examples of ``anakinra-t2d explain``, anew.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from anakinra_t2d.explain.examples import FILE
from anakinra_t2d.finding import Finding
from anakinra_t2d.schema import definitions
from conftest import ROOT, worked_out_once
from fixture_findings import example, findings_of, snapshot

FOLDER = Path(__file__).parent / "messages"
UPDATE = bool(os.environ.get("UPDATE_MESSAGES"))
FOUND = definitions()
PLACEHOLDERS = {
    code: set(re.findall(r"\{[A-Za-z_]+\}", f"{rule.expected} {rule.message}")) for code, rule in FOUND.rules.items()
}
CODES: dict[str, list[str]] = defaultdict(list)
for _code in FOUND.rules:
    CODES[_code.partition("-")[0]].append(_code)


FindingsOf = Callable[[str], list[Finding]]


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> FindingsOf:
    """What each rule finds, found once by whichever test process asks first."""
    return cache(lambda code: worked_out_once(tmp_path_factory, f"findings_{code}", lambda: findings_of(code)))


@pytest.mark.parametrize("prefix", CODES)
def test_the_words_are_those_that_were_read(prefix: str, findings: FindingsOf) -> None:
    text = "\n".join(snapshot(findings(code)) for code in CODES[prefix])
    path = FOLDER / f"{prefix}.txt"
    if UPDATE:
        FOLDER.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_no_snapshot_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("*")} == set(CODES)


@pytest.mark.parametrize("code", FOUND.rules)
def test_the_words_are_whole(code: str, findings: FindingsOf) -> None:
    assert findings(code), "the fixture gives no finding"
    for one in findings(code):
        for text in (one.expected, one.message, one.hint):
            left = set(re.findall(r"\{[A-Za-z_]+\}", text)) & PLACEHOLDERS[code]
            assert not left, f"a placeholder is left: {text}"
            assert not re.search(r"  |\bNone\b|\bnan\b|\bNULL\b", text), text
        assert re.search(r"[.!?]$", one.expected)
        assert re.search(r"[.!?)]$", one.hint)
        assert not one.message.endswith(".")


def test_the_examples_of_explain_are_those_of_the_fixtures(findings: FindingsOf) -> None:
    made = {"examples": {code: example(code, findings(code)) for code in FOUND.rules}}
    text = json.dumps(made, ensure_ascii=False, indent=1) + "\n"
    path = ROOT / FILE
    if UPDATE:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
