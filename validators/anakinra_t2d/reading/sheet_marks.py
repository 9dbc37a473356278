"""What one sheet says beside its values."""

from __future__ import annotations

from dataclasses import dataclass, field

Cell = tuple[int, int]
"""Row and column, from 0."""
Merged = tuple[Cell, Cell]
"""First and last of the cells that are merged into one."""


@dataclass
class SheetMarks:
    """``unfinished`` are formulas without a stored result, ``unplaced`` how many more do not say where they stand.

    ``errors`` holds what error cells show; where a format leaves that to the reader of the values, ``may_have_errors``
    says that it has to look. ``rows`` and ``columns`` are how far the cells reach, as far as that is known beforehand.
    """

    may_have_errors: bool = False
    errors: dict[Cell, str] = field(default_factory=dict)
    unfinished: list[Cell] = field(default_factory=list)
    unplaced: int = 0
    merged: list[Merged] = field(default_factory=list)
    rows: int = 0
    columns: int = 0
