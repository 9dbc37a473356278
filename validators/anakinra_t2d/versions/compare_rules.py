"""Compares the rules of two states: conditions, severities, and what can be accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anakinra_t2d.versions.change import Change, Changes, Kind, from_to
from anakinra_t2d.versions.matching import matched
from anakinra_t2d.versions.objects import Described, same

WHAT = "the rule"
_CONDITION = ("assert", "records", "table", "for_each", "statistic", "fields", "kind")
_PLACE = ("field",)
_WORDS = ("expected", "message", "hint", "why", "source", "basis", "fact", "note", "ours", "hide_value")

COMPARED = frozenset((*_CONDITION, *_PLACE, *_WORDS))
"""Keys of a rule that are compared beside its severity and whether its findings can be accepted."""


def rules_of(files: Mapping[str, Any]) -> dict[str, Described]:
    """Every rule by its code, with ``kind`` and ``table``, from the content of the schema files."""
    found: dict[str, Described] = {}
    for path, content in files.items():
        folder, _, name = path.removeprefix("schema/").partition("/")
        if folder == "tables":
            table = name.removesuffix(".yaml")
            found |= {rule["code"]: {**rule, "table": table, "kind": "row"} for rule in content["rules"]}
        elif folder == "rules":
            found |= {rule["code"]: {**rule, "kind": "builtin"} for rule in content["builtin"]}
            found |= {rule["code"]: {**rule, "kind": "across"} for rule in content["rules"]}
    return found


def compare_rules(old: Mapping[str, Described], new: Mapping[str, Described]) -> list[Change]:
    """Changes of the rules by code. What can make an error of data that had none is major."""
    changes = Changes()
    rules = matched(old, new, _likeness)
    for code in rules.removed:
        severity = old[code]["severity"]
        changes.add("minor", "removed", WHAT, code, f"The rule {code} ({severity}) was removed; less is checked.")
    for code in rules.added:
        severity = new[code]["severity"]
        if severity == "error":
            words = f"The rule {code} (error) is new; data that were valid may break it: {new[code]['expected']}"
        else:
            words = f"The rule {code} (warning) is new: {new[code]['expected']}"
        changes.add("major" if severity == "error" else "minor", "added", WHAT, code, words)
    for before, code in rules.renamed:
        words = (
            f"The rule {before} looks like a rename: its code seems to be {code} now, and accepted findings open again."
        )
        changes.add("major", "renamed", WHAT, code, words, before=before)
    for before, code in rules.pairs:
        _compare_rule(changes, code, old[before], new[code])
    return changes.found


def _likeness(_one: str, old: Described, _other: str, new: Described) -> int:
    if not all(same(old.get(key), new.get(key)) for key in _CONDITION):
        return 0
    if old.get("assert"):
        return 2
    return int(same(old["expected"], new["expected"]))


def _compare_rule(changes: Changes, code: str, old: Described, new: Described) -> None:
    if old["severity"] != new["severity"]:
        raised = new["severity"] == "error"
        words = "data that were valid may have errors" if raised else "it no longer makes an error"
        changes.add(
            "major" if raised else "minor",
            "tightened" if raised else "loosened",
            WHAT,
            code,
            f"The severity of the rule {code} went{from_to(old['severity'], new['severity'])}; {words}.",
            aspect="severity",
        )
    if changed := [key for key in _CONDITION if not same(old.get(key), new.get(key))]:
        error = "error" in (old["severity"], new["severity"])
        what = "the condition" if set(changed) & {"assert", "kind"} else "the selection of records"
        words = f"{what} of the rule {code} changed; its findings can differ."
        changes.add(
            "major" if error else "minor", "changed", WHAT, code, words[0].upper() + words[1:], aspect="condition"
        )
    if changed := [key for key in _PLACE if not same(old.get(key), new.get(key))]:
        words = f"The findings of the rule {code} stand at another field{from_to(old.get('field'), new.get('field'))}."
        changes.add("minor", "changed", WHAT, code, words, aspect="field")
    if old["acceptable"] != new["acceptable"]:
        kind: Kind = "loosened" if new["acceptable"] else "tightened"
        words = "can be accepted now" if new["acceptable"] else "can no longer be accepted"
        changes.add("minor", kind, WHAT, code, f"Findings of the rule {code} {words}.", aspect="acceptable")
    changes.words(WHAT, code, [key for key in _WORDS if not same(old.get(key), new.get(key))])
