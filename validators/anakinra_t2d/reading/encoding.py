"""What a file is when it is not UTF-8 text with commas: sentences that name the likely kind."""

from __future__ import annotations

_SIGNATURES = (
    (b"\xff\xfe\x00\x00", "the file is UTF-32 text, not UTF-8"),
    (b"\x00\x00\xfe\xff", "the file is UTF-32 text, not UTF-8"),
    (b"\xff\xfe", "the file is UTF-16 text, as Excel saves 'Unicode text', not UTF-8"),
    (b"\xfe\xff", "the file is UTF-16 text (big-endian), not UTF-8"),
    (b"PK\x03\x04", "the file is a ZIP archive or an Excel workbook, not CSV"),
    (b"\xd0\xcf\x11\xe0", "the file is an old Excel workbook (.xls), not CSV"),
    (b"PAR1", "the file is a Parquet file, not CSV; its name should end in .parquet"),
    (b"\x1f\x8b", "the file is compressed with gzip, not plain CSV"),
    (b"\x28\xb5\x2f\xfd", "the file is compressed with zstd, not plain CSV"),
    (b"BZh", "the file is compressed with bzip2, not plain CSV"),
    (b"%PDF", "the file is a PDF, not CSV"),
)
_MARKUP = (b"<!doctype", b"<html", b"<?xml")
_SEPARATORS = {";": "';'", "\t": "tabs", "|": "'|'"}
UTF8_BOM = b"\xef\xbb\xbf"


def foreign_kind(head: bytes) -> str | None:
    """What the first bytes of a file show it to be, or None when it may be UTF-8 CSV."""
    for signature, words in _SIGNATURES:
        if head.startswith(signature):
            return words
    if head.removeprefix(UTF8_BOM).lstrip()[:9].lower().startswith(_MARKUP):
        return "the file is a web page or XML, not CSV"
    if len(head) >= 4:
        even, odd = head[0::2].count(0) / len(head[0::2]), head[1::2].count(0) / len(head[1::2])
        if max(even, odd) > 0.4 and min(even, odd) < 0.1:
            return "the file is UTF-16 text without a byte order mark, not UTF-8"
    return None


def not_utf8(block: bytes, position: int, offset: int, line: int) -> str:
    """The sentence for the first byte that is not UTF-8.

    ``position`` is its place in ``block``, ``offset`` its place in the file counted from 0, ``line`` its line.
    """
    around = block[max(0, position - 4096) : position + 4096]
    words = f"byte 0x{block[position]:02X} in line {line} (byte {offset + 1} of the file) is not UTF-8"
    try:
        around.decode("cp1252")
    except UnicodeDecodeError:
        return words
    high = [byte for byte in around if byte >= 0x80]
    if any(0x80 <= byte < 0xA0 for byte in high):
        return f"{words}; the file looks like Windows-1252, as Excel on Windows saves CSV"
    return f"{words}; the file looks like Windows-1252 or ISO 8859-1 (Latin-1)"


def other_separator(header: list[str]) -> str | None:
    """The sentence for a header whose names are not separated by commas, or None."""
    if header and header[0].startswith("sep="):
        return "the first line is Excel's 'sep=' mark; the header must be the first line"
    if len(header) != 1:
        return None
    counts = {mark: header[0].count(mark) for mark in _SEPARATORS}
    mark = max(counts, key=lambda each: counts[each])
    return (
        f"the columns look separated by {_SEPARATORS[mark]}; they must be separated by commas" if counts[mark] else None
    )
