"""Reads the schema files of any version, each by itself, as far as this version understands them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from anakinra_t2d.forms.meta import MODELS
from anakinra_t2d.schema.repeated import written_out
from anakinra_t2d.schema.yaml_source import SchemaError, read_yaml
from anakinra_t2d.versions.change import EditionError

_FOLDERS = {"tables": "table", "rules": "rules", "sites": "profile"}
_MOST_UNKNOWN = 200
_MOST_MISSING = 2
"""A file that lacks more keys than these says something else."""
_OF_A_VERSION = ("value_error", "missing")
"""Kinds of problems of which the keys that are there can be compared all the same."""
_EMPTY: dict[str, Any] = {"array": [], "object": {}, "boolean": False}
TRIAL = "schema/trial.yaml"
QUANTITIES = "schema/quantities.yaml"
CODELISTS = "schema/codelists.yaml"
ENDPOINTS = "schema/endpoints.yaml"
NEEDED = (TRIAL, QUANTITIES, CODELISTS)


@dataclass(frozen=True)
class DefinitionFiles:
    """Content of schema files by path, defaults written out; ``unread`` are those that this version cannot read.

    ``remarks`` say what was left out, a sentence each.
    """

    content: dict[str, Any]
    unread: frozenset[str]
    remarks: tuple[str, ...]


def read_files(folder: Path, shown: str) -> DefinitionFiles:
    """Read the schema files in ``folder``.

    An older or newer version may have keys that this version does not know; they are left out and named.

    Raises:
        EditionError: a file without which nothing can be compared is missing or wrong.
    """
    files: dict[str, Any] = {}
    unread: set[str] = set()
    remarks: list[str] = []
    for path in sorted(folder.rglob("*.yaml")):
        name = f"schema/{path.relative_to(folder).as_posix()}"
        if (model := _model(name)) is None and name.count("/") > 1:
            continue
        try:
            files[name] = _content(path, name, model, files, remarks)
        except SchemaError as error:
            unread.add(name)
            remarks.append(f"{error.problems[0]}; this version cannot read the file.")
        except OSError as error:
            unread.add(name)
            remarks.append(f"{name} cannot be read: {(error.strerror or 'unknown reason').lower()}.")
    if missing := [name for name in NEEDED if name not in files]:
        why = next((words for words in remarks if words.startswith(missing[0])), f"{missing[0]} is not there.")
        raise EditionError(f"{shown} cannot be compared. {why[0].upper()}{why[1:]}")
    return DefinitionFiles(files, frozenset(unread), tuple(f"{shown}: {words}" for words in remarks))


def _model(name: str) -> type[BaseModel] | None:
    parts = name.removeprefix("schema/").removesuffix(".yaml").split("/")
    if len(parts) == 1:
        return MODELS.get(parts[0])
    return MODELS[_FOLDERS[parts[0]]] if len(parts) == 2 and parts[0] in _FOLDERS else None


def _content(path: Path, name: str, model: type[BaseModel] | None, files: dict[str, Any], remarks: list[str]) -> Any:
    data = read_yaml(path, name).data
    if not isinstance(data, dict):
        raise SchemaError([f"{name}: is not made of keys with their values"])
    if model is None:
        return data
    if name == ENDPOINTS:
        lists = files.get(CODELISTS, {}).get("codelists", {})
        terms = {key: {term["code"]: term["label"] for term in one["terms"]} for key, one in lists.items()}
        data = written_out(data, terms).data
    read = _read(data, model, name)
    if read.unknown:
        keys = ", ".join(read.unknown)
        remarks.append(f"{name} has keys that this version does not know ({keys}); they are not compared.")
    if read.at_odds:
        remarks.append(f"{name} does not hold what this version asks ({read.at_odds}); it is compared as it stands.")
    return read.content


@dataclass(frozen=True)
class _Read:
    """Content of a file, keys that the model does not have, and what the model asks beyond the form of single keys."""

    content: Any
    unknown: tuple[str, ...] = ()
    at_odds: str | None = None


def _read(data: Any, model: type[BaseModel], name: str) -> _Read:
    try:
        found = model.model_validate_json(json.dumps(data), strict=True)
        return _Read(found.model_dump(mode="json", by_alias=True))
    except ValidationError as error:
        problems = error.errors(include_url=False)
    unknown = [problem["loc"] for problem in problems if problem["type"] == "extra_forbidden"]
    other = [problem for problem in problems if problem["type"] != "extra_forbidden"]
    if unknown and len(unknown) <= _MOST_UNKNOWN:
        data = json.loads(json.dumps(data))
        try:
            for loc in unknown:
                _remove(data, loc)
        except (KeyError, IndexError, TypeError):
            raise SchemaError([f"{name}: has keys that this version does not know"]) from None
        rest = _read(data, model, name)
        return replace(rest, unknown=tuple(sorted({str(loc[-1]) for loc in unknown} | {*rest.unknown})))
    place = ".".join(map(str, other[0]["loc"])) or "file"
    words = other[0]["msg"].removeprefix("Value error, ")
    sentence = f"{place}: {words[0].lower()}{words[1:]}"
    if other[0]["type"] == "missing":
        sentence = f"the key {place}"
    missing = {str(problem["loc"][-1]) for problem in other if problem["type"] == "missing"}
    if len(missing) > _MOST_MISSING or any(problem["type"] not in _OF_A_VERSION for problem in other):
        raise SchemaError([f"{name}: {sentence}"])
    # the form of every key is right; which keys there must be, and what they ask of each other, depends on the version
    schema = model.model_json_schema(by_alias=True)
    return _Read(_filled(data, schema, schema.get("$defs", {})), at_odds=sentence)


def _remove(data: Any, loc: tuple[int | str, ...]) -> None:
    """Take the key at ``loc`` away; a part of ``loc`` that names a kind of card is no key of the data."""
    for part in loc[:-1]:
        if isinstance(part, int) or (isinstance(data, dict) and part in data):
            data = data[part]
    del data[loc[-1]]


def _filled(data: Any, schema: Any, definitions: Mapping[str, Any]) -> Any:
    """Content with the defaults of its JSON Schema, and without blanks around texts, as the models write it."""
    schema = _branch(data, schema, definitions)
    if isinstance(data, str):
        return data.strip()
    if isinstance(data, list):
        return [_filled(one, schema.get("items", {}), definitions) for one in data]
    if not isinstance(data, dict):
        return data
    known = schema.get("properties", {})
    more = next(iter(schema.get("patternProperties", {}).values()), schema.get("additionalProperties"))
    missing = {key: one.get("default", _EMPTY.get(one.get("type"))) for key, one in known.items() if key not in data}
    rest = more if isinstance(more, dict) else {}
    return {**{key: _filled(one, known.get(key, rest), definitions) for key, one in data.items()}, **missing}


def _branch(data: Any, schema: Any, definitions: Mapping[str, Any]) -> Any:
    """The part of a JSON Schema that describes ``data``."""
    while True:
        if reference := schema.get("$ref"):
            schema = definitions[reference.rpartition("/")[2]]
        elif isinstance(data, dict) and "discriminator" in schema:
            kind = data.get(schema["discriminator"]["propertyName"])
            schema = {"$ref": schema["discriminator"]["mapping"][kind]}
        elif isinstance(data, dict | list) and "anyOf" in schema:
            wanted = "array" if isinstance(data, list) else "object"
            kinds = (one for one in schema["anyOf"] if "$ref" in one or one.get("type") == wanted)
            schema = next(kinds, {})
        else:
            return schema
