"""The rules that a data package cannot say, as a user of frictionless writes them: checks in Python, row by row."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from math import log
from pathlib import Path

import yaml
from frictionless import Check, Checklist, Package, Report, Resource, Row, errors

USUAL = {
    "subjects": {"age_yr": (20, 90)},
    "visits": {"fasting_hours": (8, 14)},
    "vitals": {
        "weight_kg": (60, 160),
        "height_cm": (145, 205),
        "bmi_kg_m2": (27, 50),
        "bsa_m2": (1.5, 2.9),
        "sbp_mmhg": (95, 200),
        "dbp_mmhg": (50, 115),
        "heart_rate_bpm": (45, 110),
        "body_temp_c": (35.5, 37.9),
    },
    "home_glucose": {"home_fpg_mmol_l": (3.5, 20)},
}
OTHER_UNIT = {"weight_kg": (0.001,), "height_cm": (0.1, 100.0)}
SERIES = {"home_glucose": ["subject_id", "week"]}
ORDER = {"screening": 1, "baseline": 2, "week4": 4, "week13": 5}


def wanted(table: str, row: Row) -> Iterator[str]:
    """Names of the cells that the other cells of the row ask for."""
    if table == "subjects":
        if row["diabetes_duration_yr"] is None:
            yield "diabetes_dx_date"
        if row["randomised"]:
            yield from ("randomisation_date", "treated")
        if row["treated"]:
            yield from ("first_dose_date", "completed")
            if row["completed"] is not None:
                yield "last_dose_date"
    elif table == "visits" and row["visit_status"] not in (None, "missed"):
        yield "visit_date"
    elif table == "home_glucose" and row["meter_flag"] in (None, "none"):
        yield "home_fpg_mmol_l"
    elif table == "adverse_events":
        if row["ae_term"] is not None:
            yield "ae_start_date"
        if row["ae_start_date"] is not None:
            yield "ae_start_day"
        if row["ae_outcome"] == "resolved":
            yield "ae_end_date"
            if row["ae_start_day"] is not None:
                yield "ae_end_day"


class Rules(Check):
    """Rules over the cells of a row, over rows and over tables."""

    type = "trial-rules"
    Errors = [errors.RowConstraintError]

    def __init__(self, first_dose: dict[str, date]) -> None:
        super().__init__()
        self.first_dose = first_dose

    def connect(self, resource: Resource) -> None:
        super().connect(resource)
        self.rows: list[tuple[int, dict[str, object], list[str]]] = []

    def validate_row(self, row: Row) -> Iterator[errors.RowConstraintError]:
        table = self.resource.name
        broken = [
            "REQ-002"
            for name in wanted(table, row)
            if row[name] is None and row.cells[row.field_names.index(name)] == ""
        ]
        if table == "vitals" and None not in (row["sbp_mmhg"], row["dbp_mmhg"]) and row["dbp_mmhg"] >= row["sbp_mmhg"]:
            broken.append("VIT-002")
        if table == "adverse_events" and (start := row["ae_start_day"]) is not None:
            if row["ae_related"] in ("related", "possibly_related") and start < 1:
                broken.append("AE-006")
            first = self.first_dose.get(row["subject_id"])
            if first and row["ae_start_date"]:
                days = (row["ae_start_date"] - first).days
                if start != (days + 1 if days >= 0 else days):
                    broken.append("AE-007")
        for code in broken:
            yield errors.RowConstraintError.from_row(row, note=code)
        if table in USUAL:
            self.rows.append((row.row_number, row.to_dict(), [str(cell or "") for cell in row.cells]))

    def validate_end(self) -> Iterator[errors.RowConstraintError]:
        table = self.resource.name
        found = [("ANOM-001", number) for number in moved_points(table, self.rows)] if table in USUAL else []
        if table == "visits":
            found += [("VIS-007", number) for number in out_of_order(self.rows)]
        if table == "home_glucose":
            found += [("COPY-009", number) for number in copied_series(self.rows)]
        cells = {number: cells for number, _, cells in self.rows}
        for code, number in found:
            yield errors.RowConstraintError(note=code, cells=cells[number], row_number=number)


def moved_points(table: str, rows: list) -> Iterator[int]:
    for name, (low, high) in USUAL[table].items():
        own = defaultdict(list)
        parts = SERIES.get(table, ["subject_id"])
        for _, row, _ in rows:
            if row[name] is not None and low <= row[name] <= high:
                own[tuple(row[part] for part in parts)].append(log(row[name]))
        middle, width = (log(low) + log(high)) / 2, log(high) - log(low)
        for number, row, _ in rows:
            value = None if row[name] is None else float(row[name])
            if value is None or value <= 0 or low <= value <= high:
                continue
            for factor in (0.001, 0.01, 0.1, 10.0, 100.0, 1000.0):
                if factor in OTHER_UNIT.get(name, ()) or high > 4 * low * max(factor, 1 / factor) ** 0.5:
                    continue
                if not low * (1 - 1e-9) <= value * factor <= high * (1 + 1e-9):
                    continue
                reading, usual = log(value * factor), own.get(tuple(row[part] for part in parts))
                if usual:
                    moved = abs(reading - sum(usual) / len(usual)) <= log(1.5)
                else:
                    moved = (value < low / 2 or value > high * 2) and abs(reading - middle) <= 0.35 * width + 1e-9
                if moved:
                    yield number
                    break


def out_of_order(rows: list) -> Iterator[int]:
    planned = sorted(
        (row["subject_id"] or "", ORDER[row["visit"]], row["visit_seq"] or 0, row["visit_date"], row["visit"], number)
        for number, row, _ in rows
        if row["visit"] in ORDER and row["visit_date"] is not None
    )
    for (subject, _, _, earlier, visit_before, _), (same, _, _, day, visit, number) in pairwise(planned):
        if subject == same and not (day > earlier or (visit == visit_before and day >= earlier)):
            yield number


def copied_series(rows: list) -> Iterator[int]:
    series = defaultdict(list)
    for number, row, _ in rows:
        if row["subject_id"] is not None and row["week"] is not None:
            series[row["subject_id"]].append((row["week"], row["home_fpg_mmol_l"], number))
    curves = defaultdict(list)
    for points in series.values():
        points.sort(key=lambda point: point[0])
        if sum(value is not None for _, value, _ in points) >= 5:
            curves[tuple((week, value) for week, value, _ in points)].append(points[0][2])
    for alike in curves.values():
        if len(alike) > 1:
            yield from alike


def validate(folder: str) -> Report:
    with (Path(folder) / "subjects.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    first = {row["subject_id"]: date.fromisoformat(row["first_dose_date"]) for row in rows if row["first_dose_date"]}
    descriptor = yaml.safe_load(Path(__file__).with_name("datapackage.yaml").read_text(encoding="utf-8"))
    package = Package.from_descriptor(descriptor, basepath=folder)
    return package.validate(Checklist(checks=[Rules(first)]), limit_errors=10**9)
