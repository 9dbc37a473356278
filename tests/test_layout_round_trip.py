"""Synthetic trials sent by two sites and converted: the canonical trial comes back, value for value."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import anakinra_t2d as trial
from anakinra_t2d.released import Converted
from anakinra_t2d.simulation import tables
from anakinra_t2d.simulation.layouts import deliver
from conftest import made_once

PATIENTS, SEED = 16, 7


@pytest.fixture(scope="module")
def typed() -> dict[str, pl.DataFrame]:
    return tables(PATIENTS, SEED)


@pytest.fixture(scope="module")
def converted(typed: dict[str, pl.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Converted]:
    found = trial.definitions()

    def make(folder: Path) -> None:
        for name in ("denmark", "zurich"):
            deliver(typed, found.profiles[name], found, folder / name / "sent")
            outcome = trial.convert(folder / name / "sent", out=folder / name / "out")
            assert (outcome.errors, outcome.warnings) == (0, 0), name

    folder = made_once(tmp_path_factory, "two_layouts", make)
    return {name: trial.read(folder / name / "out") for name in ("denmark", "zurich")}


def test_every_value_comes_back(typed: dict[str, pl.DataFrame], converted: dict[str, Converted]) -> None:
    for name, frame in typed.items():
        if frame.is_empty() or name == "submission":
            continue  # each delivery is a submission of its own
        key = trial.definitions().tables[name].key
        wanted = frame.drop("value_raw", strict=False).sort(key)  # the text as sent is that of the site
        parts = [
            out[name].select(pl.col(column).cast(kind) for column, kind in wanted.schema.items())
            for out in converted.values()
            if name in out
        ]
        assert_frame_equal(pl.concat(parts).sort(key), wanted, check_exact=True)


def test_a_delivery_names_its_site(converted: dict[str, Converted]) -> None:
    for name, site in (("denmark", "DK01"), ("zurich", "CH01")):
        delivery = converted[name]["submission"].row(0, named=True)
        assert delivery["submission_id"] == f"SYNTHETIC-{PATIENTS}-{SEED}-{site}"
        assert delivery["submitting_site_id"] == site
        assert delivery["synthetic"]


def test_texts_of_flags_are_those_of_the_site(converted: dict[str, Converted]) -> None:
    flags = {name: out["result_flags"]["value_raw"].to_list() for name, out in converted.items()}
    limits = {name: [text for text in texts if text.startswith("<")] for name, texts in flags.items()}
    assert all(limits.values())
    assert all("," in text for text in limits["denmark"])
    assert all("." in text for text in limits["zurich"])
