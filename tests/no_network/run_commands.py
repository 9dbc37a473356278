"""Runs the command lines of a JSON file, one after the other in this process, and prints the exit status of each.

Results are printed as they come, so that they tell which command a process died of.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from pathlib import Path

import click

from anakinra_t2d.cli.main import main


def status(words: list[str]) -> int:
    """Run one command line as a shell would."""
    try:
        main(words, prog_name="anakinra-t2d", standalone_mode=False)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except Exception:  # noqa: BLE001 (the next commands are run all the same)
        traceback.print_exc()
        return 70
    return 0


if __name__ == "__main__":
    results = Path(sys.argv[2])
    for line in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        click.echo(f"$ anakinra-t2d {line}")
        start = time.monotonic()
        with results.open("a", encoding="utf-8") as file:
            file.write(f"{line}\t")
        ended = status(line.split())
        with results.open("a", encoding="utf-8") as file:
            file.write(f"{ended}\t{time.monotonic() - start:.2f}\n")
