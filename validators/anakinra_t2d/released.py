"""Reads what ``convert`` wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl


class Converted(Mapping[str, pl.DataFrame]):
    """The tables of an output directory by name, as polars frames; codes of a codelist are categoricals.

    ``manifest`` and ``datapackage`` are the JSON documents beside them.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self.manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            self.datapackage: dict[str, Any] = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{folder} is not an output of convert: {Path(error.filename).name} is missing"
            ) from error
        self.folder = folder
        self._paths = {resource["name"]: resource["path"] for resource in self.datapackage["resources"]}

    def __getitem__(self, table: str) -> pl.DataFrame:
        return pl.read_parquet(self.folder / self._paths[table])

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def scan(self, table: str) -> pl.LazyFrame:
        """A lazy frame of a table, for tables that do not fit in memory."""
        return pl.scan_parquet(self.folder / self._paths[table])

    @property
    def findings(self) -> pl.DataFrame:
        """All findings, one row each."""
        return pl.read_parquet(self.folder / "findings.parquet")

    @property
    def rejected(self) -> pl.DataFrame:
        """All rejected rows with their reasons and their cells as sent."""
        return pl.read_parquet(self.folder / "rejected.parquet")


def read(folder: str | Path) -> Converted:
    """Open an output directory of ``convert``.

    Raises:
        FileNotFoundError: the directory is not such an output.
    """
    return Converted(Path(folder))
