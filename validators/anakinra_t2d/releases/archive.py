"""The archive of a release: the same bytes for the same files, and a new file that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anakinra_t2d.releases.package import sha256
from anakinra_t2d.write.whole_directory import OutputError, partial_name, remove_left_overs
from anakinra_t2d.write.whole_file import put_new

CHECKSUMS = "checksums.sha256"
_DATE = (1980, 1, 1, 0, 0, 0)
_STORED = frozenset({".parquet", ".xlsx"})
"""Compressed by themselves."""
_BLOCK = 1 << 20
_LARGE = 1 << 31
_FULL = ("No space left", "File too large", "Disk quota exceeded", "os error 28", "os error 27")


def require_place(target: Path) -> None:
    """Look whether a new file can be made there, before any work is done.

    Raises:
        OutputError: the name does not end in .zip or is taken, or its folder does not exist or cannot be written.
    """
    if target.suffix.lower() != ".zip":
        raise OutputError(f"The name of a release must end in .zip; {target.name} does not.")
    if target.exists() or target.is_symlink():
        raise OutputError(f"{target} already exists; name another file, or remove it first.")
    if not target.parent.is_dir():
        raise OutputError(f"There is no folder {target.parent}; make it first, or name another one.")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise OutputError(f"The folder {target.parent} cannot be written; name another one.")


@contextmanager
def workplace(target: Path) -> Iterator[Path]:
    """A hidden folder beside ``target`` for the making of it, which is gone afterwards; so are those of killed runs.

    Raises:
        OutputError: the disk is full, or the folder cannot be written.
    """
    folder = partial_name(target)
    try:
        remove_left_overs(target)
        folder.mkdir(mode=0o700)
        yield folder
    except OutputError:
        raise
    except Exception as error:
        # the libraries that write have exceptions of their own around that of the system
        if isinstance(error, OSError) or any(words in str(error) for words in _FULL):
            raise OutputError(f"{target} cannot be written, and nothing was: {_reason(error)}.") from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _reason(error: BaseException) -> str:
    text = str(error)
    if any(words in text for words in _FULL):
        return "the disk is full"
    strerror = error.strerror if isinstance(error, OSError) else None
    return (strerror or "the system refused to write").lower()


def write_checksums(folder: Path) -> None:
    """Write the hash of every other file in ``folder``, in the form that ``sha256sum --check`` reads."""
    lines = [f"{sha256(folder / name)}  {name}\n" for name in names_in(folder) if name != CHECKSUMS]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8", newline="\n")


def names_in(folder: Path) -> list[str]:
    """The files below ``folder``, those of its top first."""
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return sorted(names, key=lambda name: (name.count("/") > 0, name))


def write_archive(folder: Path, archive: Path, target: Path) -> None:
    """Put the files of ``folder`` into ``archive``, and that under the name ``target``, which must still be free.

    Dates, order and permissions in it are fixed, so that equal files give equal bytes.

    Raises:
        OutputError: something took the name meanwhile.
    """
    with archive.open("xb") as stream:
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as made:
            for name in names_in(folder):
                path = folder / name
                entry = zipfile.ZipInfo(name, _DATE)
                entry.create_system = 3
                entry.external_attr = (0o100644) << 16
                entry.compress_type = zipfile.ZIP_STORED if path.suffix in _STORED else zipfile.ZIP_DEFLATED
                large = path.stat().st_size >= _LARGE
                with path.open("rb") as source, made.open(entry, "w", force_zip64=large) as part:
                    shutil.copyfileobj(source, part, _BLOCK)
        stream.flush()
        os.fsync(stream.fileno())
    try:
        put_new(archive, target)
    except FileExistsError:
        raise OutputError(f"{target} appeared while the release was made; it was left as it is.") from None
