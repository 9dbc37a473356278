"""The views as a script for DuckDB, PostgreSQL, Spark or SQLite, translated from the SQL of DuckDB by sqlglot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from anakinra_t2d.endpoint_views.staged import Kept, staged

if TYPE_CHECKING:
    from anakinra_t2d.endpoint_views.views import View
    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.schema.tables import FieldType

Dialect = Literal["duckdb", "postgres", "spark", "sqlite"]
DIALECTS: tuple[Dialect, ...] = get_args(Dialect)
Form = Literal["views", "tables"]
FORMS: tuple[Form, ...] = get_args(Form)

_TYPES: dict[FieldType, str] = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "TIMESTAMP",
}


@dataclass(frozen=True)
class Engine:
    """How an engine takes the script: its name, its statements, its types, and what a user of it should know."""

    title: str
    types: Mapping[FieldType, str]
    form: Form
    view: str = "CREATE OR REPLACE VIEW {name} AS"
    table: str = "CREATE TABLE {name} AS"
    drops_views: Literal["never", "each", "first"] = "never"
    notes: tuple[str, ...] = ()


ENGINES: dict[Dialect, Engine] = {
    "duckdb": Engine(
        title="DuckDB",
        types=_TYPES,
        form="tables",
        notes=("A Parquet file becomes a table by CREATE VIEW labs AS SELECT * FROM 'labs.parquet'.",),
    ),
    "postgres": Engine(
        title="PostgreSQL 12 or later",
        types=_TYPES | {"string": "text", "number": "double precision"},
        form="views",
        # a table that views read cannot be dropped
        drops_views="first",
    ),
    "spark": Engine(
        title="Spark SQL 3.4 or later",
        types=_TYPES | {"string": "STRING"},
        form="tables",
        view="CREATE OR REPLACE TEMPORARY VIEW {name} AS",
        # a view then reads the files of its card alone
        table="CREATE TABLE {name} USING parquet PARTITIONED BY ({apart}) AS",
        notes=(
            "A Parquet file becomes a table by CREATE TEMPORARY VIEW labs USING parquet OPTIONS (path 'labs.parquet').",
            "The views are temporary, because a lasting view cannot read a temporary one.",
        ),
    ),
    "sqlite": Engine(
        title="SQLite 3.35 or later",
        types=_TYPES | {"string": "TEXT", "integer": "INTEGER", "number": "REAL", "date": "TEXT", "datetime": "TEXT"},
        form="views",
        view="CREATE VIEW {name} AS",
        drops_views="each",
        notes=(
            "A boolean is 1 or 0, or NULL when it is not known.",
            "POWER, SQRT, EXP and LOG must be there. Python's SQLite has them, and RSQLite after",
            'RSQLite::initExtension(con, "math"). LOG is the decimal logarithm in the first and the natural one in the',
            "second, so LOG(x) / LOG(EXP(1.0)) stands for the natural one.",
        ),
    ),
}


def translated(query: str, dialect: Dialect) -> str:
    """A query of DuckDB in the SQL of another engine."""
    import sqlglot

    return _text(sqlglot.parse_one(query, read="duckdb"), dialect)


def statements(views: Sequence[View], dialect: Dialect, form: Form | None = None) -> list[str]:
    """What an engine must run, in this order, to have all views; without ``form`` as it does best.

    ``views`` makes a view of each. ``tables`` fills tables with the parameters and endpoints and makes views on these,
    which is for engines that need long to plan a query over views upon views. The names are the same. The statements
    may be run again; a table is made anew, with the data of the day.
    """
    engine = ENGINES[dialect]
    with_tables = (form or engine.form) == "tables"
    kept = staged(views) if with_tables else [Kept(view.name, _tree(view), view.about) for view in views]
    done: list[str] = []
    if with_tables and engine.drops_views == "first":
        done += [f"DROP VIEW IF EXISTS {one.name}" for one in reversed(kept) if not one.table]
    for one in kept:
        if one.table or engine.drops_views == "each":
            done.append(f"DROP {'TABLE' if one.table else 'VIEW'} IF EXISTS {one.name}")
        head = (engine.table if one.table else engine.view).format(name=one.name, apart=one.apart)
        done.append(f"-- {' '.join(one.about.split())}\n{head}\n{_text(one.tree, dialect)}")
    return done


def script(
    views: Sequence[View],
    dialect: Dialect,
    definitions: Definitions,
    *,
    form: Form | None = None,
    readings: Mapping[str, str] | None = None,
) -> str:
    """The statements as a script that begins with what it needs and which definitions made it."""
    engine = ENGINES[dialect]
    chosen = form or engine.form
    trial = definitions.trial
    lines = [
        f"Parameters and endpoints of {trial.name} for {engine.title}",
        f"Made from the definitions of version {trial.version}; change these and make it anew.",
        "Open readings: "
        + (", ".join(f"{id}={choice}" for id, choice in (readings or {}).items()) or "the usual ones"),
        "",
        "parameters(subject_id, visit, parameter, value, unit, state, reason) and",
        "endpoints(subject_id, endpoint_id, baseline, follow_up, value, unit, state, reason) hold everything,",
        "and parameter_<id>, endpoint_<id> and population_<id> one of each.",
    ]
    if chosen == "tables":
        lines += ["They rest on tables, filled when the script runs: run it again when the data change."]
    lines += ["", *engine.notes] if engine.notes else []
    lines += ["", "It reads these tables and columns; there may be more. A table that was not sent must exist, empty."]
    for name, columns in columns_read(views, definitions).items():
        fields = definitions.tables[name].fields
        lines.append(f"  {name} ({', '.join(f'{column} {engine.types[fields[column].type]}' for column in columns)})")
    header = "\n".join(f"-- {line}".rstrip() for line in lines)
    return header + "\n\n" + ";\n\n".join(statements(views, dialect, chosen)) + ";\n"


def columns_read(views: Iterable[View], definitions: Definitions) -> dict[str, list[str]]:
    """Columns of the trial's tables that the views read, by table, in the order of the definitions."""
    read: dict[str, set[str]] = {}
    for view in views:
        for table, column in _read(_tree(view)):
            if table in definitions.tables and column in definitions.tables[table].fields:
                read.setdefault(table, set()).add(column)
    return {
        name: [column for column in table.fields if column in read[name]]
        for name, table in definitions.tables.items()
        if name in read
    }


def _read(tree: Any) -> Iterator[tuple[str, str]]:
    """Table and column of each column, for every table it may be of when the query does not say."""
    from sqlglot import exp
    from sqlglot.optimizer.scope import traverse_scope

    for scope in traverse_scope(tree):
        sources = {alias: source.name for alias, source in scope.sources.items() if isinstance(source, exp.Table)}
        for column in scope.columns:
            for alias, table in sources.items():
                if column.table in ("", alias):
                    yield table, column.name


def _tree(view: View) -> Any:
    import sqlglot

    return sqlglot.parse_one(view.query, read="duckdb")


def _text(tree: Any, dialect: Dialect) -> str:
    if dialect == "sqlite":
        tree = tree.transform(_natural_logarithm)
    return str(tree.sql(dialect, pretty=True))


def _natural_logarithm(node: Any) -> Any:
    """LN in functions that both SQLite and its older extension have."""
    import sqlglot
    from sqlglot import exp

    if not isinstance(node, exp.Ln):
        return node
    logarithm = exp.Anonymous(this="LOG", expressions=[node.this])
    return exp.paren(exp.Div(this=logarithm, expression=sqlglot.parse_one("LOG(EXP(1.0))", read="sqlite")))
