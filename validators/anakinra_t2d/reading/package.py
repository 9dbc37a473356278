"""The resources of a datapackage.json (Data Package, version 1 or 2), and whether this package can read them.

Source: https://datapackage.org/standard/data-resource/ and .../table-dialect/.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from anakinra_t2d.reading.delimiters import delimiter_named
from anakinra_t2d.reading.encoding import named_encoding
from anakinra_t2d.reading.formats import FORMATS, Format, format_of
from anakinra_t2d.reading.options import ReadOptions
from anakinra_t2d.reading.problems import InputError, UnreadableError

_LARGEST = 64 << 20
# what each property must be, where it is given, for the files to mean what this package reads
_TEXT_DIALECT: dict[str, tuple[Any, ...]] = {
    "quoteChar": ('"',),
    "doubleQuote": (True,),
    "escapeChar": (None,),
    "skipInitialSpace": (False,),
    "commentChar": (None,),
    "lineTerminator": ("\r\n", "\n", "\r"),
}
_DIALECT: dict[str, tuple[Any, ...]] = {
    "header": (True,),
    "sheetName": (None,),
    "sheetNumber": (None, 1),
}
_MEDIA_TYPES = {
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/vnd.apache.parquet": "parquet",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
}
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class Resource:
    """One file of a resource: its name, its path below the package, or why it cannot be read.

    ``stated`` is what the package says of how the file is written; ``format`` what it says the file is, for a file
    whose name does not tell.
    """

    name: str
    shown: str
    problem: str | None = None
    stated: ReadOptions = field(default_factory=ReadOptions)
    format: Format | None = None


def read_package(path: Path) -> list[Resource]:
    """The files that a datapackage.json names, in its order; a resource of several files is there several times.

    Raises InputError when the descriptor is no data package.
    """
    descriptor = _load(path)
    resources = descriptor.get("resources") if isinstance(descriptor, dict) else None
    if not isinstance(resources, list) or not resources:
        raise InputError(f"The data package {path} has no list of resources.")
    found: list[Resource] = []
    for place, resource in enumerate(resources):
        if not isinstance(resource, dict) or not isinstance(resource.get("name"), str):
            raise InputError(f"Resource {place + 1} of the data package {path} has no name.")
        found += _files(resource, path.parent)
    return found


def _load(path: Path) -> Any:
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"The data package {path} is larger than {_LARGEST >> 20} MiB.")
        return json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"The data package {path} cannot be read: {(error.strerror or '').lower()}.") from None
    except UnicodeDecodeError:
        raise InputError(f"The data package {path} is not UTF-8 text.") from None
    except json.JSONDecodeError as error:
        raise InputError(f"The data package {path} is not JSON: {error.msg} in line {error.lineno}.") from None
    except RecursionError:
        raise InputError(f"The data package {path} is nested too deeply.") from None


def _files(resource: dict[str, Any], root: Path) -> Iterator[Resource]:
    name = resource["name"]
    paths = resource.get("path")
    if isinstance(paths, str):
        paths = [paths]
    if not isinstance(paths, list) or not paths or not all(isinstance(each, str) for each in paths):
        yield Resource(name, name, "the resource names no file; data inside the descriptor are not read")
        return
    for each in paths:
        problem = _unsafe(each, root)
        if problem:
            yield Resource(name, each, problem)
            continue
        kind = _stated_kind(resource)
        try:
            yield Resource(name, each, None, _stated(resource, each, kind, root), FORMATS.get(f".{kind}"))
        except UnreadableError as error:
            yield Resource(name, each, f"the data package gives {error.problem}")


def _unsafe(path: str, root: Path) -> str | None:
    """Why a path must not be followed, or None. It stays below ``root``, links followed."""
    if _URL.match(path):
        return "files from the network are not read"
    parts = PurePosixPath(path).parts
    inside = bool(parts) and not path.startswith("/") and ".." not in parts
    if not inside or "\\" in path or "\0" in path or re.match(r"[A-Za-z]:", path):
        return "the path is not a plain relative path below the data package"
    if any(part.startswith(".") for part in parts):
        return "the path leads to a hidden file"
    try:
        if not (root / path).resolve().is_relative_to(root.resolve()):
            return "the path leads out of the data package"
    except (OSError, RuntimeError):  # a loop of links
        return "the path is a link that leads to no file"
    return None


def _stated_kind(resource: dict[str, Any]) -> str:
    """The end of a file name, such as ``csv``, that the package says the file deserves; empty when it does not say."""
    kind = resource.get("format") or _MEDIA_TYPES.get(str(resource.get("mediatype", "")).partition(";")[0].lower(), "")
    return str(kind).lower().lstrip(".")


def _stated(resource: dict[str, Any], path: str, kind: str, root: Path) -> ReadOptions:
    """What the package says of how a file is written. Raises UnreadableError for what is not read, without subject."""
    is_text = (format_of(PurePosixPath(path))[0] or FORMATS.get(f".{kind}")) == "csv"
    compression = resource.get("compression")
    if compression and not (compression in ("gz", "gzip") and path.lower().endswith(".gz")):
        raise UnreadableError(f"the compression {compression}, which is not read")
    dialect = resource.get("dialect")
    if dialect is None:
        dialect = {}
    if not isinstance(dialect, dict):
        raise UnreadableError("a dialect in another file, which is not read")
    for key, allowed in {**(_TEXT_DIALECT if is_text else {}), **_DIALECT}.items():
        if key in dialect and dialect[key] not in allowed:
            raise _not_read(dialect, key)
    header_row = _header_row(dialect)
    decimal, missing = _notation(resource.get("schema"), root)
    if not is_text:
        return ReadOptions(header_row=header_row, decimal=decimal, missing=missing)
    null = dialect.get("nullSequence")
    if isinstance(null, str) and null:
        missing = (*missing, null)
    elif null not in (None, ""):
        raise _not_read(dialect, "nullSequence")
    usual = "\t" if kind == "tsv" and format_of(PurePosixPath(path))[0] is None else None
    return ReadOptions(
        encoding=_encoding(resource.get("encoding")),
        delimiter=_delimiter(dialect) or usual,
        header_row=header_row,
        decimal=decimal,
        missing=missing,
    )


def _not_read(dialect: dict[str, Any], key: str) -> UnreadableError:
    return UnreadableError(f"the dialect {key} = {json.dumps(dialect[key])}, which is not read")


def _encoding(name: Any) -> str | None:
    if name is None:
        return None
    try:
        return named_encoding(str(name))
    except UnreadableError:
        raise UnreadableError(f"the encoding {name}, which is not known") from None


def _delimiter(dialect: dict[str, Any]) -> str | None:
    mark = dialect.get("delimiter")
    if mark is None:
        return None
    try:
        return delimiter_named(mark if isinstance(mark, str) else "")
    except UnreadableError:
        raise _not_read(dialect, "delimiter") from None


def _header_row(dialect: dict[str, Any]) -> int | None:
    """The row of the header; rows that the package calls comments must stand above it."""
    rows = dialect.get("headerRows")
    if rows is not None and not (isinstance(rows, list) and len(rows) == 1 and _is_row(rows[0])):
        raise _not_read(dialect, "headerRows")
    header_row: int | None = rows[0] if rows else None
    comments = dialect.get("commentRows") or []
    if not isinstance(comments, list) or not all(_is_row(each) and each < (header_row or 1) for each in comments):
        raise _not_read(dialect, "commentRows")
    return header_row


def _is_row(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _notation(schema: Any, root: Path) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Decimal marks by column, and the words of an empty cell, from the table schema of a resource."""
    if isinstance(schema, str) and schema.lower().endswith(".json") and not _unsafe(schema, root):
        schema = _load(root / schema) if (root / schema).is_file() else None
    if not isinstance(schema, dict):
        return (), ()
    decimal: list[tuple[str, str]] = []
    fields = schema.get("fields")
    for each in fields if isinstance(fields, list) else []:
        if not isinstance(each, dict) or not isinstance(each.get("name"), str):
            continue
        if each.get("groupChar"):
            raise UnreadableError(f"groupChar = {json.dumps(each['groupChar'])} for {each['name']}, which is not read")
        if "decimalChar" in each:
            if each["decimalChar"] not in (".", ","):
                mark = json.dumps(each["decimalChar"])
                raise UnreadableError(f"decimalChar = {mark} for {each['name']}, which is not read")
            decimal.append((each["name"], each["decimalChar"]))
    words = schema.get("missingValues")
    texts = [each.get("value") if isinstance(each, dict) else each for each in words] if isinstance(words, list) else []
    return tuple(decimal), tuple(text for text in texts if isinstance(text, str) and text)
