"""The cards as one JSON document for other programs, and the JSON Schema it follows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Option

from anakinra_t2d.endpoint_views.samples import SEQUENCE
from anakinra_t2d.schema.endpoints import Endpoint, GroupResult, Parameter, Population
from anakinra_t2d.schema.readings import with_readings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anakinra_t2d.schema import Definitions

FORMAT = 1


class Reading(BaseModel):
    """An open reading with its choices; the first is the usual one."""

    model_config = ConfigDict(extra="forbid")

    id: str
    open: str
    reading: str
    choices: dict[str, str]


class Cards(BaseModel):
    """What another program needs to calculate parameters and endpoints, with vectors that show whether it does."""

    model_config = ConfigDict(extra="forbid")

    format: int = Option(description="Version of this form.")
    trial: str
    schema_version: str
    readings_chosen: dict[str, str] = Option(description="Choices other than the usual ones, already in the cards.")
    readings: list[Reading]
    counted_tables: list[str] = Option(
        description="Tables that count repeats of a visit (visit_seq); in others a second record is a doubled one."
    )
    subjects: str = Option(description="SQL that gives subject_id of everyone with parameters and endpoints.")
    arms: str = Option(description="SQL that gives subject_id and arm.")
    populations: dict[str, Population]
    parameters: list[Parameter]
    endpoints: list[Endpoint]
    groups: list[GroupResult]


def json_cards(definitions: Definitions, readings: Mapping[str, str] | None = None) -> str:
    """The cards under ``readings`` as a JSON document.

    Raises:
        ReadingError: a reading or choice does not exist.
    """
    cards = with_readings(definitions, readings or {})
    document = Cards(
        format=FORMAT,
        trial=definitions.trial.registry,
        schema_version=definitions.trial.version,
        readings_chosen=dict(readings or {}),
        readings=[
            Reading(id=one.id, open=one.open, reading=one.reading, choices=one.choices)
            for one in definitions.trial.ambiguities
            if one.choices
        ],
        counted_tables=[name for name, table in definitions.tables.items() if SEQUENCE in table.key],
        subjects=cards.subjects,
        arms=cards.arms,
        populations=cards.populations,
        parameters=cards.parameters,
        endpoints=cards.endpoints,
        groups=cards.groups,
    )
    return json.dumps(document.model_dump(mode="json", by_alias=True), ensure_ascii=False, indent=1) + "\n"


def json_cards_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of :func:`json_cards`."""
    from pydantic.json_schema import GenerateJsonSchema

    return {"$schema": GenerateJsonSchema.schema_dialect, **Cards.model_json_schema(by_alias=True)}
