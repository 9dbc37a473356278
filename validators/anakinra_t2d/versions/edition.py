"""One state of the schema: definitions, a data package, or the package inside an output or a release."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from anakinra_t2d.forms.derived_tables import derived_resources
from anakinra_t2d.schema.where import data_root
from anakinra_t2d.versions.change import EditionError, Version
from anakinra_t2d.versions.definition_files import (
    CODELISTS,
    QUANTITIES,
    TRIAL,
    DefinitionFiles,
    read_files,
)
from anakinra_t2d.versions.table_facts import Facts, of_definitions, of_package

INSTALLED = "installed"
PACKAGE = "datapackage.json"
MANIFEST = "manifest.json"
TABLES = "schema/tables/"
_LARGEST = 64 << 20


@dataclass(frozen=True)
class Edition:
    """A state of the schema.

    ``shown`` is how it was named. ``files`` is the content of the schema files by path, None for a data package.
    ``whole`` is False for the package of an output, which holds only tables that were sent. ``remarks`` say what could
    not be read, ``unread`` are paths of schema files of which that is so; ``fingerprint`` is that of the schema files,
    where it is stated. ``view`` is that of a release, ``deidentified`` says that a release was de-identified.
    """

    shown: str
    name: str
    version: Version
    tables: Mapping[str, Facts]
    files: Mapping[str, Any] | None
    whole: bool
    remarks: tuple[str, ...] = ()
    unread: frozenset[str] = frozenset()
    fingerprint: str | None = None
    view: str | None = None
    deidentified: bool = False


def open_edition(source: str | Path) -> Edition:
    """The state of the schema that ``source`` holds.

    Args:
        source: ``installed``; a folder that is or holds ``schema/``; a ``datapackage.json``; a directory or zip of an
            output or a release.

    Raises:
        EditionError: there is none in it, or it cannot be read.
    """
    if str(source) == INSTALLED:
        return _installed()
    path, shown = Path(source), str(source)
    if path.is_dir():
        for folder in (path / "schema", path):
            if (folder / "trial.yaml").is_file():
                return of_folder(folder, shown)
        if (path / PACKAGE).is_file():
            return _packaged(path / PACKAGE, shown)
        raise EditionError(
            f"{shown} holds neither schema/trial.yaml nor {PACKAGE}; name a folder of definitions, a {PACKAGE}, an "
            "output of convert or a release."
        )
    if not path.exists():
        raise EditionError(f"There is no {shown}; name a folder, a {PACKAGE}, a release or `{INSTALLED}`.")
    if zipfile.is_zipfile(path):
        return of_document(*_zipped(path, shown), shown)
    return _packaged(path, shown)


@cache
def _installed() -> Edition:
    return of_folder(data_root() / "schema", "the installed schema")


def of_folder(folder: Path, shown: str) -> Edition:
    """The state that the schema files of a folder describe.

    Raises:
        EditionError: a file without which nothing can be compared is missing or wrong.
    """
    edition = of_files(read_files(folder, shown), shown)
    unread = {_table(path) for path in edition.unread if path.startswith(TABLES)}
    if unread and (folder.parent / PACKAGE).is_file():
        # older or newer definitions of a table may have another form, but a data package is the same in all versions
        package = _packaged(folder.parent / PACKAGE, f"{shown}/{PACKAGE}")
        if package.version == edition.version:
            known = {name: package.tables[name] for name in sorted(unread) if name in package.tables}
            words = [f"{shown}: {name} is compared as {PACKAGE} describes it, without its rules." for name in known]
            edition = replace(edition, tables={**edition.tables, **known}, remarks=(*edition.remarks, *words))
    if not edition.tables:
        raise EditionError(f"{shown} has no {TABLES} that can be read.")
    return edition


def of_files(found: DefinitionFiles, shown: str) -> Edition:
    """The state that the content of schema files describes.

    Raises:
        EditionError: it states no version.
    """
    files, trial = found.content, found.content[TRIAL]
    tables = {_table(path): content for path, content in files.items() if path.startswith(TABLES)}
    facts = of_definitions(tables, files[CODELISTS]["codelists"], files[QUANTITIES]["quantities"])
    version = _version(trial["version"], shown)
    return Edition(shown, trial["name"], version, facts, files, True, found.remarks, found.unread)


def installed_package() -> Edition:
    """The installed schema as its data package describes it, with the tables that ``derive`` writes.

    Raises:
        EditionError: the installation lacks the package.
    """
    edition = _packaged(data_root() / PACKAGE, "the installed schema")
    derived = of_package({"resources": derived_resources()})
    return replace(edition, tables={**edition.tables, **derived})


def of_document(package: Any, manifest: Any, shown: str) -> Edition:
    """The state that a data package describes.

    Args:
        package: the descriptor.
        manifest: the manifest beside it, None where there is none.
        shown: how it was named.

    Raises:
        EditionError: it is no description of tables, or states no version.
    """
    if not isinstance(package, dict) or not isinstance(package.get("resources"), list):
        raise EditionError(f"{shown} is not a data package: it has no list of resources.")
    if not isinstance(package.get("version"), str):
        raise EditionError(f"{shown} states no version, so that nothing can be said about it.")
    try:
        tables = of_package(package)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise EditionError(
            f"{shown} is not a data package of tables: a resource or field lacks what every one has."
        ) from None
    whole = manifest is None and not any(
        isinstance(one, dict) and str(one.get("path", "")).endswith(".parquet") for one in package["resources"]
    )
    fingerprint = manifest.get("schema_fingerprint") if isinstance(manifest, dict) else None
    version = _version(package["version"], shown)
    name = str(package.get("name"))
    view = package.get("view")
    return Edition(
        shown,
        name,
        version,
        tables,
        None,
        whole and view is None,
        fingerprint=fingerprint,
        view=view if isinstance(view, str) else None,
        deidentified=bool(package.get("deidentified")),
    )


def _table(path: str) -> str:
    return path.removeprefix(TABLES).removesuffix(".yaml")


def _packaged(path: Path, shown: str) -> Edition:
    manifest = path.with_name(MANIFEST)
    try:
        if path.stat().st_size > _LARGEST:
            raise EditionError(f"{shown} is larger than any data package; name the {PACKAGE} itself.")
        package = _document(path.read_bytes(), shown)
        beside = _document(manifest.read_bytes(), str(manifest)) if manifest.is_file() else None
    except OSError as error:
        raise EditionError(f"{shown} cannot be read: {(error.strerror or 'unknown reason').lower()}.") from None
    return of_document(package, beside, shown)


def _zipped(path: Path, shown: str) -> tuple[Any, Any]:
    """The package of a zip, and the manifest beside it; of several packages the one nearest to the root."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [one.filename for one in archive.infolist() if one.filename.rpartition("/")[2] == PACKAGE]
            if not names:
                raise EditionError(f"{shown} holds no {PACKAGE}.")
            name = min(names, key=lambda one: (one.count("/"), one))
            manifest = name.removesuffix(PACKAGE) + MANIFEST
            package = _document(_member(archive, name, shown), f"{PACKAGE} in {shown}")
            beside = manifest in archive.namelist()
            return package, _document(_member(archive, manifest, shown), f"{MANIFEST} in {shown}") if beside else None
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, OSError, EOFError) as error:
        raise EditionError(f"{shown} cannot be read as a zip: {error}.") from None


def _member(archive: zipfile.ZipFile, name: str, shown: str) -> bytes:
    with archive.open(name) as file:
        # the size that the directory of the zip states may be a lie
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise EditionError(f"{name} in {shown} is larger than any data package.")
    return content


def _document(content: bytes, shown: str) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise EditionError(f"{shown} is not JSON text in UTF-8.") from None


def _version(text: str, shown: str) -> Version:
    try:
        return Version.read(text)
    except ValueError as error:
        raise EditionError(f"{shown}: {error}.") from None
