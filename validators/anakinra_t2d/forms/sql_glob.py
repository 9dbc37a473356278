"""Patterns of a fixed number of forms as GLOB patterns, for SQLite, which has no regular expressions of its own."""

from __future__ import annotations

import itertools
import re

from anakinra_t2d.forms.row_conditions import CannotExpress

_MOST = 200
_TOKEN = re.compile(
    r"\\(?P<escaped>[^A-Za-z0-9])|(?P<class>\[\^?[^\]\[\\]+\])|(?P<times>\{\d+(?:,\d+)?\})|(?P<mark>.)", re.DOTALL
)


def globs(pattern: str) -> list[str]:
    """GLOB patterns of which a text matches one exactly when it matches the regular expression as a whole.

    Raises:
        CannotExpress: the expression is not anchored at both ends, repeats without end, or has other parts than
            characters, classes, groups, alternatives, ``?`` and ``{n}``.
    """
    if not (pattern.startswith("^") and pattern.endswith("$")):
        raise CannotExpress("SQLite has no regular expressions")
    reader = _Reader(pattern[1:-1])
    found = reader.alternatives()
    if not reader.at_end:
        raise CannotExpress("SQLite has no regular expressions")
    return found


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = list(_TOKEN.finditer(text))
        self._place = 0

    @property
    def at_end(self) -> bool:
        return self._place == len(self._tokens)

    def alternatives(self) -> list[str]:
        found = self._sequence()
        while self._mark() == "|":
            self._place += 1
            found += self._sequence()
        return _few(list(dict.fromkeys(found)))

    def _sequence(self) -> list[str]:
        found = [""]
        while not self.at_end and self._mark() not in ("|", ")"):
            part = self._repeated(self._one())
            found = _few([before + after for before in found for after in part])
        return found

    def _one(self) -> list[str]:
        token = self._tokens[self._place]
        self._place += 1
        if token["class"]:
            return [token["class"]]
        if token["escaped"]:
            return [_literal(token["escaped"])]
        if token["mark"] == "(":
            inside = self.alternatives()
            if self._mark() != ")":
                raise CannotExpress("SQLite has no regular expressions")
            self._place += 1
            return inside
        if token["times"] or token["mark"] in "\\^$.*+?[]{})":
            raise CannotExpress("SQLite has no regular expressions")
        return [_literal(token["mark"])]

    def _repeated(self, part: list[str]) -> list[str]:
        if self._mark() == "?":
            self._place += 1
            return ["", *part]
        times = None if self.at_end else self._tokens[self._place]["times"]
        if not times:
            return part
        self._place += 1
        low, _, high = times[1:-1].partition(",")
        found: list[str] = []
        for number in range(int(low), int(high or low) + 1):
            if len(part) ** number > _MOST:
                raise CannotExpress("SQLite has no regular expressions")
            found += ["".join(parts) for parts in itertools.product(part, repeat=number)]
        return found

    def _mark(self) -> str | None:
        return None if self.at_end else self._tokens[self._place]["mark"]


def _few(found: list[str]) -> list[str]:
    if len(found) > _MOST:
        raise CannotExpress("SQLite has no regular expressions, and the pattern has too many forms")
    return found


def _literal(character: str) -> str:
    return f"[{character}]" if character in "*?[" else character
