"""``anakinra-t2d export adam``: derived data as CDISC analysis data sets."""

from __future__ import annotations

from pathlib import Path

import click

from anakinra_t2d.cli.export.files import out_option, target_of
from anakinra_t2d.cli.failures import report_failures


@click.command("adam", short_help="analysis data sets (ADSL, ADBDS) of derived data")
@click.option(
    "--data", type=click.Path(path_type=Path), required=True, metavar="DIR", help="A directory that derive wrote."
)
@out_option
@report_failures
def adam(data: Path, out: Path | None) -> None:
    """Write ADSL and ADBDS of derived data as Parquet and SAS transport files into a new directory."""
    from anakinra_t2d.derivation.adam import adam as write_data_sets
    from anakinra_t2d.schema import definitions

    click.echo(write_data_sets(data, definitions(), target_of(out, "adam")))
