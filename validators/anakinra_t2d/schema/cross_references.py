"""What one definition says of another: names that must exist, units that must be known, codes that are unique."""

from __future__ import annotations

import re
from collections.abc import Iterable

from anakinra_t2d.schema.contents import Definitions
from anakinra_t2d.schema.quantities import Quantities
from anakinra_t2d.schema.rules import FIELD_PLACEHOLDERS, TABLE_PLACEHOLDERS, AcrossRule, ForEach, RuleFile
from anakinra_t2d.schema.sql import SqlProblem, columns_read
from anakinra_t2d.schema.tables import Field, Table
from anakinra_t2d.schema.units import unit_problem
from anakinra_t2d.schema.yaml_source import Loc


def problems_between(found: Definitions, quantities: Quantities, files: list[RuleFile]) -> list[str]:
    """Every broken reference, as ``file:line: place: words``."""
    check = _Check(found)
    check.tables()
    check.quantities(quantities)
    check.trial()
    check.rules(files)
    return check.problems


class _Check:
    def __init__(self, found: Definitions) -> None:
        self.found = found
        self.problems: list[str] = []

    def say(self, shown: str, loc: Loc, words: str) -> None:
        place = ".".join(str(part) for part in loc)
        self.problems.append(f"{shown}:{self.found.sources[shown].line(loc)}: {place}: {words}")

    def known(self, shown: str, loc: Loc, what: str, name: str, names: Iterable[str]) -> bool:
        if name in names:
            return True
        near = _nearest(name, names)
        self.say(shown, loc, f"there is no {what} {name!r}" + (f"; did you mean {near!r}?" if near else ""))
        return False

    def tables(self) -> None:
        for name, table in self.found.tables.items():
            shown = f"schema/tables/{name}.yaml"
            for index, reference in enumerate(table.foreign_keys):
                loc: Loc = ("foreign_keys", index)
                if self.known(shown, loc, "table", reference.table, self.found.tables):
                    parent = self.found.tables[reference.table]
                    for key_part in reference.to:
                        self.known(shown, loc, f"field of {reference.table}", key_part, parent.fields)
                    if reference.to not in [parent.key, *parent.unique]:
                        self.say(shown, loc, f"{', '.join(reference.to)} is not a key of {reference.table}")
            for field_name, field in table.fields.items():
                self.field(shown, ("fields", field_name), table, field)
            for index, rule in enumerate(table.rules):
                self.sql(shown, ("rules", index, "assert"), rule.assert_, table, [rule.field, *rule.fields])
                if rule.ours:
                    self.sql(shown, ("rules", index, "ours"), rule.ours.value, table, [rule.field, *rule.fields])

    def field(self, shown: str, loc: Loc, table: Table, field: Field) -> None:
        if field.codelist and self.known(shown, (*loc, "codelist"), "codelist", field.codelist, self.found.codelists):
            codes = self.found.codelists[field.codelist].codes
            for term in field.terms:
                self.known(shown, (*loc, "terms"), f"term of {field.codelist}", term, codes)
        if field.quantity:
            self.known(shown, (*loc, "quantity"), "quantity", field.quantity, self.found.quantities)
        visits = {visit.id for visit in self.found.trial.visits}
        for visit in [*field.visits, *field.planned.visits]:
            self.known(shown, (*loc, "visits"), "visit", visit, visits)
        if field.planned.visits and "visit" not in table.fields:
            self.say(shown, (*loc, "planned"), "planned visits need a field 'visit' in the table")
        for key, text in (("required_when", field.required_when), ("planned", field.planned.when)):
            if text:
                self.sql(shown, (*loc, key), text, table, None)
        if field.required_by and field.required_by not in self.found.rules:
            self.say(shown, (*loc, "required_by"), f"there is no rule {field.required_by!r}")

    def sql(self, shown: str, loc: Loc, text: str, table: Table, declared: list[str] | None) -> None:
        try:
            read = columns_read(text)
        except SqlProblem as problem:
            self.say(shown, loc, str(problem))
            return
        for column in sorted(read):
            self.known(shown, loc, f"field of {table.name}", column, table.fields)
        if declared is not None and (missing := sorted(read - set(declared))):
            self.say(shown, loc, f"the condition reads {', '.join(missing)}, which `fields` does not list")

    def quantities(self, quantities: Quantities) -> None:
        shown = "schema/quantities.yaml"
        for name, quantity in quantities.quantities.items():
            loc: Loc = ("quantities", name)
            spelled = [(("spellings", i), s.unit) for i, s in enumerate(quantity.spellings)]
            converted = [(("conversions", i), c.unit) for i, c in enumerate(quantity.conversions)]
            accepted = [(("accepted",), unit) for unit in quantity.accepted]
            for where, unit in [(("unit",), quantity.unit), *accepted, *converted, *spelled]:
                if unit and (words := unit_problem(unit)):
                    self.say(shown, (*loc, *where), words)
            convertible = {c.unit for c in quantity.conversions}
            for unit in quantity.accepted:
                if unit not in convertible:
                    self.say(shown, (*loc, "accepted"), f"the accepted unit {unit!r} has no conversion")
        for index, spelling in enumerate(quantities.spellings):
            if spelling.unit and (words := unit_problem(spelling.unit)):
                self.say(shown, ("spellings", index), words)

    def trial(self) -> None:
        shown = "schema/trial.yaml"
        visits = {visit.id for visit in self.found.trial.visits}
        for name in self.found.tables:
            if name not in self.found.trial.tables:
                self.say(shown, ("tables",), f"the table {name!r} is not in the list")
        for index, name in enumerate(self.found.trial.tables):
            self.known(shown, ("tables", index), "table", name, self.found.tables)
        for index, step in enumerate(self.found.trial.schedule):
            loc: Loc = ("schedule", index)
            if self.known(shown, loc, "table", step.table, self.found.tables):
                for field in step.fields:
                    self.known(shown, loc, f"field of {step.table}", field, self.found.tables[step.table].fields)
            if step.visit:
                self.known(shown, loc, "visit", step.visit, visits)

    def rules(self, files: list[RuleFile]) -> None:
        seen: dict[str, str] = {}
        shown_of = [shown for shown in self.found.sources if shown.startswith("schema/rules/")]
        for shown, file in zip(shown_of, files, strict=True):
            for kind, rules in (("builtin", file.builtin), ("rules", file.rules)):
                for index, rule in enumerate(rules):
                    self.unique(seen, shown, (kind, index, "code"), rule.code)
            for index, across in enumerate(file.rules):
                self.across(shown, ("rules", index), across.table, across.field, across.fields)
                if across.for_each is not None:
                    self.for_each(shown, ("rules", index), across, across.for_each)
        for name, table in self.found.tables.items():
            for index, row_rule in enumerate(table.rules):
                self.unique(seen, f"schema/tables/{name}.yaml", ("rules", index, "code"), row_rule.code)

    def across(self, shown: str, loc: Loc, table: str | None, field: str | None, fields: list[str]) -> None:
        if table and self.known(shown, (*loc, "table"), "table", table, self.found.tables) and field:
            self.known(shown, (*loc, "field"), f"field of {table}", field, self.found.tables[table].fields)
        for entry in fields:
            other, _, name = entry.partition(".")
            if self.known(shown, (*loc, "fields"), "table", other, self.found.tables) and name:
                self.known(shown, (*loc, "fields"), f"field of {other}", name, self.found.tables[other].fields)

    def for_each(self, shown: str, loc: Loc, rule: AcrossRule, for_each: ForEach) -> None:
        entries = [("only", *entry) for entry in enumerate(for_each.only)]
        entries += [("exclude", *entry) for entry in enumerate(for_each.exclude)]
        for part, index, entry in entries:
            table, _, field = entry.partition(".")
            place: Loc = (*loc, "for_each", part, index)
            if self.known(shown, place, "table", table, self.found.tables) and field:
                self.known(shown, place, f"field of {table}", field, self.found.tables[table].fields)
        names = [*TABLE_PLACEHOLDERS, *(FIELD_PLACEHOLDERS if for_each.by == "field" else ())]
        for key, text in (("records", rule.records), ("assert", rule.assert_)):
            for name in re.findall(r"\{(\w+)\}", text):
                self.known(shown, (*loc, key), "placeholder", name, names)

    def unique(self, seen: dict[str, str], shown: str, loc: Loc, code: str) -> None:
        if code in seen:
            self.say(shown, loc, f"the code {code} is already used in {seen[code]}")
        seen.setdefault(code, shown)


def _nearest(name: str, names: Iterable[str]) -> str | None:
    import difflib

    return next(iter(difflib.get_close_matches(name, list(names), n=1)), None)
