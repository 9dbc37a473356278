"""What a person who fills in a form has to know about a field, in words."""

from __future__ import annotations

from anakinra_t2d.schema import Definitions, Field, Table

_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number with a decimal point",
    "boolean": "true or false",
    "date": "date (YYYY-MM-DD)",
    "datetime": "date and time (YYYY-MM-DDTHH:MM:SS)",
}


def sent_tables(definitions: Definitions) -> list[Table]:
    """The tables that a site sends, in the order in which people read them."""
    tables = (definitions.tables[name] for name in definitions.trial.tables)
    return [table for table in tables if table.role != "lineage"]


def flags_table(definitions: Definitions) -> Table:
    """The side table of values that are not numbers."""
    return next(table for table in definitions.tables.values() if table.role == "flags")


def subject_table(definitions: Definitions) -> Table:
    """The table with one record for each subject: the one to which most foreign keys of a single field lead."""
    counts = dict.fromkeys(definitions.tables, 0)
    for table in definitions.tables.values():
        for reference in table.foreign_keys:
            if len(reference.to) == 1:
                counts[reference.table] += 1
    return definitions.tables[max(counts, key=lambda name: counts[name])]


def subject_field(table: Table, definitions: Definitions) -> str | None:
    """The field of the key that says which subject a record belongs to; None when records belong to no subject."""
    subject = subject_table(definitions)
    if table.name == subject.name:
        return subject.key[0]
    for reference in table.foreign_keys:
        if reference.table == subject.name and reference.to == subject.key and reference.fields[0] in table.key:
            return reference.fields[0]
    return None


def type_words(field: Field) -> str:
    """Type of a field and how it is written."""
    return "one of the codes" if field.codelist else _TYPES[field.type]


def code_labels(field: Field, definitions: Definitions) -> dict[str, str]:
    """The codes that a field may hold, each with its label; those of a true-or-false field too."""
    if field.type == "boolean":
        return {"true": "yes", "false": "no"}
    terms = definitions.terms(field)
    if terms is None or field.codelist is None:
        return {}
    labels = {term.code: term.label for term in definitions.codelists[field.codelist].terms}
    return {code: labels[code] for code in terms}


def range_words(bounds: tuple[object, object] | None) -> str:
    """``3 to 20``, ``at least 3``, ``at most 20``, or empty where there is no bound."""
    low, high = bounds or (None, None)
    if low is None:
        return "" if high is None else f"at most {high}"
    return f"at least {low}" if high is None else f"{low} to {high}"


def requirement_words(field: Field) -> str:
    """When a value is asked for."""
    if field.required == "always":
        return "always"
    if field.required == "conditional":
        return f"when {field.required_when}"
    if field.required == "elsewhere":
        return f"where rule {field.required_by} asks for it"
    return f"where planned: {planned_words(field)}" if field.required == "planned" else "no"


def planned_words(field: Field) -> str:
    """Where in the schedule a value is expected."""
    planned = field.planned
    parts = (
        ("visits", planned.visits),
        ("minutes", planned.minutes),
        ("weeks", planned.weeks),
        ("when", [planned.when] if planned.when else []),
    )
    return "; ".join(f"{word} {', '.join(map(str, values))}" for word, values in parts if values)


def field_help(field: Field, definitions: Definitions) -> str:
    """Everything about a field, one fact on a line."""
    codes = code_labels(field, definitions) if field.codelist else {}
    facts = (
        ("", field.label),
        ("", field.description),
        ("Type", type_words(field)),
        ("Unit", definitions.unit(field)),
        ("Allowed", range_words(field.range)),
        ("Usual", range_words(field.expected)),
        ("Codes", "; ".join(code if same(code, label) else f"{code} = {label}" for code, label in codes.items())),
        ("Form", field.form),
        ("Visits", ", ".join(field.visits)),
        ("Required", requirement_words(field)),
    )
    return "\n".join(f"{word}: {fact}" if word else fact for word, fact in facts if fact)


def same(code: str, label: str) -> bool:
    """Whether the label of a code says no more than the code."""
    return label.lower().replace(" ", "_") == code.lower()
