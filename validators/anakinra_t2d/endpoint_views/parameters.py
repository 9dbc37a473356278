"""The query of each operation on parameters: subject_id, visit, value, state and reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from anakinra_t2d.endpoint_views.samples import (
    NO_RECORD,
    Prepared,
    WrongUnits,
    relation_of_records,
    samples,
    visit_of,
    who,
)
from anakinra_t2d.endpoint_views.text import case_of, constants, literal, number, quoted
from anakinra_t2d.schema.endpoints import (
    FormulaCard,
    IndicatorCard,
    MeanCard,
    OnceCard,
    RankCard,
    TrapezoidCard,
    ValueCard,
)

if TYPE_CHECKING:
    from anakinra_t2d.endpoint_views.samples import FromTable
    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.schema.endpoints import Parameter

    NameOf = Callable[[str], str]

SUBJECTS = "trial_subjects"
WITHOUT_RECORD = (None, "not_derivable", NO_RECORD)
"""Value, state and reason of a patient without any record at a visit."""

ALIGNED = "aligned"
"""Relation in which everything that a card reads stands beside each other, a row for each patient."""

_LIMIT = "a limit of quantification stands for a result"


def parameter_query(card: Parameter, definitions: Definitions, name_of: NameOf, wrong_units: WrongUnits) -> str:
    """The query of a parameter for everyone in ``trial_subjects`` at each of its visits.

    ``name_of`` gives the relation of another parameter.
    """
    if isinstance(card, FormulaCard):
        return _formula(card, name_of)
    return _from_table(card, definitions, wrong_units, None)


def records_query(card: Parameter, definitions: Definitions, wrong_units: WrongUnits, prepared: Prepared) -> str:
    """The same of a parameter that is read from a table, only where a patient has a record, in any order.

    All others have :data:`WITHOUT_RECORD`. ``subject_id`` is the number of the patient in ``prepared``.
    """
    if isinstance(card, FormulaCard):
        raise TypeError("a formula reads no table")
    return _from_table(card, definitions, wrong_units, prepared)


def aligned_formula_query(card: FormulaCard) -> str:
    """Value, state and reason of a formula over the relation ``aligned``, row by row in its order.

    It has the columns ``i0_value``, ``i0_state`` and ``i0_reason`` of the first of :func:`aligned_formula_inputs`, and
    so on.
    """
    return _formula(card, None)


def aligned_formula_inputs(card: FormulaCard, visit: str) -> dict[str, tuple[str, str]]:
    """Parameters and their visits that a formula reads, by the alias under which they stand in ``aligned``."""
    return {f"i{place}": (one.parameter, one.visit or visit) for place, one in enumerate(card.inputs.values())}


def _from_table(card: FromTable, definitions: Definitions, wrong_units: WrongUnits, prepared: Prepared | None) -> str:
    if isinstance(card, IndicatorCard | RankCard):
        return _from_codes(card, prepared)
    query = samples(card, definitions, wrong_units, prepared)
    if isinstance(card, ValueCard):
        return _value(card, query, prepared)
    if isinstance(card, OnceCard):
        return _once(card, query, prepared)
    if isinstance(card, MeanCard):
        return _mean(card, query, prepared)
    return _trapezoid(card, query, prepared)


def _everyone(card: Parameter) -> str:
    return f"{SUBJECTS} AS s CROSS JOIN ({constants('visit', card.visits)}) AS o"


def _joined(card: Parameter, query: str, prepared: Prepared | None) -> tuple[str, str]:
    """The patient and visit of each result, and what joins everyone to the results ``r`` of ``query``."""
    if prepared:
        return "r.subject_id, r.visit", f"({query}) AS r"
    return (
        "s.subject_id, o.visit",
        f"{_everyone(card)}\n    LEFT JOIN ({query}\n    ) AS r ON r.subject_id = s.subject_id AND r.visit = o.visit",
    )


def _value(card: ValueCard, query: str, prepared: Prepared | None) -> str:
    key, joined = _joined(card, query, prepared)
    return f"""
    SELECT {key}, r.value,
        CASE WHEN r.value IS NULL THEN 'not_derivable' WHEN r.limited = 1 THEN 'input_imputed_limit'
            ELSE 'derived' END AS state,
        CASE WHEN r.subject_id IS NULL THEN {literal(NO_RECORD)} WHEN r.value IS NULL THEN r.problem
            WHEN r.limited = 1 THEN {literal(_LIMIT)} END AS reason
    FROM {joined}"""


def _once(card: OnceCard, query: str, prepared: Prepared | None) -> str:
    order = case_of("visit", {visit: place for place, visit in enumerate(card.order)})
    if prepared:
        subject = "r.subject_id"
        joined = f"({constants('visit', card.visits)}) AS o CROSS JOIN ordered AS r WHERE r.choice = 1"
    else:
        subject = "s.subject_id"
        joined = f"{_everyone(card)}\n    LEFT JOIN ordered AS r ON r.subject_id = s.subject_id AND r.choice = 1"
    return f"""
    WITH found AS ({query}
    ),
    ordered AS (
        SELECT *, ROW_NUMBER() OVER (PARTITION BY subject_id
            ORDER BY CASE WHEN value IS NULL THEN 1 ELSE 0 END, {order}) AS choice
        FROM found
    )
    SELECT {subject}, o.visit, r.value,
        CASE WHEN r.value IS NULL THEN 'not_derivable' WHEN r.limited = 1 THEN 'input_imputed_limit'
            ELSE 'derived' END AS state,
        CASE WHEN r.subject_id IS NULL THEN {literal(NO_RECORD)} WHEN r.value IS NULL THEN r.problem
            WHEN r.limited = 1 THEN {literal(_LIMIT)} END AS reason
    FROM {joined}"""


def _from_codes(card: IndicatorCard | RankCard, prepared: Prepared | None) -> str:
    visits = [visit for visit in card.visits.values() if visit is not None]
    parts = [f"r.{quoted(card.input.by)} IN ({', '.join(literal(visit) for visit in visits)})"] if visits else []
    parts += [f"({card.input.where})"] if card.input.where else []
    wanted = " AND ".join(parts) or "TRUE"
    if isinstance(card, IndicatorCard):
        code = f"CASE WHEN {card.condition} THEN 1 WHEN NOT ({card.condition}) THEN 0 END"
        value = "CASE WHEN MIN(code) = MAX(code) THEN MAX(code) END"
        problem = "CASE WHEN MIN(code) < MAX(code) THEN 'several different values' ELSE 'no value' END"
    else:
        code = case_of(f"r.{quoted(card.input.field)}", {code: place for place, code in enumerate(card.codes)})
        value = f"CASE WHEN COUNT(code) >= {card.records} THEN MAX(code) END"
        problem = f"CAST(COUNT(code) AS VARCHAR) || ' of {card.records} records with a code'"
    query = f"""
        SELECT subject_id, visit, {value} AS value, {problem} AS problem
        FROM (SELECT {who(prepared)}, {visit_of(card)} AS visit, {code} AS code
            FROM {relation_of_records(card, prepared)} AS r WHERE {wanted}) AS coded
        GROUP BY subject_id, visit"""
    key, joined = _joined(card, query, prepared)
    return f"""
    SELECT {key}, {number("r.value")} AS value,
        CASE WHEN r.value IS NULL THEN 'not_derivable' ELSE 'derived' END AS state,
        CASE WHEN r.subject_id IS NULL THEN {literal(NO_RECORD)} WHEN r.value IS NULL THEN r.problem END AS reason
    FROM {joined}"""


def _mean(card: MeanCard, query: str, prepared: Prepared | None) -> str:
    wanted = len(card.minutes)
    few = f"CAST(r.used AS VARCHAR) || ' of {wanted} samples'"
    why = f"{few} || COALESCE(' (' || r.problem || ')', '')"
    means = f"""
        SELECT subject_id, visit, AVG(value) AS value, COUNT(value) AS used, MAX(limited) AS limited,
            MIN(problem) AS problem
        FROM ({query}
        ) AS sampled
        GROUP BY subject_id, visit"""
    key, joined = _joined(card, means, prepared)
    return f"""
    SELECT {key}, CASE WHEN r.used >= {card.at_least} THEN r.value END AS value,
        CASE WHEN r.used >= {card.at_least} THEN CASE WHEN r.limited = 1 THEN 'input_imputed_limit' ELSE 'derived' END
            ELSE 'not_derivable' END AS state,
        CASE WHEN r.subject_id IS NULL THEN {literal(NO_RECORD)} WHEN r.used < {wanted} THEN {why}
            WHEN r.limited = 1 THEN {literal(_LIMIT)} END AS reason
    FROM {joined}"""


def _trapezoid(card: TrapezoidCard, query: str, prepared: Prepared | None) -> str:
    start, end, count = card.start, card.minutes[-1], len(card.minutes)
    first = ", ".join(str(minute) for minute in start.minutes)
    # a start made of several samples has no clock of its own
    start_minute = f"COALESCE(MIN(clock), {float(start.at)})" if len(start.minutes) == 1 else f"{float(start.at)}"
    places = case_of("minute", {minute: place for place, minute in enumerate(card.minutes, 1)})
    area = "a.total" if card.method == "total" else "a.total - a.first_value * (a.last_minute - a.first_minute)"
    gaps = f"{count + 1} - a.points"
    first_why = "'no start of the curve: ' || COALESCE(c.first_problem, 'no record')"
    last_why = f"'no end of the curve, minute {end}: ' || COALESCE(c.last_problem, 'no record')"
    missing_why = f"'samples missing between the ends: ' || CAST({gaps} AS VARCHAR)"
    if prepared:
        key = "c.subject_id, c.visit"
        joined = "checked AS c\n        LEFT JOIN areas AS a ON a.subject_id = c.subject_id AND a.visit = c.visit"
    else:
        key = "s.subject_id, o.visit"
        joined = f"""{_everyone(card)}
        LEFT JOIN checked AS c ON c.subject_id = s.subject_id AND c.visit = o.visit
        LEFT JOIN areas AS a ON a.subject_id = s.subject_id AND a.visit = o.visit"""
    return f"""
    WITH sampled AS ({query}
    ),
    points AS (
        SELECT subject_id, visit, 0 AS place, {number(start_minute)} AS minute, AVG(value) AS value,
            MAX(limited) AS limited
        FROM sampled WHERE minute IN ({first}) GROUP BY subject_id, visit
        UNION ALL
        SELECT subject_id, visit, {places} AS place, {number("COALESCE(clock, minute)")} AS minute, value, limited
        FROM sampled WHERE minute NOT IN ({first})
    ),
    steps AS (
        SELECT subject_id, visit, place, minute, value, limited,
            LAG(minute) OVER (PARTITION BY subject_id, visit ORDER BY place) AS before_minute,
            LAG(value) OVER (PARTITION BY subject_id, visit ORDER BY place) AS before_value
        FROM points WHERE value IS NOT NULL
    ),
    areas AS (
        SELECT subject_id, visit, SUM((minute - before_minute) * (value + before_value) / 2.0) AS total,
            MIN(minute - before_minute) AS shortest, MIN(minute) AS first_minute, MAX(minute) AS last_minute,
            COUNT(*) AS points, MAX(CASE WHEN place = 0 THEN value END) AS first_value,
            MAX(CASE WHEN place = {count} THEN value END) AS last_value, MAX(limited) AS limited
        FROM steps GROUP BY subject_id, visit
    ),
    checked AS (
        SELECT subject_id, visit, MIN(CASE WHEN minute IN ({first}) THEN problem END) AS first_problem,
            MIN(CASE WHEN minute = {end} THEN problem END) AS last_problem
        FROM sampled GROUP BY subject_id, visit
    ),
    judged AS (
        SELECT {key}, {area} AS area, a.limited, {gaps} AS gaps,
            CASE WHEN c.subject_id IS NULL THEN {literal(NO_RECORD)}
                WHEN a.first_value IS NULL THEN {first_why}
                WHEN a.last_value IS NULL THEN {last_why}
                WHEN {gaps} > {card.bridged} THEN {missing_why}
                WHEN a.shortest <= 0 THEN 'the true minutes are not in order' END AS problem
        FROM {joined}
    )
    SELECT subject_id, visit, CASE WHEN problem IS NULL THEN area END AS value,
        CASE WHEN problem IS NOT NULL THEN 'not_derivable' WHEN gaps > 0 THEN 'input_imputed_interval'
            WHEN limited = 1 THEN 'input_imputed_limit' ELSE 'derived' END AS state,
        CASE WHEN problem IS NOT NULL THEN problem
            WHEN gaps > 0 THEN 'samples bridged between the ends: ' || CAST(gaps AS VARCHAR)
            WHEN limited = 1 THEN {literal(_LIMIT)} END AS reason
    FROM judged"""


def _formula(card: FormulaCard, name_of: NameOf | None) -> str:
    selected, joins, missing, passed = [], [], [], []
    # without names of relations the inputs stand beside each other
    of = "." if name_of else "_"
    for place, (name, source) in enumerate(card.inputs.items()):
        alias = f"i{place}"
        if name_of:
            visit = literal(source.visit) if source.visit else "o.visit"
            joins.append(
                f"LEFT JOIN {name_of(source.parameter)} AS {alias} "
                f"ON {alias}.subject_id = s.subject_id AND {alias}.visit = {visit}"
            )
        value = given = f"{alias}{of}value"
        if source.when_missing is not None:
            value = f"COALESCE({given}, {float(source.when_missing)})"
            passed.append((f"{alias}_given IS NULL", "'input_assumed'", literal(f"without {name}")))
        else:
            missing.append((f"{name} IS NULL", f"{literal(name + ': ')} || COALESCE({alias}_reason, 'no value')"))
        if source.positive:
            missing.append((f"{name} <= 0", literal(f"{name} is not above zero")))
        passed.append(
            (
                f"{alias}_given IS NOT NULL AND {alias}_state <> 'derived'",
                f"{alias}_state",
                f"{literal(name + ': ')} || COALESCE({alias}_reason, {alias}_state)",
            )
        )
        selected += [
            f"{value} AS {name}",
            f"{given} AS {alias}_given",
            f"{alias}{of}state AS {alias}_state",
            f"{alias}{of}reason AS {alias}_reason",
        ]
    problem = " ".join(f"WHEN {condition} THEN {words}" for condition, words in missing)
    state = " ".join(f"WHEN {condition} THEN {found}" for condition, found, _ in passed)
    reason = " ".join(f"WHEN {condition} THEN {words}" for condition, _, words in passed)
    rows, key, result = ALIGNED, "", ""
    if name_of:
        rows = f"{_everyone(card)}\n        {' '.join(joins)}"
        key, result = "s.subject_id, o.visit, ", "subject_id, visit, "
    return f"""
    WITH given AS (
        SELECT {key}{", ".join(selected)}
        FROM {rows}
    ),
    judged AS (
        SELECT given.*, {f"CASE {problem} END" if problem else "CAST(NULL AS VARCHAR)"} AS problem FROM given
    )
    SELECT {result}CASE WHEN problem IS NULL THEN {number(card.expression)} END AS value,
        CASE WHEN problem IS NOT NULL THEN 'not_derivable' {state} ELSE 'derived' END AS state,
        CASE WHEN problem IS NOT NULL THEN problem {reason} END AS reason
    FROM judged"""
