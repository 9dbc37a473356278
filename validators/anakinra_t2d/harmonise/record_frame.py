"""Records in the making: canonical cells, and beside each what happened to it.

A frame has a String column for every field, and for fields whose cells were not all canonical already the columns
``raw:f`` (text as sent), ``unit:f``, ``conversion:f`` (changed cells), ``flag:f``, ``limit:f`` (results that are no
number) and ``note:f`` (problems, see ``note``). An event column is null where nothing happened.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import polars as pl

from anakinra_t2d.harmonise.typing import CellProblem

if TYPE_CHECKING:
    from anakinra_t2d.harmonise.cells import ReadCells

EVENTS = ("raw", "unit", "conversion", "flag", "limit", "note")
NOTES = ":notes"
"""Column that holds all notes of a record, one a line."""
ROW = ":row"
"""Column with the row of the source that a record comes from; ``row:f`` where a field has a row of its own."""
_EXCUSED = ""


def note(code: str, field: str, text: str, details: Mapping[str, str]) -> str:
    """A problem of one cell as one line of text."""
    return json.dumps([code, field, text, dict(details)], ensure_ascii=False)


def excused(field: str) -> str:
    """The note for a cell that was left out for a reason reported once for its whole column."""
    return json.dumps([_EXCUSED, field, "", {}])


def problems_of(notes: pl.Series) -> tuple[list[CellProblem], dict[str, list[int]]]:
    """The problems that the notes of a batch hold, and by field the positions of cells that were not taken."""
    found: dict[tuple[str, str, str], tuple[list[int], list[str], Mapping[str, str]]] = {}
    unreadable: dict[str, list[int]] = defaultdict(list)
    for position in notes.is_not_null().arg_true().to_list():
        for line in notes[position].split("\n"):
            code, name, text, details = json.loads(line)
            unreadable[name].append(position)
            if code != _EXCUSED:
                key = (code, name, json.dumps(details, sort_keys=True))
                positions, texts, _ = found.setdefault(key, ([], [], details))
                positions.append(position)
                texts.append(text)
    problems = [
        CellProblem(code, name, positions, texts, details)
        for (code, name, _), (positions, texts, details) in found.items()
    ]
    return problems, dict(unreadable)


def cell_columns(field: str, read: ReadCells) -> list[pl.Series]:
    """The canonical cells of a field and the event columns that are not empty."""
    height = len(read.values)
    columns = [read.values.alias(field)]
    raw = _scattered(height, read.changed["position"], read.changed["value_raw"])
    if read.changed.height:
        columns.append(_scattered(height, read.changed["position"], read.changed["unit_raw"]).alias(f"unit:{field}"))
        conversion = _scattered(height, read.changed["position"], read.changed["conversion"])
        columns.append(conversion.alias(f"conversion:{field}"))
    if read.flags.height:
        raw = raw.scatter(read.flags["position"], read.flags["value_raw"])
        columns.append(_scattered(height, read.flags["position"], read.flags["result_status"]).alias(f"flag:{field}"))
        columns.append(_scattered(height, read.flags["position"], read.flags["limit_value"]).alias(f"limit:{field}"))
    if read.problems:
        positions = [position for problem in read.problems for position in problem.positions]
        texts = [text for problem in read.problems for text in problem.texts]
        notes = [note(p.code, field, text, p.details) for p in read.problems for text in p.texts]
        raw = raw.scatter(positions, texts)
        columns.append(_scattered(height, pl.Series(positions), pl.Series(notes)).alias(f"note:{field}"))
    if raw.null_count() < height:
        columns.append(raw.alias(f"raw:{field}"))
    return columns


def _scattered(height: int, positions: pl.Series, values: pl.Series) -> pl.Series:
    empty = pl.Series([None], dtype=pl.String).new_from_index(0, height)
    return empty.scatter(positions, values.cast(pl.String)) if len(positions) else empty


def all_notes(frame: pl.DataFrame, fields: Iterable[str]) -> pl.Series:
    """The notes of each record as one text, null where there are none."""
    columns = [f"note:{name}" for name in fields if f"note:{name}" in frame.columns]
    if not columns:
        return pl.Series(NOTES, [None], dtype=pl.String).new_from_index(0, frame.height)
    joined = (
        frame.select(columns)
        .rechunk()
        .select(pl.concat_str(columns, separator="\n", ignore_nulls=True).alias(NOTES))
        .to_series()
    )
    return joined.to_frame().select(pl.when(pl.col(NOTES) != "").then(pl.col(NOTES))).to_series()


def record_keys(frame: pl.DataFrame, key: list[str]) -> pl.Series:
    """The key of each record as one text, see ``finding.record_key``; null where a part is missing."""
    parts = [pl.format(f"{name}={{}}", pl.col(name)) for name in key]
    # in one chunk: polars 2.1 panics when it joins texts of which some chunk is empty, as a filter leaves it
    return frame.select(key).rechunk().select(pl.concat_str(parts, separator="|").alias("record_key")).to_series()
