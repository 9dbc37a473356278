"""The Spark engine finds what the local engine finds, writes the same tables, and refuses what it does not take."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import polars.testing
import pytest

import anakinra_t2d as trial
from anakinra_t2d.cli.main import main
from anakinra_t2d.spark.dialect import with_parameters
from conftest import Rows, change
from tools import missing

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.slow]

TABLES = ["subjects", "visits", "vitals", "labs", "adverse_events"]


@pytest.fixture(scope="module")
def session() -> Iterator[SparkSession]:
    needs_spark()
    from anakinra_t2d.spark.session import spark_session

    with spark_session("local[2]") as one:
        yield one


def needs_spark() -> None:
    if not shutil.which("java"):
        missing("Java")
    if importlib.util.find_spec("pyspark") is None:
        missing("pyspark")


def spoil(folder: Path) -> None:
    """A doubled key, an orphan, an impossible and an unreadable value, a result below a limit, a wrong study day."""

    def vitals(rows: Rows) -> None:
        rows[3]["weight_kg"] = "945.5"
        rows[4]["weight_kg"] = "heavy"
        rows.append(dict(rows[0]))

    for path in folder.glob("*.csv"):
        # every table costs Spark a second of key checks
        if path.stem not in TABLES:
            path.unlink()
    change(folder / "vitals.csv", vitals)
    change(folder / "labs.csv", lambda rows: rows[2].update(crp_mg_l="<0.3"))
    change(folder / "adverse_events.csv", lambda rows: rows[0].update(ae_start_day="77", subject_id="DK01-999"))
    change(folder / "adverse_events.csv", lambda rows: rows[1].update(ae_start_day="88"))


@pytest.fixture
def spoiled_trial(copy_of_trial: Path) -> Path:
    spoil(copy_of_trial)
    return copy_of_trial


def test_tables_are_those_of_the_local_engine(session: SparkSession, spoiled_trial: Path, tmp_path: Path) -> None:
    """Executors write what the local engine writes before the rules across tables take rows back."""
    from anakinra_t2d.conversion.folders import Folders
    from anakinra_t2d.reading import discover
    from anakinra_t2d.spark.table_task import TableTask, check_table, check_tables

    found = trial.definitions()
    there, here = tmp_path / "there", tmp_path / "here"
    files = {file.table: file for file in discover([spoiled_trial], list(found.tables), tmp_path).files}
    tasks = {}
    for folder in (there, here):
        folder.mkdir()
        tasks[folder] = [
            TableTask(name, files[name], files[name].stated, Folders(folder, folder), frozenset(), show_values=True)
            for name in TABLES
        ]
    results = check_tables(session, found, tasks[there])
    for task in tasks[here]:
        expected = check_table(task, found)
        result = results[task.name]
        assert result.outcome == expected.outcome
        assert result.rejected == expected.rejected
        assert result.cells == expected.cells
        assert (there / f"{task.name}.parquet").read_bytes() == (here / f"{task.name}.parquet").read_bytes()
    assert results["vitals"].rejected
    assert results["labs"].flags


def test_converted_tables_are_those_of_the_local_engine(
    session: SparkSession, spoiled_trial: Path, tmp_path: Path
) -> None:
    from anakinra_t2d import spark

    """Every rule, every count and every byte: findings and the counts of all checks are files of the output."""
    local = trial.convert(spoiled_trial, out=tmp_path / "local")
    assert len({finding.code for finding in local.findings}) >= 4
    spark.convert(spoiled_trial, out=tmp_path / "spark", master="local[2]")
    files = sorted(path.name for path in (tmp_path / "local").iterdir())
    assert sorted(path.name for path in (tmp_path / "spark").iterdir()) == files
    different = [
        name for name in files if (tmp_path / "local" / name).read_bytes() != (tmp_path / "spark" / name).read_bytes()
    ]
    assert different == []


def test_derived_files_are_those_of_the_local_engine(
    session: SparkSession, converted_trial: Path, derived_trial: Path, tmp_path: Path
) -> None:
    from anakinra_t2d import spark

    folder = tmp_path / "converted"
    shutil.copytree(converted_trial, folder)
    spark.derive(folder, master="local[2]")
    for name in ("parameters", "endpoints", "eligibility", "flow", "results"):
        found, expected = (pl.read_parquet(path / f"{name}.parquet") for path in (folder, derived_trial))
        assert expected.height
        pl.testing.assert_frame_equal(found, expected, check_exact=False, rel_tol=1e-9, abs_tol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--engine", "spark"], "needs --master URL"),
        (["--master", "local[2]"], "add --engine spark"),
        (["--engine", "spark", "--master", "nowhere"], "no address of a Spark master"),
        (["--engine", "spark", "--master", "local[2]", "--profile", "denmark"], "does not take --profile"),
        (["--engine", "spark", "--master", "local[2]", "--blinded"], "does not take --blinded"),
    ],
)
def test_what_it_does_not_take_is_refused(arguments: list[str], says: str, sound_trial: Path) -> None:
    from click.testing import CliRunner

    done = CliRunner().invoke(main, ["validate", str(sound_trial), *arguments])
    assert done.exit_code == 2
    assert says in done.stderr
    assert "Traceback" not in done.output


def test_a_workbook_is_refused(session: SparkSession, tmp_path: Path) -> None:
    from anakinra_t2d import spark
    from anakinra_t2d.reading import InputError

    trial.simulate(tmp_path / "site", patients=4, layout="denmark")
    workbook = next((tmp_path / "site").rglob("*.xlsx"))
    with pytest.raises(InputError, match="leave out --engine spark"):
        spark.validate(workbook, master="local[2]")


def test_parameters_fill_a_statement() -> None:
    assert with_parameters("a = ? AND b = ?", ["it's", None]) == "a = 'it''s' AND b = NULL"


# ---------------------------------------------------------------------------------------------------------- a cluster


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """A standalone master with two workers on this machine's loopback, which end with the block."""
    import pyspark

    command = str(Path(pyspark.__file__).parent / "bin" / "spark-class")
    port = free_port()
    environment = {
        **os.environ,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_NO_DAEMONIZE": "1",
        "PYSPARK_PYTHON": sys.executable,
    }
    deploy = "org.apache.spark.deploy"
    local = ["--host", "127.0.0.1", "--webui-port", "0"]
    started = [[f"{deploy}.master.Master", *local, "--port", str(port)]]
    for number in range(2):
        work = ["--cores", "1", "--memory", "1g", "--work-dir", str(folder / f"worker-{number}")]
        started.append([f"{deploy}.worker.Worker", *local, *work, f"spark://127.0.0.1:{port}"])
    with ExitStack() as stack:
        for number, arguments in enumerate(started):
            log = stack.enter_context((folder / f"log-{number}").open("wb"))
            one = subprocess.Popen([command, *arguments], env=environment, stdout=log, stderr=log)
            stack.callback(end, one)
        until = time.monotonic() + 60
        while b"Registering worker" not in (registered := (folder / "log-0").read_bytes()) or (
            registered.count(b"Registering worker") < 2
        ):
            assert time.monotonic() < until, registered[-2000:]
            time.sleep(0.2)
        yield f"spark://127.0.0.1:{port}"


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def test_a_cluster_of_two_workers_finds_the_same(spoiled_trial: Path, tmp_path: Path) -> None:
    needs_spark()
    only = ["KEY-001", "RNG-001"]
    chosen = [part for code in only for part in ("--only", code)]
    with cluster(tmp_path) as master:
        command = [sys.executable, "-m", "anakinra_t2d", "validate", str(spoiled_trial), "--format", "json", *chosen]
        done = subprocess.run(
            [*command, "--engine", "spark", "--master", master],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        local = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        # both workers had an executor of their own
        logs = [list((tmp_path / f"worker-{number}").glob("*/*/stderr")) for number in range(2)]
    assert done.returncode == 1, done.stderr[-3000:]
    assert done.stdout == local.stdout
    assert all(logs)
