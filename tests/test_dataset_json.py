"""Dataset-JSON in its two forms, compressed or not, becomes text cells; anything else is named."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anakinra_t2d.reading import RaggedRow, SourceFile, dataset_json, discover, open_table, transcode
from anakinra_t2d.reading.archive import Limits
from anakinra_t2d.reading.dataset_json import DatasetJsonTable
from anakinra_t2d.reading.sas_dates import sas_text
from anakinra_t2d.reading.statistical_formats import Meaning

REAL = Path(__file__).parents[2] / "shared" / "real" / "dataset_json"
needs_real = pytest.mark.skipif(not REAL.exists(), reason="the examples of CDISC are not here")
Cells = list[tuple[str | None, ...]]


def column(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    return {"itemOID": f"IT.LB.{name}", "name": name, "label": f"Label of {name}", "dataType": kind, **more}


def data_set(*columns: dict[str, Any], records: int, **more: Any) -> dict[str, Any]:
    return {
        "datasetJSONCreationDateTime": "2024-11-11T15:09:15",
        "datasetJSONVersion": "1.1.0",
        "itemGroupOID": "IG.LB",
        "records": records,
        "name": "LB",
        "label": "Laboratory",
        "columns": list(columns),
        **more,
    }


def as_object(description: dict[str, Any], rows: str) -> bytes:
    return f'{json.dumps(description)[:-1]}, "rows": {rows}}}'.encode()


def as_lines(description: dict[str, Any], rows: str) -> bytes:
    lines = [json.dumps(description), *rows.strip()[1:-1].replace("], [", "]\n[").split("\n")]
    return "\n".join([*(line for line in lines if line), ""]).encode()


FORMS: dict[str, tuple[str, Callable[[bytes, bytes], bytes]]] = {
    "object": ("lb.json", lambda one, _: one),
    "lines": ("lb.ndjson", lambda _, lines: lines),
    "zlib object": ("lb.dsjc", lambda one, _: zlib.compress(one)),
    "zlib lines": ("lb.dsjc", lambda _, lines: zlib.compress(lines, 1)),
    "gzip object": ("lb.dsjc", lambda one, _: gzip.compress(one)),
    "gzip lines": ("lb.ndjson.gz", lambda _, lines: gzip.compress(lines)),
    "plain named compressed": ("lb.dsjc", lambda one, _: one),
    "byte order mark": ("lb.json", lambda one, _: b"\xef\xbb\xbf" + one),
    "pretty": ("lb.json", lambda one, _: one.replace(b", ", b",\r\n  ").replace(b"{", b"{\n")),
}


def drain(table: DatasetJsonTable) -> tuple[DatasetJsonTable, list[int], Cells]:
    rows: list[int] = []
    cells: Cells = []
    for batch in table:
        rows += batch.row_numbers().to_list()
        cells += batch.cells.rows()
    return table, rows, cells


def load(path: Path, batch_rows: int = 2) -> tuple[DatasetJsonTable, list[int], Cells]:
    return drain(DatasetJsonTable(SourceFile("labs", path, path.name, "dataset_json"), None, batch_rows))


def codes(table: DatasetJsonTable) -> list[tuple[str, int | None]]:
    return [(problem.code, problem.row) for problem in table.problems]


def told(table: DatasetJsonTable) -> str:
    return "; ".join(problem.details.get("problem", "") for problem in table.problems)


COLUMNS = (
    column("USUBJID", length=8, keySequence=1),
    column("LBSTRESN", "float"),
    column("LBDTC", "date"),
    column("DOSE", "decimal", targetDataType="decimal"),
    column("FLAG", "boolean"),
)
ROWS = """[["CH-001", 7.50, "2004-06-01", "1.10", true], ["CH-002", 12, null, "", false], \
["Ærø \\u00b5", -0.001, "2004-06", "2", null]]"""


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_cells(tmp_path: Path, form: str) -> None:
    description = data_set(*COLUMNS, records=3)
    name, make = FORMS[form]
    path = tmp_path / name
    path.write_bytes(make(as_object(description, ROWS), as_lines(description, ROWS)))
    table, rows, cells = load(path)
    assert table.header == ["USUBJID", "LBSTRESN", "LBDTC", "DOSE", "FLAG"]
    assert cells == [
        ("CH-001", "7.50", "2004-06-01", "1.10", "true"),
        ("CH-002", "12", None, None, "false"),
        ("Ærø µ", "-0.001", "2004-06", "2", None),
    ]
    assert rows == [2, 3, 4]
    assert (table.sheet, table.records, table.problems) == ("LB", 3, [])
    assert table.labels["LBDTC"] == "Label of LBDTC"
    found = discover([path], ["labs"], profiled=True)
    assert [(file.format, file.table) for file in found.others] == [("dataset_json", None)]
    assert open_table(found.others[0]).header == table.header


@needs_real
def test_what_these_tests_make_is_what_the_standard_describes() -> None:
    schema = json.loads((REAL / "dataset.schema.json").read_text())
    jsonschema.validate(json.loads(as_object(data_set(*COLUMNS, records=3), ROWS)), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(as_object(data_set(column("A", "number"), records=3), ROWS)), schema)


@needs_real
@pytest.mark.parametrize("name", ["dm", "sv", "ta", "vs"])
def test_examples_of_the_standard(tmp_path: Path, name: str) -> None:
    content = json.loads((REAL / f"{name}.json").read_text(), parse_float=str, parse_int=str)
    expected = [tuple(value or None for value in row) for row in content["rows"]]
    table, rows, cells = load(REAL / f"{name}.json", 100)
    assert cells == expected
    assert rows == list(range(2, len(expected) + 2))
    assert (table.sheet, table.problems) == (name.upper(), [])
    assert table.labels == {each["name"]: each["label"] for each in content["columns"]}
    rows_of_lines = json.loads((REAL / f"{name}.json").read_text()).pop("rows")
    description = {
        key: value for key, value in json.loads((REAL / f"{name}.json").read_text()).items() if key != "rows"
    }
    path = tmp_path / f"{name}.ndjson"
    path.write_text("\n".join(map(json.dumps, [description, *rows_of_lines])))
    assert load(path, 100)[1:] == (rows, cells)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("1.50", "1.50"),
        ("100", "100"),
        ("1e2", "100"),
        ("1.5E-7", "0.00000015"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("1e999999999", "1E+999999999"),
        ("-0.0", "-0.0"),
        ('"007"', "007"),
        ('" "', " "),
    ],
)
@pytest.mark.parametrize("form", ["object", "lines"])
def test_numbers_keep_their_digits(tmp_path: Path, form: str, written: str, text: str) -> None:
    description = data_set(column("A", "double"), records=1)
    path = tmp_path / "lb.json"
    path.write_bytes(FORMS[form][1](as_object(description, f"[[{written}]]"), as_lines(description, f"[[{written}]]")))
    table, _, cells = load(path)
    assert (cells, table.problems) == ([(text,)], [])


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3)
)


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.tuples(VALUES, VALUES), max_size=8))
def test_what_was_written_is_read(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, Any]]) -> None:
    texts = [
        [json.dumps(value) if isinstance(value, str | bool | None) else str(value) for value in row] for row in rows
    ]
    described = data_set(column("A"), column("B"), records=len(rows))
    written = "[" + ", ".join(f"[{', '.join(row)}]" for row in texts) + "]"
    lines = "\n".join([json.dumps(described), *(f"[{', '.join(row)}]" for row in texts)])
    words = {True: "true", False: "false", None: None, "": None}
    expected = [
        tuple(words[value] if isinstance(value, bool | None) or value == "" else str(value) for value in row)
        for row in rows
    ]
    path = tmp_path_factory.mktemp("written") / "lb.json"
    for data in (as_object(described, written), lines.encode()):
        path.write_bytes(data)
        table, numbers, cells = load(path)
        assert cells == expected
        assert numbers == list(range(2, len(rows) + 2))
        assert codes(table) == ([] if rows else [("FILE-003", None)])


@pytest.mark.parametrize(
    ("display", "value", "text"),
    [
        ("DATE9.", "16223", "2004-06-01"),
        ("E8601DA10.", "16223", "2004-06-01"),
        ("yymmdd10.", "16223.0", "2004-06-01"),
        ("DDMMYYP10.", "-1", "1959-12-31"),
        ("DATE9.", "16223.5", "16223.5"),
        ("DATE9.", "9999999999", "9999999999"),
        ("DATE9.", '"2004-06-01"', "2004-06-01"),
        ("DATETIME20.", "1401697800", "2004-06-01T08:30:00"),
        ("E8601DT.", "1401697800.250", "2004-06-01T08:30:00.25"),
        ("TIME8.", "30600", "08:30"),
        ("TIME8.", "90001.5", "25:00:01.5"),
        ("TOD8.", "90000", "01:00"),
        ("8.2", "16223", "16223"),
        ("BEST12.", "16223", "16223"),
        ("", "16223", "16223"),
    ],
)
def test_numbers_with_a_date_format_are_dates(tmp_path: Path, display: str, value: str, text: str) -> None:
    path = tmp_path / "lb.json"
    kind = column("ADT", "date", targetDataType="integer", **({"displayFormat": display} if display else {}))
    path.write_bytes(as_object(data_set(kind, records=1), f"[[{value}]]"))
    assert load(path)[2] == [(text,)]


def test_no_value_is_taken_for_a_date_beyond_the_calendar() -> None:
    meanings: tuple[Meaning, ...] = ("days", "moment", "duration", "clock")
    for meaning in meanings:
        for value in (10**30, Decimal("-1e30"), Decimal("1e999999")):
            assert sas_text(value, meaning) is None
    assert sas_text(16223, "number") is None


def test_the_order_of_the_parts_does_not_matter(tmp_path: Path) -> None:
    description = data_set(column("A"), column("B"), records=2)
    path = tmp_path / "lb.json"
    for order in (["rows"], ["records", "rows", "columns"], ["rows", "records", "name"]):
        content = {
            **description,
            "sourceSystem": {"name": "x", "version": "1", "rows": [1]},
            "rows": [["1", "2"], ["3", ""]],
        }
        moved = {key: content.pop(key) for key in order}
        for ordered in ({**content, **moved}, {**moved, **content}):
            path.write_text(json.dumps(ordered))
            table, rows, cells = load(path)
            assert (table.sheet, rows, cells) == ("LB", [2, 3], [("1", "2"), ("3", None)])
            assert table.problems == []
            path.write_text(json.dumps({**ordered, "records": 3}))
            assert "3 records, but 2 are there" in told(load(path)[0])


def test_rows_of_another_length(tmp_path: Path) -> None:
    description = data_set(column("A"), column("B"), records=4)
    rows = '[["1", 2], ["3"], [], [1, true, null]]'
    for name, data in (("lb.json", as_object(description, rows)), ("lb.ndjson", as_lines(description, rows))):
        (tmp_path / name).write_bytes(data)
        table, numbers, cells = load(tmp_path / name)
        assert (numbers, cells, table.records) == ([2], [("1", "2")], 4)
        assert codes(table) == [("ROW-001", 3), ("ROW-001", 4), ("ROW-001", 5)]
        assert table.problems[0].details == {"found": "1", "header": "2", "rest": ""}
        assert list(table.rejected)[2] == RaggedRow(5, 5, "ROW-001", ["1", "true", ""])


def test_blank_lines_keep_the_numbers_of_the_others(tmp_path: Path) -> None:
    path = tmp_path / "lb.ndjson"
    path.write_bytes(json.dumps(data_set(column("A"), records=2)).encode() + b'\r\n["1"]\r\n\r\n["2"]')
    table, rows, cells = load(path)
    assert (rows, cells, codes(table)) == ([2, 4], [("1",), ("2",)], [("ROW-003", 3)])


def test_characters_that_no_cell_should_hold(tmp_path: Path) -> None:
    path = tmp_path / "lb.json"
    path.write_bytes(as_object(data_set(column("A"), records=1), '[["x\\u0000"]]'))
    (batch,) = open_table(SourceFile("labs", path, "lb.json", "dataset_json"))
    assert batch.odd


ONE = data_set(column("A"), records=3)


@pytest.mark.parametrize(
    ("data", "row", "words"),
    [
        (b"a,b\n1,2\n", None, "not valid JSON before its first record"),
        (b"\xff\xfe{\0", None, "not valid JSON before its first record"),
        (b"[1, 2]", None, "holds no data set of Dataset-JSON"),
        (b"3", None, "holds no data set of Dataset-JSON"),
        (b'{"resources": []}', None, "does not say that it is Dataset-JSON"),
        (as_object({**ONE, "datasetJSONVersion": "1.0.0"}, "[]"), None, "Dataset-JSON 1.0.0; only version 1.1"),
        (as_object({**ONE, "columns": []}, "[]"), None, "no list of columns"),
        (as_object({**ONE, "columns": [{"label": "x"}]}, "[]"), None, "column 1 of the data set has no name"),
        (as_object({**ONE, "records": "many"}, "[]"), None, "number of records"),
        (as_object(ONE, '[["1"]]'), None, "says that it has 3 records, but 1 are there"),
        (as_lines(ONE, '[["1"]]'), None, "says that it has 3 records, but 1 are there"),
        (as_object(ONE, '[["1"], ["2"], ["3"]]')[:-4], 4, "not valid JSON after record 2"),
        (as_object(ONE, '[["1"], [2 3]]'), 3, "not valid JSON after record 1"),
        (as_object(ONE, '[["1"], [NaN]]'), 3, "not valid JSON after record 1"),
        (as_object(ONE, '[["1"], ["\xff"]]').replace(b"\xc3\xbf", b"\xff"), 3, "not valid JSON after record 1"),
        (as_object(ONE, '[["1"], ["2"], ["3"]]') + b"}", 5, "not valid JSON after record 3"),
        (as_object(ONE, '[["1"], [{"a": 1}]]'), 3, "record 2 holds a list or an object"),
        (as_object(ONE, '[["1"], "x"]'), 3, "record 2 is not a list of values"),
        (as_lines(ONE, '[["1"], ["2"'), 3, "the line is not valid JSON"),
        (as_lines(ONE, '[["1"], [NaN]]'), 3, "the line is not valid JSON"),
        (as_lines(ONE, '[["1"], ["\xff"]]').replace(b"\xc3\xbf", b"\xff"), 3, "the line is not UTF-8"),
        (as_lines(ONE, '[["1"], ["\\ud800"]]'), 3, "record 2 holds a number or a letter that cannot be read"),
        (as_lines(ONE, '[["1"], [%s]]' % ("9" * 5000)), 3, "the line is not valid JSON"),
        (as_lines(ONE, '[["1"], [%s]]' % ("[" * 100_000)), 3, "the line is not valid JSON"),
        (as_lines(ONE, '[["1"]]') + b'{"a": 1}', 3, "record 2 is not a list of values"),
        (zlib.compress(as_object(ONE, '[["1"], ["2"], ["3"]]'))[:-9], None, "compressed file ends early"),
        (gzip.compress(as_object(ONE, '[["1"]]'))[:-8] + b"\0" * 8, None, "damaged"),
    ],
)
def test_what_is_no_whole_data_set(tmp_path: Path, data: bytes, row: int | None, words: str) -> None:
    path = tmp_path / "lb.json"
    path.write_bytes(data)
    table, _, _ = load(path)
    assert codes(table) == [("FILE-002", row)]
    assert words in told(table)
    assert not table.readable
    assert str(tmp_path) not in told(table)


def test_every_cut_of_a_file_is_noticed(tmp_path: Path) -> None:
    description = data_set(column("A"), column("B", "integer"), records=3)
    rows = '[["1", 10], ["2", 20], ["3", 30]]'
    path = tmp_path / "lb.json"
    for whole in (
        as_object(description, rows),
        as_lines(description, rows),
        zlib.compress(as_object(description, rows)),
    ):
        stripped = whole.rstrip(b"\n")
        for end in range(1, len(stripped), 3):
            path.write_bytes(stripped[:end])
            table, _, _ = load(path)
            assert [code for code, _ in codes(table)] == ["FILE-002"], stripped[:end]


def test_a_compressed_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcode, "Limits", lambda: Limits(ratio=10, ratio_from=100_000))
    path = tmp_path / "lb.dsjc"
    path.write_bytes(zlib.compress(as_object(ONE, "[" + '["1"], ' * 200_000 + '["1"]]')))
    table, _, _ = load(path, 100_000)
    assert codes(table) == [("FILE-002", None)]
    assert "more than 10 times its size" in told(table)


def test_a_line_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_json, "LONGEST_LINE", 2000)
    path = tmp_path / "lb.ndjson"
    path.write_bytes(as_lines(ONE, f'[["1"], ["{"x" * 3000}"]]'))
    table, _, _ = load(path)
    assert codes(table) == [("FILE-002", 3)]
    assert "longer than 2,000 bytes" in told(table)


def test_a_description_as_long_as_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_json, "LONGEST_LINE", 100)
    path = tmp_path / "lb.json"
    path.write_bytes(as_object(ONE, '[["1"], ["2"], ["3"]]'))
    assert load(path)[2] == [("1",), ("2",), ("3",)]
