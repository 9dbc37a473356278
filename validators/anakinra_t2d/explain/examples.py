"""Data that break a rule, as the tests of the rules have them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = "schema/examples.json"


@dataclass(frozen=True)
class Example:
    """``shown`` are the records or files that fail, ``found`` what the finding says of them."""

    shown: str
    found: str


def example_of(root: Path, code: str) -> Example | None:
    """The example of a rule; None where there is none."""
    found = _examples(root).get(code)
    return Example("\n".join(found["shown"]), found["found"]) if found else None


@cache
def _examples(root: Path) -> dict[str, dict[str, str]]:
    try:
        read: dict[str, dict[str, str]] = json.loads((root / FILE).read_text(encoding="utf-8"))["examples"]
    except FileNotFoundError:
        return {}
    return read
