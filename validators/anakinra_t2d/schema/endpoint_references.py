"""What cards of parameters, endpoints and printed results say of other definitions: names, units, visits, readings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from anakinra_t2d.schema.endpoints import (
    EventCard,
    FormulaCard,
    LevelCard,
    MeanOverCard,
    OnceCard,
    TrapezoidCard,
    TwoVisitsCard,
)
from anakinra_t2d.schema.readings import reads
from anakinra_t2d.schema.repeated import WrittenOut
from anakinra_t2d.schema.sql import SqlProblem, columns_read
from anakinra_t2d.schema.units import unit_problem

if TYPE_CHECKING:
    from anakinra_t2d.schema.contents import Definitions
    from anakinra_t2d.schema.endpoints import Endpoint, GroupResult, Measure, Parameter
    from anakinra_t2d.schema.tables import Field, Table
    from anakinra_t2d.schema.yaml_source import Loc

_SHOWN = "schema/endpoints.yaml"
_REPORTED = "schema/reported.yaml"


def endpoint_problems(found: Definitions, whole: WrittenOut) -> list[str]:
    """Every broken reference of the cards and of the printed results, as ``file:line: place: words``."""
    check = _Cards(found, whole)
    for index, parameter in enumerate(found.endpoints.parameters):
        check.parameter(("parameters", index), parameter)
    for index, endpoint in enumerate(found.endpoints.endpoints):
        check.endpoint(("endpoints", index), endpoint)
    for index, group in enumerate(found.endpoints.groups):
        check.group(("groups", index), group)
    check.reported()
    return check.problems


class _Cards:
    def __init__(self, found: Definitions, whole: WrittenOut) -> None:
        self.found = found
        self.cards = found.endpoints
        self.whole = whole
        self.problems: list[str] = []
        self.seen: set[str] = set()
        self.codes: dict[str, str] = {}
        self.parameters: dict[str, Parameter] = {}
        self.endpoints: dict[str, Endpoint] = {}

    def say(self, loc: Loc, words: str, shown: str = _SHOWN) -> None:
        place = self.whole.place(loc) if shown == _SHOWN else loc
        line = self.found.sources[shown].line(place)
        self.problems.append(f"{shown}:{line}: {'.'.join(str(part) for part in place)}: {words}")

    def known(self, loc: Loc, what: str, name: str, names: Iterable[str], shown: str = _SHOWN) -> bool:
        if name in names:
            return True
        self.say(loc, f"there is no {what} {name!r}", shown)
        return False

    def card(self, loc: Loc, card: Any) -> None:
        if card.id in self.seen:
            self.say(loc, f"the id {card.id} is used twice")
        self.seen.add(card.id)
        code = getattr(card, "code", None)
        if code and self.codes.setdefault(code, card.id) != card.id:
            self.say(loc, f"the code {code} is already that of {self.codes[code]}")
        if words := unit_problem(card.unit):
            self.say((*loc, "unit"), words)
        readings = {one.id: one for one in self.found.trial.ambiguities}
        for reading in card.ambiguity:
            self.known((*loc, "ambiguity"), "open reading", reading, readings)
        for index, alternative in enumerate(card.alternatives):
            place: Loc = (*loc, "alternatives", index)
            if self.known(place, "open reading", alternative.reading, readings):
                one = readings[alternative.reading]
                self.known(place, f"choice of {one.id}", alternative.choice, one.choices)
            for key in alternative.set:
                self.known((*place, "set"), "key", key, type(card).model_fields)

    def parameter(self, loc: Loc, card: Parameter) -> None:
        self.card(loc, card)
        if not isinstance(card, FormulaCard):
            self.input(loc, card)
        else:
            self.formula(loc, card)
        for sent in card.sent:
            if self.known((*loc, "sent"), "table", sent.table, self.found.tables):
                fields = self.found.tables[sent.table].fields
                if self.known((*loc, "sent"), f"field of {sent.table}", sent.field, fields):
                    self.unit((*loc, "sent"), card.unit, self.unit_of(fields[sent.field]), sent.field)
        self.parameters[card.id] = card

    def input(self, loc: Loc, card: Any) -> None:
        source, place = card.input, (*loc, "input")
        if not self.known(place, "table", source.table, self.found.tables):
            return
        table = self.found.tables[source.table]
        if self.known(place, f"field of {table.name}", source.field, table.fields):
            self.unit(place, source.unit, self.unit_of(table.fields[source.field]), source.field)
        if any(value is not None for value in card.visits.values()):
            self.known(place, f"key field of {table.name}", source.by, table.key)
        if isinstance(card, OnceCard):
            self.known(place, f"key field of {table.name}", source.by, table.key)
        for key in ("where",):
            self.condition((*place, key), getattr(source, key), table)
        self.condition((*loc, "condition"), getattr(card, "condition", None), table)
        if isinstance(card, TrapezoidCard):
            self.known((*loc, "actual"), f"field of {table.name}", card.actual, table.fields)

    def formula(self, loc: Loc, card: FormulaCard) -> None:
        for name, source in card.inputs.items():
            place: Loc = (*loc, "inputs", name)
            if self.known(place, "earlier parameter", source.parameter, self.parameters):
                given = self.parameters[source.parameter]
                self.unit(place, source.unit, given.unit, source.parameter)
                for visit in [source.visit] if source.visit else card.visits:
                    self.known(place, f"visit of {given.id}", visit, given.visits)
        try:
            read = columns_read(card.expression)
        except SqlProblem as problem:
            self.say((*loc, "expression"), str(problem))
            return
        for name in sorted(read - set(card.inputs)):
            self.say((*loc, "expression"), f"there is no input {name!r}")
        for name in sorted(set(card.inputs) - read):
            self.say((*loc, "inputs", name), "the expression does not read it")

    def unit_of(self, field: Field) -> str:
        """Unit of a field; an unknown quantity is reported where the field is."""
        quantity = self.found.quantities.get(field.quantity or "")
        return (quantity and quantity.unit) or "1"

    def unit(self, loc: Loc, wanted: str, is_unit: str, name: str) -> None:
        if wanted != is_unit:
            self.say(loc, f"the card needs {wanted}, but {name} is in {is_unit}")

    def condition(self, loc: Loc, text: str | None, table: Table) -> None:
        if text is None:
            return
        try:
            read = columns_read(text)
        except SqlProblem as problem:
            self.say(loc, str(problem))
            return
        for column in sorted(read):
            self.known(loc, f"field of {table.name}", column, table.fields)

    def endpoint(self, loc: Loc, card: Endpoint) -> None:
        self.card(loc, card)
        self.known((*loc, "population"), "population", card.population, self.cards.populations)
        if isinstance(card, EventCard):
            if self.known((*loc, "table"), "table", card.table, self.found.tables):
                self.condition((*loc, "where"), card.where, self.found.tables[card.table])
        elif self.known((*loc, "parameter"), "parameter", card.parameter, self.parameters):
            self.visits(loc, card, self.parameters[card.parameter])
        if card.subgroup and self.known((*loc, "subgroup"), "parameter", card.subgroup.parameter, self.parameters):
            visits = self.parameters[card.subgroup.parameter].visits
            self.known((*loc, "subgroup"), f"visit of {card.subgroup.parameter}", card.subgroup.visit, visits)
        if card.analysis.by:
            self.known((*loc, "analysis", "by"), "earlier endpoint", card.analysis.by, self.endpoints)
        if card.analysis.arm:
            self.known((*loc, "analysis", "arm"), "arm", card.analysis.arm, {arm.id for arm in self.found.trial.arms})
        self.endpoints[card.id] = card

    def visits(self, loc: Loc, card: TwoVisitsCard | LevelCard | MeanOverCard, parameter: Parameter) -> None:
        if isinstance(card, TwoVisitsCard):
            visits = [card.baseline, card.follow_up]
        else:
            visits = card.over if isinstance(card, MeanOverCard) else [card.visit]
        for visit in visits:
            self.known(loc, f"visit of {parameter.id}", visit, parameter.visits)
        if card.operation in ("change", "level", "mean_over"):
            self.unit((*loc, "unit"), card.unit, parameter.unit, parameter.id)
        elif card.unit != "1":
            self.say((*loc, "unit"), f"the result of {card.operation} has no unit: 1")

    def group(self, loc: Loc, card: GroupResult) -> None:
        self.card(loc, card)
        self.known((*loc, "population"), "population", card.population, self.cards.populations)
        names = {*self.parameters, *self.endpoints}
        for name in sorted(reads(card)):
            self.known(loc, "parameter or endpoint", name, names)
        for key in ("x", "y", "covariate"):
            measure: Measure | None = getattr(card, key, None)
            if measure and measure.parameter in self.parameters and measure.visit:
                given = self.parameters[measure.parameter]
                self.known((*loc, key), f"visit of {given.id}", measure.visit, given.visits)
        arms = getattr(card, "arms", "each")
        if arms not in ("each", "pooled"):
            self.known((*loc, "arms"), "arm", arms, {arm.id for arm in self.found.trial.arms})

    def reported(self) -> None:
        ids = {one.id for one in self.found.trial.inconsistencies}
        results = {*self.endpoints, *(card.id for card in self.cards.groups), "flow"}
        for index, one in enumerate(self.found.reported):
            loc: Loc = ("reported", index)
            for flag in one.inconsistency:
                self.known((*loc, "inconsistency"), "inconsistency", flag, ids, _REPORTED)
            if one.shown:
                self.known((*loc, "shown"), "result", one.shown.result, results, _REPORTED)
                if one.shown.p_result:
                    self.known((*loc, "shown"), "result", one.shown.p_result, results, _REPORTED)
                if one.shown.step:
                    steps = {step.id for step in self.found.flow.steps}
                    self.known((*loc, "shown"), "step of the flow", one.shown.step, steps, _REPORTED)
