"""Where the data sets and variables of a SAS transport file (version 5 or 8) stand.

The library that reads such files takes a second data set for rows of the first, does not know the encoding, leaves out
which special missing value was meant, and does not notice a cut. These four are looked up here.
"""

from __future__ import annotations

import io
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from anakinra_t2d.reading.problems import UnreadableError

_CARD = 80
_HEADER = b"HEADER RECORD*******"
_LIBRARY_CARDS = 3
_NAMESTR = 140
_NAMESTR_VAX = 136
_NUMERIC = 1
_COMPRESSED = b"**COMPRESSED** **COMPRESSED**"


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable: ``position`` and ``length`` are its bytes in a row."""

    numeric: bool
    position: int
    length: int


@dataclass
class Member:
    """A data set: its bytes in the file from ``start`` to ``end``, its rows from ``data`` on."""

    start: int
    end: int
    data: int = 0
    row_length: int = 0
    variables: list[Variable] = field(default_factory=list)


def members(path: Path) -> list[Member]:
    """The data sets of a transport file in order. Raises UnreadableError."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(_CARD)
        if head.startswith(_COMPRESSED):
            raise UnreadableError("the file was made by PROC CPORT; write it with the XPORT engine (LIBNAME ... XPORT)")
        if not head.startswith((_HEADER + b"LIBRARY", _HEADER + b"LIBV8")):
            raise UnreadableError("the file is not a SAS transport file")
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            starts = list(_starts(content))
            if not starts:
                raise UnreadableError("the transport file holds no data set, or it was cut off")
            found = [Member(start, end) for start, end in zip(starts, [*starts[1:], size], strict=True)]
            for member in found:
                _follow(content, member)
    return found


def _starts(content: mmap.mmap) -> Iterator[int]:
    place = content.find(_HEADER + b"MEMB")
    while place >= 0:
        if place % _CARD == 0:
            yield place
        place = content.find(_HEADER + b"MEMB", place + 1)


def _follow(content: mmap.mmap, member: Member) -> None:
    """Read the headers of a data set and find its variables and rows."""
    place = member.start
    namestr = int(_digits(content[place + 74 : place + 78])) or _NAMESTR
    while place + _CARD <= member.end:
        card = content[place : place + _CARD]
        place += _CARD
        if not card.startswith(_HEADER):
            continue
        kind = card[20:28].strip()
        if kind in (b"NAMESTR", b"NAMSTV8"):
            count = int(_digits(card[53:58]))
            end = place + count * namestr
            if end > member.end:
                break
            for at in range(place, end, namestr):
                numeric, length = struct.unpack_from(">h2xh", content, at)
                # the position that stands here too is that in the data set of origin; rows hold them one by one
                member.variables.append(Variable(numeric == _NUMERIC, member.row_length, length))
                member.row_length += length
            place = end + -(end - member.start) % _CARD
        elif kind in (b"OBS", b"OBSV8"):
            member.data = place
            _require_whole(content, member, card)
            return
    raise UnreadableError("the transport file was cut off in the description of a data set")


def _digits(text: bytes) -> bytes:
    text = text.strip()
    if not text.isdigit():
        raise UnreadableError("the transport file is damaged: a number in the description of a data set is not one")
    return text


def _require_whole(content: mmap.mmap, member: Member, card: bytes) -> None:
    """Raise UnreadableError for a file that does not end with whole cards, or rows that end in the middle.

    In version 5 nothing says how many rows there are: a cut between two cards that is also one between two rows
    cannot be seen.
    """
    size = member.end - member.data
    if member.row_length < 1:
        if size:
            raise UnreadableError("the transport file is damaged: a data set without variables has rows")
        return
    rest = size % member.row_length
    cut = member.end % _CARD != 0 or content[member.end - rest : member.end].strip(b" \0") != b""
    stated = card[48:].strip().split()[0] if card[48:].strip() else b"0"
    if card[20:28].strip() == b"OBSV8" and stated.isdigit() and int(stated) * member.row_length > size:
        cut = True
    if cut:
        raise UnreadableError("the transport file was cut off in the middle of its rows")


class MemberFile(io.RawIOBase):
    """One data set of a transport file as a file of its own: the cards of the library, then those of the data set."""

    def __init__(self, path: Path, member: Member) -> None:
        self._stream = path.open("rb")
        self._head = self._stream.read(_CARD * _LIBRARY_CARDS)
        self._member = member
        self._place = 0
        self._size = len(self._head) + member.end - member.start

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place of the file."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def tell(self) -> int:
        """The place in the file."""
        return self._place

    def read(self, size: int = -1, /) -> bytes:
        """At most ``size`` bytes."""
        left = self._size - self._place
        size = left if size < 0 else min(size, left)
        head = self._head[self._place : self._place + size] if size > 0 else b""
        rest = b""
        if size > len(head):
            self._stream.seek(self._member.start + self._place + len(head) - len(self._head))
            rest = self._stream.read(size - len(head))
        self._place += len(head) + len(rest)
        return head + rest

    def close(self) -> None:
        """Close the file below."""
        self._stream.close()
        super().close()


def name_of(path: Path, member: Member) -> str | None:
    """Name of a data set: 8 letters in version 5, 32 in version 8."""
    with path.open("rb") as stream:
        stream.seek(member.start)
        cards = stream.read(3 * _CARD)
    length = 32 if cards.startswith(_HEADER + b"MEMBV8") else 8
    name = cards[2 * _CARD + 8 : 2 * _CARD + 8 + length].strip(b" \0")
    return name.decode("ascii", "replace") or None


def is_utf8(path: Path, member: Member) -> bool:
    """Whether all texts of a data set, in its rows and in its description, are UTF-8."""
    with path.open("rb") as stream:
        stream.seek(member.start)
        described = stream.read(member.data - member.start)
    for card in _described_texts(described, member):
        if not _decodes(card):
            return False
    texts = [variable for variable in member.variables if not variable.numeric]
    for rows in _rows(path, member):
        for variable in texts:
            cells = rows[:, variable.position : variable.position + variable.length]
            high = np.flatnonzero((cells >= 0x80).any(axis=1))
            if not all(_decodes(cells[row].tobytes()) for row in high):
                return False
    return True


def special_missing(path: Path, member: Member, place: int, rows: np.ndarray) -> dict[int, str]:
    """Which of the missing values in ``rows`` of a variable are special ones: index in ``rows`` to text such as .A."""
    variable = member.variables[place]
    end = variable.position + variable.length
    found = {}
    with path.open("rb") as stream:
        count = (member.end - member.data) // member.row_length
        content = np.memmap(stream, np.uint8, "r", member.data, (count, member.row_length))
        cells = content[rows[rows < count], variable.position : end]
    letter = cells[:, 0]
    special = ((letter >= ord("A")) & (letter <= ord("Z"))) | (letter == ord("_"))
    for at in np.flatnonzero(special & ~cells[:, 1:].any(axis=1)):
        found[int(at)] = f".{chr(letter[at])}"
    return found


def _rows(path: Path, member: Member) -> Iterator[np.ndarray]:
    """Bytes of the rows, as many at once as fit into a few megabytes."""
    if member.row_length < 1:
        return
    at_once = max(1, (8 << 20) // member.row_length)
    with path.open("rb") as stream:
        stream.seek(member.data)
        left = (member.end - member.data) // member.row_length
        while left > 0:
            block = stream.read(min(at_once, left) * member.row_length)
            rows = np.frombuffer(block[: len(block) // member.row_length * member.row_length], np.uint8)
            if not rows.size:
                return
            rows = rows.reshape(-1, member.row_length)
            yield rows
            left -= len(rows)


def _described_texts(described: bytes, member: Member) -> Iterator[bytes]:
    """Labels of the data set and its variables, in which a letter beyond ASCII may stand."""
    place = described.find(_HEADER + b"NAM") + _CARD
    size = _NAMESTR
    for at in range(place, place + size * len(member.variables), size):
        yield described[at + 16 : at + 56]
    yield described[place - 2 * _CARD : place - _CARD]


def _decodes(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
