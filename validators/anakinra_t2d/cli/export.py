"""``anakinra-t2d export``: the definitions in the forms that sites and other programs take."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from anakinra_t2d.cli.failures import report_failures
from anakinra_t2d.cli.readings import chosen_readings

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions

_NAMES = {
    "template-xlsx": "template.xlsx",
    "redcap": "redcap.csv",
    "csv-headers": "headers",
    "endpoints": "endpoints",
    "codebook": "codebook.md",
    "adam": "adam",
}
"""End of the name that an export has when none is given."""
_DIALECTS = ("duckdb", "postgres", "spark", "sqlite")


@click.command()
@click.argument("form", metavar="FORMAT", type=click.Choice(list(_NAMES)))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File or directory to write; it must not exist.  [default: a name in the current directory]",
)
@click.option("--dialect", type=click.Choice(_DIALECTS), default=None, help="endpoints: the engine of the SQL.")
@click.option(
    "--format",
    "layout",
    type=click.Choice(["sql", "json"]),
    default=None,
    help="endpoints: a script of SQL views, or the cards as JSON with their JSON Schema.  [default: sql]",
)
@click.option(
    "--reading", "readings", multiple=True, metavar="ID=CHOICE", help="endpoints: another choice of an open reading."
)
@click.option(
    "--data", type=click.Path(path_type=Path), default=None, metavar="DIR", help="adam: a directory that derive wrote."
)
@report_failures
def export(
    form: str,
    out: Path | None,
    dialect: str | None,
    layout: str | None,
    readings: tuple[str, ...],
    data: Path | None,
) -> None:
    """Write the definitions, or derived data, in another form.

    FORMAT is template-xlsx (a workbook for sites to fill, with drop-downs and ranges), csv-headers (a directory, or a
    .zip, of files with the header of each table and a list of all columns), redcap (a REDCap data dictionary as
    .csv, or a .zip with the list of repeating instruments, the restricted instruments and instructions), endpoints
    (parameters and endpoints as SQL views, or as JSON cards), codebook (every definition as Markdown) or adam (ADSL
    and ADBDS of derived data as Parquet and SAS transport files).
    """
    from anakinra_t2d.schema import definitions

    _require_fitting(form, dialect=dialect, layout=layout, readings=readings, data=data)
    found = definitions()
    if form == "endpoints":
        click.echo(_endpoints(found, out, dialect, layout or "sql", chosen_readings(readings)))
        return
    target = out or Path(f"{found.trial.name}-{_NAMES[form]}")
    _require_new(target)
    if form == "adam":
        from anakinra_t2d.derivation.adam import adam

        assert data is not None
        click.echo(adam(data, found, target))
        return
    write = {"template-xlsx": _template, "redcap": _redcap, "csv-headers": _headers, "codebook": _codebook}[form]
    click.echo(write(found, target))


def _require_fitting(form: str, **options: object) -> None:
    """Options of another format are a mistake, and so is a data directory that is not named."""
    fitting = {"dialect": "endpoints", "layout": "endpoints", "readings": "endpoints", "data": "adam"}
    shown = {"layout": "format", "readings": "reading"}
    for name, value in options.items():
        if value and fitting[name] != form:
            raise click.UsageError(f"--{shown.get(name, name)} belongs to the format {fitting[name]}.")
    if form == "adam" and not options["data"]:
        raise click.UsageError("adam needs --data DIR, a directory that `anakinra-t2d derive` wrote.")
    if options["layout"] == "json" and options["dialect"]:
        raise click.UsageError("--dialect belongs to --format sql.")


def _endpoints(
    found: Definitions, out: Path | None, dialect: str | None, layout: str, readings: Mapping[str, str]
) -> str:
    name = f"{found.trial.name}-{_NAMES['endpoints']}"
    if layout == "json":
        from anakinra_t2d.endpoint_views.json_cards import json_cards, json_cards_schema

        target = out or Path(f"{name}.json")
        schema = target.with_suffix(".schema.json")
        _require_new(target)
        _require_new(schema)
        _write(target, json_cards(found, readings).encode())
        _write(schema, (json.dumps(json_cards_schema(), ensure_ascii=False, indent=1) + "\n").encode())
        return (
            f"Wrote the cards of {len(found.endpoints.endpoints)} endpoints to {target}, their JSON Schema to {schema}"
        )
    from anakinra_t2d.endpoint_views import views
    from anakinra_t2d.endpoint_views.dialects import script

    engine = dialect or _DIALECTS[0]
    target = out or Path(f"{name}-{engine}.sql")
    _require_new(target)
    text = script(views(found, readings), engine, found, readings=readings)  # type: ignore[arg-type]
    _write(target, text.encode())
    return f"Wrote the SQL of parameters and endpoints for {engine} to {target}"


def _codebook(found: Definitions, target: Path) -> str:
    from anakinra_t2d.forms.codebook import codebook

    _write(target, codebook(found).encode())
    return f"Wrote the codebook to {target}"


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
