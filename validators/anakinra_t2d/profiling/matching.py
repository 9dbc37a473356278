"""Which column is which field: one field for a column and one column for a field, and how sure that is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from anakinra_t2d.profiling.blocks import Block
from anakinra_t2d.profiling.evidence import ColumnEvidence
from anakinra_t2d.profiling.fit import Fit
from anakinra_t2d.profiling.names import Likeness
from anakinra_t2d.schema import Field

SURE_NAME = 0.88
"""A name less alike than this is for a person to confirm."""
SURE_VALUES = 0.5
"""Cells that fit less than this speak against the name."""
CANDIDATE = 0.4
"""Fields below this are not worth naming."""
MARGIN = 0.08
"""Another field (or column) that comes nearer than this could be meant as well."""
TABLE_BONUS = 0.1
"""What a field gains when its table surely is in the sheet: more than the margin."""
TABLE_LIKELY = 0.9
"""One column that belongs to no other table makes its table likelier than those without."""
TABLE_SURE = 1.8
"""Two columns that belong to no other table show that a table is in the sheet."""

LACKING = 0.3
"""What a field loses when the sheet has no column for the key of its table."""
UNUSED_KEY = 0.1
"""What a field loses when the sheet has a column, such as the visit, that its table has no use for."""

Concept = tuple[str, str]
"""Fields that one column serves: a key field under ``("", name)``, any other as table and name."""


@dataclass
class Item:
    """A column, a part of a two-part column, or a block of columns, with the fields it can be.

    ``blocks`` holds the reading of a block for each table that it can be of; empty for a single column.
    """

    header: str
    evidence: ColumnEvidence
    blocks: dict[str, Block] = field(default_factory=dict)
    part: int | None = None
    candidates: list[Candidate] = field(default_factory=list)

    @property
    def columns(self) -> tuple[ColumnEvidence, ...]:
        """The columns of a block, or the single column."""
        return next(iter(self.blocks.values())).columns if self.blocks else (self.evidence,)

    @property
    def places(self) -> set[int]:
        """Places of the columns."""
        return {column.place for column in self.columns}


@dataclass
class Candidate:
    """A field that an item can be. ``total`` is used to compare, ``confidence`` is what is told.

    ``lacks`` are key fields of the table that the sheet does not have. ``leaves_key`` says that the table does not use
    all common key columns of the sheet, ``holds_own`` that it uses others, ``hangs_on`` that the number of a person is
    all its records are known by.
    """

    field: Field
    concept: Concept
    likeness: Likeness
    fit: Fit
    total: float = 0.0
    lacks: tuple[str, ...] = ()
    leaves_key: bool = False
    holds_own: bool = False
    hangs_on: bool = False

    @property
    def confidence(self) -> float:
        """0 to 1, from name and values."""
        return self.likeness.score * (0.5 + 0.5 * self.fit.share)

    @property
    def shown(self) -> str:
        """``table.field``."""
        return f"{self.field.table}.{self.field.name}"


@dataclass
class Decision:
    """What is proposed for an item.

    ``reasons`` are why the field itself is open, ``questions`` what is open about the unit or the notation of a column
    whose field is clear.
    """

    item: Item
    best: Candidate | None
    reasons: list[str] = field(default_factory=list)
    others: list[Candidate] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)

    @property
    def block(self) -> Block | None:
        """The reading of a block of columns for the table that is proposed."""
        return self.item.blocks.get(self.best.field.table) if self.best is not None else None

    @property
    def is_mapped(self) -> bool:
        """Whether the field is clear."""
        return self.best is not None and not self.reasons

    @property
    def is_sure(self) -> bool:
        """Whether nothing is left to decide."""
        return self.is_mapped and not self.questions


def decide(items: Sequence[Item], support: Mapping[str, float]) -> list[Decision]:
    """One decision for each item; ``support`` says how surely each table is in the sheet."""
    for item in items:
        for candidate in item.candidates:
            bonus = TABLE_BONUS * min(1.0, support.get(candidate.field.table, 0.0) / TABLE_LIKELY)
            candidate.total = candidate.confidence - (LACKING if candidate.lacks else 0.0)
            is_held = candidate.holds_own and (candidate.concept[0] or support.get(candidate.field.table))
            candidate.total -= UNUSED_KEY if candidate.leaves_key and not is_held else 0.0
            candidate.total += 0.0 if candidate.concept[0] == "" else bonus
        item.candidates.sort(key=lambda candidate: -candidate.total)
    chosen = _assign(items)
    choice = _Choice([_by_concept(item) for item in items], chosen)
    return [_decision(number, item, items, choice) for number, item in enumerate(items)]


@dataclass(frozen=True)
class _Choice:
    """What each item can be, by concept, and what was chosen."""

    worth: list[dict[Concept, Candidate]]
    chosen: dict[int, Candidate]

    def total(self, number: int, concept: Concept | None) -> float:
        candidate = self.worth[number].get(concept) if concept is not None else None
        return candidate.total if candidate is not None else 0.0

    def loss(self, number: int, concept: Concept) -> float:
        """What the sum loses when an item gets another concept, and the holder of that one its own in exchange."""
        own = self.chosen[number]
        holder = next((other for other, each in self.chosen.items() if each.concept == concept), None)
        lost = own.total - self.total(number, concept)
        if holder is not None:
            lost += self.chosen[holder].total - self.total(holder, own.concept)
        return lost

    def loss_to(self, number: int, other: int) -> float:
        """What the sum loses when another item gets the concept of this one, and this one in exchange the other's."""
        own, theirs = self.chosen[number], self.chosen.get(other)
        lost = own.total - self.total(other, own.concept)
        if theirs is not None:
            lost += theirs.total - self.total(number, theirs.concept)
        return lost


def _by_concept(item: Item) -> dict[Concept, Candidate]:
    found: dict[Concept, Candidate] = {}
    for candidate in item.candidates:
        found.setdefault(candidate.concept, candidate)
    return found


def table_support(items: Sequence[Item], hints: Mapping[str, float]) -> dict[str, float]:
    """By table, how many columns can be only of this table; ``hints`` is known before any column is matched."""
    support: dict[str, float] = defaultdict(float, hints)
    for item in items:
        good = [
            c for c in item.candidates if c.likeness.score >= SURE_NAME and c.fit.share >= SURE_VALUES and not c.lacks
        ]
        if not good:
            continue
        best = max(candidate.confidence for candidate in good)
        near = {c.concept[0] for c in good if c.confidence >= best - MARGIN}
        if len(near) == 1 and (table := next(iter(near))):
            support[table] += best
    return dict(support)


def _assign(items: Sequence[Item]) -> dict[int, Candidate]:
    """The choice of one concept for each item with the greatest sum of totals."""
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    concepts = list(dict.fromkeys(c.concept for item in items for c in item.candidates))
    if not concepts:
        return {}
    place = {concept: number for number, concept in enumerate(concepts)}
    worth = np.zeros((len(items), len(concepts)))
    best = [_by_concept(item) for item in items]
    for number, candidates in enumerate(best):
        for concept, candidate in candidates.items():
            worth[number, place[concept]] = max(0.0, candidate.total - CANDIDATE / 2) ** 2
    rows, columns = linear_sum_assignment(worth, maximize=True)
    chosen: dict[int, Candidate] = {}
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        found = best[row].get(concepts[column])
        if found is not None and found.total >= CANDIDATE:
            chosen[row] = found
    return chosen


def _decision(number: int, item: Item, items: Sequence[Item], choice: _Choice) -> Decision:
    best = choice.chosen.get(number)
    every = [each for each in choice.worth[number].values() if each.total >= CANDIDATE]
    if best is None:
        taken = {each.concept for each in choice.chosen.values()}
        is_taken = any(each.concept in taken for each in every)
        return Decision(
            item, None, ["another column fits better" if is_taken else "the name is like that of no field"], every
        )
    first = every[0]
    if first.total > best.total + MARGIN and best.likeness.score < SURE_NAME:
        return Decision(item, None, [f"{first.shown} fits, and another column fits it as well or better"], every)
    decision = Decision(item, best, [], [each for each in every if each is not best])
    if best.likeness.score < SURE_NAME:
        decision.reasons.append(f"the name is only alike ({best.likeness.way})")
    if best.fit.share < SURE_VALUES:
        decision.reasons.append("the values do not fit")
    if best.lacks:
        decision.reasons.append(f"no column is surely {', '.join(best.lacks)}, which {best.field.table} needs")
    rivals = [each.shown for each in decision.others if choice.loss(number, each.concept) <= MARGIN]
    if rivals:
        decision.reasons.append(f"{', '.join(rivals[:3])} could be meant as well")
    near = [
        items[other].header
        for other, worth in enumerate(choice.worth)
        if other != number and best.concept in worth and choice.loss_to(number, other) <= MARGIN
    ]
    if near:
        decision.reasons.append(f"the column {', '.join(near[:3])} could be meant as well")
    decision.reasons += best.fit.misfits
    decision.questions += best.fit.problems
    return decision
