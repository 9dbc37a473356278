"""Databases in which single statements may fail, and records as statements."""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb

from anakinra_t2d.forms.sql_conditions import Engine
from engines import Postgres


class Database:
    """A new database of an engine in which single statements may fail."""

    engine: Engine

    def run(self, script: str) -> None:
        raise NotImplementedError

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        raise NotImplementedError

    def insert(self, statements: Iterable[str]) -> list[str]:
        """Run each statement by itself; what the engine says of those that it refuses."""
        said = []
        for one in statements:
            try:
                self.run(one)
            except (duckdb.Error, sqlite3.Error) as error:
                said.append(str(error))
        return said


class InDuckDb(Database):
    engine = "duckdb"

    def __init__(self) -> None:
        self.connection = duckdb.connect()

    def run(self, script: str) -> None:
        self.connection.execute(script)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()


class InSqlite(Database):
    engine = "sqlite"

    def __init__(self, path: Path | str = ":memory:") -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.run("PRAGMA foreign_keys = ON")

    def run(self, script: str) -> None:
        self.connection.executescript(script)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()


class InPostgres(Database):
    engine = "postgres"

    def __init__(self, server: Postgres) -> None:
        self.server = server
        self.run("SET client_min_messages = warning; DROP SCHEMA public CASCADE; CREATE SCHEMA public;")

    def run(self, script: str) -> None:
        self.server.psql(script)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.server.rows([query])

    def insert(self, statements: Iterable[str]) -> list[str]:
        # in one go, because each start of psql takes its time
        script = ";\n".join(["\\set ON_ERROR_STOP off\nSET client_min_messages = warning", *statements]) + ";\n"
        done = subprocess.run(
            [*self.server.command, "postgres"], input=script, capture_output=True, text=True, timeout=120, check=False
        )
        return re.findall(r"(?m)^ERROR:.*$", done.stderr)


def insertion(table: str, record: dict[str, Any]) -> str:
    names = ", ".join(f'"{name}"' for name in record)
    return f'INSERT INTO "{table}" ({names}) VALUES ({", ".join(map(literal, record.values()))})'


def literal(value: Any) -> str:
    if value is None or value == "":
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return repr(value)
    text = value.isoformat() if isinstance(value, dt.date) else str(value)
    return "'" + text.replace("'", "''") + "'"
