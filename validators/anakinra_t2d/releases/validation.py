"""What the checks found, as far as the view may show it: findings with new keys, counts of each rule, a page."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from anakinra_t2d.finding import Finding, Location, fingerprint, record_key
from anakinra_t2d.reading.discover import MANIFEST, PACKAGE
from anakinra_t2d.releases.csv_tables import spelled
from anakinra_t2d.releases.records import Cut, new_key, telling_words
from anakinra_t2d.releases.source import CHECKS, Source
from anakinra_t2d.releases.view import ReleaseView
from anakinra_t2d.releases.web_page import as_markup, content_policy, environment, report_style
from anakinra_t2d.report.findings_file import FINDINGS
from anakinra_t2d.report.html.disclosure import Disclosure

if TYPE_CHECKING:
    from anakinra_t2d.releases.package import Facts
    from anakinra_t2d.schema import Definitions

FINDING_COLUMNS = (
    ("code", "string", "Code of the rule; codebook.md and codebook.html say what it is and why."),
    ("severity", "string", "error or warning."),
    ("table", "string", "Table of the record."),
    ("record_key", "string", "Key of the record as name=value pairs joined by a vertical bar."),
    ("field", "string", "Field to look at first."),
    ("value", "string", "What was found in it, where that may be shown."),
    ("message", "string", "What was found."),
    ("expected", "string", "What holds in good data."),
    ("status", "string", "open or accepted."),
)
CHECK_COLUMNS = (
    ("code", "string", "Code of the rule."),
    ("severity", "string", "error or warning."),
    ("passed", "integer", "Records on which the rule holds."),
    ("failed", "integer", "Records on which it does not."),
    ("not_assessed", "integer", "Records on which it cannot be judged, because a value it reads is empty."),
    ("expected", "string", "What holds in good data."),
)


@dataclass(frozen=True)
class Counted:
    """How often a rule held on the data before they were cut to the view."""

    code: str
    severity: str
    expected: str
    passed: int
    failed: int
    not_assessed: int


def counted_rules(source: Source, view: ReleaseView, shown: Definitions) -> list[Counted]:
    """Counts of the rules that read only what the view has, by code; they name no record.

    A table of which the view lacks records is not counted, because the difference would tell of them.
    """
    hidden = view.tables_with_records_left_out
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in pq.read_table(source.folder / CHECKS).to_pylist():
        table, name = row["table"], row["field"]
        if row["code"] not in shown.rules or table in hidden:
            continue
        known = shown.tables.get(table or "")
        if table in view.found.tables and (
            known is None or (name in view.found.tables[table].fields and name not in known.fields)
        ):
            continue
        for place, number in enumerate(("passed", "failed", "not_assessed")):
            sums[row["code"]][place] += int(row[number])
    rules = shown.rules
    return [Counted(code, rules[code].severity, rules[code].expected, *sums[code]) for code in sorted(sums)]


def shown_findings(source: Source, view: ReleaseView, cut: Cut, shown: Definitions) -> list[Finding]:
    """The findings that the view may show, with the new keys of their records and without the places in the files."""
    disclosure = Disclosure(view.found, unblinded=view.name == "full")
    words = telling_words(view)
    kept = []
    for finding in source.findings:
        table = finding.table
        if table in view.found.tables and table not in shown.tables:
            continue
        if finding.code not in shown.rules or (
            table in shown.tables and not set(_own(finding)) <= set(_fields(shown, table))
        ):
            continue
        if (table, finding.field) in cut.emptied or any(
            re.search(one, text) for one in words for text in _texts(finding)
        ):
            continue
        visible = disclosure.finding(finding)
        moved = _moved(visible, view, cut) if visible else None
        if moved is not None:
            kept.append(moved)
    return kept


def _texts(finding: Finding) -> Iterator[str]:
    """The words of a finding that may repeat a cell."""
    yield from (text for text in (finding.value, finding.message, *finding.key.values()) if text)


def _own(finding: Finding) -> list[str]:
    """Fields of the record's own table that a finding names."""
    named = [
        name.rpartition(".")[2] for name in finding.fields if "." not in name or name.startswith(f"{finding.table}.")
    ]
    return [*named, *([finding.field] if finding.field else [])]


def _fields(shown: Definitions, table: str | None) -> list[str]:
    return list(shown.tables[table].fields) if table in shown.tables else []


def _moved(finding: Finding, view: ReleaseView, cut: Cut) -> Finding | None:
    """The finding at the record's new key, without file, fingerprint of the old key, and what was noted of persons."""
    key = dict(finding.key)
    if finding.table in cut.numbers and key:
        made = new_key(view.found, cut, finding.table, record_key(key))
        if made is None:
            return None
        key = dict(part.partition("=")[::2] for part in made.split("|"))
    acceptance = finding.acceptance if view.name == "full" else None
    return replace(
        finding,
        key=key,
        location=Location(),
        acceptance=acceptance,
        fingerprint=fingerprint(finding.code, finding.table, key, finding.field, finding.value),
    )


def write_findings(path: Path, findings: Sequence[Finding]) -> None:
    """Write findings as CSV."""
    rows = (
        (f.code, f.severity, f.table, record_key(f.key) or None, f.field, f.value, f.message, f.expected, f.status)
        for f in findings
    )
    _write(path, [name for name, _, _ in FINDING_COLUMNS], rows)


def write_checks(path: Path, counted: Sequence[Counted]) -> None:
    """Write the counts of rules as CSV."""
    rows = ((c.code, c.severity, c.passed, c.failed, c.not_assessed, c.expected) for c in counted)
    _write(path, [name for name, _, _ in CHECK_COLUMNS], rows)


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(head)
        writer.writerows([spelled(cell) for cell in row] for row in rows)


def page(
    folder: Path,
    source: Source,
    view: ReleaseView,
    shown: Definitions,
    findings: Sequence[Finding],
    counted: Sequence[Counted],
    rows: dict[str, int],
) -> str:
    """The report as one HTML page, made from the tables of the view that lie in ``folder``.

    Beside the tables it writes what the page reads there.
    """
    from anakinra_t2d.derivation.beside_paper import beside_paper
    from anakinra_t2d.report.html import html_report
    from anakinra_t2d.report.html.submission import Submission

    opened = [finding.severity for finding in findings if finding.status == "open"]
    summary = {
        "errors": opened.count("error"),
        "warnings": opened.count("warning"),
        "not_assessed": sum(one.not_assessed for one in counted),
        "tables": {
            name: {"rows_read": number, "rows_valid": number, "rows_rejected": 0}
            for name, number in rows.items()
            if name in shown.tables
        },
    }
    derived = {"derived": source.manifest["derived"]} if source.derived else {}
    kept = ("package", "schema_version", "schema_fingerprint", "synthetic")
    manifest = {key: source.manifest[key] for key in kept if key in source.manifest} | derived
    _document(folder / MANIFEST, manifest)
    _document(folder / PACKAGE, {"resources": [{"name": name, "path": f"{name}.parquet"} for name in rows]})
    _document(folder / FINDINGS, {"summary": summary, "findings": [finding.as_dict() for finding in findings]})
    unblinded = view.name == "full"
    comparisons: Any = ()
    if unblinded:
        submission = Submission(folder, shown)
        results, flow = submission.results(), submission.flow()
        if results is not None and flow is not None:
            comparisons = beside_paper(
                {(one.endpoint_id, one.group, one.statistic): one.value for one in results if one.reading is None},
                {(row.step, row.group, row.reason): row.n for row in flow if row.n is not None},
                shown,
                synthetic=source.synthetic,
            )
    made = html_report(folder, _for_page(view, shown), unblinded=unblinded, comparisons=comparisons)
    for name in (MANIFEST, PACKAGE, FINDINGS):
        (folder / name).unlink()
    return made


def _for_page(view: ReleaseView, shown: Definitions) -> Definitions:
    """The definitions as the page needs them: tables that are not in the view are there and empty.

    It asks for no criterion, whose inputs read fields that a view may lack.
    """
    nobody = "SELECT CAST(NULL AS VARCHAR) AS subject_id, CAST(NULL AS BIGINT) AS screening_no WHERE FALSE"
    update: dict[str, object] = {"inputs": nobody, "decision": None, "criteria": []}
    eligibility = shown.eligibility.model_copy(update=update)
    return replace(shown, tables=view.found.tables | shown.tables, eligibility=eligibility)


def _document(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def counts_page(facts: Facts, shown: Definitions, counted: Sequence[Counted]) -> str:
    """The counts of rules as one HTML page, for a release in which no finding may stand."""
    style = report_style()
    made: str = environment(autoescape=True).get_template("counts.html").render(
        trial=shown.trial,
        facts=facts,
        counted=counted,
        failing=sum(one.failed > 0 for one in counted),
        style=as_markup(style),
        policy=content_policy(style),
    )  # fmt: skip
    return made
