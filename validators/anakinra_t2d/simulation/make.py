"""Draws the trial subject by subject and builds its tables one after the other."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from anakinra_t2d.schema import definitions
from anakinra_t2d.simulation import clamp, conduct, events, history, measured, people, screening
from anakinra_t2d.simulation.body import Body, VitalSigns, draw_body, draw_vital_signs
from anakinra_t2d.simulation.enrolment import Index, enrol
from anakinra_t2d.simulation.glycaemia import Glycaemia, draw_glycaemia
from anakinra_t2d.simulation.laboratory import Laboratory, draw_laboratory, missing_excretion
from anakinra_t2d.simulation.layouts import deliver
from anakinra_t2d.simulation.standardise import Values
from anakinra_t2d.simulation.stimulation import Curves, draw_curves
from anakinra_t2d.simulation.write import write_readme, write_table

DEFAULT_PATIENTS = 70
DEFAULT_SEED = 303394


class Draws:
    """The parts of one trial, each drawn when first needed."""

    def __init__(self, patients: int, seed: int) -> None:
        self.trial = enrol(patients, seed)

    @cached_property
    def body(self) -> Body:
        """Body measures."""
        return draw_body(self.trial)

    @cached_property
    def signs(self) -> VitalSigns:
        """Vital signs."""
        return draw_vital_signs(self.trial)

    @cached_property
    def glycaemia(self) -> Glycaemia:
        """HbA1c, fasting glucose and C-peptide."""
        return draw_glycaemia(self.trial, self.body)

    @cached_property
    def curves(self) -> Curves:
        """Stimulation tests."""
        return draw_curves(self.trial, self.glycaemia)

    @cached_property
    def events(self) -> events.Events:
        """Adverse events."""
        return events.draw_events(self.trial)

    @cached_property
    def laboratory(self) -> Laboratory:
        """Other laboratory values."""
        elevated = self.events.having("ast_elevation", self.trial.size)
        return draw_laboratory(self.trial, self.body, self.glycaemia.hba1c_change, elevated)

    @cached_property
    def history(self) -> history.History:
        """Medical history."""
        return history.draw_history(self.trial, self.glycaemia, self.body.age)

    @cached_property
    def medicines(self) -> pl.DataFrame:
        """Medicine rows."""
        courses = events.courses(self.trial, self.events)
        return history.draw_medicines(self.trial, self.history, self.body.female, self.body.age, courses)

    @cached_property
    def screened(self) -> screening.Screened:
        """Screening values of everybody."""
        return screening.draw_screened(self.trial, self.body, self.glycaemia, self.laboratory, self.history)

    @cached_property
    def missing(self) -> Index:
        """Patients without a baseline albumin excretion."""
        return missing_excretion(self.trial, self.laboratory["albumin_excretion_mg_24h"])

    @cached_property
    def labs(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The tables labs and result_flags."""
        return measured.labs(self.trial, self.screened, self.glycaemia, self.laboratory, self.missing)

    @cached_property
    def clamp(self) -> clamp.Clamp:
        """Clamps."""
        return clamp.draw_clamp(self.trial, self.body, self.curves, self.glycaemia.hba1c_change)

    @cached_property
    def fasting(self) -> Values:
        """Hours of fasting before baseline and week 13."""
        return measured.draw_fasting_hours(self.trial)

    @cached_property
    def doses(self) -> conduct.Doses:
        """Daily injections."""
        return conduct.draw_doses(self.trial)


BUILDERS: dict[str, Callable[[Draws], pl.DataFrame]] = {
    "submission": lambda d: people.submission(d.trial),
    "sites": lambda d: people.sites(),
    "recruitment": lambda d: people.recruitment(d.trial),
    "subjects": lambda d: people.subjects(d.trial, d.screened),
    "consents": lambda d: people.consents(d.trial),
    "screening": lambda d: screening.screening(d.trial, d.screened),
    "randomisation": lambda d: people.randomisation(d.trial),
    "unblinding": lambda d: events.unblinding(d.trial),
    "visits": lambda d: people.visits(d.trial, d.fasting),
    "vitals": lambda d: people.vitals(d.trial, d.body, d.signs, d.screened),
    "medical_history": lambda d: history.medical_history(
        d.trial, d.history, measured.albuminuria(d.laboratory, d.missing)
    ),
    "medications": lambda d: history.medications(d.trial, d.medicines),
    "antidiabetic_treatment": lambda d: history.antidiabetic_treatment(d.trial, d.history, d.medicines),
    "exposure": lambda d: conduct.exposure(d.trial, d.doses),
    "drug_accountability": lambda d: conduct.drug_accountability(d.trial, d.doses),
    "labs": lambda d: d.labs[0],
    "labs_restricted": lambda d: measured.labs_restricted(d.trial),
    "hba1c_crosscheck": lambda d: measured.hba1c_crosscheck(d.trial),
    "stimulation_tests": lambda d: measured.stimulation_tests(d.trial, d.body, d.history, d.fasting),
    "ogtt": lambda d: measured.ogtt(d.trial, d.curves),
    "iv_stimulation": lambda d: measured.iv_stimulation(d.trial, d.curves),
    "clamp": lambda d: measured.clamp_table(d.trial, d.clamp),
    "clamp_samples": lambda d: measured.clamp_samples(d.trial, d.clamp, d.curves),
    "biopsy": lambda d: measured.biopsy_table(d.trial, clamp.draw_biopsy(d.trial)),
    "site_calculations": lambda d: measured.site_calculations(d.trial, d.curves),
    "home_glucose": lambda d: conduct.home_glucose(d.trial, d.glycaemia),
    "eye_exam": lambda d: history.eye_exam(d.trial, d.history),
    "adverse_events": lambda d: events.adverse_events(d.trial, d.events),
    "disposition": lambda d: events.disposition(d.trial),
    "protocol_deviations": lambda d: events.protocol_deviations(d.trial, d.missing),
    "result_flags": lambda d: d.labs[1],
}


def simulate(
    out: Path | str,
    *,
    patients: int = DEFAULT_PATIENTS,
    seed: int = DEFAULT_SEED,
    layout: Literal["canonical", "denmark", "zurich", "sdtm"] = "canonical",
) -> dict[str, int]:
    """Write a synthetic trial and README.txt into a directory.

    The same patients, seed and layout give the same bytes.

    Args:
        out: directory, made when it does not exist; files of the same name are replaced.
        patients: number of randomised patients, at least 4; all other counts scale with it.
        seed: any whole number that is not negative.
        layout: canonical: one CSV file for each table that has rows, with the columns of the schema; else the name of
            a site profile: files as that profile says, with a copy of it. The profile of a site takes the records of
            that site only.

    Returns:
        Rows written by table.

    Raises:
        ValueError: fewer than 4 patients, a negative seed or an unknown layout.
    """
    found = definitions()
    if layout != "canonical" and layout not in found.profiles:
        raise ValueError(f"unknown layout {layout!r}")
    target = Path(out)
    draws = _draws(patients, seed)
    if layout != "canonical":
        built = {name: build(draws) for name, build in BUILDERS.items()}
        return deliver(built, found.profiles[layout], found, target)
    target.mkdir(parents=True, exist_ok=True)
    rows = {}
    for name, build in BUILDERS.items():
        frame = build(draws)
        if frame.is_empty():
            # a header alone would look like a failed export
            (target / f"{name}.csv").unlink(missing_ok=True)
            rows[name] = 0
        else:
            rows[name] = write_table(target, name, frame)
    write_readme(target)
    return rows


def tables(patients: int = DEFAULT_PATIENTS, seed: int = DEFAULT_SEED) -> dict[str, pl.DataFrame]:
    """The typed tables of a synthetic trial by name; the same that `simulate` writes.

    Raises:
        ValueError: fewer than 4 patients or a negative seed.
    """
    draws = _draws(patients, seed)
    return {name: build(draws) for name, build in BUILDERS.items()}


def _draws(patients: int, seed: int) -> Draws:
    if seed < 0:
        raise ValueError("the seed cannot be negative")
    return Draws(int(np.int64(patients)), int(seed))
