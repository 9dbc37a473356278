"""Distributions by visit as a small SVG: a box for each visit on one scale, the usual range behind, limits as lines.

Colours are those of the style sheet, so that the picture follows the page into the dark and onto paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from anakinra_t2d.report.html.scale import Scale, drawing, spanning, xy
from anakinra_t2d.report.html.visible import counted, short_number

if TYPE_CHECKING:
    from anakinra_t2d.report.html.distributions import Row
    from anakinra_t2d.schema import Field

WIDTH = 352
_LEFT, _RIGHT = 104, 46
_TOP, _ROW, _AXIS = 6, 22, 24


def box_plot(rows: Sequence[Row], field: Field, unit: str) -> Markup:
    """The picture; its label says the same in words."""
    row_height = _ROW if len(rows) <= 8 else 15
    height = _TOP + row_height * len(rows) + _AXIS
    bottom = height - _AXIS
    usual, hard = _numbers(field.expected_bounds), _numbers(field.bounds)
    # a value found far away must not press the others together; it stands at the end as a triangle
    values = [value for row in rows for value in [*(row.whiskers or ()), *row.beyond]]
    values = values or [value for row in rows for value in row.flagged]
    scale = spanning(values, _LEFT, WIDTH - _RIGHT, usual)
    parts = [_ranges(scale, usual, hard, bottom)]
    for place, row in enumerate(rows):
        parts.append(_row(row, scale, _TOP + row_height * (place + 0.5), row_height))
    parts.append(_axis(scale, bottom))
    label = f"{field.label}: {_words(rows, unit)}"
    return Markup('<svg class="plot" role="img" viewBox="0 0 {} {}" aria-label="{}">{}</svg>').format(
        WIDTH, xy(height), label, drawing(parts)
    )


def _numbers(bounds: tuple[object, object] | None) -> tuple[float | None, float | None]:
    low, high = bounds or (None, None)
    return (
        float(low) if isinstance(low, int | float) else None,
        float(high) if isinstance(high, int | float) else None,
    )


def _ranges(
    scale: Scale, usual: tuple[float | None, float | None], hard: tuple[float | None, float | None], bottom: float
) -> Markup:
    parts = []
    if usual != (None, None):
        left = scale.at(scale.low if usual[0] is None else usual[0])
        right = scale.at(scale.high if usual[1] is None else usual[1])
        if right > left:
            parts.append(f'<rect class="usual" x="{xy(left)}" y="0" width="{xy(right - left)}" height="{xy(bottom)}"/>')
    parts += [
        f'<path class="hard" d="M{xy(scale.at(limit), 0)}V{xy(bottom)}"/>'
        for limit in hard
        if limit is not None and not scale.outside(limit)
    ]
    return drawing(parts)


def _row(row: Row, scale: Scale, y: float, height: float) -> Markup:
    half = min(6.5, height / 2 - 2.5)
    parts = [f'<text x="{_LEFT - 8}" y="{xy(y + 4)}" class="end">{escape(row.label)}</text>']
    parts.append(f'<text x="{WIDTH - _RIGHT + 12}" y="{xy(y + 4)}" class="n">{row.n:,}</text>')
    if row.quartiles and row.whiskers:
        low, middle, high = map(scale.at, row.quartiles)
        first, last = map(scale.at, row.whiskers)
        parts.append(f'<path class="whisker" d="M{xy(first, y)}H{xy(low)}M{xy(high, y)}H{xy(last)}"/>')
        parts.append(
            f'<rect class="box" x="{xy(low)}" y="{xy(y - half)}" width="{xy(max(high - low, 1))}" '
            f'height="{xy(2 * half)}" rx="1.5"/>'
        )
        parts.append(f'<path class="median" d="M{xy(middle, y - half)}V{xy(y + half)}"/>')
    points = "".join(
        f"M{xy(scale.at(value) - 2, y)}a2 2 0 1 0 4 0a2 2 0 1 0 -4 0"
        for value in row.beyond
        if value not in row.flagged
    )
    if points:
        parts.append(f'<path class="beyond" d="{points}"/>')
    parts += [flag(scale.at(value), y, _direction(scale, value)) for value in row.flagged]
    return drawing(parts)


def _direction(scale: Scale, value: float) -> str:
    return ("left" if value < scale.low else "right") if scale.outside(value) else ""


def flag(x: float, y: float, beyond: str = "") -> str:
    """The mark of a finding: a ring with a point, or a triangle towards a value beyond the scale."""
    if beyond:
        dx, dy = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}[beyond]
        base = (x - 4 * dy, y - 4 * dx), (x + 4 * dy, y + 4 * dx)
        return f'<path class="flag" d="M{xy(*base[0])}L{xy(*base[1])}L{xy(x + 6 * dx, y + 6 * dy)}z"/>'
    place = f'cx="{xy(x)}" cy="{xy(y)}"'
    return f'<circle class="ring" {place} r="4.5"/><circle class="flag" {place} r="2"/>'


def _axis(scale: Scale, bottom: float) -> Markup:
    parts = [f'<path class="axis" d="M{xy(_LEFT, bottom)}H{xy(WIDTH - _RIGHT)}"/>']
    for tick in scale.ticks():
        x = scale.at(tick)
        parts.append(f'<path class="axis" d="M{xy(x, bottom)}v4"/>')
        parts.append(f'<text x="{xy(x)}" y="{xy(bottom + 17)}" class="middle">{short_number(tick)}</text>')
    return drawing(parts)


def _words(rows: Sequence[Row], unit: str) -> str:
    parts = []
    for row in rows:
        words = f"{row.label}: {counted(row.n, 'value')}"
        if row.quartiles:
            low, middle, high = map(short_number, row.quartiles)
            words += f", median {middle}{unit}, half of them from {low} to {high}"
        if row.flagged:
            words += f", {counted(len(row.flagged), 'value')} with a finding"
        parts.append(words)
    return "; ".join(parts) + "."
