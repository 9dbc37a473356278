"""``anakinra-t2d export json-schema``: a JSON Schema of the records of each table."""

from __future__ import annotations

from pathlib import Path

import click

from anakinra_t2d.cli.export.files import out_option, target_of, write_file, zipped
from anakinra_t2d.cli.failures import report_failures


@click.command("json-schema", short_help="the JSON Schema of a record of each table")
@out_option
@report_failures
def json_schema(out: Path | None) -> None:
    """Write a directory, or a .zip, with the JSON Schema of each table and the list of rules that they do not hold."""
    from anakinra_t2d.forms.json_schema import NOT_HELD, json_schema_files
    from anakinra_t2d.schema import definitions
    from anakinra_t2d.write.whole_directory import whole_directory

    files = json_schema_files(definitions())
    target = target_of(out, "json-schema")
    if target.suffix.lower() == ".zip":
        write_file(target, zipped(files))
    else:
        with whole_directory(target, marker=NOT_HELD) as folder:
            for name, text in files.items():
                (folder / name).write_bytes(text.encode())
    click.echo(f"Wrote the JSON Schemas of {len(files) - 1} tables and {NOT_HELD} to {target}")
