"""The options that choose the engine: this machine, or a Spark."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import click

P = ParamSpec("P")
R = TypeVar("R")

_ENGINE = click.option(
    "--engine",
    type=click.Choice(["local", "spark"]),
    default="local",
    show_default=True,
    help="spark: run on a Spark (needs Java and the extra `spark`).",
)
_MASTER = click.option("--master", metavar="URL", help="Address of the Spark, such as local[2] or spark://host:7077.")


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--engine`` and ``--master``; the command gets ``master``, None for the local engine."""

    @functools.wraps(command)
    def with_engine(*args: Any, engine: str, master: str | None, **options: Any) -> Any:
        if engine == "spark" and master is None:
            from anakinra_t2d.reading import InputError

            raise InputError("--engine spark needs --master URL, such as local[2] or spark://host:7077.")
        if engine == "local" and master is not None:
            from anakinra_t2d.reading import InputError

            raise InputError("--master is of the Spark engine; add --engine spark, or leave it out.")
        return command(*args, master=master, **options)

    return _ENGINE(_MASTER(with_engine))


def on_engine(local: Callable[P, R], master: str | None) -> Callable[P, R]:
    """The function ``local``, or the one of the same name that does it on the Spark at ``master``.

    Raises:
        InputError: pyspark is missing.
    """
    if master is None:
        return local
    from anakinra_t2d import spark

    there: Callable[..., R] = getattr(spark, local.__name__)

    def run(*args: P.args, **options: P.kwargs) -> R:
        return there(*args, master=master, **options)

    return run
