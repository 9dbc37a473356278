"""The day on which a parameter was measured: of the record it was read from, by parameter, subject and visit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anakinra_t2d.derivation.adam_subjects import SUBJECT, frame_of
from anakinra_t2d.endpoint_views.samples import SEQUENCE, visit_of
from anakinra_t2d.endpoint_views.text import literal, quoted
from anakinra_t2d.schema.endpoints import FormulaCard, FromRecords, OnceCard

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from anakinra_t2d.schema import Definitions, Table
    from anakinra_t2d.schema.endpoints import Coded, Sampled


def parameter_dates(con: duckdb.DuckDBPyConnection, definitions: Definitions) -> pl.DataFrame:
    """Days as subject_id, parameter, visit and ``ADT``, one row each; nothing where there is no day.

    A formula has the latest day of its inputs. What is measured once for all visits has no day of its own. Records of a
    visit with different days, none of which counts before the others, give none.
    """
    import polars as pl

    days: dict[str, pl.DataFrame] = {}
    asked: dict[str, pl.DataFrame] = {}
    for card in definitions.endpoints.parameters:
        if isinstance(card, FormulaCard):
            visits = pl.DataFrame({"visit": list(card.visits)}, schema={"visit": pl.String})
            parts = []
            for source in card.inputs.values():
                part = days[source.parameter]
                if source.visit:
                    part = part.filter(pl.col("visit") == source.visit).drop("visit").join(visits, how="cross")
                parts.append(part.select(SUBJECT, "visit", "ADT"))
            latest = pl.concat(parts).group_by(SUBJECT, "visit").agg(pl.col("ADT").max())
            days[card.id] = latest.join(visits, on="visit", how="semi")
        elif isinstance(card, OnceCard) or (query := _query(card, definitions)) is None:
            days[card.id] = pl.DataFrame(schema={SUBJECT: pl.String, "visit": pl.String, "ADT": pl.Date})
        else:
            # parameters of one table mostly ask the same
            if query not in asked:
                asked[query] = frame_of(con, query).drop_nulls()
            days[card.id] = asked[query]
    return pl.concat(
        [
            frame.select(
                pl.col(SUBJECT).cast(pl.String), pl.lit(id).alias("parameter"), pl.col("visit").cast(pl.String), "ADT"
            )
            for id, frame in days.items()
        ]
    )


def _query(card: Sampled | Coded, definitions: Definitions) -> str | None:
    table = definitions.tables[card.input.table]
    parts, joins = [], []
    for place, source in enumerate(_sources(table, definitions)):
        other, _, name = source.partition(".")
        if other == table.name:
            parts.append(f"CAST(r.{quoted(name)} AS DATE)")
            continue
        shared = [key for key in definitions.tables[other].key if key in table.fields]
        if SUBJECT not in shared or card.input.by not in shared:
            continue
        # a table that does not count the repeats of a visit has the day of the first
        joins.append(
            f"LEFT JOIN (SELECT {', '.join(map(quoted, shared))}, MIN(CAST({quoted(name)} AS DATE)) AS day "
            f"FROM {quoted(other)} GROUP BY ALL) AS d{place} "
            f"ON {' AND '.join(f'd{place}.{quoted(key)} = r.{quoted(key)}' for key in shared)}"
        )
        parts.append(f"d{place}.day")
    if not parts:
        return None
    rank = "1"
    if SEQUENCE in table.key and isinstance(card, FromRecords):
        direction = "DESC" if card.repeats == "last" else "ASC"
        rank = (
            f"RANK() OVER (PARTITION BY r.{SUBJECT}, {visit_of(card)} "
            f"ORDER BY {_without_result(card, table, definitions)}, r.{SEQUENCE} {direction})"
        )
    return f"""
    SELECT {SUBJECT}, visit, CASE WHEN MIN(day) = MAX(day) THEN MIN(day) END AS "ADT"
    FROM (
        SELECT r.{SUBJECT}, {visit_of(card)} AS visit, COALESCE({", ".join(parts)}) AS day, {rank} AS choice
        FROM {quoted(table.name)} AS r
        {" ".join(joins)}
        WHERE {f"({card.input.where})" if card.input.where else "TRUE"}
    ) AS dated
    WHERE choice = 1 AND visit IS NOT NULL
    GROUP BY {SUBJECT}, visit"""


def _sources(table: Table, definitions: Definitions) -> list[str]:
    values = definitions.adam.values
    own = values.dates.get(table.name)
    return [source for source in (own, values.usual_date) if source]


def _without_result(card: FromRecords, table: Table, definitions: Definitions) -> str:
    """0 for a record whose result counts, as the parameters choose it: a number, or one beyond a limit."""
    side = next((one for one in definitions.tables.values() if one.role == "flags"), None)
    empty = f"r.{quoted(card.input.field)} IS NULL"
    if side is None:
        return f"CASE WHEN {empty} THEN 1 ELSE 0 END"
    key = " || ".join(
        f"'{'|' if place else ''}{name}=' || CAST(r.{quoted(name)} AS VARCHAR)" for place, name in enumerate(table.key)
    )
    return (
        f"CASE WHEN {empty} AND NOT EXISTS (SELECT 1 FROM {quoted(side.name)} AS f "
        f'WHERE f."table" = {literal(table.name)} AND f.field = {literal(card.input.field)} '
        f"AND f.result_status IN ('below_limit', 'above_limit') AND f.record_key = {key}) THEN 1 ELSE 0 END"
    )
