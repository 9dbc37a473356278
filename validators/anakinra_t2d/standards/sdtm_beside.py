"""The variables that stand beside those of the fields: sequence numbers, study days, numbers and days of visits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from anakinra_t2d.schema import Definitions
from anakinra_t2d.standards.sdtm_metadata import Dataset, Variable, domain_of, sdtm_profile
from anakinra_t2d.standards.sdtm_variables import DAY_OF_DATE, FIRST_TREATMENT, REFERENCE_START, general_name, own_name

_SUBJECT, _VISIT, _NUMBER, _START = "USUBJID", "VISIT", ":number", ":start"


def reference_starts(definitions: Definitions, read: Callable[[str], pl.DataFrame | None]) -> pl.DataFrame:
    """The day from which the study days of each subject count: ``USUBJID`` (as sent) and ``:start`` (a date).

    Args:
        read: gives the frame of a table; None for a table that is not there.
    """
    profile = sdtm_profile(definitions)
    for sheet in profile.sheets:
        for layout in sheet.tables if domain_of(sheet) else ():
            columns = {layout.field(name).columns[0]: name for name in layout.fields if layout.field(name).columns}
            records = read(layout.table) if {FIRST_TREATMENT, _SUBJECT} <= columns.keys() else None
            if records is not None and {columns[FIRST_TREATMENT], columns[_SUBJECT]} <= set(records.columns):
                numbers = records[columns[_SUBJECT]].cast(pl.String)
                sent = [profile.subjects.to_sent(each) if profile.subjects and each else each for each in numbers]
                frame = pl.DataFrame({_SUBJECT: pl.Series(sent, dtype=pl.String),
                                      _START: records[columns[FIRST_TREATMENT]]})  # fmt: skip
                return frame.drop_nulls().unique(_SUBJECT, keep="none", maintain_order=True)
    return pl.DataFrame(schema={_SUBJECT: pl.String, _START: pl.Date})


@dataclass(frozen=True)
class Beside:
    """Completes and orders the rows of data sets. ``starts`` comes from ``reference_starts``."""

    definitions: Definitions
    starts: pl.DataFrame

    def complete(self, dataset: Dataset, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows by their keys, with every variable of the data set in its order; numbers are Float64."""
        rows = self._with_visits(dataset, rows)
        rows = rows.sort(self._order(dataset, rows), nulls_last=True, maintain_order=True)
        lacking = [variable for variable in dataset.variables if variable.name not in rows.columns]
        for variable in lacking:
            rows = rows.with_columns(self._of(variable, dataset, rows).alias(variable.name))
        return rows.select(
            pl.col(variable.name).cast(pl.Float64 if variable.is_number else pl.String)
            for variable in dataset.variables
        )

    def _order(self, dataset: Dataset, rows: pl.DataFrame) -> list[str]:
        keys = [name for name in dataset.keys if name in rows.columns]
        return [_NUMBER if name == _VISIT and _NUMBER in rows.columns else name for name in keys]

    def _with_visits(self, dataset: Dataset, rows: pl.DataFrame) -> pl.DataFrame:
        if _VISIT not in rows.columns:
            return rows
        orders = {visit.id: visit.order for visit in self.definitions.trial.visits}
        codes = {term.text: term.code for term in dataset.variable(_VISIT).terms}
        known = {text: orders[code] for text, code in codes.items() if code in orders}
        return rows.with_columns(
            pl.col(_VISIT).replace_strict(known, default=None, return_dtype=pl.Int64).alias(_NUMBER)
        )

    def _of(self, variable: Variable, dataset: Dataset, rows: pl.DataFrame) -> pl.Series:
        """A variable that no field gives; empty where nothing says it."""
        general = general_name(variable.name, dataset.name)
        if general == "--SEQ":
            one = pl.int_range(1, pl.len() + 1)
            return rows.select(one.over(_SUBJECT) if _SUBJECT in rows.columns else one).to_series()
        if general == "SUBJID":
            return self._subjects(rows[_SUBJECT])
        if general == REFERENCE_START:
            return rows[FIRST_TREATMENT]
        if general == "VISITNUM":
            return rows[_NUMBER]
        if general == "VISITDY":
            days = {visit.order: visit.day for visit in self.definitions.trial.visits if visit.day is not None}
            return rows[_NUMBER].replace_strict(days, default=None, return_dtype=pl.Int64)
        for date, day in DAY_OF_DATE.items():
            if general == day and own_name(date, dataset.name) in rows.columns:
                return self._study_days(rows, own_name(date, dataset.name))
        return pl.Series(variable.name, [None] * rows.height, dtype=pl.String)

    def _subjects(self, sent: pl.Series) -> pl.Series:
        subjects = sdtm_profile(self.definitions).subjects
        known = {text: subjects.to_canonical(text) if subjects else text for text in sent.drop_nulls().unique()}
        return sent.replace_strict(known, default=None, return_dtype=pl.String)

    def _study_days(self, rows: pl.DataFrame, date: str) -> pl.Series:
        """Days since the reference start, which is day 1; the day before it is -1."""
        if _SUBJECT not in rows.columns:
            return pl.Series([None] * rows.height, dtype=pl.Int64)
        starts = rows.select(_SUBJECT).join(self.starts, on=_SUBJECT, how="left", maintain_order="left")[_START]
        days = (rows[date].str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False) - starts).dt.total_days()
        return days + (days >= 0).cast(pl.Int64)
