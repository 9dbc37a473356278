"""What the key of a table says about its records: whose they are, of which visit, and at which time of a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anakinra_t2d.forms.field_help import subject_field, subject_table
from anakinra_t2d.wording import pseudonym

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anakinra_t2d.finding import Finding
    from anakinra_t2d.report.html.submission import Submission
    from anakinra_t2d.schema import Definitions, Field, Table


@dataclass(frozen=True)
class Places:
    """Key fields of a table by their meaning; ``others`` have a codelist and are none of these."""

    subject: str | None
    visit: str | None
    time: str | None
    others: tuple[str, ...]


def places(table: Table, definitions: Definitions) -> Places:
    """The meaning of the key fields, as far as the definitions say it."""
    visits = {visit.id for visit in definitions.trial.visits}
    visit = time = None
    others = []
    subject = subject_field(table, definitions)
    for name in table.key:
        field = table.fields[name]
        terms = definitions.terms(field)
        if terms and set(terms) <= visits:
            visit = name
        elif field.minutes or field.weeks:
            time = name
        elif terms:
            others.append(name)
    return Places(subject, visit, time, tuple(others))


def planned_times(field: Field) -> list[int]:
    """Minutes or weeks at which the schedule has the value."""
    return list(field.planned.minutes or field.planned.weeks or field.minutes or field.weeks)


def visit_words(definitions: Definitions) -> dict[str, str]:
    """Visits in the order of the trial, with their words."""
    return {visit.id: visit.label for visit in sorted(definitions.trial.visits, key=lambda visit: visit.order)}


class Sites:
    """Which site a finding belongs to."""

    def __init__(self, submission: Submission) -> None:
        definitions = submission.definitions
        self.words = {site.id: site.label for site in definitions.trial.sites}
        self._tables = definitions.tables
        self._subject = {table.name: subject_field(table, definitions) for table in definitions.tables.values()}
        self._by_subject: dict[str, str] = {}
        table = subject_table(definitions)
        frame = submission.table(table.name)
        one_field = [reference.fields[0] for reference in table.foreign_keys if len(reference.fields) == 1]
        if frame is not None and one_field:
            for subject, site in frame.select(table.key[0], one_field[0]).iter_rows():
                if site in self.words:
                    self._by_subject |= {str(subject): site, pseudonym(str(subject)): site}

    def patient(self, finding: Finding) -> str | None:
        """The subject of the record, as it is shown in the key."""
        name = self._subject.get(finding.table or "")
        return finding.key.get(name) if name else None

    def site(self, finding: Finding) -> str | None:
        """The site of the subject, else the one that a part of the key names; None when nothing says it."""
        patient = self.patient(finding)
        if patient is not None and patient in self._by_subject:
            return self._by_subject[patient]
        return self._named(finding.key)

    def _named(self, key: Mapping[str, str]) -> str | None:
        for text in key.values():
            for site in self.words:
                if text == site or text.startswith(f"{site}-"):
                    return site
        return None
