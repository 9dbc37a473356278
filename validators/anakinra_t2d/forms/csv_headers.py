"""Empty CSV files for a site to fill: one for each table, with its header alone, and a list of all columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from anakinra_t2d.forms.field_help import code_labels, planned_words, sent_tables, type_words
from anakinra_t2d.schema import Definitions, Field

COLUMNS = "columns.txt"
"""Name of the list of all columns: no name of a data file, so that it may stay beside the filled files."""

_FACTS = (
    "table column label type unit range_low range_high expected_low expected_high codes form visits required"
    " required_when planned key restricted description schema_version"
).split()


def csv_headers(definitions: Definitions) -> dict[str, str]:
    """Text of each file by its name: ``<table>.csv`` with the header line, and ``columns.txt``.

    ``columns.txt`` has one row, in CSV, for each column: table, column, label, type, unit (UCUM), hard and expected
    range, codes (``code = label``, separated by ``; ``), form (a regular expression), when it is asked for, its
    description, and the version of the schema.
    """
    files = {f"{table.name}.csv": csv_text([list(table.fields)]) for table in sent_tables(definitions)}
    rows = [_facts(field, definitions) for table in sent_tables(definitions) for field in table.fields.values()]
    files[COLUMNS] = csv_text([_FACTS, *rows])
    return files


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV: comma, LF, None and empty text as empty cells."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()


def _facts(field: Field, found: Definitions) -> list[object]:
    table = found.tables[field.table]
    low, high = field.range or (None, None)
    usual_low, usual_high = field.expected or (None, None)
    codes = "; ".join(f"{code} = {label}" for code, label in code_labels(field, found).items())
    return [
        *(table.name, field.name, field.label, type_words(field), found.unit(field)),
        *(low, high, usual_low, usual_high, codes, field.pattern, " ".join(field.visits)),
        *(field.required, field.required_when, planned_words(field)),
        *("yes" if field.name in table.key else "", "yes" if table.restricted else "", field.description),
        found.trial.version,
    ]
