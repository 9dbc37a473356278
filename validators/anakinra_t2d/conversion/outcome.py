"""What a run found: findings, counts of rows and checks, and where the rows went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from anakinra_t2d.finding import Finding
from anakinra_t2d.harmonise.sheet_run import SheetAccount
from anakinra_t2d.rows.verdicts import CheckCount

FORMAT = 1
"""Version of the JSON document."""


@dataclass
class TableOutcome:
    """Rows of one table: every row read is valid or rejected. ``file``, ``sha256`` and ``size`` are of the source."""

    file: str
    sha256: str = ""
    size: int = 0
    rows_read: int = 0
    rows_valid: int = 0
    rows_rejected: int = 0
    blank_lines: int = 0
    changed_cells: int = 0


@dataclass
class Outcome:
    """Result of checking a submission.

    ``findings`` are in the order of tables, rows and codes. ``not_listed`` counts, by code, findings beyond the limit
    of one check; they are in the counts and their rows are in the rejected rows. ``checks`` counts by code, table
    and field. ``sheets`` accounts for the rows of files that were harmonised.
    """

    findings: list[Finding] = field(default_factory=list)
    tables: dict[str, TableOutcome] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    checks: dict[tuple[str, str | None, str | None], CheckCount] = field(default_factory=dict)
    not_listed: dict[str, int] = field(default_factory=dict)
    not_listed_errors: int = 0
    synthetic: bool = False
    schema_version: str = ""
    sheets: list[SheetAccount] = field(default_factory=list)

    def count(self, code: str, table: str | None, name: str | None) -> CheckCount:
        """The counter of a check, made on first use."""
        return self.checks.setdefault((code, table, name), CheckCount())

    def add(self, findings: Iterable[Finding]) -> None:
        """Add findings."""
        self.findings.extend(findings)

    @property
    def errors(self) -> int:
        """Number of error findings, listed or not."""
        return sum(finding.severity == "error" for finding in self.findings) + self.not_listed_errors

    @property
    def warnings(self) -> int:
        """Number of warning findings, listed or not."""
        listed = sum(finding.severity == "warning" for finding in self.findings)
        return listed + sum(self.not_listed.values()) - self.not_listed_errors

    @property
    def not_assessed(self) -> int:
        """Number of times a check could not be assessed on a record."""
        return sum(count.not_assessed for count in self.checks.values())

    def exit_status(self, *, strict: bool = False) -> int:
        """0 when no error was found, else 1; ``strict`` counts warnings too."""
        return int(self.errors > 0 or (strict and self.warnings > 0))

    def as_dict(self) -> dict[str, Any]:
        """The JSON document as plain data."""
        tables: Mapping[str, Any] = {
            name: {"rows_read": t.rows_read, "rows_valid": t.rows_valid, "rows_rejected": t.rows_rejected}
            for name, t in self.tables.items()
        }
        return {
            "format": FORMAT,
            "summary": {
                "errors": self.errors,
                "warnings": self.warnings,
                "not_assessed": self.not_assessed,
                "tables": tables,
                "tables_absent": self.absent,
                "not_listed": dict(sorted(self.not_listed.items())),
                "schema_version": self.schema_version,
                "synthetic": self.synthetic,
            },
            "findings": [finding.as_dict() for finding in self.findings],
        }
