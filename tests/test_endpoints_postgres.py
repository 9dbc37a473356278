"""PostgreSQL gives what DuckDB gives: test vectors, and all parameters and endpoints of two trials."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from engines import VECTORS, Answers, Frames, Postgres, answers, derived, differences, postgres_server

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def engine() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


def test_every_vector(engine: Postgres) -> None:
    assert answers(engine, VECTORS) == []


@pytest.mark.parametrize("kind", ["sound", "spoiled"])
def test_all_values_are_those_of_duckdb(
    engine: Postgres, engine_frames: dict[str, Frames], expected_answers: Callable[[str], Answers], kind: str
) -> None:
    engine.load(engine_frames[kind])
    assert differences(expected_answers(kind), derived(engine)) == []
