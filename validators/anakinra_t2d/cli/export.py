"""``anakinra-t2d export``: the definitions in the forms that sites and other programs take."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from anakinra_t2d.cli.failures import report_failures

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions

_NAMES = {"template-xlsx": "template.xlsx", "redcap": "redcap.csv", "csv-headers": "headers"}
"""End of the name that an export has when none is given."""


@click.command()
@click.argument("form", metavar="FORMAT", type=click.Choice(list(_NAMES)))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File or directory to write; it must not exist.  [default: a name in the current directory]",
)
@report_failures
def export(form: str, out: Path | None) -> None:
    """Write the definitions in another form.

    FORMAT is template-xlsx (a workbook for sites to fill, with drop-downs and ranges), csv-headers (a directory, or a
    .zip, of files with the header of each table and a list of all columns) or redcap (a REDCap data dictionary as
    .csv, or a .zip with the list of repeating instruments, the restricted instruments and instructions).
    """
    from anakinra_t2d.schema import definitions

    found = definitions()
    target = out or Path(f"{found.trial.name}-{_NAMES[form]}")
    _require_new(target)
    write = {"template-xlsx": _template, "redcap": _redcap, "csv-headers": _headers}[form]
    click.echo(write(found, target))


def _template(found: Definitions, target: Path) -> str:
    from anakinra_t2d.forms.field_help import sent_tables
    from anakinra_t2d.forms.template_xlsx import template_xlsx

    _require_end(target, ".xlsx")
    _write(target, template_xlsx(found))
    return f"Wrote a workbook with a sheet for each of {len(sent_tables(found))} tables to {target}"


def _headers(found: Definitions, target: Path) -> str:
    from anakinra_t2d.forms.csv_headers import COLUMNS, csv_headers

    files = csv_headers(found)
    said = f"Wrote the headers of {len(files) - 1} tables and {COLUMNS} to {target}"
    if target.suffix.lower() == ".zip":
        _write(target, _zipped(files))
        return said
    from anakinra_t2d.write.whole_directory import whole_directory

    with whole_directory(target, marker=COLUMNS) as folder:
        for name, text in files.items():
            (folder / name).write_bytes(text.encode())
    return said


def _redcap(found: Definitions, target: Path) -> str:
    from anakinra_t2d.forms.redcap_dictionary import dictionary_text, instruments, redcap_files

    _require_end(target, ".csv", ".zip")
    shared, apart = len(instruments(found)), len(instruments(found, restricted=True))
    if target.suffix.lower() == ".zip":
        _write(target, _zipped(redcap_files(found)))
        return f"Wrote the REDCap dictionaries of {shared} instruments and of {apart} restricted ones to {target}"
    _write(target, dictionary_text(found).encode())
    return (
        f"Wrote the REDCap dictionary of {shared} instruments to {target}\n"
        f"With --out FILE.zip come the {apart} instruments that can reveal the arm, the list of repeating instruments "
        "and instructions."
    )


def _require_new(target: Path) -> None:
    from anakinra_t2d.write.whole_directory import OutputError

    if target.exists() or target.is_symlink():
        raise OutputError(f"{target} already exists; name another output, or remove it first.")


def _require_end(target: Path, *ends: str) -> None:
    from anakinra_t2d.write.whole_directory import OutputError

    if target.suffix.lower() not in ends:
        raise OutputError(f"The name of the output must end in {' or '.join(ends)}; {target.name} does not.")


def _write(target: Path, content: bytes) -> None:
    """Write a new file, or nothing at all."""
    from anakinra_t2d.write.whole_directory import OutputError

    made = False
    try:
        with target.open("xb") as file:
            made = True
            file.write(content)
    except OSError as error:
        if made:
            target.unlink(missing_ok=True)
        raise OutputError(f"{target} cannot be written: {(error.strerror or str(error)).lower()}.") from None


def _zipped(files: Mapping[str, str]) -> bytes:
    """Files as a ZIP archive, the same bytes on every run."""
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text.encode())
    return stream.getvalue()
