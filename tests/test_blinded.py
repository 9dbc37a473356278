"""What blinded people must not see: found in a submission, in an output directory and in archives, and explained."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
import yaml

import anakinra_t2d as trial
from anakinra_t2d.finding import Finding
from anakinra_t2d.restricted import inspect_paths
from anakinra_t2d.schema import definitions
from anakinra_t2d.schema.blinding import blinding
from anakinra_t2d.schema.yaml_source import SchemaError
from anakinra_t2d.wording import Wording
from conftest import ROOT, change, read_rows, write_rows

FOUND = definitions()
FIXTURES = sorted(
    path.parent.name
    for path in (ROOT / "tests/rules").glob("*/expected.yaml")
    if yaml.safe_load(path.read_text(encoding="utf-8")).get("blinded")
)
RESTRICTED = sorted(name for name, table in FOUND.tables.items() if table.restricted)


def look(*paths: Path) -> list[Finding]:
    return inspect_paths(paths, Wording(FOUND)).findings


def errors(*paths: Path) -> set[str]:
    return {finding.code for finding in look(*paths) if finding.severity == "error"}


def blind(folder: Path) -> Path:
    """Leave out of a trial what blinded people must not have."""
    for name in RESTRICTED:
        (folder / f"{name}.csv").unlink(missing_ok=True)
    for entry in blinding(FOUND.root).blinded_codes:
        path = folder / f"{entry.table}.csv"
        kept = [row for row in read_rows(path) if row[entry.field] not in entry.codes]
        if kept:
            write_rows(path, kept)
        else:
            path.unlink()
    path = folder / "result_flags.csv"
    write_rows(path, [row for row in read_rows(path) if row["table"] not in RESTRICTED])
    return folder


@pytest.mark.parametrize("code", FIXTURES)
def test_each_rule_on_its_own_files(code: str) -> None:
    folder = ROOT / "tests/rules" / code
    expected = yaml.safe_load((folder / "expected.yaml").read_text(encoding="utf-8"))["findings"]
    named = [finding for finding in look(folder / "invalid") if finding.code == code]
    assert [(one.location.file, one.location.row, one.table, one.field) for one in named] == [
        (want["file"], want.get("row"), want["table"], want["field"]) for want in expected
    ]
    assert [finding for finding in look(folder / "valid") if finding.code == code] == []


class TestSubmission:
    def test_a_blinded_trial_passes(self, copy_of_trial: Path) -> None:
        assert errors(blind(copy_of_trial)) == set()

    def test_every_restricted_table_is_found(self, sound_trial: Path) -> None:
        named = {finding.table for finding in look(sound_trial) if finding.code == "BLND-101"}
        assert named == set(RESTRICTED)

    def test_columns_that_the_drug_changes_are_warned_of(self, copy_of_trial: Path) -> None:
        found = [finding for finding in look(blind(copy_of_trial)) if finding.code == "BLND-106"]
        assert {"crp_mg_l", "neutrophils_10e9_l"} <= {finding.field for finding in found}
        assert {finding.severity for finding in found} == {"warning"}

    @pytest.mark.parametrize(
        ("column", "value", "code"),
        [
            ("kit_no", "K10050", "BLND-102"),
            ("IL-1Ra", "900", "BLND-102"),
            ("test", "INTLK1RA", "BLND-103"),
            ("note", "Placebo", "BLND-104"),
        ],
    )
    def test_one_more_column_in_an_open_table(self, copy_of_trial: Path, column: str, value: str, code: str) -> None:
        folder = blind(copy_of_trial)
        change(folder / "vitals.csv", lambda rows: [row.update({column: value}) for row in rows])
        assert errors(folder) == {code}

    def test_the_patient_who_had_the_drug_tested(self, copy_of_trial: Path) -> None:
        """The paper's own case: the reason of the withdrawal is enough to know the arm."""
        folder = blind(copy_of_trial)
        change(folder / "disposition.csv", lambda rows: rows[0].update(ds_reason="self_unblinding"))
        (finding,) = [finding for finding in look(folder) if finding.severity == "error"]
        assert (finding.code, finding.field) == ("BLND-105", "ds_reason")
        words = blinding(FOUND.root)
        assert "tested" in words.why
        assert words.basis == "paper"

    def test_the_sites_own_layouts_are_looked_into(self) -> None:
        for site in ("denmark", "zurich"):
            assert {"BLND-101", "BLND-105"} <= errors(ROOT / "examples" / site)

    def test_a_folder_inside_and_an_archive_are_looked_into(self, copy_of_trial: Path, tmp_path: Path) -> None:
        (copy_of_trial / "apart").mkdir()
        shutil.move(copy_of_trial / "randomisation.csv", copy_of_trial / "apart/list.csv")
        assert "BLND-102" in {f.code for f in look(copy_of_trial) if f.location.file == "apart/list.csv"}
        archive = shutil.make_archive(str(tmp_path / "sent"), "zip", copy_of_trial)
        assert "sent.zip/apart/list.csv" in {finding.location.file for finding in look(Path(archive))}


@pytest.fixture(scope="module")
def outputs(sound_trial: Path, converted_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    base = tmp_path_factory.mktemp("outputs")
    shutil.copytree(sound_trial, base / "blinded")
    trial.convert(blind(base / "blinded"), out=base / "open")
    return {"full": converted_trial, "open": base / "open"}


class TestOutput:
    def test_an_output_of_open_tables_passes(self, outputs: dict[str, Path]) -> None:
        assert [finding for finding in look(outputs["open"]) if finding.severity == "error"] == []

    def test_an_output_of_all_tables_fails(self, outputs: dict[str, Path]) -> None:
        assert {"BLND-101", "BLND-105"} <= errors(outputs["full"])

    def test_lists_in_cells_are_looked_into(self, tmp_path: Path) -> None:
        pl.DataFrame({"cells": [["a", "kit no. 10050"]]}).write_parquet(tmp_path / "rejected.parquet")
        assert errors(tmp_path) == {"BLND-104"}

    def test_what_cannot_be_looked_into_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "labs.parquet").write_bytes(b"PAR1 broken")
        (tmp_path / "scan.png").write_bytes(b"\x89PNG\0\0")
        assert [(f.code, f.location.file) for f in look(tmp_path)] == [
            ("BLND-107", "labs.parquet"),
            ("BLND-107", "scan.png"),
        ]


class TestDefinitions:
    def test_what_is_named_exists(self) -> None:
        words = blinding(FOUND.root)
        for entry in words.blinded_codes:
            field = FOUND.tables[entry.table].fields[entry.field]
            assert set(entry.codes) - {"true", "false"} <= set(FOUND.terms(field) or [])
        assert set(words.only_in_data) <= {each.label for each in FOUND.trial.identity_patterns}
        assert {sign.rule for sign in words.signs} <= set(FOUND.builtin_rules)

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ("basis: paper", "basis: rumour", "basis"),
            ("pattern: '(unblind", "pattern: '((unblind", "no regular expression"),
            ("pattern: '(unblind", "pattern: '(?=unblind", "look-around"),
        ],
    )
    def test_a_mistake_is_named_with_its_line(self, tmp_path: Path, old: str, new: str, words: str) -> None:
        text = (ROOT / "schema/blinding.yaml").read_text(encoding="utf-8")
        assert old in text
        (tmp_path / "schema").mkdir()
        (tmp_path / "schema/blinding.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(SchemaError, match=words) as raised:
            blinding(tmp_path)
        assert "schema/blinding.yaml:" in str(raised.value)
