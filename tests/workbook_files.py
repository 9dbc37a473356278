"""Writes workbooks of the kinds that no library of the project writes, byte by byte."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

XlsCell = str | float | bool | bytes
"""Text, number, truth value, or an error as its code in one byte."""
DIV0 = b"\x07"
DATE = 14
"""Number of the built-in date format of Excel."""


def change_part(path: Path, part: str, change: Callable[[bytes], bytes]) -> None:
    """Write a zipped workbook again with one part changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def write_ods(path: Path, tables: str, *, manifest: str = "") -> None:
    """Write an OpenDocument spreadsheet from the XML of its tables."""
    names = {
        "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
        "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
        "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
        "calcext": "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0",
    }
    spaces = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in names.items())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", f"<manifest>{manifest}</manifest>")
        body = f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body>"
        archive.writestr("content.xml", f"<office:document-content {spaces}>{body}</office:document-content>")


def write_xls(
    path: Path,
    rows: Sequence[Sequence[XlsCell | None]],
    *,
    dates: Sequence[tuple[int, int]] = (),
    since_1904: bool = False,
    merged: Sequence[tuple[int, int, int, int]] = (),
) -> None:
    """Write an old workbook (BIFF8) with one sheet ``S``; ``dates`` are cells shown as dates, from 0."""
    sheet = _record(0x809, struct.pack("<4H2I", 0x600, 0x10, 0, 0, 0, 6))
    width = max((len(row) for row in rows), default=0)
    sheet += _record(0x200, struct.pack("<2I3H", 0, len(rows), 0, width, 0))
    for at, row in enumerate(rows):
        for column, value in enumerate(row):
            place = struct.pack("<3H", at, column, 1 if (at, column) in dates else 0)
            if isinstance(value, bool | bytes):
                code = value if isinstance(value, bytes) else bytes([value])
                sheet += _record(0x205, place + code + bytes([isinstance(value, bytes)]))
            elif isinstance(value, str):
                sheet += _record(0x204, place + struct.pack("<HB", len(value), 1) + value.encode("utf-16-le"))
            elif value is not None:
                sheet += _record(0x203, place + struct.pack("<d", value))
    if merged:
        ranges = b"".join(struct.pack("<4H", top, bottom, left, right) for top, bottom, left, right in merged)
        sheet += _record(0xE5, struct.pack("<H", len(merged)) + ranges)
    sheet += _record(0x0A, b"")
    head = _record(0x809, struct.pack("<4H2I", 0x600, 5, 0, 0, 0, 6))
    head += _record(0x42, struct.pack("<H", 1200)) + _record(0x22, struct.pack("<H", since_1904))
    head += b"".join(_record(0xE0, struct.pack("<2H16x", 0, shown)) for shown in (0, DATE))
    named = _record(0x85, struct.pack("<I4B", 0, 0, 0, 1, 0) + b"S")
    place_of_sheet = len(head) + len(named) + 4
    named = _record(0x85, struct.pack("<I4B", place_of_sheet, 0, 0, 1, 0) + b"S")
    path.write_bytes(ole_container("Workbook", head + named + _record(0x0A, b"") + sheet))


def ole_container(name: str, content: bytes) -> bytes:
    """An OLE container with one stream."""
    content = content.ljust(4096, b"\0")
    content += b"\0" * (-len(content) % 512)
    sectors = len(content) // 512
    chain = [*range(3, 2 + sectors), 0xFFFFFFFE]
    table = [0xFFFFFFFD, 0xFFFFFFFE, *chain]
    assert len(table) <= 128
    table += [0xFFFFFFFF] * (128 - len(table))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<5H6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<9I", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    head += struct.pack("<109I", 0, *[0xFFFFFFFF] * 108)
    entries = _entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + _entry(name, 2, 0xFFFFFFFF, 2, len(content))
    return head + struct.pack("<128I", *table) + entries.ljust(512, b"\0") + content


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    links = struct.pack("<3I", 0xFFFFFFFF, 0xFFFFFFFF, child)
    return (
        text.ljust(64, b"\0")
        + struct.pack("<H2B", len(text), kind, 1)
        + links
        + bytes(36)
        + struct.pack("<IQ", start, size)
    )


def _record(kind: int, payload: bytes) -> bytes:
    return struct.pack("<2H", kind, len(payload)) + payload


def write_xlsb(path: Path, rows: Sequence[Sequence[str | float | bytes]], merged: tuple[int, int, int, int]) -> None:
    """Write a binary workbook with one sheet ``S`` and the epoch 1904; ``bytes`` are errors as in ``write_xls``."""
    size = struct.pack("<4I", 0, len(rows) - 1, 0, max(map(len, rows)) - 1)
    sheet = _long(129) + _long(148, size) + _long(145)
    for at, row in enumerate(rows):
        sheet += _long(0, struct.pack("<IIHBBBI", at, 0, 300, 0, 0, 0, 0))
        for column, value in enumerate(row):
            place = struct.pack("<2I", column, 0)
            if isinstance(value, bytes):
                sheet += _long(3, place + value)
            elif isinstance(value, str):
                sheet += _long(6, place + _wide(value))
            else:
                sheet += _long(5, place + struct.pack("<d", value))
    sheet += _long(146) + _long(177, struct.pack("<I", 1)) + _long(176, struct.pack("<4I", *merged)) + _long(178)
    sheet += _long(130)
    book = _long(131) + _long(153, struct.pack("<3I", 1, 0, 0)) + _long(143)
    book += _long(156, struct.pack("<2I", 0, 1) + _wide("rId1") + _wide("S")) + _long(144) + _long(132)
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{package}/content-types"/>')
        for folder, base, kind, target in (
            ("", "", "officeDocument", "xl/workbook.bin"),
            ("xl/", "workbook.bin", "worksheet", "worksheets/sheet1.bin"),
        ):
            link = f'<Relationship Id="rId1" Type="{office}/{kind}" Target="{target}"/>'
            archive.writestr(
                f"{folder}_rels/{base}.rels", f'<Relationships xmlns="{package}/relationships">{link}</Relationships>'
            )
        archive.writestr("xl/workbook.bin", book)
        archive.writestr("xl/worksheets/sheet1.bin", sheet)


def _long(kind: int, payload: bytes = b"") -> bytes:
    head = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    size, length = len(payload), b""
    while True:
        size, low = size >> 7, size & 0x7F
        length += bytes([low | 0x80 if size else low])
        if not size:
            return head + length + payload


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")
