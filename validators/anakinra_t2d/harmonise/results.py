"""Results that are not numbers: beyond a limit, not done, spoilt, and dates known only in part."""

from __future__ import annotations

import re

from anakinra_t2d.harmonise.notation import Notation, bare
from anakinra_t2d.schema import Definitions

BELOW_LIMIT = "below_limit"
ABOVE_LIMIT = "above_limit"
PARTIAL_DATE = "partial_date"
"""Codes of the result statuses that follow from the form of a text and not from its words."""

_LIMIT = re.compile(r"(?P<sign><\s*=|=\s*<|>\s*=|=\s*>|[<>≤≥⩽⩾＜＞])\s*(?P<number>\S.*)")
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))


class Results:
    """Knows the words and signs that stand in place of a number."""

    def __init__(self, definitions: Definitions, notation: Notation) -> None:
        self._words = {_folded(word): status for word, status in definitions.result_words.items()}
        self._words.update({_folded(word): status for word, status in notation.results.items()})

    def status(self, text: str) -> str | None:
        """The result status that a text without outer spaces means, None when it is not one of the words."""
        return self._words.get(_folded(text))

    @staticmethod
    def limit(text: str) -> tuple[str, str] | None:
        """Status and text of the limit of ``< 0.3`` and the like, None for a text of another form."""
        match = _LIMIT.fullmatch(text)
        if match is None:
            return None
        return BELOW_LIMIT if any(sign in match["sign"] for sign in "<≤⩽＜") else ABOVE_LIMIT, bare(match["number"])


def _folded(word: str) -> str:
    return " ".join(word.translate(_DASHES).casefold().split())
