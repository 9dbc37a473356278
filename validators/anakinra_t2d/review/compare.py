"""Compares two submissions: their findings, and their records where both are directories of ``convert``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from anakinra_t2d.finding import Finding
from anakinra_t2d.reading import InputError
from anakinra_t2d.report.findings_file import SavedFindings, read_findings
from anakinra_t2d.review.changed_records import ChangedRecords, TableChange
from anakinra_t2d.schema import Definitions, definitions
from anakinra_t2d.versions.change import EditionError
from anakinra_t2d.versions.note import VersionNote, differences_between
from anakinra_t2d.wording import HIDDEN, Wording, pseudonym

FORMAT = 1
"""Version of the JSON document."""
LISTED = 1000
"""Changes of a kind that are listed for each table; the others are counted."""


@dataclass
class Comparison:
    """What is different in a new submission.

    ``new`` are open findings that the old one did not have open, ``still_open`` those it had, ``accepted`` the accepted
    ones of the new submission, and ``resolved`` findings of the old one that are gone; ``unjudged`` counts those of
    them whose table was not sent again. ``other_value`` counts the new findings at a place where the old submission
    had another finding of the same rule. ``schema`` says how the definitions differ.
    """

    old: SavedFindings
    reference: SavedFindings
    new: list[Finding] = field(default_factory=list)
    still_open: list[Finding] = field(default_factory=list)
    resolved: list[Finding] = field(default_factory=list)
    accepted: list[Finding] = field(default_factory=list)
    unjudged: int = 0
    other_value: int = 0
    schema: list[str] = field(default_factory=list)
    tables: list[TableChange] = field(default_factory=list)
    records_compared: bool = False

    @property
    def new_errors(self) -> int:
        """Number of new findings of severity error."""
        return sum(finding.severity == "error" for finding in self.new)

    def exit_status(self) -> int:
        """0 when no error is new, else 1."""
        return int(self.new_errors > 0)

    def as_dict(self) -> dict[str, Any]:
        """The JSON document as plain data."""
        groups = {
            "new": self.new,
            "still_open": self.still_open,
            "resolved": self.resolved,
            "accepted": self.accepted,
        }
        return {
            "format": FORMAT,
            "old": _described(self.old),
            "new": _described(self.reference),
            "summary": {
                "findings": {name: len(findings) for name, findings in groups.items()},
                "new_errors": self.new_errors,
                "new_at_a_place_with_another_value": self.other_value,
                "resolved_unjudged": self.unjudged,
                "records_compared": self.records_compared,
                "records": {
                    "added": sum(table.number_added for table in self.tables),
                    "removed": sum(table.number_removed for table in self.tables),
                    "changed": sum(table.number_changed for table in self.tables),
                    "cells_changed": sum(sum(table.cells_changed.values()) for table in self.tables),
                },
            },
            "schema": self.schema,
            "findings": {name: [finding.as_dict() for finding in findings] for name, findings in groups.items()},
            "tables": {table.table: _changes(table) for table in self.tables},
        }


def _described(saved: SavedFindings) -> dict[str, Any]:
    return {"path": saved.shown, "schema_version": saved.schema_version, "not_listed": dict(saved.not_listed)}


def _changes(table: TableChange) -> dict[str, Any]:
    return {
        "rows_old": table.rows_old,
        "rows_new": table.rows_new,
        "added": {"number": table.number_added, "listed": table.added},
        "removed": {"number": table.number_removed, "listed": table.removed},
        "changed": {
            "number": table.number_changed,
            "cells": table.cells_changed,
            "listed": [
                {"key": dict(cell.key), "field": cell.field, "old": cell.old, "new": cell.new} for cell in table.cells
            ],
        },
        "columns": table.columns,
        "problem": table.problem,
    }


def compare(
    old: str | Path,
    new: str | Path,
    *,
    found: Definitions | None = None,
    show_values: bool = True,
    most: int = LISTED,
) -> Comparison:
    """Compare two submissions.

    Args:
        old: a directory of ``convert``, or a JSON document of ``validate``.
        new: likewise; records are compared when both are directories.
        found: the definitions; the shipped ones by default.
        show_values: False hides every value and shows pseudonyms in place of subject numbers.
        most: changes of a kind to list for each table.

    Raises:
        InputError: one of them cannot be read, or they are of different trials, or only one of them hides its values.
    """
    found = found or definitions()
    before, after = read_findings(Path(old)), read_findings(Path(new))
    _require_comparable(before, after, found)
    wording = Wording(found, show_values=show_values)
    result = Comparison(before, after)
    if before.schema_version != after.schema_version:
        result.schema.append(
            f"The old submission was checked with version {before.schema_version} of the schema, the new one with "
            f"version {after.schema_version}; findings may differ for this reason, and columns are compared as far as "
            "both have them."
        )
    _findings(result)
    if not show_values:
        for group in (result.new, result.still_open, result.resolved, result.accepted):
            group[:] = [_without_values(finding, found) for finding in group]
    if before.folder is not None and after.folder is not None:
        note = _version_note(before.folder, after.folder)
        if refusal := note.refusal():
            raise InputError(refusal)
        result.schema += [note.warning] if note.warning else []
        result.records_compared = True
        result.tables = list(ChangedRecords(before.folder, after.folder, wording, most))
    return result


def _version_note(old: Path, new: Path) -> VersionNote:
    try:
        return differences_between(old, new)
    except EditionError as error:
        raise InputError(str(error)) from None


def _require_comparable(old: SavedFindings, new: SavedFindings, found: Definitions) -> None:
    for saved in (old, new):
        if saved.trial and saved.trial != found.trial.registry:
            raise InputError(
                f"{saved.shown} is of the trial {saved.trial}; these definitions are of {found.trial.registry}."
            )
    if old.values_hidden != new.values_hidden:
        hidden = old.shown if old.values_hidden else new.shown
        raise InputError(f"{hidden} was written with --no-values and the other was not; their findings do not match.")


def _findings(result: Comparison) -> None:
    before = result.old.open_fingerprints
    places = {_place(finding) for finding in result.old.findings}
    for finding in result.reference.findings:
        if finding.status == "accepted":
            result.accepted.append(finding)
        elif before[finding.fingerprint] > 0:
            before[finding.fingerprint] -= 1
            result.still_open.append(finding)
        else:
            result.new.append(finding)
            result.other_value += _place(finding) in places
    left = Counter(finding.fingerprint for finding in result.reference.findings)
    for finding in result.old.findings:
        if left[finding.fingerprint] > 0:
            left[finding.fingerprint] -= 1
            continue
        result.resolved.append(finding)
        sent = result.reference.tables
        result.unjudged += bool(sent) and finding.table is not None and finding.table not in sent


def _place(finding: Finding) -> tuple[str, str | None, tuple[tuple[str, str], ...], str | None]:
    return finding.code, finding.table, tuple(finding.key.items()), finding.field


def _without_values(finding: Finding, found: Definitions) -> Finding:
    """The finding as ``--no-values`` shows it: its words may hold values, so they are those of the rule."""
    rule, table = found.rules.get(finding.code), found.tables.get(finding.table or "")
    key: Mapping[str, str] = {
        name: pseudonym(text)
        if table is None or name not in table.fields or table.fields[name].identifying != "none"
        else text
        for name, text in finding.key.items()
    }
    return replace(
        finding,
        key=key,
        value=None if finding.value is None else HIDDEN,
        message="the value is hidden",
        expected=rule.expected if rule else "",
        hint=rule.hint if rule else "",
        # with a value it could be found out by trying
        fingerprint="",
        acceptance=None if finding.acceptance is None else replace(finding.acceptance, reason=HIDDEN),
    )
