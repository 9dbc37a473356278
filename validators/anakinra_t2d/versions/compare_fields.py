"""Compares a field of two states."""

from __future__ import annotations

from typing import Any, Literal

from anakinra_t2d.versions.change import Changes, Kind, Level, from_to, listed
from anakinra_t2d.versions.objects import same
from anakinra_t2d.versions.table_facts import WORDS_OF_FIELD, Facts

WHAT = "the field"
_STRICTNESS = {"always": 3, "conditional": 2, "planned": 1, "elsewhere": 1, "optional": 0}
_AN_ERROR_WHEN_EMPTY = 2
"""From this strictness on an empty value is an error, below it a warning at most."""
_PLAN = ("planned", "required_by", "visits", "minutes", "weeks")
_CLASSES = {"identifying": ("none", "quasi", "direct"), "blinding": ("open", "revealing")}
COMPARED = frozenset(
    ("type", "unit", "quantity", "range", "expected", "allowed", "terms", "codelist", "labels", "pattern", "required",
     "required_when", "terminology", *_PLAN, *_CLASSES, *WORDS_OF_FIELD)
)  # fmt: skip
"""Facts that are compared in a way of their own; any other that differs is a minor change."""

Direction = Literal["tightened", "loosened", "changed"]


def must_be_filled(field: Facts) -> bool:
    """Whether an empty value is an error, always or under a condition."""
    return _strictness(field) >= _AN_ERROR_WHEN_EMPTY


def _strictness(field: Facts) -> int:
    return _STRICTNESS.get(field["required"], 0)


def field_likeness(old: Facts, new: Facts, *, at_same_place: bool) -> int:
    """How much speaks for two fields being one that was renamed; 0 when too little does."""
    score = 0
    for key, weight in (("variable", 6), ("description", 4), ("label", 4)):
        if old.get(key) and old.get(key) == new.get(key):
            score += weight
    particular = [key for key in ("unit", "range", "allowed", "pattern") if _says(old.get(key))]
    alike = bool(particular) and all(
        same(old.get(key), new.get(key)) for key in ("unit", "range", "allowed", "pattern")
    )
    if at_same_place and alike and old["type"] == new["type"]:
        score += 4
    if score:
        score += sum(same(old.get(key), new.get(key)) for key in ("type", "unit", "range", "allowed"))
        score += at_same_place
    return score


def _says(value: Any) -> bool:
    return any(part is not None for part in value) if isinstance(value, tuple) else bool(value)


class FieldComparison:
    """Notes how one field changed. ``old`` and ``new`` are its facts, ``name`` is table.field."""

    def __init__(self, changes: Changes, name: str, old: Facts, new: Facts) -> None:
        self.changes = changes
        self.name = name
        self.old = old
        self.new = new

    def run(self) -> None:
        """Compare everything that both states say."""
        self._type_and_unit()
        self._range()
        self._expected()
        self._codes()
        self._pattern()
        self._required()
        self._classes()
        self._about()

    def _differs(self, key: str) -> bool:
        return key in self.old and key in self.new and not same(self.old[key], self.new[key])

    def _note(self, level: Level, kind: Kind, aspect: str, words: str) -> None:
        self.changes.add(level, kind, WHAT, self.name, f"{self.name}: {words}.", aspect=aspect)

    def _type_and_unit(self) -> None:
        if self._differs("type"):
            old, new = self.old["type"], self.new["type"]
            self._note("major", "changed", "type", f"the type changed from {old} to {new}")
        by_quantity = self.old.get("quantity") and self.old.get("quantity") == self.new.get("quantity")
        # a unit that changes with its quantity is noted there, once for all its fields
        if self._differs("unit") and not by_quantity:
            old, new = self.old["unit"] or "none", self.new["unit"] or "none"
            self._note(
                "major",
                "changed",
                "unit",
                f"the unit changed from {old} to {new}, so the same number means another amount",
            )
        elif self._differs("quantity"):
            detail = from_to(self.old["quantity"], self.new["quantity"])
            words = f"the quantity changed{detail}, and with it the conversions"
            self._note("major", "changed", "quantity", words)

    def _range(self) -> None:
        if not self._differs("range"):
            return
        direction = direction_of(self.old["range"], self.new["range"])
        old, new = (self._interval(facts, "range") for facts in (self.old, self.new))
        effect = {
            "tightened": "values that were valid are now errors",
            "loosened": "more values are valid",
            "changed": "other values are valid",
        }[direction]
        level: Level = "minor" if direction == "loosened" else "major"
        self._note(level, direction, "range", f"the possible range was {old} and is now {new}; {effect}")

    def _expected(self) -> None:
        if self._differs("expected"):
            old, new = (self._interval(facts, "expected") for facts in (self.old, self.new))
            words = f"the expected range was {old} and is now {new}, which only changes warnings"
            self._note("minor", direction_of(self.old["expected"], self.new["expected"]), "expected", words)

    def _interval(self, facts: Facts, key: str) -> str:
        low, high = facts[key]
        unit = f" {facts['unit']}" if facts.get("unit") else ""
        if low is None and high is None:
            return "open"
        if low is None:
            return f"up to {high}{unit}"
        return f"from {low}{unit}" if high is None else f"{low} to {high}{unit}"

    def _codes(self) -> None:
        renamed = self._differs("codelist") and bool(self.old["codelist"]) and bool(self.new["codelist"])
        by_codelist = (
            "terms" in self.old
            and "terms" in self.new
            and self.old["terms"] == self.new["terms"]
            and self.old["codelist"] == self.new["codelist"]
        )
        if renamed:
            words = f"the codelist changed{from_to(self.old['codelist'], self.new['codelist'])}"
            self._note("minor", "changed", "codelist", words)
        if by_codelist or not self._differs("allowed"):
            if self._differs("labels"):
                self._note("patch", "words", "labels", "the labels of its codes changed")
            return
        old, new = self.old["allowed"], self.new["allowed"]
        if old is None or new is None:
            kind: Direction = "tightened" if old is None else "loosened"
            words = (
                f"only these codes are allowed now: {listed(new)}"
                if old is None
                else "any text is allowed now, not only codes"
            )
            self._note("major" if old is None else "minor", kind, "codes", words)
            return
        gone, come = [code for code in old if code not in new], [code for code in new if code not in old]
        if gone:
            self._note("major", "tightened", "codes", f"no longer allowed: {listed(gone)}")
        if come:
            self._note("minor", "loosened", "codes", f"newly allowed: {listed(come)}")
        if not gone and not come:
            self._note("minor", "reordered", "codes", "the order of its codes changed")

    def _pattern(self) -> None:
        if not self._differs("pattern"):
            return
        if self.old["pattern"] is None:
            self._note("major", "tightened", "pattern", f"the text must have the form {self.new['pattern']} now")
        elif self.new["pattern"] is None:
            self._note("minor", "loosened", "pattern", "the text may have any form now")
        else:
            words = f"the form of the text changed{from_to(self.old['pattern'], self.new['pattern'])}"
            self._note("major", "changed", "pattern", f"{words}; texts that were valid may now be errors")

    def _required(self) -> None:
        old, new = self.old["required"], self.new["required"]
        if old != new:
            before, after = _strictness(self.old), _strictness(self.new)
            level: Level = "major" if after > before and must_be_filled(self.new) else "minor"
            kind: Direction = "tightened" if after > before else "loosened" if after < before else "changed"
            self._note(level, kind, "required", f"whether it must be filled in changed from {old} to {new}")
        elif self._differs("required_when"):
            detail = from_to(self.old["required_when"], self.new["required_when"])
            words = f"the condition under which it must be filled in changed{detail}"
            self._note("major", "changed", "required_when", words)
        plan = [key for key in _PLAN if self._differs(key)]
        if plan and old == new:
            named = listed([key.replace("_", " ") for key in plan])
            self._note("minor", "changed", "plan", f"where the schedule asks for it changed ({named})")

    def _classes(self) -> None:
        for key, classes in _CLASSES.items():
            if self._differs(key):
                old, new = self.old[key], self.new[key]
                raised = _place(classes, new) > _place(classes, old)
                effect = "releases show it less often" if raised else "releases may show it more often"
                self._note(
                    "major" if raised else "minor",
                    "tightened" if raised else "loosened",
                    key,
                    f"the class {key} changed from {old} to {new}; {effect}",
                )

    def _about(self) -> None:
        if self._differs("terminology"):
            words = "its codes in public terminologies changed"
            self._note("minor", "changed", "terminology", words)
        for key in [key for key in self.new if key not in COMPARED and self._differs(key)]:
            self._note(
                "minor", "changed", key, f"{key.replace('_', ' ')} changed{from_to(self.old[key], self.new[key])}"
            )
        words_changed = [key for key in WORDS_OF_FIELD if self._differs(key)]
        self.changes.words(WHAT, self.name, words_changed)


def _place(classes: tuple[str, ...], name: str) -> int:
    return classes.index(name) if name in classes else len(classes)


def direction_of(old: tuple[Any, Any], new: tuple[Any, Any]) -> Direction:
    """Whether the new interval lies in the old one, holds it, or neither; None is an open end."""
    ends = [_end(old[0], new[0], upper=False), _end(old[1], new[1], upper=True)]
    if all(end <= 0 for end in ends):
        return "tightened"
    return "loosened" if all(end >= 0 for end in ends) else "changed"


def _end(old: Any, new: Any, *, upper: bool) -> int:
    """1 when the new end lets in more, -1 when it lets in less, 0 when it is the same."""
    if old is None or new is None:
        return int(new is None) - int(old is None)
    if isinstance(old, str) != isinstance(new, str):
        old, new = str(old), str(new)
    return int((new > old) == upper) * 2 - 1 if new != old else 0
