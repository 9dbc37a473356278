"""What a site profile says of the definitions: tables, fields, codes and units that must exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from anakinra_t2d.schema.contents import Definitions
from anakinra_t2d.schema.sites import BOOLEAN, FieldLayout, Profile, TableLayout
from anakinra_t2d.schema.tables import Field
from anakinra_t2d.schema.units import unit_problem
from anakinra_t2d.schema.yaml_source import Loc, YamlSource

_BOOLEANS = ("true", "false")


def profile_problems(found: Definitions, profile: Profile, source: YamlSource) -> list[str]:
    """Every broken reference of a profile, as ``file:line: place: words``."""
    check = _Check(found, profile, source)
    check.profile_level()
    for index, sheet in enumerate(profile.sheets):
        for place, table in enumerate(sheet.tables):
            check.table(("sheets", index, "tables", place), table)
    return check.problems


class _Check:
    def __init__(self, found: Definitions, profile: Profile, source: YamlSource) -> None:
        self.found = found
        self.profile = profile
        self.source = source
        self.problems: list[str] = []

    def say(self, loc: Loc, words: str) -> None:
        place = ".".join(str(part) for part in loc)
        self.problems.append(f"{self.source.path}:{self.source.line(loc)}: {place}: {words}")

    def known(self, loc: Loc, what: str, name: str, names: Iterable[str]) -> bool:
        names = list(names)
        if name in names:
            return True
        near = next(iter(difflib.get_close_matches(name, names, n=1)), None)
        self.say(loc, f"there is no {what} {name!r}" + (f"; did you mean {near!r}?" if near else ""))
        return False

    def profile_level(self) -> None:
        found, profile = self.found, self.profile
        for index, guess in enumerate(profile.undecided):
            self.say(("undecided", index), f"decide on the column {guess.column!r} first: {guess.reason}")
        if profile.site is not None:
            self.known(("site",), "site", profile.site, [site.id for site in found.trial.sites])
        statuses = found.result_statuses.codes
        for word, status in profile.results.items():
            self.known(("results", word), "result status", status, statuses)
        for text, unit in profile.units.items():
            self.unit(("units", text), unit)
        for name, words in profile.codes.items():
            if name != BOOLEAN and not self.known(("codes", name), "codelist", name, found.codelists):
                continue
            codes = list(_BOOLEANS) if name == BOOLEAN else found.codelists[name].codes
            for text, code in words.items():
                self.known(("codes", name, text), f"term of {name}", code, codes)
        if profile.subjects is not None:
            every = {name for table in found.tables.values() for name in table.fields}
            for name in profile.subjects.fields:
                self.known(("subjects", "fields"), "field", name, every)

    def unit(self, loc: Loc, unit: str) -> None:
        if words := unit_problem(unit):
            self.say(loc, words)

    def table(self, loc: Loc, layout: TableLayout) -> None:
        if not self.known((*loc, "table"), "table", layout.table, self.found.tables):
            return
        table = self.found.tables[layout.table]
        if table.role == "lineage":
            self.say((*loc, "table"), f"{table.name} is written by the converter and never read")
        for name in layout.fields:
            if self.known((*loc, "fields", name), f"field of {table.name}", name, table.fields):
                self.field((*loc, "fields", name), table.fields[name], layout.field(name))
        if layout.over is not None:
            over = layout.over.field
            if self.known((*loc, "over"), f"field of {table.name}", over, table.fields) and over not in table.key:
                self.say((*loc, "over"), f"{over} is not part of the key of {table.name}")
        if layout.tests is not None:
            seen: dict[str, str] = {}
            for name, texts in layout.tests.names.items():
                place = (*loc, "tests", "names", name)
                self.known(place, f"field of {table.name}", name, table.fields)
                for text in texts:
                    if seen.setdefault(text.casefold(), name) != name:
                        self.say(place, f"the test {text!r} is already {seen[text.casefold()]}")
            for name, units in layout.tests.units.items():
                place = (*loc, "tests", "units", name)
                if self.known(place, "test of this table", name, layout.tests.names) and name in table.fields:
                    for unit in units:
                        self.unit_of(place, table.fields[name], unit)

    def unit_of(self, loc: Loc, field: Field, unit: str) -> None:
        """A unit that values of a field are sent in."""
        self.unit(loc, unit)
        quantity = self.found.quantity(field)
        if quantity is None:
            self.say(loc, f"{field.name} has no unit")
        elif unit != quantity.unit and unit not in {conversion.unit for conversion in quantity.conversions}:
            self.say(loc, f"{unit} cannot be converted to {quantity.unit}")

    def field(self, loc: Loc, field: Field, layout: FieldLayout) -> None:
        terms = self.found.terms(field)
        if field.type == "boolean":
            terms = list(_BOOLEANS)
        if layout.codes and terms is None:
            self.say((*loc, "codes"), f"{field.name} has no codelist")
        for text, code in layout.codes.items():
            self.known((*loc, "codes", text), f"term of {field.name}", code, terms or [code])
        if layout.value is not None and terms is not None:
            self.known((*loc, "value"), f"term of {field.name}", layout.value, terms)
        if layout.default is not None and terms is not None:
            self.known((*loc, "default"), f"term of {field.name}", layout.default, terms)
        if layout.unit is not None:
            self.unit_of((*loc, "unit"), field, layout.unit)
