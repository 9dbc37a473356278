"""SAS transport files, version 5."""

from __future__ import annotations

import re
from pathlib import Path

from anakinra_t2d.simulation.layouts.sent import SentFile
from anakinra_t2d.simulation.layouts.write_columns import typed_frame

_LONGEST_NAME = 8
_LONGEST_LABEL = 40
_LONGEST_TEXT = 200
_TIME = re.compile(rb"[0-9]{2}[A-Z]{3}[0-9]{2}:[0-9]{2}:[0-9]{2}:[0-9]{2}")
_WRITTEN = b"01MAR06:12:00:00"
_HEADER = 80 * 12


def write_transport(file: SentFile, path: Path) -> None:
    """Write one sheet as a transport file; the name of the data set is the stem of the file's name.

    Raises:
        ValueError: a name or a text is longer than the format allows; and as ``typed_frame`` does.
    """
    import pyreadstat

    sheet = file.sheets[0]
    frame = typed_frame(file, sheet)
    name = path.stem.upper()
    for each in (name, *frame.columns):
        if len(each) > _LONGEST_NAME or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", each):
            raise ValueError(f"{file.name}: {each} is not a name of at most {_LONGEST_NAME} letters and digits")
    for column in frame.columns:
        texts = [cell for cell in frame[column].to_list() if isinstance(cell, str)]
        if any(len(text.encode()) > _LONGEST_TEXT for text in texts):
            raise ValueError(f"{file.name}: the column {column} holds a text of more than {_LONGEST_TEXT} bytes")
    pyreadstat.write_xport(
        frame,
        path,
        file_label="Synthetic data",
        column_labels=[label[:_LONGEST_LABEL] for label in sheet.labels],
        table_name=name,
        file_format_version=5,
    )
    _fix_times(path)


def _fix_times(path: Path) -> None:
    """Put a fixed time in place of the time of writing, which would make every copy differ."""
    content = path.read_bytes()
    path.write_bytes(_TIME.sub(_WRITTEN, content[:_HEADER]) + content[_HEADER:])
