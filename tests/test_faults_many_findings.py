"""A submission in which every value is wrong: the report stays short, and memory and time stay bounded.

``ANAKINRA_T2D_FINDINGS=1000000`` makes it the full size.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

FINDINGS = int(os.environ.get("ANAKINRA_T2D_FINDINGS", "12000"))
LISTED = 10_000
"""Findings of one rule that a document lists; the others are counted."""
CHILD = """
import sys
from anakinra_t2d.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    status = end.code
with open("/proc/self/status") as lines:
    print("peak", next(line.split()[1] for line in lines if line.startswith("VmHWM")), file=sys.stderr)
sys.exit(status)
"""


@pytest.fixture(scope="module")
def all_wrong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vital signs with one impossible weight a row."""
    folder = tmp_path_factory.mktemp("wrong")
    with (folder / "vitals.csv").open("w", encoding="utf-8") as file:
        file.write("subject_id,visit,visit_seq,weight_kg\n")
        file.writelines(f"CH01-{row % 999 + 1:03},baseline,{row // 999 + 1},9999\n" for row in range(FINDINGS))
    return folder


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
@pytest.mark.parametrize("layout", ["text", "json", "github", "sarif"])
def test_a_million_findings(layout: str, all_wrong: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILD, "validate", str(all_wrong), "--format", layout]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, check=False, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert int(done.stderr.split("peak ")[1]) < 1 << 20, "KiB of memory"
    assert time.monotonic() - began < 60 + FINDINGS / 5000
    assert len(done.stdout) < 40 << 20
    if layout == "text":
        assert len(done.stdout.splitlines()) < 200
        assert f"{FINDINGS:,} findings" in done.stdout
    if layout == "json":
        found = json.loads(done.stdout)
        assert found["summary"]["errors"] >= FINDINGS
        assert max(Counter(finding["code"] for finding in found["findings"]).values()) == LISTED
