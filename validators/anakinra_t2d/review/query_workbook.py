"""The workbook of queries that goes to a site: what it is, the queries with room for answers, and what it came from."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from anakinra_t2d.review.query_text import ANSWERS, COLUMNS, CONFIRMED, Query, cell_text
from anakinra_t2d.schema.accepted import LONGEST_REASON

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

README = "Read me"
QUERIES = "Queries"
ABOUT = "_about"
"""Hidden sheet that says which trial, schema and submission the queries belong to."""
FORMAT = "queries 1"

# the same bytes on every run
_CREATED = dt.datetime(2000, 1, 1)
_FIRST_DAY, _LAST_DAY = dt.date(2000, 1, 1), dt.date(2099, 12, 31)
_A4 = 9
_LINE, _TALLEST = 15.0, 405.0
_README_WIDTH = 100
_LONGEST_PROPERTY = 255
_ANSWERED = ("Answer", "Comment", "Who", "Date")
_ALLOWED = dict.fromkeys(("autofilter", "sort", "format_columns", "format_rows"), True)


@dataclass(frozen=True)
class Origin:
    """What a workbook belongs to. ``facts`` are the entries of the hidden sheet, ``title`` is the trial's."""

    title: str
    audience: str
    facts: Mapping[str, str]


def query_workbook(queries: Sequence[Query], origin: Origin) -> bytes:
    """The workbook as bytes, the same for the same queries.

    Only the cells for answers are unlocked; the protection has no password. Every text is written as text.
    """
    from xlsxwriter import Workbook

    stream = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = Workbook(stream, options)
    registry = origin.facts["trial"]
    book.set_properties({"title": f"Queries, {origin.audience}", "subject": registry, "created": _CREATED})
    for name, text in origin.facts.items():
        book.set_custom_property(name, cell_text(text)[:_LONGEST_PROPERTY], "text")
    formats = _Formats(book)
    _add_readme(book.add_worksheet(README), queries, origin, formats)
    _add_queries(book.add_worksheet(QUERIES), queries, origin, formats)
    about = book.add_worksheet(ABOUT)
    for row, (name, text) in enumerate(origin.facts.items()):
        about.write_string(row, 0, name)
        about.write_string(row, 1, cell_text(text))
    about.protect("")
    about.hide()
    book.close()
    return stream.getvalue()


class _Formats:
    def __init__(self, book: Workbook) -> None:
        cell = {"num_format": "@", "text_wrap": True, "valign": "top", "border": 1, "border_color": "#BFBFBF"}
        header = {**cell, "bold": True, "font_color": "#FFFFFF", "bg_color": "#1F4E78"}
        answer = {**cell, "locked": False, "bg_color": "#FFF9DB"}
        self.header: Format = book.add_format(header)
        self.to_answer: Format = book.add_format({**header, "bg_color": "#7F6000"})
        self.cell: Format = book.add_format(cell)
        self.number: Format = book.add_format({**cell, "num_format": "0"})
        self.error: Format = book.add_format({**cell, "bold": True, "font_color": "#9C0006"})
        self.answer: Format = book.add_format(answer)
        self.date: Format = book.add_format({**answer, "num_format": "yyyy-mm-dd"})
        self.title: Format = book.add_format({"bold": True, "font_size": 14, "valign": "top"})
        self.bold: Format = book.add_format({"bold": True, "valign": "top"})
        self.plain: Format = book.add_format({"text_wrap": True, "valign": "top"})


def _add_queries(sheet: Worksheet, queries: Sequence[Query], origin: Origin, formats: _Formats) -> None:
    places = {name: column for column, name in enumerate(COLUMNS)}
    for name, column in places.items():
        sheet.set_column(column, column, COLUMNS[name])
        sheet.write_string(0, column, name, formats.to_answer if name in _ANSWERED else formats.header)
    sheet.set_column(places["Fingerprint"], places["Fingerprint"], None, None, {"hidden": True})
    for row, query in enumerate(queries, 1):
        sheet.set_row(row, _height((text, COLUMNS[name]) for name, text in query.cells.items()))
        sheet.write_number(row, places["No."], row, formats.number)
        for name, text in query.cells.items():
            marked = name == "Severity" and text == "error"
            sheet.write_string(row, places[name], text, formats.error if marked else formats.cell)
        for name in _ANSWERED:
            sheet.write_blank(row, places[name], None, formats.date if name == "Date" else formats.answer)
        sheet.write_string(row, places["Fingerprint"], query.fingerprint, formats.cell)
    _add_choices(sheet, queries, places)
    sheet.freeze_panes(1, places["Severity"])
    sheet.autofilter(0, 0, len(queries), len(COLUMNS) - 1)
    sheet.protect("", _ALLOWED)
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    name = f"{origin.facts['trial']}, queries, {origin.audience}".replace("&", "&&")
    sheet.set_footer(f"&L{name}&RPage &P of &N")


def _height(cells: Iterable[tuple[str, int]]) -> float:
    """Points that the wrapped texts of a row need; not every program works that out when it opens a workbook."""
    lines = max(sum(len(wrap(part, width - 1)) or 1 for part in text.split("\n")) for text, width in cells)
    return min(lines * _LINE + 3, _TALLEST)


def _add_choices(sheet: Worksheet, queries: Sequence[Query], places: Mapping[str, int]) -> None:
    """The drop-down of the answers, and what the other cells take."""
    for acceptable, first, last in _runs([query.acceptable for query in queries]):
        answers = [answer for answer in ANSWERS if acceptable or answer != CONFIRMED]
        rest = "" if acceptable else " A finding of this rule cannot be confirmed; it is open until it is corrected."
        check: dict[str, Any] = {
            "validate": "list",
            "source": answers,
            "input_title": "Answer",
            "input_message": f"Choose one: {', '.join(answers)}.{rest}",
            "error_title": "Not one of the answers",
            "error_message": f"Choose one of the list: {', '.join(answers)}.{rest}",
        }
        sheet.data_validation(first, places["Answer"], last, places["Answer"], check)
    last = len(queries)
    comment = {
        "validate": "length",
        "criteria": "<=",
        "value": LONGEST_REASON,
        "input_title": "Comment",
        "input_message": "Say why, when you confirm a value. Write nothing that names a person or a treatment.",
        "error_title": "Too long",
        "error_message": f"A comment has at most {LONGEST_REASON} letters.",
    }
    sheet.data_validation(1, places["Comment"], last, places["Comment"], comment)
    day = {
        "validate": "date",
        "criteria": "between",
        "minimum": _FIRST_DAY,
        "maximum": _LAST_DAY,
        "error_title": "Not a day",
        "error_message": "Write the day of the answer as a date, for instance 2026-01-31.",
    }
    sheet.data_validation(1, places["Date"], last, places["Date"], day)


def _runs(kinds: Sequence[bool]) -> Iterator[tuple[bool, int, int]]:
    """Rows of a sheet that follow each other and are of one kind: kind, first and last row."""
    start = 0
    for end in range(1, len(kinds) + 1):
        if end == len(kinds) or kinds[end] != kinds[start]:
            yield kinds[start], start + 1, end
            start = end


def _add_readme(sheet: Worksheet, queries: Sequence[Query], origin: Origin, formats: _Formats) -> None:
    sheet.set_column(0, 0, 22, formats.plain)
    sheet.set_column(1, 1, _README_WIDTH, formats.plain)
    sheet.write_string(0, 0, f"Queries: {origin.title} ({origin.facts['trial']})", formats.title)
    errors = sum(query.cells["Severity"] == "error" for query in queries)
    counts = f"{len(queries):,} (errors: {errors:,}, warnings: {len(queries) - errors:,})"
    row = 2
    for name, text in (("For", origin.audience), ("Open queries", counts), *_shown_facts(origin)):
        sheet.write_string(row, 0, name, formats.bold)
        sheet.write_string(row, 1, cell_text(text), formats.plain)
        row += 1
    row += 1
    for name, text in _INSTRUCTIONS.items():
        words = " ".join(text.split())
        sheet.set_row(row, _height([(words, _README_WIDTH)]) + _LINE / 2)
        sheet.write_string(row, 0, name, formats.bold)
        sheet.write_string(row, 1, words, formats.plain)
        row += 1
    sheet.hide_gridlines(2)
    sheet.protect("")
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)


def _shown_facts(origin: Origin) -> Iterator[tuple[str, str]]:
    words = {"submission": "Submission", "schema_version": "Schema version"}
    for name, word in words.items():
        if origin.facts.get(name):
            yield word, origin.facts[name]


_INSTRUCTIONS = {
    "What this is": """Each row of the sheet Queries is a place where the data that were sent do not hold what the
        trial's schema says. Rule is its code; Where says the file, row and column.""",
    "What to do": """Compare each place with the source document. Choose an answer in the yellow column, add a comment,
        your name and the date, and send the workbook back. Leave the other cells as they are.""",
    "corrected": """The data were wrong. Correct them in the files, and send the files again.""",
    "confirmed": """The data are right as they were sent. A comment with the reason is needed. Where the list does not
        offer this answer, the data cannot stay as they are.""",
    "not available": """The value was not recorded and cannot be found. Say why in the comment.""",
    "Never write": """names, initials, personal numbers, addresses, dates of birth, kit numbers or anything that tells
        the treatment.""",
    "Sort and filter": """Filters work. To sort, lift the protection (it has no password) and sort whole rows; a hidden
        column ties each answer to its query.""",
    "Not shown": """What identifies a person or tells the treatment is not written here; look it up at the place that
        the row names.""",
}
