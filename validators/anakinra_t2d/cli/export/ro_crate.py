"""``anakinra-t2d export ro-crate``: data with their description as a research object."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from anakinra_t2d.cli.export.files import out_option, target_of
from anakinra_t2d.cli.failures import report_failures


@click.command("ro-crate", short_help="converted or released data as RO-Crate")
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
    required=True,
    help="The day of publication, which every crate must state.",
)
@click.option("--unblinded", is_flag=True, help="Take restricted tables and results by arm too.")
@report_failures
def ro_crate(data: Path, out: Path | None, published: dt.datetime, unblinded: bool) -> None:
    """Write data with an RO-Crate description of every file into a new directory, or a .zip.

    Restricted tables, and what was made from them, stay out unless --unblinded is given. Other tables have columns that
    can reveal the arm; `release --view blinded` leaves these out as well.
    """
    from anakinra_t2d.schema import definitions
    from anakinra_t2d.standards.ro_crate import write_ro_crate

    target = target_of(out, "ro-crate")
    click.echo(write_ro_crate(data, definitions(), target, unblinded=unblinded, published=published.date()))
