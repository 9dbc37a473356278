"""Dates and times in the layouts of a site."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence

_TOKEN = re.compile(r"d+|m+|y+|h+|s+|.")


def moment_text(canonical: str, layouts: Sequence[str], two_digit_years_from: int | None) -> str:
    """A canonical date or date time in the first of the layouts that says all of it, else as it is (ISO 8601)."""
    moment = dt.datetime.fromisoformat(canonical)
    is_date = len(canonical) == len("2004-01-31")
    for layout in layouts:
        parts = list(_parts(layout))
        kinds = {kind for kind, _ in parts}
        if not {"day", "month", "year"} <= kinds or is_date == ("hour" in kinds):
            continue
        if not is_date and ("minute" not in kinds or ("second" not in kinds and moment.second)):
            continue
        if ("year", 2) in [(kind, len(text)) for kind, text in parts]:
            first = two_digit_years_from
            if first is None or not first <= moment.year < first + 100:
                continue
        return "".join(_written(kind, text, moment) for kind, text in parts)
    return canonical


def _parts(layout: str) -> Iterator[tuple[str, str]]:
    """Kind and text of each part of a layout; ``m`` after the hour stands for minutes."""
    has_hour = False
    for match in _TOKEN.finditer(layout):
        text = match[0]
        kinds = {"d": "day", "y": "year", "h": "hour", "s": "second", "m": "minute" if has_hour else "month"}
        kind = kinds.get(text[0], "mark")
        has_hour |= kind == "hour"
        yield kind, text


def _written(kind: str, text: str, moment: dt.datetime) -> str:
    if kind == "mark":
        return text
    number = int(getattr(moment, kind))
    if kind == "year" and len(text) == 2:
        number %= 100
    return str(number).zfill(len(text))
