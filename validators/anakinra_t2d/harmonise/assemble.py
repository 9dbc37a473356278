"""Brings the parts of one table together: records that several sheets describe become one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from anakinra_t2d.harmonise.contribution import Part
from anakinra_t2d.harmonise.record_frame import NOTES, ROW, note
from anakinra_t2d.schema import Table

_TIMES = ":times"


def assemble(table: Table, parts: Sequence[Part], path: Path) -> Path:
    """The records of all parts in one file; the only part's own file when there is just one.

    Records with the same key in different sheets become one, the first value of a field counts and a different one is
    noted (SRC-001). Records doubled within one sheet stay doubled. Done in memory when there are several parts. Rows
    of the parts are in ``:row0``, ``:row1`` ... and ``row0:f`` ...
    """
    if len(parts) == 1:
        return parts[0].path
    frames = [_numbered(table, part, number) for number, part in enumerate(parts)]
    whole = pl.concat(frames, how="diagonal")
    fields = [name for name in table.fields if name in whole.columns]
    others = [name for name in fields if name not in table.key]
    key = [*table.key, _TIMES]
    kept = [column for column in whole.columns if column not in (*key, NOTES)]
    records = whole.group_by(key, maintain_order=True).agg(
        *(pl.col(column).drop_nulls().first() for column in kept),
        *(pl.col(name).drop_nulls().unique(maintain_order=True).alias(f"all:{name}") for name in others),
        pl.col(NOTES).drop_nulls().str.join("\n").alias(NOTES),
    )
    for name in others:
        values = records[f"all:{name}"]
        differ = (values.list.len() > 1).arg_true()
        if len(differ):
            notes = [note("SRC-001", name, values[at][0], {"other": values[at][1]}) for at in differ.to_list()]
            before = records[NOTES].gather(differ).to_list()
            joined = [f"{old}\n{new}" if old else new for old, new in zip(before, notes, strict=True)]
            records = records.with_columns(records[NOTES].scatter(differ, joined))
    records = records.with_columns(pl.when(pl.col(NOTES) != "").then(pl.col(NOTES)).alias(NOTES))
    records.drop([_TIMES, *(f"all:{name}" for name in others)]).write_parquet(path, compression="lz4")
    return path


def _numbered(table: Table, part: Part, number: int) -> pl.DataFrame:
    """A part with its own names of row columns, and ``:times`` that keeps doubled and keyless records apart."""
    frame = pl.read_parquet(part.path)
    missing = [pl.lit(None, dtype=pl.String).alias(name) for name in table.key if name not in frame.columns]
    frame = frame.with_columns(missing)
    whole = pl.all_horizontal(pl.col(table.key).is_not_null())
    alone = -(pl.int_range(1, pl.len() + 1, dtype=pl.Int64) * 1000 + number)
    frame = frame.with_columns(
        pl.when(whole).then(pl.int_range(pl.len(), dtype=pl.Int64).over(table.key)).otherwise(alone).alias(_TIMES)
    )
    names = {column: row_column(number, column) for column in frame.columns}
    return frame.rename({old: new for old, new in names.items() if old != new})


def row_column(number: int, column: str) -> str:
    """The name of a row column of a part after parts were brought together; other names stay."""
    if column == ROW:
        return f"{ROW}{number}"
    return f"row{number}:{column.removeprefix('row:')}" if column.startswith("row:") else column
