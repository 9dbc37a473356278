"""Compares quantities with their units, conversions and spellings, and codelists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from anakinra_t2d.versions.change import Change, Changes, Kind, from_to, listed
from anakinra_t2d.versions.matching import Matched, matched
from anakinra_t2d.versions.objects import Described, Policy, compare_objects, same

QUANTITY = "the quantity"
CODELIST = "the codelist"
_APPLIED = {"no": 0, "ask": 1, "yes": 2}
_ARITHMETIC = ("factor", "offset", "formula", "needs")
_SPELLING = Policy("the unit spelling", frozenset({"note"}))


def compare_quantities(old: Mapping[str, Any], new: Mapping[str, Any], users: Mapping[str, list[str]]) -> list[Change]:
    """Changes of ``quantities.yaml``; ``users`` are the fields of each quantity as table.field."""
    changes = Changes()
    before, after = old["quantities"], new["quantities"]
    quantities = matched(before, after, lambda _o, a, _n, b: 2 * (a["label"] == b["label"]) * (a["unit"] == b["unit"]))
    _one_sided(changes, QUANTITY, quantities)
    for one, name in quantities.pairs:
        _compare_quantity(changes, name, before[one], after[name], users.get(name, []))
    _compare_spellings(changes, "of any quantity", old["spellings"], new["spellings"])
    return changes.found


def _compare_quantity(changes: Changes, name: str, old: Described, new: Described, users: Iterable[str]) -> None:
    if old["unit"] != new["unit"]:
        fields = f" ({used})" if (used := listed(users)) else ""
        words = (
            f"The unit of the quantity {name}{fields} changed from {old['unit']} to {new['unit']}; the same number "
            "means another amount."
        )
        changes.add("major", "changed", QUANTITY, name, words, aspect="unit")
    _allowed(changes, QUANTITY, name, "accepted", old["accepted"], new["accepted"], "the unit {} may {}be sent")
    before, after = ({one["unit"]: one for one in side["conversions"]} for side in (old, new))
    conversions = matched(before, after)
    for unit in conversions.removed:
        words = f"Values in {unit} are no longer converted for the quantity {name}."
        changes.add("major", "removed", QUANTITY, name, words, aspect=f"conversion {unit}")
    for unit in conversions.added:
        words = f"Values in {unit} are converted for the quantity {name}."
        changes.add("minor", "added", QUANTITY, name, words, aspect=f"conversion {unit}")
    for unit in conversions.both:
        _compare_conversion(changes, name, unit, before[unit], after[unit])
    _compare_spellings(changes, f"of the quantity {name}", old["spellings"], new["spellings"])
    changes.words(QUANTITY, name, [key for key in ("label", "note") if not same(old[key], new[key])])


def _compare_conversion(changes: Changes, name: str, unit: str, old: Described, new: Described) -> None:
    aspect = f"conversion {unit}"
    if changed := [key for key in _ARITHMETIC if _number(old[key]) != _number(new[key])]:
        detail = from_to(old[changed[0]], new[changed[0]])
        words = f"The conversion from {unit} for the quantity {name} changed ({changed[0]}{detail}); values differ."
        changes.add("major", "changed", QUANTITY, name, words, aspect=aspect)
    if old["apply"] != new["apply"]:
        tightened = _APPLIED.get(new["apply"], 0) < _APPLIED.get(old["apply"], 0)
        detail = from_to(old["apply"], new["apply"])
        words = f"Whether values in {unit} are converted by themselves changed{detail} for the quantity {name}."
        kind: Kind = "tightened" if tightened else "loosened"
        changes.add("major" if tightened else "minor", kind, QUANTITY, name, words, aspect=f"{aspect} apply")
    if keys := [key for key in ("basis", "source", "note") if not same(old[key], new[key])]:
        words = f"The words of the conversion from {unit} for the quantity {name} changed: {listed(keys)}."
        changes.add("patch", "words", QUANTITY, name, words, aspect=aspect)


def _number(value: Any) -> Any:
    # "1.0" and "1" are one factor
    if not isinstance(value, str):
        return value
    try:
        return Decimal(value)
    except ArithmeticError:
        return " ".join(value.split())


def _compare_spellings(changes: Changes, place: str, old: list[Described], new: list[Described]) -> None:
    before, after = ({f"{one['text']!r} {place}": one for one in side} for side in (old, new))
    compare_objects(changes, _SPELLING, before, after)


def compare_codelists(
    old: Mapping[str, Any], new: Mapping[str, Any], users: Mapping[str, list[str]], statuses: str | None
) -> list[Change]:
    """Changes of ``codelists.yaml``.

    Args:
        old: old codelists by name.
        new: new codelists by name.
        users: the fields of each codelist as table.field.
        statuses: the codelist whose ``words`` are understood without a profile.
    """
    changes = Changes()
    lists = matched(old, new, lambda _o, a, _n, b: int(_codes(a) == _codes(b)))
    _one_sided(changes, CODELIST, lists)
    for one, name in lists.pairs:
        _compare_codelist(changes, name, old[one], new[name], users.get(name, []), understood=name == statuses)
    return changes.found


def _codes(codelist: Described) -> list[str]:
    return [term["code"] for term in codelist["terms"]]


def _compare_codelist(
    changes: Changes, name: str, old: Described, new: Described, users: list[str], *, understood: bool
) -> None:
    before, after = ({term["code"]: term for term in side["terms"]} for side in (old, new))
    fields = f" ({used})" if (used := listed(users)) else ""
    terms = matched(before, after, lambda _o, a, _n, b: int(a["label"] == b["label"]))
    for code in terms.removed:
        words = f"The codelist {name}{fields} no longer has the code {code}; values that were valid are now errors."
        changes.add("major", "tightened", CODELIST, name, words, aspect=f"code {code}")
    for code in terms.added:
        words = f"The codelist {name}{fields} has the new code {code}."
        changes.add("minor", "loosened", CODELIST, name, words, aspect=f"code {code}")
    for one, code in terms.renamed:
        words = f"The code {one} of the codelist {name}{fields} looks like a rename: it seems to be {code} now."
        changes.add("major", "renamed", CODELIST, name, words, aspect=f"code {code}", before=one)
    moved = dict(terms.renamed)
    order = [moved.get(code, code) for code in before if moved.get(code, code) in after]
    if order != [code for code in after if code in order]:
        changes.add(
            "minor",
            "reordered",
            CODELIST,
            name,
            f"The order of the codes of the codelist {name} changed.",
            aspect="order",
        )
    for one, code in terms.pairs:
        gone = [word for word in before[one]["words"] if word not in after[code]["words"]]
        come = [word for word in after[code]["words"] if word not in before[one]["words"]]
        if understood and gone:
            sentence = f"Words of site files are no longer read as {code} of the codelist {name}: {listed(gone)}."
            changes.add("major", "tightened", CODELIST, name, sentence, aspect=f"words of {code}")
        if understood and come:
            sentence = f"Words of site files are now read as {code} of the codelist {name}: {listed(come)}."
            changes.add("minor", "loosened", CODELIST, name, sentence, aspect=f"words of {code}")
    words_changed = ["label"] if not same(old["label"], new["label"]) else []
    words_changed += [f"label of {code}" for one, code in terms.pairs if before[one]["label"] != after[code]["label"]]
    if not understood:
        words_changed += [
            f"words of {code}" for one, code in terms.pairs if before[one]["words"] != after[code]["words"]
        ]
    changes.words(CODELIST, name, words_changed)


def _one_sided(changes: Changes, what: str, found: Matched[Any]) -> None:
    for name in found.removed:
        changes.add("major", "removed", what, name, f"{what[0].upper()}{what[1:]} {name} was removed.")
    for name in found.added:
        changes.add("minor", "added", what, name, f"{what[0].upper()}{what[1:]} {name} is new.")
    for before, name in found.renamed:
        sentence = f"{what[0].upper()}{what[1:]} {before} looks like a rename: it seems to be called {name} now."
        changes.add("major", "renamed", what, name, sentence, before=before)


def _allowed(changes: Changes, what: str, name: str, aspect: str, old: list[str], new: list[str], words: str) -> None:
    for one in (one for one in old if one not in new):
        sentence = f"{what[0].upper()}{what[1:]} {name}: {words.format(one, 'no longer ')}."
        changes.add("major", "tightened", what, name, sentence, aspect=f"{aspect} {one}")
    for one in (one for one in new if one not in old):
        sentence = f"{what[0].upper()}{what[1:]} {name}: {words.format(one, 'now ')}."
        changes.add("minor", "loosened", what, name, sentence, aspect=f"{aspect} {one}")
