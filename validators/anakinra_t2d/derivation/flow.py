"""The enrolment flow as numbers: people at each step, together, by arm and by site, and why others left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anakinra_t2d.across.sql import as_literal, quoted

if TYPE_CHECKING:
    import duckdb

    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.schema.flow import FlowStep

ALL = "all"
"""The group of everybody."""


@dataclass(frozen=True)
class FlowRow:
    """A number of people: of a step in a group when ``reason`` is None, else of those who left for that reason.

    ``kind`` is goes_on, leaves or part (of the parent), ``by`` is all, arm or site. ``n`` is None when a table that
    the step counts is empty. ``adds_up`` is given on the totals of steps that others follow: whether they add up to
    it; None when a number of them is not known. A person with two reasons counts in both.
    """

    step: str
    label: str
    parent: str | None
    kind: str
    place: int
    by: str
    group: str
    group_label: str
    reason: str | None
    reason_label: str | None
    n: int | None
    adds_up: bool | None


def flow_rows(con: duckdb.DuckDBPyConnection, definitions: Definitions, *, arms: bool = False) -> list[FlowRow]:
    """The rows of :func:`flow_query`."""
    return [FlowRow(*row) for row in con.execute(flow_query(definitions, arms=arms)).fetchall()]


def flow_query(definitions: Definitions, *, arms: bool = False) -> str:
    """SQL over the relations of :func:`anakinra_t2d.across.open_relations` with the columns of :class:`FlowRow`.

    ``arms`` adds a group for each arm to the steps from randomisation on; it reads the relation ``trial_arms``
    (subject_id, arm) and reveals the allocation. Groups of sites are there for every step. Ordered by step, group and
    number, each total before its reasons.
    """
    flow, trial = definitions.flow, definitions.trial
    groups = [(ALL, ALL, "Everybody")]
    groups += [("arm", arm.id, arm.label) for arm in trial.arms if arms]
    groups += [("site", site.id, site.label) for site in trial.sites]
    of_arms = """
        UNION ALL
        SELECT p.step, 'arm', a.arm, p.person, p.reason FROM people AS p
        JOIN trial_arms AS a ON a.subject_id = p.subject_id"""
    allocated = ", ".join(as_literal(id) for id in sorted(flow.allocated)) or "NULL"
    return f"""
    WITH steps AS (
        {_union(_step(place, step) for place, step in enumerate(flow.steps, start=1))}
    ),
    people AS (
        {_union(_people(step) for step in flow.steps)}
    ),
    words AS (
        {_values(_words(definitions), ("step", "reason", "reason_label"))}
    ),
    known_groups AS (
        {_values(groups, ("by", "group", "group_label"))}
    ),
    members AS (
        SELECT step, {as_literal(ALL)} AS "by", {as_literal(ALL)} AS "group", person, reason FROM people
        UNION ALL
        SELECT step, 'site', site_id, person, reason FROM people WHERE site_id IS NOT NULL{of_arms if arms else ""}
    ),
    totals AS (
        SELECT s.step, g."by", g."group", CASE WHEN s.known THEN COUNT(DISTINCT m.person) END AS n
        FROM steps AS s
        JOIN known_groups AS g ON g."by" <> 'arm' OR s.step IN ({allocated})
        LEFT JOIN members AS m ON m.step = s.step AND m."by" = g."by" AND m."group" = g."group"
        GROUP BY s.step, s.known, g."by", g."group"
    ),
    followed AS (
        SELECT s.parent AS step, t."by", t."group",
            CASE WHEN COUNT(*) = COUNT(t.n) THEN SUM(t.n) END AS n
        FROM totals AS t
        JOIN steps AS s ON s.step = t.step AND s.kind IN ('goes_on', 'leaves')
        GROUP BY s.parent, t."by", t."group"
    ),
    counted AS (
        SELECT t.step, t."by", t."group", CAST(NULL AS VARCHAR) AS reason, t.n, t.n = f.n AS adds_up
        FROM totals AS t
        LEFT JOIN followed AS f ON f.step = t.step AND f."by" = t."by" AND f."group" = t."group"
        UNION ALL
        SELECT m.step, m."by", m."group", m.reason, COUNT(DISTINCT m.person), NULL
        FROM members AS m
        JOIN steps AS s ON s.step = m.step AND s.known
        WHERE m.reason IS NOT NULL
        GROUP BY m.step, m."by", m."group", m.reason
    )
    SELECT c.step, s.label, s.parent, s.kind, s.place, c."by", c."group", g.group_label, c.reason,
        CASE WHEN c.reason IS NOT NULL THEN COALESCE(w.reason_label, c.reason) END AS reason_label, c.n, c.adds_up
    FROM counted AS c
    JOIN steps AS s ON s.step = c.step
    JOIN known_groups AS g ON g."by" = c."by" AND g."group" = c."group" AND (c."by" <> 'arm' OR c.step IN ({allocated}))
    LEFT JOIN words AS w ON w.step = c.step AND w.reason = c.reason
    ORDER BY s.place, g.place, c.reason IS NOT NULL, c.n DESC, w.place, c.reason"""


def _step(place: int, step: FlowStep) -> str:
    known = " AND ".join(f"EXISTS (SELECT 1 FROM {quoted(table)})" for table in step.tables) or "TRUE"
    parent = "CAST(NULL AS VARCHAR)" if step.parent is None else as_literal(step.parent)
    return (
        f"SELECT {as_literal(step.id)} AS step, {as_literal(step.label)} AS label, {parent} AS parent, "
        f"{as_literal(step.kind)} AS kind, {place} AS place, {known} AS known"
    )


def _people(step: FlowStep) -> str:
    return (
        f"SELECT {as_literal(step.id)} AS step, person, subject_id, site_id, reason "
        f"FROM (\n{step.people}\n) AS {quoted(step.id)} WHERE person IS NOT NULL"
    )


def _words(definitions: Definitions) -> list[tuple[str, ...]]:
    """Step, reason and its words; the words of the flow itself before those of a codelist."""
    found: dict[tuple[str, str], str] = {}
    for step in definitions.flow.steps:
        reasons = step.reasons
        if reasons is None:
            continue
        words = dict(reasons.words)
        if reasons.codelist:
            words |= {
                term.code: term.label
                for term in definitions.codelists[reasons.codelist].terms
                if term.code not in words
            }
        if reasons.criteria:
            words |= {one.id: _of_criterion(one.id, one.text, one.kind) for one in definitions.eligibility.criteria}
        found |= {(step.id, code): text for code, text in words.items()}
    return [(*key, text) for key, text in found.items()]


def _of_criterion(id: str, text: str, kind: str) -> str:
    return f"{id} not met: {text}" if kind == "inclusion" else f"{id}: {text}"


def _union(queries: Iterable[str]) -> str:
    return "\n        UNION ALL ".join(queries)


def _values(rows: Sequence[tuple[str, ...]], names: Sequence[str]) -> str:
    columns = ", ".join(map(quoted, names))
    if not rows:
        return (
            f"SELECT {', '.join(f'CAST(NULL AS VARCHAR) AS {quoted(name)}' for name in names)}, 0 AS place WHERE FALSE"
        )
    listed = ", ".join(f"({', '.join(map(as_literal, row))}, {place})" for place, row in enumerate(rows, start=1))
    return f"SELECT * FROM (VALUES {listed}) AS listed({columns}, place)"
