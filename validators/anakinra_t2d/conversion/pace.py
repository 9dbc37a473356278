"""How far the reading of the tables is, in bytes, and how many rows a second it takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import polars as pl

from anakinra_t2d.wording import count

Progress = Callable[[str, float], None]


class Pace:
    """Tells ``tell`` what is checked and the part that is done (0 to 1); ``sizes`` are the bytes of each table."""

    def __init__(self, tell: Progress, sizes: Mapping[str, int]) -> None:
        self._tell = tell
        self._sizes = sizes
        self._whole = max(1, sum(sizes.values()))
        self._before = 0
        self._name = ""
        self._start()

    def begin(self, name: str) -> None:
        """The next table; the ones before it are done."""
        if self._name:
            self._before += self._sizes[self._name]
        self._name = name
        self._start()
        self._tell(f"checking {name}", self._before / self._whole)

    def took(self, cells: pl.DataFrame) -> None:
        """Rows of the table were checked; ``cells`` are their texts, which are about as long as they are in a file."""
        self._rows += cells.height
        self._bytes += int(cells.estimated_size())
        seconds = time.perf_counter() - self._since
        rate = f", {self._rows / seconds:,.0f} a second" if seconds > 1 else ""
        done = self._before + min(self._bytes, self._sizes[self._name])
        self._tell(f"checking {self._name}: {count(self._rows, 'row')}{rate}", done / self._whole)

    def _start(self) -> None:
        self._rows = self._bytes = 0
        self._since = time.perf_counter()
