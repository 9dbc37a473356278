"""Pieces of Markdown that show any text as it is: in tables, in lines and as code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

# entities, because they never take part in the structure of a document
_SPECIAL = re.compile(r"[&<>|\\`*\[\]~$#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_PLAIN_CODE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029|`\\]+")
BREAK = "<br>"


def text(words: str) -> str:
    """``words`` without any meaning for Markdown or HTML, on one line."""
    return _SPECIAL.sub(_entity, " ".join(words.split()))


def code(words: str) -> str:
    """``words`` as code, on one line of the document; its own lines are kept."""
    if _PLAIN_CODE.fullmatch(words):
        return f"`{words}`"
    lines = [_SPECIAL.sub(_entity, line.strip()) for line in words.strip().splitlines()]
    return f"<code>{BREAK.join(lines)}</code>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that ``text`` or ``code`` made."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _entity(found: re.Match[str]) -> str:
    named = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
    return named.get(found[0]) or f"&#{ord(found[0])};"
