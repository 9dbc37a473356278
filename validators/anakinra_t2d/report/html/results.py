"""The comparison of the arms as rows of text, for a report to the unblinded."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from anakinra_t2d.report.results_table import _ROLES, _Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anakinra_t2d.derivation.beside_paper import Comparison
    from anakinra_t2d.derivation.results import Result
    from anakinra_t2d.derivation.run import Derived
    from anakinra_t2d.schema import Definitions


@dataclass(frozen=True)
class ResultRow:
    """A line of the table: a result, the numbers that the paper printed for it, or the result under another reading."""

    kind: str
    cells: list[str]


@dataclass(frozen=True)
class ResultGroup:
    """Results of one role."""

    title: str
    rows: list[ResultRow]


def result_groups(
    results: Sequence[Result], comparisons: Sequence[Comparison], definitions: Definitions
) -> list[ResultGroup]:
    """The results by role; ``comparisons`` gives what the paper printed."""
    derived = cast("Derived", SimpleNamespace(results=results, comparisons=comparisons))
    values = {(one.endpoint_id, one.reading, one.group, one.statistic): one for one in results}
    table = _Table(derived, definitions, values)
    found = []
    for role, title in _ROLES.items():
        cards = [card for card in table.cards if card.role == role]
        rows = [_row([str(cast("Any", cell)) for cell in cells]) for card in cards for cells in table._rows(card)]
        if rows:
            found.append(ResultGroup(title, rows))
    return found


def _row(cells: list[str]) -> ResultRow:
    head = cells[0].strip()
    kind = "result" if not cells[0].startswith("  ") else "printed" if head == "printed" else "reading"
    return ResultRow(kind, [head, *cells[1:]])
