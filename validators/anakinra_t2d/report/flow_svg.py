"""The enrolment flow as an SVG that stands alone: no style sheet, script or font of its own.

Everything is drawn in ``currentColor``: inside an HTML page the picture takes the colour of its text.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from anakinra_t2d.report.flow_chart import Box, Chart, Stage, chart, number

if TYPE_CHECKING:
    from anakinra_t2d.derivation.flow import FlowRow

_MAIN, _SIDE, _WIDE_SIDE = 236, 236, 430
_GAP = 28
_MARGIN = 16
_PAD = 12
_LINE = 18
_SIZE, _SMALL, _LARGE = 13, 12, 19
_PER_CHARACTER = 0.54
"""Mean width of a character of a sans-serif font, in parts of its size; wide enough for text of capitals."""
_FONT = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"


def flow_svg(rows: Sequence[FlowRow]) -> str:
    """The picture as an SVG element without an XML declaration, so that it can stand in HTML too."""
    return _Drawing(chart(rows)).document()


@dataclass
class _Text:
    """A line of text with its number at the other end."""

    text: str
    number: str = ""
    size: int = _SMALL
    bold: bool = False
    slanted: bool = False
    indent: int = 0


@dataclass
class _Block:
    """A box before it has a place."""

    width: float
    lines: list[_Text]
    centred: bool

    @property
    def height(self) -> float:
        return 2 * _PAD - 4 + sum(line.size - _SMALL + _LINE for line in self.lines)


@dataclass
class _Drawing:
    found: Chart
    shapes: list[str] = field(default_factory=list)
    bottom: float = _MARGIN

    def document(self) -> str:
        columns = self.found.columns
        mirrored = len(columns) == 2
        pitch = _MAIN + _GAP + _SIDE + _GAP
        if mirrored:
            width: float = 2 * (_SIDE + _GAP + _MAIN) + _GAP
            middle = width / 2
        else:
            middle = _MAIN / 2
            width = max(pitch * len(columns) - _GAP, middle + 2 * _GAP + _WIDE_SIDE)
        self.trunk(middle, width)
        if columns:
            self.fork(middle, [self.centre(place, mirrored, pitch, width) for place in range(len(columns))], mirrored)
        for remark in self.found.remarks:
            for line in textwrap.wrap(remark, int(width / (_SIZE * _PER_CHARACTER))):
                self.bottom += _LINE
                self.text(0, self.bottom + 6, line, _Text(line, size=_SIZE, bold=True))
        height = self.bottom + _MARGIN
        label = "Enrolment flow of the trial"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" '
            f'aria-labelledby="enrolment-flow-title enrolment-flow-description" '
            f'viewBox="{-_MARGIN} 0 {_short(width + 2 * _MARGIN)} {_short(height)}" '
            f'width="{_short(width + 2 * _MARGIN)}" height="{_short(height)}" '
            f'style="max-width:100%;height:auto" font-family="{_FONT}" fill="currentColor">\n'
            f'<title id="enrolment-flow-title">{label}</title>\n'
            f'<desc id="enrolment-flow-description">{escape(described(self.found))}</desc>\n'
            + "".join(f"{shape}\n" for shape in self.shapes)
            + "</svg>\n"
        )

    @staticmethod
    def centre(place: int, mirrored: bool, pitch: float, width: float) -> float:
        if mirrored:
            return _SIDE + _GAP + _MAIN / 2 if place == 0 else width - _SIDE - _GAP - _MAIN / 2
        return pitch * place + _MAIN / 2

    def trunk(self, middle: float, width: float) -> None:
        y = self.bottom
        for place, stage in enumerate(self.found.trunk):
            block = _main(stage.box, _MAIN)
            self.block(middle - block.width / 2, y, block, block.height)
            y += block.height
            goes_on = place + 1 < len(self.found.trunk)
            side = middle + 2 * _GAP
            end = self.leave(stage, middle, side, width - side, y) if stage.leaves else y
            if goes_on:
                below = max(end, y + _GAP / 2) + _GAP * 0.75
                self.arrow_down(middle, y, below)
                y = below
            else:
                y = end
        self.bottom = y

    def fork(self, middle: float, centres: list[float], mirrored: bool) -> None:
        columns = self.found.columns
        y = self.bottom
        bar = y + _GAP * 0.75
        self.line(middle, y, middle, bar)
        self.line(min(middle, *centres), bar, max(middle, *centres), bar)
        top = bar + _GAP
        for centre in centres:
            self.arrow_down(centre, bar, top)
        stages = list(zip(*(column.stages for column in columns), strict=True))
        for row_number, row in enumerate(stages):
            heads = [column.label if row_number == 0 else None for column in columns]
            blocks = [_main(stage.box, _MAIN, head) for stage, head in zip(row, heads, strict=True)]
            height = max(block.height for block in blocks)
            y = ends = top + height
            for place, (stage, block, centre) in enumerate(zip(row, blocks, centres, strict=True)):
                self.block(centre - block.width / 2, top, block, height)
                to_the_left = mirrored and place == 0
                side = 0 if to_the_left else centre + _MAIN / 2 + _GAP
                if stage.leaves:
                    ends = max(ends, self.leave(stage, centre, side, _SIDE, y))
            if row_number + 1 < len(stages):
                top = max(ends, y + _GAP / 2) + _GAP * 0.75
                for centre in centres:
                    self.arrow_down(centre, y, top)
            self.bottom = ends

    def leave(self, stage: Stage, stem: float, x: float, width: float, y: float) -> float:
        """Draw the boxes of those who leave beside the line at ``stem``; where they end."""
        y += _GAP / 2
        for place, box in enumerate(stage.leaves):
            y += _GAP / 2 if place else 0
            block = _side(box, width)
            self.block(x, y, block, block.height)
            self.arrow_across(stem, x + width if x < stem else x, y + _PAD + 6)
            y += block.height
        return y

    def block(self, x: float, y: float, block: _Block, height: float) -> None:
        """Draw a box; what it holds stands in the middle of ``height``."""
        self.shapes.append(
            f'<rect x="{_short(x)}" y="{_short(y)}" width="{_short(block.width)}" height="{_short(height)}" rx="6" '
            f'fill-opacity="{0.06 if block.centred else 0}" stroke="currentColor" stroke-opacity="0.6"/>'
        )
        baseline = y + _PAD - 8 + (height - block.height) / 2
        for line in block.lines:
            baseline += line.size - _SMALL + _LINE
            if block.centred and not line.number:
                self.text(x + block.width / 2, baseline, line.text, line, "middle")
                continue
            self.text(x + _PAD + line.indent, baseline, line.text, line)
            if line.number:
                self.text(x + block.width - _PAD, baseline, line.number, line, "end")

    def text(self, x: float, y: float, words: str, look: _Text, anchor: str = "start") -> None:
        style = ' font-weight="600"' if look.bold else ""
        style += ' font-style="italic"' if look.slanted else ""
        style += f' text-anchor="{anchor}"' if anchor != "start" else ""
        where = f'x="{_short(x)}" y="{_short(y)}" font-size="{look.size}"'
        self.shapes.append(f"<text {where}{style}>{escape(words)}</text>")

    def line(self, x1: float, y1: float, x2: float, y2: float) -> None:
        self.shapes.append(f'<path d="M{_short(x1)} {_short(y1)}L{_short(x2)} {_short(y2)}" stroke="currentColor"/>')

    def arrow_down(self, x: float, y1: float, y2: float) -> None:
        self.line(x, y1, x, y2 - 5)
        self.shapes.append(f'<path d="M{_short(x)} {_short(y2)}l-4 -8h8z"/>')

    def arrow_across(self, x1: float, x2: float, y: float) -> None:
        back = 8 if x2 < x1 else -8
        self.line(x1, y, x2 + back / 2, y)
        self.shapes.append(f'<path d="M{_short(x2)} {_short(y)}l{back} -4v8z"/>')


def described(found: Chart) -> str:
    """The picture in words, for those who cannot see it."""
    sentences = [_sentence(stage) for stage in found.trunk]
    for column in found.columns:
        sentences += [f"{column.label}: {_sentence(stage)}" for stage in column.stages]
    return " ".join([*sentences, *found.remarks])


def _sentence(stage: Stage) -> str:
    return "; ".join(_phrase(box) for box in [stage.box, *stage.leaves]) + "."


def _phrase(box: Box) -> str:
    lines = ", ".join(f"{label} {number(n)}" for label, n in box.lines)
    remarks = "".join(f", {remark}" for remark in box.remarks)
    return f"{box.label} {number(box.n)}" + (f" ({lines})" if lines else "") + remarks


def _main(box: Box, width: float, head: str | None = None) -> _Block:
    lines = [_Text(text, size=_SIZE, bold=True) for text in _wrapped(head, width, _SIZE)] if head else []
    lines += [_Text(text, size=_SIZE) for text in _wrapped(box.label, width, _SIZE)]
    lines.append(_Text(number(box.n), size=_LARGE, bold=True))
    for label, n in box.lines:
        lines += _numbered(label, n, width, _SMALL, 0)
    lines += _remarks(box, width)
    return _Block(width, lines, centred=True)


def _side(box: Box, width: float) -> _Block:
    lines = _numbered(box.label, box.n, width, _SIZE, 0, bold=True)
    for label, n in box.lines:
        lines += _numbered(label, n, width, _SMALL, 8)
    lines += _remarks(box, width)
    return _Block(width, lines, centred=False)


def _remarks(box: Box, width: float) -> list[_Text]:
    return [_Text(text, slanted=True) for remark in box.remarks for text in _wrapped(remark, width, _SMALL)]


def _numbered(label: str, n: int | None, width: float, size: int, indent: int, *, bold: bool = False) -> list[_Text]:
    shown = number(n)
    room = width - indent - (len(shown) + 2) * size * 0.6
    first, *others = _wrapped(label, room, size)
    lines = [_Text(first, size=size, bold=bold, indent=indent)]
    # what goes on is set in, so that it is not taken for another reason
    lines += [_Text(text, size=size, bold=bold, indent=indent + 8 * (indent > 0)) for text in others]
    lines[-1].number = shown
    return lines


def _wrapped(text: str, width: float, size: int) -> list[str]:
    return textwrap.wrap(text, max(8, int((width - 2 * _PAD) / (size * _PER_CHARACTER)))) or [""]


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
