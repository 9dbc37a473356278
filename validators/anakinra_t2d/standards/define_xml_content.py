"""What a Define-XML document says, before it is XML: data sets, variables, values of a variable, codelists, methods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

DataType = Literal["text", "integer", "float", "date", "datetime", "partialDate"]
OriginType = Literal["Collected", "Derived", "Assigned", "Protocol", "Predecessor"]
OriginSource = Literal["Subject", "Investigator", "Vendor", "Sponsor"]
MethodType = Literal["Computation", "Imputation"]

LONGEST_NUMBER = 24
"""Characters of the longest double: sign, 17 digits with a point, exponent."""

NUMBER_DIGITS = 20
"""Digits after the point of a double that needs no exponent: three zeros and 17 digits."""

LONGEST_TEXT = 200
"""Bytes of the longest text in a SAS transport file; stands where the definitions give a text no limit."""


@dataclass(frozen=True)
class Origin:
    """Where values come from; ``words`` name the predecessor or say more."""

    type: OriginType
    source: OriginSource | None = None
    words: str = ""


@dataclass(frozen=True)
class Code:
    """A value of a codelist; without ``label`` it speaks for itself."""

    value: str
    label: str | None = None


@dataclass(frozen=True)
class CodeList:
    """Allowed values, or the public dictionary they come from. ``id`` is unique in a document."""

    id: str
    name: str
    codes: tuple[Code, ...] = ()
    data_type: Literal["text", "integer"] = "text"
    dictionary: str | None = None
    note: str = ""


@dataclass(frozen=True)
class Expression:
    """A formula for a machine; ``context`` says in which language."""

    context: str
    text: str


@dataclass(frozen=True)
class Method:
    """How a value is made, in words and as an expression. ``id`` is unique in a document."""

    id: str
    name: str
    words: str
    expression: Expression | None = None
    type: MethodType = "Computation"
    from_paper: bool = False


@dataclass(frozen=True)
class Comment:
    """A remark; ``from_paper`` leads to the paper."""

    words: str
    from_paper: bool = False


@dataclass(frozen=True)
class Check:
    """A limit of a value, ends included. ``hard``: a value beyond it is an error, otherwise a warning."""

    comparator: Literal["GE", "LE"]
    value: str
    hard: bool


@dataclass(frozen=True)
class Item:
    """What is said of a variable, or of its values in some records.

    ``length`` counts characters and ``decimals`` digits after the point; ``unit`` is a UCUM code. ``aliases`` are codes
    of public terminologies with the name of each.
    """

    label: str
    data_type: DataType
    length: int | None = None
    decimals: int | None = None
    display: str | None = None
    unit: str | None = None
    origin: Origin | None = None
    codelist: CodeList | None = None
    method: Method | None = None
    comment: Comment | None = None
    checks: tuple[Check, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Value:
    """The values of a variable in the records in which each variable of ``where`` has one of its values."""

    id: str
    where: tuple[tuple[str, tuple[str, ...]], ...]
    item: Item


@dataclass(frozen=True)
class Variable:
    """A column of a data set; ``standard`` says whether the standard of the document defines it."""

    name: str
    item: Item
    mandatory: bool = False
    standard: bool = True
    values: tuple[Value, ...] = ()


@dataclass(frozen=True)
class DataSet:
    """A data set: its file, what one record is, and its variables in order; ``key`` names a record."""

    name: str
    label: str
    file: str
    structure: str
    key: tuple[str, ...]
    variables: tuple[Variable, ...]
    group: str | None = None
    domain: str | None = None
    purpose: Literal["Analysis", "Tabulation"] = "Tabulation"
    repeating: bool = True
    reference: bool = False
    standard: bool = True
    sas_names: bool = True
    comment: Comment | None = None
    empty: bool = False


@dataclass(frozen=True)
class Standard:
    """A published standard that a document follows."""

    name: str
    version: str
    publishing_set: str


@dataclass(frozen=True)
class Document:
    """Everything of one document; ``comment`` is for the reader of the whole."""

    id: str
    title: str
    data_sets: tuple[DataSet, ...]
    standard: Standard | None
    comment: Comment

    def items(self) -> Iterator[Item]:
        """Every item, those of values after that of their variable."""
        for data_set in self.data_sets:
            for variable in data_set.variables:
                yield variable.item
                yield from (value.item for value in variable.values)


def joined(parts: Iterable[str | None]) -> str:
    """Sentences after each other; what is empty is left out, and each ends with a full stop."""
    sentences = (" ".join(part.split()) for part in parts if part and part.strip())
    return " ".join(text if text.endswith((".", "!", "?", ":")) else f"{text}." for text in sentences)
