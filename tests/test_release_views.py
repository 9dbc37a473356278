"""The views of a release: what each holds, and what is left out without a trace."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

import anakinra_t2d as trial
from anakinra_t2d.finding import record_key
from anakinra_t2d.releases.run import release
from anakinra_t2d.releases.view import ReleaseView
from anakinra_t2d.restricted import inspect_paths
from anakinra_t2d.schema.release import release_file
from anakinra_t2d.wording import Wording
from conftest import change
from release_data import (
    VIEWS,
    document,
    short_scripts,
    table,
    tables,
    unpacked,
    with_events,
)

FOUND = trial.definitions()
RESTRICTED = sorted(name for name, table in FOUND.tables.items() if table.restricted)


@pytest.fixture(scope="module", autouse=True)
def _short_scripts() -> Iterator[None]:
    with short_scripts():
        yield


@pytest.fixture(scope="module")
def source(released_trial: Path) -> Path:
    return released_trial / "out"


@pytest.fixture(scope="module")
def archives(released_trial: Path) -> dict[str, Path]:
    return {view: released_trial / f"{view}.zip" for view in VIEWS}


@pytest.fixture(scope="module")
def folders(released_trial: Path) -> dict[str, Path]:
    return {view: released_trial / view for view in VIEWS}


class TestBlinded:
    def test_no_restricted_table_and_no_revealing_field(self, folders: dict[str, Path]) -> None:
        folder = folders["blinded"]
        assert not tables(folder) & set(RESTRICTED)
        for name in tables(folder) & set(FOUND.tables):
            for column in table(folder, name).columns:
                field = FOUND.tables[name].fields[column]
                assert (field.blinding, field.identifying == "direct") == ("open", False)

    def test_records_that_tell_the_arm_are_gone_without_a_gap(self, source: Path, folders: dict[str, Path]) -> None:
        before = pl.read_parquet(source / "adverse_events.parquet").with_columns(pl.col("ae_category").cast(pl.String))
        after = table(folders["blinded"], "adverse_events")
        assert after.height == before.filter(pl.col("ae_category") != "injection_site_reaction").height
        assert before.height - after.height > 1
        for _, one in after.group_by("subject_id"):
            assert sorted(one["ae_seq"]) == list(range(1, one.height + 1))
        assert after["ae_seq"].max() == 2
        assert "unblinding" not in table(folders["blinded"], "protocol_deviations")["dv_category"].to_list()

    def test_who_left_is_there_without_the_reason(self, source: Path, folders: dict[str, Path]) -> None:
        before, after = pl.read_parquet(source / "disposition.parquet"), table(folders["blinded"], "disposition")
        assert after.height == before.height
        assert "ds_reason" not in after.columns

    def test_it_passes_the_check_for_blinded_people(self, archives: dict[str, Path]) -> None:
        assert inspect_paths([archives["blinded"]], Wording(FOUND)).findings == []

    def test_derived_tables_rest_on_nothing_that_was_left_out(self, source: Path, folders: dict[str, Path]) -> None:
        folder, view = folders["blinded"], ReleaseView("blinded", FOUND)
        assert set(table(folder, "parameters")["parameter"]) <= view.cards
        kept = table(folder, "endpoints")
        assert set(kept["endpoint_id"]) == view.cards & {card.id for card in FOUND.endpoints.endpoints}
        origin = pl.read_parquet(source / "endpoints.parquet").filter(pl.col("endpoint_id").is_in(sorted(view.cards)))
        assert kept.equals(origin)
        assert set(table(folder, "flow")["by"]) == {"all", "site"}
        assert table(folder, "flow")["reason"].null_count() == table(folder, "flow").height
        assert "results" not in tables(folder)
        assert "post_randomisation" not in table(folder, "eligibility")["kind"].to_list()

    def test_cards_that_read_a_revealing_value_are_known_through_others(self) -> None:
        cards = ReleaseView("blinded", FOUND).cards
        for card in FOUND.endpoints.endpoints:
            parameter = getattr(card, "parameter", None)
            if parameter is not None and parameter not in cards:
                assert card.id not in cards
        assert {"hba1c", "EP01"} <= cards
        assert not {"crp", "il1ra", "EP33.nausea"} & cards

    def test_the_codebook_describes_what_is_there(self, folders: dict[str, Path]) -> None:
        text = (folders["blinded"] / "codebook.md").read_text(encoding="utf-8")
        described = {line.split("`")[1] for line in text.splitlines() if line.startswith(("| `", "### `"))}
        assert {"vitals", "hba1c_pct", "EP01", "RNG-001"} <= described
        assert not {"kit_no", "il1ra_ug_l", "crp_mg_l", "ae_category", "RAND-002", "X3", *RESTRICTED} & described

    def test_flags_keep_only_fields_that_are_there(self, folders: dict[str, Path]) -> None:
        for view in ("blinded", "safety"):
            flags = table(folders[view], "result_flags")
            described = {
                (one["name"], field["name"])
                for one in document(folders[view])["resources"]
                for field in one["schema"]["fields"]
            }
            assert flags.height
            assert set(flags.select("table", "field").iter_rows()) <= described

    def test_flags_and_findings_follow_their_record_to_its_new_number(
        self, copy_of_trial: Path, tmp_path: Path
    ) -> None:
        with_events(copy_of_trial)
        person = next(
            row["subject_id"]
            for row in csv.DictReader((copy_of_trial / "adverse_events.csv").open(encoding="utf-8"))
            if row["ae_seq"] == "3"
        )
        change(
            copy_of_trial / "result_flags.csv",
            lambda rows: rows.extend(
                {
                    "table": "adverse_events",
                    "record_key": record_key({"subject_id": person, "ae_seq": str(number)}),
                    "field": "ae_start_day",
                    "result_status": "not_done",
                    "limit_value": "",
                    "value_raw": "",
                }
                for number in (1, 2, 3)
            ),
        )
        # an event that goes on and has an end: a warning on a record that becomes the second
        change(
            copy_of_trial / "adverse_events.csv",
            lambda rows: rows[-1].update(ae_outcome="not_resolved"),
        )
        trial.convert(copy_of_trial, out=tmp_path / "out")
        release(tmp_path / "out", tmp_path / "r.zip", with_errors=True)
        folder = unpacked(tmp_path / "r.zip", tmp_path / "r")
        keys = table(folder, "result_flags").filter(table="adverse_events")["record_key"].to_list()
        assert keys == [f"subject_id={person}|ae_seq={number}" for number in (1, 2)]
        found = (folder / "report/findings.csv").read_text(encoding="utf-8")
        (row,) = [row for row in csv.DictReader(found.splitlines()) if row["code"] == "AE-004"]
        assert row["record_key"] == f"subject_id={person}|ae_seq=2"

    def test_a_word_in_a_text_is_taken_out(self, copy_of_trial: Path, tmp_path: Path) -> None:
        change(copy_of_trial / "exposure.csv", lambda rows: rows[0].update(taken="no", missed_reason="Placebo ran out"))
        change(copy_of_trial / "medications.csv", lambda rows: rows[0].update(med_name="Kineret"))
        trial.convert(copy_of_trial, out=tmp_path / "out")
        release(tmp_path / "out", tmp_path / "r.zip", with_errors=True)
        folder = unpacked(tmp_path / "r.zip", tmp_path / "r")
        before, after = (pl.read_parquet(path / "medications.parquet") for path in (tmp_path / "out", folder / "data"))
        assert after.height == before.height - 1
        assert table(folder, "exposure").height == pl.read_parquet(tmp_path / "out/exposure.parquet").height
        files = tmp_path / "out/exposure.parquet", folder / "data/exposure.parquet"
        reasons = [pl.read_parquet(path)["missed_reason"] for path in files]
        assert reasons[1].null_count() == reasons[0].null_count() + 1
        assert "Placebo ran out" not in reasons[1].to_list()
        assert "`exposure.missed_reason`" in (folder / "README.md").read_text(encoding="utf-8")


class TestOtherViews:
    def test_safety_has_events_with_their_category_and_no_arm(self, source: Path, folders: dict[str, Path]) -> None:
        folder = folders["safety"]
        assert not tables(folder) & set(RESTRICTED)
        events = table(folder, "adverse_events")
        assert events.height == pl.read_parquet(source / "adverse_events.parquet").height
        assert {"ae_category", "ae_related", "ae_term"} <= set(events.columns)
        assert "ogtt" not in tables(folder)
        assert "self_unblinding" not in table(folder, "disposition")["ds_reason"].to_list()
        assert "self_unblinding" in pl.read_parquet(source / "disposition.parquet")["ds_reason"].to_list()
        codes = {finding.code for finding in inspect_paths([folder], Wording(FOUND)).findings}
        assert codes <= {"BLND-105", "BLND-106"}

    def test_full_has_everything_as_it_is(self, source: Path, folders: dict[str, Path]) -> None:
        folder = folders["full"]
        there = {path.stem for path in source.glob("*.parquet")} - {"findings", "checks"}
        assert tables(folder) == there
        for name in there - {"rejected"}:
            origin = pl.read_parquet(source / f"{name}.parquet").with_columns(
                pl.col(pl.Categorical, pl.Enum).cast(pl.String)
            )
            assert table(folder, name).equals(origin), name
        assert "tells the arm" in (folder / "README.md").read_text(encoding="utf-8")

    @pytest.mark.parametrize("view", ["blinded", "safety", "full"])
    def test_what_is_left_out_is_told_with_its_reason(self, folders: dict[str, Path], view: str) -> None:
        readme = (folders[view] / "README.md").read_text(encoding="utf-8")
        terms = release_file(FOUND.root).views[view]  # type: ignore[index]
        for one in terms.leaves_out:
            assert one.why in readme
        assert document(folders[view])["leavesOut"] == [one.model_dump() for one in terms.leaves_out]

    def test_without_derived_tables_there_are_none(self, sound_trial: Path, tmp_path: Path) -> None:
        trial.convert(sound_trial, out=tmp_path / "out")
        made = release(tmp_path / "out", tmp_path / "r.zip", view="safety")
        assert not {"endpoints", "parameters", "flow"} & set(made.rows)
