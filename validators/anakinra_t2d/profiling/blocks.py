"""Columns side by side that are records below each other: one for each minute, week or visit in their names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from anakinra_t2d.profiling.evidence import ColumnEvidence, together
from anakinra_t2d.profiling.fit import Fitter
from anakinra_t2d.profiling.names import fold, words
from anakinra_t2d.reading.header_row import name_and_unit
from anakinra_t2d.schema import Definitions, Field, Table
from anakinra_t2d.schema.sites import OVER

FEWEST_NUMBERS = 3
"""Columns that make a block of minutes or weeks: two could be names with digits, such as IL6 and IL8."""
FEWEST_CODES = 2
"""Columns that make a block of visits or sides."""

_NUMBER = re.compile(
    r"^(?P<head>.*?)(?P<sign>(?:minus|neg|m|[-−–])\s?)?(?P<digits>\d{1,3})(?P<tail>\D{0,8})$", re.IGNORECASE
)
_PIECE = re.compile(r"[^\s_./-]+")


@dataclass(frozen=True)
class Block:
    """Columns of one pattern. ``values`` maps the value of the key field ``over`` to its spelling in the names."""

    pattern: str
    stem: str
    over: Field
    table: Table
    columns: tuple[ColumnEvidence, ...]
    values: tuple[tuple[str, str], ...]
    is_named: bool

    @property
    def evidence(self) -> ColumnEvidence:
        """The cells of all columns."""
        return together(self.columns, self.pattern)


@dataclass(frozen=True)
class _Member:
    column: ColumnEvidence
    value: str
    spelling: str


def find_blocks(columns: Sequence[ColumnEvidence], found: Definitions, fitter: Fitter) -> list[Block]:
    """Every block that the names can mean, for each table with such a key field; they may overlap."""
    blocks: list[Block] = []
    numbered = _grouped(_number_readings(columns))
    for table in found.tables.values():
        for name in table.key:
            field = table.fields[name]
            planned = [str(value) for value in (*field.minutes, *field.weeks)]
            if planned:
                for (head, tail), members in numbered.items():
                    fitting = [member for member in members if member.value in planned]
                    if len({member.value for member in fitting}) >= FEWEST_NUMBERS:
                        blocks += _block(head, tail, fitting, field, table)
            elif field.codelist:
                coded = _grouped(_code_readings(columns, field, fitter))
                for (head, tail), members in coded.items():
                    if len({member.value for member in members}) >= FEWEST_CODES:
                        blocks += _block(head, tail, members, field, table)
    return blocks


def _grouped(readings: Iterable[tuple[str, str, _Member]]) -> dict[tuple[str, str], list[_Member]]:
    groups: dict[tuple[str, str], list[_Member]] = defaultdict(list)
    for head, tail, member in readings:
        groups[head, tail].append(member)
    return groups


def _number_readings(columns: Sequence[ColumnEvidence]) -> Iterator[tuple[str, str, _Member]]:
    for column in columns:
        match = _NUMBER.match(name_and_unit(column.header)[0])
        if match is None or column.is_doubled:
            continue
        head, sign, digits, tail = match["head"], match["sign"] or "", match["digits"], match["tail"]
        number = str(int(digits))
        if sign:
            yield head, tail, _Member(column, "0" if number == "0" else f"-{number}", sign + digits)
        yield head + sign, tail, _Member(column, number, digits)


def _code_readings(
    columns: Sequence[ColumnEvidence], field: Field, fitter: Fitter
) -> Iterator[tuple[str, str, _Member]]:
    for column in columns:
        name = name_and_unit(column.header)[0]
        pieces = list(_PIECE.finditer(name))
        if len(pieces) < 2 or column.is_doubled:
            continue
        for piece in (pieces[-1], pieces[0]):
            code = fitter.code(piece[0], field)
            if code is not None:
                yield name[: piece.start()], name[piece.end() :], _Member(column, code, piece[0])


def _block(head: str, tail: str, members: list[_Member], over: Field, table: Table) -> Iterator[Block]:
    values = {member.value: member.spelling for member in members}
    if len(values) != len(members):
        return  # two columns for one record
    stem, is_named = _stem(f"{head} {tail}", over, table)
    if stem:
        columns = tuple(member.column for member in members)
        pattern = f"{head}{OVER}{tail}"
        yield Block(pattern, stem, over, table, columns, tuple(values.items()), is_named)


def _stem(name: str, over: Field, table: Table) -> tuple[str, bool]:
    """The name without the words of the table and of the key field; whether it had words of the table."""
    of_table = set(words(table.name))
    of_over = {fold(text) for text in (over.name, over.label, *over.synonyms)}
    pieces = name.replace("_", " ").split()
    kept, is_named = [], False
    for piece in pieces:
        folded = fold(piece)
        if folded in of_table and len(pieces) > 1:
            is_named = True
        elif folded and folded not in of_over:
            kept.append(piece)
    return " ".join(kept), is_named
