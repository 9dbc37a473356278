"""Only one run at a time writes to a place; what a killed run leaves behind holds nobody up."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TRIES = 100
"""A lock file that its owner removes while it is opened is tried again."""


class BusyError(Exception):
    """Another run holds the lock."""


@contextmanager
def sole_writer(target: Path) -> Iterator[None]:
    """Hold a lock beside ``target`` (``.<name>.lock``), which the system takes back however the process ends.

    Where the file system knows no locks nothing is held, and the later run wins.

    Raises:
        BusyError: another run holds it.
        OSError: the lock file cannot be made.
    """
    path = target.parent / f".{target.name}.lock"
    handle = _taken(path)
    try:
        yield
    finally:
        # an open file cannot be removed on Windows; elsewhere nobody may take the lock between closing and removing
        if os.name == "nt":
            os.close(handle)
            _remove(path)
        else:
            _remove(path)
            os.close(handle)


def _taken(path: Path) -> int:
    for _ in range(_TRIES):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(handle)
            if _is_same(handle, path):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
    raise BusyError


def _lock(handle: int) -> None:
    """Lock an open file, or raise BusyError."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            raise BusyError from None
    else:
        import fcntl

        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError from None
        except OSError:
            return  # no locks there


def _is_same(handle: int, path: Path) -> bool:
    """Whether the file that was locked still has the name: its last owner may have removed it."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError:
        return  # the next run takes it
