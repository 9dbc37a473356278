"""The tables that ``derive`` writes: their columns, and their descriptors in a data package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Column:
    """A column of a derived table."""

    name: str
    type: Literal["string", "number", "integer", "boolean"]
    description: str
    required: bool = False


@dataclass(frozen=True)
class DerivedTable:
    """A derived table; ``key`` names one row."""

    title: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]


_STATE = (
    Column(
        "state",
        "string",
        "derived; input_imputed_interval: a sample between the ends is bridged; input_imputed_limit: a limit of "
        "quantification stands for a result; input_assumed: a missing input took its default; not_derivable; "
        "not_in_population.",
        required=True,
    ),
    Column("reason", "string", "Why there is no value, or what is special about it."),
)
_SUBJECT = Column("subject_id", "string", "Subject number.", required=True)

DERIVED: dict[str, DerivedTable] = {
    "parameters": DerivedTable(
        "Derived parameters",
        "Numbers derived for every randomised patient and analysis visit, with their state.",
        ("subject_id", "visit", "parameter"),
        (
            _SUBJECT,
            Column("visit", "string", "Analysis visit; both clamps have that of their test day.", required=True),
            Column("parameter", "string", "Id of the parameter card.", required=True),
            Column("value", "number", "Unrounded value in the unit beside it."),
            Column("unit", "string", "UCUM unit.", required=True),
            *_STATE,
        ),
    ),
    "endpoints": DerivedTable(
        "Endpoints",
        "Endpoints of every randomised patient, with their state.",
        ("subject_id", "endpoint_id"),
        (
            _SUBJECT,
            Column("endpoint_id", "string", "Id of the endpoint card.", required=True),
            Column("baseline", "number", "Parameter at baseline, where the endpoint has one."),
            Column("follow_up", "number", "Parameter at follow-up, where the endpoint has one."),
            Column("value", "number", "Unrounded value in the unit beside it; events are 1 or 0."),
            Column("unit", "string", "UCUM unit.", required=True),
            *_STATE,
        ),
    ),
    "eligibility": DerivedTable(
        "Eligibility",
        "Every criterion of every screening, and an overall row beside the decision of the investigator.",
        ("subject_id", "screening_no", "criterion_id"),
        (
            _SUBJECT,
            Column("screening_no", "integer", "Number of the screening.", required=True),
            Column("criterion_id", "string", "Id of the criterion, or OVERALL.", required=True),
            Column("kind", "string", "inclusion, exclusion, post_randomisation or overall."),
            Column(
                "state", "string", "met, not_met or not_assessable; overall eligible, ineligible or not_assessable."
            ),
            Column("missing", "string", "Inputs that are missing, where they leave the question open."),
            Column("investigator", "string", "Decision of the investigator, on the overall row."),
        ),
    ),
    "flow": DerivedTable(
        "Enrolment flow",
        "How many people passed each step, by arm and site, with the reasons of those who did not go on.",
        ("step", "group", "reason"),
        (
            Column("step", "string", "Id of the step.", required=True),
            Column("label", "string", "What the step is.", required=True),
            Column("parent", "string", "Step the people come from."),
            Column("kind", "string", "goes_on, leaves, or part of the parent.", required=True),
            Column("place", "integer", "Place in the order of the steps.", required=True),
            Column("by", "string", "What the group is: all, arm or site.", required=True),
            Column("group", "string", "all, an arm or a site.", required=True),
            Column("group_label", "string", "Words of the group.", required=True),
            Column("reason", "string", "Why people did not go on; empty on the total."),
            Column("reason_label", "string", "Words of the reason."),
            Column("n", "integer", "Number of people; empty when a table that is counted was not sent."),
            Column("adds_up", "boolean", "On totals: whether the steps that follow make up this one."),
        ),
    ),
    "results": DerivedTable(
        "Results",
        "Statistics by arm, the comparison of the arms, and results of groups; a row for each statistic.",
        ("endpoint_id", "reading", "group", "statistic"),
        (
            Column("endpoint_id", "string", "Id of the endpoint or group result.", required=True),
            Column(
                "reading", "string", "Choice of an open reading, such as A12=incremental; empty for the usual ones."
            ),
            Column("group", "string", "An arm, all, difference (first arm minus second), yes or no.", required=True),
            Column("statistic", "string", "Name of the statistic, such as mean, ci_low or p_student.", required=True),
            Column("value", "number", "Value of the statistic, unrounded."),
            Column("unit", "string", "UCUM unit.", required=True),
            *_STATE,
        ),
    ),
}


def derived_resources() -> list[dict[str, Any]]:
    """Descriptors of the derived tables as Parquet files, for a Data Package."""
    return [_resource(name, table) for name, table in DERIVED.items()]


def _resource(name: str, table: DerivedTable) -> dict[str, Any]:
    return {
        "name": name,
        "type": "table",
        "title": table.title,
        "description": table.description,
        "path": f"{name}.parquet",
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "role": "derived",
        "schema": {
            "fields": [
                {
                    "name": column.name,
                    "type": column.type,
                    "description": column.description,
                    **({"constraints": {"required": True}} if column.required else {}),
                }
                for column in table.columns
            ],
            "missingValues": ["", "nan"],
        },
    }
