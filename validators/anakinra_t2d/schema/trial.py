"""The trial: identity, sites, arms, visits with windows, the schedule of procedures and the open readings."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field as Option
from pydantic import model_validator

from anakinra_t2d.schema.common import Basis, Definition, Name, Text


class Publication(Definition):
    """The report the facts come from."""

    citation: Text
    doi: Text


class Site(Definition):
    """A recruiting centre."""

    id: Text
    label: Text
    country: Text
    basis: Basis
    note: Text | None = None


class Arm(Definition):
    """A treatment arm with the number of randomised patients."""

    id: Name
    label: Text
    patients: int


class After(Definition):
    """A visit placed by the date of another procedure: so many days after it, ends included."""

    table: Name
    field: Name
    visit: Name
    days: tuple[int, int]


class Visit(Definition):
    """A visit; ``days`` is its window in study days, ends included (the first dose is day 1, there is no day 0)."""

    id: Name
    label: Text
    order: int
    day: int | None = None
    days: tuple[int, int] | None = None
    after: After | None = None
    basis: Basis
    source: Text
    ambiguity: Text | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _window(self) -> Visit:
        if self.days and self.days[0] > self.days[1]:
            raise ValueError(f"days is upside down: {self.days[0]} is after {self.days[1]}")
        if self.day is not None and self.days and not self.days[0] <= self.day <= self.days[1]:
            raise ValueError(f"day {self.day} is outside its own window {self.days[0]} to {self.days[1]}")
        return self


class Window(Definition):
    """Allowed distance from the planned day or minute."""

    minus: int
    plus: int
    unit: Literal["d", "min"]
    basis: Basis


class Procedure(Definition):
    """One line of the schedule: what is done at which visit, day and minute."""

    id: Text
    procedure: Text
    table: Name
    fields: list[Name] = Option(description="Empty: every field of the table.")
    visit: Name | None = None
    week: int | None = None
    daily: bool = False
    day: int | None = None
    days: tuple[int, int] | None = None
    days_after_ogtt: tuple[int, int] | None = None
    minute: int | None = None
    period: Text | None = None
    from_: Text | None = Option(default=None, alias="from")
    window: Window
    required: Literal["yes", "asked", "expected", "conditional"]
    condition: Text | None = None
    basis: Basis
    ambiguity: Text | None = None
    note: Text | None = None
    source: Text


class OpenReading(Definition):
    """Something the paper leaves open, and the reading chosen here."""

    id: Text
    open: Text
    reading: Text
    where: Text
    basis: Basis = Option(default="implied", description="assumption: opened by us, not by a sentence of the paper.")
    choices: dict[Text, Text] = Option(
        default={}, description="Readings that can be selected, with their words; the first is the usual one."
    )


class Inconsistency(Definition):
    """A place where numbers of the paper disagree, and how it is used here."""

    id: Text
    section: Text
    quantity: Text
    printed: Text
    check: Text
    reading: Text
    weight: Literal["low", "medium", "high"]
    use: Text


class IdentityPattern(Definition):
    """A form of text that identifies a person; such text is never printed."""

    label: Text
    pattern: Text = Option(description="Regular expression, searched anywhere in a text.")
    source: Text


class Trial(Definition):
    """``schema/trial.yaml``."""

    name: Text
    title: Text
    registry: Text
    version: Text = Option(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$", description="Version of the schema.")
    released: dt.date = Option(description="Day on which this version of the schema was released.")
    publication: Publication
    design: Text
    patients: int
    sites: list[Site]
    arms: list[Arm]
    visits: list[Visit]
    tables: list[Name] = Option(description="Every table, in the order people read them.")
    identity_patterns: list[IdentityPattern] = Option(description="Texts that must not be in a pooled file.")
    schedule: list[Procedure]
    ambiguities: list[OpenReading]
    inconsistencies: list[Inconsistency]
    without_column: dict[Text, Text] = Option(
        description="Variables of the trial facts that have no column of their own, with the reason."
    )


class Term(Definition):
    """A controlled term."""

    code: Text
    label: Text
    words: list[Text] = Option(
        default=[],
        description="Other spellings in site files. A result status is understood by them; for other codelists they "
        "are proposals for a site profile and never applied by themselves.",
    )


class Codelist(Definition):
    """The allowed codes of a field."""

    label: Text
    terms: list[Term]

    @property
    def codes(self) -> list[str]:
        """Codes in their order."""
        return [term.code for term in self.terms]


class Codelists(Definition):
    """``schema/codelists.yaml``."""

    codelists: dict[Name, Codelist]
