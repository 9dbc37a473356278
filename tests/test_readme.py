"""What README shows works: its Python and SQL run, its commands exist, its sample of a report is real."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import duckdb
import pytest
from click.testing import CliRunner

import anakinra_t2d as trial
from anakinra_t2d.cli.main import main
from anakinra_t2d.endpoint_views import views
from anakinra_t2d.endpoint_views.dialects import script
from conftest import ROOT, change

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def desk(sound_trial: Path, derived_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with my-files/ and out/, as README speaks of them."""
    desk = tmp_path_factory.mktemp("desk")
    shutil.copytree(sound_trial, desk / "my-files")
    shutil.copytree(derived_trial, desk / "out")
    sql = script(views(trial.definitions()), "duckdb", trial.definitions())
    (desk / "anakinra-t2d-endpoints-duckdb.sql").write_text(sql)
    return desk


def test_python_blocks_run(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    names: dict[str, Any] = {}
    assert len(blocks("python")) >= 2
    for block in blocks("python"):
        exec(block, names)
    assert names["outcome"].errors == 0
    assert names["ogtt"].height > 0


def test_sql_blocks_run(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    for block in blocks("sql"):
        assert duckdb.connect().execute(block).fetchall()


def commands(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        yield command
        if isinstance(command, click.Group):
            yield from commands(command)


def test_commands_exist() -> None:
    named = set(re.findall(r"^    anakinra-t2d ([a-z]+)", README, re.MULTILINE))
    assert named == set(main.commands)
    options = set(re.findall(r"`(--[a-z-]+)", README))
    known = {
        option
        for command in commands(main)
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    assert options <= known


def test_the_sample_of_a_report_is_real(desk: Path) -> None:
    (sample,) = re.findall(r"\n    (error RNG-001 .*?\n)\n", README, re.DOTALL)
    change(desk / "my-files/vitals.csv", lambda rows: rows[5].update(weight_kg="945.5"))
    output = CliRunner().invoke(main, ["validate", str(desk / "my-files"), "--only", "RNG-001"]).output
    for line in (line.strip() for line in sample.splitlines()[1:]):
        words = [word for word in re.split(r"[^A-Za-z-]+", line) if len(word) > 3]
        assert all(word in output for word in words), line
