"""What every definition shares: strictness, provenance marks and the spelling of names."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

Basis = Literal["paper", "implied", "assumption"]
"""Where a fact comes from: stated in the trial paper, needed by something it states, or our proposal."""

Severity = Literal["error", "warning"]

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
"""Lower-case name of a table, field, visit, codelist or quantity."""

RuleCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,5}-[0-9]{3}$")]
"""Stable public code of a rule, for instance ``OGTT-004``."""

FactId = Annotated[str, StringConstraints(pattern=r"^C[0-9]{3}$")]
"""Id of the consistency check a rule comes from."""

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]

Sql = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
"""SQL text with three-valued logic; a NULL result means *not assessed*."""


class Definition(BaseModel):
    """A frozen, strict record of the schema: unknown keys and silent type changes are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)
