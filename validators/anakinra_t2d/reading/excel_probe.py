"""Loads a workbook of an old or binary kind in a process of its own first.

The library gives a sheet the size of its outermost cells and ends the process when memory cannot hold that; which cells
these are stands deep in .xls and .xlsb files. A process that may die is the only bound that holds.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from anakinra_t2d.reading.excel_safety import Kind
from anakinra_t2d.reading.problems import UnreadableError

MAX_CELLS = 10_000_000
"""Rows times columns of a sheet of these kinds, which hold fewer rows than newer ones."""
PROBED: frozenset[Kind] = frozenset({"xls", "xlsb"})
_SECONDS = 8
_SECONDS_PER_MEBIBYTE = 10
"""Ten times what a full sheet takes on a slow machine."""
_BYTES_PER_CELL = 32
_BYTES_BESIDE = 512 << 20
_READY = b"ready"
_DAMAGED = "the workbook is damaged, or a cell stands far outside the table; clear it, or save the workbook as .xlsx"
_CHILD = f"""
import sys
try:
    import resource
    limit = int(sys.argv[2])
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))
except (ImportError, ValueError, OSError):
    pass
from python_calamine import CalamineWorkbook
sys.stdout.write({_READY.decode()!r})
sys.stdout.flush()
book = CalamineWorkbook.from_path(sys.argv[1])
for place in range(len(book.sheets_metadata)):
    book.get_sheet_by_index(place)
"""


def require_loadable(path: Path, seconds: float | None = None) -> None:
    """Raise UnreadableError when loading the sheets, of up to MAX_CELLS each, ends the process or takes too long.

    A workbook that is wrong in any other way passes: reading it says better what is wrong.
    """
    if not sys.executable:
        return  # inside another program
    size = path.stat().st_size
    bound = seconds if seconds is not None else _SECONDS + _SECONDS_PER_MEBIBYTE * size / (1 << 20)
    memory = MAX_CELLS * _BYTES_PER_CELL + 20 * size + _BYTES_BESIDE
    # -P: no module that lies in the folder at hand
    command = [sys.executable, "-P", "-c", _CHILD, str(path.absolute()), str(memory)]
    try:
        done = subprocess.run(  # noqa: S603 (the words are ours)
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=bound,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UnreadableError(
            f"the workbook could not be read within {bound:.0f} s; save it as .xlsx or .csv"
        ) from None
    except OSError:
        return
    if done.stdout == _READY and done.returncode not in (0, 1):
        raise UnreadableError(_DAMAGED)
