"""The comparison of two submissions as people read it in a terminal; what does not fit is counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from rich.console import Console
from rich.text import Text

from anakinra_t2d.finding import Finding, printable
from anakinra_t2d.review.changed_records import TableChange
from anakinra_t2d.review.compare import Comparison

Item = TypeVar("Item")

FINDINGS_SHOWN = 20
"""Findings of a group that are shown."""
CHANGES_SHOWN = 10
"""Added, removed and changed records of a table that are shown, of each kind."""
_LONGEST = 60
_COLOURS = {"error": "bold red", "warning": "yellow"}


def print_comparison(comparison: Comparison, console: Console, *, every: bool = False) -> None:
    """Print what is different; ``every`` shows all that is listed."""
    for line in _lines(comparison, every):
        console.print(line)


def _lines(comparison: Comparison, every: bool) -> Iterator[Text]:
    for sentence in comparison.schema:
        yield Text(printable(sentence), "bold")
    groups = {
        "New": comparison.new,
        "Still open": comparison.still_open,
        "Resolved": comparison.resolved,
        "Accepted": comparison.accepted,
    }
    for name, findings in groups.items():
        yield from _group(name, findings, every)
    if comparison.other_value:
        yield Text(f"{comparison.other_value:,} of the new findings stand where another value was found before.", "dim")
    if comparison.unjudged:
        yield Text(
            f"{comparison.unjudged:,} of the resolved findings are of tables that were not sent again.", "yellow"
        )
    if any((comparison.old.not_listed, comparison.reference.not_listed)):
        yield Text("Findings beyond the limit of a check are only counted, and take no part here.", "dim")
    yield Text("")
    if comparison.records_compared:
        yield from _records(comparison.tables, every)
        yield Text("")
    elif not comparison.records_compared:
        yield Text("Records were not compared: that needs two directories of convert.", "dim")
    yield _verdict(comparison)


def _group(name: str, findings: Sequence[Finding], every: bool) -> Iterator[Text]:
    errors = sum(finding.severity == "error" for finding in findings)
    counts = f": {errors:,} errors, {len(findings) - errors:,} warnings" if findings else ": none"
    yield Text.assemble((name, "bold"), counts)
    # errors first, each kind in the order of the report
    ordered = sorted(findings, key=lambda finding: finding.severity != "error")
    for finding in _first(ordered, FINDINGS_SHOWN, every):
        place = ".".join(part for part in (finding.table, finding.field) if part)
        words = printable(f" {place}  {_key(finding.key)}  {_short(finding.message)}")
        accepted = f"  {_short(str(finding.acceptance))}" if finding.acceptance else ""
        severity = (f"  {finding.severity} ", _COLOURS[finding.severity])
        yield Text.assemble(severity, (finding.code, "bold"), words, (accepted, "green"))
    yield from _more(len(findings), FINDINGS_SHOWN, every)


def _records(tables: Iterable[TableChange], every: bool) -> Iterator[Text]:
    same = []
    for table in tables:
        if table.is_same:
            same.append(table.table)
            continue
        yield Text.assemble((table.table, "bold cyan"), f": {_counts(table)}")
        for sentence in (*table.columns, *([f"records were not compared: {table.problem}"] if table.problem else [])):
            yield Text(f"  {printable(sentence)}", "yellow")
        for sign, number, keys in (("+", table.number_added, table.added), ("-", table.number_removed, table.removed)):
            for key in _first(keys, CHANGES_SHOWN, every):
                yield Text(printable(f"  {sign} {_key(key)}"), "green" if sign == "+" else "red")
            yield from _more(number, min(CHANGES_SHOWN, len(keys)) if not every else len(keys), False)
        for cell in _first(table.cells, CHANGES_SHOWN, every):
            yield Text(printable(f"  {_key(cell.key)}  {cell.field}: {_value(cell.old)} -> {_value(cell.new)}"))
        number, listed = sum(table.cells_changed.values()), len(table.cells)
        yield from _more(number, min(CHANGES_SHOWN, listed) if not every else listed, False)
    if same:
        yield Text(f"The same in both: {', '.join(same)}", "dim")


def _counts(table: TableChange) -> str:
    if table.rows_old is None:
        return f"{table.rows_new:,} records; the old submission does not have the table"
    if table.rows_new is None:
        return f"{table.rows_old:,} records before; the new submission does not have the table"
    cells = sum(table.cells_changed.values())
    return (
        f"{table.number_added:,} records added, {table.number_removed:,} removed, {table.number_changed:,} changed "
        f"({cells:,} cells)"
    )


def _verdict(comparison: Comparison) -> Text:
    new = comparison.new_errors
    words = f"{new:,} new error{'' if new == 1 else 's'}" if new else "No new error"
    rest = (
        f"; {len(comparison.new):,} new, {len(comparison.still_open):,} still open, "
        f"{len(comparison.resolved):,} resolved, {len(comparison.accepted):,} accepted findings."
    )
    return Text.assemble((words, "bold red" if new else "bold green"), rest)


def _first(items: Sequence[Item], most: int, every: bool) -> Sequence[Item]:
    return items if every else items[:most]


def _more(number: int, shown: int, every: bool) -> Iterator[Text]:
    if not every and number > shown:
        yield Text(f"  ... and {number - shown:,} more", "dim")


def _key(key: Mapping[str, str]) -> str:
    return " ".join(value for value in key.values() if value)


def _value(text: str | None) -> str:
    if text is None:
        return "empty"
    return _short(text, _LONGEST)


def _short(text: str, longest: int = 300) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"
