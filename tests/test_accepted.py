"""Accepted findings: what the list does to a run, when it stops counting, and what is wrong with a list."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import jsonschema
import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import anakinra_t2d as trial
from anakinra_t2d.conversion.accepted import ReviewedWording
from anakinra_t2d.conversion.outcome import Outcome
from anakinra_t2d.finding import Finding
from anakinra_t2d.forms.meta import meta_schemas
from anakinra_t2d.report.text import plain_report
from anakinra_t2d.review.accepted_text import merged, write_accepted
from anakinra_t2d.schema.accepted import AcceptedFinding, AcceptedList, read_accepted
from review_data import DANISH, SWISS, accepting, one, set_cells, small_trial

HEAVY = {"weight_kg": "430", "height_cm": "", "bmi_kg_m2": "", "bsa_m2": ""}
CROSSED = {"sbp_mmhg": "70", "dbp_mmhg": "90"}


@pytest.fixture(scope="module")
def faulty(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weight beyond the possible range, and a diastolic above a systolic pressure: two rejected rows."""
    folder = small_trial(sound_trial, tmp_path_factory.mktemp("faulty") / "sent")
    set_cells(folder, "vitals", SWISS, "baseline", **HEAVY)
    set_cells(folder, "vitals", DANISH, "week4", **CROSSED)
    return folder


@pytest.fixture(scope="module")
def before(faulty: Path) -> Outcome:
    return trial.validate(faulty)


def test_without_a_list_the_rows_are_rejected(before: Outcome) -> None:
    assert before.errors >= 2
    assert before.tables["vitals"].rows_rejected == 2
    assert {finding.status for finding in before.findings} == {"open"}


@pytest.fixture(scope="module")
def out(faulty: Path, before: Outcome, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    """The faulty trial with all its errors accepted."""
    folder = tmp_path_factory.mktemp("accepted")
    errors = [finding for finding in before.findings if finding.severity == "error"]
    accepted = accepting(folder / "accepted.yaml", *errors)
    return trial.convert(faulty, out=folder / "out", accepted=accepted), folder / "out"


class TestAnAcceptedFinding:
    def test_is_no_error(self, out: tuple[Outcome, Path], before: Outcome) -> None:
        outcome, _ = out
        assert outcome.errors == 0
        assert outcome.exit_status() == 0
        assert outcome.accepted == before.errors

    def test_keeps_its_row_with_the_value(self, out: tuple[Outcome, Path]) -> None:
        outcome, folder = out
        assert outcome.tables["vitals"].rows_rejected == 0
        vitals = pl.read_parquet(folder / "vitals.parquet")
        assert vitals["weight_kg"].max() == 430
        assert pl.read_parquet(folder / "rejected.parquet").is_empty()

    def test_opens_the_range_that_the_package_states(self, out: tuple[Outcome, Path]) -> None:
        package = json.loads((out[1] / "datapackage.json").read_text(encoding="utf-8"))
        fields = {
            field["name"]: field
            for resource in package["resources"]
            if resource["name"] == "vitals"
            for field in resource["schema"]["fields"]
        }
        assert "maximum" not in fields["weight_kg"].get("constraints", {})
        assert fields["weight_kg"]["rangeBeforeAcceptance"]["maximum"] < 430
        assert "maximum" in fields["heart_rate_bpm"]["constraints"]

    def test_stands_in_every_output_with_who_and_why(self, out: tuple[Outcome, Path]) -> None:
        outcome, folder = out
        document = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
        assert document["summary"]["accepted"] == outcome.accepted
        (shown,) = [finding for finding in document["findings"] if finding["code"] == "RNG-001"]
        assert shown["status"] == "accepted"
        assert shown["acceptance"] == {
            "reason": "Confirmed with the source document.", "who": "N. N.", "when": "2006-03-02", "until": None,
        }  # fmt: skip
        table = trial.read(folder).findings.filter(pl.col("code") == "RNG-001")
        assert table.select("status", "accepted_by", "accepted_on").rows() == [("accepted", "N. N.", "2006-03-02")]
        words = " ".join((folder / "report.txt").read_text(encoding="utf-8").split())
        assert "accepted by N. N. on 2006-03-02: Confirmed with the source document." in words
        assert f"{outcome.accepted} accepted in" in words
        assert json.loads((folder / "manifest.json").read_text())["accepted"] == outcome.accepted


def test_a_row_with_another_error_stays_rejected(faulty: Path, before: Outcome, tmp_path: Path) -> None:
    outcome = trial.validate(faulty, accepted=accepting(tmp_path / "a.yaml", one(before, "RNG-001")))
    assert one(outcome, "RNG-001").status == "accepted"
    assert outcome.tables["vitals"].rows_rejected == 1
    assert one(outcome, "VIT-002").status == "open"


def test_it_is_matched_when_values_are_hidden(faulty: Path, before: Outcome, tmp_path: Path) -> None:
    accepted = accepting(tmp_path / "a.yaml", one(before, "RNG-001"))
    outcome = trial.validate(faulty, accepted=accepted, show_values=False)
    found = one(outcome, "RNG-001")
    assert found.status == "accepted"
    assert SWISS not in found.key.values()
    assert outcome.values_hidden


def test_a_changed_value_is_open_again(faulty: Path, before: Outcome, tmp_path: Path) -> None:
    def other(entry: dict[str, object]) -> None:
        entry["fingerprint"] = "0" * 16

    outcome = trial.validate(faulty, accepted=accepting(tmp_path / "a.yaml", one(before, "RNG-001"), edit=other))
    found = one(outcome, "RNG-001")
    assert found.status == "open"
    assert "accepted with another value (by N. N. on 2006-03-02)" in found.hint
    assert "another value" in " ".join(plain_report(outcome, trial.definitions()).split())
    assert not [finding for finding in outcome.findings if finding.code == "ACC-001"]


@pytest.mark.parametrize(("today", "status"), [(dt.date(2006, 4, 1), "accepted"), (dt.date(2006, 4, 2), "open")])
def test_it_counts_to_the_end_of_its_last_day(today: dt.date, status: str) -> None:
    found = trial.definitions()
    rule = found.rules["RNG-001"]
    place = {"table": "vitals", "key": {"subject_id": SWISS}, "field": "weight_kg", "value": 430.0}
    plain = ReviewedWording(found).finding(rule, **place)
    entry = _entry(plain, until="2006-04-01")
    wording = ReviewedWording(found, accepted=AcceptedList("a.yaml", "T", (entry,), (3,)), today=today)
    made = wording.finding(rule, **place)
    assert made.status == status
    assert ("has run out on 2006-04-01" in made.hint) == (status == "open")


@pytest.mark.parametrize("code", ["ACC-001", "ACC-002"])
def test_the_fixtures_of_lists(code: str) -> None:
    folder = Path(__file__).parent / "rules" / code
    good = trial.validate(folder / "valid", accepted=folder / "valid.accepted.yaml")
    assert [(f.code, f.status) for f in good.findings] == [("RNG-002", "accepted")]
    bad = trial.validate(folder / "invalid", accepted=folder / "invalid.accepted.yaml")
    expected = yaml.safe_load((folder / "expected.yaml").read_text(encoding="utf-8"))["findings"]
    found = one(bad, code)
    assert [{"table": found.table, "key": dict(found.key), "field": found.field, "row": found.location.row}] == expected
    assert found.location.file is not None and found.location.file.endswith("invalid.accepted.yaml")


def test_an_entry_says_when_its_rule_or_table_is_not_there(faulty: Path, before: Outcome, tmp_path: Path) -> None:
    def elsewhere(entry: dict[str, object]) -> None:
        entry["rule"], entry["table"] = ("XX-999", "vitals") if entry["rule"] == "RNG-001" else ("RNG-002", "labs")

    accepted = accepting(tmp_path / "a.yaml", one(before, "RNG-001"), one(before, "VIT-002"), edit=elsewhere)
    said = [f.message for f in trial.validate(faulty, accepted=accepted).findings if f.code == "ACC-001"]
    assert any("there is no such rule" in words for words in said)
    assert any("the submission has no table labs" in words for words in said)


def test_a_list_beside_the_files_is_not_used(sound_trial: Path, faulty: Path, before: Outcome, tmp_path: Path) -> None:
    folder = small_trial(sound_trial, tmp_path / "sent")
    set_cells(folder, "vitals", SWISS, "baseline", **HEAVY)
    accepting(folder / "accepted.yaml", one(before, "RNG-001"))
    assert one(trial.validate(folder), "RNG-001").status == "open"


SOUND = """trial: "NCT00303394"
accepted:
  - rule: RNG-001
    table: vitals
    record: {subject_id: "DK01-001"}
    field: weight_kg
    fingerprint: "0123456789abcdef"
    reason: "Seen."
    who: "N. N."
    when: "2006-03-02"
"""


class TestABrokenList:
    @pytest.mark.parametrize(
        ("old", "new", "place", "words"),
        [
            ("reason:", "reasons:", "line 8, column 5", "unknown key 'reasons'"),
            ("    who: ", "    # ", "line 3, column 5", "the key 'who' is missing"),
            ('"2006-03-02"', "2006-03-02", "line 10, column 5", "put it in quotes"),
            ('"2006-03-02"', '"2006-02-30"', "line 3, column 5", "not a day of the calendar"),
            ('"2006-03-02"', '"2006-03-02"\n    until: "2006-03-01"', "line 3, column 5", "before when"),
            ("0123456789abcdef", "0123", "line 7, column 5", "should match pattern"),
            ("RNG-001", "RNG1", "line 3, column 5", "should match pattern"),
            ("  - rule", "  - - rule", "line 4", "expected"),
            ("record: {", "record: {{", "line 6, column 5", ""),
            ("accepted:", "accepted: [", "line 3", ""),
            ("    table: vitals", "    table: vitals\n    table: labs", "line 5, column 5", "stands twice"),
            ("NCT00303394", "NCT1", "", "findings of the trial NCT1"),
            (SOUND, "", "line 1, column 1", "the file is empty"),
            (SOUND, "- 1", "line 1, column 1", ""),
        ],
    )
    def test_is_a_sentence_with_line_and_column(
        self, old: str, new: str, place: str, words: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "accepted.yaml"
        path.write_text(SOUND.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(trial.InputError) as caught:
            trial.validate("examples", accepted=path)
        said = str(caught.value)
        assert place in said
        assert words in said
        assert len(said) < 600

    def test_the_sound_one_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "a.yaml").write_text(SOUND, encoding="utf-8")
        assert read_accepted(tmp_path / "a.yaml").lines == (3,)

    def test_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(trial.InputError, match=r"no-such\.yaml cannot be read"):
            trial.validate("examples", accepted=tmp_path / "no-such.yaml")


def _entry(finding: Finding, *, reason: str = "Seen.", until: str | None = None) -> AcceptedFinding:
    return AcceptedFinding(
        rule=finding.code,
        table=finding.table,
        record=dict(finding.key),
        field=finding.field,
        fingerprint=finding.fingerprint,
        reason=reason,
        who="N. N.",
        when="2006-03-02",
        until=until,
    )


def _some(code: str, subject: str, fingerprint: str, reason: str = "Seen.") -> AcceptedFinding:
    return AcceptedFinding(
        rule=code,
        table="vitals",
        record={"subject_id": subject},
        field="weight_kg",
        fingerprint=fingerprint,
        reason=reason,
        who="N. N.",
        when="2006-03-02",
    )


class TestWriting:
    def test_comments_and_other_entries_stay(self, tmp_path: Path) -> None:
        path = tmp_path / "accepted.yaml"
        path.write_text(SOUND.replace("    who:", "    # asked twice\n    who:") + "  # the end\n", encoding="utf-8")
        new = [_some("RNG-002", "CH01-001", "f" * 16)]
        assert write_accepted(path, "NCT00303394", read_accepted(path), new)
        text = path.read_text(encoding="utf-8")
        assert "# asked twice" in text and "# the end" in text
        assert [entry.rule for entry in read_accepted(path).entries] == ["RNG-001", "RNG-002"]

    def test_an_entry_of_the_same_place_is_replaced(self, tmp_path: Path) -> None:
        path = tmp_path / "accepted.yaml"
        path.write_text("# ours\n" + SOUND, encoding="utf-8")
        new = [_some("RNG-001", "DK01-001", "e" * 16)]
        assert write_accepted(path, "NCT00303394", read_accepted(path), new)
        assert path.read_text(encoding="utf-8").startswith("# ours\n")
        assert [entry.fingerprint for entry in read_accepted(path).entries] == ["e" * 16]

    def test_the_same_again_changes_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "accepted.yaml"
        path.write_text(SOUND, encoding="utf-8")
        there = read_accepted(path)
        assert write_accepted(path, "NCT00303394", there, there.entries)
        assert path.read_text(encoding="utf-8") == SOUND

    def test_a_list_on_one_line_loses_its_comments_and_says_so(self, tmp_path: Path) -> None:
        path = tmp_path / "accepted.yaml"
        entries = json.dumps(yaml.safe_load(SOUND)["accepted"])
        path.write_text(f"# ours\ntrial: NCT00303394\naccepted: {entries}\n", encoding="utf-8")
        assert not write_accepted(path, "NCT00303394", read_accepted(path), [_some("RNG-002", "CH01-001", "f" * 16)])
        assert len(read_accepted(path).entries) == 2

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        first=st.lists(st.sampled_from("abcdef"), min_size=1, unique=True),
        second=st.lists(st.sampled_from("abcdef"), unique=True),
        reason=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60).filter(str.strip),
    )
    def test_what_is_written_is_read(self, first: list[str], second: list[str], reason: str, tmp_path: Path) -> None:
        path = tmp_path / "accepted.yaml"
        path.unlink(missing_ok=True)
        one_round = [_some("RNG-001", f"DK01-{name}", name * 16) for name in first]
        write_accepted(path, "T", None, one_round)
        there = read_accepted(path)
        assert list(there.entries) == one_round
        again = [_some("RNG-001", f"DK01-{name}", name * 16, reason) for name in second]
        write_accepted(path, "T", there, again)
        found = read_accepted(path).entries
        wanted, _ = merged(there, again)
        assert [(entry.record, entry.fingerprint) for entry in found] == [(e.record, e.fingerprint) for e in wanted]
        jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), meta_schemas()["accepted"])
        assert "\x1b" not in path.read_text(encoding="utf-8")
