"""What harmonising writes beside the tables: the lineage of changed cells, and flags of results that are no number."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from anakinra_t2d.harmonise.record_frame import ROW, record_keys
from anakinra_t2d.schema import Table

_LINEAGE = {
    "table": pl.String,
    "record_key": pl.String,
    "field": pl.String,
    "src_file": pl.String,
    "src_sheet": pl.String,
    "src_row": pl.Int64,
    "src_column": pl.String,
    "value_raw": pl.String,
    "unit_raw": pl.String,
    "conversion": pl.String,
}
_FLAGS = dict.fromkeys(["table", "record_key", "field", "result_status", "limit_value", "value_raw"], pl.String)
FLAG_FIELDS = list(_FLAGS)


class FrameLog:
    """Frames of one shape, written as they come, so that memory does not grow with the data.

    ``paths`` are the Parquet files written so far; all of them can be read after ``close``, and more may be added then.
    """

    def __init__(self, path: Path, schema: dict[str, type[pl.DataType]]) -> None:
        self.paths: list[Path] = []
        self.schema = schema
        self.rows = 0
        self._path = path
        self._given: set[str] = set()
        self._writer: pq.ParquetWriter | None = None

    def add(self, frame: pl.DataFrame) -> None:
        """Add rows; columns that are not there are null."""
        if frame.is_empty():
            return
        whole = pl.DataFrame(schema=self.schema)
        given = [name for name in self.schema if name in frame.columns]
        self._given.update(given)
        table = pl.concat([whole, frame.select(given)], how="diagonal")
        arrow: pa.Table = table.to_arrow(compat_level=pl.CompatLevel.oldest())
        if self._writer is None:
            self.paths.append(self._path.with_name(f"{self._path.name}-{len(self.paths)}"))
            self._writer = pq.ParquetWriter(self.paths[-1], arrow.schema, compression="lz4", write_statistics=False)
        self._writer.write_table(arrow)
        self.rows += frame.height

    def close(self) -> None:
        """Finish the file that is being written."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def read(self) -> pl.DataFrame:
        """All rows, in memory; without the columns that no frame had."""
        self.close()
        columns = [name for name in self.schema if name in self._given]
        return (
            pl.concat([pl.read_parquet(path, columns=columns) for path in self.paths])
            if self.paths
            else pl.DataFrame(schema=self.schema)
        )


class SideTables:
    """The lineage and the flags of one submission in the folder ``scratch``."""

    def __init__(self, scratch: Path) -> None:
        self.lineage = FrameLog(scratch / "harmonised-lineage.parquet", _LINEAGE)
        self.flags = FrameLog(scratch / "harmonised-flags.parquet", {**_FLAGS, "row": pl.Int64, "source": pl.Int64})

    def add(self, table: Table, frame: pl.DataFrame, fields: list[str], place: SourcePlace) -> int:
        """Add what the event columns of a record frame say; returns the number of changed cells.

        ``frame`` has the rows of the source in ``:row`` or, for a field with rows of its own, in ``row:f``.
        """
        # lazily, so that only the columns that are needed are filtered
        records = frame.with_columns(record_keys(frame, table.key)).lazy()
        changed = 0
        for name in fields:
            row = f"row:{name}" if f"row:{name}" in frame.columns else ROW
            if f"conversion:{name}" in frame.columns:
                is_moved = pl.col(f"conversion:{name}").is_not_null()
                moved = records.filter(is_moved).select(
                    pl.lit(table.name).alias("table"),
                    pl.col("record_key").fill_null(""),
                    pl.lit(name).alias("field"),
                    pl.lit(place.file).alias("src_file"),
                    pl.lit(place.sheet, dtype=pl.String).alias("src_sheet"),
                    pl.col(row).alias("src_row"),
                    place.column(name).alias("src_column"),
                    pl.col(f"raw:{name}").alias("value_raw"),
                    pl.col(f"unit:{name}").alias("unit_raw"),
                    pl.col(f"conversion:{name}").alias("conversion"),
                )
                lines = moved.collect()
                changed += lines.height
                self.lineage.add(lines)
            if f"flag:{name}" in frame.columns:
                is_flagged = pl.col(f"flag:{name}").is_not_null() & pl.col("record_key").is_not_null()
                flagged = records.filter(is_flagged).select(
                    pl.lit(table.name).alias("table"),
                    "record_key",
                    pl.lit(name).alias("field"),
                    pl.col(f"flag:{name}").alias("result_status"),
                    pl.col(f"limit:{name}").alias("limit_value"),
                    pl.col(f"raw:{name}").alias("value_raw"),
                    pl.col(row).alias("row"),
                    pl.lit(place.number, dtype=pl.Int64).alias("source"),
                )
                self.flags.add(flagged.collect())
        return changed


class SourcePlace:
    """One sheet as the origin of cells. ``number`` counts the sheets of a submission from 0."""

    def __init__(self, number: int, file: str, sheet: str | None, columns: dict[str, str], over: str | None) -> None:
        self.number = number
        self.file = file
        self.sheet = sheet
        self.columns = columns
        self.over = over
        self.blocks: dict[str, dict[str, str]] = {}

    def column(self, field: str) -> pl.Expr:
        """The header of the column that holds ``field``, for each record."""
        if field in self.blocks and self.over:
            return pl.col(self.over).replace_strict(self.blocks[field], default=None, return_dtype=pl.String)
        return pl.lit(self.columns.get(field, field))

    def header(self, field: str, over: str | None) -> str:
        """The header of the column that holds ``field`` in the record with the value ``over``."""
        if over is not None and field in self.blocks:
            return self.blocks[field].get(over, field)
        return self.columns.get(field, field)
