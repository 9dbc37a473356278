"""Which formats are read, by the end of the file's name."""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal

Format = Literal["csv", "parquet", "arrow", "excel", "statistical", "dataset_json"]
FORMATS: dict[str, Format] = {
    **dict.fromkeys((".csv", ".tsv", ".tab", ".psv", ".csv.gz", ".tsv.gz", ".tab.gz", ".psv.gz"), "csv"),
    ".parquet": "parquet",
    **dict.fromkeys((".feather", ".arrow", ".ipc"), "arrow"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), "excel"),
    **dict.fromkeys((".xpt", ".sas7bdat", ".sav", ".zsav", ".por", ".dta"), "statistical"),
    **dict.fromkeys((".ndjson", ".jsonl", ".dsjc", ".ndjson.gz"), "dataset_json"),
}
"""Formats that are read, by the end of the file's name; a ``.json`` file is read when it says it is Dataset-JSON."""


def format_of(path: PurePath) -> tuple[Format | None, str, str]:
    """The format that a file's name says it has, the name without its end, and the end in lower case.

    ``labs.csv.gz`` ends in ``.csv.gz``.
    """
    end = path.suffix.lower()
    if end == ".gz":
        end = PurePath(path.stem).suffix.lower() + end
    return FORMATS.get(end), path.name[: len(path.name) - len(end)], end
