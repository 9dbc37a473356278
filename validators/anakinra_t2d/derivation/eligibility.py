"""Eligibility as it is released: a row for every screening and criterion, and one for the whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from anakinra_t2d.across.sql import as_literal
from anakinra_t2d.derivation.aligned_columns import Words, with_words, words_at

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from anakinra_t2d.schema.eligibility import Criterion

OVERALL = "OVERALL"
"""The id of the row that says whether a person is eligible."""

AT_ONCE = 20_000
"""Screenings of one query: the rows of all together would be more than memory can order."""

_ORDERED = "screenings_in_order"
_TEXTS = ["state", "missing"]


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


def eligibility_parts(con: duckdb.DuckDBPyConnection, criteria: Sequence[Criterion]) -> Iterator[pa.Table]:
    """The rows of :func:`eligibility_query` for some screenings at a time, one part after the other.

    ``criteria`` are those that the relations judge.
    """
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {_ORDERED} AS
        SELECT i.subject_id, i.screening_no, o.state, o.missing, o.investigator,
            CAST(ROW_NUMBER() OVER (ORDER BY i.subject_id, i.screening_no) - 1 AS INTEGER) AS screening
        FROM (SELECT DISTINCT subject_id, screening_no FROM eligibility_inputs) AS i
        LEFT JOIN eligibility_overall AS o ON {_same("i", "o")}""")
    (screenings,) = con.execute(f"SELECT COUNT(*) FROM {_ORDERED}").fetchall()[0]
    for start in range(0, max(1, screenings), AT_ONCE):
        yield _part(con, criteria, start)
    con.execute(f"DROP TABLE {_ORDERED}")


def _part(con: duckdb.DuckDBPyConnection, criteria: Sequence[Criterion], start: int) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    part = f"SELECT * FROM {_ORDERED} WHERE screening >= {start} AND screening < {start + AT_ONCE}"
    who = con.sql(f"{part} ORDER BY screening").to_arrow_table()
    ends = pc.min_max(who["subject_id"]).as_py()
    # only these people are judged; the join alone would judge everyone
    wanted = (
        "TRUE"
        if ends["min"] is None or who["subject_id"].null_count
        else f"c.subject_id BETWEEN {as_literal(ends['min'])} AND {as_literal(ends['max'])}"
    )
    judged = con.sql(f"""
        SELECT o.screening - {start} AS screening, c.place, c.state, c.missing
        FROM eligibility_criteria AS c JOIN ({part}) AS o ON {_same("c", "o")} WHERE {wanted}""").to_arrow_table()
    whole = np.flatnonzero(who["state"].is_valid().to_numpy())
    screening = np.concatenate([judged["screening"].to_numpy(), whole]).astype(np.int32)
    place = np.concatenate([judged["place"].to_numpy(), np.full(len(whole), len(criteria) + 1)]).astype(np.int32)
    overall = who.take(pa.array(whole))
    investigator = pa.concat_arrays([pa.nulls(judged.num_rows, pa.string()), overall["investigator"].combine_chunks()])
    texts = pa.concat_tables([judged.select(_TEXTS), overall.select(_TEXTS)])
    order = np.lexsort((place, screening))
    screening, place = screening[order], place[order] - 1
    # words are numbered in the order of the rows, which is always the same
    texts = with_words(texts.append_column("investigator", investigator).take(pa.array(order)))
    kinds = Words()
    kind = np.array([*(kinds.code(one.kind) for one in criteria), kinds.code("overall")], np.int32)
    return pa.table(
        {
            "subject_id": words_at(screening, who["subject_id"].combine_chunks()),
            "screening_no": who["screening_no"].combine_chunks().take(pa.array(screening)),
            "criterion_id": words_at(place, pa.array([*(one.id for one in criteria), OVERALL])),
            "kind": kinds.column(kind[place]),
            **{name: texts[name] for name in texts.column_names},
        }
    )


def _same(one: str, other: str) -> str:
    return " AND ".join(f"{one}.{key} IS NOT DISTINCT FROM {other}.{key}" for key in ("subject_id", "screening_no"))
