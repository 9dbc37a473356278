"""Everybody in the tables: pseudonym, study day 1, shift of dates, and what an acquaintance can know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from anakinra_t2d.deidentify.keys import ReleaseKey
from anakinra_t2d.reading import InputError
from anakinra_t2d.schema.deidentification import split
from anakinra_t2d.schema.deidentification_references import person_field

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions

PERSON, DAY_ONE, SHIFT, START = "person ", "day one ", "shift ", "start "
"""Columns of the people; the space keeps them apart from fields."""

Frames = Mapping[str, pl.DataFrame]


def everybody(frames: Frames, found: Definitions, key: ReleaseKey) -> pl.DataFrame:
    """A row for each person whom any table names.

    Columns: ``PERSON`` the subject number; ``DAY_ONE`` the date of study day 1, NULL where no field gives one;
    ``START`` the field it comes from; ``SHIFT`` the days by which dates move on; and the quasi-identifiers of the
    tables, named ``table.field``.

    Raises:
        InputError: the table of people is not there, or names somebody twice.
    """
    rules = found.deidentification
    table, field = split(rules.person)
    if table not in frames or field not in frames[table].columns:
        raise InputError(f"The data have no table {table} with {field}; without it nobody can be told from another.")
    listed = frames[table][field].drop_nulls()
    if listed.n_unique() < listed.len():
        raise InputError(f"The table {table} names a person twice; convert the submission again and mend its keys.")
    named = [
        frame[column].cast(pl.String).alias(PERSON)
        for name, frame in frames.items()
        if name in found.tables and (column := person_field(found, name)) and column in frame.columns
    ]
    people = pl.DataFrame(pl.concat(named).drop_nulls().unique().sort())
    low, high = rules.shift.days
    shift = [key.days(person, low, high) for person in people[PERSON]]
    people = people.with_columns(pl.Series(SHIFT, shift, pl.Int64))
    return _with_known(_with_day_one(people, frames, found), frames, found)


def _with_day_one(people: pl.DataFrame, frames: Frames, found: Definitions) -> pl.DataFrame:
    wanted = found.deidentification.day_one.fields
    there = [name for name in wanted if _has(frames, found, name)]
    for name in there:
        table, field = split(name)
        first = _by_person(frames[table], found, table).group_by(PERSON).agg(pl.col(field).min().alias(name))
        people = people.join(first, on=PERSON, how="left", maintain_order="left")
    dates: list[pl.Expr] = [pl.col(name).cast(pl.Date) for name in there]
    names: list[pl.Expr] = [pl.when(pl.col(name).is_not_null()).then(pl.lit(name)) for name in there]
    day = pl.coalesce([*dates, pl.lit(None, pl.Date)])
    start = pl.coalesce([*names, pl.lit(None, pl.String)])
    return people.with_columns(day.alias(DAY_ONE), start.alias(START)).drop(there)


def _with_known(people: pl.DataFrame, frames: Frames, found: Definitions) -> pl.DataFrame:
    for one in found.deidentification.quasi_identifiers:
        if _has(frames, found, one.field):
            table, field = split(one.field)
            values = _by_person(frames[table], found, table).select(PERSON, pl.col(field).alias(one.field))
            people = people.join(values, on=PERSON, how="left", maintain_order="left")
    return people


def measured(people: pl.DataFrame, frames: Frames, found: Definitions) -> pl.DataFrame:
    """What somebody may know of each person beside the quasi-identifiers, in the stated widths.

    Columns: ``PERSON`` and the measured fields that the tables have, named ``table.field``. The first record with a
    value counts.
    """
    result = people.select(PERSON)
    for one in found.deidentification.measured:
        if not _has(frames, found, one.field):
            continue
        table, field = split(one.field)
        rounded = pl.col(field) if one.width is None else (pl.col(field) / one.width).floor() * one.width
        frame = _by_person(frames[table], found, table).filter(pl.col(field).is_not_null())
        order = [part for part in found.tables[table].key if part in frame.columns]
        first = frame.sort(order).group_by(PERSON, maintain_order=True).agg(rounded.first().alias(one.field))
        result = result.join(first, on=PERSON, how="left", maintain_order="left")
    return result


def _has(frames: Frames, found: Definitions, name: str) -> bool:
    table, field = split(name)
    person = person_field(found, table) if table in found.tables else None
    return table in frames and field in frames[table].columns and person in frames[table].columns


def _by_person(frame: pl.DataFrame, found: Definitions, table: str) -> pl.DataFrame:
    person = person_field(found, table)
    assert person is not None
    return frame.with_columns(pl.col(person).cast(pl.String).alias(PERSON))
