"""How a file is written, as far as somebody said so."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a site profile or a data package says about a file; None where nobody said anything.

    ``header_row`` and ``unit_row`` count lines or sheet rows from 1. Without ``header_row`` the header is the first
    row that is not blank; if ``known`` (names in lower case) is given, the row among the first ones with most of these
    names. ``decimal`` holds, by column, a decimal mark that the file itself declares. ``number_mark`` is the decimal
    mark in which the numbers of a workbook are shown where the site works, so that they and the numbers typed as text,
    which stand in the same columns, are read in one way.
    """

    encoding: str | None = None
    delimiter: str | None = None
    header_row: int | None = None
    unit_row: int | None = None
    known: frozenset[str] = frozenset()
    missing: tuple[str, ...] = ()
    decimal: tuple[tuple[str, str], ...] = ()
    number_mark: str = "."
