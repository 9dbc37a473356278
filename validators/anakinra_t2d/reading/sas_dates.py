"""Numbers of days or seconds, as SAS keeps dates and times, as text."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from anakinra_t2d.reading.clock_text import duration_text, moment_text, time_text
from anakinra_t2d.reading.statistical_formats import Meaning

_EPOCH = dt.datetime(1960, 1, 1)
_DAY_SECONDS = 86_400


def sas_text(value: int | Decimal, meaning: Meaning) -> str | None:
    """The text of a number of days or seconds since 1960, or of a duration; None for a number that is no such date."""
    if meaning == "number":
        return None
    try:
        seconds = Decimal(value) * (_DAY_SECONDS if meaning == "days" else 1)
        if meaning == "days" and seconds % _DAY_SECONDS:
            return None
        since = dt.timedelta(microseconds=int(seconds * 1_000_000))
        if meaning == "duration":
            return duration_text(since)
        moment = _EPOCH + since
    except (ArithmeticError, ValueError):  # beyond the years 1 to 9999
        return None
    if meaning == "clock":
        return time_text(moment.time())
    return moment.date().isoformat() if meaning == "days" else moment_text(moment)
