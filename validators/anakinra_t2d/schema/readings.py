"""Open readings: another choice applied to the cards and criteria."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from anakinra_t2d.schema.endpoints import Endpoints

if TYPE_CHECKING:
    from anakinra_t2d.schema.contents import Definitions


class ReadingError(Exception):
    """A reading that does not exist; the message lists those that do."""


def choices(definitions: Definitions) -> dict[str, dict[str, str]]:
    """Every open reading that has a choice: id, then the name of each choice with its words; the usual one first."""
    return {one.id: dict(one.choices) for one in definitions.trial.ambiguities if one.choices}


def checked(definitions: Definitions, chosen: Mapping[str, str]) -> dict[str, str]:
    """``chosen`` without the usual choices.

    Raises:
        ReadingError: an id or a choice does not exist.
    """
    known = choices(definitions)
    kept = {}
    for reading, choice in chosen.items():
        if reading not in known:
            raise ReadingError(f"There is no open reading {reading!r} with a choice; there are {', '.join(known)}.")
        if choice not in known[reading]:
            raise ReadingError(f"The reading {reading} has no choice {choice!r}; it has {', '.join(known[reading])}.")
        if choice != next(iter(known[reading])):
            kept[reading] = choice
    return kept


def with_readings(definitions: Definitions, chosen: Mapping[str, str]) -> Endpoints:
    """The cards under ``chosen``, an id of a reading with the name of a choice.

    Raises:
        ReadingError: an id or a choice does not exist.
    """
    kept = checked(definitions, chosen)
    cards = definitions.endpoints
    if not kept:
        return cards
    data = cards.model_dump(mode="json", by_alias=True)
    for kind in ("parameters", "endpoints", "groups"):
        data[kind] = [_changed(card, kept) for card in data[kind]]
    return Endpoints.model_validate_json(json.dumps(data), strict=True)


def affected(cards: Endpoints, reading: str) -> set[str]:
    """Ids of the parameters, endpoints and group results that another choice of ``reading`` can change."""
    all_cards = [*cards.parameters, *cards.endpoints, *cards.groups]
    found = {card.id for card in all_cards if any(one.reading == reading for one in card.alternatives)}
    while True:
        more = {card.id for card in all_cards if reads(card) & found} - found
        if not more:
            return found
        found |= more


def reads(card: Any) -> set[str]:
    """Ids of the parameters and endpoints that a card reads."""
    names = {getattr(card, "parameter", None)}
    names |= {one.parameter for one in getattr(card, "inputs", {}).values()}
    names |= set(getattr(card, "classes", ()))
    if subgroup := getattr(card, "subgroup", None):
        names.add(subgroup.parameter)
    if (analysis := getattr(card, "analysis", None)) and analysis.by:
        names.add(analysis.by)
    for measure in (getattr(card, name, None) for name in ("x", "y", "covariate")):
        if measure is not None:
            names |= {measure.endpoint, measure.parameter}
    return {name for name in names if name}


def _changed(card: dict[str, Any], chosen: Mapping[str, str]) -> dict[str, Any]:
    for alternative in card["alternatives"]:
        if chosen.get(alternative["reading"]) == alternative["choice"]:
            card = card | alternative["set"]
    return card
