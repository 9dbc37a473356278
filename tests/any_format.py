"""Writes rows of cells in any file format that is read."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import polars as pl

from anakinra_t2d.schema import Field
from anakinra_t2d.simulation.layouts import Cell

_MANIFEST = (
    '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
    '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
)


@dataclass
class WrittenFile:
    """A file to be written: cells below a header, the lines above it and the row of units.

    ``fields`` are the fields of the columns that hold one; with ``true_values`` their numbers and dates are numbers
    and dates where the format has them.
    """

    name: str
    format: str
    header: list[str]
    rows: list[list[Cell]]
    title: list[str] = field(default_factory=list)
    units: list[str | None] = field(default_factory=list)
    units_above: bool = False
    encoding: str = "utf-8"
    fields: dict[str, Field] = field(default_factory=dict)
    true_values: bool = False
    decimal: str = "."

    @property
    def lines(self) -> list[list[Any]]:
        """Every row from the first on."""
        lines: list[list[Any]] = [[line] for line in self.title]
        lines.append([*self.header])
        if self.units and self.units_above:
            lines[len(self.title) - 1] = [*self.units]
        elif self.units:
            lines.append([*self.units])
        return lines + [[self.value(at, cell) for at, cell in enumerate(row)] for row in self.rows]

    def value(self, at: int, cell: Cell) -> Any:
        """A cell as the value that a typed format holds."""
        entry = self.fields.get(self.header[at]) if at < len(self.header) else None
        if isinstance(cell, Decimal):
            return float(cell)
        if cell is None or entry is None or not self.true_values:
            return cell
        if entry.type in ("integer", "number"):
            text = cell.replace(self.decimal, ".")
            return float(text) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) else cell
        if entry.type == "date" and len(cell) == 10:
            try:
                return dt.date.fromisoformat(cell)
            except ValueError:
                return cell
        if entry.type == "datetime":
            try:
                return dt.datetime.fromisoformat(cell)
            except ValueError:
                return cell
        return cell

    def frame(self) -> pl.DataFrame:
        """The rows as a frame with the types that they have; a column of empty cells is text."""
        series = []
        for at, name in enumerate(self.header):
            cells = [self.value(at, row[at]) for row in self.rows]
            kinds = {type(cell) for cell in cells if cell is not None}
            dtype: Any = pl.String
            if kinds == {float}:
                dtype = pl.Float64
            elif kinds == {dt.date}:
                dtype = pl.Date
            elif kinds == {dt.datetime}:
                dtype = pl.Datetime("us")
            series.append(pl.Series(name, cells, dtype=dtype))
        return pl.DataFrame(series)


@dataclass(frozen=True)
class FormatKind:
    """A file format: ``has_lines`` can hold rows above its data, ``is_typed`` has columns of one type."""

    suffix: str
    write: Callable[[WrittenFile, Path], None]
    delimiter: str | None = None
    has_lines: bool = False
    is_typed: bool = False
    short_names: bool = False

    @property
    def is_text(self) -> bool:
        """Whether it is a text file with separated cells."""
        return self.delimiter is not None

    @property
    def holds_values(self) -> bool:
        """Whether cells can be true numbers and dates."""
        return not self.is_text


def write(file: WrittenFile, folder: Path) -> None:
    """Write a file into a folder."""
    FORMATS[file.format].write(file, folder / file.name)


def _separated(delimiter: str, end: str = "\n", *, packed: bool = False) -> Callable[[WrittenFile, Path], None]:
    def write(file: WrittenFile, path: Path) -> None:
        stream = io.StringIO()
        csv.writer(stream, delimiter=delimiter, lineterminator=end).writerows(file.lines)
        content = stream.getvalue().encode(file.encoding)
        path.write_bytes(gzip.compress(content) if packed else content)

    return write


def _workbook(file: WrittenFile, path: Path) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Ark 1")
        day, moment = (book.add_format({"num_format": text}) for text in ("dd.mm.yyyy", "dd.mm.yyyy hh:mm:ss"))
        for number, line in enumerate(file.lines):
            for at, cell in enumerate(line):
                if isinstance(cell, float):
                    sheet.write_number(number, at, cell)
                elif isinstance(cell, dt.datetime):
                    sheet.write_datetime(number, at, cell, moment)
                elif isinstance(cell, dt.date):
                    sheet.write_datetime(number, at, cell, day)
                elif cell is not None:
                    sheet.write_string(number, at, cell)


def _open_document(file: WrittenFile, path: Path) -> None:
    rows = "".join(
        f"<table:table-row>{''.join(map(_open_document_cell, line))}</table:table-row>" for line in file.lines
    )
    names = ("office", "table", "text")
    spaces = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in names)
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {spaces} office:version="1.2"><office:body>'
        f'<office:spreadsheet><table:table table:name="Ark 1">{rows}</table:table></office:spreadsheet>'
        "</office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", _MANIFEST)
        archive.writestr("content.xml", content)


def _open_document_cell(cell: Any) -> str:
    if cell is None:
        return "<table:table-cell/>"
    if isinstance(cell, float):
        return f'<table:table-cell office:value-type="float" office:value={quoteattr(repr(cell))}/>'
    if isinstance(cell, dt.date):
        return f'<table:table-cell office:value-type="date" office:date-value={quoteattr(cell.isoformat())}/>'
    text = escape(str(cell)).replace("\t", "<text:tab/>")
    lines = "".join(f"<text:p>{_spaces(line)}</text:p>" for line in text.split("\n"))
    return f'<table:table-cell office:value-type="string">{lines}</table:table-cell>'


def _spaces(text: str) -> str:
    """Several spaces in a row need an element each, or they count as one."""
    return text.replace("  ", " <text:s/>")


def _columnar(file: WrittenFile, path: Path) -> None:
    frame = file.frame()
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_ipc(path)


def _dataset_json(file: WrittenFile, path: Path) -> None:
    columns = []
    rows = [[_as_json(file.value(at, cell)) for at, cell in enumerate(row)] for row in file.rows]
    for at, name in enumerate(file.header):
        found = {type(row[at]) for row in rows if row[at] is not None}
        kind = "float" if found and found <= {int, float} else "string"
        columns.append({"itemOID": f"IT.{at}", "name": name, "label": name, "dataType": kind})
    about = {
        "datasetJSONCreationDateTime": "2024-01-01T00:00:00",
        "datasetJSONVersion": "1.1.0",
        "itemGroupOID": "IG.ANY",
        "records": len(rows),
        "name": "ANY",
        "label": "Any",
        "columns": columns,
    }
    if path.suffix == ".json":
        path.write_text(json.dumps({**about, "rows": rows}, default=_json_text, ensure_ascii=False), encoding="utf-8")
        return
    lines = [json.dumps(each, default=_json_text, ensure_ascii=False) for each in (about, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _as_json(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _json_text(value: dt.date) -> str:
    return value.isoformat()


def _statistical(kind: str) -> Callable[[WrittenFile, Path], None]:
    def write(file: WrittenFile, path: Path) -> None:
        import pyreadstat

        frame = file.frame()
        if kind == "sav":
            pyreadstat.write_sav(frame, path)
        elif kind == "zsav":
            pyreadstat.write_sav(frame, path, compress=True)
        elif kind == "dta":
            pyreadstat.write_dta(frame, path)
        else:
            pyreadstat.write_xport(frame, path, table_name="ANY", file_format_version=8 if kind == "xpt8" else 5)

    return write


FORMATS = {
    "comma": FormatKind("csv", _separated(","), ",", has_lines=True),
    "semicolon": FormatKind("csv", _separated(";", "\r\n"), ";", has_lines=True),
    "tab": FormatKind("tsv", _separated("\t"), "\t", has_lines=True),
    "bar": FormatKind("psv", _separated("|", "\r\n"), "|", has_lines=True),
    "packed": FormatKind("csv.gz", _separated(";", packed=True), ";", has_lines=True),
    "xlsx": FormatKind("xlsx", _workbook, has_lines=True),
    "ods": FormatKind("ods", _open_document, has_lines=True),
    "parquet": FormatKind("parquet", _columnar, is_typed=True),
    "feather": FormatKind("feather", _columnar, is_typed=True),
    "json": FormatKind("json", _dataset_json, is_typed=True),
    "ndjson": FormatKind("ndjson", _dataset_json, is_typed=True),
    "sav": FormatKind("sav", _statistical("sav"), is_typed=True, short_names=True),
    "zsav": FormatKind("zsav", _statistical("zsav"), is_typed=True, short_names=True),
    "dta": FormatKind("dta", _statistical("dta"), is_typed=True, short_names=True),
    "xpt8": FormatKind("xpt", _statistical("xpt8"), is_typed=True, short_names=True),
    "xpt5": FormatKind("xpt", _statistical("xpt5"), is_typed=True, short_names=True),
}
