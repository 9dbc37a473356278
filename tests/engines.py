"""Engines that run the SQL of parameters and endpoints, the data they all get, and what their answers must be."""

from __future__ import annotations

import csv
import importlib.util
import io
import math
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import duckdb
import polars as pl
import polars.selectors as cs

import anakinra_t2d as trial
from anakinra_t2d.endpoint_views import views
from anakinra_t2d.endpoint_views.dialects import ENGINES, Dialect, columns_read, statements, translated
from anakinra_t2d.endpoint_views.vector_tables import Question, VectorTables, vector_tables
from anakinra_t2d.schema.tables import FieldType
from tools import missing

FOUND = trial.definitions()
TOLERANCE = 1e-9
PARAMETERS = """
    SELECT parameter, subject_id, visit, value, NULL AS baseline, NULL AS follow_up, unit, state, reason FROM parameters
"""
ENDPOINTS = """
    SELECT endpoint_id, subject_id, '' AS visit, value, baseline, follow_up, unit, state, reason FROM endpoints
"""
EVERYTHING = (PARAMETERS, ENDPOINTS)

Frames = Mapping[str, pl.DataFrame]
Answer = tuple[float | None, str, str | None]
"""Value, state and reason."""
Answers = dict[tuple[str, ...], tuple[Any, ...]]
"""What the views say, by id, patient and visit."""

_POLARS: dict[FieldType, pl.DataType] = {
    "string": pl.String(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "datetime": pl.Datetime(),
}


class Engine(Protocol):
    """What a test needs of an engine; rows are numbers and texts, a boolean may be a number."""

    dialect: Dialect

    def load(self, frames: Frames) -> None: ...
    def run(self, statements: Iterable[str]) -> None: ...
    def rows(self, queries: Iterable[str]) -> list[tuple[Any, ...]]: ...


# ---------------------------------------------------------------------------------------------------- the same data


def vector_frames(tables: VectorTables) -> Frames:
    """The tables of the test vectors."""
    return {
        name: pl.DataFrame(
            [{column: row.get(column) for column in table.columns} for row in table.rows],
            schema={column: _POLARS[kind] for column, kind in table.columns.items()},
        )
        for name, table in tables.tables.items()
    }


def trial_frames(folder: Path) -> Frames:
    """The converted tables that parameters and endpoints read; one that was not sent is empty."""
    frames = {}
    for name in columns_read(views(FOUND), FOUND):
        schema = {field.name: _POLARS[field.type] for field in FOUND.tables[name].fields.values()}
        path = folder / f"{name}.parquet"
        frame = pl.read_parquet(path) if path.is_file() else pl.DataFrame(schema=schema)
        frames[name] = frame.select(pl.col(column).cast(kind) for column, kind in schema.items())
    return frames


def spoiled(sound: Frames) -> Frames:
    """A copy in which patients lack samples, have doubled ones, and results below and above limits."""
    frames = dict(sound)
    patients: list[str] = sound["ogtt"]["subject_id"].unique().sort().to_list()
    sample = pl.col("nominal_min")

    def of(place: int, visit: str) -> pl.Expr:
        return pl.col("subject_id").eq(patients[place]).and_(pl.col("visit").eq(visit))

    def flag(table: str, place: int, visit: str, rest: str, field: str, status: str, limit: float | None) -> None:
        key = f"subject_id={patients[place]}|visit={visit}|{rest}"
        row = {"table": table, "record_key": key, "field": field, "result_status": status, "limit_value": limit}
        frames["result_flags"] = pl.concat([frames["result_flags"], pl.DataFrame([row])], how="diagonal_relaxed")

    def empty(table: str, where: pl.Expr, field: str, value: float | None = None) -> None:
        frames[table] = frames[table].with_columns(
            pl.when(where).then(pl.lit(value)).otherwise(pl.col(field)).alias(field)
        )

    ogtt = sound["ogtt"].filter(
        ~(of(0, "week13") & (sample == 60))
        & ~(of(1, "baseline") & sample.is_in([-10, 0]))
        & ~(of(2, "week13") & (sample == 120))
        & ~(of(3, "baseline") & sample.is_in([30, 90]))
        & ~of(4, "week13")
    )
    doubled = ogtt.filter(of(5, "baseline") & sample.is_in([-10, 30, 60]))
    other = doubled.with_columns(pl.col("cpeptide_pmol_l") + pl.when(sample == 60).then(0.0).otherwise(17.0))
    frames["ogtt"] = pl.concat([ogtt, other])
    empty("ogtt", of(6, "baseline"), "insulin_pmol_l", 0.0)
    empty("ogtt", of(7, "week13") & (sample == 30), "actual_min", 61.0)
    empty("ogtt", of(8, "week13") & (sample == 0), "cpeptide_pmol_l")
    flag("ogtt", 8, "week13", "nominal_min=0", "cpeptide_pmol_l", "haemolysed", None)
    empty("iv_stimulation", of(9, "baseline") & (sample == 0), "cpeptide_pmol_l")
    flag("iv_stimulation", 9, "baseline", "nominal_min=0", "cpeptide_pmol_l", "below_limit", 100.0)
    empty("labs", of(10, "week13"), "crp_mg_l")
    flag("labs", 10, "week13", "visit_seq=1", "crp_mg_l", "below_limit", 0.3)
    empty("labs", of(11, "baseline"), "il6_ng_l")
    flag("labs", 11, "baseline", "visit_seq=1", "il6_ng_l", "above_limit", 500.0)
    repeated = (
        frames["labs"]
        .filter(of(12, "week13"))
        .with_columns(visit_seq=pl.lit(2, pl.Int64), hba1c_pct=pl.col("hba1c_pct") + 0.3)
    )
    frames["labs"] = pl.concat([frames["labs"].filter(~of(13, "week13")), repeated])
    frames["clamp"] = frames["clamp"].with_columns(urinary_n_mg_min=pl.lit(None, pl.Float64))
    frames["subjects"] = frames["subjects"].with_columns(
        treated=pl.when(pl.col("subject_id") == patients[14]).then(None).otherwise("treated")
    )
    frames["vitals"] = frames["vitals"].filter(pl.col("subject_id") != patients[15])
    frames["antidiabetic_treatment"] = frames["antidiabetic_treatment"].clear()
    return frames


# ------------------------------------------------------------------------------------------------------- the engines


class DuckDb:
    dialect: Dialect = "duckdb"

    def __init__(self) -> None:
        self.connection = duckdb.connect()

    def load(self, frames: Frames) -> None:
        for name, frame in frames.items():
            self.connection.register("frame", frame.to_arrow())
            self.connection.execute(f"CREATE TABLE {name} AS SELECT * FROM frame")
            self.connection.unregister("frame")

    def run(self, statements: Iterable[str]) -> None:
        for statement in statements:
            self.connection.execute(statement)

    def rows(self, queries: Iterable[str]) -> list[tuple[Any, ...]]:
        return [row for query in queries for row in self.connection.execute(query).fetchall()]


class Sqlite:
    dialect: Dialect = "sqlite"

    def __init__(self, path: Path | str = ":memory:") -> None:
        self.connection = sqlite3.connect(path)

    def load(self, frames: Frames) -> None:
        for name, frame in frames.items():
            self.connection.execute(f"CREATE TABLE {name} ({_columns(frame, self.dialect)})")
            plain = frame.with_columns(cs.temporal().cast(pl.String))
            marks = ", ".join("?" * frame.width)
            self.connection.executemany(f"INSERT INTO {name} VALUES ({marks})", plain.rows())
        self.connection.commit()

    def run(self, statements: Iterable[str]) -> None:
        self.connection.executescript(";\n".join(statements) + ";")

    def rows(self, queries: Iterable[str]) -> list[tuple[Any, ...]]:
        return [row for query in queries for row in self.connection.execute(query).fetchall()]


class Postgres:
    """A server of its own, reached by psql through a socket in its directory."""

    dialect: Dialect = "postgres"

    def __init__(self, socket: Path) -> None:
        self.command = ["psql", "-X", "-q", "--csv", "-t", "-v", "ON_ERROR_STOP=1", "-h", str(socket), "-U", "trial"]

    def psql(self, text: str) -> str:
        done = subprocess.run(
            [*self.command, "postgres"], input=text, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr[:2000]
        return done.stdout

    def load(self, frames: Frames) -> None:
        self.psql("SET client_min_messages = warning; DROP SCHEMA public CASCADE; CREATE SCHEMA public;")
        for name, frame in frames.items():
            made = f"CREATE TABLE {name} ({_columns(frame, self.dialect)});\n"
            self.psql(f"{made}COPY {name} FROM STDIN (FORMAT csv, HEADER);\n{frame.write_csv()}\\.\n")

    def run(self, statements: Iterable[str]) -> None:
        self.psql("SET client_min_messages = warning;\n" + ";\n".join(statements) + ";\n")

    def rows(self, queries: Iterable[str]) -> list[tuple[Any, ...]]:
        answer = self.psql(";\n".join(queries) + ";\n")
        return [tuple(cell or None for cell in row) for row in csv.reader(io.StringIO(answer))]


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL server in a temporary directory, run by another user where this one is root."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: float(path.parts[-3]))
    bin = found[-1].parent if found else Path(shutil.which("pg_ctl") or "/").parent
    if not (bin / "pg_ctl").is_file() or not shutil.which("psql"):
        missing("PostgreSQL")
    # a short path, because that of a socket is limited
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres")

    def call(*command: str) -> None:
        subprocess.run([*as_user, *command], check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=60)

    try:
        data = str(folder / "data")
        call(str(bin / "initdb"), "-D", data, "-A", "trust", "-U", "trial", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -c jit=off"
        call(str(bin / "pg_ctl"), "-w", "-D", data, "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield Postgres(folder)
        finally:
            call(str(bin / "pg_ctl"), "-w", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Spark:
    """A local Spark with two threads; tables and views are temporary."""

    dialect: Dialect = "spark"

    def __init__(self, folder: Path) -> None:
        import pyspark.sql

        self.folder = folder
        options = {
            "spark.master": "local[2]",
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": "1",
            "spark.default.parallelism": "1",
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
            "spark.sql.catalogImplementation": "in-memory",
            "spark.sql.codegen.wholeStage": "false",
            # tables of one partition need no exchange, and a stage for each costs more than its few rows
            "spark.sql.adaptive.enabled": "false",
            "spark.sql.autoBroadcastJoinThreshold": "-1",
            "spark.ui.showConsoleProgress": "false",
            # the optimising compiler pays in long runs only
            "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.log.level": "ERROR",
        }
        builder = pyspark.sql.SparkSession.builder.appName("endpoints")
        for name, value in options.items():
            builder = builder.config(name, value)
        self.session = builder.getOrCreate()

    def load(self, frames: Frames) -> None:
        for name, frame in frames.items():
            path = self.folder / f"{name}-{len(list(self.folder.iterdir()))}.parquet"
            frame.write_parquet(path)
            self.session.read.parquet(str(path)).coalesce(1).createOrReplaceTempView(name)

    def run(self, statements: Iterable[str]) -> None:
        for statement in statements:
            self.session.sql(statement)

    def rows(self, queries: Iterable[str]) -> list[tuple[Any, ...]]:
        asked, found = list(queries), []
        # several questions in one, because Spark needs half a second to start each
        for start in range(0, len(asked), 25):
            together = " UNION ALL ".join(f"SELECT * FROM ({query}) AS one" for query in asked[start : start + 25])
            found += [tuple(row) for row in self.session.sql(together).collect()]
        return found


@contextmanager
def local_spark(folder: Path) -> Iterator[Spark]:
    """A Spark of its own."""
    if not shutil.which("java"):
        missing("Java")
    if importlib.util.find_spec("pyspark") is None:
        missing("pyspark")
    engine = Spark(folder)
    try:
        yield engine
    finally:
        engine.session.stop()


def _columns(frame: pl.DataFrame, dialect: Dialect) -> str:
    kinds = {str(kind.base_type()): ENGINES[dialect].types[name] for name, kind in _POLARS.items()}
    return ", ".join(f'"{column}" {kinds[str(kind.base_type())]}' for column, kind in frame.schema.items())


# ------------------------------------------------------------------------------------------------------- the answers


def derived(engine: Engine) -> Answers:
    """All parameters and endpoints of a loaded engine: id, patient and visit with what the views say."""
    engine.run(statements(views(FOUND), engine.dialect))
    return read_back(engine.rows(EVERYTHING))


def read_back(rows: Iterable[tuple[Any, ...]]) -> Answers:
    """Rows by id, patient and visit; numbers as numbers, however the engine writes them."""
    found: Answers = {}
    for id, subject, visit, *numbers, unit, state, reason in rows:
        key = (id, subject, visit or "")
        assert key not in found, f"{key} is there twice"
        found[key] = (*(None if number is None else float(number) for number in numbers), unit, state, reason)
    return found


def differences(
    expected: Mapping[tuple[str, ...], tuple[Any, ...]], found: Mapping[tuple[str, ...], tuple[Any, ...]]
) -> list[str]:
    """Where two engines disagree: numbers beyond 1e-9 relative, anything else at all."""
    keys = sorted(set(expected) | set(found))
    return [
        f"{key}: {expected.get(key)} but {found.get(key)}"
        for key in keys
        if key not in expected or key not in found or not all(map(same, expected[key], found[key]))
    ]


def same(expected: Any, found: Any) -> bool:
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(expected, found, rel_tol=TOLERANCE, abs_tol=1e-12)
    return bool(expected == found)


def reference(frames: Frames) -> Answers:
    """What DuckDB says with the views as they are."""
    engine = DuckDb()
    engine.load(frames)
    engine.run(f"CREATE TABLE {view.name} AS {view.query}" for view in views(FOUND))
    return read_back(engine.rows(EVERYTHING))


def answers(engine: Engine, tables: VectorTables) -> list[str]:
    """Load the test vectors, ask all questions, and say which answers are wrong."""
    engine.load(vector_frames(tables))
    rows = engine.rows(asked(question, number, engine.dialect) for number, question in enumerate(tables.questions))
    return wrong_answers(tables, rows)


def asked(question: Question, number: int, dialect: Dialect) -> str:
    """The query of a question with its number, for its own patients."""
    query = f"SELECT {number} AS number, subject_id, visit, value, state, reason FROM ({question.query}) AS question"
    return translated(f"{query} WHERE subject_id LIKE '{question.card}-%'", dialect)


def wrong_answers(tables: VectorTables, rows: Iterable[tuple[Any, ...]]) -> list[str]:
    """Each vector whose answer is not what the card says, with its card and case."""
    found: dict[tuple[int, str, str | None], Answer] = {
        (int(number), subject, visit): (None if value is None else float(value), state, reason)
        for number, subject, visit, value, state, reason in rows
    }
    wrong = []
    for number, question in enumerate(tables.questions):
        for case in question.cases:
            vector, answer = case.vector, found.get((number, case.subject_id, case.visit))
            if answer is None or not _agrees(answer, vector.value, vector.state, vector.reason):
                expected = (vector.value, vector.state, vector.reason)
                wrong.append(f"{question.card}, {vector.case}: {answer} instead of {expected}")
    return wrong


def _agrees(answer: Answer, value: float | None, state: str, reason: str | None) -> bool:
    wanted = None if value is None else float(value)
    return same(wanted, answer[0]) and answer[1] == state and (reason or "") in (answer[2] or "")


VECTORS = vector_tables(FOUND)
