"""What ends a command early: one sentence on stderr and exit status 2, never a traceback."""

from __future__ import annotations

import functools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, ParamSpec, TypeVar

import click

from anakinra_t2d.cli.memory import require_address_space

P = ParamSpec("P")
R = TypeVar("R")
_EXPECTED = (
    "InputError",
    "OutputError",
    "SchemaError",
    "RuleError",
    "RelationError",
    "ReadingError",
    "MemoryLimitError",
)


_FULL = ("No space left", "File too large", "Disk quota exceeded", "os error 28", "os error 27")
_WITHOUT_LIBRARIES = ("explain",)
"""Commands that need no more than the definitions."""


class TerminatedError(BaseException):
    """The system asked the program to end; like an interrupt it passes every handler of errors."""


def report_failures(command: Callable[P, R]) -> Callable[P, R]:
    """Turn every failure of a command into a sentence; ``ANAKINRA_T2D_DEBUG=1`` shows the traceback instead."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with _ending_in_order():
                if command.__name__ not in _WITHOUT_LIBRARIES:
                    require_address_space()
                return command(*args, **kwargs)
        except (click.ClickException, SystemExit):
            raise
        except KeyboardInterrupt:
            click.echo("Interrupted; nothing was written.", err=True)
            raise SystemExit(130) from None
        except TerminatedError:
            click.echo("Stopped; nothing was written.", err=True)
            raise SystemExit(143) from None
        except Exception as error:
            if os.environ.get("ANAKINRA_T2D_DEBUG"):
                raise
            click.echo(sentence(error), err=True)
            raise SystemExit(2) from None

    return wrapped


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Let SIGTERM end the command as an interrupt does, so that what is half made is taken away."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(_number: int, _frame: object) -> NoReturn:
    raise TerminatedError


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
    if isinstance(error, MemoryError):
        return "There is not enough memory; close other programs, raise the limit, or give fewer files at once."
    if any(words in str(error) for words in _FULL):
        return "The disk is full, or a file became larger than the system allows; nothing was written."
    return (
        f"This should not have happened: {kind}: {error}\n"
        "Please report it with the command you ran; ANAKINRA_T2D_DEBUG=1 shows where it happened."
    )
