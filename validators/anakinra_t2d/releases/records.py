"""The records of a view: tables without what the view leaves out, in the order they had, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow.parquet as pq

from anakinra_t2d.reading import InputError
from anakinra_t2d.releases.view import ReleaseView, is_free_text
from anakinra_t2d.restricted.signs import Signs
from anakinra_t2d.write.parquet_table import ParquetTable

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions, Table

_BATCH = 100_000
_PLACE = "_place"


@dataclass
class Cut:
    """What was done to the records: how many are in each table, and where records or cells were left out.

    ``numbers`` gives, for a table that was numbered anew, the new number by subject and old number, and nothing for a
    record that was left out.
    """

    rows: dict[str, int] = field(default_factory=dict)
    numbered_anew: list[str] = field(default_factory=list)
    emptied: list[tuple[str, str]] = field(default_factory=list)
    numbers: dict[str, dict[tuple[str, ...], int]] = field(default_factory=dict)


class TableCut:
    """What of one table is left out, worked out before its records are written."""

    def __init__(self, view: ReleaseView, table: Table, shown: Definitions, path: Path) -> None:
        self.view = view
        self.table = table
        self.shown = shown.tables[table.name]
        self.path = path
        self.codes = [(one, codes) for one, codes in view.codes if one.table == table.name]
        self.words = telling_words(view)
        self.texts = [
            name for name, field in self.shown.fields.items() if self.words and is_free_text(view.found, table, field)
        ]
        self.number = next((one.field for one in view.file.numbered_anew if one.table == table.name), None)

    def batches(self) -> Iterator[pl.DataFrame]:
        """The records as they are, codes as text."""
        for batch in pq.ParquetFile(self.path, pre_buffer=False).iter_batches(_BATCH):
            frame = pl.DataFrame(pl.from_arrow(batch))
            yield frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))

    def left_out(self) -> pl.Expr:
        """Whether a record goes."""
        gone = pl.lit(value=False)
        for one, codes in self.codes:
            if one.leaves == "record":
                gone |= pl.col(one.field).cast(pl.String).is_in(sorted(codes))
        for name in self.texts:
            if self.table.fields[name].required == "always":
                gone |= self._tells(name)
        return gone.fill_null(value=False)

    def changes(self) -> list[pl.Expr]:
        """The columns of which cells go, or become another code."""
        changed = [
            pl.when(pl.col(one.field).cast(pl.String).is_in(sorted(codes)))
            .then(pl.lit(one.becomes, pl.String))
            .otherwise(pl.col(one.field))
            .alias(one.field)
            for one, codes in self.codes
            if one.leaves == "value" and one.field in self.shown.fields
        ]
        return changed + [
            pl.when(self._tells(name)).then(pl.lit(None, pl.String)).otherwise(pl.col(name)).alias(name)
            for name in self.texts
            if self.table.fields[name].required != "always"
        ]

    def _tells(self, name: str) -> pl.Expr:
        told = pl.lit(value=False)
        for pattern in self.words:
            told |= pl.col(name).str.contains(pattern)
        return told.fill_null(value=False)

    def new_numbers(self) -> dict[tuple[str, ...], int] | None:
        """The running numbers without gaps, by the other parts of the key and the old number; None: as they were."""
        name = self.number
        if name is None:
            return None
        others = [part for part in self.table.key if part != name]
        parts = [batch.select(*others, name, gone=self.left_out()) for batch in self.batches() if batch.height]
        records = pl.concat(parts) if parts else None
        if records is None or not records["gone"].any():
            return None
        kept = records.filter(~pl.col("gone")).sort(*others, name).with_columns(new=pl.cum_count(name).over(others))
        return {
            (*map(str, row[:-2]), str(row[-2])): int(row[-1]) for row in kept.select(*others, name, "new").iter_rows()
        }


def cut_records(view: ReleaseView, tables: Mapping[str, Path], shown: Definitions, folder: Path) -> Cut:
    """Write the tables of a view into ``folder``, each as ``<table>.parquet``.

    Args:
        view: what is left out.
        tables: the Parquet files of all tables.
        shown: the definitions of the view, with the tables that are to be written.
        folder: an empty directory.

    Raises:
        InputError: a record cannot be left out although it could tell the arm, because others refer to it.
    """
    cut = Cut()
    last = [name for name in shown.tables if shown.tables[name].role == "flags"]
    for name in [*(name for name in shown.tables if name not in last), *last]:
        table = TableCut(view, view.found.tables[name], shown, tables[name])
        if (numbers := table.new_numbers()) is not None:
            cut.numbers[name] = numbers
            cut.numbered_anew.append(name)
        _write(table, shown, folder / f"{name}.parquet", cut)
    return cut


def _write(table: TableCut, shown: Definitions, path: Path, cut: Cut) -> None:
    name = table.table.name
    is_parent = any(reference.table == name for other in shown.tables.values() for reference in other.foreign_keys)
    metadata = {"schema_fingerprint": shown.fingerprint, "view": table.view.name}
    emptied: set[str] = set()
    with ParquetTable(path, table.shown, shown, metadata) as writer:
        for batch in table.batches():
            kept = batch.filter(~table.left_out())
            if is_parent and kept.height < batch.height:
                raise InputError(
                    f"A record of {name} could tell the arm by a text that it must have, and other tables refer to it, "
                    "so that it cannot be left out. Correct the text in the submission; `anakinra-t2d validate "
                    "--blinded` shows where it is."
                )
            changed = kept.with_columns(table.changes())
            emptied |= {one for one in table.texts if changed[one].null_count() > kept[one].null_count()}
            if table.table.role == "flags":
                changed = _flags(changed, table.view, shown, cut)
            elif name in cut.numbers:
                changed = _renumbered(changed, table, cut.numbers[name])
            writer.write(changed.select(list(table.shown.fields)))
    cut.rows[name] = writer.rows
    cut.emptied += [(name, one) for one in table.shown.fields if one in emptied]


def _renumbered(frame: pl.DataFrame, table: TableCut, numbers: Mapping[tuple[str, ...], int]) -> pl.DataFrame:
    number = table.number
    assert number is not None
    others = [part for part in table.table.key if part != number]
    new = [numbers[(*map(str, row[:-1]), str(row[-1]))] for row in frame.select(*others, number).iter_rows()]
    return frame.with_columns(pl.Series(number, new, pl.Int64))


def _flags(frame: pl.DataFrame, view: ReleaseView, shown: Definitions, cut: Cut) -> pl.DataFrame:
    """Flags of values that the view has, with the new numbers of their records."""
    table_of, key_of, field_of = flag_columns(view.found)
    places = {(name, field) for name, table in shown.tables.items() for field in table.fields}
    rows = frame.with_row_index(_PLACE).select(_PLACE, table_of, key_of, field_of).iter_rows()
    kept: list[int] = []
    keys: list[str] = []
    for place, name, key, field_name in rows:
        new = new_key(view.found, cut, name, key) if (name, field_name) in places else None
        if new is not None:
            kept.append(place)
            keys.append(new)
    return frame[kept].with_columns(pl.Series(key_of, keys, pl.String))


def flag_columns(found: Definitions) -> tuple[str, str, str]:
    """The columns of the side table that name the table, the record and the field of a value."""
    flags = next(table for table in found.tables.values() if table.role == "flags")
    table, key, name = flags.key
    return table, key, name


def new_key(found: Definitions, cut: Cut, table: str, key: str) -> str | None:
    """The key of a record, written ``name=value|name=value``, with its new number; None when the record is gone."""
    numbers = cut.numbers.get(table)
    if numbers is None:
        return key
    parts = dict(part.partition("=")[::2] for part in key.split("|"))
    number = found.tables[table].key[-1]
    new = numbers.get(tuple(parts.get(name, "") for name in found.tables[table].key))
    if new is None:
        return None
    return "|".join(f"{name}={new if name == number else value}" for name, value in parts.items())


def telling_words(view: ReleaseView) -> list[str]:
    """Patterns of cells and texts that the view must not have; those of events only where these go as well."""
    if not view.terms.without("revealing_words"):
        return []
    signs = Signs(view.found, blinded=view.terms.passes == "everything")
    return [sign.source for sign in (*signs.cells, *signs.texts)]
