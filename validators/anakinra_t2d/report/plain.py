"""Text from data that is put into one line of a log, a page or a document, and can do no harm there."""

from __future__ import annotations

import unicodedata
from functools import cache

_HIDDEN = frozenset(("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"))
"""Categories of characters that show nothing: control, direction and format marks, and those that are none."""


def one_line(text: str, most: int = 1000) -> str:
    """The text in one line of at most ``most`` characters, characters that only command spelled out."""
    # what is cut off must not be looked at either: a cell can hold a megabyte
    shown = "".join(_shown(char) for char in " ".join(text[: 4 * most].split()))
    return shown if len(shown) <= most and len(text) <= 4 * most else shown[: most - 1] + "…"


@cache
def _shown(char: str) -> str:
    if unicodedata.category(char) not in _HIDDEN:
        return char
    number = ord(char)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def path_from_root(file: str, base: str) -> str:
    """The path of a file of a submission from where the command ran; ``base`` is the path of the submission there."""
    return f"{base.rstrip('/')}/{file}" if base not in ("", ".") else file
