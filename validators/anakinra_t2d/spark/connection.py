"""A Spark session with the part of a DuckDB connection that the rules use, so that the same code judges on both."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import duckdb

from anakinra_t2d.spark.dialect import duckdb_type, in_spark, parsed, with_parameters

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession


class Answer:
    """Rows of a statement, fetched when they are asked for."""

    def __init__(self, frame: DataFrame | None = None, rows: list[tuple[Any, ...]] | None = None) -> None:
        self._frame = frame
        self._rows = rows

    @property
    def description(self) -> list[tuple[str, ...]]:
        """Name of each column, first in a tuple."""
        return [] if self._frame is None else [(name,) for name in self._frame.columns]

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows.

        Raises:
            duckdb.Error: Spark could not run the query.
        """
        if self._rows is None:
            self._rows = [] if self._frame is None else [tuple(row) for row in _told(self._frame.collect)]
        return self._rows

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row."""
        rows = self.fetchall()
        return rows[0] if rows else None


class SparkConnection:
    """Runs statements in the SQL of DuckDB on Spark; every table is a temporary view of the session.

    What fails in Spark raises ``duckdb.Error``, which the rules turn into a sentence of their own.
    """

    def __init__(self, session: SparkSession) -> None:
        self.session = session
        self._kept: dict[str, list[DataFrame]] = {}
        self._lock = Lock()

    def execute(self, statement: str, parameters: Sequence[object] | None = None) -> Answer:
        """Run a statement; a query runs when its rows are fetched.

        Raises:
            duckdb.Error: the statement cannot be translated, or Spark refuses it.
        """
        if parameters:
            statement = with_parameters(statement, parameters)
        if statement.lstrip().upper().startswith("DESCRIBE "):
            frame = self._query(parsed(_selected(statement.lstrip()[len("DESCRIBE ") :])))
            kinds = [(field.name, duckdb_type(field.dataType.simpleString())) for field in frame.schema.fields]
            return Answer(rows=kinds)
        tree = _told(lambda: parsed(statement))
        command = getattr(self, f"_{type(tree).__name__.lower()}_statement", None)
        if command is not None:
            command(tree)
            return Answer(rows=[])
        return Answer(self._query(tree))

    def arrow(self, statement: str) -> pa.Table:
        """All rows of a query as an Arrow table.

        Raises:
            duckdb.Error: Spark could not run the query.
        """
        frame = self._query(_told(lambda: parsed(statement)))
        # the method of a data frame needs pandas, the rows do not
        rows = _told(frame.collect)
        return _table_of(frame, rows)

    def cursor(self) -> SparkConnection:
        """A session takes statements of several threads at once."""
        return self

    def close(self) -> None:
        """Free what was kept; the session stays."""
        for frames in self._kept.values():
            for frame in frames:
                frame.unpersist()
        self._kept = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # a cursor ends, not the connection it is of
        return

    def _query(self, tree: Any) -> DataFrame:
        frame: DataFrame = _told(lambda: self.session.sql(in_spark(tree)))
        return frame

    def _create_statement(self, tree: Any) -> None:
        from sqlglot import exp

        name = tree.find(exp.Table).name
        frame = self._query(tree.expression)
        if tree.args["kind"] == "TABLE":
            self.keep(name, frame)
        else:
            frame.createOrReplaceTempView(name)

    def keep(self, name: str, frame: DataFrame) -> None:
        """Make a view whose rows are computed once."""
        for earlier in self._kept.pop(name, []):
            earlier.unpersist()
        self._kept[name] = [frame.persist()]
        self._kept[name][0].createOrReplaceTempView(name)

    def _drop_statement(self, tree: Any) -> None:
        from sqlglot import exp

        name = tree.find(exp.Table).name
        self.session.catalog.dropTempView(name)
        for frame in self._kept.pop(name, []):
            frame.unpersist()


def _table_of(frame: DataFrame, rows: list[Any]) -> pa.Table:
    import pyarrow as pa

    kinds = {"double": pa.float64(), "bigint": pa.int64(), "int": pa.int32(), "boolean": pa.bool_()}
    columns = list(zip(*rows, strict=True)) or [()] * len(frame.columns)
    arrays = [
        pa.array(cells, kinds.get(kind, pa.string())) for cells, (_, kind) in zip(columns, frame.dtypes, strict=True)
    ]
    return pa.Table.from_arrays(arrays, names=frame.columns)


def _selected(what: str) -> str:
    return what if what.lstrip().upper().startswith(("SELECT", "WITH")) else f"SELECT * FROM {what}"


def _told(do: Any) -> Any:
    """The result of ``do``, a failure as an error of DuckDB.

    Raises:
        duckdb.Error: the first line of what Spark or the translation says.
    """
    from pyspark.errors import PySparkException
    from sqlglot.errors import SqlglotError

    try:
        return do()
    except (PySparkException, SqlglotError) as error:
        raise duckdb.Error(str(error).strip().partition("\n")[0]) from error
