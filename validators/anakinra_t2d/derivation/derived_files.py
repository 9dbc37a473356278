"""The files of ``derive`` beside the converted tables: a copy of the directory that takes its place as a whole."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anakinra_t2d.across.sql import as_literal
from anakinra_t2d.derivation.converted import Converted
from anakinra_t2d.derivation.workspace import ROW_GROUP
from anakinra_t2d.forms.derived_tables import DERIVED, derived_resources
from anakinra_t2d.reading.discover import MANIFEST, PACKAGE
from anakinra_t2d.write.whole_directory import whole_directory

if TYPE_CHECKING:
    import duckdb

    from anakinra_t2d.derivation.flow import FlowRow
    from anakinra_t2d.derivation.results import Result
    from anakinra_t2d.schema import Definitions

RESULTS_TEXT = "results.txt"


@contextmanager
def beside(converted: Converted) -> Iterator[DerivedFiles]:
    """Yield the files to write; when the block ends without an error they stand beside the tables.

    Raises:
        OutputError: the directory cannot be written.
    """
    with whole_directory(converted.folder, marker=MANIFEST) as partial:
        replaced = {RESULTS_TEXT, *(f"{name}.parquet" for name in DERIVED)}
        for path in sorted(converted.folder.iterdir()):
            if path.name not in replaced and not path.name.startswith("."):
                _link(path, partial / path.name)
        yield DerivedFiles(partial, converted)


class DerivedFiles:
    """Writes the files of one derivation into ``folder``."""

    def __init__(self, folder: Path, converted: Converted) -> None:
        self.folder = folder
        self.converted = converted

    def copy(self, con: duckdb.DuckDBPyConnection, name: str, query: str) -> None:
        """Write the rows of a query."""
        path = as_literal(str(self.folder / f"{name}.parquet"))
        con.execute(f"COPY ({query}) TO {path} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})")

    def results(self, rows: Sequence[Result]) -> None:
        """Write results.parquet."""
        self._rows("results", rows)

    def flow(self, rows: Sequence[FlowRow]) -> None:
        """Write flow.parquet."""
        self._rows("flow", rows)

    def finish(self, definitions: Definitions, readings: Mapping[str, str], text: str) -> None:
        """Write results.txt, and describe all new files in datapackage.json and manifest.json."""
        (self.folder / RESULTS_TEXT).write_text(text, encoding="utf-8")
        package = self.converted.package
        own = derived_resources()
        kept = [one for one in package["resources"] if one.get("name") not in {resource["name"] for resource in own}]
        self._document(PACKAGE, package | {"resources": kept + own})
        manifest = self.converted.manifest
        changed = [PACKAGE, RESULTS_TEXT, *(f"{name}.parquet" for name in DERIVED)]
        files = dict(manifest.get("files", {})) | {name: self._hashed(name) for name in changed}
        derived = {
            "readings": dict(readings),
            "schema_version": definitions.trial.version,
            "schema_fingerprint": definitions.fingerprint,
        }
        self._document(MANIFEST, manifest | {"derived": derived, "files": dict(sorted(files.items()))})

    def _rows(self, name: str, rows: Sequence[Any]) -> None:
        import polars as pl

        types = {"string": pl.String, "number": pl.Float64, "integer": pl.Int64, "boolean": pl.Boolean}
        schema = {column.name: types[column.type] for column in DERIVED[name].columns}
        frame = pl.DataFrame([{column: getattr(row, column) for column in schema} for row in rows], schema=schema)
        frame.write_parquet(self.folder / f"{name}.parquet", compression="zstd")

    def _document(self, name: str, content: object) -> None:
        # a new file, because the old one is the same file as in the directory that is to be replaced
        path = self.folder / name
        path.unlink(missing_ok=True)
        path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

    def _hashed(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        with path.open("rb") as file:
            return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "bytes": path.stat().st_size}


def _link(source: Path, target: Path) -> None:
    """The same file under another name; a copy where the file system cannot."""
    if source.is_dir():
        target.mkdir()
        for path in sorted(source.iterdir()):
            _link(path, target / path.name)
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
