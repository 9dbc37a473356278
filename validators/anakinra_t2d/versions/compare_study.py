"""Compares what else the definitions say: the trial and its schedule, eligibility, endpoints, results and profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anakinra_t2d.versions.change import Change, Changes, listed
from anakinra_t2d.versions.compare_fields import direction_of
from anakinra_t2d.versions.objects import (
    Described,
    Policy,
    Special,
    by,
    compare_keys,
    compare_objects,
    named,
    note_change,
    same,
)

_ABOUT = frozenset({"label", "note", "basis", "source", "ambiguity", "title", "why", "reason", "description"})
_CARD = _ABOUT | {"definition", "decimals", "vectors"}
_NUMBERS = "; its numbers can differ"

_TRIAL = Policy("the trial", frozenset({"title", "design", "publication", "tables"}), frozenset({"patients"}))
_OF_THE_VERSION = ("version", "released")
_OF_THE_TRIAL: dict[str, tuple[str, Policy]] = {
    "sites": ("id", Policy("the centre", _ABOUT, frozenset({"country"}))),
    "arms": ("id", Policy("the arm", _ABOUT, frozenset({"patients"}), added="major")),
    "visits": ("id", Policy("the visit", _ABOUT, frozenset({"order"}))),
    "schedule": ("id", Policy("the line of the schedule", _ABOUT | {"procedure"}, removed="minor", changed="minor")),
    "ambiguities": ("id", Policy("the open reading", _ABOUT | {"open", "reading", "where"}, removed="minor")),
    "inconsistencies": (
        "id",
        Policy("the inconsistency", frozenset(), added="patch", removed="patch", changed="patch"),
    ),
    "identity_patterns": ("label", Policy("the form of identifying text", _ABOUT, added="major", removed="minor")),
}
_OTHER_FILES: dict[str, tuple[Policy, dict[str, tuple[str, Policy]]]] = {
    "schema/eligibility.yaml": (
        Policy("the eligibility", _ABOUT, effect="; who is eligible can differ"),
        {
            "criteria": (
                "id",
                Policy(
                    "the eligibility criterion",
                    _ABOUT | {"text", "strictness", "examples", "evaluability", "missing_means"},
                    frozenset({"reads", "may_be_empty", "either", "parent"}),
                    added="major",
                    effect="; who meets it can differ",
                ),
            )
        },
    ),
    "schema/flow.yaml": (
        Policy("the enrolment flow", _ABOUT),
        {"steps": ("id", Policy("the step of the enrolment flow", _ABOUT, frozenset({"reasons"}), effect=_NUMBERS))},
    ),
    "schema/endpoints.yaml": (
        Policy("the endpoints", _ABOUT, effect="; other patients can be analysed"),
        {
            "parameters": ("id", Policy("the parameter", _CARD, frozenset({"sent"}), effect=_NUMBERS)),
            "endpoints": ("id", Policy("the endpoint", _CARD, frozenset({"better", "role"}), effect=_NUMBERS)),
            "groups": ("id", Policy("the group result", _CARD, frozenset({"role"}), effect=_NUMBERS)),
            "populations": ("", Policy("the population", _ABOUT, effect="; other patients can belong to it")),
        },
    ),
    "schema/reported.yaml": (
        Policy("the numbers of the paper", frozenset(), added="patch", removed="patch", changed="patch"),
        {
            "reported": (
                "id",
                Policy("the reported number", frozenset(), added="patch", removed="patch", changed="patch"),
            )
        },
    ),
}


def compare_trial(old: Described, new: Described) -> list[Change]:
    """Changes of ``trial.yaml`` but its version and the day that one was released."""
    changes = Changes()
    parts = {*_OF_THE_TRIAL, *_OF_THE_VERSION, "without_column"}
    one, other = ({key: value for key, value in side.items() if key not in parts} for side in (old, new))
    compare_keys(changes, _TRIAL, str(new["name"]), one, other, {"tables": _table_order})
    special: dict[str, Special] = {"days": _window, "choices": _choices}
    for part, (key, policy) in _OF_THE_TRIAL.items():
        before, after = by(key, old[part]), by(key, new[part])
        compare_objects(changes, policy, before, after, special=special, likeness=_labels_alike)
    if not same(old["without_column"], new["without_column"]):
        changes.words("the trial", str(new["name"]), ["variables without a column"])
    return changes.found


def compare_file(path: str, old: Described, new: Described) -> list[Change]:
    """Changes of any other schema file.

    What only people read is a patch. In a file of a kind that has no policy of its own all else is major.
    """
    changes = Changes()
    name = path.removeprefix("schema/").removesuffix(".yaml")
    if name.startswith("sites/"):
        policy = Policy("the site profile", _ABOUT, changed="minor")
        compare_keys(changes, policy, name.removeprefix("sites/"), _without_words(old), _without_words(new), {})
        return changes.found
    whole, parts = _OTHER_FILES.get(path, (Policy("the definitions", _ABOUT), {}))
    one, other = ({key: value for key, value in side.items() if key not in parts} for side in (old, new))
    compare_keys(
        changes, whole, f"of {name}" if whole.what == "the definitions" else "", one, other, _of_parts(one, other)
    )
    for part, (key, policy) in parts.items():
        before, after = (by(key, side[part]) if key else side[part] for side in (old, new))
        special: dict[str, Special] = {"alternatives": _alternatives}
        compare_objects(changes, policy, before, after, special=special, likeness=_labels_alike)
    return changes.found


def added_file(content: Described) -> str:
    """What a new schema file holds, as the end of a sentence."""
    counted = [
        f"{len(value)} {key.replace('_', ' ')}"
        for key, value in content.items()
        if key.endswith("s") and isinstance(value, list) and len(value) > 1 and isinstance(value[0], dict)
    ]
    return f", with {listed(counted)}" if counted else ""


def _labels_alike(_one: str, old: Described, _other: str, new: Described) -> int:
    """Things that say the same but for their name, or have the same label, look renamed."""
    everything = all(same(old.get(key), new.get(key)) for key in {*old, *new})
    label = next(
        (key for key in ("label", "definition", "text") if old.get(key) and old.get(key) == new.get(key)), None
    )
    return 2 * everything + int(label is not None)


def _table_order(changes: Changes, policy: Policy, name: str, _key: str, old: Any, new: Any) -> None:
    # tables that are added or removed are noted with the tables
    if [one for one in old if one in new] != [one for one in new if one in old]:
        changes.words(policy.what, name, ["order of the tables"])


def _window(changes: Changes, policy: Policy, name: str, _key: str, old: Any, new: Any) -> None:
    direction = direction_of(tuple(old or (None, None)), tuple(new or (None, None)))
    before, after = ("open" if side is None else f"day {side[0]} to {side[1]}" for side in (old, new))
    sentence = f"The window of {policy.what} {name} was {before} and is now {after}."
    changes.add("minor" if direction == "loosened" else "major", direction, policy.what, name, sentence, aspect="days")


def _choices(changes: Changes, policy: Policy, name: str, _key: str, old: Any, new: Any) -> None:
    for choice in (one for one in old if one not in new):
        sentence = f"The open reading {name} no longer has the choice {choice}."
        changes.add("major", "tightened", policy.what, name, sentence, aspect=f"choice {choice}")
    for choice in (one for one in new if one not in old):
        sentence = f"The open reading {name} has the new choice {choice}."
        changes.add("minor", "loosened", policy.what, name, sentence, aspect=f"choice {choice}")
    usual = [next(iter(side), None) for side in (old, new)]
    if usual[0] != usual[1] and all(usual):
        sentence = (
            f"The usual choice of the open reading {name} changed from {usual[0]} to {usual[1]}; numbers can differ."
        )
        changes.add("major", "changed", policy.what, name, sentence, aspect="usual choice")
    if any(old[one] != new[one] for one in old if one in new):
        changes.words(policy.what, name, ["words of the choices"])


def _alternatives(changes: Changes, policy: Policy, name: str, _key: str, old: Any, new: Any) -> None:
    before, after = ({f"{one['reading']}={one['choice']}": one for one in side} for side in (old or [], new or []))
    for choice in (one for one in before if one not in after):
        sentence = f"{named(policy, name)} is no longer affected by the reading {choice}."
        changes.add("major", "removed", policy.what, name, sentence, aspect=f"alternative {choice}")
    for choice in (one for one in after if one not in before):
        sentence = f"{named(policy, name)} has an alternative under the reading {choice}."
        changes.add("minor", "added", policy.what, name, sentence, aspect=f"alternative {choice}")
    for choice in (one for one in after if one in before):
        one, other = (_without_words(side[choice]) for side in (before, after))
        if one != other:
            sentence = f"{named(policy, name)} changed under the reading {choice}{policy.effect}."
            changes.add("major", "changed", policy.what, name, sentence, aspect=f"alternative {choice}")
        elif before[choice] != after[choice]:
            changes.words(policy.what, name, [f"note on {choice}"])


def _of_parts(old: Described, new: Described) -> dict[str, Special]:
    """A key that holds more than a text changed in words alone when nothing else in it did."""
    nested = [key for key in {**old, **new} if any(isinstance(side.get(key), list | dict) for side in (old, new))]
    return dict.fromkeys(nested, _nested_key)


def _nested_key(changes: Changes, policy: Policy, name: str, key: str, old: Any, new: Any) -> None:
    if same(_without_words(old), _without_words(new)):
        changes.words(policy.what, name, [key])
    elif key not in policy.words:
        note_change(changes, policy, name, key, policy.changed, old, new)


def _without_words(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_words(one) for key, one in value.items() if key not in _ABOUT}
    return [_without_words(one) for one in value] if isinstance(value, list) else value
