"""``anakinra-t2d export FORMAT``: definitions and data in the forms that sites and other programs take."""

from __future__ import annotations

import click

from anakinra_t2d.cli.export.adam import adam
from anakinra_t2d.cli.export.codebook import codebook
from anakinra_t2d.cli.export.csv_headers import csv_headers
from anakinra_t2d.cli.export.endpoints import endpoints
from anakinra_t2d.cli.export.redcap import redcap
from anakinra_t2d.cli.export.template_xlsx import template_xlsx


@click.group(subcommand_metavar="FORMAT [OPTIONS]")
def export() -> None:
    """Write the definitions, or converted data, in another form."""


for _command in (adam, codebook, csv_headers, endpoints, redcap, template_xlsx):
    export.add_command(_command)
