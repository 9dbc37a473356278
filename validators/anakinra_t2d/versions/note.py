"""What data of another version of the schema mean under the installed one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from anakinra_t2d.versions.change import Change, EditionError, Version
from anakinra_t2d.versions.compare_fields import WHAT as FIELD
from anakinra_t2d.versions.compare_tables import WHAT as TABLE
from anakinra_t2d.versions.compare_tables import compare_tables
from anakinra_t2d.versions.edition import Edition, installed_package, open_edition
from anakinra_t2d.versions.released_tables import as_released

Place = tuple[str, str]
"""Table and field."""

_MEANING = ("type", "unit")
"""What makes the same value mean something else."""
_LIMITS = ("range", "codes", "pattern", "required", "required_when", "key")
_NO_DATA = ("lineage", "report")
"""Roles of tables that say how the data were made."""
_SAID = 6
"""Differences that are said; the others are counted."""


@dataclass(frozen=True)
class VersionNote:
    """How the schema of a directory or release differs from the installed one.

    ``stated`` is its version, ``current`` the one it is held against, of what ``against`` names. ``changes`` lead from
    the first to the second, as far as the tables go; words alone do not count.
    """

    shown: str
    stated: Version
    current: Version
    changes: tuple[Change, ...]
    against: str = "here {} is installed"
    advice: str = "Convert the submission again, or read it with the version it was made with."

    @property
    def warning(self) -> str | None:
        """One sentence with the differences that matter; None when there are none."""
        if not self.changes:
            return None
        sentences = [_as_part(change) for change in self.changes]
        more = [f"and {len(sentences) - _SAID} more differences"] if len(sentences) > _SAID else []
        return f"{self._versions}: {'; '.join([*sentences[:_SAID], *more])}."

    @property
    def unusable(self) -> dict[Place, str]:
        """Fields whose numbers or texts mean something else under the installed schema, with what changed."""
        found: dict[Place, str] = {}
        for change in self.changes:
            if change.what == FIELD and change.aspect in _MEANING:
                table, _, field = change.name.partition(".")
                words = change.sentence.split(": ", 1)[1].rstrip(".")
                found[table, field] = f"{found[table, field]}; {words}" if (table, field) in found else words
        return found

    def refusal(self, fields: Collection[Place] | None = None) -> str | None:
        """Why the values must not be used; None when they may be.

        Args:
            fields: table and field of what is read; None is everything.
        """
        read = {place: words for place, words in self.unusable.items() if fields is None or place in fields}
        if not read:
            return None
        changed = "; ".join(f"{table}.{field}: {words}" for (table, field), words in sorted(read.items()))
        return f"{self._versions}, where the values mean something else ({changed}). {self.advice}"

    @property
    def _versions(self) -> str:
        return (
            f"{self.shown} was made with version {self.stated} of the schema, and {self.against.format(self.current)}"
        )


def differences_from(source: str | Path) -> VersionNote:
    """Hold the schema of a converted directory or a release against the installed one.

    Only its ``datapackage.json`` is read. What a view of a release leaves out does not count as missing, and what
    de-identification made of a field does not count as a change.

    Args:
        source: a directory that ``convert`` wrote, or a release (directory or zip).

    Raises:
        EditionError: there is no data package in it, or it cannot be read.
    """
    edition = open_edition(source)
    if edition.files is not None:
        raise EditionError(f"{edition.shown} holds definitions and no data; name an output of convert or a release.")
    return note_on(edition, installed_package())


def differences_between(old: str | Path, new: str | Path) -> VersionNote:
    """Hold the schemas of two converted directories against each other.

    Raises:
        EditionError: there is no data package in one of them, or it cannot be read.
    """
    before, after = open_edition(old), open_edition(new)
    note = note_on(before, after)
    advice = "Convert the older submission again with the installed version, then compare."
    return replace(note, against=f"{after.shown} with version {{}}", advice=advice)


def note_on(edition: Edition, installed: Edition) -> VersionNote:
    """Hold a data package against the installed schema."""
    before = {name: facts for name, facts in edition.tables.items() if name in installed.tables}
    after = {name: as_released(edition, before[name], installed.tables[name]) for name in before}
    changes = [change for change in compare_tables(before, after, whole=False) if _matters(change)]
    if edition.version != installed.version:
        changes += [
            Change("major", "removed", TABLE, name, None, f"The table {name} is not in the installed schema.")
            for name, facts in edition.tables.items()
            if name not in installed.tables and facts["role"] not in _NO_DATA
        ]
    changes.sort(key=lambda change: (change.level != "major", change.what == FIELD))
    return VersionNote(edition.shown, edition.version, installed.version, tuple(changes))


def _matters(change: Change) -> bool:
    """Whether a reader of values has to know of a change."""
    return change.kind in ("added", "removed", "renamed") or change.aspect in (*_MEANING, *_LIMITS)


def _as_part(change: Change) -> str:
    """The sentence as a part of a longer one."""
    words = change.sentence.rstrip(".").split("; ")[0]
    return words[0].lower() + words[1:] if words.startswith("The ") else words
