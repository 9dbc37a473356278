"""Starts the worker, ends it when it hangs, and tells what became of each input."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

LONGEST = 10.0
"""Seconds that an input may take."""
TESTS = Path(__file__).parents[1]


class Worker:
    """One worker in ``folder``, started again after it died."""

    def __init__(self, folder: Path, longest: float = LONGEST) -> None:
        self.folder = folder
        self.longest = longest
        self.process: subprocess.Popen[str] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, **job: Any) -> dict[str, str] | None:
        """None for an input that became sentences, otherwise ``kind`` and ``words`` of what happened instead."""
        process = self.process or self._start()
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], self.longest)[0]:
            self.close()
            return {"kind": "hang", "words": f"took longer than {self.longest:.0f} s"}
        line = process.stdout.readline()
        if line:
            return json.loads(line) or None
        status = process.wait()
        self.close()
        return {"kind": f"crash with status {status}", "words": "the process died"}

    def close(self) -> None:
        """End the worker."""
        if self.process:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def _start(self) -> subprocess.Popen[str]:
        threads = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "ARROW_IO_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fuzz.worker"],
            cwd=self.folder,
            env={**os.environ, **threads, "PYTHONPATH": str(TESTS), "RUST_BACKTRACE": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the worker did not start")
        return self.process
