"""Converted data as Dataset-JSON: valid, the same bytes every time, and read back to the last digit."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import polars as pl
import pytest
from click.testing import CliRunner, Result

import anakinra_t2d as trial
from anakinra_t2d.cli.export.dataset_json import dataset_json as command
from anakinra_t2d.reading import SourceFile
from anakinra_t2d.reading.dataset_json import DatasetJsonTable
from anakinra_t2d.standards import dataset_json as module
from anakinra_t2d.standards.dataset_json import NOTES, dataset_json
from gaps import gaps

FOUND = trial.definitions()
SCHEMA = Path(__file__).parents[2] / "shared" / "real" / "dataset_json" / "dataset.schema.json"
RELEASED = f"{FOUND.trial.released.isoformat()}T00:00:00"
RESTRICTED = {name for name, table in FOUND.tables.items() if table.restricted}


@pytest.fixture(scope="module")
def converted(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A converted trial with gaps and results that are no number."""
    folder = tmp_path_factory.mktemp("converted")
    shutil.copytree(sound_trial, folder / "sent")
    gaps(folder / "sent")
    trial.convert(folder / "sent", out=folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def exported(converted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its tables as one JSON object each, restricted ones among them."""
    out = tmp_path_factory.mktemp("exported") / "json"
    dataset_json(converted, FOUND, out, unblinded=True)
    return out


def tables_of(folder: Path) -> dict[str, pl.DataFrame]:
    """The tables of a converted directory without lineage, codes as text."""
    read = trial.read(folder)
    return {
        name: read[name].with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
        for name in read
        if name in FOUND.tables and FOUND.tables[name].role != "lineage"
    }


def document(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return found


def cells(path: Path) -> list[tuple[str | None, ...]]:
    table = DatasetJsonTable(SourceFile(path.stem, path, path.name, "dataset_json"))
    return [row for batch in table for row in batch.cells.rows()]


def run(*words: object) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words])


class TestThereAndBack:
    def test_every_cell_comes_back(self, converted: Path, exported: Path, tmp_path: Path) -> None:
        trial.convert(exported, out=tmp_path / "back")
        wanted, found = tables_of(converted), tables_of(tmp_path / "back")
        assert {name for name, frame in wanted.items() if frame.height} <= set(found)
        for name, frame in wanted.items():
            if frame.height:
                key = FOUND.tables[name].key
                assert found[name].sort(key).equals(frame.sort(key)), name

    def test_lines_say_the_same_as_one_object(self, converted: Path, exported: Path, tmp_path: Path) -> None:
        result = run("--data", converted, "--out", tmp_path / "lines", "--ndjson", "--unblinded")
        assert result.exit_code == 0, result.stderr
        paths = sorted((tmp_path / "lines").glob("*.ndjson"))
        assert [path.stem for path in paths] == sorted(path.stem for path in exported.glob("*.json"))
        for path in paths:
            first, *rest = path.read_text(encoding="utf-8").splitlines()
            assert json.loads(first)["records"] == len(rest)
            assert cells(path) == cells(exported / f"{path.stem}.json"), path.name

    def test_numbers_are_those_of_the_table_to_the_last_digit(self, converted: Path, exported: Path) -> None:
        for name, frame in tables_of(converted).items():
            found = document(exported, name)
            for place, column in enumerate(found["columns"]):
                if column["dataType"] == "decimal":
                    texts = [row[place] for row in found["rows"]]
                    assert all(text is None or re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) for text in texts)
                    assert [None if text is None else float(text) for text in texts] == frame[column["name"]].to_list()
        small = [row[11] for row in document(exported, "labs")["rows"]]
        assert document(exported, "labs")["columns"][11]["name"] == "crp_mg_l"
        assert "0.000012" in small

    def test_the_same_tables_give_the_same_bytes_in_parts_of_any_size(
        self, converted: Path, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_BATCH_ROWS", 7)
        dataset_json(converted, FOUND, tmp_path / "again", unblinded=True)
        names = {path.name for path in exported.iterdir()}
        assert names == {path.name for path in (tmp_path / "again").iterdir()}
        for name in names:
            assert (exported / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


class TestDescription:
    @pytest.mark.skipif(not SCHEMA.exists(), reason="the JSON Schema of CDISC is not here")
    def test_every_file_is_valid(self, exported: Path) -> None:
        schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
        validator = jsonschema.Draft201909Validator(schema)
        for path in exported.glob("*.json"):
            errors = [error.message for error in validator.iter_errors(document(exported, path.stem))]
            assert not errors, f"{path.name}: {errors[0]}"

    def test_columns_say_what_they_hold(self, exported: Path) -> None:
        found = document(exported, "labs")
        columns = {column["name"]: column for column in found["columns"]}
        assert found["itemGroupOID"] == "IG.labs"
        assert columns["subject_id"] == {
            "itemOID": "IT.labs.subject_id",
            "name": "subject_id",
            "label": "Subject number",
            "dataType": "string",
            "length": 8,
            "keySequence": 1,
        }
        assert columns["hba1c_pct"]["dataType"] == columns["hba1c_pct"]["targetDataType"] == "decimal"
        moment = columns["collected_ts"]
        assert (moment["dataType"], moment["targetDataType"]) == ("datetime", "integer")
        assert moment["displayFormat"] == "E8601DT19."
        date = {c["name"]: c for c in document(exported, "visits")["columns"]}["visit_date"]
        assert (date["dataType"], date["targetDataType"], date["displayFormat"]) == ("date", "integer", "E8601DA10.")

    def test_values_have_the_types_and_lengths_that_columns_state(self, exported: Path) -> None:
        kinds = {"string": str, "decimal": str, "date": str, "datetime": str, "integer": int, "boolean": bool}
        for path in exported.glob("*.json"):
            found = document(exported, path.stem)
            assert found["records"] == len(found["rows"])
            keys = [c["keySequence"] for c in found["columns"] if "keySequence" in c]
            assert sorted(keys) == list(range(1, len(FOUND.tables[path.stem].key) + 1))
            for place, column in enumerate(found["columns"]):
                values = [row[place] for row in found["rows"] if row[place] is not None]
                assert all(type(value) is kinds[column["dataType"]] for value in values), column["name"]
                assert all(len(value) <= column["length"] for value in values if "length" in column)
                assert ("length" in column) == (column["dataType"] == "string")

    @pytest.mark.parametrize(
        ("created", "wanted"),
        [("2024-02-29T01:02:03.5", "2024-02-29T01:02:03"), ("soon", RELEASED), (None, RELEASED)],
    )
    def test_the_time_is_that_of_the_conversion_or_else_of_the_schema(
        self, converted: Path, tmp_path: Path, created: str | None, wanted: str
    ) -> None:
        folder = Path(shutil.copytree(converted, tmp_path / "copy"))
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        (folder / "manifest.json").write_text(json.dumps({**manifest, "created": created}))
        said = dataset_json(folder, FOUND, tmp_path / "out")
        times = {
            document(tmp_path / "out", path.stem)["datasetJSONCreationDateTime"]
            for path in (tmp_path / "out").glob("*.json")
        }
        assert times == {wanted}
        assert wanted.removesuffix("T00:00:00") in said


class TestBlinding:
    def test_restricted_tables_and_their_flags_are_left_out(self, converted: Path, tmp_path: Path) -> None:
        result = run("--data", converted, "--out", tmp_path / "out")
        assert result.exit_code == 0, result.stderr
        names = {path.stem for path in (tmp_path / "out").glob("*.json")}
        assert len(RESTRICTED) == 3
        assert not names & RESTRICTED
        flags = document(tmp_path / "out", "result_flags")
        assert flags["records"] == len(flags["rows"]) > 0
        assert not [row for row in flags["rows"] if set(row) & RESTRICTED]
        assert "Left out because they reveal the arm: randomisation, unblinding, labs_restricted" in result.output
        assert "Left out because they reveal the arm" in (tmp_path / "out" / NOTES).read_text(encoding="utf-8")

    def test_unblinded_output_has_them_and_says_so(self, exported: Path) -> None:
        assert {path.stem for path in exported.glob("*.json")} >= RESTRICTED
        assert "labs_restricted" in {row[0] for row in document(exported, "result_flags")["rows"]}
        assert "This output is unblinded" in (exported / NOTES).read_text(encoding="utf-8")


class TestBadInput:
    def test_a_directory_that_was_not_converted_is_refused(self, sound_trial: Path, tmp_path: Path) -> None:
        result = run("--data", sound_trial, "--out", tmp_path / "out")
        assert result.exit_code == 2
        assert "is not a directory that `anakinra-t2d convert` wrote" in result.stderr
        assert not (tmp_path / "out").exists()

    def test_an_output_that_exists_is_kept(self, converted: Path, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        result = run("--data", converted, "--out", tmp_path / "out")
        assert result.exit_code == 2
        assert "already exists" in result.stderr

    def test_another_unit_is_refused(self, converted: Path, tmp_path: Path) -> None:
        import pyarrow.parquet as pq

        folder = Path(shutil.copytree(converted, tmp_path / "copy"))
        table = pq.read_table(folder / "vitals.parquet")
        place = table.schema.get_field_index("weight_kg")
        field = table.schema.field(place)
        pounds = field.with_metadata({**field.metadata, b"unit": b"[lb_av]"})
        pq.write_table(table.cast(table.schema.set(place, pounds)), folder / "vitals.parquet")
        result = run("--data", folder, "--out", tmp_path / "out")
        assert result.exit_code == 2
        assert "vitals.weight_kg in [lb_av]" in result.stderr

    def test_a_write_that_fails_leaves_nothing(
        self, converted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(value: object) -> str:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(module, "_json", full)
        result = run("--data", converted, "--out", tmp_path / "out")
        assert result.exit_code == 2
        assert "No space left on device" in result.stderr
        assert not list(tmp_path.iterdir())
