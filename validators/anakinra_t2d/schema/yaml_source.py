"""YAML with line numbers: plain data plus the line of every key and item, duplicates refused."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Loc = tuple[str | int, ...]


class SchemaError(Exception):
    """The definitions are wrong. ``problems`` holds one line per problem, each with file and line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass
class YamlSource:
    """Data of one YAML file and where each part of it stands."""

    path: str
    data: Any
    lines: dict[Loc, int] = field(default_factory=dict)

    def line(self, loc: Loc) -> int:
        """Line of the nearest enclosing part of ``loc`` that is in the file, from 1."""
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return self.lines.get(loc, 1)


_LARGEST = 16 << 20
_DEEPEST = 100
_MOST_PARTS = 300_000
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path, shown: str) -> YamlSource:
    """Read ``path``; ``shown`` is the name used in messages.

    Raises:
        SchemaError: not UTF-8, not YAML, or a key written twice.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise SchemaError([f"{shown}: is larger than {_LARGEST >> 20} MiB"])
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SchemaError([f"{shown}: is not UTF-8 text ({error.reason} at byte {error.start})"]) from error
    source = YamlSource(shown, None)
    problems: list[str] = []
    if (line := _too_deep(text)) is not None:
        raise SchemaError([f"{shown}:{line}: is nested too deeply"])
    try:
        loader = _LOADER(text)
        try:
            root = loader.get_single_node()
            if root is None:
                raise SchemaError([f"{shown}:1: the file is empty"])
            source.data = _build(loader, root, (), source, problems)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SchemaError([f"{shown}:{mark.line + 1 if mark else 1}: {error.problem or error.context}"]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise SchemaError([f"{shown}:{line}: control characters are not allowed"]) from error
    if problems:
        raise SchemaError(problems)
    return source


def _too_deep(text: str) -> int | None:
    """The line where brackets or indents nest deeper than any definition does; None when none do.

    Looked at before the text is parsed, because a profile may come with a delivery and the parser recurses.
    """
    open_brackets = 0
    for number, line in enumerate(text.split("\n"), 1):
        opened, closed = (sum(line.count(mark) for mark in marks) for marks in ("[{", "]}"))
        indent = len(line) - len(line.lstrip(" -?"))
        if max(open_brackets + opened, indent // 2) > _DEEPEST + closed:
            return number
        open_brackets = max(0, open_brackets + opened - closed)
    return None


def _build(loader: Any, node: yaml.Node, loc: Loc, source: YamlSource, problems: list[str]) -> Any:
    source.lines.setdefault(loc, node.start_mark.line + 1)
    # aliases of aliases can stand for more than any memory holds
    if len(source.lines) > _MOST_PARTS:
        raise SchemaError([f"{source.path}:{node.start_mark.line + 1}: the file stands for too many parts"])
    if isinstance(node, yaml.MappingNode):
        out: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = _value(loader, key_node, source, problems)
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                problems.append(
                    f"{source.path}:{line}: the key {key_node.value!r} is read as {key!r}; put it in quotes"
                )
                key = str(key_node.value)
            if key in out:
                problems.append(f"{source.path}:{line}: the key {key!r} stands twice")
            source.lines[(*loc, key)] = line
            out[key] = _build(loader, value_node, (*loc, key), source, problems)
        return out
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, item, (*loc, i), source, problems) for i, item in enumerate(node.value)]
    value = _value(loader, node, source, problems)
    if isinstance(value, dt.date):
        problems.append(f"{source.path}:{node.start_mark.line + 1}: {node.value} is read as a date; put it in quotes")
        return str(node.value)
    return value


def _value(loader: Any, node: yaml.Node, source: YamlSource, problems: list[str]) -> Any:
    try:
        return loader.construct_object(node)
    except ValueError:
        # 2006-02-30 has the form of a date and is none
        problems.append(f"{source.path}:{node.start_mark.line + 1}: {node.value} is no date; put it in quotes")
        return str(node.value)
