"""No command uses a network: each runs in a process whose network is shut, and none so much as tries to open it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import anakinra_t2d as trial
from anakinra_t2d.cli.main import main
from conftest import ROOT, change, made_once
from review_data import small_trial

GUARD = Path(__file__).with_name("no_network")

# Command lines and their exit status, in an order in which each finds what it reads.
COMMANDS = {
    "simulate --out sent --patients 16 --seed 7": 0,
    "simulate --out sdtm --patients 16 --seed 7 --layout sdtm": 0,
    "validate sent --blinded --only RNG-001 --format json": 0,
    "validate denmark --only RNG-001 --format sarif": 0,
    "convert sent --out out": 0,
    "convert small --out small-out": 0,
    "convert faulty --out faulty-out": 1,
    "convert zurich --profile zurich/profile.yaml --out zurich-out": 0,
    "derive out": 0,
    "profile denmark --out drafted.yaml": 0,
    "report out --out report.html --unblinded": 0,
    "report faulty-out --format xlsx --out queries": 0,
    "accept queries/queries-CH01.xlsx --findings faulty-out --out accepted.yaml": 0,
    "validate faulty --since small-out --format github": 1,
    "compare small-out faulty-out": 1,
    "explain RNG-001": 0,
    "export adam --data out --out adam": 0,
    "export codebook --out codebook.md": 0,
    "export croissant --data out --out croissant.json": 0,
    "export csv-headers --out headers": 0,
    "export dataset-json --data out --out dataset-json": 0,
    "export define-xml --standard sdtm --out define.xml": 0,
    "export endpoints --dialect duckdb --out endpoints.sql": 0,
    "export json-schema --out json-schema.zip": 0,
    "export redcap --out redcap.zip": 0,
    "export ro-crate --data out --date 2024-01-01 --out crate": 0,
    "export sdtm --data out --out sdtm-again": 0,
    "export sql-ddl --out tables.sql": 0,
    "export template-xlsx --out template.xlsx": 0,
    "release --new-key secret.key": 0,
    "release out --out released.zip": 0,
    "release out --deidentify --key-file secret.key --out deidentified.zip": 0,
    "hook data sent/labs.csv": 0,
    "hook schema": 1,
    "hook no-restricted report.html": 0,
    "schema check": 0,
    "schema diff installed": 0,
}


def guarded(*words: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a Python whose network is shut; the file attempts.txt of ``cwd`` appears when it tries one."""
    own = {"PYTHONPATH": str(GUARD), "NETWORK_ATTEMPTS": str(cwd / "attempts.txt"), **variables}
    environment = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")} | own
    command = [*without_network(), sys.executable, *map(str, words)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def without_network() -> list[str]:
    """What starts a program in a network of its own that has nothing in it, where the kernel allows that."""
    command = ["unshare", "--map-root-user", "--net"]
    try:
        allowed = subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        allowed = False
    return command if allowed else []


@pytest.fixture(scope="module")
def desk(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands were run; results.txt holds a line for each: the words, the exit status, the seconds."""

    def make(desk: Path) -> None:
        (desk / "home").mkdir(parents=True)
        for site in ("denmark", "zurich"):
            shutil.copytree(ROOT / "examples" / site, desk / site)
        small_trial(sound_trial, desk / "small")
        small_trial(sound_trial, desk / "faulty")
        change(desk / "faulty/vitals.csv", lambda rows: rows[5].update(weight_kg="945.5"))
        (desk / "lines.json").write_text(json.dumps(list(COMMANDS)), encoding="utf-8")
        done = guarded(GUARD / "run_commands.py", "lines.json", "results.txt", cwd=desk, HOME=str(desk / "home"))
        (desk / "output.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
        assert done.returncode == 0, (
            f"ended with {done.returncode} after\n{(desk / 'results.txt').read_text()}\n{done.stderr}"
        )

    return made_once(tmp_path_factory, "shut", make)


@pytest.mark.slow
@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_does_its_work(desk: Path, line: str) -> None:
    results = dict(result.split("\t")[:2] for result in (desk / "results.txt").read_text(encoding="utf-8").splitlines())
    assert results[line] == str(COMMANDS[line]), (desk / "output.txt").read_text(encoding="utf-8")


@pytest.mark.slow
def test_no_command_tried_a_network(desk: Path) -> None:
    attempts = desk / "attempts.txt"
    assert not attempts.exists(), attempts.read_text(encoding="utf-8")


@pytest.mark.slow
def test_nothing_else_than_our_cache_is_left_at_home(desk: Path) -> None:
    left = {path.relative_to(desk / "home").as_posix() for path in (desk / "home").rglob("*") if path.is_file()}
    assert [name for name in sorted(left) if not name.startswith(".cache/anakinra-t2d/")] == []


def test_every_command_is_run() -> None:
    def names(group: click.Group, path: str = "") -> Iterator[str]:
        for name, command in group.commands.items():
            if isinstance(command, click.Group):
                yield from names(command, f"{path}{name} ")
            else:
                yield path + name

    assert [name for name in names(main) if not any(f"{line} ".startswith(f"{name} ") for line in COMMANDS)] == []


class TestTheGuard:
    """An attempt would be seen."""

    def test_python_cannot_look_up_a_name(self, tmp_path: Path) -> None:
        code = "import urllib.request; urllib.request.urlopen('http://host.invalid/')"
        done = guarded("-c", code, cwd=tmp_path)
        assert "nothing here may use a network" in done.stderr
        assert "host.invalid" in (tmp_path / "attempts.txt").read_text(encoding="utf-8")

    def test_an_attempt_that_is_swallowed_is_noted(self, tmp_path: Path) -> None:
        code = "import socket\ntry: socket.create_connection(('127.0.0.1', 9))\nexcept OSError: pass"
        assert guarded("-c", code, cwd=tmp_path).returncode == 0
        assert "127.0.0.1" in (tmp_path / "attempts.txt").read_text(encoding="utf-8")

    @pytest.mark.parametrize(
        "code",
        [
            "import duckdb; duckdb.connect().execute('INSTALL httpfs')",
            "import polars; polars.scan_parquet('http://127.0.0.1:9/x.parquet').collect()",
        ],
        ids=["duckdb", "polars"],
    )
    def test_compiled_code_is_ended(self, code: str, tmp_path: Path) -> None:
        if guarded("-c", "import os; print(os.environ['NETWORK_GUARD'])", cwd=tmp_path).stdout != "kernel\n":
            pytest.skip("the kernel does not filter system calls here")
        assert guarded("-c", code, cwd=tmp_path).returncode == -signal.SIGSYS


def test_no_extension_of_duckdb_is_loaded_by_itself() -> None:
    """DuckDB would fetch an extension that a query mentions."""
    from anakinra_t2d.across import open_relations

    with open_relations(trial.definitions(), {}) as con:
        settings = "SELECT name, value FROM duckdb_settings() WHERE name LIKE 'auto%known_extensions' ORDER BY name"
        assert con.execute(settings).fetchall() == [
            ("autoinstall_known_extensions", "false"),
            ("autoload_known_extensions", "false"),
        ]


def test_every_connection_to_duckdb_says_so() -> None:
    for path in sorted((ROOT / "validators").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "duckdb.connect(" in text:
            assert '"autoinstall_known_extensions": "false"' in text, path.relative_to(ROOT)
