"""Codes that few people have: pooled, emptied, or withheld with their field."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from anakinra_t2d.deidentify.people import PERSON
from anakinra_t2d.schema.deidentification import split

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.schema.deidentification import RareCodes


@dataclass
class Rare:
    """What a rule on rare codes did. ``codes``, ``people`` and ``records`` count; no code is named.

    ``hidden`` are codes of the field, with ``into``, whose number of people the release no longer tells; among them
    those that nobody has. ``small_cells`` counts codes that few people still have after it.
    """

    rule: RareCodes
    codes: int = 0
    people: int = 0
    records: int = 0
    small_cells: int = 0
    withheld: bool = False
    hidden: set[str] = field(default_factory=set, repr=False)


def apply(rule: RareCodes, frame: pl.DataFrame, found: Definitions, threshold: int) -> tuple[pl.DataFrame, Rare]:
    """The records with rare codes changed as the rule says; ``frame`` has the column ``PERSON``."""
    table, name = split(rule.field)
    code = pl.col(name)
    counts = frame.filter(code.is_not_null()).group_by(name).agg(pl.col(PERSON).n_unique().alias("people"))
    few = set(counts.filter(pl.col("people") < threshold)[name])
    if rule.whole:
        result = Rare(rule, codes=len(few), withheld=bool(few))
        return (frame.drop(name) if few else frame), result
    terms = found.terms(found.tables[table].fields[name]) or []
    frequent = set(counts.filter(pl.col("people") >= threshold)[name])
    pooled = few - {rule.into}
    affected = frame.filter(code.is_in(sorted(pooled)))
    result = Rare(rule, codes=len(pooled), people=affected[PERSON].n_unique(), records=affected.height)
    if pooled:
        result.hidden = (set(terms) | few) - (frequent - {rule.into})
        changed = pl.when(code.is_in(sorted(pooled))).then(pl.lit(rule.into, pl.String)).otherwise(code)
        also = [split(one)[1] for one in rule.also_empty if split(one)[1] in frame.columns]
        # a record that had the common code already must not be told from those that joined it
        joined = (
            code.is_in(sorted(pooled)) if rule.into in frequent else code.is_in(sorted({*pooled, rule.into} - {None}))
        )
        frame = frame.with_columns(
            changed.alias(name),
            *(pl.when(joined).then(None).otherwise(pl.col(one)).alias(one) for one in also),
        )
    left = frame.filter(code.is_not_null()).group_by(name).agg(pl.col(PERSON).n_unique().alias("people"))
    result.small_cells = left.filter(pl.col("people") < threshold).height
    return frame, result
