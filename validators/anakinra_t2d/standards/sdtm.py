"""``export sdtm``: the tables of a converted directory as SDTM data sets, in SAS transport files of version 5."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from anakinra_t2d.reading import InputError
from anakinra_t2d.schema import Definitions
from anakinra_t2d.standards.sdtm_beside import Beside, reference_starts
from anakinra_t2d.standards.sdtm_cells import FLAG, Losses
from anakinra_t2d.standards.sdtm_metadata import Dataset, sdtm_datasets
from anakinra_t2d.standards.sdtm_notes import NOTES, Written, notes_text, without_place
from anakinra_t2d.standards.sdtm_rows import Flags, Rows
from anakinra_t2d.standards.source_tables import SourceTables, open_source
from anakinra_t2d.write.transport_file import write_transport_file
from anakinra_t2d.write.whole_directory import whole_directory


def sdtm(folder: Path, definitions: Definitions, out: Path, *, unblinded: bool = False) -> str:
    """Write the tables of a directory that ``convert`` wrote as SDTM data sets into the new directory ``out``.

    The data sets are those from which the profile of SDTM reads the tables, so that ``convert`` makes the same tables
    of them again. Each is made in memory. Data sets of restricted tables are written only when ``unblinded``.

    Returns:
        What was written, what has no place in the data sets and what the reader of them must know, as sentences.

    Raises:
        InputError: ``folder`` was not written by ``convert`` with these definitions, or has no record.
        OutputError: ``out`` holds something else or cannot be written.
    """
    source = open_source(folder, definitions, unblinded=unblinded)
    losses = Losses()
    with whole_directory(out, marker=NOTES) as target:
        written = _write(source, losses, target)
        if not written:
            raise InputError(f"{folder} has no record in any table, so there is nothing to write.")
        said = [*source.notes, *without_place(source, written, losses)]
        (target / NOTES).write_text(notes_text(definitions, written, said), encoding="utf-8", newline="\n")
    records = sum(each.records for each in written)
    first = f"Wrote {len(written)} SDTM data sets ({records:,} records) as SAS transport files to {out}"
    return "\n".join([first, *said, f"{NOTES} beside the data sets says this as well, and what each of them holds."])


def _write(source: SourceTables, losses: Losses, target: Path) -> list[Written]:
    definitions = source.definitions
    table = next(each for each in definitions.tables.values() if each.role == "flags")
    flags = Flags.of(table, source.read(table.name))
    rows = Rows(definitions, _Reader(source, table.name, flags).read, flags, losses)
    beside = Beside(definitions, reference_starts(definitions, source.read))
    written: dict[str, Written] = {}
    datasets = sdtm_datasets(definitions)
    # a cell that says a result beyond a limit takes it out of the side table, which is therefore the last
    for dataset in sorted(datasets, key=lambda each: table.name in each.tables):
        given = [name for name in dataset.tables if name in source.tables]
        frame = rows.of(dataset, given) if given else None
        if frame is not None:
            frame = beside.complete(dataset, frame)
            _write_dataset(target, dataset, frame)
            written[dataset.name] = Written(dataset, frame.height)
    return [written[dataset.name] for dataset in datasets if dataset.name in written]


@dataclass(frozen=True)
class _Reader:
    """Reads tables; the side table without the flags that a cell says."""

    source: SourceTables
    flags_table: str
    flags: Flags

    def read(self, name: str) -> pl.DataFrame | None:
        frame = self.source.read(name)
        if frame is None or name != self.flags_table:
            return frame
        return frame.with_row_index(FLAG).filter(~pl.col(FLAG).is_in(list(self.flags.placed))).drop(FLAG)


def _write_dataset(target: Path, dataset: Dataset, frame: pl.DataFrame) -> None:
    labels = {variable.name: variable.label for variable in dataset.variables}
    write_transport_file(target / dataset.file, dataset.name, dataset.label, frame, labels)
