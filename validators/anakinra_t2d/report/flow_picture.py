"""The enrolment flow as a picture: boxes and arrows in plain text, and the same as SVG (:mod:`.flow_svg`)."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from anakinra_t2d.report.flow_chart import Box, Stage, chart, number
from anakinra_t2d.report.flow_svg import flow_svg

if TYPE_CHECKING:
    from anakinra_t2d.derivation.flow import FlowRow
    from anakinra_t2d.report.flow_chart import Column

__all__ = ["flow_svg", "flow_text"]

WIDTH = 100
_STEM = 4
"""Where the line between two boxes stands, from their left side."""
_GAP = 2
_NARROWEST = 32
_TRUNK = 49
_SIDE = 24


def flow_text(rows: Sequence[FlowRow]) -> str:
    """The picture in at most 100 columns, a line feed at its end; empty when there are no rows."""
    found = chart(rows)
    lines: list[str] = []
    for place, stage in enumerate(found.trunk):
        follows = place + 1 < len(found.trunk) or bool(found.columns)
        lines += _stage(stage, _TRUNK, WIDTH, follows=follows)
        if place + 1 < len(found.trunk):
            lines.append(" " * _STEM + "▼")
    if found.columns:
        lines += _columns(found.columns)
    for remark in found.remarks:
        lines += ["", *textwrap.wrap(remark, WIDTH)]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _columns(columns: Sequence[Column]) -> list[str]:
    width = (WIDTH - _GAP * (len(columns) - 1)) // len(columns)
    if width < _NARROWEST:
        return [line for column in columns for line in ["", *_beside([column], min(WIDTH, _TRUNK))]]
    width = min(width, _TRUNK)
    step = width + _GAP
    fork, heads = " " * _STEM + "├", " " * _STEM + "▼"
    for place in range(1, len(columns)):
        last = place == len(columns) - 1
        fork = fork.ljust(_STEM + step * place, "─") + ("┐" if last else "┬")
        heads = heads.ljust(_STEM + step * place) + "▼"
    return [*([fork] if len(columns) > 1 else []), heads, *_beside(columns, width)]


def _beside(columns: Sequence[Column], width: int) -> list[str]:
    """The columns side by side, each stage at one height."""
    lines: list[str] = []
    stages = list(zip(*(column.stages for column in columns), strict=True))
    for place, row in enumerate(stages):
        follows = place + 1 < len(stages)
        heads = [textwrap.wrap(column.label, width - 4) if place == 0 else [] for column in columns]
        boxes = [
            _framed([*head, *_content(stage.box, width - 4)], width) for head, stage in zip(heads, row, strict=True)
        ]
        tallest = max(map(len, boxes))
        parts = []
        for head, box, stage in zip(heads, boxes, row, strict=True):
            inner = [*head, *_content(stage.box, width - 4), *[""] * (tallest - len(box))]
            parts.append(_with_leaves(_framed(inner, width, follows=follows), stage.leaves, width, follows=follows))
        longest = max(map(len, parts))
        stem = " " * _STEM + "│" if follows else ""
        padded = [part + [stem] * (longest - len(part)) for part in parts]
        lines += _joined(padded, width)
        if follows:
            lines += _joined([[" " * _STEM + "▼"]] * len(columns), width)
    return lines


def _joined(parts: Sequence[Sequence[str]], width: int) -> list[str]:
    return [(" " * _GAP).join(line.ljust(width) for line in row) for row in zip(*parts, strict=True)]


def _stage(stage: Stage, width: int, whole: int, *, follows: bool) -> list[str]:
    box = _framed(_content(stage.box, width - 4), width, follows=follows)
    return _with_leaves(box, stage.leaves, whole, follows=follows)


def _with_leaves(box: list[str], leaves: Sequence[Box], width: int, *, follows: bool) -> list[str]:
    lines = list(box)
    before = _STEM + 5
    for leaving in leaves:
        needed = [len(label) + len(number(n)) + 4 for label, n in [(leaving.label, leaving.n), *leaving.lines]]
        inner = min(width - before - 4, max(_SIDE, *needed, *map(len, leaving.remarks)))
        framed = _framed(_content(leaving, inner), inner + 4)
        for place, line in enumerate(framed):
            stem = "├───▶" if place == 1 else "│    "
            lines.append(" " * _STEM + stem + line)
    if follows and not leaves:
        lines.append(" " * _STEM + "│")
    return lines


def _content(box: Box, width: int) -> list[str]:
    lines = _numbered(box.label, box.n, width, "")
    for label, n in box.lines:
        lines += _numbered(label, n, width, "  ")
    for remark in box.remarks:
        lines += textwrap.wrap(f"({remark})", width)
    return lines


def _numbered(label: str, n: int | None, width: int, indent: str) -> list[str]:
    """The label, wrapped where needed, with the number at the right end of its last line."""
    text = number(n)
    wrapped = textwrap.wrap(
        label, max(8, width - len(text) - 2), initial_indent=indent, subsequent_indent=indent + "  "
    ) or [indent]
    wrapped[-1] = wrapped[-1].ljust(width - len(text)) + text
    return wrapped


def _framed(inner: Sequence[str], width: int, *, follows: bool = False) -> list[str]:
    bottom = "─" * (width - 2)
    if follows:
        bottom = bottom[: _STEM - 1] + "┬" + bottom[_STEM:]
    return [f"┌{'─' * (width - 2)}┐", *(f"│ {line.ljust(width - 4)} │" for line in inner), f"└{bottom}┘"]
