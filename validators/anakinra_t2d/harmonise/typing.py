"""Text cells to typed columns; what cannot be read becomes an empty cell and a cell problem, never a guess."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from anakinra_t2d.reading.odd_text import ODD_TEXT, REPLACEMENT
from anakinra_t2d.schema import Definitions, Field, Table

POLARS_TYPES: dict[str, type[pl.DataType] | pl.DataType] = {
    "string": pl.String,
    "integer": pl.Int64,
    "number": pl.Float64,
    "boolean": pl.Boolean,
    "date": pl.Date,
    "datetime": pl.Datetime("us"),
}
"""The polars type of each type of the schema; codes of a codelist stay text until they are written."""
_CODES = {
    "integer": "CELL-002",
    "number": "CELL-001",
    "boolean": "CELL-005",
    "date": "CELL-003",
    "datetime": "CELL-004",
}


@dataclass(frozen=True)
class CellProblem:
    """Cells of one column that break the rule ``code``: positions in the batch and the text as sent.

    ``details`` fill the words of the rule.
    """

    code: str
    field: str
    positions: list[int]
    texts: list[str]
    details: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class TypedBatch:
    """Typed columns of a batch in schema order, with what happened to their cells.

    ``unreadable`` holds, per field, the positions whose text could not be read (the typed cell is empty).
    ``trimmed`` holds, per field, the positions and texts of cells read without the spaces around them.
    """

    frame: pl.DataFrame
    problems: list[CellProblem]
    unreadable: dict[str, list[int]]
    trimmed: dict[str, tuple[list[int], list[str]]]


class CellTyper:
    """Types the batches of one table."""

    def __init__(self, table: Table, definitions: Definitions) -> None:
        self.table = table
        self.terms = {name: definitions.terms(field) for name, field in table.fields.items()}

    def dtype(self, field: Field) -> type[pl.DataType] | pl.DataType:
        """The polars type of a field; codes of a codelist stay text until they are written."""
        return POLARS_TYPES[field.type]

    def schema(self) -> dict[str, type[pl.DataType] | pl.DataType]:
        """Polars types of all fields, in schema order."""
        return {name: self.dtype(field) for name, field in self.table.fields.items()}

    def __call__(self, cells: pl.DataFrame, *, odd: bool = True) -> TypedBatch:
        """Type a batch; ``cells`` has text columns named like fields, other columns are left out.

        ``odd`` False promises that no cell has a control character or byte order mark.
        """
        present = [name for name in self.table.fields if name in cells.columns]
        typed = cells.select([self._read(name, pl.col(name)).alias(name) for name in present])
        problems: list[CellProblem] = []
        unreadable: dict[str, list[int]] = {}
        trimmed: dict[str, tuple[list[int], list[str]]] = {}
        columns: dict[str, pl.Series] = {}
        for name in present:
            series = typed[name]
            suspect = self._suspect(name, cells[name], series, odd)
            if suspect is not None:
                series = self._again(name, cells[name], series, suspect, problems, unreadable, trimmed)
            columns[name] = series
        height = cells.height
        frame = pl.DataFrame(
            [
                columns[name].alias(name)
                if name in columns
                else pl.Series(name, [None], dtype=self.dtype(field)).new_from_index(0, height)
                for name, field in self.table.fields.items()
            ]
        )
        return TypedBatch(frame, problems, unreadable, trimmed)

    def _suspect(self, name: str, cells: pl.Series, typed: pl.Series, odd: bool) -> pl.Series | None:
        """True where a cell needs a second look; None, without looking at each cell, when none does."""
        kind = self.table.fields[name].type
        if kind == "string" and self.terms[name] is None:
            spaced = cells.str.len_bytes() != cells.str.strip_chars().str.len_bytes()
            strange = cells.str.contains(ODD_TEXT) if odd else cells.str.contains(REPLACEMENT, literal=True)
            suspect = spaced | strange
            return suspect.fill_null(False) if suspect.any() else None
        if kind == "number" and not typed.is_finite().all():
            return cells.is_not_null() & ~typed.is_finite().fill_null(False)
        if typed.null_count() == cells.null_count():
            return None
        return cells.is_not_null() & typed.is_null()

    def _read(self, name: str, cell: pl.Expr) -> pl.Expr:
        kind = self.table.fields[name].type
        if kind == "number":
            return cell.cast(pl.Float64, strict=False)
        if kind == "integer":
            return cell.cast(pl.Int64, strict=False)
        if kind == "boolean":
            return pl.when(cell == "true").then(True).when(cell == "false").then(False)
        if kind == "date":
            day = cell.str.to_date("%Y-%m-%d", strict=False)
            # the length and year conditions keep out 2004-2-9 and signs, which the parser would take
            return pl.when((cell.str.len_bytes() == 10) & (day.dt.year() >= 1000)).then(day)
        if kind == "datetime":
            minutes = cell.str.to_datetime("%Y-%m-%dT%H:%M", strict=False, time_unit="us")
            seconds = cell.str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us")
            leap = cell.str.ends_with(":60")
            length = cell.str.len_bytes()
            return pl.when(length == 16).then(minutes).when((length == 19) & ~leap).then(seconds)
        if (terms := self.terms[name]) is not None:
            return pl.when(cell.is_in(terms)).then(cell)
        return cell

    def _again(
        self,
        name: str,
        cells: pl.Series,
        typed: pl.Series,
        suspect: pl.Series,
        problems: list[CellProblem],
        unreadable: dict[str, list[int]],
        trimmed: dict[str, tuple[list[int], list[str]]],
    ) -> pl.Series:
        """Read the suspect cells without the spaces around them; what still fails is a problem."""
        positions = suspect.arg_true()
        sent = cells.gather(positions)
        bare = sent.str.strip_chars()
        bare = pl.select(pl.when(bare != "").then(bare)).to_series()
        again = pl.DataFrame({name: bare}).select(self._read(name, pl.col(name))).to_series()
        if again.dtype == pl.Float64:
            again = pl.select(pl.when(again.is_finite()).then(again)).to_series()
        odd = bare.str.contains(ODD_TEXT).fill_null(False)
        again = pl.select(pl.when(~odd).then(again)).to_series()
        spaced = sent != bare.fill_null("")
        good = (again.is_not_null() | bare.is_null()) & ~odd
        bad = (~good).arg_true()
        self._say(problems, "CELL-007", name, positions, sent, odd.arg_true())
        code = _CODES.get(self.table.fields[name].type, "LIST-001")
        self._say(problems, code, name, positions, sent, ((~good) & ~odd).arg_true())
        trim = (good & spaced).arg_true()
        self._say(problems, "CELL-006", name, positions, sent, trim)
        if len(bad):
            unreadable[name] = positions.gather(bad).to_list()
        if len(trim):
            trimmed[name] = (positions.gather(trim).to_list(), sent.gather(trim).to_list())
        return typed.scatter(positions, again)

    @staticmethod
    def _say(
        problems: list[CellProblem], code: str, name: str, positions: pl.Series, sent: pl.Series, which: pl.Series
    ) -> None:
        if len(which):
            problems.append(CellProblem(code, name, positions.gather(which).to_list(), sent.gather(which).to_list()))
