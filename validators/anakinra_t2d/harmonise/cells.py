"""One field's cells as a site writes them to the canonical text of the schema, every change kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from anakinra_t2d.harmonise.notation import Notation
from anakinra_t2d.harmonise.one_cell import Cell, OneCell, one_cell
from anakinra_t2d.harmonise.typing import CellProblem
from anakinra_t2d.harmonise.units import UnitReader, UnitReading, likely_unit
from anakinra_t2d.schema import Definitions, Field

_TEXT, _UNIT, _POSITION = ":text", ":unit", "position"
_CHANGED = {_POSITION: pl.UInt32, "value_raw": pl.String, "unit_raw": pl.String, "conversion": pl.String}
_FLAGS = {_POSITION: pl.UInt32, "result_status": pl.String, "limit_value": pl.String, "value_raw": pl.String}
_RESULT = {
    "value": pl.String,
    "conversion": pl.String,
    "result_status": pl.String,
    "limit_value": pl.String,
    ":problem": pl.UInt32,
}


@dataclass(frozen=True)
class ReadCells:
    """The cells of one field.

    ``values`` holds canonical texts as a canonical CSV file would, null for an empty, flagged or unreadable cell.
    ``changed`` lists the cells that were read otherwise than written (position, value_raw, unit_raw, conversion),
    ``flags`` the results that are no value (position, result_status, limit_value in the canonical unit, value_raw),
    ``problems`` the cells that were not taken. The three are disjoint.
    """

    values: pl.Series
    changed: pl.DataFrame
    flags: pl.DataFrame
    problems: list[CellProblem]


class CellReader:
    """Reads the cells of ``field`` in the notation of a site."""

    def __init__(self, field: Field, definitions: Definitions, notation: Notation) -> None:
        self.field = field
        self._definitions = definitions
        self._one: OneCell = one_cell(field, definitions, notation)
        self._units = UnitReader(field, definitions, notation)
        quantity = definitions.quantity(field)
        conversions = quantity.conversions if quantity else ()
        self._needs = tuple(dict.fromkeys(name for conversion in conversions for name in conversion.needs))

    def read(
        self,
        texts: pl.Series,
        units: pl.Series | UnitReading | None,
        needs: Mapping[str, pl.Series] | None = None,
    ) -> ReadCells:
        """Read ``texts``, null for an empty cell.

        ``units`` is None when all are in the canonical unit (or the field has none), the unit of all of them, or the
        unit text of each; ``needs`` has the canonical texts of other fields of the same records.
        """
        is_plain = units is None or (isinstance(units, UnitReading) and units.conversion is None)
        if is_plain and self._one.all_canonical(texts):
            return ReadCells(
                texts.alias(self.field.name), pl.DataFrame(schema=_CHANGED), pl.DataFrame(schema=_FLAGS), []
            )
        frame = texts.alias(_TEXT).to_frame()
        if isinstance(units, pl.Series):
            frame = frame.with_columns(units.alias(_UNIT))
        if needs and self._may_need(units):
            frame = frame.with_columns(needs[name].alias(name) for name in self._needs if name in needs)
        keys = frame.columns
        distinct = frame.filter(pl.col(_TEXT).is_not_null()).unique(maintain_order=True)
        cells = [self._read_one(row, units) for row in distinct.iter_rows(named=True)]
        self._hint_at_units(distinct, cells)
        problems: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
        rows = [
            (
                cell.value,
                cell.how,
                cell.status,
                cell.limit,
                None
                if cell.code is None
                else problems.setdefault((cell.code, tuple(sorted(cell.details.items()))), len(problems)),
            )
            for cell in cells
        ]
        results = pl.DataFrame(rows, schema=_RESULT, orient="row")
        read = frame.with_row_index(_POSITION).join(
            pl.concat([distinct, results], how="horizontal"),
            on=keys,
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
        return self._gather(read, list(problems))

    def _may_need(self, units: pl.Series | UnitReading | None) -> bool:
        if isinstance(units, UnitReading):
            return units.conversion is not None and bool(units.conversion.needs)
        return isinstance(units, pl.Series) and bool(self._needs)

    def _read_one(self, row: Mapping[str, str | None], units: pl.Series | UnitReading | None) -> Cell:
        text = row[_TEXT]
        assert text is not None
        unit = self._units.read(row[_UNIT]) if isinstance(units, pl.Series) else units
        return self._one.read(text, unit, row)

    def _hint_at_units(self, distinct: pl.DataFrame, cells: list[Cell]) -> None:
        """Give the problems with a missing or unknown unit a hint from all the numbers that stand with it."""
        if _UNIT not in distinct.columns:
            return
        lacking: dict[str | None, list[Cell]] = {}
        for unit, cell in zip(distinct[_UNIT], cells, strict=True):
            if cell.code in ("UNIT-001", "UNIT-002") and not cell.details["reading"]:
                lacking.setdefault(unit, []).append(cell)
        for group in lacking.values():
            values = [cell.number for cell in group if cell.number is not None]
            hint = likely_unit(self.field, self._definitions, values)
            for cell in group:
                cell.details = {**cell.details, "reading": hint}

    def _gather(self, read: pl.DataFrame, problems: list[tuple[str, tuple[tuple[str, str], ...]]]) -> ReadCells:
        unit = pl.col(_UNIT) if _UNIT in read.columns else pl.lit(None, dtype=pl.String)
        changed = read.filter(pl.col("conversion").is_not_null()).select(
            _POSITION, pl.col(_TEXT).alias("value_raw"), unit.alias("unit_raw"), "conversion"
        )
        flags = read.filter(pl.col("result_status").is_not_null()).select(
            _POSITION, "result_status", "limit_value", pl.col(_TEXT).alias("value_raw")
        )
        bad = read.filter(pl.col(":problem").is_not_null()).group_by(":problem", maintain_order=True)
        said = [
            CellProblem(problems[index][0], self.field.name, positions, texts, dict(problems[index][1]))
            for index, positions, texts in bad.agg(_POSITION, _TEXT).iter_rows()
        ]
        return ReadCells(read["value"].rename(self.field.name), changed, flags, said)
