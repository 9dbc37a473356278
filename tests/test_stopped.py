"""A command that is told to end leaves nothing half made and says so."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from anakinra_t2d.cli.failures import sentence

COMMAND = [sys.executable, "-m", "anakinra_t2d", "convert"]


@pytest.mark.parametrize(
    ("number", "status", "words"),
    [
        (signal.SIGTERM, 143, "Stopped; nothing was written."),
        (signal.SIGINT, 130, "Interrupted; nothing was written."),
    ],
)
def test_a_conversion_in_progress(
    number: signal.Signals, status: int, words: str, sound_trial: Path, tmp_path: Path
) -> None:
    run = subprocess.Popen(
        [*COMMAND, str(sound_trial), "--out", str(tmp_path / "out")], stderr=subprocess.PIPE, text=True
    )
    # the folder that becomes the output shows that the conversion has begun
    end = time.monotonic() + 60
    while not any(tmp_path.iterdir()) and time.monotonic() < end:
        time.sleep(0.01)
    run.send_signal(number)
    _, said = run.communicate(timeout=60)
    assert (run.returncode, words in said, "Traceback" in said) == (status, True, False)
    assert list(tmp_path.iterdir()) == []


def test_too_little_memory_is_a_sentence() -> None:
    assert "not enough memory" in sentence(MemoryError())
