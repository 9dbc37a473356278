"""Findings of all files of a submission, an output directory or a commit."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anakinra_t2d.finding import Finding, Location
from anakinra_t2d.reading.formats import FORMATS
from anakinra_t2d.restricted.look import DOCUMENTS, Seen, Sight, holds_data, look_into, sights_in_order
from anakinra_t2d.restricted.signs import UNREAD_RULE, Signs
from anakinra_t2d.wording import Wording

_ZIP = b"PK\x03\x04"
_INSIDE = [*FORMATS, *DOCUMENTS, ".json", ".yaml", ".md", ".html", ".zip", ".pdf", ".gz"]


@dataclass
class Inspection:
    """``looked_into`` counts files, those inside archives too; ``passed_over`` names files that are no text."""

    findings: list[Finding] = field(default_factory=list)
    looked_into: int = 0
    passed_over: list[str] = field(default_factory=list)


def inspect_paths(paths: Sequence[Path], wording: Wording) -> Inspection:
    """Look into every file below ``paths`` for what blinded people must not see; hidden folders are left out.

    A file that cannot be looked into is an error.
    """
    return _inspect(list(_files(paths)), wording, blinded=True)


def inspect_files(files: Sequence[tuple[Path, str]], wording: Wording) -> Inspection:
    """Look into files, each with its name for people, for restricted and identifying data.

    A data file that cannot be looked into is an error, any other file that is no text is passed over.
    """
    return _inspect(files, wording, blinded=False)


def _inspect(files: Sequence[tuple[Path, str]], wording: Wording, *, blinded: bool) -> Inspection:
    signs = Signs(wording.definitions, blinded=blinded)
    result = Inspection()
    seen: list[Seen] = []
    with tempfile.TemporaryDirectory(prefix="anakinra-t2d-") as scratch:
        for path, shown in _with_members(files, Path(scratch), seen):
            result.looked_into += 1
            one = look_into(path, shown, signs)
            seen.append(one)
            if one.unread is not None:
                if blinded or holds_data(Path(shown)):
                    one.add(UNREAD_RULE, one.unread, "", Location(shown))
                else:
                    result.looked_into -= 1
                    result.passed_over.append(shown)
    result.findings = [_finding(sight, wording) for sight in sights_in_order(seen)]
    return result


def _finding(sight: Sight, wording: Wording) -> Finding:
    found = wording.definitions
    stem = Path(sight.location.file or "").name.partition(".")[0]
    table = sight.location.sheet if sight.location.sheet in found.tables else stem if stem in found.tables else None
    column = sight.location.column
    known = column if table and column in found.tables[table].fields else None
    # the same finding in the next submission has the same fingerprint, so that the label stands for the value
    return wording.finding(
        found.builtin_rules[sight.rule],
        table=table,
        field=known,
        values={
            "found": sight.label,
            "place": sight.place,
            "problem": sight.label,
            "column": column or "",
            "rest": f" ({sight.times:,} times)" if sight.times > 1 else "",
        },
        location=sight.location,
    )


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    for path in paths:
        prefix = f"{path.name}/" if len(paths) > 1 else ""
        if not path.is_dir():
            yield path, path.name
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                file = Path(folder, name)
                yield file, prefix + file.relative_to(path).as_posix()


def _with_members(files: Sequence[tuple[Path, str]], scratch: Path, seen: list[Seen]) -> Iterator[tuple[Path, str]]:
    """The files, and in place of an archive, a document among them, the files in it."""
    from anakinra_t2d.reading.archive import UnsafeArchiveError, unpack

    for number, (path, shown) in enumerate(files):
        if not _is_archive(path):
            yield path, shown
            continue
        noted = Seen()
        seen.append(noted)
        try:
            root = unpack(path, scratch / str(number), _INSIDE)
        except UnsafeArchiveError as error:
            noted.add(UNREAD_RULE, str(error), "", Location(shown))
            continue
        for inner in sorted(root.rglob("*")):
            name = f"{shown}/{inner.relative_to(root).as_posix()}"
            if inner.is_file() and inner.suffix.lower() in (".zip", ".gz") and _is_archive(inner):
                noted.add(UNREAD_RULE, "it is an archive inside an archive", "", Location(name))
            elif inner.is_file():
                yield inner, name


def _is_archive(path: Path) -> bool:
    if path.suffix.lower() in FORMATS:
        return False
    try:
        with path.open("rb") as stream:
            return stream.read(4) == _ZIP
    except OSError:
        return False
