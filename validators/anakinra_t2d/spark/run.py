"""``validate`` and ``convert`` on Spark: the run of the local engine, whose work the executors do."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from anakinra_t2d.conversion.accepted import ReviewedWording
from anakinra_t2d.conversion.across_run import AcrossRun
from anakinra_t2d.conversion.folders import Folders
from anakinra_t2d.conversion.intake import Intake
from anakinra_t2d.conversion.outcome import Outcome
from anakinra_t2d.conversion.outputs import write_outputs
from anakinra_t2d.conversion.rejected import RejectedRows
from anakinra_t2d.conversion.run import Run
from anakinra_t2d.conversion.table_run import BATCH_ROWS, TableSource
from anakinra_t2d.reading import InputError, ReadOptions, SourceFile
from anakinra_t2d.reading.discover import MANIFEST
from anakinra_t2d.schema import Definitions, definitions
from anakinra_t2d.spark.relations import open_spark_relations
from anakinra_t2d.spark.session import spark_session
from anakinra_t2d.spark.table_task import MergedTableRun, TableResult, TableTask, check_tables
from anakinra_t2d.write.whole_directory import whole_directory

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pyspark.sql import SparkSession

    from anakinra_t2d.conversion.pace import Progress

_LOCAL = "leave out --engine spark for it"


def validate(
    *paths: str | Path,
    master: str,
    profile: object = None,
    only: Collection[str] | None = None,
    found: Definitions | None = None,
    progress: Progress | None = None,
    show_values: bool = True,
    accepted: object = None,
    since: object = None,
    blinded: bool = False,
) -> Outcome:
    """Check a submission as :func:`anakinra_t2d.conversion.run.validate` does, on the Spark at ``master``.

    Raises:
        InputError: see there; and whatever the Spark engine does not take.
        RuleError: a rule could not be run.
    """
    refuse(profile=profile, accepted=accepted, since=since, blinded=blinded)
    found = found or definitions()
    with tempfile.TemporaryDirectory(prefix="anakinra-t2d-") as folder, spark_session(master) as session:
        run = SparkRun(session, found, Folders(Path(folder), Path(folder)), progress, show_values=show_values)
        return run.check([Path(path) for path in paths], only)


def convert(
    *paths: str | Path,
    out: str | Path,
    master: str,
    profile: object = None,
    found: Definitions | None = None,
    progress: Progress | None = None,
    show_values: bool = True,
    accepted: object = None,
) -> Outcome:
    """Check a submission and write it as :func:`anakinra_t2d.conversion.run.convert` does, on the Spark at ``master``.

    Raises:
        InputError: see there; and whatever the Spark engine does not take.
        OutputError: ``out`` holds something else, or cannot be written.
        RuleError: a rule could not be run.
    """
    refuse(profile=profile, accepted=accepted)
    found = found or definitions()
    with (
        spark_session(master) as session,
        whole_directory(Path(out), marker=MANIFEST) as partial,
        tempfile.TemporaryDirectory(prefix=".work-", dir=partial) as scratch,
    ):
        run = SparkRun(session, found, Folders(partial, Path(scratch)), progress, show_values=show_values)
        outcome = run.check([Path(path) for path in paths], None)
        write_outputs(partial, found, outcome, run.lineage(), run.columns_of_written())
    return outcome


def refuse(**options: object) -> None:
    """Refuse options that only the local engine has.

    Raises:
        InputError: one of them was given.
    """
    for name, value in options.items():
        if value:
            raise InputError(f"The Spark engine does not take --{name.replace('_', '-')}; {_LOCAL}.")


class SparkIntake(Intake):
    """Takes canonical files of one table each, and nothing else."""

    def options_of(self, file: SourceFile) -> ReadOptions:
        """How a canonical file of one table is read."""
        return self._options(file, None)(None)

    def _file(self, file: SourceFile, dictionary: SourceFile | None = None) -> None:  # noqa: ARG002
        raise InputError(
            f"The Spark engine takes canonical files that hold one table and are named after it, such as CSV or "
            f"Parquet; {file.shown} is none: {_LOCAL}."
        )


class SparkRun(Run):
    """A run whose tables are checked on executors, and whose rules across tables are Spark SQL."""

    def __init__(
        self,
        session: SparkSession,
        found: Definitions,
        folders: Folders,
        progress: Progress | None,
        *,
        show_values: bool,
    ) -> None:
        super().__init__(found, folders, progress, ReviewedWording(found, show_values=show_values), None)
        self.session = session
        self.intake: SparkIntake = SparkIntake(
            found, None, folders.scratch, self._report, BATCH_ROWS, lambda text: self.tell(text, 0.0)
        )
        self._results: Mapping[str, TableResult] = {}

    def _flagged(self) -> dict[str, frozenset[tuple[str, str]]]:
        """The pairs that flags explain; with them every table can be checked, all at the same time."""
        flagged = super()._flagged()
        tasks = [
            TableTask(
                name,
                file,
                self.intake.options_of(file),
                self.folders,
                flagged.get(name, frozenset()),
                self.wording.show_values,
            )
            for name, file in self.intake.direct.items()
            # flags come from the other tables too
            if self.found.tables[name].role != "flags"
        ]
        self.tell(f"checking {len(tasks)} tables", 0.0)
        self._results = check_tables(self.session, self.found, tasks)
        return flagged

    def _table(
        self,
        name: str,
        source: TableSource,
        rejected: RejectedRows,
        flagged: frozenset[tuple[str, str]],
        *,
        is_direct: bool,
    ) -> None:
        result = self._results.get(name)
        if result is None:
            super()._table(name, source, rejected, flagged, is_direct=is_direct)
            return
        keep_flags = self._keeper(source)
        for flags in result.flags:
            keep_flags(flags)
        self.outcome.include(result.outcome)
        rejected.take(name, result.rejected, result.typed)
        run = MergedTableRun(self.found.tables[name], self.found, self.outcome, self.wording, flagged)
        run.adopt(source, result)
        if run.is_whole:
            self.runs[name] = run
        else:
            (self.folders.tables / f"{name}.parquet").unlink()

    def _across(self) -> AcrossRun:
        run = _SparkAcrossRun(self.found, self.outcome, self.wording, self.runs, self.folders, self._tell_across)
        run.session = self.session
        return run


class _SparkAcrossRun(AcrossRun):
    session: SparkSession

    def _open(self, sources: Mapping[str, list[Path]]) -> DuckDBPyConnection:
        return open_spark_relations(self.session, self.found, sources, self.folders.scratch)
