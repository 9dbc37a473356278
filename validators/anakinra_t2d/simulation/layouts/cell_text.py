"""Canonical values as the cells of a site: notation of numbers and dates, units, codes, subject numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from anakinra_t2d.schema.contents import Definitions
from anakinra_t2d.schema.quantities import Conversion, Quantity
from anakinra_t2d.schema.sites import BOOLEAN, FieldLayout, Profile
from anakinra_t2d.schema.tables import Field
from anakinra_t2d.simulation.layouts.moments import moment_text
from anakinra_t2d.simulation.layouts.sent import Cell

# a unit may hold brackets itself, as in Insulin (m[iU]/L) or Weight ([lb_av])
_BRACKETS = re.compile(r".*\S\s*(?:\((?P<round>(?:[^()]|\([^()]*\))+)\)|\[(?P<square>(?:[^\[\]]|\[[^\[\]]*\])+)\])")
_NO_UNIT = "1"
_CENSORED = {"below_limit": "<", "above_limit": ">"}
_QUALITATIVE = "qualitative"


class CellTexts:
    """Writes values the way one profile says; everything it writes can be read back."""

    def __init__(self, profile: Profile, found: Definitions) -> None:
        self.profile = profile
        self.found = found
        self._subject_fields = frozenset(profile.subjects.fields) if profile.subjects else frozenset[str]()
        self._missing = frozenset(word.casefold() for word in profile.missing)
        self._status_words: dict[str, str] = {}
        self._unit_texts: dict[tuple[str, str], str] = {}
        for word, status in {**profile.results, **found.result_words}.items():
            self._status_words.setdefault(status, word)

    def value(self, field: Field, layout: FieldLayout, canonical: str, unit: str | None, *, as_number: bool) -> Cell:
        """The cell for a value that is not empty.

        Args:
            unit: UCUM unit of a number in the file.
            as_number: whether the cell may be a true number.

        Raises:
            ValueError: the profile cannot say this value so that it is read back.
        """
        if field.name in self._subject_fields:
            return self._checked(field, self._subject(field, canonical))
        if field.type in ("integer", "number"):
            number = self._in_unit(field, layout, Decimal(canonical), unit)
            if as_number and self._is_true_number(field, number is not None):
                return Decimal(canonical) if number is None else number
            text = canonical if number is None else format(number, "f")
            return self._checked(field, self._number_text(field, text))
        if field.type in ("date", "datetime"):
            text = moment_text(canonical, self.profile.dates, self.profile.two_digit_years_from)
            return self._checked(field, text)
        if field.type == "boolean" or field.codelist is not None:
            return self._checked(field, self._code(field, layout, canonical))
        return self._checked(field, canonical)

    def flag(
        self, field: Field, layout: FieldLayout, status: str, limit: str | None, raw: str | None, unit: str | None
    ) -> str | None:
        """The text in place of a number, ``<0,3`` or a word; None when the profile has no way to say it."""
        if limit is not None:
            if status not in _CENSORED:
                return None
            number = self._in_unit(field, layout, Decimal(limit), unit)
            text = format(Decimal(limit).normalize() if number is None else number, "f")
            return _CENSORED[status] + self._number_text(field, text)
        if status == _QUALITATIVE:
            words = {**self.found.result_words, **{w.lower(): s for w, s in self.profile.results.items()}}
            return raw if raw and words.get(raw.lower()) == status else None
        return self._status_words.get(status)

    def unit_in(self, column: str, field: Field) -> str | None:
        """The unit that the name of a column states in brackets at its end, as a UCUM code."""
        quantity = self.found.quantity(field)
        brackets = _BRACKETS.fullmatch(column)
        if quantity is None or brackets is None:
            return None
        return self._unit_meant((brackets["round"] or brackets["square"]).strip(), quantity)

    def unit_text(self, unit: str, field: Field) -> str | None:
        """How the site writes a unit: its own spelling, else the first usual one; None for numbers without unit."""
        quantity = self.found.quantity(field)
        if quantity is None or unit == _NO_UNIT:
            return None
        key = (field.quantity or "", unit)
        if key not in self._unit_texts:
            self._unit_texts[key] = next(self._unit_spellings(unit, quantity), unit)
        return self._unit_texts[key]

    def _unit_spellings(self, unit: str, quantity: Quantity) -> Iterator[str]:
        known = [*self.profile.units.items()]
        known += [(each.text, each.unit or "") for each in quantity.spellings if not each.ambiguous]
        known += [(each.text, each.unit or "") for each in self.found.spellings if not each.ambiguous]
        for text, code in known:
            if code == unit and self._unit_meant(text, quantity) == unit:
                yield text

    def _unit_meant(self, text: str, quantity: Quantity) -> str | None:
        if text in self.profile.units:
            return self.profile.units[text]
        for spelling in (*quantity.spellings, *self.found.spellings):
            if spelling.text == text:
                return None if spelling.ambiguous else spelling.unit
        known = {quantity.unit, *(conversion.unit for conversion in quantity.conversions)}
        return text if text in known else None

    def _in_unit(self, field: Field, layout: FieldLayout, value: Decimal, unit: str | None) -> Decimal | None:
        """The number in another unit; None when the unit is the canonical one."""
        quantity = self.found.quantity(field)
        if quantity is None or unit is None or unit == quantity.unit:
            return None
        conversion = _conversion(quantity, unit, confirmed=layout.confirmed)
        if conversion is None:
            raise ValueError(f"{field.table}.{field.name} cannot be written in {unit}: no factor converts it back")
        sent = conversion.to_sent(value)
        if conversion.to_canonical(sent) != value:
            raise ValueError(f"{field.table}.{field.name}: a value cannot be written in {unit} without loss")
        return sent

    def _is_true_number(self, field: Field, is_converted: bool) -> bool:
        # where the decimal mark is a comma, clinics type what has decimals and let whole numbers be numbers
        if self.profile.decimal == "." and not self.profile.thousands:
            return True
        return field.type == "integer" or (field.decimals == 0 and not is_converted)

    def _number_text(self, field: Field, text: str) -> str:
        sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
        whole, _, decimals = digits.partition(".")
        if self.profile.thousands and field.quantity is not None:
            whole = f"{int(whole):,}".replace(",", self.profile.thousands[0])
        return sign + whole + (self.profile.decimal + decimals if decimals else "")

    def _subject(self, field: Field, canonical: str) -> str:
        assert self.profile.subjects
        sent = self.profile.subjects.to_sent(canonical)
        if self.profile.subjects.to_canonical(sent) != canonical:
            raise ValueError(f"{field.table}.{field.name}: a subject number has no form in the profile")
        return sent

    def _code(self, field: Field, layout: FieldLayout, canonical: str) -> str:
        known = self.profile.codes.get(BOOLEAN if field.type == "boolean" else field.codelist or "", {})
        meant = {text.casefold(): code for words in (known, layout.codes) for text, code in words.items()}
        for words in (layout.codes, known):
            for text, code in words.items():
                if code == canonical and meant[text.casefold()] == canonical:
                    return text
        if meant.get(canonical.casefold(), canonical) != canonical:
            raise ValueError(f"{field.table}.{field.name}: the profile has no text for the code {canonical}")
        return canonical

    def _checked(self, field: Field, text: str) -> str:
        if text.casefold() in self._missing:
            raise ValueError(f"{field.table}.{field.name}: a value reads like a word of an empty cell")
        return text


def _conversion(quantity: Quantity, unit: str, *, confirmed: bool) -> Conversion | None:
    for conversion in quantity.conversions:
        applied = conversion.apply == "yes" or (conversion.apply == "ask" and confirmed)
        if conversion.unit == unit and conversion.factor is not None and applied:
            return conversion
    return None
