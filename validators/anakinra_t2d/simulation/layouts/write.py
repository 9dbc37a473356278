"""Writes files as a site would send them; the same content gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from anakinra_t2d.simulation.layouts.sent import SentFile

_Writer = Callable[[SentFile, Path], None]


def write_file(file: SentFile, folder: Path) -> Path:
    """Write one file into a folder, in the format that its name says. Returns its path.

    Raises:
        ValueError: the format is not one that can be written, or cannot hold a cell.
    """
    path = folder / file.name
    _writer(file)(file, path)
    return path


def _writer(file: SentFile) -> _Writer:
    if file.suffix == ".xlsx":
        from anakinra_t2d.simulation.layouts.write_excel import write_workbook

        return write_workbook
    if len(file.sheets) > 1:
        raise ValueError(f"{file.name}: a file of this format has no sheets, but the profile names several")
    if file.suffix in (".csv", ".tsv", ".tab", ".psv", ".txt"):
        from anakinra_t2d.simulation.layouts.write_text import write_text

        return write_text
    if file.suffix == ".xpt":
        from anakinra_t2d.simulation.layouts.write_transport import write_transport

        return write_transport
    if file.suffix in (".parquet", ".feather", ".arrow"):
        from anakinra_t2d.simulation.layouts.write_columns import write_columns

        return write_columns
    raise ValueError(f"{file.name}: files of this format are not written")
