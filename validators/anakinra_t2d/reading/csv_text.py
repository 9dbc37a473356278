"""Reads CSV in any encoding and with any delimiter, quotes doubled, lines ending in LF, CRLF or CR.

A file that is compressed or not UTF-8 is first written as UTF-8 into a scratch file. Two passes over the text: the
survey reads every byte once and refuses what is no such file, so that a bad file gives no batch.
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
from anakinra_t2d.reading.csv_head import Head, read_head
from anakinra_t2d.reading.csv_records import BlockRecords, Broken, Form, positions, read_block
from anakinra_t2d.reading.csv_survey import Survey, survey
from anakinra_t2d.reading.delimiters import USUAL
from anakinra_t2d.reading.discover import SourceFile
from anakinra_t2d.reading.encoding import NotUtf8Error
from anakinra_t2d.reading.header_row import is_blank
from anakinra_t2d.reading.options import ReadOptions
from anakinra_t2d.reading.problems import UnreadableError
from anakinra_t2d.reading.transcode import Transcoder

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
        self._head = Head(",", [], 0, 0, 0)
        self._survey = Survey()
        self._text = file.path
        self._one_by_one = one_by_one
        self._transcoder: Transcoder | None = None
        super().__init__(file, options, batch_rows)

    def _open(self) -> list[str] | None:
        self._transcoder = Transcoder(self.file.path, self.options.encoding)
        plain = self._transcoder.plain()
        self._text = plain.path
        try:
            found = self._look()
        except NotUtf8Error as error:
            if plain.stated or error.mixed:
                raise
            self._text, name = self._transcoder.fallback()
            self.log.add("FILE-007", error.row, found=name)
            found = self._look()
        if not found:
            return None
        self.header_row = self._head.header_row
        self.unit_cells = self._head.unit_cells
        if self._head.text_above:
            self.log.add("HEAD-005", self.header_row, header=str(self.header_row))
        return self._head.header

    def _look(self) -> bool:
        """Whether there is a header; reads the whole text once."""
        name = self.file.path.name.lower().removesuffix(".gz")
        head = read_head(self._text, self.options, USUAL.get(name[name.rfind(".") :], ","))
        if head is None:
            return False
        self._head = head
        self._form = Form(len(head.header), head.delimiter)
        self._survey = survey(self._text, head)
        return True

    def _parts(self) -> Iterator[Part]:
        try:
            for part in self._records():
                yield from _without(part, self.options.unit_row)
        finally:
            if self._transcoder:
                self._transcoder.close()

    def _records(self) -> Iterator[Part]:
        for row in self._head.blank:
            self.log.add("ROW-003", row)
        done = 0
        if self._survey.plain and self._survey.lines and self._form.in_bulk and not self._one_by_one:
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
            self._text.absolute(),
            has_header=False,
            skip_lines=self._head.skipped,
            schema=positions(len(self.header)),
            separator=self._form.delimiter,
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
                    yield Part(cells, self._head.skipped + 1 + given)
                    given += cells.height
        except pl.exceptions.PolarsError:
            return

    def _blocks(self, done: int) -> Iterator[Part]:
        """Read block by block, from the record after ``done`` records of a plain beginning."""
        blocks = bisect.bisect_right(self._survey.counts, done)
        start = self._survey.ends[blocks - 1] if blocks else self._head.offset
        line = self._head.skipped + 1 + done
        drop = done - (self._survey.counts[blocks - 1] if blocks else 0)
        rest = b""
        with self._text.open("rb", buffering=0) as stream:
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
            return read_block(block, self._form, one_by_one=self._one_by_one)
        except UnicodeDecodeError:
            raise UnreadableError("the file was written again while it was read") from None

    def _part(self, records: BlockRecords, line: int) -> Iterator[Part]:
        for broken in records.broken:
            row = line + broken.row
            if broken.code == "ROW-003":
                self.log.add("ROW-003", row)
                continue
            if row == self.options.unit_row and self._holds_units(broken):
                continue
            last = line + broken.last_row
            self.reject(RaggedRow(row, last, broken.code, broken.cells))
            if broken.code == "ROW-001":
                self.log.add("ROW-001", row, found=str(len(broken.cells)), header=str(len(self.header)))
            else:
                self._broken(row, last, broken.problem)
        rows = line if records.rows is None else records.rows + line
        yield Part(records.cells, rows, records.facts.odd)

    def _holds_units(self, broken: Broken) -> bool:
        """Whether the row with the units is sound, although it is shorter than the header or ends in empty cells."""
        return broken.code == "ROW-001" and is_blank(broken.cells[len(self.header) :])

    def _broken(self, row: int, last: int, problem: str) -> None:
        lines = f"; lines {row} to {last} were not read" if last > row else "; the line was not read"
        self.log.add("ROW-002", row, problem=problem + lines)

    def _unclosed(self, rest: bytes, row: int) -> None:
        """The quote opened in line ``row`` is not closed before the end of the file, or not soon enough."""
        last = self._head.skipped + self._survey.lines
        soon = len(rest) <= csv_blocks.LONGEST_LINE
        self._broken(row, last, f"a quote opens and is {'never closed' if soon else 'not closed within 16 MiB'}")
        self.reject(RaggedRow(row, last, "ROW-002", [rest[: rest.find(b"\n") + 1 or None].decode()]))


def _without(part: Part, row: int | None) -> Iterator[Part]:
    """The part without the record in ``row``."""
    if row is None:
        yield part
        return
    if isinstance(part.rows, int):
        at = row - part.rows
        found = 0 <= at < part.cells.height
    else:
        place = part.rows.index_of(row)
        found, at = place is not None, place or 0
    if not found:
        yield part
        return
    before, after = part.cells.slice(0, at), part.cells.slice(at + 1)
    if isinstance(part.rows, int):
        yield Part(before, part.rows, part.odd)
        yield Part(after, row + 1, part.odd)
    else:
        yield Part(before, part.rows.slice(0, at), part.odd)
        yield Part(after, part.rows.slice(at + 1), part.odd)
