"""The package as a library: what it exports, and the schemas for other libraries."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path

import pandera.errors
import polars as pl
import polars.selectors as cs
import pytest

import anakinra_t2d as trial
from anakinra_t2d.conversion.run import convert
from anakinra_t2d.harmonise.typing import CellTyper
from anakinra_t2d.reading import InputError

ROOT = Path(__file__).parents[1]


def test_every_public_name_is_there_whatever_was_imported_before() -> None:
    for name in trial.__all__:
        assert getattr(trial, name) is not None
    assert set(trial.__all__) == {*trial._PUBLIC, "__version__"}
    assert trial.convert is convert
    assert trial.InputError is InputError
    assert callable(trial.read)
    with pytest.raises(AttributeError, match="nonsense"):
        trial.nonsense  # noqa: B018


def test_the_examples_of_the_documentation_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = doctest.testmod(trial)
    assert result.attempted >= 4
    assert result.failed == 0


def test_importing_the_package_is_light() -> None:
    heavy = "polars pandera duckdb pyarrow frictionless numpy scipy pydantic".split()
    code = f"import sys, anakinra_t2d; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.fixture
def vitals(sound_trial: Path) -> pl.DataFrame:
    schema = CellTyper(trial.definitions().tables["vitals"], trial.definitions()).schema()
    return pl.read_csv(sound_trial / "vitals.csv", schema=schema)


def test_pandera_accepts_sound_data(vitals: pl.DataFrame) -> None:
    assert trial.pandera_schema("vitals").validate(vitals).equals(vitals)


def test_pandera_accepts_every_table_that_is_written(converted_trial: Path) -> None:
    found = trial.read(converted_trial)
    written = [name for name, table in trial.definitions().tables.items() if table.role == "data"]
    assert len(written) > 25
    for name in written:
        frame = found[name].with_columns((cs.categorical() | cs.enum()).cast(pl.String))
        trial.pandera_schema(name).validate(frame)


@pytest.mark.parametrize(
    ("column", "value"),
    [("weight_kg", 945.0), ("visit", "week12"), ("dbp_mmhg", 250.0), ("subject_id", None)],
    ids=["range", "codelist", "row rule", "required"],
)
def test_pandera_refuses_faults(vitals: pl.DataFrame, column: str, value: object) -> None:
    spoiled = vitals.with_columns(
        pl.when(pl.int_range(pl.len()) == 0).then(pl.lit(value)).otherwise(pl.col(column)).alias(column)
    )
    with pytest.raises(pandera.errors.SchemaErrors):
        trial.pandera_schema("vitals").validate(spoiled, lazy=True)


def test_pandera_refuses_doubled_keys(vitals: pl.DataFrame) -> None:
    with pytest.raises(pandera.errors.SchemaErrors):
        trial.pandera_schema("vitals").validate(pl.concat([vitals, vitals[:1]]), lazy=True)


def test_an_unknown_table_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        trial.pandera_schema("vital")


def test_read_refuses_a_foreign_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="not an output of convert"):
        trial.read(tmp_path)
