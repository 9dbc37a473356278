"""The data dictionary of a REDCap project, as downloaded from REDCap or from its API."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from anakinra_t2d.reading.cells import TextTable

_COLUMNS = {
    "variable / field name": "field",
    "field_name": "field",
    "form name": "form",
    "form_name": "form",
    "field type": "type",
    "field_type": "type",
    "choices, calculations, or slider labels": "choices",
    "choices or calculations": "choices",
    "select_choices_or_calculations": "choices",
    "text validation type or show slider number": "validation",
    "text_validation_type_or_show_slider_number": "validation",
}
_NEEDED = {"field", "form", "type"}
# R writes NA for an empty cell, and no property that is read here has such a value
_EMPTY = frozenset({"", "NA"})
_CHOICES = ("dropdown", "radio", "checkbox")
_FIXED = {"yesno": {"1": "Yes", "0": "No"}, "truefalse": {"1": "True", "0": "False"}}
_WITHOUT_DATA = "descriptive"


@dataclass(frozen=True, slots=True)
class RedcapField:
    """A field of a form: its variable, its type, the labels of its codes and how its text is validated."""

    name: str
    form: str
    type: str
    labels: dict[str, str] = field(default_factory=dict)
    validation: str = ""

    @property
    def decimal(self) -> str | None:
        """The decimal mark that the project declares; None when it declares none."""
        if self.validation.startswith("number"):
            return "," if "comma_decimal" in self.validation else "."
        return "." if self.type == "calc" else None

    @property
    def has_time(self) -> bool:
        """Whether the field holds a date with a time of the day."""
        return self.validation.startswith("datetime")


@dataclass(frozen=True, slots=True)
class RedcapProject:
    """The fields of a project in order; the first one is the record id."""

    fields: list[RedcapField]

    @property
    def record_id(self) -> str:
        """Variable of the record id."""
        return self.fields[0].name

    def forms(self) -> dict[str, list[RedcapField]]:
        """The fields of each form without the record id, in the order of the dictionary."""
        forms: dict[str, list[RedcapField]] = {}
        for each in self.fields:
            own = forms.setdefault(each.form, [])
            if each.name != self.record_id:
                own.append(each)
        return {form: fields for form, fields in forms.items() if fields}


def is_dictionary(header: Sequence[str]) -> bool:
    """Whether a file with this header is a data dictionary, in either spelling of its columns."""
    return set(_properties(header).values()) >= _NEEDED


def read_dictionary(table: TextTable) -> RedcapProject:
    """The fields that a data dictionary describes; it is empty when the file is unreadable or no dictionary.

    What is wrong with the file stands in ``table.problems`` afterwards.
    """
    properties = _properties(table.header)
    fields: dict[str, RedcapField] = {}
    for batch in table:
        if not is_dictionary(table.header):
            continue
        cells = batch.cells.select([column for column in properties if column in batch.cells.columns])
        for row in cells.iter_rows(named=True):
            read = {properties[column]: _text(value) for column, value in row.items()}
            found = _field(read)
            if found is not None:
                fields.setdefault(found.name, found)
    return RedcapProject(list(fields.values()))


def _properties(header: Sequence[str]) -> dict[str, str]:
    """Columns of the dictionary that are read, with the property they hold."""
    known = ((column, _COLUMNS.get(" ".join(column.lower().split()))) for column in header)
    return {column: name for column, name in known if name}


def _text(value: str | None) -> str:
    text = (value or "").strip()
    return "" if text in _EMPTY else text


def _field(read: dict[str, str]) -> RedcapField | None:
    name, form, kind = (read.get(key, "") for key in ("field", "form", "type"))
    if not name or not form or kind == _WITHOUT_DATA:
        return None
    labels = _choices(read.get("choices", "")) if kind in _CHOICES else dict(_FIXED.get(kind, {}))
    return RedcapField(name, form, kind, labels, read.get("validation", "").lower())


def _choices(text: str) -> dict[str, str]:
    """``1, Female | 2, Male`` as code to label."""
    pairs = (part.partition(",") for part in re.split(r"\s*(?:\||\n)\s*", text) if part.strip())
    return {code.strip(): label.strip() or code.strip() for code, _, label in pairs}


def checkbox_code(code: str) -> str:
    """A code as it stands in the name of a checkbox column, such as ``race___1``."""
    return re.sub(r"[^a-z0-9_]", "_", code.lower())
