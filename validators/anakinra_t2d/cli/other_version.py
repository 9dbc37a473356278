"""Data of another version of the schema: what differs, on stderr, before a command works on them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import click


def heed_version(folder: Path, fields: Collection[tuple[str, str]] | None = None) -> None:
    """Say in a sentence on stderr how the schema of a directory differs from the installed one.

    A directory that is none of ``convert`` is left to the command, which says more about it.

    Args:
        folder: a directory that ``convert`` wrote, or a release.
        fields: table and field of what the command reads; None is everything.

    Raises:
        InputError: the unit or type of a field that is read changed.
    """
    from anakinra_t2d.finding import printable
    from anakinra_t2d.reading import InputError
    from anakinra_t2d.versions.change import EditionError
    from anakinra_t2d.versions.note import differences_from

    try:
        note = differences_from(folder)
    except EditionError:
        return
    if refusal := note.refusal(fields):
        raise InputError(refusal)
    if note.warning:
        click.echo(printable(note.warning), err=True)
