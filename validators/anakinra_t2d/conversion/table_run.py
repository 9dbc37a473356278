"""One table on its way from text cells to Parquet: header, types, row checks, valid and rejected rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from pandera.errors import SchemaError

from anakinra_t2d.across.readings import likely_reading
from anakinra_t2d.conversion.outcome import Outcome, TableOutcome
from anakinra_t2d.conversion.records import LineMap, Records
from anakinra_t2d.conversion.rejected import RejectedRows
from anakinra_t2d.finding import Finding, Location, record_key
from anakinra_t2d.harmonise.header import Header, match_header
from anakinra_t2d.harmonise.typing import CellTyper, TypedBatch
from anakinra_t2d.reading.cells import Batch, TextTable
from anakinra_t2d.reading.odd_text import describe_odd_text
from anakinra_t2d.reading.problems import ReadProblem
from anakinra_t2d.rows.checks import RowCheck, row_checks
from anakinra_t2d.rows.pandera_schema import VERDICT, verdict_schema
from anakinra_t2d.rows.verdicts import RowChecker, Verdicts
from anakinra_t2d.schema import Definitions, Table
from anakinra_t2d.wording import Wording
from anakinra_t2d.write.parquet_table import ParquetTable

BATCH_ROWS = 250_000
FINDINGS_PER_CHECK = 10_000
"""Findings listed for one check of one table; the rest are counted."""


@dataclass
class Cells:
    """Side results of a table: cells that were changed, and cells that could not be read or are impossible."""

    changed: list[dict[str, Any]] = field(default_factory=list)
    set_aside: set[tuple[int, str]] = field(default_factory=set)


class TableRun:
    """Checks the rows of one table and writes the valid ones.

    ``flagged`` holds the (record key, field) pairs that the result flags of the submission explain.
    """

    def __init__(
        self,
        table: Table,
        found: Definitions,
        outcome: Outcome,
        wording: Wording,
        flagged: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        self.table = table
        self.found = found
        self.outcome = outcome
        self.wording = wording
        self.flagged = flagged
        self.cells = Cells()
        self.lines = LineMap()
        self.is_whole = True
        self._listed: dict[tuple[str, str | None], int] = defaultdict(int)

    def run(self, source: TextTable, writer: ParquetTable, rejected: RejectedRows) -> TableOutcome:
        """Read ``source`` to its end; valid rows go to ``writer``, the others with their reasons to ``rejected``."""
        result = TableOutcome(source.file.shown)
        self.outcome.tables[self.table.name] = result
        self._file = source.file.shown
        header = match_header(source.header, self.table)
        self._typer = CellTyper(self.table, self.found)
        self._prepare(header)
        if source.header:
            self._say_header(header)
        for batch in source:
            self._batch(batch, header, writer, rejected)
        rejected.add_unread(self.table.name, self._file, source.rejected)
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
            location=Location(problem.file, None, problem.row, problem.column),
        )

    def _prepare(self, header: Header) -> None:
        missing = set(header.missing)
        checks = row_checks(self.table, self.found)
        self._skipped = [check for check in checks if check.presence and check.field in missing]
        self._checks = [check for check in checks if not (check.presence and check.field in missing)]
        self._checker = RowChecker(self._checks)
        self._contract = verdict_schema(self.table)
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
                        location=Location(self._file, None, 1, problem.column),
                    )
                ]
            )

    def _batch(self, batch: Batch, header: Header, writer: ParquetTable, rejected: RejectedRows) -> None:
        cells = batch.cells.select(header.fields)
        typed = self._typer(cells, odd=batch.odd)
        verdicts = self._checker(typed.frame)
        reasons: dict[int, list[str]] = defaultdict(list)
        findings: list[tuple[int, Finding]] = []
        rows = batch.row_numbers()
        view = Records(self.table, typed.frame, cells, rows)
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
        rejected.add(self.table, self._file, view, bad, reasons, self.cells.set_aside)

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
                        "reading": _reading(text) if self.wording.show_values else "",
                    }
                    yield (
                        position,
                        self.wording.finding(
                            rule,
                            table=self.table.name,
                            key=view.key(position),
                            field=problem.field,
                            value=text,
                            values=details,
                            location=view.location(self._file, position, problem.field),
                        ),
                    )

    def _check_findings(
        self, view: Records, typed: TypedBatch, verdicts: Verdicts, reasons: dict[int, list[str]]
    ) -> Iterator[tuple[int, Finding]]:
        for check in self._skipped:
            self.outcome.count(check.rule.code, self.table.name, check.field).add(0, 0, typed.frame.height)
        unreadable = {name: set(positions) for name, positions in typed.unreadable.items()}
        has_errors = not self._is_sound(verdicts)
        for index, check in enumerate(self._checks):
            count = verdicts.count(index)
            failing = verdicts.failing(index).to_list() if count.failed and (has_errors or not check.is_error) else []
            excused = {p for p in failing if check.presence and self._is_explained(check, view, unreadable, p)}
            if excused:
                failing = [position for position in failing if position not in excused]
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

    def _is_sound(self, verdicts: Verdicts) -> bool:
        """Whether pandera accepts the batch; which rows fail, and why, is then looked up in the verdicts."""
        try:
            self._contract.validate(verdicts.fused().alias(VERDICT).to_frame())
        except SchemaError:
            return False
        return True

    def _is_explained(self, check: RowCheck, view: Records, unreadable: Mapping[str, set[int]], position: int) -> bool:
        """An empty cell that another finding or a result flag explains."""
        if position in unreadable.get(check.field, ()):
            return True
        return bool(self.flagged) and (record_key(view.key(position)), check.field) in self.flagged

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
            values={**values, **check.words},
            reading=reading,
            location=view.location(self._file, position, check.field),
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
                self.cells.changed.append(
                    {
                        "table": self.table.name,
                        "record_key": record_key(view.key(position)),
                        "field": name,
                        "src_file": self._file,
                        "src_sheet": None,
                        "src_row": view.row(position),
                        "src_column": name,
                        "value_raw": text,
                        "unit_raw": None,
                        "conversion": "spaces around the text removed",
                        "record_version": 1,
                    }
                )


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
