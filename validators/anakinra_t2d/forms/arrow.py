"""A table as an Arrow schema whose fields carry their label, unit, terms and ranges as metadata."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from anakinra_t2d.schema import Definitions, Field, Table
from anakinra_t2d.schema import definitions as shipped_definitions

_INT8_TERMS = 127

_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us"),
}


def arrow_schema(table: Table | str, definitions: Definitions | None = None) -> pa.Schema:
    """Arrow schema of one table, its fields in the order of the definitions.

    A field with a codelist is a dictionary of text; a datetime has microseconds and no time zone (local time of the
    site). A field is not nullable when it is ``required: always``. Metadata are UTF-8 text under plain keys; lists and
    codelists are JSON. They hold nothing that changes between runs, and survive a Parquet file.

    Args:
        table: a table of the definitions, or its name.
        definitions: where units and codelists come from; the shipped definitions when left out.

    Raises:
        KeyError: there is no table of this name.
    """
    found = definitions or shipped_definitions()
    described = found.tables[table] if isinstance(table, str) else table
    metadata = {"table": described.name, "title": described.title, **made_with(found)}
    return pa.schema([_arrow_field(field, found) for field in described.fields.values()], metadata=metadata)


def made_with(definitions: Definitions) -> dict[str, str]:
    """File metadata that every Parquet file has: the version of the schema and the trial."""
    return {"schema_version": definitions.trial.version, "trial_registry": definitions.trial.registry}


def _arrow_field(field: Field, found: Definitions) -> pa.Field:
    terms = found.terms(field)
    if terms is None:
        data_type = _TYPES[field.type]
    else:
        data_type = pa.dictionary(pa.int8() if len(terms) <= _INT8_TERMS else pa.int16(), pa.string())
    return pa.field(
        field.name, data_type, nullable=field.required != "always", metadata=_field_metadata(field, terms, found)
    )


def _field_metadata(field: Field, terms: list[str] | None, found: Definitions) -> dict[str, str]:
    labels = {term.code: term.label for term in found.codelists[field.codelist].terms} if field.codelist else {}
    metadata: dict[str, Any] = {
        "label": field.label,
        "description": field.description,
        "unit": found.unit(field),
        "codelist": field.codelist,
        "terms": {code: labels[code] for code in terms} if terms else None,
        "range": field.range,
        "expected": field.expected,
        "basis": field.basis,
        "identifying": field.identifying,
        "blinding": field.blinding,
        "loinc": field.codes.loinc,
        "cdisc_domain": field.codes.cdisc_domain,
        "cdisc": field.codes.cdisc,
    }
    return {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in metadata.items()
        if value is not None
    }
