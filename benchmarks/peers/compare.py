"""Whether a tool found the planted rows: all of them, and no other."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.rules import KINDS

Place = tuple[str, int]


@dataclass(frozen=True)
class Verdict:
    """What a tool said of one rule: planted rows it missed, other rows it named, rows of empty cells among these."""

    planted: int
    missed: int
    other: int
    empty: int

    @property
    def same(self) -> bool:
        """Whether exactly the planted rows were found."""
        return self.missed == self.other == 0


def judge(planted: Path, found: Iterable[tuple[str, str, int]]) -> dict[str, Verdict]:
    """A verdict for each rule; ``found`` is (code, table, line of the file, the header being line 1)."""
    truth = json.loads(planted.read_text(encoding="utf-8"))
    wanted: dict[str, set[Place]] = defaultdict(set)
    for code, places in truth["faults"].items():
        wanted[code] = {(table, line) for table, line in places}
    silent: dict[str, set[Place]] = defaultdict(set)
    for each in truth["silent"]:
        silent[each["code"]] |= {(each["table"], line) for line in each["rows"]}
    said: dict[str, set[Place]] = defaultdict(set)
    for code, table, line in found:
        said[code].add((table, line))
    return {
        code: Verdict(
            planted=len(wanted[code]),
            missed=len(wanted[code] - said[code]),
            other=len(said[code] - wanted[code]),
            empty=len((said[code] - wanted[code]) & silent[code]),
        )
        for code in KINDS
    }
