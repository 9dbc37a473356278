"""Site profiles: how the files of one site map onto the tables, in both directions."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field as Option
from pydantic import PrivateAttr, StringConstraints, model_validator

from anakinra_t2d.schema.common import Definition, Name, Text

OVER = "{over}"
"""Stands in a column name for the part that says which record of a block the column belongs to."""

BOOLEAN = "boolean"
"""Key of ``codes`` for the words of true-or-false fields, which have no codelist."""

Mark = Annotated[str, StringConstraints(min_length=1, max_length=5)]
"""Characters between cells or parts of a cell, spaces and tabs among them."""

Layout = Annotated[str, StringConstraints(pattern=r"^[dmyhs:., /_T-]+$")]
"""A date layout such as ``dd-mm-yyyy``, ``d.m.yy`` or ``dd.mm.yyyy hh:mm``."""

_PLACEHOLDER = re.compile(r"\{([a-z]+)(?::0([1-9]))?\}")


class SubjectNumbers(Definition):
    """How the site writes subject numbers.

    ``sent`` and ``canonical`` are templates with the same placeholders: ``{number}`` stands for digits, with
    ``{number:03}`` written with three of them; any other name stands for letters and digits. ``map`` lists single
    numbers and goes first. Letter case and outer spaces do not count.
    """

    fields: list[Name] = Option(description="Fields that hold a subject number, in whatever table.")
    sent: Text | None = None
    canonical: Text | None = None
    map: dict[Text, Text] = Option(default={}, description="Single numbers: text as sent to subject number.")
    others: Literal["error", "keep"] = Option(
        default="error", description="keep: a number of another form is taken as it is; error: it is a finding."
    )

    @model_validator(mode="after")
    def _two_way(self) -> SubjectNumbers:
        if (self.sent is None) != (self.canonical is None):
            raise ValueError("sent and canonical go together")
        if self.sent and self.canonical:
            names = [sorted(name for name, _ in _PLACEHOLDER.findall(text)) for text in (self.sent, self.canonical)]
            if names[0] != names[1] or not names[0]:
                raise ValueError("sent and canonical need the same placeholders, at least one")
        return self

    def to_canonical(self, text: str) -> str | None:
        """The subject number for a text as sent; None when the site has no such number."""
        bare = text.strip()
        listed = None
        if self.map:
            listed = {key.upper(): value for key, value in self.map.items()}.get(bare.upper())
        if listed is None and self.sent and self.canonical:
            listed = _translate(bare, self.sent, self.canonical)
        return listed if listed is not None else (bare if self.others == "keep" else None)

    def to_sent(self, subject: str) -> str:
        """The text that the site writes for a subject number, as it is when it has another form."""
        listed = {value: key for key, value in self.map.items()}.get(subject)
        if listed is None and self.sent and self.canonical:
            listed = _translate(subject, self.canonical, self.sent)
        return subject if listed is None else listed


@lru_cache(maxsize=1 << 16)  # the same numbers stand in every sheet of a site
def _translate(text: str, form: str, other: str) -> str | None:
    pattern, end = "", 0
    for match in _PLACEHOLDER.finditer(form):
        part = "[0-9]+" if match[1] == "number" else "[A-Za-z0-9]+"
        pattern += re.escape(form[end : match.start()]) + f"(?P<{match[1]}>{part})"
        end = match.end()
    found = re.fullmatch(pattern + re.escape(form[end:]), text, re.IGNORECASE)
    if found is None:
        return None

    def fill(match: re.Match[str]) -> str:
        value = found[match[1]]
        if match[1] != "number":
            return value.upper()
        return str(int(value)).zfill(int(match[2] or 1))

    return _PLACEHOLDER.sub(fill, other)


class FieldLayout(Definition):
    """Where the value of one field stands, and how it is written there.

    The unit of a number is what the header says (``HbA1c (%)``), else the unit row, the unit column, or ``unit``.
    """

    column: Text | list[Text] | None = Option(
        default=None,
        description="Header of the column without its unit, or several spellings of it; {over} stands for the part "
        "that says which record of a block it is.",
    )
    value: Text | None = Option(default=None, description="A value that no column holds: canonical text.")
    default: Text | None = Option(
        default=None, description="Canonical text where the column is missing or a cell of it is empty."
    )
    unit: Text | None = Option(default=None, description="UCUM unit, where neither header nor rows say it.")
    unit_column: Text | None = Option(default=None, description="Header of the column that holds the unit.")
    confirmed: bool = Option(
        default=False, description="True: the site has confirmed the unit; conversions marked ask are applied."
    )
    separator: Mark | None = Option(default=None, description="Between the parts of a cell that holds two values.")
    part: int | None = Option(default=None, ge=1, description="Which part of such a cell, from 1.")
    codes: dict[Text, Text] = Option(default={}, description="Text as sent to canonical code, for this field alone.")
    note: Text | None = None

    @model_validator(mode="after")
    def _one_place(self) -> FieldLayout:
        if (self.column is None) == (self.value is None):
            raise ValueError("a field has a column or a value")
        if self.default is not None and self.value is not None:
            raise ValueError("default belongs to a column")
        if (self.separator is None) != (self.part is None):
            raise ValueError("separator and part go together")
        return self

    @property
    def columns(self) -> list[str]:
        """The spellings of the header."""
        return [self.column] if isinstance(self.column, str) else list(self.column or [])

    @property
    def is_block(self) -> bool:
        """Whether the column name says which record of a block the value belongs to."""
        return any(OVER in column for column in self.columns)


class Over(Definition):
    """Columns side by side that are records below each other: one record for each entry of ``values``."""

    field: Name = Option(description="The key field that the column names hold.")
    values: dict[Text, Text] = Option(description="Value of the field: its spelling in the column names.")


class Tests(Definition):
    """Rows below each other that are fields side by side, as laboratories export them."""

    column: Text = Option(description="Header of the column that names the test.")
    result: Text = Option(description="Header of the column that holds the result.")
    unit_column: Text | None = Option(default=None, description="Header of the column that holds the unit.")
    status_column: Text | None = Option(
        default=None, description="Header of a column whose word (such as NOT DONE) stands in for an empty result."
    )
    names: dict[Name, list[Text]] = Option(description="Field: the names of its test.")
    units: dict[Name, list[Text]] = Option(
        default={},
        description="Field: UCUM units in which the site reports the test. A file that is written takes them in turn, "
        "one for each subject.",
    )
    ignore: list[Text] = Option(default=[], description="Names of tests that are left out on purpose.")


class TableLayout(Definition):
    """What the rows of one sheet say about one table."""

    table: Name
    where: dict[Text, list[Text]] = Option(
        default={}, description="Column: texts; only rows with one of these texts in each of the columns."
    )
    unless: dict[Text, list[Text]] = Option(
        default={},
        description="Column: texts; no row with one of these texts. A column that is missing excludes nothing.",
    )
    when_filled: list[Text] = Option(
        default=[], description="Only rows with text in one of these columns; empty: every row."
    )
    fields: dict[Name, Text | FieldLayout] = Option(
        default={}, description="Field: header of its column, or where and how it stands."
    )
    same_names: bool = Option(
        default=True, description="True: fields that are not listed are read from a column of their own name."
    )
    over: Over | None = None
    tests: Tests | None = None

    @model_validator(mode="after")
    def _one_shape(self) -> TableLayout:
        if self.over and self.tests:
            raise ValueError("a table has over or tests, not both")
        if self.over is None and (block := [name for name in self.fields if self.field(name).is_block]):
            raise ValueError(f"{', '.join(block)}: {OVER} in a column name needs over")
        if self.over and self.over.field in self.fields:
            raise ValueError(f"{self.over.field} comes from the column names and from a column")
        return self

    def field(self, name: str) -> FieldLayout:
        """Where the value of a listed field stands."""
        entry = self.fields[name]
        return FieldLayout(column=entry) if isinstance(entry, str) else entry


class SheetLayout(Definition):
    """One kind of sheet or file of the site."""

    files: Text = Option(description="Name of the file; * stands for any text. Letter case does not count.")
    sheet: Text | None = Option(default=None, description="Name of the sheet, likewise; empty: any sheet.")
    header_row: int | None = Option(
        default=None, ge=1, description="Row of the header; empty: the first row with most of the known names."
    )
    unit_row: int | None = Option(default=None, ge=1, description="Row that holds the units.")
    encoding: Text | None = Option(default=None, description="Of a text file; empty: that of the profile.")
    delimiter: Mark | None = Option(default=None, description="Of a text file; empty: that of the profile.")
    expect: dict[Text, list[Text]] = Option(
        default={}, description="Column: the only texts it may hold; others show that the file is of another study."
    )
    ignore: list[Text] = Option(default=[], description="Columns that are left out on purpose; * stands for any text.")
    tables: list[TableLayout]


class Undecided(Definition):
    """A guess that a person must decide on; a profile with one is not used."""

    file: Text
    sheet: Text | None = None
    column: Text
    candidates: list[Text] = Option(description="table.field, likeliest first.")
    reason: Text


class Profile(Definition):
    """``schema/sites/<name>.yaml``, or any file given by ``--profile``."""

    title: Text
    site: Text | None = None
    note: Text | None = None
    recognised_by: list[Text] = Option(
        default=[], description="For published layouts only: a file with all of these columns has this layout."
    )
    extension: Text | None = Option(
        default=None, description="Ending of files that are written, where the name leaves it open: `dm.*` with xpt."
    )
    encoding: Text | None = Option(default=None, description="Of text files without byte order mark, such as cp1252.")
    delimiter: Mark | None = Option(default=None, description="Of text files; empty: found from the header.")
    decimal: Literal[".", ","] = Option(default=".", description="Decimal mark in text cells.")
    thousands: list[Literal["'", "’", " ", ".", ","]] = Option(
        default=[], description="Marks that may stand between groups of three digits."
    )
    dates: list[Layout] = Option(default=[], description="Layouts of dates and times; ISO 8601 is always read.")
    two_digit_years_from: int | None = Option(
        default=None, description="First year of the hundred years that two-digit years mean."
    )
    missing: list[Text] = Option(default=[], description="Words of an empty cell.")
    results: dict[Text, Text] = Option(
        default={}, description="Words in place of a number: code of result_status; beyond the usual ones."
    )
    units: dict[Text, Text] = Option(
        default={}, description="Unit spellings that a person decided: text as sent to UCUM code."
    )
    codes: dict[Name, dict[Text, Text]] = Option(
        default={}, description="Codelist (or boolean): text as sent to canonical code; the first is the usual one."
    )
    subjects: SubjectNumbers | None = None
    sheets: list[SheetLayout]
    undecided: list[Undecided] = Option(default=[], description="Guesses of `profile` that a person must decide.")

    _name: str = PrivateAttr("")

    @property
    def name(self) -> str:
        """Name of the profile, from the file's name."""
        return self._name

    @model_validator(mode="after")
    def _marks(self) -> Profile:
        if self.decimal in self.thousands:
            raise ValueError(f"{self.decimal} is both decimal mark and thousands mark")
        return self
