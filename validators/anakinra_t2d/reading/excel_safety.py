"""Whether a file is the workbook that its name says, and whether it may be opened at all."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from anakinra_t2d.reading.archive import Limits
from anakinra_t2d.reading.encoding import UTF8_BOM, foreign_kind
from anakinra_t2d.reading.ole_sectors import is_whole
from anakinra_t2d.reading.problems import UnreadableError

Kind = Literal["xlsx", "xlsb", "xls", "ods"]
KINDS: dict[str, Kind] = {".xlsx": "xlsx", ".xlsm": "xlsx", ".xlsb": "xlsb", ".xls": "xls", ".ods": "ods"}
"""How a workbook is built, by the end of its name."""
LIMITS = Limits(unpacked=4 << 30)
"""Bounds of the parts of a workbook, counted while they are unpacked: no entry is believed."""
LARGEST_XLS = 512 << 20
"""Bytes of an old workbook, which is read as a whole."""
PASSWORD = "the workbook is protected by a password; send it without one"
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_OLD_STREAMS = tuple(name.encode("utf-16-le") for name in ("Workbook", "Book", "WORKBOOK", "BOOK"))
_BARE_XLS = (b"\x09\x00\x04\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00", b"\x09\x08\x08\x00", b"\x09\x08\x10\x00")
_BUILDS = {
    "xlsx": ("an Excel workbook of the kind .xlsx", ".xlsx"),
    "xlsb": ("a binary Excel workbook", ".xlsb"),
    "xls": ("an old Excel workbook", ".xls"),
    "ods": ("an OpenDocument spreadsheet", ".ods"),
}
_CHUNK = 1 << 20
_HEAD = 4096


def require_workbook(path: Path) -> Kind:
    """How the workbook is built. Raises UnreadableError when it is something else than its name says."""
    expected = KINDS[path.suffix.lower()]
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if head.startswith(_ZIP):
        found = _zip_kind(path)
    elif head.startswith(_OLE):
        found = _ole_kind(path)
    else:
        raise UnreadableError(_other_kind(head, path))
    if found != expected:
        words, suffix = _BUILDS[found]
        raise UnreadableError(f"the file is {words}; its name should end in {suffix}")
    return found


def unpacked_parts(path: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Name and content of every part of a zipped workbook, in pieces; what the caller leaves is checked all the same.

    Raises UnreadableError for what must not be opened: more than LIMITS, parts that stand twice, a document type or
    entities in XML, a damaged part.
    """
    size = path.stat().st_size
    budget = min(LIMITS.unpacked, max(LIMITS.ratio_from, LIMITS.ratio * size))
    with _unzipping():
        archive = zipfile.ZipFile(path)
    with archive:
        infos = archive.infolist()
        if len(infos) > LIMITS.members:
            raise UnreadableError(f"the workbook holds {len(infos)} parts; {LIMITS.members} is the limit")
        if len({info.filename for info in infos}) < len(infos):
            raise UnreadableError("the workbook holds a part twice and was not opened")
        for info in infos:
            counted = _Counted(archive, info, budget)
            pieces = iter(counted)
            yield info.filename.replace("\\", "/").lstrip("/"), pieces
            for _ in pieces:
                pass
            budget = counted.left


@contextmanager
def _unzipping() -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, IndexError):
        raise UnreadableError("the workbook is damaged or incomplete: a part of it cannot be unpacked") from None
    except NotImplementedError:
        raise UnreadableError("the workbook is compressed in a way that is not supported; save it again") from None
    except RuntimeError:
        raise UnreadableError(PASSWORD) from None


class _Counted:
    """The pieces of one part; ``left`` is how many bytes the next parts may have."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: int) -> None:
        self._archive = archive
        self._info = info
        self.left = budget

    def __iter__(self) -> Iterator[bytes]:
        xml: bool | None = None
        tail = b""
        with _unzipping(), self._archive.open(self._info) as source:
            while piece := source.read(_CHUNK):
                self.left -= len(piece)
                if self.left < 0:
                    raise UnreadableError(
                        "the workbook would unpack to far more than its size, as no real one does, and was not opened"
                    )
                if xml is None:
                    name = self._info.filename.lower()
                    # what add-ins keep for themselves may be anything, and nobody reads it here
                    xml = name.endswith((".xml", ".rels")) and "customxml/" not in name
                    if xml and not piece.removeprefix(UTF8_BOM).lstrip().startswith(b"<"):
                        raise UnreadableError("a part of the workbook is not XML in UTF-8, as it must be")
                if xml:
                    seen = tail + piece
                    if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen:
                        raise UnreadableError(
                            "the workbook defines a document type or entities, as no spreadsheet program does, and was"
                            " not opened"
                        )
                    tail = piece[-16:]
                yield piece


def _zip_kind(path: Path) -> Kind:
    with _unzipping(), zipfile.ZipFile(path) as archive:
        names = {name.replace("\\", "/").lower(): name for name in archive.namelist()}
        opening, manifest = (
            _beginning(archive, names[part]) if part in names else b"" for part in ("mimetype", "meta-inf/manifest.xml")
        )
    if b"encryption-data" in manifest:
        raise UnreadableError(PASSWORD)
    parts = {name.rpartition("/")[2] for name in names}
    if b"opendocument.spreadsheet" in opening:
        return "ods"
    if "workbook.xml" in parts:
        return "xlsx"
    if "workbook.bin" in parts:
        return "xlsb"
    if any(name.startswith("word/") for name in names) or b"opendocument.text" in opening:
        raise UnreadableError("the file is a text document, not a workbook; save its table as .xlsx or .csv")
    if any(name.endswith(".iwa") for name in names):
        raise UnreadableError("the file is an Apple Numbers document; export it as Excel workbook (.xlsx)")
    raise UnreadableError("the file is a ZIP archive without a workbook in it")


def _beginning(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as stream:
        return stream.read(_CHUNK)


def _ole_kind(path: Path) -> Kind:
    """An OLE container holds an old workbook, or a newer one that is encrypted."""
    if path.stat().st_size > LARGEST_XLS:
        raise UnreadableError(f"the workbook is larger than {LARGEST_XLS >> 20} MiB; save it as .xlsx or .csv")
    content = path.read_bytes()
    if _ENCRYPTED in content:
        raise UnreadableError(PASSWORD)
    if not is_whole(content):
        raise UnreadableError("the workbook was cut off: its end is missing")
    if any(name in content for name in _OLD_STREAMS):
        return "xls"
    raise UnreadableError("the file is an old Office document without a workbook in it, or it is damaged")


def _other_kind(head: bytes, path: Path) -> str:
    expected = f"not an Excel workbook ({path.suffix.lower()})"
    if path.suffix.lower() == ".ods":
        expected = "not an OpenDocument spreadsheet (.ods)"
    low = head.removeprefix(UTF8_BOM).lstrip().lower()
    if b"urn:schemas-microsoft-com:office:spreadsheet" in low:
        return f"the file is an XML spreadsheet of Excel 2003, {expected}; open it in Excel and save it as .xlsx"
    if low.startswith(b"<") and (b"<html" in low or b"<table" in low or b"<!doctype html" in low):
        return (
            f"the file is a web page (HTML), as web exports write under this name, {expected}; "
            "open it in Excel and save it as .xlsx"
        )
    if head.startswith(_BARE_XLS):
        return "the file is a workbook of Excel 95 or older; open it in Excel and save it as .xlsx"
    kind = foreign_kind(head)
    if kind is not None:
        return f"{kind.split(',')[0]}, {expected}"
    if b"\0" in head:
        return f"the file is {expected}, or its beginning is damaged"
    return f"the file is plain text such as CSV, {expected}; its name should end in .csv or .tsv"
