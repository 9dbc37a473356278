"""``anakinra-t2d export croissant``: a description of data for data set search and machine learning."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

import click

from anakinra_t2d.cli.export.files import out_option, require_end, target_of, write_file
from anakinra_t2d.cli.failures import report_failures


@click.command("croissant", short_help="a Croissant description of converted or released data")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="A directory that convert or derive wrote, or an unpacked release.",
)
@out_option
@click.option(
    "--date",
    "published",
    type=click.DateTime(["%Y-%m-%d"]),
    default=None,
    help="The day of publication, if it is known.",
)
@click.option("--unblinded", is_flag=True, help="Describe restricted tables and results by arm too.")
@report_failures
def croissant(data: Path, out: Path | None, published: dt.datetime | None, unblinded: bool) -> None:
    """Write a Croissant 1.1 description of the files, tables, columns, units and codes of a directory.

    It names the files by their path from its own place, so it moves together with them. Restricted tables stay out
    unless --unblinded is given.
    """
    from anakinra_t2d.schema import definitions
    from anakinra_t2d.standards.croissant import describe
    from anakinra_t2d.standards.described_files import described_files

    found = definitions()
    target = target_of(out, "croissant.json")
    require_end(target, ".json", ".jsonld")
    source = described_files(data, found, unblinded=unblinded)
    start = Path(os.path.relpath(data, target.parent)).as_posix()
    document = describe(
        source, found, start="" if start == "." else start, published=published.date() if published else None
    )
    write_file(target, (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode())
    click.echo(f"Wrote the description of {len(source.resources)} tables to {target}.")
    if words := source.words(tables_only=True):
        click.echo(words)
