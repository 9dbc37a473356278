"""How complete the planned values are, by table and visit.

A planned value is one that the definitions ask for: a field that is always required or planned at the visit, and one
whose condition holds in a record. Where the schedule plans a table at a visit for everybody, every expected patient
counts, whether or not a record was sent; elsewhere only the records that were sent do. A value is there when its cell
is filled, and explained when a flag says why it is not. A blinded report counts nothing that follows from the arm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anakinra_t2d.report.html.places import places, planned_times, visit_words

if TYPE_CHECKING:
    import polars as pl

    from anakinra_t2d.report.html.disclosure import Disclosure
    from anakinra_t2d.report.html.people import Expected
    from anakinra_t2d.report.html.places import Places
    from anakinra_t2d.report.html.submission import Submission
    from anakinra_t2d.schema import Definitions, Field, Table

ANY_TIME = ""
"""The column of tables that have no visit."""
_LEVELS = (1.0, 0.98, 0.95, 0.9, 0.75)
"""A cell has the first level whose share of planned values it reaches."""


@dataclass(frozen=True)
class Count:
    """Values of one field in one place of the schedule."""

    field: str
    planned: int
    present: int
    explained: int


@dataclass(frozen=True)
class Cell:
    """Values of a table at a visit; ``everybody``: all expected patients count, not only the records that were sent."""

    table: str
    visit: str
    everybody: bool
    fields: tuple[Count, ...]

    @property
    def planned(self) -> int:
        """Planned values."""
        return sum(one.planned for one in self.fields)

    @property
    def present(self) -> int:
        """Planned values that are there."""
        return sum(one.present for one in self.fields)

    @property
    def explained(self) -> int:
        """Planned values that are not there, with a flag that says why."""
        return sum(one.explained for one in self.fields)

    @property
    def missing(self) -> int:
        """Planned values that are neither there nor explained."""
        return self.planned - self.present - self.explained

    @property
    def level(self) -> int:
        """0 where everything is there or explained, up to 5 where less than three quarters are."""
        share = (self.present + self.explained) / self.planned
        return next((level for level, least in enumerate(_LEVELS) if share >= least), len(_LEVELS))


def cells(submission: Submission, disclosure: Disclosure, expected: Expected) -> list[Cell]:
    """The cells that have planned values, by table and visit."""
    definitions = submission.definitions
    flags = _flags(submission)
    found = []
    for name in definitions.trial.tables:
        table = definitions.tables[name]
        frame = submission.table(name)
        if table.role == "data" and frame is not None and disclosure.table(table):
            fields = [field for field in table.fields.values() if disclosure.counts(table, field)]
            reader = _Reader(table, fields, frame, definitions, expected, flags)
            found += [cell for cell in reader.cells() if cell.planned]
    return found


def _flags(submission: Submission) -> pl.DataFrame | None:
    """Flagged values: table, record key and field."""
    table = next(table for table in submission.definitions.tables.values() if table.role == "flags")
    frame = submission.table(table.name)
    if frame is None:
        return None
    import polars as pl

    return frame.select(pl.col(name).cast(pl.String) for name in table.key)


class _Reader:
    def __init__(
        self,
        table: Table,
        fields: Sequence[Field],
        frame: pl.DataFrame,
        definitions: Definitions,
        expected: Expected,
        flags: pl.DataFrame | None,
    ) -> None:
        self.table = table
        self.fields = fields
        self.frame = frame
        self.definitions = definitions
        self.expected = expected
        self.places: Places = places(table, definitions)
        self.flagged: Mapping[str, set[str]] = {}
        if flags is not None:
            name, key, field = flags.columns
            own = flags.filter(flags[name] == table.name)
            self.flagged = {str(part): set(group[key]) for (part,), group in own.group_by(field)}

    def cells(self) -> Iterator[Cell]:
        """A cell for each visit of the table; one for all when its records have no visit."""
        import polars as pl

        schedule = [one for one in self.definitions.trial.schedule if one.table == self.table.name and not one.daily]
        planned = [one for one in schedule if one.required == "yes"]
        weeks = [one.week for one in planned if one.week is not None]
        if self.places.visit is None:
            # what the schedule has at one visit belongs there, though its records do not say so
            named = {one.visit for one in schedule if one.visit}
            only = named.pop() if len(named) == 1 else ANY_TIME
            yield self.cell(self.frame, only, weeks, everybody=bool(only or weeks))
            return
        visits = {one.visit for one in planned}
        terms = self.definitions.terms(self.table.fields[self.places.visit]) or []
        for id in visit_words(self.definitions):
            if id in terms:
                at_visit = self.frame.filter(pl.col(self.places.visit) == id)
                yield self.cell(at_visit, id, [], everybody=id in visits)

    def cell(self, frame: pl.DataFrame, visit: str, times: list[int], *, everybody: bool) -> Cell:
        """Count the fields that are asked for; ``times`` are those of the schedule where it names them."""
        known = next((one for one in self.definitions.trial.visits if one.id == visit), None)
        subject = self.places.subject
        people = self.expected.at(known) if everybody and subject is not None else frozenset()
        if people:
            frame = frame.filter(frame[subject].is_in(list(people)))  # type: ignore[index]
        counts = [
            self.count(frame, field, times, len(people) or None)
            for field in self.fields
            if field.name not in self.table.key and self.asked(field, visit)
        ]
        return Cell(self.table.name, visit, bool(people), tuple(counts))

    @staticmethod
    def asked(field: Field, visit: str) -> bool:
        """Whether the definitions ask for the field at the visit, of everybody or where its condition holds."""
        if field.required == "planned":
            within = field.planned.visits or field.visits
            return visit in within or not within
        return field.required in ("always", "conditional")

    def count(self, frame: pl.DataFrame, field: Field, times: list[int], people: int | None) -> Count:
        """Count one field; ``people`` is None where only the records that were sent count."""
        import polars as pl

        condition = field.required_when if field.required == "conditional" else field.planned.when
        records = frame
        unasked = 0
        time = self.places.time
        if time is not None:
            own = planned_times(field) if field.required == "planned" else []
            times = times or own or planned_times(self.table.fields[time])
            records = records.filter(pl.col(time).is_in(times))
        if condition:
            asked = records.filter(pl.sql_expr(condition))
            unasked = records.height - asked.height
            records = asked
        # a repeat of a visit gives another chance to fill the value, not another planned value
        places = [name for name in (self.places.subject, self.places.visit, time, *self.places.others) if name]
        filled = records.filter(pl.col(field.name).is_not_null())
        empty = records.filter(pl.col(field.name).is_null())
        if people is None or field.required == "conditional":
            present, planned = filled.height, records.height
        else:
            present = filled.select(places).n_unique() if filled.height else 0
            each = max(len(times), 1) if time is not None else 1
            for other in self.places.others:
                each *= len(self.definitions.terms(self.table.fields[other]) or [other])
            planned = max(people * each - unasked, present)
        explained = min(self._explained(empty, field.name), planned - present)
        return Count(field.name, planned, present, explained)

    def _explained(self, empty: pl.DataFrame, field: str) -> int:
        keys = self.flagged.get(field)
        if not keys or not empty.height:
            return 0
        rows = empty.select(self.table.key).iter_rows()
        return sum(
            "|".join(f"{name}={value}" for name, value in zip(self.table.key, row, strict=True)) in keys for row in rows
        )
