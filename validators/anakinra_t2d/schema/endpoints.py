"""Derived parameters and endpoints as cards: an operation of a small closed set, its inputs, words and tests."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as Option
from pydantic import StringConstraints, model_validator

from anakinra_t2d.schema.common import Basis, Definition, Name, Sql, Text
from anakinra_t2d.schema.vectors import GroupVector, Vector

EndpointId = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}[0-9]{2}[a-z]?(\.[a-z0-9_]+)*$")]
"""Id of an endpoint, for instance ``EP25a`` or ``EP33.nausea``."""

ParameterCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]{0,7}$")]
"""Code of a parameter in CDISC data sets (PARAMCD): at most eight characters."""

LimitPolicy = Literal["missing", "half_limit", "limit"]
"""What stands for a result below or above a limit of quantification."""


class Input(Definition):
    """A field of a table, in the unit the card needs."""

    table: Name
    field: Name
    unit: Text = Option(description="Canonical UCUM unit the operation needs; data in another unit are not used.")
    by: Name = Option(default="visit", description="Key field of the table that `visits` refers to.")
    where: Sql | None = Option(default=None, description="Only records on which this holds.")


class SentValue(Definition):
    """A field in which sites send the same value, as they calculated it."""

    table: Name
    field: Name


class Alternative(Definition):
    """What another choice of an open reading changes in the card."""

    reading: Text = Option(description="Id of the open reading (`ambiguities` of the trial).")
    choice: Text
    set: dict[Name, object] = Option(description="Keys of the card with the values they take instead.")


class Card(Definition):
    """What every card says."""

    label: Text
    definition: Text = Option(description="How it is made, as a sentence.")
    unit: Text = Option(description="UCUM unit of the value.")
    decimals: int = Option(ge=0, le=6, description="Decimals in which it is shown; never rounded before.")
    alternatives: list[Alternative] = []
    basis: Basis
    source: Text
    ambiguity: list[Text] = []
    note: Text | None = None


class ParameterCard(Card):
    """A number for a patient and an analysis visit.

    ``visits`` maps each analysis visit to the value of the table's own visit (or week); empty: the table has none.
    """

    id: Name
    code: ParameterCode
    visits: dict[Name, str | int | None]
    sent: list[SentValue] = []
    vectors: list[Vector] = Option(min_length=1)


class FromRecords(ParameterCard):
    """A parameter that is read from the records of a table."""

    input: Input
    repeats: Literal["last", "first"] = Option(
        default="last", description="Which record of a visit with several (visit_seq) counts, of those with a result."
    )
    below_limit: LimitPolicy = "missing"
    above_limit: LimitPolicy = "missing"

    @model_validator(mode="after")
    def _half_of_below(self) -> FromRecords:
        if self.above_limit == "half_limit":
            raise ValueError("half of the limit stands for a result below it, not above it")
        return self


class ValueCard(FromRecords):
    """The value of a field at a visit; records with the same key and different values give none."""

    operation: Literal["value"]


class OnceCard(FromRecords):
    """The first value of a field along ``order``, the same at every analysis visit."""

    operation: Literal["once"]
    order: list[Text] = Option(min_length=1, description="Visits of the table in which the value is looked for.")


class IndicatorCard(ParameterCard):
    """1 when the condition holds on the record of the visit, 0 when it does not, nothing when it is unknown."""

    operation: Literal["indicator"]
    input: Input
    condition: Sql


class RankCard(ParameterCard):
    """The highest place of the records' codes in the list ``codes``, from 0; other codes count as missing."""

    operation: Literal["rank"]
    input: Input
    codes: list[Text] = Option(min_length=2)
    records: int = Option(default=1, ge=1, description="Records of a visit that must have a code of the list.")


class MeanCard(FromRecords):
    """The mean of the samples at these minutes; fewer than ``at_least`` give none."""

    operation: Literal["mean"]
    minutes: list[int] = Option(min_length=1)
    at_least: int = Option(default=1, ge=1)


class Start(Definition):
    """Where a curve starts: the mean of these samples, set at this minute."""

    minutes: list[int] = Option(min_length=1)
    at: float


class TrapezoidCard(FromRecords):
    """Area under the curve by trapezoids.

    ``total``, or ``incremental``: without the rectangle below the first value, negative parts kept. A missing sample
    between the ends is bridged (state ``input_imputed_interval``), a missing end gives no area.
    """

    operation: Literal["trapezoid"]
    start: Start
    minutes: list[int] = Option(min_length=1)
    method: Literal["total", "incremental"]
    clock: Literal["actual", "nominal"] = Option(description="actual: true minutes where they were sent.")
    actual: Name = Option(description="Field of the table with the true minute.")
    bridged: int = Option(ge=0, description="How many samples between the ends may be missing.")

    @model_validator(mode="after")
    def _in_order(self) -> TrapezoidCard:
        if sorted(self.minutes) != self.minutes or max(self.start.minutes) >= self.minutes[0]:
            raise ValueError("the minutes must follow the start in ascending order")
        return self


class FormulaInput(Definition):
    """A parameter in a formula."""

    parameter: Name
    unit: Text = Option(description="Unit the formula needs; must be that of the parameter.")
    visit: Name | None = Option(default=None, description="A fixed visit instead of the visit of the result.")
    positive: bool = Option(default=False, description="Zero or less gives no result.")
    when_missing: float | None = Option(
        default=None, description="Taken when the input is missing (state `input_assumed`); none: no result."
    )


class FormulaCard(ParameterCard):
    """Arithmetic in SQL over other parameters of the same patient and visit."""

    operation: Literal["formula"]
    inputs: dict[Name, FormulaInput] = Option(min_length=1)
    expression: Sql


Sampled = ValueCard | OnceCard | MeanCard | TrapezoidCard
"""Parameters made from results that may be flagged instead of having a number."""

Coded = IndicatorCard | RankCard
"""Parameters made from codes."""

Parameter = Annotated[Sampled | Coded | FormulaCard, Option(discriminator="operation")]


class Subgroup(Definition):
    """Patients by a baseline parameter; ``condition`` is SQL over ``value``."""

    parameter: Name
    visit: Name
    condition: Sql


class ByArm(Definition):
    """Compare the arms, or describe a single one."""

    kind: Literal["means", "counts"]
    test: Literal["student", "welch", "rank_sum", "chi_square"] = Option(
        description="The test of the paper, as far as it is known; all that fit are calculated."
    )
    arm: Name | None = Option(default=None, description="Only this arm; no comparison.")
    by: EndpointId | None = Option(default=None, description="Compare by this 0/1 endpoint instead of the arms.")

    @model_validator(mode="after")
    def _fits(self) -> ByArm:
        if (self.kind == "counts") != (self.test == "chi_square"):
            raise ValueError("counts are compared by chi_square, means by the other tests")
        return self


class EndpointCard(Card):
    """A number for a patient."""

    id: EndpointId
    code: ParameterCode
    role: Literal["primary", "secondary", "exploratory", "safety", "baseline"]
    population: Name
    better: Literal["lower", "higher"] | None = None
    analysis: ByArm
    subgroup: Subgroup | None = None
    vectors: list[Vector] = Option(min_length=1)


class TwoVisitsCard(EndpointCard):
    """Follow-up against baseline of a parameter: difference, logarithm of the ratio, or 1 for a strict fall or rise."""

    operation: Literal["change", "log_ratio", "decrease", "increase"]
    parameter: Name
    baseline: Name
    follow_up: Name


class LevelCard(EndpointCard):
    """The parameter at one visit."""

    operation: Literal["level"]
    parameter: Name
    visit: Name


class MeanOverCard(EndpointCard):
    """The mean of the parameter over visits; fewer than ``at_least`` give none."""

    operation: Literal["mean_over"]
    parameter: Name
    over: list[Name] = Option(min_length=1)
    at_least: int = Option(ge=1)


class EventCard(EndpointCard):
    """1 when the patient has a record on which ``where`` holds, else 0; nothing when the table was not sent."""

    operation: Literal["event"]
    table: Name
    where: Sql


Endpoint = Annotated[TwoVisitsCard | LevelCard | MeanOverCard | EventCard, Option(discriminator="operation")]


class Measure(Definition):
    """A number for a patient: an endpoint, or a parameter at a visit."""

    endpoint: EndpointId | None = None
    parameter: Name | None = None
    visit: Name | None = None

    @model_validator(mode="after")
    def _one(self) -> Measure:
        if (self.endpoint is None) == (self.parameter is None):
            raise ValueError("a measure is an endpoint or a parameter")
        if (self.parameter is None) != (self.visit is None):
            raise ValueError("a parameter needs its visit, an endpoint has none")
        return self


class GroupCard(Card):
    """A result of a group of patients that is no mean or count of one endpoint."""

    id: EndpointId
    role: Literal["primary", "secondary", "exploratory", "safety", "baseline"]
    population: Name
    vectors: list[GroupVector] = Option(min_length=1)


class CorrelationCard(GroupCard):
    """Squared Pearson correlation with the P value of the slope."""

    operation: Literal["correlation"]
    x: Measure
    y: Measure
    arms: Literal["each", "pooled"] | Name


class PairsCard(GroupCard):
    """Squared Pearson correlation of the columns x and y of a query that is not about patients."""

    operation: Literal["pairs"]
    pairs: Sql


class RegressionCard(GroupCard):
    """Least squares of ``y`` on the arm and one covariate."""

    operation: Literal["regression"]
    y: Measure
    covariate: Measure


class ContingencyCard(GroupCard):
    """Pearson's chi-square, uncorrected, of the arms against exclusive 0/1 endpoints; the rest is a class too."""

    operation: Literal["contingency"]
    classes: list[EndpointId] = Option(min_length=1)


GroupResult = Annotated[
    CorrelationCard | PairsCard | RegressionCard | ContingencyCard, Option(discriminator="operation")
]


class Population(Definition):
    """An analysis set: ``members`` gives subject_id and ``member``, NULL when it is not known."""

    label: Text
    code: ParameterCode = Option(description="Name of its flag in ADSL.")
    members: Sql
    basis: Basis
    source: Text


class Endpoints(Definition):
    """``schema/endpoints.yaml`` after its repeated cards are written out."""

    subjects: Sql = Option(description="Gives subject_id of everyone for whom parameters and endpoints are made.")
    arms: Sql = Option(description="Gives subject_id and arm.")
    populations: dict[Name, Population]
    parameters: list[Parameter]
    endpoints: list[Endpoint]
    groups: list[GroupResult]

    def parameter(self, id: str) -> Parameter:
        """The parameter with this id.

        Raises:
            KeyError: there is none.
        """
        return {card.id: card for card in self.parameters}[id]

    def endpoint(self, id: str) -> Endpoint:
        """The endpoint with this id.

        Raises:
            KeyError: there is none.
        """
        return {card.id: card for card in self.endpoints}[id]
