"""What can be wrong with a file before anything is known about its meaning."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

SHOWN_EACH = 1000
_SHOWN_FEWER = {"ROW-003": 100}


@dataclass(frozen=True, slots=True)
class ReadProblem:
    """One place where a file cannot be read as it stands; ``code`` is a rule of ``rules/structure.yaml``.

    ``row`` counts lines of the file (or rows of the sheet) from 1, header included. ``details`` fill the words of
    the rule.
    """

    code: str
    file: str
    row: int | None = None
    column: str | None = None
    details: dict[str, str] = field(default_factory=dict)
    sheet: str | None = None


class InputError(Exception):
    """The run cannot start: a path does not exist, may not be read or holds nothing to read. A full sentence."""


class UnreadableError(Exception):
    """A file stops being readable; ``problem`` says why in words, ``row`` where, if known. Becomes FILE-002."""

    def __init__(self, problem: str, row: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.row = row


class ProblemLog:
    """Collects the problems of one file in bounded memory.

    The first problems of a code and column are kept one by one (1000; 100 blank lines), the others as one problem
    with their number: its ``details["rest"]`` reads `` (and 57 more up to row 9000)``; elsewhere ``rest`` is empty.
    For codes with a ``problem`` text the rest stands at its end.
    """

    def __init__(self, file: str, sheet: str | None = None) -> None:
        self.file = file
        self.sheet = sheet
        self.problems: list[ReadProblem] = []
        self._seen: Counter[tuple[str, str | None]] = Counter()
        self._first_left_out: dict[tuple[str, str | None], ReadProblem] = {}
        self._last_row: dict[tuple[str, str | None], int | None] = {}

    def add(self, code: str, row: int | None = None, column: str | None = None, **details: str) -> None:
        """Add one problem."""
        key = (code, column)
        self._seen[key] += 1
        if key in self._first_left_out:
            self._last_row[key] = row
            return
        problem = ReadProblem(code, self.file, row, column, details, self.sheet)
        if code.startswith("ROW"):
            problem = _with_rest(problem, "")
        if self._seen[key] <= _SHOWN_FEWER.get(code, SHOWN_EACH):
            self.problems.append(problem)
        else:
            self._first_left_out[key] = problem

    def close(self) -> None:
        """Add the problems that stand for those not kept one by one."""
        for key, problem in self._first_left_out.items():
            others = self._seen[key] - _SHOWN_FEWER.get(key[0], SHOWN_EACH) - 1
            rest = f" (and {others} more up to row {self._last_row[key]})" if others else ""
            self.problems.append(_with_rest(problem, rest))
        self._first_left_out.clear()


def _with_rest(problem: ReadProblem, rest: str) -> ReadProblem:
    details = dict(problem.details)
    if "problem" in details:
        details["problem"] += rest
    else:
        details["rest"] = rest
    return replace(problem, details=details)


def os_problem(error: OSError) -> str:
    """Why the operating system refused, in words and without the path."""
    reason = (error.strerror or type(error).__name__).lower()
    return f"the file cannot be read: {reason}"
