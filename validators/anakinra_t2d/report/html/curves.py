"""Curves of each patient: small pictures side by side on one scale, a line for each visit, findings marked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anakinra_t2d.report.html.box_plot import flag
from anakinra_t2d.report.html.distributions import measured, number_found
from anakinra_t2d.report.html.finding_groups import variable_anchor
from anakinra_t2d.report.html.places import places, visit_words
from anakinra_t2d.report.html.scale import Scale, drawing, spanning, xy
from anakinra_t2d.report.html.visible import counted, short_number, visible

if TYPE_CHECKING:
    import polars as pl
    from markupsafe import Markup

    from anakinra_t2d.finding import Finding
    from anakinra_t2d.report.html.disclosure import Disclosure
    from anakinra_t2d.report.html.places import Places
    from anakinra_t2d.report.html.submission import Submission
    from anakinra_t2d.schema import Field, Table

MOST_PATIENTS = 150
"""So many patients have a picture for each variable, those with findings before the others."""
WIDTH, HEIGHT = 150, 84
_LEFT, _RIGHT, _TOP, _BOTTOM = 6, 6, 8, 6

Point = tuple[float, float]
Lines = dict[str, list[Point]]


@dataclass(frozen=True)
class Curve:
    """The picture of one patient: ``label`` says it in words, ``marks`` are the lines and points before the axes."""

    patient: str
    label: str
    marks: Markup
    flagged: int


@dataclass(frozen=True)
class CurveSet:
    """Curves of one variable: ``axes`` is the picture behind each, ``left_out`` the number of patients without one."""

    anchor: str
    variable: str
    table: str
    title: str
    unit: str
    visits: list[str]
    low: str
    high: str
    first: str
    last: str
    time_unit: str
    size: tuple[int, int]
    axes: Markup
    curves: list[Curve]
    left_out: int

    @property
    def flagged(self) -> int:
        """Points with a finding."""
        return sum(curve.flagged for curve in self.curves)


def curve_sets(submission: Submission, disclosure: Disclosure, findings: Sequence[Finding]) -> list[CurveSet]:
    """One set for each measured variable of a table whose key has planned minutes or weeks."""
    if not disclosure.show_values:
        return []
    definitions = submission.definitions
    found = []
    for name in definitions.trial.tables:
        table = definitions.tables[name]
        known = places(table, definitions)
        frame = submission.table(name)
        if table.role != "data" or known.subject is None or known.time is None or frame is None:
            continue
        clock = table.fields[known.time].quantity
        for field in measured(table):
            if field.quantity != clock and disclosure.values(table, field):
                drawn = _Drawn(table, field, known, submission, findings)
                drawn.read(frame)
                if drawn.patients:
                    found.append(drawn.set())
    return found


class _Drawn:
    def __init__(
        self, table: Table, field: Field, known: Places, submission: Submission, findings: Iterable[Finding]
    ) -> None:
        assert known.subject is not None and known.time is not None
        self.table, self.field, self.known = table, field, known
        self.definitions = submission.definitions
        self.subject, self.time = known.subject, known.time
        self.patients: dict[str, Lines] = {}
        self.flags: Mapping[str, set[tuple[str, Point]]] = self._flags(findings)

    def _flags(self, findings: Iterable[Finding]) -> Mapping[str, set[tuple[str, Point]]]:
        found: dict[str, set[tuple[str, Point]]] = defaultdict(set)
        for finding in findings:
            if finding.table != self.table.name or self.field.name not in (finding.field, *finding.fields):
                continue
            try:
                time = float(finding.key.get(self.time, ""))
            except ValueError:
                continue
            visit = finding.key.get(self.known.visit, "") if self.known.visit else ""
            value = number_found(finding) if finding.field == self.field.name else None
            found[finding.key.get(self.subject, "")].add((visit, (time, float("nan") if value is None else value)))
        return found

    def read(self, frame: pl.DataFrame) -> None:
        """Take the points of every patient, in the order of time."""
        visit = self.known.visit
        columns = [self.subject, *([visit] if visit else []), self.time, self.field.name]
        for row in frame.select(columns).drop_nulls().sort(columns[:-1]).iter_rows():
            lines = self.patients.setdefault(str(row[0]), {})
            lines.setdefault(str(row[1]) if visit else "", []).append((float(row[-2]), float(row[-1])))
        for patient in self.flags:
            self.patients.setdefault(patient, {})

    def set(self) -> CurveSet:
        """Draw everything on one scale."""
        points = [point for lines in self.patients.values() for line in lines.values() for point in line]
        marked = [point for flags in self.flags.values() for _, point in flags]
        times = [time for time, _ in points or marked]
        values = [value for _, value in points] or [value for _, value in marked if value == value] or [0.0]
        across = Scale(min(times), max(times) + (min(times) == max(times)), _LEFT, WIDTH - _RIGHT)
        low, high = self.field.expected_bounds or (None, None)
        usual = (
            float(low) if isinstance(low, int | float) else None,
            float(high) if isinstance(high, int | float) else None,
        )
        up = spanning(values, HEIGHT - _BOTTOM, _TOP, usual)
        order = {id: place for place, id in enumerate(visit_words(self.definitions))}
        visits = sorted(
            {visit for lines in self.patients.values() for visit in lines}, key=lambda id: order.get(id, 99)
        )
        patients = sorted(self.patients, key=lambda patient: (patient not in self.flags, patient))
        shown = sorted(patients[:MOST_PATIENTS])
        words = visit_words(self.definitions)
        time_unit = self.definitions.unit(self.table.fields[self.time]) or ""
        unit = self.definitions.unit(self.field) or ""
        return CurveSet(
            anchor=variable_anchor(self.table.name, self.field.name),
            variable=self.field.name,
            table=self.table.name,
            title=self.field.label,
            unit="" if unit == "1" else unit,
            visits=[words[visit] for visit in visits if visit in words],
            low=short_number(min(values)),
            high=short_number(max(values)),
            first=short_number(min(times)),
            last=short_number(max(times)),
            time_unit=time_unit,
            size=(WIDTH, HEIGHT),
            axes=self._axes(across, up, usual),
            curves=[self._curve(patient, visits, across, up) for patient in shown],
            left_out=len(patients) - len(shown),
        )

    def _axes(self, across: Scale, up: Scale, usual: tuple[float | None, float | None]) -> Markup:
        parts = []
        if usual != (None, None):
            top = up.at(up.high if usual[1] is None else usual[1])
            bottom = up.at(up.low if usual[0] is None else usual[0])
            if bottom > top:
                parts.append(f'<rect class="usual" x="0" y="{xy(top)}" width="{WIDTH}" height="{xy(bottom - top)}"/>')
        parts.append(f'<path class="axis" d="M0 {xy(HEIGHT - 0.5)}H{WIDTH}"/>')
        times = self.table.fields[self.time]
        parts += [
            f'<path class="axis" d="M{xy(across.at(time), HEIGHT - 4)}V{HEIGHT}"/>'
            for time in times.minutes or times.weeks
            if not across.outside(time)
        ]
        return drawing(parts)

    def _curve(self, patient: str, visits: Sequence[str], across: Scale, up: Scale) -> Curve:
        parts, words = [], []
        labels = visit_words(self.definitions)
        lines = self.patients[patient]
        for place, visit in enumerate(visits):
            line = lines.get(visit, [])
            if not line:
                continue
            path = "L".join(xy(across.at(time), up.at(value)) for time, value in line)
            dots = "".join(f"M{xy(across.at(time), up.at(value))}h0" for time, value in line)
            parts.append(
                f'<path class="line v{min(place, 2)}" d="M{path}"/><path class="dots v{min(place, 2)}" d="{dots}"/>'
            )
            values = [value for _, value in line]
            head = f"{labels[visit]}: " if visit in labels else ""
            words.append(
                f"{head}{counted(len(line), 'value')} from {short_number(min(values))} to {short_number(max(values))}"
            )
        flags = self._marks(patient, lines, across, up)
        parts += flags
        if flags:
            words.append(f"{counted(len(flags), 'point')} with a finding")
        name = visible(patient, 40)
        label = f"{name}. {'; '.join(words)}." if words else f"{name}."
        return Curve(name, label, drawing(parts), len(flags))

    def _marks(self, patient: str, lines: Lines, across: Scale, up: Scale) -> list[str]:
        marks: dict[tuple[str, float], float | None] = {}
        for visit, (time, value) in sorted(self.flags.get(patient, ()), key=str):
            there = dict(lines.get(visit, ())).get(time)
            found = there if there is not None else value
            # a finding without a value, such as an empty cell, is marked on the axis
            if found == found or (visit, time) not in marks:
                marks[visit, time] = found if found == found else None
        drawn = []
        for (_, time), at in marks.items():
            if at is None:
                drawn.append(flag(across.at(time), HEIGHT - 6))
            else:
                beyond = ("down" if at < up.low else "up") if up.outside(at) else ""
                drawn.append(flag(across.at(time), up.at(at), beyond))
        return drawn
