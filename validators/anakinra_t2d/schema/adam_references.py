"""What the CDISC analysis data sets say of other definitions: fields, codes, populations and visits that must exist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from anakinra_t2d.schema.tables import Field

if TYPE_CHECKING:
    from anakinra_t2d.schema.adam import SubjectVariable
    from anakinra_t2d.schema.contents import Definitions
    from anakinra_t2d.schema.yaml_source import Loc

_SHOWN = "schema/adam.yaml"
SUBJECT = "subject_id"


def adam_problems(found: Definitions) -> list[str]:
    """Every broken reference, as ``file:line: place: words``."""
    check = _Adam(found)
    check.subject_level()
    check.values()
    check.visits()
    return check.problems


class _Adam:
    def __init__(self, found: Definitions) -> None:
        self.found = found
        self.adam = found.adam
        self.problems: list[str] = []
        flags = [population.code for population in found.endpoints.populations.values()]
        self.names = [*(variable.name for variable in self.adam.subject_level.variables), *flags]

    def say(self, loc: Loc, words: str) -> None:
        place = ".".join(str(part) for part in loc)
        self.problems.append(f"{_SHOWN}:{self.found.sources[_SHOWN].line(loc)}: {place}: {words}")

    def known(self, loc: Loc, what: str, name: str, names: Iterable[str]) -> bool:
        if name in names:
            return True
        self.say(loc, f"there is no {what} {name!r}")
        return False

    def field(self, loc: Loc, name: str) -> Field | None:
        table, _, field = name.partition(".")
        if not self.known(loc, "table", table, self.found.tables):
            return None
        fields = self.found.tables[table].fields
        return fields[field] if self.known(loc, f"field of {table}", field, fields) else None

    def subject_level(self) -> None:
        level = self.adam.subject_level
        place: Loc = ("subject_level",)
        if self.known((*place, "table"), "table", level.table, self.found.tables):
            self.known((*place, "table"), f"field of {level.table}", SUBJECT, self.found.tables[level.table].fields)
        for index, variable in enumerate(level.variables):
            self.variable((*place, "variables", index), variable)
        for name, count in Counter(self.names).items():
            if count > 1:
                self.say(
                    (*place, "variables"), f"the variable {name} stands {count} times, flags of populations included"
                )
        for population in level.population_labels:
            self.known((*place, "population_labels"), "population", population, self.found.endpoints.populations)

    def variable(self, loc: Loc, variable: SubjectVariable) -> None:
        if variable.codelist:
            self.known((*loc, "codelist"), "codelist", variable.codelist, self.found.codelists)
        if variable.field is None or (field := self.field((*loc, "field"), variable.field)) is None:
            return
        self.known((*loc, "field"), f"field of {field.table}", SUBJECT, self.found.tables[field.table].fields)
        if variable.terms:
            codes = set(self.found.terms(field) or ())
            for code in sorted(codes ^ set(variable.terms)):
                what = "has no term here" if code in codes else f"is no code of {variable.field}"
                self.say((*loc, "terms"), f"{code!r} {what}")

    def values(self) -> None:
        values = self.adam.values
        for name, source in values.copied.items():
            self.known(("values", "copied", name), "variable of the subjects", source, self.names)
        for name in values.copied_labels:
            self.known(("values", "copied_labels", name), "copied variable", name, values.copied)
        self.known(("values", "study_day_from"), "variable of the subjects", values.study_day_from, self.names)
        sources: list[tuple[Loc, str]] = [(("values", "usual_date"), values.usual_date)]
        for table, name in values.dates.items():
            place: Loc = ("values", "dates", table)
            self.known(place, "table", table, self.found.tables)
            sources.append((place, name))
        for loc, name in sources:
            field = self.field(loc, name)
            if field is not None and field.type not in ("date", "datetime"):
                self.say(loc, f"{name} is no date")

    def visits(self) -> None:
        values = self.adam.values
        for what, shown in (
            ("id", [visit.id for visit in values.visits]),
            ("label", [*(visit.label for visit in values.visits), values.whole_study.label]),
            ("number", [*(visit.number for visit in values.visits), values.whole_study.number]),
        ):
            for value, count in Counter(shown).items():
                if count > 1:
                    self.say(("values", "visits"), f"the {what} {value} stands {count} times")
        known = {visit.id: visit for visit in values.visits}
        for card in self.found.endpoints.parameters:
            unknown = [visit for visit in card.visits if visit not in known]
            for visit in unknown:
                self.say(("values", "visits"), f"the analysis visit {visit!r} of the parameter {card.id} is missing")
            baselines = [visit for visit in card.visits if visit in known and known[visit].baseline]
            if len(baselines) > 1:
                self.say(("values", "visits"), f"the parameter {card.id} has the baselines {', '.join(baselines)}")
