"""The findings that each rule gives on its own fixtures, in the words people read, and the example that explains it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import yaml

import anakinra_t2d as trial
from anakinra_t2d.across import run_rules
from anakinra_t2d.across.calculated import PREFIX
from anakinra_t2d.across.text import as_text
from anakinra_t2d.finding import Finding
from anakinra_t2d.report.plain import one_line
from anakinra_t2d.restricted import inspect_paths
from anakinra_t2d.rows.recalculated import recalculated
from anakinra_t2d.schema import Table, definitions
from anakinra_t2d.schema.rules import RowRule
from anakinra_t2d.wording import Wording
from test_rule_fixtures import FOLDER, read_folder, relations

ROWS_SHOWN = 4
FOUND = definitions()
WORDING = Wording(FOUND)


def findings_of(code: str) -> list[Finding]:
    """What the rule finds in its folder ``invalid``."""
    folder = FOLDER / code / "invalid"
    if code in FOUND.row_rules:
        table, rule = FOUND.row_rules[code]
        return _of_rows(table, rule, read_folder(folder)[table.name])
    if code in FOUND.across_rules:
        return _across(code, folder)
    expected = yaml.safe_load((FOLDER / code / "expected.yaml").read_text(encoding="utf-8"))
    if expected.get("blinded"):
        found = inspect_paths([folder], WORDING).findings
    else:
        accepted = FOLDER / code / "invalid.accepted.yaml"
        found = trial.validate(folder, accepted=accepted if accepted.is_file() else None).findings
    return [finding for finding in found if finding.code == code]


def _of_rows(table: Table, rule: RowRule, frame: pl.DataFrame) -> list[Finding]:
    holds = frame.select(pl.sql_expr(f"({rule.assert_}) AS holds")).to_series()
    found = []
    for record in frame.filter(~holds).iter_rows(named=True):
        values = {name: record[name] for name in rule.fields}
        found.append(
            WORDING.finding(
                rule,
                table=table.name,
                key={name: as_text(record[name]) for name in table.key},
                field=rule.field,
                value=record[rule.field],
                values=values | recalculated(rule, values),
            )
        )
    return found


def _across(code: str, folder: Path) -> list[Finding]:
    records = FOUND.across_rules[code].records
    found = []
    with relations(read_folder(folder), eligibility="eligibility_" in records, recheck=PREFIX in records) as con:
        for outcome in run_rules(con, FOUND, only=[code]):
            found += [
                WORDING.finding(
                    outcome.rule, table=one.table, key=one.key, field=one.field, value=one.value, values=one.values
                )
                for one in outcome.violations
            ]
    return found


def snapshot(findings: list[Finding], most: int = 3) -> str:
    """Findings with different words, as text: expected, found, where, hint."""
    parts: dict[str, str] = {}
    for one in findings:
        place = ".".join(part for part in (one.table, one.field) if part)
        key = " ".join(value for value in one.key.values() if value)
        where = ", ".join(part for part in (place, key, str(one.location)) if part)
        text = (
            f"{one.code} {one.severity}\n  expected: {one_line(one.expected)}\n  found:    {one_line(one.message)}\n"
            f"  where:    {one_line(where)}\n  hint:     {one_line(one.hint)}\n"
        )
        parts.setdefault(f"{one.table}.{one.field} {one.message}", text)
    return "\n".join(list(parts.values())[:most])


def example(code: str, findings: list[Finding]) -> dict[str, Any]:
    """The files of the fixture as lines, and what the first finding says."""
    folder = FOLDER / code / "invalid"
    first = findings[0]
    person = first.key.get("subject_id", "")
    lines: list[str] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        lines += [f"{path.relative_to(folder).as_posix()}:", *_shown(path, person)]
    return {"shown": lines, "found": one_line(first.message)}


def _shown(path: Path, person: str) -> list[str]:
    raw = path.read_bytes()
    if b"\0" in raw or path.suffix in (".parquet", ".xlsx"):
        return [f"  (a file of {len(raw)} bytes)" if b"\0" not in raw else "  (a file that is no text)"]
    header, *rows = raw.decode("utf-8", errors="backslashreplace").splitlines() or ["(an empty file)"]
    about = [row for row in rows if person and person in row] or rows
    left = len(rows) - len(about[:ROWS_SHOWN])
    more = [f"  ({left:,} more row{'s' * (left != 1)})"] if left else []
    return [*(f"  {one_line(row, 160)}" for row in (header, *about[:ROWS_SHOWN])), *more]
