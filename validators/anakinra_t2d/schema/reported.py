"""The numbers the paper prints, each with the result of ours that stands beside it."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator
from pydantic import Field as Option

from anakinra_t2d.schema.common import Definition, Name, Text


def _number(text: str) -> str:
    try:
        Decimal(text)
    except InvalidOperation:
        raise ValueError("is not a number") from None
    return text


Printed = Annotated[Text, AfterValidator(_number)]
"""A number as text, because its decimals say how precisely it was printed."""


class Shown(Definition):
    """Which result stands beside a printed number."""

    result: Text = Option(description="Id of an endpoint or group result, or `flow`.")
    step: Name | None = Option(default=None, description="Step of the enrolment flow.")
    group: Text = Option(description="An arm, `all`, or `difference`.")
    visit: Name | None = None
    statistic: Name = Option(default="mean", description="Our statistic for the printed number.")
    p: Name = Option(default="p_student", description="Our statistic for the printed P value.")
    factor: Printed = Option(default="1", description="What the printed number is multiplied by to have our unit.")


class Accepted(Definition):
    """Limits within which a statistic agrees although it is not the printed number, ends included."""

    statistic: Literal["value", "spread", "ci_low", "ci_high", "p"]
    low: float
    high: float


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
    accepted: list[Accepted] = []
    reason: Text | None = Option(
        default=None, description="Why it is not compared, or why the synthetic trial does not hold it."
    )
    leave_out: list[Literal["value", "spread", "ci_low", "ci_high", "p"]] = Option(
        default=[], description="Printed numbers that are no reference, for the reason given."
    )

    @model_validator(mode="after")
    def _explained(self) -> Reported:
        if (self.shown is None or self.leave_out or self.accepted) and not (self.reason or self.inconsistency):
            raise ValueError("a number that is not compared as printed needs a reason or an inconsistency")
        return self


class ReportedResults(Definition):
    """``schema/reported.yaml``."""

    reported: list[Reported]
