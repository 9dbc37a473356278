"""Text from data that is put into one line of a log, a page or a document, and can do no harm there."""

from __future__ import annotations

from anakinra_t2d.finding import printable


def one_line(text: str, most: int = 1000) -> str:
    """The text in one line of at most ``most`` characters, characters that only command spelled out."""
    # what is cut off must not be looked at either: a cell can hold a megabyte
    shown = printable(" ".join(text[: 4 * most].split()))
    return shown if len(shown) <= most and len(text) <= 4 * most else shown[: most - 1] + "…"


def path_from_root(file: str, base: str) -> str:
    """The path of a file of a submission from where the command ran; ``base`` is the path of the submission there."""
    return f"{base.rstrip('/')}/{file}" if base not in ("", ".") else file
