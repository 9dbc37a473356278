"""De-identification of a view that was cut already, and what the release says of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pyarrow.parquet as pq

from anakinra_t2d.forms.derived_tables import DERIVED
from anakinra_t2d.releases.derived import cut_derived

if TYPE_CHECKING:
    from anakinra_t2d.deidentify.keys import ReleaseKey
    from anakinra_t2d.releases.source import Source
    from anakinra_t2d.releases.view import ReleaseView
    from anakinra_t2d.schema import Definitions


@dataclass(frozen=True)
class Deidentified:
    """The tables as they go out: their definitions, their folder, their records by table.

    ``fields`` are the changed ones by table; ``withheld`` are columns, as table and field, that are gone or have
    another type. ``limits`` are sentences on what it does not protect from. ``reports`` are texts of files by name.
    """

    definitions: Definitions
    folder: Path
    rows: Mapping[str, int]
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    withheld: frozenset[tuple[str, str]] = frozenset()
    limits: Sequence[str] = ()
    reports: Mapping[str, str] = field(default_factory=dict)


def unchanged(shown: Definitions, folder: Path, rows: Mapping[str, int]) -> Deidentified:
    """The tables of a release that is not de-identified."""
    return Deidentified(shown, folder, rows)


def deidentified(
    view: ReleaseView,
    folder: Path,
    work: Path,
    key: ReleaseKey,
    dates: Literal["study_day", "shifted"],
    threshold: int,
    source: Source,
) -> Deidentified:
    """De-identify the tables in ``folder`` and derive anew what the source had derived.

    Args:
        view: what is left out.
        folder: the tables of the view.
        work: a new folder for the result.
        key: the secret.
        dates: what becomes of dates.
        threshold: how many people at least share every description.
        source: the converted directory.

    Raises:
        InputError: the tables cannot be de-identified.
    """
    from anakinra_t2d.deidentify.derived import derive_released
    from anakinra_t2d.deidentify.run import deidentify_directory

    tables, derived, out = (work / name for name in ("tables", "derived", "release"))
    for made in (derived, out):
        made.mkdir(parents=True)
    plain = work / "view"
    plain.mkdir()
    for path in sorted(folder.glob("*.parquet")):
        if path.stem not in DERIVED:
            path.rename(plain / path.name)
    report = deidentify_directory(plain, tables, key=key, definitions=view.found, dates=dates, threshold=threshold)
    names = [path.stem for path in tables.glob("*.parquet")]
    shown = view.definitions(report.definitions, names)
    rows: dict[str, int] = {}
    for name in shown.trial.tables:
        if (tables / f"{name}.parquet").is_file():
            rows[name] = pq.read_metadata(tables / f"{name}.parquet").num_rows
    if source.derived:
        written = derive_released(
            tables,
            derived,
            report=report,
            definitions=view.found,
            readings=source.readings,
            synthetic=source.synthetic,
        )
        files = {name: derived / f"{name}.parquet" for name in (Path(one).stem for one in written) if name in DERIVED}
        rows |= cut_derived(view, files, out)
    for name in rows:
        if name not in DERIVED:
            (tables / f"{name}.parquet").rename(out / f"{name}.parquet")
    changed: dict[str, list[str]] = {}
    for one in report.changed:
        if one.table in shown.tables:
            changed.setdefault(one.table, []).append(one.name)
    reports = {
        "disclosure-risk.json": json.dumps(report.as_dict(), ensure_ascii=False, indent=2) + "\n",
        "disclosure-risk.txt": report.text(),
    }
    withheld = _withheld(view, report.definitions, [path.stem for path in plain.glob("*.parquet")])
    return Deidentified(shown, out, rows, changed, withheld, list(report.limits), reports)


def _withheld(view: ReleaseView, released: Definitions, present: Sequence[str]) -> frozenset[tuple[str, str]]:
    """Columns of the tables that were there and are gone, or hold something of another type."""
    gone = set()
    for name in present:
        own = released.tables[name].fields if name in released.tables else {}
        for field_name in view.fields(view.found.tables[name]):
            if field_name not in own or own[field_name].type != view.found.tables[name].fields[field_name].type:
                gone.add((name, field_name))
    return frozenset(gone)
