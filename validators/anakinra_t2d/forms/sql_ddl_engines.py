"""What engines need to know about tables: types, checks that stand for a type, and how files are loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anakinra_t2d.endpoint_views.dialects import ENGINES as VIEW_ENGINES

if TYPE_CHECKING:
    from anakinra_t2d.forms.sql_conditions import Engine
    from anakinra_t2d.schema.tables import FieldType


@dataclass(frozen=True)
class TableEngine:
    """How an engine takes tables. ``loading`` are the lines that tell how to load files."""

    title: str
    types: Mapping[FieldType, str]
    loading: tuple[str, ...]
    type_checks: Mapping[FieldType, str]
    first: tuple[str, ...] = ()
    after_table: str = ""
    has_comments: bool = True


_SQLITE_LOADER = """\
import csv, sqlite3
con = sqlite3.connect("trial.db", isolation_level=None)
con.executescript(open("tables.sql", encoding="utf-8").read())
con.execute("BEGIN")
for (table,) in con.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid").fetchall():
    types = {name: kind for _, name, kind, *_ in con.execute(f'PRAGMA table_info("{table}")')}
    try:
        file = open(f"{table}.csv", encoding="utf-8", newline="")
    except FileNotFoundError:
        continue
    with file:
        for row in csv.DictReader(file):
            row = {name: cell or None for name, cell in row.items()}
            whole = {name: cell for name, cell in row.items() if types[name] == "INTEGER"}
            row |= {name: {"true": 1, "false": 0}.get(cell, cell) for name, cell in whole.items()}
            names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
            con.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', list(row.values()))
con.execute("COMMIT")
"""
_CSV_FROM_PARQUET = "CSV from Parquet, with DuckDB: COPY (SELECT * FROM 'labs.parquet') TO 'labs.csv' (HEADER);"

ENGINES: dict[Engine, TableEngine] = {
    "duckdb": TableEngine(
        title="DuckDB",
        types=VIEW_ENGINES["duckdb"].types,
        type_checks={},
        loading=(
            "Parquet: INSERT INTO labs BY NAME SELECT * FROM 'labs.parquet';",
            "CSV:     INSERT INTO labs BY NAME SELECT * FROM read_csv('labs.csv', header = true, all_varchar = true);",
        ),
    ),
    "postgres": TableEngine(
        title="PostgreSQL 12 or later",
        types=VIEW_ENGINES["postgres"].types,
        type_checks={},
        loading=(
            r"CSV, in psql: \copy labs FROM 'labs.csv' (FORMAT csv, HEADER)",
            "Where a file lacks columns, name those it has: labs (subject_id, visit, ...).",
            _CSV_FROM_PARQUET,
        ),
    ),
    "sqlite": TableEngine(
        title="SQLite 3.37 or later",
        # a strict table knows no other word for a boolean
        types={**VIEW_ENGINES["sqlite"].types, "boolean": "INTEGER"},
        type_checks={
            "boolean": "{name} IN (0, 1)",
            # IS, because the functions give NULL for what is no date; a modifier, because 31 February stays without one
            "date": "DATE({name}, '+0 days') IS {name}",
            "datetime": "DATE({name}, '+0 days') IS SUBSTR({name}, 1, 10) AND ({name} IS NULL OR "
            "TIME({name}) IS NOT NULL AND {name} GLOB '????-??-??[T ]??:??*')",
        },
        first=("PRAGMA foreign_keys = ON;",),
        after_table=" STRICT",
        has_comments=False,
        loading=(
            "A boolean is 1 or 0, a date YYYY-MM-DD, a time YYYY-MM-DDTHH:MM with seconds if known.",
            "References are kept only after PRAGMA foreign_keys = ON, which each connection must say for itself.",
            "CSV, in Python (the shell's .import takes an empty cell for an empty text, which is not NULL):",
            "",
            *(f"    {line}" for line in _SQLITE_LOADER.splitlines()),
            "",
            _CSV_FROM_PARQUET,
        ),
    ),
}  # fmt: skip
