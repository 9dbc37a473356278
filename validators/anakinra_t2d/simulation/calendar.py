"""Dates as days since 1970-01-01, without Sundays where somebody has to be seen."""

from __future__ import annotations

import datetime as dt

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.int32]

NONE = np.int32(-1_000_000)
"""No date."""

DK, CH = 0, 1
SITES = np.array(["DK01", "CH01"])
LABORATORIES = np.array(["LAB_DK", "LAB_CH"])


def day(year: int, month: int, date: int) -> int:
    """Day number of a calendar date."""
    return (dt.date(year, month, date) - dt.date(1970, 1, 1)).days


def is_sunday(days: Days) -> NDArray[np.bool_]:
    """Whether each day is a Sunday (1970-01-04 was one)."""
    return np.asarray((days + 4) % 7 == 0)


def no_sunday(days: NDArray[np.int64] | Days) -> Days:
    """Sundays moved to Monday."""
    whole = np.asarray(days, dtype=np.int32)
    return np.asarray(whole + is_sunday(whole), dtype=np.int32)


def study_day(days: Days, first_dose: Days) -> NDArray[np.float64]:
    """Study day: the first dose is day 1, the day before is -1; NaN without a date."""
    difference = days.astype(np.int64) - first_dose
    value = np.where(difference >= 0, difference + 1, difference).astype(np.float64)
    return np.where((days == NONE) | (first_dose == NONE), np.nan, value)


def years(days: Days) -> NDArray[np.int64]:
    """Calendar year of each day."""
    return np.asarray(days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970)
