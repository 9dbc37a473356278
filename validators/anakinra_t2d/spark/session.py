"""A Spark session with the settings that make its SQL mean what DuckDB means."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from anakinra_t2d.reading import InputError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_MASTER = re.compile(r"local(\[(\*|\d+)(,\d+)?\])?|spark://[^\s/:]+:\d+(,[^\s/:]+:\d+)*|yarn|k8s://\S+")
_MEANING = {
    # division by zero and an unreadable number give NULL
    "spark.sql.ansi.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
}
_SMALL = {
    # tables of one partition need no exchange, and a stage for each costs more than their few rows
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
}
_LOOPBACK = re.compile(r"local.*|spark://(127\.0\.0\.1|localhost):\d+")


@contextmanager
def spark_session(master: str) -> Iterator[SparkSession]:
    """Yield a session of its own; a Spark that runs already in this process is used, and left running.

    Raises:
        InputError: pyspark or Java is missing, or the master is no address or does not answer.
    """
    if not _MASTER.fullmatch(master):
        raise InputError(
            f"{master} is no address of a Spark master; give local[2], spark://host:7077, yarn or k8s://host:port."
        )
    if importlib.util.find_spec("pyspark") is None:
        raise InputError(
            "The Spark engine needs pyspark: pip install 'anakinra-t2d[spark]', or leave out --engine spark."
        )
    home = os.environ.get("JAVA_HOME")
    if not shutil.which("java") and not (home and (Path(home) / "bin" / "java").is_file()):
        raise InputError(
            "The Spark engine needs Java 17 or later on the PATH or in JAVA_HOME; or leave out --engine spark."
        )
    from pyspark.sql import SparkSession

    # a query that Spark refuses is told in a sentence, not in a log
    logging.getLogger("SQLQueryContextLogger").disabled = True
    running = SparkSession.getActiveSession()
    session = running or _started(master)
    try:
        own = session.newSession()
        for name, value in _MEANING.items():
            own.conf.set(name, value)
        yield own
    finally:
        if running is None:
            session.stop()


def settle(session: SparkSession, *, small: bool) -> None:
    """Plan for few rows or for many."""
    for name, value in _SMALL.items():
        if small:
            session.conf.set(name, value)
        else:
            session.conf.unset(name)


def _started(master: str) -> SparkSession:
    from pyspark.sql import SparkSession

    # executors on this machine must find this package
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("anakinra-t2d").master(master)
    builder = builder.config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
    builder = builder.config("spark.log.level", "ERROR").config("spark.sql.catalogImplementation", "in-memory")
    builder = builder.config("spark.scheduler.minRegisteredResourcesRatio", "0")
    if _LOOPBACK.fullmatch(master):
        builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
    try:
        return builder.getOrCreate()
    except Exception as error:
        # what fails here is Java, the network or the cluster, and each has errors of its own
        raise InputError(
            f"Spark at {master} does not start; look whether the master runs and can be reached."
        ) from error
