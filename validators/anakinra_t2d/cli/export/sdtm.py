"""``anakinra-t2d export sdtm``: converted data as CDISC SDTM data sets."""

from __future__ import annotations

from pathlib import Path

import click

from anakinra_t2d.cli.export.files import out_option, target_of
from anakinra_t2d.cli.failures import report_failures


@click.command("sdtm", short_help="SDTM data sets of converted data")
@click.option(
    "--data", type=click.Path(path_type=Path), required=True, metavar="DIR", help="A directory that convert wrote."
)
@out_option
@click.option("--unblinded", is_flag=True, help="Write restricted tables as well: they reveal the arm.")
@report_failures
def sdtm(data: Path, out: Path | None, *, unblinded: bool) -> None:
    """Write the tables of converted data as SDTM data sets (SAS transport files) into a new directory.

    What has no place in SDTM is said, here and in a text file beside the data sets. `anakinra-t2d convert` reads the
    directory back.
    """
    from anakinra_t2d.schema import definitions
    from anakinra_t2d.standards.sdtm import sdtm as write_data_sets

    click.echo(write_data_sets(data, definitions(), target_of(out, "sdtm"), unblinded=unblinded))
