"""CSV files become text cells that know their row; whatever is wrong with a file becomes a problem."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anakinra_t2d.reading import (
    InputError,
    RaggedRow,
    SourceFile,
    TextTable,
    csv_blocks,
    csv_survey,
    csv_text,
    discover,
    open_table,
    problems,
)
from anakinra_t2d.reading.csv_text import CsvTable
from anakinra_t2d.reading.odd_text import describe_odd_text

SPECTRUM = Path(__file__).parents[2] / "shared" / "real" / "csv_spectrum"
EXAMPLES = int(os.environ.get("READ_EXAMPLES", "100"))
Cells = list[tuple[str | None, ...]]


def source(path: Path) -> SourceFile:
    return SourceFile("labs", path, path.name, "csv")


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., tuple[TextTable, list[int], Cells]]:
    """Reads bytes as labs.csv: the table after iteration, the rows and the cells of all records."""

    def read_bytes(data: bytes, batch_rows: int = 3) -> tuple[TextTable, list[int], Cells]:
        path = tmp_path / "labs.csv"
        path.write_bytes(data)
        return drain(open_table(source(path), batch_rows=batch_rows))

    return read_bytes


Read = Callable[..., tuple[TextTable, list[int], Cells]]


def drain(table: TextTable) -> tuple[TextTable, list[int], Cells]:
    rows: list[int] = []
    cells: Cells = []
    heights: list[int] = []
    for batch in table:
        numbers = batch.row_numbers()
        assert numbers.dtype == pl.Int64
        assert all(dtype == pl.String for dtype in batch.cells.dtypes)
        assert (batch.first_row is None) != (batch.rows is None)
        rows += numbers.to_list()
        cells += batch.cells.rows()
        heights.append(batch.cells.height)
    assert all(height == table.batch_rows for height in heights[:-1])
    assert len(rows) == len(cells) == sum(heights)
    if table.readable:
        assert table.records == len(cells) + len(table.rejected)
    return table, rows, cells


def codes(table: TextTable) -> list[tuple[str, int | None]]:
    return [(problem.code, problem.row) for problem in table.problems]


def told(table: TextTable) -> str:
    return "; ".join(problem.details.get("problem", "") for problem in table.problems)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few bytes, so that every record meets the edge of a block."""
    monkeypatch.setattr(csv_survey, "BLOCK", 16)
    monkeypatch.setattr(csv_text, "BLOCK", 16)


# --- cells and rows of sound files


@pytest.mark.parametrize(
    "data",
    [
        b"a,b\n1,2\n3,\n",
        b"a,b\n1,2\n3,",
        b"a,b\r\n1,2\r\n3,\r\n",
        b"\xef\xbb\xbfa,b\n1,2\n3,\n",
        b'"a","b"\r\n"1","2"\r\n"3",""\r\n',
        b'a,b\n1,2\r\n"3",',
    ],
    ids=["LF", "no last newline", "CRLF", "BOM", "quoted", "mixed"],
)
def test_the_same_cells_whatever_the_line_ends_and_quotes(read: Read, data: bytes) -> None:
    table, rows, cells = read(data)
    assert table.header == ["a", "b"]
    assert cells == [("1", "2"), ("3", None)]
    assert rows == [2, 3]
    assert table.problems == []
    assert table.size == len(data)
    assert table.sha256 == hashlib.sha256(data).hexdigest()


def test_rows_are_lines_of_the_file(read: Read) -> None:
    table, rows, cells = read(b'a,b\n1,"x\ny\n"\n\n2,"""q"""\n3,37\xc2\xb036\'37.8"N\n')
    assert cells == [("1", "x\ny\n"), ("2", '"q"'), ("3", "37°36'37.8\"N")]
    assert rows == [2, 6, 7]
    assert codes(table) == [("ROW-003", 5)]


def test_a_header_over_two_lines_and_below_blank_lines(read: Read) -> None:
    table, rows, cells = read(b'\n\n"a\nname",b\n1,2\n')
    assert table.header == ["a\nname", "b"]
    assert (rows, cells) == ([5], [("1", "2")])
    assert codes(table) == [("ROW-003", 1), ("ROW-003", 2)]


def test_one_column_tells_blank_lines_from_empty_cells(read: Read) -> None:
    table, rows, cells = read(b'a\n1\n\n""\n2\n')
    assert cells == [("1",), (None,), ("2",)]
    assert rows == [2, 4, 5]
    assert codes(table) == [("ROW-003", 3)]


def test_batches_are_cut_the_same_way_on_every_path(tmp_path: Path) -> None:
    path = tmp_path / "labs.csv"
    path.write_text("a,b\n" + "".join(f"{i},x\n" for i in range(100_000)))
    for one_by_one in (False, True):
        batches = list(CsvTable(source(path), None, 30_000, one_by_one=one_by_one))
        assert [(b.first_row, b.cells.height) for b in batches] == [
            (2, 30_000),
            (30_002, 30_000),
            (60_002, 30_000),
            (90_002, 10_000),
        ]
        assert [b.cells["a"][0] for b in batches] == ["0", "30000", "60000", "90000"]


def test_doubled_columns_are_left_out_of_the_cells(read: Read) -> None:
    table, _, cells = read(b"a,b,a\n1,2,3\n")
    assert table.header == ["a", "b", "a"]
    assert cells == [("2",)]
    table, _, cells = read(b"a,a\n1,2\n")
    assert (cells, table.header) == ([()], ["a", "a"])


def test_a_table_is_iterated_once(read: Read) -> None:
    table, _, _ = read(b"a,b\n1,2\n")
    with pytest.raises(RuntimeError, match="once"):
        next(iter(table))


TEXT = st.text(alphabet=st.sampled_from('ab1 ,"\n\r;µ\t.'), max_size=6)
QUOTING = st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])


@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data(), width=st.integers(1, 5), quoting=QUOTING, end=st.sampled_from(["\n", "\r\n"]))
def test_every_path_reads_what_a_csv_writer_wrote(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, width: int, quoting: int, end: str
) -> None:
    kind = data.draw(st.sampled_from([TEXT, st.text(alphabet="ab1 ;µ", max_size=4)]))
    rows = data.draw(st.lists(st.lists(kind, min_size=width, max_size=width), max_size=12))
    # what a swallowed row looks like is a problem of its own
    rows = [[cell.replace("\n", " ") if cell.count("\n") > 1 else cell for cell in row] for row in rows]
    if quoting != csv.QUOTE_ALL:  # the writer of Python 3.11 leaves a carriage return unquoted
        rows = [[cell.replace("\r", "") for cell in row] for row in rows]
    header = [f"n{i}" for i in range(width)]
    written = io.StringIO(newline="")
    csv.writer(written, quoting=quoting, lineterminator=end).writerows([header, *rows])  # type: ignore[arg-type]
    path = tmp_path_factory.mktemp("written") / "labs.csv"
    path.write_bytes(written.getvalue().encode())
    expected = [tuple(cell or None for cell in row) for row in rows]
    block = data.draw(st.sampled_from([7, 40, 4 << 20]))
    results = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_survey, "BLOCK", block)
        patch.setattr(csv_text, "BLOCK", block)
        for one_by_one in (False, True):
            table, numbers, cells = drain(CsvTable(source(path), None, 4, one_by_one=one_by_one))
            assert cells == expected
            assert [code for code, _ in codes(table)] == ([] if rows else ["FILE-003"])
            results.append(numbers)
    assert results[0] == results[1]
    lines = written.getvalue().split(end)
    starts = [row for row in results[0] if row > 1]
    assert len(starts) == len(rows)
    if all("\n" not in cell and "\r" not in cell for row in rows for cell in row):
        assert starts == list(range(2, len(lines)))


LINES = st.sampled_from(
    ["1,2,3", '1,"2",3', '"a\nb",2,3', "1,2", "1,2,3,4", "", '1,"2', '1,"2"x,3', "é,,", "\x00,1,2", ",,"]
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(lines=st.lists(LINES, max_size=30), block=st.sampled_from([7, 40, 4 << 20]), last=st.booleans())
@example(lines=["1,2", "1,2,3,4"], block=4 << 20, last=True)
@example(lines=["1,2,3"] * 8 + ["1,2", "1,2,3,4"] + ["1,2,3"] * 8, block=40, last=False)
def test_every_path_finds_the_same_in_damaged_files(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], block: int, last: bool
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "labs.csv"
    path.write_bytes("\n".join(["a,b,c", *lines]).encode() + b"\n" * last)
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_survey, "BLOCK", block)
        patch.setattr(csv_text, "BLOCK", block)
        for one_by_one in (False, True):
            table, rows, cells = drain(CsvTable(source(path), None, 4, one_by_one=one_by_one))
            assert len(cells) + len(table.rejected) == table.records
            seen.append((rows, cells, table.problems, list(table.rejected)))
    rows, cells, found, rejected = seen[0]
    assert seen[0] == seen[1]
    # every line is a record, part of one, blank, or named as not read
    blank = {problem.row for problem in found if problem.code == "ROW-003"}
    covered = {line for each in rejected for line in range(each.row, each.last_row + 1)} | blank
    for row, record in zip(rows, cells, strict=True):
        covered |= set(range(row, row + 1 + sum((cell or "").count("\n") for cell in record)))
    data = path.read_bytes()
    assert covered == set(range(2, data.count(b"\n") + 1 + (not data.endswith(b"\n"))))


@pytest.mark.parametrize("lines", [["1,2,3"] * 5000 + ["1,2"] + ["1,2,3"] * 5000 + ["1,2,3,4"] + ["1,2,3"] * 5000])
def test_short_and_long_lines_do_not_make_up_for_each_other(read: Read, lines: list[str]) -> None:
    table, rows, _ = read("\n".join(["a,b,c", *lines]).encode(), batch_rows=1000)
    assert codes(table) == [("ROW-001", 5002), ("ROW-001", 10003)]
    assert rows == [row for row in range(2, len(lines) + 2) if row not in (5002, 10003)]


def test_a_few_lines_with_quotes_and_newlines_among_many(tmp_path: Path) -> None:
    chance = random.Random(1)
    path = tmp_path / "labs.csv"
    records = [
        [str(i), chance.choice(["x", "y, z", 'say ""no""'.replace('""', '"'), "two\nlines", ""]), "ok"]
        if chance.random() < 0.01
        else [str(i), "plain", "ok"]
        for i in range(20_000)
    ]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["a", "b", "c"], *records])
    fast, slow = (drain(CsvTable(source(path), one_by_one=each)) for each in (False, True))
    assert fast[1:] == slow[1:]
    assert fast[2] == [tuple(cell or None for cell in record) for record in records]


@pytest.mark.skipif(not SPECTRUM.exists(), reason="csv-spectrum is not here")
@pytest.mark.parametrize("name", sorted(path.stem for path in SPECTRUM.glob("csvs/*.csv")))
def test_csv_spectrum(name: str) -> None:
    table, _, cells = drain(open_table(source(SPECTRUM / f"csvs/{name}.csv")))
    # the file names of this copy say CRLF, but its lines end in LF
    text = (SPECTRUM / f"json/{name}.json").read_text().replace("\\r\\n", "\\n")
    expected = json.loads(text)
    found = [{column: cell or "" for column, cell in zip(table.header, row, strict=True)} for row in cells]
    if name == "location_coordinates":  # its telephone number is another one in the JSON
        expected = [{**expected, "Contact Phone Number": "2095257564"}]
    assert found == expected
    assert table.problems == []


# --- what is wrong with a file


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"", "FILE-001", ""),
        (b"\xef\xbb\xbf", "FILE-001", ""),
        (b"\n\r\n\n", "FILE-001", ""),
        (b"a,b\n", "FILE-003", ""),
        ("a,b\n1,2\n".encode("utf-32"), "FILE-002", "UTF-32"),
        (
            "a,b\n1,ø\n".encode() + "2,æ\n".encode("cp1252"),
            "FILE-002",
            "byte 0xE6 in line 3 (byte 12 of the file) is not",
        ),
        (b"\xef\xbb\xbfa,b\n1,\x93x\x94\n", "FILE-002", "Windows-1252, as Excel"),
        (b'"a,b\n1,2\n', "FILE-002", "header cannot be read: the quote is never closed"),
        (b"PK\x03\x04 and so on", "FILE-002", "Excel workbook"),
        (b"\x1f\x8b\x08", "FILE-002", "gzip"),
        (b"<!DOCTYPE html>\n", "FILE-002", "web page"),
        (b"PAR1....", "FILE-002", "Parquet"),
    ],
)
def test_a_file_that_is_no_table(read: Read, data: bytes, code: str, words: str) -> None:
    table, _, cells = read(data)
    assert cells == []
    assert [found for found, _ in codes(table)] == [code]
    assert words in told(table)


def test_a_second_encoding_far_into_the_file_is_found_before_any_batch(read: Read) -> None:
    table, _, cells = read("a,b\n1,ø\n".encode() + b"1,2\n" * 300_000 + b"1,\xff\n")
    assert cells == []
    assert codes(table) == [("FILE-002", 300_003)]
    assert "(byte 1200012 of the file)" in told(table)
    assert "two encodings" in told(table)


def test_rows_with_too_few_and_too_many_cells(read: Read) -> None:
    table, rows, _ = read(b"a,b,c\n1,2,3\n4,5\n\n6,7,8,9\n1,2,3\n")
    assert rows == [2, 6]
    assert codes(table) == [("ROW-001", 3), ("ROW-003", 4), ("ROW-001", 5)]
    assert table.problems[0].details == {"found": "2", "header": "3", "rest": ""}
    assert list(table.rejected) == [
        RaggedRow(3, 3, "ROW-001", ["4", "5"]),
        RaggedRow(5, 5, "ROW-001", ["6", "7", "8", "9"]),
    ]
    assert table.records == 4


def test_a_quote_that_is_never_closed(read: Read, small_blocks: None) -> None:
    table, rows, _ = read(b'a,b\n1,2\n3,"4\n5,6\n7,8\n')
    assert rows == [2]
    assert codes(table) == [("ROW-002", 3)]
    assert told(table) == "a quote opens and is never closed; lines 3 to 5 were not read"
    assert list(table.rejected) == [RaggedRow(3, 5, "ROW-002", ['3,"4\n'])]


def test_text_after_a_closing_quote(read: Read) -> None:
    table, rows, _ = read(b'a,b\n1,"2"x\n3,4\n5,"6\n7,"8\n9,0\n')
    assert codes(table) == [("ROW-002", 2), ("ROW-002", 4)]
    assert told(table).startswith("text follows a closing quote; the line was not read; ")
    assert told(table).endswith("lines 4 to 5 were not read")
    assert rows == [3, 6]
    assert list(table.rejected)[1] == RaggedRow(4, 5, "ROW-002", ['5,"6\n7,"8\n'])


def test_a_quoted_cell_that_swallows_whole_rows(read: Read) -> None:
    swallowing = b'1,2,3,"4\n' + b"1,2,3,4\n" * 3 + b'1,2,3,4"\n'
    table, rows, _ = read(b"a,b,c,d\n1,2,3,4\n" + swallowing + b'1,2,3,"a comment\nof, two\nlines"\n')
    assert codes(table) == [("ROW-002", 3)]
    assert "holds whole rows" in told(table)
    assert rows == [2, 8]


def test_a_stray_carriage_return_breaks_its_line_only(read: Read) -> None:
    table, _, cells = read(b'a,b\n1,2\r3\n4,"5\r6"\n7,8\r\n')
    assert codes(table) == [("ROW-002", 2)]
    assert "carriage return" in told(table)
    assert cells == [("4", "5\r6"), ("7", "8")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\x00", "a NUL character"),
        ("\x07", "U+0007"),
        ("\x7f", "U+007F"),
        ("\x85", "U+0085"),
        ("\ufeff", "byte order mark"),
    ],
)
def test_characters_that_no_cell_should_hold(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "labs.csv"
    path.write_bytes(f"a,b\n1,2\n3,x{text}y\n".encode())
    (batch,) = open_table(source(path))
    assert batch.cells.rows() == [("1", "2"), ("3", f"x{text}y")]
    assert batch.odd
    assert words in (describe_odd_text(f"x{text}y") or "")
    assert describe_odd_text("tab\t and line\n") is None


def test_tabs_and_letters_are_not_odd(read: Read) -> None:
    assert read("a,b\n1,µ°Â\t\u00a0\u2028€\n".encode())[0].problems == []


def test_many_problems_of_a_kind_are_summed_up(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problems, "SHOWN_EACH", 10)
    table, _, _ = read(b"a,b\n" + b"1,2\n\n1\n" * 500)
    ragged = [problem for problem in table.problems if problem.code == "ROW-001"]
    blank = [problem for problem in table.problems if problem.code == "ROW-003"]
    assert (len(ragged), len(blank)) == (11, 101)
    assert ragged[-1].details["rest"] == " (and 489 more up to row 1501)"
    assert blank[-1].details["rest"] == " (and 399 more up to row 1500)"
    assert len(table.rejected) == 500
    assert table.records == 1000


def test_rejected_rows_beyond_memory_are_kept_on_disk(read: Read) -> None:
    text = "x" * 1000
    table, _, _ = read(b"a,b\n" + f"{text}\n".encode() * 6000)
    assert [row.row for row in table.rejected] == list(range(2, 6002))
    assert all(row.cells == [text] for row in table.rejected)


def test_a_line_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "labs.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n1,2\n")
        file.truncate(200_000_000)
    monkeypatch.setattr(csv_blocks, "LONGEST_LINE", 1 << 20)
    table, _, cells = drain(open_table(source(path)))
    assert cells == []
    assert codes(table) == [("FILE-002", 3)]
    assert "longer than 1,048,576 bytes" in told(table)


def test_an_open_quote_is_not_followed_without_end(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_blocks, "LONGEST_LINE", 200)
    monkeypatch.setattr(csv_text, "BLOCK", 50)
    table, rows, _ = read(b'a,b\n1,"2\n' + b"3,4\n" * 1000)
    assert rows == []
    assert told(table) == "a quote opens and is not closed within 16 MiB; lines 2 to 1002 were not read"


# --- files that change or cannot be opened


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"1,2\n" * 10)


def _rewrite(path: Path) -> None:
    data = path.read_bytes().replace(b"1,2\n", b"3,4\n")
    path.write_bytes(data)
    os.utime(path, (0, 0))


@pytest.mark.parametrize("quoted", [b"", b'"q",1\n'], ids=["plain", "with quotes"])
@pytest.mark.parametrize(
    ("happening", "words"),
    [
        (Path.unlink, "removed while it was read"),
        (lambda path: os.truncate(path, 1000), "truncated while it was read"),
        (_grow, "written to while it was read"),
        (_rewrite, "written again while it was read"),
    ],
    ids=["removed", "truncated", "grown", "rewritten"],
)
def test_a_file_that_changes_while_it_is_read(
    tmp_path: Path, happening: Callable[[Path], None], words: str, quoted: bytes
) -> None:
    path = tmp_path / "labs.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 3_000_000 + quoted)
    table = open_table(source(path), batch_rows=1000)
    batches = iter(table)
    next(batches)
    happening(path)
    for _ in batches:
        pass
    assert codes(table) == [("FILE-002", None)]
    assert words in told(table)
    assert not table.readable


def test_a_file_removed_before_it_is_opened(tmp_path: Path) -> None:
    table, _, cells = drain(open_table(source(tmp_path / "labs.csv")))
    assert (cells, codes(table), table.sha256) == ([], [("FILE-002", None)], "")
    assert told(table) == "the file cannot be read: no such file or directory"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "labs.csv"
    path.write_text("a\n")
    path.chmod(0)
    with pytest.raises(InputError, match="permission denied"):
        discover([path], ["labs"])
    assert "permission denied" in told(open_table(source(path)))
