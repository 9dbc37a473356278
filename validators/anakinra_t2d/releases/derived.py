"""What ``derive`` made, without what a view leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from anakinra_t2d.forms.derived_tables import DERIVED, derived_resources
from anakinra_t2d.releases.view import ReleaseView

_ROW_GROUP = 100_000


def cut_derived(view: ReleaseView, tables: Mapping[str, Path], folder: Path) -> dict[str, int]:
    """Write the derived tables of a view into ``folder``; the number of rows by table.

    Parameters and endpoints that rest on something left out are left out, and so are results by arm, the flow by arm,
    reasons of the flow and criteria that are judged after randomisation, where the view says so.
    """
    rows: dict[str, int] = {}
    for name in DERIVED:
        if name not in tables or (name == "results" and view.terms.without("results_by_arm")):
            continue
        frame = pl.scan_parquet(tables[name])
        if (kept := _kept(view, name)) is not None:
            frame = frame.filter(kept)
        path = folder / f"{name}.parquet"
        # all columns in the order of their description, whatever the file has beside them
        collected = frame.select(column.name for column in DERIVED[name].columns).collect(engine="streaming")
        collected.write_parquet(path, compression="zstd", row_group_size=_ROW_GROUP)
        rows[name] = collected.height
    return rows


def _kept(view: ReleaseView, name: str) -> pl.Expr | None:
    terms = view.terms
    if name == "parameters":
        return pl.col("parameter").is_in(sorted(view.cards))
    if name == "endpoints":
        return pl.col("endpoint_id").is_in(sorted(view.cards))
    if name == "eligibility" and terms.without("after_randomisation_criteria"):
        return pl.col("kind") != "post_randomisation"
    if name == "flow":
        conditions = []
        if terms.without("results_by_arm"):
            conditions.append(pl.col("by") != "arm")
        if terms.without("reasons_in_flow"):
            conditions.append(pl.col("reason").is_null())
        return pl.all_horizontal(conditions) if conditions else None
    return None


def resources_of(names: Mapping[str, int]) -> list[dict[str, Any]]:
    """Descriptors of the derived tables that are there."""
    return [resource for resource in derived_resources() if resource["name"] in names]
