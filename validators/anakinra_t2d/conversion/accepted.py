"""Findings that were accepted, or were there before: marks each finding when it is made."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from anakinra_t2d.conversion.outcome import Outcome
from anakinra_t2d.conversion.records import Records
from anakinra_t2d.conversion.table_run import TableRun
from anakinra_t2d.finding import Acceptance, Finding, Location
from anakinra_t2d.harmonise.typing import TypedBatch
from anakinra_t2d.reading import InputError
from anakinra_t2d.report.findings_file import SavedFindings
from anakinra_t2d.rows.verdicts import Verdicts
from anakinra_t2d.schema import Definitions, Rule, SchemaError
from anakinra_t2d.schema.accepted import AcceptedFinding, AcceptedList, Place, read_accepted
from anakinra_t2d.wording import Wording


def accepted_list(path: Path | None, found: Definitions) -> AcceptedList | None:
    """The accepted findings of a file.

    Raises:
        InputError: the file cannot be used; a sentence with line and column for each problem.
    """
    if path is None:
        return None
    try:
        accepted = read_accepted(path)
    except SchemaError as error:
        raise InputError(f"The accepted findings cannot be used:\n{error}") from None
    if accepted.trial != found.trial.registry:
        raise InputError(
            f"{path} accepts findings of the trial {accepted.trial}; these definitions are of {found.trial.registry}."
        )
    return accepted


class ReviewedWording(Wording):
    """Words of findings, with the status that an accepted list and an earlier submission give them."""

    def __init__(
        self,
        definitions: Definitions,
        *,
        show_values: bool = True,
        accepted: AcceptedList | None = None,
        earlier: SavedFindings | None = None,
        today: dt.date | None = None,
    ) -> None:
        super().__init__(definitions, show_values=show_values)
        self._shown = None if show_values else Wording(definitions)
        self._hidden = Wording(definitions, show_values=False) if earlier and earlier.values_hidden else None
        self._accepted = accepted
        self._today = (today or dt.datetime.now().astimezone().date()).isoformat()
        self._entries: dict[Place, list[int]] = defaultdict(list)
        for number, entry in enumerate(accepted.entries if accepted else ()):
            self._entries[entry.place].append(number)
        self._used: set[int] = set()
        self._left: Counter[str] = earlier.open_fingerprints if earlier else Counter()

    def finding(self, rule: Rule, **given: Any) -> Finding:
        """The finding with its status; where values are hidden it is matched all the same."""
        made = super().finding(rule, **given)
        shown = made if self._shown is None else self._shown.finding(rule, **given)
        if self._left:
            print_ = shown.fingerprint if self._hidden is None else self._hidden.finding(rule, **given).fingerprint
            if self._left[print_] > 0:
                self._left[print_] -= 1
                made = replace(made, known=True)
        place = (shown.code, shown.table, tuple(shown.key.items()), shown.field)
        if self._accepted is None or not rule.acceptable or place not in self._entries:
            return made
        numbers = self._entries[place]
        self._used.update(numbers)
        entries = [self._accepted.entries[number] for number in numbers]
        return _with_status(made, entries, shown.fingerprint, self._today)

    def left_over(self, outcome: Outcome, only: Collection[str] | None) -> Iterator[Finding]:
        """A finding for each entry of the list that matches none, and for each that accepts what nobody can."""
        if self._accepted is None:
            return
        rules = self.definitions.rules
        for number, (entry, line) in enumerate(zip(self._accepted.entries, self._accepted.lines, strict=True)):
            rule = rules.get(entry.rule)
            # what was not listed, or not looked for, may be the accepted finding
            if (
                number in self._used
                or entry.rule in outcome.not_listed
                or (only is not None and entry.rule not in only)
            ):
                continue
            known = entry.table if entry.table in self.definitions.tables else None
            rest = "" if rule is not None else "; there is no such rule"
            if entry.table is not None and entry.table not in outcome.tables:
                rest = f"; the submission has no table {entry.table}"
            yield super().finding(
                self.definitions.builtin_rules["ACC-001" if rule is None or rule.acceptable else "ACC-002"],
                table=known,
                key=entry.record,
                field=entry.field,
                values={"found": entry.rule, "rest": rest},
                location=Location(self._accepted.shown, row=line),
            )


def _with_status(finding: Finding, entries: list[AcceptedFinding], fingerprint: str, today: str) -> Finding:
    entry = next((each for each in entries if each.fingerprint == fingerprint), None)
    if entry is None:
        last = entries[-1]
        words = f"It was accepted with another value (by {last.who} on {last.when}), and is open again."
        return replace(finding, hint=f"{words} {finding.hint}")
    if entry.until is not None and entry.until < today:
        words = f"Its acceptance (by {entry.who} on {entry.when}) has run out on {entry.until}; it is open again."
        return replace(finding, hint=f"{words} {finding.hint}")
    acceptance = Acceptance(entry.reason, entry.who, entry.when, entry.until)
    return replace(finding, status="accepted", acceptance=acceptance)


class ReviewedTableRun(TableRun):
    """Checks one table and keeps the rows whose errors are all accepted."""

    def _check_findings(
        self, view: Records, typed: TypedBatch, verdicts: Verdicts, reasons: dict[int, list[str]]
    ) -> Iterator[tuple[int, Finding]]:
        for position, finding in super()._check_findings(view, typed, verdicts, reasons):
            if finding.status == "accepted" and finding.severity == "error":
                kept = [reason for reason in reasons[position] if reason != f"{finding.code}:{finding.field}"]
                reasons[position] = kept
                if not kept:
                    del reasons[position]
                # the value counts from now on, so the rules across rows and tables judge it
                if finding.field is not None:
                    self.cells.set_aside.discard((view.row(position), finding.field))
            yield position, finding
