"""A release: what each view holds, that it is whole and the same every time, and what is refused."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

import anakinra_t2d as trial
from anakinra_t2d.cli.release import release as command
from anakinra_t2d.reading import InputError
from anakinra_t2d.releases.csv_tables import protect, spelled
from anakinra_t2d.releases.run import release
from anakinra_t2d.releases.view import ReleaseView
from anakinra_t2d.releases.workbook import ColumnWords, write_workbook
from anakinra_t2d.schema.blinding import blinding
from anakinra_t2d.schema.release import release_file, release_problems
from anakinra_t2d.schema.yaml_source import SchemaError
from anakinra_t2d.write.whole_directory import OutputError
from conftest import ROOT, change
from release_data import (
    VIEWS,
    document,
    is_root,
    key_file,
    short_scripts,
    table,
    tables,
    unpacked,
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


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(one) for one in arguments])


class TestFiles:
    def test_what_is_in_it(self, folders: dict[str, Path]) -> None:
        top = {path.name for path in folders["blinded"].iterdir()}
        assert top == set(
            "CITATION.cff LICENSE README.md checksums.sha256 codebook.html codebook.md croissant.json csv data "
            "datapackage.json endpoints manifest.json report ro-crate-metadata.json tables.xlsx".split()
        )
        names = {path.name for path in (folders["blinded"] / "endpoints").iterdir()}
        assert names == {
            "endpoints.json",
            "endpoints.schema.json",
            *(f"endpoints-{dialect}.sql" for dialect in ("duckdb", "postgres", "spark", "sqlite")),
        }

    def test_every_file_has_its_hash(self, folders: dict[str, Path]) -> None:
        for folder in folders.values():
            lines = (folder / "checksums.sha256").read_text(encoding="utf-8").splitlines()
            listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
            there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
            assert set(listed) == set(there) - {"checksums.sha256"}
            for name, digest in listed.items():
                assert hashlib.sha256(there[name].read_bytes()).hexdigest() == digest

    def test_the_manifest_says_nothing_of_the_files_it_was_made_from(
        self, source: Path, folders: dict[str, Path]
    ) -> None:
        origin = document(source, "manifest.json")
        for view, folder in folders.items():
            text = (folder / "manifest.json").read_text(encoding="utf-8")
            manifest = json.loads(text)
            assert manifest["view"] == view
            assert manifest["schema_version"] == FOUND.trial.version
            assert manifest["schema_fingerprint"] == FOUND.fingerprint
            own = {one["sha256"] for one in manifest["files"].values()}
            for one in origin["tables"].values():
                # a table that nothing was done to is the file that was sent
                assert one["source"]["sha256"] in own or one["source"]["sha256"] not in text
                assert f'"{one["source"]["file"]}"' not in text

    def test_the_version_is_in_every_document(self, folders: dict[str, Path]) -> None:
        folder, version = folders["blinded"], FOUND.trial.version
        assert document(folder)["version"] == version
        assert yaml.safe_load((folder / "CITATION.cff").read_text())["version"] == version
        for name in ("README.md", "codebook.md", "codebook.html", "report/report.html"):
            assert version in (folder / name).read_text(encoding="utf-8")
        for path in (folder / "data").glob("*.parquet"):
            metadata = pq.read_schema(path).metadata or {}
            assert metadata.get(b"schema_version", version.encode()) == version.encode()

    def test_csv_and_parquet_hold_the_same(self, folders: dict[str, Path]) -> None:
        for resource in document(folders["full"])["resources"]:
            if resource["role"] != "report":
                frame = table(folders["full"], resource["name"])
                with (folders["full"] / resource["path"]).open(encoding="utf-8", newline="") as file:
                    rows = list(csv.DictReader(file))
                assert len(rows) == frame.height
                for name, kind in frame.schema.items():
                    if kind.is_numeric():
                        cells = [float(row[name]) if row[name] else None for row in rows]
                        assert cells == frame[name].cast(pl.Float64).to_list()

    def test_a_record_of_each_view_is_one_of_the_data(self, source: Path, folders: dict[str, Path]) -> None:
        for folder in folders.values():
            for name in tables(folder) & set(FOUND.tables):
                origin = pl.read_parquet(source / f"{name}.parquet")
                kept = table(folder, name)
                assert kept.height <= origin.height
                assert set(kept.columns) <= set(origin.columns)

    def test_equal_input_gives_equal_bytes(self, source: Path, archives: dict[str, Path], tmp_path: Path) -> None:
        copy = tmp_path / "elsewhere"
        shutil.copytree(source, copy)
        release(copy, tmp_path / "again.zip")
        assert (tmp_path / "again.zip").read_bytes() == archives["blinded"].read_bytes()

    def test_the_archive_has_no_clock_and_plain_permissions(self, archives: dict[str, Path]) -> None:
        with zipfile.ZipFile(archives["full"]) as archive:
            entries = archive.infolist()
        assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in entries} == {0o100644}

    def test_a_licence_is_told_everywhere_or_nowhere(
        self, source: Path, folders: dict[str, Path], tmp_path: Path
    ) -> None:
        release(source, tmp_path / "r.zip", view="safety", licence="agreement")
        closed = unpacked(tmp_path / "r.zip", tmp_path / "r")
        for folder, licence, is_open in ((folders["safety"], "CC0-1.0", True), (closed, "agreement", False)):
            named = [one["name"] for one in document(folder).get("licenses", [])]
            assert named == ([licence] if is_open else [])
            assert ("license" in yaml.safe_load((folder / "CITATION.cff").read_text())) is is_open
            assert release_file(FOUND.root).licences[licence].title in (folder / "LICENSE").read_text()


class TestErrors:
    @pytest.fixture
    def wrong(self, copy_of_trial: Path, tmp_path: Path) -> Path:
        change(copy_of_trial / "vitals.csv", lambda rows: rows[0].update(weight_kg="945.5"))
        trial.convert(copy_of_trial, out=tmp_path / "wrong")
        return tmp_path / "wrong"

    def test_open_errors_are_refused(self, wrong: Path, tmp_path: Path) -> None:
        result = run(wrong, "--out", tmp_path / "r.zip")
        assert result.exit_code == 2
        assert "open error" in result.output
        assert "--with-errors" in result.output
        assert not (tmp_path / "r.zip").exists()

    def test_with_errors_marks_the_release_everywhere(self, wrong: Path, tmp_path: Path) -> None:
        result = run(wrong, "--out", tmp_path / "r.zip", "--with-errors")
        assert result.exit_code == 0, result.output
        folder = unpacked(tmp_path / "r.zip", tmp_path / "r")
        name = f"{FOUND.trial.name}-blinded-with-errors"
        assert document(folder)["name"] == name
        assert document(folder)["withErrors"] is True
        manifest = document(folder, "manifest.json")
        assert (manifest["name"], manifest["with_errors"]) == (name, True)
        assert "open errors" in (folder / "README.md").read_text(encoding="utf-8")
        codes = [row["code"] for row in csv.DictReader((folder / "report/findings.csv").open(encoding="utf-8"))]
        assert "RNG-001" in codes


class TestRefused:
    def refused(self, *arguments: str | Path, words: str) -> None:
        result = run(*arguments)
        assert result.exit_code == 2, result.output
        assert words in " ".join(result.output.split())
        assert "Traceback" not in result.output

    def test_what_is_no_output_of_convert(self, sound_trial: Path, tmp_path: Path) -> None:
        out = tmp_path / "r.zip"
        self.refused(tmp_path / "nothing", "--out", out, words="There is no directory")
        self.refused(sound_trial, "--out", out, words="is no output of convert")
        (tmp_path / "plain").mkdir()
        pl.DataFrame({"subject_id": ["CH01-001"]}).write_parquet(tmp_path / "plain/subjects.parquet")
        self.refused(tmp_path / "plain", "--out", out, words="never checked")
        (tmp_path / "plain/manifest.json").write_text("[]")
        self.refused(tmp_path / "plain", "--out", out, words="is not what")
        assert not out.exists()

    @pytest.mark.parametrize("name", ["vitals.parquet", "findings.json", "datapackage.json", "checks.parquet"])
    def test_a_changed_file(self, source: Path, tmp_path: Path, name: str) -> None:
        shutil.copytree(source, tmp_path / "copy")
        with (tmp_path / "copy" / name).open("ab") as file:
            file.write(b" ")
        self.refused(tmp_path / "copy", "--out", tmp_path / "r.zip", words="was changed after it was written")

    def test_a_missing_file(self, source: Path, tmp_path: Path) -> None:
        shutil.copytree(source, tmp_path / "copy")
        (tmp_path / "copy/labs.parquet").unlink()
        self.refused(tmp_path / "copy", "--out", tmp_path / "r.zip", words="is missing")

    def test_another_state_of_the_definitions(self, source: Path, tmp_path: Path) -> None:
        shutil.copytree(source, tmp_path / "copy")
        manifest = document(tmp_path / "copy", "manifest.json") | {"schema_fingerprint": "0" * 64}
        (tmp_path / "copy/manifest.json").write_text(json.dumps(manifest))
        self.refused(tmp_path / "copy", "--out", tmp_path / "r.zip", words="convert` on the submission again")

    def test_places_that_cannot_be_written(self, source: Path, tmp_path: Path) -> None:
        (tmp_path / "there.zip").write_text("mine")
        self.refused(source, "--out", tmp_path / "there.zip", words="already exists")
        assert (tmp_path / "there.zip").read_text() == "mine"
        self.refused(source, "--out", tmp_path / "r.tar", words="must end in .zip")
        self.refused(source, "--out", tmp_path / "none/r.zip", words="There is no folder")
        self.refused(source, "--out", source / "r.zip", words="inside the converted directory")

    @pytest.mark.skipif(is_root(), reason="permissions do not count for root")
    def test_a_folder_that_may_only_be_read(self, source: Path, tmp_path: Path) -> None:
        (tmp_path / "closed").mkdir(mode=0o500)
        self.refused(source, "--out", tmp_path / "closed/r.zip", words="cannot be written")

    def test_options_that_do_not_fit(self, source: Path, tmp_path: Path) -> None:
        out = tmp_path / "r.zip"
        self.refused(source, "--out", out, "--key-file", key_file(tmp_path), words="only used with --deidentify")
        self.refused(source, "--out", out, "--dates", "shifted", words="only used with --deidentify")
        self.refused(source, "--out", out, "--threshold", "5", words="only used with --deidentify")
        self.refused(source, "--out", out, "--deidentify", words="needs --key-file")
        self.refused(source, "--out", out, "--view", "open", words="'open' is not one of")
        self.refused(source, "--out", out, "--licence", "MIT", words="There is no licence MIT; choose one of CC0-1.0")
        self.refused("--out", out, words="Name the converted directory")
        self.refused(source, words="Name the converted directory")
        with pytest.raises(InputError, match="There is no view open"):
            release(source, out, view="open")  # type: ignore[arg-type]

    def test_keys_that_protect_nothing(self, source: Path, tmp_path: Path) -> None:
        out = tmp_path / "r.zip"
        self.refused(source, "--out", out, "--deidentify", "--key-file", tmp_path / "none", words="key")
        (tmp_path / "weak").write_text("password")
        (tmp_path / "weak").chmod(0o600)
        self.refused(source, "--out", out, "--deidentify", "--key-file", tmp_path / "weak", words="key")
        assert not out.exists()

    def test_nothing_is_left_of_what_was_refused(self, source: Path, tmp_path: Path) -> None:
        (tmp_path / "place").mkdir()
        with pytest.raises(InputError):
            release(source, tmp_path / "place/r.zip", licence="none")
        assert list((tmp_path / "place").iterdir()) == []


class TestWholeOrNothing:
    @pytest.mark.skipif(sys.platform == "win32", reason="limits of files are those of POSIX")
    @pytest.mark.parametrize("full_at", ["a table", "a document", "the archive"])
    def test_a_full_disk_is_a_sentence_and_leaves_nothing(
        self, source: Path, archives: dict[str, Path], tmp_path: Path, full_at: str
    ) -> None:
        whole = archives["safety"].stat().st_size
        limit = {"a table": 2_000, "a document": 200_000, "the archive": whole - 500}[full_at]
        (tmp_path / "place").mkdir()
        # a file may have so many bytes: writing fails as it does on a full disk, at one step or another
        program = textwrap.dedent(
            f"""
            import resource, signal, sys
            from anakinra_t2d.cli.release import release
            from anakinra_t2d.releases import endpoint_files
            endpoint_files.script = lambda views, dialect, shown, readings: dialect
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
            release([{str(source)!r}, "--out", {str(tmp_path / "place/r.zip")!r}, "--view", "safety"])
            """
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 2, done.stderr
        assert "cannot be written, and nothing was" in done.stderr
        assert "Traceback" not in done.stderr
        assert list((tmp_path / "place").iterdir()) == []

    def test_a_file_that_appears_meanwhile_is_left_alone(self, source: Path, tmp_path: Path) -> None:
        def appear(text: str, part: float) -> None:
            if "archive" in text:
                (tmp_path / "r.zip").write_text("another one")

        with pytest.raises(OutputError, match="appeared while"):
            release(source, tmp_path / "r.zip", view="safety", progress=appear)
        assert (tmp_path / "r.zip").read_text() == "another one"
        assert [path.name for path in tmp_path.iterdir()] == ["r.zip"]


TEXT = st.text(st.sampled_from("=+-@'\t\r 1.eE,\"a"), max_size=6)


class TestSpreadsheets:
    @given(st.lists(TEXT, min_size=1, max_size=20))
    def test_a_text_never_begins_a_formula_and_comes_back(self, texts: list[str]) -> None:
        frame, changed = protect(pl.DataFrame({"text": texts}))
        shown = frame["text"].to_list()
        assert [spelled(text) for text in texts] == shown
        assert changed == sum(one != other for one, other in zip(texts, shown, strict=True))
        for text, cell in zip(texts, shown, strict=True):
            if cell[:1] in ("=", "@", "\t", "\r") and cell:
                raise AssertionError(cell)
            if cell[:1] in ("+", "-") and cell not in ("+", "-"):
                float(cell)
            stripped = cell.lstrip("'")
            back = cell[1:] if cell.startswith("'") and stripped[:1] in tuple("=+-@\t\r") and stripped else cell
            assert back == text

    def test_the_workbook_has_texts_numbers_dates_and_units(self, tmp_path: Path) -> None:
        import openpyxl

        frame = pl.DataFrame(
            {"t": ["=1+1", "http://x", "007"], "n": [1.5, None, -2.0], "d": ["2004-03-01", None, "1850-01-01"]}
        ).with_columns(pl.col("d").str.to_date())
        frame.write_parquet(tmp_path / "t.parquet")
        words = [ColumnWords("one", "n", "A number", "number", "mmol/L", "", "Words")]
        for name in ("a.xlsx", "b.xlsx"):
            write_workbook(tmp_path / name, "Title", {"one": tmp_path / "t.parquet"}, words, tmp_path)
        assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
        book = openpyxl.load_workbook(tmp_path / "a.xlsx")
        sheet = book["one"]
        assert [cell.data_type for cell in sheet["A"][1:]] == ["s", "s", "s"]
        assert [cell.value for cell in sheet["A"][1:]] == ["=1+1", "http://x", "007"]
        assert [cell.value for cell in sheet["B"][1:]] == [1.5, None, -2]
        assert str(sheet["C"][1].value) == "2004-03-01 00:00:00"
        assert sheet["C"][3].value == "1850-01-01"
        assert "mmol/L" in sheet["B1"].comment.text
        assert [cell.value for cell in book["columns"][2]][:5] == ["one", "n", "A number", "number", "mmol/L"]

    def test_a_table_with_more_rows_than_a_sheet_is_named(self, tmp_path: Path) -> None:
        pl.DataFrame({"n": range(1_048_576)}).write_parquet(tmp_path / "t.parquet")
        assert write_workbook(tmp_path / "a.xlsx", "", {"long": tmp_path / "t.parquet"}, [], tmp_path) == ["long"]


class TestDefinitions:
    def test_every_code_that_reveals_the_arm_is_dealt_with(self) -> None:
        file = release_file(FOUND.root)
        assert release_problems(FOUND, file) == []
        blinded = {(one.table, one.field) for one in file.revealing_records if "blinded" in one.views}
        assert blinded == {(one.table, one.field) for one in blinding(FOUND.root).blinded_codes}

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ("what: lineage", "what: lineages", "views.blinded"),
            ("passes: nothing", "passes: all", "passes"),
            ("leaves: record", "leaves: recrod", "leaves"),
            ("      - vitals\n", "      - vital\n", "there is no table vital"),
            ("example_tables: [vitals", "example_tables: [vital", "there is no table vital"),
            ("field: isr_present", "field: isr", "there is no field adverse_events.isr"),
            ("becomes: other", "becomes: others", "others is no code"),
            ("field: dv_seq", "field: subject_id", "no whole number at the end of a key"),
        ],
    )
    def test_a_mistake_is_named_with_its_line(self, tmp_path: Path, old: str, new: str, words: str) -> None:
        shutil.copytree(ROOT / "schema", tmp_path / "schema")
        path = tmp_path / "schema/release.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(SchemaError, match=words) as raised:
            _ = ReleaseView("blinded", replace(FOUND, root=tmp_path)).file
        assert "schema/release.yaml:" in str(raised.value)
