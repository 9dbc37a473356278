"""Which values of the trial stand in some sheet, so that none is lost on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import polars as pl

from anakinra_t2d.schema.tables import Table


class Coverage:
    """Values by table, field and number of the record."""

    def __init__(self) -> None:
        self._covered: dict[tuple[str, str], set[int]] = defaultdict(set)
        self._arrived: dict[str, set[int]] = defaultdict(set)

    def cover(self, table: str, record: int, fields: Iterable[str]) -> None:
        """Note that cells say the values of some fields."""
        for name in fields:
            self._covered[table, name].add(record)
        self._arrived[table].add(record)

    def has_arrived(self, table: Table, record: int) -> bool:
        """Whether a sheet shows the record."""
        return record in self._arrived[table.name]

    def lacks(self, table: Table, record: int, fields: Iterable[str]) -> bool:
        """Whether no sheet shows the record, or none says one of the fields."""
        covered = (record in self._covered[table.name, name] for name in fields)
        return not (self.has_arrived(table, record) and all(covered))

    def check(self, table: Table, frame: pl.DataFrame, profile: str) -> None:
        """Raise ValueError when a record, or a value that is not empty, stands nowhere."""
        lost = frame.height - len(self._arrived[table.name])
        if lost:
            raise ValueError(f"The layout {profile} has no place for {lost} of {frame.height} records of {table.name}.")
        for name in table.fields:
            if name in frame.columns:
                filled = set(frame[name].is_not_null().arg_true().to_list())
                if left := filled - self._covered[table.name, name]:
                    place = f"{table.name}.{name}"
                    raise ValueError(f"The layout {profile} has no place for {len(left)} values of {place}.")
