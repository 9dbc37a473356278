"""``anakinra-t2d export define-xml``: what the data sets hold, in the form that reviewers of clinical data read."""

from __future__ import annotations

from pathlib import Path

import click

from anakinra_t2d.cli.export.files import out_option, require_end, target_of, write_file
from anakinra_t2d.cli.failures import report_failures
from anakinra_t2d.cli.readings import chosen_readings

_WORDS = {"adam": "analysis data sets", "sdtm": "SDTM data sets", "tables": "tables"}


@click.command("define-xml", short_help="Define-XML 2.1 of the analysis data sets, SDTM or the tables")
@click.option(
    "--standard",
    type=click.Choice(list(_WORDS)),
    default="adam",
    show_default=True,
    help="adam: the analysis data sets that `export adam` writes, with the formula of each parameter and endpoint. "
    "sdtm: the data sets that `export sdtm` writes. tables: the tables that `convert` writes.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The directory of these data sets: describe what is in it, with the lengths of its values.  [default: "
    "describe everything that the definitions know]",
)
@click.option(
    "--reading",
    "readings",
    multiple=True,
    metavar="ID=CHOICE",
    help="The choice of an open reading with which the analysis data sets were derived, when it was not the usual one.",
)
@out_option
@report_failures
def define_xml(standard: str, data: Path | None, readings: tuple[str, ...], out: Path | None) -> None:
    """Write a Define-XML 2.1 document: variables, codelists, value-level metadata, methods and their formulas."""
    from anakinra_t2d.schema import definitions
    from anakinra_t2d.standards.define_xml import define_xml as document

    if readings and standard != "adam":
        raise click.UsageError("--reading belongs to --standard adam.")
    chosen = chosen_readings(readings)
    target = target_of(out, f"{standard}-define.xml")
    require_end(target, ".xml")
    write_file(target, document(definitions(), standard, data, chosen))  # type: ignore[arg-type]
    click.echo(f"Wrote the Define-XML of the {_WORDS[standard]} to {target}")
    if data is None:
        click.echo(
            "It has every variable that the definitions know, and no lengths of real texts; with --data DIR it "
            "describes the data sets of a directory."
        )
