"""Results in canonical files that are no number: they become result flags, not errors."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from anakinra_t2d.harmonise.cells import CellReader
from anakinra_t2d.harmonise.notation import Notation
from anakinra_t2d.harmonise.typing import CellProblem, TypedBatch
from anakinra_t2d.schema import Definitions, Table

_READ_AGAIN = frozenset({"CELL-001", "CELL-002", "CELL-003", "CELL-004"})


def split_flagged(typed: TypedBatch, table: Table, found: Definitions) -> tuple[TypedBatch, pl.DataFrame]:
    """Take the cells that say why there is no value (``<0.3``, ``n.d.``, ``2004-03``) out of the problems of a batch.

    Returns the batch without them and a frame of ``field``, ``position``, ``result_status``, ``limit_value`` and
    ``value_raw``. The typed cells stay empty, and they still count as explained. A field that must never be empty keeps
    its problem.
    """
    problems: list[CellProblem] = []
    flagged: list[pl.DataFrame] = []
    for problem in typed.problems:
        field = table.fields[problem.field]
        if problem.code not in _READ_AGAIN or field.required == "always":
            problems.append(problem)
            continue
        reader = CellReader(field, found, Notation.of(None, field, None, found))
        flags = reader.read(pl.Series(problem.texts, dtype=pl.String), None).flags
        taken = set(flags["position"].to_list())
        left = [at for at in range(len(problem.texts)) if at not in taken]
        if left:
            positions, texts = [problem.positions[at] for at in left], [problem.texts[at] for at in left]
            problems.append(replace(problem, positions=positions, texts=texts))
        if taken:
            places = pl.Series(problem.positions, dtype=pl.UInt32).gather(flags["position"])
            flagged.append(flags.with_columns(places.alias("position"), pl.lit(problem.field).alias("field")))
    if not flagged:
        return typed, pl.DataFrame()
    return replace(typed, problems=problems), pl.concat(flagged)
