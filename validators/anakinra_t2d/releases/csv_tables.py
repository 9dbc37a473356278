"""Tables as CSV: UTF-8, a comma, a dot, ISO dates, an empty cell for no value, and no cell that a spreadsheet runs."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

_BATCH = 100_000
FORMULA = r"^'*[=+\-@\t\r]"
"""How a text begins that a spreadsheet could take for a formula, and one that was protected from that."""
NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$|^[+-]$"
"""Texts that begin so and are only numbers or a lone sign."""


def write_csv(parquet: Path, path: Path) -> int:
    """Write a Parquet file as CSV, a batch at a time.

    A text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break, and is no number, gets an apostrophe in
    front, and so does one that begins with apostrophes before such a sign: whoever takes one apostrophe away from in
    front of these has the text as it was.

    Returns:
        How many cells got an apostrophe.
    """
    protected = 0
    with path.open("wb") as stream:
        source = pq.ParquetFile(parquet, pre_buffer=False)
        head = True
        for batch in source.iter_batches(_BATCH):
            frame, changed = protect(pl.DataFrame(pl.from_arrow(batch)))
            protected += changed
            stream.write(_text(frame, head=head))
            head = False
        if head:
            stream.write(_text(pl.DataFrame(pl.from_arrow(source.schema_arrow.empty_table())), head=True))
    return protected


def protect(frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """The frame with texts instead of categories and no text that begins like a formula; and how many were changed."""
    frame = frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    changed = 0
    columns = []
    for name in texts:
        column = frame[name]
        marked = column.str.contains(FORMULA) & ~column.str.contains(NUMBER)
        if number := int(marked.sum()):
            changed += number
            columns.append(
                pl.when(pl.lit(marked))
                .then(pl.concat_str(pl.lit("'"), pl.col(name)))
                .otherwise(pl.col(name))
                .alias(name)
            )
    return frame.with_columns(columns), changed


def _text(frame: pl.DataFrame, *, head: bool) -> bytes:
    written = frame.write_csv(
        None, include_header=head, line_terminator="\n", null_value="", datetime_format="%Y-%m-%dT%H:%M:%S%.f"
    )
    return written.encode()


def spelled(cell: object) -> str:
    """One cell as CSV has it; texts are protected as in :func:`write_csv`."""
    if cell is None:
        return ""
    if isinstance(cell, str) and re.search(FORMULA, cell) and not re.search(NUMBER, cell):
        return f"'{cell}"
    return str(cell)
