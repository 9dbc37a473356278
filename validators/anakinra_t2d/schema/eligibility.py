"""Eligibility criteria: three-valued SQL conditions over one row of inputs per screening."""

from __future__ import annotations

from typing import Literal

from pydantic import Field as Option

from anakinra_t2d.schema.common import Basis, Definition, Sql, Text


class Criterion(Definition):
    """One criterion. An inclusion must be TRUE, an exclusion FALSE; NULL is not assessable."""

    id: Text
    kind: Literal["inclusion", "exclusion", "post_randomisation"]
    text: Text
    condition: Sql
    alternative: Text | None = Option(default=None, description="Another reading of the paper, as SQL or in words.")
    reads: list[Text] = Option(description="Inputs the condition reads.")
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

    inputs: Sql = Option(description="SQL giving one row per subject_id and screening_no with every input.")
    criteria: list[Criterion]
