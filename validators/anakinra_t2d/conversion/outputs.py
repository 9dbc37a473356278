"""The files beside the tables: findings, counts of checks, lineage, manifest, data package and report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from anakinra_t2d import __version__
from anakinra_t2d.conversion.outcome import Outcome
from anakinra_t2d.finding import record_key
from anakinra_t2d.forms.arrow import made_with
from anakinra_t2d.forms.data_package import data_package
from anakinra_t2d.harmonise.typing import CellTyper
from anakinra_t2d.report.json_document import as_json
from anakinra_t2d.report.text import plain_report
from anakinra_t2d.schema import Definitions
from anakinra_t2d.write.parquet_table import ParquetTable

_LINEAGE_ROWS = 250_000
_FINDINGS = pa.schema(
    [
        pa.field("code", pa.string(), nullable=False),
        pa.field("severity", pa.string(), nullable=False),
        pa.field("table", pa.string()),
        pa.field("record_key", pa.string()),
        pa.field("field", pa.string()),
        pa.field("value", pa.string()),
        pa.field("fields", pa.list_(pa.string())),
        pa.field("expected", pa.string()),
        pa.field("message", pa.string()),
        pa.field("hint", pa.string()),
        pa.field("file", pa.string()),
        pa.field("sheet", pa.string()),
        pa.field("row", pa.int64()),
        pa.field("column", pa.string()),
        pa.field("fingerprint", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("accepted_reason", pa.string()),
        pa.field("accepted_by", pa.string()),
        pa.field("accepted_on", pa.string()),
        pa.field("accepted_until", pa.string()),
    ]
)
_CHECKS = pa.schema(
    [
        pa.field("code", pa.string(), nullable=False),
        pa.field("severity", pa.string(), nullable=False),
        pa.field("table", pa.string()),
        pa.field("field", pa.string()),
        pa.field("passed", pa.int64(), nullable=False),
        pa.field("failed", pa.int64(), nullable=False),
        pa.field("not_assessed", pa.int64(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Lineage:
    """Changed cells: ``harmonised`` are Parquet files of them, ``typed`` those changed when they were typed."""

    harmonised: Sequence[Path]
    typed: Sequence[Mapping[str, object]]


def write_outputs(folder: Path, found: Definitions, outcome: Outcome, changed: Lineage, written: Sequence[str]) -> None:
    """Write everything beside the tables into ``folder``; ``written`` names the tables that are there."""
    _write_parquet(folder / "findings.parquet", _FINDINGS, _finding_rows(outcome), found)
    (folder / "findings.json").write_text(as_json(outcome), encoding="utf-8")
    _write_parquet(folder / "checks.parquet", _CHECKS, _check_rows(found, outcome), found)
    _write_lineage(folder, found, changed)
    (folder / "report.txt").write_text(plain_report(outcome, found), encoding="utf-8")
    paths = {name: f"{name}.parquet" for name in written}
    lineage = [name for name, table in found.tables.items() if table.role == "lineage"]
    paths |= {name: f"{name}.parquet" for name in lineage}
    package = data_package(found, paths=paths, synthetic=outcome.synthetic)
    _open_accepted_ranges(package, outcome)
    (folder / "datapackage.json").write_text(_json(package), encoding="utf-8")
    (folder / "manifest.json").write_text(_json(_manifest(folder, found, outcome)), encoding="utf-8")


def _open_accepted_ranges(package: Mapping[str, Any], outcome: Outcome) -> None:
    """Take the range from a field that has an accepted value beyond it, so that the package describes its data."""
    beyond = {(f.table, f.field) for f in outcome.findings if f.code == "RNG-001" and f.status == "accepted"}
    for resource in package["resources"]:
        for described in resource["schema"]["fields"] if beyond else ():
            if (resource["name"], described["name"]) in beyond:
                bounds = described["constraints"]
                described["rangeBeforeAcceptance"] = {
                    name: bounds.pop(name) for name in ("minimum", "maximum") if name in bounds
                }
                if not bounds:
                    del described["constraints"]


def _json(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def _finding_rows(outcome: Outcome) -> Iterable[tuple[Any, ...]]:
    for f in outcome.findings:
        place, why = f.location, f.acceptance
        yield (
            f.code, f.severity, f.table, record_key(f.key) or None, f.field, f.value, list(f.fields), f.expected,
            f.message, f.hint, place.file, place.sheet, place.row, place.column, f.fingerprint,
            f.status, *((why.reason, why.who, why.when, why.until) if why else (None, None, None, None)),
        )  # fmt: skip


def _check_rows(found: Definitions, outcome: Outcome) -> Iterable[tuple[Any, ...]]:
    for (code, table, name), count in sorted(outcome.checks.items(), key=lambda item: [part or "" for part in item[0]]):
        severity = found.rules[code].severity
        yield code, severity, table, name, count.passed, count.failed, count.not_assessed


def _write_parquet(path: Path, schema: pa.Schema, rows: Iterable[tuple[Any, ...]], found: Definitions) -> None:
    schema = schema.with_metadata(made_with(found))
    columns: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) or [() for _ in schema]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path, compression="zstd")


def _write_lineage(folder: Path, found: Definitions, changed: Lineage) -> None:
    for name, table in found.tables.items():
        if table.role == "lineage":
            schema = CellTyper(table, found).schema()
            metadata = {"schema_fingerprint": found.fingerprint}
            with ParquetTable(folder / f"{name}.parquet", table, found, metadata) as writer:
                for frame in _harmonised(changed.harmonised):
                    writer.write(frame.with_columns(record_version=pl.lit(1, pl.Int64)).select(list(schema)))
                writer.write(pl.DataFrame(list(changed.typed), schema=schema, orient="row"))


def _harmonised(paths: Sequence[Path]) -> Iterator[pl.DataFrame]:
    for path in paths:
        for batch in pq.ParquetFile(path, pre_buffer=False).iter_batches(_LINEAGE_ROWS):
            yield pl.DataFrame(pl.from_arrow(batch))


def _manifest(folder: Path, found: Definitions, outcome: Outcome) -> dict[str, Any]:
    """What went in, what came out: hashes of every file and the sums that must hold."""
    tables = {
        name: {
            "source": {"file": Path(t.file).name, "sha256": t.sha256, "bytes": t.size},
            "rows_read": t.rows_read,
            "rows_valid": t.rows_valid,
            "rows_rejected": t.rows_rejected,
            "cells_changed": t.changed_cells,
        }
        for name, t in outcome.tables.items()
    }
    files = {
        path.relative_to(folder).as_posix(): {"sha256": _sha256(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }
    return {
        "format": 1,
        "package": f"anakinra-t2d {__version__}",
        "trial": found.trial.registry,
        "schema_version": found.trial.version,
        "schema_fingerprint": found.fingerprint,
        "synthetic": outcome.synthetic,
        "errors": outcome.errors,
        "warnings": outcome.warnings,
        "accepted": outcome.accepted,
        "not_assessed": outcome.not_assessed,
        "tables": tables,
        "sheets": [asdict(sheet) for sheet in outcome.sheets],
        "files": files,
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
