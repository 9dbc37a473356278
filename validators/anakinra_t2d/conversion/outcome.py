"""What a run found: findings, counts of rows and checks, and where the rows went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from anakinra_t2d.finding import Finding
from anakinra_t2d.rows.verdicts import CheckCount

if TYPE_CHECKING:
    from anakinra_t2d.harmonise.sheet_run import SheetAccount

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
    and field. ``sheets`` accounts for the rows of files that were harmonised. Accepted findings are neither errors
    nor warnings. ``not_listed_before`` has the ``not_listed`` of an earlier submission when this one is held against
    it, and then only new errors count for the exit status. ``values_hidden`` says that fingerprints leave values out.
    """

    findings: list[Finding] = field(default_factory=list)
    tables: dict[str, TableOutcome] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    checks: dict[tuple[str, str | None, str | None], CheckCount] = field(default_factory=dict)
    not_listed: dict[str, int] = field(default_factory=dict)
    not_listed_errors: int = 0
    synthetic: bool = False
    schema_version: str = ""
    trial: str = ""
    values_hidden: bool = False
    not_listed_before: Mapping[str, int] | None = None
    sheets: list[SheetAccount] = field(default_factory=list)

    def count(self, code: str, table: str | None, name: str | None) -> CheckCount:
        """The counter of a check, made on first use."""
        return self.checks.setdefault((code, table, name), CheckCount())

    def add(self, findings: Iterable[Finding]) -> None:
        """Add findings."""
        self.findings.extend(findings)

    def include(self, other: Outcome) -> None:
        """Add what another run found in tables that this one does not have."""
        self.findings += other.findings
        self.tables |= other.tables
        for key, count in other.checks.items():
            self.count(*key).add(count.passed, count.failed, count.not_assessed)
        for code, number in other.not_listed.items():
            self.not_listed[code] = self.not_listed.get(code, 0) + number
        self.not_listed_errors += other.not_listed_errors

    @property
    def errors(self) -> int:
        """Number of open error findings, listed or not."""
        return self._listed("error") + self.not_listed_errors

    @property
    def warnings(self) -> int:
        """Number of open warning findings, listed or not."""
        return self._listed("warning") + sum(self.not_listed.values()) - self.not_listed_errors

    @property
    def accepted(self) -> int:
        """Number of accepted findings."""
        return sum(finding.status == "accepted" for finding in self.findings)

    @property
    def known(self) -> int:
        """Number of open findings, listed or not, that the earlier submission had as well."""
        open_again = sum(finding.known and finding.status == "open" for finding in self.findings)
        return open_again + sum(self._not_listed_again(code) for code in self.not_listed)

    def _listed(self, severity: str) -> int:
        return sum(finding.severity == severity and finding.status == "open" for finding in self.findings)

    def _not_listed_again(self, code: str) -> int:
        return min(self.not_listed.get(code, 0), (self.not_listed_before or {}).get(code, 0))

    @property
    def not_assessed(self) -> int:
        """Number of times a check could not be assessed on a record."""
        return sum(count.not_assessed for count in self.checks.values())

    def exit_status(self, *, strict: bool = False) -> int:
        """0 when no error was found, else 1; ``strict`` counts warnings too.

        Held against an earlier submission, only findings count that it did not have.
        """
        if self.not_listed_before is None:
            return int(self.errors > 0 or (strict and self.warnings > 0))
        new = [f for f in self.findings if f.status == "open" and not f.known and (strict or f.severity == "error")]
        more = [code for code, number in self.not_listed.items() if number > self._not_listed_again(code)]
        # which of the findings beyond the limit are errors is known as a sum only
        return int(bool(new) or bool(more and (strict or self.not_listed_errors)))

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
                "accepted": self.accepted,
                "known": self.known if self.not_listed_before is not None else None,
                "not_assessed": self.not_assessed,
                "tables": tables,
                "tables_absent": self.absent,
                "not_listed": dict(sorted(self.not_listed.items())),
                "trial": self.trial,
                "schema_version": self.schema_version,
                "values_hidden": self.values_hidden,
                "synthetic": self.synthetic,
            },
            "findings": [finding.as_dict() for finding in self.findings],
        }
