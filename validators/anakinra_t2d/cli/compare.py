"""``anakinra-t2d compare``: what a second submission changed."""

from __future__ import annotations

from pathlib import Path

import click

from anakinra_t2d.cli.failures import report_failures


@click.command()
@click.argument("old", metavar="OLD", type=click.Path(path_type=Path))
@click.argument("new", metavar="NEW", type=click.Path(path_type=Path))
@click.option("--no-values", is_flag=True, help="Hide every value; show pseudonyms in place of subject numbers.")
@click.option("--all", "every", is_flag=True, help="Show everything that is listed, not only the first of each kind.")
@click.option(
    "--most",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    help="Added, removed and changed records to list for each table; all of them are counted.",
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
def compare(old: Path, new: Path, no_values: bool, every: bool, most: int, layout: str) -> None:
    """Compare two submissions: findings, and records cell by cell.

    OLD and NEW are directories that `convert` wrote, or findings.json documents, of which only findings are compared.
    A record that was rejected in one of them counts as added or removed.
    Exit status: 0 no new error, 1 new errors, 2 the comparison could not run.
    """
    from anakinra_t2d.review.compare import compare as run

    comparison = run(old, new, show_values=not no_values, most=most)
    if layout == "json":
        import json

        click.echo(json.dumps(comparison.as_dict(), ensure_ascii=False, indent=2))
    else:
        from rich.console import Console

        from anakinra_t2d.report.text import WIDTH
        from anakinra_t2d.review.compare_text import print_comparison

        console = Console(highlight=False)
        if not console.is_terminal:
            console = Console(highlight=False, width=WIDTH)
        print_comparison(comparison, console, every=every)
    raise SystemExit(comparison.exit_status())
