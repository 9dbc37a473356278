"""Keys, references and the rules across rows and tables, turned into findings with their places."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from anakinra_t2d.across.relations import open_relations
from anakinra_t2d.across.run import run_rules
from anakinra_t2d.conversion.folders import Folders
from anakinra_t2d.conversion.keys import KeyChecks
from anakinra_t2d.conversion.outcome import Outcome
from anakinra_t2d.conversion.rejected import RejectedRows
from anakinra_t2d.conversion.table_run import FINDINGS_PER_CHECK, TableRun
from anakinra_t2d.finding import Finding, Location
from anakinra_t2d.schema import Definitions
from anakinra_t2d.wording import Wording
from anakinra_t2d.write.parquet_table import ParquetTable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class AcrossRun:
    """Runs everything that needs more than one row."""

    def __init__(
        self,
        found: Definitions,
        outcome: Outcome,
        wording: Wording,
        runs: Mapping[str, TableRun],
        folders: Folders,
        tell: Callable[[str, float], None],
    ) -> None:
        self.found = found
        self.outcome = outcome
        self.wording = wording
        self.runs = runs
        self.folders = folders
        self.tell = tell

    def run(self, rejected: RejectedRows, only: Collection[str] | None) -> None:
        """Check keys, references and rules; rows with a doubled key move from the written to the rejected rows."""
        sources = {name: [self._written(name), *rejected.typed(name)] for name in self.runs}
        self.tell("keys and references", 0.0)
        con = self._open(sources)
        try:
            taken_back = self._keys(con)
            self._delivery(con)
            self._rules(con, only)
        finally:
            con.close()
        for name, rows in taken_back.items():
            self._take_back(name, rows, rejected)

    def _open(self, sources: Mapping[str, list[Path]]) -> DuckDBPyConnection:
        """The relations of all tables, which the rules query."""
        return open_relations(self.found, sources, scratch=self.folders.scratch)

    def _written(self, name: str) -> Path:
        return self.folders.tables / f"{name}.parquet"

    def _keys(self, con: DuckDBPyConnection) -> dict[str, dict[int, str]]:
        taken_back: dict[str, dict[int, str]] = defaultdict(dict)
        for check in KeyChecks(con, self.found, list(self.runs), FINDINGS_PER_CHECK).run():
            self.outcome.count(check.rule.code, check.table, check.field).add(
                check.passed, check.failed, check.not_assessed
            )
            self._not_listed(check.rule.code, check.rule.severity, check.failed - len(check.violations))
            for row in check.doubled:
                taken_back[check.table].setdefault(row, f"{check.rule.code}:{check.field}")
            for violation in check.violations:
                self.outcome.add(
                    [
                        self.wording.finding(
                            violation.rule,
                            table=violation.table,
                            key=violation.key,
                            field=violation.field,
                            fields=violation.fields,
                            value=violation.value,
                            values=violation.words,
                            location=self._place(violation.table, violation.row, violation.written, violation.field),
                        )
                    ]
                )
        return taken_back

    def _rules(self, con: DuckDBPyConnection, only: Collection[str] | None) -> None:
        codes = None if only is None else [code for code in only if code in self.found.across_rules]
        order = {code: part / len(self.found.across_rules) for part, code in enumerate(sorted(self.found.across_rules))}

        def tell_rule(code: str) -> None:
            self.tell(f"rule {code}", order[code])

        for result in run_rules(con, self.found, codes, tell_rule, FINDINGS_PER_CHECK):
            findings: list[Finding] = []
            excused = 0
            for violation in result.violations:
                location = self._place(violation.table, violation.row, bool(violation.written), violation.field)
                if self._is_set_aside(violation.table, location.row, violation.field):
                    excused += 1
                    continue
                findings.append(
                    self.wording.finding(
                        result.rule,
                        table=violation.table,
                        key=violation.key,
                        field=violation.field,
                        fields=[entry.partition(".")[2] for entry in result.rule.fields] or (),
                        value=violation.value,
                        values=violation.values,
                        location=location,
                    )
                )
            self.outcome.add(findings)
            self._not_listed(result.rule.code, result.rule.severity, result.failed - len(result.violations))
            self.outcome.count(result.rule.code, result.table, result.field).add(
                result.passed, result.failed - excused, result.not_assessed + excused
            )

    def _is_set_aside(self, table: str | None, row: int | None, field: str | None) -> bool:
        """Whether the cell already has a finding that says it is unreadable or impossible."""
        run = self.runs.get(table or "")
        return run is not None and row is not None and field is not None and (row, field) in run.cells.set_aside

    def _place(self, table: str | None, row: int | None, written: bool, field: str | None) -> Location:
        run = self.runs.get(table or "")
        if run is None:
            return Location()
        if row is not None and written:
            row = run.lines.line(row)
        return run.place(row, field)

    def _not_listed(self, code: str, severity: str, number: int) -> None:
        if number > 0:
            self.outcome.not_listed[code] = self.outcome.not_listed.get(code, 0) + number
            self.outcome.not_listed_errors += number if severity == "error" else 0

    def _delivery(self, con: DuckDBPyConnection) -> None:
        for table in self.found.tables.values():
            if table.role == "delivery" and "synthetic" in table.fields:
                row = con.execute(f'SELECT BOOL_OR(synthetic) FROM "{table.name}"').fetchone()
                self.outcome.synthetic |= bool(row and row[0])

    def _take_back(self, name: str, rows: Mapping[int, str], rejected: RejectedRows) -> None:
        run, path = self.runs[name], self._written(name)
        held = self.folders.scratch / f"{name}.held.parquet"
        path.rename(held)
        metadata = {
            key.decode(): value.decode()
            for key, value in _file_metadata(held).items()
            if key in (b"schema_fingerprint", b"source_file", b"source_sha256")
        }
        with ParquetTable(path, run.table, self.found, metadata) as writer:
            start = 0
            for batch in _typed_batches(held):
                gone = [row - start for row in rows if start <= row < start + batch.height]
                if gone:
                    for position in sorted(gone):
                        place = run.place(run.lines.line(start + position), None)
                        rejected.add_written(run.table, [place], rows[start + position], batch[position])
                    keep = pl.Series([True]).new_from_index(0, batch.height).scatter(gone, False)
                    writer.write(batch.filter(keep))
                else:
                    writer.write(batch)
                start += batch.height


def _file_metadata(path: Path) -> dict[bytes, bytes]:
    import pyarrow.parquet as pq

    return dict(pq.read_metadata(path).metadata or {})


def _typed_batches(path: Path) -> Iterator[pl.DataFrame]:
    import polars.selectors as cs
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path, pre_buffer=False)
    for group in range(file.num_row_groups):
        batch = pl.DataFrame(pl.from_arrow(file.read_row_group(group)))
        yield batch.with_columns((cs.categorical() | cs.enum()).cast(pl.String))
