"""What a finding must not show: values under ``--no-values``, and at no time what identifies a person."""

from __future__ import annotations

from pathlib import Path

import pytest

import anakinra_t2d as trial
from anakinra_t2d.finding import Finding
from anakinra_t2d.report.html import html_report
from conftest import change


def shown(findings: list[Finding]) -> str:
    """Everything that any report prints of findings."""
    return "\n".join(str(finding.as_dict()) for finding in findings)


def test_a_date_and_a_text_in_place_of_a_key_are_hidden(copy_of_trial: Path) -> None:
    change(copy_of_trial / "visits.csv", lambda rows: rows[0].update(visit_date="31.02.2004"))
    change(copy_of_trial / "vitals.csv", lambda rows: rows[0].update(visit="vierte Woche"))
    open_ = shown(trial.validate(copy_of_trial).findings)
    assert "31.02.2004" in open_
    assert "vierte Woche" in open_
    hidden = shown(trial.validate(copy_of_trial, show_values=False).findings)
    assert "31.02.2004" not in hidden
    assert "vierte Woche" not in hidden


def test_the_page_hides_them_too(copy_of_trial: Path, tmp_path: Path) -> None:
    change(copy_of_trial / "vitals.csv", lambda rows: rows[0].update(visit="vierte Woche"))
    change(copy_of_trial / "labs.csv", lambda rows: rows[0].update(collected_ts="2009-03-04T08:00:00"))
    outcome = trial.convert(copy_of_trial, out=tmp_path / "out")
    assert "2009-03-04 is not in the years of the trial" in shown(outcome.findings)
    page = html_report(tmp_path / "out", trial.definitions(), show_values=False)
    assert "DATE-002" in page
    assert "vierte Woche" not in page
    assert "2009-03-04" not in page


@pytest.mark.parametrize("text", ["13.05.1947", "1947-13-45"])
def test_a_birth_date_is_never_shown(copy_of_trial: Path, text: str) -> None:
    change(copy_of_trial / "subjects.csv", lambda rows: rows[0].update(birth_date=text))
    findings = trial.validate(copy_of_trial).findings
    assert any(finding.field == "birth_date" for finding in findings)
    assert text not in shown(findings)


def test_a_cell_of_a_megabyte_is_cut(copy_of_trial: Path) -> None:
    change(copy_of_trial / "medications.csv", lambda rows: rows[0].update(med_class="a." * 500_000))
    findings = [one for one in trial.validate(copy_of_trial).findings if one.field == "med_class"]
    assert findings
    assert len(shown(findings)) < 20_000
