"""A CSV file as blocks of whole lines, and what the bytes of a block say about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

import polars as pl
import pyarrow as pa

from anakinra_t2d.reading.encoding import UTF8_BOM
from anakinra_t2d.reading.problems import UnreadableError

LONGEST_LINE = 16 << 20
_TAB, _LF, _CR, _SPACE = 9, 10, 13, 32


@dataclass(frozen=True, slots=True)
class BlockFacts:
    """Counts over one block.

    ``lines`` counts a last line without newline; ``stray_cr`` means a carriage return that no newline follows;
    ``odd`` means a character that no cell should hold (see ``odd_text``).
    """

    lines: int
    delimiters: int
    quotes: bool
    stray_cr: bool
    odd: bool

    def plain(self, columns: int) -> bool:
        """Whether splitting at newlines and delimiters gives the records, if no line has more than ``columns`` cells.

        Lines with fewer cells, blank ones too, can hide only behind lines with more. One column is never plain: a
        blank line and an empty cell look the same.
        """
        simple = not (self.quotes or self.stray_cr or self.odd)
        return simple and columns > 1 and self.delimiters == self.lines * (columns - 1)


def whole_lines(stream: BinaryIO, size: int, longest: int | None = None) -> Iterator[bytes]:
    """Blocks of about ``size`` bytes that end after a newline, or at the end of the file.

    Raises UnreadableError, without a row, when a line is longer than ``longest`` (LONGEST_LINE) bytes.
    """
    longest = LONGEST_LINE if longest is None else longest
    rest = b""
    while chunk := stream.read(size):
        cut = chunk.rfind(b"\n") + 1
        if cut:
            yield rest + chunk[:cut]
            rest = chunk[cut:]
        else:
            rest += chunk
        if len(rest) > longest:
            raise UnreadableError(too_long(longest))
    if rest:
        yield rest


def too_long(longest: int | None = None) -> str:
    """The sentence for a line that is longer than ``longest`` (LONGEST_LINE) bytes."""
    return f"a line is longer than {longest or LONGEST_LINE:,} bytes; this is not a table of rows"


@dataclass(frozen=True)
class _Exported:
    """An array behind the C interface alone: polars loads all functions of Arrow for an Arrow array."""

    array: pa.Array

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        return cast(tuple[object, object], self.array.__arrow_c_array__(requested_schema))


def byte_series(block: bytes) -> pl.Series:
    """The bytes of a block as a UInt8 series, not copied."""
    return pl.Series("", _Exported(pa.Array.from_buffers(pa.uint8(), len(block), [None, pa.py_buffer(block)])))


def inspect(block: bytes, delimiter: str = ",") -> BlockFacts:
    """Facts of a block of whole lines; one pass each over bytes that are in the processor's cache.

    A delimiter that is not one byte is not counted: such a block is never plain.
    """
    data = byte_series(block)
    newlines = int((data == _LF).sum())
    low = int((data < _SPACE).sum())
    returns, stray_cr = 0, False
    if low != newlines and b"\r" in block:
        is_return = data == _CR
        returns = int(is_return.sum())
        stray_cr = returns != int((is_return.slice(0, len(data) - 1) & (data.slice(1) == _LF)).sum())
    odd = low != newlines + returns and low != newlines + returns + int((data == _TAB).sum())
    odd = odd or b"\x7f" in block or (not block.isascii() and _odd_beyond_ascii(block, data))
    lines = newlines + (not block.endswith(b"\n"))
    delimiters = int((data == ord(delimiter)).sum()) if delimiter.isascii() else -1
    return BlockFacts(lines, delimiters, b'"' in block, stray_cr, odd)


def _odd_beyond_ascii(block: bytes, data: pl.Series) -> bool:
    """A byte order mark, or U+0080 to U+009F (0xC2 and a byte below 0xA0)."""
    if UTF8_BOM in block:
        return True
    return b"\xc2" in block and bool(((data.slice(0, len(data) - 1) == 0xC2) & (data.slice(1) < 0xA0)).any())
