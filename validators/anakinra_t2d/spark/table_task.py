"""One table on an executor: the same reading, typing, checking and writing as on one machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from anakinra_t2d.conversion.accepted import ReviewedTableRun, ReviewedWording
from anakinra_t2d.conversion.folders import Folders
from anakinra_t2d.conversion.outcome import Outcome
from anakinra_t2d.conversion.records import LineMap
from anakinra_t2d.conversion.rejected import RejectedRecord, RejectedRows
from anakinra_t2d.conversion.table_run import BATCH_ROWS, Cells, TableSource
from anakinra_t2d.reading import ReadOptions, SourceFile, open_tables
from anakinra_t2d.write.parquet_table import ParquetTable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from anakinra_t2d.schema import Definitions


@dataclass(frozen=True)
class TableTask:
    """What an executor needs to check one table; the folders and the file must be there for it too."""

    name: str
    file: SourceFile
    options: ReadOptions
    folders: Folders
    flagged: frozenset[tuple[str, str]]
    show_values: bool


@dataclass
class TableResult:
    """What came of it: findings and counts, places of the written rows, rejected rows, and flags of results."""

    outcome: Outcome
    cells: Cells
    lines: LineMap
    is_whole: bool
    rejected: list[list[RejectedRecord]]
    typed: list[Path]
    flags: list[pl.DataFrame] = field(default_factory=list)


class RecordedRows(RejectedRows):
    """Keeps the rejected rows of one table, for the file that the driver writes."""

    def __init__(self, scratch: Path, found: Definitions) -> None:
        self._scratch = scratch
        self._typed: dict[str, list[Path]] = {}
        self.batches: list[list[RejectedRecord]] = []
        self.found = found

    def _write(self, records: list[RejectedRecord]) -> None:
        if records:
            self.batches.append(records)

    def count(self, table: str) -> int:
        """Rejected rows of a table so far."""
        return sum(record[0] == table for records in self.batches for record in records)

    def close(self) -> None:
        """There is no file to finish."""


class MergedTableRun(ReviewedTableRun):
    """A table that was checked on an executor, as the rules across tables look at it."""

    def adopt(self, source: TableSource, result: TableResult) -> None:
        """Take the places and cells of a result; ``source`` says where its rows were read."""
        self._source = source
        self.cells, self.lines, self.is_whole = result.cells, result.lines, result.is_whole


def check_tables(session: SparkSession, found: Definitions, tasks: Sequence[TableTask]) -> dict[str, TableResult]:
    """Check tables on the executors, each in a task of its own, the largest first."""
    if not tasks:
        return {}
    largest = sorted(tasks, key=lambda task: -task.file.path.stat().st_size)
    definitions = session.sparkContext.broadcast(found)
    # Arrow batches of a data frame need pandas, which the package does without
    waiting = session.sparkContext.parallelize(largest, len(largest))

    def run(task: TableTask) -> TableResult:
        return check_table(task, definitions.value)

    results = waiting.map(run).collect()
    return {task.name: result for task, result in zip(largest, results, strict=True)}


def check_table(task: TableTask, found: Definitions) -> TableResult:
    """Check one table where the program runs, and write its valid rows."""
    table = found.tables[task.name]
    outcome = Outcome()
    wording = ReviewedWording(found, show_values=task.show_values)
    flags: list[pl.DataFrame] = []
    keep_flags = None if table.role == "flags" else flags.append
    run = ReviewedTableRun(table, found, outcome, wording, task.flagged, keep_flags)
    rejected = RecordedRows(task.folders.scratch, found)
    source = open_tables(task.file, lambda sheet: task.options, batch_rows=BATCH_ROWS)[0]
    path = task.folders.tables / f"{task.name}.parquet"
    metadata = {"schema_fingerprint": found.fingerprint, "source_file": Path(source.shown).name}
    with ParquetTable(path, table, found, metadata) as writer:
        run.run(source, writer, rejected)
    return TableResult(outcome, run.cells, run.lines, run.is_whole, rejected.batches, rejected.typed(task.name), flags)
