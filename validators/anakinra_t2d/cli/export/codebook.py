"""``anakinra-t2d export codebook``: every definition for people."""

from __future__ import annotations

from pathlib import Path

import click

from anakinra_t2d.cli.export.files import out_option, target_of, write_file
from anakinra_t2d.cli.failures import report_failures


@click.command("codebook", short_help="every definition as one document")
@out_option
@report_failures
def codebook(out: Path | None) -> None:
    """Write every variable, criterion, parameter, endpoint and rule as one Markdown document."""
    from anakinra_t2d.forms.codebook import codebook as document
    from anakinra_t2d.schema import definitions

    target = target_of(out, "codebook.md")
    write_file(target, document(definitions()).encode())
    click.echo(f"Wrote the codebook to {target}")
