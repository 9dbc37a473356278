"""Files with typed columns: Parquet and Arrow."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import polars as pl

from anakinra_t2d.simulation.layouts.sent import Cell, SentFile, SentSheet


def typed_frame(file: SentFile, sheet: SentSheet) -> pl.DataFrame:
    """The rows of a sheet as a frame: columns of numbers are Float64, the others String.

    Raises:
        ValueError: a column holds numbers and texts, or the sheet has rows that are no data.
    """
    if sheet.title or sheet.units:
        raise ValueError(f"{file.name}: a file of this format has no rows above its data")
    if len(set(sheet.header)) < len(sheet.header):
        raise ValueError(f"{file.name}: two columns have the same name")
    columns = [[row[place] for row in sheet.rows] for place in range(len(sheet.header))]
    return pl.DataFrame([_series(file, name, cells) for name, cells in zip(sheet.header, columns, strict=True)])


def _series(file: SentFile, name: str, cells: list[Cell]) -> pl.Series:
    kinds = {type(cell) for cell in cells if cell is not None}
    if len(kinds) > 1:
        raise ValueError(f"{file.name}: the column {name} holds numbers and texts")
    if kinds == {Decimal}:
        return pl.Series(name, [None if cell is None else float(cell) for cell in cells], dtype=pl.Float64)
    return pl.Series(name, cells, dtype=pl.String)


def write_columns(file: SentFile, path: Path) -> None:
    """Write one sheet as Parquet or Arrow. Raises ValueError as ``typed_frame`` does."""
    frame = typed_frame(file, file.sheets[0])
    if file.suffix == ".parquet":
        frame.write_parquet(path, compression="zstd")
    else:
        frame.write_ipc(path, compression="zstd")
