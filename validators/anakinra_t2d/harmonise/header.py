"""Which columns of a file are which fields of a table."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from anakinra_t2d.schema import Table


@dataclass(frozen=True)
class HeaderProblem:
    """A column that is missing, unknown or doubled; ``details`` fill the words of the rule ``code``."""

    code: str
    column: str
    details: dict[str, str]


@dataclass(frozen=True)
class Header:
    """``fields`` are the fields of the table that the file has; ``problems`` the columns that do not fit."""

    fields: tuple[str, ...]
    missing: tuple[str, ...]
    problems: tuple[HeaderProblem, ...]


def match_header(header: Sequence[str], table: Table) -> Header:
    """Match the column names of a file with the fields of ``table`` by exact spelling.

    Nothing is guessed: a near name is a problem whose words suggest the field. Doubled names are not read.
    """
    problems: list[HeaderProblem] = []
    counts = Counter(header)
    doubled = {name for name, times in counts.items() if times > 1}
    for name in dict.fromkeys(header):
        if name in doubled:
            problems.append(HeaderProblem("HEAD-004", name, {"column": name, "times": str(counts[name])}))
        elif name not in table.fields:
            near = _nearest(name, [field for field in table.fields if field not in counts])
            suggestion = f" (did you mean {near}?)" if near else ""
            shown = name or "without a name"
            problems.append(HeaderProblem("HEAD-003", name, {"column": shown, "suggestion": suggestion}))
    found = tuple(name for name in table.fields if name in counts and name not in doubled)
    missing = tuple(name for name in table.fields if name not in counts)
    for name in missing:
        code = "HEAD-002" if table.fields[name].required in ("optional", "elsewhere") else "HEAD-001"
        problems.append(HeaderProblem(code, name, {"column": name}))
    return Header(found, missing + tuple(name for name in table.fields if name in doubled), tuple(problems))


def _nearest(name: str, names: list[str]) -> str | None:
    folded = {candidate.lower(): candidate for candidate in names}
    return next((folded[near] for near in difflib.get_close_matches(name.strip().lower(), list(folded), n=1)), None)
