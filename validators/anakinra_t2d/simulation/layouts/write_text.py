"""Text files with separated cells."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from anakinra_t2d.simulation.layouts.sent import SentFile


def write_text(file: SentFile, path: Path) -> None:
    """Write a file with lines that end as Windows ends them; an empty cell is nothing between two delimiters.

    Raises:
        ValueError: the encoding has no place for a letter.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=file.delimiter, lineterminator="\r\n")
    for row in file.sheets[0].lines:
        writer.writerow(["" if cell is None else str(cell) for cell in row])
    try:
        content = stream.getvalue().encode(file.encoding)
    except UnicodeEncodeError as error:
        letter = error.object[error.start]
        raise ValueError(f"{file.name}: the encoding {file.encoding} has no {letter!r}") from None
    path.write_bytes(content)
