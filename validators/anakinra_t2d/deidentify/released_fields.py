"""Definitions that describe the released tables: what is gone, and what has become something else."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from anakinra_t2d.schema.deidentification import split
from anakinra_t2d.schema.deidentification_references import identifier_fields
from anakinra_t2d.schema.sql import columns_read
from anakinra_t2d.schema.tables import Codes, Field, Planned, Table
from anakinra_t2d.schema.trial import Codelist, Term

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions

Dates = Literal["study_day", "shifted"]

_FREE: dict[str, Any] = {
    "codelist": None,
    "terms": [],
    "quantity": None,
    "pattern": None,
    "form": None,
    "range": None,
    "expected": None,
    "range_source": None,
    "range_note": None,
    "decimals": None,
    "codes": Codes(),
}
_OPTIONAL: dict[str, Any] = {
    "required": "optional",
    "required_when": None,
    "required_by": None,
    "planned": Planned(),
}


@dataclass(frozen=True)
class ChangedField:
    """A field of the release that is not what the definitions say, and what it is now."""

    table: str
    name: str
    type: str
    label: str
    description: str

    def as_dict(self) -> dict[str, str]:
        """Plain data."""
        return dataclasses.asdict(self)


@dataclass
class Changes:
    """What happens to fields, each as ``table.field``.

    ``columns`` are those that each released table keeps. ``labels`` are the new codes of fields that were put into
    bands or groups. ``emptied`` fields have lost some of their values.
    """

    dates: Dates
    columns: Mapping[str, list[str]]
    labels: Mapping[str, list[str]]
    emptied: Iterable[str]


def released_definitions(found: Definitions, changes: Changes) -> tuple[Definitions, list[ChangedField]]:
    """The definitions of the tables that are released, and the list of fields that changed their meaning.

    Rules that read a field which is gone or changed are left out, because they no longer say what they said.
    """
    maker = _Maker(found, changes)
    tables = {name: maker.table(found.tables[name], columns) for name, columns in changes.columns.items()}
    touched = maker.touched
    rules = {
        code: rule
        for code, rule in found.across_rules.items()
        if not touched.intersection([*rule.fields, f"{rule.table}.{rule.field}"])
    }
    codelists = {**found.codelists, **maker.codelists}
    return dataclasses.replace(found, tables=tables, across_rules=rules, codelists=codelists), maker.changed


class _Maker:
    def __init__(self, found: Definitions, changes: Changes) -> None:
        self.found = found
        self.changes = changes
        self.identifiers = identifier_fields(found)
        self.emptied = set(changes.emptied)
        self.codelists: dict[str, Codelist] = {}
        self.changed: list[ChangedField] = []
        self.touched = {
            f"{table.name}.{field}"
            for table in found.tables.values()
            for field in table.fields
            if field not in changes.columns.get(table.name, [])
        }

    def table(self, table: Table, columns: list[str]) -> Table:
        fields = {name: self.field(table, table.fields[name]) for name in table.fields if name in columns}
        gone = {name for name in table.fields if f"{table.name}.{name}" in self.touched}
        for name, field in fields.items():
            needed = [text for text in (field.required_when, field.planned.when) if text]
            if any(columns_read(text) & gone for text in needed):
                fields[name] = field.model_copy(update=_OPTIONAL)
        return table.model_copy(
            update={
                "fields": fields,
                "rules": [rule for rule in table.rules if not gone.intersection([rule.field, *rule.fields])],
                "foreign_keys": [one for one in table.foreign_keys if set(one.fields) <= set(fields)],
                "unique": [group for group in table.unique if set(group) <= set(fields)],
            }
        )

    def field(self, table: Table, field: Field) -> Field:
        name = f"{table.name}.{field.name}"
        update: dict[str, Any] = {}
        if name in self.identifiers:
            update = {**_FREE, "codes": field.codes, "description": self._pseudonym(name)}
        elif field.type in ("date", "datetime"):
            update = self._day(field) if self.changes.dates == "study_day" else self._moved(field)
        elif name in self.changes.labels:
            update = self._labelled(name, field)
        if update:
            self.touched.add(name)
            made = field.model_copy(update=update)
            self.changed.append(ChangedField(table.name, field.name, made.type, made.label, made.description))
            field = made
        if name in self.emptied or (update and field.name not in table.key and field.required != "always"):
            field = field.model_copy(update=_OPTIONAL)
        return field

    def _pseudonym(self, name: str) -> str:
        label = (
            self.found.tables[split(self.identifiers[name].field)[0]]
            .fields[split(self.identifiers[name].field)[1]]
            .label
        )
        return f"Keyed pseudonym that stands for the {label.lower()}, the same in every table of this release"

    def _day(self, field: Field) -> dict[str, Any]:
        rules = self.found.deidentification.day_one
        return {
            **_FREE,
            "type": "integer",
            "quantity": rules.quantity,
            "label": f"{field.label}, study day",
            "description": (
                f"{field.description}. As a study day: {self._first()} is day 1, the day before it is day -1; there is "
                f"no day 0; {rules.earliest_day} stands for every earlier day"
            ),
        }

    def _moved(self, field: Field) -> dict[str, Any]:
        rules = self.found.deidentification.day_one
        low, _ = self.found.deidentification.shift.days
        return {
            **_FREE,
            "type": "date",
            "label": f"{field.label}, moved",
            "description": (
                f"{field.description}. All dates of a person are moved on by the same secret number of days, at least "
                f"{low}; dates before day {rules.earliest_day} ({self._first()} is day 1) stand as that day"
            ),
        }

    def _first(self) -> str:
        fields = [
            self.found.tables[table].fields[field].label.lower()
            for table, field in map(split, self.found.deidentification.day_one.fields)
            if table in self.found.tables and field in self.found.tables[table].fields
        ]
        return ", or without it the ".join(fields) + ("," if fields[1:] else "")

    def _labelled(self, name: str, field: Field) -> dict[str, Any]:
        unit = self.found.unit(field)
        old = self.found.codelists[field.codelist].terms if field.codelist else []
        words = {term.code: term.label for term in old}
        labels = self.changes.labels[name]
        codelist = f"released_{field.table}_{field.name}"
        self.codelists[codelist] = Codelist(
            label=f"{field.label} of the release",
            terms=[Term(code=label, label=words.get(label, label.replace("_", " "))) for label in labels],
        )
        ranges = f"Ranges{f' in the unit {unit} (UCUM)' if unit else ''}" if not field.codelist else "Groups of codes"
        return {
            **_FREE,
            "codes": field.codes,
            "type": "string",
            "codelist": codelist,
            "label": f"{field.label}, in {'ranges' if not field.codelist else 'groups'}",
            "description": f"{field.description}. {ranges}, so that nobody stands out",
        }
