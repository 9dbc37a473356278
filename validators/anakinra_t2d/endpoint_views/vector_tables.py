"""The test vectors of all cards as the tables of one database, with the queries an engine must answer on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anakinra_t2d.endpoint_views.endpoints import endpoint_query
from anakinra_t2d.endpoint_views.matching_record import matching_record
from anakinra_t2d.endpoint_views.parameters import SUBJECTS, parameter_query
from anakinra_t2d.endpoint_views.samples import ABOVE, BELOW, MINUTE, NO_RECORD
from anakinra_t2d.schema.endpoints import (
    EventCard,
    FormulaCard,
    IndicatorCard,
    LevelCard,
    OnceCard,
    RankCard,
    TrapezoidCard,
    TwoVisitsCard,
)
from anakinra_t2d.schema.readings import with_readings

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions, Table
    from anakinra_t2d.schema.endpoints import Coded, Endpoint, Endpoints, Parameter, Sampled
    from anakinra_t2d.schema.tables import FieldType
    from anakinra_t2d.schema.vectors import Cell, Vector

    FromTable = Sampled | Coded

Value = str | int | float | bool | None
Row = dict[str, Value]

_GIVEN: dict[str, FieldType] = {
    "subject_id": "string",
    "visit": "string",
    "value": "number",
    "state": "string",
    "reason": "string",
}
_MEMBERS = "given_population"


@dataclass(frozen=True)
class Rows:
    """A table: the type of each column, and rows in which absent columns are NULL."""

    columns: Mapping[str, FieldType]
    rows: list[Row]


@dataclass(frozen=True)
class Case:
    """A vector with the patient it became and, for a parameter, the visit at which its value stands."""

    vector: Vector
    subject_id: str
    visit: str | None


@dataclass(frozen=True)
class Question:
    """A card under some readings: a query in the SQL of DuckDB, and the cases its answer must hold.

    The query gives subject_id, visit (NULL for an endpoint), value, state and reason, of other patients too.
    """

    card: str
    readings: Mapping[str, str]
    query: str
    cases: list[Case]


@dataclass(frozen=True)
class VectorTables:
    """All vectors: tables by name, and the questions to ask of them."""

    tables: dict[str, Rows]
    questions: list[Question]


def vector_tables(definitions: Definitions) -> VectorTables:
    """The vectors of every parameter and endpoint; each is a patient of its own, for instance ``hba1c-01``.

    What parameters read from tables is in the tables of the trial. What formulas and endpoints read is in
    ``given_0``, ``given_1`` ... and ``given_population``, which stand in for the views of parameters and populations.
    """
    return _Builder(definitions).built()


class _Builder:
    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self.rows: dict[str, list[Row]] = defaultdict(list)
        self.questions: list[Question] = []
        self.changed: dict[tuple[tuple[str, str], ...], Endpoints] = {}
        self.flags = next((table for table in definitions.tables.values() if table.role == "flags"), None)

    def built(self) -> VectorTables:
        cards = self.definitions.endpoints
        for parameter in cards.parameters:
            self.ask(parameter)
        for endpoint in cards.endpoints:
            self.ask(endpoint)
        return VectorTables({name: Rows(self.columns(name), rows) for name, rows in self.named()}, self.questions)

    def named(self) -> Iterator[tuple[str, list[Row]]]:
        yield SUBJECTS, self.rows[SUBJECTS]
        # every table a query may name, also when no vector has a row in it
        for name, table in self.definitions.tables.items():
            if name in self.rows or table.role == "flags":
                yield name, self.rows[name]
        yield from sorted((name, rows) for name, rows in self.rows.items() if name.startswith("given_"))

    def columns(self, name: str) -> Mapping[str, FieldType]:
        if name == SUBJECTS:
            return {"subject_id": "string"}
        if name == _MEMBERS:
            return {"subject_id": "string", "member": "integer"}
        if name.startswith("given_"):
            return _GIVEN
        return {field.name: field.type for field in self.definitions.tables[name].fields.values()}

    def cards(self, readings: Mapping[str, str]) -> Endpoints:
        key = tuple(sorted(readings.items()))
        if key not in self.changed:
            self.changed[key] = with_readings(self.definitions, readings)
        return self.changed[key]

    def ask(self, card: Parameter | Endpoint) -> None:
        by_readings: dict[tuple[tuple[str, str], ...], list[Case]] = defaultdict(list)
        for place, vector in enumerate(card.vectors):
            subject = f"{card.id}-{place + 1:02}"
            # the vectors take turns at the visits, so that each of them is tried
            visit = list(card.visits)[place % len(card.visits)] if hasattr(card, "visits") else None
            self.rows[SUBJECTS].append({"subject_id": subject})
            by_readings[tuple(sorted(vector.readings.items()))].append(Case(vector, subject, visit))
        for key, cases in by_readings.items():
            cards = self.cards(dict(key))
            if hasattr(card, "visits"):
                query = self.parameter(cards.parameter(card.id), cases)
            else:
                query = self.endpoint(cards.endpoint(card.id), cases)
            self.questions.append(Question(card.id, dict(key), query, cases))

    def parameter(self, card: Parameter, cases: list[Case]) -> str:
        slots = _slots(card)
        for case in cases:
            assert case.visit is not None
            if not isinstance(card, FormulaCard):
                self.records(card, case)
                continue
            for name, source in card.inputs.items():
                cell = case.vector.inputs.get(name, NO_RECORD)
                self.given(slots[source.parameter], case, source.visit or case.visit, cell)
        query = parameter_query(card, self.definitions, slots.__getitem__, {})
        return f"SELECT subject_id, visit, value, state, reason FROM ({query}) AS answer"

    def endpoint(self, card: Endpoint, cases: list[Case]) -> str:
        slots = _slots(card)
        for case in cases:
            member = case.vector.member
            self.rows[_MEMBERS].append(
                {"subject_id": case.subject_id, "member": None if member is None else int(member)}
            )
            inputs = case.vector.inputs
            if isinstance(card, EventCard):
                self.events(card, case)
            else:
                for name, visit in _visits(card).items():
                    self.given(slots[card.parameter], case, visit, inputs.get(name, NO_RECORD))
            if card.subgroup:
                self.given(slots[card.subgroup.parameter], case, card.subgroup.visit, case.vector.subgroup)
        query = endpoint_query(card, lambda id: slots.get(id, _MEMBERS))
        return f"SELECT subject_id, CAST(NULL AS VARCHAR) AS visit, value, state, reason FROM ({query}) AS answer"

    def given(self, relation: str, case: Case, visit: str, cell: Cell | list[Cell]) -> None:
        """A row as the view of a parameter would have it."""
        assert not isinstance(cell, list), "a formula or endpoint reads one value"
        value, reason = (None, _reason(cell)) if isinstance(cell, str | None) else (cell, None)
        state = "not_derivable" if value is None else "derived"
        row: Row = {"visit": visit, "value": value, "state": state, "reason": reason}
        self.rows[relation].append({"subject_id": case.subject_id, **row})

    def records(self, card: FromTable, case: Case) -> None:
        """The records of a table that the vector describes, with what flags say of them."""
        table = self.definitions.tables[card.input.table]
        # fields with their rows before the loop, so that the table is there even when no vector has a record
        rows = self.rows[table.name]
        for name, cells in case.vector.inputs.items():
            for count, cell in enumerate(cells if isinstance(cells, list) else [cells]):
                row: Row = {**self.keys(table, count), "subject_id": case.subject_id}
                row |= matching_record(card.input.where) | case.vector.record
                by = name if isinstance(card, OnceCard) else card.visits[case.visit or ""]
                if by is not None:
                    row[card.input.by] = by
                if MINUTE in table.key:
                    row[MINUTE] = int(name)
                if isinstance(card, TrapezoidCard):
                    row[card.actual] = case.vector.minutes.get(name)
                if isinstance(card, IndicatorCard | RankCard) or not isinstance(cell, str):
                    row[card.input.field] = cell
                else:
                    self.flag(table, row, card.input.field, cell)
                rows.append(row)

    def flag(self, table: Table, row: Row, field: str, cell: str) -> None:
        assert self.flags is not None, "a vector has a result that is no number, but no table holds such results"
        key = "|".join(f"{name}={row[name]}" for name in table.key)
        status = {"<": "below_limit", ">": "above_limit"}.get(cell[0], cell)
        limit = float(cell[1:]) if cell[0] in "<>" else None
        self.rows[self.flags.name].append(
            {"table": table.name, "record_key": key, "field": field, "result_status": status, "limit_value": limit}
        )

    def events(self, card: EventCard, case: Case) -> None:
        table = self.definitions.tables[card.table]
        count = case.vector.inputs.get("records", 0)
        assert isinstance(count, int | float)
        for place in range(int(count)):
            row = {**self.keys(table, place), **matching_record(card.where), **case.vector.record}
            self.rows[table.name].append({**row, "subject_id": case.subject_id})
        if not count:
            # a record on which the condition is unknown is no event
            self.rows[table.name].append({**self.keys(table, 0), "subject_id": case.subject_id})

    def keys(self, table: Table, count: int) -> Row:
        """Key fields of the record with this place among those of a patient, as far as the card does not set them.

        A table that counts the records of a visit repeats it so; any other repeats it by a doubled key.
        """
        keys: Row = {}
        for name in table.key:
            field = table.fields[name]
            terms = self.definitions.terms(field)
            if terms:
                keys[name] = terms[count % len(terms)]
            else:
                keys[name] = count + 1 if field.type == "integer" else str(count + 1)
        return keys


def _slots(card: Parameter | Endpoint) -> dict[str, str]:
    """The relation that stands in for each parameter a card reads."""
    if isinstance(card, FormulaCard):
        read = [source.parameter for source in card.inputs.values()]
    else:
        read = [card.parameter] if hasattr(card, "parameter") else []
        subgroup = getattr(card, "subgroup", None)
        read += [subgroup.parameter] if subgroup else []
    return {parameter: f"given_{place}" for place, parameter in enumerate(dict.fromkeys(read))}


def _visits(card: Endpoint) -> dict[str, str]:
    """Visit of each input of a vector, by its name there."""
    if isinstance(card, TwoVisitsCard):
        return {"baseline": card.baseline, "follow_up": card.follow_up}
    if isinstance(card, LevelCard):
        return {"value": card.visit}
    assert not isinstance(card, EventCard)
    return {visit: visit for visit in card.over}


def _reason(cell: str | None) -> str:
    if cell is None:
        return "no value"
    return {"<": BELOW, ">": ABOVE}.get(cell[0], cell)
