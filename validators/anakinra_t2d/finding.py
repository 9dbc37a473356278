"""A finding: one place where the data do not hold what the schema says."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal

Severity = Literal["error", "warning"]
Status = Literal["open", "accepted"]


_COMMANDING = frozenset(("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"))
"""Categories of characters that show nothing: control, direction and format marks, line ends, and no characters."""
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str) -> str:
    """Text with every character spelled out that shows nothing and may command a terminal, hide or turn other text."""
    return text if text.isprintable() else "".join(map(_shown, text))


@cache
def _shown(char: str) -> str:
    if unicodedata.category(char) not in _COMMANDING:
        return char
    number = ord(char)
    spelled = f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
    return _NAMED.get(char, spelled)


@dataclass(frozen=True, slots=True)
class Location:
    """Where a finding was read: file as the user named it, sheet, line or sheet row from 1, column header."""

    file: str | None = None
    sheet: str | None = None
    row: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        parts = [part for part in (self.file, self.sheet) if part]
        if self.row is not None:
            parts.append(f"row {self.row}")
        if self.column is not None:
            parts.append(f"column {self.column}")
        return printable(", ".join(parts))


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Why a finding may stay: ``when`` and ``until`` are ISO dates, ``until`` None where there is no end."""

    reason: str
    who: str
    when: str
    until: str | None = None

    def __str__(self) -> str:
        end = f", until {self.until}" if self.until else ""
        return printable(f"accepted by {self.who} on {self.when}{end}: {self.reason}")


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding, the same from the reader to the report.

    ``field`` is the one to look at first, ``fields`` all that the rule reads. ``value`` is what was found in
    ``field``; it is None where a value must not be shown. ``fingerprint`` stays the same between submissions as
    long as code, table, key, field and value do. ``acceptance`` says who accepted an accepted finding. ``known`` is
    True when an earlier submission that this one is held against had the finding open.
    """

    code: str
    severity: Severity
    table: str | None
    key: Mapping[str, str]
    field: str | None
    value: str | None
    fields: tuple[str, ...]
    expected: str
    message: str
    hint: str
    location: Location
    fingerprint: str
    status: Status = "open"
    acceptance: Acceptance | None = None
    known: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "code": self.code,
            "severity": self.severity,
            "table": self.table,
            "key": dict(self.key),
            "field": self.field,
            "value": self.value,
            "fields": list(self.fields),
            "expected": self.expected,
            "message": self.message,
            "hint": self.hint,
            "location": asdict(self.location),
            "fingerprint": self.fingerprint,
            "status": self.status,
            "acceptance": asdict(self.acceptance) if self.acceptance else None,
            "known": self.known,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Finding:
        """The finding that ``as_dict`` wrote; documents of before there were accepted findings have it open.

        Raises:
            KeyError, TypeError, ValueError: ``data`` is something else.
        """
        if data["severity"] not in ("error", "warning") or data.get("status", "open") not in ("open", "accepted"):
            raise ValueError("not a finding")
        acceptance = data.get("acceptance")
        parts = {name: data[name] for name in _PLAIN}
        if not all(isinstance(text, str) for text in (*parts.values(), *data["key"].values())):
            raise TypeError("not a finding")
        return cls(
            **parts,
            table=data["table"],
            key=dict(data["key"]),
            field=data["field"],
            value=data["value"],
            fields=tuple(data["fields"]),
            location=Location(**data["location"]),
            status=data.get("status", "open"),
            acceptance=Acceptance(**acceptance) if acceptance else None,
            known=bool(data.get("known", False)),
        )


_PLAIN = ("code", "severity", "expected", "message", "hint", "fingerprint")


def fingerprint(code: str, table: str | None, key: Mapping[str, str], field: str | None, value: str | None) -> str:
    """First 16 hexadecimal digits of the SHA-256 over what identifies a finding between submissions."""
    parts = [code, table or "", *(f"{name}={text}" for name, text in key.items()), field or "", value or ""]
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def record_key(key: Mapping[str, str]) -> str:
    """A record's key as one text: ``subject_id=DK01-001|visit=baseline``."""
    return "|".join(f"{name}={value}" for name, value in key.items())
