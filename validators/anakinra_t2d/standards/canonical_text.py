"""Typed values as the texts of a canonical file."""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from anakinra_t2d.schema import Field


def canonical_text(values: pl.Series, of: Field) -> pl.Series:
    """Typed values as a canonical CSV file writes them; numbers with all their digits."""
    if of.type == "number":
        return number_text(values)
    if of.type == "datetime":
        whole = values.dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
        return whole.str.replace(r"(T\d\d:\d\d):00$", "${1}")
    return values.cast(pl.String)


def number_text(values: pl.Series) -> pl.Series:
    """The shortest decimal texts of numbers, without exponent: 5, 0.3."""
    texts = values.cast(pl.Float64).cast(pl.String).str.strip_suffix(".0")
    distinct = texts.drop_nulls().unique()
    if (odd := distinct.filter(distinct.str.contains("[eE]"))).len():
        texts = texts.replace({text: format(Decimal(text), "f") for text in odd})
    return texts
