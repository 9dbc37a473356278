"""The risk report as plain text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import fill
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anakinra_t2d.deidentify.classes import Sizes
    from anakinra_t2d.deidentify.risk import RiskReport

_WIDTH = 100
_OPERATIONS = {"band": "in ranges", "merge": "in groups", "withhold": "withheld from everybody"}


def risk_text(report: RiskReport) -> str:
    """The report for people; counts and names of fields, and no value of a person."""
    return "\n\n".join(part for part in _parts(report) if part) + "\n"


def _parts(report: RiskReport) -> Iterator[str]:
    yield f"Risk of being recognised in the released tables\nSchema {report.schema_version}, key {report.key_check}"
    yield _sentences(
        f"{report.people} people are in the tables. People who agree in everything that an acquaintance can know are a "
        f"class; a class has at least {report.threshold} of them, or it is made larger."
    )
    yield _list("What an acquaintance can know", (f"{one['label']}: {one['why']}." for one in report.quasi_identifiers))
    yield _list(
        "How large the classes are",
        [f"Before: {_sizes(report.before, report.threshold)}", f"After:  {_sizes(report.after, report.threshold)}"],
    )
    if report.after.below:
        yield _sentences(
            f"{report.after.below} people are still in classes of fewer than {report.threshold}, because there are too "
            "few others to join them. Do not release these tables to the public."
        )
    yield _list("What was done for everybody", (_step(one) for one in report.steps))
    yield _list(
        "What was emptied for some, so that their class is large enough",
        (f"{one['label']}: {_people(one['people'])}." for one in report.emptied),
    )
    yield _list("Rare codes", (_rare(one, report.threshold) for one in report.rare_fields))
    if report.measured:
        yield _list(
            f"For somebody who also knows {', '.join(report.measured.fields)}, about",
            [
                f"Before: {_sizes(report.measured.before, report.threshold)}",
                f"After:  {_sizes(report.measured.after, report.threshold)}",
            ],
        )
    yield _list("Dates", _dates(report))
    yield _list("Withheld fields", _by_reason(report.withheld))
    yield _list("Tables that are left out", (f"{one['table']}: {one['why']}." for one in report.left_out))
    yield _list("What this does not protect from", report.limits)


def _sizes(sizes: Sizes, threshold: int) -> str:
    return (
        f"k = {sizes.k}; {sizes.classes} classes; in those of fewer than {threshold}: {_people(sizes.below)}; "
        f"alone in theirs: {_people(sizes.unique)}."
    )


def _step(one: dict[str, Any]) -> str:
    operation = _OPERATIONS[one["operation"]]
    if one.get("edges"):
        operation += f" that begin at {', '.join(map(str, one['edges']))}"
    if not one["taken"]:
        return f"{one['label']}, {operation}: not needed."
    return f"{one['label']}, {operation} ({one['why']}): k = {one['k']}, {one['people_below_threshold']} below."


def _rare(one: dict[str, Any], threshold: int) -> str:
    if not one["codes"]:
        return f"{one['label']}: no code that fewer than {threshold} people have."
    if one["becomes"] == "withheld":
        return f"{one['label']}: withheld from everybody, because few people have one of its codes."
    became = f"became {one['becomes']!r}" if one["becomes"] else "were emptied"
    left = (
        f" Codes that still belong to fewer than {threshold} people: {one['small_cells_left']}."
        if one["small_cells_left"]
        else ""
    )
    return f"{one['label']}: {one['codes']} rare codes ({_people(one['people'])}) {became}.{left}"


def _dates(report: RiskReport) -> Iterator[str]:
    if report.dates == "study_day":
        yield "Dates are study days; there is no day 0, and no clock time."
    else:
        yield "Dates of a person are moved on by the same secret number of days, and have no clock time."
    for one in report.day_one:
        if one["field"]:
            yield f"Study day 1 is {one['field']} for {_people(one['people'])}."
        elif one["people"]:
            yield f"No study day 1: {_people(one['people'])}."
    if report.done.dates_floored:
        yield f"{report.done.dates_floored} dates long before study day 1 are given as the earliest day."
    if report.done.dates_without_day_one:
        yield f"{report.done.dates_without_day_one} dates of people without a study day 1 are empty."
    if report.done.records_without_key:
        yield f"{report.done.records_without_key} records had no complete key any more and are left out."
    if report.done.flags_left_out:
        yield f"{report.done.flags_left_out} flags of values that are not released as they were are left out."


def _by_reason(withheld: list[dict[str, Any]]) -> Iterator[str]:
    fields: dict[str, list[str]] = {}
    for one in withheld:
        fields.setdefault(one["why"], []).append(one["field"])
    for why, names in fields.items():
        yield f"{', '.join(names)}: {why}."


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"


def _list(title: str, lines: Iterable[str]) -> str:
    shown = [fill(line, _WIDTH, initial_indent="* ", subsequent_indent="  ") for line in lines]
    return "\n".join([title, *shown]) if shown else ""


def _sentences(text: str) -> str:
    return fill(text, _WIDTH)
