"""Decides what each file of a submission holds, and brings what is not canonical into the form of the tables."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from anakinra_t2d.harmonise.side_tables import SideTables
from anakinra_t2d.reading import InputError, ReadOptions, ReadProblem, SourceFile, Submission, TextTable, open_tables
from anakinra_t2d.reading.redcap_dictionary import is_dictionary, read_dictionary
from anakinra_t2d.schema import Definitions, Profile, SchemaError
from anakinra_t2d.schema.sites import SheetLayout, TableLayout

if TYPE_CHECKING:
    from anakinra_t2d.harmonise.contribution import Part
    from anakinra_t2d.harmonise.sheet_run import Report, SheetAccount
    from anakinra_t2d.harmonise.staged import StagedTable

_SEVERAL_TABLES = frozenset({"excel", "statistical"})
_HEAD = 4096
_NOT_DATA = ("_", "README")
"""Beginnings of the names of sheets that templates have for people and drop-downs."""


@dataclass
class Unread:
    """Rows of a sheet that could not be cut into cells."""

    table: str
    source: TextTable


@dataclass
class Intake:
    """Takes the files of a submission.

    ``direct`` are files of one table in canonical form, read when their table is checked; the others are harmonised at
    once, and their records wait as ``parts`` in ``scratch``.
    """

    found: Definitions
    profile: Profile | None
    scratch: Path
    report: Report
    batch_rows: int
    tell: Callable[[str], None]
    direct: dict[str, SourceFile] = field(default_factory=dict)
    parts: dict[str, list[Part]] = field(default_factory=dict)
    accounts: list[SheetAccount] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    on_purpose: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.side = SideTables(self.scratch)
        self._places: list[tuple[str, str | None]] = []
        self._profiles: dict[Path, Profile] = {}
        self._tables = [name for name, table in self.found.tables.items() if table.role != "lineage"]

    def take(self, submission: Submission) -> None:
        """Read everything that is not a canonical file of one table; the canonical files are kept in ``direct``.

        Raises:
            InputError: a site profile that lies beside the files cannot be used.
        """
        for file in submission.files:
            if file.format in _SEVERAL_TABLES:
                self._file(file)
            else:
                self.direct[file.table or ""] = file
        dictionaries = {file: record_id for file in submission.others if (record_id := redcap_record_id(file))}
        for file in submission.others:
            if file not in dictionaries:
                self._file(file, _dictionary_of(file, dictionaries))
        for name in [name for name in self.parts if name in self.direct]:
            self._join_direct(name)

    def tables(self) -> list[str]:
        """Names of the tables that the submission has, flags of results that are no number among them."""
        flags = [name for name, table in self.found.tables.items() if table.role == "flags" and self.side.flags.rows]
        names = {*self.direct, *self.parts, *flags}
        return [name for name in self._tables if name in names]

    def open_direct(self, table: str) -> TextTable:
        """The canonical file of a table."""
        file = self.direct[table]
        return open_tables(file, self._options(file, None), batch_rows=self.batch_rows)[0]

    def staged(self, table: str) -> StagedTable | None:
        """The harmonised records of a table; None for a table in ``direct``."""
        parts = list(self.parts.get(table, []))
        if self.found.tables[table].role == "flags":
            flags = self._flags(table)
            if flags and table in self.direct:
                self._join_direct(table)
                parts = list(self.parts.get(table, []))
            parts += flags
        if not parts:
            return None
        from anakinra_t2d.harmonise.assemble import assemble
        from anakinra_t2d.harmonise.staged import StagedTable

        path = assemble(self.found.tables[table], parts, self.scratch / f"{table}.staged.parquet")
        hashes = {account.file: account.sha256 for account in self.accounts}
        return StagedTable(self.found.tables[table], path, parts, hashes, self.batch_rows)

    def size(self, table: str) -> int:
        """Bytes of the files that hold the rows of a table."""
        paths = [self.direct[table].path] if table in self.direct else [part.path for part in self.parts.get(table, ())]
        return sum(path.stat().st_size for path in paths if path.is_file())

    def new_number(self, file: str, sheet: str | None) -> int:
        """A number for one more sheet that gives flags."""
        self._places.append((file, sheet))
        return len(self._places) - 1

    def _flags(self, table: str) -> list[Part]:
        if not self.side.flags.rows:
            return []
        from anakinra_t2d.harmonise.flag_part import flag_parts

        return flag_parts(self.side.flags, self.found.tables[table], self._places, self.scratch)

    def _join_direct(self, name: str) -> None:
        """A canonical file of a table that other sheets describe too."""
        file = self.direct.pop(name)
        source = open_tables(file, self._options(file, None), batch_rows=self.batch_rows)[0]
        self._sheet(source, _same_names(name), None)

    def _file(self, file: SourceFile, dictionary: SourceFile | None = None) -> None:
        self.tell(f"reading {file.shown}")
        profile = self.profile or (self._beside(file.profile) if file.profile else None)
        if dictionary is not None:
            from anakinra_t2d.reading.redcap import redcap_tables

            sources = redcap_tables(file, dictionary, batch_rows=self.batch_rows)
        else:
            sources = open_tables(file, self._options(file, profile), batch_rows=self.batch_rows)
        for source in sources:
            self._source(file, source, profile, alone=len(sources) == 1)

    def _source(self, file: SourceFile, source: TextTable, profile: Profile | None, *, alone: bool) -> None:
        if profile is not None and (layout := _matching(profile, file, source.sheet)) is not None:
            self._sheet(source, layout, profile, alone=alone)
            return
        name = source.sheet if source.sheet in self._tables else file.table if alone else None
        if name is None and profile is None:
            standard = self._recognised(source)
            if standard is not None and (layout := _matching(standard, file, source.sheet)) is not None:
                self._sheet(source, layout, standard)
                return
        if name is not None:
            self._canonical(name, file, source, alone=alone)
        elif not source.readable:
            for problem in source.problems:
                self.report(problem, None, None)
        elif source.sheet is None and self._needs_dictionary(source):
            words = {"problem": "this is a REDCap export; send its data dictionary (CSV) in the same folder"}
            self.report(ReadProblem("FILE-002", file.shown, details=words), None, None)
        elif not (source.sheet or "").startswith(_NOT_DATA):
            self.left_out.append(file.shown if alone else file_and_sheet(source))
            self.report(ReadProblem("FILE-006", file.shown, sheet=source.sheet), None, None)

    def _needs_dictionary(self, source: TextTable) -> bool:
        from anakinra_t2d.reading.redcap import looks_like_export

        return looks_like_export(source.header)

    def _canonical(self, name: str, file: SourceFile, source: TextTable, *, alone: bool) -> None:
        if name in self.direct:
            problem = ReadProblem(
                "FILE-004", file.shown, details={"other": self.direct[name].shown}, sheet=source.sheet
            )
            self.report(problem, name, None)
        elif name in self.parts:
            taken = self.parts[name][0].place.file
            problem = ReadProblem("FILE-004", file.shown, details={"other": taken}, sheet=source.sheet)
            self.report(problem, name, None)
        elif file.format in _SEVERAL_TABLES or source.sheet is not None:
            self._sheet(source, _same_names(name), None, alone=alone)
        else:
            self.direct[name] = file

    def _sheet(self, source: TextTable, layout: SheetLayout, profile: Profile | None, *, alone: bool = True) -> None:
        from anakinra_t2d.harmonise.sheet_run import SheetRun

        number = self.new_number(source.file.shown, source.sheet)
        run = SheetRun(
            number, source, layout, profile, self.found, self.side, self.scratch, self.report, may_be_empty=not alone
        )
        result = run.run()
        if not layout.tables:
            self.on_purpose.append(file_and_sheet(source))
        elif source.readable and not source.records:
            self.empty.append(file_and_sheet(source))
        self.accounts.append(result.account)
        for part in result.parts:
            self.parts.setdefault(part.table.name, []).append(part)
        if len(source.rejected) and layout.tables:
            self.unread.append(Unread(layout.tables[0].table, source))

    def _recognised(self, source: TextTable) -> Profile | None:
        names = {name.strip().casefold() for name in source.header}
        for profile in self.found.profiles.values():
            wanted = {name.casefold() for name in profile.recognised_by}
            if wanted and wanted <= names:
                return profile
        return None

    def _beside(self, path: Path) -> Profile:
        if path not in self._profiles:
            from anakinra_t2d.schema.loading import load_profile

            try:
                self._profiles[path] = load_profile(path, self.found)
            except SchemaError as error:
                raise InputError(f"The {path.name} beside the files cannot be used:\n{error}") from None
        return self._profiles[path]

    def _options(self, file: SourceFile, profile: Profile | None) -> Callable[[str | None], ReadOptions]:
        def options(sheet: str | None) -> ReadOptions:
            if profile is not None:
                layout = _matching(profile, file, sheet)
                if layout is not None:
                    return self._stated(profile, layout)
            name = sheet if sheet in self._tables else file.table
            if name in self.found.tables and file.stated == ReadOptions():
                return ReadOptions(known=frozenset(self.found.tables[name].fields))
            return file.stated

        return options

    def _stated(self, profile: Profile, layout: SheetLayout) -> ReadOptions:
        """How a file is written, as its profile says."""
        return ReadOptions(
            encoding=layout.encoding or profile.encoding,
            delimiter=layout.delimiter or profile.delimiter,
            header_row=layout.header_row,
            unit_row=layout.unit_row,
            number_mark=profile.decimal,
            known=frozenset(name.lower() for name in self._known(layout)),
        )

    def _known(self, layout: SheetLayout) -> Iterator[str]:
        """Names that the header of a sheet may have."""
        for table in layout.tables:
            for name in table.fields:
                yield from table.field(name).columns
            yield from (*table.where, *table.when_filled)
            if table.same_names:
                yield from self.found.tables[table.table].fields
            if table.tests:
                yield from (table.tests.column, table.tests.result)
        yield from layout.ignore


def file_and_sheet(source: TextTable) -> str:
    """The name of a file and of a sheet inside it, for people."""
    return f"{source.file.shown} (sheet {source.sheet})" if source.sheet else source.file.shown


def redcap_record_id(file: SourceFile) -> str | None:
    """The record id of the REDCap project whose data dictionary a file is; None for any other file.

    Only files that look like a dictionary are opened.
    """
    if file.format != "csv":
        return None
    with file.path.open("rb") as stream:
        head = stream.read(_HEAD)
    if b"Field Name" not in head and b"field_name" not in head:
        return None
    table = open_tables(file)[0]
    return read_dictionary(table).record_id if is_dictionary(table.header) else None


def _dictionary_of(file: SourceFile, dictionaries: Mapping[SourceFile, str]) -> SourceFile | None:
    """The data dictionary that lies beside a REDCap export, which has the record id in its header."""
    beside = {each: record_id for each, record_id in dictionaries.items() if each.path.parent == file.path.parent}
    if not beside or file.format != "csv":
        return None
    header = open_tables(file)[0].header
    return next((each for each, record_id in beside.items() if record_id in header), None)


def _matching(profile: Profile, file: SourceFile, sheet: str | None) -> SheetLayout | None:
    """The first layout for a file and sheet of these names.

    In a published layout a data set inside a file, ``DM`` in ``study.xpt``, counts like a file of its own, ``dm.xpt``.
    """
    names = [file.path.name.casefold()]
    if profile.recognised_by and sheet:
        names.append(f"{sheet}{file.path.suffix}".casefold())
    for layout in profile.sheets:
        if not any(fnmatch.fnmatchcase(name, layout.files.casefold()) for name in names):
            continue
        if layout.sheet is None or (
            sheet is not None and fnmatch.fnmatchcase(sheet.casefold(), layout.sheet.casefold())
        ):
            return layout
    return None


def _same_names(name: str) -> SheetLayout:
    """The layout of a sheet with canonical column names."""
    return SheetLayout(files="*", tables=[TableLayout(table=name)])
