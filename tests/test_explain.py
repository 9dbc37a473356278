"""Explanations: of every name, complete, with an example that fails; near misses are suggested."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from anakinra_t2d.cli.explain import explain
from anakinra_t2d.explain import near, topics_named
from anakinra_t2d.explain.topics import all_topics
from anakinra_t2d.schema import definitions

FOUND = definitions()
TOPICS = all_topics(FOUND)


def run(*words: str) -> Result:
    return CliRunner().invoke(explain, list(words))


class TestEverything:
    def test_every_topic_has_text_and_its_own_name(self) -> None:
        for topic in TOPICS:
            assert all(heading and text for heading, text in topic.parts()), topic.id
        names = [(topic.kind, topic.id) for topic in TOPICS]
        assert len(names) == len(set(names))

    @pytest.mark.parametrize("kind", ["rule", "variable", "eligibility criterion", "parameter", "endpoint", "visit"])
    def test_source_and_basis_are_said(self, kind: str) -> None:
        topics = [topic for topic in TOPICS if topic.kind == kind]
        assert topics
        for topic in topics:
            assert {"Source", "Basis"} <= {heading for heading, _ in topic.parts()}, topic.id

    def test_every_rule_says_why_and_what_to_do_with_an_example_that_fails(self) -> None:
        wanted = {"Why", "What to do", "Example that fails", "What is found in it", "How to mend it"}
        for topic in (topic for topic in TOPICS if topic.kind == "rule"):
            assert wanted <= set(dict(topic.parts())), topic.id

    def test_every_parameter_and_endpoint_has_an_example(self) -> None:
        for topic in (topic for topic in TOPICS if topic.kind in ("parameter", "endpoint")):
            assert "Example" in dict(topic.parts()), topic.id


class TestNames:
    @pytest.mark.parametrize(
        ("name", "kind", "id"),
        [
            ("OGTT-004", "rule", "OGTT-004"),
            ("ogtt-004", "rule", "OGTT-004"),
            ("I1", "eligibility criterion", "I1"),
            ("labs.hba1c_pct", "variable", "labs.hba1c_pct"),
            ("hba1c_pct", "variable", "hba1c_crosscheck.hba1c_pct"),
            ("Glykiertes Hämoglobin", "variable", "labs.hba1c_pct"),
            ("EP01", "endpoint", "EP01"),
            ("homa", "parameter", "homa"),
            ("A12", "open reading of the paper", "A12"),
            ("F04", "inconsistency of the paper", "F04"),
            ("mmol/L", "unit", "mmol/L"),
            ("week4", "visit", "week4"),
            ("labs", "table", "labs"),
        ],
    )
    def test_a_name_is_found(self, name: str, kind: str, id: str) -> None:
        assert (kind, id) in [(topic.kind, topic.id) for topic in topics_named(name, FOUND)]

    @pytest.mark.parametrize(
        ("name", "id"),
        [("OGTT-04", "OGTT-004"), ("hba1c_pc", "labs.hba1c_pct"), ("ogtt004", "OGTT-004"), ("EP1", "EP01")],
    )
    def test_a_near_miss_is_suggested(self, name: str, id: str) -> None:
        assert topics_named(name, FOUND) == []
        assert id in near(name, FOUND)


class TestCommand:
    def test_text(self) -> None:
        result = run("OGTT-004")
        assert result.exit_code == 0
        for words in ("OGTT-004", "Why", "What to do", "Source", "Example that fails", "DK01-001,baseline,0,101"):
            assert words in result.output
        assert not any(line.endswith(" ") for line in result.output.splitlines())

    def test_many_meanings_are_listed(self) -> None:
        result = run("subject_id")
        assert result.exit_code == 0
        assert "things have this name" in result.output
        assert "labs.subject_id" in result.output

    def test_json(self) -> None:
        (topic,) = json.loads(run("A12", "--format", "json").output)["topics"]
        assert topic["kind"] == "open reading of the paper"
        assert {part["heading"] for part in topic["parts"]} >= {"What is open", "Reading used here"}

    @pytest.mark.parametrize("name", ["OGTT-04", "zzzzzzzzzz", "", "\x1b[31mred\u202e", "x" * 100_000])
    def test_an_unknown_name_is_a_sentence_and_exit_status_2(self, name: str) -> None:
        result = run(name)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("Nothing is named ")
        assert "\x1b" not in result.stderr
        assert "\u202e" not in result.stderr
        assert len(result.stderr) < 400
