"""Another reading of an implausible number: a moved decimal point, or another unit of its quantity.

The rules on single values do the same in SQL with the patient's other values at hand; this is for a value
that stands alone, for instance one outside the possible range, which no rule gets to see.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from anakinra_t2d.across.text import as_text

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions, Field

_SHIFTS = (0.001, 0.01, 0.1, 10.0, 100.0, 1000.0)
_MIDDLE = 0.35
"""Part of the logarithmic expected range, to each side of its middle, in which a reading counts as usual."""


def likely_reading(definitions: Definitions, field: Field, value: float) -> str | None:
    """What ``value`` (in the canonical unit) would be if read otherwise, as a sentence; None when nothing is usual.

    Only a value outside the expected range gets a reading, and only one near the middle of that range. A unit goes
    before a decimal point; of several units the one that leads nearest to the middle.
    """
    low, high = (bound if isinstance(bound, int | float) else 0 for bound in field.expected or (0, 0))
    if value <= 0 or low <= 0 or low <= value <= high or field.quantity is None:
        return None
    middle, width = math.log(low * high) / 2, math.log(high / low)
    decimals, unit = field.decimals or 0, definitions.unit(field) or ""
    for kind in (_in_other_units, _shifted):
        usual = [
            (abs(math.log(reading) - middle), why, reading)
            for reading, why in kind(definitions, field, value)
            if reading > 0
            and _is_telling(value, reading, high / low)
            and abs(math.log(reading) - middle) <= _MIDDLE * width + 1e-9
        ]
        if usual:
            _, why, reading = min(usual)
            shown = as_text(round(reading, decimals + 2 if kind is _shifted else decimals))
            return f"{as_text(value)} {unit} reads as {shown} {unit} if {why}."
    return None


def _is_telling(value: float, reading: float, ratio: float) -> bool:
    """Whether a sound value could hardly be taken for a misread one: the factor is large beside the expected range."""
    times = max(value / reading, reading / value)
    return times >= 1.5 and ratio <= min(1.25 * times, 4 * math.sqrt(times))


def _in_other_units(definitions: Definitions, field: Field, value: float) -> Iterator[tuple[float, str]]:
    quantity = definitions.quantity(field)
    for conversion in quantity.conversions if quantity else ():
        if conversion.factor is not None and conversion.apply != "no":
            reading = value * float(conversion.factor) + float(conversion.offset)
            yield reading, f"it was sent in {conversion.unit}"


def _shifted(definitions: Definitions, field: Field, value: float) -> Iterator[tuple[float, str]]:  # noqa: ARG001
    for factor in _SHIFTS:
        yield value * factor, "the decimal point was moved"
