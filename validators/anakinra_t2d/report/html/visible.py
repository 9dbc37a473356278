"""Text of the data as it may stand on a page: nothing in it commands, hides or turns other text, and it has an end."""

from __future__ import annotations

from anakinra_t2d.finding import printable

LONGEST = 300


def visible(text: str, longest: int = LONGEST) -> str:
    """The text with invisible characters spelled out, white space as single spaces, and at most ``longest`` characters.

    What a longer text loses is said behind it.
    """
    whole = len(text)
    if whole > longest:
        text = text[:longest]
    text = printable(" ".join(text.split()))
    return text if whole <= longest else f"{text}… ({whole:,} characters)"


def counted(number: int, noun: str, several: str | None = None) -> str:
    """``1 error``, ``1,200 errors``."""
    return f"{number:,} {noun if number == 1 else several or noun + 's'}"


def short_number(value: float) -> str:
    """A measured value with four significant digits, thousands parted by a narrow space."""
    text = f"{value:.4g}"
    if "e" in text or abs(value) >= 1000:
        text = f"{value:,.0f}".replace(",", "\u202f") if abs(value) < 1e12 else f"{value:.3g}"
    return text.replace("-", "\u2212")
