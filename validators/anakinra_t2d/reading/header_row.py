"""Finds the row of a table that names its columns, and the unit that a column name states."""

from __future__ import annotations

from collections.abc import Sequence

LOOKED_AT = 50
"""Rows among which a header is looked for."""
_FEWEST = 2
_CLOSED_BY = {")": "(", "]": "["}


def find_header(rows: Sequence[Sequence[str | None]], known: frozenset[str]) -> int:
    """Index in ``rows`` of the header: the first row with most ``known`` names (in lower case), at least two.

    A name counts with its unit or without, and once. When no row has two, the first row that is not blank; 0 when all
    are blank.
    """
    hits = [len(known_names(row, known)) for row in rows]
    most = max(hits, default=0)
    if most >= _FEWEST:
        return hits.index(most)
    return next((place for place, row in enumerate(rows) if not is_blank(row)), 0)


def known_names(row: Sequence[str | None], known: frozenset[str]) -> set[str]:
    """The known names (in lower case) that a row holds, with their unit or without."""
    found: set[str] = set()
    for cell in row:
        if not cell:
            continue
        whole = cell.strip().lower()
        if whole in known:
            found.add(whole)
        elif "," in whole or whole[-1:] in _CLOSED_BY:
            found |= {name_and_unit(cell)[0].lower()} & known
    return found


def is_blank(row: Sequence[str | None]) -> bool:
    """Whether no cell of a row holds anything but spaces."""
    return not any(cell and not cell.isspace() for cell in row)


def name_and_unit(header: str) -> tuple[str, str | None]:
    """Name and unit of a column: ``HbA1c (%)``, ``CRP [mg/L]`` or ``Glucose, mmol/L``.

    Only brackets at the end or a comma and a space separate them; otherwise the unit is None. Whether the unit is one
    is not looked at.
    """
    text = header.strip()
    start = _bracket(text)
    if start is not None and not _is_in_unit(text, start):
        name, unit = text[:start], text[start + 1 : -1]
    else:
        name, comma, unit = text.rpartition(",")
        if not comma or not unit[:1].isspace():
            return text, None
    name, unit = name.strip(), unit.strip()
    return (name, unit) if name and unit else (text, None)


def _is_in_unit(text: str, start: int) -> bool:
    """Whether a bracket at the end is part of the unit: ``Albumin, mg/(24.h)``, ``Weight, [lb_av]``, ``RR, mm[Hg]``."""
    before = text[:start]
    is_joined = text[start] == "[" and bool(before) and not before[-1].isspace() and ", " in before
    return before.endswith("/") or before.rstrip().endswith(",") or is_joined


def _bracket(text: str) -> int | None:
    """Where the bracket opens that the last character closes, as in ``Insulin (m[iU]/L)``; None when it closes none."""
    opening = _CLOSED_BY.get(text[-1:])
    if opening is None:
        return None
    depth = 0
    for place in range(len(text) - 1, -1, -1):
        depth += (text[place] == text[-1]) - (text[place] == opening)
        if depth == 0:
            return place
    return None
