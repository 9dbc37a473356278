"""Methods of parameters, endpoints and populations: the formula in words, and the SQL of the view."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from anakinra_t2d.endpoint_views.dialects import translated
from anakinra_t2d.endpoint_views.samples import SEQUENCE
from anakinra_t2d.endpoint_views.views import endpoint_view, parameter_view, relation_of, views
from anakinra_t2d.schema.endpoints import (
    EventCard,
    FormulaCard,
    FromRecords,
    IndicatorCard,
    LevelCard,
    MeanCard,
    MeanOverCard,
    OnceCard,
    RankCard,
    TrapezoidCard,
    TwoVisitsCard,
    ValueCard,
)
from anakinra_t2d.standards.define_xml_content import Expression, Method, joined

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.schema.endpoints import Endpoint, Input, Parameter

CONTEXT = "SQL (DuckDB)"
_LIMITS = {"missing": "has no value", "half_limit": "counts as half of the limit", "limit": "counts as the limit"}
_TWO = {
    "change": "{follow_up} minus {baseline}",
    "log_ratio": "Natural logarithm of {follow_up} divided by {baseline}",
    "decrease": "1 when {follow_up} is below {baseline}, else 0",
    "increase": "1 when {follow_up} is above {baseline}, else 0",
}


class Methods:
    """Makes the methods of one set of definitions; ``names`` are the names of parameters and endpoints by id."""

    def __init__(self, definitions: Definitions, names: Mapping[str, str]) -> None:
        self._found = definitions
        self._names = names
        self._queries = {view.name: view.query for view in views(definitions)}
        self._readings = {one.id: one for one in definitions.trial.ambiguities}

    def parameter(self, card: Parameter) -> Method:
        """How a parameter is made."""
        view = parameter_view(card)
        words = joined([card.definition, *self._of_parameter(card), *self._shared(card, view)])
        return self._method(card.code, card, view, words)

    def endpoint(self, card: Endpoint) -> Method:
        """How an endpoint is made."""
        view = endpoint_view(card)
        words = joined([card.definition, *self._of_endpoint(card), *self._shared(card, view)])
        return self._method(card.code, card, view, words)

    def population(self, id: str) -> Method:
        """Who is in an analysis population."""
        one = self._found.endpoints.populations[id]
        view = relation_of(self._found.endpoints, id)
        words = joined(
            [
                f"Y for: {one.label}",
                "N for others, empty where it is not known",
                f"View {view}: member is 1, 0 or NULL",
                f"Source: {one.source}; basis: {one.basis}",
            ]
        )
        return Method(one.code, one.label, words, _expression(self._queries[view]), from_paper=one.basis == "paper")

    def _method(self, code: str, card: Parameter | Endpoint, view: str, words: str) -> Method:
        return Method(
            code,
            self._names[card.id],
            words,
            _expression(self._queries[view]),
            from_paper=card.basis == "paper",
        )

    def _of_parameter(self, card: Parameter) -> Iterator[str]:
        if isinstance(card, FormulaCard):
            yield from self._formula(card)
        else:
            yield self._read(card.input)
        if isinstance(card, IndicatorCard):
            yield f"1 when {card.condition}, 0 when that is false, no value when it is not known"
        elif isinstance(card, RankCard):
            places = ", ".join(f"{place} = {code}" for place, code in enumerate(card.codes))
            yield f"The highest of {places}; other codes count as missing, and {card.records} records must have a code"
        elif isinstance(card, OnceCard):
            yield f"Looked for in this order: {', '.join(card.order)}; the first result holds at every visit"
        elif isinstance(card, MeanCard):
            yield f"Mean of the samples at {_minutes(card.minutes)}; fewer than {card.at_least} give no value"
        elif isinstance(card, TrapezoidCard):
            yield from _trapezoid(card)
        if isinstance(card, ValueCard):
            yield self._several(card)
        if isinstance(card, FromRecords):
            yield (
                f"A result below the limit of quantification {_LIMITS[card.below_limit]}; "
                f"one above it {_LIMITS[card.above_limit]}"
            )
        yield self._visits(card)

    def _several(self, card: ValueCard) -> str:
        if SEQUENCE in self._found.tables[card.input.table].key:
            return f"Of several records of a visit the {card.repeats} with a result counts"
        return "Several records with different values give no value"

    def _formula(self, card: FormulaCard) -> Iterator[str]:
        inputs = []
        for name, source in card.inputs.items():
            at = f" at {self._visit(source.visit)}" if source.visit else ""
            inputs.append(f"{name} is {self._parameter(source.parameter)}{at}")
        yield f"{card.code} = {card.expression}, where {'; '.join(inputs)}"
        positive = [name for name, source in card.inputs.items() if source.positive]
        if positive:
            yield f"Zero or less of {' or '.join(positive)} gives no value"
        missing = [name for name, source in card.inputs.items() if source.when_missing is None]
        if missing:
            yield f"Without {' or '.join(missing)} there is no value"
        for name, source in card.inputs.items():
            if source.when_missing is not None:
                yield f"A missing {name} counts as {source.when_missing:g}, and AVALSTAT is then input_assumed"

    def _of_endpoint(self, card: Endpoint) -> Iterator[str]:
        if isinstance(card, TwoVisitsCard):
            words = _TWO[card.operation].format(
                follow_up=f"the value at {self._visit(card.follow_up)}",
                baseline=f"the value at {self._visit(card.baseline)}",
            )
            yield f"{words[0].upper()}{words[1:]}, of {self._parameter(card.parameter)}; BASE is the value at baseline"
        elif isinstance(card, LevelCard):
            yield f"The value at {self._visit(card.visit)} of {self._parameter(card.parameter)}"
        elif isinstance(card, MeanOverCard):
            over = ", ".join(map(self._visit, card.over))
            yield (
                f"Mean of {self._parameter(card.parameter)} over {over}; fewer than {card.at_least} values give none"
            )
        elif isinstance(card, EventCard):
            yield (
                f"1 for a patient with a record of {card.table} on which {card.where}, else 0; no value when there is "
                "no record at all in that table"
            )
        if card.subgroup:
            condition = card.subgroup.condition
            yield (
                f"Only in patients in whom {condition} holds for the value of "
                f"{self._parameter(card.subgroup.parameter)} at {self._visit(card.subgroup.visit)}"
            )
        population = self._found.endpoints.populations[card.population]
        yield f"Population: {population.label} ({population.code})"

    def _shared(self, card: Parameter | Endpoint, view: str) -> Iterator[str]:
        unit = "Without unit" if card.unit == "1" else f"In {card.unit} (UCUM)"
        yield f"{unit}, unrounded; decimals to show: {card.decimals}"
        for id in card.ambiguity:
            reading = self._readings[id]
            yield f"Open reading {id} ({reading.open.rstrip('.')}): {reading.reading}"
        yield card.note or ""
        yield f"View {view} of the endpoint definitions"
        yield f"Source: {card.source}; basis: {card.basis}"

    def _read(self, source: Input) -> str:
        field = self._found.tables[source.table].fields[source.field]
        where = f", only records on which {source.where}" if source.where else ""
        unit = "" if source.unit == "1" else f" in {source.unit}"
        return f"Read from {source.table}.{source.field} ({field.label}){unit}{where}"

    def _visits(self, card: Parameter) -> str:
        by = "" if isinstance(card, FormulaCard) else card.input.by
        parts = [
            self._visit(visit) + (f" ({by} {own})" if by and own not in (None, visit) else "")
            for visit, own in card.visits.items()
        ]
        return f"Analysis visits: {', '.join(parts)}"

    def _visit(self, id: str) -> str:
        return self._found.adam.values.visit(id).label

    def _parameter(self, id: str) -> str:
        card = self._found.endpoints.parameter(id)
        return f"{card.code} ({self._names[id]})"


@cache
def _expression(query: str) -> Expression:
    """A query laid out for reading, which takes longer than all the rest."""
    return Expression(CONTEXT, translated(query, "duckdb"))


def _trapezoid(card: TrapezoidCard) -> Iterator[str]:
    several = len(card.start.minutes) > 1
    start = f"the mean of the samples at {_minutes(card.start.minutes)}" if several else "its sample"
    yield f"The curve starts at minute {card.start.at:g} with {start}, and goes on at {_minutes(card.minutes)}"
    if card.method == "total":
        yield "Total area: sum of (time between two samples) * (sum of their values) / 2"
    else:
        yield "Incremental area: the total area without the rectangle below the first value; negative parts are kept"
    if card.clock == "actual":
        yield f"Time is the true minute ({card.actual}) where it was sent, else the planned one"
    else:
        yield "Time is the planned minute"
    yield (
        f"At most {card.bridged} missing samples between the ends are bridged, and AVALSTAT is then "
        "input_imputed_interval; without the first or the last there is no area"
    )


def _minutes(minutes: Sequence[Any]) -> str:
    return ("minute " if len(minutes) == 1 else "minutes ") + ", ".join(f"{minute:g}" for minute in minutes)
