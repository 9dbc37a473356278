"""Parquet files become the text cells that a CSV file would hold."""

from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anakinra_t2d.reading import SourceFile, TextTable, open_table


def source(path: Path) -> SourceFile:
    return SourceFile("labs", path, path.name, "parquet")


def drain(table: TextTable) -> tuple[TextTable, list[int], list[tuple[str | None, ...]]]:
    """The table after iteration, the rows and the cells of all records."""
    batches = list(table)
    rows = [row for batch in batches for row in batch.row_numbers().to_list()]
    return table, rows, [cells for batch in batches for cells in batch.cells.rows()]


def codes(table: TextTable) -> list[tuple[str, int | None]]:
    return [(problem.code, problem.row) for problem in table.problems]


def told(table: TextTable) -> str:
    return "; ".join(problem.details.get("problem", "") for problem in table.problems)


def parquet(path: Path, columns: dict[str, pa.Array], **options: object) -> SourceFile:
    pq.write_table(pa.table(columns), path, **options)
    return source(path)


@pytest.mark.parametrize(
    ("array", "texts"),
    [
        (pa.array(["x", "", None, "µ"]), ["x", None, None, "µ"]),
        (pa.array(["x", "x", None]).dictionary_encode(), ["x", "x", None]),
        (pa.array([b"x", b"\xc2\xb5"]), ["x", "µ"]),
        (pa.array([1, -2, None], pa.int64()), ["1", "-2", None]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (
            pa.array([3.87, 5.0, 0.1, -0.5, 1e-7, float("nan"), float("inf")]),
            ["3.87", "5", "0.1", "-0.5", "1e-7", "NaN", "inf"],
        ),
        (pa.array([3.87, 5.0], pa.float32()), ["3.87", "5"]),
        (pa.array([decimal.Decimal("3.870"), decimal.Decimal("500.000")]), ["3.87", "500"]),
        (pa.array([decimal.Decimal(500)]), ["500"]),
        (pa.array([True, False, None]), ["true", "false", None]),
        (pa.array([dt.date(2004, 2, 29)]), ["2004-02-29"]),
        (pa.array([dt.datetime(2004, 2, 29, 8, 30)], pa.timestamp("us")), ["2004-02-29T08:30:00"]),
        (pa.array([dt.datetime(2004, 2, 29, 8, 30)], pa.timestamp("s")), ["2004-02-29T08:30:00"]),
        (pa.array([dt.datetime(2004, 2, 29, 8, 30, 0, 500000)], pa.timestamp("ns")), ["2004-02-29T08:30:00.500"]),
        (
            pa.array([dt.datetime(2004, 2, 29, 8, 30)], pa.timestamp("us", "Europe/Copenhagen")),
            ["2004-02-29T09:30:00+01:00"],
        ),
        (pa.array([dt.time(8, 30)], pa.time64("us")), ["08:30:00"]),
        (pa.nulls(2), [None, None]),
    ],
    ids=str,
)
def test_parquet_values_as_text(tmp_path: Path, array: pa.Array, texts: list[str | None]) -> None:
    table, rows, cells = drain(open_table(parquet(tmp_path / "labs.parquet", {"a": array})))
    assert [cell for (cell,) in cells] == texts
    assert rows == list(range(2, len(texts) + 2))
    assert table.problems == []
    assert table.header == ["a"]


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.floats(allow_nan=False), min_size=1))
def test_parquet_numbers_read_back_exactly(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    path = tmp_path_factory.mktemp("numbers") / "labs.parquet"
    _, _, cells = drain(open_table(parquet(path, {"a": pa.array(values)})))
    assert [float(cell or "nan") for (cell,) in cells] == values


def test_parquet_batches_do_not_follow_row_groups(tmp_path: Path) -> None:
    file = parquet(tmp_path / "labs.parquet", {"a": pa.array(range(1000))}, row_group_size=7)
    batches = list(open_table(file, batch_rows=400))
    assert [(batch.first_row, batch.cells.height) for batch in batches] == [(2, 400), (402, 400), (802, 200)]


def test_parquet_without_rows_and_with_doubled_columns(tmp_path: Path) -> None:
    table, _, _ = drain(open_table(parquet(tmp_path / "labs.parquet", {"a": pa.array([], pa.string())})))
    assert codes(table) == [("FILE-003", None)]
    pq.write_table(pa.Table.from_arrays([pa.array([1])] * 3, names=["a", "b", "a"]), tmp_path / "labs.parquet")
    table, _, cells = drain(open_table(source(tmp_path / "labs.parquet")))
    assert (table.header, cells, table.records) == (["a", "b", "a"], [("1",)], 1)


def test_parquet_text_with_control_characters(tmp_path: Path) -> None:
    table = open_table(parquet(tmp_path / "labs.parquet", {"a": pa.array(["x", "y\x00"])}))
    assert [batch.odd for batch in table] == [True]
    assert codes(table) == []


@pytest.mark.parametrize(
    "array",
    [pa.array([[1]]), pa.array([{"x": 1}]), pa.array([dt.timedelta(1)]), pa.array([b"\xff"])],
    ids=["list", "struct", "duration", "bytes"],
)
def test_parquet_columns_that_are_no_cells(tmp_path: Path, array: pa.Array) -> None:
    table, _, cells = drain(open_table(parquet(tmp_path / "labs.parquet", {"a": array})))
    assert (cells, codes(table)) == ([], [("FILE-002", None)])
    assert "the column a" in told(table)


def test_damaged_parquet_files(tmp_path: Path) -> None:
    path = tmp_path / "labs.parquet"
    values = pa.array([f"value {i}" for i in range(20_000)])
    file = parquet(path, {"a": values}, use_dictionary=False, write_page_checksum=True)
    whole = path.read_bytes()
    broken = bytearray(whole)
    broken[5_000] ^= 0xFF
    for data in (b"a,b\n1,2\n", whole[: len(whole) // 2], whole[:-1], whole[:4] + whole[-40:], bytes(broken)):
        path.write_bytes(data)
        table, _, _ = drain(open_table(file))
        assert codes(table) == [("FILE-002", None)]
        assert str(tmp_path) not in told(table)
