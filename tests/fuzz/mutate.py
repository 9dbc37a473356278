"""Damages bytes: bits, runs, numbers, lines and words, and what lies inside a packed file."""

from __future__ import annotations

import gzip
import io
import re
import warnings
import zipfile
import zlib
from contextlib import suppress
from random import Random

_ODD_NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF]
_ODD_TEXTS = [
    *(
        b"",
        b"\0",
        b'"',
        b"'",
        b",",
        b";",
        b"\t",
        b"\r",
        b"\n",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xe2\x80\xae",
        b"\x1b[2J",
    ),
    *(b"-1", b"1e999", b"NaN", b"Infinity", b"null", b"true", b"9" * 400, b"0x10", b"1,234.5", b"-0", b"1e-400"),
    *(b"{", b"}", b"[", b"]", b"[" * 5000, b'{"a":' * 3000, b": ", b"- ", b"&a ", b"*a", b"!!python/object ", b"? "),
    *(b"../../etc/passwd", b"/etc/passwd", b"A" * 70000, b"2006-02-30", b"9999999-01-01", b"\xed\xa0\x80", b"<<: "),
]
_MOST = 1 << 20


def mutate(data: bytes, random: Random) -> bytes:
    """The same bytes with one to several damages; never more than 1 MiB. The same ``random`` gives the same bytes."""
    changed = data
    if random.random() < 0.6:
        with suppress(zipfile.BadZipFile, zlib.error, EOFError, OSError):  # it only begins like a packed file
            changed = _inside(data, random) or data
    if changed is data:
        changed = _damaged(data, random)
    return changed[:_MOST]


def _inside(data: bytes, random: Random) -> bytes | None:
    """Damage to a part of a packed file, packed again, so that the damage reaches the reader of the part."""
    if data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = [(info.filename, archive.read(info)) for info in archive.infolist()]
        at = random.randrange(len(parts))
        name, content = parts[at]
        if random.random() < 0.1:
            parts[at] = (_damaged(name.encode(), random).decode("utf-8", "replace")[:200] or "x", content)
        elif random.random() < 0.05:
            del parts[at]
        else:
            parts[at] = (name, _damaged(content, random))
        target = io.BytesIO()
        with warnings.catch_warnings(), zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            warnings.simplefilter("ignore")
            for name, content in parts:
                archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        return target.getvalue()
    if data.startswith(b"\x1f\x8b"):
        return gzip.compress(_damaged(gzip.decompress(data), random), mtime=0)
    if data.startswith(b"\x78\x9c"):
        return zlib.compress(_damaged(zlib.decompress(data), random))
    return None


def _damaged(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        random.choice(_DAMAGES)(changed, random)
    return bytes(changed)


def _place(data: bytearray, random: Random) -> int:
    # headers lie at the beginning, where most damages matter
    return random.randrange(min(len(data), 512) if random.random() < 0.3 else len(data)) if data else 0


def _flip(data: bytearray, random: Random) -> None:
    if data:
        data[_place(data, random)] ^= 1 << random.randrange(8)


def _byte(data: bytearray, random: Random) -> None:
    if data:
        data[_place(data, random)] = random.randrange(256)


def _number(data: bytearray, random: Random) -> None:
    at, size = _place(data, random), random.choice((1, 2, 4, 8))
    value = random.choice(_ODD_NUMBERS) & ((1 << 8 * size) - 1)
    data[at : at + size] = value.to_bytes(size, random.choice(("little", "big")))


def _cut(data: bytearray, random: Random) -> None:
    at = _place(data, random)
    del data[at : at + random.choice((1, 2, 8, 64, 512, len(data)))]


def _double(data: bytearray, random: Random) -> None:
    at, size = _place(data, random), random.choice((1, 8, 64, 512))
    data[at:at] = data[at : at + size] * random.choice((1, 1, 2, 50))


def _move(data: bytearray, random: Random) -> None:
    at, to, size = _place(data, random), _place(data, random), random.choice((4, 16, 80))
    data[to : to + size] = data[at : at + size]


def _insert(data: bytearray, random: Random) -> None:
    at = _place(data, random)
    data[at:at] = random.choice(_ODD_TEXTS)


def _word(data: bytearray, random: Random) -> None:
    words = list(re.finditer(rb"[\w.+-]+", bytes(data[: 1 << 16])))
    if words:
        start, end = random.choice(words).span()
        data[start:end] = random.choice(_ODD_TEXTS) if random.random() < 0.6 else random.choice(words)[0]


def _line(data: bytearray, random: Random) -> None:
    lines = bytes(data).split(b"\n")
    at, other = random.randrange(len(lines)), random.randrange(len(lines))
    what = random.randrange(3)
    if what == 0:
        del lines[at]
    elif what == 1:
        lines.insert(at, lines[other])
    else:
        lines[at], lines[other] = lines[other], lines[at]
    data[:] = b"\n".join(lines)


_DAMAGES = (_flip, _byte, _number, _cut, _double, _move, _insert, _word, _line)
