"""The resources of a datapackage.json (Data Package, version 1 or 2), and whether this package can read them.

Source: https://datapackage.org/standard/data-resource/ and .../table-dialect/.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from anakinra_t2d.reading.problems import InputError

_LARGEST = 64 << 20
_UTF8 = {"utf-8", "utf8", "utf-8-sig", "us-ascii", "ascii"}
# what each property must be, where it is given, for the files to mean what this package reads
_DIALECT: dict[str, tuple[Any, ...]] = {
    "delimiter": (",",),
    "quoteChar": ('"',),
    "doubleQuote": (True,),
    "escapeChar": (None,),
    "nullSequence": (None, ""),
    "skipInitialSpace": (False,),
    "commentChar": (None,),
    "commentRows": (None, []),
    "header": (True,),
    "headerRows": ([1],),
    "lineTerminator": ("\r\n", "\n"),
}
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class Resource:
    """One file of a resource: its name, its path below the package, or why it cannot be read."""

    name: str
    shown: str
    problem: str | None = None


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
        yield Resource(name, each, _unsafe(each, root) or _dialect_problem(resource, each))


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


def _dialect_problem(resource: dict[str, Any], path: str) -> str | None:
    """What in encoding, compression or dialect this package does not read, or None."""
    if not path.lower().endswith(".csv"):
        return None
    encoding = resource.get("encoding")
    if encoding is not None and str(encoding).lower() not in _UTF8:
        return f"the data package gives the encoding {encoding}; only UTF-8 is read"
    if resource.get("compression"):
        return f"the data package gives the compression {resource['compression']}; only plain files are read"
    dialect = resource.get("dialect")
    if dialect is None:
        return None
    if not isinstance(dialect, dict):
        return "the data package gives a dialect in another file, which is not read"
    for key, allowed in _DIALECT.items():
        if key in dialect and dialect[key] not in allowed:
            return f"the data package gives the dialect {key} = {json.dumps(dialect[key])}, which is not read"
    return None
