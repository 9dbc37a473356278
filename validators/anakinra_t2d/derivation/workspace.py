"""Parameters and endpoints made in DuckDB; those of many patients go to files, so that memory does not grow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from anakinra_t2d.across.sql import as_literal, quoted
from anakinra_t2d.endpoint_views.endpoints import endpoint_query
from anakinra_t2d.endpoint_views.parameters import SUBJECTS, parameter_query
from anakinra_t2d.endpoint_views.text import case_of
from anakinra_t2d.endpoint_views.views import ARMS, population_query, relation_of
from anakinra_t2d.schema.readings import affected, with_readings

if TYPE_CHECKING:
    import duckdb

    from anakinra_t2d.endpoint_views.samples import WrongUnits
    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.schema.endpoints import Endpoints, Parameter

ROW_GROUP = 250_000
IN_MEMORY_BELOW = 5_000
"""Patients up to which everything stays in memory, which takes half the time of files."""


class Relations:
    """Cards under some readings, and the relation in which each of their results stands."""

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
        self.folder = folder
        self.wrong_units = wrong_units
        self.tell = tell
        cards = definitions.endpoints
        self._table(SUBJECTS, f"SELECT DISTINCT subject_id FROM ({cards.subjects}) AS everyone ORDER BY subject_id")
        (patients,) = con.execute(f"SELECT COUNT(*) FROM {SUBJECTS}").fetchall()[0]
        self._is_small = patients <= IN_MEMORY_BELOW
        self._table(ARMS, cards.arms)
        self._populations = {name: relation_of(cards, name) for name in cards.populations}
        for name, population in cards.populations.items():
            self._table(self._populations[name], population_query(population.members))

    def make(self, readings: Mapping[str, str]) -> Relations:
        """All parameters and endpoints under these readings.

        Raises:
            ReadingError: a reading or choice does not exist.
        """
        cards = with_readings(self.definitions, readings)
        names = dict(self._populations)
        for card in [*cards.parameters, *cards.endpoints]:
            names[card.id] = relation_of(cards, card.id)
        self._make(cards, names, {card.id for card in [*cards.parameters, *cards.endpoints]})
        return Relations(cards, None, set(names), names)

    def vary(self, usual: Relations, readings: Mapping[str, str], reading: str, choice: str) -> Relations:
        """The same with another choice of one reading; only what it can change is made anew."""
        cards = with_readings(self.definitions, {**readings, reading: choice})
        changed = affected(cards, reading)
        names = {id: usual[id] for id in self._populations}
        for card in [*cards.parameters, *cards.endpoints]:
            suffix = f"_{reading.lower()}_{choice}" if card.id in changed else ""
            names[card.id] = usual[card.id] + suffix
        self._make(cards, names, changed)
        return Relations(cards, f"{reading}={choice}", changed, names)

    def _make(self, cards: Endpoints, names: Mapping[str, str], wanted: Iterable[str]) -> None:
        for card in cards.parameters:
            if card.id in wanted:
                self.tell(card.label)
                query = parameter_query(card, self.definitions, names.__getitem__, self.wrong_units)
                self._keep(names[card.id], f"SELECT * FROM ({query}) AS made ORDER BY subject_id, {_visit_order(card)}")
        for endpoint in cards.endpoints:
            if endpoint.id in wanted:
                self.tell(endpoint.label)
                query = endpoint_query(endpoint, names.__getitem__)
                self._keep(names[endpoint.id], f"SELECT * FROM ({query}) AS made ORDER BY subject_id")

    def _table(self, name: str, query: str) -> None:
        self.con.execute(f"CREATE TABLE {quoted(name)} AS {query}")

    def _keep(self, name: str, query: str) -> None:
        if self._is_small:
            self._table(name, query)
            return
        path = as_literal(str(self.folder / f"{name}.parquet"))
        self.con.execute(f"COPY ({query}) TO {path} (FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE {ROW_GROUP})")
        self.con.execute(f"CREATE VIEW {quoted(name)} AS SELECT * FROM read_parquet({path})")


def _visit_order(card: Parameter) -> str:
    return case_of("visit", {visit: place for place, visit in enumerate(card.visits)})
