"""Turns a text file that is compressed or not UTF-8 into one that is plain UTF-8, in bounded memory."""

from __future__ import annotations

import codecs
import io
import os
import shutil
import tempfile
import weakref
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from anakinra_t2d.reading.archive import Limits
from anakinra_t2d.reading.encoding import (
    FALLBACKS,
    UTF8,
    carriage_returns_alone,
    foreign_kind,
    marked_encoding,
    named_encoding,
)
from anakinra_t2d.reading.problems import UnreadableError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CHUNK = 1 << 20
_HEAD = 64 << 10
_ZLIB_OR_GZIP = 47


class Inflated(io.RawIOBase):
    """What a zlib or gzip stream holds, as a stream of bytes.

    Reading raises UnreadableError when the stream is damaged, ends early or exceeds ``limits``.
    """

    def __init__(self, source: BinaryIO, limits: Limits | None = None) -> None:
        self._source = source
        self._limits = limits or Limits()
        self._packed = os.fstat(source.fileno()).st_size
        self._size = 0
        self._engine = zlib.decompressobj(_ZLIB_OR_GZIP)
        self._waiting = b""
        self._more_inside = False  # the engine may hold output that did not fit

    def readable(self) -> bool:
        """Always True."""
        return True

    def close(self) -> None:
        """Close the packed file too."""
        self._source.close()
        super().close()

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill ``buffer`` as far as one step of unpacking goes; 0 at the end."""
        view = memoryview(buffer).cast("B")
        try:
            text = self._next(len(view))
        except zlib.error:
            raise UnreadableError("the compressed file is damaged, or not compressed with gzip or zlib") from None
        self._size += len(text)
        if self._size > self._limits.unpacked:
            raise UnreadableError(f"the file unpacks to more than {self._limits.unpacked:,} bytes, which is the limit")
        if self._size > max(self._limits.ratio_from, self._limits.ratio * self._packed):
            raise UnreadableError(f"the file unpacks to more than {self._limits.ratio} times its size")
        view[: len(text)] = text
        return len(text)

    def _next(self, most: int) -> bytes:
        while True:
            if self._engine.eof:  # gzip files may follow each other
                self._waiting = (self._engine.unused_data or self._source.read(_CHUNK)).lstrip(b"\0")
                if not self._waiting:
                    return b""
                self._engine = zlib.decompressobj(_ZLIB_OR_GZIP)
            elif not self._waiting and not self._more_inside:
                self._waiting = self._source.read(_CHUNK)
                if not self._waiting:
                    raise UnreadableError("the compressed file ends early")
            text = self._engine.decompress(self._waiting, most)
            self._waiting = self._engine.unconsumed_tail
            self._more_inside = len(text) == most
            if text:
                return text


@dataclass(frozen=True, slots=True)
class PlainText:
    """A file that may be read as UTF-8; when ``stated``, nothing else comes into question.

    ``path`` is the file itself or one in a scratch directory. Lines have the numbers they have in the file.
    """

    path: Path
    stated: bool


class Transcoder:
    """Makes a file readable as UTF-8; what it needs for this lies in a scratch directory until ``close``."""

    def __init__(self, path: Path, encoding: str | None) -> None:
        self._path = path
        self._encoding = encoding
        self._raw = path
        self._macintosh = False
        self._scratch: Path | None = None

    def plain(self) -> PlainText:
        """The file as UTF-8, as far as its first bytes or a stated encoding can tell.

        A byte order mark goes before a stated encoding. Raises UnreadableError for what is no text.
        """
        if self._path.name.lower().endswith(".gz"):
            self._raw = self._unpacked()
        with self._raw.open("rb") as stream:
            head = stream.read(_HEAD)
        kind = foreign_kind(head)
        if kind:
            raise UnreadableError(kind)
        encoding = marked_encoding(head) or (named_encoding(self._encoding) if self._encoding else None)
        ascii_head = head if encoding in (None, UTF8) else head.decode(str(encoding), "replace").encode()
        self._macintosh = carriage_returns_alone(ascii_head)
        if encoding == UTF8 or encoding is None:
            # the bytes of a carriage return are the same in all encodings that come into question
            path = self._written(self._raw, None) if self._macintosh else self._raw
            return PlainText(path, encoding == UTF8)
        return PlainText(self._written(self._raw, encoding), stated=True)

    def fallback(self) -> tuple[Path, str]:
        """The file read in an encoding that takes its bytes, as UTF-8, and the name of the encoding."""
        for encoding, name in FALLBACKS[:-1]:
            try:
                return self._written(self._raw, encoding), name
            except UnreadableError:
                continue
        encoding, name = FALLBACKS[-1]
        return self._written(self._raw, encoding), name

    def close(self) -> None:
        """Remove the scratch directory."""
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _new(self, name: str) -> Path:
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="anakinra-t2d-"))
            weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
        return self._scratch / name

    def _unpacked(self) -> Path:
        path = self._new("unpacked")
        with Inflated(self._path.open("rb", buffering=0)) as source, path.open("wb") as out:
            shutil.copyfileobj(source, out, _CHUNK)
        return path

    def _written(self, source: Path, encoding: str | None) -> Path:
        """A copy of ``source`` in UTF-8, newlines in place of carriage returns; None takes the bytes as they are."""
        path = self._new("text")
        with source.open("rb") as stream, path.open("wb") as out:
            if encoding is None:
                _replace_returns(stream, out)
            else:
                _transcode(stream, encoding, out, returns=self._macintosh)
        return path


def _replace_returns(source: BinaryIO, target: BinaryIO) -> None:
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("latin-1")(), translate=True)
    while chunk := source.read(_CHUNK):
        target.write(decoder.decode(cast(str, chunk)).encode("latin-1"))
    target.write(decoder.decode(cast(str, b""), final=True).encode("latin-1"))


def _transcode(source: BinaryIO, encoding: str, target: BinaryIO, *, returns: bool) -> None:
    """Write ``source`` as UTF-8; ``returns`` puts a newline in place of a carriage return.

    Raises UnreadableError with the line of the first bytes that are not ``encoding``.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    newlines = io.IncrementalNewlineDecoder(None, translate=returns) if returns else None
    line = 1
    while True:
        chunk = source.read(_CHUNK)
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeError as error:
            if isinstance(error, UnicodeDecodeError):
                before = error.object[: error.start].decode(encoding, "ignore")
                line += before.count("\r" if returns else "\n")
            raise UnreadableError(f"the text in line {line} is not {encoding}", line) from None
        text = newlines.decode(text, final=not chunk) if newlines else text
        line += text.count("\n")
        target.write(text.encode(errors="replace"))  # a lone surrogate has no UTF-8
        if not chunk:
            return
