"""The Data Package of a release: CSV files as resources, each with its Parquet file beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anakinra_t2d.forms.data_package import data_package
from anakinra_t2d.forms.derived_tables import DERIVED
from anakinra_t2d.forms.field_help import code_labels
from anakinra_t2d.releases.derived import resources_of
from anakinra_t2d.releases.validation import CHECK_COLUMNS, FINDING_COLUMNS
from anakinra_t2d.releases.workbook import ColumnWords

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.schema.release import Licence, View

DATA, CSV, REPORT = "data", "csv", "report"
"""Folders of a release."""
_BESIDE = {
    "checks": ("Checks", "How often each rule held.", CHECK_COLUMNS),
    "findings": ("Findings", "What the checks found, as far as the view may show it.", FINDING_COLUMNS),
}


@dataclass(frozen=True)
class Facts:
    """What the documents of a release say of it as a whole.

    ``name`` is that of the release, with its marks. ``dates`` is how dates were changed, None when the release is not
    de-identified. ``rows`` counts the records by table, derived tables after those of the trial.
    """

    name: str
    view: str
    terms: View
    synthetic: bool
    dates: str | None
    with_errors: bool
    licence_id: str
    licence: Licence
    readings: Mapping[str, str]
    rows: Mapping[str, int]


def release_package(folder: Path, facts: Facts, shown: Definitions, source: Mapping[str, Any]) -> dict[str, Any]:
    """The descriptor of the files in ``folder``; ``source`` is that of the converted directory."""
    paths = {name: f"{CSV}/{name}.csv" for name in facts.rows if name in shown.tables}
    derived = {name: number for name, number in facts.rows.items() if name in DERIVED}
    package = data_package(shown, paths=paths, synthetic=facts.synthetic, resources_extra=resources_of(derived))
    _accepted_ranges(package, source)
    resources = [_with_files(folder, resource) for resource in package.pop("resources")]
    resources += [
        _beside(folder, name, *words) for name, words in _BESIDE.items() if (folder / REPORT / f"{name}.csv").is_file()
    ]
    package.pop("licenses", None)
    licences = [{"name": facts.licence_id, "title": facts.licence.title, "path": facts.licence.url}]
    remarks = [package["description"], f"{facts.terms.label} view: {facts.terms.purpose}"]
    if facts.dates is not None:
        remarks.append("De-identified.")
    if facts.with_errors:
        remarks.append("The data have open errors: see report/.")
    return {
        **package,
        "name": facts.name,
        "description": " ".join(remarks),
        **({"licenses": licences} if facts.licence.open else {}),
        "view": facts.view,
        "leavesOut": [one.model_dump() for one in facts.terms.leaves_out],
        "deidentified": facts.dates is not None,
        **({"dates": facts.dates} if facts.dates is not None else {}),
        "withErrors": facts.with_errors,
        "schemaFingerprint": shown.fingerprint,
        "resources": resources,
    }


def _accepted_ranges(package: Mapping[str, Any], source_package: Mapping[str, Any]) -> None:
    """Take the range from a field that has an accepted value beyond it, as the converted directory does."""
    beyond = {
        (resource["name"], field["name"])
        for resource in source_package.get("resources", [])
        for field in resource.get("schema", {}).get("fields", [])
        if "rangeBeforeAcceptance" in field
    }
    for resource in package["resources"] if beyond else ():
        for field in resource["schema"]["fields"]:
            if (resource["name"], field["name"]) in beyond:
                bounds = field.get("constraints", {})
                field["rangeBeforeAcceptance"] = {
                    name: bounds.pop(name) for name in ("minimum", "maximum") if name in bounds
                }
                if not bounds:
                    field.pop("constraints", None)


def _with_files(folder: Path, resource: Mapping[str, Any]) -> dict[str, Any]:
    """The resource as CSV with its size and hash, and the Parquet file that holds the same."""
    name = resource["name"]
    path, parquet = f"{CSV}/{name}.csv", f"{DATA}/{name}.parquet"
    made = dict(resource) | {"path": path, "format": "csv", "mediatype": "text/csv", "encoding": "utf-8"}
    made["schema"] = dict(resource["schema"]) | {"missingValues": [""]}
    for field in made["schema"]["fields"]:
        if field["type"] == "boolean":
            field |= {"trueValues": ["true"], "falseValues": ["false"]}
    return {
        **made,
        **_measured(folder / path),
        "alternatives": [
            {
                "path": parquet,
                "format": "parquet",
                "mediatype": "application/vnd.apache.parquet",
                **_measured(folder / parquet),
            }
        ],
    }


def _beside(
    folder: Path, name: str, title: str, about: str, columns: tuple[tuple[str, str, str], ...]
) -> dict[str, Any]:
    path = f"{REPORT}/{name}.csv"
    return {
        "name": name,
        "type": "table",
        "title": title,
        "description": about,
        "path": path,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "role": "report",
        **_measured(folder / path),
        "schema": {
            "fields": [{"name": column, "type": kind, "description": words} for column, kind, words in columns],
            "missingValues": [""],
        },
    }


def _measured(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "hash": f"sha256:{sha256(path)}"}


def sha256(path: Path) -> str:
    """The hash of a file, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def column_words(facts: Facts, shown: Definitions) -> list[ColumnWords]:
    """Every column of the tables of a release, for people."""
    words = []
    for name in facts.rows:
        if name in shown.tables:
            for field in shown.tables[name].fields.values():
                labels = code_labels(field, shown) if field.codelist else {}
                codes = "; ".join(f"{code} = {label}" for code, label in labels.items())
                unit = shown.unit(field) or ""
                words.append(ColumnWords(name, field.name, field.label, field.type, unit, codes, field.description))
        else:
            for column in DERIVED[name].columns:
                label = column.name.replace("_", " ").capitalize()
                words.append(ColumnWords(name, column.name, label, column.type, "", "", column.description))
    return words
