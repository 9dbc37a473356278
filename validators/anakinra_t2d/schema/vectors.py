"""Test vectors of cards: small inputs with the result that every engine must give."""

from __future__ import annotations

from typing import Literal

from pydantic import Field as Option

from anakinra_t2d.schema.common import Definition, Name, Text

State = Literal[
    "derived",
    "input_imputed_interval",
    "input_imputed_limit",
    "input_assumed",
    "not_derivable",
    "not_in_population",
]
"""How a value came about. ``input_imputed_interval``: a sample between the ends is bridged; ``input_imputed_limit``: a
limit of quantification stands for a result; ``input_assumed``: a missing input took its default."""

Cell = float | str | None
"""A number, ``"<0.3"`` or ``">500"`` (a censored result), another result status (``"haemolysed"``), or no value."""


class Vector(Definition):
    """One case of a parameter or endpoint.

    ``inputs`` holds what the operation reads. A value, once, indicator or rank: ``value`` (or each visit of ``order``).
    A mean or trapezoid: the nominal minutes. A formula: its inputs. An endpoint: its visits; an event: the number of
    matching records as ``records``. An input that is left out has no record. A list is several records: repeats of a
    visit in their order where the table counts them (visit_seq), else doubled records.
    """

    case: Text
    inputs: dict[Text, Cell | list[Cell]]
    record: dict[Name, Cell | bool] = Option(
        default={}, description="Other fields of the records; if not given, the condition of the card holds on them."
    )
    minutes: dict[Text, float] = Option(default={}, description="True minutes, by nominal minute.")
    subgroup: Cell = Option(default=None, description="Value of the parameter that makes the subgroup.")
    member: bool | None = Option(default=True, description="Whether the patient belongs to the population.")
    readings: dict[Text, Text] = Option(default={}, description="Choices of open readings, if not the usual ones.")
    value: float | None
    state: State
    reason: Text | None = Option(default=None, description="Words that the reason must contain.")


class GroupVector(Definition):
    """One case of a group result: columns of numbers, and the statistics that come out."""

    case: Text
    columns: dict[Name, list[float | None]]
    expect: dict[Name, float | None]
