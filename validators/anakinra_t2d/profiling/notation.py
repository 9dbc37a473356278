"""How numbers and dates are written in a column, as far as its cells prove it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

MISSING_WORDS = frozenset(("na", "n/a", "n.a.", "#n/a", "nan", "null", ".", "-", "--", "?", "*"))
"""Texts that stand for an empty cell in many files, in lower case."""
MARKS = ("'", "’", " ", ".", ",")
"""Marks that can stand between groups of three digits."""

_CENSORED = re.compile(r"^(<=?|>=?|≤|≥)\s*(?=[\d.,])")
_PLAIN = re.compile(r"^[+-]?\d+$")
_DECIMAL = re.compile(r"^[+-]?(\d*)([.,])(\d+)(?:[eE][+-]?\d+)?$")
_GROUPED = re.compile(r"^[+-]?\d{1,3}(?:(['’ .,\u00a0\u202f])\d{3})(?:\1\d{3})*(?:([.,])\d+)?$")
_TWO = re.compile(r"^\s*(\d+(?:[.,]\d+)?)\s*([/|;])\s*(\d+(?:[.,]\d+)?)\s*$")
_DATE = re.compile(r"^(\d{1,4})([-./ ])(\d{1,2})\2(\d{1,4})(?:([T ])(\d{1,2})([:.])(\d{2})(?:\7(\d{2}))?)?$")
_MONTHS, _DAYS, _GROUP = 12, 31, 3


@dataclass(frozen=True)
class NumberMarks:
    """The marks that the cells of a column prove; ``decimal`` is None when no cell proves one.

    ``is_mixed``: both marks are used as decimal marks. ``doubtful`` cells such as ``1.256`` are read in two ways.
    """

    decimal: str | None = None
    thousands: frozenset[str] = frozenset()
    is_mixed: bool = False
    doubtful: int = 0


def is_number(text: str) -> bool:
    """Whether a text is a number in some notation, perhaps below or above a limit."""
    bare = _CENSORED.sub("", text)
    return bool(_PLAIN.match(bare) or _DECIMAL.match(bare) or _GROUPED.match(bare))


def number_marks(texts: Iterable[str]) -> NumberMarks:
    """What the numbers among ``texts`` prove about the decimal mark and the marks between thousands."""
    decimals: set[str] = set()
    thousands: set[str] = set()
    doubtful = 0
    for text in texts:
        bare = _CENSORED.sub("", text)
        grouped, decimal = _GROUPED.match(bare), _DECIMAL.match(bare)
        if grouped and not decimal:
            thousands.add(_usual(grouped[1]))
            if grouped[2]:
                decimals.add(grouped[2])
        elif grouped and decimal and decimal[1].lstrip("0"):
            doubtful += 1
        elif decimal:
            decimals.add(decimal[2])
    only = next(iter(decimals)) if len(decimals) == 1 else None
    return NumberMarks(only, frozenset(thousands), len(decimals) > 1, doubtful)


def read_number(text: str, decimal: str) -> float | None:
    """The number of a text with this decimal mark; limits count as the number, None when it is none."""
    if not is_number(text):
        return None
    bare = _CENSORED.sub("", text)
    marks = {mark for mark in MARKS if mark not in ".,"} | {"\u00a0", "\u202f"}
    if decimal == "," or (_GROUPED.match(bare) and "," in bare):
        marks.add("." if decimal == "," else ",")
    for mark in marks:
        bare = bare.replace(mark, "")
    try:
        return float(bare.replace(decimal, "."))
    except ValueError:
        return None


def two_parts(texts: Mapping[str, int]) -> str | None:
    """The separator of two numbers in a cell, when most cells hold two: ``145/83``."""
    found: dict[str, int] = {}
    for text, times in texts.items():
        if match := _TWO.match(text):
            found[match[2]] = found.get(match[2], 0) + times
    separator = max(found, key=lambda mark: found[mark], default=None)
    return separator if separator and found[separator] >= 0.8 * sum(texts.values()) else None


def _usual(mark: str) -> str:
    return " " if mark in "\u00a0\u202f" else mark


@dataclass
class DateShape:
    """Dates of one shape: what stands between the parts, and where the year stands."""

    separator: str
    year: str
    time: str
    count: int = 0
    is_padded: bool = True
    orders: set[str] = field(default_factory=set)

    def layout(self, order: str) -> str:
        """The layout for day first (``dm``) or month first (``md``)."""
        letters = {"d": "dd", "m": "mm"} if self.is_padded else {"d": "d", "m": "m"}
        two = [letters[part] for part in order]
        if self.year.startswith("first"):
            return self.separator.join(["yyyy", *reversed(two)] if order == "dm" else ["yyyy", *two]) + self.time
        return self.separator.join([*two, "yy" if self.year.endswith("2") else "yyyy"]) + self.time


@dataclass(frozen=True)
class Dates:
    """The dates of a column: the share of cells that are dates, whether some are ISO 8601, and the other shapes."""

    share: float
    is_iso: bool
    has_time: bool
    shapes: tuple[DateShape, ...]
    years: tuple[int, int] | None = None


def dates(texts: Mapping[str, int]) -> Dates:
    """What the dates among ``texts`` (with how often each stands) prove about their layout."""
    shapes: dict[tuple[str, str, str], DateShape] = {}
    hits, iso, timed = 0, False, False
    years: list[int] = []
    for text, times in texts.items():
        match = _DATE.match(text)
        if match is None:
            continue
        first, second, third = int(match[1]), int(match[3]), int(match[4])
        time = f"{match[5]}hh{match[7]}mm" + (f"{match[7]}ss" if match[9] else "") if match[5] else ""
        if len(match[1]) == 4 and len(match[4]) <= 2:
            if not (1 <= second <= _MONTHS and 1 <= third <= _DAYS):
                continue
            hits += times
            years.append(first)
            if match[2] == "-" and (not time or match[7] == ":"):
                iso, timed = True, timed or bool(time)
                continue
            year, orders = "first4", {"md"}
        elif len(match[1]) <= 2 and len(match[4]) in (2, 4) and 1 <= first <= _DAYS and 1 <= second <= _DAYS:
            if first > _MONTHS and second > _MONTHS:
                continue
            hits, year = hits + times, f"last{len(match[4])}"
            years.append(third)
            orders = {"dm"} if first > _MONTHS else {"md"} if second > _MONTHS else set()
        else:
            continue
        timed = timed or bool(time)
        shape = shapes.setdefault((match[2], year, time), DateShape(match[2], year, time))
        shape.count += times
        shape.orders |= orders
        day_month = (match[3], match[4]) if year == "first4" else (match[1], match[3])
        shape.is_padded &= all(len(part) == 2 for part in day_month)
    total = sum(texts.values())
    span = (min(years), max(years)) if years else None
    return Dates(hits / total if total else 0.0, iso, timed, tuple(shapes.values()), span)
