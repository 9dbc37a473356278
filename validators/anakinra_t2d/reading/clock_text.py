"""Times and durations as text."""

from __future__ import annotations

import datetime as dt


def time_text(value: dt.time) -> str:
    """A time of day as HH:MM, with seconds, and a fraction of them, only where they are not zero."""
    if value.microsecond:
        return value.isoformat(timespec="microseconds").rstrip("0")
    return value.isoformat(timespec="seconds" if value.second else "minutes")


def duration_text(value: dt.timedelta) -> str:
    """A duration as HH:MM, hours beyond 24 too, with seconds and a fraction only where they are not zero."""
    sign = "-" if value < dt.timedelta() else ""
    value = abs(value)
    seconds = value.days * 86_400 + value.seconds
    text = f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}"
    if seconds % 60 or value.microseconds:
        text += f":{seconds % 60:02}"
    return f"{text}.{value.microseconds:06}".rstrip("0") if value.microseconds else text


def moment_text(value: dt.datetime) -> str:
    """A date and time as YYYY-MM-DDTHH:MM:SS, with a fraction only where it is not zero."""
    text = value.isoformat(timespec="microseconds" if value.microsecond else "seconds")
    return text.rstrip("0") if value.microsecond else text
