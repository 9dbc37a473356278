"""Compares the tables of two states: tables, keys, references and fields."""

from __future__ import annotations

from collections.abc import Mapping

from anakinra_t2d.versions.change import Change, Changes, listed
from anakinra_t2d.versions.compare_fields import WHAT as FIELD
from anakinra_t2d.versions.compare_fields import FieldComparison, field_likeness, must_be_filled
from anakinra_t2d.versions.matching import matched
from anakinra_t2d.versions.objects import same
from anakinra_t2d.versions.table_facts import WORDS_OF_TABLE, Facts

WHAT = "the table"
_SHARED_FIELDS = 0.7
"""A table that is gone and one that is new look like a rename from this share of common fields on."""


def compare_tables(old: Mapping[str, Facts], new: Mapping[str, Facts], *, whole: bool) -> list[Change]:
    """Changes of all tables.

    Args:
        old: facts of the old tables.
        new: facts of the new ones.
        whole: False compares only tables that are in both states, because one of them holds just what was sent.
    """
    changes = Changes()
    if whole:
        tables = matched(old, new, lambda one, a, other, b: _table_likeness(a, b))
    else:
        shared = [name for name in new if name in old]
        tables = matched({name: old[name] for name in shared}, {name: new[name] for name in shared})
    for name in tables.removed:
        changes.add("major", "removed", WHAT, name, f"The table {name} was removed.")
    for name in tables.added:
        fields = len(new[name]["fields"])
        changes.add("minor", "added", WHAT, name, f"The table {name} is new, with {fields} fields.")
    for before, name in tables.renamed:
        sentence = f"The table {before} looks like a rename: it seems to be called {name} now."
        changes.add("major", "renamed", WHAT, name, sentence, before=before)
    for before, name in tables.pairs:
        _compare_table(changes, name, old[before], new[name], set(old) & set(new))
    return changes.found


def _table_likeness(old: Facts, new: Facts) -> int:
    one, other = set(old["fields"]), set(new["fields"])
    share = len(one & other) / len(one | other) if one | other else 0.0
    return round(share * 1000) if share >= _SHARED_FIELDS else 0


def _compare_table(changes: Changes, name: str, old: Facts, new: Facts, shared_tables: set[str]) -> None:
    renamed = _compare_fields(changes, name, old["fields"], new["fields"])
    moved = dict(renamed)
    key = [moved.get(field, field) for field in old["key"]]
    if key != new["key"]:
        before, after = (listed(side["key"]) or "none" for side in (old, new))
        words = f"The key of the table {name} changed from {before} to {after}."
        changes.add("major", "changed", WHAT, name, words, aspect="key")
    groups = [[moved.get(field, field) for field in group] for group in old["unique"]]
    for group in groups:
        if group not in new["unique"]:
            words = f"Two records of the table {name} may have the same {listed(group)} now."
            changes.add("minor", "loosened", WHAT, name, words, aspect="unique")
    for group in new["unique"]:
        if group not in groups:
            words = f"No two records of the table {name} may have the same {listed(group)} now."
            changes.add("major", "tightened", WHAT, name, words, aspect="unique")
    _compare_references(changes, name, old, new, moved, shared_tables)
    if old["role"] != new["role"]:
        words = f"The role of the table {name} changed from {old['role']} to {new['role']}."
        changes.add("major", "changed", WHAT, name, words, aspect="role")
    if bool(old["restricted"]) != bool(new["restricted"]):
        if new["restricted"]:
            words = f"The table {name} is restricted now; blinded people no longer get it."
            changes.add("major", "tightened", WHAT, name, words, aspect="restricted")
        else:
            words = f"The table {name} is no longer restricted; blinded people get it now."
            changes.add("minor", "loosened", WHAT, name, words, aspect="restricted")
    changes.words(
        WHAT, name, [key for key in WORDS_OF_TABLE if key in old and key in new and not same(old[key], new[key])]
    )


def _compare_references(
    changes: Changes, name: str, old: Facts, new: Facts, moved: Mapping[str, str], shared_tables: set[str]
) -> None:
    # a package leaves out references to tables that it does not hold
    before = [
        (tuple(moved.get(field, field) for field in fields), table, to)
        for fields, table, to in old["foreign_keys"]
        if table in shared_tables
    ]
    after = [one for one in new["foreign_keys"] if one[1] in shared_tables]
    for fields, table, _ in (one for one in before if one not in after):
        words = f"The fields {listed(fields)} of the table {name} need no record in {table} any more."
        changes.add("minor", "loosened", WHAT, name, words, aspect="foreign_keys")
    for fields, table, _ in (one for one in after if one not in before):
        words = f"The fields {listed(fields)} of the table {name} need a record in {table} now."
        changes.add("major", "tightened", WHAT, name, words, aspect="foreign_keys")


def _compare_fields(
    changes: Changes, table: str, old: Mapping[str, Facts], new: Mapping[str, Facts]
) -> list[tuple[str, str]]:
    """Note the changes of the fields of a table; the old and new name of those that look renamed."""
    old_places, new_places = ({name: place for place, name in enumerate(facts)} for facts in (old, new))
    fields = matched(
        old,
        new,
        lambda one, a, other, b: field_likeness(a, b, at_same_place=old_places[one] == new_places[other]),
    )
    for name in fields.removed:
        changes.add("major", "removed", FIELD, f"{table}.{name}", f"{table}.{name}: the field was removed.")
    for name in fields.added:
        filled = must_be_filled(new[name])
        words = "and must be filled in, so earlier data lack it" if filled else "and may be empty"
        changes.add(
            "major" if filled else "minor",
            "added",
            FIELD,
            f"{table}.{name}",
            f"{table}.{name}: the field is new {words}.",
        )
    for before, name in fields.renamed:
        changes.add(
            "major",
            "renamed",
            FIELD,
            f"{table}.{name}",
            f"{table}.{before}: looks like a rename; the field seems to be called {name} now.",
            before=f"{table}.{before}",
        )
    for before, name in fields.pairs:
        FieldComparison(changes, f"{table}.{name}", old[before], new[name]).run()
    moved = dict(fields.renamed)
    order = [moved.get(name, name) for name in old if moved.get(name, name) in new]
    if order != [name for name in new if name in order]:
        words = f"The order of the fields of the table {table} changed."
        changes.add("major", "reordered", WHAT, table, words, aspect="fields")
    return fields.renamed
