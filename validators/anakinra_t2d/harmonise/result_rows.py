"""One result a row, as laboratories export, becomes one record with a field for each test."""

from __future__ import annotations

import difflib
from collections import Counter
from pathlib import Path

import polars as pl

from anakinra_t2d.harmonise.column_reader import ColumnReader, Say
from anakinra_t2d.harmonise.columns import Column, TestColumns, folded
from anakinra_t2d.harmonise.record_frame import EVENTS, ROW, note
from anakinra_t2d.harmonise.side_tables import FrameLog
from anakinra_t2d.schema import Table
from anakinra_t2d.wording import count

_FIELD, _VALUE, _ID, _SAID, _SENT = ":field", ":value", ":id", ":said", ":sent"
_SHOWN_NAMES = 50


class ResultRows:
    """Collects the rows of one export on disk; ``records`` turns them when all are read.

    The rows wait on disk, but are turned in memory: about 300 bytes for each.
    """

    def __init__(self, table: Table, tests: TestColumns, reader: ColumnReader, path: Path, say: Say) -> None:
        self.table = table
        self.tests = tests
        self._reader = reader
        self._say = say
        self._unknown: Counter[str] = Counter()
        self._shared: list[str] = []
        self._path = path
        self._log: FrameLog | None = None

    def add(self, shared: pl.DataFrame, cells: pl.DataFrame) -> None:
        """Add rows; ``shared`` are the fields that every row of a record repeats, read already."""
        names = folded(cells[self.tests.name])
        fields = names.replace_strict(self.tests.fields, default=None, return_dtype=pl.String)
        self._count_unknown(cells.filter(fields.is_null())[self.tests.name])
        texts = cells[self.tests.result.header]
        if self.tests.status is not None and self.tests.status in cells.columns:
            texts = pl.select(pl.coalesce(texts, cells[self.tests.status])).to_series()
        units = None
        if self.tests.result.unit_column in cells.columns:
            units = cells[self.tests.result.unit_column]
        for name in fields.drop_nulls().unique(maintain_order=True):
            here = fields == name
            here = here.fill_null(False)
            self._add_field(
                name, shared.filter(here), texts.filter(here), None if units is None else units.filter(here)
            )

    def _add_field(self, name: str, shared: pl.DataFrame, texts: pl.Series, units: pl.Series | None) -> None:
        result = self.tests.result
        column = Column(name, result.header, result.layout, result.unit, result.unit_column)
        known = {other: shared[other] for other in self.table.fields if other in shared.columns}
        read = self._reader.read_texts(column, texts, units, known)
        own = [series.alias(_own(series.name, name)) for series in read]
        frame = pl.concat([shared, pl.DataFrame(own)], how="horizontal").with_columns(pl.lit(name).alias(_FIELD))
        if self._log is None:
            self._shared = [other for other in self.table.fields if other in shared.columns]
            events = [f"{event}:{other}" for other in self._shared for event in EVENTS]
            own_columns = [_FIELD, _VALUE, *(f"{event}:" for event in EVENTS)]
            schema = dict.fromkeys([*self._shared, *events, *own_columns], pl.String)
            self._log = FrameLog(self._path, {**schema, ROW: pl.Int64})
        self._log.add(frame)

    def _count_unknown(self, names: pl.Series) -> None:
        for name, number in names.fill_null("").value_counts().iter_rows():
            if " ".join(name.split()).casefold() not in self.tests.ignored:
                self._unknown[name] += number

    def records(self) -> pl.DataFrame:
        """The records as a record frame; tests without a field are reported."""
        for name, number in self._unknown.most_common(_SHOWN_NAMES):
            near = difflib.get_close_matches(name.casefold(), list(self.tests.fields), n=1, cutoff=0.8)
            words = {
                "found": name or "without a name",
                "suggestion": f" (did you mean {near[0]}?)" if near else "",
                "rest": f"; {count(number, 'row')} not read",
            }
            self._say("TEST-001", self.tests.name, words)
        if len(self._unknown) > _SHOWN_NAMES:
            left = self._unknown.most_common()[_SHOWN_NAMES:]
            words = {
                "found": f"{len(left)} other names",
                "suggestion": "",
                "rest": f"; {count(sum(n for _, n in left), 'row')}",
            }
            self._say("TEST-001", self.tests.name, words)
        if self._log is None:
            return pl.DataFrame()
        return self._turn(self._numbered(self._log.read()))

    def _numbered(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with the number of their record; a row without a whole key is a record of its own."""
        key = [name for name in self.table.key if name in rows.columns]
        whole = pl.all_horizontal(pl.col(key).is_not_null()) if len(key) == len(self.table.key) else pl.lit(False)
        rows = rows.with_columns(pl.when(whole).then(0).otherwise(pl.col(ROW)).alias(":alone"))
        groups = rows.select([*key, ":alone"]).unique(maintain_order=True).with_row_index(_ID)
        return rows.join(groups, on=[*key, ":alone"], how="left", nulls_equal=True).drop(":alone")

    def _turn(self, rows: pl.DataFrame) -> pl.DataFrame:
        records = self._shared_fields(rows)
        events = [f"{event}:" for event in EVENTS]
        nothing = [pl.lit(None, dtype=pl.String).alias(event) for event in events if event not in rows.columns]
        results = rows.with_columns(nothing).select(_ID, _FIELD, ROW, _VALUE, *events)
        for (name,), own in results.partition_by(_FIELD, maintain_order=True, as_dict=True).items():
            assert isinstance(name, str)
            records = records.join(self._one_field(name, own), on=_ID, how="left")
        return records.drop(_ID)

    def _shared_fields(self, rows: pl.DataFrame) -> pl.DataFrame:
        """One row for each record with what its rows share; where they differ the first counts, and it is noted."""
        kept = [column for column in rows.columns if column in self._shared or column.partition(":")[2] in self._shared]
        others = [name for name in self._shared if name not in self.table.key]
        records = rows.group_by(_ID, maintain_order=True).agg(
            pl.col(ROW).min(),
            *(pl.col(column).drop_nulls().first() for column in kept),
            *(pl.col(name).drop_nulls().unique(maintain_order=True).alias(f"all:{name}") for name in others),
        )
        for name in others:
            values = records[f"all:{name}"]
            differ = (values.list.len() > 1).arg_true()
            if len(differ):
                notes = [note("SRC-001", name, values[at][0], {"other": values[at][1]}) for at in differ]
                records = records.with_columns(records[f"note:{name}"].scatter(differ, notes))
        return records.drop([f"all:{name}" for name in others])

    @staticmethod
    def _one_field(name: str, rows: pl.DataFrame) -> pl.DataFrame:
        """The results of one test by record.

        An empty result gives way to a filled one. Differing results of one record are noted (TEST-002) and none is
        taken; the same result sent again is noted (TEST-003) and taken once.
        """
        limited = pl.concat_str("flag:", "limit:", separator=" ", ignore_nulls=True)
        flagged = pl.when(pl.col("flag:").is_not_null()).then(limited)
        rows = rows.rechunk().with_columns(pl.coalesce(_VALUE, flagged, "note:").alias(_SAID))
        results = (
            rows.sort(pl.col(_SAID).is_null(), maintain_order=True)
            .group_by(_ID, maintain_order=True)
            .agg(
                pl.col(_VALUE, *(f"{event}:" for event in EVENTS)).first(),
                pl.col(ROW).first(),
                pl.coalesce("raw:", _VALUE).drop_nulls().alias(_SENT),
                pl.col(_SAID).drop_nulls().alias(_SAID),
            )
        )
        differ = results[_SAID].list.n_unique() > 1
        repeated = (results[_SAID].list.len() > 1) & ~differ
        for code, found in (("TEST-002", differ), ("TEST-003", repeated)):
            if found.any():
                notes = [
                    note(code, name, "; ".join(dict.fromkeys(sent)), {"times": str(len(sent))})
                    for sent in results.filter(found)[_SENT]
                ]
                before = results["note:"].filter(found)
                joined = [f"{old}\n{new}" if old else new for old, new in zip(before, notes, strict=True)]
                results = results.with_columns(results["note:"].scatter(found.arg_true(), joined))
        results = results.with_columns(
            pl.when(~differ).then(pl.col(_VALUE)).alias(_VALUE),
            pl.when(~differ).then(pl.col("conversion:")).alias("conversion:"),
            pl.when(~differ).then(pl.col("flag:")).alias("flag:"),
        )
        renamed = {_VALUE: name, ROW: f"row:{name}", **{f"{event}:": f"{event}:{name}" for event in EVENTS}}
        return results.drop(_SENT, _SAID).rename(renamed)


def _own(column: str, field: str) -> str:
    return _VALUE if column == field else column.removesuffix(field)
