"""Values of a query as the text a CSV file of the trial would hold."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal


def as_text(value: object) -> str:
    """``value`` as a cell: whole numbers without decimals, dates ISO, no value as the empty text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, dt.datetime):
        spec = "microseconds" if value.microsecond else "seconds" if value.second else "minutes"
        return value.isoformat(timespec=spec)
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value)
