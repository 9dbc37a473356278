"""A Define-XML document cut to the data sets of a directory: what is there, and as long as it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from anakinra_t2d.reading import InputError
from anakinra_t2d.standards.define_xml_content import DataSet, Document, Item, Variable

if TYPE_CHECKING:
    import polars as pl


def of_directory(document: Document, folder: Path) -> Document:
    """``document`` with the data sets and variables that ``folder`` holds, and with the lengths that they have there.

    Raises:
        InputError: the folder cannot be read, holds none of the data sets, or others, or other variables.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a directory; name the one that holds the data sets.")
    files = {one.file: one for one in document.data_sets}
    end = Path(next(iter(files))).suffix
    there = sorted(path for path in folder.iterdir() if path.suffix.lower() == end)
    if not any(path.name in files for path in there):
        shown = ", ".join(list(files)[:3])
        raise InputError(f"{folder} holds none of the data sets to describe ({shown} ...).")
    kept = [_measured(one, folder / file) for file, one in files.items() if (folder / file).is_file()]
    return dataclasses.replace(document, data_sets=tuple(kept))


def _measured(one: DataSet, path: Path) -> DataSet:
    lengths = _lengths(path)
    if unknown := [name for name in lengths if name not in {variable.name for variable in one.variables}]:
        raise InputError(
            f"{path} has variables that the definitions do not describe ({', '.join(unknown[:3])}); it was written "
            "with other definitions, so write it anew."
        )
    return dataclasses.replace(
        one,
        variables=tuple(
            _with_length(variable, lengths[variable.name]) for variable in one.variables if variable.name in lengths
        ),
        key=tuple(name for name in one.key if name in lengths),
    )


def _with_length(variable: Variable, length: int | None) -> Variable:
    if length is None or variable.item.data_type not in ("text", "integer"):
        return variable
    # what holds no text at all still has room for a character
    longest = max(length, 1)
    values = tuple(
        dataclasses.replace(value, item=_at_most(value.item, longest)) if value.item.data_type == "text" else value
        for value in variable.values
    )
    return dataclasses.replace(variable, item=dataclasses.replace(variable.item, length=longest), values=values)


def _at_most(item: Item, longest: int) -> Item:
    return dataclasses.replace(item, length=min(item.length or longest, longest))


def _lengths(path: Path) -> Mapping[str, int | None]:
    """Characters of the longest value of each text or whole number; None for what has no such length."""
    import polars as pl

    if path.suffix.lower() == ".parquet":
        try:
            return _of_frame(pl.scan_parquet(path))
        except (pl.exceptions.PolarsError, OSError):
            raise InputError(f"{path} is not a Parquet file that can be read; write it anew.") from None
    return _of_frame(_transport_frame(path).lazy())


def _of_frame(frame: pl.LazyFrame) -> dict[str, int | None]:
    import polars as pl
    import polars.selectors as cs

    schema = frame.collect_schema()
    measured = cs.string() | cs.categorical() | cs.enum() | cs.numeric()
    whole = cs.numeric() & ~cs.integer()
    longest = frame.select(
        (measured - whole).cast(pl.String).str.len_chars().max(),
        whole.round().cast(pl.Int64, strict=False).cast(pl.String).str.len_chars().max(),
    ).collect()
    row = longest.row(0, named=True)
    return {name: (row[name] or 0) if name in row else None for name in schema.names()}


def _transport_frame(path: Path) -> pl.DataFrame:
    import polars as pl
    import pyreadstat

    try:
        frame, _ = pyreadstat.read_xport(path, output_format="polars", disable_datetime_conversion=True)
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, OSError):
        raise InputError(f"{path} is not a SAS transport file that can be read; write it anew.") from None
    return pl.DataFrame(frame)
