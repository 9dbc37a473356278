"""Lines of any text file, whatever its encoding, in blocks."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

_BLOCK = 4 << 20
_HEAD = 8192
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def text_encoding(head: bytes) -> str | None:
    """How the text that begins with ``head`` is encoded; None when it is no text."""
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    if b"\0" in head:
        return None
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def head_of(path: Path) -> bytes:
    """The first bytes of a file. Raises OSError."""
    with _opened(path) as stream:
        return stream.read(_HEAD)


def lines_of(path: Path, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Blocks of lines with the number of the first, from 1; bytes that do not decode are replaced. Raises OSError.

    A line longer than a block comes in pieces that overlap, with the same number.
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    first, rest = 1, ""
    with _opened(path) as stream:
        while block := stream.read(_BLOCK):
            lines = (rest + decoder.decode(block)).split("\n")
            rest = lines.pop()
            if lines:
                yield first, lines
                first += len(lines)
            if len(rest) > _BLOCK:
                yield first, [rest]
                rest = rest[-1000:]
        rest += decoder.decode(b"", final=True)
        if rest:
            yield first, [rest]


def _opened(path: Path) -> BinaryIO:
    if path.suffix.lower() == ".gz":
        return cast(BinaryIO, _Gunzipped(path))
    return path.open("rb")


class _Gunzipped(gzip.GzipFile):
    """A compressed file whose damage is an OSError like any other."""

    def read(self, size: int | None = -1) -> bytes:
        try:
            return super().read(size)
        except (EOFError, zlib.error) as error:
            raise OSError(0, "the compressed file is damaged or cut off") from error
