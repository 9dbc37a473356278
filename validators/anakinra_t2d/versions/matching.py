"""Which things of an old and a new state are the same: by name, and by what they say where a name is new."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

Likeness = Callable[[str, T, str, T], int]
"""How much speaks for two things being the same; 0 when nothing does. Must not depend on which one is older."""


@dataclass(frozen=True)
class Matched(Generic[T]):
    """Names in both states, pairs of an old and a new name that look like a rename, and names of one state only."""

    both: list[str]
    renamed: list[tuple[str, str]]
    removed: list[str]
    added: list[str]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Old and new name of everything that is in both states."""
        return [*((name, name) for name in self.both), *self.renamed]


def matched(old: Mapping[str, T], new: Mapping[str, T], likeness: Likeness[T] | None = None) -> Matched[T]:
    """Match two states by name, and the names of only one of them by likeness.

    A pair looks like a rename when each is the single best match of the other, so that the answer is the same in both
    directions and nothing is guessed where two are equally alike.
    """
    both = [name for name in new if name in old]
    gone = [name for name in old if name not in new]
    come = [name for name in new if name not in old]
    scores = {
        (one, other): score
        for one in (gone if likeness else ())
        for other in come
        if likeness and (score := likeness(one, old[one], other, new[other])) > 0
    }
    renamed = [
        (one, other)
        for (one, other), score in scores.items()
        if all(score > less for (a, b), less in scores.items() if (a == one) != (b == other))
    ]
    before, after = {one for one, _ in renamed}, {other for _, other in renamed}
    return Matched(
        both,
        renamed,
        [name for name in gone if name not in before],
        [name for name in come if name not in after],
    )
