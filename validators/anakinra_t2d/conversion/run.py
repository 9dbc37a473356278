"""Checks a submission from its files to its findings, and writes what it holds as Parquet when asked to."""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from pathlib import Path

from anakinra_t2d.conversion import table_run
from anakinra_t2d.conversion.across_run import AcrossRun
from anakinra_t2d.conversion.folders import Folders
from anakinra_t2d.conversion.outcome import Outcome
from anakinra_t2d.conversion.outputs import write_outputs
from anakinra_t2d.conversion.rejected import RejectedRows
from anakinra_t2d.conversion.table_run import TableRun
from anakinra_t2d.finding import Location
from anakinra_t2d.reading import InputError, SourceFile, TextTable, discover, open_table
from anakinra_t2d.reading.discover import MANIFEST
from anakinra_t2d.schema import Definitions, definitions
from anakinra_t2d.wording import Wording
from anakinra_t2d.write.parquet_table import ParquetTable
from anakinra_t2d.write.whole_directory import whole_directory

Progress = Callable[[str, float], None]
_READING = 0.4
"""Part of a run that reading takes, roughly; the rest are the rules across rows and tables."""


def validate(
    *paths: str | Path,
    only: Collection[str] | None = None,
    found: Definitions | None = None,
    progress: Progress | None = None,
    show_values: bool = True,
) -> Outcome:
    """Check a submission and write nothing.

    Args:
        paths: a directory of ``<table>.csv`` or ``<table>.parquet``, such files, a datapackage.json, or a zip of them.
        only: codes of rules; findings of other rules are left out.
        found: the definitions to hold the data against; the shipped ones by default.
        progress: called with a short text and the part that is done (0 to 1) whenever a new step starts.
        show_values: False hides every value and shows pseudonyms in place of subject numbers.

    Raises:
        InputError: a path does not exist or holds nothing that could be checked.
        RuleError: a rule could not be run.
    """
    found = found or definitions()
    with tempfile.TemporaryDirectory(prefix="anakinra-t2d-") as folder:
        run = _Run(found, Folders(Path(folder), Path(folder)), progress, show_values)
        return run.check([Path(p) for p in paths], only)


def convert(
    *paths: str | Path,
    out: str | Path,
    found: Definitions | None = None,
    progress: Progress | None = None,
    show_values: bool = True,
) -> Outcome:
    """Check a submission and write its valid rows as Parquet into the directory ``out``, whole or not at all.

    Beside ``<table>.parquet`` the directory gets datapackage.json, findings.json and findings.parquet,
    rejected.parquet, lineage.parquet, checks.parquet, report.txt and manifest.json. An earlier output is replaced.

    Raises:
        InputError: a path does not exist or holds nothing that could be checked.
        OutputError: ``out`` holds something else, or cannot be written.
        RuleError: a rule could not be run.
    """
    found = found or definitions()
    with (
        whole_directory(Path(out), marker=MANIFEST) as partial,
        tempfile.TemporaryDirectory(prefix=".work-", dir=partial) as scratch,
    ):
        run = _Run(found, Folders(partial, Path(scratch)), progress, show_values)
        outcome = run.check([Path(p) for p in paths], None)
        write_outputs(partial, found, outcome, run.changed, run.columns_of_written())
    return outcome


class _Run:
    def __init__(self, found: Definitions, folders: Folders, progress: Progress | None, show_values: bool) -> None:
        self.found = found
        self.folders = folders
        self.outcome = Outcome(schema_version=found.trial.version)
        self.wording = Wording(found, show_values=show_values)
        self.tell = progress or (lambda text, part: None)
        self.runs: dict[str, TableRun] = {}

    @property
    def changed(self) -> list[dict[str, object]]:
        """Lineage of every changed cell, in table order."""
        return [row for run in self.runs.values() for row in run.cells.changed]

    def columns_of_written(self) -> list[str]:
        """Names of the tables that were written."""
        return list(self.runs)

    def check(self, paths: Sequence[Path], only: Collection[str] | None) -> Outcome:
        for code in only or ():
            if code not in self.found.rules:
                near = difflib.get_close_matches(code.upper(), list(self.found.rules), n=3)
                raise InputError(f"There is no rule {code}" + (f"; did you mean {' or '.join(near)}?" if near else "."))
        submission = discover(paths, self._submitted_tables(), self.folders.scratch)
        for problem in submission.problems:
            self.outcome.add(
                [
                    self.wording.finding(
                        self.found.builtin_rules[problem.code],
                        table=self._table_of(problem.file),
                        values=problem.details,
                        location=Location(problem.file, None, problem.row, problem.column),
                    )
                ]
            )
        files = {file.table: file for file in submission.files}
        rejected = RejectedRows(self.folders.tables / "rejected.parquet", self.folders.scratch)
        try:
            flagged = self._flagged(files)
            sizes = {name: file.path.stat().st_size if file.path.exists() else 0 for name, file in files.items()}
            done = 0
            for name in self.found.trial.tables:
                if name in files:
                    self.tell(f"reading {files[name].shown}", _READING * done / max(1, sum(sizes.values())))
                    done += sizes[name]
                    self._table(files[name], rejected, flagged.get(name, frozenset()))
            self._absent(files)
            across = AcrossRun(self.found, self.outcome, self.wording, self.runs, self.folders, self._tell_across)
            across.run(rejected, only)
        finally:
            rejected.close()
        for name, table in self.outcome.tables.items():
            table.rows_rejected = rejected.count(name)
            table.rows_valid = table.rows_read - table.rows_rejected
        self._sort(only)
        return self.outcome

    def _table_of(self, file: str) -> str | None:
        stem = Path(file).stem
        return stem if stem in self.found.tables else None

    def _tell_across(self, text: str, part: float) -> None:
        self.tell(text, _READING + (1 - _READING) * part)

    def _submitted_tables(self) -> list[str]:
        return [name for name, table in self.found.tables.items() if table.role != "lineage"]

    def _table(self, file: SourceFile, rejected: RejectedRows, flagged: frozenset[tuple[str, str]]) -> None:
        table = self.found.tables[file.table]
        source = open_table(file, batch_rows=table_run.BATCH_ROWS)
        metadata = {"schema_fingerprint": self.found.fingerprint, "source_file": Path(file.shown).name}
        run = TableRun(table, self.found, self.outcome, self.wording, flagged)
        with ExitStack() as stack:
            path = self.folders.tables / f"{table.name}.parquet"
            writer = stack.enter_context(ParquetTable(path, table, self.found, metadata))
            run.run(source, writer, rejected)
        if run.is_whole:
            self.runs[table.name] = run
        else:
            path.unlink()

    def _flagged(self, files: dict[str, SourceFile]) -> dict[str, frozenset[tuple[str, str]]]:
        """The (record key, field) pairs that result flags explain, by table."""
        pairs: dict[str, set[tuple[str, str]]] = {}
        for file in files.values():
            if self.found.tables[file.table].role == "flags":
                for table, key, name in _flag_rows(open_table(file)):
                    pairs.setdefault(table, set()).add((key, name))
        return {table: frozenset(found) for table, found in pairs.items()}

    def _absent(self, files: dict[str, SourceFile]) -> None:
        self.outcome.absent = [name for name in self._submitted_tables() if name not in files]
        for name in self.outcome.absent:
            referring = [
                table for table in files if any(key.table == name for key in self.found.tables[table].foreign_keys)
            ]
            if referring:
                words = {"parent": name, "table": ", ".join(sorted(referring))}
                rule = self.found.builtin_rules["FILE-005"]
                self.outcome.add([self.wording.finding(rule, table=name, values=words)])

    def _sort(self, only: Collection[str] | None) -> None:
        order = {name: i for i, name in enumerate(self.found.trial.tables)}
        kept = [f for f in self.outcome.findings if only is None or f.code in only]
        if only is not None:
            self.outcome.not_listed = {code: n for code, n in self.outcome.not_listed.items() if code in only}
            self.outcome.not_listed_errors = sum(
                n for code, n in self.outcome.not_listed.items() if self.found.rules[code].severity == "error"
            )
        kept.sort(
            key=lambda f: (
                order.get(f.table or "", -1),
                f.location.row or 0,
                f.code,
                f.field or "",
                tuple(f.key.values()),
            )
        )
        self.outcome.findings = kept


def _flag_rows(source: TextTable) -> list[tuple[str, str, str]]:
    columns = ["table", "record_key", "field"]
    rows: list[tuple[str, str, str]] = []
    for batch in source:
        if set(columns) <= set(batch.cells.columns):
            rows += batch.cells.select(columns).drop_nulls().rows()
    return rows
