"""Which files of a submission hold which table: by file name, by datapackage.json, inside a ZIP archive."""

from __future__ import annotations

import os
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from anakinra_t2d.reading.formats import FORMATS, Format, format_of
from anakinra_t2d.reading.options import ReadOptions
from anakinra_t2d.reading.problems import InputError, ReadProblem

if TYPE_CHECKING:
    from anakinra_t2d.reading.package import Resource

_DESCRIBED = 64 << 10
_GZIP = 31
PACKAGE = "datapackage.json"
PROFILE = "profile.yaml"
"""A site profile that lies beside the files it describes."""
MANIFEST = "manifest.json"
"""Marks a directory as an output of the converter."""
BY_PRODUCTS = frozenset(
    {
        *("findings.parquet", "rejected.parquet", "checks.parquet", "lineage.parquet"),
        *("parameters.parquet", "endpoints.parquet", "eligibility.parquet", "results.parquet", "flow.parquet"),
    }
)
_DATA_SUFFIXES = frozenset([*FORMATS, *".rds .rdata .xml .accdb .mdb .sqlite .zip .gz .7z .rar".split()])
_SHOWN_NAMES = 5


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that holds one table or several. ``shown`` is its name for people: ``labs.csv``, ``trial.zip/labs.csv``.

    ``table`` is the table it is named after or a data package says it is; None when only a profile or the sheets
    inside can say. ``stated`` is what a data package says of how it is written; ``profile`` is the site profile that
    lies beside it.
    """

    table: str | None
    path: Path
    shown: str
    format: Format
    stated: ReadOptions = field(default_factory=ReadOptions)
    profile: Path | None = None


@dataclass
class Submission:
    """The files to read, and what is wrong with the others.

    ``files`` are named after a table, one for each. ``others`` are data files of another name, and all files where a
    site profile is at hand: what they hold is known when they are opened.
    """

    files: list[SourceFile] = field(default_factory=list)
    others: list[SourceFile] = field(default_factory=list)
    problems: list[ReadProblem] = field(default_factory=list)

    def unreadable(self, shown: str, problem: str) -> None:
        """Note a file that cannot be read."""
        self.problems.append(ReadProblem("FILE-002", shown, details={"problem": problem}))

    def add(self, file: SourceFile) -> None:
        """Take a file, unless its table was taken from another one before."""
        for taken in self.files:
            if taken.table == file.table:
                if not taken.path.samefile(file.path):
                    self.problems.append(ReadProblem("FILE-004", file.shown, details={"other": taken.shown}))
                return
        self.files.append(file)


def discover(
    paths: Sequence[Path], tables: Collection[str], scratch: Path | None = None, *, profiled: bool = False
) -> Submission:
    """Find the files of ``tables`` in directories, files, data packages and ZIP archives, in the order of ``paths``.

    ``scratch`` is an empty directory into which archives are unpacked. ``profiled`` says that a site profile is given,
    so that the name of a file need not be that of a table. Raises InputError when a path does not exist or may not be
    read, and when nothing to read is found; ValueError when there is an archive and no ``scratch``.
    """
    found = _Discovery(profiled)
    refused: list[str] = []
    for place, path in enumerate(paths):
        prefix = f"{path.name}/" if len(paths) > 1 and path.name else ""
        _require_readable(path)
        if path.is_dir():
            _add_directory(found, path, tables, prefix)
        elif path.suffix.lower() == ".zip" and path.is_file():
            if scratch is None:
                raise ValueError("a ZIP archive needs a scratch directory")
            refused += _add_archive(found, path, tables, scratch / f"archive-{place}")
        elif path.name == PACKAGE:
            _add_package(found, path, tables, "")
        else:
            _add_file(found, path, path.name, tables)
    if refused and not (found.files or found.others):
        raise InputError(refused[0])
    if not found.files and not found.others and all(problem.code == "FILE-006" for problem in found.problems):
        raise InputError(nothing_found(paths, tables, [problem.file for problem in found.problems]))
    return found


class _Discovery(Submission):
    """A submission in the making; ``beside`` is the profile of the directory being looked at."""

    def __init__(self, profiled: bool) -> None:
        super().__init__()
        self.profiled = profiled
        self.beside: Path | None = None


def _require_readable(path: Path) -> None:
    try:
        if path.is_dir():
            os.scandir(path).close()
        elif path.is_file():
            path.open("rb").close()
        else:
            os.stat(path)
    except FileNotFoundError:
        broken = " is a link to a file that" if path.is_symlink() else ""
        raise InputError(f"The path {path}{broken} does not exist.") from None
    except PermissionError:
        raise InputError(f"The path {path} may not be read: permission denied.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"The path {path} cannot be read: {reason.lower()}.") from None


def _add_directory(found: _Discovery, root: Path, tables: Collection[str], prefix: str) -> None:
    """Take the files of a directory and of the directories right in it, such as ``restricted/``."""
    found.beside = root / PROFILE if (root / PROFILE).is_file() else None
    for path in _entries(root):
        if path.is_dir() and format_of(path)[0] is None:
            if path.resolve() in (real := root.resolve()).parents or path.resolve() == real:
                continue  # a link that leads back
            try:
                inner = list(_entries(path))
                if MANIFEST in {file.name for file in inner}:
                    continue  # an earlier output that lies beside its input
            except PermissionError:
                raise InputError(f"The path {path} may not be read: permission denied.") from None
            for file in inner:
                if not file.is_dir() or format_of(file)[0]:
                    _add_file(found, file, f"{prefix}{path.name}/{file.name}", tables)
        else:
            _add_file(found, path, prefix + path.name, tables)
    found.beside = None


def _entries(directory: Path) -> Iterator[Path]:
    """What lies in a directory and is not hidden, by name."""
    for path in sorted(directory.iterdir(), key=lambda each: each.name):
        if not path.name.startswith((".", "__MACOSX")):
            yield path


def _add_file(
    found: _Discovery,
    path: Path,
    shown: str,
    tables: Collection[str],
    resource: Resource | None = None,
) -> None:
    """Take a file by its name, or as a data package names it."""
    format_, stem, suffix = format_of(path)
    table = resource.name if resource else None
    known = table or stem
    if format_ is None and suffix in (".json", ".json.gz") and _says_dataset_json(path):
        format_ = "dataset_json"
    if format_ is None and resource:
        format_ = resource.format
    if known not in tables and (
        path.name in BY_PRODUCTS or (table is None and not format_ and path.suffix.lower() not in _DATA_SUFFIXES)
    ):
        return
    if format_ is None:
        if known in tables:
            found.unreadable(shown, f"files of the kind {suffix or 'without extension'} are not read")
        else:
            found.problems.append(ReadProblem("FILE-006", shown))
        return
    if not path.is_file():
        if known in tables:
            found.unreadable(shown, _not_a_file(path))
        return
    try:
        path.open("rb").close()
    except PermissionError:
        raise InputError(f"The path {path} may not be read: permission denied.") from None
    except OSError as error:
        found.unreadable(shown, f"the file cannot be opened: {(error.strerror or 'unknown reason').lower()}")
        return
    name = known if known in tables else None
    file = SourceFile(name, path, shown, format_, resource.stated if resource else ReadOptions(), found.beside)
    if name is None or found.profiled or found.beside is not None:
        found.others.append(file)
    else:
        found.add(file)


def _says_dataset_json(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            head = stream.read(_DESCRIBED)
        if path.suffix.lower() == ".gz":
            head = zlib.decompressobj(_GZIP).decompress(head, _DESCRIBED)
    except (OSError, zlib.error):
        return False
    return b'"datasetJSONVersion"' in head


def _not_a_file(path: Path) -> str:
    if path.is_dir():
        return "this is a directory, not a file"
    if path.is_symlink():
        return "this is a link that leads to no file"
    return "this is not a regular file" if path.exists() else "the file does not exist"


def _add_package(found: _Discovery, path: Path, tables: Collection[str], prefix: str) -> None:
    from anakinra_t2d.reading.package import read_package

    resources = read_package(path)
    found.beside = path.parent / PROFILE if (path.parent / PROFILE).is_file() else None
    for resource in resources:
        if resource.problem:
            if resource.name in tables:
                found.unreadable(prefix + resource.shown, resource.problem)
            else:
                found.problems.append(ReadProblem("FILE-006", prefix + resource.shown))
        else:
            _add_file(found, path.parent / resource.shown, prefix + resource.shown, tables, resource)
    found.beside = None


def _add_archive(found: _Discovery, path: Path, tables: Collection[str], target: Path) -> list[str]:
    """Take the files of an archive; returns the sentence that says why it was refused, if it was."""
    from anakinra_t2d.reading.archive import UnsafeArchiveError, unpack

    try:
        root = unpack(path, target, [*_DATA_SUFFIXES, ".json", ".yaml"])
    except UnsafeArchiveError as error:
        found.unreadable(path.name, str(error))
        return [f"The archive {path} cannot be read: {error}."]
    for inner in sorted(root.rglob("*")):
        if inner.suffix.lower() == ".zip" and inner.is_file():
            shown = f"{path.name}/{inner.relative_to(root).as_posix()}"
            found.unreadable(shown, "this is an archive inside an archive, which is not unpacked")
            inner.unlink()
    package = root / PACKAGE
    try:
        if package.is_file():
            _add_package(found, package, tables, f"{path.name}/")
        else:
            _add_directory(found, root, tables, f"{path.name}/")
    except InputError as error:
        words = str(error).replace(str(package), PACKAGE)
        found.unreadable(f"{path.name}/{PACKAGE}", words.rstrip("."))
        return [words.replace(PACKAGE, f"{PACKAGE} in {path}", 1)]
    return []


def nothing_found(
    paths: Sequence[Path],
    tables: Collection[str],
    others: Sequence[str],
    empty: Sequence[str] = (),
    on_purpose: Sequence[str] = (),
    profile: str | None = None,
) -> str:
    """The sentence for a submission without a row that could be read.

    ``others`` are files of unknown content, ``empty`` those that are tables without a row, ``on_purpose`` those that a
    site profile leaves out; ``profile`` is the name of the site profile in use.
    """
    where = ", ".join(str(path) for path in paths) or "the paths given"
    if on_purpose and not others and not empty:
        return f"The site profile leaves out all there is in {where}: {', '.join(on_purpose[:_SHOWN_NAMES])}."
    if empty:
        return f"No table in {where} has a row below its header."
    example = f" such as {next(iter(tables))}.csv" if tables else ""
    more = f" and {len(others) - _SHOWN_NAMES} more" if len(others) > _SHOWN_NAMES else ""
    names = f"; found {', '.join(others[:_SHOWN_NAMES])}{more}" if others else ""
    if profile:
        return f"The site profile {profile} names no file or sheet of {where}{names}."
    drafted = " A site profile can say what they hold; `anakinra-t2d profile` drafts one." if others else ""
    return f"No file named after a table,{example}, was found in {where}{names}.{drafted}"
