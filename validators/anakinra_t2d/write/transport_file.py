"""Data sets as SAS transport files, version 5: ASCII, at most 200 bytes in a text, eight characters in a name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from anakinra_t2d.reading.problems import UnreadableError
from anakinra_t2d.reading.xpt_layout import members
from anakinra_t2d.write.whole_directory import OutputError

if TYPE_CHECKING:
    import polars as pl

LONGEST_TEXT = 200
_DATE = "DATE9."
_TIME = re.compile(rb"[0-9]{2}[A-Z]{3}[0-9]{2}:[0-9]{2}:[0-9]{2}:[0-9]{2}")
_WRITTEN = b"01JAN60:00:00:00"
_CARD = 80
_HEADER = _CARD * 12


def write_transport_file(path: Path, name: str, label: str, frame: pl.DataFrame, labels: Mapping[str, str]) -> int:
    """Write ``frame`` (texts, numbers and dates) as the data set ``name``; the same bytes on every run.

    A missing text is empty and a missing number or date is missing; dates are SAS dates with the format DATE9. Letters
    with marks lose them, other characters that are not ASCII become ``?``, and texts are cut after 200 bytes.

    Returns:
        How many texts had to be changed in this way.

    Raises:
        OutputError: the file could not be written to its end.
    """
    import polars as pl
    import pyreadstat

    texts = [column for column, kind in frame.schema.items() if kind == pl.String]
    changed = 0
    for column in texts:
        kept = {text: transport_text(text) for text in frame[column].unique().drop_nulls().to_list()}
        different = {text: short for text, short in kept.items() if short != text}
        if different:
            changed += int(frame[column].is_in(list(different)).sum())
            frame = frame.with_columns(pl.col(column).replace(different))
    dates = {column: _DATE for column, kind in frame.schema.items() if kind == pl.Date}
    try:
        pyreadstat.write_xport(
            frame,
            path,
            file_label=label,
            column_labels=[labels[column] for column in frame.columns],
            table_name=name,
            file_format_version=5,
            variable_format=dates,
        )
    except pyreadstat.ReadstatError as error:
        raise OutputError(f"{path.name} cannot be written: {str(error).lower()}; is the disk full?") from None
    _require_whole(path, frame.height)
    _fix_times(path)
    return changed


def _require_whole(path: Path, records: int) -> None:
    """Raise OutputError for a file that is shorter than its records: the library does not say that a disk is full."""
    try:
        (member,) = members(path)
    except (UnreadableError, ValueError):
        raise OutputError(f"{path.name} could not be written to its end; is the disk full?") from None
    size = member.data + records * member.row_length
    # the last card is filled up with blanks
    if path.stat().st_size != size + -size % _CARD:
        raise OutputError(f"{path.name} could not be written to its end; is the disk full?")


def transport_text(text: str) -> str:
    """``text`` as far as a transport file can hold it."""
    plain = unicodedata.normalize("NFKD", text)
    kept = "".join(char for char in plain if not unicodedata.combining(char))
    # a tab or line break is white space; SAS drops spaces at the end
    shown = "".join(char if " " <= char <= "~" else " " if char.isspace() else "?" for char in kept)
    return shown[:LONGEST_TEXT].rstrip(" ")


def _fix_times(path: Path) -> None:
    """Put a fixed time in place of the time of writing, which would make every copy differ."""
    content = path.read_bytes()
    path.write_bytes(_TIME.sub(_WRITTEN, content[:_HEADER]) + content[_HEADER:])
