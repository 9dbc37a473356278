"""Which files of a submission hold which table: by file name, by datapackage.json, inside a ZIP archive."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from anakinra_t2d.reading.problems import InputError, ReadProblem

Format = Literal["csv", "parquet"]
FORMATS: dict[str, Format] = {".csv": "csv", ".parquet": "parquet"}
PACKAGE = "datapackage.json"
MANIFEST = "manifest.json"
"""Marks a directory as an output of the converter."""
BY_PRODUCTS = frozenset(
    {
        *("findings.parquet", "rejected.parquet", "checks.parquet", "lineage.parquet"),
        *("parameters.parquet", "endpoints.parquet", "eligibility.parquet", "results.parquet"),
    }
)
_DATA_SUFFIXES = frozenset(
    ".csv .tsv .tab .psv .parquet .xlsx .xlsm .xls .ods .xpt .sas7bdat .sav .zsav .por .dta .rds .rdata .feather .arrow"
    " .ndjson .jsonl .xml .accdb .mdb .sqlite .zip .gz .7z .rar".split()
)
_SHOWN_NAMES = 5


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that holds a table. ``shown`` is its name for people: ``labs.csv``, ``trial.zip/labs.csv``."""

    table: str
    path: Path
    shown: str
    format: Format


@dataclass
class Submission:
    """The files to read, one for each table, and what is wrong with the others."""

    files: list[SourceFile] = field(default_factory=list)
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


def discover(paths: Sequence[Path], tables: Collection[str], scratch: Path | None = None) -> Submission:
    """Find the files of ``tables`` in directories, files, data packages and ZIP archives, in the order of ``paths``.

    ``scratch`` is an empty directory into which archives are unpacked. Raises InputError when a path does not exist
    or may not be read, and when nothing to read is found; ValueError when there is an archive and no ``scratch``.
    """
    found = Submission()
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
    if refused and not found.files:
        raise InputError(refused[0])
    if not found.files and all(problem.code == "FILE-006" for problem in found.problems):
        raise InputError(_nothing(paths, found, tables))
    return found


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


def _add_directory(found: Submission, root: Path, tables: Collection[str], prefix: str) -> None:
    """Take the files of a directory and of the directories right in it, such as ``restricted/``."""
    for path in _entries(root):
        if path.is_dir() and path.suffix.lower() not in FORMATS:
            if path.resolve() in (real := root.resolve()).parents or path.resolve() == real:
                continue  # a link that leads back
            try:
                inner = list(_entries(path))
                if MANIFEST in {file.name for file in inner}:
                    continue  # an earlier output that lies beside its input
            except PermissionError:
                raise InputError(f"The path {path} may not be read: permission denied.") from None
            for file in inner:
                if not file.is_dir() or file.suffix.lower() in FORMATS:
                    _add_file(found, file, f"{prefix}{path.name}/{file.name}", tables)
        else:
            _add_file(found, path, prefix + path.name, tables)


def _entries(directory: Path) -> Iterator[Path]:
    """What lies in a directory and is not hidden, by name."""
    for path in sorted(directory.iterdir(), key=lambda each: each.name):
        if not path.name.startswith((".", "__MACOSX")):
            yield path


def _add_file(found: Submission, path: Path, shown: str, tables: Collection[str], table: str | None = None) -> None:
    """Take a file by its name, or as ``table`` when a data package names it."""
    suffix = path.suffix.lower()
    known = table or path.stem
    if known not in tables and (path.name in BY_PRODUCTS or (table is None and suffix not in _DATA_SUFFIXES)):
        return
    if known not in tables:
        found.problems.append(ReadProblem("FILE-006", shown))
    elif suffix not in FORMATS:
        found.unreadable(shown, f"files of the kind {suffix or 'without extension'} are not read")
    elif not path.is_file():
        found.unreadable(shown, _not_a_file(path))
    else:
        try:
            path.open("rb").close()
        except PermissionError:
            raise InputError(f"The path {path} may not be read: permission denied.") from None
        except OSError as error:
            found.unreadable(shown, f"the file cannot be opened: {(error.strerror or 'unknown reason').lower()}")
            return
        found.add(SourceFile(known, path, shown, FORMATS[suffix]))


def _not_a_file(path: Path) -> str:
    if path.is_dir():
        return "this is a directory, not a file"
    if path.is_symlink():
        return "this is a link that leads to no file"
    return "this is not a regular file" if path.exists() else "the file does not exist"


def _add_package(found: Submission, path: Path, tables: Collection[str], prefix: str) -> None:
    from anakinra_t2d.reading.package import read_package

    for resource in read_package(path):
        if resource.problem:
            if resource.name in tables:
                found.unreadable(prefix + resource.shown, resource.problem)
            else:
                found.problems.append(ReadProblem("FILE-006", prefix + resource.shown))
        else:
            _add_file(found, path.parent / resource.shown, prefix + resource.shown, tables, resource.name)


def _add_archive(found: Submission, path: Path, tables: Collection[str], target: Path) -> list[str]:
    """Take the files of an archive; returns the sentence that says why it was refused, if it was."""
    from anakinra_t2d.reading.archive import UnsafeArchiveError, unpack

    try:
        root = unpack(path, target, [*_DATA_SUFFIXES, ".json"])
    except UnsafeArchiveError as error:
        found.unreadable(path.name, str(error))
        return [f"The archive {path} cannot be read: {error}."]
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


def _nothing(paths: Sequence[Path], found: Submission, tables: Collection[str]) -> str:
    where = ", ".join(str(path) for path in paths) or "the paths given"
    example = f" such as {next(iter(tables))}.csv" if tables else ""
    others = [problem.file for problem in found.problems]
    more = f" and {len(others) - _SHOWN_NAMES} more" if len(others) > _SHOWN_NAMES else ""
    names = f"; found {', '.join(others[:_SHOWN_NAMES])}{more}" if others else ""
    return f"No file named after a table,{example}, was found in {where}{names}."
