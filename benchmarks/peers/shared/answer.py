"""What a tool found, as one JSON document that the comparison reads."""

import json
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

Found = Iterable[tuple[str, str, int]]
"""Code, table and line of each fault; line 1 is the header, line -1 means that the tool does not say which."""


def answer(package: str, find: Callable[[str], Found]) -> None:
    """Run ``find`` on the folder of the first argument, and write what it found to the file of the second."""
    folder, out = sys.argv[1:3]
    found = sorted(set(find(folder)))
    Path(out).write_text(json.dumps({"version": version(package), "found": found}), encoding="utf-8")
