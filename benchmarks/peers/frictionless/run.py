"""Runs the definition and says which lines of which table break which rule."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(1, str(Path(__file__).parents[1] / "shared"))

from answer import answer
from definition import validate
from frictionless import Error, Package

CONSTRAINTS = {
    "enum": "LIST-001",
    "maximum": "RNG-001",
    "minimum": "RNG-001",
    "pattern": "PAT-001",
    "required": "REQ-001",
}
TYPES = {"date": "CELL-003", "number": "CELL-001"}


def found(folder: str) -> Iterator[tuple[str, str, int]]:
    report = validate(folder)
    package = Package(Path(__file__).with_name("datapackage.yaml").as_posix())
    for task in report.tasks:
        schema = package.get_resource(task.name).schema
        for error in task.errors:
            yield _code(error, schema), task.name, getattr(error, "row_number", -1)


def _code(error: Error, schema) -> str:
    if error.type == "row-constraint":
        return error.note
    if error.type == "primary-key":
        return "KEY-001"
    if error.type == "foreign-key":
        return "REF-001"
    if error.type == "type-error":
        return TYPES.get(schema.get_field(error.field_name).type, error.type)
    if error.type == "constraint-error":
        kind = next(name for name in CONSTRAINTS if f'"{name}"' in error.note)
        return "KEY-002" if kind == "required" and error.field_name in schema.primary_key else CONSTRAINTS[kind]
    return f"{error.type}: {error.note}"


if __name__ == "__main__":
    answer("frictionless", found)
