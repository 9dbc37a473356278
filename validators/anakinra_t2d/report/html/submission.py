"""What a report is made from: the files that ``convert`` wrote, and those that ``derive`` added."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from anakinra_t2d.finding import Finding
from anakinra_t2d.reading import InputError
from anakinra_t2d.reading.discover import MANIFEST, PACKAGE

if TYPE_CHECKING:
    import polars as pl

    from anakinra_t2d.derivation.flow import FlowRow
    from anakinra_t2d.derivation.results import Result
    from anakinra_t2d.schema import Definitions

FINDINGS = "findings.json"


class Submission:
    """A directory of ``convert``; its tables are read when they are asked for."""

    def __init__(self, folder: Path, definitions: Definitions) -> None:
        """Open the directory.

        Raises:
            InputError: it does not exist, is no output of ``convert``, or its findings cannot be read.
        """
        if not folder.is_dir():
            raise InputError(f"There is no directory {folder}; name one that `anakinra-t2d convert` wrote.")
        self.folder = folder
        self.definitions = definitions
        self.manifest = _document(folder, MANIFEST)
        resources = _document(folder, PACKAGE).get("resources", [])
        self._paths = {str(one.get("name")): folder / str(one.get("path")) for one in resources}
        found = _document(folder, FINDINGS)
        self.summary: Mapping[str, Any] = found.get("summary", {})
        try:
            self.findings = [Finding.from_dict(one) for one in found["findings"]]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{folder / FINDINGS} is not what `anakinra-t2d convert` writes: {error}.") from None
        self._tables: dict[str, pl.DataFrame | None] = {}

    @property
    def synthetic(self) -> bool:
        """Whether the data say that they are simulated."""
        return bool(self.manifest.get("synthetic"))

    def paths(self) -> dict[str, Path]:
        """The Parquet files of the tables of the schema that are there."""
        return {name: path for name, path in self._paths.items() if name in self.definitions.tables and path.is_file()}

    @property
    def outdated(self) -> bool:
        """Whether the data were converted with another state of the definitions."""
        return self.manifest.get("schema_fingerprint") != self.definitions.fingerprint

    def table(self, name: str) -> pl.DataFrame | None:
        """A table with every field of the schema, empty where its file has none; None when there is no file."""
        import polars as pl

        if name not in self._tables:
            frame = self._read(name) if name in self.paths() else None
            if frame is not None:
                absent = [field for field in self.definitions.tables[name].fields if field not in frame.columns]
                frame = frame.with_columns(pl.lit(None).alias(field) for field in absent)
            self._tables[name] = frame
        return self._tables[name]

    def flow(self) -> list[FlowRow] | None:
        """The enrolment flow; None when the directory is not derived."""
        return cast("list[FlowRow] | None", self._derived("flow"))

    def results(self) -> list[Result] | None:
        """The results by arm; None when the directory is not derived."""
        return cast("list[Result] | None", self._derived("results"))

    def _derived(self, name: str) -> list[SimpleNamespace] | None:
        if "derived" not in self.manifest or not (self.folder / f"{name}.parquet").is_file():
            return None
        return [SimpleNamespace(**row) for row in self._read(name).iter_rows(named=True)]

    def _read(self, name: str) -> pl.DataFrame:
        import polars as pl

        path = self._paths.get(name, self.folder / f"{name}.parquet")
        try:
            # conditions of the definitions compare codes as text
            return pl.read_parquet(path).with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
        except (OSError, pl.exceptions.PolarsError) as error:
            raise InputError(f"{path} is not a Parquet file that can be read: {error}.") from None


def _document(folder: Path, name: str) -> dict[str, Any]:
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{folder} is not a directory that `anakinra-t2d convert` wrote: {name} is missing.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / name} cannot be read: {error}.") from None
    if not isinstance(found, dict):
        raise InputError(f"{folder / name} is not what `anakinra-t2d convert` writes.")
    return found
