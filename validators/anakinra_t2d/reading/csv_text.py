"""Reads CSV: UTF-8, comma, quotes doubled, lines ending in LF or CRLF.

Two passes. The survey reads every byte once and refuses what is not such a file, so that a bad file gives no batch.
A plain file (no quotes, the right number of commas in every block) is then parsed by polars as a whole; any other
file block by block, simple lines in bulk and the rest with the csv module.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator

import polars as pl

from anakinra_t2d.reading import csv_blocks
from anakinra_t2d.reading.cells import BATCH_ROWS, Part, RaggedRow, TextTable
from anakinra_t2d.reading.csv_blocks import whole_lines
from anakinra_t2d.reading.csv_records import BlockRecords, positions, read_block
from anakinra_t2d.reading.csv_survey import Survey, survey
from anakinra_t2d.reading.discover import SourceFile
from anakinra_t2d.reading.options import ReadOptions
from anakinra_t2d.reading.problems import UnreadableError

BLOCK = 4 << 20


class CsvTable(TextTable):
    """A CSV file as text cells. ``one_by_one`` turns off every fast way (for tests; the cells are the same)."""

    def __init__(
        self,
        file: SourceFile,
        options: ReadOptions | None = None,
        batch_rows: int = BATCH_ROWS,
        *,
        one_by_one: bool = False,
    ) -> None:
        self._survey = Survey([], 0, 0, [])
        self._one_by_one = one_by_one
        super().__init__(file, options, batch_rows)

    def _open(self) -> list[str] | None:
        found = survey(self.file.path)
        if found is None:
            return None
        self._survey = found
        return found.header

    def _parts(self) -> Iterator[Part]:
        for row in self._survey.blank:
            self.log.add("ROW-003", row)
        done = 0
        if self._survey.plain and self._survey.lines and not self._one_by_one:
            for part in self._whole():
                done += part.cells.height
                yield part
        if done < self._survey.lines:
            yield from self._blocks(done)

    def _whole(self) -> Iterator[Part]:
        """Parse a plain file as a whole; ends early when a line turns out to have too many cells.

        polars fills lines with too few cells silently. A block with such a line also has one with too many, at
        which polars stops; so records are given on only when all blocks they lie in are parsed.
        """
        frames = pl.scan_csv(
            self.file.path.absolute(),
            has_header=False,
            skip_lines=self._survey.skipped,
            schema=positions(len(self.header)),
            quote_char=None,
            glob=False,
        ).collect_batches()
        waiting: list[pl.DataFrame] = []
        received = given = 0
        try:
            for frame in frames:
                received += frame.height
                waiting.append(frame)
                blocks = bisect.bisect_right(self._survey.counts, received)
                safe = self._survey.counts[blocks - 1] if blocks else 0
                while waiting and given + waiting[0].height <= safe:
                    cells = waiting.pop(0)
                    yield Part(cells, self._survey.skipped + 1 + given)
                    given += cells.height
        except pl.exceptions.PolarsError:
            return

    def _blocks(self, done: int) -> Iterator[Part]:
        """Read block by block, from the record after ``done`` records of a plain beginning."""
        blocks = bisect.bisect_right(self._survey.counts, done)
        start = self._survey.ends[blocks - 1] if blocks else self._survey.offset
        line = self._survey.skipped + 1 + done
        drop = done - (self._survey.counts[blocks - 1] if blocks else 0)
        rest = b""
        with self.file.path.open("rb", buffering=0) as stream:
            stream.seek(start)
            for block in whole_lines(stream, BLOCK):
                if drop:
                    block, drop = block.split(b"\n", drop)[-1], 0
                if not block:
                    continue
                records = self._read(rest + block)
                yield from self._part(records, line)
                open_from, open_line = records.rest, records.rest_line
                if open_from is None or open_line is None:
                    line += records.facts.lines
                    rest = b""
                else:
                    line += open_line
                    rest = (rest + block)[open_from:]
                    if len(rest) > csv_blocks.LONGEST_LINE:
                        break
        if rest:
            self._unclosed(rest, line)

    def _read(self, block: bytes) -> BlockRecords:
        try:
            return read_block(block, len(self.header), one_by_one=self._one_by_one)
        except UnicodeDecodeError:
            raise UnreadableError("the file was written again while it was read") from None

    def _part(self, records: BlockRecords, line: int) -> Iterator[Part]:
        for broken in records.broken:
            row = line + broken.row
            if broken.code == "ROW-003":
                self.log.add("ROW-003", row)
                continue
            last = line + broken.last_row
            self.reject(RaggedRow(row, last, broken.code, broken.cells))
            if broken.code == "ROW-001":
                self.log.add("ROW-001", row, found=str(len(broken.cells)), header=str(len(self.header)))
            else:
                self._broken(row, last, broken.problem)
        rows = line if records.rows is None else records.rows + line
        yield Part(records.cells, rows, records.facts.odd)

    def _broken(self, row: int, last: int, problem: str) -> None:
        lines = f"; lines {row} to {last} were not read" if last > row else "; the line was not read"
        self.log.add("ROW-002", row, problem=problem + lines)

    def _unclosed(self, rest: bytes, row: int) -> None:
        """The quote opened in line ``row`` is not closed before the end of the file, or not soon enough."""
        last = self._survey.skipped + self._survey.lines
        soon = len(rest) <= csv_blocks.LONGEST_LINE
        self._broken(row, last, f"a quote opens and is {'never closed' if soon else 'not closed within 16 MiB'}")
        self.reject(RaggedRow(row, last, "ROW-002", [rest[: rest.find(b"\n") + 1 or None].decode()]))
