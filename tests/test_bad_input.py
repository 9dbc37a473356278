"""Bad input of any kind gives a finding or one clear sentence, with exit status 1 or 2, never a traceback."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import anakinra_t2d as trial
from anakinra_t2d.cli.main import main
from conftest import read_rows, write_rows


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def found(*arguments: object) -> list[dict[str, Any]]:
    result = run("validate", "--format", "json", *arguments)
    assert result.exit_code in (0, 1), result.output
    findings: list[dict[str, Any]] = json.loads(result.stdout)["findings"]
    return findings


def text_edit(old: str, new: str) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(old.encode(), new.encode(), 1)


def edit_cell(column: str, value: str) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        rows = read_rows(path)
        rows[2][column] = value
        write_rows(path, rows)

    return edit


FILES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda data: b"", "FILE-001"),
    "only a header": (lambda data: data.split(b"\n")[0] + b"\n", "FILE-003"),
    "a missing column": (text_edit("weight_kg", "Weight"), "HEAD-001"),
    "an unknown column": (text_edit("weight_kg", "Weight"), "HEAD-003"),
    "a doubled column": (text_edit("height_cm", "weight_kg"), "HEAD-004"),
    "too few cells": (lambda data: data + b"DK01-001,baseline\n", "ROW-001"),
    "too many cells": (lambda data: data + b"a,b" + b",1" * 40 + b"\n", "ROW-001"),
    "a broken quote": (lambda data: data + b'"DK01-001,baseline,1\n', "ROW-002"),
    "a blank line": (lambda data: data + b"\n" + data.split(b"\n")[1] + b"\n", "ROW-003"),
    "NUL bytes": (text_edit("baseline", "base\x00line"), "CELL-007"),
    "another encoding": (lambda data: data.replace(b"baseline", "bås".encode("latin-1"), 1), "FILE-007"),
    "a web page": (lambda data: b"<html>" + data, "FILE-002"),
}


@pytest.mark.parametrize("case", FILES, ids=str)
def test_a_damaged_file_is_a_finding(copy_of_trial: Path, case: str) -> None:
    damage, code = FILES[case]
    path = copy_of_trial / "vitals.csv"
    path.write_bytes(damage(path.read_bytes()))
    findings = found(path)
    named = [finding for finding in findings if finding["code"] == code]
    assert named, sorted({finding["code"] for finding in findings})
    assert all(finding["location"]["file"] == "vitals.csv" for finding in named)
    assert all(finding["expected"] and finding["message"] and finding["hint"] for finding in findings)
    assert not [finding for finding in findings if "{" in finding["message"] + finding["expected"]]


@pytest.mark.parametrize("damage", [lambda data: data.decode().encode("utf-16"), lambda data: data.replace(b",", b";")])
def test_another_dialect_is_read_without_a_finding(copy_of_trial: Path, damage: Callable[[bytes], bytes]) -> None:
    path = copy_of_trial / "vitals.csv"
    before = found(path)
    path.write_bytes(damage(path.read_bytes()))
    assert found(path) == before


@pytest.mark.parametrize(
    ("value", "status"), [("<0.3", "below_limit"), ("n.d.", "not_done"), ("-", "no_result"), ("HI", "above_range")]
)
def test_a_result_that_is_no_number_becomes_a_flag(
    copy_of_trial: Path, tmp_path: Path, value: str, status: str
) -> None:
    edit_cell("weight_kg", value)(copy_of_trial / "vitals.csv")
    outcome = trial.convert(copy_of_trial / "vitals.csv", out=tmp_path / "out")
    assert [f for f in outcome.findings if f.code.startswith("CELL")] == []
    flags = trial.read(tmp_path / "out")["result_flags"].filter(field="weight_kg", value_raw=value)
    assert flags["result_status"].to_list() == [status]


CELLS = [
    ("weight_kg", "1e400", "CELL-001"),
    ("weight_kg", "NaN", "CELL-001"),
    ("weight_kg", "inf", "CELL-001"),
    ("weight_kg", "\uff11\uff12", "CELL-001"),
    ("weight_kg", "95,5", "CELL-001"),
    ("weight_kg", "1'256", "CELL-001"),
    ("weight_kg", "< much", "CELL-001"),
    ("weight_kg", "80 ", "CELL-006"),
    ("visit_seq", "1.0", "CELL-002"),
    ("visit", "Baseline", "LIST-001"),
    ("visit", "baseline ", "CELL-006"),
    ("weight_kg", "", "REQ-003"),
    ("subject_id", "", "KEY-002"),
]


@pytest.mark.parametrize(("column", "value", "code"), CELLS)
def test_a_damaged_cell_is_a_finding_with_its_place(copy_of_trial: Path, column: str, value: str, code: str) -> None:
    path = copy_of_trial / "vitals.csv"
    edit_cell(column, value)(path)
    named = [finding for finding in found(path) if finding["code"] == code and finding["field"] == column]
    assert named
    assert named[0]["location"] == {"file": "vitals.csv", "sheet": None, "row": 4, "column": column}


@pytest.mark.parametrize("value", ["2004-02-30", "31/12/04", "2004-2-9", "20040229", "2004-02-29T10:00", "38000"])
def test_a_damaged_date_is_a_finding(copy_of_trial: Path, value: str) -> None:
    path = copy_of_trial / "visits.csv"
    edit_cell("visit_date", value)(path)
    assert [f for f in found(path) if f["code"] == "CELL-003" and f["location"]["row"] == 4]


def test_a_byte_order_mark_is_no_problem(copy_of_trial: Path) -> None:
    path = copy_of_trial / "vitals.csv"
    before = found(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert found(path) == before


def test_windows_line_ends_are_no_problem(copy_of_trial: Path) -> None:
    path = copy_of_trial / "vitals.csv"
    before = found(path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert found(path) == before


def test_a_truncated_parquet_is_a_finding(copy_of_trial: Path, tmp_path: Path) -> None:
    run("convert", copy_of_trial / "vitals.csv", "--out", tmp_path / "out")
    whole = (tmp_path / "out/vitals.parquet").read_bytes()
    (tmp_path / "vitals.parquet").write_bytes(whole[: len(whole) // 2])
    assert "FILE-002" in {finding["code"] for finding in found(tmp_path / "vitals.parquet")}


def test_a_misspelled_file_name_is_a_finding(copy_of_trial: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sent"
    folder.mkdir()
    (copy_of_trial / "vitals.csv").rename(folder / "vital.csv")
    (copy_of_trial / "eye_exam.csv").rename(folder / "eye_exam.csv")
    assert "FILE-006" in {finding["code"] for finding in found(folder)}


def test_a_table_sent_twice_is_a_finding(copy_of_trial: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sent"
    folder.mkdir()
    (copy_of_trial / "vitals.csv").rename(folder / "vitals.csv")
    run("convert", folder, "--out", tmp_path / "out")
    (folder / "vitals.parquet").write_bytes((tmp_path / "out/vitals.parquet").read_bytes())
    assert "FILE-004" in {finding["code"] for finding in found(folder)}


@pytest.mark.parametrize("command", [["validate"], ["convert", "--out", "out"]])
def test_nothing_to_read_is_exit_status_2(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/thesis.docx").write_text("x")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 not a zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as file:
        file.writestr("readme.txt", "x")
    (tmp_path / "datapackage.json").write_text("{")
    for path in ("missing", "empty", "notes", "broken.zip", "other.zip", "datapackage.json"):
        result = run(*command[:1], tmp_path / path, *([] if len(command) == 1 else ["--out", tmp_path / "out"]))
        assert result.exit_code == 2, (path, result.output)
        assert len(result.stderr.strip().splitlines()) == 1, result.stderr
        assert path in result.stderr
    assert not (tmp_path / "out").exists()


def test_output_over_something_else_is_refused(copy_of_trial: Path) -> None:
    result = run("convert", copy_of_trial, "--out", copy_of_trial)
    assert result.exit_code == 2
    assert "name an empty or new directory" in result.stderr
    assert (copy_of_trial / "vitals.csv").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="resource limits are POSIX")
def test_a_full_disk_is_a_sentence_and_leaves_the_old_output(copy_of_trial: Path, tmp_path: Path) -> None:
    run("convert", copy_of_trial, "--out", tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    limit = 3_000  # bytes a file may have: writing fails as it does on a full disk

    def limited() -> None:
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run(
        [sys.executable, "-m", "anakinra_t2d", "convert", copy_of_trial, "--out", tmp_path / "out"],
        capture_output=True,
        check=False,
        text=True,
        preexec_fn=limited,
        env=os.environ,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "This should not have happened" not in done.stderr, done.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".out")) == []


def test_no_value_of_an_identifying_field_is_printed(copy_of_trial: Path) -> None:
    edits = {
        "subjects.csv": ("birth_date", "1948-05-17"),
        "medications.csv": ("med_name", "metformin, CPR 170548-1234"),
        "vitals.csv": ("subject_id", "170548-1234"),
    }
    paths = [copy_of_trial / name for name in edits]
    for path, (column, value) in zip(paths, edits.values(), strict=True):
        edit_cell(column, value)(path)
    for layout in ("text", "json", "github"):
        output = run("validate", *paths, "--format", layout, "--all").output
        assert "1948-05-17" not in output
        assert "170548" not in output
    named = {(finding["table"], finding["field"]) for finding in found(*paths) if finding["code"].startswith("PRIV")}
    assert named == {("subjects", "birth_date"), ("medications", "med_name")}


def test_hidden_values(copy_of_trial: Path) -> None:
    edit_cell("weight_kg", "945.25")(copy_of_trial / "vitals.csv")
    subject = read_rows(copy_of_trial / "vitals.csv")[2]["subject_id"]
    output = run("validate", copy_of_trial / "vitals.csv", "--no-values").output
    assert "RNG-001" in output
    assert "945" not in output
    assert subject not in output


def test_a_wrong_command_is_exit_status_2(copy_of_trial: Path) -> None:
    for arguments in (
        ["validate"],
        ["convert", copy_of_trial],
        ["validat"],
        ["validate", copy_of_trial, "--only", "XX"],
    ):
        assert run(*arguments).exit_code == 2, arguments


def test_an_earlier_output_beside_the_input_is_not_read_again(copy_of_trial: Path) -> None:
    folder = copy_of_trial.parent / "sent"
    folder.mkdir()
    (copy_of_trial / "vitals.csv").rename(folder / "vitals.csv")
    first = run("convert", folder, "--out", folder / "out", "--format", "json")
    again = run("convert", folder, "--out", folder / "out", "--format", "json")
    assert again.stdout == first.stdout


def test_a_terminal_without_the_letters_still_gets_the_report(copy_of_trial: Path) -> None:
    path = copy_of_trial / "vitals.csv"
    edit_cell("visit", "bås\u2003µ")(path)
    done = subprocess.run(
        [sys.executable, "-m", "anakinra_t2d", "validate", path],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 1
    assert b"LIST-001" in done.stdout
    assert done.stderr == b""
