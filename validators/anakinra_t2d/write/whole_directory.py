"""An output directory that appears whole or not at all, even when the process is killed."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anakinra_t2d.write.sole_writer import BusyError, sole_writer

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


class OutputError(Exception):
    """The output cannot be written; the message says where and why."""


@contextmanager
def whole_directory(target: Path, *, marker: str) -> Iterator[Path]:
    """Yield an empty folder beside ``target`` that takes its place when the block ends without an error.

    A directory that is already there is replaced only when it is empty or holds the file ``marker``, which says that
    it is an earlier output. Everything is flushed to the disk before the exchange. Left-overs of killed runs are
    removed by the next run into the same target. Two runs never write to one target at the same time.

    Raises:
        OutputError: the target holds something else, another run writes to it, or its folder cannot be written.
    """
    target = Path(os.path.abspath(target))
    _check_replaceable(target, marker)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with sole_writer(target):
            yield from _made(target)
    except BusyError:
        raise OutputError(
            f"Another run is writing to {target}; wait until it has ended, or name another output."
        ) from None
    except OSError as error:
        raise OutputError(f"Cannot write into {target.parent}: {error.strerror}.") from error


def _made(target: Path) -> Iterator[Path]:
    try:
        _restore_interrupted(target)
        remove_left_overs(target)
        partial = partial_name(target)
        partial.mkdir()
    except OSError as error:
        raise OutputError(f"Cannot write into {target.parent}: {error.strerror}.") from error
    try:
        yield partial
        _flush(partial)
        _put_in_place(partial, target)
        _flush_folder(target.parent)
    except OSError as error:
        raise OutputError(f"Cannot write {target}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def partial_name(target: Path) -> Path:
    """A hidden name beside ``target`` that no other run has, for what is to become it."""
    return target.parent / f".{target.name}.partial-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def remove_left_overs(target: Path) -> None:
    """Remove what killed runs have half made beside ``target``."""
    prefix = f".{target.name}.partial-"
    for left in sorted(target.parent.iterdir()):
        if left.name.startswith(prefix) and not _is_running(left.name.removeprefix(prefix)):
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def _check_replaceable(target: Path, marker: str) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"{target} is a file; name a directory for the output.")
    try:
        names = {entry.name for entry in target.iterdir()}
    except OSError as error:
        raise OutputError(f"Cannot read {target}: {error.strerror}.") from error
    if names and marker not in names:
        raise OutputError(f"{target} holds other files ({min(names)}, ...); name an empty or new directory.")


def _is_running(name: str) -> bool:
    pid = name.partition("-")[0]
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _flush(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    for path in [folder, *sorted(p for p in folder.rglob("*") if p.is_dir())]:
        _flush_folder(path)


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _put_in_place(partial: Path, target: Path) -> None:
    if not target.exists():
        os.rename(partial, target)
        return
    if _exchange(partial, target):
        return
    # without an atomic exchange the old output waits under another name; the next run restores it after a kill
    old = _waiting(target)
    os.rename(target, old)
    os.rename(partial, target)
    shutil.rmtree(old, ignore_errors=True)


def _waiting(target: Path) -> Path:
    return target.parent / f".{target.name}.previous"


def _restore_interrupted(target: Path) -> None:
    old = _waiting(target)
    if old.exists():
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.rename(old, target)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two paths in one step of the file system; False where the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    done = rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    return bool(done == 0)
