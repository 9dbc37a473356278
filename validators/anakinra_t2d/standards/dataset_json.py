"""``export dataset-json``: the tables of a converted directory as CDISC Dataset-JSON 1.1.

Source: https://wiki.cdisc.org/display/PUB/CDISC+Dataset-JSON+v1.1.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import polars as pl

from anakinra_t2d import __version__
from anakinra_t2d.schema import Definitions, Field, Table
from anakinra_t2d.standards.canonical_text import canonical_text
from anakinra_t2d.standards.source_tables import SourceTables, open_source
from anakinra_t2d.write.whole_directory import whole_directory

VERSION = "1.1.0"
NOTES = "dataset-json-notes.txt"
_BATCH_ROWS = 20_000
_TYPES = {"number": "decimal", "datetime": "datetime", "date": "date", "integer": "integer", "boolean": "boolean"}
_TARGETS = {"number": "decimal", "date": "integer", "datetime": "integer"}
_DISPLAYS = {"date": "E8601DA10.", "datetime": "E8601DT19."}
_NATIVE = frozenset({"integer", "boolean"})
"""Types whose values JSON has itself; all others stand as text."""


def dataset_json(
    folder: Path, definitions: Definitions, out: Path, *, unblinded: bool = False, by_line: bool = False
) -> str:
    """Write the tables of a directory that ``convert`` wrote as Dataset-JSON into the new directory ``out``.

    A number is a decimal, which stands as text with all its digits; dates are ISO 8601. Tables are read and written in
    parts, so that memory does not grow with them.

    Args:
        unblinded: write restricted tables as well.
        by_line: newline-delimited JSON, a record on each line, in place of one object.

    Returns:
        What was written and what the reader of the files must know, as sentences.

    Raises:
        InputError: ``folder`` was not written by ``convert`` with these definitions.
        OutputError: ``out`` holds something else or cannot be written.
    """
    source = open_source(folder, definitions, unblinded=unblinded)
    time, stated = _creation(source)
    records = 0
    with whole_directory(out, marker=NOTES) as target:
        for name in source.tables:
            described = _described(source, definitions.tables[name], time)
            path = target / f"{name}.{'ndjson' if by_line else 'json'}"
            with path.open("w", encoding="utf-8", newline="\n") as file:
                _write(file, described, _records(source, definitions.tables[name]), by_line=by_line)
            records += described["records"]
        said = [*source.notes, stated, *_without_place(source)]
        (target / NOTES).write_text(_notes_text(definitions, said), encoding="utf-8", newline="\n")
    first = f"Wrote {len(source.tables)} tables ({records:,} records) as Dataset-JSON {VERSION} to {out}"
    return "\n".join([first, *said])


def _write(file: IO[str], described: dict[str, Any], records: Iterator[list[Any]], *, by_line: bool) -> None:
    head = _json(described)
    if by_line:
        file.write(head + "\n")
        for record in records:
            file.write(_json(record) + "\n")
        return
    file.write(head[:-1] + ',"rows":[')
    for number, record in enumerate(records):
        file.write(("," if number else "") + "\n" + _json(record))
    file.write("\n]}\n")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _described(source: SourceTables, table: Table, time: str) -> dict[str, Any]:
    """All that a data set says before its records."""
    trial = source.definitions.trial
    records, lengths = _survey(source, table)
    return {
        "datasetJSONCreationDateTime": time,
        "datasetJSONVersion": VERSION,
        "fileOID": f"{trial.registry}.{trial.version}.{table.name}",
        "sourceSystem": {"name": trial.name, "version": __version__},
        "studyOID": trial.registry,
        "metaDataVersionOID": f"MDV.{trial.registry}.{trial.version}",
        "itemGroupOID": f"IG.{table.name}",
        "records": records,
        "name": table.name,
        "label": table.title,
        "columns": [_column(table, table.fields[name], length) for name, length in lengths.items()],
    }


def _column(table: Table, field: Field, length: int | None) -> dict[str, Any]:
    column: dict[str, Any] = {
        "itemOID": f"IT.{table.name}.{field.name}",
        "name": field.name,
        "label": field.label,
        "dataType": _TYPES.get(field.type, "string"),
    }
    if target := _TARGETS.get(field.type):
        column["targetDataType"] = target
    if length is not None:
        column["length"] = max(length, 1)
    if display := _DISPLAYS.get(field.type):
        column["displayFormat"] = display
    if field.name in table.key:
        column["keySequence"] = table.key.index(field.name) + 1
    return column


def _survey(source: SourceTables, table: Table) -> tuple[int, dict[str, int | None]]:
    """How many records a table has, and its columns with the characters of the longest text in each.

    Only texts have a length: one of the terms of a codelist, else one of those that are there.
    """
    fields = [table.fields[name] for name in source.columns(table.name)]
    terms = {field.name: source.definitions.terms(field) for field in fields}
    lengths = {field.name: max(map(len, terms[field.name] or [""])) for field in fields if field.type == "string"}
    records = 0
    for frame in source.batches(table.name, _BATCH_ROWS):
        records += frame.height
        for name in list(lengths):
            longest = None if terms[name] else frame[name].str.len_chars().max()
            if isinstance(longest, int):
                lengths[name] = max(lengths[name], longest)
    return records, {field.name: lengths.get(field.name) for field in fields}


def _records(source: SourceTables, table: Table) -> Iterator[list[Any]]:
    """The records of a table, each as the values of its columns."""
    for frame in source.batches(table.name, _BATCH_ROWS):
        columns = [_values(frame[name], table.fields[name]) for name in frame.columns]
        yield from map(list, zip(*columns, strict=True))


def _values(values: pl.Series, field: Field) -> list[Any]:
    return values.to_list() if field.type in _NATIVE else canonical_text(values, field).to_list()


def _creation(source: SourceTables) -> tuple[str, str]:
    """The time that the data sets say they were created at, and a sentence on where it comes from.

    The clock would make every copy differ: the time is that of the conversion where the manifest states it, else the
    day on which the definitions were released.
    """
    stated = source.manifest.get("created")
    if isinstance(stated, str) and (time := _as_time(stated)):
        return time, f"The time of creation in the files, {time}, is that of the conversion."
    day = source.definitions.trial.released.isoformat()
    why = "the day on which the schema was released, so that the same tables give the same bytes"
    return f"{day}T00:00:00", f"The time of creation in the files is {day}, {why}."


def _as_time(text: str) -> str | None:
    try:
        return dt.datetime.fromisoformat(text).isoformat(timespec="seconds")
    except ValueError:
        return None


def _without_place(source: SourceTables) -> list[str]:
    said = []
    if lineage := [name for name, table in source.definitions.tables.items() if table.role == "lineage"]:
        said.append(f"Not written, because it is not sent but made by the conversion: {', '.join(lineage)}.")
    if source.manifest.get("derived"):
        said.append("Derived parameters, endpoints and eligibility are not in it: `export adam` writes them.")
    return said


def _notes_text(definitions: Definitions, said: list[str]) -> str:
    trial = definitions.trial
    title = f"Dataset-JSON {VERSION} of {trial.registry}"
    lines = [
        title,
        "=" * len(title),
        "",
        f"{trial.title}. Schema {trial.version}. One file for each table, named after it.",
        "",
        "Numbers are decimals: texts with all their digits, in the unit that the schema states for the column.",
        "Dates and times are ISO 8601. An empty cell is null.",
        "`anakinra-t2d convert` reads this directory and gives the same tables.",
        "",
        *said,
    ]
    return "\n".join(lines) + "\n"
