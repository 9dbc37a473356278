"""One table on its way from text cells to Parquet: header, types, row checks, valid and rejected rows."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import polars as pl

from anakinra_t2d.across.readings import likely_reading
from anakinra_t2d.conversion.outcome import Outcome, TableOutcome
from anakinra_t2d.conversion.records import LineMap, Records
from anakinra_t2d.conversion.rejected import RejectedRows
from anakinra_t2d.finding import Finding, Location, record_key
from anakinra_t2d.harmonise.header import Header, match_header
from anakinra_t2d.harmonise.record_frame import problems_of, record_keys
from anakinra_t2d.harmonise.typing import CellTyper, TypedBatch
from anakinra_t2d.reading import RaggedRow
from anakinra_t2d.reading.cells import Batch
from anakinra_t2d.reading.odd_text import describe_odd_text
from anakinra_t2d.reading.problems import ReadProblem
from anakinra_t2d.rows.checks import RowCheck, row_checks
from anakinra_t2d.rows.recalculated import recalculated
from anakinra_t2d.rows.verdicts import RowChecker, Verdicts
from anakinra_t2d.schema import Definitions, Field, Table
from anakinra_t2d.wording import HIDDEN, Wording
from anakinra_t2d.write.parquet_table import ParquetTable

BATCH_ROWS = 250_000
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|^\d{8}$")
FINDINGS_PER_CHECK = 10_000
"""Findings listed for one check of one table; the rest are counted."""


class TableSource(Protocol):
    """Rows of one table as text cells: a file as read, or a harmonised table."""

    header: list[str]
    readable: bool
    records: int
    size: int

    @property
    def shown(self) -> str:
        """Name of the file or files for people."""

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of the file or files."""

    @property
    def problems(self) -> Sequence[ReadProblem]:
        """What is wrong with the file; complete only after the iteration."""

    @property
    def rejected(self) -> Iterable[RaggedRow]:
        """Records that did not become a row."""

    def __iter__(self) -> Iterator[Batch]:
        """Batches of rows, once."""

    def place(self, row: int | None, column: str | None) -> Location:
        """Where a cell was read."""

    def place_of_header(self, column: str | None) -> Location:
        """Where a header stands."""


@dataclass
class Cells:
    """Side results of a table: cells that were changed, and cells that could not be read or are impossible."""

    changed: list[dict[str, Any]] = field(default_factory=list)
    set_aside: set[tuple[int, str]] = field(default_factory=set)


class TableRun:
    """Checks the rows of one table and writes the valid ones.

    ``flagged`` holds the (record key, field) pairs that the result flags of the submission explain. ``keep_flags``
    takes the flags of results that are no number: ``table``, ``record_key``, ``field``, ``result_status``,
    ``limit_value``, ``value_raw`` and ``row``; without it such cells are errors.
    """

    def __init__(
        self,
        table: Table,
        found: Definitions,
        outcome: Outcome,
        wording: Wording,
        flagged: frozenset[tuple[str, str]] = frozenset(),
        keep_flags: Callable[[pl.DataFrame], None] | None = None,
    ) -> None:
        self.table = table
        self.found = found
        self.outcome = outcome
        self.wording = wording
        self.flagged = flagged
        self.keep_flags = keep_flags
        self.cells = Cells()
        self.lines = LineMap()
        self.is_whole = True
        self._listed: dict[tuple[str, str | None], int] = defaultdict(int)

    def place(self, row: int | None, column: str | None) -> Location:
        """Where a cell of a row of the source was read."""
        return self._source.place(row, column)

    def run(
        self,
        source: TableSource,
        writer: ParquetTable,
        rejected: RejectedRows,
        took: Callable[[pl.DataFrame], None] = lambda cells: None,
    ) -> TableOutcome:
        """Read ``source`` to its end; valid rows go to ``writer``, the others with their reasons to ``rejected``.

        ``took`` is called with the cells of each batch after it was checked.
        """
        result = TableOutcome(source.shown)
        self.outcome.tables[self.table.name] = result
        self._source = source
        header = match_header(source.header, self.table)
        self._typer = CellTyper(self.table, self.found)
        self._prepare(header)
        if source.header:
            self._say_header(header)
        for batch in source:
            self._batch(batch, header, writer, rejected)
            took(batch.cells)
        place = source.place(None, None)
        rejected.add_unread(self.table.name, place.file or "", place.sheet, source.rejected)
        for problem in source.problems:
            self.outcome.add([self.problem(problem)])
        result.sha256, result.size = source.sha256, source.size
        writer.note("source_sha256", source.sha256)
        # a file that broke off on the way counts only what was set aside; nothing of it is kept
        self.is_whole = source.readable and not any(problem.code == "FILE-002" for problem in source.problems)
        result.rows_read = source.records if self.is_whole else rejected.count(self.table.name)
        result.changed_cells = len(self.cells.changed)
        return result

    def problem(self, problem: ReadProblem) -> Finding:
        """The finding of something the reader met."""
        return self.wording.finding(
            self.found.builtin_rules[problem.code],
            table=self.table.name,
            values=problem.details,
            location=Location(problem.file, problem.sheet, problem.row, problem.column),
        )

    def _prepare(self, header: Header) -> None:
        missing = set(header.missing)
        checks = row_checks(self.table, self.found)
        self._skipped = [check for check in checks if check.presence and check.field in missing]
        self._checks = [check for check in checks if not (check.presence and check.field in missing)]
        self._checker = RowChecker(self._checks)
        self._unfilled = [name for name in header.missing if self.table.fields[name].required == "always"]

    def _say_header(self, header: Header) -> None:
        for problem in header.problems:
            self.outcome.add(
                [
                    self.wording.finding(
                        self.found.builtin_rules[problem.code],
                        table=self.table.name,
                        field=problem.column if problem.column in self.table.fields else None,
                        values=problem.details,
                        location=self._source.place_of_header(problem.column),
                    )
                ]
            )

    def _batch(self, batch: Batch, header: Header, writer: ParquetTable, rejected: RejectedRows) -> None:
        cells = batch.cells.select(header.fields)
        typed = self._typer(cells, odd=batch.odd)
        if batch.notes is not None:
            typed = _with_notes(typed, batch.notes)
        elif self.keep_flags is not None:
            typed = self._split_flagged(typed, cells, batch, self.keep_flags)
        verdicts = self._checker(typed.frame)
        reasons: dict[int, list[str]] = defaultdict(list)
        findings: list[tuple[int, Finding]] = []
        rows = batch.row_numbers()
        sent = cells if batch.sent is None else batch.sent.select(header.fields)
        view = Records(self.table, typed.frame, sent, rows, self._source.place)
        for name in self._unfilled:
            for position in range(typed.frame.height):
                reasons[position].append(f"HEAD-001:{name}")
        findings += self._cell_findings(view, typed, reasons)
        findings += self._check_findings(view, typed, verdicts, reasons)
        findings.sort(key=lambda item: item[0])
        self.outcome.add(finding for _, finding in findings)
        self._keep_changes(view, typed)
        if not reasons:
            self.lines.add(rows)
            writer.write(typed.frame)
            return
        bad = sorted(reasons)
        good = pl.Series([True]).new_from_index(0, typed.frame.height).scatter(bad, False)
        self.lines.add(rows.filter(good))
        writer.write(typed.frame.filter(good))
        rejected.add(self.table, view, bad, reasons, self.cells.set_aside)

    def _split_flagged(
        self, typed: TypedBatch, cells: pl.DataFrame, batch: Batch, keep_flags: Callable[[pl.DataFrame], None]
    ) -> TypedBatch:
        """Take results that are no number out of the problems of a batch; a record without a key keeps them."""
        if not typed.problems or not set(self.table.key) <= set(cells.columns):
            return typed
        from anakinra_t2d.harmonise.flagged_cells import split_flagged

        split, flags = split_flagged(typed, self.table, self.found)
        if flags.is_empty():
            return typed
        keyed = cells[flags["position"]]
        keys = record_keys(keyed, self.table.key)
        if keys.null_count():
            return typed
        rows = batch.row_numbers().gather(flags["position"]).alias("row")
        keep_flags(flags.with_columns(keys, rows, pl.lit(self.table.name).alias("table")))
        return split

    def _cell_findings(
        self, view: Records, typed: TypedBatch, reasons: dict[int, list[str]]
    ) -> Iterator[tuple[int, Finding]]:
        for problem in typed.problems:
            rule = self.found.builtin_rules[problem.code]
            terms = self._typer.terms[problem.field]
            words = {"terms": _some(terms)} if terms else {}
            self.outcome.count(rule.code, self.table.name, problem.field).add(0, len(problem.positions), 0)
            for position, text in zip(problem.positions, problem.texts, strict=True):
                if rule.severity == "error":
                    reasons[position].append(f"{rule.code}:{problem.field}")
                    self.cells.set_aside.add((view.row(position), problem.field))
                if self._lists(rule.code, problem.field, rule.severity):
                    details = {
                        **words,
                        "problem": describe_odd_text(text),
                        "reading": _reading(text),
                        **problem.details,
                    }
                    if not self.wording.show_values:
                        details["reading"] = ""
                    yield (
                        position,
                        self.wording.finding(
                            rule,
                            table=self.table.name,
                            key=view.key(position),
                            field=problem.field,
                            value=HIDDEN if _is_misplaced_date(self.table.fields[problem.field], text) else text,
                            values=details,
                            location=view.location(position, problem.field),
                        ),
                    )

    def _check_findings(
        self, view: Records, typed: TypedBatch, verdicts: Verdicts, reasons: dict[int, list[str]]
    ) -> Iterator[tuple[int, Finding]]:
        for check in self._skipped:
            self.outcome.count(check.rule.code, self.table.name, check.field).add(0, 0, typed.frame.height)
        unreadable = {name: set(positions) for name, positions in typed.unreadable.items()}
        for index, check in enumerate(self._checks):
            count = verdicts.count(index)
            failing = verdicts.failing(index).to_list() if count.failed else []
            excused = {p for p in failing if check.presence and self._is_explained(check, view, unreadable, p)}
            if excused:
                failing = [position for position in failing if position not in excused]
                if check.is_error:
                    self._reject_empty(check, excused, reasons)
            self.outcome.count(check.rule.code, self.table.name, check.field).add(
                count.passed, len(failing), count.not_assessed + len(excused)
            )
            for position in failing:
                if check.is_error:
                    reasons[position].append(f"{check.rule.code}:{check.field}")
                    if check.rule.code == "RNG-001":
                        self.cells.set_aside.add((view.row(position), check.field))
                if self._lists(check.rule.code, check.field, check.rule.severity):
                    yield position, self._check_finding(view, check, position)

    def _reject_empty(self, check: RowCheck, positions: Iterable[int], reasons: dict[int, list[str]]) -> None:
        """Cells that must never be empty and were not read for a reason reported elsewhere: their rows cannot stay."""
        if self.table.fields[check.field].required == "always":
            for position in positions:
                if not reasons[position]:
                    reasons[position].append(f"{check.rule.code}:{check.field}")

    def _is_explained(self, check: RowCheck, view: Records, unreadable: Mapping[str, set[int]], position: int) -> bool:
        """An empty cell that another finding explains, or a result flag where a cell may be empty at all."""
        is_flagged = (record_key(view.key(position)), check.field) in self.flagged
        if self.table.fields[check.field].required == "always" and is_flagged:
            return False
        if position in unreadable.get(check.field, ()):
            return True
        return bool(self.flagged) and is_flagged

    def _check_finding(self, view: Records, check: RowCheck, position: int) -> Finding:
        values = view.values(position, check.fields)
        value = values.get(check.field)
        reading = None
        if check.rule.code in ("RNG-001", "RNG-002") and isinstance(value, int | float):
            reading = likely_reading(self.found, self.table.fields[check.field], value)
        return self.wording.finding(
            check.rule,
            table=self.table.name,
            key=view.key(position),
            field=check.field,
            fields=check.fields,
            value=value,
            values={**values, **check.words, **recalculated(check.rule, values)},
            reading=reading,
            location=view.location(position, check.field),
        )

    def _lists(self, code: str, name: str | None, severity: str) -> bool:
        self._listed[code, name] += 1
        if self._listed[code, name] <= FINDINGS_PER_CHECK:
            return True
        self.outcome.not_listed[code] = self.outcome.not_listed.get(code, 0) + 1
        self.outcome.not_listed_errors += severity == "error"
        return False

    def _keep_changes(self, view: Records, typed: TypedBatch) -> None:
        for name, (positions, texts) in typed.trimmed.items():
            for position, text in zip(positions, texts, strict=True):
                place = view.location(position, name)
                self.cells.changed.append(
                    {
                        "table": self.table.name,
                        "record_key": record_key(view.key(position)),
                        "field": name,
                        "src_file": place.file,
                        "src_sheet": place.sheet,
                        "src_row": place.row,
                        "src_column": place.column,
                        "value_raw": text,
                        "unit_raw": None,
                        "conversion": "spaces around the text removed",
                        "record_version": 1,
                    }
                )


def _with_notes(typed: TypedBatch, notes: pl.Series) -> TypedBatch:
    """A batch with what harmonising found about its cells beside what typing found."""
    problems, unreadable = problems_of(notes)
    every = {
        name: [*typed.unreadable.get(name, []), *unreadable.get(name, [])] for name in typed.unreadable | unreadable
    }
    return TypedBatch(typed.frame, [*problems, *typed.problems], every, typed.trimmed)


def _is_misplaced_date(field: Field, text: str) -> bool:
    """A whole date where only a part of it may stand, such as a birth date sent as year of birth."""
    dated = field.type in ("date", "datetime")
    return field.identifying != "none" and not dated and _DATE.search(text) is not None


def _some(terms: list[str], most: int = 8) -> str:
    return ", ".join(terms) if len(terms) <= most else ", ".join(terms[:most]) + ", ..."


def _reading(text: str) -> str:
    """A hint for a number with a decimal comma or a censoring sign."""
    bare = text.strip()
    if bare[:1] in ("<", ">"):
        return ", it is a value beyond a limit"
    if bare.count(",") == 1 and bare.replace(",", "").lstrip("+-").isdigit():
        return f" (with a decimal point: {bare.replace(',', '.')})"
    return ""
