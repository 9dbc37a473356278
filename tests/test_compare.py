"""Two submissions: findings that are new, still open, resolved or accepted, and records cell by cell."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import anakinra_t2d as trial
from anakinra_t2d.cli.compare import compare as compare_command
from anakinra_t2d.finding import Finding
from anakinra_t2d.review.changed_records import ChangedRecords, TableChange
from anakinra_t2d.review.compare import Comparison, compare
from anakinra_t2d.wording import HIDDEN, Wording
from review_data import DANISH, SWISS, accepting, one, set_cells, small_trial


@pytest.fixture(scope="module")
def two(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Outputs of two submissions: one fault stays, one is accepted, one is corrected and one is new."""
    folder = tmp_path_factory.mktemp("two")
    first = small_trial(sound_trial, folder / "first")
    set_cells(first, "vitals", SWISS, "baseline", heart_rate_bpm="150")
    set_cells(first, "vitals", DANISH, "baseline", heart_rate_bpm="151")
    set_cells(first, "vitals", DANISH, "week4", heart_rate_bpm="152")
    found = trial.convert(first, out=folder / "old")
    second = shutil.copytree(first, folder / "second")
    set_cells(second, "vitals", DANISH, "week4", heart_rate_bpm="70")
    set_cells(second, "vitals", "CH01-003", "week4", sbp_mmhg="70", dbp_mmhg="90")
    set_cells(second, "subjects", SWISS, "", birth_year="1937")
    accepted = accepting(folder / "a.yaml", one(found, "RNG-002", SWISS))
    trial.convert(second, out=folder / "new", accepted=accepted)
    return folder / "old", folder / "new"


@pytest.fixture(scope="module")
def compared(two: tuple[Path, Path]) -> Comparison:
    return compare(*two)


def run(*words: str | Path) -> Any:
    return CliRunner().invoke(compare_command, [str(word) for word in words])


class TestFindings:
    def test_fall_into_four_groups(self, compared: Comparison) -> None:
        def rates(findings: list[Finding]) -> list[str | None]:
            return [finding.value for finding in findings if finding.code == "RNG-002"]

        assert rates(compared.still_open) == ["151"]
        assert rates(compared.resolved) == ["152"]
        assert rates(compared.accepted) == ["150"]
        assert [finding.code for finding in compared.new if finding.severity == "error"] == ["VIT-002"]
        assert compared.exit_status() == 1

    def test_none_is_new_in_the_same_submission(self, two: tuple[Path, Path]) -> None:
        same = compare(two[0], two[0])
        assert same.exit_status() == 0
        assert not same.new and not same.resolved and len(same.still_open) == len(same.old.findings) >= 3
        assert all(table.is_same for table in same.tables)

    def test_of_documents_are_compared_without_records(self, two: tuple[Path, Path], compared: Comparison) -> None:
        alone = compare(two[0] / "findings.json", two[1])
        assert [f.fingerprint for f in alone.new] == [f.fingerprint for f in compared.new]
        assert not alone.records_compared and not alone.tables

    def test_with_another_value_are_new_and_counted(self, two: tuple[Path, Path], tmp_path: Path) -> None:
        document = json.loads((two[0] / "findings.json").read_text(encoding="utf-8"))
        document["findings"][0]["fingerprint"] = "0" * 16
        (tmp_path / "new.json").write_text(json.dumps(document), encoding="utf-8")
        other = compare(two[0], tmp_path / "new.json")
        assert (len(other.new), len(other.resolved), other.other_value) == (1, 1, 1)

    def test_whose_acceptance_ended_are_new(self, two: tuple[Path, Path], tmp_path: Path) -> None:
        document = json.loads((two[1] / "findings.json").read_text(encoding="utf-8"))
        for finding in document["findings"]:
            finding["status"], finding["acceptance"] = "open", None
        (tmp_path / "new.json").write_text(json.dumps(document), encoding="utf-8")
        assert [(f.code, f.value) for f in compare(two[1], tmp_path / "new.json").new] == [("RNG-002", "150")]

    def test_of_tables_that_were_not_sent_again_are_not_judged(self, two: tuple[Path, Path], tmp_path: Path) -> None:
        document = json.loads((two[0] / "findings.json").read_text(encoding="utf-8"))
        document["findings"] = []
        del document["summary"]["tables"]["vitals"]
        (tmp_path / "new.json").write_text(json.dumps(document), encoding="utf-8")
        gone = compare(two[0], tmp_path / "new.json")
        assert len(gone.resolved) == gone.unjudged == len(gone.old.findings)


class TestRecords:
    def test_are_added_removed_and_changed(self, compared: Comparison) -> None:
        tables = {table.table: table for table in compared.tables}
        assert set(tables) == {"submission", "sites", "subjects", "visits", "vitals"} | {"result_flags"} & set(tables)
        # the record with crossed pressures is rejected now
        assert [key["subject_id"] for key in tables["vitals"].removed] == ["CH01-003"]
        (cell,) = tables["vitals"].cells
        assert (cell.key["subject_id"], cell.key["visit"], cell.field, cell.old, cell.new) == (
            DANISH, "week4", "heart_rate_bpm", "152", "70",
        )  # fmt: skip
        assert tables["visits"].is_same
        assert tables["subjects"].cells_changed == {"birth_year": 1}
        assert tables["sites"].is_same

    def test_of_another_schema_are_compared_in_common_columns(self, two: tuple[Path, Path], tmp_path: Path) -> None:
        other = shutil.copytree(two[0], tmp_path / "other")
        vitals = pl.read_parquet(other / "vitals.parquet")
        vitals = vitals.drop("body_temp_c").with_columns(pl.col("sbp_mmhg").cast(pl.Int64), added=pl.lit(1))
        vitals.write_parquet(other / "vitals.parquet")
        document = json.loads((other / "findings.json").read_text(encoding="utf-8"))
        document["summary"]["schema_version"] = "9.0.0"
        (other / "findings.json").write_text(json.dumps(document), encoding="utf-8")
        result = compare(two[0], other)
        assert "9.0.0" in result.schema[0]
        (changed,) = [table for table in result.tables if not table.is_same]
        said = " ".join(changed.columns)
        assert "body_temp_c is only in the old" in said
        assert "added is only in the new" in said
        assert "sbp_mmhg was DOUBLE and is BIGINT" in said
        assert changed.number_added == changed.number_removed == 0

    def test_that_cannot_be_read_are_a_sentence(self, two: tuple[Path, Path], tmp_path: Path) -> None:
        other = shutil.copytree(two[0], tmp_path / "o[t]her*")
        assert compare(two[0], other).exit_status() == 0
        (other / "vitals.parquet").write_bytes(b"PAR1 nothing")
        done = run(two[0], other)
        assert done.exit_code == 2 and "The table vitals" in done.output
        (other / "vitals.parquet").unlink()
        done = run(two[0], other)
        assert done.exit_code == 2 and "vitals.parquet missing" in done.output

    @settings(max_examples=12, deadline=None)
    @given(data=st.data())
    def test_are_what_a_plain_comparison_gives(self, data: st.DataObject) -> None:
        keys = st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 2))
        cells = st.tuples(st.sampled_from([None, 0.0, 1.5, float("nan")]), st.sampled_from([None, "x", "y", "O'x"]))
        old, new = (data.draw(st.dictionaries(keys, cells, max_size=6)) for _ in range(2))
        with tempfile.TemporaryDirectory() as folder:
            sides = written(Path(folder) / "old", old), written(Path(folder) / "new", new)
            (change_,) = ChangedRecords(*sides, Wording(trial.definitions()), 100)
        assert change_.number_added == len(new.keys() - old.keys())
        assert change_.number_removed == len(old.keys() - new.keys())
        differing = {
            (key, name)
            for key in old.keys() & new.keys()
            for name, before, after in zip(("number", "text"), old[key], new[key], strict=True)
            if repr(before) != repr(after)
        }
        assert {((cell.key["subject_id"], int(cell.key["n"])), cell.field) for cell in change_.cells} == differing
        assert sum(change_.cells_changed.values()) == len(differing)


def written(folder: Path, rows: dict[tuple[str, int], tuple[float | None, str | None]]) -> Path:
    """One table as an output of ``convert`` holds it."""
    folder.mkdir()
    records = [(*key, *values) for key, values in rows.items()]
    schema = {"subject_id": pl.String, "n": pl.Int64, "number": pl.Float64, "text": pl.String}
    pl.DataFrame(records, schema=schema, orient="row").write_parquet(folder / "made_up.parquet")
    described = {"fields": [{"name": name} for name in schema], "primaryKey": ["subject_id", "n"]}
    resource = {"name": "made_up", "path": "made_up.parquet", "role": "data", "schema": described}
    (folder / "datapackage.json").write_text(json.dumps({"resources": [resource]}), encoding="utf-8")
    return folder


class TestWhatIsShown:
    def test_the_summary_is_bounded_and_says_what_changed(self, two: tuple[Path, Path]) -> None:
        done = run(*two)
        assert done.exit_code == 1
        for words in ("New: 1 errors", "Still open: 0 errors", "heart_rate_bpm: 152 -> 70",
                      "- CH01-003 week4", "accepted by N. N.", "1 new error"):  # fmt: skip
            assert words in " ".join(done.output.split())
        assert len(done.output.splitlines()) < 60

    def test_a_long_list_is_cut_and_counted(self) -> None:
        from rich.console import Console

        from anakinra_t2d.report.findings_file import SavedFindings
        from anakinra_t2d.review.compare_text import print_comparison

        saved = SavedFindings("x", None, "", "1", False, {}, [], "")
        keys = [{"subject_id": str(number)} for number in range(50)]
        table = TableChange("vitals", 0, 5000, number_added=5000, added=keys)
        console = Console(width=100)
        with console.capture() as shown:
            print_comparison(Comparison(saved, saved, tables=[table], records_compared=True), console)
        assert "... and 4,990 more" in shown.get()

    def test_values_are_hidden_on_demand(self, two: tuple[Path, Path]) -> None:
        for words in ([], ["--format", "json"]):
            done = run(*two, "--no-values", *words)
            assert done.exit_code == 1
            for secret in (SWISS, DANISH, '"152"', " 152", "1937", "Confirmed with"):
                assert secret not in done.output
            assert "P-" in done.output

    def test_the_document_for_programs_has_everything(self, two: tuple[Path, Path]) -> None:
        document = json.loads(run(*two, "--format", "json").stdout)
        assert document["summary"]["new_errors"] == 1
        assert {name: len(found) for name, found in document["findings"].items()} == document["summary"]["findings"]
        assert document["tables"]["vitals"]["changed"]["listed"] == [
            {
                "key": {"subject_id": DANISH, "visit": "week4", "visit_seq": "1"},
                "field": "heart_rate_bpm",
                "old": "152",
                "new": "70",
            }
        ]

    def test_what_identifies_a_person_is_always_hidden(self, two: tuple[Path, Path], tmp_path: Path) -> None:
        other = shutil.copytree(two[0], tmp_path / "other")
        subjects = pl.read_parquet(other / "subjects.parquet")
        direct = [f.name for f in trial.definitions().tables["subjects"].fields.values() if f.identifying == "direct"]
        assert direct
        texts = [pl.lit("1950-01-31").str.to_date().cast(subjects[name].dtype).alias(name) for name in direct]
        subjects.with_columns(texts).write_parquet(other / "subjects.parquet")
        (changed,) = [table for table in compare(two[0], other).tables if not table.is_same]
        assert {cell.new for cell in changed.cells} == {HIDDEN}
        assert "1950" not in run(two[0], other, "--all").output

    def test_outputs_that_do_not_match_are_refused(self, two: tuple[Path, Path], tmp_path: Path) -> None:
        document = json.loads((two[0] / "findings.json").read_text(encoding="utf-8"))
        for name, value, words in (("trial", "NCT1", "NCT1"), ("values_hidden", True, "--no-values")):
            summary = {**document["summary"], name: value}
            (tmp_path / "x.json").write_text(json.dumps({**document, "summary": summary}), encoding="utf-8")
            done = run(two[0], tmp_path / "x.json")
            assert done.exit_code == 2 and words in done.output
        (tmp_path / "x.json").write_text("[]", encoding="utf-8")
        assert "does not hold the findings" in run(two[0], tmp_path / "x.json").output
        assert "cannot be read" in run(two[0], tmp_path / "none.json").output


class TestSince:
    def test_only_new_errors_fail(self, sound_trial: Path, tmp_path: Path) -> None:
        folder = small_trial(sound_trial, tmp_path / "again")
        set_cells(folder, "vitals", DANISH, "baseline", sbp_mmhg="70", dbp_mmhg="90")
        found = trial.convert(folder, out=tmp_path / "old")
        assert found.errors > 0
        known = trial.validate(folder, since=tmp_path / "old")
        assert known.exit_status() == known.exit_status(strict=True) == 0
        assert known.errors == found.errors
        assert known.known == known.errors + known.warnings
        assert all(finding.known for finding in known.findings)
        hidden = trial.validate(folder, since=tmp_path / "old" / "findings.json", show_values=False)
        assert hidden.exit_status() == 0
        set_cells(folder, "vitals", SWISS, "baseline", sbp_mmhg="70", dbp_mmhg="90")
        more = trial.validate(folder, since=tmp_path / "old")
        assert more.exit_status() == 1
        assert {f.key["subject_id"] for f in more.findings if not f.known} == {SWISS}
        assert more.as_dict()["summary"]["known"] == known.known
