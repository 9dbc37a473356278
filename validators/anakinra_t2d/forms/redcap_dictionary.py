"""The tables of the subjects as a REDCap data dictionary: one instrument for each table.

Source of the columns: the data dictionary that REDCap itself offers for download.
"""

from __future__ import annotations

import textwrap

from anakinra_t2d.forms.csv_headers import csv_text
from anakinra_t2d.forms.field_help import (
    code_labels,
    flags_table,
    planned_words,
    range_words,
    requirement_words,
    sent_tables,
    subject_field,
    subject_table,
)
from anakinra_t2d.forms.redcap_branching import branching_logic
from anakinra_t2d.schema import Definitions, Field, Table

COLUMNS = [
    "Variable / Field Name",
    "Form Name",
    "Section Header",
    "Field Type",
    "Field Label",
    "Choices, Calculations, OR Slider Labels",
    "Field Note",
    "Text Validation Type OR Show Slider Number",
    "Text Validation Min",
    "Text Validation Max",
    "Identifier?",
    "Branching Logic (Show field only if...)",
    "Required Field?",
    "Custom Alignment",
    "Question Number (surveys only)",
    "Matrix Group Name",
    "Matrix Ranking?",
    "Field Annotation",
]
"""The header of a data dictionary, as REDCap writes it."""

DICTIONARY = "dictionary.csv"
REPEATING = "repeating_instruments.csv"

_VALIDATIONS = {"integer": "integer", "number": "number", "date": "date_ymd", "datetime": "datetime_ymd"}
_TIME_OF_DAY = "^([01][0-9]|2[0-3]):[0-5][0-9]$"


def instruments(definitions: Definitions, *, restricted: bool = False) -> list[Table]:
    """Tables that belong to a subject; the restricted ones are a project of their own. The subject's table is first."""
    first = subject_table(definitions).name
    tables = [
        table
        for table in sent_tables(definitions)
        if table.restricted == restricted and subject_field(table, definitions) is not None
    ]
    return sorted(tables, key=lambda table: table.name != first)


def is_repeating(table: Table) -> bool:
    """Whether a subject can have more than one record."""
    return len(table.key) > 1


def variable_name(table: Table, field: str) -> str:
    """Name of a field in the project, where names of all instruments live side by side."""
    return f"{table.name}_{field}"


def redcap_dictionary(definitions: Definitions, *, restricted: bool = False) -> list[dict[str, str]]:
    """Rows of the data dictionary, each with all of ``COLUMNS``.

    The record id is the subject number and the first field. Codes stay as they are; units stand in the field note, the
    name of the table and field in the annotation.

    Args:
        definitions: the definitions.
        restricted: the tables that can reveal the arm, instead of all others.
    """
    tables = instruments(definitions, restricted=restricted)
    if not tables:
        return []
    record_id = subject_table(definitions).fields[subject_table(definitions).key[0]]
    rows = [_row(tables[0], record_id, record_id.name, definitions)]
    for table in tables:
        own = [field for field in table.fields.values() if field.name != subject_field(table, definitions)]
        form = [_row(table, field, variable_name(table, field.name), definitions) for field in own]
        form[0]["Section Header"] = table.purpose
        rows += form
    return rows


def redcap_files(definitions: Definitions) -> dict[str, str]:
    """Text of each file for a project by its name.

    They are a README, the dictionary and the list of repeating instruments; for the restricted tables the latter two
    lie under ``restricted/``.
    """
    files = {"README.txt": _readme(definitions)}
    for folder, restricted in (("", False), ("restricted/", True)):
        if not (tables := instruments(definitions, restricted=restricted)):
            continue
        files[folder + DICTIONARY] = dictionary_text(definitions, restricted=restricted)
        repeating = [[table.name, ""] for table in tables if is_repeating(table)]
        files[folder + REPEATING] = csv_text([["form_name", "custom_form_label"], *repeating])
    return files


def dictionary_text(definitions: Definitions, *, restricted: bool = False) -> str:
    """The data dictionary as CSV."""
    rows = redcap_dictionary(definitions, restricted=restricted)
    return csv_text([COLUMNS, *([row[column] for column in COLUMNS] for row in rows)])


def _row(table: Table, field: Field, variable: str, found: Definitions) -> dict[str, str]:
    choices = code_labels(field, found)
    low, high = field.range or (None, None)
    validation = "" if choices else _VALIDATIONS.get(field.type, "time" if field.pattern == _TIME_OF_DAY else "")
    logic = branching_logic(field, found, lambda name: variable_name(table, name))
    row = dict.fromkeys(COLUMNS, "")
    row |= {
        "Variable / Field Name": variable,
        "Form Name": table.name,
        "Field Type": "dropdown" if choices else "text",
        "Field Label": field.label,
        "Choices, Calculations, OR Slider Labels": " | ".join(
            f"{code}, {label.replace('|', '/')}" for code, label in choices.items()
        ),
        "Field Note": _note(field, found),
        "Text Validation Type OR Show Slider Number": validation,
        "Text Validation Min": "" if low is None else str(low),
        "Text Validation Max": "" if high is None else str(high),
        "Identifier?": "y" if field.identifying == "direct" else "",
        "Branching Logic (Show field only if...)": logic,
        "Required Field?": "y" if field.required == "always" else "",
        "Field Annotation": _annotation(table, field, logic),
    }
    return row


def _note(field: Field, found: Definitions) -> str:
    unit = found.unit(field)
    usual = range_words(field.expected)
    return "; ".join([*([f"Unit: {unit}"] if unit else []), *([f"usually {usual}"] if usual else [])])


def _annotation(table: Table, field: Field, logic: str) -> str:
    """Where the value belongs in the schema, and what of its requirement the logic does not say."""
    parts = [f"{table.name}.{field.name}"]
    if field.required == "conditional":
        kept = "" if logic else "; always shown, because a value is allowed otherwise too"
        parts.append(f"required {requirement_words(field)}{kept}")
    elif field.required == "planned":
        parts.append(f"expected at {planned_words(field)}; always shown, because a value is allowed elsewhere too")
    return ". ".join(parts)


def _readme(found: Definitions) -> str:
    trial = found.trial
    shared = instruments(found)
    once = ", ".join(table.name for table in shared if not is_repeating(table))
    several = "\n".join(f"   {table.name}: {', '.join(table.key[1:])}" for table in shared if is_repeating(table))
    restricted = ", ".join(table.name for table in instruments(found, restricted=True))
    others = ", ".join(table.name for table in sent_tables(found) if subject_field(table, found) is None)
    flags = flags_table(found).name
    text = f"""REDCap project: {trial.title} ({trial.registry}), schema version {trial.version}

1. Make a new project and upload {DICTIONARY} under Project Setup > Data Dictionary.

2. Enable repeating instruments under Project Setup, and choose those listed in {REPEATING}, because a data dictionary
cannot say it. Each instance is one record. These fields tell the records of a subject apart:

{several}

One record for each subject: {once}.

3. The record id is the subject number.

4. To deliver, export the raw data (not labels) of all instruments as CSV, and send the file in one folder with the data
dictionary of the project. Both are needed to read it.

Variables are named <instrument>_<field>. Some have more than the 26 characters that REDCap recommends; it takes 100.

Instruments that can reveal the arm ({restricted}) are a project of their own, under restricted/. Give access to it only
to people who may know the arm, and send its export apart.

The records of these tables belong to no subject; send them as CSV files: {others}.

A value below or above a limit is no number: leave its field empty and send a row of the table {flags}.
"""
    paragraphs = text.rstrip().split("\n\n")
    return "\n\n".join(part if part == several else textwrap.fill(part, 100) for part in paragraphs) + "\n"
