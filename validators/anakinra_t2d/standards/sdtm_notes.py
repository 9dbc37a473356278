"""What a reader of the SDTM data sets must know: what each holds, and what has no place in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anakinra_t2d.schema import Definitions
from anakinra_t2d.standards.sdtm_cells import Losses
from anakinra_t2d.standards.sdtm_metadata import Dataset, domain_of, sdtm_profile
from anakinra_t2d.standards.source_tables import SourceTables

NOTES = "sdtm-notes.txt"
"""The text file beside the data sets."""


@dataclass(frozen=True)
class Written:
    """A data set that was written."""

    dataset: Dataset
    records: int


def without_place(source: SourceTables, written: Sequence[Written], losses: Losses) -> list[str]:
    """What of a converted directory stands in no data set, as sentences."""
    found = source.definitions
    places = _places(found)
    tables = [name for name in source.tables if name not in places]
    tables += [name for name, table in found.tables.items() if table.role == "lineage"]
    fields = [
        f"{name}.{field}"
        for name in source.tables
        if name in places
        for field in found.tables[name].fields
        if field not in places[name]
    ]
    said = [f"Tables without a place in SDTM by this profile: {', '.join(tables)}."] if tables else []
    if fields:
        said.append(f"Fields without a place in SDTM by this profile: {', '.join(fields)}.")
    if source.manifest.get("derived"):
        said.append("Derived parameters, endpoints and eligibility are no SDTM: `export adam` writes them.")
    said += [
        f"Values of {table}.{field} that {reason}: {number:,}."
        for (table, field, reason), number in sorted(losses.values.items())
    ]
    if not any(each.dataset.is_of_subjects for each in written):
        said.append("No data set is about subjects.")
    return said


def _places(found: Definitions) -> dict[str, set[str]]:
    """The fields that the profile of SDTM has a place for, by table."""
    places: dict[str, set[str]] = {}
    for sheet in sdtm_profile(found).sheets:
        for layout in sheet.tables if domain_of(sheet) else ():
            own = places.setdefault(layout.table, set())
            own.update(layout.fields, layout.tests.names if layout.tests else ())
    return places


def notes_text(definitions: Definitions, written: Iterable[Written], said: Sequence[str]) -> str:
    """The text file beside the data sets."""
    profile = sdtm_profile(definitions)
    lines = [
        f"SDTM data sets of {definitions.trial.registry}",
        "=" * (len("SDTM data sets of ") + len(definitions.trial.registry)),
        "",
        f"{definitions.trial.title}. Schema {definitions.trial.version}.",
        "",
        "SAS transport files, version 5. Dates are ISO 8601 texts, study days count from RFSTDTC (day 1; no day 0).",
        f"`anakinra-t2d convert` reads this directory by itself (profile: {profile.title}) and gives the same tables.",
        "",
        *said,
        "",
        "Data sets",
        "---------",
        "",
    ]
    for each in written:
        dataset = each.dataset
        tables = ", ".join(dataset.tables)
        lines.append(f"{dataset.file:8} {dataset.label} ({tables}): {each.records:,} records. {dataset.structure}.")
    return "\n".join(lines) + "\n"
