"""What changed between two states of the schema, and which version number it asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anakinra_t2d.versions.change import LEVELS, Change, EditionError, Level, Version, highest
from anakinra_t2d.versions.compare_rules import compare_rules, rules_of
from anakinra_t2d.versions.compare_study import added_file, compare_file, compare_trial
from anakinra_t2d.versions.compare_tables import compare_tables
from anakinra_t2d.versions.compare_units import compare_codelists, compare_quantities
from anakinra_t2d.versions.definition_files import CODELISTS, QUANTITIES, TRIAL
from anakinra_t2d.versions.edition import TABLES, Edition, open_edition
from anakinra_t2d.versions.released_tables import as_released, is_cut

FORMAT = 1
"""Version of the JSON document."""
_FILE = "the schema file"


@dataclass(frozen=True)
class SchemaDiff:
    """Changes from ``old`` to ``new``, the weightiest first, and what could not be compared, a sentence each."""

    old: Edition
    new: Edition
    changes: tuple[Change, ...]
    not_compared: tuple[str, ...]

    @property
    def level(self) -> Level | None:
        """Level of the weightiest change; None when nothing changed."""
        return highest(self.changes)

    @property
    def needed(self) -> Version:
        """The lowest version that ``new`` may have."""
        return self.old.version.after(self.level)

    @property
    def sufficient(self) -> bool:
        """Whether the version that ``new`` states is high enough."""
        return self.new.version >= self.needed

    def exit_status(self) -> int:
        """0 when the version of ``new`` is high enough, else 1."""
        return int(not self.sufficient)

    def as_dict(self) -> dict[str, Any]:
        """The JSON document as plain data."""
        numbers = Counter(change.level for change in self.changes)
        return {
            "format": FORMAT,
            "old": {"source": self.old.shown, "version": str(self.old.version)},
            "new": {"source": self.new.shown, "version": str(self.new.version)},
            "level": self.level,
            "needed_version": str(self.needed),
            "sufficient": self.sufficient,
            "number": {level: numbers[level] for level in LEVELS},
            "changes": [change.as_dict() for change in self.changes],
            "not_compared": list(self.not_compared),
        }


def schema_diff(old: str | Path, new: str | Path) -> SchemaDiff:
    """Compare two states of the schema.

    Args:
        old: ``installed``; a folder that is or holds ``schema/``; a ``datapackage.json``; a directory or zip of an
            output of convert or of a release.
        new: likewise.

    Raises:
        EditionError: one of them cannot be read, or they do not describe the same trial.
    """
    return compare_editions(open_edition(old), open_edition(new))


def compare_editions(old: Edition, new: Edition) -> SchemaDiff:
    """Compare two states; definitions in everything they say, a data package in what it says of tables.

    Raises:
        EditionError: they do not describe the same trial.
    """
    if old.name != new.name and not set(old.tables) & set(new.tables):
        raise EditionError(
            f"{old.shown} describes {old.name} and {new.shown} describes {new.name}, and they have no table in common; "
            "compare two versions of one schema."
        )
    not_compared = [*old.remarks, *new.remarks]
    whole = old.whole and new.whole
    before, after = _tables(old, new)
    changes = compare_tables(before, after, whole=whole)
    if old.files is not None and new.files is not None:
        changes += _definitions(old, new, old.files, new.files)
    else:
        not_compared.append(
            "A data package says nothing of rules, conversions, the schedule, eligibility and endpoints; only tables "
            "and fields are compared."
        )
    if released := [edition.shown for edition in (old, new) if is_cut(edition)]:
        not_compared.append(
            f"What the release {' and '.join(released)} left out or changed on purpose is no difference of versions."
        )
    one_sided = sorted(set(old.tables) ^ set(new.tables))
    if not whole and one_sided:
        not_compared.append(
            f"An output holds only what was sent; tables of one side are not compared: {', '.join(one_sided)}."
        )
    order = {level: place for place, level in enumerate(LEVELS)}
    return SchemaDiff(old, new, tuple(sorted(changes, key=lambda change: order[change.level])), tuple(not_compared))


def _tables(old: Edition, new: Edition) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The tables to compare: none whose file only one side could read, and none that a package never has."""
    one_sided = set(old.tables) ^ set(new.tables)
    hidden = {name for name in one_sided if f"{TABLES}{name}.yaml" in old.unread | new.unread}
    if (old.files is None) != (new.files is None):
        hidden |= {
            name for side in (old, new) for name in one_sided if side.tables.get(name, {}).get("role") == "lineage"
        }
    before, after = ({name: side.tables[name] for name in side.tables if name not in hidden} for side in (old, new))
    shared = [name for name in before if name in after]
    seen = {name: as_released(old, before[name], after[name]) for name in shared}
    before |= {name: as_released(new, after[name], before[name]) for name in shared}
    return before, after | seen


def _definitions(old: Edition, new: Edition, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    changes = compare_codelists(
        before[CODELISTS]["codelists"], after[CODELISTS]["codelists"], _users(new, "codelist"), _statuses(new)
    )
    changes += compare_quantities(before[QUANTITIES], after[QUANTITIES], _users(new, "quantity"))
    unread = old.unread | new.unread
    changes += compare_rules(
        *(rules_of({path: side[path] for path in side if path not in unread}) for side in (before, after))
    )
    changes += compare_trial(before[TRIAL], after[TRIAL])
    for path in sorted({*before, *after} - unread):
        if path in (TRIAL, CODELISTS, QUANTITIES) or path.startswith((TABLES, "schema/rules/")):
            continue
        if path in before and path in after:
            changes += compare_file(path, before[path], after[path])
        else:
            changes.append(_one_sided(path, after.get(path)))
    return changes


def _one_sided(path: str, content: Any) -> Change:
    if content is None:
        return Change("major", "removed", _FILE, path, None, f"{path} was removed, with all that it defines.")
    return Change("minor", "added", _FILE, path, None, f"{path} is new{added_file(content)}.")


def _users(edition: Edition, key: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for table, facts in edition.tables.items():
        for name, field in facts["fields"].items():
            if field.get(key):
                found.setdefault(field[key], []).append(f"{table}.{name}")
    return found


def _statuses(edition: Edition) -> str | None:
    """The codelist of the side table for values that are not numbers."""
    flags = (facts for facts in edition.tables.values() if facts["role"] == "flags")
    return next((field["codelist"] for facts in flags for field in facts["fields"].values() if field["codelist"]), None)
