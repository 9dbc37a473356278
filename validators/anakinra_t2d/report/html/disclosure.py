"""What a report may show: nothing that tells the arm unless it is made for the unblinded, no values when asked."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from anakinra_t2d.schema.rules import AcrossRule, BuiltinRule
from anakinra_t2d.schema.sql import columns_read
from anakinra_t2d.wording import DEFINITION_WORDS, FROM_CELLS, HIDDEN, is_code, is_direct, pseudonym

if TYPE_CHECKING:
    from anakinra_t2d.finding import Finding
    from anakinra_t2d.schema import Definitions, Field, Rule, Table

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True)
class Disclosure:
    """``unblinded``: the reader may know the arms. ``show_values``: False leaves out every value of the data."""

    definitions: Definitions
    unblinded: bool = False
    show_values: bool = True

    def table(self, table: Table) -> bool:
        """Whether records of the table may be counted by patient or shown."""
        return self.unblinded or not table.restricted

    def values(self, table: Table, field: Field) -> bool:
        """Whether values of the field may be shown."""
        if not self.show_values or is_direct(field) or not self.table(table):
            return False
        return self.unblinded or field.blinding == "open"

    def counts(self, table: Table, field: Field) -> bool:
        """Whether it may be shown how many records have a value of the field, of those that need one.

        That somebody has a result tells nothing; that somebody needs one can, where it follows from a result that can
        tell the arm.
        """
        if self.unblinded:
            return True
        conditions = [text for text in (field.required_when, field.planned.when) if text]
        read = set().union(*map(columns_read, conditions))
        return not table.restricted and not any(name in table.fields and _revealing(table, name) for name in read)

    def finding(self, finding: Finding) -> Finding | None:
        """The finding as it may be shown; None when it may only be counted.

        In a blinded report that is so for each rule that reads a restricted table, since to break it can tell the arm,
        and for a rule of the trial on a field that can tell it. What every table is checked for (codes, required
        values) keeps its place on such a field, without the value.
        """
        rule = self.definitions.rules.get(finding.code)
        if not self.unblinded and self._tells(finding, rule):
            return None
        table = self.definitions.tables.get(finding.table or "")
        field = table.fields.get(finding.field or "") if table else None
        if not self.show_values or (table is not None and field is not None and not self.values(table, field)):
            finding = self._without_values(finding, rule)
        return finding if self.show_values else replace(finding, key=self._pseudonyms(finding))

    def _tells(self, finding: Finding, rule: Rule | None) -> bool:
        if finding.table is not None and finding.table in self.definitions.tables:
            table = self.definitions.tables[finding.table]
            if table.restricted:
                return True
            own = isinstance(rule, BuiltinRule)
            if not own and any(name in table.fields and _revealing(table, name) for name in finding.fields):
                return True
        return isinstance(rule, AcrossRule) and _reads_restricted(self.definitions, rule)

    def _without_values(self, finding: Finding, rule: Rule | None) -> Finding:
        if rule is None:
            return replace(finding, value=None, expected=HIDDEN, message=HIDDEN, hint=HIDDEN)
        return replace(
            finding,
            value=None if finding.value is None else HIDDEN,
            expected=_neutral(finding.expected, rule.expected, rule),
            message=_neutral(finding.message, rule.message, rule),
            hint=rule.hint,
        )

    def _pseudonyms(self, finding: Finding) -> dict[str, str]:
        table = self.definitions.tables.get(finding.table or "")
        fields = table.fields if table else {}
        return {
            name: text if name not in fields or self._is_open(fields[name], text) else pseudonym(text)
            for name, text in finding.key.items()
        }

    def _is_open(self, field: Field, text: str) -> bool:
        """Whether a key part may be shown: a pseudonym already, or a code that identifies nobody."""
        made = re.fullmatch(r"P-[0-9a-f]{8}", text) is not None
        return made or (field.identifying == "none" and is_code(self.definitions, field, text))


def _neutral(filled: str, template: str, rule: Rule) -> str:
    """The text of a finding when no value of a record is in it, else that of the rule with all values left out."""
    named = set(_PLACEHOLDER.findall(template))
    # in other rules the same words are filled from records
    if not named or (isinstance(rule, BuiltinRule) and named <= DEFINITION_WORDS - FROM_CELLS):
        return filled
    return _PLACEHOLDER.sub(HIDDEN, template)


def _revealing(table: Table, field: str) -> bool:
    return table.fields[field].blinding == "revealing"


@cache
def _restricted_name(names: frozenset[str]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})\b")


def _reads_restricted(definitions: Definitions, rule: AcrossRule) -> bool:
    names = frozenset(table.name for table in definitions.tables.values() if table.restricted)
    if not names:
        return False
    for place in rule.fields:
        table, _, field = place.partition(".")
        if table in definitions.tables and field in definitions.tables[table].fields:
            known = definitions.tables[table]
            if known.restricted or _revealing(known, field):
                return True
    return _restricted_name(names).search(rule.records) is not None
