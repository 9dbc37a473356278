"""What a site sends: files, their sheets, and the cells in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

Cell = str | Decimal | None
"""A text, a true number of a format that has numbers, or an empty cell."""

_SPREADSHEETS = frozenset({".xlsx"})
_TYPED = frozenset({".xpt", ".parquet", ".feather", ".arrow"})


@dataclass
class SentSheet:
    """One sheet, or the only one of a file. ``units`` is the unit row, empty when there is none.

    ``title`` holds the lines above the header; ``unit_row`` counts rows from 1. ``labels`` describe the columns where
    a format can hold that.
    """

    name: str
    header: list[str]
    rows: list[list[Cell]]
    title: list[str] = field(default_factory=list)
    units: list[Cell] = field(default_factory=list)
    unit_row: int | None = None
    labels: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[list[Cell]]:
        """Every row from the first on: title, header, unit row, data."""
        lines: list[list[Cell]] = [[line] if line else [] for line in self.title]
        lines.append([*self.header])
        if self.unit_row is not None and self.unit_row <= len(self.title):
            lines[self.unit_row - 1] = self.units
        elif self.unit_row is not None:
            lines.append(self.units)
        return lines + self.rows


@dataclass
class SentFile:
    """One file; text files have an encoding and a delimiter."""

    name: str
    sheets: list[SentSheet] = field(default_factory=list)
    encoding: str = "utf-8"
    delimiter: str = ","

    @property
    def suffix(self) -> str:
        """End of the name that says the format, in lower case."""
        return suffix_of(self.name)


def suffix_of(name: str) -> str:
    """End of a file name that says its format: ``.csv``."""
    return "." + name.rpartition(".")[2].lower()


def has_numbers(name: str) -> bool:
    """Whether cells of the format can be true numbers."""
    return suffix_of(name) in _SPREADSHEETS | _TYPED


def has_typed_columns(name: str) -> bool:
    """Whether a column of the format holds either numbers or texts."""
    return suffix_of(name) in _TYPED
