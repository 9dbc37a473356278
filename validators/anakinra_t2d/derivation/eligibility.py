"""Eligibility as it is released: a row for every screening and criterion, and one for the whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from anakinra_t2d.across.sql import as_literal

if TYPE_CHECKING:
    import duckdb

OVERALL = "OVERALL"
"""The id of the row that says whether a person is eligible."""

AT_ONCE = 20_000
"""Screenings of one query: the rows of all together would be more than memory can order."""


def eligibility_query(wanted: str = "TRUE") -> str:
    """SQL over the relations of :func:`anakinra_t2d.across.open_relations`.

    Columns: subject_id, screening_no, criterion_id, kind, state, missing, investigator. ``state`` is met, not_met or
    not_assessable, and ``missing`` names the inputs without a value, separated by comma and space. The row OVERALL of
    each screening has the state eligible, ineligible or not_assessable, in ``missing`` the ids of the open criteria
    that keep it from being judged, and in ``investigator`` the decision that was signed. Ordered by subject,
    screening and criterion, the overall row last. ``wanted`` is a condition on subject_id.
    """
    return f"""
    SELECT subject_id, screening_no, criterion_id, kind, state, missing, investigator
    FROM (
        SELECT subject_id, screening_no, criterion_id, kind, state, missing,
            CAST(NULL AS VARCHAR) AS investigator, place
        FROM eligibility_criteria WHERE {wanted}
        UNION ALL
        SELECT subject_id, screening_no, '{OVERALL}', 'overall', state, missing, investigator, NULL
        FROM eligibility_overall WHERE {wanted}
    ) AS released
    ORDER BY subject_id, screening_no, place NULLS LAST"""


def eligibility_parts(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """The same for some subjects at a time: these queries give the rows one after the other."""
    firsts = con.execute(f"""
        SELECT DISTINCT subject_id FROM (
            SELECT subject_id, ROW_NUMBER() OVER (ORDER BY subject_id) AS place FROM eligibility_overall
            WHERE subject_id IS NOT NULL
        ) AS numbered WHERE place % {AT_ONCE} = 0 ORDER BY subject_id""").fetchall()
    starts = ["TRUE", *(f"subject_id >= {as_literal(first)}" for (first,) in firsts)]
    for start, (first,) in zip(starts, firsts, strict=False):
        yield eligibility_query(f"{start} AND subject_id < {as_literal(first)}")
    # rows without a subject come last
    yield eligibility_query(f"({starts[-1]} OR subject_id IS NULL)")
