"""``anakinra-t2d export dataset-json``: converted data as CDISC Dataset-JSON."""

from __future__ import annotations

from pathlib import Path

import click

from anakinra_t2d.cli.export.files import out_option, target_of
from anakinra_t2d.cli.failures import report_failures


@click.command("dataset-json", short_help="Dataset-JSON 1.1 of converted data")
@click.option(
    "--data", type=click.Path(path_type=Path), required=True, metavar="DIR", help="A directory that convert wrote."
)
@out_option
@click.option("--ndjson", is_flag=True, help="Newline-delimited JSON: a record on each line.")
@click.option("--unblinded", is_flag=True, help="Write restricted tables as well: they reveal the arm.")
@report_failures
def dataset_json(data: Path, out: Path | None, *, ndjson: bool, unblinded: bool) -> None:
    """Write the tables of converted data as Dataset-JSON 1.1, a file each, into a new directory.

    `anakinra-t2d convert` reads the directory back.
    """
    from anakinra_t2d.schema import definitions
    from anakinra_t2d.standards.dataset_json import dataset_json as write_data_sets

    target = target_of(out, "dataset-json")
    click.echo(write_data_sets(data, definitions(), target, unblinded=unblinded, by_line=ndjson))
