"""Every test vector of a parameter or endpoint card, answered by DuckDB."""

from __future__ import annotations

from functools import cache

import pytest

from engines import FOUND, VECTORS, DuckDb, answers


@cache
def wrong() -> tuple[str, ...]:
    return tuple(answers(DuckDb(), VECTORS))


@pytest.mark.parametrize("card", [card.id for card in (*FOUND.endpoints.parameters, *FOUND.endpoints.endpoints)])
def test_the_vectors_of_a_card(card: str) -> None:
    assert any(question.card == card and question.cases for question in VECTORS.questions)
    assert [words for words in wrong() if words.startswith(f"{card}, ")] == []
