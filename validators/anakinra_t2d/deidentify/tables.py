"""One table after the other as it is released: pseudonyms, days, coarser values, and nothing that was withheld."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from anakinra_t2d.deidentify import rare
from anakinra_t2d.deidentify.flags import released_flags
from anakinra_t2d.deidentify.people import DAY_ONE, PERSON, SHIFT
from anakinra_t2d.schema.deidentification import split
from anakinra_t2d.schema.deidentification_references import identifier_fields, person_field

if TYPE_CHECKING:
    from anakinra_t2d.deidentify.classes import Coarsened
    from anakinra_t2d.deidentify.keys import ReleaseKey
    from anakinra_t2d.deidentify.rare import Rare
    from anakinra_t2d.deidentify.released_fields import Dates
    from anakinra_t2d.schema import Definitions, Table

_DATES = ("date", "datetime")


@dataclass
class Done:
    """What happened to cells and records: dates given as the earliest day, dates and records that had to go."""

    dates_floored: int = 0
    dates_without_day_one: int = 0
    records_without_key: int = 0
    flags_left_out: int = 0
    rare: list[Rare] = field(default_factory=list)
    emptied: set[str] = field(default_factory=set)


class Treatment:
    """Changes tables by one key.

    Args:
        found: the definitions of the tables as they are.
        key: the key of the release.
        people: everybody, from :func:`anakinra_t2d.deidentify.people.everybody`.
        coarsened: what became of the quasi-identifiers.
        dates: study days, or dates moved on.
        threshold: the smallest number of people that a code may have.
    """

    def __init__(
        self,
        found: Definitions,
        key: ReleaseKey,
        people: pl.DataFrame,
        coarsened: Coarsened,
        dates: Dates,
        threshold: int,
    ) -> None:
        self.found = found
        self.key = key
        self.rules = found.deidentification
        self.coarsened = coarsened
        self.dates = dates
        self.threshold = threshold
        self.done = Done()
        self.identifiers = identifier_fields(found)
        self.withheld = {name for group in self.rules.withheld for name in group.fields} | coarsened.withheld
        known = [name for name in coarsened.people.columns if "." in name]
        self.people = people.select(PERSON, DAY_ONE, SHIFT).with_columns(
            coarsened.people[name].alias(_released(name)) for name in known
        )
        self.known = set(known)

    def table(self, table: Table, frame: pl.DataFrame) -> pl.DataFrame:
        """The released records of a table, ordered by pseudonyms and then by the rest of the key."""
        if table.role == "flags":
            released, lost = released_flags(frame, self._key_part, self._keeps)
            self.done.flags_left_out += lost
            return released.drop([name for name in released.columns if f"{table.name}.{name}" in self.withheld])
        person = person_field(self.found, table.name)
        if person is not None and person in frame.columns:
            frame = frame.with_columns(pl.col(person).alias(PERSON))
            frame = frame.join(self.people, on=PERSON, how="left", maintain_order="left")
            frame = self._rare(table, frame)
            frame = self._known(table, frame)
        frame = self._dates(table, frame)
        frame = frame.drop([name for name in frame.columns if f"{table.name}.{name}" in self.withheld])
        named = [name for name in table.fields if f"{table.name}.{name}" in self.identifiers and name in frame.columns]
        frame = frame.with_columns(self._pseudonyms(frame[name], f"{table.name}.{name}") for name in named)
        complete = frame.drop_nulls([name for name in table.key if name in frame.columns])
        self.done.records_without_key += frame.height - complete.height
        order = [*(name for name in table.key if name in named), *(name for name in table.key if name not in named)]
        return complete.select([name for name in table.fields if name in frame.columns]).sort(
            [name for name in order if name in complete.columns], nulls_last=True, maintain_order=True
        )

    def _rare(self, table: Table, frame: pl.DataFrame) -> pl.DataFrame:
        for rule in self.rules.rare:
            if split(rule.field)[0] == table.name and split(rule.field)[1] in frame.columns:
                frame, result = rare.apply(rule, frame, self.found, self.threshold)
                self.done.rare.append(result)
                if result.withheld:
                    self.withheld.add(rule.field)
                elif result.codes:
                    self.done.emptied.update([rule.field] if rule.into is None else [], rule.also_empty)
        return frame

    def _known(self, table: Table, frame: pl.DataFrame) -> pl.DataFrame:
        changed = self.coarsened.touched | set(self.coarsened.emptied)
        for one in self.rules.quasi_identifiers:
            own, name = split(one.field)
            if own == table.name and name in frame.columns and one.field in self.known and one.field in changed:
                frame = frame.with_columns(pl.col(_released(one.field)).alias(name))
                if one.field in self.coarsened.emptied:
                    self.done.emptied.add(one.field)
            for told in one.told_by:
                place, field_name = split(told)
                if place != table.name or field_name not in frame.columns:
                    continue
                if one.field in self.coarsened.touched:
                    self.withheld.add(told)
                elif one.field in self.coarsened.emptied:
                    hidden = pl.col(PERSON).is_not_null() & pl.col(_released(one.field)).is_null()
                    frame = frame.with_columns(
                        pl.when(hidden).then(None).otherwise(pl.col(field_name)).alias(field_name)
                    )
                    self.done.emptied.add(told)
        return frame

    def _dates(self, table: Table, frame: pl.DataFrame) -> pl.DataFrame:
        names = [name for name, one in table.fields.items() if one.type in _DATES and name in frame.columns]
        names = [name for name in names if f"{table.name}.{name}" not in self.withheld]
        if PERSON not in frame.columns:
            # without a person there is no study day 1 and no shift
            self.withheld.update(f"{table.name}.{name}" for name in names)
            return frame
        for name in names:
            date = pl.col(name).cast(pl.Date)
            distance = (date - pl.col(DAY_ONE)).dt.total_days()
            self.done.dates_floored += frame.select((distance < self.rules.day_one.earliest_day).sum()).item()
            changed = frame.select(self._date(date, distance).alias(name))[name]
            self.done.dates_without_day_one += int((frame[name].is_not_null() & changed.is_null()).sum())
            frame = frame.with_columns(changed)
        return frame

    def _date(self, date: pl.Expr, distance: pl.Expr) -> pl.Expr:
        earliest = self.rules.day_one.earliest_day
        if self.dates == "study_day":
            # the day of the first dose is 1 and the one before it -1
            return pl.when(distance >= 0).then(distance + 1).otherwise(distance).clip(lower_bound=earliest)
        moved = pl.when(distance < earliest).then(pl.col(DAY_ONE) + pl.duration(days=earliest)).otherwise(date)
        return moved + pl.duration(days=pl.col(SHIFT))

    def _pseudonyms(self, values: pl.Series, name: str) -> pl.Series:
        identifier = self.identifiers[name]
        distinct = values.drop_nulls().unique()
        made = {one: self.key.pseudonym(identifier.field, identifier.prefix, one) for one in distinct}
        return values.replace_strict(made, default=None, return_dtype=pl.String)

    def _keeps(self, table: str, name: str) -> bool:
        full = f"{table}.{name}"
        gone = full in self.withheld or full in self.coarsened.touched or full in self.coarsened.emptied
        return table in self.found.tables and name in self.found.tables[table].fields and not gone

    def _key_part(self, table: str) -> Mapping[str, Callable[[pl.DataFrame], pl.Series]] | None:
        """How each part of the key of a table changes in the text of a key; None for a table that is not released."""
        known = self.found.tables.get(table)
        if known is None or table in {one.table for one in self.rules.left_out}:
            return None
        person = person_field(self.found, table)
        return {name: self._part(known, name, person) for name in known.key}

    def _part(self, table: Table, name: str, person: str | None) -> Callable[[pl.DataFrame], pl.Series]:
        described = table.fields[name]
        full = f"{table.name}.{name}"
        if full in self.identifiers:
            return lambda parts: self._pseudonyms(parts[name], full)
        if described.type in _DATES:
            return lambda parts: self._date_part(parts, name, person)
        if terms := self.found.terms(described):
            return lambda parts: parts[name].set(~parts[name].is_in(terms), None)
        if described.type in ("integer", "number"):
            return lambda parts: parts[name].set(~parts[name].str.contains(r"^-?[0-9]+(\.[0-9]+)?$"), None)
        return lambda parts: pl.Series(name, [None] * parts.height, pl.String)

    def _date_part(self, parts: pl.DataFrame, name: str, person: str | None) -> pl.Series:
        if person is None or person not in parts.columns:
            return pl.Series(name, [None] * parts.height, pl.String)
        joined = parts.with_columns(pl.col(person).alias(PERSON), pl.col(name).str.to_date(strict=False)).join(
            self.people, on=PERSON, how="left", maintain_order="left"
        )
        date = pl.col(name)
        return joined.select(self._date(date, (date - pl.col(DAY_ONE)).dt.total_days()).cast(pl.String).alias(name))[
            name
        ]


def _released(name: str) -> str:
    return f"{name} "
