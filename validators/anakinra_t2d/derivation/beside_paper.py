"""Our results beside the numbers the paper prints, each with a verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from anakinra_t2d.schema.reported import FLOW

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.schema.reported import Accepted, Number, Reported, Shown

Verdict = Literal["agrees", "accepted", "listed", "differs", "not_available"]
"""``agrees``: to the printed decimals. ``accepted``: within stated limits. ``listed``: the printed number is no
reference, or the synthetic trial does not hold it. ``differs``: without explanation. ``not_available``: the data give
no such result."""

ResultKey = tuple[str, str, str]
"""Id of an endpoint or group result, group, statistic."""

FlowKey = tuple[str, str, str | None]
"""Step of the enrolment flow, group, reason (None: all of the step)."""

_COMPARES_ARMS = frozenset({"p_student", "p_welch", "p_rank_sum", "p_chi_square"})
_DIFFERENCE = "difference"
_NOISE = Decimal("1e-9")
"""Part of the last printed unit, or of an accepted number, by which binary arithmetic may be off."""

_KIND_WORDS: dict[Number, str] = {
    "value": "",
    "spread": "spread, ",
    "ci_low": "lower limit, ",
    "ci_high": "upper limit, ",
    "p": "P, ",
}
_VERDICT_WORDS: dict[Verdict, str] = {
    "agrees": "agrees",
    "accepted": "accepted",
    "listed": "not compared as printed",
    "differs": "differs without explanation",
    "not_available": "no such result in these data",
}


@dataclass(frozen=True)
class Comparison:
    """One printed number and ours.

    ``printed`` is the text of the paper, with ``<`` where the paper has it; ``ours`` is our number in the unit of the
    paper. ``reason`` is there when ours is accepted or listed.
    """

    line: Reported
    kind: Number
    printed: str
    ours: float | None
    verdict: Verdict
    reason: str | None = None

    @property
    def wording(self) -> str:
        """The comparison as one line for a person."""
        line = self.line
        what = ", ".join(part for part in (line.quantity, line.timepoint, line.group) if part)
        ours = "nothing" if self.ours is None else f"{self.ours:.4g}"
        why = f": {self.reason}" if self.reason else "."
        verdict = _VERDICT_WORDS[self.verdict]
        return f"{line.id} {what}: {_KIND_WORDS[self.kind]}printed {self.printed}, here {ours}; {verdict}{why}"


def beside_paper(
    results: Mapping[ResultKey, float | None],
    flow: Mapping[FlowKey, int],
    definitions: Definitions,
    *,
    synthetic: bool = False,
) -> list[Comparison]:
    """Every number of the paper, in its order, with the result of ours that stands beside it.

    Args:
        results: statistics of the usual reading, None where one could not be calculated; differences are those of the
            first arm minus the second.
        flow: numbers of people.
        synthetic: the data are those of the simulated trial, which does not hold every number of the paper.
    """
    return [one for line in definitions.reported for one in _compared(line, results, flow, synthetic=synthetic)]


def agrees(printed: str, ours: float, factor: str = "1") -> bool:
    """Whether ``ours`` rounds to the printed number; at an exact half both neighbours are right.

    ``factor`` turns the printed unit into the unit of ``ours``.
    """
    exact = Decimal(printed)
    scaled, found = exact * Decimal(factor), Decimal(repr(float(ours)))
    unit = Decimal(1).scaleb(int(exact.as_tuple().exponent)) * Decimal(factor)
    return abs(found - scaled) <= unit / 2 + unit * _NOISE


def _compared(
    line: Reported, results: Mapping[ResultKey, float | None], flow: Mapping[FlowKey, int], *, synthetic: bool
) -> Iterator[Comparison]:
    for kind, text in line.numbers.items():
        below = line.p_sign == "<" if kind == "p" else line.shown is not None and line.shown.less_than
        printed = f"<{text}" if below else text
        if line.shown is None:
            yield Comparison(line, kind, printed, None, "listed", line.reason)
            continue
        factor = line.shown.factor if kind != "p" else "1"
        found = _found(line.shown, kind, results, flow)
        ours = None if found is None else float(Decimal(repr(found)) / Decimal(factor))
        verdict, reason = _verdict(line, kind, text, found, factor, below=below, synthetic=synthetic)
        yield Comparison(line, kind, printed, ours, verdict, reason)


def _found(
    shown: Shown, kind: Number, results: Mapping[ResultKey, float | None], flow: Mapping[FlowKey, int]
) -> float | None:
    """Our number in our unit; None when there is none."""
    if shown.result == FLOW:
        count = flow.get((shown.step or "", shown.group, shown.reason))
        return None if count is None else float(count)
    if kind == "p":
        group = _DIFFERENCE if shown.p in _COMPARES_ARMS else shown.group
        found = results.get((shown.p_result or shown.result, group, shown.p))
    else:
        statistic = {"value": shown.statistic, "spread": shown.spread}.get(kind, kind)
        found = results.get((shown.result, shown.group, statistic))
    return None if found is None or not math.isfinite(found) else float(found)


def _verdict(
    line: Reported, kind: Number, text: str, found: float | None, factor: str, *, below: bool, synthetic: bool
) -> tuple[Verdict, str | None]:
    left_out = {number: apart.reason for apart in line.leave_out for number in apart.numbers}
    if kind in left_out:
        return "listed", left_out[kind]
    if found is None:
        return "not_available", None
    right = Decimal(repr(found)) < Decimal(text) * Decimal(factor) if below else agrees(text, found, factor)
    if right:
        return "agrees", None
    for limits in line.accepted:
        if limits.number == kind and _within(limits, found, factor):
            return "accepted", f"{limits.reason} (accepted from {limits.low:g} to {limits.high:g})"
    not_held = {number: apart.reason for apart in line.not_held for number in apart.numbers}
    if synthetic and kind in not_held:
        return "listed", not_held[kind]
    return "differs", None


def _within(limits: Accepted, found: float, factor: str) -> bool:
    """Whether our number lies between the limits, which are in the printed unit."""
    ours = Decimal(repr(found)) / Decimal(factor)
    noise = abs(ours) * _NOISE
    return Decimal(repr(limits.low)) - noise <= ours <= Decimal(repr(limits.high)) + noise
