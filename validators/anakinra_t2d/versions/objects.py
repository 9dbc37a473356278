"""Compares things that are described by keys, each kind of thing by its own policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from anakinra_t2d.versions.change import Changes, Kind, Level, from_to
from anakinra_t2d.versions.matching import Likeness, matched

Described = Mapping[str, Any]


@dataclass(frozen=True)
class Policy:
    """How changes of a kind of thing count.

    ``words`` are keys that only people read, ``minor`` keys whose change leaves data valid and numbers as they are. Any
    other key counts as ``changed``; ``effect`` follows its sentence.
    """

    what: str
    words: frozenset[str]
    minor: frozenset[str] = frozenset()
    added: Level = "minor"
    removed: Level = "major"
    changed: Level = "major"
    effect: str = ""


Special = Callable[[Changes, Policy, str, str, Any, Any], None]
"""Compares one key in its own way: changes, policy, name of the thing, key, old and new value."""


def same(old: object, new: object) -> bool:
    """Whether two values say the same; in a text the layout of lines does not count."""
    if isinstance(old, str) and isinstance(new, str):
        return old.split() == new.split()
    return isinstance(old, bool) == isinstance(new, bool) and old == new


def compare_objects(
    changes: Changes,
    policy: Policy,
    old: Mapping[str, Described],
    new: Mapping[str, Described],
    *,
    likeness: Likeness[Described] | None = None,
    special: Mapping[str, Special] | None = None,
) -> None:
    """Note what was added, removed, renamed and changed among things by name."""
    pairs = matched(old, new, likeness)
    for name in pairs.removed:
        changes.add(policy.removed, "removed", policy.what, name, f"{named(policy, name)} was removed.")
    for name in pairs.added:
        changes.add(policy.added, "added", policy.what, name, f"{named(policy, name)} is new.")
    for before, name in pairs.renamed:
        sentence = f"{named(policy, before)} looks like a rename: it seems to be called {name} now."
        changes.add(policy.removed, "renamed", policy.what, name, sentence, before=before)
    for before, name in pairs.pairs:
        compare_keys(changes, policy, name, old[before], new[name], special or {})


def compare_keys(
    changes: Changes, policy: Policy, name: str, old: Described, new: Described, special: Mapping[str, Special]
) -> None:
    """Note which keys of one thing changed."""
    words = []
    for key in dict.fromkeys([*old, *new]):
        before, after = old.get(key), new.get(key)
        if same(before, after) and not (key in special and _in_another_order(before, after)):
            continue
        if key in special:
            special[key](changes, policy, name, key, before, after)
        elif key in policy.words:
            words.append(key)
        else:
            level = "minor" if key in policy.minor and policy.changed == "major" else policy.changed
            note_change(changes, policy, name, key, level, before, after)
    changes.words(policy.what, name, words)


def _in_another_order(old: Any, new: Any) -> bool:
    return isinstance(old, Mapping) and isinstance(new, Mapping) and list(old) != list(new)


def note_change(
    changes: Changes,
    policy: Policy,
    name: str,
    key: str,
    level: Level,
    old: object,
    new: object,
    kind: Kind = "changed",
) -> None:
    """Note that a key of a thing changed."""
    aspect = key.replace("_", " ")
    effect = policy.effect if level == "major" else ""
    sentence = f"{named(policy, name)}: {aspect} changed{from_to(old, new)}{effect}."
    changes.add(level, kind, policy.what, name, sentence, aspect=key)


def by(key: str, things: list[dict[str, Any]]) -> dict[str, Described]:
    """Things of a list by the value of ``key``, without that key; a value that repeats is numbered."""
    found: dict[str, Described] = {}
    for thing in things:
        name = shown = str(thing[key])
        number = 1
        while shown in found:
            number += 1
            shown = f"{name} ({number})"
        found[shown] = {other: value for other, value in thing.items() if other != key}
    return found


def named(policy: Policy, name: str) -> str:
    """The thing as the start of a sentence."""
    text = f"{policy.what} {name}".strip()
    return text[0].upper() + text[1:]
