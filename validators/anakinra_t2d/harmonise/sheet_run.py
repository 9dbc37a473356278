"""Reads one sheet to its end for every table that its layout names, and accounts for each of its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from anakinra_t2d.harmonise.columns import HeaderNames, TableColumns, find_columns, left_over
from anakinra_t2d.harmonise.contribution import Contribution, Part
from anakinra_t2d.harmonise.side_tables import SideTables
from anakinra_t2d.reading.cells import TextTable
from anakinra_t2d.reading.problems import ReadProblem
from anakinra_t2d.schema import Definitions, Profile
from anakinra_t2d.schema.sites import SheetLayout
from anakinra_t2d.wording import count

Report = Callable[[ReadProblem, str | None, str | None], None]
"""Takes a problem of a sheet, the table and the field it is about."""
_SHOWN_ROWS = 20


@dataclass
class SheetAccount:
    """What became of the rows of one sheet: ``taken`` by some table, ``without_values``, ``left`` (ROW-004)."""

    file: str
    sheet: str | None
    sha256: str
    size: int
    rows_read: int = 0
    rows_taken: int = 0
    rows_left: int = 0
    rows_unread: int = 0
    columns_ignored: list[str] = field(default_factory=list)
    cells_changed: int = 0


@dataclass(frozen=True)
class SheetResult:
    """The parts that a sheet gave, and the account of its rows."""

    parts: list[Part]
    account: SheetAccount


class SheetRun:
    """Reads one sheet. ``may_be_empty`` is for one of several in a workbook: without rows it counts as not sent."""

    def __init__(
        self,
        number: int,
        source: TextTable,
        layout: SheetLayout,
        profile: Profile | None,
        found: Definitions,
        side: SideTables,
        scratch: Path,
        report: Report,
        *,
        may_be_empty: bool = False,
    ) -> None:
        self.source = source
        self.may_be_empty = may_be_empty
        self.layout = layout
        self.profile = profile
        self.found = found
        self._report = report
        self._left: Counter[str] = Counter()
        self._first_left: dict[str, int] = {}
        self._odd: dict[str, Counter[str]] = {}
        self.account = SheetAccount(source.file.shown, source.sheet, "", source.size)
        names = HeaderNames(source)
        self._expected = {header: texts for column, texts in layout.expect.items() if (header := names.header(column))}
        self._contributions: list[Contribution] = []
        if not source.readable:
            return
        columns = [find_columns(entry, found.tables[entry.table], names) for entry in layout.tables]
        self._say_header(columns)
        for place, entry in enumerate(columns):
            if entry.is_usable and entry.fields:
                path = scratch / f"{entry.table.name}.part-{number}-{place}.parquet"
                say = self._say_of(entry.table.name)
                self._contributions.append(Contribution(number, source, entry, profile, found, side, path, say))

    def run(self) -> SheetResult:
        """Read the sheet to its end."""
        source, account = self.source, self.account
        for batch in source:
            taken = pl.Series([False]).new_from_index(0, batch.cells.height)
            for contribution in self._contributions:
                mine = contribution.rows(batch.cells)
                contribution.add(batch, mine)
                taken |= mine
            account.rows_taken += int(taken.sum())
            if self._contributions and not taken.all():
                self._count_left(batch.cells.filter(~taken), batch.row_numbers().filter(~taken))
            self._look_at_expected(batch.cells)
        parts = [contribution.close() for contribution in self._contributions]
        self._say_rows()
        is_left_out = self.may_be_empty and source.readable and source.records == 0
        for problem in source.problems:
            if not (is_left_out and problem.code == "FILE-003"):
                self._report(problem, self._only_table(), None)
        account.sha256 = source.sha256
        account.rows_read = source.records
        account.rows_unread = len(source.rejected)
        account.cells_changed = sum(contribution.changed for contribution in self._contributions)
        # a file that broke off on the way is not kept
        return SheetResult(parts if source.readable and not is_left_out else [], account)

    def _only_table(self) -> str | None:
        names = {entry.table for entry in self.layout.tables}
        return names.pop() if len(names) == 1 else None

    def _say(
        self,
        code: str,
        details: Mapping[str, str],
        *,
        row: int | None = None,
        column: str | None = None,
        table: str | None = None,
        field: str | None = None,
    ) -> None:
        shown = self.source.file.shown
        self._report(ReadProblem(code, shown, row, column, dict(details), self.source.sheet), table, field)

    def _say_of(self, table: str) -> Callable[[str, str | None, Mapping[str, str]], None]:
        def say(code: str, column: str | None, details: Mapping[str, str]) -> None:
            row = self.source.header_row
            self._say(code, details, row=row, column=column, table=table, field=details.get("fields"))

        return say

    def _say_header(self, columns: Sequence[TableColumns]) -> None:
        row = self.source.header_row
        for name, times in Counter(self.source.header).items():
            if times > 1:
                self._say("HEAD-004", {"column": name, "times": str(times)}, row=row, column=name)
        for entry in columns:
            for missing in entry.missing:
                is_optional = all(
                    name in entry.table.fields and entry.table.fields[name].required != "always"
                    for name in missing.fields
                )
                code = "HEAD-002" if is_optional and not missing.is_needed else "HEAD-006"
                words = {
                    "column": missing.column,
                    "fields": ", ".join(missing.fields),
                    "suggestion": missing.suggestion,
                }
                self._say(code, words, row=row, column=missing.column, table=entry.table.name)
        if not self.layout.tables:
            return
        near = HeaderNames(self.source)
        for header in left_over(self.source, self.layout, columns):
            words = {"column": header or "without a name", "suggestion": "" if header else near.near(header)}
            self._say("HEAD-003", words, row=row, column=header, table=self._only_table())
        read = {name for entry in columns for name in entry.headers()}
        self.account.columns_ignored = [name for name in self.source.header if name not in read]

    def _count_left(self, cells: pl.DataFrame, rows: pl.Series) -> None:
        """Rows that no table takes, by what their conditions looked at; rows without any text are not counted."""
        filled = cells.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
        cells, rows = cells.filter(filled), rows.filter(filled)
        headers = list(dict.fromkeys(name for each in self._contributions for name in each.columns.where))
        headers = [name for name in headers if name in cells.columns]
        self.account.rows_left += cells.height
        for row, texts in zip(rows, cells.select(headers).iter_rows(named=True), strict=False):
            words = ", ".join(f"{name} = {text if text is not None else 'nothing'}" for name, text in texts.items())
            words = words or "no value in the columns that say so"
            self._left[words] += 1
            self._first_left.setdefault(words, row)

    def _look_at_expected(self, cells: pl.DataFrame) -> None:
        for header, texts in self._expected.items():
            if header in cells.columns:
                odd = cells[header].filter(~cells[header].is_in(texts)).drop_nulls()
                counts = self._odd.setdefault(header, Counter())
                for text, number in odd.value_counts().iter_rows():
                    counts[text] += number

    def _say_rows(self) -> None:
        table = self._only_table()
        for what, number in self._left.most_common(_SHOWN_ROWS):
            rest = f"; {number:,} rows" if number > 1 else ""
            self._say("ROW-004", {"value": what, "rest": rest}, row=self._first_left[what], table=table)
        if len(self._left) > _SHOWN_ROWS:
            rows = sum(number for _, number in self._left.most_common()[_SHOWN_ROWS:])
            others = f"{len(self._left) - _SHOWN_ROWS} other combinations"
            self._say("ROW-004", {"value": others, "rest": f"; {count(rows, 'row')}"}, table=table)
        for header, counts in self._odd.items():
            expected = " or ".join(self._expected[header])
            for text, number in counts.most_common(_SHOWN_ROWS):
                words = {"column": header, "value": text, "rest": f" in {count(number, 'row')}", "expected": expected}
                self._say("HEAD-007", words, row=self.source.header_row, column=header, table=table)
