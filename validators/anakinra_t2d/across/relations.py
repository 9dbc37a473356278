"""The tables of a submission as typed DuckDB relations, one for every table of the schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from anakinra_t2d.across.calculated import make_recheck_relations
from anakinra_t2d.across.eligibility import make_eligibility_relations
from anakinra_t2d.across.schema_relations import make_schema_relations
from anakinra_t2d.across.sql import as_literal, quoted

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from anakinra_t2d.schema import Definitions, Table

    Source = Path | pl.DataFrame

SQL_TYPES = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "TIMESTAMP",
}
COPIED_BELOW = 1_000_000
"""A table with fewer rows is copied into DuckDB: many rules read it, and a Parquet view is decoded each time."""


class RelationError(Exception):
    """A source cannot be a relation of the trial: unknown table, unreadable file or a value of the wrong type."""


def open_relations(
    definitions: Definitions,
    tables: Mapping[str, Sequence[Source]],
    *,
    memory_limit: str = "400MB",
    threads: int = 2,
    scratch: Path | None = None,
) -> duckdb.DuckDBPyConnection:
    """A connection in which every table of the schema is a relation, empty when ``tables`` has no source for it.

    A relation has the columns of its table, typed as the schema says (absent ones NULL), and two hidden ones:
    ``_row`` BIGINT, the source record number, and ``_written`` BOOLEAN. A source with a column ``_row`` holds
    rejected rows (``_written`` FALSE). A Parquet file without it holds written rows: ``_row`` is then the row in
    that file from 0 and ``_written`` is TRUE. A frame without it has NULL in both.

    The relations ``schema_visits``, ``schema_schedule``, ``schema_codelists``, ``schema_fields``,
    ``schema_conversions``, ``eligibility_inputs``, ``eligibility_criteria`` and ``eligibility_overall`` are there
    too, and those that begin with ``recheck_`` (see :mod:`anakinra_t2d.across.calculated`). ``scratch`` takes what
    does not fit into ``memory_limit``.

    Raises:
        RelationError: an unknown table, an unreadable source, a value that does not fit its type, or
            eligibility inputs that do not run.
    """
    import duckdb

    for name in tables:
        if name not in definitions.tables:
            raise RelationError(f"the schema has no table {name!r}")
    con = _connect(memory_limit, threads, scratch)
    try:
        for name, table in definitions.tables.items():
            _make_table(con, table, tables.get(name, ()))
        make_schema_relations(con, definitions)
        make_eligibility_relations(con, definitions.eligibility)
        make_recheck_relations(con, definitions)
    except duckdb.Error as error:
        con.close()
        raise RelationError(str(error)) from error
    except BaseException:
        con.close()
        raise
    return con


def _connect(memory_limit: str, threads: int, scratch: Path | None) -> duckdb.DuckDBPyConnection:
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "threads": str(threads),
        # a rule must never load code or reach the network, whatever its SQL says
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
    }
    if scratch is not None:
        config["temp_directory"] = str(scratch)
    con = duckdb.connect(":memory:", config=config)
    # a misspelled table name must not be taken for a Python variable
    con.execute("SET python_enable_replacements = false")
    # its bar goes to the standard output, among what a program reads
    con.execute("SET enable_progress_bar = false")
    con.execute("SET TimeZone = 'UTC'")
    return con


def _make_table(con: duckdb.DuckDBPyConnection, table: Table, sources: Sequence[Source]) -> None:
    columns = {name: SQL_TYPES[field.type] for name, field in table.fields.items()}
    columns |= {"_row": "BIGINT", "_written": "BOOLEAN"}
    if not sources:
        declared = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
        con.execute(f"CREATE TABLE {quoted(table.name)} ({declared})")
        return
    parts, rows = [], 0
    for index, source in enumerate(sources):
        part, count = _source(con, f"_source_{table.name}_{index}", table.name, source, columns)
        parts.append(part)
        rows += count
    kind = "TABLE" if rows < COPIED_BELOW else "VIEW"
    con.execute(f"CREATE {kind} {quoted(table.name)} AS " + "\nUNION ALL BY NAME\n".join(parts))
    if kind == "TABLE":
        for index, source in enumerate(sources):
            if not isinstance(source, Path):
                con.unregister(f"_source_{table.name}_{index}")


def _source(
    con: duckdb.DuckDBPyConnection, name: str, table: str, source: Source, columns: dict[str, str]
) -> tuple[str, int]:
    """A SELECT of ``columns`` from one source, and how many rows it has."""
    import duckdb

    is_file = isinstance(source, Path)
    if isinstance(source, Path):
        if not source.is_file():
            raise RelationError(f"{table}: there is no file {source.name}")
        path = as_literal(_without_wildcards(str(source)))
        try:
            present = {row[0] for row in con.execute(f"DESCRIBE SELECT * FROM read_parquet({path})").fetchall()}
            found = con.execute(f"SELECT SUM(num_rows) FROM parquet_file_metadata({path})").fetchall()
        except duckdb.Error as error:
            raise RelationError(f"{table}: {source.name} is not a Parquet file that can be read: {error}") from error
        rows = int(found[0][0] or 0)
        origin = f"read_parquet({path}, file_row_number = true)"
    else:
        present, rows, origin = set(source.columns), source.height, name
        con.register(name, source)
    rejected = "_row" in present
    hidden = {
        "_row": '"_row"' if rejected else "file_row_number" if is_file else "NULL",
        "_written": '"_written"' if "_written" in present else "FALSE" if rejected else "TRUE" if is_file else "NULL",
    }
    selected = [
        f"CAST({hidden.get(column) or (quoted(column) if column in present else 'NULL')} AS {kind}) AS {quoted(column)}"
        for column, kind in columns.items()
    ]
    return f"SELECT {', '.join(selected)} FROM {origin}", rows


def _without_wildcards(path: str) -> str:
    return "".join(f"[{char}]" if char in "[*?" else char for char in path)
