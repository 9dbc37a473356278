"""What a person must decide before a drafted profile can be used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from anakinra_t2d.profiling.fit import Fitter
from anakinra_t2d.profiling.matching import Decision
from anakinra_t2d.profiling.sheet_draft import SheetDraft
from anakinra_t2d.profiling.unknown import known_of

_WITHOUT_NAME = "(column {place} without a name)"
_MOST_CANDIDATES = 4


@dataclass(frozen=True)
class Open:
    """What a person must decide about a column or a block; ``columns`` is how many, 0 for a key without a column."""

    file: str
    sheet: str | None
    column: str
    candidates: tuple[str, ...]
    reason: str
    columns: int = 1


def open_questions(sheet: SheetDraft, fitter: Fitter) -> list[Open]:
    """One entry for each column of a sheet about which something is open, and for each key field without a column."""
    questions = _Questions()
    for decision in sheet.decisions:
        if not decision.is_sure:
            _note_column(decision, fitter, questions)
    _note_keys(sheet, questions)
    if sheet.tests:
        _note_tests(sheet, questions)
    evidence = sheet.evidence
    return [
        Open(evidence.file, evidence.sheet, column, tuple(candidates), "; ".join(reasons), questions.columns[column])
        for column, (candidates, reasons) in questions.gathered.items()
    ]


class _Questions:
    """Candidates and reasons by column, each once."""

    def __init__(self) -> None:
        self.gathered: dict[str, tuple[list[str], list[str]]] = {}
        self.columns: dict[str, int] = {}

    def note(self, column: str, candidates: Sequence[str], reasons: Sequence[str], columns: int = 1) -> None:
        """Add what is open about a column, or about a block of several."""
        self.columns[column] = max(columns, self.columns.get(column, 0))
        shown, said = self.gathered.setdefault(column, ([], []))
        shown += [each for each in candidates if each not in shown]
        said += [each for each in reasons if each not in said]


def _note_column(decision: Decision, fitter: Fitter, questions: _Questions) -> None:
    best = [decision.best] if decision.best else []
    candidates = [each.shown for each in [*best, *decision.others][:_MOST_CANDIDATES]]
    if decision.is_mapped and decision.block is not None:
        count = len(decision.block.columns)
        questions.note(decision.block.pattern, candidates, decision.questions, count)
        return
    for column in decision.item.columns:
        reasons = [*decision.reasons, *decision.questions]
        if decision.best is None:
            reasons.append(known_of(column, fitter))
        questions.note(column.header or _WITHOUT_NAME.format(place=column.place + 1), candidates, reasons)


def _note_keys(sheet: SheetDraft, questions: _Questions) -> None:
    """Key fields that no column gives to the tables that are surely in the sheet."""
    needed: dict[tuple[str, str | None], list[str]] = defaultdict(list)
    for table in sheet.tables:
        if table.is_sure:
            for name in table.table.key:
                if name in table.open_values or name in table.missing:
                    needed[name, table.open_values.get(name)].append(table.table.name)
    for (name, value), tables in needed.items():
        guess = f"; {value} is a guess" if value else ""
        questions.note(
            name, [f"{table}.{name}" for table in tables], [f"no column says it for {', '.join(tables)}{guess}"]
        )


def _note_tests(sheet: SheetDraft, questions: _Questions) -> None:
    tests = sheet.tests
    assert tests
    for test, reasons in tests.doubts.items():
        questions.note(tests.column.header, [reasons[-1]], [f"test {test}: {', '.join(reasons[:-1])}"])
    if tests.unknown:
        listed = ", ".join(tests.unknown)
        questions.note(
            tests.column.header, [], [f"no field is known for the tests {listed}: name them or list them in ignore"]
        )
    for result, unit in tests.others:
        beside = f" with {unit.header}" if unit else ""
        words = f"{result.header}{beside} fits the tests as well as {tests.result.header}: say which is meant"
        questions.note(tests.result.header, [f"{tests.table} (result of each test)"], [words])
