"""How the values of a measured variable lie at each visit: quartiles, whiskers, what is beyond, and what was found."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anakinra_t2d.report.html.places import places, visit_words

if TYPE_CHECKING:
    import polars as pl

    from anakinra_t2d.finding import Finding
    from anakinra_t2d.report.html.disclosure import Disclosure
    from anakinra_t2d.report.html.submission import Submission
    from anakinra_t2d.schema import Definitions, Field, Table

MOST_POINTS = 40
"""So many values beyond the whiskers are drawn for each visit, the farthest of them."""
_WHISKER = 1.5


@dataclass
class Row:
    """Values of one visit or week; the whiskers reach the last value within 1.5 times the height of the box."""

    label: str
    n: int
    quartiles: tuple[float, float, float] | None = None
    whiskers: tuple[float, float] | None = None
    beyond: list[float] = field(default_factory=list)
    flagged: list[float] = field(default_factory=list)


def measured(table: Table) -> list[Field]:
    """The fields that hold a measured number."""
    return [field for name, field in table.fields.items() if field.quantity and name not in table.key]


def distributions(
    table: Table, submission: Submission, disclosure: Disclosure, findings: Sequence[Finding]
) -> dict[str, list[Row]]:
    """Rows by field, for each measured field whose values may be shown and of which there are any."""
    frame = submission.table(table.name)
    if frame is None:
        return {}
    definitions = submission.definitions
    flagged = _flagged(table, findings, definitions)
    found = {}
    for one in measured(table):
        if disclosure.values(table, one):
            rows = _rows(frame, table, one, definitions, flagged.get(one.name, {}))
            if rows:
                found[one.name] = rows
    return found


def number_found(finding: Finding) -> float | None:
    """The value of a finding as a number; None when it is none or is not shown."""
    try:
        value = float(finding.value) if finding.value is not None and len(finding.value) < 40 else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _flagged(table: Table, findings: Sequence[Finding], definitions: Definitions) -> dict[str, dict[str, list[float]]]:
    """Values of findings by field and by visit or week as it is in their key."""
    group = _group_field(table, definitions)
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for finding in findings:
        value = number_found(finding)
        if finding.table == table.name and finding.field is not None and value is not None:
            values = found[finding.field][finding.key.get(group or "", "")]
            if value not in values:
                values.append(value)
    return found


def _group_field(table: Table, definitions: Definitions) -> str | None:
    known = places(table, definitions)
    weekly = known.time is not None and bool(table.fields[known.time].weeks)
    return known.visit or (known.time if weekly else None)


def _rows(
    frame: pl.DataFrame, table: Table, one: Field, definitions: Definitions, flagged: Mapping[str, list[float]]
) -> list[Row]:
    import polars as pl

    group = _group_field(table, definitions)
    values = frame.select(pl.col(one.name).cast(pl.Float64, strict=False).alias("value"), *([group] if group else []))
    values = values.filter(pl.col("value").is_finite())
    if group is None:
        every = [value for found in flagged.values() for value in found]
        return [_row("All records", values["value"], every)] if values.height or every else []
    labels = visit_words(definitions)
    if group not in _visits(table, definitions):
        weeks = sorted({*(int(week) for week in values[group].drop_nulls()), *(int(w) for w in flagged if w.isdigit())})
        labels = {
            str(week): f"{table.fields[group].label.removeprefix('Study ').capitalize()} {week}" for week in weeks
        }
    rows = []
    for id, label in labels.items():
        found = values.filter(pl.col(group).cast(pl.String) == id)["value"]
        if len(found) or flagged.get(id):
            rows.append(_row(label, found, flagged.get(id, [])))
    lost = [value for id, found in flagged.items() if id not in labels for value in found]
    if lost:
        rows.append(_row("Elsewhere", values["value"].head(0), lost))
    return rows


def _visits(table: Table, definitions: Definitions) -> set[str]:
    visit = places(table, definitions).visit
    return {visit} if visit else set()


def _row(label: str, values: pl.Series, flagged: Sequence[float]) -> Row:
    row = Row(label, len(values), flagged=sorted(flagged)[:MOST_POINTS])
    if not len(values):
        return row
    low, middle, high = (float(values.quantile(share, "linear") or 0.0) for share in (0.25, 0.5, 0.75))
    reach = _WHISKER * (high - low)
    inside = values.filter((values >= low - reach) & (values <= high + reach))
    ends = [float(end) for end in (inside.min(), inside.max()) if isinstance(end, int | float)]
    row.quartiles = (low, middle, high)
    row.whiskers = (min([*ends, low]), max([*ends, high]))
    beyond = values.filter((values < low - reach) | (values > high + reach)).unique().to_list()
    row.beyond = sorted(sorted(beyond, key=lambda value: -abs(value - middle))[:MOST_POINTS])
    return row
