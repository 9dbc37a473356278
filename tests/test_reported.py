"""The printed numbers of the paper, and the verdict of a result that stands beside one of them."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from anakinra_t2d.derivation.beside_paper import Comparison, FlowKey, ResultKey, agrees, beside_paper
from anakinra_t2d.schema import Definitions, definitions
from anakinra_t2d.schema.reported import FLOW, Reported

FACTS = Path(__file__).parents[2] / "shared" / "trial" / "reported_results.csv"

LINE: dict[str, Any] = {
    "id": "R001",
    "section": "Table 1",
    "quantity": "height",
    "group": "anakinra",
    "statistic": "mean",
    "origin": "reported",
    "shown": {"result": "BL13", "group": "anakinra"},
}


def line(**changes: Any) -> Reported:
    return Reported.model_validate({**LINE, **changes})


def compared(
    one: Reported,
    results: Mapping[ResultKey, float | None],
    flow: Mapping[FlowKey, int] | None = None,
    *,
    synthetic: bool = False,
) -> list[Comparison]:
    found: Definitions = replace(definitions(), reported=[one])
    return beside_paper(results, flow or {}, found, synthetic=synthetic)


def verdict(one: Reported, results: Mapping[ResultKey, float | None], **options: Any) -> str:
    (comparison,) = compared(one, results, **options)
    return comparison.verdict


# The file


def test_the_file_says_what_was_collected_from_the_paper() -> None:
    if not FACTS.is_file():
        pytest.skip("the collected facts of the paper are not beside this checkout")
    with FACTS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    written = [
        {
            "id": one.id,
            "section": one.section,
            "quantity": one.quantity,
            "timepoint": one.timepoint or "",
            "group": one.group,
            "n": "" if one.n is None else str(one.n),
            "statistic": one.statistic,
            "mean": one.value or "",
            "sd_or_se": one.spread or "",
            "spread_type": one.spread_type or "",
            "ci_low": one.ci_low or "",
            "ci_high": one.ci_high or "",
            "unit": one.unit or "",
            "p_op": one.p_sign or "",
            "p": one.p or "",
            "origin": one.origin,
            "flag": " ".join(one.inconsistency),
            "note": one.note or "",
        }
        for one in definitions().reported
    ]
    assert written == rows


def test_every_line_stands_beside_a_result_that_exists() -> None:
    found = definitions()
    known = {card.id for card in [*found.endpoints.endpoints, *found.endpoints.groups]}
    places = {arm.id for arm in found.trial.arms} | {site.id for site in found.trial.sites}
    for one in found.reported:
        if one.shown is None:
            continue
        assert {one.shown.result, one.shown.p_result} <= known | {FLOW, None}, one.id
        assert one.shown.group in places | {"all", "difference", "yes", "no"}, one.id
        if one.shown.step:
            assert one.shown.step in {step.id for step in found.flow.steps}, one.id
        if one.shown.reason:
            assert one.shown.reason in found.codelists["disposition_reason"].codes, one.id


def test_what_the_trial_calls_inconsistent_is_explained() -> None:
    hints = {"F10", "F13"}  # a unit and the shape of a distribution; no number is in doubt
    for one in definitions().reported:
        if set(one.inconsistency) - hints:
            everything_agrees = one.id in {"R072", "R076", "R077"}  # F07 doubts the other lines of the same sentence
            assert everything_agrees != bool(one.leave_out or one.accepted or one.not_held), one.id


# Rounding

decimals = st.integers(0, 4)
numbers = st.floats(-1e5, 1e5, allow_nan=False).map(lambda x: x + 0.0)
factors = st.sampled_from(["1", "0.001", "1000", "60"])


@given(numbers, decimals)
def test_a_number_agrees_with_its_own_print(number: float, places: int) -> None:
    assert agrees(f"{number:.{places}f}", number)


@given(numbers, decimals, factors)
def test_a_number_agrees_with_its_print_in_another_unit(number: float, places: int, factor: str) -> None:
    printed = f"{Decimal(repr(number)) / Decimal(factor):.{places}f}"
    assert agrees(printed, number, factor)


@given(st.integers(-(10**7), 10**7), decimals, st.sampled_from([-1, 1]), factors)
def test_one_unit_of_the_last_decimal_away_never_agrees(units: int, places: int, step: int, factor: str) -> None:
    printed, away = (Decimal(number).scaleb(-places) for number in (units, units + step))
    assert not agrees(f"{printed:f}", float(away * Decimal(factor)), factor)


@pytest.mark.parametrize(
    ("printed", "ours", "right"),
    [
        ("0.05", 0.0449999, False),
        ("0.05", 0.045, True),  # an exact half may have been rounded either way
        ("0.04", 0.045, True),
        ("0.05", 0.055, True),
        ("0.05", 0.0550001, False),
        ("2.5", 2.45, True),
        ("2.4", 2.45, True),
        ("0.50", 0.504, True),
        ("0.5", 0.504, True),
        ("0.500", 0.504, False),  # decimals count, also zeros
        ("97.0", 97, True),
        ("0.0", -0.0026, True),
        ("-0.46", 0.46, False),
        ("8.7", 1e300, False),
        ("8.7", 1e-300, False),
    ],
)
def test_rounding_at_the_edges(printed: str, ours: float, *, right: bool) -> None:
    assert agrees(printed, ours) is right


def test_a_count_per_cubic_millimetre_is_compared_with_giga_per_litre() -> None:
    shown = {"result": "EP21", "group": "anakinra", "factor": "0.001"}
    neutrophils = line(value="-1200", spread="1400", spread_type="SD", shown=shown)
    results = {("EP21", "anakinra", "mean"): -1.2, ("EP21", "anakinra", "sd"): 1.4006}
    value, spread = compared(neutrophils, results)
    assert (value.verdict, value.ours) == ("agrees", -1200.0)
    assert (spread.verdict, spread.ours) == ("differs", 1400.6)


# Verdicts


def test_every_printed_number_has_its_own_statistic() -> None:
    one = line(value="-0.46", ci_low="-0.90", ci_high="-0.01", p_sign="=", p="0.04", group="both",
               shown={"result": "EP01", "group": "difference", "statistic": "difference"})  # fmt: skip
    names = {"difference": -0.457, "ci_low": -0.903, "ci_high": -0.011, "p_student": 0.0449}
    found = compared(one, {("EP01", "difference", name): value for name, value in names.items()})
    assert [(c.kind, c.printed, c.ours, c.verdict) for c in found] == [
        ("value", "-0.46", -0.457, "agrees"),
        ("ci_low", "-0.90", -0.903, "agrees"),
        ("ci_high", "-0.01", -0.011, "agrees"),
        ("p", "0.04", 0.0449, "agrees"),
    ]


def test_the_p_value_beside_an_arm_is_that_of_the_comparison() -> None:
    one = line(p_sign="=", p="0.50")
    assert verdict(one, {("BL13", "difference", "p_student"): 0.5}) == "agrees"
    assert verdict(one, {("BL13", "anakinra", "p_student"): 0.5}) == "not_available"


@pytest.mark.parametrize("name", ["p_slope", "p_within", "p_treatment"])
def test_another_p_value_is_that_of_the_group(name: str) -> None:
    one = line(p_sign="=", p="0.50", shown={"result": "EP05", "group": "anakinra", "p": name})
    assert verdict(one, {("EP05", "anakinra", name): 0.5}) == "agrees"
    assert verdict(one, {("EP05", "difference", name): 0.5}) == "not_available"


def test_the_p_value_can_be_that_of_another_result() -> None:
    shown = {"result": "BL22", "group": "anakinra", "p": "p_chi_square", "p_result": "BL22.classes"}
    one = line(p_sign="=", p="0.79", shown=shown)
    keys = ("BL22.classes", "difference", "p_chi_square"), ("BL22", "difference", "p_chi_square")
    assert verdict(one, dict(zip(keys, (0.79, 0.1), strict=True))) == "agrees"
    assert verdict(one, {keys[1]: 0.79}) == "not_available"


@pytest.mark.parametrize(("ours", "expected"), [(0.00099, "agrees"), (0.001, "differs"), (0.0011, "differs")])
def test_below_a_limit_means_below_it(ours: float, expected: str) -> None:
    p = line(p_sign="<", p="0.001")
    assert verdict(p, {("BL13", "difference", "p_student"): ours}) == expected
    value = line(value="0.001", shown={"result": "EP29a", "group": "anakinra", "statistic": "r2", "less_than": True})
    (found,) = compared(value, {("EP29a", "anakinra", "r2"): ours})
    assert (found.verdict, found.printed) == (expected, "<0.001")


def test_a_spread_is_a_standard_deviation_unless_the_line_says_otherwise() -> None:
    results = {("BL13", "anakinra", "sd"): 1.0, ("BL13", "anakinra", "se"): 0.17}
    assert verdict(line(spread="1.0", spread_type="SD"), results) == "agrees"
    shown = {**LINE["shown"], "spread": "se"}
    assert verdict(line(spread="0.17", spread_type="unclear", shown=shown), results) == "agrees"


@pytest.mark.parametrize("missing", [None, math.nan, math.inf])
def test_a_missing_result_is_not_available(missing: float | None) -> None:
    limits = [{"number": "value", "low": -1e9, "high": 1e9, "reason": "Anything goes."}]
    apart = [{"numbers": ["value"], "reason": "The synthetic trial has none."}]
    for one in (line(value="0"), line(value="0", accepted=limits), line(value="0", not_held=apart)):
        for results in ({}, {("BL13", "anakinra", "mean"): missing}):
            (found,) = compared(one, results, synthetic=True)
            assert (found.verdict, found.ours) == ("not_available", None)
    flow = line(value="0", shown={"result": "flow", "step": "withdrawn", "group": "placebo"})
    assert verdict(flow, {("flow", "placebo", "mean"): 0.0}) == "not_available"


@pytest.mark.parametrize(
    ("ours", "expected"),
    [(0.03, "agrees"), (0.02, "accepted"), (0.05, "accepted"), (0.019, "differs"), (0.051, "differs")],
)
def test_limits_include_their_ends(ours: float, expected: str) -> None:
    limits = [{"number": "p", "low": 0.02, "high": 0.05, "reason": "The interval gives 0.043."}]
    one = line(p_sign="=", p="0.03", accepted=limits)
    assert verdict(one, {("BL13", "difference", "p_student"): ours}) == expected


def test_limits_are_in_the_printed_unit() -> None:
    limits = [{"number": "value", "low": -1300, "high": -1100, "reason": "Rounded to hundreds."}]
    one = line(value="-1200", shown={**LINE["shown"], "factor": "0.001"}, accepted=limits)
    assert verdict(one, {("BL13", "anakinra", "mean"): -1.1}) == "accepted"
    assert verdict(one, {("BL13", "anakinra", "mean"): -1.0999}) == "differs"


def test_a_number_that_is_no_reference_is_listed_even_if_it_agrees() -> None:
    one = line(value="1.35", leave_out=[{"numbers": ["value"], "reason": "A shifted decimal point."}])
    for ours in (1.35, 1.14, None):
        (found,) = compared(one, {("BL13", "anakinra", "mean"): ours})
        assert (found.verdict, found.ours, found.reason) == ("listed", ours, "A shifted decimal point.")


def test_only_the_synthetic_trial_is_excused_for_what_it_does_not_hold() -> None:
    one = line(value="0.32", not_held=[{"numbers": ["value"], "reason": "Only approached."}])
    results = {("BL13", "anakinra", "mean"): 0.38}
    assert verdict(one, results, synthetic=True) == "listed"
    assert verdict(one, results) == "differs"
    assert verdict(one, {("BL13", "anakinra", "mean"): 0.32}, synthetic=True) == "agrees"


def test_a_line_without_a_result_is_listed_with_its_reason() -> None:
    one = line(value="6.4", shown=None, reason="The normal range of the laboratory.")
    (found,) = compared(one, {})
    assert (found.verdict, found.reason) == ("listed", "The normal range of the laboratory.")


def test_steps_of_the_flow_are_told_apart_by_reason() -> None:
    shown = {"result": "flow", "step": "withdrawn", "group": "placebo"}
    flow: dict[FlowKey, int] = {("withdrawn", "placebo", None): 2, ("withdrawn", "placebo", "self_unblinding"): 1}
    assert verdict(line(value="2", shown=shown), {}, flow=flow) == "agrees"
    assert verdict(line(value="1", shown={**shown, "reason": "self_unblinding"}), {}, flow=flow) == "agrees"
    assert verdict(line(value="1", shown={**shown, "reason": "other"}), {}, flow=flow) == "not_available"
    assert verdict(line(value="2", shown={**shown, "group": "anakinra"}), {}, flow=flow) == "not_available"


def test_no_data_agree_with_nothing() -> None:
    found = beside_paper({}, {}, definitions(), synthetic=True)
    assert {one.verdict for one in found} == {"not_available", "listed"}
    assert len(found) == sum(len(one.numbers) for one in definitions().reported)
    assert all(one.reason for one in found if one.verdict == "listed")


def test_a_comparison_in_words() -> None:
    limits = [{"number": "p", "low": 0.02, "high": 0.05, "reason": "The interval gives 0.043."}]
    one = line(timepoint="baseline", value="8.7", p_sign="<", p="0.001", accepted=limits)
    value, p = compared(one, {("BL13", "anakinra", "mean"): 8.691, ("BL13", "difference", "p_student"): 0.0449})
    assert value.wording == "R001 height, baseline, anakinra: printed 8.7, here 8.691; agrees."
    assert p.wording == (
        "R001 height, baseline, anakinra: P, printed <0.001, here 0.0449; accepted: The interval gives 0.043. "
        "(accepted from 0.02 to 0.05)"
    )


# Mistakes in the file

MISTAKES = [
    ({}, "at least one number"),
    ({"value": "about 3"}, "is not a number"),
    ({"value": "NaN"}, "as papers print it"),
    ({"value": "1e3"}, "as papers print it"),
    ({"p": "0.05"}, "sign belong together"),
    ({"spread": "1.0"}, "type belong together"),
    ({"value": "1", "shown": None}, "the reason why there is none"),
    ({"value": "1", "reason": "Why not."}, "the reason why there is none"),
    ({"value": "1", "leave_out": [{"numbers": ["p"], "reason": "No test is named."}]}, "there is no p"),
    ({"value": "1", "leave_out": [{"numbers": [], "reason": "Nothing."}]}, "at least 1 item"),
    ({"value": "1", "leave_out": [{"numbers": ["value"]}]}, "reason"),
    ({"value": "1", "leave_out": [{"numbers": ["value", "value"], "reason": "So."}]}, "explained twice"),
    ({"value": "1", "accepted": [{"number": "value", "low": 2, "high": 1, "reason": "So."}]}, "above the upper"),
    ({"value": "1", "shown": {"result": "flow", "group": "all"}}, "needs a step"),
    ({"value": "1", "shown": {"result": "EP01", "group": "all", "step": "treated"}}, "needs a step"),
    ({"value": "1", "shown": {"result": "EP01", "group": "all", "reason": "other"}}, "only a step"),
    ({"value": "1", "shown": {"result": "EP01", "group": "all", "factor": "0"}}, "above zero"),
]


@pytest.mark.parametrize(("changes", "words"), MISTAKES)
def test_a_line_that_says_too_little_or_too_much_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        line(**changes)
