"""``anakinra-t2d export FORMAT``: definitions and data in the forms that sites and other programs take."""

from __future__ import annotations

import click

from anakinra_t2d.cli.export.adam import adam
from anakinra_t2d.cli.export.codebook import codebook
from anakinra_t2d.cli.export.croissant import croissant
from anakinra_t2d.cli.export.csv_headers import csv_headers
from anakinra_t2d.cli.export.dataset_json import dataset_json
from anakinra_t2d.cli.export.define_xml import define_xml
from anakinra_t2d.cli.export.endpoints import endpoints
from anakinra_t2d.cli.export.json_schema import json_schema
from anakinra_t2d.cli.export.redcap import redcap
from anakinra_t2d.cli.export.ro_crate import ro_crate
from anakinra_t2d.cli.export.sdtm import sdtm
from anakinra_t2d.cli.export.sql_ddl import sql_ddl
from anakinra_t2d.cli.export.template_xlsx import template_xlsx


@click.group(subcommand_metavar="FORMAT [OPTIONS]")
def export() -> None:
    """Write the definitions, or converted data, in another form."""


for _command in (
    adam,
    codebook,
    croissant,
    csv_headers,
    dataset_json,
    define_xml,
    endpoints,
    json_schema,
    redcap,
    ro_crate,
    sdtm,
    sql_ddl,
    template_xlsx,
):
    export.add_command(_command)
