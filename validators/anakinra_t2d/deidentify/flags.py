"""Flags of results that are no number: the keys of their records are made anew from the changed parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import polars as pl

Parts = Mapping[str, Callable[[pl.DataFrame], pl.Series]]

_TABLE, _KEY, _FIELD = "table", "record_key", "field"


def released_flags(
    flags: pl.DataFrame, parts_of: Callable[[str], Parts | None], keeps: Callable[[str, str], bool]
) -> tuple[pl.DataFrame, int]:
    """The flags with the keys of the released records, and how many had to be left out.

    Args:
        flags: the side table; ``record_key`` reads ``subject_id=DK01-001|visit=baseline``.
        parts_of: for the name of a table, how each part of its key changes; None when its records are not released.
        keeps: whether a field of a table is released as it is.
    """
    released = []
    for (table, name), group in sorted(flags.drop_nulls([_TABLE, _KEY, _FIELD]).group_by(_TABLE, _FIELD)):
        parts = parts_of(str(table)) if keeps(str(table), str(name)) else None
        if parts:
            released.append(_with_new_keys(group, parts))
    result = pl.concat([flags.clear(), *released]).sort(_TABLE, _KEY, _FIELD, maintain_order=True)
    return result, flags.height - result.height


def _with_new_keys(flags: pl.DataFrame, parts: Parts) -> pl.DataFrame:
    pattern = r"\|".join(f"{re.escape(name)}=(?<{name}>.*)" for name in parts)
    read = flags.select(pl.col(_KEY).str.extract_groups(f"(?s)^{pattern}$").alias("parts")).unnest("parts")
    changed = pl.DataFrame([change(read).cast(pl.String).alias(name) for name, change in parts.items()])
    text = [pl.lit(f"{'|' if place else ''}{name}=") + pl.col(name) for place, name in enumerate(parts)]
    keys = changed.select(pl.concat_str(text, ignore_nulls=False).alias(_KEY))[_KEY]
    return flags.with_columns(keys).drop_nulls(_KEY)
