"""A small trial, converted once, and ways to de-identify it in tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from anakinra_t2d.deidentify.keys import ReleaseKey
from anakinra_t2d.deidentify.released_fields import Dates
from anakinra_t2d.deidentify.risk import RiskReport
from anakinra_t2d.deidentify.run import deidentify_directory
from anakinra_t2d.schema import definitions

FOUND = definitions()
KEY = ReleaseKey(b"4f1d7a90c2e85b36a1d9e7f04c83b25d")
OTHER_KEY = ReleaseKey(b"b70e12f9d38a64c5097bde1f2a6c84e3")


def deidentified(
    source: Path, out: Path, *, dates: Dates = "study_day", threshold: int = 5, key: ReleaseKey = KEY
) -> RiskReport:
    """De-identify with the shipped definitions."""
    return deidentify_directory(source, out, key=key, definitions=FOUND, dates=dates, threshold=threshold)


def cells(folder: Path) -> Iterator[tuple[str, str, object]]:
    """Table, column and each different value of every table of the trial in a folder."""
    for path in sorted(folder / f"{name}.parquet" for name in FOUND.tables):
        if not path.exists():
            continue
        table = pq.read_table(path)
        for name in table.column_names:
            column = table.column(name)
            if pa.types.is_dictionary(column.type):
                column = column.cast(pa.string())
            for value in column.unique().to_pylist():
                if value is not None:
                    yield path.stem, name, value


def frame(folder: Path, table: str) -> pl.DataFrame:
    """A table with its codes as text."""
    return pl.read_parquet(folder / f"{table}.parquet").with_columns(pl.selectors.categorical().cast(pl.String))


def pseudonym(subject: str, key: ReleaseKey = KEY) -> str:
    """The pseudonym of a subject number."""
    return key.pseudonym("subjects.subject_id", "P", subject)


def as_text(value: object) -> str:
    """A cell as a reader would search for it."""
    return value.isoformat() if isinstance(value, dt.date) else str(value)
