"""Runs the definition and says which lines of which table break which rule."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(1, str(Path(__file__).parents[1] / "shared"))

from answer import answer
from definition import definition
from polars_rules import read

EVERY_ROW = 10**9
"""Rows that break a step are kept up to this number; without it the tool keeps 500 of each step."""


def found(folder: str) -> Iterator[tuple[str, str, int]]:
    for table, plan in definition(read(folder)).items():
        for step in plan.interrogate(extract_limit=EVERY_ROW).validation_info:
            if step.eval_error:
                sys.exit(f"The step {step.i} ({step.brief}) of {table} did not run.")
            if step.n_failed:
                yield from ((step.brief, table, row + 1) for row in step.extract["_row_num_"])


if __name__ == "__main__":
    answer("pointblank", found)
