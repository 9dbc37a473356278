"""Reads CDISC Dataset-JSON 1.1: one JSON object, or newline-delimited JSON, compressed or not.

Source: https://wiki.cdisc.org/display/PUB/CDISC+Dataset-JSON+v1.1. Both forms are read as a stream.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, BinaryIO

import polars as pl

from anakinra_t2d.reading.cells import BATCH_ROWS, Part, RaggedRow, TextTable
from anakinra_t2d.reading.csv_records import positions
from anakinra_t2d.reading.discover import SourceFile
from anakinra_t2d.reading.encoding import UTF8_BOM
from anakinra_t2d.reading.odd_text import ODD_TEXT
from anakinra_t2d.reading.options import ReadOptions
from anakinra_t2d.reading.problems import UnreadableError
from anakinra_t2d.reading.sas_dates import sas_text
from anakinra_t2d.reading.statistical_formats import Meaning, meaning_of
from anakinra_t2d.reading.transcode import Inflated

LONGEST_LINE = 16 << 20
_PART_ROWS = 10_000
_NEEDED = frozenset({"datasetJSONVersion", "name", "columns"})
_VERSION = re.compile(r"1\.1(?:\.\d+)?")
_MOST_ZEROS = 40


@dataclass(frozen=True, slots=True)
class _Description:
    """What a data set says of itself; ``records`` is None where it does not, or says so below its rows."""

    columns: list[dict[str, Any]]
    name: str | None
    records: int | None


class DatasetJsonTable(TextTable):
    """A data set of Dataset-JSON as text cells.

    A number is the text it has in the file, without an exponent; where its column has a date format of SAS it is the
    date. ``true`` and ``false`` are these words. The row of a record is its line, or in the form of one object
    its number counted from 2. ``labels`` holds the label of each column that has one.
    """

    def __init__(self, file: SourceFile, options: ReadOptions | None = None, batch_rows: int = BATCH_ROWS) -> None:
        self.labels: dict[str, str] = {}
        self._by_line = False
        self._said = _Description([], None, None)
        super().__init__(file, options, batch_rows)

    def _open(self) -> list[str]:
        with self._stream() as stream:
            found = _metadata_line(stream.readline(LONGEST_LINE))
        self._by_line = found is not None
        if found is None:
            with self._stream() as stream:
                found = _metadata(stream)
        self._said = _describe(found)
        self.sheet = self.log.sheet = self._said.name
        self.text_columns = {each["name"] for each in self._said.columns if each.get("dataType") == "string"}
        self.labels = {each["name"]: each["label"] for each in self._said.columns if isinstance(each.get("label"), str)}
        return [each["name"] for each in self._said.columns]

    def _stream(self) -> BinaryIO:
        """The JSON text, unpacked, without byte order mark."""
        source = self.file.path.open("rb")
        head = source.peek(2)[:2]
        zlib = head[:1] == b"\x78" and int.from_bytes(head, "big") % 31 == 0
        stream = io.BufferedReader(Inflated(source)) if zlib or head == b"\x1f\x8b" else source
        if stream.peek(len(UTF8_BOM)).startswith(UTF8_BOM):
            stream.read(len(UTF8_BOM))
        return stream

    def _parts(self) -> Iterator[Part]:
        meanings = [meaning_of(str(each.get("displayFormat", "")), "sas") for each in self._said.columns]
        rows: list[int] = []
        cells: list[list[str | None]] = []
        number = 0
        with self._stream() as stream:
            for row, values in self._lines(stream) if self._by_line else _records(stream):
                number += 1
                texts = _texts(values, meanings, number, row)
                if len(texts) != len(meanings):
                    self.log.add("ROW-001", row, found=str(len(texts)), header=str(len(meanings)))
                    self.reject(RaggedRow(row, row, "ROW-001", [text or "" for text in texts]))
                    continue
                rows.append(row)
                cells.append(texts)
                if len(rows) == _PART_ROWS:
                    yield _part(rows, cells)
                    rows, cells = [], []
        if rows:
            yield _part(rows, cells)
        self._compare(number)

    def _lines(self, stream: BinaryIO) -> Iterator[tuple[int, Any]]:
        """Records of newline-delimited JSON with their lines."""
        line = 0
        while text := stream.readline(LONGEST_LINE + 1):
            line += 1
            if len(text) > LONGEST_LINE:
                raise UnreadableError(f"a line is longer than {LONGEST_LINE:,} bytes", line)
            if line == 1:
                continue
            if text.isspace():
                self.log.add("ROW-003", line)
                continue
            try:
                yield line, _loads(text)
            except json.JSONDecodeError as error:
                problem = f"the line is not valid JSON: {error.msg.lower()} (column {error.colno})"
                raise UnreadableError(problem, line) from None
            except UnicodeDecodeError:
                raise UnreadableError("the line is not UTF-8", line) from None
            except (ValueError, ArithmeticError, RecursionError):
                raise UnreadableError("the line is not valid JSON", line) from None

    def _compare(self, found: int) -> None:
        """Compare the number of records with the one that the data set states."""
        stated = self._said.records
        if stated is None and not self._by_line:
            import ijson

            with self._stream() as stream:
                stated = next(ijson.items(stream, "records"), None)
        if stated is not None and stated != found:
            raise UnreadableError(f"the data set says that it has {stated} records, but {found} are there")


def _metadata_line(line: bytes) -> dict[str, Any] | None:
    """The first line when it is all that newline-delimited JSON says of a data set; None for the form of one object."""
    try:
        found = _loads(line)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    return found if isinstance(found, dict) and "rows" not in found else None


def _loads(line: bytes) -> Any:
    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    return json.loads(line.decode(), parse_float=Decimal, parse_constant=refuse)


def _metadata(stream: BinaryIO) -> dict[str, Any]:
    """What one object says of its data set, as far as the rows, or to the end when something stands below them."""
    import ijson

    found: dict[str, Any] = {}
    key, builder = "", None
    try:
        for prefix, event, value in ijson.parse(stream):
            if prefix == "" and event == "map_key":
                if value == "rows" and found.keys() >= _NEEDED:
                    break
                key, builder = value, ijson.ObjectBuilder() if value in _NEEDED or value == "records" else None
            elif prefix == "" and event not in ("start_map", "end_map"):
                raise UnreadableError("the file is JSON, but holds no data set of Dataset-JSON")
            elif prefix and builder is not None:
                builder.event(event, value)
                found[key] = builder.value
    except (ijson.JSONError, ValueError, ArithmeticError) as error:
        raise UnreadableError(f"the file is not valid JSON before its first record: {_short(error)}") from None
    return found


def _describe(found: dict[str, Any]) -> _Description:
    version, columns, name, records = (found.get(key) for key in ("datasetJSONVersion", "columns", "name", "records"))
    if not isinstance(version, str):
        raise UnreadableError(
            "the file is JSON, but does not say that it is Dataset-JSON: it has no datasetJSONVersion"
        )
    if not _VERSION.fullmatch(version):
        raise UnreadableError(f"the file is Dataset-JSON {version[:20]}; only version 1.1 is read")
    if not isinstance(columns, list) or not columns:
        raise UnreadableError("the data set has no list of columns")
    for place, column in enumerate(columns, start=1):
        if not isinstance(column, dict) or not isinstance(column.get("name"), str):
            raise UnreadableError(f"column {place} of the data set has no name")
    if records is not None and (not isinstance(records, int) or isinstance(records, bool)):
        raise UnreadableError("the number of records of the data set is not a number")
    return _Description(columns, name if isinstance(name, str) and name else None, records)


def _records(stream: BinaryIO) -> Iterator[tuple[int, Any]]:
    """Records of one object, numbered from 2."""
    import ijson

    row = 1
    try:
        for values in ijson.items(stream, "rows.item"):
            row += 1
            yield row, values
    except (ijson.JSONError, ValueError, ArithmeticError) as error:
        after = f"after record {row - 1}" if row > 1 else "before the first record"
        raise UnreadableError(f"the file is not valid JSON {after}: {_short(error)}", row + 1) from None


def _texts(values: Any, meanings: list[Meaning], number: int, row: int) -> list[str | None]:
    """The cells of record ``number``; ``meanings`` says what the numbers of each column are."""
    if not isinstance(values, list):
        raise UnreadableError(f"record {number} is not a list of values", row)
    try:
        if len(values) != len(meanings):
            return [_text(value, "number") for value in values]
        return [_text(value, meaning) for value, meaning in zip(values, meanings, strict=True)]
    except TypeError:
        raise UnreadableError(f"record {number} holds a list or an object in place of a value", row) from None
    except ValueError:
        raise UnreadableError(f"record {number} holds a number or a letter that cannot be read", row) from None


def _text(value: Any, meaning: Meaning) -> str | None:
    """A value as text. Raises TypeError for lists and objects, ValueError for what has no text."""
    if value is None:
        return None
    if isinstance(value, str):
        if not value.isascii():
            value.encode()  # half a surrogate pair is no letter
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, int | Decimal):
        raise TypeError
    return sas_text(value, meaning) or _digits(value)


def _digits(value: int | Decimal) -> str:
    if isinstance(value, Decimal) and abs(value.adjusted()) <= _MOST_ZEROS:
        return format(value, "f")
    return str(value)  # with an exponent where zeros without end would be written


def _part(rows: list[int], cells: list[list[str | None]]) -> Part:
    frame = pl.DataFrame(list(zip(*cells, strict=True)), schema=positions(len(cells[0])), orient="col")
    odd = bool(frame.select(pl.any_horizontal(pl.all().str.contains(ODD_TEXT)).any()).item())
    together = rows[-1] - rows[0] == len(rows) - 1
    return Part(frame, rows[0] if together else pl.Series("row", rows, dtype=pl.Int64), odd)


def _short(error: BaseException) -> str:
    """The first line of an error, at most 120 characters."""
    text = error.args[0] if error.args else ""
    text = text.decode(errors="replace") if isinstance(text, bytes) else str(error)
    return (text.strip().splitlines() or [type(error).__name__])[0][:120].lower().rstrip(".")
