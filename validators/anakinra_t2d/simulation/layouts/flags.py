"""Results that are no number: which cells they stand in, and which are left for the side table."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from anakinra_t2d.schema.contents import Definitions
from anakinra_t2d.schema.tables import Table

Row = dict[str, str | None]


@dataclass(frozen=True)
class Flag:
    """A row of the side table; ``number`` counts its rows from 0."""

    number: int
    status: str
    limit: str | None
    raw: str | None


@dataclass
class Flags:
    """The flags of a trial by table, record and field; ``placed`` are the numbers of those that a cell says."""

    by_cell: dict[tuple[str, str, str], Flag] = field(default_factory=dict)
    placed: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, tables: dict[str, pl.DataFrame], found: Definitions) -> Flags:
        """The flags in ``tables``."""
        flags = cls()
        for name, frame in tables.items():
            if found.tables[name].role == "flags":
                for number, row in enumerate(frame.iter_rows(named=True)):
                    key = (row["table"], row["record_key"], row["field"])
                    flag = Flag(number, row["result_status"], row.get("limit_value"), row.get("value_raw"))
                    if all(key):
                        flags.by_cell.setdefault(key, flag)
        return flags

    def get(self, table: Table, row: Row, name: str) -> Flag | None:
        """The flag of a cell."""
        return self.by_cell.get((table.name, record_key(table, row), name)) if self.by_cell else None


def record_key(table: Table, row: Row) -> str:
    """Key of a record as the side table writes it."""
    return "|".join(f"{name}={row.get(name)}" for name in table.key)
