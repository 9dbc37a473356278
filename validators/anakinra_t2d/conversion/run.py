"""Checks a submission from its files to its findings, and writes what it holds as Parquet when asked to."""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from anakinra_t2d.conversion import table_run
from anakinra_t2d.conversion.accepted import ReviewedTableRun, ReviewedWording, accepted_list
from anakinra_t2d.conversion.across_run import AcrossRun
from anakinra_t2d.conversion.folders import Folders
from anakinra_t2d.conversion.intake import Intake
from anakinra_t2d.conversion.outcome import Outcome
from anakinra_t2d.conversion.pace import Pace, Progress
from anakinra_t2d.conversion.rejected import RejectedRows
from anakinra_t2d.conversion.site import site_profile
from anakinra_t2d.conversion.table_run import TableRun, TableSource
from anakinra_t2d.finding import Location
from anakinra_t2d.reading import InputError, ReadProblem, discover
from anakinra_t2d.reading.discover import MANIFEST, nothing_found
from anakinra_t2d.report.findings_file import SavedFindings, read_findings
from anakinra_t2d.schema import Definitions, Profile, definitions
from anakinra_t2d.write.parquet_table import ParquetTable
from anakinra_t2d.write.whole_directory import whole_directory

if TYPE_CHECKING:
    from anakinra_t2d.conversion.outputs import Lineage

_READING = 0.4
"""Part of a run that reading takes, roughly; the rest are the rules across rows and tables."""


def validate(
    *paths: str | Path,
    profile: str | Path | Profile | None = None,
    only: Collection[str] | None = None,
    found: Definitions | None = None,
    progress: Progress | None = None,
    show_values: bool = True,
    accepted: str | Path | None = None,
    since: str | Path | None = None,
    blinded: bool = False,
) -> Outcome:
    """Check a submission and write nothing.

    Args:
        paths: a directory of files named after tables, such files, a datapackage.json, or a zip of them.
        profile: how the site writes its files: the name of a profile in ``schema/sites``, a file, or a Profile. A
            ``profile.yaml`` beside the files is used without being named.
        only: codes of rules; findings of other rules are left out.
        found: the definitions to hold the data against; the shipped ones by default.
        progress: called with a short text and the part that is done (0 to 1) whenever a new step starts.
        show_values: False hides every value and shows pseudonyms in place of subject numbers.
        accepted: a list of accepted findings, ``accepted.yaml``. It is never taken from beside the files: who sends
            data does not accept their findings.
        since: an earlier submission, as a directory of ``convert`` or its JSON document; findings that were open in
            it are known, and only the others count for the exit status.
        blinded: also look into every file below the paths for what can tell the arm of a patient or names a person.

    Raises:
        InputError: a path does not exist or holds nothing that could be checked.
        RuleError: a rule could not be run.
    """
    found = found or definitions()
    with tempfile.TemporaryDirectory(prefix="anakinra-t2d-") as folder:
        site, folders = site_profile(profile, found), Folders(Path(folder), Path(folder))
        earlier = None if since is None else read_findings(Path(since))
        run = Run(found, folders, progress, _wording(found, accepted, earlier, show_values=show_values), site)
        run.outcome.not_listed_before = earlier.not_listed if earlier else None
        outcome = run.check([Path(p) for p in paths], only)
        if blinded:
            from anakinra_t2d.restricted import inspect_paths

            inspected = inspect_paths([Path(p) for p in paths], run.wording).findings
            outcome.add(finding for finding in inspected if only is None or finding.code in only)
        return outcome


def convert(
    *paths: str | Path,
    out: str | Path,
    profile: str | Path | Profile | None = None,
    found: Definitions | None = None,
    progress: Progress | None = None,
    show_values: bool = True,
    accepted: str | Path | None = None,
) -> Outcome:
    """Check a submission and write its valid rows as Parquet into the directory ``out``, whole or not at all.

    Beside ``<table>.parquet`` the directory gets datapackage.json, findings.json and findings.parquet,
    rejected.parquet, lineage.parquet, checks.parquet, report.txt and manifest.json. An earlier output is replaced.
    A row whose errors are all in the list ``accepted`` is written.

    Raises:
        InputError: a path does not exist or holds nothing that could be checked.
        OutputError: ``out`` holds something else, or cannot be written.
        RuleError: a rule could not be run.
    """
    from anakinra_t2d.conversion.outputs import write_outputs

    found = found or definitions()
    site, wording = site_profile(profile, found), _wording(found, accepted, None, show_values=show_values)
    with (
        whole_directory(Path(out), marker=MANIFEST) as partial,
        tempfile.TemporaryDirectory(prefix=".work-", dir=partial) as scratch,
    ):
        run = Run(found, Folders(partial, Path(scratch)), progress, wording, site)
        outcome = run.check([Path(p) for p in paths], None)
        write_outputs(partial, found, outcome, run.lineage(), run.columns_of_written())
    return outcome


def _wording(
    found: Definitions, accepted: str | Path | None, earlier: SavedFindings | None, *, show_values: bool
) -> ReviewedWording:
    entries = accepted_list(None if accepted is None else Path(accepted), found)
    return ReviewedWording(found, show_values=show_values, accepted=entries, earlier=earlier)


class Run:
    """One submission on its way from files to findings."""

    def __init__(
        self,
        found: Definitions,
        folders: Folders,
        progress: Progress | None,
        wording: ReviewedWording,
        profile: Profile | None,
    ) -> None:
        self.found = found
        self.folders = folders
        self.profile = profile
        self.outcome = Outcome(
            schema_version=found.trial.version, trial=found.trial.registry, values_hidden=not wording.show_values
        )
        self.wording = wording
        self._pace = Pace(self._tell_reading, {})
        self.tell = progress or (lambda text, part: None)
        self.runs: dict[str, TableRun] = {}
        self.intake = Intake(
            found, profile, folders.scratch, self._report, table_run.BATCH_ROWS, lambda text: self.tell(text, 0.0)
        )

    def lineage(self) -> Lineage:
        """Every changed cell: those of harmonised files, then those of the tables."""
        from anakinra_t2d.conversion.outputs import Lineage

        self.intake.side.lineage.close()
        harmonised = self.intake.side.lineage
        changed = [row for run in self.runs.values() for row in run.cells.changed]
        return Lineage(harmonised.paths, changed)

    def columns_of_written(self) -> list[str]:
        """Names of the tables that were written."""
        return list(self.runs)

    def check(self, paths: Sequence[Path], only: Collection[str] | None) -> Outcome:
        """Read, check and write everything; findings of rules that are not in ``only`` are left out."""
        for code in only or ():
            if code not in self.found.rules:
                near = difflib.get_close_matches(code.upper(), list(self.found.rules), n=3)
                raise InputError(f"There is no rule {code}" + (f"; did you mean {' or '.join(near)}?" if near else "."))
        tables = self._submitted_tables()
        submission = discover(paths, tables, self.folders.scratch, profiled=self.profile is not None)
        for problem in submission.problems:
            self._report(problem, self._table_of(problem.file), None)
        intake = self.intake
        intake.take(submission)
        if not intake.tables() and not any(finding.severity == "error" for finding in self.outcome.findings):
            named = self.profile.name if self.profile is not None else None
            raise InputError(nothing_found(paths, tables, intake.left_out, intake.empty, intake.on_purpose, named))
        rejected = RejectedRows(self.folders.tables / "rejected.parquet", self.folders.scratch, self.found)
        try:
            for unread in intake.unread:
                where = unread.source.place(None, None)
                rejected.add_unread(unread.table, where.file or "", where.sheet, unread.source.rejected)
            flagged = self._flagged()
            names = [name for name in self.found.trial.tables if name in tables]
            self._pace = Pace(self._tell_reading, {name: intake.size(name) for name in names})
            for name in names:
                self._pace.begin(name)
                source, is_direct = self._source(name)
                if source is not None:
                    self._table(name, source, rejected, flagged.get(name, frozenset()), is_direct=is_direct)
            self._absent()
            self._across().run(rejected, only)
        finally:
            rejected.close()
        for name, table in self.outcome.tables.items():
            unread_rows = sum(len(each.source.rejected) for each in intake.unread if each.table == name)
            table.rows_read += unread_rows
            table.rows_rejected = rejected.count(name)
            table.rows_valid = table.rows_read - table.rows_rejected
        self.outcome.sheets = intake.accounts
        self.outcome.add(self.wording.left_over(self.outcome, only))
        self._sort(only)
        return self.outcome

    def _report(self, problem: ReadProblem, table: str | None, name: str | None) -> None:
        rule = self.found.builtin_rules[problem.code]
        place = Location(problem.file, problem.sheet, problem.row, problem.column)
        words = problem.details if self.wording.show_values else {**problem.details, "reading": ""}
        value = problem.details.get("value")
        finding = self.wording.finding(rule, table=table, field=name, value=value, values=words, location=place)
        self.outcome.add([finding])

    def _across(self) -> AcrossRun:
        """What runs everything that needs more than one row."""
        return AcrossRun(self.found, self.outcome, self.wording, self.runs, self.folders, self._tell_across)

    def _source(self, name: str) -> tuple[TableSource | None, bool]:
        """The rows of a table and whether they come straight from a canonical file."""
        staged = self.intake.staged(name)
        if staged is not None:
            return staged, False
        if name not in self.intake.direct:
            return None, False
        return self.intake.open_direct(name), True

    def _table_of(self, file: str) -> str | None:
        stem = Path(file).stem
        return stem if stem in self.found.tables else None

    def _tell_reading(self, text: str, part: float) -> None:
        self.tell(text, _READING * part)

    def _tell_across(self, text: str, part: float) -> None:
        self.tell(text, _READING + (1 - _READING) * part)

    def _submitted_tables(self) -> list[str]:
        return [name for name, table in self.found.tables.items() if table.role != "lineage"]

    def _table(
        self,
        name: str,
        source: TableSource,
        rejected: RejectedRows,
        flagged: frozenset[tuple[str, str]],
        *,
        is_direct: bool,
    ) -> None:
        table = self.found.tables[name]
        metadata = {"schema_fingerprint": self.found.fingerprint, "source_file": Path(source.shown).name}
        keep_flags = self._keeper(source) if is_direct else None
        run = ReviewedTableRun(table, self.found, self.outcome, self.wording, flagged, keep_flags)
        with ExitStack() as stack:
            path = self.folders.tables / f"{table.name}.parquet"
            writer = stack.enter_context(ParquetTable(path, table, self.found, metadata))
            run.run(source, writer, rejected, self._pace.took)
        if run.is_whole:
            self.runs[table.name] = run
        else:
            path.unlink()

    def _keeper(self, source: TableSource) -> Callable[[pl.DataFrame], None]:
        """Keeps the flags of a canonical file for the side table, which is checked last."""
        place = source.place(None, None)
        number = self.intake.new_number(place.file or "", place.sheet)
        return lambda flags: self.intake.side.flags.add(flags.with_columns(pl.lit(number, pl.Int64).alias("source")))

    def _flagged(self) -> dict[str, frozenset[tuple[str, str]]]:
        """The (record key, field) pairs that result flags explain, by table."""
        pairs: dict[str, set[tuple[str, str]]] = {}
        for name, table in self.found.tables.items():
            if table.role == "flags":
                source, _ = self._source(name)
                for flagged, key, field in _flag_rows(source) if source is not None else ():
                    pairs.setdefault(flagged, set()).add((key, field))
        return {table: frozenset(found) for table, found in pairs.items()}

    def _absent(self) -> None:
        there = self.outcome.tables
        self.outcome.absent = [name for name in self._submitted_tables() if name not in there]
        for name in self.outcome.absent:
            referring = [
                table for table in there if any(key.table == name for key in self.found.tables[table].foreign_keys)
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


def _flag_rows(source: TableSource) -> list[tuple[str, str, str]]:
    columns = ["table", "record_key", "field"]
    rows: list[tuple[str, str, str]] = []
    for batch in source:
        if set(columns) <= set(batch.cells.columns):
            rows += batch.cells.select(columns).drop_nulls().rows()
    return rows
