"""What sites calculated themselves, held against what follows from the measured values.

``recheck_cards`` has the calculations that can be rechecked, ``recheck_fields`` the fields in which sites send them.
``recheck_values`` has our value wherever a site sent one. For values that differ by more than rounding,
``recheck_sources`` says what ours was made from and ``recheck_readings`` what other choices of open readings give.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from anakinra_t2d.across.expand import selected
from anakinra_t2d.across.recheck_queries import effect_query, half, restricted, sources_query, value_query, visits_of
from anakinra_t2d.across.sql import as_literal, quoted
from anakinra_t2d.endpoint_views.parameters import SUBJECTS
from anakinra_t2d.endpoint_views.views import relation_of, views
from anakinra_t2d.schema.endpoints import FormulaCard, LevelCard, MeanOverCard, TwoVisitsCard
from anakinra_t2d.schema.readings import affected, choices, with_readings

if TYPE_CHECKING:
    import duckdb

    from anakinra_t2d.across.recheck_queries import Calculation
    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.schema.endpoints import Endpoints, ParameterCard

CALCULATIONS = "site_calculations"
"""Table of what has no column of its own."""

CALCULATION, VALUE, UNIT = "calculation", "calculated_value", "calculated_unit"
"""Its fields: id of a card, the number, and the unit it is in."""

TOGETHER = 50_000
"""Values that are rechecked by one query: more at once need more memory than rules have."""

PREFIX = "recheck_"
"""Begins the name of every relation made here."""

_COLUMNS = {
    "cards": "calculation VARCHAR, label VARCHAR, unit VARCHAR, decimals INTEGER, half DOUBLE, visits VARCHAR",
    "fields": 'calculation VARCHAR, "table" VARCHAR, field VARCHAR, own_visit VARCHAR, visit VARCHAR',
    "values": "calculation VARCHAR, subject_id VARCHAR, visit VARCHAR, value DOUBLE, state VARCHAR, rounding DOUBLE, "
    "differs BOOLEAN",
    "sources": "calculation VARCHAR, subject_id VARCHAR, visit VARCHAR, made_from VARCHAR",
    "readings": "calculation VARCHAR, subject_id VARCHAR, visit VARCHAR, reading VARCHAR, choice VARCHAR, "
    "value DOUBLE, rounding DOUBLE",
}


@dataclass(frozen=True)
class _Sent:
    """A field in which sites send a calculation; ``visits`` maps the visits of its table to analysis visits."""

    calculation: str
    table: str
    field: str
    decimals: int | None
    visits: Mapping[str, str]


def make_recheck_relations(con: duckdb.DuckDBPyConnection, definitions: Definitions) -> None:
    """Create the ``recheck_`` relations from the tables behind ``con``; empty when no site sent a calculation.

    Only the cards that were sent are calculated, only where they were sent, and for some patients at a time: all
    together they are too much for the memory that rules have. Belonging to a population plays no part, because the
    arithmetic is the same for everyone.
    """
    for name, columns in _COLUMNS.items():
        con.execute(f"CREATE OR REPLACE TABLE {PREFIX}{name} ({columns})")
    fields = [one for one in rechecked_fields(definitions) if _any(con, f"{quoted(one.table)} WHERE {_filled(one)}")]
    named = {id for (id,) in con.execute(f"SELECT DISTINCT {CALCULATION} FROM {CALCULATIONS}").fetchall()}
    if not fields and not named:
        return
    cards = calculations(definitions.endpoints, definitions)
    if named:
        _insert(con, "cards", ((id, *_words(card)) for id, card in cards.items()))
    _insert(
        con,
        "fields",
        ((one.calculation, one.table, one.field, own, visit) for one in fields for own, visit in one.visits.items()),
    )
    recheck = _Recheck(con, definitions)
    for id, card in cards.items():
        sent = [one for one in fields if one.calculation == id]
        if sent or id in named:
            recheck.run(card, sent)


def calculations(cards: Endpoints, definitions: Definitions) -> dict[str, Calculation]:
    """The parameters and endpoints that can be rechecked by id: numbers for a visit, of tables open to everyone."""
    found: dict[str, Calculation] = {card.id: card for card in cards.parameters if visits_of(card)}
    found |= {
        card.id: card
        for card in cards.endpoints
        if isinstance(card, LevelCard | MeanOverCard)
        or (isinstance(card, TwoVisitsCard) and card.operation in ("change", "log_ratio"))
    }
    return {id: card for id, card in found.items() if not restricted(card, cards, definitions)}


def rechecked_fields(definitions: Definitions) -> Iterator[_Sent]:
    """The fields ``sent`` of the cards that a rule rechecks."""
    judged = {
        (table.name, field.name)
        for rule in definitions.across_rules.values()
        if rule.for_each is not None and f"{PREFIX}fields" in rule.records
        for table, fields in selected(rule.for_each, definitions)
        for field in fields
    }
    cards = definitions.endpoints
    for card in cards.parameters:
        for sent in card.sent:
            if (sent.table, sent.field) in judged:
                decimals = definitions.tables[sent.table].fields[sent.field].decimals
                yield _Sent(card.id, sent.table, sent.field, decimals, _own_visits(card, cards, sent.table))


def _own_visits(card: ParameterCard, cards: Endpoints, table: str) -> dict[str, str]:
    """Visits of a table with the analysis visits they stand for, as the cards say that read the table."""
    if isinstance(card, FormulaCard):
        found: dict[str, str] = {}
        for source in card.inputs.values():
            found |= _own_visits(cards.parameter(source.parameter), cards, table)
        return {own: visit for own, visit in found.items() if visit in card.visits}
    read = getattr(card, "input", None)
    if read is None or read.table != table:
        return {}
    return {str(own): visit for visit, own in card.visits.items() if own is not None}


def _words(card: Calculation) -> tuple[object, ...]:
    return card.label, card.unit, card.decimals, half(card.decimals), ", ".join(visits_of(card))


class _Recheck:
    """Calculates cards where sites sent them."""

    def __init__(self, con: duckdb.DuckDBPyConnection, definitions: Definitions) -> None:
        self.con = con
        self.definitions = definitions
        self.others = [(reading, one) for reading, named in choices(definitions).items() for one in list(named)[1:]]
        self.queries: dict[tuple[str, str] | None, tuple[Endpoints, dict[str, str]]] = {}

    @cached_property
    def affected(self) -> dict[str, set[str]]:
        """Ids of the cards that each open reading can change; only needed when something differs."""
        return {reading: affected(self.definitions.endpoints, reading) for reading, _ in self.others}

    def run(self, card: Calculation, sent: list[_Sent]) -> None:
        id, asked = as_literal(card.id), " UNION ALL ".join([*map(_asked_in, sent), _asked_by_name(card)])
        finest = min(half(one) for one in [card.decimals, *(field.decimals for field in sent)])
        for part in self._parts(f"({asked}) AS sent"):
            self.con.execute(f"""
                INSERT INTO {PREFIX}values
                WITH _asked AS (
                    SELECT subject_id, visit, MIN(sent) AS lowest, MAX(sent) AS highest FROM ({asked}) AS sent
                    WHERE {part} GROUP BY subject_id, visit
                ),
                {self._made(card, None)}
                SELECT {id}, v.subject_id, v.visit, v.value, v.state, COALESCE(e.effect, 0),
                    GREATEST(ABS(a.lowest - v.value), ABS(a.highest - v.value)) > {finest} + COALESCE(e.effect, 0)
                FROM _asked AS a
                JOIN _value AS v ON v.subject_id = a.subject_id AND v.visit = a.visit
                LEFT JOIN _effect AS e ON e.subject_id = a.subject_id AND e.visit = a.visit""")
        differing = f"{PREFIX}values WHERE calculation = {id} AND differs"
        cards, _ = self._views(None)
        for part in self._parts(differing):
            with_asked = f"WITH _asked AS (SELECT subject_id, visit, value FROM {differing} AND {part})"
            self.con.execute(f"""
                INSERT INTO {PREFIX}sources
                {with_asked}, {self._made(card, None, sources=sources_query(card, cards, self.definitions))}
                SELECT {id}, s.subject_id, s.visit, s.made_from
                FROM _sources AS s JOIN _asked AS a ON a.subject_id = s.subject_id AND a.visit = s.visit""")
            for reading, choice in self.others:
                if card.id in self.affected[reading]:
                    self._under(card, (reading, choice), with_asked)

    def _under(self, card: Calculation, reading: tuple[str, str], with_asked: str) -> None:
        cards, _ = self._views(reading)
        other = calculations(cards, self.definitions)[card.id]
        self.con.execute(f"""
            INSERT INTO {PREFIX}readings
            {with_asked}, {self._made(other, reading)}
            SELECT {as_literal(card.id)}, v.subject_id, v.visit, {", ".join(map(as_literal, reading))}, v.value,
                COALESCE(e.effect, 0)
            FROM _value AS v
            JOIN _asked AS a ON a.subject_id = v.subject_id AND a.visit = v.visit AND a.value <> v.value
            LEFT JOIN _effect AS e ON e.subject_id = v.subject_id AND e.visit = v.visit""")

    def _parts(self, source: str) -> list[str]:
        """Conditions that together select every row of ``source`` with a patient; none when it is empty."""
        (rows,) = self.con.execute(f"SELECT COUNT(*) FROM {source}").fetchall()[0]
        parts = -(-rows // TOGETHER)
        return [f"subject_id IS NOT NULL AND hash(subject_id) % {parts} = {part}" for part in range(parts)]

    def _made(self, card: Calculation, reading: tuple[str, str] | None, sources: str | None = None) -> str:
        """The named queries behind ``_value`` and ``_effect`` (or ``_sources``) for everyone in ``_asked``."""
        cards, queries = self._views(reading)
        last = {"_sources": sources} if sources else {}
        if not sources:
            last = {"_value": value_query(card, cards), "_effect": effect_query(card, cards, self.definitions)}
        needed = _needed(queries, last.values())
        return ",\n".join(f"{name} AS ({query})" for name, query in [*needed.items(), *last.items()])

    def _views(self, reading: tuple[str, str] | None) -> tuple[Endpoints, dict[str, str]]:
        if reading not in self.queries:
            chosen = dict([reading]) if reading else {}
            cards = with_readings(self.definitions, chosen)
            queries = {SUBJECTS: "SELECT DISTINCT subject_id FROM _asked"}
            for table in self.definitions.tables.values():
                if "subject_id" in table.fields:
                    # in place of the whole table, because not everything that reads it can be filtered afterwards
                    wanted = f"subject_id IN (SELECT subject_id FROM {SUBJECTS})"
                    queries[table.name] = f"SELECT * FROM main.{quoted(table.name)} WHERE {wanted}"
            queries |= {view.name: view.query for view in views(self.definitions, chosen) if view.name != SUBJECTS}
            for population in cards.populations:
                queries[relation_of(cards, population)] = f"SELECT subject_id, 1 AS member FROM {SUBJECTS}"
            self.queries[reading] = cards, queries
        return self.queries[reading]


def _needed(queries: Mapping[str, str], last: Iterable[str]) -> dict[str, str]:
    """The queries that others name, directly or not, in their order."""
    found: set[str] = set()
    waiting = list(last)
    while waiting:
        more = set(re.findall(r"[a-z0-9_]+", waiting.pop())) & queries.keys() - found
        found |= more
        waiting += [queries[name] for name in more]
    return {name: query for name, query in queries.items() if name in found}


def _filled(sent: _Sent) -> str:
    return f"{quoted(sent.field)} IS NOT NULL"


def _asked_in(sent: _Sent) -> str:
    visits = " ".join(f"WHEN {as_literal(own)} THEN {as_literal(visit)}" for own, visit in sent.visits.items())
    visit = f"CASE visit {visits} END" if visits else "CAST(NULL AS VARCHAR)"
    return (
        f"SELECT subject_id, {visit} AS visit, CAST({quoted(sent.field)} AS DOUBLE) AS sent "
        f"FROM {quoted(sent.table)} WHERE {_filled(sent)}"
    )


def _asked_by_name(card: Calculation) -> str:
    return (
        f"SELECT subject_id, visit, {VALUE} AS sent FROM {CALCULATIONS} WHERE {CALCULATION} = {as_literal(card.id)} "
        f"AND {UNIT} = {as_literal(card.unit)} AND {VALUE} IS NOT NULL"
    )


def _any(con: duckdb.DuckDBPyConnection, source: str) -> bool:
    return con.execute(f"SELECT 1 FROM {source} LIMIT 1").fetchone() is not None


def _insert(con: duckdb.DuckDBPyConnection, name: str, rows: Iterable[tuple[object, ...]]) -> None:
    import pyarrow as pa

    cells = list(zip(*rows, strict=True))
    if cells:
        # by way of Arrow, because DuckDB is slow when it gets rows one by one
        con.register("_rows", pa.table([pa.array(list(cell)) for cell in cells], [f"c{i}" for i in range(len(cells))]))
        con.execute(f"INSERT INTO {PREFIX}{name} SELECT * FROM _rows")
        con.unregister("_rows")
