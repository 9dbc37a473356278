"""Findings for the page: by rule, below that by variable and what was expected there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as each
from typing import TYPE_CHECKING

from anakinra_t2d.report.html.places import Sites
from anakinra_t2d.report.html.visible import visible

if TYPE_CHECKING:
    from anakinra_t2d.finding import Finding
    from anakinra_t2d.report.html.disclosure import Disclosure
    from anakinra_t2d.report.html.submission import Submission
    from anakinra_t2d.schema import Definitions, Field

MOST = 20_000
"""So many findings stand on the page at most, shared among the rules; the others are counted."""


@dataclass(frozen=True)
class Line:
    """One finding: ``number`` is its place on the page, ``extra`` what its hint says beyond that of the rule.

    ``note`` says by whom and why it was accepted; ``known``: an earlier submission had it open too.
    """

    number: int
    site: str
    patient: str
    key: str
    message: str
    place: str
    extra: str
    accepted: bool
    note: str
    known: bool


@dataclass
class Part:
    """Findings of one rule on one variable."""

    table: str
    field: str
    anchor: str
    expected: str
    lines: list[Line] = each(default_factory=list)


@dataclass
class RuleGroup:
    """Findings of one rule. ``withheld`` could tell the arm, ``not_listed`` are beyond a limit; both are counted."""

    code: str
    severity: str
    expected: str
    why: str
    hint: str
    source: str
    basis: str
    parts: list[Part] = each(default_factory=list)
    listed: int = 0
    accepted: int = 0
    withheld: int = 0
    not_listed: int = 0

    @property
    def count(self) -> int:
        """All findings of the rule."""
        return self.listed + self.withheld + self.not_listed


@dataclass
class Findings:
    """Everything of the section of findings; ``shown`` are the findings as they may be shown."""

    groups: list[RuleGroup]
    sites: dict[str, str]
    tables: list[str]
    patients: list[str]
    shown: list[Finding]
    by_table: Counter[tuple[str, str]]

    @property
    def listed(self) -> int:
        """Findings on the page."""
        return sum(group.listed for group in self.groups)

    @property
    def only_counted(self) -> int:
        """Findings that are not on the page."""
        return sum(group.count - group.listed for group in self.groups)

    @property
    def accepted(self) -> int:
        """Findings on the page that somebody accepted."""
        return sum(group.accepted for group in self.groups)


def grouped(submission: Submission, disclosure: Disclosure, most: int = MOST) -> Findings:
    """The findings by rule: errors first, then by code."""
    definitions = submission.definitions
    groups: dict[str, RuleGroup] = {}
    entries: dict[str, list[Finding]] = {}
    for kept in submission.findings:
        entries.setdefault(kept.code, []).append(kept)
    severities = {code: found[0].severity for code, found in entries.items()}
    not_listed = submission.summary.get("not_listed") or {}
    for code in not_listed:
        rule = definitions.rules.get(code)
        severities.setdefault(str(code), rule.severity if rule else "warning")
    order = sorted(severities, key=lambda code: (severities[code] != "error", code))
    allowed = _shares({code: len(entries.get(code, [])) for code in order}, most)
    sites = Sites(submission)
    shown: list[Finding] = []
    by_table: Counter[tuple[str, str]] = Counter()
    number = 0
    for code in order:
        group = groups[code] = _group(code, severities[code], definitions)
        group.not_listed = int(not_listed.get(code, 0))
        parts: dict[tuple[str, str, str], Part] = {}
        for kept in entries.get(code, []):
            by_table[kept.table or "", kept.severity] += 1
            finding = disclosure.finding(kept)
            if finding is None:
                group.withheld += 1
                continue
            shown.append(finding)
            if group.listed == allowed[code]:
                group.not_listed += 1
                continue
            number += 1
            group.listed += 1
            group.accepted += kept.status == "accepted"
            where = finding.table or "", finding.field or "", finding.expected
            if where not in parts:
                parts[where] = _part(finding, definitions)
            # the site of a pseudonym is known too, but what the key names can only be read before it is replaced
            site = sites.site(kept)
            table = definitions.tables.get(finding.table or "")
            fields = table.fields if table else {}
            parts[where].lines.append(_line(number, finding, group, site, sites.patient(finding), fields))
        group.parts = list(parts.values())
        if len(group.parts) == 1 or not group.expected:
            group.expected = group.parts[0].expected if len(group.parts) == 1 else ""
    lines = [(part, line) for group in groups.values() for part in group.parts for line in part.lines]
    known = {line.site for _, line in lines if line.site}
    in_order = {name: place for place, name in enumerate(definitions.trial.tables)}
    return Findings(
        groups=list(groups.values()),
        sites={id: words for id, words in sites.words.items() if id in known},
        tables=sorted({part.table for part, _ in lines if part.table}, key=lambda name: in_order.get(name, -1)),
        patients=sorted({line.patient for _, line in lines if line.patient}),
        shown=shown,
        by_table=by_table,
    )


def _shares(counts: dict[str, int], most: int) -> dict[str, int]:
    """How many findings of each rule fit: rules with few keep all of theirs, the others share what is left."""
    left, shares = most, {}
    for place, code in enumerate(sorted(counts, key=lambda code: counts[code])):
        shares[code] = min(counts[code], left // (len(counts) - place))
        left -= shares[code]
    return shares


def _group(code: str, severity: str, definitions: Definitions) -> RuleGroup:
    rule = definitions.rules.get(code)
    if rule is None:
        return RuleGroup(code, severity, "", "", "", "", "")
    placeholder = "{" in rule.expected
    return RuleGroup(code, severity, "" if placeholder else rule.expected, rule.why, rule.hint, rule.source, rule.basis)


def _part(finding: Finding, definitions: Definitions) -> Part:
    table = definitions.tables.get(finding.table or "")
    known = table is not None and finding.field in table.fields
    anchor = variable_anchor(finding.table or "", finding.field or "") if known else ""
    return Part(visible(finding.table or ""), visible(finding.field or ""), anchor, visible(finding.expected))


def variable_anchor(table: str, field: str) -> str:
    """Where the words of a variable stand."""
    return f"variable-{table}-{field}"


def _line(
    number: int,
    finding: Finding,
    group: RuleGroup,
    site: str | None,
    patient: str | None,
    fields: Mapping[str, Field],
) -> Line:
    hint = finding.hint
    extra = hint.removesuffix(group.hint).strip() if group.hint else hint
    return Line(
        number=number,
        site=site or "",
        patient=visible(patient or "", 80),
        key=_key(finding, patient, fields),
        message=visible(finding.message),
        place=visible(str(finding.location)),
        extra=visible(extra),
        accepted=finding.status == "accepted",
        note=visible(str(finding.acceptance or "accepted")) if finding.status == "accepted" else "",
        known=finding.known,
    )


def _key(finding: Finding, patient: str | None, fields: Mapping[str, Field]) -> str:
    """The parts of the key beside the patient; codes speak for themselves, numbers and dates need their field."""
    parts = []
    for name, text in finding.key.items():
        field = fields.get(name)
        if text and text != patient:
            shown = visible(text, 80)
            parts.append(shown if field is None or field.codelist else f"{visible(name, 80)} {shown}")
    return " · ".join(parts)
