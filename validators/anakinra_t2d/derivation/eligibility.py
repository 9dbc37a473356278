"""Eligibility as it is released: a row for every screening and criterion, and one for the whole."""

from __future__ import annotations

OVERALL = "OVERALL"
"""The id of the row that says whether a person is eligible."""


def eligibility_query() -> str:
    """SQL over the relations of :func:`anakinra_t2d.across.open_relations`.

    Columns: subject_id, screening_no, criterion_id, kind, state, missing, investigator. ``state`` is met, not_met or
    not_assessable, and ``missing`` names the inputs without a value, separated by comma and space. The row OVERALL of
    each screening has the state eligible, ineligible or not_assessable, in ``missing`` the ids of the open criteria
    that keep it from being judged, and in ``investigator`` the decision that was signed. Ordered by subject,
    screening and criterion, the overall row last.
    """
    return f"""
    SELECT subject_id, screening_no, criterion_id, kind, state, missing, investigator
    FROM (
        SELECT subject_id, screening_no, criterion_id, kind, state, missing,
            CAST(NULL AS VARCHAR) AS investigator, place
        FROM eligibility_criteria
        UNION ALL
        SELECT subject_id, screening_no, '{OVERALL}', 'overall', state, missing, investigator, NULL
        FROM eligibility_overall
    ) AS released
    ORDER BY subject_id, screening_no, place NULLS LAST"""
