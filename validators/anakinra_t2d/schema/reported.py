"""The numbers the paper prints, each with the result of ours that stands beside it."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator
from pydantic import Field as Option

from anakinra_t2d.schema.common import Definition, Name, Text

FLOW = "flow"
"""Stands for the enrolment flow where the id of a result is expected."""

Number = Literal["value", "spread", "ci_low", "ci_high", "p"]
"""One of the numbers that a line may have."""


def _number(text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError("is not a number") from None
    if not number.is_finite() or "e" in text.lower():
        raise ValueError("is not a number as papers print it")
    return text


def _factor(text: str) -> str:
    if Decimal(text) <= 0:
        raise ValueError("must be above zero")
    return text


Printed = Annotated[Text, AfterValidator(_number)]
"""A number as text, because its decimals say how precisely it was printed."""

Factor = Annotated[Printed, AfterValidator(_factor)]


class Shown(Definition):
    """Which result stands beside the printed numbers of a line."""

    result: Text = Option(description="Id of an endpoint or group result, or `flow`.")
    step: Name | None = Option(default=None, description="Step of the enrolment flow.")
    reason: Name | None = Option(default=None, description="Only those who left at this step for this reason.")
    group: Text = Option(description="An arm, `all` or `difference`; in the flow an arm, a site or `all`.")
    statistic: Name = Option(default="mean", description="Our statistic for the printed value.")
    spread: Literal["sd", "se"] = Option(default="sd", description="Our statistic for the printed spread.")
    p: Name = Option(
        default="p_student",
        description="Our statistic for the printed P value; one that compares the arms is taken from `difference`.",
    )
    p_result: Text | None = Option(default=None, description="Result that has the P value, if not `result`.")
    factor: Factor = Option(default="1", description="What the printed number is multiplied by to have our unit.")
    less_than: bool = Option(default=False, description="True: the paper says that the value is below the printed one.")

    @model_validator(mode="after")
    def _flow(self) -> Shown:
        if (self.result == FLOW) != (self.step is not None):
            raise ValueError("the flow, and nothing else, needs a step")
        if self.reason is not None and self.step is None:
            raise ValueError("only a step of the flow has a reason")
        return self


class Accepted(Definition):
    """Limits, ends included, within which a number agrees although it is not the printed one."""

    number: Number
    low: float
    high: float
    reason: Text

    @model_validator(mode="after")
    def _in_order(self) -> Accepted:
        if self.low > self.high:
            raise ValueError("the lower limit is above the upper one")
        return self


class Apart(Definition):
    """Numbers of a line that are not held against ours like the others, and why."""

    numbers: list[Number] = Option(min_length=1)
    reason: Text


class Reported(Definition):
    """One line of printed numbers."""

    id: Text = Option(pattern=r"^R[0-9]{3}$")
    section: Text
    quantity: Text
    timepoint: Text | None = None
    group: Text
    n: int | None = None
    statistic: Text
    value: Printed | None = None
    spread: Printed | None = None
    spread_type: Text | None = None
    ci_low: Printed | None = None
    ci_high: Printed | None = None
    unit: Text | None = None
    p_sign: Literal["=", "<"] | None = None
    p: Printed | None = None
    origin: Literal["reported", "derived here"]
    inconsistency: list[Text] = Option(default=[], description="Ids of the paper's inconsistencies it is part of.")
    note: Text | None = None
    shown: Shown | None = None
    accepted: list[Accepted] = Option(default=[], description="In the unit that the paper prints.")
    leave_out: list[Apart] = Option(default=[], description="Printed numbers that are no reference.")
    not_held: list[Apart] = Option(
        default=[], description="Printed numbers that the synthetic trial does not hold; other data may."
    )
    reason: Text | None = Option(default=None, description="Why nothing of ours stands beside the line.")

    @property
    def numbers(self) -> dict[Number, str]:
        """The printed numbers of the line as text, in the order of the line."""
        found: dict[Number, str | None] = {
            "value": self.value,
            "spread": self.spread,
            "ci_low": self.ci_low,
            "ci_high": self.ci_high,
            "p": self.p,
        }
        return {number: text for number, text in found.items() if text is not None}

    @model_validator(mode="after")
    def _whole(self) -> Reported:
        if not self.numbers:
            raise ValueError("a line has at least one number")
        if (self.p is None) != (self.p_sign is None):
            raise ValueError("a P value and its sign belong together")
        if (self.spread is None) != (self.spread_type is None):
            raise ValueError("a spread and its type belong together")
        return self

    @model_validator(mode="after")
    def _explained(self) -> Reported:
        if (self.shown is None) != (self.reason is not None):
            raise ValueError("a line has the result that stands beside it, or the reason why there is none")
        left_out = [number for apart in self.leave_out for number in apart.numbers]
        accepted = [one.number for one in self.accepted]
        not_held = [number for apart in self.not_held for number in apart.numbers]
        for number in {*left_out, *accepted, *not_held}:
            if self.shown is None or number not in self.numbers:
                raise ValueError(f"there is no {number} that is held against a result of ours")
        if twice := [name for name, times in Counter(left_out + accepted).items() if times > 1]:
            raise ValueError(f"{twice[0]} is explained twice")
        if twice := [name for name, times in Counter(left_out + not_held).items() if times > 1]:
            raise ValueError(f"{twice[0]} is explained twice")
        return self


class ReportedResults(Definition):
    """``schema/reported.yaml``."""

    reported: list[Reported]

    @model_validator(mode="after")
    def _once(self) -> ReportedResults:
        if twice := [id for id, times in Counter(line.id for line in self.reported).items() if times > 1]:
            raise ValueError(f"{twice[0]} is there twice")
        return self
