"""Parameters and endpoints made in DuckDB, card by card.

Everyone has a number, the place in the order of the subjects. Records are read from tables that know these numbers, and
their results are put to the places of the patients; everything made from results stands beside them in the same order.
So no card is joined, grouped or sorted by patients, as the views must do that any database can run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anakinra_t2d.across.sql import quoted
from anakinra_t2d.derivation.aligned_columns import Scattered, Shelf, nothing, numbers, with_words
from anakinra_t2d.derivation.prepared_tables import PreparedTables
from anakinra_t2d.endpoint_views.endpoints import aligned_endpoint_query, aligned_inputs, event_query
from anakinra_t2d.endpoint_views.parameters import (
    ALIGNED,
    SUBJECTS,
    WITHOUT_RECORD,
    aligned_formula_inputs,
    aligned_formula_query,
    records_query,
)
from anakinra_t2d.endpoint_views.samples import SUBJECT
from anakinra_t2d.endpoint_views.text import case_of
from anakinra_t2d.endpoint_views.views import ARMS, population_query, relation_of
from anakinra_t2d.schema.endpoints import EventCard, FormulaCard
from anakinra_t2d.schema.readings import affected, with_readings

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from anakinra_t2d.endpoint_views.samples import FromTable, WrongUnits
    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.schema.endpoints import Endpoint, Endpoints, Parameter

    Made = Mapping[str, pa.Table]
    """Value, state and reason of a card at each visit; an endpoint has one visit without a name."""
    Columns = Mapping[str, pa.Array | pa.ChunkedArray]

AT_ONCE = 250_000
"""Rows of one query over aligned columns, and of one batch of results."""

IN_MEMORY_BELOW = 5_000
"""Patients up to which everything stays in memory, because files take longer."""

PARAMETER = ("value", "state", "reason")


class Relations:
    """Cards under some readings, and the results of each."""

    def __init__(self, cards: Endpoints, reading: str | None, changed: set[str], names: Mapping[str, str]) -> None:
        self.cards = cards
        self.reading = reading
        self.changed = changed
        self._names = names

    def __getitem__(self, id: str) -> str:
        return self._names[id]


class Workspace:
    """Makes the cards over the relations of ``con``; files go to ``folder``."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        definitions: Definitions,
        folder: Path,
        wrong_units: WrongUnits,
        tell: Callable[[str], None],
    ) -> None:
        self.con = con
        self.definitions = definitions
        self.wrong_units = wrong_units
        self.tell = tell
        cards = definitions.endpoints
        con.execute(f"""
            CREATE TABLE {SUBJECTS} AS
            SELECT subject_id, CAST(ROW_NUMBER() OVER (ORDER BY subject_id) - 1 AS INTEGER) AS {SUBJECT}
            FROM (SELECT DISTINCT subject_id FROM ({cards.subjects}) AS everyone) AS subjects ORDER BY subject_id""")
        con.execute(f"CREATE TABLE {ARMS} AS {cards.arms}")
        names = con.sql(f"SELECT subject_id FROM {SUBJECTS} ORDER BY {SUBJECT}").to_arrow_table()
        self.subjects: pa.Array = names["subject_id"].combine_chunks()
        kept = folder if len(self.subjects) > IN_MEMORY_BELOW else None
        self._tables = PreparedTables(con, definitions, kept)
        self._shelf = Shelf(kept)
        self._members = {name: self._population(one.members) for name, one in cards.populations.items()}

    def make(self, readings: Mapping[str, str], made: Callable[[Parameter | Endpoint, Made], None]) -> Relations:
        """All parameters and endpoints under these readings; ``made`` is called with each of them in their order.

        Raises:
            ReadingError: a reading or choice does not exist.
        """
        cards = with_readings(self.definitions, readings)
        names = {card.id: relation_of(cards, card.id) for card in [*cards.parameters, *cards.endpoints]}
        for card, result in self._make(cards, names, set(names)):
            made(card, result)
        return Relations(cards, None, {*names, *cards.populations}, names)

    def vary(self, usual: Relations, readings: Mapping[str, str], reading: str, choice: str) -> Relations:
        """The same with another choice of one reading; only what it can change is made anew."""
        cards = with_readings(self.definitions, {**readings, reading: choice})
        changed = affected(cards, reading)
        names = {}
        for card in [*cards.parameters, *cards.endpoints]:
            suffix = f"_{reading.lower()}_{choice}" if card.id in changed else ""
            names[card.id] = usual[card.id] + suffix
        for _ in self._make(cards, names, changed):
            pass
        return Relations(cards, f"{reading}={choice}", changed, names)

    def numbers(self, relations: Relations, id: str, visit: str = "", column: str = "value") -> Any:
        """A column of a card at a visit for everyone, not a number where it is empty."""
        return numbers(self._column(relations, id, visit, column))

    def states(self, relations: Relations, endpoint: str) -> Any:
        """The state of everyone's endpoint."""
        return self._column(relations, endpoint, "", "state").to_numpy()

    def members(self, population: str) -> Any:
        """Who is known to be in a population, as truth values."""
        return numbers(self._members[population]) == 1

    def arms(self, arms: list[str]) -> Any:
        """The place of everyone's arm in ``arms``, as many as there are when it is none of them, -1 without an arm."""
        place = case_of("a.arm", {arm: place for place, arm in enumerate(arms)})
        found = np.full(len(self.subjects), -1, np.int8)
        rows = self.con.execute(f"""
            SELECT s.{SUBJECT} AS subject, CAST(COALESCE({place}, {len(arms)}) AS TINYINT) AS place
            FROM {SUBJECTS} AS s JOIN {ARMS} AS a ON a.subject_id = s.subject_id""").fetchnumpy()
        found[rows["subject"]] = rows["place"]
        return found

    def _column(self, relations: Relations, id: str, visit: str, column: str) -> pa.ChunkedArray:
        return self._shelf.get(f"{relations[id]}.{visit}", [column])[column]

    def _make(
        self, cards: Endpoints, names: Mapping[str, str], wanted: Collection[str]
    ) -> Iterator[tuple[Parameter | Endpoint, Made]]:
        for card in cards.parameters:
            if card.id in wanted:
                self.tell(card.label)
                made = self._formula(card, cards, names) if isinstance(card, FormulaCard) else self._from_records(card)
                yield card, self._kept(names[card.id], made)
        for endpoint in cards.endpoints:
            if endpoint.id in wanted:
                self.tell(endpoint.label)
                yield endpoint, self._kept(names[endpoint.id], {"": self._endpoint(endpoint, cards, names)})

    def _kept(self, name: str, made: Made) -> Made:
        for visit, table in made.items():
            self._shelf.put(f"{name}.{visit}", table)
        return made

    def _from_records(self, card: FromTable) -> Made:
        patients, visits = len(self.subjects), list(card.visits)
        starts = case_of("visit", {visit: place * patients for place, visit in enumerate(visits)})
        query = records_query(card, self.definitions, self.wrong_units, self._tables.prepared)
        found = Scattered(patients * len(visits), WITHOUT_RECORD)
        rows = f"SELECT CAST(subject_id + {starts} AS BIGINT) AS place, value, state, reason FROM ({query}) AS found"
        for batch in self.con.sql(rows).to_arrow_reader(AT_ONCE):
            found.put(batch)
        return {visit: found.table(place * patients, (place + 1) * patients) for place, visit in enumerate(visits)}

    def _formula(self, card: FormulaCard, cards: Endpoints, names: Mapping[str, str]) -> Made:
        patients = len(self.subjects)
        beside = [self._beside(aligned_formula_inputs(card, visit), cards, names) for visit in card.visits]
        result = self._over(aligned_formula_query(card), [_table(columns) for columns in beside])
        return {visit: result.slice(place * patients, patients) for place, visit in enumerate(card.visits)}

    def _endpoint(self, card: Endpoint, cards: Endpoints, names: Mapping[str, str]) -> pa.Table:
        columns = {"p_member": self._members[card.population], **self._beside(aligned_inputs(card), cards, names)}
        if isinstance(card, EventCard):
            columns |= self._event(card)
        return self._over(aligned_endpoint_query(card), [_table(columns)])

    def _event(self, card: EventCard) -> Columns:
        import pyarrow as pa

        (records,) = self.con.execute(f"SELECT COUNT(*) FROM {quoted(card.table)}").fetchall()[0]
        who = self.con.execute(f"""
            SELECT s.{SUBJECT} AS subject FROM {SUBJECTS} AS s
            JOIN ({event_query(card)}) AS e ON e.subject_id = s.subject_id""").fetchnumpy()["subject"]
        found = np.zeros(len(self.subjects), bool)
        found[who] = True
        return {"n_records": pa.array(np.full(len(found), records)), "e_subject_id": pa.array(found, mask=~found)}

    def _beside(self, inputs: Mapping[str, tuple[str, str]], cards: Endpoints, names: Mapping[str, str]) -> Columns:
        """Value, state and reason of each input, under its alias."""
        columns: dict[str, pa.ChunkedArray] = {}
        for alias, (id, visit) in inputs.items():
            if visit in cards.parameter(id).visits:
                table = self._shelf.get(f"{names[id]}.{visit}", PARAMETER)
            else:
                table = nothing(len(self.subjects))
            columns |= {f"{alias}_{name}": table[name] for name in PARAMETER}
        return columns

    def _over(self, query: str, tables: Sequence[pa.Table]) -> pa.Table:
        """The rows that ``query`` makes of the relation ``aligned``, which stands for these tables below each other."""
        import pyarrow as pa

        given, parts = pa.concat_tables(tables), []
        for start in range(0, max(1, given.num_rows), AT_ONCE):
            self.con.register(ALIGNED, given.slice(start, AT_ONCE))
            parts.append(self.con.sql(query).to_arrow_table())
        self.con.unregister(ALIGNED)
        return with_words(pa.concat_tables(parts))

    def _population(self, members: str) -> pa.Array:
        """1, 0 or nothing for everyone; nothing too where several records of a patient do not agree."""
        import pyarrow as pa

        rows = self.con.execute(f"""
            SELECT s.{SUBJECT} AS subject,
                CASE WHEN MIN(p.member) = MAX(p.member) THEN MIN(p.member) ELSE -1 END AS member
            FROM ({population_query(members)}) AS p JOIN {SUBJECTS} AS s ON s.subject_id = p.subject_id
            GROUP BY s.{SUBJECT}""").fetchnumpy()
        found = np.full(len(self.subjects), -1, np.int8)
        found[rows["subject"]] = rows["member"]
        return pa.array(found, mask=found < 0)


def _table(columns: Columns) -> pa.Table:
    import pyarrow as pa

    return pa.table(dict(columns))
