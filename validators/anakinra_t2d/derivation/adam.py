"""``export adam``: ADSL and a data set of parameters and endpoints, as Parquet and as SAS transport files."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anakinra_t2d.across.relations import open_relations
from anakinra_t2d.derivation.adam_dates import parameter_dates
from anakinra_t2d.derivation.adam_subjects import SUBJECT, DataSet, revealing_variables, subject_level
from anakinra_t2d.derivation.adam_values import values
from anakinra_t2d.derivation.converted import Converted, open_converted
from anakinra_t2d.reading import InputError
from anakinra_t2d.schema.endpoints import EventCard, FormulaCard
from anakinra_t2d.schema.readings import reads
from anakinra_t2d.schema.sql import columns_read
from anakinra_t2d.write.transport_file import write_transport_file
from anakinra_t2d.write.whole_directory import whole_directory

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from anakinra_t2d.schema import Definitions, Field

PARAMETERS, ENDPOINTS = "parameters.parquet", "endpoints.parquet"
_MEMORY = "4GB"
_COLUMNS = {
    PARAMETERS: {"parameter": "String", "visit": "String"},
    ENDPOINTS: {"endpoint_id": "String", "baseline": "Float64"},
}
_BOTH = {SUBJECT: "String", "value": "Float64", "unit": "String", "state": "String", "reason": "String"}


def adam(folder: Path, definitions: Definitions, out: Path) -> str:
    """Write the CDISC analysis data sets of a directory that ``derive`` wrote into the new directory ``out``.

    ADSL has a record for each subject; ADBDS one for each subject, parameter and analysis visit, and one for each
    subject and endpoint. Both are written as Parquet (labels as field metadata) and as SAS transport files, version 5.

    Returns:
        What was written and what the reader of the files must know, as sentences.

    Raises:
        InputError: ``folder`` was not derived, or with other cards than those of ``definitions``.
        OutputError: ``out`` holds something else or cannot be written.
    """
    converted = open_converted(folder, definitions)
    parameters, endpoints = (_derived(folder, name) for name in (PARAMETERS, ENDPOINTS))
    _require_same_cards(folder, definitions, parameters, endpoints)
    changed = 0
    with whole_directory(out, marker=f"{definitions.adam.subject_level.name.lower()}.parquet") as target:
        subjects, days = _from_tables(converted, definitions)
        _require_known_subjects(folder, subjects, parameters, endpoints)
        records = values(definitions, parameters, endpoints, days, subjects)
        subjects = dataclasses.replace(subjects, frame=subjects.frame.drop(SUBJECT))
        for data_set in (subjects, records):
            stem = data_set.name.lower()
            _write_parquet(target / f"{stem}.parquet", data_set, definitions)
            changed += write_transport_file(
                target / f"{stem}.xpt", data_set.name, data_set.label, data_set.frame, data_set.labels
            )
    said = [
        _wrote(definitions, subjects, records, out),
        *_blinding(definitions, subjects, records),
        *([] if not converted.synthetic else ["The data are synthetic."]),
        *_readings(converted),
        *converted.warnings,
        *subjects.notes,
        *records.notes,
    ]
    if changed:
        said.append(
            f"{changed} texts are not plain ASCII or longer than 200 bytes; the SAS transport files hold them without "
            "marks or cut, the Parquet files as they are."
        )
    return "\n".join(said)


def _from_tables(converted: Converted, definitions: Definitions) -> tuple[DataSet, pl.DataFrame]:
    """ADSL and the days of the parameters."""
    sources = {name: [path] for name, path in converted.tables.items()}
    with open_relations(definitions, sources, memory_limit=_MEMORY) as con:
        present = _tables_with_rows(con, converted)
        if (table := definitions.adam.subject_level.table) not in present:
            raise InputError(f"{converted.folder} has no record of {table}, so there is nobody to write about.")
        return subject_level(con, definitions, present), parameter_dates(con, definitions)


def _wrote(definitions: Definitions, subjects: DataSet, records: DataSet, out: Path) -> str:
    cards = definitions.endpoints
    return (
        f"Wrote {subjects.name} ({subjects.frame.height} subjects) and {records.name} ({records.frame.height} records "
        f"of {len(cards.parameters)} parameters and {len(cards.endpoints)} endpoints) as Parquet and SAS transport "
        f"files to {out}"
    )


def _derived(folder: Path, name: str) -> pl.DataFrame:
    """A file of ``derive``, its columns and types checked."""
    import polars as pl

    path = folder / name
    if not path.is_file():
        raise InputError(f"{folder} has no {name}; run `anakinra-t2d derive` on it first.")
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError):
        raise InputError(f"{path} is not a Parquet file that can be read; run `anakinra-t2d derive` again.") from None
    wanted = {**_COLUMNS[name], **_BOTH}
    found = {column: str(kind) for column, kind in frame.schema.items()}
    wrong = [column for column, kind in wanted.items() if found.get(column) != kind]
    if wrong:
        raise InputError(
            f"{path} is not what `anakinra-t2d derive` writes: {', '.join(wrong)} missing or of another "
            "type; run `anakinra-t2d derive` again."
        )
    return frame


def _require_same_cards(
    folder: Path, definitions: Definitions, parameters: pl.DataFrame, endpoints: pl.DataFrame
) -> None:
    cards = definitions.endpoints
    wanted: set[Any] = {(card.id, visit, card.unit) for card in cards.parameters for visit in card.visits}
    wanted.update((card.id, None, card.unit) for card in cards.endpoints)
    found: set[Any] = set(parameters.select("parameter", "visit", "unit").unique().iter_rows())
    found.update((id, None, unit) for id, unit in endpoints.select("endpoint_id", "unit").unique().iter_rows())
    differing = sorted({id for id, _, _ in (wanted ^ found if found else set())})
    if differing:
        shown = ", ".join(differing[:3]) + (" ..." if len(differing) > 3 else "")
        raise InputError(
            f"The parameters and endpoints in {folder} were derived with other definitions ({shown} differ); "
            "run `anakinra-t2d derive` again."
        )


def _require_known_subjects(folder: Path, subjects: DataSet, *frames: pl.DataFrame) -> None:
    for frame in frames:
        if unknown := frame.select(SUBJECT).unique().join(subjects.frame, on=SUBJECT, how="anti").height:
            raise InputError(
                f"{unknown} subjects with derived values in {folder} are not in its table of subjects; "
                "run `anakinra-t2d derive` again."
            )


def _tables_with_rows(con: duckdb.DuckDBPyConnection, converted: Converted) -> list[str]:
    return [name for name in converted.tables if con.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchall()]


def _write_parquet(path: Path, data_set: DataSet, definitions: Definitions) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = data_set.frame.to_arrow(compat_level=None)
    plain = {pa.large_string(): pa.string(), pa.string_view(): pa.string()}
    fields = [
        pa.field(field.name, plain.get(field.type, field.type), metadata={"label": data_set.labels[field.name]})
        for field in table.schema
    ]
    metadata = {
        "data_set": data_set.name,
        "label": data_set.label,
        "schema_version": definitions.trial.version,
        "trial_registry": definitions.trial.registry,
    }
    pq.write_table(table.cast(pa.schema(fields, metadata=metadata)), path, compression="zstd")


def _readings(converted: Converted) -> list[str]:
    derived = converted.manifest.get("derived")
    readings = derived.get("readings") if isinstance(derived, dict) else None
    if not isinstance(readings, dict) or not readings:
        return []
    return ["Open readings chosen otherwise than usual: " + ", ".join(f"{k} = {v}" for k, v in readings.items()) + "."]


def _blinding(definitions: Definitions, subjects: DataSet, records: DataSet) -> list[str]:
    """Whether the files reveal the arm, and by what."""
    import polars as pl

    filled = set(records.frame.filter(pl.col("AVAL").is_not_null())["PARAMCD"].unique())
    arms = revealing_variables(definitions, subjects.labels, restricted=True)
    codes = [code for code in _revealing(definitions, restricted=True) if code in filled]
    if arms or codes:
        return [
            f"This output is unblinded: {', '.join([*arms, *codes])} reveal the arm. Keep it where the arms are kept."
        ]
    hints = revealing_variables(definitions, subjects.labels, restricted=False)
    hints += [code for code in _revealing(definitions, restricted=False) if code in filled]
    return [f"No arm is in it, but these can hint at the arm: {', '.join(hints)}."] if hints else ["No arm is in it."]


def _revealing(definitions: Definitions, *, restricted: bool) -> list[str]:
    """Codes of parameters and endpoints from restricted tables, or else from fields that can reveal the arm."""
    found: set[str] = set()
    codes = []
    cards = definitions.endpoints
    for card in [*cards.parameters, *cards.endpoints]:
        if reads(card) & found or _reads_revealing(card, definitions, restricted=restricted):
            found.add(card.id)
            codes.append(card.code)
    return codes


def _reads_revealing(card: Any, definitions: Definitions, *, restricted: bool) -> bool:
    if isinstance(card, EventCard):
        table, names = definitions.tables[card.table], columns_read(card.where)
    elif isinstance(card, FormulaCard) or not hasattr(card, "input"):
        return False
    else:
        table, names = definitions.tables[card.input.table], {card.input.field}
    if restricted:
        return table.restricted
    fields: Iterable[Field] = (table.fields[name] for name in names if name in table.fields)
    return any(field.blinding == "revealing" for field in fields)
