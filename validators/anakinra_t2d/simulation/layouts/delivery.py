"""One delivery: the records of one site in the layout of that site, as files in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from anakinra_t2d.schema.contents import Definitions
from anakinra_t2d.schema.sites import Profile
from anakinra_t2d.simulation.layouts.flags import record_key
from anakinra_t2d.simulation.layouts.render import NOTICE, render
from anakinra_t2d.simulation.layouts.write import write_file

PROFILE = "profile.yaml"
_DATETIME = "%Y-%m-%dT%H:%M:%S"

README = """Synthetic data
==============

{notice} The files are the output of a program.

They imitate the trial NCT00303394 (anakinra against placebo in type 2 diabetes): its flow, its schedule and the group
statistics that its report prints. Single values are drawn at random and mean nothing.

{title}

`profile.yaml` says how these files map onto the tables of the trial: names, units, codes, how numbers and dates are
written.
"""


def canonical_texts(name: str, frame: pl.DataFrame, found: Definitions) -> pl.DataFrame:
    """The typed frame of a table as canonical texts, an empty cell as null: what its canonical CSV file says."""
    columns = []
    for field in found.tables[name].fields.values():
        if field.name not in frame.columns:
            continue
        column = pl.col(field.name)
        if field.type == "number":
            column = column.cast(pl.Decimal(38, field.decimals if field.decimals is not None else 3))
        elif field.type == "datetime":
            column = column.dt.strftime(_DATETIME)
        columns.append(column.cast(pl.String))
    return frame.select(columns)


def records_of_site(tables: Mapping[str, pl.DataFrame], site: str, found: Definitions) -> dict[str, pl.DataFrame]:
    """The records that one site sends, of tables as canonical texts.

    These are the records of its subjects, what names the site itself, the samples that its laboratory compared, and
    the flags of all of these. The submission is the delivery of the site and has an identifier of its own.
    """
    subjects = tables["subjects"].filter(pl.col("site_id") == site)["subject_id"]
    own = tables["sites"].filter(pl.col("site_id") == site)
    result: dict[str, pl.DataFrame] = {}
    for name, frame in tables.items():
        role = found.tables[name].role
        if role == "delivery":
            frame = frame.with_columns(
                pl.format("{}-{}", "submission_id", pl.lit(site)).alias("submission_id"),
                pl.lit(site).alias("submitting_site_id"),
            )
        elif "site_id" in frame.columns:
            frame = frame.filter(pl.col("site_id") == site)
        elif "subject_id" in frame.columns:
            frame = frame.filter(pl.col("subject_id").is_in(subjects.implode()))
        elif "lab_id" in frame.columns:
            frame = frame.filter(pl.col("lab_id").is_in(own["lab_hba1c_id"].implode()))
        result[name] = frame
    for name, frame in result.items():
        if found.tables[name].role == "flags":
            result[name] = _flags_of(frame, result, found)
    return result


def _flags_of(flags: pl.DataFrame, tables: Mapping[str, pl.DataFrame], found: Definitions) -> pl.DataFrame:
    kept = []
    for name in flags["table"].unique(maintain_order=True):
        keys = {record_key(found.tables[name], row) for row in tables[name].iter_rows(named=True)}
        kept.append((pl.col("table") == name) & pl.col("record_key").is_in(list(keys)))
    return flags.filter(pl.any_horizontal(kept)) if kept else flags


def deliver(tables: Mapping[str, pl.DataFrame], profile: Profile, found: Definitions, out: Path) -> dict[str, int]:
    """Write the files of one site, its profile and README.txt into a folder.

    Args:
        tables: typed frames of the whole trial by name.

    Returns:
        Records written by table.

    Raises:
        ValueError: the layout has no place for a value.
    """
    texts = {name: canonical_texts(name, frame, found) for name, frame in tables.items()}
    if profile.site is not None:
        texts = records_of_site(texts, profile.site, found)
    files = render(profile, texts, found)
    out.mkdir(parents=True, exist_ok=True)
    for file in files:
        write_file(file, out)
    (out / PROFILE).write_bytes((found.root / "schema" / "sites" / f"{profile.name}.yaml").read_bytes())
    readme = README.format(notice=NOTICE, title=profile.title)
    (out / "README.txt").write_text(readme, encoding="utf-8", newline="\n")
    return {name: frame.height for name, frame in texts.items()}
