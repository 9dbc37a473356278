"""``anakinra-t2d hook``: what pre-commit runs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from anakinra_t2d.cli.failures import report_failures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from anakinra_t2d.finding import Finding
    from anakinra_t2d.hooks.changed_data import Checked

MOST_SHOWN = 5
"""Findings printed of one rule; the number of the others is given."""

_FILES = click.argument("files", nargs=-1, type=click.Path(path_type=Path))


@click.group()
def hook() -> None:
    """Check what a commit changes; pre-commit runs these with the names of the changed files.

    Exit status: 0 nothing to mend, 1 something to mend, 2 the check could not run.
    """


@hook.command()
@_FILES
@click.option("--whole", is_flag=True, help="Check the whole submission by every rule, as `validate` does.")
@click.option(
    "--accepted",
    type=click.Path(path_type=Path),
    help="The list of accepted findings; they are counted and do not fail the commit.",
)
@click.option("--show-values", is_flag=True, help="Show values and subject numbers.")
@report_failures
def data(files: tuple[Path, ...], whole: bool, accepted: Path | None, show_values: bool) -> None:
    """Check changed data files with the submission they belong to.

    Fails on errors in changed files and on those of rules that read a changed or removed file; other findings are
    counted. Values are hidden unless --show-values is given, because the output often ends in a shared log.
    """
    from anakinra_t2d.hooks.packages import is_data, removed_files

    changed = sorted({path for path in files if is_data(path) and path.exists()})
    removed = removed_files()
    if not changed and not removed:
        return
    from anakinra_t2d.hooks.changed_data import check_changed
    from anakinra_t2d.schema import definitions

    found = definitions()
    results = check_changed(changed, removed, found, whole=whole, show_values=show_values, accepted=accepted)
    for checked in results:
        for line in _said(checked):
            click.echo(line)
    raise SystemExit(int(any(one.errors or (one.problem and one.is_data) for one in results)))


@hook.command("schema")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@report_failures
def definitions_(files: tuple[Path, ...]) -> None:  # noqa: ARG001 (pre-commit may name the files; all are checked)
    """Check that the definitions of this repository are sound and its generated files follow them."""
    from anakinra_t2d.hooks.own_schema import check_schema

    problems = check_schema(Path.cwd())
    for line in problems:
        click.echo(line)
    raise SystemExit(int(bool(problems)))


@hook.command("no-restricted")
@_FILES
@report_failures
def no_restricted(files: tuple[Path, ...]) -> None:
    """Refuse files with data that name a person or tell the arm of a patient.

    Looks at names of files, sheets and columns, at cells and at the text of every file. No value is shown.
    """
    there = [(path, path.as_posix()) for path in files if path.is_file() and not path.is_symlink()]
    if not there:
        return
    from anakinra_t2d.restricted import inspect_files
    from anakinra_t2d.schema import definitions
    from anakinra_t2d.wording import Wording

    result = inspect_files(there, Wording(definitions(), show_values=False))
    for line in _lines(result.findings):
        click.echo(line)
    if result.passed_over:
        names = ", ".join(_plain(name) for name in result.passed_over[:3])
        more = f" and {len(result.passed_over) - 3} more" if len(result.passed_over) > 3 else ""
        click.echo(f"Not looked into, because they are neither text nor tables: {names}{more}.")
    if result.findings:
        click.echo(
            "Take the data out of the commit (git restore --staged FILE). If a commit that was pushed holds them "
            "already, tell the data manager: removing the file later does not remove it from the history."
        )
    raise SystemExit(int(bool(result.findings)))


def _said(checked: Checked) -> Iterable[str]:
    place = _plain(checked.root.as_posix())
    if checked.problem is not None:
        yield (
            _plain(checked.problem)
            if checked.is_data
            else f"{place}: not checked; no file in it is named after a table."
        )
        return
    yield from _lines(checked.touching, prefix="" if checked.root.is_file() else f"{place}/")
    warnings = len(checked.touching) - checked.errors
    others = f"; {_count(sum(checked.elsewhere.values()), 'finding')} elsewhere" if checked.elsewhere else ""
    accepted = f"; {checked.accepted:,} accepted" if checked.accepted else ""
    yield (
        f"{place}: {_count(checked.errors, 'error')} and {_count(warnings, 'warning')} touch the changed files"
        f"{others}{accepted}."
    )
    if not checked.whole:
        tables = f", the tables {', '.join(checked.unread)}" if checked.unread else ""
        yield (
            f"Not checked here: rules that read no changed file{tables}, and what judges all values of a variable "
            f"together ({', '.join(checked.left_out) or 'no rule'}). `anakinra-t2d validate {shlex.quote(place)}` "
            "checks everything."
        )


def _lines(findings: Iterable[Finding], prefix: str = "") -> Iterable[str]:
    """Findings by rule, errors first, with what to do once for each rule."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=lambda finding: (finding.severity != "error", finding.code)):
        by_rule.setdefault(finding.code, []).append(finding)
    for group in by_rule.values():
        for finding in group[:MOST_SHOWN]:
            place = f"{prefix}{finding.location}" if finding.location.file else prefix + (finding.table or "")
            who = " ".join(_plain(value) for value in finding.key.values() if value)
            yield f"{place}: {finding.severity} {finding.code}: {who + ': ' if who else ''}{_plain(finding.message)}"
        if len(group) > MOST_SHOWN:
            yield f"    ... and {len(group) - MOST_SHOWN:,} more of {group[0].code}"
        yield f"    What to do: {_plain(group[0].hint)}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _plain(text: str) -> str:
    from anakinra_t2d.finding import printable

    return printable(text)
