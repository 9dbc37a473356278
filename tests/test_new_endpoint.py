"""A new endpoint is a card in YAML and nothing else: it appears in everything that is made from the cards."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

import anakinra_t2d as trial
from anakinra_t2d.derivation.adam import adam
from anakinra_t2d.derivation.run import Derived
from anakinra_t2d.endpoint_views import views
from anakinra_t2d.endpoint_views.dialects import script
from anakinra_t2d.endpoint_views.json_cards import json_cards
from anakinra_t2d.forms.codebook import codebook
from anakinra_t2d.report.results_table import plain_results
from anakinra_t2d.schema import Definitions, SchemaError, load
from anakinra_t2d.schema.where import data_root

CARD = """
  - id: XX01
    code: XX01
    label: Fasting C-peptide change at 13 weeks
    definition: Week 13 minus baseline.
    role: exploratory
    operation: change
    parameter: fasting_cpeptide
    baseline: baseline
    follow_up: week13
    population: treated
    analysis: {kind: means, test: student}
    unit: pmol/L
    decimals: 0
    basis: assumption
    source: not in paper
    vectors:
      - {case: a rise, inputs: {baseline: 900, follow_up: 950}, value: 50, state: derived}

groups:"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Definitions:
    """The definitions with one card more."""
    root = tmp_path_factory.mktemp("root")
    shutil.copytree(data_root() / "schema", root / "schema")
    path = root / "schema" / "endpoints.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("\ngroups:", CARD, 1), encoding="utf-8")
    return load(root)


@pytest.fixture(scope="module")
def derived(found: Definitions, sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Derived:
    out = tmp_path_factory.mktemp("new") / "out"
    trial.convert(sound_trial, out=out, found=found)
    return trial.derive(out, found=found)


def test_it_is_derived_and_compared(derived: Derived, found: Definitions) -> None:
    rows = pl.read_parquet(derived.folder / "endpoints.parquet").filter(endpoint_id="XX01", state="derived")
    labs = pl.read_parquet(derived.folder / "labs.parquet").select("subject_id", "visit", "cpeptide_fasting_pmol_l")
    wide = labs.filter(pl.col("visit").cast(pl.String).is_in(["baseline", "week13"])).pivot(
        "visit", index="subject_id", values="cpeptide_fasting_pmol_l"
    )
    both = rows.join(wide, on="subject_id")
    assert both.height == rows.height > 5
    assert (both["value"] - (both["week13"] - both["baseline"])).abs().max() == 0
    shown = {(one.group, one.statistic): one.value for one in derived.results if one.endpoint_id == "XX01"}
    assert shown["difference", "p_student"] is not None
    assert "XX01 Fasting C-peptide" in plain_results(derived, found)


def test_it_is_in_the_sql(found: Definitions) -> None:
    new = [view for view in views(found) if "xx01" in view.name]
    assert "endpoint_xx01" in script(new, "sqlite", found)


def test_it_is_in_the_json_cards(found: Definitions) -> None:
    document = json.loads(json_cards(found))
    (card,) = [card for card in document["endpoints"] if card["id"] == "XX01"]
    assert card["vectors"][0]["value"] == 50


def test_it_is_in_the_codebook(found: Definitions) -> None:
    assert "XX01" in codebook(found)


def test_it_is_in_the_analysis_data_sets(derived: Derived, found: Definitions, tmp_path: Path) -> None:
    adam(derived.folder, found, tmp_path / "adam")
    rows = pl.read_parquet(tmp_path / "adam" / "adbds.parquet").filter(PARAMCD="XX01")
    assert rows.height > 5
    assert "Fasting C-peptide change" in rows["PARAM"][0]


MISTAKES = [
    ("parameter: fasting_cpeptide", "parameter: fasting_cpeptid", "there is no parameter 'fasting_cpeptid'"),
    ("unit: pmol/L", "unit: nmol/L", "the card needs nmol/L, but fasting_cpeptide is in pmol/L"),
    ("follow_up: week13", "follow_up: week12", "there is no visit of fasting_cpeptide 'week12'"),
    ("population: treated", "population: everyone", "there is no population 'everyone'"),
    ("operation: change", "operation: percent_change", "operation"),
    ("code: XX01", "code: EP01", "the code EP01 is already that of EP01"),
    ("id: XX01", "id: EP01", "the id EP01 is used twice"),
]


@pytest.mark.parametrize(("right", "wrong", "words"), MISTAKES, ids=[wrong for _, wrong, _ in MISTAKES])
def test_a_mistake_in_a_card_is_named_with_its_line(tmp_path: Path, right: str, wrong: str, words: str) -> None:
    shutil.copytree(data_root() / "schema", tmp_path / "schema")
    path = tmp_path / "schema" / "endpoints.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("\ngroups:", CARD.replace(right, wrong, 1), 1), encoding="utf-8")
    with pytest.raises(SchemaError) as error:
        load(tmp_path)
    (problem, *_) = [problem for problem in error.value.problems if words in problem]
    line = int(problem.split(":")[1])
    card = text[: text.index("\ngroups:")].count("\n") + 2
    assert card <= line <= card + 20
