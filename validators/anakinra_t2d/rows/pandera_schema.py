"""pandera schemas of the tables: the in-memory contract, with all row checks fused into one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandera.polars as pa
import polars as pl

from anakinra_t2d.harmonise.typing import POLARS_TYPES
from anakinra_t2d.rows.checks import row_checks
from anakinra_t2d.rows.verdicts import fused
from anakinra_t2d.schema import Definitions, Field, Table, definitions

if TYPE_CHECKING:
    from pandera.api.polars.types import PolarsData


def pandera_schema(table: Table | str, found: Definitions | None = None) -> pa.DataFrameSchema:
    """The pandera schema of a table for a polars frame with typed columns.

    Types, required fields and codelists are column checks; ranges, conditions and row rules of severity error are
    one fused check.

    Raises:
        KeyError: there is no such table.
    """
    found = found or definitions()
    table = found.tables[table] if isinstance(table, str) else table
    condition = fused(row_checks(table, found))

    def row_checks_hold(data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(condition.alias("row_checks_hold"))

    return pa.DataFrameSchema(
        {field.name: _column(field, found) for field in table.fields.values()},
        checks=[pa.Check(row_checks_hold, name="row checks", error="a row check of severity error fails")],
        unique=list(table.key),
        name=table.name,
        title=table.title,
        description=table.purpose,
        strict=True,
    )


def _column(field: Field, found: Definitions) -> pa.Column:
    terms = found.terms(field)
    return pa.Column(
        POLARS_TYPES[field.type],
        checks=[pa.Check.isin(terms)] if terms else None,
        nullable=field.required != "always",
        required=True,
        title=field.label,
        description=field.description,
        metadata={"unit": found.unit(field), "basis": field.basis, "source": field.source},
    )
