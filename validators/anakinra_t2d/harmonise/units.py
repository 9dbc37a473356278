"""Unit texts of site files: which UCUM unit is meant, and whether its values may be converted."""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache

from anakinra_t2d.harmonise.notation import Notation, bare
from anakinra_t2d.harmonise.numbers import plain
from anakinra_t2d.schema import Definitions, Field
from anakinra_t2d.schema.quantities import Conversion, Quantity, Spelling

_LONGEST = 40
_NO_UNIT = "1"
_ORDER = {"yes": 0, "ask": 1, "no": 2}


@dataclass(frozen=True)
class UnitReading:
    """What a unit text says.

    ``unit`` is the UCUM unit, when known; ``conversion`` leads to the canonical unit, None when it is canonical
    already. ``code`` (UNIT-001, UNIT-002 or UNIT-003) is set when the values must not be taken; ``details`` fill the
    words of that rule.
    """

    unit: str | None
    conversion: Conversion | None = None
    code: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)


def read_unit(text: str | None, field: Field, definitions: Definitions, notation: Notation) -> UnitReading:
    """The unit that ``text`` means for the quantity of ``field``."""
    return UnitReader(field, definitions, notation).read(text)


class UnitReader:
    """Reads the unit texts of one field.

    A text is looked up as it stands, then tidied, then without regard to letter case; letter case counts only
    where two units of the quantity would otherwise be one, and a text that is the exact spelling of a foreign unit
    (g/L for cells) is never taken for another one (G/l).
    """

    def __init__(self, field: Field, definitions: Definitions, notation: Notation) -> None:
        self._quantity = definitions.quantity(field)
        self._notation = notation
        self._seen: dict[str, UnitReading] = {}
        if self._quantity is None:
            return
        own = [Spelling(text=unit, unit=unit) for unit in _own_units(self._quantity)]
        spellings = [*self._quantity.spellings, *own, *definitions.spellings]
        decided = [Spelling(text=text, unit=unit) for text, unit in notation.units.items()]
        self._decided = {tidy(spelling.text): spelling for spelling in reversed(decided)}
        self._decided_folded = _folded(decided)
        self._exact = {spelling.text: spelling for spelling in reversed(spellings)}
        self._tidy = {tidy(spelling.text): spelling for spelling in reversed(spellings)}
        units = set(_own_units(self._quantity))
        shared = [spelling for spelling in definitions.spellings if spelling.unit in units]
        self._own_folded = _folded([*self._quantity.spellings, *own, *shared])
        self._folded = _folded(spellings)

    def read(self, text: str | None) -> UnitReading:
        """The unit that ``text`` means; an empty text is no unit."""
        shown = bare(text or "")
        if shown not in self._seen:
            self._seen[shown] = UnitReading(None) if self._quantity is None else self._read(shown, self._quantity)
        return self._seen[shown]

    def _read(self, text: str, quantity: Quantity) -> UnitReading:
        if not text:
            return UnitReading(quantity.unit) if _needs_none(quantity.unit) else self._refuse("UNIT-002", text)
        spelling = self._decision(text)
        if spelling is None:
            spelling = self._spelling(text)
            if spelling is not None and spelling.ambiguous and not (self._notation.confirmed and spelling.unit):
                problem = spelling.note or "the text has more than one reading"
                return self._refuse("UNIT-003", text, problem=problem)
        if spelling is None or spelling.unit is None:
            return self._unknown(text)
        return self._convert(text, spelling.unit, quantity)

    def _decision(self, text: str) -> Spelling | None:
        found = self._decided.get(tidy(text))
        return found or _only(self._decided_folded.get(tidy(text).casefold(), []))

    def _spelling(self, text: str) -> Spelling | None:
        if text in self._exact:
            return self._exact[text]
        for candidate in _candidates(text):
            found = self._tidy.get(candidate)
            if found is None:
                found = _only(self._own_folded.get(candidate.casefold(), []))
            if found is None:
                found = _only(self._folded.get(candidate.casefold(), []))
            if found is not None:
                return found
        return None

    def _convert(self, text: str, unit: str, quantity: Quantity) -> UnitReading:
        if unit == quantity.unit:
            return UnitReading(unit)
        known = [conversion for conversion in quantity.conversions if conversion.unit == unit]
        if not known:
            return self._refuse("UNIT-001", text, reading=f" for {quantity.label}")
        conversion = min(known, key=lambda each: _ORDER[each.apply])
        if conversion.apply == "no":
            return self._refuse(
                "UNIT-003", text, unit, f"it is never converted ({conversion.note or conversion.source})"
            )
        if conversion.apply == "ask" and not self._notation.confirmed:
            return self._refuse("UNIT-003", text, unit, conversion.note or _question(conversion))
        return UnitReading(unit, conversion)

    def _unknown(self, text: str) -> UnitReading:
        if any(mark in text for mark in "?\ufffd"):
            mended = self._spelling(re.sub("[?\ufffd]", "u", text))
            if mended is not None and mended.unit is not None:
                return self._refuse("UNIT-003", text, problem="a character was lost, perhaps the micro sign")
        near = difflib.get_close_matches(tidy(text).casefold(), list(self._own_folded), n=1, cutoff=0.75)
        units = {spelling.unit for spelling in self._own_folded[near[0]]} if near else set()
        unit = units.pop() if len(units) == 1 else None
        return self._refuse("UNIT-001", text, reading=f" (did you mean {unit}?)" if unit else "")

    def _refuse(
        self, code: str, text: str, unit: str | None = None, problem: str = "", *, reading: str = ""
    ) -> UnitReading:
        assert self._quantity is not None
        return UnitReading(unit, None, code, refusal(self._quantity, text, problem, reading))


def refusal(quantity: Quantity, text: str, problem: str = "", reading: str = "") -> dict[str, str]:
    """The words of a finding on a unit that was not taken."""
    terms = [unit for unit in _own_units(quantity) if unit == quantity.unit or _is_taken(quantity, unit)]
    shown = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return {
        "found": shown,
        "terms": ", ".join(terms),
        "reading": reading,
        "problem": problem,
        "unit": quantity.unit,
        "rest": "",
    }


def likely_unit(field: Field, definitions: Definitions, values: Sequence[Decimal]) -> str:
    """A hint at the unit of numbers without a known one; empty unless exactly one unit puts their median in the usual.

    For instance `` (looks like mg/dL: 180 is 10.0 mmol/L)``.
    """
    quantity = definitions.quantity(field)
    low, high = (bound if isinstance(bound, int | float) else None for bound in field.expected or (None, None))
    if quantity is None or not values or low is None or high is None:
        return ""
    median = sorted(values)[len(values) // 2]
    usual: dict[Decimal, str] = {}
    if low <= median <= high:
        usual[median] = f" (looks like {quantity.unit})"
    for conversion in quantity.conversions:
        if conversion.factor is None or conversion.apply == "no":
            continue
        value = conversion.to_canonical(median)
        if low <= value <= high:
            shown = f"{plain(median)} is {_shown(value, field.decimals)} {quantity.unit}"
            usual.setdefault(value, f" (looks like {conversion.unit}: {shown})")
    return next(iter(usual.values())) if len(usual) == 1 else ""


def _question(conversion: Conversion) -> str:
    others = ", ".join(conversion.needs)
    return f"the conversion also reads {others}" if others else "the site has to confirm it"


def _shown(value: Decimal, decimals: int | None) -> str:
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    return format(round(value, max(decimals or 0, min(digits, 6), 0)), "f")


def _own_units(quantity: Quantity) -> list[str]:
    return list(dict.fromkeys([quantity.unit, *quantity.accepted, *(c.unit for c in quantity.conversions)]))


def _is_taken(quantity: Quantity, unit: str) -> bool:
    return any(conversion.unit == unit and conversion.apply == "yes" for conversion in quantity.conversions)


def _needs_none(unit: str) -> bool:
    """Whether numbers in this unit have nothing to state: ratios and counts."""
    return unit == _NO_UNIT or re.fullmatch(r"\{[^}]*\}", unit) is not None


def _folded(spellings: Sequence[Spelling]) -> dict[str, list[Spelling]]:
    found: dict[str, list[Spelling]] = {}
    for spelling in spellings:
        found.setdefault(tidy(spelling.text).casefold(), []).append(spelling)
    return found


def _only(spellings: Sequence[Spelling]) -> Spelling | None:
    """The first of spellings that all mean the same, None when they do not."""
    return spellings[0] if len({(s.unit, s.ambiguous) for s in spellings}) == 1 else None


_SAME = str.maketrans(
    {
        "×": "x",
        "·": ".",
        "•": ".",
        "⋅": ".",
        "∙": ".",
        "−": "-",
        "–": "-",
        "∕": "/",
        "⁄": "/",
        "÷": "/",
        "µ": "u",
        "μ": "u",
        "º": "°",
    }
)
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"
_LOWERED = str.maketrans(_RAISED, "0123456789+-")


@lru_cache(maxsize=8192)
def tidy(text: str) -> str:
    """A unit text without differences that mean nothing: kind of mu, dot and power, spaces, end brackets."""
    text = re.sub("Â(?=[°²³µ·])", "", text).replace("Î¼", "u")
    text = re.sub(f"[{_RAISED}]+", lambda found: "^" + found[0].translate(_LOWERED), text)
    text = unicodedata.normalize("NFKC", text.translate(_SAME)).translate(_SAME)
    text = "".join(text.split())
    text = re.sub(r"^x?(?:10(?:\*\*|[\^*eE])|1?[eE])([0-9]{1,2})(?=/|$)", r"10*\1", text)
    text = re.sub(r"(?<=[A-Za-z\]])\^(?=[-+]?[0-9])", "", text)
    text = re.sub(r"(?<=[A-Za-z])\*(?=[A-Za-z])", ".", text)
    return text.rstrip(".")


def _candidates(text: str) -> Iterator[str]:
    """A unit text tidied, and as people also write it: in brackets, with a word before it, with powers of -1."""
    yield tidy(text)
    inner = re.fullmatch(r"\[(.*)\]|\((.*)\)", text)
    if inner is not None:
        text = inner[1] or inner[2] or ""
        yield tidy(text)
    worded = re.sub(r"^(?:in|i|en)\s+(?=\S)", "", text, flags=re.IGNORECASE)
    worded = re.sub(r"\s*\b(?:per|pro|pr)\b\.?\s*", "/", worded, flags=re.IGNORECASE)
    yield tidy(worded)
    yield re.sub(r"\.?([A-Za-z]+)-1", r"/\1", tidy(re.sub(r"(?<=[A-Za-z])\s+(?=[A-Za-z]+\s*[-−⁻])", ".", worded)))
