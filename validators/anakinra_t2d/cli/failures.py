"""What ends a command early: one sentence on stderr and exit status 2, never a traceback."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click

P = ParamSpec("P")
R = TypeVar("R")
_EXPECTED = ("InputError", "OutputError", "SchemaError", "RuleError", "RelationError", "ReadingError")


def report_failures(command: Callable[P, R]) -> Callable[P, R]:
    """Turn every failure of a command into a sentence; ``ANAKINRA_T2D_DEBUG=1`` shows the traceback instead."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except (click.ClickException, SystemExit):
            raise
        except KeyboardInterrupt:
            click.echo("Interrupted; nothing was written.", err=True)
            raise SystemExit(130) from None
        except Exception as error:
            if os.environ.get("ANAKINRA_T2D_DEBUG"):
                raise
            click.echo(sentence(error), err=True)
            raise SystemExit(2) from None

    return wrapped


def sentence(error: Exception) -> str:
    """What went wrong, and what to do about it."""
    kind = type(error).__name__
    if kind in _EXPECTED:
        prefix = "The schema is wrong:\n" if kind == "SchemaError" else ""
        return prefix + str(error)
    if isinstance(error, BrokenPipeError):
        return "The output was closed before everything was written."
    if isinstance(error, OSError):
        place = f" ({error.filename})" if error.filename else ""
        return f"The system refused to read or write: {error.strerror or error}{place}."
    if "No space left" in str(error):
        return f"The disk is full: {error}"
    return (
        f"This should not have happened: {kind}: {error}\n"
        "Please report it with the command you ran; ANAKINRA_T2D_DEBUG=1 shows where it happened."
    )
