"""Small valid files of every kind that is read, from which the damaged ones are made."""

from __future__ import annotations

import datetime as dt
import gzip
import zipfile
import zlib
from decimal import Decimal
from pathlib import Path

import polars as pl

from anakinra_t2d.schema.where import data_root
from any_format import FORMATS, WrittenFile
from any_format import write as write_any
from workbook_files import write_xls, write_xlsb

HEADER = ["subject_id", "visit", "visit_seq", "weight_kg", "note"]
ROWS: list[list[str | Decimal | None]] = [
    ["DK01-001", "baseline", "1", Decimal("81.5"), 'a "note"; 1,5'],
    ["DK01-002", "week13", "1", Decimal(79), "Ærø\nto linjer"],
    ["CH01-003", "screening", "2", None, ""],
]
PACKAGE = (
    '{"name": "trial", "resources": [{"name": "vitals", "path": "vitals.csv", "format": "csv", "encoding": "utf-8",'
    ' "dialect": {"delimiter": ";"}, "schema": {"fields": [{"name": "subject_id", "type": "string"}],'
    ' "missingValues": ["", "NA"]}}]}'
)
DICTIONARY = (
    "Variable / Field Name,Form Name,Section Header,Field Type,Field Label,"
    '"Choices, Calculations, OR Slider Labels",Field Note,Text Validation Type OR Show Slider Number\n'
    "record_id,subjects,,text,Record,,,\n"
    'sex,subjects,,radio,Sex,"1, Male | 2, Female",,\n'
    "seen,subjects,,text,Seen,,,date_ymd\n"
    'drugs,subjects,,checkbox,Drugs,"1, A | 2, B",,\n'
    "weight,vitals,,text,Weight,,,number\n"
)
EXPORT = (
    "record_id,redcap_repeat_instrument,redcap_repeat_instance,sex,seen,drugs___1,drugs___2,weight,vitals_complete\n"
    "1,,,1,2006-01-02,0,1,,\n1,vitals,1,,,,,81.5,2\n2,,,2,2006-01-05,1,0,,\n"
)
ACCEPTED = (
    'trial: NCT00303394\naccepted:\n  - rule: RNG-001\n    table: vitals\n    record: {subject_id: "DK01-001"}\n'
    '    field: weight_kg\n    fingerprint: "0123456789abcdef"\n    reason: "Seen."\n    who: "N. N."\n'
    '    when: "2006-03-02"\n'
)
WRITTEN_BY_SAS = Path("/usr/lib/R/site-library/haven/examples/iris.sas7bdat")
"""No library writes this format; the package haven of R brings one."""
SCHEMA_FILES = {
    "schema_table": "tables/protocol_deviations.yaml",
    "schema_trial": "trial.yaml",
    "schema_flow": "flow.yaml",
    "schema_deidentification": "deidentification.yaml",
    "profile": "sites/sdtm.yaml",
}


def write_seeds(folder: Path) -> None:
    """Write ``<folder>/<reader>/vitals.<suffix>``, the same bytes every time where the format has no clock."""
    for name, kind in FORMATS.items():
        short = kind.short_names
        header = [each[:8] for each in HEADER] if short else HEADER
        rows = [["x" if cell == "" else cell for cell in row] for row in ROWS] if kind.is_typed else ROWS
        file = WrittenFile(f"vitals.{kind.suffix}", name, header, rows)
        write_any(file, _made(folder / name))
    write_xls(_made(folder / "xls") / "vitals.xls", [HEADER, ["DK01-001", "b", 1.0, 81.5, True]], merged=[(1, 1, 0, 1)])
    write_xlsb(_made(folder / "xlsb") / "vitals.xlsb", [["a", "b"], [1.5, b"\x07"], ["x", 9.2]], (1, 2, 0, 0))
    _por(_made(folder / "por") / "vitals.por")
    if WRITTEN_BY_SAS.exists():
        (_made(folder / "sas7bdat") / "vitals.sas7bdat").write_bytes(WRITTEN_BY_SAS.read_bytes())
    _packed(folder)
    _texts(folder)
    _answers(_made(folder / "answers") / "vitals.xlsx")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _por(path: Path) -> None:
    import pyreadstat

    frame = pl.DataFrame({"A": [1.5, 2.0], "B": ["x", "y"], "C": [dt.date(2006, 1, 2), None]})
    pyreadstat.write_por(frame, path)


def _packed(folder: Path) -> None:
    line = (folder / "ndjson" / "vitals.ndjson").read_bytes()
    (_made(folder / "ndjson_packed") / "vitals.ndjson.gz").write_bytes(gzip.compress(line, mtime=0))
    (_made(folder / "dsjc") / "vitals.dsjc").write_bytes(zlib.compress(line))
    with zipfile.ZipFile(_made(folder / "zip") / "vitals.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("datapackage.json", PACKAGE)
        archive.writestr("vitals.csv", (folder / "semicolon" / "vitals.csv").read_bytes())
        archive.writestr("restricted/randomisation.csv", "subject_id,arm\nDK01-001,A\n")


def _texts(folder: Path) -> None:
    (_made(folder / "datapackage") / "datapackage.json").write_text(PACKAGE, encoding="utf-8")
    (_made(folder / "redcap_export") / "vitals.csv").write_text(EXPORT, encoding="utf-8")
    (_made(folder / "redcap_dictionary") / "vitals.csv").write_text(DICTIONARY, encoding="utf-8")
    (_made(folder / "accepted") / "accepted.yaml").write_text(ACCEPTED, encoding="utf-8")
    for reader, name in SCHEMA_FILES.items():
        path = data_root() / "schema" / name
        (_made(folder / reader) / path.name).write_bytes(path.read_bytes())


def _answers(path: Path) -> None:
    import xlsxwriter

    from anakinra_t2d.review import answers
    from anakinra_t2d.review.query_workbook import ABOUT, FORMAT, QUERIES

    book = xlsxwriter.Workbook(path)
    about, queries = book.add_worksheet(ABOUT), book.add_worksheet(QUERIES)
    about.write_row(0, 0, ["format", FORMAT])
    queries.write_row(0, 0, list(answers._NEEDED))
    for row in (1, 2):
        queries.write_row(row, 0, ["RNG-001", "DK01-001", "keep", "why", "N. N.", "2006-03-02", "0123456789abcdef"])
    about.hide()
    book.close()
