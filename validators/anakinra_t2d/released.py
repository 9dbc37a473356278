"""Reads what ``convert`` wrote."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from anakinra_t2d.versions.change import EditionError
from anakinra_t2d.versions.note import VersionNote, differences_from


class VersionWarning(UserWarning):
    """Data were made with another version of the schema."""


class Converted(Mapping[str, pl.DataFrame]):
    """The tables of an output directory by name, as polars frames; codes of a codelist are categoricals.

    ``manifest`` and ``datapackage`` are the JSON documents beside them. ``version_note`` says how the schema they were
    made with differs from the installed one; a table in which a unit or type changed since is only given out when
    ``any_version`` is True.
    """

    def __init__(self, folder: Path, *, any_version: bool = False) -> None:
        try:
            self.manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            self.datapackage: dict[str, Any] = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{folder} is not an output of convert: {Path(error.filename).name} is missing"
            ) from error
        self.folder = folder
        self.any_version = any_version
        self.version_note = _version_note(folder)
        self._paths = {resource["name"]: resource["path"] for resource in self.datapackage["resources"]}

    def __getitem__(self, table: str) -> pl.DataFrame:
        return pl.read_parquet(self._path(table))

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def scan(self, table: str) -> pl.LazyFrame:
        """A lazy frame of a table, for tables that do not fit in memory."""
        return pl.scan_parquet(self._path(table))

    def _path(self, table: str) -> Path:
        path = self.folder / str(self._paths[table])
        changed = [place for place in self.version_note.unusable if place[0] == table]
        if changed and not self.any_version and (refusal := self.version_note.refusal(changed)):
            from anakinra_t2d.reading import InputError

            raise InputError(f"{refusal} `read(..., any_version=True)` gives the values as they are.")
        return path

    @property
    def findings(self) -> pl.DataFrame:
        """All findings, one row each."""
        return pl.read_parquet(self.folder / "findings.parquet")

    @property
    def rejected(self) -> pl.DataFrame:
        """All rejected rows with their reasons and their cells as sent."""
        return pl.read_parquet(self.folder / "rejected.parquet")


def read(folder: str | Path, *, any_version: bool = False) -> Converted:
    """Open an output directory of ``convert``.

    One made with another version of the schema is read with a warning that says what differs.

    Args:
        folder: the directory.
        any_version: True also gives out tables in which a unit or type is another one now.

    Raises:
        FileNotFoundError: the directory is not such an output.
        InputError: its datapackage.json is not one that ``convert`` wrote.
    """
    converted = Converted(Path(folder), any_version=any_version)
    if words := converted.version_note.warning:
        warnings.warn(words, VersionWarning, stacklevel=2)
    return converted


def _version_note(folder: Path) -> VersionNote:
    try:
        return differences_from(folder)
    except EditionError as error:
        from anakinra_t2d.reading import InputError

        raise InputError(str(error)) from None
