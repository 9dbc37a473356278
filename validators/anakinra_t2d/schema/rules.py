"""Rules as data: a condition in SQL with its words, its source and its code."""

from __future__ import annotations

from typing import Literal

from pydantic import Field as Option
from pydantic import model_validator

from anakinra_t2d.schema.common import Basis, Definition, FactId, Name, RuleCode, Severity, Sql, Text


class RuleWords(Definition):
    """What every rule says, whatever evaluates it."""

    code: RuleCode
    severity: Severity
    expected: Text = Option(description="What holds in good data, as a full sentence.")
    message: Text = Option(description="What was found, a lower-case fragment; {name} is filled from the record.")
    hint: Text = Option(description="What to do next, as a full sentence.")
    why: Text = Option(description="Why the rule exists, as a full sentence.")
    source: Text
    basis: Basis
    fact: list[FactId] = Option(default=[], description="Ids of the consistency checks the rule comes from.")
    hide_value: bool = Option(default=False, description="True: the value found is never printed.")
    acceptable: bool = Option(
        default=True, description="False: nobody can accept a finding of this rule; only a correction closes it."
    )
    note: Text | None = None


class BuiltinRule(RuleWords):
    """A rule whose condition follows from the definitions of tables and fields."""


class Ours(Definition):
    """A number that follows from the other fields of the row, shown beside the one that was sent."""

    value: Sql = Option(description="SQL arithmetic over the row.")
    decimals: int = Option(ge=0, le=6, description="Decimals it is shown with.")


class RowRule(RuleWords):
    """A rule that reads one row of one table."""

    field: Name = Option(description="The field to look at first.")
    fields: list[Name] = Option(description="All fields the condition reads.")
    assert_: Sql = Option(alias="assert", description="SQL predicate over the row: TRUE holds, FALSE is a finding.")
    ours: Ours | None = Option(default=None, description="Fills {ours} of the message.")


TABLE_PLACEHOLDERS = ("table", "key", "series", "long")
"""Filled in for every for_each. ``key``: the key fields of the table; ``series``: those that are no visit; ``long``: a
query of (key, ``field``, ``value``) with a row for each value of the fields."""

FIELD_PLACEHOLDERS = (
    "field",
    "label",
    "unit",
    "quantity",
    "decimals",
    "resolution",
    "low",
    "high",
    "expected_low",
    "expected_high",
)
"""Filled in where for_each runs field by field. ``resolution``: one unit of the last usual decimal; ``low`` to
``expected_high``: the ranges, NULL when open."""


class ForEach(Definition):
    """Repeats a rule for the fields of a kind, or for the tables that have such fields; placeholders are filled in.

    ``records``, ``assert`` and all texts may hold placeholders; any other {name} of a text stays for the record.
    In a text, ``{{field}}`` becomes the value of that field in the record. Only tables of trial data take part.
    """

    fields: Literal["measured", "numeric", "text", "dates"] = Option(
        description="measured: numbers with a quantity. numeric: all numbers. text: without a codelist. "
        "dates: dates and times. Key fields are never measured, numeric or text."
    )
    by: Literal["field", "fields", "table"] = Option(
        default="field",
        description="field: once for each field. fields: the fields of a table come together in {long}, as many as fit "
        "into memory, and `records` selects `field` and `value`. table: always all fields of a table in {long}.",
    )
    key: list[Name] = Option(default=[], description="Only tables whose key has these fields.")
    only: list[Text] = Option(default=[], description="If given, nothing but these: table.field (or table).")
    exclude: list[Text] = Option(default=[], description="table.field (or table) that the rule does not fit.")


class Statistic(Definition):
    """A test over all records of a variable; a finding when its P value stays below the rate after correction.

    ``records`` gives one row for each test, with ``n`` (records used) and the inputs of the distribution:
    ``statistic`` (and ``df``), or ``successes`` and ``chance`` of a binomial. ``tests`` may say that the rows are
    the most extreme of so many. ``assert`` is TRUE when the effect is too small to matter, whatever its P value.
    """

    distribution: Literal["chi2", "normal", "student", "binomial"]
    sides: Literal["upper", "lower", "both"] = Option(
        default="upper", description="Which deviations count; a chi2 statistic has only the upper side."
    )
    false_alarm_rate: float = Option(gt=0, lt=0.1, description="Chance of any finding in sound data, per rule.")
    correction: Literal["holm"] = "holm"
    min_records: int = Option(ge=3, description="Silent (not assessed) below this number of records.")

    @model_validator(mode="after")
    def _one_sided(self) -> Statistic:
        if self.distribution == "chi2" and self.sides != "upper":
            raise ValueError("a chi2 statistic has only the upper side")
        return self


class AcrossRule(RuleWords):
    """A rule that looks across rows or tables.

    ``records`` selects the records that are judged, one row each, with the key of ``table`` and every value
    the condition or the message reads. ``assert`` is evaluated on each: TRUE holds, FALSE is a finding,
    NULL is not assessed.
    """

    table: Name | None = Option(default=None, description="The table whose records are judged.")
    field: Name | None = Option(default=None, description="The field to look at first.")
    fields: list[Text] = Option(default=[], description="table.field of everything the rule reads.")
    for_each: ForEach | None = None
    statistic: Statistic | None = None
    records: Sql
    assert_: Sql = Option(alias="assert")

    @model_validator(mode="after")
    def _judged(self) -> AcrossRule:
        if self.for_each is None and self.table is None:
            raise ValueError("a rule needs the table whose records it judges, or for_each")
        if self.for_each is not None and (self.table is not None or self.field is not None):
            raise ValueError("for_each says which table and field a rule judges; leave out table and field")
        if self.field is not None and self.table is None:
            raise ValueError("a field needs its table")
        return self


class RuleFile(Definition):
    """``schema/rules/<subject>.yaml``."""

    title: Text
    builtin: list[BuiltinRule] = []
    rules: list[AcrossRule] = []
