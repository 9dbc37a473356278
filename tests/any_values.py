"""Draws records of any table, and how any site writes numbers, dates, codes and subject numbers.

Nothing here names a table or a field: all of it follows from the definitions.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from hypothesis import strategies as st

from anakinra_t2d.harmonise.results import ABOVE_LIMIT, BELOW_LIMIT
from anakinra_t2d.schema import Definitions, Field, Profile, Table
from anakinra_t2d.schema.sites import BOOLEAN, SubjectNumbers
from anakinra_t2d.schema.tables import Planned
from anakinra_t2d.simulation.layouts.flags import record_key

Row = dict[str, str | None]
LETTERS = "abcXYZ0179 .:-_/&<>=#%+*()[]{}'\",;|\t\nÄÖÜäöüßæøåéµ°"
BEYOND = "λ日😀Ω"
_SITE = "AB12"
_MISSING = ("k.A.", "ikke målt")
_DATES = ("dd.mm.yyyy", "d.m.yy", "dd-mm-yyyy", "mm/dd/yyyy", "yyyy/mm/dd", "dd/mm/yy", "yy-mm-dd", "d/m/yyyy")
_CLOCKS = (" hh:mm", " hh:mm:ss", " h:mm", " hh.mm", "Thh:mm")
_MOST_DIGITS = 9
_MOST_RECORDS = 4


def loosened(found: Definitions, names: Sequence[str]) -> Definitions:
    """Some tables without the rules that their values could break; what may never be empty still may not."""
    kept = [name for name, table in found.tables.items() if name in names or table.role in ("flags", "lineage")]
    return dataclasses.replace(found, tables={name: _loosened(found.tables[name]) for name in kept}, across_rules={})


def _loosened(table: Table) -> Table:
    free = {"required": "optional", "planned": Planned(), "required_when": None, "required_by": None}
    fields = {
        name: each if each.required == "always" else each.model_copy(update=free) for name, each in table.fields.items()
    }
    return table.model_copy(update={"fields": fields, "rules": [], "foreign_keys": [], "unique": []})


def subject_fields(found: Definitions) -> list[str]:
    """Fields that hold a subject number: those that refer to the table which most tables refer to."""
    single = [
        (key.table, key.fields[0])
        for table in found.tables.values()
        for key in table.foreign_keys
        if len(key.fields) == 1
    ]
    most = Counter(table for table, _ in single).most_common(1)[0][0]
    return sorted({name for table, name in single if table == most} | set(found.tables[most].key))


def values(each: Field, found: Definitions, subjects: Sequence[str], alphabet: str) -> st.SearchStrategy[str]:
    """Canonical texts of a field that is not empty."""
    if each.name in subjects:
        return st.integers(1, 12).map(lambda number: f"{_SITE}-{number:03}")
    terms = found.terms(each)
    if terms is not None:
        return st.sampled_from(terms)
    if each.type == "boolean":
        return st.sampled_from(["true", "false"])
    if each.type in ("integer", "number"):
        return _numbers(each)
    if each.type in ("date", "datetime"):
        return _moments(each)
    if each.pattern is not None:
        return st.from_regex(each.pattern.strip("^$"), fullmatch=True)
    return st.text(st.sampled_from(alphabet), min_size=1, max_size=14).map(str.strip).filter(_is_free)


def _is_free(text: str) -> bool:
    return bool(text) and text.casefold() not in {word.casefold() for word in _MISSING}


def _numbers(each: Field) -> st.SearchStrategy[str]:
    low, high = (float(bound) if isinstance(bound, int | float) else None for bound in each.range or (None, None))
    low, high = (-5000.0 if low is None else low), (50_000.0 if high is None else high)

    def of_places(places: int) -> st.SearchStrategy[str]:
        scale = 10**places
        whole = st.integers(math.ceil(low * scale), math.floor(high * scale))
        return whole.map(lambda number: _shortest(Decimal(number).scaleb(-places)))

    if each.type == "integer":
        return of_places(0)
    most = _MOST_DIGITS - 1 - math.floor(math.log10(max(abs(low), abs(high), 1)))
    return st.integers(0, max(0, min(most, 6))).flatmap(of_places)


def _shortest(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _moments(each: Field) -> st.SearchStrategy[str]:
    low, high = each.bounds or (None, None)
    first = low if isinstance(low, dt.date) else dt.date(1931, 1, 1)
    last = high if isinstance(high, dt.date) else dt.date(2019, 12, 31)
    days = st.dates(first, last)
    if each.type == "date":
        return days.map(dt.date.isoformat)
    times = st.sampled_from(["00:00", "00:00:00", "07:45", "23:59:59", "12:00:30", "08:05"])
    return st.tuples(days, times).map(lambda pair: f"{pair[0].isoformat()}T{pair[1]}")


@st.composite
def records(
    draw: st.DrawFn, table: Table, found: Definitions, subjects: Sequence[str], alphabet: str
) -> tuple[list[Row], list[Row]]:
    """Records of a table with whole and unique keys, and the flags of some of their empty cells."""
    keys = st.fixed_dictionaries({name: values(table.fields[name], found, subjects, alphabet) for name in table.key})
    drawn = draw(
        st.lists(
            keys,
            min_size=1,
            max_size=_MOST_RECORDS,
            unique_by=lambda key: tuple(key[name].casefold() for name in table.key),
        )
    )
    others = [each for name, each in table.fields.items() if name not in table.key]
    rows: list[Row] = []
    flags: list[Row] = []
    for key in drawn:
        row: Row = dict(key)
        for each in others:
            must = each.required == "always" or each is others[0]
            row[each.name] = None
            if must or draw(st.booleans()):
                row[each.name] = draw(values(each, found, subjects, alphabet))
        for each in others:
            may = each.required != "always" and each.type in ("integer", "number") and each.quantity is not None
            if may and table.role == "data" and row[each.name] is None and draw(st.integers(0, 3)) == 0:
                flags.append(draw(_flag(table, row, each, found)))
        rows.append(row)
    return rows, flags


@st.composite
def _flag(draw: st.DrawFn, table: Table, row: Row, each: Field, found: Definitions) -> Row:
    status = draw(st.sampled_from(found.result_statuses.codes))
    limit = draw(_numbers(each)) if status in (BELOW_LIMIT, ABOVE_LIMIT) else None
    names = ("table", "record_key", "field", "result_status", "limit_value", "value_raw")
    return dict(zip(names, (table.name, record_key(table, row), each.name, status, limit, None), strict=True))


def fits(text: str, encoding: str) -> bool:
    """Whether an encoding has all letters of a text."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


@st.composite
def notations(draw: st.DrawFn, found: Definitions, subjects: Sequence[str], encoding: str) -> Profile:
    """How a site writes numbers, dates, codes and subject numbers; a profile without sheets."""
    decimal = draw(st.sampled_from([".", ","]))
    marks = st.sampled_from([mark for mark in ("'", "’", " ", ".", ",") if mark != decimal and fits(mark, encoding)])
    date = draw(st.none() | st.sampled_from(_DATES))
    dates = [] if date is None else draw(st.sampled_from([[date, date + clock] for clock in _CLOCKS]))
    codes = {}
    used = {each.codelist for table in found.tables.values() for each in table.fields.values()}
    lists = {name: each.codes for name, each in found.codelists.items() if name in used}
    lists[BOOLEAN] = ["true", "false"]
    for name, terms in lists.items():
        how = draw(st.sampled_from(["same", "words", "numbers", "moved"]))
        if how == "words":
            codes[name] = {f"{term[:4]}ø{place}": term for place, term in enumerate(terms)}
        elif how == "numbers":
            codes[name] = {str(place): term for place, term in enumerate(terms)}
        elif how == "moved":
            codes[name] = dict(zip(terms, [*terms[1:], terms[0]], strict=True))
    return Profile(
        title="Any site",
        decimal=decimal,  # type: ignore[arg-type]
        thousands=draw(st.lists(marks, max_size=2, unique=True)),  # type: ignore[arg-type]
        dates=dates,
        two_digit_years_from=1930,
        missing=list(draw(st.sampled_from([(), _MISSING[:1], _MISSING]))),
        codes=codes,
        subjects=draw(st.none() | _subject_numbers(list(subjects))),
        sheets=[],
    )


def _subject_numbers(fields: list[str]) -> st.SearchStrategy[SubjectNumbers]:
    return st.sampled_from(
        [
            SubjectNumbers(fields=fields, sent="{number}", canonical=f"{_SITE}-{{number:03}}"),
            SubjectNumbers(fields=fields, sent="Pt {number:05}/{site}", canonical="{site}-{number:03}"),
            SubjectNumbers(fields=fields, map={"X 1": f"{_SITE}-001"}, others="keep"),
        ]
    )
