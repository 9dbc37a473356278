"""A workbook for a site to fill: a sheet for each table, with drop-downs, ranges and help from the definitions."""

from __future__ import annotations

import datetime as dt
import io
from typing import TYPE_CHECKING, Any

from anakinra_t2d.forms.field_help import (
    code_labels,
    field_help,
    flags_table,
    range_words,
    requirement_words,
    sent_tables,
    type_words,
)
from anakinra_t2d.schema import Definitions, Field, Table

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

README = "README"
CODES = "_codes"
"""Hidden sheet with the codes that are too long for a drop-down of their own; no table starts with ``_``."""

LAST_ROW = 1_048_575
"""Last row of a sheet, from 0; the checks of a column reach so far, which costs nothing."""

_LONGEST_LIST = 255
_LONGEST_MESSAGE = 255
_LONGEST_TITLE = 32
# the same bytes on every run
_CREATED = dt.datetime(2000, 1, 1)
_FIRST_DAY, _LAST_DAY = dt.date(1900, 1, 1), dt.date(9999, 12, 31)
_WHOLE = 10**15
_HUGE = 1e300
_UNLOCKED = {"locked": False}
_FORMS = {"integer": "0", "number": "General", "date": "yyyy-mm-dd", "datetime": "yyyy-mm-dd hh:mm:ss"}
_TEXT = "@"
_ALLOWED = dict.fromkeys(("autofilter", "sort", "insert_rows", "format_columns", "format_rows"), True)
"""What a protected sheet still lets people do, beside filling in unlocked cells."""


def template_xlsx(definitions: Definitions) -> bytes:
    """The workbook as bytes, the same for the same definitions.

    The first sheet, ``README``, says what to do. Every other sheet is named after a table; its header cannot be
    changed without lifting the protection, which has no password. A hard range is enforced; the expected range is in
    the message of the cell. Every text is written as text, so that no cell becomes a formula.
    """
    from xlsxwriter import Workbook

    stream = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = Workbook(stream, options)
    trial = definitions.trial
    book.set_properties({"title": trial.title, "subject": trial.registry, "created": _CREATED})
    formats = _Formats(book)
    _add_readme(book.add_worksheet(README), definitions, formats)
    lists = _CodeLists()
    for table in sent_tables(definitions):
        _add_table(book.add_worksheet(table.name), table, definitions, formats, lists)
    lists.write(book)
    book.close()
    return stream.getvalue()


class _Formats:
    """The formats of the workbook."""

    def __init__(self, book: Workbook) -> None:
        header = {"bold": True, "border": 1, "valign": "top", "num_format": _TEXT}
        self.required: Format = book.add_format({**header, "bg_color": "#FFE699"})
        self.other: Format = book.add_format({**header, "bg_color": "#DDEBF7"})
        self.title: Format = book.add_format({"bold": True, "font_size": 14})
        self.bold: Format = book.add_format({"bold": True})
        self.wrapped: Format = book.add_format({"text_wrap": True, "valign": "top"})
        forms = {_TEXT, *_FORMS.values()}
        self.cells: dict[str, Format] = {
            form: book.add_format({**_UNLOCKED, "num_format": form}) for form in sorted(forms)
        }

    def of(self, field: Field) -> Format:
        """Format of the cells of a field; codes and true or false stay text."""
        return self.cells[_TEXT if field.codelist else _FORMS.get(field.type, _TEXT)]


class _CodeLists:
    """The drop-downs that do not fit into a check; each is a column of the sheet of codes with a name."""

    def __init__(self) -> None:
        self._lists: dict[str, list[str]] = {}

    def source(self, field: Field, codes: list[str]) -> list[str] | str:
        """Source of the drop-down: the codes themselves, or a name for them."""
        if len(",".join(codes)) <= _LONGEST_LIST and not any("," in code or code.strip() != code for code in codes):
            return codes
        name = f"codes_{field.codelist}" if not field.terms else f"codes_{field.table}.{field.name}"
        self._lists[name] = codes
        return f"={name}"

    def write(self, book: Workbook) -> None:
        """Add the sheet of codes, if a list needs it."""
        if not self._lists:
            return
        sheet = book.add_worksheet(CODES)
        for column, (name, codes) in enumerate(self._lists.items()):
            sheet.write_string(0, column, name)
            for row, code in enumerate(codes, 1):
                sheet.write_string(row, column, code)
            letter = _column_letters(column)
            book.define_name(name, f"={CODES}!${letter}$2:${letter}${len(codes) + 1}")
        sheet.protect("", _ALLOWED)
        sheet.hide()


def _column_letters(column: int) -> str:
    from xlsxwriter.utility import xl_col_to_name

    return str(xl_col_to_name(column))


def _add_table(sheet: Worksheet, table: Table, found: Definitions, formats: _Formats, lists: _CodeLists) -> None:
    sheet.set_comments_author(found.trial.name)
    for column, field in enumerate(table.fields.values()):
        sheet.set_column(column, column, min(max(len(field.name) + 4, 12), 40), formats.of(field))
        sheet.write_string(0, column, field.name, formats.required if field.required == "always" else formats.other)
        text = field_help(field, found)
        sheet.write_comment(0, column, text, {"width": 320, "height": 18 * (len(text) // 45 + text.count("\n") + 2)})
        sheet.data_validation(1, column, LAST_ROW, column, _check(field, found, lists))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, LAST_ROW, len(table.fields) - 1)
    sheet.protect("", _ALLOWED)
    if table.restricted:
        sheet.set_tab_color("#C00000")


def _check(field: Field, found: Definitions, lists: _CodeLists) -> dict[str, Any]:
    """What a cell of the field may hold, and what is said about it."""
    check: dict[str, Any] = {"validate": "any"}
    if codes := list(code_labels(field, found)):
        check = {"validate": "list", "source": lists.source(field, codes)}
    elif field.type in ("integer", "number", "date", "datetime"):
        check = _between(field)
    said = {
        "input_title": _cut(field.label, _LONGEST_TITLE),
        "input_message": _cut(_asked(field, found), _LONGEST_MESSAGE),
    }
    if check["validate"] == "any":
        return check | said
    refused = {
        "error_title": "This value cannot be right",
        "error_message": _cut(_refusal(field, found), _LONGEST_MESSAGE),
    }
    return check | said | refused | {"error_type": "stop"}


def _between(field: Field) -> dict[str, Any]:
    low, high = field.bounds or (None, None)
    if field.type in ("date", "datetime"):
        kind, lowest, highest = "date", _FIRST_DAY, _LAST_DAY
    else:
        kind, lowest, highest = ("integer", -_WHOLE, _WHOLE) if field.type == "integer" else ("decimal", -_HUGE, _HUGE)  # type: ignore[assignment]
    if high is None and low is not None:
        return {"validate": kind, "criteria": ">=", "value": low}
    if low is None and high is not None and kind != "date":
        return {"validate": kind, "criteria": "<=", "value": high}
    return {
        "validate": kind,
        "criteria": "between",
        "minimum": lowest if low is None else low,
        "maximum": highest if high is None else high,
    }


def _asked(field: Field, found: Definitions) -> str:
    facts = (
        ("Unit", found.unit(field)),
        ("Usual", range_words(field.expected)),
        ("Allowed", range_words(field.range)),
        ("Required", "" if field.required == "optional" else requirement_words(field)),
        ("", field.description),
    )
    said = [f"{word}: {fact}" if word else fact for word, fact in facts if fact]
    return "\n".join([_upper(type_words(field)), *said])


def _refusal(field: Field, found: Definitions) -> str:
    if code_labels(field, found):
        return f"{field.label}: choose one of the codes of the list."
    unit = found.unit(field)
    kind = {"number": "number", "datetime": "date and time"}.get(field.type, type_words(field))
    words = f"{field.label}: a {kind}{f' in {unit}' if unit else ''}"
    words += f", {within}." if (within := range_words(field.range)) else "."
    if field.quantity:
        flags = flags_table(found).name
        words += f" For a result that is no number leave the cell empty and add a row to the sheet {flags}."
    return words


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _add_readme(sheet: Worksheet, found: Definitions, formats: _Formats) -> None:
    trial = found.trial
    for column, width in enumerate((26, 90, 24, 28)):
        sheet.set_column(column, column, width, formats.wrapped)
    sheet.write_string(0, 0, f"{trial.title} ({trial.registry}), schema version {trial.version}", formats.title)
    row = 2
    for number, text in enumerate(_steps(found), 1):
        sheet.write_string(row, 0, f"Step {number}", formats.wrapped)
        sheet.write_string(row, 1, text, formats.wrapped)
        row += 1
    row += 1
    for column, text in enumerate(("Sheet", "What it holds", "Rows for each patient", "A record is told apart by")):
        sheet.write_string(row, column, text, formats.bold)
    for table in sent_tables(found):
        row += 1
        apart = " Restricted: it can reveal the arm; send it in a workbook of its own." if table.restricted else ""
        for column, text in enumerate((table.name, table.purpose + apart, table.rows, ", ".join(table.key))):
            sheet.write_string(row, column, text, formats.wrapped)


def _steps(found: Definitions) -> list[str]:
    flags = flags_table(found).name
    text = f"""
Fill in the sheets for which you have records, one record on a row, from row 2 on. Leave no row blank, and leave the
other sheets as they are.

Do not change row 1. Each column name has a comment with what it means, its unit, its range and when it is required;
yellow columns are always required. The sheets are protected without a password.

Write numbers in the unit of the column and without a unit. What is outside the possible range is refused, but not
when it is pasted into a cell: paste values only, and check them.

A result that is no number (such as <0.3 or haemolysed) leaves its cell empty and has a row in the sheet {flags}.

Leave empty what was not recorded. Do not write 0, n/a or a dash.

Sheets with a red tab can reveal the arm of a patient. Fill them in in a copy of this workbook, and send it apart.

Write no names, initials, addresses or full dates of birth anywhere.
"""
    return [" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n")]
