"""Workbooks become the text cells that their sheets show, and what cannot be read is said with its cell."""

from __future__ import annotations

import datetime as dt
import io
import struct
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from anakinra_t2d.reading import ReadOptions, SourceFile, TextTable, excel_book, excel_safety, open_tables
from anakinra_t2d.reading.excel_cells import values_text
from anakinra_t2d.reading.excel_marks import column_letters, column_number
from workbook_files import DIV0, change_part, ole_container, write_ods, write_xls, write_xlsb

SHEET = "xl/worksheets/sheet1.xml"
Problem = tuple[str, int | None, str | None, dict[str, str]]


@dataclass
class Sheet:
    """A table after its iteration."""

    table: TextTable
    rows: list[int]
    cells: list[tuple[str | None, ...]]

    @property
    def header(self) -> list[str]:
        return self.table.header

    @property
    def problems(self) -> list[Problem]:
        return [(each.code, each.row, each.column, each.details) for each in self.table.problems]

    @property
    def codes(self) -> list[tuple[str, int | None]]:
        return [(each.code, each.row) for each in self.table.problems]

    @property
    def told(self) -> str:
        return "; ".join(each.details.get("problem", "") for each in self.table.problems)


def read(path: Path, batch_rows: int = 1000, **options: Any) -> list[Sheet]:
    file = SourceFile(None, path, path.name, "excel")
    sheets = []
    for table in open_tables(file, ReadOptions(**options), batch_rows=batch_rows):
        batches = list(table)
        rows = [row for batch in batches for row in batch.row_numbers().to_list()]
        sheets.append(Sheet(table, rows, [cells for batch in batches for cells in batch.cells.rows()]))
    return sheets


def workbook(path: Path, rows: Sequence[Sequence[Any]], *, sheet: str = "S", **options: Any) -> Path:
    """A workbook with one sheet; a value may be (value, number format)."""
    with xlsxwriter.Workbook(path, options) as book:
        fill(book, book.add_worksheet(sheet), rows)
    return path


def fill(book: xlsxwriter.Workbook, sheet: Any, rows: Sequence[Sequence[Any]]) -> None:
    for at, row in enumerate(rows):
        for column, value in enumerate(row):
            if isinstance(value, tuple):
                value, shown = value
                write = sheet.write_datetime if isinstance(value, dt.date | dt.time | dt.timedelta) else sheet.write
                write(at, column, value, book.add_format({"num_format": shown}))
            elif value is not None:
                sheet.write(at, column, value)


# values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5.0, "5"),
        (9.2, "9.2"),
        (0.1 + 0.2, "0.3"),  # as Excel and xlsxwriter store it
        (-1000.3, "-1000.3"),
        (123456789012345, "123456789012345"),
        (True, "true"),
        (" two\nlines ", " two\nlines "),
        ("µ", "µ"),
        ((38_000.0, "0.00"), "38000"),
        ((0.55, "0%"), "0.55"),
        ((dt.date(2004, 2, 29), "dd.mm.yyyy"), "2004-02-29"),
        ((dt.date(2004, 2, 29), "yyyy-mm-dd hh:mm"), "2004-02-29"),  # midnight is not told from the day
        ((dt.datetime(2004, 2, 29, 8, 30), "yyyy-mm-dd hh:mm"), "2004-02-29T08:30:00"),
        ((dt.datetime(2004, 2, 29, 8, 30, 15, 500_000), "yyyy-mm-dd hh:mm:ss.0"), "2004-02-29T08:30:15.5"),
        ((dt.time(8, 23), "hh:mm"), "08:23"),
        ((dt.time(8, 23, 7), "hh:mm:ss"), "08:23:07"),
        ((dt.time(0, 0), "hh:mm"), "00:00"),
        ((dt.timedelta(hours=30, minutes=5), "[h]:mm"), "30:05"),
        ((dt.timedelta(minutes=90), "[h]:mm:ss"), "01:30"),
    ],
    ids=str,
)
def test_values_as_text(tmp_path: Path, value: object, text: str) -> None:
    (sheet,) = read(workbook(tmp_path / "a.xlsx", [["a"], [value]], strings_to_numbers=False))
    assert sheet.cells == [(text,)]
    assert sheet.problems == []


def test_text_that_looks_like_a_number_or_error_stays_text(tmp_path: Path) -> None:
    texts = ["007", "1,5", "2004-02-29 00:00:00", "#N/A", "TRUE"]
    (sheet,) = read(workbook(tmp_path / "a.xlsx", [["a", "b", "c", "d", "e"], texts]))
    assert sheet.cells == [tuple(texts)]


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(["", "x"]), min_size=1))
def test_numbers_keep_their_exact_value(values: list[float | str]) -> None:
    texts = values_text(values).to_list()
    for value, text in zip(values, texts, strict=True):
        if isinstance(value, float):
            assert text is not None and float(text) == value and not text.endswith(".0")
        else:
            assert text == (value or None)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.lists(st.floats(-1e6, 1e6) | st.booleans() | st.just("x") | st.none(), min_size=3, max_size=3), max_size=12
    ),
    st.integers(1, 5),
)
def test_batches_and_rows_do_not_depend_on_each_other(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[Any]], batch_rows: int
) -> None:
    path = workbook(tmp_path_factory.mktemp("any") / "a.xlsx", [["a", "b", "c"], *rows])
    (sheet,) = read(path, batch_rows)
    filled = [at for at, row in enumerate(rows, 2) if any(value is not None for value in row)]
    assert sheet.rows == filled
    assert [code for code in sheet.codes if code[0] == "ROW-003"] == [
        ("ROW-003", at) for at in range(2, max(filled, default=2)) if at not in filled
    ]


@pytest.mark.parametrize(("since_1904", "epoch"), [(False, "1899-12-30"), (True, "1904-01-01")])
def test_epoch(tmp_path: Path, since_1904: bool, epoch: str) -> None:
    day = dt.date(2004, 2, 29)
    serial = (day - dt.date.fromisoformat(epoch)).days
    rows: list[list[Any]] = [["a", "b"], [(day, "yyyy-mm-dd"), serial]]
    (sheet,) = read(workbook(tmp_path / "a.xlsx", rows, date_1904=since_1904))
    assert sheet.cells == [("2004-02-29", str(serial))]
    assert sheet.table.date_epoch == epoch
    write_xls(tmp_path / "a.xls", [["a", "b"], [serial, serial]], dates=[(1, 0)], since_1904=since_1904)
    (sheet,) = read(tmp_path / "a.xls")
    assert sheet.cells == [("2004-02-29", str(serial))]
    assert sheet.table.date_epoch == epoch


# what is no value


def test_errors_and_formulas(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("S")
        fill(book, sheet, [[], [None, "a", "b"], [None, 1, 2], [], [None, 3]])
        sheet.write_formula("C5", "=1/0", None, "#DIV/0!")
        sheet.write_formula("B6", "=B3+1", None, "")  # as written by programs that do not calculate
        sheet.write_formula("C6", "=B3+1", None, 2)
        sheet.write_formula("B7", '=""', None, "")
        sheet.write_formula("C7", "=NA()", None, "#N/A")
    change_part(path, SHEET, lambda xml: xml.replace(b'<c r="B7">', b'<c r="B7" t="str">'))
    (found,) = read(path)
    assert found.rows == [3, 5, 6, 7]
    assert found.cells == [("1", "2"), ("3", None), (None, "2"), (None, None)]
    assert found.problems == [
        ("CELL-008", 5, "b", {"found": "#DIV/0!"}),
        ("CELL-008", 7, "b", {"found": "#N/A"}),
        ("CELL-010", 6, "a", {}),
        ("ROW-003", 4, None, {"rest": ""}),
    ]


@pytest.mark.parametrize("cell", ["<c r='A2'><f>1+1</f></c>", '<x:c r="A2"><x:f t="shared" si="0"/><x:v/></x:c>'])
def test_formulas_without_result_in_other_spellings(tmp_path: Path, cell: str) -> None:
    path = workbook(tmp_path / "a.xlsx", [["a", "b"], [None, 1]])

    def prefixed(xml: bytes) -> bytes:
        space = b'<worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        xml = xml.replace(b"<worksheet ", space)
        return xml.replace(b'<c r="B2">', cell.encode() + b'<c r="B2">')

    change_part(path, SHEET, prefixed)
    (sheet,) = read(path)
    assert ("CELL-010", 2, "a", {}) in sheet.problems
    assert sheet.cells == [(None, "1")]


def test_merged_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("S")
        sheet.merge_range("A1:C1", "Trial")
        fill(book, sheet, [[], ["id", "a", "b"], [], [None, 1, 2], [None, 3, 4]])
        sheet.merge_range("A3:A5", "P1")
    (found,) = read(path, known=frozenset({"id", "a", "b"}))
    assert found.problems == [
        ("HEAD-005", 2, None, {"header": "2"}),
        ("CELL-011", 3, "id", {"found": "A3:A5"}),
    ]
    assert found.cells == [("P1", None, None), (None, "1", "2"), (None, "3", "4")]


def test_old_and_binary_workbooks(tmp_path: Path) -> None:
    write_xls(tmp_path / "a.xls", [["a", "b"], [1.5, DIV0], [True, 9.2]], merged=[(1, 2, 0, 0)])
    write_xlsb(tmp_path / "a.xlsb", [["a", "b"], [1.5, DIV0], ["x", 9.2]], (1, 2, 0, 0))
    for name, third in (("a.xls", "true"), ("a.xlsb", "x")):
        (sheet,) = read(tmp_path / name)
        assert sheet.table.sheet == "S"
        assert sheet.cells == [("1.5", None), (third, "9.2")]
        assert sheet.problems == [
            ("CELL-008", 2, "b", {"found": "#DIV/0!"}),
            ("CELL-011", 2, "a", {"found": "A2:A3"}),
        ]
    assert read(tmp_path / "a.xlsb")[0].table.date_epoch == "1904-01-01"


def test_open_document(tmp_path: Path) -> None:
    def text(word: str) -> str:
        return f'<table:table-cell office:value-type="string"><text:p>{word}</text:p></table:table-cell>'

    rows = [
        text("a") + text("b") + text("c"),
        (
            '<table:table-cell table:formula="of:=1/0" office:value-type="string" office:string-value=""'
            ' calcext:value-type="error"><text:p>#DIV/0!</text:p></table:table-cell>'
            '<table:table-cell table:formula="of:=1+1"/>'
            '<table:table-cell office:value-type="float" office:value="9.2"><text:p>9,2</text:p></table:table-cell>'
        ),
        (
            '<table:table-cell table:number-rows-spanned="2" office:value-type="time" office:time-value="PT08H23M00S">'
            "<text:p>08:23</text:p></table:table-cell>"
            '<table:table-cell office:value-type="date" office:date-value="2004-02-29T08:30:00"/>'
            '<table:table-cell office:value-type="date" office:date-value="2004-02-29"/>'
        ),
    ]
    empty = '<table:table-row table:number-rows-repeated="2"><table:table-cell/></table:table-row>'
    lines = [f"<table:table-row>{row}</table:table-row>" for row in rows]
    xml = f'<table:table table:name="S">{lines[0]}{empty}{lines[1]}{lines[2]}</table:table>'
    write_ods(tmp_path / "a.ods", xml + '<table:table table:name="E"/>')
    (sheet,) = read(tmp_path / "a.ods")
    assert sheet.rows == [4, 5]
    assert sheet.cells == [(None, None, "9.2"), ("08:23", "2004-02-29T08:30:00", "2004-02-29")]
    assert sheet.problems == [
        ("CELL-008", 4, "a", {"found": "#DIV/0!"}),
        ("CELL-010", 4, "b", {}),
        ("CELL-011", 5, "a", {"found": "A5:A6"}),
        ("ROW-003", 2, None, {"rest": ""}),
        ("ROW-003", 3, None, {"rest": ""}),
    ]


# header, rows, columns, sheets


def test_header_is_the_first_row_that_is_not_blank(tmp_path: Path) -> None:
    (sheet,) = read(workbook(tmp_path / "a.xlsx", [[], [], [None, "a", "b"], [None, 1, 2]]))
    assert (sheet.header, sheet.table.header_row, sheet.rows) == (["a", "b"], 3, [4])
    assert sheet.problems == []


def test_header_found_by_known_names(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["Trial", "site"], [], ["PatNr", "HbA1c (%)", "CRP [mg/L]"], ["P1", 7.9, 1]]
    (sheet,) = read(workbook(tmp_path / "a.xlsx", rows), known=frozenset({"patnr", "hba1c", "crp"}))
    assert (sheet.header, sheet.table.header_row, sheet.rows) == (["PatNr", "HbA1c (%)", "CRP [mg/L]"], 3, [4])
    assert sheet.problems == [("HEAD-005", 3, None, {"header": "3"})]


def test_header_row_and_unit_row_as_told(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["Trial"], ["a", "b"], ["%", None], [1, 2], [3, 4]]
    (sheet,) = read(workbook(tmp_path / "a.xlsx", rows), header_row=2, unit_row=3)
    assert (sheet.header, sheet.table.unit_cells) == (["a", "b"], ["%", None])
    assert (sheet.rows, sheet.cells) == ([4, 5], [("1", "2"), ("3", "4")])
    assert sheet.problems == []


@pytest.mark.parametrize("options", [{"header_row": 9}, {"header_row": 2}, {"unit_row": 60}])
def test_told_rows_that_do_not_exist(tmp_path: Path, options: dict[str, int]) -> None:
    (sheet,) = read(workbook(tmp_path / "a.xlsx", [["a"], [], [1]]), **options)
    assert sheet.codes == [("FILE-002", None)]
    assert "has no" in sheet.told


def test_blank_rows_and_columns(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["a", None, "b", None, None], [1, None, 2, None, None], [None, " "]]
    rows.append([3, None, None, "x", None])
    (sheet,) = read(workbook(tmp_path / "a.xlsx", [*rows, ["", "  "]]))
    assert sheet.header == ["a", "b", ""]
    assert (sheet.rows, sheet.cells) == ([2, 4], [("1", "2", None), ("3", None, "x")])
    assert sheet.codes == [("ROW-003", 3)]


def test_several_sheets(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        fill(book, book.add_worksheet("one"), [["a"], [1]])
        book.add_worksheet("blank")
        hidden = book.add_worksheet("hidden")
        fill(book, hidden, [["b"], [2]])
        hidden.hide()
        chart = book.add_chart({"type": "line"})
        chart.add_series({"values": "=one!$A$2:$A$2"})
        book.add_chartsheet("chart").set_chart(chart)
        sheet = book.add_worksheet("errors")
        fill(book, sheet, [["c"]])
        sheet.write_formula("A2", "=1/0", None, "#DIV/0!")
    sheets = read(path)
    assert [(sheet.table.sheet, sheet.cells) for sheet in sheets] == [
        ("one", [("1",)]),
        ("hidden", [("2",)]),
        ("errors", [(None,)]),
    ]
    assert [sheet.codes for sheet in sheets] == [[], [], [("CELL-008", 2)]]
    assert sheets[1].table.problems == [] and sheets[2].table.problems[0].sheet == "errors"


def test_options_by_sheet(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for name in ("one", "two"):
            fill(book, book.add_worksheet(name), [["title"], ["a"], [1]])
    file = SourceFile(None, path, path.name, "excel")
    tables = open_tables(file, lambda sheet: ReadOptions(header_row=2 if sheet == "two" else None))
    assert [table.header for table in tables] == [["title"], ["a"]]


def test_large_sheets_are_loaded_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excel_book, "_KEPT_CELLS", 1)
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for name in ("one", "two"):
            fill(book, book.add_worksheet(name), [["a"], [name]])
    assert [sheet.cells for sheet in read(path)] == [[("one",)], [("two",)]]


def test_workbook_without_a_value(tmp_path: Path) -> None:
    (sheet,) = read(workbook(tmp_path / "a.xlsx", []))
    assert (sheet.codes, sheet.table.readable) == ([("FILE-001", None)], False)
    (sheet,) = read(workbook(tmp_path / "b.xlsx", [["a", "b"]]))
    assert sheet.codes == [("FILE-003", None)]
    (tmp_path / "c.xlsx").touch()
    (sheet,) = read(tmp_path / "c.xlsx")
    assert sheet.codes == [("FILE-001", None)]


def test_nothing_but_errors_is_not_an_empty_sheet(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("S").write_formula("A1", "=1/0", None, "#DIV/0!")
        book.add_worksheet("T").write_formula("A1", "=1+1", None, "")
    for sheet in read(path):
        assert "nothing but errors" in sheet.told


def test_table_far_below(tmp_path: Path) -> None:
    (sheet,) = read(workbook(tmp_path / "a.xlsx", [["a"], *[[]] * 80, [1]]))
    assert sheet.rows == [82]
    path = tmp_path / "b.xlsx"
    with xlsxwriter.Workbook(path) as book:
        fill(book, book.add_worksheet("S"), [*[[]] * 80, ["a"], [1]])
    (sheet,) = read(path)
    assert "say in the profile which row is the header" in sheet.told
    (sheet,) = read(path, header_row=81)
    assert (sheet.header, sheet.rows) == (["a"], [82])


# what must not be opened


def archive_of(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.xlsx", b"a,b\n1,2\n", "plain text such as CSV, not an Excel workbook (.xlsx)"),
        ("a.xls", b"a\tb\n1\t2\n", "plain text such as CSV"),
        ("a.xls", b"<html><table><tr><td>a</td></tr></table></html>", "web page (HTML)"),
        (
            "a.xls",
            b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>',
            "XML spreadsheet of Excel 2003",
        ),
        ("a.xls", b"\x09\x04\x06\x00\x00\x00\x10\x00", "Excel 95 or older"),
        ("a.ods", b"%PDF-1.4", "the file is a PDF, not an OpenDocument spreadsheet (.ods)"),
        ("a.xlsx", b"PK\x03\x04 cut off", "damaged or incomplete"),
        ("a.xlsx", archive_of({"labs.csv": b"a"}), "ZIP archive without a workbook"),
        ("a.xlsx", archive_of({"word/document.xml": b"<a/>"}), "text document"),
        ("a.xlsx", archive_of({"Index/Document.iwa": b""}), "Apple Numbers"),
        ("a.xlsx", ole_container("EncryptedPackage", b"x"), "protected by a password"),
        ("a.xlsx", ole_container("Workbook", b"x"), "old Excel workbook; its name should end in .xls"),
        ("a.xls", ole_container("WordDocument", b"x"), "without a workbook"),
        ("a.xls", ole_container("Workbook", b"x"), "damaged"),
        ("a.xlsx", bytes(100), "beginning is damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "content",
)
def test_what_the_file_really_is(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    (sheet,) = read(path)
    assert sheet.codes == [("FILE-002", None)]
    assert words in sheet.told
    assert str(tmp_path) not in sheet.told


def test_name_of_another_kind(tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", [["a"], [1]]).rename(tmp_path / "a.xlsb")
    (sheet,) = read(tmp_path / "a.xlsb")
    assert "its name should end in .xlsx" in sheet.told
    write_ods(tmp_path / "a.xlsx", "")
    (sheet,) = read(tmp_path / "a.xlsx")
    assert "its name should end in .ods" in sheet.told


def test_protected_open_document(tmp_path: Path) -> None:
    write_ods(tmp_path / "a.ods", "", manifest="<manifest:encryption-data/>")
    (sheet,) = read(tmp_path / "a.ods")
    assert "protected by a password" in sheet.told


def test_zip_bomb(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["a"], [1]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/media/a.bin", "w") as part:
        for _ in range(65):
            part.write(bytes(1 << 20))
    (sheet,) = read(path)
    assert "would unpack to far more than its size" in sheet.told


def test_entry_that_lies_about_its_size(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["a"], [1]])
    content = bytearray(path.read_bytes())
    place = content.rindex(SHEET.encode()) - 46  # in the list of contents
    assert content[place : place + 4] == b"PK\x01\x02"
    struct.pack_into("<I", content, place + 24, 10)
    path.write_bytes(content)
    (sheet,) = read(path)
    assert "damaged or incomplete" in sheet.told


BOMB = b'<!DOCTYPE worksheet [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda xml: xml.replace(b"<worksheet", BOMB + b"<worksheet"), "document type or entities"),
        (lambda xml: b"<!--" + b" " * ((1 << 20) - 9) + b"-->" + BOMB + xml, "document type or entities"),
        (lambda xml: xml.decode().encode("utf-16"), "not XML in UTF-8"),
        (lambda xml: xml[: len(xml) // 2], "damaged"),
    ],
    ids=["entities", "entities across pieces", "other encoding", "cut"],
)
def test_hostile_and_broken_xml(tmp_path: Path, change: Callable[[bytes], bytes], words: str) -> None:
    path = workbook(tmp_path / "a.xlsx", [["a", "b"], [7, 1]])
    change_part(path, SHEET, change)
    (sheet,) = read(path)
    assert sheet.codes == [("FILE-002", None)]
    assert words in sheet.told


@pytest.mark.parametrize("left_out", [1, 100, 220, 700, 3000, 15_000])
def test_truncated_workbooks(tmp_path: Path, left_out: int) -> None:
    workbook(tmp_path / "a.xlsx", [["a"], *[[at] for at in range(5000)]])
    write_xls(tmp_path / "a.xls", [["a"], *[[float(at)] for at in range(1010)]])
    for name in ("a.xlsx", "a.xls"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[:-left_out])
        (sheet,) = read(tmp_path / name)
        assert [code for code, _ in sheet.codes] == ["FILE-002"]


def test_one_damaged_sheet_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for name in ("one", "two"):
            fill(book, book.add_worksheet(name), [["a"], [1]])
    change_part(path, SHEET, lambda xml: xml[: len(xml) // 2])
    first, second = read(path)
    assert [code for code, _ in first.codes] == ["FILE-002"] and first.table.sheet == "one"
    assert second.cells == [("1",)] and second.codes == []


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("S")
        sheet.write(0, 0, "a")
        sheet.write(1_048_575, 16_383, "z")
    (found,) = read(path)
    assert "1,048,576 rows and 16,384 columns" in found.told
    write_xls(tmp_path / "a.xls", [["a"], [1.0]])
    monkeypatch.setattr(excel_safety, "LARGEST_XLS", 100)
    (found,) = read(tmp_path / "a.xls")
    assert "save it as .xlsx" in found.told


@given(st.integers(0, 16_383))
def test_column_letters(number: int) -> None:
    assert column_number(column_letters(number)) == number


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    (sheet,) = read(tmp_path / "a.xlsx")
    assert [code for code, _ in sheet.codes] == ["FILE-002"]
