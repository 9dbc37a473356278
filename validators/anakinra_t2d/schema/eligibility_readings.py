"""Open readings of the entry criteria: another choice applied to the criteria that have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from anakinra_t2d.schema.readings import checked

if TYPE_CHECKING:
    from anakinra_t2d.schema.contents import Definitions
    from anakinra_t2d.schema.eligibility import Criterion, Eligibility

_CHANGED = ("condition", "reads", "may_be_empty", "no_result")


def eligibility_with(definitions: Definitions, chosen: Mapping[str, str]) -> Eligibility:
    """The criteria under ``chosen``, an id of a reading with the name of a choice.

    A reading that concerns endpoints only changes nothing here.

    Raises:
        ReadingError: an id or a choice does not exist.
    """
    kept = checked(definitions, chosen)
    found = definitions.eligibility
    if not kept:
        return found
    return found.model_copy(update={"criteria": [_changed(one, kept) for one in found.criteria]})


def criteria_affected(eligibility: Eligibility, reading: str) -> list[str]:
    """Ids of the criteria that another choice of ``reading`` changes, in their order."""
    return [one.id for one in eligibility.criteria if any(other.reading == reading for other in one.alternatives)]


def _changed(criterion: Criterion, chosen: Mapping[str, str]) -> Criterion:
    for alternative in criterion.alternatives:
        if chosen.get(alternative.reading) == alternative.choice:
            given = {name: getattr(alternative, name) for name in _CHANGED}
            update: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
            criterion = criterion.model_copy(update=update)
    return criterion
