"""Relations that rules read beside the data: visits, schedule, codelists, fields and conversions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

    from anakinra_t2d.schema import Definitions, Field, Table
    from anakinra_t2d.schema.quantities import Conversion
    from anakinra_t2d.schema.trial import Procedure


def make_schema_relations(con: duckdb.DuckDBPyConnection, definitions: Definitions) -> None:
    """Create the ``schema_*`` relations from the definitions."""
    _create(
        con,
        "schema_visits",
        "visit VARCHAR, label VARCHAR, visit_order BIGINT, day BIGINT, first_day BIGINT, last_day BIGINT",
        (
            (visit.id, visit.label, visit.order, visit.day, *(visit.days or (None, None)))
            for visit in definitions.trial.visits
        ),
    )
    _create(
        con,
        "schema_schedule",
        'id VARCHAR, procedure VARCHAR, "table" VARCHAR, field VARCHAR, visit VARCHAR, week BIGINT, day BIGINT, '
        "minute BIGINT, required VARCHAR, condition VARCHAR",
        (
            _line_of_schedule(step, field)
            for step in definitions.trial.schedule
            for field in step.fields or _beside_key(definitions.tables[step.table])
        ),
    )
    _create(
        con,
        "schema_codelists",
        "codelist VARCHAR, code VARCHAR, label VARCHAR",
        ((name, term.code, term.label) for name, codelist in definitions.codelists.items() for term in codelist.terms),
    )
    _create(
        con,
        "schema_fields",
        '"table" VARCHAR, field VARCHAR, type VARCHAR, quantity VARCHAR, unit VARCHAR, low DOUBLE, high DOUBLE, '
        "expected_low DOUBLE, expected_high DOUBLE, decimals BIGINT, identifying VARCHAR, blinding VARCHAR, "
        "measured BOOLEAN",
        (
            _line_of_field(table, field, definitions.unit(field))
            for table in definitions.tables.values()
            for field in table.fields.values()
        ),
    )
    _create(
        con,
        "schema_conversions",
        'quantity VARCHAR, unit VARCHAR, factor DOUBLE, "offset" DOUBLE, apply VARCHAR',
        (
            _line_of_conversion(name, conversion)
            for name, quantity in definitions.quantities.items()
            for conversion in quantity.conversions
        ),
    )


def is_measured(table: Table, field: Field) -> bool:
    """Whether a field holds a measured number: it has a quantity and is not part of the key."""
    return field.type in ("number", "integer") and field.quantity is not None and field.name not in table.key


def _line_of_schedule(step: Procedure, field: str) -> tuple[Any, ...]:
    where = (step.id, step.procedure, step.table, field)
    return *where, step.visit, step.week, step.day, step.minute, step.required, step.condition


def _line_of_field(table: Table, field: Field, unit: str | None) -> tuple[Any, ...]:
    what = (table.name, field.name, field.type, field.quantity, unit)
    ranges = (*_numbers(field.range), *_numbers(field.expected))
    return *what, *ranges, field.decimals, field.identifying, field.blinding, is_measured(table, field)


def _line_of_conversion(quantity: str, conversion: Conversion) -> tuple[Any, ...]:
    factor = None if conversion.factor is None else float(conversion.factor)
    return quantity, conversion.unit, factor, float(conversion.offset), conversion.apply


def _beside_key(table: Table) -> list[str]:
    return [name for name in table.fields if name not in table.key]


def _numbers(bounds: tuple[Any, Any] | None) -> tuple[float | None, float | None]:
    low, high = bounds or (None, None)
    return (
        None if low is None or isinstance(low, str) else float(low),
        None if high is None or isinstance(high, str) else float(high),
    )


def _create(con: duckdb.DuckDBPyConnection, name: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
    import pyarrow as pa

    con.execute(f"CREATE OR REPLACE TABLE {name} ({columns})")
    names = [column for column, *_ in con.execute(f"DESCRIBE {name}").fetchall()]
    # by way of Arrow, because DuckDB is slow when it gets rows, parameters or literals one by one
    cells = list(zip(*rows, strict=True)) or [()] * len(names)
    con.register("_rows", pa.table({column: pa.array(list(cell)) for column, cell in zip(names, cells, strict=True)}))
    con.execute(f"INSERT INTO {name} SELECT * FROM _rows")
    con.unregister("_rows")
