"""Units in the words of the profile that reads SDTM."""

from __future__ import annotations

from anakinra_t2d.harmonise.notation import Notation
from anakinra_t2d.harmonise.units import UnitReader
from anakinra_t2d.schema import Definitions, Field
from anakinra_t2d.schema.sites import Profile

_NO_UNIT = "1"


def unit_text(field: Field, unit: str, profile: Profile, found: Definitions) -> str | None:
    """The text that a data set has for the UCUM unit of a field; None for numbers without a unit.

    It is the first spelling of the profile, else an ASCII one of the definitions, else the UCUM code, that the
    profile reads as this unit.
    """
    quantity = found.quantity(field)
    if quantity is None or unit == _NO_UNIT:
        return None
    reader = UnitReader(field, found, Notation.of(profile, field, None, found))
    known = [text for text, code in profile.units.items() if code == unit]
    shared = [*quantity.spellings, *found.spellings]
    known += [each.text for each in shared if each.unit == unit and not each.ambiguous and each.text.isascii()]
    for text in [*known, unit]:
        reading = reader.read(text)
        if reading.unit == unit and reading.code is None:
            return text
    return unit
