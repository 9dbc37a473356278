"""Reasons to leave a decision to a person that show only when the whole sheet is matched."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from anakinra_t2d.profiling.matching import TABLE_SURE, Decision
from anakinra_t2d.schema import Definitions


def doubt_lonely(decisions: Sequence[Decision], support: Mapping[str, float]) -> None:
    """A lonely column of a table that is known by the number of a person alone could belong to anything."""
    for decision in decisions:
        best = decision.best
        if best is not None and best.concept[0] and best.hangs_on and support.get(best.concept[0], 0.0) < TABLE_SURE:
            decision.reasons.append(f"too little else of {best.field.table} is in the sheet")


def doubt_twins(decisions: Sequence[Decision], support: Mapping[str, float], found: Definitions) -> None:
    """A lonely column of a table, when a table that surely is in the sheet lacks one of the same quantity or a date."""
    chosen = {decision.best.concept for decision in decisions if decision.best is not None}
    strong = [name for name, worth in support.items() if worth >= TABLE_SURE]
    for decision in decisions:
        best = decision.best
        if best is None or decision.block or not best.concept[0] or support.get(best.concept[0], 0.0) >= TABLE_SURE:
            continue
        wanted = best.field
        twins = [
            f"{name}.{other.name}"
            for name in strong
            for other in found.tables[name].fields.values()
            if (name, other.name) not in chosen
            and other.name not in found.tables[name].key
            and (other.quantity == wanted.quantity if wanted.quantity else other.type == wanted.type == "date")
        ]
        if twins:
            decision.reasons.append(f"{', '.join(twins[:3])} could be meant as well")


def doubt_orphans(decisions: Sequence[Decision], served: Collection[str]) -> None:
    """A key field of no table that the sheet surely holds is open; ``served`` are the fields of those tables."""
    for decision in decisions:
        if decision.best is not None and not decision.best.concept[0] and decision.best.field.name not in served:
            decision.reasons.append("no table that uses it is surely in the sheet")


def doubt_spellings(decisions: Sequence[Decision]) -> None:
    """Blocks of one table must spell its key alike, as the one with most columns does; others are open."""
    blocks = [(each, each.block) for each in decisions if each.block is not None]
    blocks.sort(key=lambda pair: -len(pair[1].columns))
    spelled: dict[str, str] = {}
    for decision, block in blocks:
        values = dict(block.values)
        odd = [text for value, text in values.items() if spelled.get(value, text) != text]
        if odd or block.over is not blocks[0][1].over:
            decision.reasons.append(f"other columns of the table write {', '.join(odd) or 'another key'} otherwise")
        else:
            spelled.update(values)
