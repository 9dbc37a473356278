"""What each view of a release holds and leaves out, and why; the licences it can have."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field as Option
from pydantic import StringConstraints, ValidationError, model_validator

from anakinra_t2d.schema.blinding import blinding
from anakinra_t2d.schema.common import Basis, Definition, Name, Text
from anakinra_t2d.schema.yaml_source import SchemaError, YamlSource, read_yaml

if TYPE_CHECKING:
    from anakinra_t2d.schema.contents import Definitions

FILE = "schema/release.yaml"
ViewName = Literal["blinded", "safety", "full"]
LicenceId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9.-]*$")]
What = Literal[
    "restricted_tables",
    "other_tables",
    "revealing_fields",
    "revealing_records",
    "free_text_beside_revealing_records",
    "revealing_words",
    "derived_from_left_out",
    "results_by_arm",
    "reasons_in_flow",
    "after_randomisation_criteria",
    "direct_identifiers",
    "lineage",
    "rejected_rows",
]
"""What a view can leave out; the closed set that the release knows how to take out."""


class LeftOut(Definition):
    """Something that a view does not hold."""

    what: What
    why: Text


class View(Definition):
    """A choice of what goes into a release, and for whom it is."""

    label: Text
    purpose: Text
    tables: list[Name] = Option(default=[], description="Only these tables; empty: every table that is not left out.")
    leaves_out: list[LeftOut]
    passes: Literal["everything", "all_but_events", "nothing"] = Option(
        description="Part of `validate --blinded` that the finished release must pass to be written: everything; "
        "all but what events and laboratory values tell; or nothing."
    )

    def without(self, what: What) -> bool:
        """Whether the view leaves it out."""
        return any(one.what == what for one in self.leaves_out)

    @model_validator(mode="after")
    def _consistent(self) -> View:
        if bool(self.tables) != self.without("other_tables"):
            raise ValueError("tables and other_tables in leaves_out go together")
        if len({one.what for one in self.leaves_out}) != len(self.leaves_out):
            raise ValueError("leaves_out names something twice")
        return self


class RevealingRecord(Definition):
    """What is done with records that have one of the ``blinded_codes`` of a field."""

    table: Name
    field: Name
    leaves: Literal["record", "value"]
    becomes: Text | None = Option(default=None, description="The code that stands in place of the value; none: empty.")
    views: list[ViewName] = Option(min_length=1)
    why: Text

    @model_validator(mode="after")
    def _consistent(self) -> RevealingRecord:
        if self.becomes and self.leaves == "record":
            raise ValueError("a record that is left out becomes nothing")
        return self


class NumberedAnew(Definition):
    """A running number that is counted again where records were left out, so that no gap tells of them."""

    table: Name
    field: Name


class Licence(Definition):
    """A licence, with its terms in a few sentences and the address of its full text."""

    title: Text
    url: Text | None = None
    open: bool
    text: Text


class ReleaseFile(Definition):
    """``schema/release.yaml``."""

    title: Text
    why: Text
    basis: Basis
    source: Text
    example_tables: list[Name] = Option(description="The examples of README read the first of these that is there.")
    views: dict[ViewName, View]
    revealing_records: list[RevealingRecord]
    numbered_anew: list[NumberedAnew]
    licences: dict[LicenceId, Licence]


@cache
def release_file(root: Path) -> ReleaseFile:
    """Read the file below ``root``, the folder that holds ``schema/``.

    Raises:
        SchemaError: it is missing or wrong; each problem with the line.
    """
    source = _source(root)
    try:
        return ReleaseFile.model_validate_json(json.dumps(source.data), strict=True)
    except ValidationError as error:
        raise SchemaError(
            [
                f"{FILE}:{source.line(tuple(detail['loc']))}: {'.'.join(map(str, detail['loc']))}: "
                + detail["msg"].removeprefix("Value error, ")
                for detail in error.errors(include_url=False)
            ]
        ) from None


def release_views(found: Definitions) -> ReleaseFile:
    """The file of these definitions, with everything it names looked up.

    Raises:
        SchemaError: it is missing or wrong, names what does not exist, or says nothing of a code that reveals the arm.
    """
    file = release_file(found.root)
    if problems := release_problems(found, file):
        raise SchemaError(problems)
    return file


def release_problems(found: Definitions, file: ReleaseFile) -> list[str]:
    """What the file names that the definitions do not have, a line each."""
    source = _source(found.root)

    def problem(words: str, *place: str | int) -> str:
        return f"{FILE}:{source.line(place)}: {'.'.join(map(str, place))}: {words}"

    problems = [
        problem(f"there is no view {name}", "views") for name in ("blinded", "safety", "full") if name not in file.views
    ]
    for name, view in file.views.items():
        problems += [
            problem(f"there is no table {table}", "views", name, "tables", number)
            for number, table in enumerate(view.tables)
            if table not in found.tables
        ]
    problems += [
        problem(f"there is no table {table}", "example_tables", number)
        for number, table in enumerate(file.example_tables)
        if table not in found.tables
    ]
    for number, one in enumerate(file.revealing_records):
        place = ("revealing_records", number)
        if one.table not in found.tables or one.field not in found.tables[one.table].fields:
            problems.append(problem(f"there is no field {one.table}.{one.field}", *place))
        elif one.becomes and one.becomes not in (
            found.terms(found.tables[one.table].fields[one.field]) or [one.becomes]
        ):
            problems.append(problem(f"{one.becomes} is no code of {one.table}.{one.field}", *place, "becomes"))
    for number, counted in enumerate(file.numbered_anew):
        table = found.tables.get(counted.table)
        if table is None or counted.field != table.key[-1] or table.fields[counted.field].type != "integer":
            problems.append(
                problem(
                    f"{counted.table}.{counted.field} is no whole number at the end of a key", "numbered_anew", number
                )
            )
    said = {(one.table, one.field) for one in file.revealing_records}
    problems += [
        problem(f"nothing is said of {code.table}.{code.field}, which reveals the arm", "revealing_records")
        for code in blinding(found.root).blinded_codes
        if (code.table, code.field) not in said
    ]
    numbered = {counted.table for counted in file.numbered_anew}
    problems += [
        problem(f"records of {one.table} are left out, but nothing is numbered anew", "revealing_records", number)
        for number, one in enumerate(file.revealing_records)
        if one.leaves == "record" and one.table not in numbered
    ]
    return problems


def _source(root: Path) -> YamlSource:
    try:
        return read_yaml(root / FILE, FILE)
    except FileNotFoundError:
        raise SchemaError([f"{FILE}: the file is missing"]) from None
