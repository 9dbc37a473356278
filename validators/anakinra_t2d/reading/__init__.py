"""From files as sent to batches of text cells that know their file and row. Knows nothing of the trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anakinra_t2d.reading.discover import SourceFile, Submission, discover
from anakinra_t2d.reading.opening import open_table, open_tables
from anakinra_t2d.reading.options import ReadOptions
from anakinra_t2d.reading.problems import InputError, ReadProblem

if TYPE_CHECKING:
    from anakinra_t2d.reading.cells import Batch, RaggedRow, TextTable

__all__ = [
    "Batch",
    "InputError",
    "RaggedRow",
    "ReadOptions",
    "ReadProblem",
    "SourceFile",
    "Submission",
    "TextTable",
    "discover",
    "open_table",
    "open_tables",
]


def __getattr__(name: str) -> Any:
    # cells need polars, which those who only look for files or catch InputError do not
    if name in ("Batch", "RaggedRow", "TextTable"):
        from anakinra_t2d.reading import cells

        return getattr(cells, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
