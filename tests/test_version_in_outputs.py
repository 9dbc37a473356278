"""Whoever holds a file that was made here can say with which version of the schema."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import anakinra_t2d as trial
from anakinra_t2d.cli.export import export
from anakinra_t2d.cli.main import main
from anakinra_t2d.conversion.outcome import Outcome

pytestmark = pytest.mark.slow
VERSION = "71.82.93"
"""A number that stands nowhere by chance."""
STATED = re.compile(re.escape(VERSION).encode())
WITHOUT = {
    # a data set of this format has a name and a label of its own; the Parquet file beside it states the version
    "adam": {".xpt"},
    # columns.txt beside the headers states it
    "csv-headers": {".csv"},
    # the schemas beside the list of what they do not hold state it
    "json-schema": {".csv"},
    # the notes beside the data sets state it
    "sdtm": {".xpt"},
}
"""Files of a format that cannot state a version without ceasing to be what they are."""


@pytest.fixture(scope="module", autouse=True)
def version() -> Iterator[str]:
    """The definitions with another version, so that one that is written down anywhere else is found out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(trial.definitions().trial.__dict__, "version", VERSION)
        yield VERSION


@pytest.fixture(scope="module")
def converted(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output of ``convert``."""
    out = tmp_path_factory.mktemp("stated") / "out"
    trial.convert(sound_trial, out=out)
    return out


@pytest.fixture(scope="module")
def derived(converted: Path) -> Path:
    """The same with what ``derive`` adds."""
    result = run("derive", converted)
    assert result.exit_code == 0, result.output
    assert VERSION in result.output
    return converted


def run(*words: object) -> Any:
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


def states(content: bytes) -> bool:
    """Whether the version stands in a file, in a file of a zip, or in the metadata of a Parquet file."""
    if content.startswith(b"PAR1"):
        metadata = pq.read_metadata(io.BytesIO(content)).metadata or {}
        return VERSION.encode() in metadata.values()
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return any(states(archive.read(name)) for name in archive.namelist())
    return STATED.search(content) is not None


def silent(folder: Path) -> list[str]:
    """Files below a folder, or the file itself, that do not state the version."""
    files = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    assert files
    return [path.name for path in files if not states(path.read_bytes())]


def written(words: list[object], folder: Path) -> Path:
    """What a command wrote, under the first name that it takes."""
    refused = ""
    for end in ("", ".xlsx", ".zip", ".sql", ".md", ".json", ".xml"):
        target = folder / f"out{end}"
        result = run(*words, "--out", target)
        if result.exit_code == 0:
            return target
        refused = result.output
    pytest.fail(f"{words[1]} takes no kind of target: {refused}")


class TestVersionStandsIn:
    def test_every_file_of_convert_and_derive(self, derived: Path) -> None:
        assert silent(derived) == []

    @pytest.mark.parametrize("layout", ["json", "sarif"])
    def test_the_answer_of_validate(self, sound_trial: Path, layout: str) -> None:
        assert VERSION in run("validate", sound_trial, "--format", layout).stdout

    def test_the_json_of_derive(self, derived: Path) -> None:
        assert f'"schema_version": "{VERSION}"' in run("derive", derived, "--format", "json").stdout

    def test_the_report(self, derived: Path, tmp_path: Path) -> None:
        assert run("report", derived, "--out", tmp_path / "report.html").exit_code == 0
        assert silent(tmp_path / "report.html") == []

    def test_the_questions_for_a_site(self, copy_of_trial: Path, tmp_path: Path) -> None:
        path = copy_of_trial / "vitals.csv"
        path.write_text(re.sub(r"(?m)(,baseline,1,)[0-9.]+", r"\g<1>999", path.read_text("utf-8"), count=1), "utf-8")
        outcome: Outcome = trial.convert(copy_of_trial, out=tmp_path / "out")
        assert outcome.errors
        assert run("report", tmp_path / "out", "--format", "xlsx", "--out", tmp_path / "questions").exit_code == 0
        assert silent(tmp_path / "questions") == []

    @pytest.mark.parametrize("name", sorted(export.commands))
    def test_every_format_of_export(self, name: str, derived: Path, tmp_path: Path) -> None:
        given = {"--data": derived, "--date": "2026-01-31"}
        needed = [one for one in export.commands[name].params if isinstance(one, click.Option) and one.required]
        data = [word for one in needed for word in (one.opts[0], given[one.opts[0]])]
        target = written(["export", name, *data], tmp_path)
        unable = WITHOUT.get(name, set())
        assert [file for file in silent(target) if Path(file).suffix not in unable] == []

    def test_the_endpoints_in_another_dialect(self, tmp_path: Path) -> None:
        target = tmp_path / "endpoints.sql"
        assert run("export", "endpoints", "--dialect", "sqlite", "--out", target).exit_code == 0
        assert silent(target) == []

    def test_the_cards_of_the_endpoints(self, tmp_path: Path) -> None:
        target = tmp_path / "cards.json"
        assert run("export", "endpoints", "--format", "json", "--out", target).exit_code == 0
        assert silent(target) == []
