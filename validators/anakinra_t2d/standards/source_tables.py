"""The tables of a directory that ``convert`` wrote, as an export gives them away: restricted ones only when asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anakinra_t2d.derivation.converted import open_converted
from anakinra_t2d.reading import InputError
from anakinra_t2d.schema import Definitions

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa


@dataclass
class SourceTables:
    """Tables by name, in the order people read them.

    ``left_out`` are restricted tables that are there but are not given; ``notes`` are sentences for the reader of
    what is written.
    """

    folder: Path
    definitions: Definitions
    manifest: Mapping[str, Any]
    tables: Mapping[str, Path]
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def read(self, name: str) -> pl.DataFrame | None:
        """The frame of a table with every field of the definitions that it has; None when it is not given.

        The side table of flags has no row about a table that is not given.
        """
        import polars as pl

        return None if name not in self.tables else self._given(name, pl.read_parquet(self.tables[name]))

    def batches(self, name: str, rows: int) -> Iterator[pl.DataFrame]:
        """The rows of a table that is given, in frames of at most ``rows``."""
        import polars as pl
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.tables[name], pre_buffer=False) as file:
            for batch in file.iter_batches(rows):
                yield self._given(name, pl.DataFrame(pl.from_arrow(batch)))

    def columns(self, name: str) -> list[str]:
        """The columns of a table that is given."""
        import pyarrow.parquet as pq

        there = set(pq.read_schema(self.tables[name]).names)
        return [field for field in self.definitions.tables[name].fields if field in there]

    def _given(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        table = self.definitions.tables[name]
        if table.role == "flags" and self.left_out:
            # the first field of its key names the table of the record
            frame = frame.filter(~pl.col(table.key[0]).cast(pl.String).is_in(self.left_out))
        return frame.select(self.columns(name))


def open_source(folder: Path, definitions: Definitions, *, unblinded: bool) -> SourceTables:
    """The tables of a converted directory. Lineage is not among them, since it is never sent.

    Raises:
        InputError: the directory is not one that ``convert`` wrote, or a column means something else than the
            definitions say.
    """
    converted = open_converted(folder, definitions)
    if wrong := converted.wrong_units:
        (table, name), unit = next(iter(wrong.items()))
        raise InputError(
            f"{len(wrong)} fields of {folder} have another unit than the definitions say, the first {table}.{name} in "
            f"{unit or 'no unit'}; convert the data again with these definitions."
        )
    given = {name: path for name, path in converted.tables.items() if definitions.tables[name].role != "lineage"}
    if not given:
        raise InputError(f"{folder} has no table of the trial.")
    for name, path in given.items():
        _check_columns(name, path, definitions)
    left_out = [] if unblinded else [name for name in given if definitions.tables[name].restricted]
    source = SourceTables(
        folder,
        definitions,
        converted.manifest,
        {name: path for name, path in given.items() if name not in left_out},
        left_out,
    )
    source.notes = [*_about_data(source), *_about_arm(source)]
    return source


def _check_columns(name: str, path: Path, definitions: Definitions) -> None:
    import pyarrow.parquet as pq

    from anakinra_t2d.forms.arrow import arrow_schema

    found, wanted = pq.read_schema(path), arrow_schema(name, definitions)
    for column in found:
        place = wanted.get_field_index(column.name)
        if place < 0:
            raise InputError(
                f"{path.name} has a column {column.name} that {name} does not have; convert the data again with these "
                "definitions."
            )
        if _kind(column.type) != _kind(wanted.field(place).type):
            raise InputError(
                f"The column {column.name} of {path.name} is of the type {column.type}, but {name}.{column.name} needs "
                f"{wanted.field(place).type}; convert the data again with these definitions."
            )
    if lacking := [key for key in definitions.tables[name].key if found.get_field_index(key) < 0]:
        raise InputError(f"{path.name} has no column {lacking[0]}, which is part of the key of {name}.")


def _kind(kind: pa.DataType) -> str:
    """What values of a type are, whatever their width and unit."""
    import pyarrow as pa

    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_string(inner) or pa.types.is_large_string(inner) or pa.types.is_string_view(inner):
        return "text"
    if pa.types.is_integer(inner):
        return "integer"
    if pa.types.is_floating(inner):
        return "number"
    return "time" if pa.types.is_timestamp(inner) else str(inner)


def _about_data(source: SourceTables) -> list[str]:
    manifest, found = source.manifest, source.definitions
    notes = ["The data are synthetic: no record describes a real person."] if manifest.get("synthetic") else []
    if errors := manifest.get("errors"):
        notes.append(
            f"The conversion found {errors} errors; report.txt of the converted directory says which. Rejected rows "
            "are not in these files."
        )
    if manifest.get("schema_fingerprint") != found.fingerprint:
        notes.append(
            f"The data were converted with schema {manifest.get('schema_version')} in another state than this one "
            f"({found.trial.version}); convert them again to be sure that both say the same."
        )
    return notes


def _about_arm(source: SourceTables) -> list[str]:
    found = source.definitions
    if source.left_out:
        names = ", ".join(source.left_out)
        notes = [f"Left out because they reveal the arm: {names}. Those who may know it get them with --unblinded."]
    elif restricted := [name for name in source.tables if found.tables[name].restricted]:
        return [f"This output is unblinded: {', '.join(restricted)} reveal the arm. Keep it where the arms are kept."]
    else:
        notes = []
    hints = [
        f"{name}.{field.name}"
        for name in source.tables
        for field in found.tables[name].fields.values()
        if field.blinding == "revealing"
    ]
    if hints:
        notes.append(f"No table that tells the arm is in it, but these can hint at the arm: {', '.join(hints)}.")
    return notes
