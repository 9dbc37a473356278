"""Every view in the order in which it can be made: subjects, populations, parameters, endpoints, and their unions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anakinra_t2d.endpoint_views.endpoints import endpoint_query
from anakinra_t2d.endpoint_views.parameters import SUBJECTS, parameter_query
from anakinra_t2d.endpoint_views.text import literal, view_name
from anakinra_t2d.schema.endpoints import EventCard, FormulaCard
from anakinra_t2d.schema.readings import with_readings

if TYPE_CHECKING:
    from anakinra_t2d.endpoint_views.parameters import NameOf
    from anakinra_t2d.endpoint_views.samples import WrongUnits
    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.schema.endpoints import Endpoint, Endpoints, Parameter

ARMS = "trial_arms"
PARAMETERS, ENDPOINTS = "parameters", "endpoints"


@dataclass(frozen=True)
class View:
    """A named query in the SQL of DuckDB; ``about`` says what it holds."""

    name: str
    query: str
    about: str


def views(
    definitions: Definitions,
    readings: Mapping[str, str] | None = None,
    wrong_units: WrongUnits | None = None,
) -> list[View]:
    """All views over the tables of the trial, each after those it reads.

    ``readings`` picks other choices of open readings; results in ``wrong_units`` are not used.

    Raises:
        ReadingError: a reading or choice does not exist.
    """
    cards = with_readings(definitions, readings or {})
    return list(_views(cards, definitions, wrong_units or {}))


def relation_of(cards: Endpoints, id: str) -> str:
    """The view of a parameter, endpoint or population."""
    if id in cards.populations:
        return view_name("population", id)
    return view_name("endpoint" if any(card.id == id for card in cards.endpoints) else "parameter", id)


def parameter_view(card: Parameter) -> str:
    """Name of the view of a parameter."""
    return view_name("parameter", card.id)


def endpoint_view(card: Endpoint) -> str:
    """Name of the view of an endpoint."""
    return view_name("endpoint", card.id)


def tables_read(cards: Endpoints) -> set[str]:
    """Tables that the cards of parameters and endpoints name."""
    named = {card.input.table for card in cards.parameters if not isinstance(card, FormulaCard)}
    return named | {card.table for card in cards.endpoints if isinstance(card, EventCard)}


def population_query(members: str) -> str:
    """The query of a population: subject_id and member, 1 or 0 or NULL when it is not known."""
    return f"""
    SELECT subject_id, CASE WHEN member THEN 1 WHEN NOT member THEN 0 END AS member
    FROM ({members}) AS members"""


def all_parameters(cards: Endpoints, name_of: NameOf) -> str:
    """All parameters below each other: subject_id, visit, parameter, value, unit, state, reason."""
    return "\nUNION ALL ".join(
        f"SELECT subject_id, visit, {literal(card.id)} AS parameter, value, {literal(card.unit)} AS unit, state, reason"
        f" FROM {name_of(card.id)}"
        for card in cards.parameters
    )


def all_endpoints(cards: Endpoints, name_of: NameOf) -> str:
    """All endpoints below each other: subject_id, endpoint_id, baseline, follow_up, value, unit, state, reason."""
    return "\nUNION ALL ".join(
        f"SELECT subject_id, {literal(card.id)} AS endpoint_id, baseline, follow_up, value, "
        f"{literal(card.unit)} AS unit, state, reason FROM {name_of(card.id)}"
        for card in cards.endpoints
    )


def _views(cards: Endpoints, definitions: Definitions, wrong_units: WrongUnits) -> Iterator[View]:
    def name_of(id: str) -> str:
        return relation_of(cards, id)

    yield View(SUBJECTS, f"SELECT DISTINCT subject_id FROM ({cards.subjects}) AS everyone", "Randomised patients")
    yield View(ARMS, cards.arms, "Arm of each patient; reveals the allocation")
    for name, population in cards.populations.items():
        yield View(name_of(name), population_query(population.members), population.label)
    for card in cards.parameters:
        yield View(parameter_view(card), parameter_query(card, definitions, name_of, wrong_units), card.label)
    yield View(PARAMETERS, all_parameters(cards, name_of), "All parameters")
    for endpoint in cards.endpoints:
        yield View(endpoint_view(endpoint), endpoint_query(endpoint, name_of), endpoint.label)
    yield View(ENDPOINTS, all_endpoints(cards, name_of), "All endpoints")
