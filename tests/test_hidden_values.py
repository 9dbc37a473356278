"""What a finding must not show: values under ``--no-values``, and at no time what identifies a person."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import anakinra_t2d as trial
from anakinra_t2d.conversion.outcome import Outcome
from anakinra_t2d.finding import Finding
from anakinra_t2d.report.html import html_report
from conftest import Rows, change, made_once, worked_out_once

BIRTH_DATES = ["13.05.1947", "1947-13-45"]


def text_of(findings: list[Finding]) -> str:
    """Everything that any report prints of findings."""
    return "\n".join(str(finding.as_dict()) for finding in findings)


@pytest.fixture(scope="module")
def spoiled(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trial with each fault in a table of its own, or in a row far from the others."""

    def born(rows: Rows) -> None:
        for row, text in zip(rows, BIRTH_DATES, strict=False):
            row["birth_date"] = text

    def make(folder: Path) -> None:
        shutil.copytree(sound_trial, folder)
        change(folder / "visits.csv", lambda rows: rows[-1].update(visit_date="31.02.2004"))
        change(folder / "vitals.csv", lambda rows: rows[-1].update(visit="vierte Woche"))
        change(folder / "labs.csv", lambda rows: rows[-1].update(collected_ts="2009-03-04T08:00:00"))
        change(folder / "medications.csv", lambda rows: rows[-1].update(med_class="a." * 500_000))
        change(folder / "subjects.csv", born)

    return made_once(tmp_path_factory, "hidden_spoiled", make)


@pytest.fixture(scope="module")
def converted(spoiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "hidden_converted", lambda folder: trial.convert(spoiled, out=folder))


@pytest.fixture(scope="module")
def shown(spoiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return worked_out_once(tmp_path_factory, "hidden_shown", lambda: trial.validate(spoiled))


def test_a_date_and_a_text_in_place_of_a_key_are_hidden(spoiled: Path, shown: Outcome) -> None:
    open_ = text_of(shown.findings)
    assert "31.02.2004" in open_
    assert "vierte Woche" in open_
    hidden = text_of(trial.validate(spoiled, show_values=False).findings)
    assert "31.02.2004" not in hidden
    assert "vierte Woche" not in hidden


def test_the_page_hides_them_too(converted: Path, shown: Outcome) -> None:
    assert "2009-03-04 is not in the years of the trial" in text_of(shown.findings)
    page = html_report(converted, trial.definitions(), show_values=False)
    assert "DATE-002" in page
    assert "vierte Woche" not in page
    assert "2009-03-04" not in page


@pytest.mark.parametrize(("place", "text"), list(enumerate(BIRTH_DATES)))
def test_a_birth_date_is_never_shown(shown: Outcome, place: int, text: str) -> None:
    # the first row of the file is the header
    assert any(one.field == "birth_date" and one.location.row == place + 2 for one in shown.findings)
    assert text not in text_of(shown.findings)


def test_a_cell_of_a_megabyte_is_cut(shown: Outcome) -> None:
    findings = [one for one in shown.findings if one.field == "med_class"]
    assert findings
    assert len(text_of(findings)) < 20_000
