"""The option ``--reading ID=CHOICE``."""

from __future__ import annotations

from collections.abc import Iterable

import click


def chosen_readings(texts: Iterable[str]) -> dict[str, str]:
    """Choices by the id of the open reading; whether they exist is found out where they are used.

    Raises:
        BadParameter: a text has another form, or a reading is given two choices.
    """
    chosen: dict[str, str] = {}
    for text in texts:
        reading, equals, choice = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r} is not of the form ID=CHOICE, for instance A12=incremental.")
        if chosen.setdefault(reading, choice) != choice:
            raise click.BadParameter(f"{reading} is given twice, as {chosen[reading]} and {choice}.")
    return chosen
