"""Characters that no cell should hold: control characters, byte order marks, letters that were lost in decoding."""

from __future__ import annotations

import re

REPLACEMENT = "\ufffd"
# C0 and C1 controls without tab, line feed and carriage return; byte order mark; replacement character
_CLASS = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F-{}{}{}]"
ODD_TEXT = _CLASS.format(r"\x{9F}", r"\x{FEFF}", r"\x{FFFD}")
"""The characters as a regular expression of polars."""
_PYTHON = re.compile(_CLASS.format("\x9f", "\ufeff", REPLACEMENT))
_WORDS = {
    "\x00": "a NUL character",
    "\ufeff": "a byte order mark (U+FEFF) inside the text",
    REPLACEMENT: "a character that could not be decoded (U+FFFD)",
}


def describe_odd_text(text: str) -> str | None:
    """The first such character in words, None when there is none."""
    found = _PYTHON.search(text)
    if found is None:
        return None
    return _WORDS.get(found[0], f"the control character U+{ord(found[0]):04X}")
