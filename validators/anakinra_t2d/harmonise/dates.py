"""Dates and times as sites write them."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal

from anakinra_t2d.harmonise.notation import Notation

_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_ISO_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?")
_BASIC_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_CLOCK = re.compile(r"[T\s]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]0+)?)?")
_HOUR_ONLY = re.compile(r"T(?:[01][0-9]|2[0-3])|T")
_ZONE = re.compile(r".*[0-9](?:Z|[+-][0-9]{2}:?[0-9]{2})")
_YEAR = re.compile(r"(?:1[5-9]|2[0-9])[0-9]{2}")
_YEAR_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")
_THREE = re.compile(r"([0-9]{1,2})([./ -])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})(?!\S)")
_YEAR_FIRST = re.compile(r"([0-9]{4})([./ -])([0-9]{1,2})\2([0-9]{1,2})(?!\S)")
_TOKEN = re.compile(r"d+|y+|m+|h+|s+|[^dmyhs]")
_FIRST_SAFE_SERIAL = 61
"""Spreadsheets count a 29 February 1900 that never was; numbers before it are a day off in some of them."""


@dataclass(frozen=True, slots=True)
class DateReading:
    """What a text says: the canonical ``value``, what was done (``how``), or why there is no value.

    ``partial`` says that the date is known only in part; otherwise ``hint`` follows "is not a date" in words.
    """

    value: str | None = None
    how: str = ""
    partial: bool = False
    hint: str = ""


@dataclass(frozen=True)
class _Layout:
    shown: str
    date: re.Pattern[str]
    whole: re.Pattern[str] | None
    month: re.Pattern[str] | None


class DateReader:
    """Reads the dates, or dates with times, of one field."""

    def __init__(self, notation: Notation, *, with_time: bool) -> None:
        self._notation = notation
        self._serial_form = re.compile(rf"[0-9]+(?:{re.escape(notation.decimal)}[0-9]+)?")
        self._with_time = with_time
        self._layouts = [_compile(layout) for layout in notation.dates]
        self._epoch = None if notation.epoch is None else dt.datetime.fromisoformat(notation.epoch)

    def read(self, text: str) -> DateReading:
        """Read ``text``, which has no outer spaces."""
        if self._is_canonical(text):
            return DateReading(text)
        if self._epoch is not None and self._serial_form.fullmatch(text) and not _YEAR.fullmatch(text):
            return self._serial(Decimal(text.replace(self._notation.decimal, ".")), self._epoch)
        if self._is_partial(text):
            return DateReading(partial=True)
        readings: dict[tuple[dt.date, dt.time | None], str] = {}
        matched = self._iso(text, readings)
        centuries: list[dt.date] = []
        for layout in self._layouts:
            matched |= self._in_layout(text, layout, readings, centuries)
        if len(readings) == 1:
            (((day, time), how),) = readings.items()
            return self._finish(day, time, how)
        if readings or centuries:
            days = [*(day for day, _ in readings), *centuries]
            return DateReading(hint=_which(days))
        return DateReading(hint=self._hint(text, is_date=matched))

    def _is_canonical(self, text: str) -> bool:
        form = _ISO_TIME if self._with_time else _ISO_DATE
        if not form.fullmatch(text) or text < "1000":
            return False
        try:
            dt.datetime.fromisoformat(text)
        except ValueError:
            return False
        return True

    def _is_partial(self, text: str) -> bool:
        if _YEAR.fullmatch(text) or _YEAR_MONTH.fullmatch(text):
            return True
        if any(layout.month is not None and layout.month.fullmatch(text) for layout in self._layouts):
            return True
        day = _ISO_DATE.match(text)
        return bool(
            self._with_time and day and _day(day[1], day[2], day[3]) and _HOUR_ONLY.fullmatch(text[day.end() :])
        )

    def _iso(self, text: str, readings: dict[tuple[dt.date, dt.time | None], str]) -> bool:
        basic = _BASIC_DATE.fullmatch(text)
        match = basic or _ISO_DATE.match(text)
        if match is None:
            return False
        try:
            time = _time_after(text[match.end() :])
        except ValueError:
            return False
        day = _day(match[1], match[2], match[3])
        if day is not None:
            readings[day, time] = "YYYYMMDD read as a date" if basic else ""
        return True

    def _in_layout(
        self,
        text: str,
        layout: _Layout,
        readings: dict[tuple[dt.date, dt.time | None], str],
        centuries: list[dt.date],
    ) -> bool:
        match = layout.whole.fullmatch(text) if layout.whole else None
        try:
            if match is not None:
                parts = match.groupdict()
                time: dt.time | None = _time(parts["hour"], parts["minute"], parts.get("second"))
            else:
                match = layout.date.match(text)
                if match is None:
                    return False
                time = _time_after(text[match.end() :])
        except ValueError:
            return False
        for year in self._years(match["year"]):
            day = _day(year, match["month"], match["day"])
            if day is None:
                continue
            if len(match["year"]) == 2 and self._notation.two_digit_years_from is None:
                centuries.append(day)
            else:
                readings.setdefault((day, time), f"{layout.shown} read as a date")
        return True

    def _years(self, text: str) -> list[str]:
        first = self._notation.two_digit_years_from
        if len(text) == 4:
            return [text]
        if first is None:
            return [f"19{text}", f"20{text}"]
        return [str(first + (int(text) - first) % 100)]

    def _serial(self, number: Decimal, epoch: dt.datetime) -> DateReading:
        if number < _FIRST_SAFE_SERIAL:
            return DateReading(hint=" (a serial number of a spreadsheet this small is no date of a trial)")
        try:
            moment = epoch + dt.timedelta(seconds=int((number * 86400).to_integral_value()))
        except OverflowError:
            return DateReading(hint=" (too large for a serial number of a spreadsheet)")
        return self._finish(moment.date(), moment.time(), "serial number of a spreadsheet read as a date")

    def _finish(self, day: dt.date, time: dt.time | None, how: str) -> DateReading:
        if not self._with_time:
            if time is not None and time != dt.time(0):
                return DateReading(hint=" (the text has a time of day, which this field does not hold)")
            return DateReading(day.isoformat(), how or "midnight left out of the date")
        if time is None:
            if not self._notation.midnights:
                return DateReading(partial=True)
            how = "; ".join(filter(None, (how, "date without a time read as midnight")))
            return DateReading(f"{day.isoformat()}T00:00:00", how)
        clock = time.isoformat("seconds" if time.second else "minutes")
        return DateReading(f"{day.isoformat()}T{clock}", (how or "written as date and time").replace("a date", _MOMENT))

    def _hint(self, text: str, *, is_date: bool) -> str:
        if is_date:
            return " (there is no such day)"
        if self._with_time and _ZONE.fullmatch(text):
            return " (the clock time of the site is asked for, without a time zone)"
        if (year_first := _YEAR_FIRST.match(text)) and (day := _day(year_first[1], year_first[3], year_first[4])):
            return _which([day])
        three = _THREE.match(text)
        if three is None:
            return ""
        years = [three[4]] if len(three[4]) == 4 else [f"19{three[4]}", f"20{three[4]}"]
        days = [_day(year, *order) for year in years for order in ((three[3], three[1]), (three[1], three[3]))]
        return _which([day for day in days if day is not None])


_MOMENT = "a date and time"


def _which(days: list[dt.date]) -> str:
    shown = list(dict.fromkeys(day.isoformat() for day in days))
    return f" ({' or '.join(shown)}?)" if shown else " (there is no such day)"


def _day(year: str, month: str, day: str) -> dt.date | None:
    try:
        found = dt.date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found if found.year >= 1000 else None


def _time(hour: str, minute: str, second: str | None) -> dt.time:
    return dt.time(int(hour), int(minute), int(second or 0))


def _time_after(rest: str) -> dt.time | None:
    """The clock time behind a date, None without one. Raises ValueError for any other text."""
    if not rest:
        return None
    clock = _CLOCK.fullmatch(rest)
    if clock is None:
        raise ValueError(rest)
    return _time(clock[1], clock[2], clock[3])


def _compile(layout: str) -> _Layout:
    tokens = _TOKEN.findall(layout)
    names = _names(tokens)
    date = [place for place, name in enumerate(names) if name in ("day", "month", "year")]
    time = [place for place, name in enumerate(names) if name in ("hour", "minute", "second")]
    part = slice(date[0], date[-1] + 1) if date else slice(0, 0)
    date_pattern = re.compile(_expression(tokens[part], names[part]))
    whole = None
    if {"hour", "minute"} <= set(names):
        text = _expression(tokens, names)
        if "second" not in names and max(time) == len(tokens) - 1:
            mark = re.escape(tokens[names.index("minute") - 1])
            text += rf"(?:{mark}(?P<second>[0-9]{{2}}))?"
        whole = re.compile(text)
    return _Layout(layout, date_pattern, whole, _month_only(tokens[part], names[part]))


def _names(tokens: list[str]) -> list[str]:
    """What each token of a layout is; an m after hours or before seconds is a minute."""
    letters = {"d": "day", "y": "year", "h": "hour", "s": "second"}
    names: list[str] = []
    for place, token in enumerate(tokens):
        before = next((name for name in reversed(names) if name), "")
        after = next((each[0] for each in tokens[place + 1 :] if each[0] in "dmyhs"), "")
        if token[0] == "m":
            names.append("minute" if before == "hour" or after == "s" else "month")
        else:
            names.append(letters.get(token[0], ""))
    return names


def _expression(tokens: list[str], names: list[str]) -> str:
    text = ""
    for place, (token, name) in enumerate(zip(tokens, names, strict=True)):
        if not name:
            text += r"\s+" if token == " " else re.escape(token)
            continue
        beside = [names[other] for other in (place - 1, place + 1) if 0 <= other < len(names)]
        if any(beside):
            digits = f"[0-9]{{{len(token)}}}"
        elif name == "year":
            digits = "[0-9]{4}|[0-9]{2}"
        else:
            digits = "[0-9]{1,2}"
        text += f"(?P<{name}>{digits})"
    # a longer number is not a date with something behind it
    return text + "(?![0-9])"


def _month_only(tokens: list[str], names: list[str]) -> re.Pattern[str] | None:
    """Month and year in the order of a layout, with a year of four digits."""
    if names.count("day") != 1 or names.count("month") != 1 or names.count("year") != 1:
        return None
    order = [name for name in names if name in ("month", "year")]
    mark = next((token for token, name in zip(tokens, names, strict=True) if not name), "")
    parts = {"month": "(?:0?[1-9]|1[0-2])", "year": "[0-9]{4}"}
    return re.compile(re.escape(mark).join(parts[name] for name in order)) if mark else None
