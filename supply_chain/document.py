"""Fills docs/supply_chain.md: each block that names a command gets what the command prints."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

from supply_chain.places import DOCUMENT, Failure, completed

BLOCK = re.compile(r"(?P<start><!-- python -m (?P<command>[\w. -]+?) -->\n).*?(?P<end><!-- end -->)", re.DOTALL)


def commands(text: str) -> list[str]:
    """The modules, with their arguments, whose output the blocks of a document hold."""
    return [found["command"] for found in BLOCK.finditer(text)]


def fill(text: str, printed: Mapping[str, str]) -> str:
    """The document with new text in the blocks of these commands."""

    def block(found: re.Match[str]) -> str:
        if found["command"] not in printed:
            return found[0]
        return f"{found['start']}```text\n{printed[found['command']].strip()}\n```\n{found['end']}"

    return BLOCK.sub(block, text)


def printed_now(command: str) -> str:
    """Run a module and return what it prints.

    Raises:
        Failure: it printed nothing.
    """
    done = completed(sys.executable, "-m", *command.split())
    if not done.stdout.strip():
        raise Failure(f"python -m {command} printed nothing; the document stays as it is.")
    return done.stdout


def write_document(only: str | None) -> list[str]:
    """Run the commands of the document, or the one that holds ``only``, and write it anew; return what was run."""
    text = DOCUMENT.read_text(encoding="utf-8")
    chosen = [command for command in commands(text) if only is None or only in command]
    if not chosen:
        raise Failure(f"No block of {DOCUMENT.name} is made by a command with {only!r}; there are: {commands(text)}")
    made = {command: printed_now(command) for command in chosen}
    DOCUMENT.write_text(fill(text, made), encoding="utf-8")
    return chosen
