"""In which encoding a text file is, and what a file is that is no text."""

from __future__ import annotations

import codecs
import re

from anakinra_t2d.reading.problems import UnreadableError

_SIGNATURES = (
    (b"\xff\xfe\x00\x00", "the file is UTF-32 text, not UTF-8"),
    (b"\x00\x00\xfe\xff", "the file is UTF-32 text, not UTF-8"),
    (b"PK\x03\x04", "the file is a ZIP archive or an Excel workbook, not CSV"),
    (b"\xd0\xcf\x11\xe0", "the file is an old Excel workbook (.xls), not CSV"),
    (b"PAR1", "the file is a Parquet file, not CSV; its name should end in .parquet"),
    (b"\x1f\x8b", "the file is compressed with gzip, not plain CSV; its name should end in .gz"),
    (b"\x28\xb5\x2f\xfd", "the file is compressed with zstd, not plain CSV"),
    (b"BZh", "the file is compressed with bzip2, not plain CSV"),
    (b"%PDF", "the file is a PDF, not CSV"),
)
_MARKUP = (b"<!doctype", b"<html", b"<?xml")
_QUOTED = re.compile(rb'"[^"]*(?:"|$)')
UTF8 = "utf-8"
UTF8_BOM = b"\xef\xbb\xbf"
FALLBACKS = (("cp1252", "Windows-1252"), ("latin-1", "ISO 8859-1 (Latin-1)"))
"""Encodings, and their names for people, that a file is read in when nothing is said and it is not UTF-8."""


class NotUtf8Error(UnreadableError):
    """A byte that is not UTF-8; ``mixed`` says that letters beyond ASCII before it are."""

    def __init__(self, problem: str, row: int, *, mixed: bool) -> None:
        super().__init__(problem, row)
        self.mixed = mixed


def foreign_kind(head: bytes) -> str | None:
    """What the first bytes of a file show it to be, or None when it may be text."""
    for signature, words in _SIGNATURES:
        if head.startswith(signature):
            return words
    if head.removeprefix(UTF8_BOM).lstrip()[:9].lower().startswith(_MARKUP):
        return "the file is a web page or XML, not CSV"
    return None


def marked_encoding(head: bytes) -> str | None:
    """The encoding that a byte order mark shows, or zeros in every second byte; None when there are none."""
    if head.startswith(UTF8_BOM):
        return UTF8
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(head) >= 4:
        even, odd = head[0::2].count(0) / len(head[0::2]), head[1::2].count(0) / len(head[1::2])
        if max(even, odd) > 0.4 and min(even, odd) < 0.1:
            return "utf-16-le" if odd > even else "utf-16-be"
    return None


def named_encoding(name: str) -> str:
    """The codec of an encoding named by a profile or a data package. Raises UnreadableError when there is none."""
    try:
        codec = codecs.lookup(name)
        "".encode(codec.name)  # refuses codecs that are not of text
    except (LookupError, ValueError):
        raise UnreadableError(f"the encoding {name} is not known") from None
    return UTF8 if codec.name in ("utf-8", "utf-8-sig", "ascii") else codec.name


def carriage_returns_alone(head: bytes) -> bool:
    """Whether lines end in carriage returns alone, as old Macintosh programs write them.

    A newline inside quotes does not count: Excel for the Macintosh leaves it so.
    """
    if b"\r" not in head:
        return False
    unquoted = _QUOTED.sub(b"", head)
    return b"\n" not in unquoted and b"\r" in unquoted.rstrip(b"\r")


def check_utf8(block: bytes, offset: int, lines_before: int, *, letters_before: bool = False) -> bool:
    """Whether ``block``, which starts at ``offset`` of the file below ``lines_before`` lines, has letters beyond ASCII.

    ``letters_before`` says that such letters stand before the block. Raises NotUtf8Error when it is not UTF-8.
    """
    if block.isascii():
        return False
    try:
        block.decode()
    except UnicodeDecodeError as error:
        line = lines_before + block.count(b"\n", 0, error.start) + 1
        mixed = letters_before or not block[: error.start].isascii()
        words = not_utf8(block, error.start, offset + error.start, line)
        if mixed:
            words += ", but letters before it are; the file holds text in two encodings"
        raise NotUtf8Error(words, line, mixed=mixed) from None
    return True


def not_utf8(block: bytes, position: int, offset: int, line: int) -> str:
    """The sentence for the first byte that is not UTF-8.

    ``position`` is its place in ``block``, ``offset`` its place in the file counted from 0, ``line`` its line.
    """
    around = block[max(0, position - 4096) : position + 4096]
    words = f"byte 0x{block[position]:02X} in line {line} (byte {offset + 1} of the file) is not UTF-8"
    if not block[:position].isascii():
        return words
    try:
        around.decode("cp1252")
    except UnicodeDecodeError:
        return words
    high = [byte for byte in around if byte >= 0x80]
    if any(0x80 <= byte < 0xA0 for byte in high):
        return f"{words}; the file looks like Windows-1252, as Excel on Windows saves CSV"
    return f"{words}; the file looks like Windows-1252 or ISO 8859-1 (Latin-1)"
