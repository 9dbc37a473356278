"""The results as one JSON document for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anakinra_t2d.derivation.run import Derived


def as_json(derived: Derived, schema_version: str) -> str:
    """Format 1: schema_version, synthetic, readings, warnings, states, and the lists results, flow and paper.

    ``paper`` has a line for each printed number: id, kind (value, spread, ci_low, ci_high, p), printed, ours, verdict
    and reason.
    """
    document = {
        "format": 1,
        "schema_version": schema_version,
        "synthetic": derived.synthetic,
        "readings": dict(derived.readings),
        "warnings": derived.warnings,
        "states": derived.states,
        "results": [asdict(result) for result in derived.results],
        "flow": [asdict(row) for row in derived.flow],
        "paper": [
            {
                "id": one.line.id,
                "kind": one.kind,
                "printed": one.printed,
                "ours": one.ours,
                "verdict": one.verdict,
                "reason": one.reason,
            }
            for one in derived.comparisons
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
