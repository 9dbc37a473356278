"""The tables as a Data Package (version 2) descriptor, for a repository of CSV files or a folder of Parquet files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from anakinra_t2d.schema import Definitions, Field, Table

PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"

_DATA_LICENSE = {
    "name": "CC0-1.0",
    "title": "Creative Commons Zero v1.0 Universal",
    "path": "https://creativecommons.org/publicdomain/zero/1.0/",
}
_MEDIATYPES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}

# frictionless reads Parquet by way of pandas, where an empty cell is one of these
_PANDAS_MISSING = ["", "nan", "NaT"]


def data_package(
    definitions: Definitions,
    *,
    paths: Mapping[str, str],
    synthetic: bool = False,
    resources_extra: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Descriptor of the tables named in ``paths``, in the order in which people read them.

    Hard ranges, controlled terms and required fields are constraints; what only warns (``expected``) or depends on
    other values (planned visits, conditions) is stated beside them. Foreign keys to tables outside ``paths`` are left
    out, so that a folder of some tables is valid by itself.

    Args:
        definitions: the definitions.
        paths: table name to the path of its file, relative to the descriptor; ``.csv`` or ``.parquet``.
        synthetic: the records are simulated. Only then are they put under CC0; real data get no licence from us.
        resources_extra: further resources, appended as they are.

    Raises:
        KeyError: ``paths`` names a table that does not exist.
        ValueError: a path is neither CSV nor Parquet.
    """
    if unknown := sorted(set(paths) - set(definitions.tables)):
        raise KeyError(f"There is no table {', '.join(unknown)}.")
    trial = definitions.trial
    names = [name for name in reading_order(definitions) if name in paths]
    remark = " Every record is simulated and describes no real person." if synthetic else ""
    return {
        "$schema": PROFILE,
        "name": trial.name,
        "title": trial.title,
        "description": f"{trial.design}{remark}",
        "version": trial.version,
        "keywords": ["clinical trial", trial.registry, *(arm.id for arm in trial.arms)],
        **({"synthetic": True, "licenses": [_DATA_LICENSE]} if synthetic else {}),
        "contributors": [{"title": f"The {trial.name} contributors", "roles": ["creator"]}],
        "sources": [{"title": trial.publication.citation, "path": f"https://doi.org/{trial.publication.doi}"}],
        "resources": [_resource(definitions, definitions.tables[name], paths) for name in names]
        + [dict(resource) for resource in resources_extra],
    }


def reading_order(definitions: Definitions) -> list[str]:
    """Every table, in the order in which people read them."""
    return list(definitions.trial.tables)


def _resource(found: Definitions, table: Table, paths: Mapping[str, str]) -> dict[str, Any]:
    path = paths[table.name]
    file_format = path.rpartition(".")[2].lower()
    if file_format not in _MEDIATYPES:
        raise ValueError(f"{path} is neither a .csv nor a .parquet file.")
    is_csv = file_format == "csv"
    return {
        "name": table.name,
        "type": "table",
        "title": table.title,
        "description": " ".join([_sentence(table.purpose), *([_sentence(table.note)] if table.note else [])]),
        "path": path,
        "format": file_format,
        "mediatype": _MEDIATYPES[file_format],
        **({"encoding": "utf-8"} if is_csv else {}),
        "role": table.role,
        "restricted": table.restricted,
        "rowsPerPatient": table.rows,
        "schema": {
            "fields": [_field(found, table, field) for field in table.fields.values()],
            "primaryKey": table.key,
            **_present("uniqueKeys", table.unique),
            **_present("foreignKeys", [*_foreign_keys(table, paths)]),
            "missingValues": [""] if is_csv else _PANDAS_MISSING,
        },
    }


def _foreign_keys(table: Table, present: Iterable[str]) -> Iterable[dict[str, Any]]:
    for reference in table.foreign_keys:
        if reference.table in present:
            yield {
                "fields": reference.fields,
                "reference": {"resource": reference.table, "fields": reference.to},
            }


def _field(found: Definitions, table: Table, field: Field) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": field.name,
        "type": field.type,
        "title": field.label,
        "description": field.description,
    }
    if field.type == "boolean":
        described |= {"trueValues": ["true"], "falseValues": ["false"]}
    if (terms := found.terms(field)) is not None and field.codelist:
        labels = {term.code: term.label for term in found.codelists[field.codelist].terms}
        described["categories"] = [{"value": code, "label": labels[code]} for code in terms]
    described |= _present("constraints", _constraints(table, field, terms))
    return described | _beyond_the_profile(found, field)


def _constraints(table: Table, field: Field, terms: list[str] | None) -> dict[str, Any]:
    low, high = field.range or (None, None)
    return {
        **_present("required", field.required == "always"),
        # frictionless keeps uniqueKeys without checking them; a single field it does check
        **_present("unique", [field.name] in table.unique),
        **_present("enum", terms),
        **({} if low is None else {"minimum": low}),
        **({} if high is None else {"maximum": high}),
        **_present("pattern", field.pattern),
    }


def _beyond_the_profile(found: Definitions, field: Field) -> dict[str, Any]:
    low, high = field.expected or (None, None)
    expected = {**({} if low is None else {"minimum": low}), **({} if high is None else {"maximum": high})}
    return {
        **_present("unit", found.unit(field)),
        **_present("expected", expected),
        **_present("rangeSource", field.range_source),
        **_present("codelist", field.codelist),
        "requirement": field.required,
        **_present("requiredWhen", field.required_when),
        **_present("requiredBy", field.required_by),
        **_present("planned", field.planned.model_dump(exclude_defaults=True)),
        **_present("visits", field.visits),
        **_present("minutes", field.minutes),
        **_present("weeks", field.weeks),
        **_present("specimen", field.specimen),
        **_present("codes", field.codes.model_dump(exclude_none=True)),
        "identifying": field.identifying,
        "blinding": field.blinding,
        "basis": field.basis,
        "source": field.source,
        **_present("ambiguity", field.ambiguity),
        **_present("note", field.note),
    }


def _present(key: str, value: Any) -> dict[str, Any]:
    """``{key: value}``, or nothing when there is nothing to say."""
    return {key: value} if value else {}


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
