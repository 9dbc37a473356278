"""Tables made ready for the many cards that read them: patients as numbers, repeated records found once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from anakinra_t2d.across.sql import as_literal, quoted
from anakinra_t2d.endpoint_views.parameters import SUBJECTS
from anakinra_t2d.endpoint_views.samples import ALONE, MINUTE, SUBJECT, Prepared
from anakinra_t2d.schema.endpoints import FormulaCard, OnceCard

if TYPE_CHECKING:
    import duckdb

    from anakinra_t2d.endpoint_views.samples import FromTable
    from anakinra_t2d.schema import Definitions

ROW_GROUP = 250_000


class PreparedTables:
    """Prepares each table when a card first reads it.

    ``trial_subjects`` of ``con`` must have the columns subject_id and subject, the number of the patient. Prepared
    tables go to files in ``folder``, or stay in memory when there is none.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, definitions: Definitions, folder: Path | None) -> None:
        self.con = con
        self.definitions = definitions
        self.folder = folder
        self.prepared = Prepared(self._relation, self._alone, self._flagged)
        self._repeated: dict[str, bool] = {}
        self._flags = self._flagged_fields()
        cards = [card for card in definitions.endpoints.parameters if not isinstance(card, FormulaCard)]
        # also what only another reading of a card names
        named = " ".join(card.model_dump_json(exclude={"vectors", "label", "definition", "source"}) for card in cards)
        self._named = set(re.findall(r"\w+", named))

    def _relation(self, card: FromTable) -> str:
        """The relation of a card's table; its name says what makes records of it repeated."""
        table = self.definitions.tables[card.input.table]
        by_visit = isinstance(card, OnceCard) or any(visit is not None for visit in card.visits.values())
        keys = [*([card.input.by] if by_visit else []), *([MINUTE] if MINUTE in table.key else [])]
        name = "_".join(["prepared", table.name, *keys])
        if name not in self._repeated:
            self._prepare(name, table.name, keys)
        return name

    def _prepare(self, name: str, table: str, keys: list[str]) -> None:
        known = self.definitions.tables[table]
        columns = [column for column in known.fields if column in self._named or column in known.key]
        joined = f"{quoted(table)} AS t JOIN {SUBJECTS} AS s ON s.subject_id = t.subject_id"
        key = ", ".join([f"s.{SUBJECT}", *(f"t.{quoted(one)}" for one in keys)])
        repeated = quoted(f"{name}_repeated")
        self.con.execute(
            f"CREATE TEMP TABLE {repeated} AS SELECT {key} FROM {joined} GROUP BY {key} HAVING COUNT(*) > 1"
        )
        (count,) = self.con.execute(f"SELECT COUNT(*) FROM {repeated}").fetchall()[0]
        self._repeated[name] = count > 0
        same = " AND ".join(
            [f"r.{SUBJECT} = s.{SUBJECT}", *(f"r.{quoted(one)} IS NOT DISTINCT FROM t.{quoted(one)}" for one in keys)]
        )
        alone, others = "TRUE", ""
        if count:
            alone, others = f"r.{SUBJECT} IS NULL", f" LEFT JOIN {repeated} AS r ON {same}"
        selected = ", ".join(f"t.{quoted(column)}" for column in columns)
        query = f"SELECT s.{SUBJECT}, {alone} AS {ALONE}, {selected} FROM {joined}{others}"
        if self.folder is None:
            self.con.execute(f"CREATE TABLE {quoted(name)} AS {query}")
        else:
            path = as_literal(str(self.folder / f"{name}.parquet"))
            self.con.execute(f"COPY ({query}) TO {path} (FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE {ROW_GROUP})")
            self.con.execute(f"CREATE VIEW {quoted(name)} AS SELECT * FROM read_parquet({path})")
        self.con.execute(f"DROP TABLE {repeated}")

    def _alone(self, card: FromTable) -> Literal["all", "some", "none"]:
        if self._flags.get((card.input.table, card.input.field), 0) > 1:
            return "none"
        return "some" if self._repeated[self._relation(card)] else "all"

    def _flagged(self, card: FromTable) -> bool:
        return (card.input.table, card.input.field) in self._flags

    def _flagged_fields(self) -> dict[tuple[str, str], int]:
        """Tables and fields with flags, and the highest number of flags of the same record."""
        side = next((table for table in self.definitions.tables.values() if table.role == "flags"), None)
        if side is None:
            return {}
        rows = self.con.execute(f"""
            SELECT "table", field, MAX(flags) FROM (
                SELECT "table", field, record_key, COUNT(*) AS flags FROM {quoted(side.name)}
                WHERE record_key IS NOT NULL GROUP BY "table", field, record_key
            ) AS counted GROUP BY "table", field""").fetchall()
        return {(table, field): most for table, field, most in rows}
