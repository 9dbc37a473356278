"""Whether the cells of a column can be values of a field."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from anakinra_t2d.profiling.evidence import ColumnEvidence
from anakinra_t2d.profiling.names import ALMOST_NAME, EXACT_NAME, Likeness, fold
from anakinra_t2d.profiling.notation import read_number
from anakinra_t2d.profiling.unit_words import Unit, UnitWords
from anakinra_t2d.schema import Definitions, Field

NO_VALUES = 0.9
"""Fit of a column without values: nothing speaks against the name."""
IN_RANGE = 0.8
"""Share of the numbers that must be in the expected range."""
UNDERSTOOD = 0.5
"""Share of the texts that a codelist must know before those it does not know are shown."""
CONSTANT = 0.3
"""Fit of a column with one text alone for the number of a person."""
_FEW_ROWS = 5
_TRUE, _FALSE = ("true", "yes"), ("false", "no")
_MOST_SHOWN = 5


@dataclass
class Fit:
    """How well cells fit a field.

    ``share`` is 0 to 1. ``misfits`` speak against the field, ``problems`` are open about unit, codes or notation only.
    ``unit`` is what the profile has to state; ``codes`` maps texts as sent to codes.
    """

    share: float
    problems: list[str] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unit: str | None = None
    is_unit_stated: bool = False
    codes: dict[str, str] = field(default_factory=dict)


class Fitter:
    """Holds columns against fields."""

    def __init__(self, found: Definitions, units: UnitWords) -> None:
        self.found = found
        self.units = units
        self.person = person_field(found)[1]
        self._words = {name: self._code_words(name) for name in found.codelists}
        patterns = found.trial.identity_patterns
        self._identity = re.compile("|".join(f"(?:{each.pattern})" for each in patterns)) if patterns else None

    def fit(
        self, column: ColumnEvidence, wanted: Field, likeness: Likeness, units: Mapping[str, int] | None = None
    ) -> Fit:
        """How the cells fit; ``units`` are the texts of a unit column beside it, with how often each stands."""
        if wanted.type in ("number", "integer"):
            return self._number(column, wanted, likeness, units)
        if wanted.codelist is not None or wanted.type == "boolean":
            return self._codes(column, wanted)
        if wanted.type in ("date", "datetime"):
            return self._dates(column, wanted)
        if not column.count:
            return Fit(NO_VALUES, notes=["no values"])
        if wanted.pattern:
            hits = sum(times for text, times in column.filled.items() if re.fullmatch(wanted.pattern, text))
            share = hits / column.count
            problems = [] if share == 1 else [f"{_share(1 - share)} of the cells have another form than the field"]
            return Fit(share, problems)
        if column.is_constant and wanted.name == self.person and column.rows > _FEW_ROWS:
            return Fit(CONSTANT, misfits=["every row has the same text"])
        is_odd = wanted.name not in self.found.tables[wanted.table].key and column.number_share > IN_RANGE
        return Fit(0.8 if is_odd or column.dates.share > IN_RANGE else 1.0)

    def words(self, codelist: str) -> dict[str, str]:
        """Every text that means a term of a codelist, folded, with its code."""
        return self._words[codelist]

    def is_identifying(self, text: str) -> bool:
        """Whether a text has a form that identifies a person."""
        return bool(self._identity and self._identity.search(text))

    def code(self, text: str, wanted: Field) -> str | None:
        """The code that a text means for a field, None when no list knows it."""
        if wanted.type == "boolean":
            return _boolean(text, self._words)
        assert wanted.codelist
        terms = self.found.terms(wanted) or []
        if text in terms:
            return text
        known = self._words[wanted.codelist]
        code = _word(text, known) or _words_agree(text, known)
        return code if code in terms else None

    def in_range(self, column: ColumnEvidence, wanted: Field, unit: Unit | None) -> float | None:
        """Share of the numbers in the expected range of the field, None when it has none or there are no numbers."""
        bounds = wanted.expected or wanted.range
        if bounds is None or not column.numbers:
            return None
        if unit is not None and unit.conversion is not None and unit.conversion.factor is None:
            return None
        low, high = (float(bound) if isinstance(bound, int | float) else None for bound in bounds)
        decimal = column.marks.decimal or "."
        inside = total = 0
        for text, times in column.numbers.items():
            value = read_number(text, decimal)
            if value is None:
                continue
            if unit is not None and unit.conversion is not None and unit.conversion.factor is not None:
                value = value * float(unit.conversion.factor) + float(unit.conversion.offset)
            total += times
            inside += times if (low is None or value >= low) and (high is None or value <= high) else 0
        return inside / total if total else None

    def _number(
        self, column: ColumnEvidence, wanted: Field, likeness: Likeness, units: Mapping[str, int] | None
    ) -> Fit:
        is_empty = not column.count
        share = NO_VALUES if is_empty else column.number_share
        found = Fit(share, notes=["no values"] if is_empty else [])
        has_unit = wanted.quantity is not None
        reading = self._unit(found, column, wanted, likeness, units) if has_unit else Unit(None)
        inside = None
        if reading is not None:
            inside = self.in_range(column, wanted, reading)
        elif possible := [(self.in_range(column, wanted, unit), unit.code) for unit in self.units.possible(wanted)]:
            inside = max((each for each, _ in possible if each is not None), default=None)
            likely = [f"{unit} ({_share(each)})" for each, unit in possible if each is not None and each >= IN_RANGE]
            if found.problems and units is None:
                found.problems[-1] += f"; in the expected range: {', '.join(likely)}" if likely else "; values fit none"
        if inside is not None:
            if inside < IN_RANGE and reading is not None:
                label = f" in {reading.code}" if reading.code else ""
                found.misfits.append(f"only {_share(inside)} of the values are in the expected range{label}")
            elif reading is not None:
                found.notes.append("values fit" if inside == 1 else f"{_share(inside)} in the expected range")
            found.share *= 0.5 + 0.5 * inside
        others = [t for t in column.filled if t not in column.numbers and t not in column.result_texts]
        if others and column.numbers:
            found.problems.append(self._unread(column, others, "no number"))
        return found

    def _unit(
        self,
        found: Fit,
        column: ColumnEvidence,
        wanted: Field,
        likeness: Likeness,
        units: Mapping[str, int] | None,
    ) -> Unit | None:
        """The unit of a column, None when it has none, several, or one that needs an answer."""
        marked = column.unit
        if marked and column.unit_source == "header" and not likeness.form.is_marked:
            marked = marked if self.units.read(marked, wanted).problem is None else None  # else part of the name
        if marked:
            return self._stated(found, marked, wanted, column.unit_source)
        if units:
            readings = {text: self.units.read(text, wanted) for text in units}
            found.is_unit_stated = True
            found.problems += sorted({each.problem for each in readings.values() if each.problem})
            codes = {each.code for each in readings.values()}
            found.notes.append(f"units by row: {', '.join(sorted(code for code in codes if code))}")
            return next(iter(readings.values())) if len(codes) == 1 and not found.problems else None
        if likeness.form.unit is not None and not likeness.form.is_marked:
            code = self.units.suffix(likeness.form.unit, wanted)
            assert code
            found.unit = code
            found.notes.append(f"unit {code} from the name")
            reading = self.units.read(code, wanted)
            found.problems += [reading.problem] if reading.problem else []
            return reading
        canonical = self.found.unit(wanted)
        assert canonical
        if likeness.way == "name" and likeness.score in (EXACT_NAME, ALMOST_NAME):
            found.unit = canonical
            return Unit(canonical)
        if only := self.units.only_unit(wanted):
            found.unit = only
            found.notes.append(f"always in {only}" if only != "1" else "without unit")
            return Unit(only)
        found.problems.append("no unit is stated")
        return None

    def _stated(self, found: Fit, text: str, wanted: Field, source: str) -> Unit | None:
        reading = self.units.read(text, wanted)
        found.is_unit_stated = True
        if reading.problem:
            found.problems.append(reading.problem)
            return None
        found.notes.append(f"unit {reading.code} from the {source}")
        return reading

    def _codes(self, column: ColumnEvidence, wanted: Field) -> Fit:
        if not column.texts:
            return Fit(NO_VALUES, notes=["no values"])
        found = Fit(0.0)
        unknown: list[str] = []
        understood = total = 0
        for text, times in column.texts.items():
            code = self.code(text, wanted)
            if code is None and text in column.missing:
                continue
            total += times
            if code is None:
                unknown.append(text)
            else:
                understood += times
                if code != text:
                    found.codes[text] = code
        found.share = understood / total if total else NO_VALUES
        if unknown:
            is_shown = wanted.identifying == "none" and found.share >= UNDERSTOOD
            found.problems.append(self._unread(column, unknown, "no known code", show=is_shown))
        elif total:
            found.notes.append("every text is a known code" if not found.codes else "every text has a code")
        return found

    def _dates(self, column: ColumnEvidence, wanted: Field) -> Fit:
        if not column.count:
            return Fit(NO_VALUES, notes=["no values"])
        seen = column.dates
        share = seen.share * (0.9 if seen.has_time and wanted.type == "date" else 1.0)
        found = Fit(share)
        if 0 < seen.share < 1:
            found.problems.append(f"{_share(1 - seen.share)} of the cells are no date that can be read")
        elif seen.share == 1:
            found.notes.append("dates")
        return found

    def _unread(self, column: ColumnEvidence, texts: list[str], what: str, *, show: bool = False) -> str:
        """What is said of cells that cannot be read: the texts when they may be shown, else where they stand."""
        first = texts[:_MOST_SHOWN]
        if show and not any(self.is_identifying(text) for text in first):
            shown = ", ".join(first)
        else:
            rows = sorted(column.first_rows[text] for text in first if text in column.first_rows)
            shown = f"first seen in row {', '.join(map(str, rows))}" if rows else f"{len(texts)} texts"
        more = f" and {len(texts) - len(first)} more" if len(texts) > len(first) else ""
        return f"{what}: {shown}{more}"

    def _code_words(self, name: str) -> dict[str, str]:
        known: dict[str, str] = {}
        for texts in (lambda t: [t.code, t.label], lambda t: t.words):
            for term in self.found.codelists[name].terms:
                for text in texts(term):
                    known.setdefault(text.casefold(), term.code)
                    known.setdefault(fold(text) or text, term.code)
        for profile in self.found.profiles.values():
            for text, code in profile.codes.get(name, {}).items():
                known.setdefault(text.casefold(), code)
        return known


def person_field(found: Definitions) -> tuple[str, str]:
    """Table and field that most other tables refer to: the number of a person."""
    counted = Counter(
        (reference.table, reference.to[0])
        for table in found.tables.values()
        for reference in table.foreign_keys
        if len(reference.to) == 1
    )
    return counted.most_common(1)[0][0]


def _word(text: str, known: Mapping[str, str]) -> str | None:
    return known.get(text.casefold().strip()) or known.get(fold(text) or text)


def _words_agree(text: str, known: Mapping[str, str]) -> str | None:
    """The code of a text such as ``V2 (week 4)`` whose two halves both mean it."""
    pieces = text.split()
    for place in range(1, len(pieces)):
        halves = {_word(" ".join(half), known) for half in (pieces[:place], pieces[place:])}
        if len(halves) == 1 and (code := halves.pop()) is not None:
            return code
    return None


def _boolean(text: str, words: Mapping[str, Mapping[str, str]]) -> str | None:
    """True or false for a word that means so in some codelist of yes and no."""
    lower = text.casefold()
    for known in words.values():
        if {"yes", "no"} == set(known.values()):
            lower = known.get(lower, lower)
    return "true" if lower in _TRUE else "false" if lower in _FALSE else None


def _share(share: float) -> str:
    """A share in per cent that says 100 only for all, and 0 only for none."""
    per_cent = round(100 * share)
    if 0 < share < 1:
        per_cent = min(99, max(1, per_cent))
    return f"{per_cent} %"
