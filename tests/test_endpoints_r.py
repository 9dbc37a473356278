"""R gives what DuckDB gives: the SQLite views by RSQLite, and every test vector of the JSON cards by plain R."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from anakinra_t2d.endpoint_views import views
from anakinra_t2d.endpoint_views.dialects import statements
from anakinra_t2d.endpoint_views.json_cards import json_cards
from conftest import ROOT
from engines import FOUND, Answers, Frames, Sqlite, differences, read_back
from tools import missing

pytestmark = pytest.mark.r


def rscript(name: str, *arguments: Path) -> str:
    if not shutil.which("Rscript"):
        missing("R")
    command = ["Rscript", "--vanilla", str(ROOT / "tests" / "r" / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_every_vector_by_plain_r(tmp_path: Path) -> None:
    (tmp_path / "cards.json").write_text(json_cards(FOUND), encoding="utf-8")
    *wrong, summary = rscript("vectors.R", tmp_path / "cards.json").splitlines()
    assert wrong == []
    cards = FOUND.endpoints
    asked = sum(len(card.vectors) for card in (*cards.parameters, *cards.endpoints, *cards.groups))
    assert summary == f"{asked} vectors, 0 wrong"


@pytest.mark.parametrize("kind", ["sound", "spoiled"])
def test_the_sqlite_views_by_rsqlite(
    engine_frames: dict[str, Frames], expected_answers: Callable[[str], Answers], tmp_path: Path, kind: str
) -> None:
    engine = Sqlite(tmp_path / "trial.sqlite")
    engine.load(engine_frames[kind])
    engine.run(statements(views(FOUND), "sqlite"))
    engine.connection.close()
    files = [tmp_path / f"{name}.csv" for name in ("parameters", "endpoints")]
    rscript("views.R", tmp_path / "trial.sqlite", *files)
    rows = []
    for path, id in zip(files, ("parameter", "endpoint_id"), strict=True):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                numbers = [row["value"], row.get("baseline"), row.get("follow_up")]
                texts = [row["unit"], row["state"], row["reason"] or None]
                rows.append((row[id], row["subject_id"], row.get("visit", ""), *(n or None for n in numbers), *texts))
    assert differences(expected_answers(kind), read_back(rows)) == []
