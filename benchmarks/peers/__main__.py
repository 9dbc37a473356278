"""The same rules on the same files, by this tool and by others, one after the other; writes the table of the docs.

    python -m benchmarks.peers [--rows 1e4 1e5] [--peers frictionless pandera ...] [--rounds 3] [--page FILE]

The first run makes an environment for each tool in build/peers/ (from the package index).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.peers.compare import judge
from benchmarks.peers.environment import ROOT, Peer, peers
from benchmarks.peers.measure import Run, run_ours, run_peer
from benchmarks.peers.page import OURS, Size, put, section


def main() -> None:
    """Install, make the data, run every tool in turn, and write the page."""
    known = peers()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", type=float, default=[1e4, 1e5], help="rows over all tables")
    parser.add_argument("--peers", nargs="+", choices=list(known), default=list(known), help="run only these")
    parser.add_argument("--rounds", type=int, default=3, help="each round runs every tool once")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "performance.md", help="the page to write into")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    wanted = [known[name] for name in options.peers if known[name].not_run() is None]
    for peer in wanted:
        peer.install()
    with tempfile.TemporaryDirectory() as scratch:
        sizes = [_size(Path(scratch), int(rows), wanted, options.rounds) for rows in sorted(options.rows)]
    shown = {name: known[name] for name in options.peers}
    put(options.page, section(sizes, shown, _command(options), load))
    print(f"Wrote the comparison into {options.page.name}.")


def _size(scratch: Path, rows: int, wanted: list[Peer], rounds: int) -> Size:
    data = scratch / str(rows)
    # a process of its own: this one must stay small, or its memory would show in that of the tools
    made = subprocess.run([sys.executable, "-m", "benchmarks.peers.data", data, str(rows)], check=False, cwd=ROOT)
    if made.returncode:
        sys.exit(f"The files of {rows:,} rows could not be made; the reason stands above.")
    runs: dict[str, list[Run]] = {OURS: [], **{peer.name: [] for peer in wanted}}
    for number in range(rounds):
        runs[OURS].append(run_ours(data))
        for peer in wanted:
            runs[peer.name].append(run_peer(peer.python, peer.folder / "run.py", data))
        print(f"{rows:,} rows, round {number + 1} of {rounds}: " + ", ".join(
            f"{name} {each[-1].seconds:.1f} s" for name, each in runs.items()
        ), flush=True)  # fmt: skip
    planted = data / "planted.json"
    total = json.loads(planted.read_text(encoding="utf-8"))["rows"]
    return Size(total, runs, {name: judge(planted, each[0].found) for name, each in runs.items()})


def _command(options: argparse.Namespace) -> str:
    """The command as anyone can give it; where the page lies is left out."""
    rows = [f"{rows:g}" for rows in options.rows]
    words = ["python -m benchmarks.peers --rows", *rows, "--rounds", str(options.rounds)]
    return " ".join([*words, "--peers", *options.peers] if options.peers != list(peers()) else words)


if __name__ == "__main__":
    main()
