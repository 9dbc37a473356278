"""What a state of the schema says of its tables and fields, in one form for definitions and data packages.

A fact that a source does not carry has no key, so that two sources are compared by what both of them say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Facts = dict[str, Any]
"""Facts of a table (``fields`` holds those of its fields by name, in order) or of a field."""

WORDS_OF_TABLE = ("title", "description", "purpose", "rows", "note")
WORDS_OF_FIELD = (
    "label", "description", "basis", "source", "ambiguity", "note", "range_source", "range_note", "variable",
    "synonyms", "decimals", "specimen", "form",
)  # fmt: skip

_REQUIREMENTS = ("always", "planned", "conditional", "elsewhere", "optional")


def of_definitions(
    tables: Mapping[str, Mapping[str, Any]], codelists: Mapping[str, Any], quantities: Mapping[str, Any]
) -> dict[str, Facts]:
    """Facts of tables as the schema files have them.

    Args:
        tables: content of each table file, defaults written out.
        codelists: content of each codelist.
        quantities: content of each quantity.
    """
    return {name: _defined_table(table, codelists, quantities) for name, table in tables.items()}


def _defined_table(table: Mapping[str, Any], codelists: Mapping[str, Any], quantities: Mapping[str, Any]) -> Facts:
    return {
        **{key: table[key] for key in ("title", "purpose", "rows", "note", "role", "restricted", "key", "unique")},
        "foreign_keys": [(tuple(one["fields"]), one["table"], tuple(one["to"])) for one in table["foreign_keys"]],
        "fields": {name: _defined(field, codelists, quantities) for name, field in table["fields"].items()},
    }


def _defined(field: Mapping[str, Any], codelists: Mapping[str, Any], quantities: Mapping[str, Any]) -> Facts:
    facts = {key: value for key, value in field.items() if key not in ("terms", "codes")}
    terms = codelists.get(field["codelist"] or "", {}).get("terms", [])
    quantity = quantities.get(field["quantity"] or "", {})
    return facts | {
        "terms": field["terms"],
        "allowed": (field["terms"] or [term["code"] for term in terms]) if field["codelist"] else None,
        "unit": quantity.get("unit"),
        "terminology": {key: value for key, value in field["codes"].items() if value},
        "planned": {key: value for key, value in field["planned"].items() if value},
        **{key: tuple(field[key] or (None, None)) for key in ("range", "expected")},
    }


def of_package(package: Mapping[str, Any]) -> dict[str, Facts]:
    """Facts of the tables of a data package.

    Raises:
        KeyError, TypeError, AttributeError, ValueError: it is no description of tables.
    """
    return {str(one["name"]): _packaged_table(one) for one in package["resources"]}


def _packaged_table(resource: Mapping[str, Any]) -> Facts:
    schema = resource["schema"]
    if not isinstance(schema, Mapping):
        raise TypeError("a table without a schema")
    return {
        "title": resource.get("title"),
        "description": resource.get("description"),
        "rows": resource.get("rowsPerPatient"),
        "role": resource.get("role", "data"),
        "restricted": resource.get("restricted", False),
        "key": _names(schema.get("primaryKey")),
        "unique": [_names(group) for group in schema.get("uniqueKeys", [])],
        "foreign_keys": [
            (tuple(_names(one["fields"])), one["reference"]["resource"], tuple(_names(one["reference"]["fields"])))
            for one in schema.get("foreignKeys", [])
        ],
        "fields": {str(field["name"]): _packaged(field) for field in schema["fields"]},
    }


def _packaged(field: Mapping[str, Any]) -> Facts:
    constraints = field.get("constraints", {})
    categories = [one if isinstance(one, Mapping) else {"value": one} for one in field.get("categories", [])]
    required = field.get("requirement", "always" if constraints.get("required") else "optional")
    if required not in _REQUIREMENTS:
        raise ValueError(f"unknown requirement {required!r}")
    # a value that was accepted beyond the range takes the range out of the constraints, not out of the schema
    bounds = {**constraints, **field.get("rangeBeforeAcceptance", {})}
    return {
        "type": field.get("type", "string"),
        "label": field.get("title"),
        "description": field.get("description"),
        "codelist": field.get("codelist"),
        "allowed": constraints.get("enum") or [one["value"] for one in categories] or None,
        "labels": {str(one["value"]): one.get("label") for one in categories},
        "unit": field.get("unit"),
        "pattern": constraints.get("pattern"),
        "range": (bounds.get("minimum"), bounds.get("maximum")),
        "expected": tuple(field.get("expected", {}).get(key) for key in ("minimum", "maximum")),
        "required": required,
        "required_when": field.get("requiredWhen"),
        "required_by": field.get("requiredBy"),
        "planned": field.get("planned", {}),
        "visits": field.get("visits", []),
        "minutes": field.get("minutes", []),
        "weeks": field.get("weeks", []),
        "specimen": field.get("specimen"),
        "terminology": field.get("codes", {}),
        "identifying": field.get("identifying", "none"),
        "blinding": field.get("blinding", "open"),
        "range_source": field.get("rangeSource"),
        **{key: field.get(key) for key in ("basis", "source", "ambiguity", "note")},
    }


def _names(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else [str(one) for one in value]
