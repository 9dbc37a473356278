"""Drafts the layout of one sheet: which tables it holds, and where their fields stand."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from anakinra_t2d.profiling.blocks import Block, find_blocks
from anakinra_t2d.profiling.doubts import doubt_lonely, doubt_orphans, doubt_spellings, doubt_twins
from anakinra_t2d.profiling.evidence import ColumnEvidence, SheetEvidence, unit_columns
from anakinra_t2d.profiling.fit import Fitter
from anakinra_t2d.profiling.long_rows import LongRows, find_long_rows
from anakinra_t2d.profiling.matching import (
    CANDIDATE,
    SURE_NAME,
    SURE_VALUES,
    TABLE_SURE,
    Candidate,
    Concept,
    Decision,
    Item,
    decide,
    table_support,
)
from anakinra_t2d.profiling.names import EXACT_CODE, EXACT_NAME, FieldNames, Form, Likeness, fold
from anakinra_t2d.profiling.unit_words import UnitWords
from anakinra_t2d.schema import Definitions, Field, Table

FIRST = "1"
"""The number of a record in a table that counts several, where each record stands once."""
COMMON_KEY = 5
"""A key field of so many tables says what the rows of a sheet are."""
_NAMED = TABLE_SURE + 1


@dataclass(frozen=True)
class Reach:
    """How far a sheet has the key of a table.

    ``lacking`` are key fields without a column, ``lacks`` those of them that have no obvious value either.
    ``leaves_key``, ``holds_own`` and ``hangs_on`` as for a candidate.
    """

    lacking: frozenset[str]
    lacks: tuple[str, ...]
    leaves_key: bool
    holds_own: bool
    hangs_on: bool

    def apply(self, candidate: Candidate, over: str | None = None) -> Candidate:
        """The candidate with what its table lacks; ``over`` is a key field that the names of columns hold."""
        candidate.leaves_key, candidate.holds_own = self.leaves_key, self.holds_own
        if candidate.concept[0]:
            candidate.lacks = tuple(name for name in self.lacks if name != over)
            candidate.hangs_on = self.hangs_on and over is None
        return candidate


@dataclass
class TableDraft:
    """One table of a sheet. ``values`` are fields that no column holds; ``missing`` fields that records need."""

    table: Table
    decisions: list[Decision] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    open_values: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    tests: LongRows | None = None
    repeats: bool = False

    @property
    def own(self) -> list[Decision]:
        """Decisions on fields of this table alone; on its keys when it has no others."""
        own = [each for each in self.decisions if each.best is not None and each.best.concept[0]]
        return own or self.decisions

    @property
    def is_sure(self) -> bool:
        """Whether the sheet surely holds the table."""
        return self.tests is not None or any(each.is_mapped for each in self.own)


@dataclass
class SheetDraft:
    """The layout of one sheet. ``decisions`` has every column but those that ``tables`` use otherwise."""

    evidence: SheetEvidence
    decisions: list[Decision]
    tables: list[TableDraft]
    unit_columns: dict[int, ColumnEvidence]
    is_canonical: bool = False

    @property
    def tests(self) -> LongRows | None:
        """The layout of results below each other."""
        return next((table.tests for table in self.tables if table.tests), None)


class SheetDrafter:
    """Drafts sheets."""

    def __init__(self, found: Definitions, units: UnitWords, names: FieldNames, fitter: Fitter) -> None:
        self.found = found
        self.units = units
        self.names = names
        self.fitter = fitter
        held = Counter(name for table in found.tables.values() for name in table.key)
        self._common = {name for name, times in held.items() if times >= COMMON_KEY}

    def draft(self, sheet: SheetEvidence) -> SheetDraft:
        """The layout of a sheet."""
        hints = self._hints(sheet)
        table = self._canonical_table(sheet, hints)
        if table is not None:
            return self._canonical(sheet, table)
        unit_texts = unit_columns(sheet, self.units)
        tests = find_long_rows(sheet, self.names, self.fitter, unit_texts)
        used = tests.columns if tests else set()
        columns = [column for column in sheet.columns if column.place not in used and not column.is_doubled]
        alike = dict(zip((c.place for c in columns), self.names.compare([c.header for c in columns]), strict=True))
        keys = self._keys(columns, alike)
        beside = {} if tests else self._beside(columns, unit_texts, alike)
        columns = [column for column in columns if column not in beside.values()]
        reach = {
            table.name: self._reach(table, keys, sheet)
            for table in self.found.tables.values()
            if table.role != "lineage"
        }
        if tests:
            reach = {tests.table: reach[tests.table]}
            hints = {**hints, tests.table: _NAMED}
        items = self._items(columns, alike, reach, beside, tests)
        support = table_support(items, hints)
        decisions = decide(items, support)
        doubt_lonely(decisions, support)
        doubt_twins(decisions, support, self.found)
        drafts = self._tables(sheet, decisions, tests)
        served = {name for draft in drafts if draft.is_sure for name in draft.table.fields}
        doubt_orphans(decisions, served)
        decisions += [
            Decision(Item(c.header, c), None, ["the name stands twice in the header, so the column is not read"])
            for c in {column.header: column for column in sheet.columns if column.is_doubled}.values()
        ]
        return SheetDraft(sheet, decisions, drafts, beside)

    def _hints(self, sheet: SheetEvidence) -> dict[str, float]:
        """Tables that the file or the sheet is named after."""
        names = {fold(sheet.stem), fold(sheet.sheet or sheet.stem)}
        return {
            table.name: _NAMED
            for table in self.found.tables.values()
            if table.role != "lineage" and names & {fold(table.name), fold(table.title)}
        }

    def _canonical_table(self, sheet: SheetEvidence, hints: Mapping[str, float]) -> Table | None:
        """The table whose field names are exactly those of the sheet."""
        headers = {column.header for column in sheet.columns}
        fitting = [
            table
            for table in self.found.tables.values()
            if headers <= set(table.fields) and set(table.key) <= headers and table.role != "lineage"
        ]
        named = [table for table in fitting if table.name in hints]
        if any(column.is_doubled for column in sheet.columns):
            return None
        return named[0] if named else fitting[0] if len(fitting) == 1 else None

    def _canonical(self, sheet: SheetEvidence, table: Table) -> SheetDraft:
        draft = TableDraft(table)
        for column in sheet.columns:
            wanted = table.fields[column.header]
            like = Likeness(EXACT_NAME, Form(column.header), "name")
            fit = self.fitter.fit(column, wanted, like)
            fit.problems, fit.misfits = [], []
            candidate = Candidate(wanted, self._concept(table, wanted), like, fit, 1.0)
            draft.decisions.append(Decision(Item(column.header, column, candidates=[candidate]), candidate))
        draft.missing = self._missing(table, {column.header for column in sheet.columns})
        return SheetDraft(sheet, list(draft.decisions), [draft], {}, is_canonical=True)

    def _concept(self, table: Table, field: Field) -> Concept:
        is_shared = field.name in table.key or any(field.name in each.fields for each in table.foreign_keys)
        return ("", field.name) if is_shared else (table.name, field.name)

    def _keys(
        self, columns: Sequence[ColumnEvidence], alike: Mapping[int, Mapping[int, Likeness]]
    ) -> dict[tuple[str, str], tuple[float, str]]:
        """Key fields (table and name) that some column surely can be, with the best such column."""
        found: dict[tuple[str, str], tuple[float, str]] = {}
        for column in columns:
            for place, likeness in alike[column.place].items():
                wanted = self.names.fields[place]
                if likeness.score < SURE_NAME or wanted.name not in self.found.tables[wanted.table].key:
                    continue
                fit = self.fitter.fit(column, wanted, likeness).share
                if (likeness.score >= EXACT_CODE or fit >= SURE_VALUES) and self._is_planned(column, wanted):
                    key, worth = (wanted.table, wanted.name), likeness.score * fit
                    if key not in found or worth > found[key][0]:
                        found[key] = worth, column.header
        return found

    def _is_planned(self, column: ColumnEvidence, wanted: Field) -> bool:
        """Whether most cells hold minutes or weeks that the schedule has for the field."""
        planned = {str(value) for value in (*wanted.minutes, *wanted.weeks)}
        if not planned or not column.count:
            return True
        hits = sum(times for text, times in column.numbers.items() if text.removesuffix(".0").lstrip("+") in planned)
        return hits >= SURE_VALUES * column.count

    def _reach(self, table: Table, keys: Mapping[tuple[str, str], tuple[float, str]], sheet: SheetEvidence) -> Reach:
        """Which key fields of a table the sheet has."""
        held = {name: keys[table.name, name][1] for name in table.key if (table.name, name) in keys}
        lacking = [name for name in table.key if name not in held]
        is_unique = bool(held) and not sheet.frame.select(set(held.values())).drop_nulls().is_duplicated().any()
        hangs_on = set(held) == {self.fitter.person}
        lacks = [
            name
            for name in lacking
            if not (_is_sequence(table.fields[name]) and (is_unique or not hangs_on))
            and self._code_in_name(sheet, table.fields[name]) is None
        ]
        common = {name for _, name in keys if name in self._common}
        return Reach(
            lacking=frozenset(lacking),
            lacks=tuple(lacks),
            leaves_key=not common <= set(table.key),
            holds_own=not set(held) <= self._common,
            hangs_on=hangs_on,
        )

    def _beside(
        self,
        columns: Sequence[ColumnEvidence],
        unit_texts: Sequence[ColumnEvidence],
        alike: Mapping[int, Mapping[int, Likeness]],
    ) -> dict[int, ColumnEvidence]:
        """Unit columns by the place of the column they belong to: its name goes on in theirs, or they stand beside."""
        found: dict[int, ColumnEvidence] = {}
        for unit in unit_texts:
            named = [c for c in columns if c is not unit and c.numbers and fold(unit.header).startswith(fold(c.header))]
            left = [c for c in columns if c.place == unit.place - 1 and c.numbers]
            own = max((likeness.score for likeness in alike[unit.place].values()), default=0.0)
            owner = max(named, key=lambda c: len(c.header)) if named else left[0] if left and own < SURE_NAME else None
            if owner is not None:
                found[owner.place] = unit
        return found

    def _items(
        self,
        columns: Sequence[ColumnEvidence],
        alike: Mapping[int, Mapping[int, Likeness]],
        reach: Mapping[str, Reach],
        beside: Mapping[int, ColumnEvidence],
        tests: LongRows | None,
    ) -> list[Item]:
        blocks = [] if tests else self._blocks(columns, alike, reach)
        in_blocks = {place for item in blocks for place in item.places}
        items = list(blocks)
        for column in columns:
            if column.place in in_blocks:
                continue
            units = beside[column.place].filled if column.place in beside else None
            parts = [1, 2] if column.separator and column.number_share < SURE_VALUES else [None]
            for part in parts:
                evidence = column if part is None else column.part(part)
                item = Item(column.header, evidence, part=part)
                for place, likeness in alike[column.place].items():
                    wanted = self.names.fields[place]
                    if wanted.table not in reach or (tests and wanted.name in tests.names):
                        continue
                    table = self.found.tables[wanted.table]
                    fit = self.fitter.fit(evidence, wanted, likeness, units)
                    candidate = Candidate(wanted, self._concept(table, wanted), likeness, fit)
                    item.candidates.append(reach[table.name].apply(candidate))
                items.append(item)
        return items

    def _blocks(
        self,
        columns: Sequence[ColumnEvidence],
        alike: Mapping[int, Mapping[int, Likeness]],
        reach: Mapping[str, Reach],
    ) -> list[Item]:
        """Blocks that some field fits, no two with the same column, the best first."""
        best = {place: max((each.score for each in found.values()), default=0.0) for place, found in alike.items()}
        free = [column for column in columns if best[column.place] < EXACT_CODE]
        blocks = [
            block
            for block in find_blocks(free, self.found, self.fitter)
            if block.table.name in reach and block.over.name in reach[block.table.name].lacking
        ]
        groups: dict[tuple[str, tuple[int, ...]], list[Block]] = defaultdict(list)
        for block in blocks:
            groups[block.pattern, tuple(column.place for column in block.columns)].append(block)
        ranked: list[tuple[float, Item]] = []
        for same in groups.values():
            of_table = {block.table.name: block for block in same}
            item = Item(same[0].pattern, same[0].evidence, of_table)
            for stem in dict.fromkeys(block.stem for block in same):
                for place, likeness in self.names.compare([stem])[0].items():
                    wanted = self.names.fields[place]
                    own = of_table.get(wanted.table)
                    if own is None or own.stem != stem or wanted.name in own.table.key:
                        continue
                    fit = self.fitter.fit(item.evidence, wanted, likeness)
                    candidate = Candidate(wanted, (wanted.table, wanted.name), likeness, fit)
                    item.candidates.append(reach[own.table.name].apply(candidate, own.over.name))
            if item.candidates:
                top = max(candidate.confidence for candidate in item.candidates)
                ranked.append((top * len(item.places), item))
        taken: set[int] = set()
        chosen: list[Item] = []
        for worth, item in sorted(ranked, key=lambda entry: -entry[0]):
            if worth >= CANDIDATE * len(item.places) and not item.places & taken:
                taken |= item.places
                chosen.append(item)
        return chosen

    def _tables(
        self,
        sheet: SheetEvidence,
        decisions: Sequence[Decision],
        tests: LongRows | None,
    ) -> list[TableDraft]:
        shared = [each for each in decisions if each.best is not None and each.best.concept[0] == ""]
        own: dict[str, list[Decision]] = defaultdict(list)
        for decision in decisions:
            if decision.best is not None and decision.best.concept[0]:
                own[decision.best.concept[0]].append(decision)
        if tests:
            own.setdefault(tests.table, [])
        drafts: list[TableDraft] = []
        for name, table in self.found.tables.items():
            if name not in own:
                continue
            draft = TableDraft(table, tests=tests if tests and tests.table == name else None)
            serving = [each for each in shared if each.best is not None and each.best.field.name in table.fields]
            draft.decisions = [*serving, *own[name]]
            doubt_spellings(own[name])
            self._complete(sheet, draft)
            drafts.append(draft)
        return drafts

    def _complete(self, sheet: SheetEvidence, draft: TableDraft) -> None:
        """Give the key fields without a column their values, and note what is missing."""
        table = draft.table
        given = {each.best.field.name for each in draft.decisions if each.best is not None}
        block = next((each.block for each in draft.decisions if each.block), None)
        if block:
            given.add(block.over.name)
        headers = [
            each.item.evidence.header
            for each in draft.decisions
            if each.best is not None and each.best.field.name in table.key
        ]
        if draft.tests:
            headers.append(draft.tests.column.header)
        is_unique = bool(headers) and not sheet.frame.select(headers).drop_nulls().is_duplicated().any()
        for key in table.key:
            wanted = table.fields[key]
            if key in given:
                continue
            if _is_sequence(wanted):
                (draft.values if is_unique else draft.open_values)[key] = FIRST
            elif code := self._code_in_name(sheet, wanted):
                draft.open_values[key] = code
        draft.repeats = not is_unique and not draft.open_values
        draft.missing = self._missing(
            table, {*given, *draft.values, *draft.open_values, *(draft.tests.names if draft.tests else ())}
        )

    def _code_in_name(self, sheet: SheetEvidence, wanted: Field) -> str | None:
        """The only code that the words of the file's or sheet's name mean."""
        if not wanted.codelist:
            return None
        codes = {self.fitter.code(text, wanted) for text in _name_texts(sheet)} - {None}
        return codes.pop() if len(codes) == 1 else None

    def _missing(self, table: Table, given: set[str]) -> list[str]:
        return [name for name, each in table.fields.items() if each.required == "always" and name not in given]


def _name_texts(sheet: SheetEvidence) -> Iterator[str]:
    for text in (sheet.sheet, sheet.stem):
        if text:
            yield text
            yield from text.replace("_", " ").replace("-", " ").split()


def _is_sequence(field: Field) -> bool:
    """Whether a key field counts the records of a group from 1."""
    bounds = field.expected or field.range
    return field.type == "integer" and not (field.minutes or field.weeks) and bounds is not None and bounds[0] == 1
