"""Which display formats of SAS, SPSS and Stata mean dates and times, and such numbers as text."""

from __future__ import annotations

import datetime as dt
import re
from typing import Literal

import polars as pl

Program = Literal["sas", "spss", "stata"]
Meaning = Literal["number", "days", "date", "moment", "duration", "clock"]
"""``days`` counts days, ``date`` seconds at midnight, ``moment`` seconds, all from the epoch of the program;
``duration`` is in seconds, and ``clock`` the time of day of a number of seconds. Stata counts milliseconds instead."""

_EPOCHS: dict[Program, dt.date] = {
    "sas": dt.date(1960, 1, 1),
    "spss": dt.date(1582, 10, 14),
    "stata": dt.date(1960, 1, 1),
}
_SAS_NAME = re.compile(r"(.*?[A-Z_$])[0-9]*(?:\.[0-9]*)?")
_SAS_DAYS = re.compile(
    r"(DATE|WEEKDAT[EX]|WORDDAT[EX]|MONYY|JULIAN|(YYMMDD|DDMMYY|MMDDYY|YYMM|MMYY)[BCDNPS]?|(IS8601|E8601|B8601)DA"
    r"|NLDATE[A-Z]*|MINGUO|YYQ[A-Z]*)"
)
_SAS_MOMENT = re.compile(
    r"(DATETIME|DATEAMPM|MDYAMPM|DTDATE|DTMONYY|DTWKDATX|DTYEAR|(IS8601|E8601|B8601)(DT|DN|DZ|DX)|NLDATM[A-Z]*|YMDDTTM)"
)
_SAS_DURATION = re.compile(r"(TIME|HHMM|MMSS|HOUR|(IS8601|E8601|B8601)(TM|LZ)|NLTIME)")
_SAS_CLOCK = re.compile(r"(TOD|TIMEAMPM|NLTIMAP)")
_SPSS: dict[str, Meaning] = {
    **dict.fromkeys(("DATE", "ADATE", "EDATE", "JDATE", "SDATE", "MOYR", "QYR", "WKYR"), "date"),
    **dict.fromkeys(("DATETIME", "YMDHMS"), "moment"),
    **dict.fromkeys(("TIME", "DTIME", "MTIME"), "duration"),
}
_STATA_CLOCK = re.compile(r"%-?tc(HH|Hh|hh|h)([:_]?MM)?([:_]?SS(\.s+)?)?(_?[AaPp]\.?[Mm]\.?)?")
_FIRST_DAY = dt.date(1, 1, 1)
_LAST_DAY = dt.date(9999, 12, 31)
_DAY_MS = 86_400_000


def meaning_of(format_: str | None, program: Program) -> Meaning:
    """What the numbers of a variable with this display format are."""
    if not format_:
        return "number"
    if program == "stata":
        if _STATA_CLOCK.fullmatch(format_):
            return "clock"
        if re.match(r"%-?tc", format_):
            return "moment"
        return "days" if re.match(r"%-?(td|d)", format_) else "number"
    name = _SAS_NAME.fullmatch(format_.upper())
    if name is None:
        return "number"
    if program == "spss":
        return _SPSS.get(name[1], "number")
    meanings: tuple[tuple[re.Pattern[str], Meaning], ...] = (
        (_SAS_DAYS, "days"),
        (_SAS_MOMENT, "moment"),
        (_SAS_DURATION, "duration"),
        (_SAS_CLOCK, "clock"),
    )
    return next((meaning for pattern, meaning in meanings if pattern.fullmatch(name[1])), "number")


def numbers_text(values: pl.Series, meaning: Meaning, program: Program) -> pl.Series:
    """Float64 numbers as text; missing ones are null.

    Numbers in their shortest exact form, whole ones without decimals; ``2004-02-29``; ``2004-02-29T08:30:00``; times
    and durations as ``08:30``, with seconds and a fraction only where they are not zero. A number that is no day
    between the years 1 and 9999, or a part of a day where whole days are meant, stays a number.
    """
    value = pl.col("value")
    plain = value.cast(pl.String).str.strip_suffix(".0")
    epoch = (_EPOCHS[program] - dt.date(1970, 1, 1)).days
    milliseconds = (value if program == "stata" else value * 1000).round()
    known = value.is_finite()
    if meaning == "days":
        low, high = ((day - _EPOCHS[program]).days for day in (_FIRST_DAY, _LAST_DAY))
        fits = known & (value == value.floor()) & value.is_between(low, high)
        text = (_whole(value, fits) + epoch).cast(pl.Int32).cast(pl.Date).dt.to_string("%Y-%m-%d")
    elif meaning in ("date", "moment"):
        low, high = ((day - _EPOCHS[program]).days * _DAY_MS for day in (_FIRST_DAY, _LAST_DAY))
        fits = known & milliseconds.is_between(low, high)
        moment = (_whole(milliseconds, fits) + epoch * _DAY_MS).cast(pl.Datetime("ms"))
        text = moment.dt.to_string("%Y-%m-%dT%H:%M:%S%.f")
        if meaning == "date":
            text = text.str.strip_suffix("T00:00:00")
    elif meaning in ("duration", "clock"):
        fits = known & (value.abs() < 1e12)
        whole = _whole(milliseconds, fits)
        text = _hours(whole % _DAY_MS if meaning == "clock" else whole)
    else:
        return values.to_frame("value").select(pl.when(~value.is_nan()).then(plain)).to_series()
    chosen = pl.when(fits).then(text).when(~value.is_nan()).then(plain)
    return values.to_frame("value").select(chosen).to_series()


def _whole(value: pl.Expr, fits: pl.Expr) -> pl.Expr:
    return pl.when(fits).then(value).cast(pl.Int64)


def _hours(milliseconds: pl.Expr) -> pl.Expr:
    size = milliseconds.abs()
    seconds = (size // 1000 % 60).cast(pl.String).str.zfill(2)
    fraction = (size % 1000).cast(pl.String).str.zfill(3).str.strip_chars_end("0")
    return pl.concat_str(
        pl.when(milliseconds < 0).then(pl.lit("-")).otherwise(pl.lit("")),
        (size // 3_600_000).cast(pl.String).str.zfill(2),
        pl.lit(":"),
        (size // 60_000 % 60).cast(pl.String).str.zfill(2),
        pl.when(size % 60_000 != 0).then(pl.concat_str(pl.lit(":"), seconds)).otherwise(pl.lit("")),
        pl.when(size % 1000 != 0).then(pl.concat_str(pl.lit("."), fraction)).otherwise(pl.lit("")),
    )
