"""SQLite gives what DuckDB gives: test vectors, and all parameters and endpoints of a sound and a spoiled trial."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anakinra_t2d.endpoint_views import views
from anakinra_t2d.endpoint_views.dialects import FORMS, Form, statements
from engines import FOUND, VECTORS, Answers, Frames, Sqlite, answers, derived, differences


def test_every_vector() -> None:
    assert answers(Sqlite(), VECTORS) == []


@pytest.mark.parametrize("kind", ["sound", "spoiled"])
def test_all_values_are_those_of_duckdb(
    engine_frames: dict[str, Frames], expected_answers: Callable[[str], Answers], kind: str
) -> None:
    engine = Sqlite()
    engine.load(engine_frames[kind])
    assert differences(expected_answers(kind), derived(engine)) == []


@pytest.mark.parametrize("form", FORMS)
def test_the_statements_can_be_run_again(engine_frames: dict[str, Frames], form: Form) -> None:
    engine = Sqlite()
    engine.load(engine_frames["sound"])
    for _ in range(2):
        engine.run(statements(views(FOUND), "sqlite", form))
    assert engine.rows(["SELECT COUNT(*) FROM endpoint_ep01 WHERE state = 'derived'"])[0][0] > 5
