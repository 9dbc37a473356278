"""De-identifies a directory of tables into a new one, and reports the risk that is left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

from anakinra_t2d.deidentify.keys import check_outside
from anakinra_t2d.deidentify.released_fields import Changes, Dates, released_definitions
from anakinra_t2d.deidentify.risk import RiskReport
from anakinra_t2d.reading import InputError
from anakinra_t2d.write.whole_directory import OutputError, whole_directory

if TYPE_CHECKING:
    import polars as pl

    from anakinra_t2d.deidentify.keys import ReleaseKey
    from anakinra_t2d.schema import Definitions, Table

LEAST_THRESHOLD = 2


def deidentify_directory(
    source: Path,
    out: Path,
    *,
    key: ReleaseKey,
    definitions: Definitions,
    dates: Dates = "study_day",
    threshold: int | None = None,
) -> RiskReport:
    """Write the tables of ``source`` into ``out`` so that nobody is recognised in them.

    ``out`` holds ``<table>.parquet`` for each released table and nothing else, whole or not at all; the same input and
    key give the same bytes. What the tables then mean is in ``definitions`` of the report. All of a table is in memory
    at a time.

    Args:
        source: a directory with ``<table>.parquet`` in the layout of ``convert``; some tables and columns may be
            missing, and other files are not read.
        out: a new or empty directory.
        key: what pseudonyms and shifts are made with.
        definitions: the definitions of the tables in ``source``.
        dates: ``study_day`` turns dates to days (no day 0); ``shifted`` moves all dates of a person by the same days.
        threshold: the smallest class of people that is released as it is; that of the schema by default.

    Raises:
        InputError: a table cannot be read or is not as ``convert`` writes it, the table of people is missing, the
            threshold is below 2, or the key lies in one of the directories.
        OutputError: ``out`` holds something already, or cannot be written.
    """
    rules = definitions.deidentification
    threshold = rules.threshold if threshold is None else threshold
    if threshold < LEAST_THRESHOLD:
        raise InputError(f"The threshold is {threshold}; in a class of fewer than {LEAST_THRESHOLD} nobody is hidden.")
    if dates not in get_args(Dates):
        raise InputError(f"There is no way {dates!r} for dates; choose {' or '.join(get_args(Dates))}.")
    _check_places(source, out, key)
    frames = _read(source, definitions)
    released, report = _deidentified(frames, definitions, key, dates, threshold)
    with whole_directory(out, marker="") as folder:
        _write(folder, released, report)
    return report


def _check_places(source: Path, out: Path, key: ReleaseKey) -> None:
    if not source.is_dir():
        raise InputError(f"There is no directory {source}; name one with tables that `anakinra-t2d convert` wrote.")
    real_source, real_out = source.resolve(), out.resolve()
    if real_source == real_out or real_source in real_out.parents or real_out in real_source.parents:
        raise OutputError("The released tables need a directory apart from that of the data; name another one.")
    if key.path is not None:
        check_outside(key.path, source)
        check_outside(key.path, out)


def _read(source: Path, found: Definitions) -> dict[str, pl.DataFrame]:
    """The tables to release; codes as text, columns that the definitions do not know left out."""
    out = {one.table for one in found.deidentification.left_out}
    frames = {}
    for name, table in found.tables.items():
        path = source / f"{name}.parquet"
        if name not in out and path.is_file():
            frames[name] = _frame(path, table)
    return frames


def _frame(path: Path, table: Table) -> pl.DataFrame:
    import polars as pl
    from polars import selectors

    types: dict[str, tuple[type[pl.DataType], ...]] = {
        "string": (pl.String, pl.Null),
        "integer": (pl.Int64, pl.Null),
        "number": (pl.Float64, pl.Null),
        "boolean": (pl.Boolean, pl.Null),
        "date": (pl.Date, pl.Null),
        "datetime": (pl.Datetime, pl.Null),
    }
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path.name} is not a Parquet file that can be read: {reason}.") from None
    frame = frame.select(name for name in table.fields if name in frame.columns)
    frame = frame.with_columns(selectors.categorical().cast(pl.String), selectors.enum().cast(pl.String))
    for name, found in frame.schema.items():
        wanted = types[table.fields[name].type]
        if not isinstance(found, wanted):
            # a date that is sent as text would not be seen as a date
            raise InputError(
                f"{path.name} is not as `anakinra-t2d convert` writes it: {name} holds {found}, and by the definitions "
                f"it is a {table.fields[name].type}. Convert the submission again."
            )
    if missing := [name for name in table.key if name not in frame.columns]:
        raise InputError(
            f"{path.name} has no column {missing[0]}, which is part of its key. Convert the submission again."
        )
    return frame


def _deidentified(
    frames: dict[str, pl.DataFrame], found: Definitions, key: ReleaseKey, dates: Dates, threshold: int
) -> tuple[dict[str, pl.DataFrame], RiskReport]:
    from anakinra_t2d.deidentify.classes import coarsen
    from anakinra_t2d.deidentify.people import DAY_ONE, everybody, measured
    from anakinra_t2d.deidentify.risk import measured_sizes, risk_report
    from anakinra_t2d.deidentify.tables import Treatment
    from anakinra_t2d.schema.deidentification import split

    rules = found.deidentification
    people = everybody(frames, found, key)
    known = [one for one in rules.quasi_identifiers if one.field in people.columns]
    described = {one.field: found.tables[split(one.field)[0]].fields[split(one.field)[1]] for one in known}
    coarsened = coarsen(
        people,
        known,
        rules.steps,
        threshold=threshold,
        withheld_at_most=rules.withheld_at_most,
        codes={name: found.terms(field) or [] for name, field in described.items()},
        whole_numbers={name for name, field in described.items() if field.type == "integer"},
    )
    treatment = Treatment(found, key, people, coarsened, dates, threshold)
    # the flags come last, because they speak of fields that the other tables may have to withhold
    order = sorted(frames, key=lambda name: found.tables[name].role == "flags")
    released = {name: treatment.table(found.tables[name], frames[name]) for name in order}
    changes = Changes(
        dates,
        {name: released[name].columns for name in found.tables if name in released},
        coarsened.labels,
        treatment.done.emptied,
    )
    described_as, changed = released_definitions(found, changes)
    report = risk_report(found, coarsened, treatment, frames, people[DAY_ONE].null_count(), people)
    report.measured = measured_sizes(people, coarsened, measured(people, frames, found), threshold)
    report.definitions, report.changed = described_as, changed
    return released, report


def _write(folder: Path, released: dict[str, pl.DataFrame], report: RiskReport) -> None:
    from anakinra_t2d.write.parquet_table import ParquetTable

    for name, frame in released.items():
        table = report.definitions.tables[name]
        metadata = {"deidentified": report.dates}
        with ParquetTable(folder / f"{name}.parquet", table, report.definitions, metadata) as file:
            file.write(frame)
