"""Runs the definition and says which lines of which table break which rule."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(1, str(Path(__file__).parents[1] / "shared"))

from answer import answer
from definition import SCHEMAS
from pandera.errors import SchemaErrors
from polars_rules import KEYS, read

BUILT_IN = {
    "in_range": "RNG-001",
    "isin": "LIST-001",
    "multiple_fields_uniqueness": "KEY-001",
    "not_nullable": "REQ-001",
    "str_matches": "PAT-001",
}


def found(folder: str) -> Iterator[tuple[str, str, int]]:
    frames = read(folder)
    for table, schema in SCHEMAS.items():
        try:
            schema.validate(frames[table], lazy=True)
        except SchemaErrors as problem:
            for column, check, index in problem.failure_cases.select("column", "check", "index").iter_rows():
                name = check.partition("(")[0]
                code = BUILT_IN.get(name, name)
                if code == "REQ-001" and column in KEYS[table]:
                    code = "KEY-002"
                yield code, table, -1 if index is None else index + 2


if __name__ == "__main__":
    answer("pandera", found)
