"""``anakinra-t2d``: the commands and their options."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any, Literal

import click

from anakinra_t2d import __version__
from anakinra_t2d.cli.accept import accept
from anakinra_t2d.cli.compare import compare
from anakinra_t2d.cli.derive import derive
from anakinra_t2d.cli.engine import engine_options, on_engine
from anakinra_t2d.cli.explain import explain
from anakinra_t2d.cli.export import export
from anakinra_t2d.cli.failures import report_failures
from anakinra_t2d.cli.hook import hook
from anakinra_t2d.cli.profile import profile
from anakinra_t2d.cli.release import release
from anakinra_t2d.cli.report import report
from anakinra_t2d.cli.reports import layout_option, print_outcome
from anakinra_t2d.cli.schema_diff import schema_diff
from anakinra_t2d.cli.values import hides_values, values_option

Layout = Literal["canonical", "denmark", "zurich", "sdtm"]

_PATHS = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Check trial data of the anakinra trial (NCT00303394) and convert them to Parquet.

    Exit status: 0 no error found, 1 errors found, 2 the command could not run.
    """
    for stream in (sys.stdout, sys.stderr):
        # a terminal that lacks a letter of the data must not end the report
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


main.add_command(accept)
main.add_command(compare)
main.add_command(derive)
main.add_command(export)
main.add_command(explain)
main.add_command(hook)
main.add_command(profile)
main.add_command(release)
main.add_command(report)


def _checking_options(command: Any) -> Any:
    for option in (
        values_option,
        click.option("--all", "every", is_flag=True, help="Show every finding, not only the first of each rule."),
        click.option("--strict", is_flag=True, help="Exit with 1 on warnings too."),
        layout_option,
    ):
        command = option(command)
    return command


_PROFILE = click.option(
    "--profile",
    metavar="NAME|FILE",
    help="How the site writes its files: a profile of schema/sites or a file; a profile.yaml beside the files is used "
    "by itself.",
)
_ACCEPTED = click.option(
    "--accepted",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Accepted findings (`accept` writes them): shown as accepted, and neither errors nor warnings.",
)


@main.command()
@_PATHS
@_PROFILE
@click.option("--only", multiple=True, metavar="CODE", help="Report only this rule; may be given several times.")
@_ACCEPTED
@click.option(
    "--since",
    metavar="DIR|FILE",
    type=click.Path(path_type=Path),
    help="An earlier submission (output of `convert`, or its findings.json): exit with 1 only on new errors.",
)
@click.option(
    "--blinded",
    is_flag=True,
    help="Fail on anything in the files that could tell the arm of a patient: restricted tables, kits, drug levels ...",
)
@_checking_options
@report_failures
@engine_options
def validate(
    paths: tuple[Path, ...],
    profile: str | None,
    only: tuple[str, ...],
    accepted: Path | None,
    since: Path | None,
    blinded: bool,
    layout: str,
    strict: bool,
    every: bool,
    no_values: bool | None,
    master: str | None,
) -> None:
    """Check a submission and write nothing.

    PATHS are a directory of files named after tables (CSV, Excel, SAS, SPSS, Stata, Parquet, Arrow, Dataset-JSON), such
    files, a datapackage.json, or a zip of these. Files of another layout need a profile.
    """
    from anakinra_t2d.cli.progress import showing_progress
    from anakinra_t2d.conversion.run import validate as local

    with showing_progress() as progress:
        outcome = on_engine(local, master)(
            *paths,
            profile=profile,
            only=only or None,
            progress=progress,
            show_values=not hides_values(no_values),
            accepted=accepted,
            since=since,
            blinded=blinded,
        )
    print_outcome(outcome, layout, paths, every=every)
    raise SystemExit(outcome.exit_status(strict=strict))


@main.command()
@_PATHS
@_PROFILE
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Directory to write; an earlier output is replaced."
)
@_ACCEPTED
@_checking_options
@report_failures
@engine_options
def convert(
    paths: tuple[Path, ...],
    profile: str | None,
    out: Path,
    accepted: Path | None,
    layout: str,
    strict: bool,
    every: bool,
    no_values: bool | None,
    master: str | None,
) -> None:
    """Check a submission and write its valid rows as Parquet.

    The directory appears whole or not at all. Beside the tables it holds datapackage.json, the findings, the rejected
    rows with their reasons, the lineage of changed cells, a report and a manifest with hashes.
    """
    from anakinra_t2d.cli.progress import showing_progress
    from anakinra_t2d.conversion.run import convert as local

    with showing_progress() as progress:
        outcome = on_engine(local, master)(
            *paths,
            profile=profile,
            out=out,
            progress=progress,
            show_values=not hides_values(no_values),
            accepted=accepted,
        )
    print_outcome(outcome, layout, paths, every=every)
    if layout == "text":
        click.echo(f"Written to {out}")
    raise SystemExit(outcome.exit_status(strict=strict))


@main.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Directory for the CSV files.")
@click.option("--patients", default=70, show_default=True, type=click.IntRange(min=4), help="Randomised patients.")
@click.option(
    "--seed",
    default=None,
    type=click.IntRange(min=0),
    help="The same seed gives the same bytes.  [default: a fixed seed]",
)
@click.option(
    "--layout",
    type=click.Choice(["canonical", "denmark", "zurich", "sdtm"]),
    default="canonical",
    show_default=True,
    help="canonical: one file for each table; the others as a site or a sponsor would send them, with their profile.",
)
@report_failures
def simulate(out: Path, patients: int, seed: int | None, layout: Layout) -> None:
    """Write a synthetic trial that is calibrated to the published results. No row describes a real person."""
    from anakinra_t2d.simulation import DEFAULT_SEED
    from anakinra_t2d.simulation import simulate as run

    rows = run(out, patients=patients, seed=DEFAULT_SEED if seed is None else seed, layout=layout)
    click.echo(f"Wrote {len(rows)} tables with {sum(rows.values()):,} rows of synthetic data to {out}")


@main.group()
def schema() -> None:
    """Work with the definitions themselves."""


schema.add_command(schema_diff)


@schema.command()
@click.argument("root", required=False, type=click.Path(path_type=Path, file_okay=False))
@report_failures
def check(root: Path | None) -> None:
    """Read schema/ strictly and say what is wrong, with file and line.

    ROOT is the folder that holds schema/; by default the definitions of this installation.
    """
    from anakinra_t2d.across.relations import open_relations
    from anakinra_t2d.across.run import check_rules
    from anakinra_t2d.schema import load
    from anakinra_t2d.schema.where import data_root

    found = load(root or data_root())
    with open_relations(found, {}) as con:
        check_rules(con, found)
    fields = sum(len(table.fields) for table in found.tables.values())
    click.echo(
        f"The schema is sound: {len(found.tables)} tables, {fields} fields, {len(found.quantities)} quantities, "
        f"{len(found.rules)} rules, {len(found.eligibility.criteria)} eligibility criteria "
        f"(version {found.trial.version})."
    )
