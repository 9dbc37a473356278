"""Queries of the recheck: a value by visit, the effect of rounding its inputs, and what it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anakinra_t2d.across.sql import as_literal
from anakinra_t2d.endpoint_views.samples import minutes_of, samples
from anakinra_t2d.endpoint_views.views import relation_of
from anakinra_t2d.schema.endpoints import (
    FormulaCard,
    FromRecords,
    LevelCard,
    MeanCard,
    MeanOverCard,
    TrapezoidCard,
    TwoVisitsCard,
)

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.schema.endpoints import Endpoints, Parameter

    Calculation = Parameter | TwoVisitsCard | LevelCard | MeanOverCard

OfParameter = TwoVisitsCard | LevelCard | MeanOverCard
"""Endpoints that are made from one parameter."""


def half(decimals: int | None) -> float:
    """Half of the last decimal: how far a rounded number can be from the exact one."""
    return 0.0 if decimals is None else 0.5 * 10.0**-decimals


def visits_of(card: Calculation) -> list[str]:
    """Analysis visits at which a calculation can be sent; none when it is made from codes."""
    if isinstance(card, TwoVisitsCard):
        return [card.follow_up]
    if isinstance(card, LevelCard):
        return [card.visit]
    if isinstance(card, MeanOverCard):
        return [card.over[-1]]
    return list(card.visits) if isinstance(card, FormulaCard | FromRecords) else []


def restricted(card: Calculation, cards: Endpoints, definitions: Definitions) -> bool:
    """Whether the calculation reads a table that can reveal the arm."""
    if isinstance(card, OfParameter):
        return restricted(cards.parameter(card.parameter), cards, definitions)
    if isinstance(card, FormulaCard):
        inputs = (cards.parameter(source.parameter) for source in card.inputs.values())
        return any(restricted(one, cards, definitions) for one in inputs)
    return definitions.tables[card.input.table].restricted


def value_query(card: Calculation, cards: Endpoints) -> str:
    """A query of subject_id, visit, value and state; reads the view of the card."""
    relation = relation_of(cards, card.id)
    if isinstance(card, OfParameter):
        return f"SELECT subject_id, {as_literal(visits_of(card)[0])} AS visit, value, state FROM {relation}"
    return f"SELECT subject_id, visit, value, state FROM {relation}"


def effect_query(card: Calculation, cards: Endpoints, definitions: Definitions) -> str:
    """A query of subject_id, visit and effect: how much rounding of the inputs can move the value.

    The effects of the inputs are added up, so it is the most that can happen.
    """
    if isinstance(card, OfParameter):
        parameter = cards.parameter(card.parameter)
        of_parameter = effect_query(parameter, cards, definitions)
        visit = as_literal(visits_of(card)[0])
        if isinstance(card, TwoVisitsCard):
            wanted = [card.baseline, card.follow_up]
            effect = "e.effect" if card.operation == "change" else "e.effect / NULLIF(ABS(p.value), 0)"
            total = f"SUM({effect})"
        else:
            wanted = [card.visit] if isinstance(card, LevelCard) else card.over
            total = "AVG(e.effect)"
        return f"""
        SELECT e.subject_id, {visit} AS visit, {total} AS effect FROM ({of_parameter}) AS e
        JOIN {relation_of(cards, parameter.id)} AS p ON p.subject_id = e.subject_id AND p.visit = e.visit
        WHERE e.visit IN ({", ".join(map(as_literal, wanted))}) GROUP BY e.subject_id"""
    if isinstance(card, FormulaCard):
        return _effect_on_formula(card, cards, definitions)
    return f"SELECT subject_id, visit, {_grain(card, definitions)} AS effect FROM {relation_of(cards, card.id)}"


def sources_query(card: Calculation, cards: Endpoints, definitions: Definitions) -> str:
    """A query of subject_id, visit and made_from: the values that the calculation reads, as words."""
    if isinstance(card, OfParameter):
        return _sources_of_endpoint(card, cards, definitions)
    if isinstance(card, FormulaCard):
        parts = []
        for place, (name, source) in enumerate(card.inputs.items()):
            read = cards.parameter(source.parameter)
            unit = "" if read.unit == "1" else f" {read.unit}"
            shown = _shown(f"i{place}.value", read.decimals + 1)
            parts.append(f"{as_literal(f'{name} ')} || {shown} || {as_literal(unit)}")
        return f"""
        SELECT s.subject_id, s.visit, CONCAT_WS(', ', {", ".join(parts)}) AS made_from
        FROM {relation_of(cards, card.id)} AS s {_inputs(card, cards)}"""
    if isinstance(card, MeanCard | TrapezoidCard) and minutes_of(card):
        return f"""
        SELECT subject_id, visit,
            STRING_AGG({_shown("value", 2)} || ' at ' || minute, ', ' ORDER BY minute) || ' min' AS made_from
        FROM ({samples(card, definitions, {})}) AS sampled GROUP BY subject_id, visit"""
    words = as_literal(f"{card.input.field} of {card.input.table}")
    return f"SELECT subject_id, visit, {words} AS made_from FROM {relation_of(cards, card.id)}"


def _sources_of_endpoint(card: OfParameter, cards: Endpoints, definitions: Definitions) -> str:
    relation, visit = relation_of(cards, card.id), as_literal(visits_of(card)[0])
    parameter = cards.parameter(card.parameter)
    if isinstance(card, TwoVisitsCard):
        decimals = parameter.decimals + 1
        before = f"{_shown('baseline', decimals)} || {as_literal(f' at {card.baseline}')}"
        after = f"{_shown('follow_up', decimals)} || {as_literal(f' at {card.follow_up}')}"
        return f"SELECT subject_id, {visit} AS visit, CONCAT_WS(', ', {before}, {after}) AS made_from FROM {relation}"
    if isinstance(card, LevelCard):
        return sources_query(parameter, cards, definitions)
    return f"""
        SELECT subject_id, {visit} AS visit, COUNT(value) || {as_literal(f" values of {parameter.id}")} AS made_from
        FROM {relation_of(cards, parameter.id)} WHERE visit IN ({", ".join(map(as_literal, card.over))})
        GROUP BY subject_id"""


def _grain(card: Parameter, definitions: Definitions) -> float:
    """How much rounding moves an input of a formula: that of the records, or of a value that is a formula itself."""
    if isinstance(card, FormulaCard):
        return half(card.decimals)
    one = half(definitions.tables[card.input.table].fields[card.input.field].decimals)
    if isinstance(card, TrapezoidCard):
        # rounding the first value also moves the rectangle that is taken away from an incremental area
        return one * (card.minutes[-1] - card.start.at) * (2 if card.method == "incremental" else 1)
    return one


def _effect_on_formula(card: FormulaCard, cards: Endpoints, definitions: Definitions) -> str:
    moved = []
    for place, (name, source) in enumerate(card.inputs.items()):
        grain = _grain(cards.parameter(source.parameter), definitions)
        value = f"i{place}.value" if source.when_missing is None else f"COALESCE(i{place}.value, {source.when_missing})"
        moved.append(f"{value} + CASE WHEN m.place = {place} THEN {grain} ELSE 0 END AS {name}")
    places = ", ".join(f"({place})" for place in range(len(card.inputs)))
    return f"""
        SELECT subject_id, visit, SUM(ABS(moved - value)) AS effect
        FROM (
            SELECT subject_id, visit, value, CAST({card.expression} AS DOUBLE) AS moved
            FROM (
                SELECT s.subject_id, s.visit, s.value, {", ".join(moved)}
                FROM {relation_of(cards, card.id)} AS s CROSS JOIN (VALUES {places}) AS m(place) {_inputs(card, cards)}
                WHERE s.value IS NOT NULL
            ) AS inputs
        ) AS moved_inputs
        GROUP BY subject_id, visit"""


def _inputs(card: FormulaCard, cards: Endpoints) -> str:
    joins = []
    for place, source in enumerate(card.inputs.values()):
        visit = as_literal(source.visit) if source.visit else "s.visit"
        joins.append(
            f"LEFT JOIN {relation_of(cards, source.parameter)} AS i{place} "
            f"ON i{place}.subject_id = s.subject_id AND i{place}.visit = {visit}"
        )
    return " ".join(joins)


def _shown(value: str, decimals: int) -> str:
    """A number as text without noise and without zeros at its end."""
    return f"FORMAT('{{:.10g}}', ROUND({value}, {decimals}))"
