"""The entry criteria as relations: inputs, one row per screening and criterion, one row per screening."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anakinra_t2d.across.sql import as_literal, quoted

if TYPE_CHECKING:
    import duckdb

    from anakinra_t2d.schema.eligibility import Criterion, Eligibility

INPUTS = "eligibility_inputs"
"""The relation with a row for each screening, from which the criteria are judged."""

LIMITS = ("_below", "_above")
"""What stands after the name of a result in the names of its limits."""

_NONE = "CAST(NULL AS VARCHAR)"


def make_eligibility_relations(con: duckdb.DuckDBPyConnection, eligibility: Eligibility) -> None:
    """Create the relations of eligibility.

    * ``eligibility_inputs``: the query of the definitions.
    * ``eligibility_criteria``: subject_id, screening_no, criterion_id, kind, place (of the criterion, from 1), state
      (met, not_met, not_assessable) and missing: the inputs without a value, separated by comma and space, where the
      state is not_assessable. A criterion after randomisation is met as an exclusion is: when it does not hold.
    * ``eligibility_overall``: subject_id, screening_no, state (eligible, ineligible, not_assessable), failed (ids of
      criteria that are not met), missing (ids of criteria that cannot be judged, where this keeps the state open) and
      investigator, the decision that was signed. A known failure beats a missing value; criteria after randomisation
      have no part in it.
    """
    # tables where several rules read them: the inputs join many tables, the criteria have many rows
    con.execute(f"CREATE OR REPLACE TABLE eligibility_inputs AS {eligibility.inputs}")
    given = {name for name, *_ in con.execute("DESCRIBE eligibility_inputs").fetchall()}
    signed = quoted(eligibility.decision) if eligibility.decision else _NONE
    criteria = eligibility.criteria
    # one CASE over all criteria: the inputs, a join of many tables, are then computed once and not for each criterion
    holds = _of_each(criteria, [f"({one.condition})" for one in criteria])
    missing = _of_each(criteria, [_missing(one, given) for one in criteria])
    con.execute(f"""
        CREATE OR REPLACE VIEW eligibility_criteria AS
        SELECT subject_id, screening_no, criterion_id, kind, place,
            CASE WHEN holds IS NULL THEN 'not_assessable'
                WHEN holds = (kind = 'inclusion') THEN 'met' ELSE 'not_met' END AS state,
            CASE WHEN holds IS NULL THEN {missing} END AS missing
        FROM (
            SELECT i.*, c.*, CAST({holds} AS BOOLEAN) AS holds
            FROM eligibility_inputs AS i CROSS JOIN ({_listed(criteria)}) AS c
        ) AS judged""")
    con.execute(f"""
        CREATE OR REPLACE TABLE eligibility_overall AS
        WITH judged AS (
            SELECT subject_id, screening_no,
                STRING_AGG(criterion_id, ', ' ORDER BY place) FILTER (WHERE state = 'not_met') AS failed,
                STRING_AGG(criterion_id, ', ' ORDER BY place) FILTER (WHERE state = 'not_assessable') AS open_criteria
            FROM eligibility_criteria
            WHERE kind IN ('inclusion', 'exclusion')
            GROUP BY subject_id, screening_no
        ),
        decisions AS (
            SELECT subject_id, screening_no, MIN({signed}) AS investigator
            FROM eligibility_inputs GROUP BY subject_id, screening_no HAVING MIN({signed}) = MAX({signed})
        )
        SELECT j.subject_id, j.screening_no,
            CASE WHEN failed IS NOT NULL THEN 'ineligible' WHEN open_criteria IS NOT NULL THEN 'not_assessable'
                ELSE 'eligible' END AS state,
            failed, CASE WHEN failed IS NULL THEN open_criteria END AS missing, d.investigator
        FROM judged AS j
        LEFT JOIN decisions AS d ON d.subject_id = j.subject_id AND d.screening_no = j.screening_no""")


def _missing(criterion: Criterion, given: set[str]) -> str:
    """SQL text: the inputs of ``criterion`` without a value, by name.

    A result of which only a limit is known is named when nothing else is missing: then the limit does not decide.
    """
    empty, limited = [], []
    for name in criterion.reads:
        if name in criterion.may_be_empty:
            continue
        names = criterion.either if name in criterion.either else [name]
        limits = [quoted(name + side) for side in LIMITS if name + side in given]
        lacking = " AND ".join(_lacking(criterion, one) for one in names)
        if limits:
            limited.append(_named(name, lacking))
            lacking += f" AND COALESCE({', '.join(limits)}) IS NULL"
        empty.append(_named(name, lacking))
    found = [f"NULLIF(CONCAT_WS(', ', {', '.join(parts)}), '')" for parts in (empty, limited) if parts]
    return f"COALESCE({', '.join(found)})" if found else _NONE


def _lacking(criterion: Criterion, name: str) -> str:
    if name in criterion.no_result:
        return f"({quoted(name)} IS NULL OR COALESCE({criterion.no_result[name]}, FALSE))"
    return f"{quoted(name)} IS NULL"


def _named(name: str, lacking: str) -> str:
    return f"CASE WHEN {lacking} THEN {as_literal(name)} END"


def _of_each(criteria: list[Criterion], texts: list[str]) -> str:
    pairs = zip(criteria, texts, strict=True)
    whens = " ".join(f"WHEN {as_literal(one.id)} THEN {text}" for one, text in pairs)
    return f"CASE criterion_id {whens} END" if whens else "NULL"


def _listed(criteria: list[Criterion]) -> str:
    rows = [f"({as_literal(one.id)}, {as_literal(one.kind)}, {place})" for place, one in enumerate(criteria, start=1)]
    if not rows:
        return f"SELECT {_NONE} AS criterion_id, {_NONE} AS kind, 0 AS place WHERE FALSE"
    return f"SELECT * FROM (VALUES {', '.join(rows)}) AS listed(criterion_id, kind, place)"
