"""The words of a finding: templates of a rule filled from a record, values that identify a person left out."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from anakinra_t2d.finding import Finding, Location, fingerprint, printable
from anakinra_t2d.schema import Definitions, Field, Rule
from anakinra_t2d.schema.rules import BuiltinRule

HIDDEN = "[hidden]"
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_LONGEST = 80
_LONGEST_VALUE = 1000
DEFINITION_WORDS = frozenset(
    "low high unit terms pattern condition place planned fields times parent column suggestion header found other"
    " table problem rest reading expected".split()
)
"""Placeholders that built-in rules fill from the definitions or the form of a file, and other rules from records."""
FROM_CELLS = frozenset({"other", "reading"})
"""Those of them that repeat a cell where the finding is about a record."""
PSEUDONYM_KEY = "ANAKINRA_T2D_PSEUDONYM_KEY"
"""Environment variable with a secret; without it a pseudonym can be found by trying all subject numbers."""


class Wording:
    """Turns a violated rule and the values of its record into a finding."""

    def __init__(self, definitions: Definitions, *, show_values: bool = True) -> None:
        self.definitions = definitions
        self.show_values = show_values
        self._fields = {name for table in definitions.tables.values() for name in table.fields}
        self._direct = {
            field.name for table in definitions.tables.values() for field in table.fields.values() if is_direct(field)
        }
        patterns = definitions.trial.identity_patterns
        self._identity = re.compile("|".join(f"(?:{p.pattern})" for p in patterns)) if patterns else None

    def finding(
        self,
        rule: Rule,
        *,
        table: str | None = None,
        key: Mapping[str, str] | None = None,
        field: str | None = None,
        fields: Sequence[str] = (),
        value: object = None,
        values: Mapping[str, object] | None = None,
        location: Location | None = None,
        reading: str | None = None,
    ) -> Finding:
        """Build the finding; ``values`` fill the placeholders of the rule's words, ``value`` is that of ``field``.

        ``reading`` is a sentence on what an implausible value may have meant; it stands before the rule's hint.
        """
        shown_key = {name: self._key_part(table, name, text) for name, text in (key or {}).items()}
        hide = rule.hide_value or field in self._direct or not self.show_values
        raw = None if value is None else plain(value)
        shown = None if raw is None else HIDDEN if hide else self.safe(raw)
        is_record = bool(key)
        filled = {
            name: self._fill(rule, name, text, is_record=is_record, names_person=field in self._direct)
            for name, text in (values or {}).items()
        }
        if raw is not None:
            filled["value"] = HIDDEN if hide else _short(self.safe(raw))
        expected = _PLACEHOLDER.sub(lambda m: filled.get(m[1], m[0]), rule.expected)
        message = _PLACEHOLDER.sub(lambda m: filled.get(m[1], m[0]), rule.message)
        return Finding(
            code=rule.code,
            severity=rule.severity,
            table=table,
            key=shown_key,
            field=field,
            value=shown,
            fields=tuple(fields) or ((field,) if field else ()),
            expected=expected,
            message=message,
            hint=f"{reading} {rule.hint}" if reading and not hide else rule.hint,
            location=self._safe_place(location or Location()),
            fingerprint=fingerprint(rule.code, table, key or {}, field, None if hide else raw),
        )

    def _key_part(self, table: str | None, name: str, text: str) -> str:
        if self.show_values or table is None:
            return self.safe(text)
        field = self.definitions.tables[table].fields.get(name)
        if field is None or (field.identifying == "none" and is_code(self.definitions, field, text)):
            return self.safe(text)
        return pseudonym(text)

    def safe(self, text: str) -> str:
        """The text, or a stand-in when it looks like a personal number, an address or a telephone number."""
        # a cell can hold a megabyte, in which a search takes hours and which nobody reads
        if self._identity is not None and self._identity.search(text[: _LONGEST_VALUE + _LONGEST]):
            return HIDDEN
        if len(text) > _LONGEST_VALUE:
            text = f"{text[:_LONGEST_VALUE]}… ({len(text):,} characters)"
        return printable(text)

    def _safe_place(self, place: Location) -> Location:
        """A place whose column or sheet is named after a person by mistake, as where the header is missing."""
        column, sheet = place.column, place.sheet
        if column is not None and self.safe(column) == HIDDEN:
            place = replace(place, column=HIDDEN)
        return replace(place, sheet=HIDDEN) if sheet is not None and self.safe(sheet) == HIDDEN else place

    def _fill(self, rule: Rule, name: str, value: object, *, is_record: bool, names_person: bool) -> str:
        # words such as limits and codes come from the definitions, everything else from the record
        from_definitions = isinstance(rule, BuiltinRule) and name in DEFINITION_WORDS
        from_record = not from_definitions or (is_record and name in FROM_CELLS)
        if value is not None and (name in self._direct or (from_record and (names_person or not self.show_values))):
            # a reading is a part of a sentence, which is whole without it
            return "" if from_definitions and name == "reading" else HIDDEN
        if value is None:
            return "empty"
        return self.safe(plain(value)) if from_definitions else _short(self.safe(plain(value)))


def pseudonym(text: str) -> str:
    """A stand-in for a key that is the same in every run with the same secret in the environment."""
    if not text:
        return ""
    secret = os.environ.get(PSEUDONYM_KEY, "")
    made = hmac.new(secret.encode(), text.encode(), "sha256") if secret else hashlib.sha256(text.encode())
    return "P-" + made.hexdigest()[:8]


def count(number: int, noun: str) -> str:
    """``1 error``, ``2,000 errors``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def is_code(definitions: Definitions, field: Field, text: str) -> bool:
    """Whether a key part is a word of the definitions or a small number, and not a text typed in its place."""
    terms = definitions.terms(field)
    return not text or (text in terms if terms is not None else re.fullmatch(r"-?[0-9]{1,3}", text) is not None)


def is_direct(field: Field) -> bool:
    """Whether the field identifies a person by itself, so that no value of it is ever shown."""
    return field.identifying == "direct"


def plain(value: object) -> str:
    """A value as people write it: whole floats without decimals, dates as ISO text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value)


def _short(text: str) -> str:
    text = " ".join(text.split()) or "''"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
