"""Runs the definition and says which lines of which table break which rule."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(1, str(Path(__file__).parents[1] / "shared"))

import dataframely as dy
from answer import answer
from definition import SCHEMAS
from polars_rules import KEYS, read

BUILT_IN = {"min": "RNG-001", "max": "RNG-001", "regex": "PAT-001", "nullability": "REQ-001"}


def found(folder: str) -> Iterator[tuple[str, str, int]]:
    frames = read(folder, numbers=False)
    for table, schema in SCHEMAS.items():
        _, failure = schema.filter(frames[table], cast=True)
        details = failure.details()
        for name in failure.counts():
            code = _code(name, schema, KEYS[table])
            for line in details.filter(details[name].cast(str) == "invalid")["line"]:
                yield code, table, line


def _code(name: str, schema: type[dy.Schema], key: list[str]) -> str:
    column, _, check = name.partition("|")
    if not check:
        return "KEY-001" if name == "primary_key" else "-".join(name.split("_")[:2]).upper()
    if check == "dtype":
        return "LIST-001" if isinstance(schema.columns()[column], dy.Enum) else "CELL-001"
    return "KEY-002" if check == "nullability" and column in key else BUILT_IN[check]


if __name__ == "__main__":
    answer("dataframely", found)
