"""One cell of text to the canonical text of its field, by the type of the field."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

import polars as pl

from anakinra_t2d.harmonise.dates import DateReader
from anakinra_t2d.harmonise.notation import Notation, bare
from anakinra_t2d.harmonise.numbers import Number, NumberReader, evaluate, plain, rounded
from anakinra_t2d.harmonise.results import PARTIAL_DATE, Results
from anakinra_t2d.harmonise.units import UnitReading, refusal
from anakinra_t2d.reading.odd_text import describe_odd_text
from anakinra_t2d.schema import Definitions, Field
from anakinra_t2d.schema.quantities import Conversion
from anakinra_t2d.wording import is_direct

_SHOWN_TERMS = 8
_TRIMMED = "spaces around the text removed"


@dataclass(slots=True)
class Cell:
    """What one text says: a ``value``, or a result ``status`` with its ``limit``, or the ``code`` of a problem.

    ``how`` says what was done when the value is not the text; ``number`` is the number of a cell without usable unit.
    """

    value: str | None = None
    how: str | None = None
    status: str | None = None
    limit: str | None = None
    code: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    number: Decimal | None = None


class OneCell(ABC):
    """Reads single cells of one field."""

    def __init__(self, field: Field, definitions: Definitions, notation: Notation) -> None:
        self.field = field
        self.definitions = definitions
        self.notation = notation

    def read(self, text: str, unit: UnitReading | None, needs: Mapping[str, str | None]) -> Cell:
        """Read a text; ``needs`` has the canonical texts of other fields of the record."""
        if describe_odd_text(text) is not None:
            return Cell(text)  # the typing of cells names such characters
        stripped = bare(text)
        if self.is_empty(stripped):
            return Cell()
        cell = self.read_bare(stripped, unit, needs)
        if cell.value is not None and cell.how is None and cell.value != text:
            cell.how = _TRIMMED
        return cell

    def is_empty(self, stripped: str) -> bool:
        """Whether a text without outer spaces stands for an empty cell."""
        return self.notation.is_missing(stripped)

    @abstractmethod
    def read_bare(self, text: str, unit: UnitReading | None, needs: Mapping[str, str | None]) -> Cell:
        """Read a text without outer spaces."""

    def all_canonical(self, texts: pl.Series) -> bool:
        """Whether every text of a column is certainly read as it stands; False also when that is not looked up."""
        canonical = self.canonical(texts)
        if canonical is None or not canonical.all():
            return False
        missing = list(self.notation.missing)
        return not missing or not texts.str.to_lowercase().is_in(missing).any()

    def canonical(self, texts: pl.Series) -> pl.Series | None:  # noqa: ARG002
        """Which texts are canonical, None when it takes a look at each."""
        return None


class NumberCell(OneCell):
    """Numbers and whole numbers, in whatever unit, and results in place of a number."""

    def __init__(self, field: Field, definitions: Definitions, notation: Notation) -> None:
        super().__init__(field, definitions, notation)
        whole = field.type == "integer"
        self._code = "CELL-002" if whole else "CELL-001"
        self._quantity = definitions.quantity(field)
        self._unit = definitions.unit(field)
        self._numbers = NumberReader(notation, whole=whole)
        # a value in another unit, or a limit, need not be whole
        self._loose = NumberReader(notation)
        self._results = Results(definitions, notation)

    def canonical(self, texts: pl.Series) -> pl.Series:
        """Texts that are plain numbers in this notation."""
        return texts.str.contains(self._numbers.canonical)

    def read_bare(self, text: str, unit: UnitReading | None, needs: Mapping[str, str | None]) -> Cell:
        """A number in the canonical unit, or the flag of a result that is none."""
        converts = unit is not None and unit.conversion is not None
        number = (self._loose if converts else self._numbers).read(text)
        if number is not None:
            cell = self._take(number, unit, needs)
        elif self._quantity is None:
            return self._bad(text)
        elif (limit := self._results.limit(text)) is not None:
            return self._limit(text, limit, unit, needs)
        elif (status := self._results.status(text)) is not None:
            return Cell(status=status)
        else:
            return self._bad(text)
        if self._code == "CELL-002" and cell.value is not None and not re.fullmatch("-?[0-9]+", cell.value):
            return self._bad(text)
        return cell

    def _bad(self, text: str) -> Cell:
        reading = "" if is_direct(self.field) else self._loose.hint(text)
        return Cell(code=self._code, details={"reading": reading})

    def _limit(
        self, text: str, limit: tuple[str, str], unit: UnitReading | None, needs: Mapping[str, str | None]
    ) -> Cell:
        status, written = limit
        number = self._loose.read(written)
        if number is None:
            word = self._results.status(text)
            return Cell(status=word) if word is not None else self._bad(text)
        cell = self._take(number, unit, needs)
        return cell if cell.code is not None else Cell(status=status, limit=cell.value)

    def _take(self, number: Number, unit: UnitReading | None, needs: Mapping[str, str | None]) -> Cell:
        if unit is not None and unit.code is not None:
            return Cell(code=unit.code, details=unit.details, number=number.value)
        if unit is None or unit.conversion is None:
            return Cell(number.text, number.how or None)
        conversion = unit.conversion
        words = f"{conversion.unit} to {self._unit}"
        if conversion.factor is not None:
            words += f": value * {conversion.factor} + {conversion.offset}"
            # the same number in another name of the unit is not rounded
            is_same = Decimal(conversion.factor) == 1 and Decimal(conversion.offset) == 0
            value = number.text if is_same else plain(conversion.to_canonical(number.value))
        else:
            found = self._by_formula(number.value, conversion, needs)
            if isinstance(found, Cell):
                return found
            value, stated = found
            words += f": {conversion.formula}{stated}"
        return Cell(value, f"{number.how}; {words}" if number.how else words)

    def _by_formula(
        self, value: Decimal, conversion: Conversion, needs: Mapping[str, str | None]
    ) -> tuple[str, str] | Cell:
        assert conversion.formula is not None and self._quantity is not None
        others: dict[str, Decimal] = {}
        for name in conversion.needs:
            try:
                others[name] = Decimal(needs.get(name) or "")
            except InvalidOperation:
                problem = f"the conversion needs {name} of the same record"
                return Cell(code="UNIT-003", details=refusal(self._quantity, conversion.unit, problem))
        try:
            result = evaluate(conversion.formula, {"value": value, **others})
        except ZeroDivisionError:
            problem = f"{', '.join(conversion.needs)} of the same record cannot be used for the conversion"
            return Cell(code="UNIT-003", details=refusal(self._quantity, conversion.unit, problem))
        stated = "".join(f", {name} = {plain(number)}" for name, number in others.items())
        return plain(rounded(result)), stated


class DateCell(OneCell):
    """Dates, and dates with times."""

    def __init__(self, field: Field, definitions: Definitions, notation: Notation) -> None:
        super().__init__(field, definitions, notation)
        self._code = "CELL-004" if field.type == "datetime" else "CELL-003"
        self._dates = DateReader(notation, with_time=field.type == "datetime")

    def canonical(self, texts: pl.Series) -> pl.Series | None:
        """Texts that are real days written YYYY-MM-DD; date and time is looked at one by one."""
        if self.field.type == "datetime":
            return None
        days = texts.str.to_date("%Y-%m-%d", strict=False)
        return pl.select(
            pl.when(texts.is_not_null()).then(
                days.is_not_null() & (texts.str.len_bytes() == 10) & (days.dt.year() >= 1000).fill_null(False)
            )
        ).to_series()

    def read_bare(self, text: str, unit: UnitReading | None, needs: Mapping[str, str | None]) -> Cell:  # noqa: ARG002
        """An ISO date or a flag for a date known only in part."""
        found = self._dates.read(text)
        if found.value is not None:
            return Cell(found.value, (found.how or _TRIMMED) if found.value != text else None)
        if found.partial:
            return Cell(status=PARTIAL_DATE)
        return Cell(code=self._code, details={"reading": "" if is_direct(self.field) else found.hint})


class CodeCell(OneCell):
    """Codes of a codelist, true and false."""

    def __init__(self, field: Field, definitions: Definitions, notation: Notation) -> None:
        super().__init__(field, definitions, notation)
        is_boolean = field.type == "boolean"
        self._terms = ["true", "false"] if is_boolean else definitions.terms(field) or []
        self._code = "CELL-005" if is_boolean else "LIST-001"
        shown = ", ".join(self._terms[:_SHOWN_TERMS]) + (", ..." if len(self._terms) > _SHOWN_TERMS else "")
        self._details = {"terms": shown}
        self._folded = {term.casefold(): term for term in self._terms}

    def canonical(self, texts: pl.Series) -> pl.Series | None:
        """Texts that are codes, where the site does not mean another code by them."""
        if any(self.notation.codes.get(term.casefold(), term) != term for term in self._terms):
            return None
        return texts.is_in(self._terms)

    def is_empty(self, stripped: str) -> bool:
        """A word that the profile lists for this very field is a code, even if it is empty elsewhere."""
        return stripped.casefold() not in self.notation.codes and super().is_empty(stripped)

    def read_bare(self, text: str, unit: UnitReading | None, needs: Mapping[str, str | None]) -> Cell:  # noqa: ARG002
        """The code that a text stands for."""
        code = self.notation.codes.get(text.casefold())
        if code is None:
            if text in self._terms:
                return Cell(text)
            code = self._folded.get(text.casefold()) if self.notation.is_of_a_site else None
        if code not in self._terms:
            return Cell(code=self._code, details=self._details)
        return Cell(code, None if code == text else f"code {text} read as {code}")


class SubjectCell(OneCell):
    """Subject numbers as the site writes them."""

    def read_bare(self, text: str, unit: UnitReading | None, needs: Mapping[str, str | None]) -> Cell:  # noqa: ARG002
        """The subject number of the trial."""
        assert self.notation.subjects is not None
        subject = self.notation.subjects.to_canonical(text)
        if subject is None:
            return Cell(code="SUBJ-017")
        return Cell(subject, None if subject == text else "subject number of the site read as that of the trial")


class TextCell(OneCell):
    """Free text and texts with a pattern."""

    _CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::00)?")

    def canonical(self, texts: pl.Series) -> pl.Series | None:
        """Texts without outer spaces, where no pattern asks for a look at each."""
        if self.field.pattern is not None:
            return texts.str.contains(self.field.pattern)
        return (texts == texts.str.strip_chars()) & (texts != "")

    def read_bare(self, text: str, unit: UnitReading | None, needs: Mapping[str, str | None]) -> Cell:  # noqa: ARG002
        """The text; a clock time of a spreadsheet without its seconds where the pattern asks for that."""
        clock = self._CLOCK.fullmatch(text)
        if clock is not None and self.field.pattern is not None and not re.fullmatch(self.field.pattern, text):
            short = f"{clock[1]:0>2}:{clock[2]}"
            if re.fullmatch(self.field.pattern, short):
                return Cell(short, "clock time written as HH:MM")
        return Cell(text)


def one_cell(field: Field, definitions: Definitions, notation: Notation) -> OneCell:
    """The reader for single cells of ``field``."""
    if notation.subjects is not None:
        return SubjectCell(field, definitions, notation)
    if field.type in ("number", "integer"):
        return NumberCell(field, definitions, notation)
    if field.type in ("date", "datetime"):
        return DateCell(field, definitions, notation)
    if field.type == "boolean" or field.codelist is not None:
        return CodeCell(field, definitions, notation)
    return TextCell(field, definitions, notation)
