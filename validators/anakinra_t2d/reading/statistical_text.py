"""Reads files of statistical programs: SAS (.xpt, .sas7bdat), SPSS (.sav, .zsav, .por) and Stata (.dta)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import polars as pl
import pyreadstat

from anakinra_t2d.reading import xpt_layout
from anakinra_t2d.reading.cells import Part, TextTable
from anakinra_t2d.reading.discover import SourceFile
from anakinra_t2d.reading.encoding import foreign_kind
from anakinra_t2d.reading.options import ReadOptions
from anakinra_t2d.reading.problems import UnreadableError
from anakinra_t2d.reading.statistical_formats import Meaning, Program, meaning_of, numbers_text
from anakinra_t2d.reading.xpt_layout import Member, MemberFile

MAX_COLUMNS = 32_767
"""Variables of a data set, the limit of Stata and SPSS; rows are not limited, as they are read in pieces."""
_FIRST_ROW = 2
_CELLS_AT_ONCE = 2_000_000
_WINDOWS = "Windows-1252"
_WRONG_ENCODING = (
    "a text of the file is not in the encoding that the file or the profile states; correct `encoding` in the profile"
)
_PROGRAMS: dict[str, tuple[Program, Callable[..., tuple[Any, Any]]]] = {
    ".xpt": ("sas", pyreadstat.read_xport),
    ".sas7bdat": ("sas", pyreadstat.read_sas7bdat),
    ".sav": ("spss", pyreadstat.read_sav),
    ".zsav": ("spss", pyreadstat.read_sav),
    ".por": ("spss", pyreadstat.read_por),
    ".dta": ("stata", pyreadstat.read_dta),
}
_WITHOUT_USER_MISSING = (".xpt", ".por")
_NAMES = {
    ".sas7bdat": "a SAS data set",
    ".sav": "an SPSS file",
    ".zsav": "an SPSS file",
    ".por": "an SPSS portable file",
    ".dta": "a Stata file",
}
_BEGINNINGS = {
    ".sas7bdat": (b"\0" * 12,),
    ".sav": (b"$FL2", b"$FL3"),
    ".zsav": (b"$FL2", b"$FL3"),
    ".dta": (b"<stata_dta>", *(bytes([version]) for version in range(104, 116))),
}


def statistical_tables(
    file: SourceFile, options_of: Callable[[str | None], ReadOptions], batch_rows: int
) -> list[TextTable]:
    """The data sets of a file: a transport file may hold several, all others one.

    ``options_of`` gives the options for the name of a data set.
    """
    if file.path.suffix.lower() != ".xpt":
        return [StatisticalTable(file, options_of(None), batch_rows)]
    try:
        if file.path.stat().st_size == 0:
            return [StatisticalTable(file, options_of(None), batch_rows)]
        found = xpt_layout.members(file.path)
        names = [xpt_layout.name_of(file.path, member) for member in found]
    except UnreadableError as error:
        return [StatisticalTable(file, options_of(None), batch_rows, refused=error)]
    except OSError:
        return [StatisticalTable(file, options_of(None), batch_rows)]
    return [
        StatisticalTable(file, options_of(name), batch_rows, name, member)
        for member, name in zip(found, names, strict=True)
    ]


class StatisticalTable(TextTable):
    """A data set as text cells; see ``statistical_formats.numbers_text`` for how numbers, dates and times are written.

    Missing values are empty. The special ones of SAS and Stata are kept as text, ``.A`` or ``.a``; a value that SPSS
    declares missing is empty, and ``declared_missing`` says which ones these are, by column. A code with a label stays
    the code: ``labels`` has the labels by column and code, ``column_labels`` those of the columns.
    """

    def __init__(
        self,
        file: SourceFile,
        options: ReadOptions | None = None,
        batch_rows: int = 250_000,
        sheet: str | None = None,
        member: Member | None = None,
        *,
        refused: UnreadableError | None = None,
    ) -> None:
        self.labels: dict[str, dict[str, str]] = {}
        self.column_labels: dict[str, str] = {}
        self.declared_missing: dict[str, list[str]] = {}
        self._member = member
        self._refused = refused
        self._suffix = file.path.suffix.lower()
        self._program, self._read_function = _PROGRAMS[self._suffix]
        self._encoding: str | None = None
        self._meanings: list[Meaning] = []
        self._stated_rows: int | None = None
        super().__init__(file, options, batch_rows, sheet)

    def _open(self) -> list[str] | None:
        if self._refused is not None:
            raise self._refused
        _require_kind(self.file.path, self._suffix)
        self._encoding = self._find_encoding()
        _, facts = self._read(metadataonly=True)
        names = list(facts.column_names)
        if not names:
            return None
        if len(names) > MAX_COLUMNS:
            raise UnreadableError(f"the data set has {len(names):,} variables; {MAX_COLUMNS:,} is the limit")
        if len(set(names)) < len(names):
            raise UnreadableError("two variables of the data set have the same name")
        self._stated_rows = facts.number_rows
        formats = facts.original_variable_types
        self._meanings = [meaning_of(formats.get(name), self._program) for name in names]
        self.text_columns = {name for name, kind in facts.readstat_variable_types.items() if kind == "string"}
        self.column_labels = {
            name: label for name, label in zip(names, facts.column_labels, strict=True) if label and label.strip()
        }
        self.labels = {
            name: {_code(value): label for value, label in labels.items()}
            for name, labels in facts.variable_value_labels.items()
        }
        self.declared_missing = {
            name: [_range(each["lo"], each["hi"]) for each in ranges] for name, ranges in facts.missing_ranges.items()
        }
        return names

    def _find_encoding(self) -> str | None:
        """The encoding to ask the library for; None where the file itself says it, and for UTF-8."""
        if self.options.encoding is not None:
            return self.options.encoding
        if self._member is not None and not xpt_layout.is_utf8(self.file.path, self._member):
            self.log.add("FILE-007", found=_WINDOWS)
            return "WINDOWS-1252"
        return None

    def _read(self, **options: Any) -> tuple[pl.DataFrame, Any]:
        if self._suffix != ".por":
            options["encoding"] = self._encoding
        if self._suffix not in _WITHOUT_USER_MISSING and (self._program != "spss" or options.get("metadataonly")):
            options["user_missing"] = True
        with _as_sentences(), self._source() as source:
            frame, facts = self._read_function(
                source, output_format="polars", disable_datetime_conversion=True, **options
            )
        return frame, facts

    @contextmanager
    def _source(self) -> Iterator[str | IO[bytes] | MemberFile]:
        if self._member is None:
            yield str(self.file.path)
        else:
            with MemberFile(self.file.path, self._member) as source:
                yield source

    def _parts(self) -> Iterator[Part]:
        at_once = max(1000, _CELLS_AT_ONCE // len(self.header))
        done = 0
        while True:
            frame, _ = self._read(row_offset=done, row_limit=at_once)
            if frame.height:
                yield Part(self._text(frame, done), _FIRST_ROW + done, odd=True)
            done += frame.height
            if frame.height < at_once:
                break
        if self._stated_rows is not None and done < self._stated_rows:
            raise UnreadableError(f"the file says it has {self._stated_rows} rows, but {done} could be read")

    def _text(self, frame: pl.DataFrame, done: int) -> pl.DataFrame:
        columns = []
        for place, (column, meaning) in enumerate(zip(frame, self._meanings, strict=True)):
            text = self._column(column, meaning)
            if self._member is not None and column.dtype.is_numeric():
                text = self._with_letters(text, place, done)
            columns.append(text.alias(f"c{place}"))
        return pl.DataFrame(columns)

    def _column(self, column: pl.Series, meaning: Meaning) -> pl.Series:
        if column.dtype == pl.Null:
            return pl.Series([None] * len(column), dtype=pl.String)
        if column.dtype == pl.String:
            # SAS fills its texts with blanks up to their length
            text = pl.col("text").str.strip_chars_end(" \0") if self._program == "sas" else pl.col("text")
            return column.to_frame("text").select(pl.when(text != "").then(text)).to_series()
        if column.dtype == pl.Object:
            values = column.to_list()
            letters = pl.Series([f".{value}" if isinstance(value, str) else None for value in values], dtype=pl.String)
            numbers = pl.Series([None if isinstance(value, str) else value for value in values], dtype=pl.Float64)
            return pl.select(pl.coalesce(letters, numbers_text(numbers, meaning, self._program))).to_series()
        return numbers_text(column.cast(pl.Float64), meaning, self._program)

    def _with_letters(self, text: pl.Series, place: int, done: int) -> pl.Series:
        """Special missing values of a transport file, which the library leaves out."""
        if not text.null_count():
            return text
        assert self._member is not None
        rows = np.flatnonzero(text.is_null().to_numpy())
        letters = xpt_layout.special_missing(self.file.path, self._member, place, rows + done)
        if not letters:
            return text
        return text.scatter([rows[at] for at in letters], list(letters.values()))


def _code(value: object) -> str:
    """A labelled value as the text of its cells."""
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _range(low: object, high: object) -> str:
    return _code(low) if low == high else f"{_code(low)} to {_code(high)}"


def _require_kind(path: Path, suffix: str) -> None:
    """Raise UnreadableError with what the file is, when it clearly is something else than its name says."""
    if suffix == ".xpt":
        return  # its members were found before
    with path.open("rb") as stream:
        head = stream.read(4096)
    beginnings = _BEGINNINGS.get(suffix)
    kind = foreign_kind(head)
    if head.startswith(beginnings) if beginnings else kind is None:
        return
    found = kind.split(",")[0] if kind else "the file is something else"
    raise UnreadableError(f"{found}, not {_NAMES[suffix]} ({suffix}), or its beginning is damaged")


@contextmanager
def _as_sentences() -> Iterator[None]:
    """Turn what the library raises for a bad file into UnreadableError."""
    try:
        yield
    except UnicodeDecodeError:
        raise UnreadableError(_WRONG_ENCODING) from None
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, ValueError, OverflowError, MemoryError) as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if "requested encoding" in line:
            raise UnreadableError(_WRONG_ENCODING) from None
        raise UnreadableError(f"the file is damaged or incomplete: {line[:120].lower()}") from None
    except (TypeError, KeyError, IndexError, AttributeError):
        # the library trips over what it read, such as a column without a name
        raise UnreadableError("the file is damaged or incomplete: its columns are not described as they are") from None
