"""Feather and Arrow files become the text cells that a CSV file would hold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from anakinra_t2d.reading import SourceFile, TextTable, arrow_columns, arrow_text, open_table

Writer = Callable[[Path, pa.Table], None]


def write_file(path: Path, table: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=3)


def write_stream(path: Path, table: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=3)


def write_feather(path: Path, table: pa.Table) -> None:
    pyarrow.feather.write_feather(table, str(path), compression="zstd", chunksize=3)


WRITERS: list[Writer] = [write_file, write_stream, write_feather]
each_kind = pytest.mark.parametrize("write", WRITERS, ids=["file", "stream", "feather"])


def read(path: Path, batch_rows: int = 4) -> tuple[TextTable, list[int], list[tuple[str | None, ...]]]:
    table = open_table(SourceFile("labs", path, path.name, "arrow"), batch_rows=batch_rows)
    batches = list(table)
    rows = [row for batch in batches for row in batch.row_numbers().to_list()]
    return table, rows, [cells for batch in batches for cells in batch.cells.rows()]


def told(table: TextTable) -> str:
    return "; ".join(problem.details.get("problem", "") for problem in table.problems)


@each_kind
def test_values_and_rows(tmp_path: Path, write: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_text, "ROWS_AT_ONCE", 2)
    columns = {
        "n": pa.array([float(number) for number in range(7)]),
        "t": pa.array(["x", "", None, "µ", "x", "x", "x"]).dictionary_encode(),
        "d": pa.array([dt.date(2004, 2, 29)] * 7),
        "m": pa.array([dt.datetime(2004, 2, 29, 8, 30)] * 7, pa.timestamp("s")),
    }
    write(tmp_path / "a.arrow", pa.table(columns))
    table, rows, cells = read(tmp_path / "a.arrow")
    assert table.problems == [] and table.records == 7 and table.sheet is None
    assert rows == list(range(2, 9))
    assert cells[1] == ("1", None, "2004-02-29", "2004-02-29T08:30:00")
    assert [cell[1] for cell in cells] == ["x", None, None, "µ", "x", "x", "x"]


@each_kind
def test_units(tmp_path: Path, write: Writer) -> None:
    fields = [pa.field("glucose", pa.float64(), metadata={"unit": "mmol/L"}), pa.field("id", pa.string())]
    table = pa.table({"glucose": [5.5], "id": ["x"]}, schema=pa.schema(fields))
    write(tmp_path / "a.arrow", table)
    assert read(tmp_path / "a.arrow")[0].units == {"glucose": "mmol/L"}
    pq.write_table(table, tmp_path / "a.parquet")
    parquet = open_table(SourceFile("labs", tmp_path / "a.parquet", "a.parquet", "parquet"))
    assert parquet.units == {"glucose": "mmol/L"}
    assert arrow_columns.units_of(pa.schema([pa.field("a", pa.string(), metadata={"unit": ""})])) == {}


@each_kind
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_truncated(tmp_path: Path, write: Writer, share: float) -> None:
    path = tmp_path / "a.arrow"
    write(path, pa.table({"a": [str(number) for number in range(30)]}))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    table, _, _ = read(path)
    assert [problem.code for problem in table.problems] == ["FILE-002"]
    assert not table.readable


def test_stream_cut_between_two_batches(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    write_stream(path, pa.table({"a": [1, 2]}))
    path.write_bytes(path.read_bytes()[:-8])
    assert "no end mark" in told(read(path)[0])


def test_offsets_that_lead_outside(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    write_file(path, pa.table({"a": pa.array(["abcd", "efgh"])}))
    content = path.read_bytes()
    offsets = b"\x00\x00\x00\x00\x04\x00\x00\x00\x08\x00\x00\x00"
    assert content.count(offsets) == 1
    path.write_bytes(content.replace(offsets, b"\x00\x00\x00\x00\x04\x00\x00\x00\xff\xff\xff\x7f"))
    assert "damaged from row 2 on" in told(read(path)[0])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"FEA1 and more", "Feather of version 1"),
        (b"a,b\n1,2\n", "not a Feather or Arrow file"),
        (b"PAR1 and more", "Parquet file, not a Feather or Arrow file"),
        (b"ARROW1\0\0 and nothing", "not a readable Arrow file"),
    ],
    ids=["feather 1", "csv", "parquet", "only the mark"],
)
def test_what_the_file_really_is(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "a.feather"
    path.write_bytes(content)
    table, _, _ = read(path)
    assert words in told(table)
    assert str(tmp_path) not in told(table)


def test_empty_files_and_tables(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    path.touch()
    assert [problem.code for problem in read(path)[0].problems] == ["FILE-001"]
    write_stream(path, pa.table({"a": pa.array([], pa.int64())}))
    assert [problem.code for problem in read(path)[0].problems] == ["FILE-003"]


def test_columns_that_hold_no_single_cells(tmp_path: Path) -> None:
    write_stream(tmp_path / "a.arrow", pa.table({"a": pa.array([[1, 2]])}))
    assert "the column a holds values of the type list" in told(read(tmp_path / "a.arrow")[0])
