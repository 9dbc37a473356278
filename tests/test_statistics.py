"""Statistics of groups: the vectors of the cards, published examples, and inputs that allow no answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anakinra_t2d as trial
from anakinra_t2d.derivation.statistics import (
    Statistics,
    chi_square,
    compare_counts,
    compare_means,
    contingency,
    correlation,
    count,
    describe,
    regression,
)
from anakinra_t2d.schema.endpoints import GroupResult
from anakinra_t2d.schema.vectors import GroupVector

CASES = [(card, vector) for card in trial.definitions().endpoints.groups for vector in card.vectors]


def column(vector: GroupVector, name: str) -> Any:
    return np.array([np.nan if value is None else value for value in vector.columns[name]], float)


def calculated(card: GroupResult, vector: GroupVector) -> Statistics:
    if card.operation in ("correlation", "pairs"):
        return correlation(column(vector, "x"), column(vector, "y"))
    if card.operation == "regression":
        return regression(column(vector, "y"), column(vector, "arm"), column(vector, "covariate"))
    return contingency(
        {name: {str(k): v or 0 for k, v in enumerate(counts)} for name, counts in vector.columns.items()}
    )


@pytest.mark.parametrize(("card", "vector"), CASES, ids=lambda one: getattr(one, "id", getattr(one, "case", None)))
def test_vectors_of_group_results(card: GroupResult, vector: GroupVector) -> None:
    found = calculated(card, vector).values
    for name, expected in vector.expect.items():
        assert found[name] == (None if expected is None else pytest.approx(expected, rel=1e-9)), name


def test_two_samples_of_a_textbook() -> None:
    # Student's sleep data: t = -1.8608, pooled P 0.07919, Welch P 0.07939, 95 % interval of Welch -3.365 to 0.205
    first = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
    second = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
    found = compare_means(first, second).values
    assert found["difference"] == pytest.approx(-1.58)
    assert found["p_student"] == pytest.approx(0.07918671, rel=1e-6)
    assert found["p_welch"] == pytest.approx(0.07939414, rel=1e-6)
    assert found["ci_low"] == pytest.approx(-3.363874, rel=1e-6)
    assert found["ci_high"] == pytest.approx(0.203874, rel=1e-6)
    assert describe(first - second, is_change=True).values["p_within"] == pytest.approx(0.00283289, rel=1e-6)


def test_counts_of_the_paper() -> None:
    # 21 of 34 against 10 of 33: chi-square 6.67, P 0.0098 (inconsistency F04)
    arms = [np.repeat([1.0, 0.0], (ones, n - ones)) for ones, n in ((21, 34), (10, 33))]
    found = compare_counts(arms).values
    assert found["chi_square"] == pytest.approx(6.67, abs=0.005)
    assert found["p_chi_square"] == pytest.approx(0.0098, abs=0.00005)
    assert count(arms[0]).values == {"n": 34, "count": 21, "percent": pytest.approx(61.7647, abs=1e-4)}


NONE: list[tuple[Callable[[], Statistics], str, str]] = [
    (lambda: describe(np.array([]), is_change=True), "mean", "no values"),
    (lambda: describe(np.array([1.0]), is_change=True), "sd", "fewer than two values"),
    (lambda: describe(np.array([1.0, 1.0]), is_change=True), "p_within", "no spread"),
    (lambda: compare_means(np.array([]), np.array([1.0, 2.0])), "difference", "an arm has no value"),
    (lambda: compare_means(np.array([1.0]), np.array([1.0, 2.0])), "p_student", "fewer than two"),
    (lambda: compare_means(np.array([1.0, 1.0]), np.array([1.0, 1.0])), "p_rank_sum", "no spread"),
    (lambda: count(np.array([])), "percent", "no values"),
    (lambda: compare_counts([np.zeros(3), np.zeros(4)]), "p_chi_square", "all patients are in one class"),
    (lambda: compare_counts([np.zeros(0), np.ones(4)]), "p_chi_square", "a group has no patient"),
    (lambda: contingency({}), "p_chi_square", "a group has no patient"),
    (lambda: regression(np.array([1.0, 2, 3]), np.array([1.0, 0, 1]), np.array([3.0, 4, 5])), "p_model", "fewer than"),
    (
        lambda: regression(np.array([2.0, 3, 4, 5]), np.array([0.0, 0, 1, 1]), np.array([1.0, 2, 3, 4])),
        "p_model",
        "nothing unexplained",
    ),
]


@pytest.mark.parametrize(("make", "statistic", "reason"), NONE, ids=[f"{name}: {why}" for _, name, why in NONE])
def test_what_cannot_be_calculated_has_a_reason(make: Callable[[], Statistics], statistic: str, reason: str) -> None:
    found = make()
    assert found.values[statistic] is None
    assert reason in found.reasons[statistic]


numbers = st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), max_size=8).map(lambda x: np.array(x, float))


@given(numbers, numbers)
def test_no_statistic_is_ever_not_a_number(first: Any, second: Any) -> None:
    shorter = min(len(first), len(second))
    made = [
        describe(first, is_change=True),
        compare_means(first, second),
        correlation(first[:shorter], second[:shorter]),
        regression(first[:shorter], (second[:shorter] > 0).astype(float), second[:shorter]),
        chi_square([np.abs(first[:shorter]).tolist(), np.abs(second[:shorter]).tolist()]) if shorter else Statistics(),
    ]
    for one in made:
        for name, value in one.values.items():
            assert (value is None) == (name in one.reasons)
            assert value is None or np.isfinite(value)
