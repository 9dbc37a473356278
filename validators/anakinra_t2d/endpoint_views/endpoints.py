"""The query of each operation on endpoints: subject_id, baseline, follow_up, value, state and reason."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from anakinra_t2d.endpoint_views.parameters import SUBJECTS
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
    given = _given(card, name_of)
    if card.subgroup:
        sub = card.subgroup
        joined = f"""
        LEFT JOIN {name_of(sub.parameter)} AS g ON g.subject_id = s.subject_id AND g.visit = {literal(sub.visit)}"""
        belongs = f"CASE WHEN {_on_value(sub.condition)} THEN 1 WHEN NOT ({_on_value(sub.condition)}) THEN 0 END"
        group_reason = "g.reason"
    else:
        joined, belongs, group_reason = "", "1", "CAST(NULL AS VARCHAR)"
    return f"""
    WITH given AS ({given}
    ),
    judged AS (
        SELECT s.subject_id, d.baseline, d.follow_up, d.value, d.input_state, d.input_reason,
            CASE WHEN p.member = 0 THEN 'not_in_population' WHEN {belongs} = 0 THEN 'not_in_population'
                WHEN p.member IS NULL OR {belongs} IS NULL OR d.value IS NULL THEN 'not_derivable'
                ELSE COALESCE(d.input_state, 'derived') END AS state,
            CASE WHEN p.member = 0 THEN {literal(f"not in the population {card.population}")}
                WHEN {belongs} = 0 THEN 'not in the subgroup'
                WHEN p.member IS NULL THEN {literal(f"membership in the population {card.population} is not known")}
                WHEN {belongs} IS NULL THEN 'subgroup not known: ' || COALESCE({group_reason}, 'no value')
                ELSE d.input_reason END AS reason
        FROM {SUBJECTS} AS s
        LEFT JOIN {name_of(card.population)} AS p ON p.subject_id = s.subject_id{joined}
        LEFT JOIN given AS d ON d.subject_id = s.subject_id
    )
    SELECT subject_id, {_shown("baseline")}, {_shown("follow_up")},
        CASE WHEN state NOT IN ('not_derivable', 'not_in_population') THEN value END AS value, state, reason
    FROM judged"""


def _shown(column: str) -> str:
    return f"CASE WHEN state <> 'not_in_population' THEN {column} END AS {column}"


def _on_value(condition: str) -> str:
    return re.sub(r"\bvalue\b", "g.value", condition)


def _given(card: Endpoint, name_of: NameOf) -> str:
    if isinstance(card, TwoVisitsCard):
        return _two_visits(card, name_of)
    if isinstance(card, LevelCard):
        return f"""
        SELECT subject_id, CAST(NULL AS DOUBLE) AS baseline, value AS follow_up, value,
            CASE WHEN state <> 'derived' THEN state END AS input_state,
            CASE WHEN reason IS NOT NULL THEN {literal(card.visit + ": ")} || reason END AS input_reason
        FROM {name_of(card.parameter)} WHERE visit = {literal(card.visit)}"""
    if isinstance(card, MeanOverCard):
        return _mean_over(card, name_of)
    return _event(card)


def _two_visits(card: TwoVisitsCard, name_of: NameOf) -> str:
    parameter = name_of(card.parameter)
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
        SELECT subject_id, baseline, follow_up,
            CASE WHEN problem IS NULL THEN {number(_TWO[card.operation])} END AS value,
            CASE {" ".join(f"WHEN {condition} THEN {state}" for condition, state, _ in states)} END AS input_state,
            CASE WHEN problem IS NOT NULL THEN problem
                {" ".join(f"WHEN {condition} THEN {words}" for condition, _, words in states)}
                {" ".join(f"WHEN {condition} THEN {words}" for condition, words in notes)} END AS input_reason
        FROM (
            SELECT both_visits.*, CASE {problem} END AS problem
            FROM (
                SELECT s.subject_id, b.value AS baseline, f.value AS follow_up, b.state AS baseline_state,
                    f.state AS follow_up_state, b.reason AS baseline_reason, f.reason AS follow_up_reason
                FROM {SUBJECTS} AS s
                LEFT JOIN {parameter} AS b ON b.subject_id = s.subject_id AND b.visit = {literal(card.baseline)}
                LEFT JOIN {parameter} AS f ON f.subject_id = s.subject_id AND f.visit = {literal(card.follow_up)}
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


def _event(card: EventCard) -> str:
    return f"""
        SELECT s.subject_id, CAST(NULL AS DOUBLE) AS baseline, CAST(NULL AS DOUBLE) AS follow_up,
            {number("CASE WHEN n.records = 0 THEN NULL WHEN e.subject_id IS NULL THEN 0 ELSE 1 END")} AS value,
            CAST(NULL AS VARCHAR) AS input_state,
            CASE WHEN n.records = 0 THEN {literal(f"the table {card.table} has no record")} END AS input_reason
        FROM {SUBJECTS} AS s
        CROSS JOIN (SELECT COUNT(*) AS records FROM {quoted(card.table)}) AS n
        LEFT JOIN (SELECT DISTINCT subject_id FROM {quoted(card.table)} AS r WHERE {card.where}) AS e
            ON e.subject_id = s.subject_id"""
