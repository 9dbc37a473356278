"""A local Spark gives what DuckDB gives: test vectors, and all parameters and endpoints of a spoiled trial."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from engines import VECTORS, Answers, Frames, Spark, answers, derived, differences, local_spark

pytestmark = [pytest.mark.spark, pytest.mark.slow]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    with local_spark(tmp_path_factory.mktemp("spark")) as spark:
        yield spark


def test_every_vector(engine: Spark) -> None:
    assert answers(engine, VECTORS) == []


def test_all_values_are_those_of_duckdb(
    engine: Spark, engine_frames: dict[str, Frames], expected_answers: Callable[[str], Answers]
) -> None:
    engine.load(engine_frames["spoiled"])
    assert differences(expected_answers("spoiled"), derived(engine)) == []
