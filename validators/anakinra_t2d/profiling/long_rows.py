"""Sheets with one result a row: which column names the test, which holds the result, which the unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from anakinra_t2d.profiling.evidence import ColumnEvidence, SheetEvidence
from anakinra_t2d.profiling.fit import IN_RANGE, Fitter
from anakinra_t2d.profiling.names import EXACT_CODE, FieldNames, Form, Likeness, fold
from anakinra_t2d.schema import Field

FEWEST_TESTS = 3
"""Tests that a column must name before it is taken for one that names tests."""
MOST_TESTS = 500
"""A column with more different texts than this names no tests."""
MARGIN = 0.1
"""Two pairs of result and unit that fit nearly as well are for a person to choose from."""
MOST_ROWS = 20_000
"""Rows whose results are held against the ranges of the tests."""
_KNOWN_SHARE = 0.2


@dataclass
class LongRows:
    """A sheet of results. ``names`` maps a field to the names of its test; ``doubts`` are reasons to decide."""

    table: str
    column: ColumnEvidence
    result: ColumnEvidence
    unit: ColumnEvidence | None
    status: ColumnEvidence | None
    names: dict[str, list[str]] = field(default_factory=dict)
    doubts: dict[str, list[str]] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    others: list[tuple[ColumnEvidence, ColumnEvidence | None]] = field(default_factory=list)

    @property
    def columns(self) -> set[int]:
        """Places of the columns that are used."""
        used = [self.column, self.result, self.unit, self.status]
        return {column.place for column in used if column is not None}


def find_long_rows(
    sheet: SheetEvidence, names: FieldNames, fitter: Fitter, unit_columns: Sequence[ColumnEvidence]
) -> LongRows | None:
    """The layout of a sheet with one result a row, None when it is no such sheet."""
    naming = _naming_columns(sheet, names)
    if not naming:
        return None
    column, tests = naming[0]
    tables = {each.table for fields in tests.values() for each in fields}
    table = max(sorted(tables), key=lambda name: sum(any(f.table == name for f in each) for each in tests.values()))
    found: LongRows | None = None
    pairs = _result_pairs(
        sheet, column, {t: [f for f in fs if f.table == table] for t, fs in tests.items()}, fitter, unit_columns
    )
    if not pairs:
        return None
    best, result, unit = pairs[0]
    found = LongRows(table, column, result, unit, None)
    found.others = [
        (r, u) for score, r, u in pairs[1:] if score >= best - MARGIN and r.filled.keys() != column.filled.keys()
    ]
    found.status = _status_column(sheet, found, fitter)
    _name_tests(found, sheet, tests, fitter)
    return found


def _naming_columns(sheet: SheetEvidence, names: FieldNames) -> list[tuple[ColumnEvidence, dict[str, list[Field]]]]:
    """Columns whose texts name fields of some table, the one that names most first."""
    ranked: list[tuple[int, ColumnEvidence, dict[str, list[Field]]]] = []
    for column in sheet.columns:
        if not FEWEST_TESTS <= len(column.filled) <= MOST_TESTS or column.number_share > _KNOWN_SHARE:
            continue
        texts = list(column.filled)
        tests = {
            text: [field for field in names.named(text, EXACT_CODE) if field.type in ("number", "integer")]
            for text in texts
        }
        known = sum(bool(fields) for fields in tests.values())
        if known >= max(FEWEST_TESTS, _KNOWN_SHARE * len(texts)) and column.count > len(texts):
            ranked.append((known, column, tests))
    ranked.sort(key=lambda entry: -entry[0])
    return [(column, tests) for _, column, tests in ranked]


def _result_pairs(
    sheet: SheetEvidence,
    naming: ColumnEvidence,
    tests: dict[str, list[Field]],
    fitter: Fitter,
    unit_columns: Sequence[ColumnEvidence],
) -> list[tuple[float, ColumnEvidence, ColumnEvidence | None]]:
    """Pairs of result and unit column with the share of results that can be values of the tests, best first."""
    pairs: list[tuple[float, ColumnEvidence, ColumnEvidence | None]] = []
    units = {column.place for column in unit_columns}
    numeric = [c for c in sheet.columns if c.number_share >= 0.5 and c.place != naming.place and c.place not in units]
    for result in numeric:
        beside: list[ColumnEvidence | None] = [unit for unit in unit_columns if _belongs(result, unit)] or [
            *unit_columns
        ]
        ranked = [(_pair_fit(sheet, naming, result, unit, tests, fitter), unit) for unit in beside or [None]]
        score, unit = max(ranked, key=lambda entry: entry[0])
        if score > 0:
            pairs.append((score, result, unit))
    pairs.sort(key=lambda pair: -pair[0])
    return pairs


def _belongs(result: ColumnEvidence, unit: ColumnEvidence) -> bool:
    """Whether the names say that a unit column is of a result column: LBORRESU of LBORRES, or stands right of it."""
    return fold(unit.header).startswith(fold(result.header)) or unit.place == result.place + 1


def _pair_fit(
    sheet: SheetEvidence,
    naming: ColumnEvidence,
    result: ColumnEvidence,
    unit: ColumnEvidence | None,
    tests: dict[str, list[Field]],
    fitter: Fitter,
) -> float:
    """Mean over the tests of the share of results in range, less where a test always has the same result."""
    shares: list[float] = []
    cells = _cells_by_test(sheet, naming, result, unit)
    for test, fields in tests.items():
        if not fields or test not in cells:
            continue
        values, units = cells[test]
        share = max(_test_fit(fitter, field, values, units)[0] for field in fields)
        varied = min(1.0, len(values.filled) / max(1, min(5, values.rows)))
        filled = values.count / max(1, values.rows)
        shares.append(share * (0.5 + 0.5 * varied) * (0.5 + 0.5 * filled))
    return sum(shares) / len(shares) if shares else 0.0


def _test_fit(
    fitter: Fitter, wanted: Field, values: ColumnEvidence, units: ColumnEvidence | None
) -> tuple[float, list[str]]:
    like = Likeness(EXACT_CODE, Form(values.header), "code")
    fit = fitter.fit(values, wanted, like, units.filled if units and units.filled else None)
    if units is not None and not units.filled and fit.problems == ["no unit is stated"]:
        return 0.0, ["no unit is stated"]
    open_ = [*fit.misfits, *fit.problems]
    return (fit.share if not open_ else fit.share * 0.5), open_


def _name_tests(found: LongRows, sheet: SheetEvidence, tests: dict[str, list[Field]], fitter: Fitter) -> None:
    cells = _cells_by_test(sheet, found.column, found.result, found.unit)
    for test, fields in tests.items():
        own = [field for field in fields if field.table == found.table]
        if not own:
            found.unknown.append(test)
            continue
        values, units = cells[test]
        ranked = sorted(
            ((*_test_fit(fitter, field, values, units), field) for field in own), key=lambda entry: -entry[0]
        )
        share, problems, best = ranked[0]
        close = [field.name for score, _, field in ranked[1:] if score >= share - MARGIN]
        if close:
            problems = [*problems, f"{' or '.join([best.name, *close])} could be meant"]
        if share < IN_RANGE / 2 or problems:
            found.doubts[test] = [*(problems or ["the values do not fit"]), f"{found.table}.{best.name}"]
        else:
            found.names.setdefault(best.name, []).append(test)


def _status_column(sheet: SheetEvidence, found: LongRows, fitter: Fitter) -> ColumnEvidence | None:
    """A column of words such as NOT DONE that is filled only where there is no result."""
    words = frozenset(fitter.found.result_words)
    for column in sheet.columns:
        if column.place in found.columns or not column.filled or len(column.filled) > FEWEST_TESTS:
            continue
        if all(text.lower() in words for text in column.filled):
            both = sheet.frame[column.header].is_not_null() & sheet.frame[found.result.header].is_not_null()
            if not both.any():
                return column
    return None


def _cells_by_test(
    sheet: SheetEvidence, naming: ColumnEvidence, result: ColumnEvidence, unit: ColumnEvidence | None
) -> dict[str, tuple[ColumnEvidence, ColumnEvidence | None]]:
    """Results and units of each test."""
    import polars as pl

    columns = [column for column in (naming, result, unit) if column is not None]
    named = [pl.col(column.header).alias(str(place)) for place, column in enumerate(columns)]
    counted = sheet.frame.head(MOST_ROWS).select(named).group_by(pl.all()).len().sort("len", descending=True)
    texts: dict[str, tuple[Counter[str], Counter[str], int]] = {}
    for row in counted.iter_rows():
        test, value, times = row[0], row[1], row[-1]
        if test is None:
            continue
        values, units, rows = texts.setdefault(test, (Counter(), Counter(), 0))
        if value is not None:
            values[value] += times
            if unit is not None and row[2] is not None:
                units[row[2]] += times
        texts[test] = values, units, rows + times
    return {
        test: (_cells(result, values, rows), _cells(unit, units, rows) if unit is not None else None)
        for test, (values, units, rows) in texts.items()
    }


def _cells(column: ColumnEvidence, texts: Counter[str], rows: int) -> ColumnEvidence:
    return ColumnEvidence(
        column.header, column.place, dict(texts), rows, {}, column.unit, column.unit_source, column.result_words
    )
