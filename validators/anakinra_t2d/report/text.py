"""The report that people read in a terminal: a table of tables, then findings grouped by rule."""

from __future__ import annotations

import io
from collections import defaultdict
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule as Line
from rich.table import Table as Grid
from rich.text import Text

from anakinra_t2d.finding import Finding, printable
from anakinra_t2d.schema import Definitions

if TYPE_CHECKING:
    from anakinra_t2d.conversion.outcome import Outcome

WIDTH = 120
"""Columns of the report in files and pipes; a terminal has its own width."""
PLACES_PER_RULE = 8
"""Findings shown for one rule and field; the number of the others is given."""

_COLOURS = {"error": "bold red", "warning": "yellow"}


def plain_report(outcome: Outcome, found: Definitions, *, width: int = WIDTH) -> str:
    """The report as plain text without colours."""
    out = io.StringIO()
    print_report(outcome, found, Console(file=out, width=width, no_color=True, highlight=False, legacy_windows=False))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def print_report(outcome: Outcome, found: Definitions, console: Console, *, every: bool = False) -> None:
    """Print the report; ``every`` shows all findings of a rule instead of the first ones."""
    console.print(_tables(outcome, found))
    if outcome.absent:
        console.print(Text("Not in this submission: " + ", ".join(outcome.absent), style="dim"))
    for code, findings in _by_rule(outcome).items():
        console.print()
        console.print(_group(code, findings, outcome, found, every))
    console.print()
    console.print(_verdict(outcome))


def _tables(outcome: Outcome, found: Definitions) -> Grid:
    title = f"{found.trial.title} ({found.trial.registry}), schema {outcome.schema_version}"
    grid = Grid(title=title, title_style="bold", title_justify="left", box=None, pad_edge=False)
    for heading, justify in (
        ("table", "left"), ("file", "left"), ("rows read", "right"), ("valid", "right"),
        ("rejected", "right"), ("errors", "right"), ("warnings", "right"),
    ):  # fmt: skip
        # where the width does not suffice the names of files take more lines, and no number is cut
        may_wrap = heading == "file"
        grid.add_column(heading, justify=justify, header_style="bold", no_wrap=not may_wrap, overflow="fold")  # type: ignore[arg-type]
    counts: dict[tuple[str | None, str], int] = defaultdict(int)
    for finding in outcome.findings:
        if finding.status == "open":
            counts[finding.table, finding.severity] += 1
    for name, table in outcome.tables.items():
        errors, warnings = counts[name, "error"], counts[name, "warning"]
        grid.add_row(
            name,
            Text(printable(table.file)),
            f"{table.rows_read:,}",
            f"{table.rows_valid:,}",
            Text(f"{table.rows_rejected:,}", "bold red" if table.rows_rejected else "dim"),
            Text(f"{errors:,}", "bold red" if errors else "dim"),
            Text(f"{warnings:,}", "yellow" if warnings else "dim"),
        )
    return grid


def _by_rule(outcome: Outcome) -> dict[str, list[Finding]]:
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in outcome.findings:
        groups[finding.code].append(finding)
    return dict(sorted(groups.items(), key=lambda item: (item[1][0].severity != "error", item[0])))


def _group(code: str, findings: list[Finding], outcome: Outcome, found: Definitions, every: bool) -> RenderableType:
    first, rule = findings[0], found.rules[code]
    number = len(findings) + outcome.not_listed.get(code, 0)
    head = Text.assemble(
        (f"{first.severity} ", _COLOURS[first.severity]), (code, "bold"), f"  {number:,} finding{'s' * (number != 1)}"
    )
    if accepted := sum(finding.status == "accepted" for finding in findings):
        head.append(f", {accepted:,} accepted", "green")
    parts: list[RenderableType] = [Line(head, align="left", style="dim")]
    by_field: dict[tuple[str | None, str | None, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        by_field[finding.table, finding.field, finding.expected].append(finding)
    for (table, field, expected), group in by_field.items():
        place = ".".join(part for part in (table, field) if part)
        parts.append(Text.assemble((place + "  " if place else "", "bold cyan"), expected))
        shown = group if every else group[:PLACES_PER_RULE]
        parts += [Padding(_finding(finding, rule.hint), (0, 0, 0, 2), expand=False) for finding in shown]
        if len(group) > len(shown):
            more = Text(f"... and {len(group) - len(shown):,} more", style="dim")
            parts.append(Padding(more, (0, 0, 0, 2), expand=False))
    parts.append(Text.assemble(("What to do: ", "bold"), rule.hint))
    return Group(*parts)


def _finding(finding: Finding, hint: str) -> Text:
    key = " ".join(value for value in finding.key.values() if value)
    place = str(finding.location)
    text = Text()
    if key:
        text.append(key, "bold")
        text.append("  ")
    text.append(finding.message)
    if place:
        text.append(f"  ({place})", "dim")
    if finding.acceptance is not None:
        text.append(f"  {finding.acceptance}", "green")
    if finding.known:
        text.append("  known", "dim")
    if finding.hint != hint:
        text.append(f"  {finding.hint.removesuffix(hint).strip()}", "italic")
    return text


def _verdict(outcome: Outcome) -> RenderableType:
    accepted = f", {outcome.accepted:,} accepted" if outcome.accepted else ""
    rows = sum(table.rows_read for table in outcome.tables.values())
    rejected = sum(table.rows_rejected for table in outcome.tables.values())
    colour = "bold red" if outcome.errors else "yellow" if outcome.warnings else "bold green"
    parts = [
        Text.assemble(
            (f"{_count(outcome.errors, 'error')}, {_count(outcome.warnings, 'warning')}{accepted}", colour),
            f" in {_count(rows, 'row')}; {rejected:,} rejected.",
        ),
        Text(
            f"{_count(outcome.not_assessed, 'check')} could not be assessed because a value they read is empty.",
            style="dim",
        ),
    ]
    if outcome.not_listed_before is not None:
        new = outcome.errors + outcome.warnings - outcome.known
        parts.append(Text(f"Since the earlier submission: {new:,} new, {outcome.known:,} known.", style="bold"))
    if outcome.synthetic:
        parts.append(Text("These data are synthetic: no row describes a real person.", style="bold magenta"))
    return Group(*parts)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
