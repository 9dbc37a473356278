"""REDCap exports: one CSV file with the columns of every form, taken apart into a table for each form.

A row of the export can hold several forms of a record. It belongs to the form named by ``redcap_repeat_instrument``;
without such a name, to each form that it has an entry for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from anakinra_t2d.reading.cells import BATCH_ROWS, Batch, Part, RaggedRow, TextTable
from anakinra_t2d.reading.csv_text import CsvTable
from anakinra_t2d.reading.discover import SourceFile
from anakinra_t2d.reading.options import ReadOptions
from anakinra_t2d.reading.problems import UnreadableError
from anakinra_t2d.reading.redcap_dictionary import (
    RedcapField,
    RedcapProject,
    checkbox_code,
    read_dictionary,
)

__all__ = ["RedcapTable", "looks_like_export", "redcap_tables"]

EVENT = "redcap_event_name"
INSTRUMENT = "redcap_repeat_instrument"
INSTANCE = "redcap_repeat_instance"
GROUP = "redcap_data_access_group"
_KEPT = (EVENT, INSTANCE, GROUP)
_DROPPED = frozenset({INSTRUMENT, "redcap_survey_identifier"})
_FORM_STATES = ("_complete", "_timestamp")
_CHECKBOX = "___"
_DATE_AND_TIME = r"^([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)$"


def looks_like_export(header: Sequence[str]) -> bool:
    """Whether a file with this header is an export that needs the data dictionary to be read.

    True for a column of REDCap's own about events or repetition, and for a record id beside columns that say whether a
    form is complete.
    """
    if {EVENT, INSTRUMENT, INSTANCE} & set(header):
        return True
    return "record_id" in header and any(name.endswith("_complete") for name in header)


def redcap_tables(
    export: SourceFile,
    dictionary: SourceFile,
    options: ReadOptions | None = None,
    batch_rows: int = BATCH_ROWS,
) -> list[TextTable]:
    """A table for each form of the project with columns in the export; its ``sheet`` is the name of the form.

    The first table also carries what is wrong with the files as a whole: rows that no form takes, columns that no form
    has. At least one table is returned; when a file cannot be read, or the two do not belong together, it has no rows
    and says why.

    Args:
        export: the raw data as CSV, with variables in the header.
        dictionary: the data dictionary of the project.
        options: how the export is written; ``missing`` holds texts that mean an empty cell.
        batch_rows: records in a batch.
    """
    described = CsvTable(dictionary, None, BATCH_ROWS)
    project = read_dictionary(described)
    if not described.readable:
        return [_Refused(dictionary, None, _unreadable(described).problem)]
    opened = CsvTable(export, options, batch_rows)
    if not opened.readable:
        return [opened]
    header = opened.header
    if not project.fields:
        return [_Refused(export, options, f"the data dictionary {dictionary.shown} names no field")]
    if header.count(project.record_id) != 1:
        times = _times(header.count(project.record_id))
        problem = (
            f"the column {project.record_id}, which is the record id in {dictionary.shown}, stands {times} in the "
            "header; raw data with variable names are needed, not labels"
        )
        return [_Refused(export, options, problem)]
    if header.count(INSTRUMENT) > 1:
        return [_Refused(export, options, f"the column {INSTRUMENT} stands {_times(header.count(INSTRUMENT))}")]
    layout = _Layout(header, project)
    if not layout.forms:
        return [_Refused(export, options, f"no column is a field of the data dictionary {dictionary.shown}")]
    tables = [RedcapTable(export, form, layout, options, batch_rows) for form in layout.forms]
    tables[0].answer_for_all(opened, described)
    for table in tables:
        table.header_row = opened.header_row
    return list(tables)


def _times(count: int) -> str:
    return f"{count} times" if count else "nowhere"


class _Refused(TextTable):
    """An export that cannot be taken apart."""

    def __init__(self, file: SourceFile, options: ReadOptions | None, problem: str) -> None:
        self._problem = problem
        super().__init__(file, options)

    def _open(self) -> list[str] | None:
        raise UnreadableError(self._problem)

    def _parts(self) -> Iterator[Part]:
        yield from ()


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the export that belongs to a form: its header, its name in the form's table and its field."""

    sent: str
    name: str
    field: RedcapField


class _Layout:
    """Which columns of the export belong to which form."""

    def __init__(self, header: Sequence[str], project: RedcapProject) -> None:
        self.record_id = project.record_id
        self.header = list(header)
        self.has_instrument = INSTRUMENT in header
        self.kept = [name for name in header if name in _KEPT]
        forms = project.forms()
        owners = {field.name: field for fields in forms.values() for field in fields}
        columns: dict[str, list[tuple[str, RedcapField]]] = {form: [] for form in forms}
        self.unknown: list[str] = []
        for sent in header:
            field = owners.get(sent) or _checkbox(sent, owners)
            if field is not None:
                columns[field.form].append((sent, field))
            elif sent not in (self.record_id, *self.kept) and not self._is_technical(sent, forms):
                self.unknown.append(sent)
        shared = {self.record_id, *self.kept}
        self.forms: dict[str, list[_Column]] = {}
        for form, own in columns.items():
            prefix = _common_prefix(form, forms[form], shared)
            if own:
                self.forms[form] = [_Column(sent, sent.removeprefix(prefix), field) for sent, field in own]

    def _is_technical(self, sent: str, forms: Mapping[str, object]) -> bool:
        return sent in _DROPPED or any(sent == form + state for form in forms for state in _FORM_STATES)

    def entered(self, form: str, names: Sequence[str], missing: Sequence[str]) -> pl.Expr:
        """Whether a row of the export has an entry in a form; ``names`` are the columns that can be read.

        REDCap writes 0 for a box that nobody has seen, so an empty box is an entry only in a form that somebody has
        marked as unverified or complete.
        """
        own = [column for column in self.forms[form] if column.sent in names]
        plain = [_filled(column.sent, missing) for column in own if column.field.type != "checkbox"]
        boxes = [column.sent for column in own if column.field.type == "checkbox"]
        ticked = [_filled(box, missing) & (_bare(box) != "0") for box in boxes]
        complete = form + _FORM_STATES[0]
        if boxes and complete in names:
            seen = _bare(complete).is_in(["1", "2"])
            ticked += [_filled(box, missing) & seen for box in boxes]
        return pl.any_horizontal(pl.lit(False), *(each.fill_null(False) for each in (*plain, *ticked)))

    def instrument(self) -> pl.Expr:
        """The form that a row of the export is an instance of; null when it is none."""
        if not self.has_instrument:
            return pl.lit(None, dtype=pl.String)
        sent = _bare(INSTRUMENT)
        # an export of labels has "Blood pressure" for the form blood_pressure
        name = sent.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", "_").str.strip_chars("_")
        return pl.when(sent.is_in(list(self.forms))).then(sent).when(sent != "").then(name)


def _checkbox(sent: str, owners: Mapping[str, RedcapField]) -> RedcapField | None:
    field = owners.get(sent.partition(_CHECKBOX)[0]) if _CHECKBOX in sent else None
    return field if field is not None and field.type == "checkbox" else None


def _common_prefix(form: str, fields: Sequence[RedcapField], shared: set[str]) -> str:
    """``<form>_`` when every field of the form has it and can do without it, otherwise empty."""
    prefix = f"{form}_"
    bare = [field.name.removeprefix(prefix) for field in fields]
    if all(field.name.startswith(prefix) for field in fields) and all(bare) and not shared & set(bare):
        return prefix
    return ""


def _bare(column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars()


def _filled(column: str, missing: Sequence[str]) -> pl.Expr:
    return pl.col(column).is_not_null() & ~_bare(column).is_in(["", *missing])


class RedcapTable(TextTable):
    """The records of one form of an export.

    The header is the record id, ``redcap_event_name``, ``redcap_repeat_instance`` and ``redcap_data_access_group``
    where the export has them, and the fields of the form, without the name of the form in front when all of them have
    it. What only REDCap itself knows, such as ``<form>_complete``, is left out. A record has the line of the export
    where it starts.

    ``technical`` are the columns of REDCap's own, which are no fields of the form. ``decimal`` is the decimal mark that
    the dictionary declares, by column; ``labels`` the label of each code, by column (of a checkbox, what a tick means).
    """

    def __init__(
        self,
        file: SourceFile,
        form: str,
        layout: _Layout,
        options: ReadOptions | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        self._form, self._layout = form, layout
        self._inner: CsvTable | None = None
        self._whole: _Whole | None = None
        self._rows = 0
        self._own = layout.forms[form]
        self.technical = tuple(layout.kept)
        self.decimal = {column.name: column.field.decimal for column in self._own if column.field.decimal}
        self.labels = {column.name: labels for column in self._own if (labels := _labels(column))}
        super().__init__(file, options, batch_rows, sheet=form)

    def answer_for_all(self, opened: CsvTable, dictionary: TextTable) -> None:
        """Let this table report what is wrong with the export, ``opened``, and its dictionary as a whole."""
        self._inner = opened
        self._whole = _Whole(self._layout)
        self.log.problems += dictionary.problems
        for column in dict.fromkeys(self._layout.unknown):
            self.log.add("HEAD-003", opened.header_row, column, suggestion="")

    def _open(self) -> list[str] | None:
        return [self._layout.record_id, *self._layout.kept, *(column.name for column in self._own)]

    def _parts(self) -> Iterator[Part]:
        inner = self._inner or CsvTable(self.file, self.options, self.batch_rows)
        for batch in inner:
            self._rows += batch.cells.height
            yield self._part(batch)
            if self._whole is not None:
                self._whole.look(batch, self)
        if self._whole is not None:
            self.log.problems += [each for each in inner.problems if each.code not in ("FILE-002", "FILE-003")]
            for rejected in inner.rejected:
                self.reject(rejected)
        if not inner.readable:
            raise _unreadable(inner)

    def _batches(self) -> Iterator[Batch]:
        yield from super()._batches()
        if self._rows or self._whole is None:
            # a form without entries is no sign of a failed export when other forms have some
            self.log.problems[:] = [problem for problem in self.log.problems if problem.code != "FILE-003"]

    def _part(self, batch: Batch) -> Part:
        instrument = self._layout.instrument()
        entered = self._layout.entered(self._form, batch.cells.columns, self.options.missing)
        mine = pl.when(instrument.is_null()).then(entered).otherwise(instrument == self._form)
        keep = batch.cells.select(mine.alias("mine"))["mine"]
        times = Counter(self._layout.header)
        picked = [_cell(name, times) for name in (self._layout.record_id, *self._layout.kept)]
        picked += [_cell(column.sent, times, has_time=column.field.has_time) for column in self._own]
        cells = batch.cells.select([cell.alias(f"c{place}") for place, cell in enumerate(picked)])
        return Part(cells.filter(keep), batch.row_numbers().filter(keep), batch.odd)


def _cell(column: str, times: Mapping[str, int], *, has_time: bool = False) -> pl.Expr:
    if times[column] > 1:
        return pl.lit(None, dtype=pl.String)
    return pl.col(column).str.replace(_DATE_AND_TIME, "${1}T${2}") if has_time else pl.col(column)


def _labels(column: _Column) -> dict[str, str]:
    labels = column.field.labels
    if column.field.type != "checkbox":
        return labels
    ticked = column.sent.partition(_CHECKBOX)[2]
    meant = [label for code, label in labels.items() if checkbox_code(code) == ticked]
    return {"1": meant[0]} if meant else {}


def _unreadable(table: TextTable) -> UnreadableError:
    found = next((problem for problem in table.problems if problem.code == "FILE-002"), None)
    return UnreadableError(found.details["problem"], found.row) if found else UnreadableError("the file is empty")


class _Whole:
    """Looks for rows and cells of the export that no form takes."""

    def __init__(self, layout: _Layout) -> None:
        self._layout = layout

    def look(self, batch: Batch, table: RedcapTable) -> None:
        """Report them as problems of ``table``; a row of an unknown form is kept among its rejected ones."""
        names, missing = batch.cells.columns, table.options.missing
        forms = list(self._layout.forms)
        seen = batch.cells.select(
            self._layout.instrument().alias("instrument"),
            *(self._layout.entered(form, names, missing).alias(f"c{place}") for place, form in enumerate(forms)),
        ).with_columns(batch.row_numbers().alias("row"))
        self._blank(seen, table)
        self._unknown(seen, batch, forms, table)
        self._astray(seen, forms, table)

    def _blank(self, seen: pl.DataFrame, table: RedcapTable) -> None:
        empty = pl.col("instrument").is_null() & ~pl.any_horizontal(pl.col("^c[0-9]+$"))
        for row in seen.filter(empty)["row"]:
            table.log.add("ROW-003", row)

    def _unknown(self, seen: pl.DataFrame, batch: Batch, forms: Sequence[str], table: RedcapTable) -> None:
        if not self._layout.has_instrument:
            return
        unknown = seen.select((pl.col("instrument").is_not_null() & ~pl.col("instrument").is_in(forms)).alias("c"))["c"]
        rows = seen["row"].filter(unknown).to_list()
        for row, cells in zip(rows, batch.cells.filter(unknown).iter_rows(named=True), strict=True):
            table.log.add("ROW-004", row, INSTRUMENT, found=f"{cells[INSTRUMENT]} in the column {INSTRUMENT}")
            table.reject(RaggedRow(row, row, "ROW-004", [value or "" for value in cells.values()]))

    def _astray(self, seen: pl.DataFrame, forms: Sequence[str], table: RedcapTable) -> None:
        for place, form in enumerate(forms):
            other = pl.col(f"c{place}") & pl.col("instrument").is_in([each for each in forms if each != form])
            for row, instrument in seen.filter(other).select("row", "instrument").iter_rows():
                found = f"entries of the form {form} where the column {INSTRUMENT} says {instrument}"
                table.log.add("ROW-004", row, form, found=found)
