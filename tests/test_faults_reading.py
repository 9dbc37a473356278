"""Files that change while they are read, and files and folders with odd names, sizes and links."""

from __future__ import annotations

import csv
import json
import os
import shutil
import struct
import unicodedata
from pathlib import Path

import pytest
import xlsxwriter

import anakinra_t2d as trial
from anakinra_t2d.reading import discover, excel_probe, open_tables
from anakinra_t2d.reading.problems import UnreadableError
from anakinra_t2d.reading.watch import FileWatch
from workbook_files import change_part, write_xls


class TestChangedWhileRead:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "vitals.csv"
        path.write_text("subject_id,visit\nCH01-001,baseline\n")
        return path

    def test_an_unchanged_file_is_not_accused(self, path: Path) -> None:
        watch = FileWatch(path)
        path.read_bytes()
        assert watch.changed() is None

    def test_a_file_that_grows(self, path: Path) -> None:
        watch = FileWatch(path)
        with path.open("a") as file:
            file.write("CH01-002,baseline\n")
        assert "written to" in (watch.changed() or "")

    def test_a_file_that_is_cut(self, path: Path) -> None:
        watch = FileWatch(path)
        os.truncate(path, 5)
        assert "truncated" in (watch.changed() or "")

    def test_a_file_that_is_removed(self, path: Path) -> None:
        watch = FileWatch(path)
        path.unlink()
        assert "removed" in (watch.changed() or "")

    def test_a_file_that_is_replaced_by_one_of_the_same_size_and_time(self, path: Path) -> None:
        watch, before = FileWatch(path), path.stat()
        other = path.with_name("other")
        other.write_bytes(path.read_bytes()[::-1])
        os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
        other.replace(path)
        assert "written again" in (watch.changed() or "")

    @pytest.mark.skipif(os.name == "nt", reason="there is no time of the last change of any kind")
    def test_a_file_that_is_written_in_place_and_given_its_old_time(self, path: Path) -> None:
        watch, before = FileWatch(path), path.stat()
        with path.open("r+b") as file:
            file.write(b"SUBJECT")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size and path.stat().st_mtime_ns == before.st_mtime_ns
        assert "written again" in (watch.changed() or "")

    def test_a_conversion_says_so_and_keeps_no_mix(
        self, copy_of_trial: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Spoiling(FileWatch):
            def __init__(self, path: Path) -> None:
                super().__init__(path)
                if path.name == "vitals.csv":
                    path.write_bytes(path.read_bytes() + b"\n")

        monkeypatch.setattr("anakinra_t2d.reading.cells.FileWatch", Spoiling)
        outcome = trial.convert(copy_of_trial, out=tmp_path / "out")
        said = [finding for finding in outcome.findings if finding.location.file == "vitals.csv"]
        assert [finding.code for finding in said if finding.severity == "error"] == ["FILE-002"]
        assert not (tmp_path / "out/vitals.parquet").exists()


class TestFarCells:
    """A cell far outside the table: the library would take the memory of all cells up to it."""

    @pytest.mark.parametrize(
        "cell",
        [
            b'<row spans="1:1" r="1048576"><c s="0" r="XFD1048576"><v>1</v></c></row>',
            b'<row r="2"><c r="XFD1048576"><v>1</v></c></row>',
            b"<row\nr='1048576'><c\nr='XFD1048576'><v>1</v></c></row>",
            b'<row r="2"><c r="xfd1048576"><v>1</v></c></row>',
        ],
    )
    def test_xlsx_however_it_is_written(self, cell: bytes, tmp_path: Path) -> None:
        book = xlsxwriter.Workbook(tmp_path / "vitals.xlsx")
        book.add_worksheet("vitals").write(0, 0, "subject_id")
        book.close()
        change_part(
            tmp_path / "vitals.xlsx",
            "xl/worksheets/sheet1.xml",
            lambda content: content.replace(b"</sheetData>", cell + b"</sheetData>"),
        )
        assert "cells are the limit" in problem(tmp_path / "vitals.xlsx", tmp_path)

    def test_xls(self, tmp_path: Path) -> None:
        path = tmp_path / "vitals.xls"
        write_xls(path, [["a", "b"], [1.0, 2.0]])
        near, far = struct.pack("<3Hd", 1, 1, 0, 2.0), struct.pack("<3Hd", 65535, 65535, 0, 2.0)
        content = path.read_bytes()
        assert content.count(near) == 1
        path.write_bytes(content.replace(near, far))
        assert "far outside the table" in problem(path, tmp_path)

    def test_a_workbook_that_takes_too_long(self, tmp_path: Path) -> None:
        path = tmp_path / "vitals.xls"
        write_xls(path, [["a"], [1.0]])
        excel_probe.require_loadable(path)
        with pytest.raises(UnreadableError, match="could not be read within"):
            excel_probe.require_loadable(path, seconds=0.0001)


def problem(path: Path, scratch: Path) -> str:
    (table,) = open_tables(discover([path], ["vitals"], scratch).files[0])
    (only,) = table.problems
    return only.details["problem"]


class TestNamesAndFolders:
    def test_links_that_lead_in_circles(self, copy_of_trial: Path) -> None:
        (copy_of_trial / "self").symlink_to(copy_of_trial)
        (copy_of_trial / "endless").symlink_to(copy_of_trial / "endless")
        assert trial.validate(copy_of_trial).errors == 0

    def test_a_deep_folder(self, sound_trial: Path, tmp_path: Path) -> None:
        folder = tmp_path.joinpath(*["f" * 20] * 40)
        folder.mkdir(parents=True)
        shutil.copytree(sound_trial, folder / "sent")
        outcome = trial.convert(folder / "sent", out=folder / "out")
        assert outcome.errors == 0
        assert trial.read(folder / "out")["vitals"].height > 0

    @pytest.mark.parametrize("name", ["con", "aux.d", "a\\b", unicodedata.normalize("NFD", "Größe"), "x" * 200, " a"])
    def test_names_of_outputs_and_inputs(self, name: str, sound_trial: Path, tmp_path: Path) -> None:
        (tmp_path / "vitals.csv").write_bytes((sound_trial / "vitals.csv").read_bytes())
        (tmp_path / name).mkdir()
        shutil.copy(tmp_path / "vitals.csv", tmp_path / name)
        trial.convert(tmp_path / name / "vitals.csv", out=tmp_path / name / name)
        assert (tmp_path / name / name / "vitals.parquet").exists()

    def test_names_that_differ_in_case_alone(self, copy_of_trial: Path) -> None:
        shutil.copy(copy_of_trial / "vitals.csv", copy_of_trial / "VITALS.csv")
        if len(list(copy_of_trial.glob("[vV]*.csv"))) < 3:
            pytest.skip("the file system knows no case")
        outcome = trial.validate(copy_of_trial)
        assert [finding.location.file for finding in outcome.findings] == ["VITALS.csv"]

    @pytest.mark.parametrize(
        "path", ["C:\\data\\vitals.csv", "//server/share/vitals.csv", "sub\\vitals.csv", "../v.csv"]
    )
    def test_paths_of_a_package(self, path: str, tmp_path: Path) -> None:
        package = {"resources": [{"name": "vitals", "path": path}]}
        (tmp_path / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
        outcome = trial.validate(tmp_path / "datapackage.json")
        assert "FILE-002" in {finding.code for finding in outcome.findings}

    def test_ten_thousand_columns(self, sound_trial: Path, tmp_path: Path) -> None:
        with (sound_trial / "vitals.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        with (tmp_path / "vitals.csv").open("w", encoding="utf-8", newline="") as file:
            for place, row in enumerate(rows[:20]):
                csv.writer(file).writerow([*row, *(f"x{n}" if place == 0 else n for n in range(10_000))])
        outcome = trial.convert(tmp_path / "vitals.csv", out=tmp_path / "out")
        assert outcome.errors >= 10_000
        assert trial.read(tmp_path / "out")["vitals"].height == 19
        assert (tmp_path / "out/report.txt").stat().st_size < 20_000
