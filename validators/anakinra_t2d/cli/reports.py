"""What a check prints: the report in the format asked for, and what GitHub Actions shows of a job."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from anakinra_t2d.conversion.outcome import Outcome

LAYOUTS = ("text", "json", "github", "sarif")

layout_option = click.option(
    "--format",
    "layout",
    type=click.Choice(LAYOUTS),
    default="text",
    show_default=True,
    help="text for people, json for programs, sarif for code scanning, github for annotations of GitHub Actions; there "
    "annotations follow the text, and a summary of the job is written, by themselves.",
)


def print_outcome(outcome: Outcome, layout: str, paths: Sequence[Path], *, every: bool) -> None:
    """Print the report; in a job of GitHub Actions annotations follow the text, and the summary of the job is written.

    ``every`` shows all findings in the text, not only the first ones of each rule.
    """
    from anakinra_t2d.schema import definitions

    base = base_of(paths)
    in_actions = os.environ.get("GITHUB_ACTIONS") == "true"
    if layout == "json":
        from anakinra_t2d.report.json_document import as_json

        click.echo(as_json(outcome), nl=False)
    elif layout == "sarif":
        from anakinra_t2d.report.sarif import as_sarif

        click.echo(as_sarif(outcome, definitions(), base), nl=False)
    elif layout == "github":
        _annotate(outcome, base)
    elif in_actions:
        from anakinra_t2d.report.github import without_commands
        from anakinra_t2d.report.text import plain_report

        # on one stream with the annotations, so that they come after the end of the part without commands
        click.echo(without_commands(plain_report(outcome, definitions())), nl=False)
        _annotate(outcome, base)
    else:
        _print_text(outcome, every=every)
    if in_actions:
        _write_summary(outcome)


def base_of(paths: Sequence[Path]) -> str:
    """The path of a submission from the current directory, empty where it lies elsewhere or in several places."""
    folders = {path if len(paths) == 1 and path.is_dir() else path.parent for path in paths}
    if len(folders) != 1:
        return ""
    try:
        return folders.pop().resolve().relative_to(Path.cwd().resolve()).as_posix()
    except (OSError, ValueError):
        return ""


def _annotate(outcome: Outcome, base: str) -> None:
    from anakinra_t2d.report.github import workflow_commands

    for line in workflow_commands(outcome, base):
        click.echo(line)


def _print_text(outcome: Outcome, *, every: bool) -> None:
    from rich.console import Console

    from anakinra_t2d.report.text import WIDTH, print_report
    from anakinra_t2d.schema import definitions

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    print_report(outcome, definitions(), console, every=every)


def _write_summary(outcome: Outcome) -> None:
    """Add to the file that the job shows; a job without it is none the worse."""
    from anakinra_t2d.report.github import job_summary
    from anakinra_t2d.schema import definitions

    target = os.environ.get("GITHUB_STEP_SUMMARY")
    if not target:
        return
    try:
        with Path(target).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(job_summary(outcome, definitions()) + "\n")
    except OSError as error:
        click.echo(f"The summary of the job could not be written: {(error.strerror or 'unknown').lower()}.", err=True)
