"""``anakinra-t2d report``: what was found in a converted submission, as files for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from anakinra_t2d.cli.failures import report_failures

if TYPE_CHECKING:
    from anakinra_t2d.derivation.beside_paper import Comparison
    from anakinra_t2d.schema import Definitions


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    folder: Path
    out: Path
    unblinded: bool
    show_values: bool


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="html: the file to write, which is replaced. xlsx: a new directory.",
)
@click.option(
    "--format",
    "layout",
    type=click.Choice(["html", "xlsx"]),
    default="html",
    show_default=True,
    help="html: one page that opens without a network. xlsx: a workbook of questions for each site.",
)
@click.option(
    "--unblinded", is_flag=True, help="Show what can tell the arms: restricted tables, flow and results by arm."
)
@click.option("--no-values", is_flag=True, help="Leave out every value; show pseudonyms in place of subject numbers.")
@report_failures
def report(folder: Path, out: Path, layout: str, unblinded: bool, no_values: bool) -> None:
    """Write a report of a converted submission for people.

    DIR is a directory that `convert` wrote. With what `derive` added to it the page has the flow of patients and, for
    those who may know the arms (--unblinded), the results beside the numbers of the paper. The exit status is 0 when
    the report was written, whatever it says.
    """
    from anakinra_t2d.cli.other_version import heed_version

    heed_version(folder)
    click.echo(WRITERS[layout](Request(folder, out, unblinded, show_values=not no_values)))


def _html(request: Request) -> str:
    from anakinra_t2d.report.html import html_report
    from anakinra_t2d.schema import definitions

    found = definitions()
    page = html_report(
        request.folder,
        found,
        unblinded=request.unblinded,
        show_values=request.show_values,
        comparisons=_comparisons(request.folder, found) if request.unblinded else (),
    )
    _write(request.out, page)
    kind = "an unblinded report, which can reveal the arms," if request.unblinded else "the report"
    return f"Wrote {kind} to {request.out}"


def _queries(request: Request) -> str:
    from anakinra_t2d.review.queries import site_queries

    made = site_queries(request.folder, request.out)
    if not made:
        return "No finding is open; there is nothing to ask."
    return f"Wrote {len(made)} workbooks to {request.out}: {', '.join(path.name for path in made)}"


def _comparisons(folder: Path, found: Definitions) -> list[Comparison]:
    """The numbers of the paper beside those of the directory; nothing when it is not derived."""
    from anakinra_t2d.derivation.beside_paper import beside_paper
    from anakinra_t2d.report.html.submission import Submission

    submission = Submission(folder, found)
    results, flow = submission.results(), submission.flow()
    if results is None or flow is None:
        return []
    return beside_paper(
        {(one.endpoint_id, one.group, one.statistic): one.value for one in results if one.reading is None},
        {(row.step, row.group, row.reason): row.n for row in flow if row.n is not None},
        found,
        synthetic=submission.synthetic,
    )


def _write(target: Path, text: str) -> None:
    """Write the whole file or nothing."""
    from anakinra_t2d.write.whole_directory import OutputError
    from anakinra_t2d.write.whole_file import write_whole_file

    if target.is_dir():
        raise OutputError(f"{target} is a directory; name a file.")
    write_whole_file(target, text.encode(), replace=True)


WRITERS: dict[str, Callable[[Request], str]] = {"html": _html, "xlsx": _queries}
"""How each format is written; the text returned is for the one who asked."""
