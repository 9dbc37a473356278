"""The comparison with other validators: what is planted, what each tool finds, and the page it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from benchmarks.peers.compare import judge
from benchmarks.peers.data import plant
from benchmarks.peers.environment import WAYS, peers
from benchmarks.peers.measure import Run, run_ours
from benchmarks.peers.page import BEGIN, END, OURS, Size, put, section
from benchmarks.peers.rules import KINDS, TABLES

from anakinra_t2d.schema import Definitions, Field, definitions

ROOT = Path(__file__).parents[1]
PEERS = peers()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files with planted faults, and the truth beside them."""
    out = tmp_path_factory.mktemp("peers") / "data"
    plant(ROOT / "examples" / "canonical").write(out)
    return out


@pytest.fixture(scope="module")
def truth(data: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((data / "planted.json").read_text(encoding="utf-8"))
    return read


class TestData:
    def test_every_rule_is_broken_somewhere(self, truth: dict[str, Any]) -> None:
        assert set(truth["faults"]) == set(KINDS)
        assert all(truth["faults"].values())

    def test_empty_cells_are_planted_that_no_fault_is(self, truth: dict[str, Any]) -> None:
        for each in truth["silent"]:
            broken = {tuple(place) for place in truth["faults"][each["code"]]}
            assert each["rows"]
            assert not broken & {(each["table"], line) for line in each["rows"]}

    def test_the_same_trial_gives_the_same_bytes(self, data: Path, tmp_path: Path) -> None:
        plant(ROOT / "examples" / "canonical").write(tmp_path / "again")
        for path in sorted(data.rglob("*.*")):
            assert (tmp_path / "again" / path.relative_to(data)).read_bytes() == path.read_bytes()

    def test_a_trial_too_small_for_all_faults_says_so(self, tmp_path: Path) -> None:
        for table in TABLES:
            lines = (ROOT / "examples" / "canonical" / f"{table}.csv").read_text(encoding="utf-8").splitlines()
            (tmp_path / f"{table}.csv").write_text("\n".join(lines[:9]) + "\n", encoding="utf-8")
        with pytest.raises(SystemExit, match="Ask for more rows"):
            plant(tmp_path)


class TestTools:
    def test_this_one_finds_the_planted_rows_and_no_others(self, data: Path) -> None:
        verdicts = judge(data / "planted.json", run_ours(data).found)
        assert [code for code, verdict in verdicts.items() if not verdict.same] == []

    @pytest.mark.parametrize("name", list(PEERS))
    def test_words_are_sentences_about_rules_of_the_list(self, name: str) -> None:
        words = PEERS[name].words
        said = [words[part] for part in (*WAYS, "other_rows")]
        assert set().union(*said) <= set(KINDS)
        assert not set(words["code"]) & set(words["outside"])
        assert all(sentence.endswith(".") for part in said for sentence in part.values())


class TestComparison:
    def test_missed_other_and_empty_rows_are_counted(self, tmp_path: Path) -> None:
        planted = tmp_path / "planted.json"
        faults = {"KEY-001": [["vitals", 2], ["vitals", 3]]}
        silent = [{"code": "KEY-001", "what": "", "table": "vitals", "rows": [7]}]
        planted.write_text(json.dumps({"rows": 9, "faults": faults, "silent": silent}), encoding="utf-8")
        found = [("KEY-001", "vitals", line) for line in (3, 3, 7, 8)] + [("RNG-001", "vitals", 2)]
        verdicts = judge(planted, found)
        verdict = verdicts["KEY-001"]
        assert (verdict.planted, verdict.missed, verdict.other, verdict.empty) == (2, 1, 2, 1)
        assert verdicts["RNG-001"].other == 1
        assert verdicts["REQ-001"].same


class TestDefinitions:
    """The data package is the definition that says most; it must say what the schema says."""

    @pytest.mark.parametrize("table", TABLES)
    def test_the_data_package_says_what_the_schema_says(self, table: str) -> None:
        found = definitions()
        text = (PEERS["frictionless"].folder / "datapackage.yaml").read_text(encoding="utf-8")
        theirs = next(each["schema"] for each in yaml.safe_load(text)["resources"] if each["name"] == table)
        ours = found.tables[table]
        assert theirs["primaryKey"] == list(ours.key)
        assert [(each["fields"], each["reference"]["resource"]) for each in theirs.get("foreignKeys", [])] == [
            (list(each.fields), each.table) for each in ours.foreign_keys
        ]
        assert {each["name"]: _said(each) for each in theirs["fields"]} == {
            name: _meant(field, found) for name, field in ours.fields.items()
        }


def _said(field: dict[str, Any]) -> dict[str, Any]:
    limits = dict(field.get("constraints", {}))
    limits["enum"] = sorted(limits.get("enum", []))
    return {"type": field["type"], **limits}


def _meant(field: Field, found: Definitions) -> dict[str, Any]:
    low, high = field.range or (None, None)
    terms = [term.code for term in found.codelists[field.codelist].terms] if field.codelist else []
    limits = {
        "enum": sorted(field.terms or terms),
        "minimum": low,
        "maximum": high,
        "pattern": field.pattern.strip("^$") if field.pattern else None,
        "required": field.required == "always" or None,
    }
    return {"type": field.type, **{name: value for name, value in limits.items() if value is not None}}


class TestPage:
    @pytest.fixture
    def part(self, data: Path) -> str:
        planted = json.loads((data / "planted.json").read_text(encoding="utf-8"))["faults"]
        exact = [(code, table, line) for code, places in planted.items() for table, line in places]
        runs = {OURS: [Run(2.0, 200.0, "1.0.0", exact)], "pandera": [Run(1.0, 300.0, "0.1", exact[1:])]}
        verdicts = {tool: judge(data / "planted.json", each[0].found) for tool, each in runs.items()}
        shown = {name: PEERS[name] for name in ("pandera", "cdisc_rules_engine")}
        return section([Size(1500, runs, verdicts)], shown, "the command", 0.5)

    def test_ratios_are_to_this_tool_and_the_faster_is_named(self, part: str) -> None:
        assert "| pandera (polars) | 0.1 | 1.00 | 0.50 | 300 | 1.50 | 15 of 16 | 1 | 0 | 0 |" in part
        assert "Faster than `anakinra-t2d`: pandera (polars) (0.50 ×)." in part
        assert "With less memory: none." in part

    def test_what_was_not_run_says_why(self, part: str) -> None:
        assert "**cdisc-rules-engine**: not run. " in part
        assert "CDISC Library" in part

    def test_it_replaces_its_own_part_of_a_page_and_nothing_else(self, part: str, tmp_path: Path) -> None:
        page = tmp_path / "docs" / "performance.md"
        put(page, part)
        page.write_text(page.read_text(encoding="utf-8") + "\n## What else\n\nStays.\n", encoding="utf-8")
        put(page, f"{BEGIN}\n\nnew\n\n{END}\n")
        assert page.read_text(encoding="utf-8") == (
            f"# Performance\n\n{BEGIN}\n\nnew\n\n{END}\n\n## What else\n\nStays.\n"
        )

    def test_it_names_no_path_of_the_machine(self, part: str) -> None:
        assert str(ROOT) not in part
