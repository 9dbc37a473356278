"""What a release left out or changed on purpose, which is no difference between versions."""

from __future__ import annotations

from anakinra_t2d.versions.edition import Edition
from anakinra_t2d.versions.table_facts import Facts

_WHOLE = "full"
"""The view that leaves nothing out."""
_REQUIRED = ("required", "required_when", "required_by")


def is_cut(edition: Edition) -> bool:
    """Whether it is a release that left something out or was de-identified."""
    return edition.deidentified or edition.view not in (None, _WHOLE)


def as_released(edition: Edition, facts: Facts, other: Facts) -> Facts:
    """Facts of a table of another state without what a release of it would leave out or change.

    Args:
        edition: the state that may be a release; for any other one the facts stay as they are.
        facts: the facts of the table in ``edition``.
        other: the facts of the same table in the state it is held against.
    """
    if not is_cut(edition):
        return other
    there = facts["fields"]
    fields = {
        name: _as_released(edition, there[name], field) for name, field in other["fields"].items() if name in there
    }
    kept = {key: facts[key] for key in ("key", "unique", "foreign_keys", "restricted")}
    return {**other, **kept, "fields": fields}


def _as_released(edition: Edition, stated: Facts, field: Facts) -> Facts:
    # dates became days, and what could point to a person became coarser
    if edition.deidentified and (field["type"] in ("date", "datetime") or field["identifying"] != "none"):
        return stated
    # where what a condition reads is left out, nobody can be asked to meet it
    return {**field, **{key: stated[key] for key in _REQUIRED}}
