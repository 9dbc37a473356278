"""A linear scale with round ticks, and coordinates and elements of a drawing as text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True)
class Scale:
    """From values ``low`` to ``high`` onto coordinates ``start`` to ``end``, which may run downwards."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Coordinate of a value; one outside the scale stands at its end."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def outside(self, value: float) -> bool:
        """Whether the value is beyond the ends."""
        return not self.low <= value <= self.high

    def ticks(self, most: int = 4) -> list[float]:
        """At most ``most`` + 1 round values within the scale."""
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
        first = math.ceil(self.low / step - 1e-9)
        return [round(place * step, 12) for place in range(first, math.floor(self.high / step + 1e-9) + 1)]


def spanning(values: Iterable[float], start: float, end: float, wanted: tuple[float | None, float | None]) -> Scale:
    """A scale over the values; it takes in a bound of ``wanted`` that does not make it more than twice as long."""
    found = list(values)
    low, high = min(found), max(found)
    width = (high - low) or abs(high) or 1.0
    if wanted[0] is not None and low - width <= wanted[0] < low:
        low = wanted[0]
    if wanted[1] is not None and high < wanted[1] <= high + width:
        high = wanted[1]
    pad = 0.04 * ((high - low) or width)
    return Scale(low - pad, high + pad, start, end)


def xy(*numbers: float) -> str:
    """Coordinates as text with at most one decimal."""
    return " ".join(f"{number:.1f}".removesuffix(".0") for number in numbers)


def drawing(parts: Iterable[str]) -> Markup:
    """SVG elements, or a file of this package, as markup; whoever made them has escaped each text in them."""
    return Markup("".join(parts))  # noqa: S704
