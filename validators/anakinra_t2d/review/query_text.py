"""The words of a query: what a site may read of a finding, as text that no spreadsheet takes for a formula."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from anakinra_t2d.finding import Finding, printable
from anakinra_t2d.schema import Definitions
from anakinra_t2d.schema.rules import AcrossRule
from anakinra_t2d.wording import HIDDEN, Wording

COLUMNS = {
    "No.": 5,
    "Rule": 11,
    "Severity": 9,
    "Table": 15,
    "Record": 21,
    "Field": 19,
    "What is expected": 29,
    "What was found": 29,
    "Where": 18,
    "What to do": 29,
    "Answer": 14,
    "Comment": 25,
    "Who": 11,
    "Date": 11,
    "Fingerprint": 20,
}
"""Headings of the sheet of queries and their widths; the last column is hidden."""

CORRECTED, CONFIRMED, NOT_AVAILABLE = ANSWERS = ("corrected", "confirmed", "not available")
_LONGEST = 2000
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
_PLACEHOLDER = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}")
_REVEALING = "not shown here, because it can tell the treatment; look it up at this place"


def cell_text(text: str) -> str:
    """Text for a cell: nothing unseen in it, not too long, and never the beginning of a formula."""
    text = printable(text)
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1] + "…"
    return f"'{text}" if text.startswith(_FORMULA) else text


@dataclass(frozen=True)
class Query:
    """One finding as a site reads it: the text of each column of ``COLUMNS`` up to the answer."""

    cells: Mapping[str, str]
    fingerprint: str
    acceptable: bool


class QueryText:
    """Turns findings into queries that show neither what identifies a person nor what tells the arm."""

    def __init__(self, found: Definitions) -> None:
        self.found = found
        self._safe = Wording(found).safe
        self._restricted = {name for name, table in found.tables.items() if table.restricted}
        words = "|".join(sorted(self._restricted))
        self._reads = re.compile(rf"\b(?:{words})\b") if words else None

    def is_restricted(self, finding: Finding) -> bool:
        """Whether a finding is about a restricted table, or its rule reads one."""
        if finding.table in self._restricted:
            return True
        rule = self.found.rules[finding.code]
        if not isinstance(rule, AcrossRule):
            return any(str(value).split("=")[0] in self._restricted for value in finding.key.values())
        in_key = any(value in self._restricted for value in finding.key.values())
        return in_key or (self._reads is not None and bool(self._reads.search(rule.records)))

    def query(self, finding: Finding) -> Query:
        """The query of a finding; the number of the row is left to the sheet."""
        rule, table = self.found.rules[finding.code], self.found.tables.get(finding.table or "")
        field = table.fields.get(finding.field or "") if table else None
        expected, found, hint = finding.expected, finding.message, finding.hint
        if self._reveals(finding):
            # the words of the rule without what was filled in from the record
            found, hint = _REVEALING, rule.hint
            expected = _PLACEHOLDER.sub("…", rule.expected) if isinstance(rule, AcrossRule) else finding.expected
        elif self._identifies(finding):
            found = HIDDEN
        cells = {
            "Rule": finding.code,
            "Severity": finding.severity,
            "Table": f"{table.title} ({table.name})" if table else "",
            "Record": record_text(finding),
            "Field": f"{field.label} ({field.name})" if field else finding.field or "",
            "What is expected": expected,
            "What was found": found,
            "Where": str(finding.location),
            "What to do": hint,
        }
        safe = {name: cell_text(self._safe(text)) for name, text in cells.items()}
        return Query(safe, finding.fingerprint, rule.acceptable)

    def _reveals(self, finding: Finding) -> bool:
        if self.is_restricted(finding):
            return True
        rule = self.found.rules[finding.code]
        read = [(finding.table or "", name) for name in (finding.field or "", *finding.fields)]
        if isinstance(rule, AcrossRule):
            read += [(table, name) for table, _, name in (entry.partition(".") for entry in rule.fields)]
        for name, field_name in read:
            table = self.found.tables.get(name)
            field = table.fields.get(field_name) if table else None
            if field is not None and field.blinding == "revealing":
                return True
        return False

    def _identifies(self, finding: Finding) -> bool:
        table = self.found.tables.get(finding.table or "")
        field = table.fields.get(finding.field or "") if table else None
        return field is not None and field.identifying == "direct" and finding.value not in (None, HIDDEN)


def record_text(finding: Finding) -> str:
    """The key of a record as people read it."""
    return ", ".join(f"{name} {text}" for name, text in finding.key.items())
