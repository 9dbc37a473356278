"""The one shape of everything read: batches of text cells with their row numbers."""

from __future__ import annotations

import json
import os
import tempfile
import weakref
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from anakinra_t2d.finding import Location
from anakinra_t2d.reading.discover import SourceFile
from anakinra_t2d.reading.options import ReadOptions
from anakinra_t2d.reading.problems import ProblemLog, ReadProblem, UnreadableError, os_problem
from anakinra_t2d.reading.watch import FileWatch

BATCH_ROWS = 250_000
_IN_MEMORY = 4 << 20


@dataclass
class Batch:
    """Records of one table in file order.

    ``cells`` has String columns named as sent, an empty cell is null; columns whose name is doubled are left out.
    The row of a record is the line of the file where it starts, counted from 1 with the header; for formats without
    lines the record counted from 2, as if a header stood above. When the rows follow each other ``first_row`` is the
    row of the first record and ``rows`` is None, otherwise ``rows`` is an Int64 series and ``first_row`` is None.
    ``odd`` says that some cell may hold a character that no cell should hold (see ``odd_text``). Where the cells were
    harmonised after reading, ``sent`` has the texts as sent and ``notes`` what harmonising found (see
    ``harmonise.record_frame``).
    """

    first_row: int | None
    rows: pl.Series | None
    cells: pl.DataFrame
    odd: bool = False
    sent: pl.DataFrame | None = None
    notes: pl.Series | None = None

    def row_numbers(self) -> pl.Series:
        """Row of every record, Int64."""
        if self.rows is not None:
            return self.rows
        assert self.first_row is not None
        return _consecutive(self.first_row, self.cells.height)


@dataclass(frozen=True, slots=True)
class RaggedRow:
    """A record that did not become a row of a batch.

    ``cells`` as read for a wrong number of cells (ROW-001); for a broken quote (ROW-002) the text of the record as
    one cell. ``row`` to ``last_row`` are its lines in the file.
    """

    row: int
    last_row: int
    code: str
    cells: list[str]


class RejectedRows:
    """Rejected records in file order; beyond 4 MiB they wait on disk, so that memory stays bounded."""

    def __init__(self) -> None:
        self._spool = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (lives as long as the table)
        weakref.finalize(self, self._spool.close)
        self._count = 0
        self._at_end = True

    def append(self, row: RaggedRow) -> None:
        """Add a record."""
        if not self._at_end:
            self._spool.seek(0, os.SEEK_END)
            self._at_end = True
        line = json.dumps([row.row, row.last_row, row.code, row.cells])
        self._spool.write(line.encode() + b"\n")
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[RaggedRow]:
        position = 0
        for _ in range(self._count):
            self._at_end = False
            self._spool.seek(position)
            line = self._spool.readline()
            position = self._spool.tell()
            yield RaggedRow(*json.loads(line))


@dataclass
class Part:
    """Records as a format's reader finds them, in any number; ``rows`` is the row of the first or of each record."""

    cells: pl.DataFrame
    rows: int | pl.Series
    odd: bool = False


class TextTable(ABC):
    """One table as text cells; iterate once to get its batches.

    ``header`` has the column names as sent, doubled ones too (HEAD-004 is for the one who matches them with fields).
    Batches have exactly ``batch_rows`` records, the last one what is left. ``records`` counts those of the batches
    and those in ``rejected``, not blank lines. Nothing raises for bad input: what is wrong stands in ``problems``,
    complete after the iteration; ``readable`` is False when the file cannot be read (FILE-001, FILE-002). A file that
    turns out to be unreadable on the way may have given batches before; none of them should be kept then.

    ``sheet`` is the sheet, data set or form inside the file, None where a file is one table. ``header_row`` is the row
    of the header; ``unit_cells`` the cells of ``options.unit_row``, as long as the header; ``units`` and ``decimal``
    the unit and the decimal mark that the file itself declares for a column; ``technical`` the columns that the format
    adds by itself; ``text_columns``, for a format whose columns have a type, those of text.

    A date that the format keeps as a date is written YYYY-MM-DD, a date and time YYYY-MM-DDTHH:MM:SS;
    ``has_midnights`` says that a format does not tell the one from the other at midnight, and ``date_epoch`` is the day
    that bare numbers in a column of dates count from.
    """

    has_midnights = False
    date_epoch: str | None = None
    technical: Collection[str] = frozenset()
    text_columns: Collection[str] = frozenset()
    decimal: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self,
        file: SourceFile,
        options: ReadOptions | None = None,
        batch_rows: int = BATCH_ROWS,
        sheet: str | None = None,
    ) -> None:
        if batch_rows < 1:
            raise ValueError("batch_rows must be at least 1")
        self.file = file
        self.sheet = sheet
        self.options = options or file.stated
        self.header_row = 1
        self.unit_cells: list[str | None] = []
        self.units: dict[str, str] = {}
        self.batch_rows = batch_rows
        self.header: list[str] = []
        self.size = 0
        self.records = 0
        self.rejected = RejectedRows()
        self.log = ProblemLog(file.shown, sheet)
        self.readable = False
        self._iterated = False
        self._watch: FileWatch | None = None
        try:
            self._watch = FileWatch(file.path)
            self.size = self._watch.size
            if self.size == 0:
                self.log.add("FILE-001")
            else:
                header = self._open()
                self.readable = header is not None
                self.header = header or []
                if header is None:
                    self.log.add("FILE-001")
        except UnreadableError as error:
            self._fail(error)
        except OSError as error:
            self._fail(UnreadableError(os_problem(error)))

    @property
    def problems(self) -> list[ReadProblem]:
        """What is wrong with the file; complete only after the iteration."""
        return self.log.problems

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of the file; empty when it could not be opened."""
        return self._watch.sha256 if self._watch else ""

    @property
    def shown(self) -> str:
        """Name of the file for people."""
        return self.file.shown

    def place(self, row: int | None, column: str | None) -> Location:
        """Where a cell stands."""
        return Location(self.file.shown, self.sheet, row, column)

    def place_of_header(self, column: str | None) -> Location:
        """Where the header of a column stands, or should stand."""
        return Location(self.file.shown, self.sheet, self.header_row, column)

    @abstractmethod
    def _open(self) -> list[str] | None:
        """Look at the file and return its header, None when it holds nothing. Raises UnreadableError or OSError."""

    @abstractmethod
    def _parts(self) -> Iterator[Part]:
        """Records in file order, columns by position. Raises UnreadableError or OSError."""

    def _fail(self, error: UnreadableError) -> None:
        self.readable = False
        self.log.add("FILE-002", error.row, problem=error.problem)

    def __iter__(self) -> Iterator[Batch]:
        if self._iterated:
            raise RuntimeError("a table can be iterated once; open it again")
        self._iterated = True
        if self.readable:
            yield from self._batches()
        self.log.close()

    def _batches(self) -> Iterator[Batch]:
        assert self._watch is not None
        cutter = BatchCutter(self.batch_rows)
        times = Counter(self.header)
        doubled = [place for place, name in enumerate(self.header) if times[name] > 1]
        names = [name for name in self.header if times[name] == 1]
        try:
            for part in self._parts():
                self.records += part.cells.height
                # drop keeps the height even when no column is left
                cells = part.cells.drop([part.cells.columns[place] for place in doubled])
                cells.columns = names
                yield from cutter.add(Part(cells, part.rows, part.odd))
            changed = self._watch.changed()
            if changed:
                raise UnreadableError(changed)
            yield from cutter.rest()
        except UnreadableError as error:
            self._fail(error)
        except OSError as error:
            self._fail(UnreadableError(self._watch.changed() or os_problem(error)))
        if self.readable and self.records == 0 and not len(self.rejected):
            self.log.add("FILE-003")

    def reject(self, row: RaggedRow) -> None:
        """Keep a record that does not become a row of a batch, and count it."""
        self.records += 1
        self.rejected.append(row)


class BatchCutter:
    """Turns parts of any height into batches of exactly ``batch_rows`` records."""

    def __init__(self, batch_rows: int) -> None:
        self.batch_rows = batch_rows
        self._parts: list[Part] = []
        self._height = 0

    def add(self, part: Part) -> Iterator[Batch]:
        """Add a part; yields the batches that are full now."""
        while self._height + part.cells.height >= self.batch_rows:
            room = self.batch_rows - self._height
            head, part = _split(part, room)
            self._parts.append(head)
            yield self._join()
        if part.cells.height:
            self._parts.append(part)
            self._height += part.cells.height

    def rest(self) -> Iterator[Batch]:
        """The last batch, if records are left."""
        if self._height:
            yield self._join()

    def _join(self) -> Batch:
        parts, self._parts, self._height = self._parts, [], 0
        cells = pl.concat([part.cells for part in parts], rechunk=False)
        odd = any(part.odd for part in parts)
        first = expected = parts[0].rows
        for part in parts:
            if not isinstance(part.rows, int) or part.rows != expected:
                return Batch(None, pl.concat([_row_series(each) for each in parts], rechunk=True), cells, odd)
            expected = part.rows + part.cells.height
        assert isinstance(first, int)
        return Batch(first, None, cells, odd)


def _split(part: Part, at: int) -> tuple[Part, Part]:
    head_rows, tail_rows = (
        (part.rows, part.rows + at) if isinstance(part.rows, int) else (part.rows.slice(0, at), part.rows.slice(at))
    )
    return Part(part.cells.slice(0, at), head_rows, part.odd), Part(part.cells.slice(at), tail_rows, part.odd)


def _row_series(part: Part) -> pl.Series:
    return _consecutive(part.rows, part.cells.height) if isinstance(part.rows, int) else part.rows


def _consecutive(first: int, count: int) -> pl.Series:
    return pl.int_range(first, first + count, dtype=pl.Int64, eager=True).alias("row")
