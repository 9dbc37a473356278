"""Which unit a text of a site file means, for a quantity."""

from __future__ import annotations

import re
from dataclasses import dataclass

from anakinra_t2d.harmonise.notation import Notation
from anakinra_t2d.harmonise.units import UnitReader
from anakinra_t2d.schema import Definitions, Field
from anakinra_t2d.schema.quantities import Conversion, Quantity

_MICRO = str.maketrans({"µ": "u", "μ": "u", "⁰": "0", "¹": "1", "²": "2", "³": "3", "⁹": "9", "×": "x"})
_MARKS = re.compile(r"[\s_.·]+")
_SUFFIX = re.compile(r"[^A-Za-z0-9%µμ]+")


@dataclass(frozen=True)
class Unit:
    """The reading of a unit text; ``code`` is None when it has none, ``problem`` says why a person must decide."""

    code: str | None
    problem: str | None = None
    conversion: Conversion | None = None


class UnitWords:
    """The unit spellings of the definitions."""

    def __init__(self, found: Definitions) -> None:
        self.found = found
        self._readers: dict[str, UnitReader] = {}
        every = {each.text for each in found.spellings}
        for quantity in found.quantities.values():
            every.update(each.text for each in quantity.spellings)
            every.update([quantity.unit, *quantity.accepted, *(each.unit for each in quantity.conversions)])
        self.every = frozenset(_plain(text) for text in every)

    def is_unit(self, text: str) -> bool:
        """Whether any quantity knows the text as a unit."""
        return _plain(text) in self.every

    def read(self, text: str, field: Field) -> Unit:
        """The unit that ``text`` means for a field with a quantity, read as a conversion reads it."""
        if field.quantity not in self._readers:
            self._readers[field.quantity or ""] = UnitReader(field, self.found, Notation())
        reading = self._readers[field.quantity or ""].read(text)
        if reading.code is None:
            return Unit(reading.unit, None, reading.conversion)
        problem = self.found.builtin_rules[reading.code].message.format_map(reading.details)
        return Unit(reading.unit, problem, reading.conversion)

    def _usable(self, code: str, text: str, quantity: Quantity) -> Unit:
        if code == quantity.unit:
            return Unit(code)
        conversion = next((each for each in quantity.conversions if each.unit == code and each.apply == "yes"), None)
        if conversion:
            return Unit(code, None, conversion)
        conversion = next((each for each in quantity.conversions if each.unit == code), None)
        if conversion is None:
            return Unit(None, f"the unit {text} cannot be converted to {quantity.unit}")
        note = f": {conversion.note}" if conversion.note else ""
        return Unit(code, f"values in {code} are converted only when the site confirms it{note}", conversion)

    def suffix(self, text: str, field: Field) -> str | None:
        """The unit that the end of a column name such as ``mgdl`` or ``mmol_l`` means for a field, or None."""
        quantity = self.found.quantity(field)
        if quantity is None:
            return None
        wanted = _SUFFIX.sub("", text).translate(_MICRO).lower()
        pairs = [(each.text, each.unit) for each in (*quantity.spellings, *self.found.spellings) if not each.ambiguous]
        pairs += [(code, code) for code in [quantity.unit, *(each.unit for each in quantity.conversions)]]
        for spelling, code in pairs:
            if code and _SUFFIX.sub("", spelling).translate(_MICRO).lower() == wanted:
                usable = self._usable(code, text, quantity)
                if usable.code is not None:
                    return usable.code
        return None

    def without_unit(self, field: Field) -> str | None:
        """The name of a field without the unit at its end, None when it has none."""
        if field.quantity is None:
            return None
        parts = field.name.split("_")
        for place in range(1, len(parts)):
            if self.suffix("".join(parts[place:]), field) is not None:
                return "_".join(parts[:place])
        return None

    def only_unit(self, field: Field) -> str | None:
        """The unit of a quantity that is measured in no other, so that nobody needs to state it."""
        quantity = self.found.quantity(field)
        if quantity is None:
            return None
        is_only = all(
            each.factor_decimal == 1 and each.offset == "0"
            for each in quantity.conversions
            if each.unit != quantity.unit
        )
        return quantity.unit if is_only else None

    def possible(self, field: Field) -> list[Unit]:
        """The units in which values of the field may come, the canonical one first."""
        quantity = self.found.quantity(field)
        if quantity is None:
            return []
        units = [Unit(quantity.unit)]
        units += [Unit(each.unit, None, each) for each in quantity.conversions if each.apply == "yes" and each.factor]
        return list({unit.code: unit for unit in units}.values())


def _plain(text: str) -> str:
    return _MARKS.sub("", text.strip().translate(_MICRO))
