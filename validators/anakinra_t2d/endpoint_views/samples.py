"""The results of a field by patient, analysis visit and minute, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from anakinra_t2d.endpoint_views.text import case_of, literal, number, quoted
from anakinra_t2d.schema.endpoints import OnceCard, TrapezoidCard

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.schema.endpoints import Coded, LimitPolicy, Sampled

SEQUENCE = "visit_seq"
MINUTE = "nominal_min"
NO_RECORD = "no record"
BELOW = "below the limit of quantification"
ABOVE = "above the limit of quantification"
DIFFERENT = "several different values"

WrongUnits = Mapping[tuple[str, str], str]
"""Fields whose data are in another unit than the definitions say, with that unit."""


def samples(card: Sampled, definitions: Definitions, wrong_units: WrongUnits) -> str:
    """A query with the columns subject_id, visit, minute, clock, value, limited and problem.

    One row for each patient, visit and nominal minute that has a record. ``minute`` and ``clock`` (the true minute) are
    NULL in tables without minutes. ``limited`` is 1 when a limit stands for the result; ``problem`` says why there is
    no value.
    """
    table = definitions.tables[card.input.table]
    minute = f"r.{quoted(MINUTE)}" if MINUTE in table.key else "CAST(NULL AS BIGINT)"
    clock = f"r.{quoted(card.actual)}" if isinstance(card, TrapezoidCard) and card.clock == "actual" else "NULL"
    wrong = wrong_units.get((table.name, card.input.field))
    value = f"r.{quoted(card.input.field)}"
    flags, status, limit = _flags(card, definitions)
    has_sequence = SEQUENCE in table.key
    problem = (
        literal(f"{card.input.field} is in {wrong}, not in {card.input.unit}")
        if wrong
        else f"CASE WHEN {status} = 'below_limit' THEN {literal(BELOW)} WHEN {status} = 'above_limit' "
        f"THEN {literal(ABOVE)} WHEN {status} IS NOT NULL THEN {status} ELSE 'no value' END"
    )
    substitute = "NULL" if wrong else _substitute(card, status, limit)
    rows = f"""
        SELECT r.subject_id, {visit_of(card)} AS visit, {minute} AS minute, {number(clock)} AS clock,
            {f"r.{SEQUENCE}" if has_sequence else "0"} AS place,
            {number("NULL" if wrong else f"COALESCE({value}, {substitute})")} AS value,
            CASE WHEN {value} IS NULL AND {substitute} IS NOT NULL THEN 1 ELSE 0 END AS limited,
            CASE WHEN {"TRUE" if wrong else f"COALESCE({value}, {substitute}) IS NULL"} THEN {problem} END AS problem,
            CASE WHEN {value} IS NOT NULL OR {status} IN ('below_limit', 'above_limit') THEN 0 ELSE 1 END AS without
        FROM {quoted(table.name)} AS r{flags}
        WHERE {_wanted(card)}"""
    if has_sequence:
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


def visit_of(card: Sampled | Coded) -> str:
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


def _flags(card: Sampled, definitions: Definitions) -> tuple[str, str, str]:
    """A join to the result flags of the field, its status and its limit."""
    side = next((table for table in definitions.tables.values() if table.role == "flags"), None)
    if side is None:
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
