"""What can be said of a column that is like no field, without showing a value of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anakinra_t2d.profiling.notation import read_number

if TYPE_CHECKING:
    from anakinra_t2d.profiling.evidence import ColumnEvidence
    from anakinra_t2d.profiling.fit import Fitter

_MOSTLY = 0.9
_FEWEST_ROWS = 10
"""Of fewer numbers nothing is told: they could be those of one person."""


def known_of(column: ColumnEvidence, fitter: Fitter) -> str:
    """How much is filled, numbers or texts, how many different, and which codelist knows them."""
    if column.is_doubled:
        return "its cells are not read"
    if not column.count:
        return "it is empty"
    filled = f"{column.count:,} of {column.rows:,} cells are filled"
    if column.is_constant:
        return f"every row has the same text; {filled}; it could be for expect or ignore"
    if any(fitter.is_identifying(text) for text in column.filled):
        return f"its texts look like those that identify a person; {filled}"
    if column.dates.share >= _MOSTLY:
        return f"dates; {filled}"
    if column.number_share >= _MOSTLY:
        return f"numbers{_about(column)}; {filled}"
    lists = [name for name in fitter.found.codelists if _knows(fitter, name, column)]
    known = f" that the codelist {lists[0]} knows" if lists else ""
    return f"{len(column.filled):,} different texts{known}; {filled}"


def _knows(fitter: Fitter, name: str, column: ColumnEvidence) -> bool:
    words = fitter.words(name)
    return all(text.casefold() in words for text in column.filled)


def _about(column: ColumnEvidence) -> str:
    """A rough range, from the tenth to the ninetieth of a hundred, with two digits."""
    decimal = column.marks.decimal or "."
    values = sorted(
        v for text, times in column.numbers.items() for v in [read_number(text, decimal)] * times if v is not None
    )
    if len(values) < _FEWEST_ROWS:
        return ""
    low, high = values[len(values) // 10], values[-1 - len(values) // 10]
    return f" from about {_rough(low)} to {_rough(high)}" if max(abs(low), abs(high)) < 1e6 else ""


def _rough(value: float) -> str:
    return f"{float(f'{value:.2g}'):g}"
