"""Writes ``accepted.yaml``: new entries are put into the text that is there, so that its comments stay."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path

from anakinra_t2d.finding import printable
from anakinra_t2d.reading import InputError
from anakinra_t2d.schema import SchemaError
from anakinra_t2d.schema.accepted import AcceptedFinding, AcceptedList, read_accepted
from anakinra_t2d.write.whole_file import write_whole_file

_ITEM = re.compile(r"^(\s*)- ")


def merged(there: AcceptedList | None, new: Iterable[AcceptedFinding]) -> tuple[list[AcceptedFinding], set[int]]:
    """The entries of a file with new ones, and the places (from 0) of entries that are replaced.

    A new entry replaces that of the same rule, record and field, whatever its value was; it stands at the end unless
    it says the same.
    """
    entries = list(there.entries) if there else []
    replaced: set[int] = set()
    added: list[AcceptedFinding] = []
    for entry in new:
        same = [number for number, old in enumerate(entries) if old.place == entry.place]
        if entry in (entries[number] for number in same):
            continue
        replaced.update(same)
        added.append(entry)
    return [*(old for number, old in enumerate(entries) if number not in replaced), *added], replaced


def write_accepted(path: Path, trial: str, there: AcceptedList | None, new: Sequence[AcceptedFinding]) -> bool:
    """Write the entries, whole or not at all.

    Returns:
        Whether the comments of the file that was there are kept.

    Raises:
        OutputError: the file cannot be written.
    """
    entries, replaced = merged(there, new)
    if there is not None and not replaced and len(entries) == len(there.entries):
        return True
    whole = _head(trial) + "".join(_entry(entry) for entry in entries)
    if there is None:
        _put(path, whole)
        return True
    before = path.read_text(encoding="utf-8")
    added = entries[len(there.entries) - len(replaced) :]
    edited = _edited(before, there, replaced, added)
    # an unusual layout may not bear such an edit; then the file is written anew
    kept = edited is not None and _reads_as(path, edited, entries)
    _put(path, edited if kept and edited is not None else whole)
    return kept or "#" not in before


def _edited(text: str, there: AcceptedList, replaced: set[int], added: Sequence[AcceptedFinding]) -> str | None:
    """The text without the replaced entries and with the added ones; None where entries are no plain lines."""
    lines = text.split("\n")
    starts = [line - 1 for line in there.lines]
    indents = {found[1] for start in starts if (found := _ITEM.match(lines[start]))}
    if not starts or len(indents) != 1 or len(set(starts)) != len(starts):
        return None
    indent = indents.pop()
    gone: set[int] = set()
    for number in replaced:
        end = starts[number] + 1
        deeper = f"{indent} "
        while end < len(lines) and lines[end].startswith(deeper) and not lines[end].lstrip().startswith("#"):
            end += 1
        gone.update(range(starts[number], end))
    kept = [line for number, line in enumerate(lines) if number not in gone]
    while kept and not kept[-1].strip():
        kept.pop()
    return "\n".join(kept) + "\n" + "".join(_entry(entry, indent) for entry in added)


def _reads_as(path: Path, text: str, entries: Sequence[AcceptedFinding]) -> bool:
    trial_file = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.yaml")
    try:
        trial_file.write_text(text, encoding="utf-8")
        return list(read_accepted(trial_file).entries) == list(entries)
    except (SchemaError, OSError):
        return False
    finally:
        trial_file.unlink(missing_ok=True)


def _head(trial: str) -> str:
    return (
        "# Findings that were looked at and may stay; anakinra-t2d validate --accepted reads this list.\n"
        f"trial: {quoted(trial)}\naccepted:\n"
    )


def _entry(entry: AcceptedFinding, indent: str = "  ") -> str:
    record = ", ".join(f"{name}: {quoted(text)}" for name, text in entry.record.items())
    parts = {
        "rule": entry.rule,
        "table": quoted(entry.table),
        "record": f"{{{record}}}" if record else None,
        "field": quoted(entry.field),
        "fingerprint": quoted(entry.fingerprint),
        "reason": quoted(entry.reason),
        "who": quoted(entry.who),
        "when": quoted(entry.when),
        "until": quoted(entry.until),
    }
    lines = [f"{name}: {text}" for name, text in parts.items() if text is not None]
    return f"{indent}- " + f"\n{indent}  ".join(lines) + "\n"


def quoted(text: str | None) -> str | None:
    """Text in double quotes as YAML reads it, always on one line; None stays None."""
    return None if text is None else json.dumps(plain_line(text), ensure_ascii=False)


def plain_line(text: str) -> str:
    """Text with everything spelled out that commands a terminal or hides in a text."""
    return printable(" ".join(text.split()))


def _put(path: Path, text: str) -> None:
    write_whole_file(path, text.encode(), replace=True)


def entries_there(path: Path, trial: str) -> AcceptedList | None:
    """The list that new entries go into; None when there is none yet.

    Raises:
        InputError: the file is no list of accepted findings, or one of another trial.
    """
    if not path.exists():
        return None
    try:
        there = read_accepted(path)
    except SchemaError as error:
        raise InputError(f"The list that new entries would go into cannot be used:\n{error}") from None
    if there.trial != trial:
        raise InputError(f"{path} accepts findings of the trial {there.trial}, not of {trial}.")
    return there
