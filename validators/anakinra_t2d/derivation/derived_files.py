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

from anakinra_t2d.derivation.card_file import CardFile, arrow_schema
from anakinra_t2d.derivation.converted import Converted
from anakinra_t2d.derivation.eligibility import eligibility_parts
from anakinra_t2d.forms.arrow import made_with
from anakinra_t2d.forms.derived_tables import DERIVED, derived_resources
from anakinra_t2d.reading.discover import MANIFEST, PACKAGE
from anakinra_t2d.write.whole_directory import OutputError, whole_directory

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from anakinra_t2d.derivation.flow import FlowRow
    from anakinra_t2d.derivation.results import Result
    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.schema.eligibility import Criterion

RESULTS_TEXT = "results.txt"


@contextmanager
def beside(converted: Converted, found: Definitions) -> Iterator[DerivedFiles]:
    """Yield the files to write; when the block ends without an error they stand beside the tables.

    Raises:
        OutputError: the directory cannot be written, or another run wrote it after it was opened.
    """
    with whole_directory(converted.folder, marker=MANIFEST) as partial:
        if json.loads((converted.folder / MANIFEST).read_text(encoding="utf-8")) != converted.manifest:
            raise OutputError(f"{converted.folder} was written again by another run; derive it again.")
        replaced = {RESULTS_TEXT, *(f"{name}.parquet" for name in DERIVED)}
        for path in sorted(converted.folder.iterdir()):
            if path.name not in replaced and not path.name.startswith("."):
                _link(path, partial / path.name)
        yield DerivedFiles(partial, converted, made_with(found))


class DerivedFiles:
    """Writes the files of one derivation into ``folder``; ``metadata`` stand in every Parquet file."""

    def __init__(self, folder: Path, converted: Converted, metadata: Mapping[str, str]) -> None:
        self.folder = folder
        self.converted = converted
        self.metadata = dict(metadata)

    @contextmanager
    def cards(self, subjects: pa.Array) -> Iterator[tuple[CardFile, CardFile]]:
        """Yield the files of parameters and of endpoints of these patients."""
        with (
            CardFile(self.folder / "parameters.parquet", "parameters", "parameter", subjects) as parameters,
            CardFile(self.folder / "endpoints.parquet", "endpoints", "endpoint_id", subjects) as endpoints,
        ):
            for file in (parameters, endpoints):
                file.note(self.metadata)
            yield parameters, endpoints

    def eligibility(self, con: duckdb.DuckDBPyConnection, criteria: Sequence[Criterion]) -> None:
        """Write eligibility.parquet."""
        import pyarrow.parquet as pq

        schema = arrow_schema("eligibility")
        with pq.ParquetWriter(
            self.folder / "eligibility.parquet", schema, compression="zstd", store_schema=False
        ) as file:
            for rows in eligibility_parts(con, criteria):
                file.write_table(rows.cast(schema), row_group_size=max(1, rows.num_rows))
            file.add_key_value_metadata(self.metadata)

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
        frame.write_parquet(self.folder / f"{name}.parquet", compression="zstd", metadata=self.metadata)

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
