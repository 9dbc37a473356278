"""From a fault to a query, an answer, an accepted finding, and the comparison with the second submission."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner

import anakinra_t2d as trial
from anakinra_t2d.cli.accept import accept
from anakinra_t2d.cli.compare import compare
from anakinra_t2d.review.queries import site_queries
from review_data import DANISH, SWISS, set_cells, small_trial


def test_a_fault_a_query_an_answer_and_the_second_submission(sound_trial: Path, tmp_path: Path) -> None:
    # the first submission has a pressure typed twice, which is rejected, and a weight beyond the possible range
    first = small_trial(sound_trial, tmp_path / "first")
    set_cells(first, "vitals", DANISH, "baseline", sbp_mmhg="80", dbp_mmhg="88")
    set_cells(first, "vitals", SWISS, "baseline", weight_kg="355", bmi_kg_m2="", bsa_m2="")
    old = trial.convert(first, out=tmp_path / "old")
    assert old.exit_status() == 1
    assert old.tables["vitals"].rows_rejected == 2

    # each site is asked about its own
    books = {path.stem: path for path in site_queries(tmp_path / "old", tmp_path / "queries")}
    assert set(books) == {"queries-DK01", "queries-CH01"}

    # the Danish site corrects, the Swiss one confirms
    for name, answer, comment in (
        ("queries-DK01", "corrected", None),
        ("queries-CH01", "confirmed", "Weighed twice; scales calibrated."),
    ):
        book = openpyxl.load_workbook(books[name])
        sheet = book["Queries"]
        column = {str(cell.value): cell.column for cell in sheet[1]}
        for row in range(2, sheet.max_row + 1):
            given = {"Answer": answer, "Comment": comment, "Who": "Dr A. B.", "Date": dt.date(2006, 3, 5)}
            for heading, value in given.items():
                sheet.cell(row, column[heading]).value = value
        book.save(books[name])
    accepted = tmp_path / "accepted.yaml"
    done = CliRunner().invoke(
        accept, [*map(str, books.values()), "--findings", str(tmp_path / "old"), "--out", str(accepted)]
    )
    assert done.exit_code == 0, done.output
    assert "0 unanswered" in done.output

    # the second submission: one fault corrected, one confirmed, one new
    second = shutil.copytree(first, tmp_path / "second")
    set_cells(second, "vitals", DANISH, "baseline", sbp_mmhg="140", dbp_mmhg="88")
    set_cells(second, "vitals", "CH01-003", "week4", sbp_mmhg="70", dbp_mmhg="90")
    new = trial.convert(second, out=tmp_path / "new", accepted=accepted)
    assert new.accepted >= 1
    assert not [finding for finding in new.findings if finding.code == "ACC-001"]

    done = CliRunner().invoke(compare, [str(tmp_path / "old"), str(tmp_path / "new"), "--format", "json"])
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    groups = {
        group: {(f["code"], f["key"]["subject_id"]) for f in findings}
        for group, findings in document["findings"].items()
    }
    assert ("VIT-002", DANISH) in groups["resolved"]
    assert ("RNG-001", SWISS) in groups["accepted"]
    assert ("VIT-002", "CH01-003") in groups["new"]
    vitals = document["tables"]["vitals"]
    # both rejected records are there now, the new fault is rejected
    assert {key["subject_id"] for key in vitals["added"]["listed"]} == {DANISH, SWISS}
    assert {key["subject_id"] for key in vitals["removed"]["listed"]} == {"CH01-003"}

    # held against the second submission nothing is new, and a value that changes opens its finding again
    assert trial.validate(second, accepted=accepted, since=tmp_path / "new").exit_status() == 0
    set_cells(second, "vitals", SWISS, "baseline", weight_kg="356")
    third = trial.validate(second, accepted=accepted, since=tmp_path / "new")
    assert third.exit_status() == 1
    (again,) = [finding for finding in third.findings if finding.code == "RNG-001"]
    assert again.status == "open" and "accepted with another value" in again.hint


def test_answers_to_a_run_without_values_are_not_asked_for(sound_trial: Path, tmp_path: Path) -> None:
    first = small_trial(sound_trial, tmp_path / "first")
    trial.convert(first, out=tmp_path / "out", show_values=False)
    with pytest.raises(trial.InputError, match="--no-values"):
        site_queries(tmp_path / "out", tmp_path / "q")
