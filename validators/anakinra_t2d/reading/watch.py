"""One file from first to last byte: its checksum, and whether it stayed the same while it was read."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

_CHUNK = 1 << 20


class FileWatch:
    """Remembers a file's identity and computes its SHA-256 beside the reading, in a thread of its own.

    Raises OSError when the file cannot be found or opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._before = os.stat(path)
        self.size = self._before.st_size
        self._hashed = 0
        self._digest = hashlib.sha256()
        self._stream = path.open("rb", buffering=0)
        self._thread = threading.Thread(target=self._hash, daemon=True)
        self._thread.start()

    def _hash(self) -> None:
        buffer = memoryview(bytearray(_CHUNK))
        with self._stream as stream:
            try:
                while count := stream.readinto(buffer):
                    self._digest.update(buffer[:count])
                    self._hashed += count
            except OSError:
                self._hashed = -1

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of the bytes of the file; waits until they are all read."""
        self._thread.join()
        return self._digest.hexdigest()

    def changed(self) -> str | None:
        """What happened to the file since it was opened, in words, or None."""
        self._thread.join()
        try:
            now = os.stat(self.path)
        except FileNotFoundError:
            return "the file was removed while it was read"
        except OSError:
            return "the file could no longer be found while it was read"
        if now.st_size != self.size:
            way = "truncated" if now.st_size < self.size else "written to"
            return f"the file was {way} while it was read: {self.size} bytes before, {now.st_size} after"
        if _state(now) != _state(self._before):
            return "the file was written again while it was read"
        if self._hashed != self.size:
            return f"the file has {self.size} bytes, but {max(self._hashed, 0)} could be read"
        return None


def _state(facts: os.stat_result) -> tuple[int, ...]:
    """What differs after a file was replaced or written.

    Who writes the old time of writing back cannot write back ``st_ctime_ns``, the time of the last change of any kind.
    On Windows that is the time of creation, which tells no more.
    """
    return facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns
