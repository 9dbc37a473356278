"""The changes of the schema as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from anakinra_t2d.finding import printable
from anakinra_t2d.versions.change import LEVELS, Change, Level, listed
from anakinra_t2d.versions.schema_diff import SchemaDiff

WIDTH = 110
FIRST = 8
"""Changes of one kind that are shown unless all are asked for."""
ALIKE = 3
"""Changes that differ by name alone are one sentence beyond this number."""
_NAME = "\0"
_HEADINGS: dict[Level, str] = {
    "major": "Major: data or programs made for the old version may not fit any more",
    "minor": "Minor: what was valid stays valid",
    "patch": "Patch: words only",
}


def diff_text(diff: SchemaDiff, *, every: bool) -> str:
    """The whole report; ``every`` shows each change by itself instead of the first ones of each kind."""
    return "\n".join(_lines(diff, every)) + "\n"


def _lines(diff: SchemaDiff, every: bool) -> Iterator[str]:
    old, new = (f"{edition.version} ({edition.shown})" for edition in (diff.old, diff.new))
    yield printable(f"From schema {old} to {new}")
    for level in LEVELS:
        if changes := [change for change in diff.changes if change.level == level]:
            yield ""
            yield f"{_HEADINGS[level]} ({len(changes)})"
            yield from map(_item, _sentences(changes, every))
    if diff.not_compared:
        yield ""
        yield "Not compared, or only in part"
        yield from map(_item, diff.not_compared)
    yield ""
    yield from _wrapped(outcome(diff), "", "")


def outcome(diff: SchemaDiff) -> str:
    """Which version NEW needs, and whether it states one that is high enough."""
    stated, needed = diff.new.version, diff.needed
    if diff.level is None and stated == needed:
        return f"Nothing changed; both are version {stated}."
    reason = "Nothing changed" if diff.level is None else f"The weightiest change is a {diff.level} one"
    if not diff.sufficient:
        return f"{reason}: NEW should be version {needed}, but it states {stated}, which is too low."
    if stated == needed:
        return f"{reason}: NEW should be version {needed}, and it is."
    return f"{reason}: NEW needs version {needed} or higher, and it states {stated}."


def _sentences(changes: Iterable[Change], every: bool) -> Iterator[str]:
    if every:
        yield from (change.sentence for change in changes)
        return
    groups: dict[tuple[str, str, str], list[Change]] = {}
    for change in changes:
        aspect = "" if change.kind in ("added", "removed") else (change.aspect or "").split(" ")[0]
        groups.setdefault((change.what, change.kind, aspect), []).append(change)
    for (what, kind, _), group in groups.items():
        if kind == "words" and len(group) > 1:
            yield f"The words of {len(group)} {_several(what)} changed: {listed(change.name for change in group)}."
            continue
        if len(group) > ALIKE and len({_pattern(change) for change in group}) == 1:
            yield _pattern(group[0]).replace(_NAME, listed(change.name for change in group))
            continue
        yield from (change.sentence for change in group[:FIRST])
        if more := len(group) - FIRST:
            yield from [f"... and {more} more of this kind; --all shows them."] if more > 0 else []


def _pattern(change: Change) -> str:
    """The sentence with a gap for the name."""
    return change.sentence.replace(change.name, _NAME)


def _several(what: str) -> str:
    """``the rule`` as the end of a number: ``3 rules``."""
    name = what.removeprefix("the ")
    head, of, rest = name.partition(" of ")
    several = head if head.endswith("s") else f"{head[:-1]}ies" if head.endswith("y") else f"{head}s"
    if head.endswith("criterion"):
        several = f"{head[:-2]}a"
    return f"{several}{of}{rest}"


def _item(sentence: str) -> str:
    return "\n".join(_wrapped(sentence, "  ", "    "))


def _wrapped(sentence: str, first: str, other: str) -> list[str]:
    return textwrap.wrap(
        printable(sentence),
        WIDTH,
        initial_indent=first,
        subsequent_indent=other,
        break_long_words=False,
        break_on_hyphens=False,
    )
