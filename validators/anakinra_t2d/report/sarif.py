"""Findings as SARIF 2.1.0, for code scanning and editors."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from anakinra_t2d import __version__
from anakinra_t2d.report.plain import one_line, path_from_root

if TYPE_CHECKING:
    from anakinra_t2d.conversion.outcome import Outcome
    from anakinra_t2d.finding import Finding
    from anakinra_t2d.schema import Definitions

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MOST_RESULTS = 5000
"""Results that code scanning shows of one run; errors come first."""
FINGERPRINT = "finding/v1"
_PLACEHOLDER = re.compile(r"\{(?=[0-9])")


def as_sarif(outcome: Outcome, found: Definitions, base: str = "") -> str:
    """One document with one run and a newline at its end; the same findings give the same bytes.

    Accepted findings are suppressed results. ``base`` is the path of the submission from the root of the repository.
    Findings beyond the limit are left out, errors last, and a notification says how many.
    """
    ordered = sorted(outcome.findings, key=lambda f: (f.status != "open", f.severity != "error"))
    shown = ordered[:MOST_RESULTS]
    codes = sorted({finding.code for finding in shown})
    place = {code: index for index, code in enumerate(codes)}
    fallback = next((table.file for table in outcome.tables.values()), found.trial.name)
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "anakinra-t2d",
                "semanticVersion": __version__,
                "rules": [_rule(code, found) for code in codes],
            }
        },
        "automationDetails": {"id": f"anakinra-t2d/{_uri(base or '.')}/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(outcome, len(ordered) - len(shown))],
        "results": [_result(finding, place[finding.code], outcome, fallback, base) for finding in shown],
        "properties": {
            "trial": found.trial.registry,
            "schemaVersion": outcome.schema_version,
            "synthetic": outcome.synthetic,
            "valuesHidden": outcome.values_hidden,
            "errors": outcome.errors,
            "warnings": outcome.warnings,
            "notAssessed": outcome.not_assessed,
        },
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, ensure_ascii=True, indent=2) + "\n"


def _rule(code: str, found: Definitions) -> dict[str, Any]:
    rule = found.rules[code]
    help_text = (
        f"{rule.hint}\n\nWhy: {rule.why}\nSource: {rule.source} ({rule.basis}).\nMore: anakinra-t2d explain {code}"
    )
    return {
        "id": code,
        "shortDescription": {"text": rule.expected},
        "fullDescription": {"text": rule.why},
        "help": {"text": help_text},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"basis": rule.basis, "source": rule.source, "tags": [code.partition("-")[0].lower()]},
    }


def _invocation(outcome: Outcome, left_out: int) -> dict[str, Any]:
    notes: list[dict[str, Any]] = []
    if left_out:
        words = f"{left_out:,} more findings are left out here, because code scanning shows {MOST_RESULTS:,} of a run."
        notes.append({"level": "warning", "message": {"text": words}})
    if beyond := sum(outcome.not_listed.values()):
        words = f"{beyond:,} more findings were counted and not listed, because one check gave too many."
        notes.append({"level": "warning", "message": {"text": words}})
    return {
        "executionSuccessful": True,
        "exitCode": outcome.exit_status(),
        **({"toolExecutionNotifications": notes} if notes else {}),
    }


def _result(finding: Finding, index: int, outcome: Outcome, fallback: str, base: str) -> dict[str, Any]:
    key = " ".join(value for value in finding.key.values() if value)
    words = f"{key}: {finding.message}" if key else finding.message
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": finding.severity,
        "message": {"text": _message(f"{finding.expected} Found: {words}. {finding.hint}")},
        "locations": [_location(finding, outcome, fallback, base)],
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
        "properties": {
            "table": finding.table,
            "field": finding.field,
            "fields": _short(finding.fields),
            "key": {one_line(name): one_line(value) for name, value in finding.key.items()},
        },
    }
    if outcome.not_listed_before is not None:
        result["baselineState"] = "unchanged" if finding.known else "new"
    if finding.acceptance is not None:
        words = one_line(str(finding.acceptance))
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": words}]
    return result


def _location(finding: Finding, outcome: Outcome, fallback: str, base: str) -> dict[str, Any]:
    """Where to look; code scanning refuses a result without file and line, so that a missing table has the first."""
    place = finding.location
    table = outcome.tables.get(finding.table or "")
    file = place.file or (table.file if table else fallback)
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(path_from_root(file, base))},
            "region": {"startLine": max(1, place.row or 1)},
        }
    }
    parts = [one_line(part) for part in (place.sheet or finding.table, place.column or finding.field) if part]
    if parts:
        location["logicalLocations"] = [{"fullyQualifiedName": ".".join(parts)}]
    return location


def _uri(path: str) -> str:
    return quote(path.encode("utf-8", "surrogateescape"), safe="/")


def _message(text: str) -> str:
    """Words in which nothing from the data is a link or a placeholder."""
    return _PLACEHOLDER.sub("{{", one_line(text).replace("](", "] ("))


def _short(names: Sequence[str]) -> list[str]:
    return [one_line(name) for name in names]
