"""Makes the files that every tool reads: a synthetic trial with faults planted at known rows.

    python -m benchmarks.peers.data OUT ROWS

``OUT/files/*.csv`` are the tables; ``OUT/planted.json`` says which rows break which rule, and which rows hold an empty
cell that a rule must not count as a fault. Each fault has a patient of its own. The same ROWS give the same bytes.
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

from anakinra_t2d.simulation import simulate
from benchmarks.peers.rules import TABLES

ROWS_PER_PATIENT = 26
PATIENTS_PER_FAULT = 50
"""One patient in so many gets each fault; at least one does."""

Row = dict[str, str]


class Planter:
    """Tables as rows of text, and the faults that were put into them."""

    def __init__(self, folder: Path) -> None:
        self.header: dict[str, list[str]] = {}
        self.rows: dict[str, list[Row]] = {}
        self.of: dict[str, dict[str, list[int]]] = {}
        for table in TABLES:
            with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
                reader = csv.DictReader(file)
                self.rows[table] = list(reader)
                self.header[table] = list(reader.fieldnames or [])
            places: dict[str, list[int]] = defaultdict(list)
            for place, row in enumerate(self.rows[table]):
                places[row.get("subject_id", "")].append(place)
            self.of[table] = places
        self.faults: dict[str, list[tuple[str, int]]] = defaultdict(list)
        self.silent: list[dict[str, object]] = []
        self.used: set[str] = set()
        self.number = max(1, sum(row["treated"] == "true" for row in self.rows["subjects"]) // PATIENTS_PER_FAULT)

    def plant(self, what: str, pick: Callable[[str], int | None], change: Callable[[str, int], None]) -> None:
        """Change a record of as many patients as each fault gets; ``pick`` says which record of a patient, if any.

        Raises:
            SystemExit: the trial is too small for all faults.
        """
        done = 0
        for row in self.rows["subjects"]:
            subject = row["subject_id"]
            if done == self.number:
                return
            if subject in self.used or row["completed"] != "true" or (place := pick(subject)) is None:
                continue
            self.used.add(subject)
            change(subject, place)
            done += 1
        if done < self.number:
            sys.exit(f"The trial has too few patients for the fault: {what}. Ask for more rows.")

    def fault(self, code: str, table: str, place: int) -> None:
        """Note that a record breaks a rule; ``place`` counts from 0, lines of a file from 1 with the header."""
        self.faults[code].append((table, place + 2))

    def first(self, table: str, wanted: Callable[[Row], bool]) -> Callable[[str], int | None]:
        """Picks the first record of a patient that is ``wanted``."""

        def pick(subject: str) -> int | None:
            return next((place for place in self.of[table][subject] if wanted(self.rows[table][place])), None)

        return pick

    def cells(
        self, what: str, table: str, wanted: Callable[[Row], bool], change: Callable[[Row], Row], *codes: str
    ) -> None:
        """Plant a fault that is a change of cells of one record and breaks ``codes`` there, or none of them."""

        def apply(_: str, place: int) -> None:
            self.rows[table][place] |= change(self.rows[table][place])
            for code in codes:
                self.fault(code, table, place)

        self.plant(what, self.first(table, wanted), apply)

    def quiet(
        self, what: str, code: str, table: str, wanted: Callable[[Row], bool], change: Callable[[Row], Row], *codes: str
    ) -> None:
        """Plant empty cells that ``code`` must not count as a fault, though ``codes`` are broken there."""
        places: list[int] = []

        def apply(_: str, place: int) -> None:
            self.rows[table][place] |= change(self.rows[table][place])
            places.append(place + 2)
            for broken in codes:
                self.fault(broken, table, place)

        self.plant(what, self.first(table, wanted), apply)
        self.silent.append({"code": code, "what": what, "table": table, "rows": places})

    def write(self, out: Path) -> None:
        """Write the tables and what was planted."""
        (out / "files").mkdir(parents=True)
        for table, rows in self.rows.items():
            with (out / "files" / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, self.header[table], lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
        planted = {
            "rows": sum(map(len, self.rows.values())),
            "faults": {code: sorted(places) for code, places in sorted(self.faults.items())},
            "silent": self.silent,
        }
        (out / "planted.json").write_text(json.dumps(planted, indent=1) + "\n", encoding="utf-8")


def filled(*names: str) -> Callable[[Row], bool]:
    """Wants records in which all these cells are filled."""
    return lambda row: all(row[name] for name in names)


def emptied(*names: str) -> Callable[[Row], Row]:
    """Empties these cells."""
    return lambda _: dict.fromkeys(names, "")


def plant_events(p: Planter) -> None:
    """Faults of adverse events come first: few patients have one."""
    table, first_dose = "adverse_events", {row["subject_id"]: row["first_dose_date"] for row in p.rows["subjects"]}

    def before_first_dose(row: Row) -> Row:
        start = date.fromisoformat(first_dose[row["subject_id"]]) - timedelta(days=3)
        return {"ae_related": "related", "ae_start_day": "-3", "ae_start_date": start.isoformat()}

    def counted(row: Row) -> bool:
        return bool(row["ae_start_day"]) and int(row["ae_start_day"]) > 0 and bool(row["ae_end_date"])

    def resolved(row: Row) -> bool:
        return row["ae_outcome"] == "resolved" and counted(row)

    p.cells("an event that is related to the drug and starts before it", table, counted, before_first_dose, "AE-006")
    p.cells(
        "a start day that is not counted from the first dose",
        table,
        counted,
        lambda row: {"ae_start_day": str(int(row["ae_start_day"]) + 1)},
        "AE-007",
    )
    p.cells("no end of a resolved event", table, resolved, emptied("ae_end_date"), "REQ-002")
    p.quiet(
        "an empty outcome asks for no end date",
        "REQ-002",
        table,
        resolved,
        emptied("ae_outcome", "ae_end_date", "ae_end_day"),
        "REQ-001",
    )
    p.quiet(
        "an empty relation decides nothing about the start day",
        "AE-006",
        table,
        counted,
        lambda row: before_first_dose(row) | {"ae_related": ""},
        "REQ-001",
    )
    p.quiet(
        "an empty start day is neither right nor wrong", "AE-007", table, counted, emptied("ae_start_day"), "REQ-002"
    )


def plant_home(p: Planter) -> None:
    """Faults of home glucose."""
    table = "home_glucose"
    rows = p.rows[table]
    whole = filled("measured_date", "measured_time", "home_fpg_mmol_l", "meter_flag", "fasting_confirmed")
    p.cells("a code that is not in its list", table, whole, lambda row: {"fasting_confirmed": "ja"}, "LIST-001")
    p.cells("a time of another form", table, whole, lambda row: {"measured_time": "25:10"}, "PAT-001")
    p.cells("no date", table, whole, lambda row: {"measured_date": ""}, "REQ-001")
    p.cells("no value although the meter showed one", table, whole, lambda row: {"home_fpg_mmol_l": ""}, "REQ-002")
    p.cells("no value and no flag", table, whole, lambda row: {"home_fpg_mmol_l": "", "meter_flag": ""}, "REQ-002")
    p.cells("an unknown patient", table, whole, lambda row: {"subject_id": row["subject_id"] + "X"}, "REF-001")
    p.cells(
        "a moved decimal point",
        table,
        lambda row: whole(row) and 6.5 <= float(row["home_fpg_mmol_l"]) <= 14,
        lambda row: {"home_fpg_mmol_l": f"{float(row['home_fpg_mmol_l']) / 10:.2f}"},
        "ANOM-001",
    )

    def later_week(subject: str) -> int | None:
        places = p.of[table][subject]
        return places[1] if len(places) > 1 else None

    def double(_: str, place: int) -> None:
        rows[place]["week"] = rows[place - 1]["week"]
        p.fault("KEY-001", table, place - 1)
        p.fault("KEY-001", table, place)

    p.plant("a key that stands twice", later_week, double)

    def weeks(subject: str) -> tuple[str, ...]:
        return tuple(rows[place]["week"] for place in p.of[table][subject])

    def has_twin(subject: str) -> int | None:
        places = p.of[table][subject]
        if len(places) < 12 or not all(rows[place]["home_fpg_mmol_l"] for place in places):
            return None
        return places[0] if next(twins(subject), None) else None

    def twins(subject: str) -> Iterator[str]:
        yield from (
            row["subject_id"] for row in p.rows["subjects"]
            if row["subject_id"] not in p.used | {subject} and row["completed"] == "true"
            and weeks(row["subject_id"]) == weeks(subject)
        )  # fmt: skip

    def copy(subject: str, _: int) -> None:
        twin = next(twins(subject))
        p.used.add(twin)
        for own, other in zip(p.of[table][subject], p.of[table][twin], strict=True):
            rows[other]["home_fpg_mmol_l"] = rows[own]["home_fpg_mmol_l"]
        p.fault("COPY-009", table, p.of[table][subject][0])
        p.fault("COPY-009", table, p.of[table][twin][0])

    p.plant("a series of another patient", has_twin, copy)


def plant_visits(p: Planter) -> None:
    """Faults of subjects, visits and vital signs."""
    visits, vitals = "visits", "vitals"

    def week4(row: Row) -> bool:
        return row["visit"] == "week4" and bool(row.get("visit_date", "whole"))

    pressures = filled("sbp_mmhg", "dbp_mmhg")

    def at_week4(row: Row) -> bool:
        return row["visit"] == "week4" and pressures(row)

    p.cells(
        "a decimal comma",
        vitals,
        filled("weight_kg"),
        lambda row: {"weight_kg": row["weight_kg"].replace(".", ",")},
        "CELL-001",
    )
    p.cells(
        "a day that does not exist",
        "subjects",
        filled("diabetes_dx_date", "diabetes_duration_yr"),
        lambda row: {"diabetes_dx_date": "1988-02-30"},
        "CELL-003",
    )
    p.cells(
        "a temperature that nobody has", vitals, filled("body_temp_c"), lambda row: {"body_temp_c": "46.5"}, "RNG-001"
    )
    p.cells(
        "a record of a visit that is not there",
        vitals,
        at_week4,
        lambda row: {"visit": "unscheduled", "visit_seq": "7"},
        "REF-001",
    )
    p.cells("swapped pressures", vitals, pressures, lambda row: {"dbp_mmhg": str(int(row["sbp_mmhg"]) + 2)}, "VIT-002")
    p.quiet("an empty pressure cannot be compared", "VIT-002", vitals, pressures, lambda row: {"sbp_mmhg": ""})
    p.quiet(
        "an empty temperature is in no range and outside none",
        "RNG-001",
        vitals,
        filled("body_temp_c"),
        lambda row: {"body_temp_c": ""},
    )
    p.cells(
        "a moved decimal point",
        visits,
        lambda row: row["visit"] == "week13" and bool(row["fasting_hours"]),
        lambda row: {"fasting_hours": f"{float(row['fasting_hours']) / 10:.2f}"},
        "ANOM-001",
    )

    def dated(subject: str, visit: str) -> Row:
        return next(p.rows[visits][n] for n in p.of[visits][subject] if p.rows[visits][n]["visit"] == visit)

    def early(days: int, earlier: str) -> Callable[[Row], Row]:
        def change(row: Row) -> Row:
            day = date.fromisoformat(dated(row["subject_id"], earlier)["visit_date"]) - timedelta(days=days)
            return {"visit_date": day.isoformat()}

        return change

    p.cells("a visit before the one that precedes it", visits, week4, early(1, "baseline"), "VIS-007")

    missed = {"visit_status": "missed", "visit_date": ""}

    def hidden(subject: str, place: int) -> None:
        p.rows[visits][place] |= early(1, "screening")(p.rows[visits][place])
        dated(subject, "baseline").update(missed)
        p.fault("VIS-007", visits, place)

    p.plant("an empty date between two visits in the wrong order", p.first(visits, week4), hidden)
    p.quiet(
        "an empty date has no place in the order",
        "VIS-007",
        visits,
        lambda row: row["visit"] == "baseline" and bool(row["visit_date"]),
        lambda row: missed,
    )

    lost: list[int] = []

    def incomplete(subject: str, _: int) -> None:
        for place in p.of[vitals][subject][-2:]:
            p.rows[vitals][place] |= {"visit": "week13", "visit_seq": ""}
            p.fault("KEY-002", vitals, place)
            lost.append(place + 2)

    p.plant("two keys that lack the same part", p.first(vitals, week4), incomplete)
    p.silent += [
        {"code": code, "what": what, "table": vitals, "rows": lost}
        for code, what in (("KEY-001", "keys that lack a part are not the same key"),
                           ("REF-001", "a reference that lacks a part refers to nothing"))
    ]  # fmt: skip


def plant(folder: Path) -> Planter:
    """The trial of a folder with every fault planted.

    Raises:
        SystemExit: the trial is too small for all faults.
    """
    planter = Planter(folder)
    plant_events(planter)
    plant_home(planter)
    plant_visits(planter)
    return planter


def make(out: Path, rows: int) -> None:
    """Simulate about ``rows`` rows over all tables, plant the faults and write files and truth into ``out``."""
    with tempfile.TemporaryDirectory() as scratch:
        simulate(Path(scratch) / "trial", patients=max(4, round(rows / ROWS_PER_PATIENT)), seed=1)
        planter = plant(Path(scratch) / "trial")
    shutil.rmtree(out, ignore_errors=True)
    planter.write(out)


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(float(sys.argv[2])))
