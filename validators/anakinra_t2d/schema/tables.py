"""A table of the trial: its key, its foreign keys, its fields and the rules of one row."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field as Option
from pydantic import PrivateAttr, model_validator

from anakinra_t2d.schema.common import Basis, Definition, Name, Severity, Text
from anakinra_t2d.schema.rules import RowRule

FieldType = Literal["string", "integer", "number", "boolean", "date", "datetime"]
Bound = int | float | str | None


class Codes(Definition):
    """Codes of public terminologies; empty means unknown, not none."""

    loinc: Text | None = None
    cdisc_domain: Text | None = None
    cdisc: Text | None = Option(default=None, description="SDTM test code, variable or term.")


class Planned(Definition):
    """Where in the schedule the value belongs to; it is expected in each of these places."""

    visits: list[Name] = []
    minutes: list[int] = Option(default=[], description="Nominal sampling minutes within the test.")
    weeks: list[int] = Option(default=[], description="Study weeks of a home measurement.")
    when: Text | None = Option(default=None, description="SQL over the row: the value is expected only when TRUE.")

    def __bool__(self) -> bool:
        return bool(self.visits or self.minutes or self.weeks or self.when)


class Field(Definition):
    """One column."""

    label: Text
    description: Text
    synonyms: list[Text] = Option(
        default=[], description="Other names in site files; proposals for a site profile, never applied by themselves."
    )
    type: FieldType
    codelist: Name | None = Option(default=None, description="Controlled terms, from codelists.yaml.")
    terms: list[Text] = Option(default=[], description="The part of the codelist this field may use; empty: all.")
    quantity: Name | None = Option(default=None, description="Unit and conversions, from quantities.yaml.")
    pattern: Text | None = Option(default=None, description="Regular expression of the whole text.")
    form: Text | None = Option(default=None, description="The pattern in words, for messages.")
    visits: list[Name] = Option(default=[], description="Visits at which the schedule has this value.")
    minutes: list[int] = Option(default=[], description="Planned sampling minutes.")
    weeks: list[int] = Option(default=[], description="Planned study weeks.")
    required: Literal["always", "planned", "conditional", "elsewhere", "optional"] = Option(
        description=(
            "always: never empty. planned: expected at `planned`. conditional: never empty when `required_when`. "
            "elsewhere: a rule across tables (`required_by`) asks for it. optional: may be empty."
        )
    )
    planned: Planned = Planned()
    required_when: Text | None = Option(default=None, description="SQL over the fields of the same row.")
    required_by: Text | None = Option(default=None, description="Code of the rule that asks for the value.")
    range: tuple[Bound, Bound] | None = Option(default=None, description="Outside is an error; ends included.")
    expected: tuple[Bound, Bound] | None = Option(default=None, description="Outside is a warning; ends included.")
    range_source: Basis | None = None
    range_note: Text | None = None
    decimals: int | None = Option(default=None, ge=0, le=6, description="Usual number of decimals; not enforced.")
    specimen: Text | None = None
    codes: Codes = Codes()
    blinding: Literal["open", "revealing"] = Option(
        default="open", description="revealing: the value or its change can reveal the arm."
    )
    identifying: Literal["none", "quasi", "direct"] = "none"
    basis: Basis
    source: Text
    variable: Text | None = Option(default=None, description="The variable of the trial facts: table.name.")
    ambiguity: Text | None = Option(default=None, description="Id of the open reading of the paper, e.g. A01.")
    note: Text | None = None

    _name: str = PrivateAttr("")
    _table: str = PrivateAttr("")

    @property
    def name(self) -> str:
        """Column name."""
        return self._name

    @property
    def table(self) -> str:
        """Name of the table the field belongs to."""
        return self._table

    @property
    def bounds(self) -> tuple[Bound | dt.date, Bound | dt.date] | None:
        """The hard range with dates as dates."""
        return None if self.range is None else (self._bound(self.range[0]), self._bound(self.range[1]))

    @property
    def expected_bounds(self) -> tuple[Bound | dt.date, Bound | dt.date] | None:
        """The expected range with dates as dates."""
        return None if self.expected is None else (self._bound(self.expected[0]), self._bound(self.expected[1]))

    def _bound(self, value: Bound) -> Bound | dt.date:
        return dt.date.fromisoformat(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _consistent(self) -> Field:
        for what, bounds in (("range", self.range), ("expected", self.expected)):
            if bounds is not None:
                self._check_range(what, bounds)
        if self.range and self.expected:
            (low, high), (inner_low, inner_high) = self.bounds or (None, None), self.expected_bounds or (None, None)
            if (low is not None and inner_low is not None and inner_low < low) or (  # type: ignore[operator]
                high is not None and inner_high is not None and inner_high > high  # type: ignore[operator]
            ):
                raise ValueError("the expected range reaches beyond the hard range")
        if self.range and self.range_source is None:
            raise ValueError("a range needs range_source (paper, implied or assumption)")
        if (self.required == "conditional") != (self.required_when is not None):
            raise ValueError("required: conditional and required_when go together")
        if (self.required == "elsewhere") != (self.required_by is not None):
            raise ValueError("required: elsewhere and required_by go together")
        if (self.required == "planned") != bool(self.planned):
            raise ValueError("required: planned and planned go together")
        if self.codelist and self.type != "string":
            raise ValueError("only a string field has a codelist")
        if (self.pattern is None) != (self.form is None):
            raise ValueError("pattern and form, which says the pattern in words, go together")
        if self.terms and not self.codelist:
            raise ValueError("terms need a codelist")
        if self.quantity and self.type not in ("number", "integer"):
            raise ValueError("only a number or integer field has a quantity")
        return self

    def _check_range(self, what: str, bounds: tuple[Bound, Bound]) -> None:
        if self.type not in ("number", "integer", "date"):
            raise ValueError(f"a {self.type} field has no {what}")
        for bound in bounds:
            if bound is not None and isinstance(bound, str) != (self.type == "date"):
                raise ValueError(f"{what} of a {self.type} field: {bound!r} is not a {self.type}")
        try:
            low, high = self._bound(bounds[0]), self._bound(bounds[1])
        except ValueError as error:
            raise ValueError(f"{what}: {error}") from error
        if low is not None and high is not None and low > high:  # type: ignore[operator]
            raise ValueError(f"{what} is upside down: {bounds[0]} is above {bounds[1]}")


class Reference(Definition):
    """Fields of this table whose values must be the key of a record of another table."""

    fields: list[Name]
    table: Name
    to: list[Name]


class Table(Definition):
    """``schema/tables/<name>.yaml``."""

    title: Text
    purpose: Text
    rows: Text = Option(description="How many rows a patient has.")
    role: Literal["data", "flags", "delivery", "lineage"] = Option(
        default="data",
        description="data: trial data. flags: side table of values that are not numbers. delivery: who sent what. "
        "lineage: written by the converter, never sent.",
    )
    restricted: bool = Option(default=False, description="True: can reveal the arm and lives apart.")
    key: list[Name]
    unique: list[list[Name]] = Option(default=[], description="Other groups of fields that are unique.")
    foreign_keys: list[Reference] = []
    fields: dict[Name, Field]
    rules: list[RowRule] = Option(default=[], description="Rules that read one row.")
    note: Text | None = None

    _name: str = PrivateAttr("")

    @property
    def name(self) -> str:
        """Table name, from the file's name."""
        return self._name

    @model_validator(mode="after")
    def _consistent(self) -> Table:
        groups = [("key", self.key), *(("unique", g) for g in self.unique)]
        groups += [("foreign_keys", r.fields) for r in self.foreign_keys]
        groups += [(f"rule {r.code}", [r.field, *r.fields]) for r in self.rules]
        for what, names in groups:
            for name in names:
                if name not in self.fields:
                    raise ValueError(f"{what} names the field {name!r}, which this table does not have")
        for name in self.key:
            if self.fields[name].required != "always":
                raise ValueError(f"the key field {name!r} must be required: always")
        for reference in self.foreign_keys:
            if len(reference.fields) != len(reference.to):
                raise ValueError(f"foreign key to {reference.table}: fields and to differ in number")
        return self


__all__ = ["Codes", "Field", "FieldType", "Planned", "Reference", "Severity", "Table"]
