"""Files of SAS, SPSS and Stata become the text cells that their program shows."""

from __future__ import annotations

import csv
import datetime as dt
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pyreadstat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anakinra_t2d.reading import ReadOptions, SourceFile, open_tables, statistical_text
from anakinra_t2d.reading.statistical_formats import meaning_of, numbers_text
from anakinra_t2d.reading.statistical_text import StatisticalTable

REAL = Path(__file__).parents[2] / "shared" / "real"
needs_readstat = pytest.mark.skipif(not (REAL / "readstat").is_dir(), reason="the folder shared/real is absent")
needs_pilot = pytest.mark.skipif(not (REAL / "cdisc_pilot").is_dir(), reason="the folder shared/real is absent")
Row = dict[str, str | None]


def read(path: Path, batch_rows: int = 1000, **options: Any) -> list[tuple[StatisticalTable, list[Row]]]:
    """Every data set of a file after its iteration, and its records."""
    found = []
    file = SourceFile(None, path, path.name, "statistical")
    for table in open_tables(file, ReadOptions(**options), batch_rows=batch_rows):
        assert isinstance(table, StatisticalTable)
        found.append((table, [row for batch in table for row in batch.cells.rows(named=True)]))
    return found


def told(table: StatisticalTable) -> str:
    return "; ".join(problem.details.get("problem", "") for problem in table.problems)


def codes(table: StatisticalTable) -> list[str]:
    return [problem.code for problem in table.problems]


# files that others wrote


def expected_sample() -> list[Row]:
    """The rows of sample.csv, its times written as they are here."""

    def cell(text: str) -> str | None:
        text = re.sub(r"\.0+$", "", re.sub(r"^(\d:)", r"0\1", text)) if ":" in text else text
        return (re.sub(r":00$", "", text) if re.fullmatch(r"\d\d:\d\d:\d\d", text) else text) or None

    with (REAL / "readstat" / "sample.csv").open(encoding="utf-8-sig", newline="") as file:
        return [{name: cell(text) for name, text in row.items()} for row in csv.DictReader(file)]


@needs_readstat
@pytest.mark.parametrize("name", ["sample.sav", "sample.sas7bdat", "sample.xpt", "sample_missing.sav"])
def test_sample_in_every_format(name: str) -> None:
    ((table, rows),) = read(REAL / "readstat" / name)
    assert table.problems == []
    expected = expected_sample()
    assert [{key.lower(): value for key, value in row.items()} for row in rows[: len(expected)]] == expected
    assert table.sheet == ("SAMPLE" if name.endswith(".xpt") else None)


@needs_readstat
def test_labels_and_declared_missing_values() -> None:
    ((table, rows),) = read(REAL / "readstat" / "sample_missing.sav")
    assert table.labels["mylabl"] == {"-1": "undetermined", "1": "Male", "2": "Female"}
    assert table.declared_missing["mynum"] == ["2000 to 3000", "-1"]
    assert table.column_labels["mychar"] == "character"
    assert [row["mynum"] for row in rows[5:]] == [None, None]
    assert rows[5]["mychar"] == "Z"


@needs_readstat
def test_dates_of_transport_version_8() -> None:
    ((table, rows),) = read(REAL / "readstat" / "dates_xpt_v8.xpt")
    assert table.problems == [] and table.sheet == "DATES" and len(rows) == 19
    for row in rows:
        assert row["dt"] == (row["string_dt"] or "").replace(" ", "T")
        assert row["dates"] == row["string_dates"]
        assert f"{row['times']}:00"[:8] == row["string_times"]
    assert table.column_labels["dt"] == "a very long label for testing accuracy of transformations"


@needs_pilot
@pytest.mark.parametrize("domain", ["dm", "ti", "ds", "sv"])
def test_pilot_domains_equal_their_csv(domain: str) -> None:
    ((table, rows),) = read(REAL / "cdisc_pilot" / f"{domain}.xpt")
    assert table.problems == [] and table.sheet == domain.upper()
    with (REAL / "cdisc_pilot" / f"{domain}.csv").open(encoding="utf-8", newline="") as file:
        sent = list(csv.DictReader(file))
    assert len(rows) == len(sent)
    differences = set()
    for row, other in zip(rows, sent, strict=True):
        for name in row.keys() & other.keys():
            text = None if other[name] == "NA" else other[name].strip() or None
            if text != row[name]:
                differences.add((name, text, row[name]))
    # the two releases of the pilot differ in these
    known = {
        "ds": {("DSDECOD", "PROTOCOL VIOLATION", "PROTOCOL DEVIATION")},
        "sv": {("VISITNUM", "9.2", "9.299999999999999"), ("VISIT", "UNSCHEDULED 9.2", "UNSCHEDULED 9.3")},
    }
    assert differences == known.get(domain, set())


@needs_pilot
def test_pilot_adverse_events_equal_their_csv() -> None:
    ((_, rows),) = read(REAL / "cdisc_pilot" / "ae.xpt")
    with (REAL / "cdisc_pilot" / "ae.csv").open(encoding="utf-8", newline="") as file:
        sent = [
            {name: None if text == "NA" else text or None for name, text in row.items()} for row in csv.DictReader(file)
        ]
    same = [
        "USUBJID",
        "AETERM",
        "AESTDTC",
        "AEENDTC",
        "AESEV",
        "AESPID",
        "AESER",
        "AEREL",
        "AEBODSYS",
        "AELLT",
        "AEENDY",
    ]
    there = {tuple(row[name] for name in same) for row in sent}
    assert len(rows) == 961
    assert all(tuple(row[name] for name in same) in there for row in rows)


@needs_pilot
def test_pilot_text_in_windows_1252() -> None:
    ((table, rows),) = read(REAL / "cdisc_pilot" / "ts.xpt")
    assert [(problem.code, problem.details) for problem in table.problems] == [("FILE-007", {"found": "Windows-1252"})]
    assert any("’" in (cell or "") for row in rows for cell in row.values())
    ((table, _),) = read(REAL / "cdisc_pilot" / "ts.xpt", encoding="cp1252")
    assert table.problems == []
    ((table, _),) = read(REAL / "cdisc_pilot" / "ts.xpt", encoding="utf-8")
    assert "not in the encoding" in told(table)


# what the formats of the programs mean


@pytest.mark.parametrize(
    ("program", "format_", "number", "text"),
    [
        ("sas", None, 5.0, "5"),
        ("sas", "BEST12", -1000.3, "-1000.3"),
        ("sas", "DATE9", 0.0, "1960-01-01"),
        ("sas", "YYMMDD10", 16130.0, "2004-02-29"),
        ("sas", "E8601DA10", 16130.0, "2004-02-29"),
        ("sas", "MONYY7", 16130.0, "2004-02-29"),
        ("sas", "DATE9", 16130.5, "16130.5"),
        ("sas", "DATE9", 1e9, "1000000000"),
        ("sas", "DATE9", float("inf"), "inf"),
        ("sas", "DATETIME20", 0.0, "1960-01-01T00:00:00"),
        ("sas", "DATETIME22.3", 1.5, "1960-01-01T00:00:01.500"),
        ("sas", "DTDATE9", 86400.0, "1960-01-02T00:00:00"),
        ("sas", "TIME5", 30180.0, "08:23"),
        ("sas", "TIME8", 30181.0, "08:23:01"),
        ("sas", "TIME12.2", 30181.25, "08:23:01.25"),
        ("sas", "TIME8", 90000.0, "25:00"),
        ("sas", "TIME8", -5400.0, "-01:30"),
        ("sas", "TOD8", 90000.0, "01:00"),
        ("sas", "$8", 1.0, "1"),
        ("spss", "F8.2", 1.5, "1.5"),
        ("spss", "EDATE10", 13744944000.0, "2018-05-06"),
        ("spss", "ADATE10", 13744980610.0, "2018-05-06T10:10:10"),
        ("spss", "DATETIME20", 13744980610.0, "2018-05-06T10:10:10"),
        ("spss", "TIME8", 36610.0, "10:10:10"),
        ("spss", "WKDAY9", 3.0, "3"),
        ("stata", "%9.0g", 3.0, "3"),
        ("stata", "%td", 16130.0, "2004-02-29"),
        ("stata", "%tdDD/NN/CCYY", 16130.0, "2004-02-29"),
        ("stata", "%d", 16130.0, "2004-02-29"),
        ("stata", "%tc", 1500.0, "1960-01-01T00:00:01.500"),
        ("stata", "%tcHH:MM", 30_180_000.0, "08:23"),
        ("stata", "%tC", 1000.0, "1000"),
        ("stata", "%tm", 530.0, "530"),
    ],
)
def test_meaning_of_formats(program: Any, format_: str | None, number: float, text: str) -> None:
    values = pl.Series([number, None], dtype=pl.Float64)
    assert numbers_text(values, meaning_of(format_, program), program).to_list() == [text, None]


@settings(deadline=None)
@given(st.lists(st.dates() | st.none(), min_size=1))
def test_days_come_back(days: list[dt.date | None]) -> None:
    numbers = [None if day is None else float((day - dt.date(1960, 1, 1)).days) for day in days]
    texts = numbers_text(pl.Series(numbers, dtype=pl.Float64), "days", "sas").to_list()
    assert texts == [day and day.isoformat() for day in days]


@settings(deadline=None)
@given(st.lists(st.floats() | st.none(), min_size=1), st.sampled_from(["number", "days", "date", "moment", "duration"]))
def test_no_number_is_lost(numbers: list[float | None], meaning: Any) -> None:
    texts = numbers_text(pl.Series(numbers, dtype=pl.Float64), meaning, "spss").to_list()
    assert [text is None for text in texts] == [number is None or number != number for number in numbers]


# files made here

Write = Callable[[Path, pl.DataFrame], object]
WRITERS: dict[str, Write] = {
    "a.sav": lambda path, frame: pyreadstat.write_sav(frame, path),
    "a.zsav": lambda path, frame: pyreadstat.write_sav(frame, path, compress=True),
    "a.por": lambda path, frame: pyreadstat.write_por(frame, path),
    "a.dta": lambda path, frame: pyreadstat.write_dta(frame, path),
    "a.xpt": lambda path, frame: pyreadstat.write_xport(frame, path, file_format_version=5, table_name="LB"),
}
each_format = pytest.mark.parametrize("name", list(WRITERS))


@each_format
def test_pieces_and_batches(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistical_text, "_CELLS_AT_ONCE", 1)  # 1000 rows at once
    numbers = [None if number % 7 == 0 else number + 0.5 for number in range(2500)]
    texts = [f"t{number % 5}" if number % 5 else "" for number in range(2500)]
    frame = pl.DataFrame({"N": numbers, "S": texts, "EMPTY": pl.Series([None] * 2500, dtype=pl.Float64)})
    WRITERS[name](tmp_path / name, frame)
    ((table, rows),) = read(tmp_path / name, batch_rows=999)
    assert table.problems == [] and table.records == 2500
    assert [row["N"] for row in rows] == [number and str(number) for number in numbers]
    assert [row["S"] for row in rows] == [text or None for text in texts]
    assert {row["EMPTY"] for row in rows} == {None}
    assert table.sheet == ("LB" if name == "a.xpt" else None)


@each_format
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.995])
def test_truncated(tmp_path: Path, name: str, share: float) -> None:
    frame = pl.DataFrame({"N": [number / 7 for number in range(300)], "S": [f"text {n}" for n in range(300)]})
    WRITERS[name](tmp_path / name, frame)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
    ((table, _),) = read(tmp_path / name)
    assert codes(table) == ["FILE-002"]
    assert not table.readable


@needs_readstat
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_truncated_sas_data_set(tmp_path: Path, share: float) -> None:
    whole = (REAL / "readstat" / "sample.sas7bdat").read_bytes()
    (tmp_path / "a.sas7bdat").write_bytes(whole[: int(len(whole) * share)])
    ((table, _),) = read(tmp_path / "a.sas7bdat")
    assert codes(table) == ["FILE-002"]


def transport(path: Path, name: str, frame: pl.DataFrame, version: Literal[5, 8] = 5) -> bytes:
    pyreadstat.write_xport(frame, path, file_format_version=version, table_name=name)
    return path.read_bytes()


@pytest.mark.parametrize("version", [5, 8])
def test_transport_file_with_several_data_sets(tmp_path: Path, version: Literal[5, 8]) -> None:
    path = tmp_path / "a.xpt"
    first = transport(path, "DM", pl.DataFrame({"ID": ["x", "y"], "AGE": [50.0, 61.5]}), version)
    second = transport(path, "LB", pl.DataFrame({"GLUC": [5.5, 6.0, None]}), version)
    third = transport(path, "NONE", pl.DataFrame({"A": pl.Series([], dtype=pl.Float64)}), version)
    path.write_bytes(first + second[240:] + third[240:])
    found = read(path)
    assert [(table.sheet, rows) for table, rows in found] == [
        ("DM", [{"ID": "x", "AGE": "50"}, {"ID": "y", "AGE": "61.5"}]),
        ("LB", [{"GLUC": "5.5"}, {"GLUC": "6"}, {"GLUC": None}]),
        ("NONE", []),
    ]
    assert [codes(table) for table, _ in found] == [[], [], ["FILE-003"]]
    assert [problem.sheet for table, _ in found for problem in table.problems] == ["NONE"]


def test_special_missing_values_of_transport_files(tmp_path: Path) -> None:
    path = tmp_path / "a.xpt"
    content = transport(path, "LB", pl.DataFrame({"A": [1.0, None, None, None, 0.0], "B": [None, 1.0, 1.0, 1.0, 1.0]}))
    missing = b"." + bytes(7)
    one = struct.pack(">Q", 0x4110000000000000)
    assert content.count(missing + one) == 3
    for letter in (b"A", b"_"):
        content = content.replace(missing + one, letter + bytes(7) + one, 1)
    path.write_bytes(content)
    ((_, rows),) = read(path)
    assert [row["A"] for row in rows] == ["1", ".A", "._", None, "0"]


def test_special_missing_values_of_stata(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": pl.Series([1.5, "a", "z", None], dtype=pl.Object)})
    pyreadstat.write_dta(frame, tmp_path / "a.dta", missing_user_values={"a": ["a", "z"]})
    ((_, rows),) = read(tmp_path / "a.dta")
    assert [row["a"] for row in rows] == ["1.5", ".a", ".z", None]


def test_transport_text_in_utf8(tmp_path: Path) -> None:
    transport(tmp_path / "a.xpt", "DM", pl.DataFrame({"S": ["µg/L", "ø  ", "  x"]}))
    ((table, rows),) = read(tmp_path / "a.xpt")
    assert table.problems == []
    assert [row["S"] for row in rows] == ["µg/L", "ø", "  x"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.xpt", b"a,b\n1,2\n", "not a SAS transport file"),
        ("a.xpt", b"**COMPRESSED** **COMPRESSED** **COMPRESSED**", "PROC CPORT"),
        ("a.xpt", b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!".ljust(240), "holds no data set"),
        (
            "a.xpt",
            b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!".ljust(240)
            + b"HEADER RECORD*******MEMBER ".ljust(80, b"x"),
            "damaged",
        ),
        ("a.sav", b"a,b\n1,2\n", "not an SPSS file (.sav)"),
        ("a.dta", b"%PDF-1.4", "the file is a PDF, not a Stata file (.dta)"),
        ("a.sas7bdat", b"PK\x03\x04", "not a SAS data set"),
        ("a.por", b"<html>", "web page"),
        ("a.por", b"a,b\n1,2\n", "damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "content",
)
def test_what_the_file_really_is(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    ((table, _),) = read(tmp_path / name)
    assert codes(table) == ["FILE-002"]
    assert words in told(table)
    assert str(tmp_path) not in told(table)


@each_format
def test_empty_files(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    ((table, _),) = read(tmp_path / name)
    assert codes(table) == ["FILE-001"]


def test_limit_of_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistical_text, "MAX_COLUMNS", 1)
    WRITERS["a.sav"](tmp_path / "a.sav", pl.DataFrame({"A": [1.0], "B": [1.0]}))
    ((table, _),) = read(tmp_path / "a.sav")
    assert "1 is the limit" in told(table)
