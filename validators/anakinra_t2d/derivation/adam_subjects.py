"""ADSL: a record for each subject, with a variable for every entry of the definition and a flag per population."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anakinra_t2d.endpoint_views.text import case_of, literal, quoted
from anakinra_t2d.endpoint_views.views import population_query

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.schema.adam import SubjectVariable

SUBJECT = "subject_id"
_LONGEST_LABEL = 40
_SQL_TYPES = {
    "text": "VARCHAR",
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "date": "DATE",
    "datetime": "DATE",
}


@dataclass(frozen=True)
class DataSet:
    """Rows with the labels of their variables; ``notes`` are sentences for the reader of the files."""

    name: str
    label: str
    frame: pl.DataFrame
    labels: dict[str, str]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Column:
    """A variable as a query of subject_id and value over ``tables``."""

    name: str
    label: str
    query: str
    tables: list[str]


def subject_level(con: duckdb.DuckDBPyConnection, definitions: Definitions, present: Iterable[str]) -> DataSet:
    """ADSL over the relations of ``con``; what needs a table that is not in ``present`` is left out and said.

    The frame has a first column ``subject_id`` that is not part of the data set.
    """
    level = definitions.adam.subject_level
    there, kept, absent = set(present), [], dict[str, list[str]]()
    for column in _columns(definitions):
        if missing := [table for table in column.tables if table not in there]:
            absent.setdefault(" and ".join(missing), []).append(column.name)
        else:
            kept.append(column)
    frame = frame_of(con, _query(level.table, kept))
    notes = [
        f"{' and '.join(names)} {'are' if len(names) > 1 else 'is'} left out: of {tables} there is nothing here."
        for tables, names in absent.items()
    ]
    for place, column in enumerate(kept):
        if unclear := int(frame[f"unclear_{place}"].sum() or 0):
            notes.append(f"{column.name} is empty for {unclear} subjects whose records have several different values.")
    labels = {column.name: column.label for column in kept}
    return DataSet(level.name, level.label, frame.select(SUBJECT, *labels), labels, notes)


def revealing_variables(definitions: Definitions, names: Iterable[str], *, restricted: bool) -> list[str]:
    """Variables among ``names`` from restricted tables, or else those from other fields that can reveal the arm."""
    tables = definitions.tables
    found = []
    for column in _columns(definitions):
        if column.name not in set(names):
            continue
        if restricted == any(tables[table].restricted for table in column.tables):
            fields = [one for table in column.tables for one in tables[table].fields.values()]
            hints = [one.name for one in fields if one.blinding == "revealing"]
            if restricted or any(re.search(rf"\b{name}\b", column.query) for name in hints):
                found.append(column.name)
    return found


def frame_of(con: duckdb.DuckDBPyConnection, query: str) -> pl.DataFrame:
    """The rows of a query."""
    import polars as pl

    return pl.DataFrame(pl.from_arrow(con.sql(query).to_arrow_table()))


def _query(table: str, columns: list[_Column]) -> str:
    selected, joins = [], []
    for place, column in enumerate(columns):
        selected.append(f"v{place}.value AS {quoted(column.name)}, v{place}.unclear AS unclear_{place}")
        joins.append(
            f"LEFT JOIN (SELECT {SUBJECT}, CASE WHEN MIN(value) = MAX(value) THEN MIN(value) END AS value, "
            f"MIN(value) < MAX(value) AS unclear FROM ({column.query}) AS found GROUP BY {SUBJECT}) AS v{place} "
            f"ON v{place}.{SUBJECT} = s.{SUBJECT}"
        )
    return (
        f"SELECT s.{SUBJECT}, {', '.join(selected)} FROM "
        f"(SELECT DISTINCT {SUBJECT} FROM {quoted(table)} WHERE {SUBJECT} IS NOT NULL) AS s\n"
        + "\n".join(joins)
        + f"\nORDER BY s.{SUBJECT}"
    )


def _columns(definitions: Definitions) -> Iterator[_Column]:
    level = definitions.adam.subject_level
    for variable in level.variables:
        query = _variable(variable, definitions)
        source = (variable.field or level.table).partition(".")[0] if variable.query is None else variable.query
        yield _Column(variable.name, variable.label, query, _tables(source, definitions))
    for id, population in definitions.endpoints.populations.items():
        label = level.population_labels.get(id) or textwrap.shorten(population.label, _LONGEST_LABEL, placeholder="...")
        query = (
            f"SELECT {SUBJECT}, CASE member WHEN 1 THEN 'Y' WHEN 0 THEN 'N' END AS value "
            f"FROM ({population_query(population.members)}) AS members"
        )
        yield _Column(population.code, label, query, _tables(population.members, definitions))


def _variable(variable: SubjectVariable, definitions: Definitions) -> str:
    level = definitions.adam.subject_level
    if variable.field:
        table, _, name = variable.field.partition(".")
        kind = definitions.tables[table].fields[name].type
        source = f"SELECT {SUBJECT}, {quoted(name)} AS value FROM {quoted(table)}"
        if variable.terms:
            return f"SELECT {SUBJECT}, {case_of('value', _mapping(variable.terms))} AS value FROM ({source}) AS coded"
        if kind == "boolean":
            source = (
                f"SELECT {SUBJECT}, CASE WHEN value THEN 'Y' WHEN NOT value THEN 'N' END AS value FROM ({source}) AS r"
            )
        sql_type = _SQL_TYPES.get(kind, "VARCHAR")
    elif variable.query:
        source, sql_type = variable.query, _SQL_TYPES[variable.type or "text"]
    else:
        fact = variable.constant or getattr(definitions.trial, variable.trial or "registry")
        source, sql_type = f"SELECT {SUBJECT}, {literal(fact)} AS value FROM {quoted(level.table)}", "VARCHAR"
    value = f"CAST(value AS {sql_type})"
    if variable.codelist:
        labels = {
            term.code: term.label[0].upper() + term.label[1:] for term in definitions.codelists[variable.codelist].terms
        }
        value = f"COALESCE({case_of('value', _mapping(labels))}, {value})"
    return f"SELECT {SUBJECT}, {value} AS value FROM ({source}) AS source"


def _mapping(terms: Mapping[str, str | None]) -> Mapping[object, object]:
    return dict(terms.items())


def _tables(query: str, definitions: Definitions) -> list[str]:
    """Tables that a query names, outside of its texts."""
    words = set(re.findall(r"\w+", re.sub(r"'[^']*'", "", query)))
    return [name for name in definitions.tables if name in words]
