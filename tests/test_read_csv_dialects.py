"""Text files in any encoding, with any delimiter, with rows above their header, are read as what they mean."""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anakinra_t2d.reading import (
    RaggedRow,
    ReadOptions,
    SourceFile,
    TextTable,
    csv_blocks,
    csv_survey,
    csv_text,
    transcode,
)
from anakinra_t2d.reading.archive import Limits
from anakinra_t2d.reading.csv_text import CsvTable
from anakinra_t2d.reading.header_row import find_header, name_and_unit
from anakinra_t2d.reading.problems import UnreadableError

REDCAP = Path(__file__).parents[2] / "shared" / "real" / "redcap"
EXAMPLES = int(os.environ.get("READ_EXAMPLES", "100"))
Cells = list[tuple[str | None, ...]]
Read = Callable[..., tuple[TextTable, list[int], Cells]]


def open_text(path: Path, options: ReadOptions | None = None, *, one_by_one: bool = False) -> TextTable:
    return CsvTable(SourceFile("labs", path, path.name, "csv"), options, 3, one_by_one=one_by_one)


def drain(table: TextTable) -> tuple[TextTable, list[int], Cells]:
    rows: list[int] = []
    cells: Cells = []
    for batch in table:
        rows += batch.row_numbers().to_list()
        cells += batch.cells.rows()
    return table, rows, cells


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads bytes, fast and one by one: the table after iteration, the rows and the cells of all records."""

    def read_bytes(data: bytes, name: str = "labs.csv", **options: object) -> tuple[TextTable, list[int], Cells]:
        path = tmp_path / name
        path.write_bytes(data)
        stated = ReadOptions(**options)  # type: ignore[arg-type]
        table, rows, cells = drain(open_text(path, stated))
        again = drain(open_text(path, stated, one_by_one=True))
        assert (rows, cells, table.problems) == (again[1], again[2], again[0].problems)
        return table, rows, cells

    return read_bytes


def codes(table: TextTable) -> list[tuple[str, int | None]]:
    return [(problem.code, problem.row) for problem in table.problems]


def told(table: TextTable) -> str:
    return "; ".join(problem.details.get("problem", "") for problem in table.problems)


# --- encodings

LETTERS = "navn,værdi\nSjælland,µ\nZürich,“5”\n"
LETTER_CELLS: Cells = [("Sjælland", "µ"), ("Zürich", "“5”")]


@pytest.mark.parametrize(
    "data",
    [
        LETTERS.encode(),
        LETTERS.encode("utf-8-sig"),
        LETTERS.encode("utf-16"),
        codecs.BOM_UTF16_BE + LETTERS.encode("utf-16-be"),
        LETTERS.encode("utf-16-le"),
        LETTERS.encode("utf-16-be"),
        LETTERS.replace("\n", "\r\n").encode("utf-16"),
        LETTERS.replace("\n", "\r").encode("utf-16"),
        LETTERS.replace("\n", "\r").encode(),
    ],
    ids=["UTF-8", "BOM", "UTF-16", "BE", "LE without BOM", "BE without BOM", "CRLF", "UTF-16 CR", "UTF-8 CR"],
)
def test_unicode_is_recognised(read: Read, data: bytes) -> None:
    table, rows, cells = read(data)
    assert table.header == ["navn", "værdi"]
    assert (rows, cells) == ([2, 3], LETTER_CELLS)
    assert table.problems == []
    assert table.size == len(data)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_other_text_is_windows_1252_and_said_to_be(read: Read, end: str) -> None:
    table, rows, cells = read(LETTERS.replace("\n", end).encode("cp1252"))
    assert (table.header, rows, cells) == (["navn", "værdi"], [2, 3], LETTER_CELLS)
    assert codes(table) == [("FILE-007", 1)]
    assert table.problems[0].details == {"found": "Windows-1252"}


def test_bytes_that_windows_1252_does_not_have_are_latin_1(read: Read) -> None:
    table, _, cells = read(b"a,b\n1,\xe6\n2,\x81\n")
    assert cells == [("1", "æ"), ("2", "\x81")]
    assert [problem.details for problem in table.problems] == [{"found": "ISO 8859-1 (Latin-1)"}]


@pytest.mark.parametrize("encoding", ["cp1252", "Windows-1252", "cp850", "mac-roman", "utf-16-le", "cp500"])
def test_a_stated_encoding_is_used(read: Read, encoding: str) -> None:
    text = "navn,værdi\nSjælland,µ\n"
    table, _, cells = read(text.encode(encoding), encoding=encoding)
    assert (table.header, cells, table.problems) == (["navn", "værdi"], [("Sjælland", "µ")], [])


def test_a_byte_order_mark_goes_before_a_stated_encoding(read: Read) -> None:
    for mark in ("utf-8-sig", "utf-16"):
        table, _, cells = read(LETTERS.encode(mark), encoding="cp1252")
        assert (table.header[0], cells, table.problems) == ("navn", LETTER_CELLS, [])


@pytest.mark.parametrize(
    ("data", "encoding", "row", "words"),
    [
        (b"a,b\n1,2\n1,\xe6\n", "utf-8", 3, "byte 0xE6 in line 3"),
        (b"a,b\n1,2\n1,\x81\n", "cp1252", 3, "line 3 is not cp1252"),
        (b"a,b\r1,2\r1,\x81\r", "cp1252", 3, "line 3 is not cp1252"),
        ("a,b\n1,2\n".encode("utf-16-le")[:-1], "utf-16-le", 2, "line 2 is not utf-16-le"),
        (b"a,b\n", "klingon", None, "the encoding klingon is not known"),
    ],
)
def test_what_a_stated_encoding_does_not_have(
    read: Read, data: bytes, encoding: str, row: int | None, words: str
) -> None:
    table, _, cells = read(data, encoding=encoding)
    assert (cells, codes(table)) == ([], [("FILE-002", row)])
    assert words in told(table)


def test_lines_and_checksum_are_those_of_the_file(read: Read) -> None:
    data = 'navn;b\r\n"æ\r\nø";1\r\n\r\nå\r\nx;2\r\n'.encode("cp1252")
    table, rows, cells = read(data)
    assert (rows, cells) == ([2, 6], [("æ\r\nø", "1"), ("x", "2")])
    assert codes(table) == [("FILE-007", 2), ("ROW-003", 4), ("ROW-001", 5)]
    assert list(table.rejected) == [RaggedRow(5, 5, "ROW-001", ["å"])]
    assert (table.size, table.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_newlines_in_cells_between_carriage_returns(read: Read) -> None:
    _, _, cells = read(b'a,b\r1,"two\nlines"\r2,x\r')
    assert cells == [("1", "two\nlines"), ("2", "x")]


def test_nothing_stays_in_the_scratch_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    path = tmp_path / "labs.csv"
    path.write_bytes(LETTERS.encode("utf-16"))
    table = open_text(path)
    assert list(scratch.iterdir())
    drain(table)
    assert not list(scratch.iterdir())
    never_read = open_text(path)
    assert never_read.readable
    del never_read
    assert not list(scratch.iterdir())


# --- delimiters


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_from_the_header(read: Read, mark: str) -> None:
    table, rows, cells = read(f'a{mark}"b{mark}; ,"{mark}c\n1{mark}5,3{mark}\n'.replace("5,3", '"5,3"').encode())
    assert table.header == ["a", f"b{mark}; ,", "c"]
    assert (rows, cells, table.problems) == ([2], [("1", "5,3", None)], [])


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("a;b,c\n", ["a;b", "c"]),
        ("a\n1;2\n", ["a"]),
        ("PatNr;Glucose, mmol/L;CRP, mg/L\n1;5,3;2,1\n", ["PatNr", "Glucose, mmol/L", "CRP, mg/L"]),
        ("PatNr;Glucose, mmol/L;CRP, mg/L\n", ["PatNr", "Glucose, mmol/L", "CRP, mg/L"]),
        ("a, b, c\n1, 2, 3\n", ["a", " b", " c"]),
        ("a;b;c,d,e,f\n1;2;3\n4;5;6\n", ["a", "b", "c,d,e,f"]),
        ("a,b,c\n1;2;3\n", ["a", "b", "c"]),
    ],
    ids=["tie", "one column", "units", "units alone", "spaces", "rows decide", "only one splits"],
)
def test_which_delimiter_is_likely(read: Read, text: str, header: list[str]) -> None:
    assert read(text.encode())[0].header == header


@pytest.mark.parametrize(
    ("name", "text", "header"),
    [
        ("labs.tsv", "a, x\tb\n1\t2\n", ["a, x", "b"]),
        ("labs.TAB", "a,b,c,d\te\n1\t2\n", ["a,b,c,d", "e"]),
        ("labs.psv", "a|b,c,d\n1|2\n", ["a", "b,c,d"]),
        ("labs.tsv", "a,b\n1,2\n", ["a", "b"]),
    ],
)
def test_the_name_of_a_file_suggests_its_delimiter(read: Read, name: str, text: str, header: list[str]) -> None:
    assert read(text.encode(), name)[0].header == header


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;", "\ufeffsep=;"])
def test_the_mark_of_excel_is_no_header(read: Read, first: str) -> None:
    table, rows, cells = read(f"{first}\r\na,b;c\r\n1,5;2\r\n".encode())
    assert (table.header, table.header_row) == (["a,b", "c"], 2)
    assert (rows, cells, table.problems) == ([3], [("1,5", "2")], [])


@pytest.mark.parametrize("mark", ["~", "^", ":", " ", "]", "\\", "§", "\x1f", "-", "."])
def test_any_character_can_be_stated(read: Read, mark: str) -> None:
    table, rows, cells = read(f'a{mark}b\n1{mark}"2{mark}""x"\n3\n{mark}\n'.encode(), delimiter=mark)
    assert (table.header, rows, cells) == (["a", "b"], [2, 4], [("1", f'2{mark}"x'), (None, None)])
    assert codes(table) == [("ROW-001", 3)]


def test_a_delimiter_can_be_spelled_and_a_stated_one_is_not_doubted(read: Read) -> None:
    assert read(b"a,b\tc\n", delimiter="tab")[0].header == ["a,b", "c"]
    assert read(b"a,b\tc\n", delimiter="\\t")[0].header == ["a,b", "c"]
    assert read(b"sep=;\na;b|c\n", delimiter="|")[0].header == ["a;b", "c"]
    for wrong in ("::", '"', "\n"):
        table, _, _ = read(b"a,b\n", delimiter=wrong)
        assert "the delimiter must be one character" in told(table)


TEXT = st.text(alphabet=st.sampled_from('ab1 ,"\n;|\tµø.=-'), max_size=6)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252", "mac-roman"])


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    rows=st.lists(st.lists(TEXT, min_size=3, max_size=3), max_size=12),
    mark=st.sampled_from([",", ";", "\t", "|"]),
    encoding=ENCODINGS,
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    block=st.sampled_from([7, 40, 4 << 20]),
)
@example(rows=[["", "", ""]], mark="|", encoding="cp1252", end="\r", block=7)
def test_what_a_writer_wrote_is_read_without_being_told_how(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], mark: str, encoding: str, end: str, block: int
) -> None:
    # what a swallowed row looks like is a problem of its own
    rows = [[cell.replace("\n", " ") if cell.count("\n") > 1 else cell for cell in row] for row in rows]
    header = ["n0", "n1", "ø"]
    written = io.StringIO(newline="")
    # the writer leaves a newline unquoted that does not end its lines
    form = csv.QUOTE_ALL if end == "\r" else csv.QUOTE_MINIMAL
    csv.writer(written, delimiter=mark, lineterminator=end, quoting=form).writerows([header, *rows])  # type: ignore[arg-type]
    path = tmp_path_factory.mktemp("written") / "labs.csv"
    path.write_bytes(written.getvalue().encode(encoding))
    expected = [tuple(cell or None for cell in row) for row in rows]
    results = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_survey, "BLOCK", block)
        patch.setattr(csv_text, "BLOCK", block)
        for one_by_one in (False, True):
            stated = ReadOptions(encoding=encoding if encoding == "mac-roman" else None)
            table, numbers, cells = drain(open_text(path, stated, one_by_one=one_by_one))
            assert table.header == header
            assert cells == expected
            assert {code for code, _ in codes(table)} <= {"FILE-003", "FILE-007"}
            results.append((numbers, table.problems))
    assert results[0] == results[1]


DAMAGE = st.sampled_from(["1;2;3", '1;"2";3', '"a\nb";2;3', "1;2", "1;2;3;4", "", '1;"2', '1;"2"x;3', "é;;", "1:2:3"])


@settings(max_examples=EXAMPLES, deadline=None)
@given(lines=st.lists(DAMAGE, max_size=30), block=st.sampled_from([7, 40, 4 << 20]))
def test_every_path_finds_the_same_whatever_the_delimiter(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], block: int
) -> None:
    found = []
    for mark in (",", ";", "§"):
        text = "\n".join(["a;b;c", *lines, ""])
        swapped = text.replace(";", mark)
        path = tmp_path_factory.mktemp("damaged") / "labs.csv"
        path.write_text(swapped)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(csv_survey, "BLOCK", block)
            patch.setattr(csv_text, "BLOCK", block)
            table, rows, cells = drain(open_text(path, ReadOptions(delimiter=mark)))
        kept = [(each.row, each.last_row, each.code) for each in table.rejected]
        found.append((rows, [row[1] for row in cells], table.problems, kept))
    assert found[0] == found[1] == found[2]


# --- rows above the header, rows of units

KNOWN = frozenset({"patnr", "hba1c", "crp", "visit"})
TITLED = "Export of 2004, draft\n\n;;\nPatNr;HbA1c (%);CRP [mg/L]\n1;7,5;3\n"


def test_a_header_below_a_title(read: Read) -> None:
    table, rows, cells = read(TITLED.encode(), known=KNOWN)
    assert (table.header, table.header_row) == (["PatNr", "HbA1c (%)", "CRP [mg/L]"], 4)
    assert (rows, cells) == ([5], [("1", "7,5", "3")])
    assert codes(table) == [("HEAD-005", 4)]
    assert table.problems[0].details == {"header": "4"}
    table, rows, _ = read(TITLED.encode(), header_row=4)
    assert (table.header_row, rows, table.problems) == (4, [5], [])


def test_a_title_with_quotes_does_not_hide_the_header(read: Read) -> None:
    for title in ('"Export" of 2004', '"Export, never closed', 'say "x"'):
        table, _, cells = read(f"{title}\nPatNr,Visit\n1,2\n".encode(), known=KNOWN)
        assert (table.header, cells, codes(table)) == (["PatNr", "Visit"], [("1", "2")], [("HEAD-005", 2)])


def test_blank_rows_above_the_header_are_blank_rows(read: Read) -> None:
    table, _, _ = read(b"\n;;\nPatNr;Visit;x\n1;2;3\n", known=KNOWN)
    assert (table.header_row, codes(table)) == (3, [("ROW-003", 1), ("ROW-003", 2)])


def test_known_names_decide_between_delimiters(read: Read) -> None:
    table, _, cells = read(b"PatNr;Visit,x,y,z\n1;2,3,4,5\n", known=KNOWN)
    assert (table.header, cells) == (["PatNr", "Visit,x,y,z"], [("1", "2,3,4,5")])


def test_without_known_names_the_first_row_is_the_header(read: Read) -> None:
    table, _, _ = read(TITLED.encode(), known=frozenset({"other", "names"}))
    assert (table.header_row, table.header) == (1, ["Export of 2004", " draft"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"header_row": 9}, "ends before row 9"),
        ({"header_row": 2}, "row 2, which should be the header, is blank"),
        ({"unit_row": 9}, "ends before row 9, which should hold the units"),
        ({"unit_row": 4, "header_row": 4}, "both the column names and the units"),
    ],
)
def test_rows_that_are_not_there(read: Read, options: dict[str, int], words: str) -> None:
    table, _, cells = read(TITLED.encode(), **options)
    assert (cells, [code for code, _ in codes(table)]) == ([], ["FILE-002"])
    assert words in told(table)


@pytest.mark.parametrize("quoted", ["3", '"3"'], ids=["plain", "with quotes"])
@pytest.mark.parametrize(
    ("above", "units", "below", "row"),
    [
        ("", ";%;mg/L\n", "", 2),
        ("", ";%\n", "", 2),
        ("", ";%;mg/L;;\n", "", 2),
        ("", "\n;%;mg/L\n", "", 3),
        (";%;mg/L\n", "", "", 1),
        ("", "", ";%;mg/L\n", 4),
        ("", "", ";%;mg/L", 4),
    ],
    ids=["below the header", "short", "long", "below a blank row", "above the header", "at the end", "without newline"],
)
def test_a_row_of_units_is_no_record(read: Read, above: str, units: str, below: str, row: int, quoted: str) -> None:
    text = f"{above}PatNr;HbA1c;CRP\n{units}1;7,5;{quoted}\n2;8;4\n{below}"
    table, rows, cells = read(text.encode(), unit_row=row, known=KNOWN, header_row=2 if above else None)
    assert table.unit_cells == ([None, "%", None] if units == ";%\n" else [None, "%", "mg/L"])
    assert cells == [("1", "7,5", "3"), ("2", "8", "4")]
    first = text.split("\n").index(f"1;7,5;{quoted}") + 1
    assert rows == [first, first + 1]
    assert table.records == 2
    assert [code for code, _ in codes(table)] == (["ROW-003"] if units.startswith("\n") else [])


def test_a_row_of_units_with_more_cells_than_the_header_is_told(read: Read) -> None:
    table, _, cells = read(b"a;b\n%;mg;kg\n1;2\n", unit_row=2)
    assert (table.unit_cells, cells, codes(table)) == (["%", "mg"], [("1", "2")], [("ROW-001", 2)])


def test_a_row_of_units_above_the_header_is_no_title(read: Read) -> None:
    table, _, cells = read(b";%\nPatNr;HbA1c\n1;7\n", unit_row=1, known=KNOWN)
    assert (table.unit_cells, cells, table.problems) == ([None, "%"], [("1", "7")], [])


def test_a_first_line_that_never_ends(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_blocks, "LONGEST_LINE", 100)
    table, _, _ = read(b"\n" + b"x" * 300)
    assert codes(table) == [("FILE-002", 2)]
    assert "a line is longer than 100 bytes" in told(table)


def test_nothing_but_units(read: Read) -> None:
    table, _, cells = read(b"a;b\n%;mg\n", unit_row=2)
    assert (cells, [code for code, _ in codes(table)]) == ([], ["FILE-003"])


def test_the_row_with_most_known_names_is_the_header() -> None:
    rows: list[list[str | None]] = [["Trial", None], [], ["PatNr", "x"], ["PatNr", " HBA1C (%) "], ["1", "2"]]
    assert find_header(rows, KNOWN) == 3
    assert find_header([["PatNr", "PatNr"], *rows], KNOWN) == 4
    assert find_header([[None], [" "], ["a"], ["PatNr"]], KNOWN) == 2
    assert find_header([[None], []], KNOWN) == 0
    assert find_header([], KNOWN) == 0


@pytest.mark.parametrize(
    ("header", "name", "unit"),
    [
        ("RR, mm[Hg]", "RR", "mm[Hg]"),
        ("HbA1c (%)", "HbA1c", "%"),
        (" CRP [mg/L] ", "CRP", "mg/L"),
        ("Glucose, mmol/L", "Glucose", "mmol/L"),
        ("Glucose, fasting, mmol/L", "Glucose, fasting", "mmol/L"),
        ("Insulin (m[iU]/L)", "Insulin", "m[iU]/L"),
        ("Insulin [m[iU]/L]", "Insulin", "m[iU]/L"),
        ("Glucose (OGTT) (mmol/L)", "Glucose (OGTT)", "mmol/L"),
        ("Glucose\n(mmol/L)", "Glucose", "mmol/L"),
        ("Glukose mmol/l", "Glukose mmol/l", None),
        ("Glucose (fasting) mmol/L", "Glucose (fasting) mmol/L", None),
        ("1,25-OH-D", "1,25-OH-D", None),
        ("(%)", "(%)", None),
        ("a ()", "a ()", None),
        ("a)", "a)", None),
        ("", "", None),
    ],
)
def test_name_and_unit(header: str, name: str, unit: str | None) -> None:
    assert name_and_unit(header) == (name, unit)


# --- compressed files


def test_compressed_files(read: Read) -> None:
    table, rows, cells = read(gzip.compress(LETTERS.replace(",", ";").encode("cp1252")), "labs.csv.gz")
    assert (table.header, rows, cells) == (["navn", "værdi"], [2, 3], LETTER_CELLS)
    assert [code for code, _ in codes(table)] == ["FILE-007"]
    both = gzip.compress(b"a,x\tb\n") + gzip.compress(b"1\t2\n")
    table, _, cells = read(both, "labs.tsv.gz")
    assert (table.header, cells, table.problems) == (["a,x", "b"], [("1", "2")], [])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a,b\n1,2\n", "not compressed with gzip"),
        (gzip.compress(os.urandom(100))[:-20], "ends early"),
        (gzip.compress(b"a,b\n")[:-8] + b"\0" * 8, "damaged"),
        (gzip.compress(gzip.compress(b"a,b\n")), "compressed with gzip, not plain CSV"),
        (gzip.compress(b"%PDF-1.4"), "PDF"),
    ],
    ids=["plain", "cut", "wrong sum", "twice", "PDF"],
)
def test_damaged_compressed_files(read: Read, data: bytes, words: str) -> None:
    table, _, cells = read(data, "labs.csv.gz")
    assert (cells, [code for code, _ in codes(table)]) == ([], ["FILE-002"])
    assert words in told(table)


def test_a_compressed_bomb(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"0" * 2_000_000))
    for limits, words in (
        (Limits(unpacked=1_000_000), "more than 1,000,000 bytes"),
        (Limits(ratio=10, ratio_from=100_000), "more than 10 times its size"),
    ):
        with transcode.Inflated(path.open("rb"), limits) as stream, pytest.raises(UnreadableError, match=words):
            stream.readall()


@settings(max_examples=30, deadline=None)
@given(data=st.binary(max_size=3000), times=st.integers(1, 60), step=st.integers(1, 5000))
def test_unpacking_gives_what_was_packed(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, times: int, step: int
) -> None:
    path = tmp_path_factory.mktemp("packed") / "x.gz"
    path.write_bytes(gzip.compress(data * times))
    with transcode.Inflated(path.open("rb")) as stream:
        parts = []
        while part := stream.read(step):
            parts.append(part)
    assert b"".join(parts) == data * times


# --- files of REDCap


@pytest.mark.skipif(not REDCAP.exists(), reason="the files of REDCap are not here")
@pytest.mark.parametrize("name", sorted(path.relative_to(REDCAP).as_posix() for path in REDCAP.glob("*/*.csv")))
def test_files_of_redcap(name: str) -> None:
    with (REDCAP / name).open(encoding="utf-8", newline="") as file:
        header, *records = csv.reader(file)
    table, _, cells = drain(open_text(REDCAP / name))
    assert table.header == header
    assert cells == [tuple(cell or None for cell in record) for record in records]
    assert table.problems == []


@pytest.mark.skipif(not REDCAP.exists(), reason="the files of REDCap are not here")
def test_decimal_commas_of_redcap() -> None:
    _, _, cells = drain(open_text(REDCAP / "decimal-comma/data.csv"))
    assert cells[0] == ("1", "Valdez", "1,54", "52,3", "22.1", "2")
    table, _, _ = drain(open_text(REDCAP / "russian/data.csv"))
    assert (table.records, table.rejected.__len__()) == (3, 0)
