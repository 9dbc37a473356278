"""Words that explanations share."""

from __future__ import annotations

from collections.abc import Iterable

BASIS = {
    "paper": "stated in the paper",
    "implied": "not stated, but needed by something the paper states",
    "assumption": "an assumption made here; the paper does not say",
}


def listed(entries: Iterable[str]) -> str:
    """Entries on lines of their own."""
    return "\n".join(entries)


def number_range(bounds: tuple[object, object], unit: str | None) -> str:
    """``3 to 20 %``; an open end in words."""
    low, high = bounds
    after = f" {unit}" if unit and unit != "1" else ""
    if low is None:
        return f"up to {high}{after}"
    return f"{low} and more{after}" if high is None else f"{low} to {high}{after}"
