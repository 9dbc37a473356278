"""Checks changed data files together with the submission they belong to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anakinra_t2d.finding import Finding
from anakinra_t2d.hooks.narrowed import narrowed, tables_read
from anakinra_t2d.hooks.packages import Package, packages, tables_in
from anakinra_t2d.reading.discover import PACKAGE, PROFILE
from anakinra_t2d.reading.formats import format_of
from anakinra_t2d.reading.problems import InputError
from anakinra_t2d.schema import Definitions


@dataclass
class Checked:
    """What the check of a submission gives.

    ``touching`` are open findings in changed files and those of rules that read them; ``elsewhere`` counts the others
    that were seen. ``left_out`` are rules that judge all values of a variable together and were not run; ``unread``
    are tables that no rule about the changed ones reads. ``whole`` says that everything was checked.
    """

    root: Path
    whole: bool = False
    touching: list[Finding] = field(default_factory=list)
    elsewhere: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    left_out: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    problem: str | None = None
    is_data: bool = True

    @property
    def errors(self) -> int:
        """Number of errors that touch the changed files."""
        return sum(finding.severity == "error" for finding in self.touching)


def check_changed(
    changed: Sequence[Path],
    removed: Sequence[Path],
    found: Definitions,
    *,
    whole: bool = False,
    show_values: bool = False,
    accepted: Path | None = None,
) -> list[Checked]:
    """Check the submissions of changed and removed files.

    Where the files are named after tables, only these, and the rules that read them, are checked with the tables they
    need; rules that judge the distribution of a variable are left out. ``whole`` checks everything, and so does a
    submission with a profile, a workbook or an archive, where any file can hold any table.
    """
    return [
        _check(package, found, whole=whole, show_values=show_values, accepted=accepted)
        for package in packages(changed, removed, found.tables)
    ]


def _check(package: Package, found: Definitions, *, whole: bool, show_values: bool, accepted: Path | None) -> Checked:
    from anakinra_t2d.conversion.run import validate

    checked = Checked(package.root)
    known = frozenset(found.tables)
    tables = _canonical_tables([*package.changed, *package.removed], package.root, known)
    paths, judged = [package.root], found
    if tables is None or whole:
        checked.whole = True
    else:
        narrow = narrowed(found, tables)
        judged, checked.left_out = narrow.definitions, narrow.left_out
        paths = _files_of(package, narrow.needed)
        present = {format_of(path)[1] for path in _beside(package.root) if format_of(path)[1] in known}
        checked.unread = sorted(present - narrow.needed)
    try:
        outcome = validate(*paths, found=judged, show_values=show_values, accepted=accepted)
    except InputError as error:
        # a directory of other data is none of ours; one with our files that cannot be read is
        described = any(path.name == PROFILE for path in package.changed)
        checked.is_data = described or bool(tables_in(package.root, known)) or package.root.is_file()
        checked.problem = str(error)
        return checked
    shown = _shown([*package.changed, *package.removed], package.root, several=len(paths) > 1)
    for finding in outcome.findings:
        if finding.status == "accepted":
            checked.accepted += 1
        elif tables is None or _touches(finding, shown, tables, found):
            checked.touching.append(finding)
        else:
            checked.elsewhere[finding.severity] += 1
    return checked


def _canonical_tables(paths: Iterable[Path], root: Path, known: frozenset[str]) -> frozenset[str] | None:
    """The tables that files are named after; None when a file of the submission may hold any table."""
    if root.is_file() or any((root / name).is_file() for name in (PROFILE, PACKAGE)):
        return None
    if any(format_of(path)[0] in ("excel", "statistical") for path in _beside(root)):
        return None
    return frozenset(stem for path in paths if (stem := format_of(path)[1]) in known)


def _beside(root: Path) -> list[Path]:
    """Files of a submission: in its directory and in the directories right in it."""
    return sorted(path for path in (*root.glob("*"), *root.glob("*/*")) if path.is_file() and path.name[0] != ".")


def _files_of(package: Package, needed: frozenset[str]) -> list[Path]:
    """The files of needed tables, and changed files of whatever name, so that a misspelled one is seen."""
    changed = {path.resolve() for path in package.changed}
    return [
        path
        for path in _beside(package.root)
        if path.resolve() in changed or (format_of(path)[0] is not None and format_of(path)[1] in needed)
    ] or [package.root]


def _shown(paths: Iterable[Path], root: Path, *, several: bool) -> frozenset[str]:
    """Names of files as findings give them."""
    if root.is_file():
        return frozenset()
    return frozenset(path.name if several else path.relative_to(root).as_posix() for path in paths)


def _touches(finding: Finding, shown: frozenset[str], tables: frozenset[str], found: Definitions) -> bool:
    if finding.location.file in shown or finding.table in tables:
        return True
    rule = found.across_rules.get(finding.code)
    if rule is not None:
        # a rule repeated for each field reads the table it judges, and that is no changed one here
        return rule.for_each is None and bool(tables_read(rule, found) & tables)
    parents = (
        {key.table for key in found.tables[finding.table].foreign_keys} if finding.table in found.tables else set()
    )
    return finding.code == "REF-001" and bool(parents & tables)
