"""What ``pip install .`` costs: packages, megabytes and seconds, and how long the installed program takes to start.

    python -m benchmarks.install [--repeat 5] [--work DIR]

Everything is downloaded and built once (``pip wheel``, without pip's cache), then installed from these files into a new
environment that has no pip of its own. A package takes the space of all its files, byte code included. "with what only
it needs" is what a plain install would lose without this dependency. Seconds depend on the machine and its network.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import Distribution, distributions
from pathlib import Path
from statistics import median

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from supply_chain.places import ROOT, new_environment, pip, run

MIB = 1024 * 1024


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def size(distribution: Distribution) -> int:
    """Bytes of the files of a distribution."""
    places = (Path(str(distribution.locate_file(file))) for file in distribution.files or ())
    return sum(place.stat().st_size for place in places if place.is_file())


def needed(distribution: Distribution) -> set[str]:
    """What a distribution asks for here, without its extras."""
    lines = (Requirement(line) for line in distribution.requires or ())
    return {
        canonicalize_name(line.name) for line in lines if line.marker is None or line.marker.evaluate({"extra": ""})
    }


def reached(start: Iterable[str], edges: dict[str, set[str]]) -> set[str]:
    """Everything that ``start`` needs, itself included."""
    found: set[str] = set()
    todo = list(start)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(edges.get(name, ()))
    return found


def main() -> None:
    """Install, and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--work", type=Path, help="folder for the downloads; kept, and used again without downloading")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        wheels = options.work or Path(scratch) / "wheels"
        python = new_environment(Path(scratch) / "plain")
        fetching = None
        if not list(wheels.glob("anakinra_t2d-*.whl")):
            fetch = [*pip(python), "wheel", "--quiet", "--no-cache-dir", "--wheel-dir", wheels, ROOT]
            fetching = seconds(lambda: run(*fetch, why="The packages could not be downloaded."))
        install = [*pip(python), "install", "--quiet", "--no-index", "--find-links", wheels, "anakinra-t2d"]
        installing = seconds(lambda: run(*install, why="The packages could not be installed."))
        files = [path for path in wheels.iterdir() if path.suffix == ".whl"]
        where = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", why="No Python.").strip()
        found = {str(canonicalize_name(one.name)): one for one in distributions(path=[where])}
        report(found, sum(path.stat().st_size for path in files))
        fetched = "" if fetching is None else f"download and build {fetching:.0f} s, "
        print(f"{fetched}install {installing:.0f} s, with {os.cpu_count()} cores")
        starts(python, options.repeat)


def report(found: dict[str, Distribution], downloaded: int) -> None:
    """Print sizes."""
    sizes = {name: size(one) for name, one in found.items()}
    edges = {name: needed(one) for name, one in found.items()}
    own = "anakinra-t2d"
    system = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    print(f"{len(found) - 1} packages and our own, {sum(sizes.values()) / MIB:.0f} MiB on disk ({system})")
    print(f"{downloaded / MIB:.0f} MiB downloaded")
    print("\nlargest packages                MiB")
    for name in sorted(sizes, key=lambda one: (-sizes[one], one))[:12]:
        print(f"{name:<27}{sizes[name] / MIB:>8.1f}")
    print("\ndependency                      MiB  with what only it needs  packages")
    everything = reached([own], edges)
    only = {}
    for name in edges[own]:
        without = reached([own], {**edges, own: edges[own] - {name}})
        only[name] = everything - without
    totals = {name: sum(sizes.get(one, 0) for one in names) for name, names in only.items()}
    for name in sorted(only, key=lambda one: (-totals[one], one)):
        print(f"{name:<27}{sizes.get(name, 0) / MIB:>8.1f}{totals[name] / MIB:>25.1f}{len(only[name]):>10}")
    print()


def starts(python: Path, repeat: int) -> None:
    """Print how long a process takes, after one that filled the cache of the disk."""
    program = python.with_name("anakinra-t2d.exe" if sys.platform == "win32" else "anakinra-t2d")
    for name, command in (
        ("an empty Python program", [python, "-c", "pass"]),
        ("import anakinra_t2d", [python, "-c", "import anakinra_t2d"]),
        ("anakinra-t2d --version", [program, "--version"]),
        ("anakinra-t2d explain RNG-001", [program, "explain", "RNG-001"]),
    ):
        start = partial(subprocess.run, command, stdout=subprocess.DEVNULL, check=True)
        times = [seconds(start) for _ in range(repeat + 1)]
        print(f"{name:<30}{median(times[1:]):>6.2f} s, median of {repeat}")


if __name__ == "__main__":
    main()
