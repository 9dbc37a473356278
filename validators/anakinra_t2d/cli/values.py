"""Whether values are shown: not in a log that others read, unless somebody says so."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click

_SIGNS_OF_CI = ("CI", "GITHUB_ACTIONS")

values_option: Callable[[Any], Any] = click.option(
    "--no-values/--show-values",
    "no_values",
    default=None,
    help="Hide every value and show pseudonyms in place of subject numbers, or show them.  "
    "[default: hidden where CI is set, because logs of CI are read by others]",
)


def in_ci() -> bool:
    """Whether a service for continuous integration runs this."""
    return any(os.environ.get(name, "").lower() not in ("", "0", "false", "no") for name in _SIGNS_OF_CI)


def hides_values(chosen: bool | None) -> bool:
    """What was chosen, else whether the log is one of CI; then it is said once."""
    if chosen is not None:
        return chosen
    if in_ci():
        click.echo("Values and subject numbers are hidden in CI; --show-values shows them.", err=True)
        return True
    return False
