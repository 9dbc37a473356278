"""``anakinra-t2d derive``: parameters, endpoints, eligibility, flow and results beside converted tables."""

from __future__ import annotations

from pathlib import Path

import click

from anakinra_t2d.cli.engine import engine_options, on_engine
from anakinra_t2d.cli.failures import report_failures
from anakinra_t2d.cli.readings import chosen_readings


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--reading",
    "readings",
    multiple=True,
    metavar="ID=CHOICE",
    help="Another choice of an open reading of the paper, such as A12=incremental; may be given several times.",
)
@click.option(
    "--all-readings",
    is_flag=True,
    help="Show the results under every other choice of each open reading beside the usual.",
)
@click.option(
    "--format",
    "layout",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="text for people, json for programs.",
)
@report_failures
@engine_options
def derive(folder: Path, readings: tuple[str, ...], all_readings: bool, layout: str, master: str | None) -> None:
    """Derive parameters, endpoints, eligibility and the comparison of the arms from converted tables.

    DIR is a directory that `convert` wrote. parameters.parquet, endpoints.parquet, eligibility.parquet, flow.parquet,
    results.parquet and results.txt are written into it; the results stand beside the numbers of the paper.
    """
    from anakinra_t2d.cli.other_version import heed_version
    from anakinra_t2d.cli.progress import showing_progress
    from anakinra_t2d.derivation.run import derive as local
    from anakinra_t2d.schema import definitions

    heed_version(folder)
    chosen = chosen_readings(readings)
    with showing_progress() as progress:
        derived = on_engine(local, master)(folder, readings=chosen, all_readings=all_readings, progress=progress)
    if layout == "json":
        from anakinra_t2d.report.results_json import as_json

        click.echo(as_json(derived, definitions().trial.version), nl=False)
        return
    from rich.console import Console

    from anakinra_t2d.report.results_table import print_results
    from anakinra_t2d.report.text import WIDTH

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    print_results(derived, definitions(), console)
    click.echo(f"Written into {folder}")
