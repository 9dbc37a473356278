"""What de-identification says of other definitions: its fields exist, and none that can identify is forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from anakinra_t2d.schema.deidentification import split

if TYPE_CHECKING:
    from anakinra_t2d.schema.contents import Definitions
    from anakinra_t2d.schema.deidentification import Identifier, Measured, QuasiIdentifier, RareCodes, Step
    from anakinra_t2d.schema.tables import Field, Table
    from anakinra_t2d.schema.yaml_source import Loc

_SHOWN = "schema/deidentification.yaml"
_DATES = ("date", "datetime")


def identifier_fields(found: Definitions) -> dict[str, Identifier]:
    """The identifier whose pseudonyms a field takes, by ``table.field``: the identifiers and what refers to them."""
    fields = {one.field: one for one in found.deidentification.identifiers}
    growing = True
    while growing:
        growing = False
        for table in found.tables.values():
            for reference in table.foreign_keys:
                for own, theirs in zip(reference.fields, reference.to, strict=True):
                    name, parent = f"{table.name}.{own}", f"{reference.table}.{theirs}"
                    if parent in fields and name not in fields:
                        fields[name] = fields[parent]
                        growing = True
    return fields


def person_field(found: Definitions, table: str) -> str | None:
    """The field of a table that names the person of a record; None where there is none."""
    person = found.deidentification.person
    of_person = [name for name, one in identifier_fields(found).items() if one.field == person]
    return next((split(name)[1] for name in of_person if split(name)[0] == table), None)


def deidentification_problems(found: Definitions) -> list[str]:
    """Every broken reference and every field without a rule, as ``file:line: place: words``."""
    check = _Check(found)
    check.names()
    if not check.problems:
        check.people()
        check.quasi_identifiers()
        check.rare()
        check.nothing_forgotten()
    return check.problems


class _Check:
    def __init__(self, found: Definitions) -> None:
        self.found = found
        self.rules = found.deidentification
        self.problems: list[str] = []

    def say(self, loc: Loc, words: str) -> None:
        place = ".".join(str(part) for part in loc)
        self.problems.append(f"{_SHOWN}:{self.found.sources[_SHOWN].line(loc)}: {place}: {words}")

    def field(self, name: str) -> Field:
        table, field = split(name)
        return self.found.tables[table].fields[field]

    def names(self) -> None:
        for loc, name in self._named():
            table, field = split(name)
            if table not in self.found.tables:
                self.say(loc, f"there is no table {table!r}")
            elif field and field not in self.found.tables[table].fields:
                self.say(loc, f"there is no field {name!r}")

    def _named(self) -> Iterator[tuple[Loc, str]]:
        rules = self.rules
        yield ("person",), rules.person
        for index, name in enumerate(rules.day_one.fields):
            yield ("day_one", "fields", index), name
        for index, left_out in enumerate(rules.left_out):
            yield ("left_out", index, "table"), left_out.table
        for key, groups in (("withheld", rules.withheld), ("kept", rules.kept)):
            for index, group in enumerate(groups):
                for place, name in enumerate(group.fields):
                    yield (key, index, "fields", place), name
        lists: dict[str, Sequence[Identifier | QuasiIdentifier | Step | RareCodes | Measured]] = {
            "identifiers": rules.identifiers,
            "quasi_identifiers": rules.quasi_identifiers,
            "steps": rules.steps,
            "rare": rules.rare,
            "measured": rules.measured,
        }
        for key, listed in lists.items():
            for index, one in enumerate(listed):
                yield (key, index, "field"), one.field
                for part in ("told_by", "also_empty"):
                    for place, name in enumerate(getattr(one, part, [])):
                        yield (key, index, part, place), name

    def people(self) -> None:
        rules = self.rules
        if rules.person not in [one.field for one in rules.identifiers]:
            self.say(("person",), f"{rules.person} is none of the identifiers")
        for index, one in enumerate(rules.identifiers):
            if self.field(one.field).type != "string" or self.field(one.field).codelist:
                self.say(("identifiers", index, "field"), "an identifier is a string without a codelist")
        for part, count in Counter(one.prefix for one in rules.identifiers).items():
            if count > 1:
                self.say(("identifiers",), f"the prefix {part!r} is used {count} times")
        if rules.day_one.quantity not in self.found.quantities:
            self.say(("day_one", "quantity"), f"there is no quantity {rules.day_one.quantity!r}")
        for index, name in enumerate(rules.day_one.fields):
            if self.field(name).type != "date" or person_field(self.found, split(name)[0]) is None:
                self.say(("day_one", "fields", index), "study day 1 comes from a date in a table that names people")

    def quasi_identifiers(self) -> None:
        rules = self.rules
        listed = {one.field: one for one in rules.quasi_identifiers}
        for index, one in enumerate(rules.quasi_identifiers):
            loc: Loc = ("quasi_identifiers", index)
            self._one_a_person((*loc, "field"), one.field)
            for place, name in enumerate(one.told_by):
                if split(name)[1] in self.found.tables[split(name)[0]].key:
                    self.say((*loc, "told_by", place), "a key field cannot be emptied")
        for index, step in enumerate(rules.steps):
            self._step(("steps", index), step, listed)

    def _step(self, loc: Loc, step: Step, listed: dict[str, QuasiIdentifier]) -> None:
        field = self.field(step.field)
        if step.field not in listed or listed[step.field].fixed:
            self.say((*loc, "field"), f"{step.field} is no quasi-identifier that may be changed")
        if step.operation == "band" and field.type not in ("integer", "number"):
            self.say((*loc, "operation"), f"band is for numbers, and {step.field} is a {field.type}")
        if step.operation == "merge":
            known = self.found.terms(field) or []
            if not known:
                self.say((*loc, "operation"), f"merge is for fields with a codelist, and {step.field} has none")
            grouped = [code for codes in step.groups.values() for code in codes]
            for code in grouped:
                if known and code not in known:
                    self.say((*loc, "groups"), f"there is no code {code!r} of {step.field}")
            for name in step.groups:
                if name in known and name not in grouped:
                    self.say((*loc, "groups"), f"the group {name!r} has the name of a code that stays")

    def rare(self) -> None:
        inputs = [getattr(card, "input", None) for card in self.found.endpoints.parameters]
        read = {f"{one.table}.{one.field}" for one in inputs if one is not None}
        for index, one in enumerate(self.rules.rare):
            loc: Loc = ("rare", index)
            table, _ = split(one.field)
            if person_field(self.found, table) is None:
                self.say((*loc, "field"), f"the table {table} names no person")
            terms = self.found.terms(self.field(one.field))
            if one.into and one.into not in (terms or []):
                self.say((*loc, "into"), f"there is no code {one.into!r} of {one.field}")
            if one.into and one.field in read:
                self.say((*loc, "into"), f"a parameter is derived from {one.field}, and would count pooled codes")
            after = [one.id for one in self.found.eligibility.criteria if one.kind == "post_randomisation"]
            for place, criterion in enumerate(one.criteria):
                if criterion not in after:
                    self.say((*loc, "criteria", place), f"there is no criterion {criterion!r} after randomisation")
            self._same_table(loc, one, table)
        for index, measured in enumerate(self.rules.measured):
            if person_field(self.found, split(measured.field)[0]) is None:
                self.say(("measured", index, "field"), f"the table {split(measured.field)[0]} names no person")

    def _same_table(self, loc: Loc, one: RareCodes, table: str) -> None:
        for place, name in enumerate(one.also_empty):
            if split(name)[0] != table:
                self.say((*loc, "also_empty", place), f"{name} is in another table than {one.field}")
            elif split(name)[1] in self.found.tables[table].key:
                self.say((*loc, "also_empty", place), "a key field cannot be emptied")

    def _one_a_person(self, loc: Loc, name: str) -> None:
        table = self.found.tables[split(name)[0]]
        if table.key != [person_field(self.found, table.name)]:
            self.say(loc, f"a quasi-identifier stands in a table with one record for each person, unlike {table.name}")

    def nothing_forgotten(self) -> None:
        """Each field that could identify has exactly one rule, so that a new field is never released by oversight."""
        rules = self.rules
        out = {one.table for one in rules.left_out}
        groups = [*rules.withheld, *rules.kept]
        treated = Counter(name for group in groups for name in group.fields)
        treated.update(one.field for one in rules.quasi_identifiers)
        treated.update(one.field for one in rules.rare)
        told = {name for one in rules.quasi_identifiers for name in one.told_by}
        identifiers = identifier_fields(self.found)
        for name, count in treated.items():
            if count + (name in identifiers) > 1:
                self.say((), f"{name} has several rules; keep one")
        for group in rules.withheld:
            for name in group.fields:
                if split(name)[1] in self.found.tables[split(name)[0]].key:
                    self.say(("withheld",), f"{name} is a key field and cannot be withheld")
        for table in self.found.tables.values():
            if table.name in out:
                continue
            for field in table.fields.values():
                name = f"{table.name}.{field.name}"
                if _can_identify(field, table) and name not in {*treated, *told, *identifiers}:
                    self.say(
                        (), f"{name} can identify a person, and has no rule; withhold it, or keep it with a reason"
                    )


def _can_identify(field: Field, table: Table) -> bool:
    if field.type in _DATES or table.role == "flags":
        # dates are moved wherever they stand, and the keys in flags are made anew
        return table.role == "flags" and field.type == "string" and not field.codelist and field.name not in table.key
    return field.identifying != "none" or (field.type == "string" and field.codelist is None)
