"""JSON Schemas of the schema files, from the models that read them, so that editors can complete and check."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from anakinra_t2d.schema.accepted import AcceptedFile
from anakinra_t2d.schema.adam import Adam
from anakinra_t2d.schema.blinding import Blinding
from anakinra_t2d.schema.deidentification import Deidentification
from anakinra_t2d.schema.eligibility import Eligibility
from anakinra_t2d.schema.endpoints import Endpoints
from anakinra_t2d.schema.flow import Flow
from anakinra_t2d.schema.quantities import Quantities
from anakinra_t2d.schema.release import ReleaseFile
from anakinra_t2d.schema.reported import ReportedResults
from anakinra_t2d.schema.rules import RuleFile
from anakinra_t2d.schema.sites import Profile
from anakinra_t2d.schema.tables import Table
from anakinra_t2d.schema.trial import Codelists, Trial

MODELS: dict[str, type[BaseModel]] = {
    "trial": Trial,
    "quantities": Quantities,
    "codelists": Codelists,
    "table": Table,
    "rules": RuleFile,
    "eligibility": Eligibility,
    "flow": Flow,
    "adam": Adam,
    "endpoints": Endpoints,
    "reported": ReportedResults,
    "profile": Profile,
    "accepted": AcceptedFile,
    "blinding": Blinding,
    "deidentification": Deidentification,
    "release": ReleaseFile,
}
"""Model of each kind of schema file, by the name of its JSON Schema in ``schema/meta/``."""


_PLACEHOLDER = r"\{[a-z_]+\}"


class _Untitled(GenerateJsonSchema):
    """Without the titles made from keys: "Cdisc Domain" tells an editor nothing that the key does not."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def meta_schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema (draft 2020-12) of each kind of schema file, by name.

    They hold what is local to one place of a file (keys, types, enumerations, forms of text). What one definition says
    of another is checked when the definitions are read.
    """
    schemas = {
        name: {
            "$schema": GenerateJsonSchema.schema_dialect,
            **model.model_json_schema(by_alias=True, schema_generator=_Untitled),
        }
        for name, model in MODELS.items()
    }
    schemas["endpoints"] = _repeatable(schemas["endpoints"])
    return schemas


def _repeatable(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a file whose cards may repeat: any text of a card may then be or hold a ``{placeholder}``."""
    loosened: dict[str, Any] = _with_placeholders(schema)
    for card in loosened["$defs"].values():
        if "operation" in card.get("properties", {}):
            card["properties"]["for_each"] = {
                "description": "Repeats the card: placeholders with their texts, or the terms of a codelist.",
                "anyOf": [
                    {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}},
                    {
                        "type": "object",
                        "properties": {"codelist": {"type": "string"}},
                        "required": ["codelist"],
                        "additionalProperties": False,
                    },
                ],
            }
    return loosened


def _with_placeholders(part: Any) -> Any:
    if isinstance(part, list):
        return [_with_placeholders(one) for one in part]
    if not isinstance(part, dict):
        return part
    found = {key: _with_placeholders(value) for key, value in part.items()}
    if isinstance(found.get("pattern"), str):
        found["pattern"] = f"({found['pattern']})|{_PLACEHOLDER}"
    if isinstance(found.get("enum"), list):
        return {"anyOf": [found, {"type": "string", "pattern": _PLACEHOLDER}]}
    return found
