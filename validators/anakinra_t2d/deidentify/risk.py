"""The report on the risk that somebody is recognised: before, after, what was done for it, and what it cannot do.

It names fields and counts people. No value of a person is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from anakinra_t2d.deidentify.classes import Sizes, sizes
from anakinra_t2d.deidentify.people import PERSON, START
from anakinra_t2d.schema.deidentification import split

if TYPE_CHECKING:
    from anakinra_t2d.deidentify.classes import Coarsened
    from anakinra_t2d.deidentify.rare import Rare
    from anakinra_t2d.deidentify.released_fields import ChangedField, Dates
    from anakinra_t2d.deidentify.tables import Done, Treatment
    from anakinra_t2d.schema import Definitions

FORMAT = 1


@dataclass
class RiskReport:
    """What de-identification did.

    ``definitions`` describe the released tables, and ``changed`` lists the fields that mean something else than
    before. ``key_check`` is the same for releases with the same key. ``measured`` are the classes when the measured
    fields of the schema are known as well, before and after.
    """

    threshold: int
    dates: Dates
    schema_version: str
    key_check: str
    people: int
    quasi_identifiers: list[dict[str, Any]]
    before: Sizes
    after: Sizes
    class_sizes: list[int]
    steps: list[dict[str, Any]]
    emptied: list[dict[str, Any]]
    rare: list[Rare]
    rare_fields: list[dict[str, Any]]
    day_one: list[dict[str, Any]]
    done: Done
    withheld: list[dict[str, Any]]
    left_out: list[dict[str, Any]]
    limits: list[str]
    measured: Measured | None = None
    changed: list[ChangedField] = field(default_factory=list, repr=False)
    definitions: Definitions = field(default=None, repr=False)  # type: ignore[assignment]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON, without the definitions."""
        return {
            "format": FORMAT,
            "schema_version": self.schema_version,
            "threshold": self.threshold,
            "dates": self.dates,
            "key_check": self.key_check,
            "people": self.people,
            "quasi_identifiers": self.quasi_identifiers,
            "before": self.before.as_dict(),
            "after": self.after.as_dict(),
            "class_sizes": self.class_sizes,
            "steps": self.steps,
            "emptied_for_some": self.emptied,
            "rare_codes": self.rare_fields,
            "measured": self.measured.as_dict() if self.measured else None,
            "study_day_1": self.day_one,
            "dates_given_as_earliest_day": self.done.dates_floored,
            "dates_without_study_day_1": self.done.dates_without_day_one,
            "records_without_key": self.done.records_without_key,
            "flags_left_out": self.done.flags_left_out,
            "withheld": self.withheld,
            "left_out": self.left_out,
            "changed_fields": [one.as_dict() for one in self.changed],
            "limits": self.limits,
        }

    def text(self) -> str:
        """The report in words."""
        from anakinra_t2d.deidentify.risk_text import risk_text

        return risk_text(self)


@dataclass(frozen=True)
class Measured:
    """The classes when measured values are known too."""

    fields: list[str]
    before: Sizes
    after: Sizes

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"fields": self.fields, "before": self.before.as_dict(), "after": self.after.as_dict()}


def measured_sizes(people: pl.DataFrame, coarsened: Coarsened, known: pl.DataFrame, threshold: int) -> Measured | None:
    """The classes before and after for somebody who also knows the measured values; None when there are none."""
    fields = [name for name in known.columns if name != PERSON]
    if not fields:
        return None
    both = {}
    for name, frame in (("before", people), ("after", coarsened.people)):
        columns = [column for column in frame.columns if "." in column]
        joined = frame.select(PERSON, *columns).join(known, on=PERSON, how="left")
        both[name] = sizes(joined, [*columns, *fields], threshold)
    return Measured(fields, both["before"], both["after"])


def risk_report(
    found: Definitions,
    coarsened: Coarsened,
    treatment: Treatment,
    frames: Mapping[str, pl.DataFrame],
    without_day_one: int,
    people: pl.DataFrame,
) -> RiskReport:
    """The report, without the measured values and the definitions."""
    rules = found.deidentification
    threshold = treatment.threshold
    columns = [name for name in coarsened.people.columns if "." in name]
    counted = coarsened.people.group_by(columns).len()["len"] if columns else pl.Series([people.height])
    starts = people.group_by(START).len()
    day_one = [
        {"field": name, "people": int(starts.filter(pl.col(START) == name)["len"].sum())}
        for name in rules.day_one.fields
    ]
    return RiskReport(
        threshold=threshold,
        dates=treatment.dates,
        schema_version=found.trial.version,
        key_check=treatment.key.check,
        people=people.height,
        quasi_identifiers=[
            {"field": one.field, "label": _label(found, one.field), "why": one.why, "fixed": one.fixed}
            for one in rules.quasi_identifiers
            if one.field in people.columns
        ],
        before=coarsened.before,
        after=coarsened.after,
        class_sizes=sorted(counted.to_list()),
        steps=[
            {
                "field": one.step.field,
                "label": _label(found, one.step.field),
                "operation": one.step.operation,
                **({"edges": one.step.edges} if one.step.edges else {}),
                **({"groups": one.step.groups} if one.step.groups else {}),
                "why": one.step.why,
                "taken": one.sizes is not None,
                **(one.sizes.as_dict() if one.sizes else {}),
            }
            for one in coarsened.steps
        ],
        emptied=[
            {"field": name, "label": _label(found, name), "people": count}
            for name, count in sorted(coarsened.emptied.items())
        ],
        rare=treatment.done.rare,
        rare_fields=[
            {
                "field": one.rule.field,
                "label": _label(found, one.rule.field),
                "codes": one.codes,
                "people": one.people,
                "records": one.records,
                "becomes": "withheld" if one.withheld else one.rule.into,
                "small_cells_left": one.small_cells,
                "why": one.rule.why,
            }
            for one in treatment.done.rare
        ],
        day_one=[*day_one, {"field": None, "people": without_day_one}],
        done=treatment.done,
        withheld=_withheld(found, treatment, frames),
        left_out=[{"table": one.table, "why": one.why} for one in rules.left_out],
        limits=[one.text for one in rules.limits],
    )


def _withheld(found: Definitions, treatment: Treatment, frames: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    rules = found.deidentification
    reasons = {name: group.why for group in rules.withheld for name in group.fields}
    reasons |= {one.field: one.why for one in rules.rare if one.whole}
    reasons |= {step.field: step.why for step in rules.steps if step.operation == "withhold"}
    for one in rules.quasi_identifiers:
        if split(one.field)[0] not in frames:
            continue
        reasons |= {told: f"It tells {_label(found, one.field).lower()}" for told in one.told_by}
    there = [f"{name}.{column}" for name, frame in frames.items() for column in frame.columns]
    return [
        {
            "field": name,
            "label": _label(found, name),
            "why": reasons.get(name, "A date without a person has no study day"),
        }
        for name in there
        if name in treatment.withheld
    ]


def _label(found: Definitions, name: str) -> str:
    table, column = split(name)
    return found.tables[table].fields[column].label
