"""The characters that separate the cells of a text file, as profiles and data packages spell them."""

from __future__ import annotations

from anakinra_t2d.reading.problems import UnreadableError

CANDIDATES = (",", ";", "\t", "|")
"""Delimiters that are looked for where nobody names one."""
USUAL = {".tsv": "\t", ".tab": "\t", ".psv": "|"}
"""By the end of the file's name; a comma for all others."""
_SPELLED = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";"}
_NEVER = frozenset('"\r\n\0')


def delimiter_named(name: str) -> str:
    """The character that a profile or a data package names. Raises UnreadableError when it is none."""
    mark = _SPELLED.get(name.lower(), name)
    if len(mark) != 1 or mark in _NEVER:
        raise UnreadableError(f"the delimiter must be one character, and no quote; {name!r} is not")
    return mark
