"""Croissant 1.1: a directory of tables as JSON-LD that tools for machine learning and data set search read."""

from __future__ import annotations

import datetime as dt
import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anakinra_t2d.standards.described_files import DataFile, DescribedFiles, described_files

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions

CONFORMS_TO = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")

_TYPES = {
    "string": "sc:Text",
    "integer": "cr:Int64",
    "number": "cr:Float64",
    "boolean": "sc:Boolean",
    "date": "sc:Date",
    "datetime": "sc:DateTime",
}
# the name by which its reader knows Parquet; the registered one is not understood
_FORMATS = {"parquet": "application/x-parquet", "csv": "text/csv"}
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "annotation": "cr:annotation",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(
    folder: Path,
    definitions: Definitions,
    *,
    unblinded: bool = False,
    start: str = "",
    published: dt.date | None = None,
) -> dict[str, Any]:
    """The description of a converted directory or a release.

    Files, tables, columns and codes are those of its datapackage.json. A unit is an annotation of its field and stands
    in its description too. Restricted tables are described only when ``unblinded``.

    Args:
        folder: the directory.
        definitions: which tables are restricted, and the paper.
        unblinded: take restricted tables too.
        start: path from the place of the description to the directory, with slashes; empty when it lies in it.
        published: the day of publication, if it is known.

    Raises:
        InputError: the directory is no such output, or lacks a file of its descriptor.
    """
    return describe(
        described_files(folder, definitions, unblinded=unblinded), definitions, start=start, published=published
    )


def describe(
    source: DescribedFiles, definitions: Definitions, *, start: str = "", published: dt.date | None = None
) -> dict[str, Any]:
    """As ``croissant``, of files that were looked up before."""
    package, trial = source.package, definitions.trial
    given = {str(one["name"]): source.of(str(one["name"])) for one in source.resources}
    codelists = dict(_codelists(source.resources))
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": str(package.get("name", trial.name)),
        "description": str(package.get("description", trial.design)),
        "conformsTo": list(CONFORMS_TO),
        **({"license": [one["path"] for one in licences]} if (licences := package.get("licenses")) else {}),
        "url": f"https://doi.org/{trial.publication.doi}",
        "citeAs": f"{trial.publication.citation} https://doi.org/{trial.publication.doi}",
        "creator": [{"@type": "sc:Organization", "name": one["title"]} for one in package.get("contributors", [])],
        "keywords": list(package.get("keywords", [])),
        "version": str(package.get("version", trial.version)),
        **({"datePublished": published.isoformat()} if published else {}),
        "isLiveDataset": False,
        **_personal(source.resources),
        "distribution": [_file_object(file, start) for files in given.values() for file in files],
        "recordSet": [
            *(_enumeration(name, codes) for name, codes in codelists.items()),
            *(_record_set(one, given, codelists) for one in source.resources),
        ],
    }


def _file_object(file: DataFile, start: str) -> dict[str, Any]:
    resource = file.resource or {}
    return {
        "@type": "cr:FileObject",
        "@id": file.path,
        "name": posixpath.basename(file.path),
        "description": str(resource.get("title", "")),
        "contentUrl": posixpath.join(start, file.path),
        "contentSize": f"{file.size} B",
        "encodingFormat": _FORMATS.get(file.format, file.media_type),
        "sha256": file.sha256,
    }


def _codelists(resources: list[Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, str]]]:
    """Codes with their labels by codelist, each with all codes that some field takes from it."""
    found: dict[str, dict[str, str]] = {}
    for resource in resources:
        for field in resource["schema"]["fields"]:
            for term in field.get("categories", []) if "codelist" in field else ():
                found.setdefault(field["codelist"], {})[str(term["value"])] = str(term["label"])
    yield from sorted(found.items())


def _enumeration(name: str, codes: Mapping[str, str]) -> dict[str, Any]:
    own = f"codelist/{name}"
    return {
        "@type": "cr:RecordSet",
        "@id": own,
        "name": own,
        "description": f"Codes of the codelist {name}.",
        "dataType": "sc:Enumeration",
        "key": {"@id": f"{own}/code"},
        "field": [
            {"@type": "cr:Field", "@id": f"{own}/{part}", "name": part, "description": words, "dataType": "sc:Text"}
            for part, words in (("code", "The code as it stands in the data."), ("label", "The code in words."))
        ],
        "data": [{f"{own}/code": code, f"{own}/label": label} for code, label in codes.items()],
    }


def _record_set(
    resource: Mapping[str, Any], given: Mapping[str, list[DataFile]], codelists: Mapping[str, object]
) -> dict[str, Any]:
    name, schema = str(resource["name"]), resource["schema"]
    about = [_sentence(resource.get("title")), _sentence(resource.get("description"))]
    about += [
        f"{', '.join(one['fields'])} refer to {one['reference']['resource']} ({', '.join(one['reference']['fields'])})."
        for one in schema.get("foreignKeys", [])
        if len(one["fields"]) > 1 and one["reference"]["resource"] in given
    ]
    key = [schema["primaryKey"]] if isinstance(schema.get("primaryKey"), str) else schema.get("primaryKey", [])
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": " ".join(part for part in about if part),
        **({"key": [{"@id": f"{name}/{part}"} for part in key]} if key else {}),
        "field": [_field(resource, one, given, codelists) for one in schema["fields"]],
    }


def _field(
    resource: Mapping[str, Any],
    described: Mapping[str, Any],
    given: Mapping[str, list[DataFile]],
    codelists: Mapping[str, object],
) -> dict[str, Any]:
    name = str(described["name"])
    own, unit = f"{resource['name']}/{name}", described.get("unit")
    target = _target(resource, name, given)
    if target is None and described.get("codelist") in codelists:
        target = {"field": {"@id": f"codelist/{described['codelist']}/code"}}
    return {
        "@type": "cr:Field",
        "@id": own,
        "name": name,
        "description": _words(described),
        "dataType": _TYPES.get(described.get("type", "string"), "sc:Text"),
        "source": _column(given[resource["name"]][0], name),
        **({"references": target} if target else {}),
        **({"annotation": [_unit(own, unit)]} if unit else {}),
    }


def _target(resource: Mapping[str, Any], name: str, given: Mapping[str, list[DataFile]]) -> dict[str, Any] | None:
    """The column of another table to which a field refers by itself.

    A part of a longer key gets no reference: readers would join by it alone, and records would be there many times.
    The column of a file is named, since readers cannot follow a reference to a field that stands in a file.
    """
    for key in resource["schema"].get("foreignKeys", []):
        table = key["reference"]["resource"]
        if key["fields"] == [name] and table in given:
            return _column(given[table][0], key["reference"]["fields"][0])
    return None


def _column(file: DataFile, name: str) -> dict[str, Any]:
    return {"fileObject": {"@id": file.path}, "extract": {"column": name}}


def _unit(own: str, unit: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{own}/unit",
        "name": "unit",
        "description": "UCUM unit of all values.",
        "dataType": "sc:Text",
        "equivalentProperty": "sc:unitCode",
        "value": unit,
    }


def _words(described: Mapping[str, Any]) -> str:
    bounds = described.get("constraints", {})
    unit = f" {described['unit']}" if described.get("unit") else ""
    facts = [
        _sentence(described.get("title")),
        _sentence(described.get("description")),
        f"Unit: {described['unit']}." if described.get("unit") else "",
        f"At least {bounds['minimum']}{unit}." if "minimum" in bounds else "",
        f"At most {bounds['maximum']}{unit}." if "maximum" in bounds else "",
    ]
    return " ".join(fact for fact in facts if fact)


def _personal(resources: list[Mapping[str, Any]]) -> dict[str, Any]:
    words = []
    for kind, title in (("direct", "Direct identifiers"), ("quasi", "Quasi-identifiers")):
        names = [
            f"{resource['name']}.{field['name']}"
            for resource in resources
            for field in resource["schema"]["fields"]
            if field.get("identifying") == kind
        ]
        words += [f"{title}: {', '.join(names)}."] if names else []
    return {"rai:personalSensitiveInformation": words} if words else {}


def _sentence(text: str | None) -> str:
    return text if text and text.endswith((".", "!", "?")) else f"{text}." if text else ""
