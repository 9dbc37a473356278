"""A JSON Schema (2020-12) of the records of each table, and what of the rules it cannot hold."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import astuple, fields
from typing import Any

from anakinra_t2d.forms.data_package import reading_order
from anakinra_t2d.forms.json_conditions import never_false
from anakinra_t2d.forms.row_conditions import CannotExpress, NotHeld, not_held, row_conditions
from anakinra_t2d.schema import Definitions, Field, Table

NOT_HELD = "not_held.csv"

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TYPES = {"date": "string", "datetime": "string"}
_DATE = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]+)?)?"
# a pattern beside the format, because most validators take a format for a remark; that of times asks for a time zone
_FORMS = {"date": {"format": "date", "pattern": f"^{_DATE}$"}, "datetime": {"pattern": f"^{_DATE}T{_TIME}$"}}


def json_schema(table: Table | str, definitions: Definitions) -> dict[str, Any]:
    """The JSON Schema of one record of a table: an object with a member for each field.

    An empty cell is null or left out. Types, codes, ranges, patterns, required fields and the row rules of severity
    error that JSON Schema can state refuse a record; the name of a rule is the ``title`` of its part of ``allOf``. What
    tells people about a field (unit, codes in words, basis, source) stands in annotations that begin with ``x-``.

    Raises:
        KeyError: there is no table of this name.
    """
    described = definitions.tables[table] if isinstance(table, str) else table
    trial = definitions.trial
    held, _ = _conditions(described, definitions)
    return {
        "$schema": _DRAFT,
        "$id": f"urn:{trial.name}:{trial.version}:{described.name}",
        "$comment": f"Made from version {trial.version} of the definitions of {trial.registry}; {NOT_HELD} lists the "
        "rules that it does not hold.",
        "title": described.title,
        "description": described.purpose,
        "type": "object",
        "properties": {field.name: _property(field, definitions) for field in described.fields.values()},
        "required": [field.name for field in described.fields.values() if field.required == "always"],
        "additionalProperties": False,
        **({"allOf": held} if held else {}),
        "x-primaryKey": described.key,
        **_present("x-uniqueKeys", described.unique),
        **_present("x-foreignKeys", [one.model_dump() for one in described.foreign_keys]),
        "x-restricted": described.restricted,
    }


def json_schema_files(definitions: Definitions) -> dict[str, str]:
    """The schema of each table by file name, and the list of rules they do not hold."""
    files = {
        f"{name}.schema.json": json.dumps(json_schema(name, definitions), ensure_ascii=False, indent=2) + "\n"
        for name in reading_order(definitions)
    }
    return files | {NOT_HELD: _as_csv(rules_not_held(definitions))}


def rules_not_held(definitions: Definitions) -> list[NotHeld]:
    """Every rule that the schemas do not hold, with the reason, ordered by code, table and field."""
    refused: dict[tuple[str, str, str], str] = {}
    for table in definitions.tables.values():
        refused |= _conditions(table, definitions)[1]
    return not_held(definitions, rules_held(definitions), refused)


def rules_held(definitions: Definitions) -> set[str]:
    """Codes of the rules that the schemas hold, at least for some fields."""
    codes: set[str] = set()
    for table in definitions.tables.values():
        described = list(table.fields.values())
        codes |= {one["title"].partition(" ")[0] for one in _conditions(table, definitions)[0]}
        codes |= {code for one in described for code in _by_field(one)}
        codes |= {"KEY-002" if one.name in table.key else "REQ-001" for one in described if one.required == "always"}
    return codes


def _by_field(field: Field) -> list[str]:
    """Codes of the rules that the keywords of a property hold."""
    held = ["LIST-001"] if field.codelist else []
    held += ["PAT-001"] if field.pattern else []
    return held + (["RNG-001"] if field.range and field.type in ("number", "integer") else [])


def _conditions(table: Table, definitions: Definitions) -> tuple[list[dict[str, Any]], dict[tuple[str, str, str], str]]:
    """Parts of ``allOf``, and the reasons of those that cannot be stated by code, table and field."""
    held: list[dict[str, Any]] = []
    refused: dict[tuple[str, str, str], str] = {}
    for condition in row_conditions(table):
        if condition.code in _by_field(table.fields[condition.field]) and not condition.is_own_rule:
            continue
        try:
            schema = never_false(condition.sql, table)
        except CannotExpress as reason:
            refused[condition.code, table.name, condition.field] = str(reason)
            continue
        words = definitions.rules[condition.code].expected
        about = words if condition.is_own_rule else f"{condition.field} is filled in"
        held.append({"title": condition.name, "description": about, **schema, "x-condition": condition.sql})
    return held, refused


def _property(field: Field, definitions: Definitions) -> dict[str, Any]:
    required = field.required == "always"
    kind = _TYPES.get(field.type, field.type)
    low, high = field.bounds if field.bounds and field.type in ("number", "integer") else (None, None)
    terms = definitions.terms(field)
    return {
        "title": field.label,
        "description": field.description,
        "type": kind if required else [kind, "null"],
        **({} if terms is None else {"enum": terms if required else [*terms, None]}),
        **({} if low is None else {"minimum": low}),
        **({} if high is None else {"maximum": high}),
        **_FORMS.get(field.type, {}),
        **_present("pattern", field.pattern),
        **_annotations(field, terms, definitions),
    }


def _annotations(field: Field, terms: list[str] | None, definitions: Definitions) -> dict[str, Any]:
    labels = {one.code: one.label for one in definitions.codelists[field.codelist].terms} if field.codelist else {}
    return {
        **_present("x-unit", definitions.unit(field)),
        **_present("x-codes", {code: labels[code] for code in terms or ()}),
        **_present("x-range", field.range),
        **_present("x-expected", field.expected),
        "x-requirement": field.required,
        **_present("x-requiredWhen", field.required_when),
        **_present("x-visits", field.visits),
        **_present("x-minutes", field.minutes),
        **_present("x-weeks", field.weeks),
        **_present("x-loinc", field.codes.loinc),
        "x-identifying": field.identifying,
        "x-blinding": field.blinding,
        "x-basis": field.basis,
        "x-source": field.source,
        **_present("x-note", field.note),
    }


def _present(key: str, value: Any) -> dict[str, Any]:
    """``{key: value}``, or nothing when there is nothing to say."""
    return {key: value} if value else {}


def _as_csv(entries: list[NotHeld]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([one.name for one in fields(NotHeld)])
    writer.writerows(astuple(one) for one in entries)
    return stream.getvalue()
