"""The JSON document of a run, for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anakinra_t2d.conversion.outcome import Outcome


def as_json(outcome: Outcome) -> str:
    """One document: ``format``, ``summary`` and ``findings``, with a newline at its end."""
    return json.dumps(outcome.as_dict(), ensure_ascii=False, indent=2) + "\n"
