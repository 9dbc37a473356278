"""SARIF, annotations and the job summary: complete, bounded, and right for those who read them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import anakinra_t2d as trial
from anakinra_t2d.conversion.outcome import Outcome
from anakinra_t2d.finding import Acceptance
from anakinra_t2d.report.github import SHOWN_OF_EACH, job_summary, without_commands, workflow_commands
from anakinra_t2d.report.sarif import MOST_RESULTS, as_sarif
from anakinra_t2d.schema import definitions
from conftest import change, worked_out_once

FOUND = definitions()


@pytest.fixture(scope="module")
def spoiled(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Findings of one row, across tables, of a missing table and of a file that nobody knows."""

    def work_out() -> Outcome:
        folder = tmp_path_factory.mktemp("spoiled") / "trial"
        shutil.copytree(sound_trial, folder)
        change(folder / "labs.csv", lambda rows: [row.update(hba1c_pct="88") for row in rows])
        change(folder / "vitals.csv", lambda rows: rows[0].update(visit="week 4"))
        change(folder / "eye_exam.csv", lambda rows: rows[0].update(subject_id="DK01-999"))
        (folder / "visits.csv").unlink()
        (folder / "lab s – ü.csv").write_text("a\n1\n", encoding="utf-8")
        return trial.validate(folder)

    return worked_out_once(tmp_path_factory, "sarif_spoiled", work_out)


def document(outcome: Outcome, base: str = "") -> dict[str, Any]:
    read: dict[str, Any] = json.loads(as_sarif(outcome, FOUND, base))
    return read


class TestSarif:
    def test_every_finding_is_a_result_with_its_rule(self, spoiled: Outcome) -> None:
        (run,) = document(spoiled)["runs"]
        rules = run["tool"]["driver"]["rules"]
        assert len(run["results"]) == len(spoiled.findings)
        assert {rule["id"] for rule in rules} == {finding.code for finding in spoiled.findings}
        for result in run["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
            assert result["level"] in ("error", "warning")
            assert (
                result["message"]["text"].startswith(("The ", "Every ", "A ", "No ", "Each "))
                or "Found: " in (result["message"]["text"])
            )
        for rule in rules:
            assert rule["help"]["text"].startswith(FOUND.rules[rule["id"]].hint)
        prints = {result["partialFingerprints"]["finding/v1"] for result in run["results"]}
        assert prints == {finding.fingerprint for finding in spoiled.findings}

    def test_places_are_those_of_the_repository(self, spoiled: Outcome) -> None:
        (run,) = document(spoiled, "sent/2005 März")["runs"]
        uris = {
            result["ruleId"]: result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            for result in run["results"]
        }
        assert uris["RNG-001"] == "sent/2005%20M%C3%A4rz/labs.csv"
        assert uris["FILE-006"] == "sent/2005%20M%C3%A4rz/lab%20s%20%E2%80%93%20%C3%BC.csv"
        by_row = [result for result in run["results"] if result["ruleId"] == "RNG-001"]
        assert by_row[0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 2
        assert by_row[0]["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": "labs.hba1c_pct"}]

    def test_a_finding_without_a_file_has_a_place(self, spoiled: Outcome) -> None:
        (run,) = document(spoiled)["runs"]
        missing = next(result for result in run["results"] if result["ruleId"] == "FILE-005")
        place = missing["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"]
        assert place["region"] == {"startLine": 1}

    def test_the_same_findings_give_the_same_bytes(self, spoiled: Outcome) -> None:
        assert as_sarif(spoiled, FOUND) == as_sarif(spoiled, FOUND)

    def test_results_are_bounded_errors_first_and_it_is_said(self, spoiled: Outcome) -> None:
        warning = next(finding for finding in spoiled.findings if finding.severity == "warning")
        error = next(finding for finding in spoiled.findings if finding.severity == "error")
        many = replace(spoiled, findings=[warning] * MOST_RESULTS + [error])
        (run,) = document(many)["runs"]
        assert len(run["results"]) == MOST_RESULTS
        assert run["results"][0]["level"] == "error"
        (note,) = run["invocations"][0]["toolExecutionNotifications"]
        assert note["message"]["text"].startswith("1 more findings are left out")

    def test_accepted_findings_are_suppressed_and_known_ones_unchanged(self, spoiled: Outcome) -> None:
        first, second = spoiled.findings[:2]
        accepted = replace(first, status="accepted", acceptance=Acceptance("as measured", "A. Monitor", "2005-06-01"))
        known = replace(second, known=True)
        reviewed = replace(spoiled, findings=[accepted, known, *spoiled.findings[2:]], not_listed_before={})
        (run,) = document(reviewed)["runs"]
        (suppressed,) = [result for result in run["results"] if "suppressions" in result]
        assert "as measured" in suppressed["suppressions"][0]["justification"]
        assert sum(result["baselineState"] == "unchanged" for result in run["results"]) == 1

    def test_a_run_without_findings_is_a_run(self, sound_trial: Path) -> None:
        (run,) = document(trial.validate(sound_trial))["runs"]
        assert run["results"] == []
        assert run["invocations"] == [{"executionSuccessful": True, "exitCode": 0}]

    @pytest.mark.network
    def test_it_fits_the_published_schema(self, spoiled: Outcome, tmp_path: Path) -> None:
        schema = published_schema(tmp_path)
        jsonschema.Draft4Validator.check_schema(schema)
        accepted = replace(
            spoiled.findings[0], status="accepted", acceptance=Acceptance("seen", "A. Monitor", "2005-06-01")
        )
        reviewed = replace(spoiled, findings=[accepted, *spoiled.findings[1:]] * 400, not_listed_before={})
        for outcome in (spoiled, reviewed):
            errors = jsonschema.Draft4Validator(schema).iter_errors(document(outcome, "a b"))
            assert [f"{error.json_path}: {error.message}" for error in errors] == []


def published_schema(folder: Path) -> dict[str, Any]:
    """The JSON Schema of SARIF 2.1.0 as a package of the npm registry ships it; the test is skipped without it."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not there to fetch the schema")
    run = subprocess.run(
        [npm, "pack", "--silent", "@microsoft/jest-sarif@1.0.0-beta.0"],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if run.returncode:
        pytest.skip("the package index cannot be reached")
    with tarfile.open(folder / run.stdout.split()[-1]) as archive:
        member = archive.extractfile("package/lib/schemas/sarif-2.1.0-rtm.5.json")
        assert member is not None
        schema: dict[str, Any] = json.load(member)
    # the URIs of the schema are relative ones, and the format is not checked by draft 4 validators anyway
    return schema


COMMAND = re.compile(r"::(error|warning|notice) [a-zA-Z]+=[^\n,:]*(,[a-zA-Z]+=[^\n,:]*)*::[^\n\r]*")


class TestAnnotations:
    def test_there_are_as_many_as_are_shown_and_the_rest_is_said(self, spoiled: Outcome) -> None:
        lines = list(workflow_commands(spoiled, "sent"))
        assert all(COMMAND.fullmatch(line) for line in lines)
        assert sum(line.startswith("::error") for line in lines) == SHOWN_OF_EACH
        left = sum(max(0, number - SHOWN_OF_EACH) for number in (spoiled.errors, spoiled.warnings))
        assert f"{left:,} more than GitHub shows" in lines[-1]
        assert any(line.startswith("::error file=sent/labs.csv,line=2,title=RNG-001::") for line in lines)

    def test_every_rule_comes_before_the_second_finding_of_one(self, spoiled: Outcome) -> None:
        titles = [line.partition("title=")[2].partition("::")[0] for line in workflow_commands(spoiled)]
        errors = {finding.code for finding in spoiled.findings if finding.severity == "error"}
        assert len(errors & set(titles)) == min(len(errors), SHOWN_OF_EACH)

    def test_what_was_there_before_is_counted_and_not_shown(self, spoiled: Outcome) -> None:
        first, *others = spoiled.findings
        old = [replace(finding, known=True) for finding in others]
        lines = list(workflow_commands(replace(spoiled, findings=[first, *old])))
        assert len(lines) == 2
        assert f"title={first.code}::" in lines[0]
        assert f"{len(old):,} of these were there before" in lines[-1]

    def test_a_clean_run_has_the_verdict_only(self, sound_trial: Path) -> None:
        (line,) = workflow_commands(trial.validate(sound_trial))
        assert line == "::notice title=anakinra-t2d::0 errors, 0 warnings"

    def test_a_report_in_a_log_is_fenced_by_a_word_that_cannot_be_guessed(self) -> None:
        first, second = without_commands("::error::x\n"), without_commands("::error::x\n")
        start, body, end = first.splitlines()
        token = start.removeprefix("::stop-commands::")
        assert (body, end) == ("::error::x", f"::{token}::")
        assert first != second
        assert len(token) > 32


class TestSummary:
    def test_it_says_what_to_do_and_shows_no_value(self, spoiled: Outcome) -> None:
        text = job_summary(spoiled, FOUND)
        assert f"**{spoiled.errors:,} errors, {spoiled.warnings:,} warnings" in text
        assert "| RNG-001 | error | " in text
        assert "explain CODE" in text
        assert "DK01-999" not in text
        assert "week 4" not in text

    def test_every_table_row_has_the_cells_of_its_header(self, spoiled: Outcome) -> None:
        widths = {
            len(re.findall(r"(?<!\\)\|", line)) for line in job_summary(spoiled, FOUND).splitlines() if "|" in line
        }
        assert widths == {6, 7}

    def test_it_is_bounded(self, spoiled: Outcome) -> None:
        every = [replace(spoiled.findings[0], code=code) for code in FOUND.rules]
        assert len(job_summary(replace(spoiled, findings=every), FOUND).encode()) < 100_000
