"""``anakinra-t2d accept``: answers of sites to accepted findings."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from anakinra_t2d.cli.failures import report_failures


@click.command()
@click.argument("workbooks", metavar="ANSWERED.xlsx...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--findings",
    metavar="DIR|FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="The output of `convert` that the queries were made from, or its findings.json.",
)
@click.option(
    "--out",
    metavar="accepted.yaml",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The list to write; when it is there, the new entries go into it.",
)
@click.option("--who", metavar="NAME", help="Who accepts, where an answer does not name anybody.")
@click.option(
    "--until", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]), help="Last day on which the new entries count."
)
@report_failures
def accept(workbooks: tuple[Path, ...], findings: Path, out: Path, who: str | None, until: dt.datetime | None) -> None:
    """Turn the confirmed answers of query workbooks into a list of accepted findings.

    Answers are read from the workbooks that `report --format xlsx --by site` wrote, as they came back. An answer
    `confirmed` with a comment becomes an entry; `validate --accepted` and `convert --accepted` read the list.
    Exit status: 0 every answer was taken, 1 some were refused, 2 nothing could be read.
    """
    from anakinra_t2d.review.accept import ORDER
    from anakinra_t2d.review.accept import accept as run

    result = run(workbooks, findings, out, who=who, until=until.date() if until else None)
    click.echo(", ".join(f"{result.counts[answer]} {answer}" for answer in ORDER))
    if result.new or result.replaced:
        click.echo(f"{out}: {result.new} entries added, {result.replaced} replaced")
    elif result.entries:
        click.echo(f"{out} has all of them already")
    else:
        click.echo("Nothing was confirmed; no list was written.")
    if not result.comments_kept:
        click.echo(f"The comments in {out} were lost, because it was not written line by line.", err=True)
    for sentence in result.refused:
        click.echo(f"Not taken: {sentence}", err=True)
    raise SystemExit(int(bool(result.refused)))
