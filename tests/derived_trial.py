"""A trial as ``convert`` and ``derive`` leave it, made without the rules and the statistics, which take long."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from anakinra_t2d.across import open_relations
from anakinra_t2d.endpoint_views import views
from anakinra_t2d.schema import Definitions


def write_tables(sent: Path, folder: Path, found: Definitions) -> None:
    """Write canonical files as converted tables into the new directory ``folder``."""
    folder.mkdir()
    texts = {path.stem: [pl.read_csv(path, infer_schema=False)] for path in sorted(sent.glob("*.csv"))}
    with open_relations(found, texts) as con:
        for name in texts:
            columns = ", ".join(f'"{field}"' for field in found.tables[name].fields)
            con.execute(f"COPY (SELECT {columns} FROM {name}) TO '{folder / f'{name}.parquet'}' (FORMAT parquet)")
    resources = [{"name": name, "path": f"{name}.parquet"} for name in texts]
    (folder / "datapackage.json").write_text(json.dumps({"resources": resources}))
    manifest = {"synthetic": True, "schema_fingerprint": found.fingerprint}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def write_derived(folder: Path, found: Definitions) -> None:
    """Write parameters and endpoints beside converted tables."""
    tables = {name: [folder / f"{name}.parquet"] for name in found.tables if (folder / f"{name}.parquet").is_file()}
    with open_relations(found, tables, memory_limit="4GB") as con:
        for view in views(found):
            # tables, because a view is calculated anew for each endpoint that reads it
            con.execute(f"CREATE TABLE {view.name} AS {view.query}")
        for name in ("parameters", "endpoints"):
            con.execute(f"COPY (SELECT * FROM {name}) TO '{folder / f'{name}.parquet'}' (FORMAT parquet)")
