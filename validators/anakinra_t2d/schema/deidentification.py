"""What is changed in the data before they leave, so that nobody is recognised in them: rules with their reasons."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as Option
from pydantic import StringConstraints, model_validator

from anakinra_t2d.schema.common import Basis, Definition, Name, Text

FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
"""A field with its table: ``subjects.subject_id``."""

Edge = int | float


class Reasoned(Definition):
    """What every entry says of itself."""

    why: Text
    basis: Basis = "assumption"
    source: Text | None = None


class Identifier(Reasoned):
    """A field whose values become keyed pseudonyms, with every field that refers to it by a foreign key."""

    field: FieldName
    prefix: Annotated[str, StringConstraints(pattern=r"^[A-Z]{1,3}$")] = Option(description="Begins its pseudonyms.")


class DayOne(Reasoned):
    """Which date of a person is study day 1: the earliest of the first field that the person has a date in."""

    fields: list[FieldName] = Option(min_length=1)
    earliest_day: int = Option(lt=0, description="Earlier days are given as this one; its label says so.")
    quantity: Name = Option(description="The quantity of a study day, from quantities.yaml.")


class Shift(Reasoned):
    """Between how many days every date of a person is moved on, by a number that the key gives for the person."""

    days: tuple[int, int]

    @model_validator(mode="after")
    def _never_back(self) -> Shift:
        low, high = self.days
        if not 0 < low < high:
            raise ValueError("the least number of days is above 0 and below the greatest")
        return self


class LeftOut(Reasoned):
    """A table that is not released."""

    table: Name


class Fields(Reasoned):
    """Fields that are treated alike."""

    fields: list[FieldName] = Option(min_length=1)


class QuasiIdentifier(Reasoned):
    """What an acquaintance can know of a person; people who agree in all of them are a class."""

    field: FieldName
    told_by: list[FieldName] = Option(
        default=[], description="Fields of other places that tell it; emptied wherever it is withheld from a person."
    )
    fixed: bool = Option(default=False, description="True: counted in the classes, and never changed.")


class Step(Reasoned):
    """A change of a quasi-identifier that makes classes larger. A later step of the same field takes its place.

    ``band``: numbers to ranges that begin at each of ``edges``. ``merge``: codes to fewer groups; a code that
    ``groups`` does not name stays. ``withhold``: from everybody.
    """

    field: FieldName
    operation: Literal["band", "merge", "withhold"]
    edges: list[Edge] = []
    groups: dict[Text, list[Text]] = Option(default={}, description="The codes of each group, by its name.")
    always: bool = Option(default=False, description="True: applied even where the classes are large enough.")

    @model_validator(mode="after")
    def _parameters(self) -> Step:
        if (self.operation == "band") != bool(self.edges):
            raise ValueError("band has edges, and nothing else has")
        if (self.operation == "merge") != bool(self.groups):
            raise ValueError("merge has groups, and nothing else has")
        if sorted(set(self.edges)) != self.edges:
            raise ValueError("the edges rise")
        return self


class RareCodes(Reasoned):
    """Codes that fewer people than the threshold have.

    ``into``: they become this code, or empty without one; ``also_empty`` are fields of the same record that are
    emptied with it. ``whole``: the field is withheld from everybody, because in a field of two answers an empty cell
    among the others tells the rare one.
    """

    field: FieldName
    into: Text | None = None
    also_empty: list[FieldName] = []
    criteria: list[Text] = Option(
        default=[], description="Criteria after randomisation that it decides; they cannot be judged without its codes."
    )
    whole: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> RareCodes:
        if self.whole and (self.into or self.also_empty):
            raise ValueError("a field that is withheld from everybody has neither into nor also_empty")
        return self


class Measured(Reasoned):
    """A value that is released as it is, and that somebody may know roughly: counted in the report, in this width."""

    field: FieldName
    width: float | None = Option(default=None, gt=0, description="Rounded down to multiples of this; None: as it is.")


class Limit(Definition):
    """What de-identified data do not protect from."""

    text: Text
    basis: Basis = "assumption"


class Deidentification(Definition):
    """``schema/deidentification.yaml``."""

    title: Text
    why: Text
    basis: Basis
    source: Text
    threshold: int = Option(ge=2, description="Smallest class of people that is released as it is.")
    withheld_at_most: float = Option(
        ge=0, lt=1, description="Share of people in small classes at which no further step is taken for everybody."
    )
    person: FieldName = Option(description="The field that names a person; one of the identifiers.")
    identifiers: list[Identifier] = Option(min_length=1)
    day_one: DayOne
    shift: Shift
    left_out: list[LeftOut] = []
    withheld: list[Fields] = []
    kept: list[Fields] = Option(
        default=[], description="Fields that could identify, and texts, that stay as they are; each with its reason."
    )
    quasi_identifiers: list[QuasiIdentifier] = Option(
        min_length=1, description="In the order in which they are withheld from people who stay in small classes."
    )
    steps: list[Step]
    rare: list[RareCodes] = []
    measured: list[Measured] = []
    limits: list[Limit] = Option(min_length=1)


def split(name: str) -> tuple[str, str]:
    """Table and field of ``table.field``."""
    table, _, field = name.partition(".")
    return table, field


__all__ = [
    "DayOne",
    "Deidentification",
    "FieldName",
    "Fields",
    "Identifier",
    "LeftOut",
    "Limit",
    "Measured",
    "QuasiIdentifier",
    "RareCodes",
    "Shift",
    "Step",
    "split",
]
