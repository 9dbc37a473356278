"""What a workbook says beside its values: epoch of its dates, formulas without result, errors, merged cells.

The libraries that read the values leave these out or differ in them by format, so they are taken from the parts of the
workbook while these are counted and checked (see ``excel_safety``). Rows and columns count from 0 here.
"""

from __future__ import annotations

import posixpath
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

from anakinra_t2d.reading.excel_safety import Kind, unpacked_parts
from anakinra_t2d.reading.ods_marks import ods_sheets
from anakinra_t2d.reading.problems import UnreadableError
from anakinra_t2d.reading.sheet_marks import Merged, SheetMarks

EPOCH_1900 = "1899-12-30"
EPOCH_1904 = "1904-01-01"
_KEPT = 1 << 20
_DIGITS = 9
"""Of a number that is too large anyway, the first digits or letters tell enough."""
_SMALL_PART = 64 << 20

_NAME = rb"(?:[A-Za-z0-9_.-]+:)?"
_ERRORS = (b't="e"', b"t='e'")
_UNFINISHED = re.compile(
    rb"<%(n)sc\b([^>]*)>\s*<%(n)sf\b(?:[^>]*/>|[^>]*>[^<]*</%(n)sf>)\s*(<%(n)sv\s*/>|<%(n)sv>\s*</%(n)sv>)?\s*</%(n)sc>"
    % {b"n": _NAME}
)
_REFERENCE = re.compile(rb"\sr=[\"']([A-Z]{1,3})([0-9]{1,7})[\"']")
# patterns that begin with fixed letters are found many times faster
_ROW = re.compile(rb'row r="([0-9]+)"')
_FAR_COLUMN = re.compile(rb'<c r="([A-Za-z]{2,})[0-9]')
_FAR_ROW = re.compile(rb'<c r="[A-Za-z]+([0-9]{6,})"')
_NEAR_COLUMNS = 26
_PLACE = re.compile(rb"<%(n)s(?:c|row)\s[^>]*?\br\s*=\s*[\"']([A-Za-z]*)([0-9]+)[\"']" % {b"n": _NAME})
_UNUSUAL = (b":c ", b":row ", b"<c\n", b"<c\t", b"<c\r", b"<row\n", b"<row\t", b"<row\r")
_TEXT_RESULT = re.compile(rb"\st=[\"']str[\"']")
_XLSB_MERGED = re.compile(rb"\xb1\x01\x04.{4}((?:\xb0\x01\x10.{16})+)\xb2\x01\x00", re.DOTALL)
_XLSB_EPOCH = 153
_XLSB_SHEET = 156
_XLS_BEGIN = re.compile(rb"\x09\x08[\x08\x10]\x00\x00[\x05\x06]\x05\x00")
_XLS_EPOCH = 0x22
_XLS_END = 0x0A


@dataclass
class Marks:
    """What is known of a workbook beside its values; ``sheets`` by name, without those that have nothing to tell."""

    epoch: str = EPOCH_1900
    sheets: dict[str, SheetMarks] = field(default_factory=dict)


def workbook_marks(path: Path, kind: Kind) -> Marks:
    """Unpack a workbook once, check it, and note what its parts say. Raises UnreadableError."""
    if kind == "xls":
        return Marks(_xls_epoch(path))
    if kind == "ods":
        marks = Marks()
        for name, pieces in unpacked_parts(path):
            if name == "content.xml":
                marks.sheets = ods_sheets(pieces)
        return marks
    small: dict[str, bytes] = {}
    parts: dict[str, SheetMarks] = {}
    for name, pieces in unpacked_parts(path):
        base = posixpath.basename(name).lower()
        if name.lower().endswith(".rels") or base in ("workbook.xml", "workbook.bin"):
            small[name] = _whole(pieces)
        elif base.endswith(".xml") and "worksheets" in name.lower():
            parts[name] = _xml_sheet(pieces)
        elif base.endswith(".bin") and "worksheets" in name.lower():
            parts[name] = SheetMarks(may_have_errors=True, merged=_xlsb_merged(_last(pieces)))
    try:
        return _named(small, parts)
    except (ET.ParseError, struct.error, ValueError, LookupError):
        raise UnreadableError("the workbook is damaged: its list of sheets cannot be read") from None


def _named(small: dict[str, bytes], parts: dict[str, SheetMarks]) -> Marks:
    """Marks by the names of the sheets, which the parts themselves do not know."""
    marks = Marks()
    for name, content in small.items():
        if name.lower().endswith(".rels"):
            continue
        folder, base = posixpath.split(name)
        targets = _targets(small.get(f"{folder}/_rels/{base}.rels".lstrip("/"), b""), folder)
        sheets, marks.epoch = (_xlsb_sheets if base.lower().endswith(".bin") else _xml_sheets)(content)
        for title, relation in sheets:
            if targets.get(relation) in parts:
                marks.sheets[title] = parts[targets[relation]]
    return marks


def _targets(relations: bytes, folder: str) -> dict[str, str]:
    """Part that each relation of the workbook leads to."""
    if not relations:
        return {}
    found = {}
    for element in ET.fromstring(relations):  # noqa: S314 (has no document type, no entities: see unpacked_parts)
        target = element.get("Target", "").replace("\\", "/")
        absolute = target if target.startswith("/") else posixpath.join("/", folder, target)
        found[element.get("Id", "")] = posixpath.normpath(absolute).lstrip("/")
    return found


def _xml_sheets(content: bytes) -> tuple[list[tuple[str, str]], str]:
    """Name and relation of every sheet, and the epoch."""
    sheets, epoch = [], EPOCH_1900
    for element in ET.fromstring(content).iter():  # noqa: S314 (see above)
        tag = element.tag.rpartition("}")[2]
        if tag == "workbookPr" and element.get("date1904") in ("1", "true", "on"):
            epoch = EPOCH_1904
        elif tag == "sheet":
            relation = next((value for key, value in element.items() if key.endswith("}id")), "")
            sheets.append((element.get("name", ""), relation))
    return sheets, epoch


def _xlsb_sheets(content: bytes) -> tuple[list[tuple[str, str]], str]:
    sheets, epoch = [], EPOCH_1900
    for kind, payload in _xlsb_records(content):
        if kind == _XLSB_EPOCH and payload[0] & 1:
            epoch = EPOCH_1904
        elif kind == _XLSB_SHEET:
            relation, end = _wide(payload, 8)
            sheets.append((_wide(payload, end)[0], relation))
    return sheets, epoch


def _wide(payload: bytes, start: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", payload, start)
    end = start + 4 + 2 * length
    return payload[start + 4 : end].decode("utf-16-le"), end


def _xlsb_records(content: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(content):
        kind, place = _varying(content, place, 2)
        size, place = _varying(content, place, 4)
        yield kind, content[place : place + size]
        place += size


def _varying(content: bytes, place: int, most: int) -> tuple[int, int]:
    """A number of seven bits a byte; the records of .xlsb files keep the eighth bit in numbers of their kinds."""
    value = shift = 0
    for _ in range(most):
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return value, place


def _xlsb_merged(content: bytes) -> list[Merged]:
    """Merged cells; their records stand after the cells, one behind the other."""
    merged = []
    for block in _XLSB_MERGED.finditer(content):
        for place in range(0, len(block[1]), 19):
            top, bottom, left, right = struct.unpack_from("<4I", block[1], place + 3)
            merged.append(((top, left), (bottom, right)))
    return merged


def _xml_sheet(pieces: Iterator[bytes]) -> SheetMarks:
    """Formulas without a stored result, and whether there may be error cells."""
    marks = SheetMarks()
    rest = b""
    for piece in pieces:
        text = rest + piece
        end = max(text.rfind(b"</c>"), text.rfind(b":c>"))
        end = end + 4 if end >= 0 else 0
        if end == 0 and len(text) > _KEPT:
            end = len(text) - _KEPT  # no cell is that long; something else is
        _note_cells(text[:end], marks)
        rest = text[end:]
    _note_cells(rest, marks)
    return marks


def _note_cells(text: bytes, marks: SheetMarks) -> None:
    if not marks.may_have_errors and any(mark in text for mark in _ERRORS):
        marks.may_have_errors = True
    rows, letters = {*_ROW.findall(text), *_FAR_ROW.findall(text)}, set(_FAR_COLUMN.findall(text))
    if not _is_usual(text):
        places = _PLACE.findall(text)
        rows.update(row for _, row in places)
        letters.update(column for column, _ in places if column)
    marks.rows = max([marks.rows, *(int(row[:_DIGITS]) for row in rows)])
    far = [column_number(each[:_DIGITS].decode()) + 1 for each in letters]
    marks.columns = max([marks.columns, _NEAR_COLUMNS, *far])
    if b"<f" not in text and b":f" not in text:
        return
    for cell in _UNFINISHED.finditer(text):
        attributes = b" " + cell[1]
        if cell[2] is not None and _TEXT_RESULT.search(attributes):
            continue  # an empty text is the result
        reference = _REFERENCE.search(attributes)
        if reference:
            marks.unfinished.append((int(reference[2]) - 1, column_number(reference[1].decode())))
        else:
            marks.unplaced += 1


def _is_usual(text: bytes) -> bool:
    """Whether every row and cell begins with its place, as the programs write it."""
    return (
        text.count(b"<c ") == text.count(b'<c r="')
        and text.count(b"<row ") == text.count(b'<row r="')
        and not any(mark in text for mark in _UNUSUAL)
    )


def column_number(letters: str) -> int:
    """Place of a column from 0: ``A`` is 0, ``AB`` is 27."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def column_letters(number: int) -> str:
    """Letters of a column: 0 is ``A``, 27 is ``AB``."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _whole(pieces: Iterator[bytes]) -> bytes:
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) > _SMALL_PART:
            raise UnreadableError("the list of sheets of the workbook is larger than any real one; it was not opened")
    return bytes(content)


def _last(pieces: Iterator[bytes]) -> bytes:
    """The end of a part, up to the size of a million merged cells."""
    kept = b""
    for piece in pieces:
        kept = (kept + piece)[-(20 * _KEPT) :]
    return kept


def _xls_epoch(path: Path) -> str:
    """The epoch stands among the first records of the workbook; the usual one when they cannot be followed."""
    content = path.read_bytes()
    begin = _XLS_BEGIN.search(content)
    place = begin.start() if begin else len(content)
    while place + 6 <= len(content):
        kind, size = struct.unpack_from("<HH", content, place)
        if kind == _XLS_EPOCH:
            return EPOCH_1904 if content[place + 4] == 1 else EPOCH_1900
        if kind == _XLS_END:
            break
        place += 4 + size
    return EPOCH_1900
