"""The files of a converted directory or a release, as its datapackage.json tells of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from anakinra_t2d.reading import InputError
from anakinra_t2d.reading.discover import MANIFEST, PACKAGE

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions

_MEDIA_TYPES = {
    ".cff": "application/yaml",
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".sql": "application/sql",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xml": "application/xml",
    ".xpt": "application/x-sas-xport",
    ".yaml": "application/yaml",
}

# the descriptor is made anew for what is given
_HARMLESS = frozenset((PACKAGE, "LICENSE", "CITATION.cff"))


@dataclass(frozen=True)
class DataFile:
    """A file of the directory; ``path`` is relative to it, with slashes."""

    path: str
    sha256: str
    size: int
    media_type: str
    resource: Mapping[str, Any] | None = None

    @property
    def format(self) -> str:
        """The end of its name without the dot, in lower case."""
        return PurePosixPath(self.path).suffix.lower().removeprefix(".")


@dataclass(frozen=True)
class DescribedFiles:
    """A directory with its descriptor.

    ``files`` are those that may be given, ordered by path; ``left_out`` names the others with the reason, a fragment.
    ``manifest`` is empty where there is none.
    """

    folder: Path
    package: Mapping[str, Any]
    manifest: Mapping[str, Any]
    files: tuple[DataFile, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def resources(self) -> list[Mapping[str, Any]]:
        """The resources of which a file is given, in the order of the descriptor."""
        given = {str(file.resource["name"]) for file in self.files if file.resource is not None}
        return [one for one in self.package["resources"] if one["name"] in given]

    def of(self, name: str) -> list[DataFile]:
        """The files of a resource, Parquet first."""
        found = [file for file in self.files if file.resource is not None and file.resource["name"] == name]
        return sorted(found, key=lambda file: (file.format != "parquet", file.path))

    def words(self, *, tables_only: bool = False) -> str:
        """What was left out, as sentences, or of it the tables; empty when nothing was."""
        tables = {path for path, _ in _paths(self.package)} if tables_only else self.left_out
        names = ", ".join(f"{path} ({reason})" for path, reason in self.left_out.items() if path in tables)
        if not names:
            return ""
        return f"Left out: {names}. With --unblinded they are taken too."


def described_files(folder: Path, definitions: Definitions, *, unblinded: bool = False) -> DescribedFiles:
    """All files below a directory, but those that can tell the arms unless ``unblinded``.

    Restricted tables can, and what names them: a table with a row about a restricted one, results by arm, and texts
    that were made from all tables together.

    Raises:
        InputError: the directory has no descriptor, or lacks a file that the descriptor names.
    """
    if not folder.is_dir():
        raise InputError(f"There is no directory {folder}; name one that `anakinra-t2d convert` wrote, or a release.")
    package = _document(folder, PACKAGE)
    if not _describes_tables(package):
        raise InputError(f"{folder / PACKAGE} describes no tables; name a directory that `anakinra-t2d convert` wrote.")
    manifest = _document(folder, MANIFEST) if (folder / MANIFEST).is_file() else {}
    by_path = dict(_paths(package))
    for path in by_path:
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise InputError(f"{folder / PACKAGE} names the file {path}, which is outside of the directory.")
        if not (folder / path).is_file():
            raise InputError(f"{folder} lacks {path}, which its {PACKAGE} names.")
    there = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    left_out = {} if unblinded else _left_out(folder, there, by_path, definitions)
    return DescribedFiles(
        folder,
        package,
        manifest,
        tuple(_file(folder, path, by_path.get(path)) for path in there if path not in left_out),
        left_out,
    )


def _describes_tables(package: Mapping[str, Any]) -> bool:
    resources = package.get("resources")
    return isinstance(resources, list) and all(
        isinstance(one, dict)
        and isinstance(one.get("name"), str)
        and isinstance(one.get("path"), str)
        and isinstance(one.get("schema"), dict)
        and isinstance(one["schema"].get("fields"), list)
        for one in resources
    )


def _paths(package: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Path and resource of each file that the descriptor names, alternatives among them."""
    for resource in package["resources"]:
        yield str(resource["path"]), resource
        for other in resource.get("alternatives", []):
            yield str(other["path"]), resource


def _left_out(
    folder: Path, there: list[str], by_path: Mapping[str, Mapping[str, Any]], definitions: Definitions
) -> dict[str, str]:
    restricted = {name for name, table in definitions.tables.items() if table.restricted}
    found: dict[str, str] = {}
    for path in there:
        resource = by_path.get(path)
        if resource is not None and (resource["name"] in restricted or resource.get("restricted")):
            found[path] = "restricted"
        elif path.endswith(".parquet") and (reason := _tells(folder / path, restricted, definitions)):
            found[path] = reason
    told = {PurePosixPath(path).stem: reason for path, reason in found.items()}
    if found:
        for path in there:
            if path in found or path in _HARMLESS:
                continue
            stem = PurePosixPath(path).stem
            if stem in told:
                found[path] = told[stem]
            elif by_path.get(path) is None and not path.endswith(".parquet"):
                found[path] = "made from all tables"
    return dict(sorted(found.items()))


def _tells(path: Path, restricted: set[str], definitions: Definitions) -> str | None:
    """Why a table can tell the arms: it has a row about a restricted table, or a result of an arm."""
    import polars as pl

    arms = [arm.id for arm in definitions.trial.arms]
    try:
        frame = pl.scan_parquet(path)
        columns = frame.collect_schema().names()
        for column, values, reason in (
            ("table", sorted(restricted), "it has rows about restricted tables"),
            ("group", arms, "it has results by arm"),
        ):
            if column in columns and frame.select(pl.col(column).cast(pl.String).is_in(values).any()).collect().item():
                return reason
    except pl.exceptions.PolarsError:
        raise InputError(f"{path} is not a Parquet file that can be read; convert the submission again.") from None
    return None


def _file(folder: Path, path: str, resource: Mapping[str, Any] | None) -> DataFile:
    with (folder / path).open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    media_type = _MEDIA_TYPES.get(PurePosixPath(path).suffix.lower(), "application/octet-stream")
    return DataFile(path, digest, (folder / path).stat().st_size, media_type, resource)


def _document(folder: Path, name: str) -> dict[str, Any]:
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{folder} has no {name}; name a directory that `anakinra-t2d convert` wrote, or a release."
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / name} cannot be read: {error}.") from None
    if not isinstance(found, dict):
        raise InputError(f"{folder / name} is not what `anakinra-t2d convert` writes.")
    return found
