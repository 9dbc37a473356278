"""Reads the answers of sites back from the workbooks of queries, whatever program saved them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anakinra_t2d.reading import InputError
from anakinra_t2d.reading.problems import UnreadableError
from anakinra_t2d.review.query_workbook import ABOUT, FORMAT, QUERIES

if TYPE_CHECKING:
    from anakinra_t2d.reading.excel_book import Workbook

_NEEDED = ("Rule", "Record", "Answer", "Comment", "Who", "Date", "Fingerprint")
_HEADER_ROWS = 10
_SUFFIXES = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")


@dataclass(frozen=True)
class Answer:
    """One row of a workbook; ``row`` counts from 1. ``answer`` is in lower case, and empty where there is none."""

    file: str
    row: int
    rule: str
    record: str
    answer: str
    comment: str
    who: str
    day: dt.date | str | None
    fingerprint: str

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.file}, row {self.row}"


@dataclass(frozen=True)
class AnsweredWorkbook:
    """The answers of one workbook, and what its hidden sheet says it belongs to."""

    file: str
    facts: Mapping[str, str]
    answers: list[Answer]


def read_answers(path: Path) -> AnsweredWorkbook:
    """Read a workbook of queries; columns are found by their headings, so that their order may have changed.

    Raises:
        InputError: it cannot be read, or is no workbook of queries.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise InputError(f"{path} is not a workbook; name the workbooks of queries that came back.")
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    from anakinra_t2d.reading.excel_book import Workbook

    try:
        book = Workbook(path)
        facts = _facts(book)
        if not facts.get("format", "").startswith("queries "):
            raise InputError(f"{path} is not a workbook of queries: its hidden sheet {ABOUT} is missing.")
        if facts["format"] != FORMAT:
            raise InputError(f"{path} was made by another version ({facts['format']}); this one reads {FORMAT}.")
        return AnsweredWorkbook(str(path), facts, list(_answers(book, path)))
    except UnreadableError as error:
        raise InputError(f"{path} cannot be read: {error.problem}.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from None


def _rows(book: Workbook, name: str) -> Iterator[list[Any]]:
    for sheet in book.sheets:
        if sheet.name == name:
            yield from book.rows(sheet)


def _facts(book: Workbook) -> dict[str, str]:
    return {_text(row[0]): _text(row[1]) for row in _rows(book, ABOUT) if len(row) > 1}


def _answers(book: Workbook, path: Path) -> Iterator[Answer]:
    places: dict[str, int] = {}
    for number, row in enumerate(_rows(book, QUERIES), 1):
        if not places:
            named = {_text(cell): column for column, cell in enumerate(row)}
            if all(name in named for name in _NEEDED):
                places = named
            elif number >= _HEADER_ROWS:
                break
            continue
        cells = {name: row[places[name]] if places[name] < len(row) else None for name in _NEEDED}
        texts = {name: _text(cell) for name, cell in cells.items()}
        if not any(texts.values()):
            continue
        yield Answer(
            file=str(path),
            row=number,
            rule=texts["Rule"],
            record=texts["Record"],
            answer=" ".join(texts["Answer"].lower().split()),
            comment=texts["Comment"],
            who=texts["Who"],
            day=_day(cells["Date"]),
            fingerprint=texts["Fingerprint"],
        )
    if not places:
        raise InputError(f"{path} has no sheet {QUERIES} with the columns {', '.join(_NEEDED)}.")


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _day(value: object) -> dt.date | str | None:
    """The day of a cell; its text where it is no day."""
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    text = _text(value)
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return text
