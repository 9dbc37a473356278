"""The query of each operation on endpoints: subject_id, baseline, follow_up, value, state and reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anakinra_t2d.endpoint_views.parameters import ALIGNED, SUBJECTS
from anakinra_t2d.endpoint_views.text import literal, number, quoted
from anakinra_t2d.schema.endpoints import EventCard, LevelCard, MeanOverCard, TwoVisitsCard

if TYPE_CHECKING:
    from anakinra_t2d.endpoint_views.parameters import NameOf
    from anakinra_t2d.schema.endpoints import Endpoint

_TWO = {
    "change": "follow_up - baseline",
    "log_ratio": "LN(follow_up / baseline)",
    "decrease": "CASE WHEN follow_up < baseline THEN 1 ELSE 0 END",
    "increase": "CASE WHEN follow_up > baseline THEN 1 ELSE 0 END",
}


def endpoint_query(card: Endpoint, name_of: NameOf) -> str:
    """The query of an endpoint for everyone in ``trial_subjects``.

    ``name_of`` gives the relation of a parameter or population. A patient outside the population or the subgroup has
    the state ``not_in_population``.
    """
    joined = f"""{SUBJECTS} AS s
        LEFT JOIN {name_of(card.population)} AS p ON p.subject_id = s.subject_id"""
    if sub := card.subgroup:
        joined += f"""
        LEFT JOIN {name_of(sub.parameter)} AS g ON g.subject_id = s.subject_id AND g.visit = {literal(sub.visit)}"""
    joined += """
        LEFT JOIN given AS d ON d.subject_id = s.subject_id"""
    return _judged(card, _given(card, name_of), joined, _BY_SUBJECT)


def aligned_endpoint_query(card: Endpoint) -> str:
    """The same without subject_id over the relation ``aligned``, row by row in its order.

    It has the columns ``p_member``, with a subgroup ``g_value`` and ``g_reason``, and those of :func:`aligned_inputs`.
    An event reads ``n_records``, the number of records in its table, and ``e_subject_id``, which is NULL without one.
    """
    return _judged(card, _given(card, None), "given AS d", _BY_PLACE)


def aligned_inputs(card: Endpoint) -> dict[str, tuple[str, str]]:
    """Parameters and their visits that a card reads, by the alias under which they stand in ``aligned``.

    Parameter ``b`` has the columns ``b_value``, ``b_state`` and ``b_reason``, and so on.
    """
    found: dict[str, tuple[str, str]] = {}
    if isinstance(card, TwoVisitsCard):
        found = {"b": (card.parameter, card.baseline), "f": (card.parameter, card.follow_up)}
    elif isinstance(card, LevelCard):
        found = {"b": (card.parameter, card.visit)}
    elif isinstance(card, MeanOverCard):
        found = {f"m{place}": (card.parameter, visit) for place, visit in enumerate(card.over)}
    if card.subgroup:
        found["g"] = (card.subgroup.parameter, card.subgroup.visit)
    return found


@dataclass(frozen=True)
class _Layout:
    """How columns of joined relations are named, and which columns every step hands on to the next."""

    of: str
    key: str
    result: str


_BY_SUBJECT, _BY_PLACE = _Layout(".", "s.subject_id, ", "subject_id, "), _Layout("_", "", "")


def _judged(card: Endpoint, given: str, joined: str, layout: _Layout) -> str:
    of = layout.of
    belongs, group_reason = "1", "CAST(NULL AS VARCHAR)"
    if card.subgroup:
        condition = re.sub(r"\bvalue\b", f"g{of}value", card.subgroup.condition)
        belongs = f"CASE WHEN {condition} THEN 1 WHEN NOT ({condition}) THEN 0 END"
        group_reason = f"g{of}reason"
    return f"""
    WITH given AS ({given}
    ),
    judged AS (
        SELECT {layout.key}d.baseline, d.follow_up, d.value, d.input_state, d.input_reason,
            CASE WHEN p{of}member = 0 THEN 'not_in_population' WHEN {belongs} = 0 THEN 'not_in_population'
                WHEN p{of}member IS NULL OR {belongs} IS NULL OR d.value IS NULL THEN 'not_derivable'
                ELSE COALESCE(d.input_state, 'derived') END AS state,
            CASE WHEN p{of}member = 0 THEN {literal(f"not in the population {card.population}")}
                WHEN {belongs} = 0 THEN 'not in the subgroup'
                WHEN p{of}member IS NULL THEN {literal(f"membership in the population {card.population} is not known")}
                WHEN {belongs} IS NULL THEN 'subgroup not known: ' || COALESCE({group_reason}, 'no value')
                ELSE d.input_reason END AS reason
        FROM {joined}
    )
    SELECT {layout.result}{_shown("baseline")}, {_shown("follow_up")},
        CASE WHEN state NOT IN ('not_derivable', 'not_in_population') THEN value END AS value, state, reason
    FROM judged"""


def _shown(column: str) -> str:
    return f"CASE WHEN state <> 'not_in_population' THEN {column} END AS {column}"


def _given(card: Endpoint, name_of: NameOf | None) -> str:
    """What the operation makes of its inputs; without ``name_of`` of those in ``aligned``, which are handed on."""
    carried = "subject_id" if name_of else _carried(card)
    if isinstance(card, TwoVisitsCard):
        return _two_visits(card, carried, name_of)
    if isinstance(card, LevelCard):
        return _level(card, carried, name_of)
    if isinstance(card, MeanOverCard):
        return _mean_over(card, name_of) if name_of else _mean_beside(card, carried)
    return _event(card, carried, named=name_of is not None)


def _carried(card: Endpoint) -> str:
    return "p_member, g_value, g_reason" if card.subgroup else "p_member"


def _level(card: LevelCard, carried: str, name_of: NameOf | None) -> str:
    if name_of:
        rows = f"{name_of(card.parameter)} WHERE visit = {literal(card.visit)}"
    else:
        rows = f"(SELECT *, b_value AS value, b_state AS state, b_reason AS reason FROM {ALIGNED}) AS b"
    return f"""
        SELECT {carried}, CAST(NULL AS DOUBLE) AS baseline, value AS follow_up, value,
            CASE WHEN state <> 'derived' THEN state END AS input_state,
            CASE WHEN reason IS NOT NULL THEN {literal(card.visit + ": ")} || reason END AS input_reason
        FROM {rows}"""


def _two_visits(card: TwoVisitsCard, carried: str, name_of: NameOf | None) -> str:
    of, key, rows = "_", carried, ALIGNED
    if name_of:
        parameter = name_of(card.parameter)
        of, key = ".", "s.subject_id"
        rows = f"""{SUBJECTS} AS s
                LEFT JOIN {parameter} AS b ON b.subject_id = s.subject_id AND b.visit = {literal(card.baseline)}
                LEFT JOIN {parameter} AS f ON f.subject_id = s.subject_id AND f.visit = {literal(card.follow_up)}"""
    visits = {"baseline": card.baseline, "follow_up": card.follow_up}
    problems = [
        (f"{column} IS NULL", f"{literal(visit + ': ')} || COALESCE({column}_reason, 'no record')")
        for column, visit in visits.items()
    ]
    if card.operation == "log_ratio":
        problems += [(f"{column} <= 0", literal(f"{visit} is not above zero")) for column, visit in visits.items()]
    states = [
        (f"{column}_state <> 'derived'", f"{column}_state", f"{literal(visit + ': ')} || {column}_reason")
        for column, visit in visits.items()
    ]
    notes = [
        (f"{column}_reason IS NOT NULL", f"{literal(visit + ': ')} || {column}_reason")
        for column, visit in visits.items()
    ]
    problem = " ".join(f"WHEN {condition} THEN {words}" for condition, words in problems)
    return f"""
        SELECT {carried}, baseline, follow_up,
            CASE WHEN problem IS NULL THEN {number(_TWO[card.operation])} END AS value,
            CASE {" ".join(f"WHEN {condition} THEN {state}" for condition, state, _ in states)} END AS input_state,
            CASE WHEN problem IS NOT NULL THEN problem
                {" ".join(f"WHEN {condition} THEN {words}" for condition, _, words in states)}
                {" ".join(f"WHEN {condition} THEN {words}" for condition, words in notes)} END AS input_reason
        FROM (
            SELECT both_visits.*, CASE {problem} END AS problem
            FROM (
                SELECT {key}, b{of}value AS baseline, f{of}value AS follow_up, b{of}state AS baseline_state,
                    f{of}state AS follow_up_state, b{of}reason AS baseline_reason, f{of}reason AS follow_up_reason
                FROM {rows}
            ) AS both_visits
        ) AS judged_visits"""


def _mean_over(card: MeanOverCard, name_of: NameOf) -> str:
    wanted = len(card.over)
    return f"""
        SELECT subject_id, CAST(NULL AS DOUBLE) AS baseline, CAST(NULL AS DOUBLE) AS follow_up,
            CASE WHEN COUNT(value) >= {card.at_least} THEN AVG(value) END AS value,
            MAX(CASE WHEN value IS NOT NULL AND state <> 'derived' THEN state END) AS input_state,
            CASE WHEN COUNT(value) < {wanted} THEN CAST(COUNT(value) AS VARCHAR) || ' of {wanted} values' END
                AS input_reason
        FROM {name_of(card.parameter)}
        WHERE visit IN ({", ".join(literal(visit) for visit in card.over)})
        GROUP BY subject_id"""


def _mean_beside(card: MeanOverCard, carried: str) -> str:
    """The same as :func:`_mean_over` of values that stand beside each other in one row."""
    names = [f"m{place}" for place in range(len(card.over))]
    count = " + ".join(f"CASE WHEN {name}_value IS NULL THEN 0 ELSE 1 END" for name in names)
    total = " + ".join(f"COALESCE({name}_value, 0.0)" for name in names)
    # GREATEST passes over NULL, as MAX does
    states = ", ".join(
        f"CASE WHEN {name}_value IS NOT NULL AND {name}_state <> 'derived' THEN {name}_state END" for name in names
    )
    return f"""
        SELECT {carried}, CAST(NULL AS DOUBLE) AS baseline, CAST(NULL AS DOUBLE) AS follow_up,
            CASE WHEN used >= {card.at_least} THEN total / used END AS value, GREATEST({states}) AS input_state,
            CASE WHEN used < {len(names)} THEN CAST(used AS VARCHAR) || ' of {len(names)} values' END AS input_reason
        FROM (SELECT *, {count} AS used, {total} AS total FROM {ALIGNED}) AS counted"""


def _event(card: EventCard, carried: str, *, named: bool) -> str:
    of, key, rows = "_", carried, ALIGNED
    if named:
        of, key = ".", "s.subject_id"
        rows = f"""{SUBJECTS} AS s
        CROSS JOIN (SELECT COUNT(*) AS records FROM {quoted(card.table)}) AS n
        LEFT JOIN ({event_query(card)}) AS e
            ON e.subject_id = s.subject_id"""
    value = f"CASE WHEN n{of}records = 0 THEN NULL WHEN e{of}subject_id IS NULL THEN 0 ELSE 1 END"
    return f"""
        SELECT {key}, CAST(NULL AS DOUBLE) AS baseline, CAST(NULL AS DOUBLE) AS follow_up,
            {number(value)} AS value,
            CAST(NULL AS VARCHAR) AS input_state,
            CASE WHEN n{of}records = 0 THEN {literal(f"the table {card.table} has no record")} END AS input_reason
        FROM {rows}"""


def event_query(card: EventCard) -> str:
    """Subjects with the event."""
    return f"SELECT DISTINCT subject_id FROM {quoted(card.table)} AS r WHERE {card.where}"
