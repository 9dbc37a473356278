"""Parameters, endpoints, eligibility, flow and results of released tables, derived from nothing but these tables."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from anakinra_t2d.reading.discover import MANIFEST, PACKAGE
from anakinra_t2d.schema.deidentification import split
from anakinra_t2d.schema.endpoints import EventCard
from anakinra_t2d.schema.sql import columns_read
from anakinra_t2d.write.whole_directory import whole_directory

if TYPE_CHECKING:
    import polars as pl

    from anakinra_t2d.deidentify.risk import RiskReport
    from anakinra_t2d.schema import Definitions, Table

DAY_ONE = dt.date(2101, 1, 1)
"""What study day 1 is while eligibility is judged; months then are as long as here."""
_WITHHELD = "withheld by de-identification"


def derive_released(
    tables: Path,
    out: Path,
    *,
    report: RiskReport,
    definitions: Definitions,
    readings: Mapping[str, str] | None = None,
    synthetic: bool = False,
    without: Iterable[str] = (),
) -> list[str]:
    """Derive from de-identified tables and write ``parameters.parquet`` and the others into ``out``.

    Nothing gets in that the released tables do not hold. For the time of the calculation study days become dates of a
    calendar of their own, and values in bands are as good as missing, so that what needs the exact value is not
    derivable and says so. Withheld are endpoints of events whose codes were pooled or left out, the flow by centre
    where not everybody's centre is released, numbers of people below the threshold among reasons of the flow, and
    results of groups of fewer people than the threshold.

    Args:
        tables: a directory that ``deidentify_directory`` wrote.
        out: a new or empty directory.
        report: what ``deidentify_directory`` returned.
        definitions: the definitions that it was given.
        readings: choices of open readings, by id.
        synthetic: the data are simulated.
        without: ids of further endpoints whose records the view does not hold.

    Returns:
        The names of the tables written.

    Raises:
        InputError, OutputError, ReadingError: as ``derive``.
    """
    import polars as pl

    from anakinra_t2d.derivation.run import derive
    from anakinra_t2d.forms.derived_tables import DERIVED

    hidden = _hidden_endpoints(report, definitions) | set(without)
    with whole_directory(out, marker="") as folder, tempfile.TemporaryDirectory(prefix=".work-", dir=folder) as scratch:
        work = Path(scratch) / "tables"
        _prepare(tables, work, report, definitions, synthetic=synthetic)
        derive(work, readings=readings, found=definitions)
        frames = {name: pl.read_parquet(work / f"{name}.parquet") for name in DERIVED}
        frames["endpoints"] = _without_hidden(frames["endpoints"], hidden)
        frames["eligibility"] = _eligibility(frames["eligibility"], report)
        frames["results"] = _results(frames["results"], hidden, report.threshold, definitions)
        frames["flow"] = _flow(frames["flow"], report.threshold)
        for name, frame in frames.items():
            frame.write_parquet(folder / f"{name}.parquet", compression="zstd")
    return list(DERIVED)


def _prepare(tables: Path, work: Path, report: RiskReport, found: Definitions, *, synthetic: bool) -> None:
    """The released tables in the types of the definitions, with what ``derive`` reads beside them."""
    import polars as pl

    work.mkdir()
    names = [name for name in report.definitions.tables if (tables / f"{name}.parquet").is_file()]
    for name in names:
        frame = pl.read_parquet(tables / f"{name}.parquet")
        _as_defined(frame, found.tables[name], report.definitions.tables[name]).write_parquet(work / f"{name}.parquet")
    manifest = {
        "schema_version": found.trial.version,
        "schema_fingerprint": found.fingerprint,
        "synthetic": synthetic,
        "files": {},
    }
    package = {"resources": [{"name": name, "path": f"{name}.parquet"} for name in names]}
    for name, document in ((MANIFEST, manifest), (PACKAGE, package)):
        (work / name).write_text(json.dumps(document), encoding="utf-8")


def _as_defined(frame: pl.DataFrame, table: Table, released: Table) -> pl.DataFrame:
    import polars as pl

    for name, now in released.fields.items():
        before = table.fields[name]
        if before.type in ("date", "datetime") and now.type == "integer":
            day = pl.col(name)
            # day 1 follows day -1
            distance = pl.when(day > 0).then(day - 1).otherwise(day)
            frame = frame.with_columns((pl.lit(DAY_ONE) + pl.duration(days=distance)).alias(name))
        elif now.codelist != before.codelist:
            frame = frame.drop(name)
        if before.type == "datetime":
            frame = frame.with_columns(pl.col(name).cast(pl.Datetime("us")))
    return frame


def _hidden_endpoints(report: RiskReport, found: Definitions) -> set[str]:
    """Endpoints of events that the released tables no longer tell."""
    from anakinra_t2d.endpoint_views.matching_record import matching_record

    pooled = {one.rule.field: one.hidden for one in report.rare if one.codes}
    hidden = set()
    for card in found.endpoints.endpoints:
        if not isinstance(card, EventCard) or card.table not in report.definitions.tables:
            continue
        read = columns_read(card.where)
        record = matching_record(card.where)
        for name, codes in pooled.items():
            table, column = split(name)
            if table == card.table and column in read and (column not in record or record[column] in codes):
                hidden.add(card.id)
        if not read <= set(report.definitions.tables[card.table].fields):
            hidden.add(card.id)
    return hidden


def _without_hidden(frame: pl.DataFrame, hidden: set[str]) -> pl.DataFrame:
    import polars as pl

    gone = pl.col("endpoint_id").is_in(sorted(hidden))
    return frame.with_columns(
        *(pl.when(gone).then(None).otherwise(pl.col(name)).alias(name) for name in ("baseline", "follow_up", "value")),
        pl.when(gone).then(pl.lit("not_derivable")).otherwise(pl.col("state")).alias("state"),
        pl.when(gone).then(pl.lit(_WITHHELD)).otherwise(pl.col("reason")).alias("reason"),
    )


def _eligibility(frame: pl.DataFrame, report: RiskReport) -> pl.DataFrame:
    """Criteria that a pooled code would decide are open."""
    import polars as pl

    open_ = sorted({id for one in report.rare if one.codes for id in one.rule.criteria})
    state = pl.when(pl.col("criterion_id").is_in(open_)).then(pl.lit("not_assessable")).otherwise(pl.col("state"))
    return frame.with_columns(state.alias("state"))


def _results(frame: pl.DataFrame, hidden: set[str], threshold: int, found: Definitions) -> pl.DataFrame:
    """Results without hidden endpoints, what depends on them, and groups of few people."""
    import polars as pl

    cards = [*found.endpoints.endpoints, *found.endpoints.groups]
    gone = {card.id for card in cards if any(f'"{one}"' in card.model_dump_json() for one in hidden)} | hidden
    one_result = ["endpoint_id", "reading"]
    counted = frame.filter((pl.col("statistic") == "n") & (pl.col("value") > 0) & (pl.col("value") < threshold))
    small = counted.select(*one_result, "group").unique().with_columns(small=True)
    compared = counted.select(one_result).unique().with_columns(compared=True)
    joined = frame.join(small, on=[*one_result, "group"], how="left", nulls_equal=True, maintain_order="left").join(
        compared, on=one_result, how="left", nulls_equal=True, maintain_order="left"
    )
    withheld = (
        pl.col("endpoint_id").is_in(sorted(gone))
        | pl.col("small").fill_null(value=False)
        # a comparison, or everybody together, gives a small group away by the difference
        | (pl.col("compared").fill_null(value=False) & pl.col("group").is_in(["difference", "all"]))
    )
    return joined.with_columns(
        pl.when(withheld).then(None).otherwise(pl.col("value")).alias("value"),
        pl.when(withheld).then(pl.lit("not_derivable")).otherwise(pl.col("state")).alias("state"),
        pl.when(withheld).then(pl.lit(_WITHHELD)).otherwise(pl.col("reason")).alias("reason"),
    ).select(frame.columns)


def _flow(frame: pl.DataFrame, threshold: int) -> pl.DataFrame:
    """The flow without groups that do not add up to everybody, and without small numbers of groups and reasons."""
    import polars as pl

    n, by = pl.col("n"), pl.col("by")
    is_total = pl.col("reason").is_null()
    whole = dict(frame.filter(is_total & (by == "all")).select("step", "n").iter_rows())
    sums = (
        frame.filter(is_total & (by != "all")).group_by("step", "by").agg(n.sum(), (n < threshold).any().alias("few"))
    )
    unsound = {
        (one["step"], one["by"])
        for one in sums.iter_rows(named=True)
        if one["few"] or one["n"] != whole.get(one["step"])
    }
    few = frame.filter(~is_total & (n < threshold)).select("step", "by", "group").unique()
    reasons = set(few.iter_rows())
    kept = [
        not (
            (row["step"], row["by"]) in unsound
            or (row["reason"] is not None and (row["step"], row["by"], row["group"]) in reasons)
        )
        for row in frame.select("step", "by", "group", "reason").iter_rows(named=True)
    ]
    return frame.filter(pl.Series(kept, dtype=pl.Boolean))
