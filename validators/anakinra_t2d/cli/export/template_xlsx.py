"""``anakinra-t2d export template-xlsx``: a workbook for sites to fill."""

from __future__ import annotations

from pathlib import Path

import click

from anakinra_t2d.cli.export.files import out_option, require_end, target_of, write_file
from anakinra_t2d.cli.failures import report_failures


@click.command("template-xlsx", short_help="a workbook for sites to fill")
@out_option
@report_failures
def template_xlsx(out: Path | None) -> None:
    """Write a workbook for sites to fill: a sheet for each table, with drop-downs, ranges and help in comments."""
    from anakinra_t2d.forms.field_help import sent_tables
    from anakinra_t2d.forms.template_xlsx import template_xlsx as workbook
    from anakinra_t2d.schema import definitions

    found = definitions()
    target = target_of(out, "template.xlsx")
    require_end(target, ".xlsx")
    write_file(target, workbook(found))
    click.echo(f"Wrote a workbook with a sheet for each of {len(sent_tables(found))} tables to {target}")
