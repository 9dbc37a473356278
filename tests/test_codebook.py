"""The codebook: everything the definitions say, in Markdown that renders."""

from __future__ import annotations

import dataclasses
import html
import itertools
import json
import re
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anakinra_t2d.forms.codebook import codebook
from anakinra_t2d.forms.markdown import code, table, text
from anakinra_t2d.schema import definitions
from anakinra_t2d.schema.endpoints import Endpoints

FOUND = definitions()
CARDS = FOUND.endpoints
_CELL_END = re.compile(r"(?<!\\)\|")


@cache
def book() -> str:
    return codebook(FOUND)


@cache
def sections() -> dict[str, str]:
    """Text below each heading, by the heading without its marks."""
    parts = re.split(r"(?m)^#+ (.*)$", book())
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows_of(part: str) -> list[list[str]]:
    """Cells of every table row of a text, as they read."""
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[shown(cell) for cell in _CELL_END.split(line)[1:-1]] for line in lines]


def shown(cell: str) -> str:
    """A cell as people read it."""
    return html.unescape(re.sub(r"</?code>", "", cell.replace("`", "").replace("<br>", "\n"))).strip()


def section(id: str) -> list[list[str]]:
    return next(rows_of(part) for title, part in sections().items() if title.startswith(f"`{id}`: "))


class TestContent:
    def test_every_variable_has_its_unit_ranges_codes_and_origin(self) -> None:
        for name, described in FOUND.tables.items():
            rows = {row[0]: row for row in section(name)[2:]}
            assert list(rows) == list(described.fields)
            for field in described.fields.values():
                _, meaning, _, unit, possible, usual, when, codes, required, blinding, identifying, source, basis = (
                    rows[field.name]
                )
                assert meaning.startswith(" ".join(f"{field.label}. {field.description}".split()))
                assert unit == (FOUND.unit(field) or "")
                for bound in [bound for bound in field.range or () if bound is not None]:
                    assert str(bound) in possible, field.variable
                for bound in [bound for bound in field.expected or () if bound is not None]:
                    assert str(bound) in usual, field.variable
                assert all(visit in when for visit in field.visits)
                assert all(str(minute) in when for minute in [*field.minutes, *field.weeks])
                assert all(one in codes for one in FOUND.terms(field) or [])
                assert bool(required) and (blinding, identifying) == (field.blinding, field.identifying)
                assert (source, basis) == (" ".join(field.source.split()), field.basis)

    def test_every_criterion_is_there(self) -> None:
        for criterion in FOUND.eligibility.criteria:
            facts = dict(section(criterion.id)[2:])
            assert facts["kind"] == criterion.kind.replace("_", " ")
            assert facts["condition"].split() == criterion.condition.split()
            assert facts["reads"] == ", ".join(criterion.reads)
            assert (facts["source"], facts["basis"]) == (criterion.source, criterion.basis)
            for alternative in criterion.alternatives:
                assert " ".join(alternative.condition.split()) in " ".join(facts["alternatives"].split())

    @pytest.mark.parametrize("card", [*CARDS.parameters, *CARDS.endpoints, *CARDS.groups], ids=lambda card: card.id)
    def test_every_card_is_there(self, card: object) -> None:
        data = json.loads(card.model_dump_json(exclude_defaults=True))  # type: ignore[attr-defined]
        part = next(part for title, part in sections().items() if title.startswith(f"`{data['id']}`: "))
        facts = dict(row for row in rows_of(part) if len(row) == 2)
        assert " ".join(data["definition"].split()) in shown(part.split("|")[0])
        if "code" in data:
            assert f"`{data['code']}`" in part
        for key in ("unit", "basis", "source", "population", "expression", "condition", "parameter", "where"):
            if key in data:
                assert " ".join(facts[key].split()) == " ".join(data[key].split())
        for source in data["inputs"].values() if "inputs" in data else [data["input"]] if "input" in data else []:
            given = facts["inputs"] if "inputs" in data else facts["input"]
            assert all(str(source[key]) in given for key in ("table", "field", "parameter", "unit") if key in source)
        for alternative in data.get("alternatives", []):
            assert {alternative["reading"], alternative["choice"]} <= set(re.findall(r"\w+", facts["alternatives"]))
        assert facts["missing values"]
        vectors = [row for row in rows_of(part) if len(row) > 2]
        assert [row[0] for row in vectors[2:]] == [" ".join(one["case"].split()) for one in data["vectors"]]

    def test_vectors_say_what_goes_in_and_what_comes_out(self) -> None:
        vectors = {row[0]: row[1:] for row in section("auc_ogtt") if len(row) == 5}
        inputs, value, state, _ = vectors["the same above the fasting value"]
        assert inputs.startswith("-10 = 900; 0 = 900; 30 = 1300;") and inputs.endswith("readings: A12 = incremental")
        assert (value, state) == ("81000", "derived")
        assert vectors["no fasting sample"][1:] == ["none", "not_derivable", "no start of the curve"]
        crp = {row[0]: row[1:] for row in section("crp") if len(row) == 5}
        assert crp["below the limit of quantification"][0] == "value = <0.3"

    def test_every_rule_is_there(self) -> None:
        rows = {row[0]: row for row in rows_of(sections()["Rules"])[2:]}
        assert list(rows) == list(FOUND.rules)
        for one in FOUND.rules.values():
            _, severity, where, expected, why, source, basis = rows[one.code]
            assert (severity, source, basis) == (one.severity, " ".join(one.source.split()), one.basis)
            assert (expected, why) == (" ".join(one.expected.split()), " ".join(one.why.split()))
            assert where
        assert rows["SUBJ-001"][2] == "subjects.subject_id"

    def test_populations_and_open_readings_are_there(self) -> None:
        populations = {row[0]: row for row in rows_of(sections()["Analysis populations"])[2:]}
        for id, one in CARDS.populations.items():
            assert populations[id][1] == one.code and populations[id][3].split() == one.members.split()
        readings = {row[0]: row for row in rows_of(sections()["Open readings"])[2:]}
        assert list(readings) == [one.id for one in FOUND.trial.ambiguities]
        assert all(choice in readings["A12"][4] for choice in ("total", "incremental"))

    def test_a_new_endpoint_appears_by_itself(self) -> None:
        data = CARDS.model_dump(mode="json", by_alias=True)
        data["endpoints"].append(data["endpoints"][0] | {"id": "XX01", "code": "XX01", "label": "Something new"})
        cards = Endpoints.model_validate_json(json.dumps(data), strict=True)
        assert "### `XX01`: Something new\n" in codebook(dataclasses.replace(FOUND, endpoints=cards))


class TestMarkdown:
    def test_every_table_has_as_many_cells_in_each_row(self) -> None:
        blocks = re.findall(r"(?:^\|.*\n)+", book(), re.MULTILINE)
        assert len(blocks) > 200
        for block in blocks:
            lines = block.splitlines()
            assert len(lines) > 2, lines
            assert {len(_CELL_END.split(line)) for line in lines} == {len(_CELL_END.split(lines[0]))}, lines[0]
            assert re.fullmatch(r"\|( --- \|)+", lines[1])
        assert sum(line.startswith("|") for line in book().splitlines()) == sum(map(len, map(str.splitlines, blocks)))

    def test_a_table_stands_apart_from_other_text(self) -> None:
        lines = book().splitlines()
        for before, line in itertools.pairwise(lines):
            assert line.startswith("|") == before.startswith("|") or "" in (before, line)

    def test_nothing_but_line_breaks_and_code_is_html(self) -> None:
        outside = re.sub(r"`[^`\n]*`", "", book())
        assert set(re.findall(r"<[^>]*>?", outside)) <= {"<br>", "<code>", "</code>"}
        assert outside.count("`") == 0

    def test_links_lead_to_headings(self) -> None:
        anchors = {title.lower().replace(" ", "-") for title in sections()}
        links = re.findall(r"\]\(#([a-z-]+)\)", book())
        assert len(links) == 8 and set(links) <= anchors

    def test_it_is_the_same_on_every_run(self) -> None:
        assert codebook(FOUND) == book()

    @given(st.text())
    def test_any_text_reads_as_it_is(self, words: str) -> None:
        for kept in (text(words), code(words) if words.strip() else ""):
            (row,) = rows_of(table(["a"], [[kept]]))[2:]
            assert len(row) == 1
            assert not re.search(r"(?<!\\)[*\[\]<>|]", re.sub(r"`[^`]*`|</?code>|<br>", "", kept))
        assert html.unescape(text(words)) == html.unescape(" ".join(words.split())) or "&" in words

    def test_marks_of_markdown_are_taken_away(self) -> None:
        assert text("a|b *c* <d> [e](f) `g`\n_h_ i_j &amp; \\") == (
            "a&#124;b &#42;c&#42; &lt;d&gt; &#91;e&#93;(f) &#96;g&#96; &#95;h&#95; i_j &amp;amp; &#92;"
        )
        assert code("mm[Hg]") == "`mm[Hg]`"
        assert code("a || b\n  FROM c") == "<code>a &#124;&#124; b<br>FROM c</code>"
