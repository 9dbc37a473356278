"""The list of accepted findings of a trial, ``accepted.yaml``: its model, and its reader with line and column."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field as Option
from pydantic import StringConstraints, ValidationError, model_validator

from anakinra_t2d.schema.common import Definition, Name, RuleCode, Text
from anakinra_t2d.schema.yaml_source import Loc, SchemaError, read_yaml

LONGEST_REASON = 1000
Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
"""A day as ISO text, in quotes."""

Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
"""What a finding is told apart by between submissions."""

Place = tuple[str, str | None, tuple[tuple[str, str], ...], str | None]
"""Rule, table, record key and field."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class AcceptedFinding(Definition):
    """A finding that was looked at and may stay. It holds no value of the data beyond the key of the record."""

    rule: RuleCode
    table: Text | None = None
    record: dict[Name, str] = Option(default={}, description="The key of the record: field name to text.")
    field: Text | None = None
    fingerprint: Fingerprint = Option(description="Of the finding; it changes with the value, and opens it again.")
    reason: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_REASON, strip_whitespace=True)]
    who: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    when: Day = Option(description="The day it was accepted on.")
    until: Day | None = Option(default=None, description="The last day it counts on; without it there is no end.")

    @model_validator(mode="after")
    def _real_days(self) -> AcceptedFinding:
        for name in ("when", "until"):
            text = getattr(self, name)
            try:
                _ = text is None or dt.date.fromisoformat(text)
            except ValueError:
                raise ValueError(f"{name} is not a day of the calendar: {text}") from None
        if self.until is not None and self.until < self.when:
            raise ValueError(f"until ({self.until}) is before when ({self.when})")
        return self

    @property
    def place(self) -> Place:
        """What the entry is about, whatever the value."""
        return self.rule, self.table, tuple(self.record.items()), self.field


class AcceptedFile(Definition):
    """``accepted.yaml``."""

    trial: Text = Option(description="Number of the trial in its register.")
    accepted: list[AcceptedFinding] = Option(description="One entry for each accepted finding.")

    @model_validator(mode="after")
    def _each_once(self) -> AcceptedFile:
        seen: set[tuple[Place, str]] = set()
        for number, entry in enumerate(self.accepted, 1):
            if (entry.place, entry.fingerprint) in seen:
                raise ValueError(f"entry {number} ({entry.rule}) accepts a finding that an earlier entry accepts")
            seen.add((entry.place, entry.fingerprint))
        return self


@dataclass(frozen=True)
class AcceptedList:
    """The entries of a file and the line of each; ``shown`` is the name of the file."""

    shown: str
    trial: str
    entries: tuple[AcceptedFinding, ...] = ()
    lines: tuple[int, ...] = ()


def read_accepted(path: Path) -> AcceptedList:
    """Read a list of accepted findings.

    Raises:
        SchemaError: a sentence with line and column for everything that is wrong with the file.
    """
    shown = str(path)
    try:
        source = read_yaml(path, shown)
    except OSError as error:
        raise SchemaError([f"{shown} cannot be read: {(error.strerror or str(error)).lower()}."]) from None
    except SchemaError as error:
        raise SchemaError(list(_syntax(error, path, shown))) from None
    try:
        file = AcceptedFile.model_validate_json(json.dumps(source.data), strict=True)
    except ValidationError as error:
        places = _columns(path)
        details = error.errors(include_url=False)
        raise SchemaError([_sentence(shown, detail, places) for detail in details]) from None
    lines = tuple(source.line(("accepted", number)) for number in range(len(file.accepted)))
    return AcceptedList(path.name, file.trial, tuple(file.accepted), lines)


def _syntax(error: SchemaError, path: Path, shown: str) -> Iterator[str]:
    """Problems of the form ``file:line: words`` as sentences with a column."""
    mark = getattr(error.__cause__, "problem_mark", None) or getattr(error.__cause__, "context_mark", None)
    for problem in error.problems:
        line, colon, words = problem.removeprefix(f"{shown}:").partition(": ")
        if mark is not None:
            yield f"{shown}, line {mark.line + 1}, column {mark.column + 1}: {words}."
        elif colon and line.isdigit():
            yield f"{shown}, line {line}, column {_first_column(path, int(line))}: {words}."
        else:
            yield f"{problem}."


def _first_column(path: Path, number: int) -> int:
    lines = path.read_text(encoding="utf-8").split("\n")
    text = lines[number - 1] if number <= len(lines) else ""
    return 1 + len(text) - len(text.lstrip(" -"))


def _columns(path: Path) -> dict[Loc, tuple[int, int]]:
    """Line and column, from 1, of every part of a file that was found to be sound YAML."""
    loader = _LOADER(path.read_text(encoding="utf-8"))
    try:
        root = loader.get_single_node()
    finally:
        loader.dispose()
    places: dict[Loc, tuple[int, int]] = {}

    def walk(node: yaml.Node, loc: Loc) -> None:
        places.setdefault(loc, (node.start_mark.line + 1, node.start_mark.column + 1))
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                places[(*loc, key.value)] = (key.start_mark.line + 1, key.start_mark.column + 1)
                walk(value, (*loc, key.value))
        elif isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                walk(item, (*loc, number))

    if root is not None:
        walk(root, ())
    return places


def _sentence(shown: str, detail: Any, places: dict[Loc, tuple[int, int]]) -> str:
    loc: Loc = tuple(detail["loc"])
    if detail["type"] == "extra_forbidden":
        words = f"unknown key {loc[-1]!r}"
    elif detail["type"] == "missing":
        words = f"the key {loc[-1]!r} is missing"
    else:
        message = re.sub(r"^Value error, ", "", detail["msg"])
        shows = isinstance(detail["input"], str | int | float | bool)
        words = message[:1].lower() + message[1:] + (f", found {detail['input']!r}" if shows else "")
    known = loc
    while known and known not in places:
        known = known[:-1]
    line, column = places.get(known, (1, 1))
    return f"{shown}, line {line}, column {column}: {words}."
