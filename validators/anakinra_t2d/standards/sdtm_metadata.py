"""The SDTM data sets that the tables become, as the profile that reads SDTM says: variables, keys, terms, tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from anakinra_t2d.schema import Definitions, Field, Table
from anakinra_t2d.schema.sites import FieldLayout, Profile, SheetLayout, TableLayout
from anakinra_t2d.standards.sdtm_terms import (
    LONGEST_LABEL,
    SubmittedTerm,
    codelist_id,
    shortened,
    submitted_terms,
    text_length,
    variable_type,
)
from anakinra_t2d.standards.sdtm_units import unit_text
from anakinra_t2d.standards.sdtm_variables import (
    DAY_OF_DATE,
    DOMAINS,
    FIRST_TREATMENT,
    REFERENCE_START,
    SPONSOR_CLASS,
    own_name,
    rank_of,
    standard_of,
)
from anakinra_t2d.write.transport_file import LONGEST_TEXT

_NUMBERS = frozenset({"integer", "float"})
_LENGTHS = {"date": 10, "partialDate": 10, "datetime": 19, "integer": 8, "float": 8}
_MARKS = frozenset({"STUDYID", "DOMAIN"})


@dataclass(frozen=True)
class ValueLevel:
    """What a result means in the records that ``where`` picks: texts, one of which each of these variables has.

    ``unit`` is the UCUM unit, ``unit_text`` how the data set writes it. ``length`` is in characters, of the longest
    text that the definitions allow; ``decimals`` are the usual ones of a number, which stands here as text.
    """

    where: tuple[tuple[str, tuple[str, ...]], ...]
    table: str
    field: str
    label: str
    description: str
    type: str
    length: int
    decimals: int | None
    unit: str | None
    unit_text: str | None
    codelist: str | None
    terms: tuple[SubmittedTerm, ...]
    loinc: str | None = None


@dataclass(frozen=True)
class Variable:
    """A variable of a data set.

    Attributes:
        type: text, integer, float, date, datetime or partialDate (a year alone). Dates are ISO 8601 texts in the data
            set.
        length: Bytes of a number; characters of the longest text that the definitions allow.
        key: Place among the keys of the data set, from 1.
        origin: Collected, Derived, Assigned or Protocol.
        codelist: Id of the list of its terms: the codelist of the trial, with data set and variable behind it where
            this variable takes only some of the terms, or in words of its own.
        unit: UCUM unit of its numbers, where no other variable says it.
        field: Table and field of the trial that it holds; None where the data set alone has it.
        constant: The text that each record has, where there is only one.
        values: What the result of each test is.
    """

    name: str
    label: str
    type: str
    length: int
    role: str
    origin: str
    description: str
    key: int | None = None
    mandatory: bool = False
    codelist: str | None = None
    terms: tuple[SubmittedTerm, ...] = ()
    unit: str | None = None
    decimals: int | None = None
    field: tuple[str, str] | None = None
    constant: str | None = None
    values: tuple[ValueLevel, ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether the data set holds numbers, and not texts."""
        return self.type in _NUMBERS


@dataclass(frozen=True)
class Dataset:
    """A data set: ``tables`` are those of the trial that its records come from.

    ``file`` is the name of its file, ``structure`` says in words what a record is, ``restricted`` that it can reveal
    the arm and lives apart.
    """

    name: str
    label: str
    domain_class: str
    file: str
    structure: str
    keys: tuple[str, ...]
    variables: tuple[Variable, ...]
    tables: tuple[str, ...]
    restricted: bool

    @property
    def is_of_subjects(self) -> bool:
        """Whether its records belong to subjects."""
        return any(variable.name == "USUBJID" for variable in self.variables)

    def variable(self, name: str) -> Variable:
        """A variable by its name. Raises KeyError."""
        return {each.name: each for each in self.variables}[name]


def sdtm_profile(definitions: Definitions) -> Profile:
    """The profile of the published layout that SDTM data sets are recognised by.

    Raises:
        LookupError: the definitions have none.
    """
    for profile in definitions.profiles.values():
        if set(profile.recognised_by) >= _MARKS:
            return profile
    raise LookupError("the definitions have no profile of SDTM")


def domain_of(sheet: SheetLayout) -> str | None:
    """The domain that a sheet of the profile is about; None for one that holds no table."""
    return sheet.expect["DOMAIN"][0] if sheet.tables and "DOMAIN" in sheet.expect else None


def sdtm_datasets(definitions: Definitions) -> list[Dataset]:
    """Every data set that ``export sdtm`` can write, in the order of the profile.

    Data sets of restricted tables are among them; their variables stand in the order of the files. A variable of the
    data set that only some trials fill is here as well.
    """
    profile = sdtm_profile(definitions)
    several = {
        layout.table
        for sheet in profile.sheets
        for layout in sheet.tables
        if domain_of(sheet) in DOMAINS and sheet.tables
    }
    return [
        _Describer(profile, sheet, domain, definitions, several).dataset()
        for sheet in profile.sheets
        if (domain := domain_of(sheet)) is not None
    ]


class _Describer:
    """Describes the data set of one sheet of the profile."""

    def __init__(
        self, profile: Profile, sheet: SheetLayout, domain: str, found: Definitions, several: set[str]
    ) -> None:
        self.profile = profile
        self.sheet = sheet
        self.domain = domain
        self.found = found
        self.several = several
        self.variables: dict[str, Variable] = {}

    def dataset(self) -> Dataset:
        """The data set with all its variables."""
        tables = [self.found.tables[layout.table] for layout in self.sheet.tables]
        label, kind = DOMAINS.get(self.domain, (self._sponsor_label(tables[0]), SPONSOR_CLASS))
        self._constants()
        for layout, table in zip(self.sheet.tables, tables, strict=True):
            self._fields(layout, table)
            self._marks(layout)
            self._tests(layout, table)
        self._beside()
        keys = self._keys()
        ordered = sorted(self.variables.values(), key=lambda each: rank_of(each.name, self.domain))
        places = {name: number for number, name in enumerate(keys, start=1)}
        return Dataset(
            self.domain,
            label,
            kind,
            f"{self.domain.lower()}.{self.profile.extension or 'xpt'}",
            "One record per " + ", ".join(self._words(name) for name in keys[1:]),
            tuple(keys),
            tuple(replace(each, key=places.get(each.name)) for each in ordered),
            tuple(dict.fromkeys(table.name for table in tables)),
            any(table.restricted for table in tables),
        )

    def _sponsor_label(self, table: Table) -> str:
        return shortened(f"{table.title}, continued" if table.name in self.several else table.title)

    def _words(self, name: str) -> str:
        return "subject" if name == "USUBJID" else self.variables[name].label.lower()

    def _add(self, variable: Variable) -> None:
        self.variables.setdefault(variable.name, variable)

    def _constants(self) -> None:
        for name, texts in self.sheet.expect.items():
            self._add(self._assigned(name, texts[:1], mandatory=True))

    def _assigned(self, name: str, texts: Sequence[str], *, mandatory: bool = False) -> Variable:
        standard = standard_of(name, self.domain)
        return Variable(
            name,
            standard.label if standard else name,
            "text",
            max(map(len, texts)),
            standard.role if standard else "Record Qualifier",
            "Assigned",
            "The same for every record of the data set." if mandatory else "Says which records these are.",
            mandatory=mandatory,
            constant=texts[0] if mandatory else None,
        )

    def _fields(self, layout: TableLayout, table: Table) -> None:
        for name in layout.fields:
            entry = layout.field(name)
            for column in entry.columns[:1]:
                self._add(self._of_field(column, entry, table, table.fields[name]))
                if entry.unit_column:
                    self._add(self._of_unit(entry, table.fields[name]))

    def _of_field(self, column: str, entry: FieldLayout, table: Table, field: Field) -> Variable:
        standard = standard_of(column, self.domain)
        use_standard = standard is not None and (self.domain in DOMAINS or field.name in table.key)
        kind = variable_type(column, field)
        terms = submitted_terms(field, entry, self.profile, self.found)
        return Variable(
            column,
            standard.label if standard and use_standard else shortened(field.label),
            kind,
            _LENGTHS.get(kind) or text_length(terms),
            standard.role if standard else "Record Qualifier",
            "Collected",
            field.description,
            mandatory=field.required == "always",
            codelist=codelist_id(field, entry, f"{self.domain}.{column}") if terms else None,
            terms=terms,
            unit=None if entry.unit_column else self.found.unit(field),
            decimals=field.decimals if kind == "float" else None,
            field=(table.name, field.name),
        )

    def _of_unit(self, entry: FieldLayout, field: Field) -> Variable:
        name = entry.unit_column or ""
        standard = standard_of(name, self.domain)
        unit = self.found.unit(field)
        text = unit_text(field, unit, self.profile, self.found) if unit else None
        return Variable(
            name,
            standard.label if standard else "Unit",
            "text",
            len(text or "") or 1,
            standard.role if standard else "Variable Qualifier",
            "Assigned",
            f"Unit of {entry.columns[0]}.",
        )

    def _marks(self, layout: TableLayout) -> None:
        """Variables that no field has, but that say which records belong to the table."""
        for name, texts in layout.where.items():
            if name not in self.variables and not (layout.tests and name == layout.tests.column):
                self._add(self._assigned(name, texts[:1]))

    def _tests(self, layout: TableLayout, table: Table) -> None:
        if layout.tests is None:
            return
        tests = layout.tests
        levels = tuple(self._levels(layout, table))
        self._add(self._found(tests.column, "text", max(len(level.where[0][1][0]) for level in levels), mandatory=True))
        self._add(self._found(tests.result, "text", max(level.length for level in levels)))
        result = self.variables[tests.result]
        self.variables[tests.result] = replace(
            result, values=result.values + levels, length=max(result.length, *(level.length for level in levels))
        )
        if tests.unit_column:
            self._add(self._found(tests.unit_column, "text", max(len(level.unit_text or " ") for level in levels)))
        if tests.status_column:
            self._add(self._found(tests.status_column, "text", len("NOT DONE")))

    def _found(self, name: str, kind: str, length: int, *, mandatory: bool = False) -> Variable:
        standard = standard_of(name, self.domain)
        label, role = (standard.label, standard.role) if standard else (name, "Result Qualifier")
        return Variable(name, label, kind, length, role, "Collected", label + ".", mandatory=mandatory)

    def _levels(self, layout: TableLayout, table: Table) -> Iterator[ValueLevel]:
        tests = layout.tests
        assert tests is not None
        marks = [(name, tuple(texts[:1])) for name, texts in layout.where.items() if name != tests.column]
        for name, texts in tests.names.items():
            field = table.fields[name]
            terms = submitted_terms(field, FieldLayout(column=tests.result), self.profile, self.found)
            unit = self.found.unit(field)
            yield ValueLevel(
                ((tests.column, (texts[0],)), *marks),
                table.name,
                name,
                shortened(field.label),
                field.description,
                variable_type("", field),
                _LENGTHS.get(variable_type("", field)) or text_length(terms),
                field.decimals,
                unit,
                unit_text(field, unit, self.profile, self.found) if unit and tests.unit_column else None,
                codelist_id(field, FieldLayout(column=tests.result), f"{self.domain}.{texts[0]}") if terms else None,
                terms,
                field.codes.loinc,
            )

    def _beside(self) -> None:
        """Variables that are read from no field: the profile must name them as left out on purpose."""
        for general, kind, length, origin, words in _BESIDE:
            name = own_name(general, self.domain)
            if name in self.variables or not is_ignored(name, self.sheet) or not self._has_base(general):
                continue
            standard = standard_of(name, self.domain)
            assert standard is not None
            self._add(Variable(name, standard.label, kind, length, standard.role, origin, words))

    def _has_base(self, general: str) -> bool:
        base = {**{day: date for date, day in DAY_OF_DATE.items()}, **_BASES}.get(general)
        return base is None or own_name(base, self.domain) in self.variables

    def _keys(self) -> list[str]:
        """STUDYID, the variables of the keys of the tables, and what tells the records of several tables apart."""
        keys = ["STUDYID"]
        for layout in self.sheet.tables:
            table = self.found.tables[layout.table]
            keys += [layout.field(name).columns[0] for name in table.key if name in layout.fields]
        for layout in self.sheet.tables:
            if layout.tests:
                keys += [name for name in layout.where if name in self.variables] + [layout.tests.column]
        subject = [name for name in dict.fromkeys(keys) if name == "USUBJID"]
        rest = [name for name in dict.fromkeys(keys) if name not in ("STUDYID", "USUBJID")]
        return ["STUDYID", *subject, *rest]


_BESIDE = [
    ("--SEQ", "integer", 8, "Derived", "Number of the record among those of its subject."),
    ("SUBJID", "text", 20, "Assigned", "Subject number of the trial."),
    (REFERENCE_START, "date", 10, "Derived", "Date of the first treatment, from which study days count."),
    ("--TEST", "text", LONGEST_LABEL, "Assigned", "Name of the test."),
    ("--STRESC", "text", LONGEST_TEXT, "Derived", "The result in the unit of the trial, or the limit it is beyond."),
    ("--STRESN", "float", 8, "Derived", "The result as a number in the unit of the trial."),
    ("--STRESU", "text", 20, "Assigned", "Unit of the trial."),
    ("--LOINC", "text", 10, "Assigned", "LOINC code of the test."),
    ("VISITNUM", "integer", 8, "Protocol", "Number of the visit in their order."),
    ("VISITDY", "integer", 8, "Protocol", "Study day for which the visit is planned."),
    *((day, "integer", 8, "Derived", f"Study day: days since {REFERENCE_START}, which is day 1; there is no day 0.")
      for day in DAY_OF_DATE.values()),
]  # fmt: skip
"""General name, type, length, origin and words of the variables that stand beside those of the fields."""

_BASES = {
    "--TEST": "--TESTCD", "--STRESC": "--ORRES", "--STRESN": "--ORRES", "--STRESU": "--ORRESU", "--LOINC": "--TESTCD",
    "VISITNUM": "VISIT", "VISITDY": "VISIT", REFERENCE_START: FIRST_TREATMENT,
}  # fmt: skip
"""The variable that another one needs."""


def is_ignored(name: str, sheet: SheetLayout) -> bool:
    """Whether the profile leaves a column out on purpose when it reads the sheet."""
    return any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in sheet.ignore)


__all__ = [
    "Dataset",
    "SubmittedTerm",
    "ValueLevel",
    "Variable",
    "domain_of",
    "is_ignored",
    "sdtm_datasets",
    "sdtm_profile",
]
