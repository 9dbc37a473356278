"""Unpacks a ZIP archive that may have been made with bad intent."""

from __future__ import annotations

import os
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of an archive. ``ratio`` is unpacked to packed size; it counts from ``ratio_from`` bytes on."""

    members: int = 10_000
    unpacked: int = 16 << 30
    ratio: int = 200
    ratio_from: int = 64 << 20


class UnsafeArchiveError(Exception):
    """The archive cannot or must not be unpacked; says why, in words and without paths of this machine."""


def unpack(archive: Path, target: Path, suffixes: Collection[str], limits: Limits | None = None) -> Path:
    """Unpack the members with one of ``suffixes`` into the new directory ``target``.

    Returns the directory of the files: ``target``, or the only folder in it. Raises UnsafeArchiveError; then
    ``target`` does not stay.
    """
    limits = limits or Limits()
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _members(opened, archive.stat().st_size, suffixes, limits)
            target.mkdir(parents=True)
            left = limits.unpacked
            for member in members:
                left -= _extract(opened, member, target / member.filename, left)
    except UnsafeArchiveError:
        shutil.rmtree(target, ignore_errors=True)
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        shutil.rmtree(target, ignore_errors=True)
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is damaged or incomplete"
        if isinstance(error, NotImplementedError):
            reason = "its compression method is not supported"
        raise UnsafeArchiveError(f"the archive cannot be unpacked: {reason.lower()}") from None
    tops = {PurePosixPath(member.filename).parts[0] for member in members}
    only = target / tops.pop() if len(tops) == 1 else target
    return only if only.is_dir() else target


def _members(opened: zipfile.ZipFile, packed: int, suffixes: Collection[str], limits: Limits) -> list[zipfile.ZipInfo]:
    """The members to unpack. The whole archive is refused for one that leads outside, is a link or is doubled."""
    infos = opened.infolist()
    if len(infos) > limits.members:
        raise UnsafeArchiveError(f"the archive holds {len(infos)} files; {limits.members} is the limit")
    chosen: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or re.search(r"\\|\0|^[A-Za-z]:", info.orig_filename):
            raise UnsafeArchiveError("the archive holds a path that leads outside of it; nothing was unpacked")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise UnsafeArchiveError("the archive holds a link or a device; nothing was unpacked")
        if info.is_dir() or any(part.startswith((".", "__MACOSX")) for part in parts):
            continue
        if PurePosixPath(name).suffix.lower() not in suffixes:
            continue
        if info.flag_bits & 0x1:
            raise UnsafeArchiveError("the archive is protected by a password; send it without one")
        normal = str(PurePosixPath(name))
        if normal.casefold() in chosen:
            raise UnsafeArchiveError(f"the archive holds {normal} twice")
        chosen[normal.casefold()] = info
    size = sum(info.file_size for info in chosen.values())
    if size > limits.unpacked:
        raise UnsafeArchiveError(f"the archive would unpack to {size:,} bytes; {limits.unpacked:,} is the limit")
    if size > limits.ratio_from and size > limits.ratio * packed:
        raise UnsafeArchiveError(
            f"the archive would unpack to {size:,} bytes, more than {limits.ratio} times its size, and was left packed"
        )
    return list(chosen.values())


def _extract(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, left: int) -> int:
    """Write one member, at most ``left`` bytes whatever its entry says; returns its size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "wb") as out, opened.open(member) as source:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > min(left, member.file_size):
                raise UnsafeArchiveError("the archive holds more than its list of contents says")
            out.write(chunk)
    return size
