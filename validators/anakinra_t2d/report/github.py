"""What GitHub Actions shows: annotations at the lines of files, and a summary of the job."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from anakinra_t2d.report.plain import one_line, path_from_root
from anakinra_t2d.wording import count

if TYPE_CHECKING:
    from anakinra_t2d.conversion.outcome import Outcome
    from anakinra_t2d.finding import Finding
    from anakinra_t2d.schema import Definitions

SHOWN_OF_EACH = 10
"""Errors, and warnings, that GitHub shows of one step; more are dropped there without a word."""
_RULES_IN_SUMMARY = 100
_TABLES_IN_SUMMARY = 60
_LONGEST = 600


def workflow_commands(outcome: Outcome, base: str = "") -> Iterator[str]:
    """Workflow commands for open findings, then a notice with the verdict.

    At most ten errors and ten warnings, every rule before the second finding of any; the notice says how many more
    there are, and how many an earlier submission had. ``base`` is the path of the submission from the root of the
    repository.
    """
    left = 0
    shown = [one for one in outcome.findings if one.status == "open" and not one.known]
    for severity in ("error", "warning"):
        findings = [one for one in shown if one.severity == severity]
        for finding in _spread(findings)[:SHOWN_OF_EACH]:
            yield _command(finding, base)
        left += max(0, len(findings) - SHOWN_OF_EACH)
    verdict = f"{count(outcome.errors, 'error')}, {count(outcome.warnings, 'warning')}"
    more = f"; {left:,} more than GitHub shows are in the log and in the summary" if left else ""
    known = f"; {outcome.known:,} of these were there before and are not shown" if outcome.known else ""
    yield f"::notice title=anakinra-t2d::{_data(verdict + more + known)}"


def without_commands(text: str) -> str:
    """A report for the log of a job in which no text from the data is taken for a command."""
    token = f"anakinra-t2d-{secrets.token_hex(16)}"
    return f"::stop-commands::{token}\n{text.rstrip()}\n::{token}::\n"


def job_summary(outcome: Outcome, found: Definitions) -> str:
    """The summary of the job in Markdown: the verdict, the tables, the rules with what to do; no value of a record."""
    lines = [f"### {_markdown(found.trial.title)} ({found.trial.registry})", "", f"**{_verdict(outcome)}**", ""]
    if outcome.synthetic:
        lines += ["These data are synthetic: no row describes a real person.", ""]
    lines += _tables(outcome)
    lines += _rules(outcome, found)
    lines.append(
        f"{count(outcome.not_assessed, 'check')} could not be assessed because a value they read is empty. "
        f"Schema {outcome.schema_version}."
    )
    return "\n".join(lines) + "\n"


def _verdict(outcome: Outcome) -> str:
    accepted = f", {outcome.accepted:,} accepted" if outcome.accepted else ""
    rows = sum(table.rows_read for table in outcome.tables.values())
    rejected = sum(table.rows_rejected for table in outcome.tables.values())
    counts = f"{count(outcome.errors, 'error')}, {count(outcome.warnings, 'warning')}{accepted}"
    return f"{counts} in {count(rows, 'row')}; {rejected:,} rejected"


def _tables(outcome: Outcome) -> list[str]:
    counts: dict[tuple[str | None, str], int] = defaultdict(int)
    for finding in outcome.findings:
        if finding.status == "open":
            counts[finding.table, finding.severity] += 1
    # tables with findings first, in the order of tables
    names = sorted(outcome.tables, key=lambda name: not (counts[name, "error"] or counts[name, "warning"]))
    lines = ["| table | file | rows | rejected | errors | warnings |", "|---|---|--:|--:|--:|--:|"]
    for name in names[:_TABLES_IN_SUMMARY]:
        table = outcome.tables[name]
        lines.append(
            f"| {name} | {_markdown(table.file)} | {table.rows_read:,} | {table.rows_rejected:,} | "
            f"{counts[name, 'error']:,} | {counts[name, 'warning']:,} |"
        )
    return [*lines, ""]


def _rules(outcome: Outcome, found: Definitions) -> list[str]:
    numbers: dict[str, int] = defaultdict(int, outcome.not_listed)
    for finding in outcome.findings:
        if finding.status == "open":
            numbers[finding.code] += 1
    if not numbers:
        return []
    codes = sorted(numbers, key=lambda code: (found.rules[code].severity != "error", -numbers[code], code))
    lines = ["| rule | | findings | why | what to do |", "|---|---|--:|---|---|"]
    for code in codes[:_RULES_IN_SUMMARY]:
        rule = found.rules[code]
        lines.append(
            f"| {code} | {rule.severity} | {numbers[code]:,} | {_markdown(rule.why)} | {_markdown(rule.hint)} |"
        )
    if len(codes) > _RULES_IN_SUMMARY:
        lines.append(f"| … | | | {len(codes) - _RULES_IN_SUMMARY:,} more rules | |")
    return [*lines, "", "`anakinra-t2d explain CODE` says more about a rule.", ""]


def _spread(findings: Sequence[Finding]) -> list[Finding]:
    """The first finding of every rule, then the second of every rule, and so on."""
    by_rule: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_rule[finding.code].append(finding)
    return [one for one in chain.from_iterable(zip_longest(*by_rule.values())) if one is not None]


def _command(finding: Finding, base: str) -> str:
    place = finding.location
    where: dict[str, str] = {}
    if place.file is not None:
        where["file"] = path_from_root(place.file, base)
    if place.row is not None:
        where["line"] = str(place.row)
    where["title"] = finding.code
    properties = ",".join(f"{name}={_property(value)}" for name, value in where.items())
    sheet = f"Sheet {place.sheet}. " if place.sheet else ""
    column = f"Column {place.column}. " if place.column else ""
    words = f"{sheet}{column}{finding.expected} Found: {finding.message}. {finding.hint}"
    return f"::{finding.severity} {properties}::{_data(one_line(words, _LONGEST))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(one_line(text, _LONGEST)).replace(":", "%3A").replace(",", "%2C")


def _markdown(text: str) -> str:
    """Text that stays text in Markdown and in HTML."""
    plain = one_line(text, _LONGEST)
    escaped = "".join(f"&#{ord(char)};" if char in "&<>\"'\\`*_{}[]()#+!|~@$^=" else char for char in plain)
    # a name that looks like an address would become a link
    return escaped.replace("://", "&#58;//").replace("www.", "www&#46;")
