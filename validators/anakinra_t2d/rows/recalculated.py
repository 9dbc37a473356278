"""The number that a row rule expects, calculated from the other fields of the row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from anakinra_t2d.schema.rules import RowRule

if TYPE_CHECKING:
    from anakinra_t2d.schema import Rule


def recalculated(rule: Rule, values: Mapping[str, Any]) -> dict[str, str]:
    """``{"ours": text}`` when the rule says how to calculate it, else nothing.

    ``values`` are those of the row that the rule reads. A number that cannot be calculated is the word unknown.
    """
    if not isinstance(rule, RowRule) or rule.ours is None:
        return {}
    import polars as pl

    numbers = {name: value for name, value in values.items() if isinstance(value, int | float)}
    try:
        found = pl.DataFrame({name: [float(value)] for name, value in numbers.items()}).select(
            pl.sql_expr(rule.ours.value).alias("ours")
        )["ours"][0]
    except pl.exceptions.PolarsError:
        found = None
    return {"ours": "unknown" if found is None or found != found else f"{found:.{rule.ours.decimals}f}"}
