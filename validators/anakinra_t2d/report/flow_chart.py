"""The enrolment flow as boxes: a trunk, and a column for each arm once people belong to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anakinra_t2d.finding import printable

if TYPE_CHECKING:
    from anakinra_t2d.derivation.flow import FlowRow

SEVERAL = "a person can have several reasons"
NOT_ADDING_UP = "does not add up"


@dataclass
class Box:
    """People at a step; ``lines`` are reasons or parts with their numbers, ``remarks`` what is odd about the number."""

    label: str
    n: int | None
    lines: list[tuple[str, int | None]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass
class Stage:
    """A box on the way, and the boxes of those who leave after it."""

    box: Box
    leaves: list[Box]


@dataclass
class Column:
    """The way of one arm."""

    label: str
    stages: list[Stage]


@dataclass
class Chart:
    """``remarks`` are sentences about numbers that do not fit together."""

    trunk: list[Stage]
    columns: list[Column]
    remarks: list[str]


def number(n: int | None) -> str:
    """A number of people in words of the picture."""
    return "not known" if n is None else f"{n:,}"


def chart(rows: Sequence[FlowRow]) -> Chart:
    """Boxes in the order of the steps; with arms, the columns start at the first step that has them."""
    numbers = _Numbers(rows)
    way = numbers.way()
    arms = numbers.arms
    split = next((place for place, step in enumerate(way) if numbers.has_arms(step)), len(way)) if arms else len(way)
    trunk = [numbers.stage(step, "all", "all") for step in way[: split + 1]]
    columns = []
    if split < len(way):
        # who leaves after the allocation is shown in the arm
        trunk[-1] = Stage(Box(trunk[-1].box.label, trunk[-1].box.n, remarks=trunk[-1].box.remarks), [])
        columns = [
            Column(label, [numbers.stage(step, "arm", arm) for step in way[split:]]) for arm, label in arms.items()
        ]
    return Chart(trunk, columns, numbers.remarks(way))


class _Numbers:
    def __init__(self, rows: Sequence[FlowRow]) -> None:
        self.totals = {(row.step, row.by, row.group): row for row in rows if row.reason is None}
        self.reasons: dict[tuple[str, str, str], list[FlowRow]] = {}
        for row in rows:
            if row.reason is not None:
                self.reasons.setdefault((row.step, row.by, row.group), []).append(row)
        self.steps = {row.step: row for row in sorted(self.totals.values(), key=lambda row: row.place)}
        self.arms = {row.group: printable(row.group_label) for row in self.totals.values() if row.by == "arm"}

    def below(self, parent: str | None, *kinds: str) -> list[str]:
        return [id for id, row in self.steps.items() if row.parent == parent and row.kind in kinds]

    def way(self) -> list[str]:
        found: list[str] = []
        following = self.below(None, "goes_on")
        while following and following[0] not in found:
            found.append(following[0])
            following = self.below(found[-1], "goes_on")
        return found

    def has_arms(self, step: str) -> bool:
        return any((step, "arm", arm) in self.totals for arm in self.arms)

    def stage(self, step: str, by: str, group: str) -> Stage:
        box = self.box(step, by, group)
        for part in self.below(step, "part"):
            row = self.totals[part, by, group]
            box.lines.append((printable(row.label), row.n))
        if self.totals[step, by, group].adds_up is False:
            box.remarks.append(NOT_ADDING_UP)
        return Stage(box, [self.box(id, by, group) for id in self.below(step, "leaves")])

    def box(self, step: str, by: str, group: str) -> Box:
        row = self.totals[step, by, group]
        reasons = self.reasons.get((step, by, group), [])
        lines = [(printable(reason.reason_label or reason.reason or ""), reason.n) for reason in reasons]
        several = row.n is not None and sum(reason.n or 0 for reason in reasons) > row.n
        return Box(printable(row.label), row.n, lines, [SEVERAL] if several else [])

    def remarks(self, way: Sequence[str]) -> list[str]:
        found = []
        for (step, by, group), row in self.totals.items():
            if row.adds_up is False and by != "site":
                parts = [self.totals[id, by, group] for id in self.below(step, "goes_on", "leaves")]
                sum_of = " + ".join(f"{number(part.n)} ({printable(part.label)})" for part in parts)
                whose = f" ({printable(row.group_label)})" if by == "arm" else ""
                found.append(f"{printable(row.label)}{whose} {NOT_ADDING_UP}: {number(row.n)} is not {sum_of}.")
        for step in way:
            everybody = self.totals[step, "all", "all"]
            if self.has_arms(step):
                known = sum(self.totals[step, "arm", arm].n or 0 for arm in self.arms)
                if everybody.n is not None and known != everybody.n:
                    found.append(f"{printable(everybody.label)}: {known:,} of {everybody.n:,} have a known arm.")
        return found
