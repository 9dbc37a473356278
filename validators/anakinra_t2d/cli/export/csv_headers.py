"""``anakinra-t2d export csv-headers``: files with the header of each table."""

from __future__ import annotations

from pathlib import Path

import click

from anakinra_t2d.cli.export.files import out_option, target_of, write_file, zipped
from anakinra_t2d.cli.failures import report_failures


@click.command("csv-headers", short_help="a CSV file with the header of each table")
@out_option
@report_failures
def csv_headers(out: Path | None) -> None:
    """Write a directory, or a .zip, of CSV files with the header of each table and a list of all columns."""
    from anakinra_t2d.forms.csv_headers import COLUMNS
    from anakinra_t2d.forms.csv_headers import csv_headers as headers
    from anakinra_t2d.schema import definitions
    from anakinra_t2d.write.whole_directory import whole_directory

    files = headers(definitions())
    target = target_of(out, "headers")
    if target.suffix.lower() == ".zip":
        write_file(target, zipped(files))
    else:
        with whole_directory(target, marker=COLUMNS) as folder:
            for name, text in files.items():
                (folder / name).write_bytes(text.encode())
    click.echo(f"Wrote the headers of {len(files) - 1} tables and {COLUMNS} to {target}")
