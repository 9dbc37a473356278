"""The tables of the trial for Define-XML: one data set for each, as ``convert`` writes them."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from anakinra_t2d.forms.data_package import reading_order
from anakinra_t2d.forms.field_help import code_labels, range_words, requirement_words, same, subject_field
from anakinra_t2d.standards.define_xml_content import (
    LONGEST_NUMBER,
    LONGEST_TEXT,
    NUMBER_DIGITS,
    Check,
    Code,
    CodeList,
    Comment,
    DataSet,
    DataType,
    Document,
    Item,
    Origin,
    Variable,
    joined,
)

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions, Field, Table
    from anakinra_t2d.schema.tables import FieldType

_TYPES: dict[FieldType, DataType] = {
    "string": "text",
    "integer": "integer",
    "number": "float",
    "boolean": "text",
    "date": "date",
    "datetime": "datetime",
}

CLASSES = {
    "EVENTS": "AE CE DS DV MH",
    "FINDINGS": "DA EG GF IE IS LB OE PE QS RE RP VS",
    "INTERVENTIONS": "AG CM EC EX PR SU",
    "SPECIAL PURPOSE": "CO DM SE SV",
}
"""The general observation classes of SDTM with their domains."""

_USUAL_WHOLE = 8
"""Digits before the point where no limit says how many."""

_CLASS_OF = {domain: name for name, domains in CLASSES.items() for domain in domains.split()}

_DICTIONARIES = {
    "LOINC": r"\bLOINC\b",
    "MedDRA": r"\bMedDRA\b",
    "ICD": r"\bICD\b",
    "SNOMED": r"\bSNOMED\b",
    "WHO ATC CLASSIFICATION SYSTEM": r"\bATC\b",
}
"""Public dictionaries as Define-XML names them, and how a field speaks of them."""


def tables_document(definitions: Definitions) -> Document:
    """Every table in the order in which people read them."""
    trial = definitions.trial
    return Document(
        id="tables",
        title=f"{trial.name} tables",
        data_sets=tuple(_data_set(definitions.tables[name], definitions) for name in reading_order(definitions)),
        standard=None,
        comment=Comment(
            f"The tables of {trial.name} as its converter writes them, one Parquet file for each. They follow no "
            "standard of CDISC; the alias SDTM of a variable names its counterpart there, and a table has the class "
            "of most counterparts. A unit is a UCUM code. Limits are inclusive: a value beyond a hard limit is an "
            f"error, one beyond a soft limit a warning. A text without a stated limit has the length {LONGEST_TEXT}, "
            f"a number without a stated number of digits the length {LONGEST_NUMBER}, which is that of any double. A "
            "truth value is written as true or false."
        ),
    )


def field_codelist(field: Field, definitions: Definitions) -> CodeList | None:
    """The codes of a field with their labels, those of a true-or-false field too, or the dictionary it names."""
    labels = code_labels(field, definitions)
    if labels:
        codes = tuple(Code(code, label) for code, label in labels.items())
        if field.codelist is None:
            return CodeList("boolean", "True or false", codes)
        listed = definitions.codelists[field.codelist]
        whole = list(labels) == listed.codes
        plain = all(same(code, label) for code, label in labels.items())
        if plain:
            codes = tuple(Code(code) for code in labels)
        return CodeList(
            field.codelist if whole else f"{field.table}.{field.name}",
            listed.label if whole else f"{listed.label}, as {field.label.lower()}",
            codes,
        )
    return dictionary_of(field)


def dictionary_of(field: Field) -> CodeList | None:
    """The public dictionary that a text is coded with, where the definition names one."""
    if field.type != "string" or field.codelist:
        return None
    said = f"{field.label} {field.description}"
    named = [name for name, pattern in _DICTIONARIES.items() if re.search(pattern, said)]
    # a field of two dictionaries has codes of either
    return CodeList(f"dictionary.{named[0]}", named[0], dictionary=named[0]) if len(named) == 1 else None


def number_size(field: Field) -> tuple[int, int | None, str | None]:
    """Length in characters, digits after the point and display format of a number.

    A whole number has the length of its limits. Others may have been converted from another unit and have the digits of
    any double; the display format has their usual decimals.
    """
    bounds = [bound for bound in field.range or () if isinstance(bound, int | float)]
    whole = max(len(str(int(bound))) for bound in bounds) if len(bounds) == 2 else None
    if field.type == "integer":
        return whole or LONGEST_NUMBER, None, None
    return LONGEST_NUMBER, NUMBER_DIGITS, display_format(field.decimals, whole or 0)


def display_format(decimals: int | None, whole: int = 0) -> str | None:
    """``m.n``: characters with the point, and decimals; None where the decimals are not stated."""
    if decimals is None:
        return None
    return f"{(whole or _USUAL_WHOLE) + (1 + decimals if decimals else 0)}.{decimals}"


def _data_set(table: Table, definitions: Definitions) -> DataSet:
    subject = subject_field(table, definitions)
    referred = any(key.table == table.name for other in definitions.tables.values() for key in other.foreign_keys)
    return DataSet(
        name=table.name,
        label=table.title,
        file=f"{table.name}.parquet",
        structure=f"One record per {', '.join(table.key)}",
        key=tuple(table.key),
        variables=tuple(_variable(table, field, definitions) for field in table.fields.values()),
        group=_class(table),
        repeating=table.key != [subject],
        reference=subject is None and referred,
        standard=False,
        sas_names=False,
        comment=Comment(
            joined(
                [
                    table.purpose,
                    f"Rows per patient or site: {table.rows}",
                    "Restricted: it can reveal the arm and lives apart" if table.restricted else None,
                    *(f"Unique: {', '.join(group)}" for group in table.unique),
                    *(
                        f"{', '.join(key.fields)} must be in {key.table} ({', '.join(key.to)})"
                        for key in table.foreign_keys
                    ),
                    table.note,
                ]
            )
        ),
    )


def _class(table: Table) -> str | None:
    """The observation class of more than half of the variables beside the key; None when no class has so many."""
    others = [field.codes.cdisc_domain for field in table.fields.values() if field.name not in table.key]
    found = Counter(_CLASS_OF[domain] for domain in others if domain in _CLASS_OF)
    return next((name for name, count in found.most_common(1) if 2 * count > len(others)), None)


def _variable(table: Table, field: Field, definitions: Definitions) -> Variable:
    return Variable(
        name=field.name,
        item=_item(table, field, definitions),
        mandatory=field.required == "always",
        standard=False,
    )


def _item(table: Table, field: Field, definitions: Definitions) -> Item:
    codelist = field_codelist(field, definitions)
    length: int | None = None
    decimals: int | None = None
    display: str | None = None
    if field.type in ("integer", "number"):
        length, decimals, display = number_size(field)
    elif field.type in ("string", "boolean"):
        codes = codelist.codes if codelist else ()
        length = max((len(code.value) for code in codes), default=LONGEST_TEXT)
    unit = definitions.unit(field)
    return Item(
        label=field.label,
        data_type=_TYPES[field.type],
        length=length,
        decimals=decimals,
        display=display,
        unit=unit,
        origin=Origin("Derived", "Sponsor") if table.role == "lineage" else Origin("Collected", "Investigator"),
        codelist=codelist,
        comment=Comment(_words(field, unit), from_paper=field.basis == "paper"),
        checks=tuple(_checks(field)),
        aliases=tuple(_aliases(field)),
    )


def _words(field: Field, unit: str | None) -> str:
    when = [
        f"{what}: {', '.join(map(str, values))}"
        for what, values in (("Visits", field.visits), ("Minutes", field.minutes), ("Weeks", field.weeks))
        if values
    ]
    because = ": ".join(filter(None, (field.range_source, field.range_note)))
    return joined(
        [
            field.description,
            f"Unit {unit}" if unit else None,
            f"Possible {range_words(field.range)} ({because})" if field.range else None,
            f"Usual {range_words(field.expected)}" if field.expected else None,
            f"Of the form {field.pattern}" if field.pattern else None,
            *when,
            f"Required {requirement_words(field)}" if field.required != "optional" else "May be empty",
            "It can reveal the arm" if field.blinding == "revealing" else None,
            "It identifies a person" if field.identifying == "direct" else None,
            "It can help to identify a person" if field.identifying == "quasi" else None,
            f"Open reading {field.ambiguity}" if field.ambiguity else None,
            field.note,
            f"Source: {field.source}; basis: {field.basis}",
        ]
    )


def _checks(field: Field) -> list[Check]:
    checks = []
    for bounds, hard in ((field.range, True), (field.expected, False)):
        low, high = bounds or (None, None)
        checks += [Check("GE", str(low), hard)] if low is not None else []
        checks += [Check("LE", str(high), hard)] if high is not None else []
    return checks


def _aliases(field: Field) -> list[tuple[str, str]]:
    codes = field.codes
    found = [("LOINC", codes.loinc)] if codes.loinc else []
    if codes.cdisc:
        found.append(("SDTM", f"{codes.cdisc_domain}.{codes.cdisc}" if codes.cdisc_domain else codes.cdisc))
    return found
