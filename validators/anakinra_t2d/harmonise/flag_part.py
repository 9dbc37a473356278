"""The flags that harmonising found, as records of the side table for results that are no number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from anakinra_t2d.harmonise.contribution import Part, PartWriter
from anakinra_t2d.harmonise.record_frame import ROW
from anakinra_t2d.harmonise.side_tables import FLAG_FIELDS, FrameLog, SourcePlace
from anakinra_t2d.schema import Table


def flag_parts(flags: FrameLog, table: Table, places: Sequence[tuple[str, str | None]], scratch: Path) -> list[Part]:
    """One part for each sheet that gave flags; ``places`` are file and sheet by number."""
    frame = flags.read()
    parts = []
    for (number,), rows in frame.group_by("source", maintain_order=True):
        assert isinstance(number, int)
        file, sheet = places[number]
        writer = PartWriter(scratch / f"{table.name}.flags-{number}.parquet", FLAG_FIELDS, frozenset())
        writer.write(rows.rename({"row": ROW}))
        writer.close()
        place = SourcePlace(number, file, sheet, {}, None)
        parts.append(Part(writer.path, table, FLAG_FIELDS, frozenset(), place, writer.records))
    return parts
