"""The tables of a submission as temporary views of a Spark session, with the columns they have in DuckDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from anakinra_t2d.across.relations import COPIED_BELOW, SQL_TYPES, open_relations
from anakinra_t2d.across.sql import as_literal, quoted
from anakinra_t2d.spark.connection import SparkConnection
from anakinra_t2d.spark.session import settle

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pyspark.sql import DataFrame, SparkSession

    from anakinra_t2d.schema import Definitions, Table

_SPARK = {"VARCHAR": "STRING", "TIMESTAMP": "TIMESTAMP_NTZ"}


def open_spark_relations(
    session: SparkSession, definitions: Definitions, tables: Mapping[str, Sequence[Path]], scratch: Path
) -> DuckDBPyConnection:
    """What :func:`anakinra_t2d.across.relations.open_relations` makes, in a Spark session.

    ``tables`` has Parquet files that the executors can read: written rows, or rejected ones with a column ``_row``;
    they can read ``scratch`` too. The relations that are made from the definitions, of eligibility and of the recheck
    are made on the driver: planning their many small queries takes Spark minutes. The result has the part of a
    DuckDB connection that the rules use.
    """
    connection = SparkConnection(session)
    make_tables(connection, definitions, tables)
    with open_relations(definitions, tables, scratch=scratch) as made:
        names = {name for (name,) in made.execute("SELECT table_name FROM information_schema.tables").fetchall()}
        for name in sorted(names - set(definitions.tables)):
            path = scratch / f"{name}.relation.parquet"
            made.execute(f"COPY (SELECT * FROM {quoted(name)}) TO {as_literal(str(path))} (FORMAT parquet)")
            connection.keep(name, session.read.parquet(path.absolute().as_uri()).coalesce(1))
    return cast("DuckDBPyConnection", cast("Any", connection))


def make_tables(con: SparkConnection, definitions: Definitions, tables: Mapping[str, Sequence[Path]]) -> None:
    """The views of all tables of the schema, and the plans that fit their size."""
    rows = sum(_rows(path) for paths in tables.values() for path in paths)
    settle(con.session, small=rows < COPIED_BELOW)
    for name, table in definitions.tables.items():
        _make_table(con, table, tables.get(name, ()))


def _make_table(con: SparkConnection, table: Table, paths: Sequence[Path]) -> None:
    """The view of one table; empty without ``paths``."""
    columns = {name: SQL_TYPES[field.type] for name, field in table.fields.items()}
    columns |= {"_row": "BIGINT", "_written": "BOOLEAN"}
    if not paths:
        nothing = ", ".join(f"CAST(NULL AS {_SPARK.get(kind, kind)}) AS `{name}`" for name, kind in columns.items())
        con.session.sql(f"SELECT {nothing} WHERE FALSE").createOrReplaceTempView(table.name)
        return
    parts = [_part(con.session, path, columns) for path in paths]
    frame = reduce(lambda left, right: left.unionAll(right), parts)
    if sum(map(_rows, paths)) < COPIED_BELOW:
        con.keep(table.name, frame.coalesce(1))
    else:
        frame.createOrReplaceTempView(table.name)


def _part(session: SparkSession, path: Path, columns: Mapping[str, str]) -> DataFrame:
    frame = session.read.parquet(path.absolute().as_uri())
    rejected = "_row" in frame.columns
    hidden = {"_row": "_row" if rejected else "_metadata.row_index", "_written": "FALSE" if rejected else "TRUE"}
    selected = [
        f"CAST({hidden.get(name) or (f'`{name}`' if name in frame.columns else 'NULL')} AS {_SPARK.get(kind, kind)}) "
        f"AS `{name}`"
        for name, kind in columns.items()
    ]
    return frame.selectExpr(*selected)


def _rows(path: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)
