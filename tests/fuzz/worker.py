"""A process that damages and reads files one after the other; its parent sees when it dies or hangs."""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import traceback
from pathlib import Path
from random import Random
from typing import Any

from fuzz.mutate import mutate
from fuzz.readers import read, whole

SPARE = 1 << 30


def main() -> None:
    """Answer each line of standard input, ``{reader, seed_file, name, number, seed, whole, ready}``, with a line.

    ``ready`` is None, or the bytes to read as hexadecimal digits instead of a damaged ``seed_file``.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # nothing that a library prints may mix with the answers
    _warm_up()
    limit = _address_space() + SPARE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print("ready", file=answers)
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), file=answers)


def _warm_up() -> None:
    """Load what the first input would load, so that the limit counts the input alone."""
    import polars as pl

    from anakinra_t2d.schema import definitions

    for library in ("fastexcel", "pyarrow.parquet", "pyreadstat"):
        importlib.import_module(library)
    definitions()
    pl.DataFrame({"a": [1]}).select(pl.col("a").sum())
    # a database reserves far more address space than it uses, for a sound file as well
    path = Path("vitals.csv")
    path.write_text("subject_id,visit,visit_seq,weight_kg\nDK01-001,baseline,1,81.5\n", encoding="utf-8")
    whole("comma", path)


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()


def _answer(job: dict[str, Any]) -> dict[str, Any]:
    path = Path(job["name"])
    ready = job["ready"]
    if ready is None:
        random = Random(f"{job['seed']} {job['reader']} {job['number']}")
        path.write_bytes(mutate(Path(job["seed_file"]).read_bytes(), random))
    else:
        path.write_bytes(bytes.fromhex(ready))
    try:
        (whole if job["whole"] else read)(job["reader"], path)
    except BaseException as error:  # noqa: BLE001 (a panic of a library is no Exception)
        last = traceback.extract_tb(error.__traceback__)[-1]
        kind = f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}"
        return {"kind": kind, "words": traceback.format_exc()[-1500:]}
    return {}


if __name__ == "__main__":
    main()
