"""The SDTM data sets for Define-XML, each test with its own metadata."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, get_args

from anakinra_t2d.forms.field_help import range_words, same
from anakinra_t2d.standards.define_xml_content import (
    LONGEST_NUMBER,
    NUMBER_DIGITS,
    Code,
    CodeList,
    Comment,
    DataSet,
    DataType,
    Document,
    Item,
    Origin,
    Standard,
    Value,
    Variable,
    joined,
)
from anakinra_t2d.standards.define_xml_tables import dictionary_of, display_format
from anakinra_t2d.standards.sdtm_metadata import domain_of, sdtm_datasets, sdtm_profile
from anakinra_t2d.standards.sdtm_variables import DOMAINS, standard_of

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions, Field
    from anakinra_t2d.schema.sites import TableLayout
    from anakinra_t2d.standards.sdtm_metadata import Dataset, SubmittedTerm, ValueLevel
    from anakinra_t2d.standards.sdtm_metadata import Variable as Submitted

_STANDARD = Standard("SDTMIG", "3.4", "SDTM")
_TYPES: dict[str, DataType] = {one: one for one in get_args(DataType)}
_COLLECTED = Origin("Collected", "Investigator")


def sdtm_document(definitions: Definitions) -> Document:
    """What ``export sdtm`` can write, restricted data sets included."""
    trial = definitions.trial
    described = sdtm_datasets(definitions)
    lists = _Lists(described, definitions)
    restricted = [one.name for one in described if one.restricted]
    return Document(
        id="sdtm",
        title=f"{trial.name} SDTM data sets",
        data_sets=tuple(_data_set(one, definitions, lists) for one in described),
        standard=_STANDARD,
        comment=Comment(
            f"The SDTM data sets of {trial.name}, made from its tables. Data sets whose names begin with X or Y are "
            "not part of the standard: they hold what SDTM has no variable for. Restricted data sets can reveal the "
            f"arm and are written only when that is asked for: {', '.join(restricted) or 'none'}. A number without a "
            f"stated number of digits has the length {LONGEST_NUMBER}, which is that of any double."
        ),
    )


def _data_set(one: Dataset, definitions: Definitions, lists: _Lists) -> DataSet:
    known = one.name in DOMAINS
    return DataSet(
        name=one.name,
        label=one.label,
        file=one.file,
        structure=one.structure,
        key=one.keys,
        variables=tuple(_variable(one, variable, definitions, lists) for variable in one.variables),
        group=one.domain_class if known else None,
        domain=one.name,
        repeating=set(one.keys) != {"STUDYID", "USUBJID"},
        reference=not one.is_of_subjects,
        standard=known,
        comment=Comment(
            joined(
                [
                    f"From {', '.join(one.tables)}: "
                    + " ".join(joined([definitions.tables[table].purpose]) for table in one.tables),
                    "Restricted: it can reveal the arm and lives apart" if one.restricted else None,
                ]
            )
        ),
    )


def _variable(one: Dataset, variable: Submitted, definitions: Definitions, lists: _Lists) -> Variable:
    values = tuple(_value(level, one, variable, definitions, lists) for level in variable.values)
    field = None
    if variable.field:
        table, name = variable.field
        field = definitions.tables[table].fields[name]
    length, decimals = _size(variable.type, variable.length)
    if variable.type == "text":
        of_values = [value.item.length or 1 for value in values]
        length = max([length or 1, *of_values, *(len(mark.value) for mark in lists.marks(one, variable.name))])
    said = variable.description.rstrip(".") != variable.label
    # a data set of several tables has variables that only some of its records fill
    shared = len(one.tables) == 1 or variable.constant is not None or variable.name == "USUBJID"
    return Variable(
        name=variable.name,
        item=Item(
            label=variable.label,
            data_type=_TYPES[variable.type],
            length=length,
            decimals=decimals,
            display=display_format(variable.decimals) if variable.type == "float" else None,
            origin=_origin(variable, lists.marks(one, variable.name)),
            codelist=_codelist(one, variable, field, lists),
            comment=_comment(variable.description, field, variable.unit) if said else None,
            aliases=(("LOINC", field.codes.loinc),) if field and field.codes.loinc else (),
        ),
        mandatory=variable.mandatory and shared,
        standard=standard_of(variable.name, one.name) is not None,
        values=values,
    )


def _value(level: ValueLevel, one: Dataset, variable: Submitted, definitions: Definitions, lists: _Lists) -> Value:
    field = definitions.tables[level.table].fields[level.field]
    length, decimals = _size(level.type, level.length)
    named = "_".join(code.replace(" ", "_") for _, codes in level.where for code in codes)
    return Value(
        named,
        level.where,
        Item(
            label=level.label,
            data_type=_TYPES[level.type],
            length=length,
            decimals=decimals,
            display=display_format(level.decimals) if level.type == "float" else None,
            origin=_COLLECTED,
            codelist=lists.of(level.codelist, level.terms, f"{one.name}.{variable.name}.{named}", level.label),
            comment=_comment(level.description, field, level.unit, level.unit_text),
            aliases=(("LOINC", level.loinc),) if level.loinc else (),
        ),
    )


def _size(kind: str, length: int) -> tuple[int | None, int | None]:
    """Length in characters and digits after the point; the length of a number is given in bytes."""
    if kind == "text":
        return length, None
    if kind == "float":
        return LONGEST_NUMBER, NUMBER_DIGITS
    return (length, None) if kind == "integer" else (None, None)


def _origin(variable: Submitted, marks: tuple[Code, ...]) -> Origin:
    if variable.field is None and marks:
        return Origin("Assigned", "Sponsor")
    if variable.origin == "Collected":
        return _COLLECTED
    kind: Any = variable.origin
    return Origin(kind, "Sponsor")


def _codelist(one: Dataset, variable: Submitted, field: Field | None, lists: _Lists) -> CodeList | None:
    place = f"{one.name}.{variable.name}"
    if variable.terms:
        return lists.of(variable.codelist, variable.terms, place, variable.label)
    if variable.field is None and (marks := lists.marks(one, variable.name)):
        return CodeList(place, variable.label, marks)
    if variable.constant:
        return CodeList(place, variable.label, (Code(variable.constant),))
    return dictionary_of(field) if field else None


class _Lists:
    """Codelists of the data sets: one for each id, and one of its own for a variable that means other terms by it."""

    def __init__(self, described: Iterable[Dataset], definitions: Definitions) -> None:
        self._labels = {name: listed.label for name, listed in definitions.codelists.items()}
        self._found: dict[str, set[tuple[SubmittedTerm, ...]]] = {}
        self._marks: dict[tuple[str, str], dict[str, list[str]]] = {}
        for sheet in sdtm_profile(definitions).sheets:
            if domain := domain_of(sheet):
                for layout in sheet.tables:
                    self._mark(domain, layout, definitions)
        for one in described:
            for variable in one.variables:
                self._note(variable)
                for level in variable.values:
                    self._note(level)

    def _mark(self, domain: str, layout: TableLayout, definitions: Definitions) -> None:
        for name, texts in layout.where.items():
            self._marks.setdefault((domain, name), {}).setdefault(texts[0], [])
        if layout.tests:
            found = self._marks.setdefault((domain, layout.tests.column), {})
            fields = definitions.tables[layout.table].fields
            for name, texts in layout.tests.names.items():
                found.setdefault(texts[0], []).append(fields[name].label)

    def _note(self, one: Submitted | ValueLevel) -> None:
        if one.codelist:
            self._found.setdefault(one.codelist, set()).add(one.terms)

    def marks(self, one: Dataset, name: str) -> tuple[Code, ...]:
        """Texts by which a variable says what a record is about, with the labels of the tests."""
        found = self._marks.get((one.name, name), {})
        return tuple(Code(text, " / ".join(labels) or None) for text, labels in found.items())

    def of(self, listed: str | None, terms: tuple[SubmittedTerm, ...], place: str, label: str) -> CodeList | None:
        """The codelist of ``terms``, None where there are none."""
        if not terms or not listed:
            return None
        plain = all(same(term.text, term.label) for term in terms)
        codes = tuple(Code(term.text, None if plain else term.label) for term in terms)
        if len(self._found[listed]) == 1:
            name = listed.partition(".")[0]
            return CodeList(listed, self._labels.get(name) or name.replace("_", " ").capitalize(), codes)
        return CodeList(f"{listed}.{place}", label, codes)


def _comment(description: str, field: Field | None, unit: str | None, written: str | None = None) -> Comment:
    return Comment(
        joined(
            [
                description,
                f"From {field.table}.{field.name}" if field else None,
                f"Unit {unit} (UCUM)" + (f", written as {written}" if written and written != unit else "")
                if unit
                else None,
                f"Possible {range_words(field.range)}" if field and field.range else None,
                f"Open reading {field.ambiguity}" if field and field.ambiguity else None,
                field.note if field else None,
                f"Source: {field.source}; basis: {field.basis}" if field else None,
            ]
        ),
        from_paper=field is not None and field.basis == "paper",
    )
