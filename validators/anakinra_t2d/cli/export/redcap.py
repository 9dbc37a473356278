"""``anakinra-t2d export redcap``: a REDCap data dictionary."""

from __future__ import annotations

from pathlib import Path

import click

from anakinra_t2d.cli.export.files import out_option, require_end, target_of, write_file, zipped
from anakinra_t2d.cli.failures import report_failures


@click.command("redcap", short_help="a REDCap data dictionary")
@out_option
@report_failures
def redcap(out: Path | None) -> None:
    """Write a REDCap data dictionary with validation and branching.

    A name that ends in .zip takes the list of repeating instruments, the instruments that can reveal the arm, and
    instructions beside it.
    """
    from anakinra_t2d.forms.redcap_dictionary import dictionary_text, instruments, redcap_files
    from anakinra_t2d.schema import definitions

    found = definitions()
    target = target_of(out, "redcap.csv")
    require_end(target, ".csv", ".zip")
    shared, apart = len(instruments(found)), len(instruments(found, restricted=True))
    if target.suffix.lower() == ".zip":
        write_file(target, zipped(redcap_files(found)))
        click.echo(f"Wrote the REDCap dictionaries of {shared} instruments and of {apart} restricted ones to {target}")
        return
    write_file(target, dictionary_text(found).encode())
    click.echo(f"Wrote the REDCap dictionary of {shared} instruments to {target}")
    click.echo(
        f"With --out FILE.zip come the {apart} instruments that can reveal the arm, the list of repeating instruments "
        "and instructions."
    )
