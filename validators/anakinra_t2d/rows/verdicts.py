"""Evaluates the row checks of a table on typed batches with polars, all checks of a batch in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from anakinra_t2d.rows.checks import RowCheck


@dataclass
class CheckCount:
    """How many records a check passed, failed, or could not be assessed on."""

    passed: int = 0
    failed: int = 0
    not_assessed: int = 0

    def add(self, passed: int, failed: int, not_assessed: int) -> None:
        """Add the counts of one batch or one rule."""
        self.passed += passed
        self.failed += failed
        self.not_assessed += not_assessed


@dataclass(frozen=True)
class Verdicts:
    """Verdicts of a batch: one boolean column per check, named by its position; NULL is not assessed."""

    frame: pl.DataFrame
    checks: tuple[RowCheck, ...]

    def failing(self, check: int) -> pl.Series:
        """Positions of the rows that break the check."""
        return (~self.frame[str(check)]).arg_true()

    def count(self, check: int) -> CheckCount:
        """Counts of the check."""
        column = self.frame[str(check)]
        unknown, passed = column.null_count(), int(column.sum() or 0)
        return CheckCount(passed, column.len() - unknown - passed, unknown)


def fused(checks: Sequence[RowCheck]) -> pl.Expr:
    """One boolean expression: false where any error-level check of a row fails."""
    parts = [pl.sql_expr(check.sql).fill_null(True) for check in checks if check.is_error]
    return pl.all_horizontal(parts) if parts else pl.lit(True)


class RowChecker:
    """The compiled checks of one table."""

    def __init__(self, checks: Sequence[RowCheck]) -> None:
        self.checks = tuple(checks)
        self._expressions = [pl.sql_expr(check.sql).alias(str(i)) for i, check in enumerate(checks)]

    def __call__(self, frame: pl.DataFrame) -> Verdicts:
        """Evaluate every check on a typed frame."""
        if not self._expressions:
            return Verdicts(pl.DataFrame(height=frame.height), ())
        return Verdicts(frame.select(self._expressions), self.checks)
