"""Turns the answers of sites into accepted findings."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anakinra_t2d.finding import Finding
from anakinra_t2d.reading import InputError
from anakinra_t2d.report.findings_file import SavedFindings, read_findings
from anakinra_t2d.review.accepted_text import entries_there, merged, plain_line, write_accepted
from anakinra_t2d.review.answers import Answer, AnsweredWorkbook, read_answers
from anakinra_t2d.review.queries import require_same_schema
from anakinra_t2d.review.query_text import ANSWERS, CONFIRMED, CORRECTED, NOT_AVAILABLE, QueryText
from anakinra_t2d.schema import Definitions, definitions
from anakinra_t2d.schema.accepted import LONGEST_REASON, AcceptedFinding
from anakinra_t2d.wording import HIDDEN, Wording

UNANSWERED = "unanswered"


@dataclass
class Accepted:
    """What came of the answers.

    ``entries`` are the accepted findings, ``refused`` says for each answer that was not taken where it stands and why.
    ``counts`` has the rows by answer. ``new`` and ``replaced`` count entries of the list; ``comments_kept`` is False
    when the list had to be written anew.
    """

    entries: list[AcceptedFinding] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    new: int = 0
    replaced: int = 0
    comments_kept: bool = True


def accept(
    workbooks: Sequence[str | Path],
    findings: str | Path,
    out: str | Path,
    *,
    who: str | None = None,
    until: dt.date | None = None,
    today: dt.date | None = None,
    found: Definitions | None = None,
) -> Accepted:
    """Write the findings that sites confirmed with a reason into the list ``out``; other entries of it stay.

    Args:
        workbooks: workbooks of queries as they came back.
        findings: the directory of ``convert``, or its findings.json, that the queries were made from.
        out: the list; when it is there, new entries go into it.
        who: who accepts, where the row of an answer does not say.
        until: last day on which the entries count.
        today: the day of answers that have none; the day of the run by default.
        found: the definitions; the shipped ones by default.

    Raises:
        InputError: a file cannot be used, or belongs to another trial or schema. Nothing is written then.
        OutputError: ``out`` cannot be written.
    """
    found, out = found or definitions(), Path(out)
    saved = read_findings(Path(findings))
    require_same_schema(saved, found)
    if saved.values_hidden:
        raise InputError(f"{saved.shown} was written with --no-values; what it holds cannot be matched with the data.")
    there = entries_there(out, found.trial.registry)
    books = [read_answers(Path(path)) for path in workbooks]
    for book in books:
        _require_same_origin(book, found)
    day = today or dt.datetime.now().astimezone().date()
    result = _Taking(found, saved, who, until, day).take([answer for book in books for answer in book.answers])
    if result.entries:
        entries, replaced = merged(there, result.entries)
        before = len(there.entries) if there else 0
        result.replaced = len(replaced)
        result.new = len(entries) - before
        result.comments_kept = write_accepted(out, found.trial.registry, there, result.entries)
    return result


def _require_same_origin(book: AnsweredWorkbook, found: Definitions) -> None:
    trial, version = book.facts.get("trial"), book.facts.get("schema_version")
    if trial != found.trial.registry:
        raise InputError(f"{book.file} asks about the trial {trial}; these definitions are of {found.trial.registry}.")
    if version != found.trial.version:
        raise InputError(
            f"{book.file} was made with version {version} of the schema; this is version {found.trial.version}."
        )


class _Taking:
    """Takes answers one by one; what cannot be taken is refused with a sentence."""

    def __init__(
        self, found: Definitions, saved: SavedFindings, who: str | None, until: dt.date | None, today: dt.date
    ) -> None:
        self.found = found
        self.findings: Mapping[str, Finding] = {finding.fingerprint: finding for finding in saved.findings}
        self.who = who
        self.until = until
        self.today = today
        self.text = QueryText(found)
        self.safe = Wording(found).safe
        self.result = Accepted()

    def take(self, answers: Sequence[Answer]) -> Accepted:
        by_finding: dict[str, list[Answer]] = defaultdict(list)
        for answer in answers:
            if not answer.answer:
                self.result.counts[UNANSWERED] += 1
                if answer.comment:
                    self._refuse(answer, "there is a comment and no answer")
            elif answer.answer not in ANSWERS:
                self._refuse(answer, f"{answer.answer[:40]!r} is not one of the answers {', '.join(ANSWERS)}")
            elif problem := self._misplaced(answer):
                self._refuse(answer, problem)
            else:
                by_finding[answer.fingerprint].append(answer)
        for same in by_finding.values():
            self._take_finding(same)
        return self.result

    def _refuse(self, answer: Answer, why: str) -> None:
        self.result.refused.append(f"{answer.place}: {plain_line(why)}.")

    def _misplaced(self, answer: Answer) -> str | None:
        """Why an answer cannot be tied to a finding."""
        if not answer.fingerprint:
            return "the hidden fingerprint is missing, so that it is not known what was answered"
        finding = self.findings.get(answer.fingerprint)
        if finding is None:
            return f"no finding has the fingerprint {answer.fingerprint[:20]!r}; the findings are of another submission"
        cells = self.text.query(finding).cells
        if (answer.rule, answer.record) != (cells["Rule"].strip(), cells["Record"].strip()):
            return "the row and its hidden fingerprint belong to different findings; was a part of the sheet sorted"
        return None

    def _take_finding(self, answers: list[Answer]) -> None:
        given = {answer.answer for answer in answers}
        if len(given) > 1:
            places = " and ".join(answer.place for answer in answers[1:])
            self._refuse(answers[0], f"the finding has another answer in {places}")
            return
        last = answers[-1]
        if last.answer != CONFIRMED:
            self.result.counts[last.answer] += 1
        elif problem := self._cannot_accept(last):
            self._refuse(last, problem)
        else:
            self.result.counts[CONFIRMED] += 1
            self.result.entries.append(self._entry(last))

    def _cannot_accept(self, answer: Answer) -> str | None:
        finding = self.findings[answer.fingerprint]
        if not self.found.rules[finding.code].acceptable:
            return f"a finding of {finding.code} cannot be accepted; the data must be corrected"
        if any(HIDDEN in self.safe(text) for text in finding.key.values()):
            return "the key of the record looks like something that names a person, and must not be written down"
        for name, text in (("comment", answer.comment), ("name", answer.who or self.who or "")):
            if self.safe(plain_line(text)) == HIDDEN:
                return f"the {name} holds what looks like a personal number, an address or a telephone number"
        if not answer.comment:
            return "a value is confirmed without a reason; write it into the column Comment"
        if len(plain_line(answer.comment)) > LONGEST_REASON:
            return f"the comment has more than {LONGEST_REASON} letters"
        if not (answer.who or self.who):
            return "nobody is named as having confirmed it; fill in the column Who, or give --who"
        return self._wrong_day(answer)

    def _wrong_day(self, answer: Answer) -> str | None:
        if isinstance(answer.day, str):
            return f"the date {answer.day[:40]!r} is not of the form YYYY-MM-DD"
        if answer.day is not None and answer.day > self.today:
            return f"the date {answer.day.isoformat()} lies in the future"
        if self.until is not None and self.until < (answer.day or self.today):
            return f"it was confirmed after {self.until.isoformat()}, the last day it would count on"
        return None

    def _entry(self, answer: Answer) -> AcceptedFinding:
        finding = self.findings[answer.fingerprint]
        day = answer.day if isinstance(answer.day, dt.date) else self.today
        return AcceptedFinding(
            rule=finding.code,
            table=finding.table,
            record=dict(finding.key),
            field=finding.field,
            fingerprint=finding.fingerprint,
            reason=plain_line(answer.comment),
            who=plain_line(answer.who or self.who or "")[:200],
            when=day.isoformat(),
            until=self.until.isoformat() if self.until else None,
        )


ORDER = (CONFIRMED, CORRECTED, NOT_AVAILABLE, UNANSWERED)
"""Answers in the order in which they are counted for people."""
