"""The results of a field by patient, analysis visit and minute, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from anakinra_t2d.endpoint_views.text import case_of, literal, number, quoted
from anakinra_t2d.schema.endpoints import OnceCard, TrapezoidCard

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.schema.endpoints import Coded, LimitPolicy, Sampled

    FromTable = Sampled | Coded

SEQUENCE = "visit_seq"
MINUTE = "nominal_min"
NO_RECORD = "no record"
BELOW = "below the limit of quantification"
ABOVE = "above the limit of quantification"
DIFFERENT = "several different values"

WrongUnits = Mapping[tuple[str, str], str]
"""Fields whose data are in another unit than the definitions say, with that unit."""


@dataclass(frozen=True)
class Prepared:
    """Tables that are read by so many cards that their records are made ready for it.

    ``relation`` gives the relation that stands for the table of a card. Besides the columns of the table it has
    ``subject``, a number instead of the name of the patient, and ``alone``: no other record has the same patient, visit
    and minute. ``alone`` says which records are so and have at most one flag of the field of the card; ``flagged`` says
    whether there is any such flag.
    """

    relation: Callable[[FromTable], str]
    alone: Callable[[FromTable], Literal["all", "some", "none"]]
    flagged: Callable[[FromTable], bool]


SUBJECT, ALONE = "subject", "alone"
"""Columns that only prepared tables have."""


def samples(card: Sampled, definitions: Definitions, wrong_units: WrongUnits, prepared: Prepared | None = None) -> str:
    """A query with the columns subject_id, visit, minute, clock, value, limited and problem.

    One row for each patient, visit and nominal minute that has a record. ``minute`` and ``clock`` (the true minute) are
    NULL in tables without minutes. ``limited`` is 1 when a limit stands for the result; ``problem`` says why there is
    no value. From ``prepared`` tables ``subject_id`` is the number of the patient.
    """
    rows = _records(card, definitions, wrong_units, prepared)
    which = prepared.alone(card) if prepared else "none"
    if which == "none":
        return _chosen(card, definitions, rows)
    # a record that is alone is the one that counts: nothing has to be ordered or grouped
    alone = f"""
        SELECT subject_id, visit, minute, clock, value, limited, problem FROM ({rows} AND r.{ALONE}) AS alone"""
    if which == "all":
        return alone
    return f"{alone}\n        UNION ALL {_chosen(card, definitions, f'{rows} AND NOT r.{ALONE}')}"


def _records(card: Sampled, definitions: Definitions, wrong_units: WrongUnits, prepared: Prepared | None) -> str:
    """Every record that a card reads, with the order in which records of the same visit and minute count."""
    table = definitions.tables[card.input.table]
    minute = f"r.{quoted(MINUTE)}" if MINUTE in table.key else "CAST(NULL AS BIGINT)"
    clock = f"r.{quoted(card.actual)}" if isinstance(card, TrapezoidCard) and card.clock == "actual" else "NULL"
    wrong = wrong_units.get((table.name, card.input.field))
    value = f"r.{quoted(card.input.field)}"
    flags, status, limit = _flags(card, definitions, prepared)
    problem = (
        literal(f"{card.input.field} is in {wrong}, not in {card.input.unit}")
        if wrong
        else f"CASE WHEN {status} = 'below_limit' THEN {literal(BELOW)} WHEN {status} = 'above_limit' "
        f"THEN {literal(ABOVE)} WHEN {status} IS NOT NULL THEN {status} ELSE 'no value' END"
    )
    substitute = "NULL" if wrong else _substitute(card, status, limit)
    return f"""
        SELECT {who(prepared)}, {visit_of(card)} AS visit, {minute} AS minute, {number(clock)} AS clock,
            {f"r.{SEQUENCE}" if SEQUENCE in table.key else "0"} AS place,
            {number("NULL" if wrong else f"COALESCE({value}, {substitute})")} AS value,
            CASE WHEN {value} IS NULL AND {substitute} IS NOT NULL THEN 1 ELSE 0 END AS limited,
            CASE WHEN {"TRUE" if wrong else f"COALESCE({value}, {substitute}) IS NULL"} THEN {problem} END AS problem,
            CASE WHEN {value} IS NOT NULL OR {status} IN ('below_limit', 'above_limit') THEN 0 ELSE 1 END AS without
        FROM {relation_of_records(card, prepared)} AS r{flags}
        WHERE {_wanted(card)}"""


def _chosen(card: Sampled, definitions: Definitions, rows: str) -> str:
    """Of these records the one that counts for each patient, visit and minute."""
    if SEQUENCE in definitions.tables[card.input.table].key:
        direction = "DESC" if card.repeats == "last" else "ASC"
        rows = f"""
        SELECT * FROM (
        SELECT *, RANK() OVER (PARTITION BY subject_id, visit, minute ORDER BY without, place {direction}) AS choice
        FROM ({rows}) AS found) AS ranked WHERE choice = 1"""
    return f"""
        SELECT subject_id, visit, minute, MIN(clock) AS clock,
            CASE WHEN MIN(value) = MAX(value) THEN MIN(value) END AS value, MAX(limited) AS limited,
            CASE WHEN MIN(value) < MAX(value) THEN {literal(DIFFERENT)} WHEN MAX(value) IS NULL THEN MIN(problem) END
                AS problem
        FROM ({rows}) AS kept
        GROUP BY subject_id, visit, minute"""


def who(prepared: Prepared | None) -> str:
    """The patient of a record ``r``, as a column of a query."""
    return f"r.{SUBJECT} AS subject_id" if prepared else "r.subject_id"


def relation_of_records(card: FromTable, prepared: Prepared | None) -> str:
    """What a card reads its records from."""
    return quoted(prepared.relation(card) if prepared else card.input.table)


def visit_of(card: FromTable) -> str:
    """The analysis visit of a record ``r``, as an expression."""
    if isinstance(card, OnceCard):
        return f"r.{quoted(card.input.by)}"
    source: dict[object, object] = {value: visit for visit, value in card.visits.items()}
    if set(source) == {None}:
        return literal(source[None])
    return case_of(f"r.{quoted(card.input.by)}", source)


def _wanted(card: Sampled) -> str:
    visits = card.order if isinstance(card, OnceCard) else [v for v in card.visits.values() if v is not None]
    parts = []
    if visits:
        parts.append(f"r.{quoted(card.input.by)} IN ({', '.join(literal(visit) for visit in visits)})")
    if card.input.where:
        parts.append(f"({card.input.where})")
    if minutes := minutes_of(card):
        parts.append(f"r.{quoted(MINUTE)} IN ({', '.join(str(minute) for minute in minutes)})")
    return " AND ".join(parts) or "TRUE"


def minutes_of(card: Sampled) -> list[int]:
    """Nominal minutes of the samples an operation reads."""
    start = card.start.minutes if isinstance(card, TrapezoidCard) else []
    return [*start, *getattr(card, "minutes", [])]


def _flags(card: Sampled, definitions: Definitions, prepared: Prepared | None) -> tuple[str, str, str]:
    """A join to the result flags of the field, its status and its limit."""
    side = next((table for table in definitions.tables.values() if table.role == "flags"), None)
    if side is None or (prepared and not prepared.flagged(card)):
        return "", "CAST(NULL AS VARCHAR)", "CAST(NULL AS DOUBLE)"
    table = definitions.tables[card.input.table]
    parts = [
        f"'{'|' if place else ''}{name}=' || "
        + (f"r.{quoted(name)}" if table.fields[name].type == "string" else f"CAST(r.{quoted(name)} AS VARCHAR)")
        for place, name in enumerate(table.key)
    ]
    # the key is put together only for records without a value, because that costs more than the join
    key = f"CASE WHEN r.{quoted(card.input.field)} IS NULL THEN {' || '.join(parts)} END"
    join = f"""
        LEFT JOIN (SELECT record_key, result_status, limit_value FROM {quoted(side.name)}
            WHERE "table" = {literal(table.name)} AND field = {literal(card.input.field)}) AS f
            ON f.record_key = {key}"""
    return join, "f.result_status", "f.limit_value"


def _substitute(card: Sampled, status: str, limit: str) -> str:
    parts = []
    for side, policy in (("below_limit", card.below_limit), ("above_limit", card.above_limit)):
        if words := _POLICIES[policy]:
            parts.append(f"WHEN {status} = '{side}' THEN {words.format(limit=limit)}")
    return f"CASE {' '.join(parts)} END" if parts else "CAST(NULL AS DOUBLE)"


_POLICIES: dict[LimitPolicy, str] = {"missing": "", "half_limit": "{limit} / 2.0", "limit": "{limit}"}
