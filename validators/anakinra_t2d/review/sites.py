"""Which site a finding belongs to, so that no site is sent what is of another one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from anakinra_t2d.finding import Finding, record_key
from anakinra_t2d.schema import Definitions, Table
from anakinra_t2d.wording import plain

if TYPE_CHECKING:
    import polars as pl

_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")


@dataclass
class SiteOfFindings:
    """Finds the site of a finding by the records of a submission.

    A record belongs to the site of its subject. The table of subjects says which that is, and the site's code at the
    beginning of a subject number; where the two do not agree the record belongs to no site. A finding without a record
    belongs to the site whose code stands in the name of its file, or to the only site of the submission.
    """

    sites: frozenset[str]
    subject: str
    subjects: Mapping[str, str]
    records: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def __call__(self, finding: Finding) -> str | None:
        """The site; None when it is not known, or when the words of the finding name something of another site."""
        site = self._of_record(finding) if any(finding.key.values()) else self._of_file(finding)
        return None if site is None or self._names_another(finding, site) else site

    def _of_record(self, finding: Finding) -> str | None:
        found = set()
        known = self.records.get((finding.table or "", record_key(finding.key)))
        if known is not None:
            found.add(known)
        for name, text in finding.key.items():
            if text in self.sites:
                found.add(text)
            if name == self.subject:
                found |= self._of_subject(text)
            # the key of a side table holds the key of the record that it is about
            for part in text.split("|"):
                named, equals, value = part.partition("=")
                if equals and named == self.subject:
                    found |= self._of_subject(value)
                elif equals and value in self.sites:
                    found.add(value)
        return next(iter(found)) if len(found) == 1 else None

    def _of_subject(self, subject: str) -> set[str]:
        by_number = {site for site in self.sites if subject.startswith(site) and not subject[len(site) :][:1].isalnum()}
        listed = self.subjects.get(subject)
        return by_number | ({listed} if listed else set())

    def _of_file(self, finding: Finding) -> str | None:
        named = {word for word in re.split(r"[^A-Za-z0-9]+", finding.location.file or "") if word in self.sites}
        if len(named) == 1:
            return named.pop()
        every = set(self.subjects.values())
        return every.pop() if not named and len(every) == 1 else None

    def _names_another(self, finding: Finding, site: str) -> bool:
        for text in (finding.message, finding.expected, finding.hint, finding.value or ""):
            for word in _WORD.findall(text):
                others = self._of_subject(word) - {site}
                if others or (word in self.sites and word != site):
                    return True
        return False


def site_of_findings(folder: Path, found: Definitions) -> SiteOfFindings:
    """What the tables of a directory of ``convert`` say about sites."""
    sites = frozenset(site.id for site in found.trial.sites)
    people, site_field = people_table(found, sites)
    subject = people.key[0]
    subjects: dict[str, str] = {}
    if (frame := _read(folder, people, [subject, site_field])) is not None:
        subjects = {person: site for person, site in frame.rows() if site}
    records: dict[tuple[str, str], str] = {}
    for table in found.tables.values():
        own = site_field_of(table, found, sites)
        name = own or (subject if subject in table.fields else None)
        if name is None or subject in table.key or table.role == "delivery":
            continue
        if (frame := _read(folder, table, [*table.key, name])) is None:
            continue
        for row in frame.rows():
            of_record = row[-1] if own else subjects.get(row[-1] or "")
            if of_record:
                key = {part: plain(value) for part, value in zip(table.key, row, strict=False)}
                records[table.name, record_key(key)] = of_record
    return SiteOfFindings(sites, subject, subjects, records)


def people_table(found: Definitions, sites: frozenset[str]) -> tuple[Table, str]:
    """The table with a row for each person, to which most tables refer, and its field with the site."""
    referred = [reference.table for table in found.tables.values() for reference in table.foreign_keys]
    fields = {name: site_field_of(table, found, sites) for name, table in found.tables.items()}
    name = max((name for name, own in fields.items() if own), key=referred.count)
    return found.tables[name], fields[name] or ""


def site_field_of(table: Table, found: Definitions, sites: frozenset[str]) -> str | None:
    """The field of a table that holds the code of a site."""
    for item in table.fields.values():
        if item.codelist and set(found.terms(item) or ()) == sites:
            return item.name
    return None


def _read(folder: Path, table: Table, columns: list[str]) -> pl.DataFrame | None:
    import polars as pl

    path = folder / f"{table.name}.parquet"
    if not path.is_file():
        return None
    frame = pl.read_parquet(path, columns=list(dict.fromkeys(columns)))
    texts = [pl.col(name).cast(pl.String) for name in columns[-1:]]
    return frame.select(*(pl.col(name).alias(f"_{place}") for place, name in enumerate(columns[:-1])), *texts)
