"""The rows of one sheet in the making: records of several tables that belong to the same row share it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import product

from anakinra_t2d.simulation.layouts.sent import Cell

Cells = dict[str, Cell]


@dataclass
class Draft:
    """What one table says about one row. ``identity`` names the columns that say which row it is."""

    cells: Cells
    identity: list[str]


@dataclass
class SheetRows:
    """Rows as cells by column."""

    rows: list[Cells] = field(default_factory=list)

    def add(self, drafts: list[Draft], texts: dict[str, list[str]]) -> None:
        """Add the drafts of one table, each to a row that is there and has room for it, else to a new row.

        Args:
            texts: columns beside the fields that say which row it is, with the texts they may hold, likeliest first.
        """
        indexes: dict[tuple[str, ...], dict[tuple[Cell, ...], list[int]]] = {}
        there, used = len(self.rows), set[int]()
        for draft in drafts:
            columns = tuple(draft.identity)
            if columns not in indexes:
                indexes[columns] = self._index([*columns, *texts], there)
            own = tuple(draft.cells[column] for column in columns)
            place = self._room(draft, own, texts, indexes[columns], used)
            if place is None:
                self.rows.append({**{column: words[0] for column, words in texts.items()}, **draft.cells})
            else:
                used.add(place)
                self.rows[place].update({c: cell for c, cell in draft.cells.items() if cell is not None})

    def _index(self, columns: list[str], there: int) -> dict[tuple[Cell, ...], list[int]]:
        index: dict[tuple[Cell, ...], list[int]] = defaultdict(list)
        for place, row in enumerate(self.rows[:there]):
            if all(column in row for column in columns):
                index[tuple(row[column] for column in columns)].append(place)
        return index

    def _room(
        self,
        draft: Draft,
        own: tuple[Cell, ...],
        texts: dict[str, list[str]],
        index: dict[tuple[Cell, ...], list[int]],
        used: set[int],
    ) -> int | None:
        for words in product(*texts.values()):
            for place in index.get((*own, *words), []):
                row = self.rows[place]
                fits = all(cell is None or row.get(column) in (None, cell) for column, cell in draft.cells.items())
                if place not in used and fits:
                    return place
        return None
