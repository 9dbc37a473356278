"""Inputs that once ended a reader in anything but sentences, and the harness that finds such inputs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.mutate import mutate
from fuzz.parent import Worker
from fuzz.readers import read
from fuzz.seeds import write_seeds

CORPUS = Path(__file__).parent / "fuzz" / "corpus"
KEPT = sorted(CORPUS.glob("*--*"))


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A process of its own, so that a crash of a native reader is a failed test and not the end of all."""
    made = Worker(tmp_path_factory.mktemp("worker"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seeds")
    write_seeds(folder)
    return folder


def job(path: Path, data: bytes, reader: str, name: str) -> dict[str, object]:
    parts = {"reader": reader, "name": name, "seed_file": str(path), "ready": data.hex()}
    return {**parts, "number": 0, "seed": 0, "whole": False}


def test_there_is_a_corpus() -> None:
    assert KEPT


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name)
def test_what_failed_once_becomes_sentences(path: Path, worker: Worker) -> None:
    kept, _, name = path.name.partition("--")
    assert worker.run(**job(path, path.read_bytes(), kept.split("-")[0], name)) is None


class TestHarness:
    def test_every_seed_is_sound(self, seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        wrong = {}
        for path in sorted(seeds.glob("*/*")):
            Path(path.name).write_bytes(path.read_bytes())
            wrong[path.parent.name] = read(path.parent.name, Path(path.name))
        assert len(wrong) > 30
        assert {reader: said for reader, said in wrong.items() if said} == {}

    @given(data=st.binary(max_size=300), seed=st.integers(0, 1000))
    def test_the_same_seed_gives_the_same_damage(self, data: bytes, seed: int) -> None:
        assert mutate(data, Random(seed)) == mutate(data, Random(seed))

    def test_nearly_every_damage_changes_the_file(self, seeds: Path) -> None:
        for path in sorted(seeds.glob("*/*")):
            data = path.read_bytes()
            assert sum(mutate(data, Random(seed)) != data for seed in range(20)) > 10, path.name

    def test_a_reader_that_takes_too_long_is_told(self, seeds: Path, tmp_path: Path) -> None:
        path = seeds / "comma" / "vitals.csv"
        impatient = Worker(tmp_path / "impatient", longest=0.0)
        wrong = impatient.run(**job(path, path.read_bytes(), "comma", path.name))
        assert wrong is not None
        assert wrong["kind"] == "hang"

    def test_a_process_that_ends_is_told(self, tmp_path: Path, worker: Worker) -> None:
        # the worker itself cannot write into a folder that does not exist
        wrong = worker.run(**job(tmp_path, b"a,b\n", "comma", "absent/vitals.csv"))
        assert wrong is not None
        assert wrong["kind"].startswith("crash")
