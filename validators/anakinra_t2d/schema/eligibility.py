"""Eligibility criteria: three-valued SQL conditions over one row of inputs per screening."""

from __future__ import annotations

from typing import Literal

from pydantic import Field as Option

from anakinra_t2d.schema.common import Basis, Definition, Name, Sql, Text


class CriterionAlternative(Definition):
    """What another choice of an open reading changes in a criterion; what is left out stays."""

    reading: Text = Option(description="Id of the open reading (`ambiguities` of the trial).")
    choice: Text
    condition: Sql
    reads: list[Text] | None = None
    may_be_empty: list[Text] | None = None
    no_result: dict[Text, Sql] | None = None
    note: Text | None = None


class Criterion(Definition):
    """One criterion. An inclusion must be TRUE, an exclusion FALSE; NULL is not assessable."""

    id: Text
    kind: Literal["inclusion", "exclusion", "post_randomisation"]
    text: Text
    condition: Sql
    alternatives: list[CriterionAlternative] = []
    reads: list[Text] = Option(description="Inputs the condition reads.")
    may_be_empty: list[Text] = Option(
        default=[],
        description="Inputs of `reads` that are empty in complete data, where the emptiness is itself an answer (no "
        "randomisation, no dose, no change); such an input is never named as missing.",
    )
    either: list[Text] = Option(
        default=[],
        description="Inputs of `reads` that stand in for one another: the condition is decided by those that are "
        "there, and they are missing when all of them are.",
    )
    no_result: dict[Text, Sql] = Option(
        default={},
        description="Inputs of `reads` with the condition under which an entry, such as a test that was not done, is "
        "no result, so that the input is named as missing although it is not empty.",
    )
    parent: Text | None = None
    strictness: Text | None = None
    examples: Text | None = Option(default=None, description="Cases at the limit and their result.")
    sex: Literal["M", "F"] | None = None
    evaluability: Text | None = None
    missing_means: Text | None = None
    ambiguity: Text | None = None
    note: Text | None = None
    basis: Basis
    source: Text


class Eligibility(Definition):
    """``schema/eligibility.yaml``."""

    inputs: Sql = Option(
        description="SQL giving one row per subject_id and screening_no with every input. NAME_below and NAME_above "
        "hold the limit of a result NAME that is only known to lie below or above it."
    )
    decision: Name | None = Option(default=None, description="The input that holds the investigator's own decision.")
    criteria: list[Criterion]
