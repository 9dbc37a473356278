"""REDCap: the data dictionary made from the definitions, and exports read with their dictionary."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import anakinra_t2d as trial
from anakinra_t2d.cli.export import export
from anakinra_t2d.forms.field_help import subject_field
from anakinra_t2d.forms.redcap_dictionary import (
    COLUMNS,
    dictionary_text,
    instruments,
    is_repeating,
    redcap_dictionary,
    redcap_files,
    variable_name,
)
from anakinra_t2d.reading.cells import TextTable
from anakinra_t2d.reading.discover import SourceFile
from anakinra_t2d.reading.options import ReadOptions
from anakinra_t2d.reading.redcap import RedcapTable, looks_like_export, redcap_tables
from anakinra_t2d.reading.redcap_dictionary import is_dictionary
from anakinra_t2d.simulation.make import tables as simulated
from anakinra_t2d.simulation.write import as_text

FOUND = trial.definitions()
REAL = Path(__file__).parents[2] / "shared" / "real" / "redcap"
NAME, FORM, LOGIC = "Variable / Field Name", "Form Name", "Branching Logic (Show field only if...)"
Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    return redcap_dictionary(FOUND)


@pytest.fixture(scope="module")
def synthetic() -> dict[str, pl.DataFrame]:
    return simulated(16, 7)


def source(path: Path) -> SourceFile:
    return SourceFile(None, path, path.name, "csv")


class TestDictionary:
    def test_every_field_of_a_subjects_tables_is_a_variable(self, rows: Rows) -> None:
        every = [*rows, *redcap_dictionary(FOUND, restricted=True)]
        wanted = {
            f"{table.name}.{name}"
            for table in FOUND.tables.values()
            for name in table.fields
            if table.role != "lineage" and subject_field(table, FOUND) not in (None, name)
        } | {"subjects.subject_id", "randomisation.subject_id"}
        assert {row["Field Annotation"].partition(". ")[0] for row in every} == wanted
        assert list(rows[0]) == COLUMNS
        assert rows[0][NAME] == "subject_id"
        assert len(COLUMNS) == 18

    def test_names_are_what_redcap_takes(self, rows: Rows) -> None:
        for project in (rows, redcap_dictionary(FOUND, restricted=True)):
            names = [row[NAME] for row in project]
            assert len(set(names)) == len(names)
            assert all(re.fullmatch(r"[a-z](?:_?[a-z0-9])*", name) and len(name) <= 100 for name in names)
            assert not {f"{row[FORM]}_complete" for row in project} & set(names)
            order = list(dict.fromkeys(row[FORM] for row in project))
            assert [row[FORM] for row in project] == sorted((row[FORM] for row in project), key=order.index)

    def test_what_can_reveal_the_arm_is_a_project_of_its_own(self, rows: Rows) -> None:
        forms = {row[FORM] for row in rows}
        apart = {row[FORM] for row in redcap_dictionary(FOUND, restricted=True)}
        assert forms == {table.name for table in instruments(FOUND)}
        assert apart == {table.name for table in FOUND.tables.values() if table.restricted}
        assert not forms & apart

    def test_choices_ranges_types_and_units_are_those_of_the_definitions(self, rows: Rows) -> None:
        seen = Counter[str]()
        for row in rows:
            table, name = row["Field Annotation"].partition(". ")[0].split(".")
            field = FOUND.tables[table].fields[name]
            validation = row["Text Validation Type OR Show Slider Number"]
            codes = FOUND.terms(field) or (["true", "false"] if field.type == "boolean" else [])
            choices = row["Choices, Calculations, OR Slider Labels"]
            assert [choice.partition(", ")[0] for choice in choices.split(" | ") if choice] == codes
            assert row["Field Type"] == ("dropdown" if codes else "text")
            kinds = {"integer": "integer", "number": "number", "date": "date_ymd", "datetime": "datetime_ymd"}
            assert validation == kinds.get(field.type, validation)
            low, high = field.range or (None, None)
            assert row["Text Validation Min"] == ("" if low is None else str(low))
            assert row["Text Validation Max"] == ("" if high is None else str(high))
            assert FOUND.unit(field) is None or f"Unit: {FOUND.unit(field)}" in row["Field Note"]
            assert (row["Identifier?"] == "y") == (field.identifying == "direct")
            assert (row["Required Field?"] == "y") == (field.required == "always")
            seen[validation] += 1
        assert set(seen) == {"", "integer", "number", "date_ymd", "datetime_ymd", "time"}

    def test_the_header_is_that_of_redcap_and_is_recognised(self) -> None:
        header = next(csv.reader(io.StringIO(dictionary_text(FOUND))))
        assert header == COLUMNS
        assert is_dictionary(header)
        assert not is_dictionary(list(FOUND.tables["vitals"].fields))

    def test_the_archive_lists_what_repeats(self) -> None:
        files = redcap_files(FOUND)
        names = {"README.txt", "dictionary.csv", "repeating_instruments.csv"}
        assert set(files) == names | {"restricted/dictionary.csv", "restricted/repeating_instruments.csv"}
        listed = [row["form_name"] for row in csv.DictReader(io.StringIO(files["repeating_instruments.csv"]))]
        assert listed == [table.name for table in instruments(FOUND) if is_repeating(table)]
        assert set(listed) == {row[FORM] for row in redcap_dictionary(FOUND)} - {"subjects", "medical_history"}
        assert all(name in files["README.txt"] for name in listed)

    def test_the_command_writes_both_forms(self, tmp_path: Path) -> None:
        for name in ("p.csv", "p.zip"):
            assert CliRunner().invoke(export, ["redcap", "--out", str(tmp_path / name)]).exit_code == 0
        with zipfile.ZipFile(tmp_path / "p.zip") as archive:
            assert {name: archive.read(name).decode() for name in archive.namelist()} == redcap_files(FOUND)
            assert archive.read("dictionary.csv") == (tmp_path / "p.csv").read_bytes()


class TestBranching:
    def shown(self, logic: str, values: Mapping[str, object]) -> bool:
        """REDCap's reading of the logic: an empty field is an empty text."""
        text = re.sub(r"\[([a-z0-9_]+)\]", lambda match: repr(self.text(values[match[1]])), logic)
        return bool(eval(text.replace("<>", "!=").replace(" = ", " == ")))

    def text(self, value: object) -> str:
        return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)

    def test_no_value_that_the_schema_asks_for_is_hidden(self, rows: Rows) -> None:
        logics = {row[NAME]: row[LOGIC] for row in rows if row[LOGIC]}
        assert len(logics) > 10
        for table in instruments(FOUND):
            for field in table.fields.values():
                if (logic := logics.get(variable_name(table, field.name))) is None:
                    continue
                assert field.required_when
                for states in self.states(table.name, logic):
                    frame = pl.DataFrame({name: [value] for name, value in states.items()})
                    others = [pl.lit(None).alias(name) for name in table.fields if name not in states]
                    asked = frame.with_columns(others).select(pl.sql_expr(field.required_when)).item()
                    values = {variable_name(table, name): value for name, value in states.items()}
                    assert self.shown(logic, values) or not asked, (table.name, field.name, states)

    def states(self, table: str, logic: str) -> Iterable[dict[str, Any]]:
        """Every code of the fields that a logic reads, an empty cell included; one field in all of today's logics."""
        names = {match.removeprefix(f"{table}_") for match in re.findall(r"\[([a-z0-9_]+)\]", logic)}
        (name,) = names
        field = FOUND.tables[table].fields[name]
        codes: Sequence[object] = FOUND.terms(field) or [True, False]
        return [{name: code} for code in [*codes, None]]

    def test_no_value_of_the_synthetic_trial_is_hidden(self, rows: Rows, synthetic: dict[str, pl.DataFrame]) -> None:
        logics = {row[NAME]: row[LOGIC] for row in rows if row[LOGIC]}
        looked = 0
        for table in instruments(FOUND):
            for record in synthetic[table.name].iter_rows(named=True):
                values = {variable_name(table, name): value for name, value in record.items()}
                for name, value in values.items():
                    if value is not None and name in logics:
                        looked += 1
                        assert self.shown(logics[name], values), (name, logics[name])
        assert looked > 200

    def test_fields_do_not_hide_each_other(self, rows: Rows) -> None:
        reads = {row[NAME]: set(re.findall(r"\[([a-z0-9_]+)\]", row[LOGIC])) for row in rows}
        assert all(name in reads for names in reads.values() for name in names)
        for start, names in reads.items():
            reached = set(names)
            while more := {each for name in reached for each in reads[name]} - reached:
                reached |= more
            assert start not in reached

    def test_what_is_not_translated_is_said(self, rows: Rows) -> None:
        for row in rows:
            table, name = row["Field Annotation"].partition(". ")[0].split(".")
            condition = FOUND.tables[table].fields[name].required_when
            if condition and name != "subject_id":
                assert f"required when {condition}" in row["Field Annotation"]
                assert ("always shown" in row["Field Annotation"]) == (not row[LOGIC])


def redcap_cell(field_type: str, text: str | None) -> str:
    """A canonical cell as REDCap exports it."""
    if text is None:
        return ""
    return text[:16].replace("T", " ") if field_type == "datetime" else text


def write_export(path: Path, tables: Mapping[str, pl.DataFrame], *, restricted: bool) -> dict[str, pl.DataFrame]:
    """Write a REDCap export of a trial; returns the canonical text of each table."""
    forms = instruments(FOUND, restricted=restricted)
    id_name = "subject_id"
    header = [id_name, "redcap_repeat_instrument", "redcap_repeat_instance"]
    for table in forms:
        header += [variable_name(table, name) for name in table.fields if name != id_name]
        header.append(f"{table.name}_complete")
    single: dict[str, dict[str, str]] = {}
    repeated: dict[str, Rows] = {}
    canonical: dict[str, pl.DataFrame] = {}
    for table in forms:
        frame = as_text(table.name, tables[table.name])
        frame = frame.with_columns(pl.selectors.datetime().dt.strftime("%Y-%m-%dT%H:%M")).cast(pl.String)
        canonical[table.name] = frame
        instances = Counter[str]()
        for record in frame.iter_rows(named=True):
            subject = str(record[id_name])
            cells = {
                variable_name(table, name): redcap_cell(table.fields[name].type, text)
                for name, text in record.items()
                if name != id_name
            } | {f"{table.name}_complete": "2"}
            if is_repeating(table):
                instances[subject] += 1
                place = {"redcap_repeat_instrument": table.name, "redcap_repeat_instance": str(instances[subject])}
                repeated.setdefault(subject, []).append({id_name: subject, **place, **cells})
            else:
                single.setdefault(subject, {id_name: subject}).update(cells)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header, restval="", lineterminator="\n")
        writer.writeheader()
        for subject in sorted({*single, *repeated}):
            if subject in single:
                writer.writerow(single[subject])
            writer.writerows(repeated.get(subject, []))
    return canonical


def cells_of(table: TextTable) -> pl.DataFrame:
    """All records with their rows; fails when the table has a problem."""
    batches = [batch.cells.with_columns(batch.row_numbers().alias("row")) for batch in table]
    assert table.problems == []
    assert table.readable
    return pl.concat(batches) if batches else pl.DataFrame(schema=dict.fromkeys([*table.header, "row"], pl.String))


class TestRoundTrip:
    @pytest.mark.parametrize("restricted", [False, True])
    def test_the_cells_of_a_trial_come_back(
        self, restricted: bool, synthetic: dict[str, pl.DataFrame], tmp_path: Path
    ) -> None:
        (tmp_path / "dictionary.csv").write_text(dictionary_text(FOUND, restricted=restricted), encoding="utf-8")
        sent = write_export(tmp_path / "export.csv", synthetic, restricted=restricted)
        tables = redcap_tables(source(tmp_path / "export.csv"), source(tmp_path / "dictionary.csv"), None, 1000)
        assert {table.sheet for table in tables} == set(sent)
        lines = (tmp_path / "export.csv").read_text(encoding="utf-8").splitlines()
        for table in tables:
            assert isinstance(table, RedcapTable)
            assert table.sheet
            names = list(FOUND.tables[table.sheet].fields)
            assert [name for name in table.header if name not in table.technical] == names
            read = cells_of(table)
            assert table.records == read.height == sent[table.sheet].height
            key = FOUND.tables[table.sheet].key
            wanted = sent[table.sheet].select(names).sort(key)
            assert read.select(names).cast(pl.String).sort(key).equals(wanted, null_equal=True), table.sheet
            for subject, row in read.select("subject_id", "row").iter_rows():
                assert lines[int(row) - 1].startswith(f"{subject},")

    def test_a_project_is_converted_without_a_profile(self, synthetic: dict[str, pl.DataFrame], tmp_path: Path) -> None:
        sent = tmp_path / "sent"
        exported: list[str] = []
        for folder, restricted in ((sent, False), (sent / "restricted", True)):
            folder.mkdir()
            (folder / "dictionary.csv").write_text(dictionary_text(FOUND, restricted=restricted), encoding="utf-8")
            exported += write_export(folder / "export.csv", synthetic, restricted=restricted)
        outcome = trial.convert(sent, out=tmp_path / "out")
        # the tables that belong to no subject are no part of a project
        assert {f.code for f in outcome.findings if f.severity == "error" and not f.code.startswith("REF")} == set()
        out = trial.read(tmp_path / "out")
        for name in exported:
            wanted = synthetic[name].sort(FOUND.tables[name].key)
            dates = pl.selectors.datetime().dt.truncate("1m")  # a project holds minutes
            read = out[name].sort(FOUND.tables[name].key).cast(dict(wanted.schema))  # type: ignore[arg-type]
            assert_frame_equal(read.with_columns(dates), wanted.with_columns(dates), check_exact=True)
        (sent / "dictionary.csv").unlink()
        alone = trial.validate(sent)
        assert any("send its data dictionary" in finding.message for finding in alone.findings)

    def test_labels_of_codes_come_from_the_dictionary(self, synthetic: dict[str, pl.DataFrame], tmp_path: Path) -> None:
        (tmp_path / "dictionary.csv").write_text(dictionary_text(FOUND), encoding="utf-8")
        write_export(tmp_path / "export.csv", synthetic, restricted=False)
        tables = redcap_tables(source(tmp_path / "export.csv"), source(tmp_path / "dictionary.csv"))
        (subjects,) = [table for table in tables if table.sheet == "subjects"]
        assert isinstance(subjects, RedcapTable)
        assert list(subjects.labels["sex"]) == FOUND.codelists["sex"].codes
        assert subjects.labels["treated"] == {"true": "yes", "false": "no"}
        assert subjects.decimal["diabetes_duration_yr"] == "."


DICTIONARY = """\
field_name,form_name,section_header,field_type,field_label,select_choices_or_calculations,field_note,\
text_validation_type_or_show_slider_number
record_id,first,,text,Id,,,
a,first,,text,A,,,
box,first,,checkbox,Box,"1, one | -2, minus two",,
note,first,,descriptive,Read this,,,
bp_sys,bp,,text,Systolic,,,number_1dp_comma_decimal
bp_at,bp,,text,At,,,datetime_seconds_dmy
other,other,,yesno,Other,,,
"""


def made(folder: Path, text: str, dictionary: str = DICTIONARY, options: ReadOptions | None = None) -> list[TextTable]:
    """Tables of an export with this text."""
    (folder / "dictionary.csv").write_text(dictionary, encoding="utf-8")
    (folder / "export.csv").write_text(text, encoding="utf-8")
    return redcap_tables(source(folder / "export.csv"), source(folder / "dictionary.csv"), options)


def read(tables: Sequence[TextTable]) -> dict[str | None, list[tuple[object, ...]]]:
    """Records of each form, each with its row in front."""
    return {
        table.sheet: [
            (row, *cells)
            for batch in table
            for row, cells in zip(batch.row_numbers(), batch.cells.iter_rows(), strict=True)
        ]
        for table in tables
    }


def said(tables: Sequence[TextTable]) -> list[tuple[str, int | None, str | None]]:
    return [(problem.code, problem.row, problem.column) for table in tables for problem in table.problems]


class TestForms:
    def test_a_row_belongs_to_each_form_with_an_entry_or_to_its_instrument(self, tmp_path: Path) -> None:
        tables = made(
            tmp_path,
            "record_id,redcap_repeat_instrument,redcap_repeat_instance,a,bp_sys,bp_at,other,first_complete\n"
            '1,,,x,,,1,2\n1,bp,1,,"120,5",2004-03-01 08:05:09,,\n1,bp,2,,,,,\n2,,,,,,0,0\n',
        )
        assert read(tables) == {
            "first": [(2, "1", None, "x")],
            "bp": [(3, "1", "1", "120,5", "2004-03-01T08:05:09"), (4, "1", "2", None, None)],
            "other": [(2, "1", None, "1"), (5, "2", None, "0")],
        }
        assert said(tables) == []
        first, bp, other = tables
        assert isinstance(first, RedcapTable)
        assert isinstance(bp, RedcapTable)
        assert isinstance(other, RedcapTable)
        assert bp.header == ["record_id", "redcap_repeat_instance", "sys", "at"]
        assert bp.technical == ("redcap_repeat_instance",)
        assert bp.decimal == {"sys": ","}
        assert other.labels == {"other": {"1": "Yes", "0": "No"}}

    def test_a_box_that_nobody_saw_is_no_entry(self, tmp_path: Path) -> None:
        tables = made(
            tmp_path,
            "record_id,a,box___1,box____2,first_complete,other\n"
            "1,,0,0,0,1\n2,,0,1,0,\n3,,0,0,2,\n4,,0,0,,1\n5,y,0,0,,\n",
        )
        found = read(tables)
        assert [row for row, *_ in found["first"]] == [3, 4, 6]
        assert found["first"][0] == (3, "2", None, "0", "1")
        first = tables[0]
        assert isinstance(first, RedcapTable)
        assert first.labels == {"box___1": {"1": "one"}, "box____2": {"1": "minus two"}}
        assert said(tables) == []

    def test_a_record_without_any_entry_is_reported(self, tmp_path: Path) -> None:
        tables = made(tmp_path, "record_id,a,other,other_complete\n1,x,,\n2,,,0\n3,,1,\n")
        assert {sheet: len(rows) for sheet, rows in read(tables).items()} == {"first": 1, "other": 1}
        assert said(tables) == [("ROW-003", 3, None)]

    def test_words_for_an_empty_cell_are_no_entry(self, tmp_path: Path) -> None:
        text = "record_id,a,other\n1,x,NA\n2,NA,1\n"
        assert {len(rows) for rows in read(made(tmp_path, text)).values()} == {2}
        assert {len(rows) for rows in read(made(tmp_path, text, options=ReadOptions(missing=("NA",)))).values()} == {1}

    def test_an_unknown_column_is_reported_once(self, tmp_path: Path) -> None:
        tables = made(tmp_path, "record_id,a,other,gone,first_complete,gone_complete\n1,x,1,q,2,2\n")
        read(tables)
        assert said(tables) == [("HEAD-003", 1, "gone"), ("HEAD-003", 1, "gone_complete")]

    def test_a_row_of_an_unknown_form_is_rejected_and_reported(self, tmp_path: Path) -> None:
        tables = made(tmp_path, "record_id,redcap_repeat_instrument,a,bp_sys\n1,,x,\n1,visit,,3\n1,BP ,,4\n")
        found = read(tables)
        assert found["bp"] == [(4, "1", "4")]
        assert said(tables) == [("ROW-004", 3, "redcap_repeat_instrument")]
        assert [(row.row, row.code, row.cells) for row in tables[0].rejected] == [
            (3, "ROW-004", ["1", "visit", "", "3"])
        ]
        assert tables[0].records == 2

    def test_an_entry_under_the_instrument_of_another_form_is_reported(self, tmp_path: Path) -> None:
        tables = made(tmp_path, "record_id,redcap_repeat_instrument,a,bp_sys\n1,bp,lost,3\n")
        assert read(tables)["first"] == []
        ((code, row, _),) = said(tables)
        assert (code, row) == ("ROW-004", 2)
        assert "first" in tables[0].problems[0].details["found"]
        assert "lost" not in str(tables[0].problems)

    def test_the_name_of_the_form_goes_only_when_every_field_has_it(self, tmp_path: Path) -> None:
        one_without = DICTIONARY + "pulse,bp,,text,Pulse,,,integer\n"
        tables = made(tmp_path, "record_id,bp_sys,pulse\n1,3,70\n", one_without)
        assert tables[0].header == ["record_id", "bp_sys", "pulse"]
        twice = DICTIONARY + "bp_record_id,bp,,text,Again,,,\n"
        assert made(tmp_path, "record_id,bp_sys\n1,3\n", twice)[0].header == ["record_id", "bp_sys"]

    def test_doubled_columns_stay_doubled(self, tmp_path: Path) -> None:
        tables = made(tmp_path, "record_id,a,a,other\n1,x,y,1\n")
        found = read(tables)
        assert tables[0].header == ["record_id", "a", "a"]
        assert found["other"] == [(2, "1", "1")]

    def test_ragged_rows_are_reported_once(self, tmp_path: Path) -> None:
        tables = made(tmp_path, "record_id,a,other\n1,x,1\n2,y\n3,z,0\n")
        assert {sheet: len(rows) for sheet, rows in read(tables).items()} == {"first": 2, "other": 2}
        assert said(tables) == [("ROW-001", 3, None)]
        assert [len(table.rejected) for table in tables] == [1, 0]
        assert [table.records for table in tables] == [3, 2]

    def test_an_export_without_rows_is_one_warning(self, tmp_path: Path) -> None:
        tables = made(tmp_path, "record_id,a,bp_sys,other\n")
        assert all(rows == [] for rows in read(tables).values())
        assert said(tables) == [("FILE-003", None, None)]

    @settings(max_examples=40, deadline=None)
    @given(
        rows=st.lists(
            st.tuples(
                st.sampled_from(["", "first", "bp", "other", "Other", "unknown"]),
                st.lists(st.sampled_from(["", "0", "1", "x", " "]), min_size=4, max_size=4),
            ),
            max_size=6,
        ),
        batch_rows=st.integers(1, 4),
    )
    def test_every_cell_is_read_once_or_reported(
        self, rows: list[tuple[str, list[str]]], batch_rows: int, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        folder = tmp_path_factory.mktemp("redcap")
        (folder / "dictionary.csv").write_text(DICTIONARY, encoding="utf-8")
        names = ["a", "bp_sys", "bp_at", "other"]
        with (folder / "export.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["record_id", "redcap_repeat_instrument", *names])
            writer.writerows([str(number), instrument, *cells] for number, (instrument, cells) in enumerate(rows, 1))
        tables = redcap_tables(source(folder / "export.csv"), source(folder / "dictionary.csv"), None, batch_rows)
        read_cells = Counter[tuple[int, str]]()
        for table in tables:
            for batch in table:
                for row, record in zip(batch.row_numbers(), batch.cells.iter_rows(named=True), strict=True):
                    for name, text in record.items():
                        if text and text.strip() and name != "record_id":
                            read_cells[row, f"bp_{name}" if table.sheet == "bp" else name] += 1
        reported = {problem.row for table in tables for problem in table.problems if problem.code != "ROW-003"}
        for row, (_, cells) in enumerate(rows, 2):
            for name, text in zip(names, cells, strict=True):
                times = read_cells[row, name]
                assert times == 1 or (not text.strip() and times == 0) or (row in reported and times == 0)


class TestFilesThatCannotBeRead:
    def sentence(self, tables: list[TextTable]) -> str:
        (table,) = tables
        assert [*table] == []
        assert not table.readable
        (problem,) = table.problems
        assert problem.code == "FILE-002"
        return problem.details["problem"]

    def test_an_export_of_labels(self, tmp_path: Path) -> None:
        assert "raw data" in self.sentence(made(tmp_path, "Id,A,Other\n1,x,Yes\n"))

    def test_the_dictionary_of_another_project(self, tmp_path: Path) -> None:
        assert "dictionary.csv" in self.sentence(made(tmp_path, "record_id,q,r\n1,x,Yes\n"))

    def test_a_dictionary_without_fields(self, tmp_path: Path) -> None:
        header = DICTIONARY.splitlines()[0]
        assert "names no field" in self.sentence(made(tmp_path, "record_id,a\n1,x\n", header + "\n"))

    def test_a_file_that_is_no_dictionary(self, tmp_path: Path) -> None:
        assert "names no field" in self.sentence(made(tmp_path, "record_id,a\n1,x\n", "x,y\n1,2\n"))

    def test_files_that_are_no_text(self, tmp_path: Path) -> None:
        made(tmp_path, "record_id,a\n1,x\n")
        (tmp_path / "nothing.csv").write_bytes(b"")
        (tmp_path / "book.csv").write_bytes(b"PK\x03\x04" + bytes(100))
        good, dictionary = source(tmp_path / "export.csv"), source(tmp_path / "dictionary.csv")
        for bad in ("nothing.csv", "book.csv", "absent.csv"):
            for tables in (
                redcap_tables(source(tmp_path / bad), dictionary),
                redcap_tables(good, source(tmp_path / bad)),
            ):
                assert [[*table] for table in tables] == [[]]
                assert [(problem.code[:5], problem.file) for problem in tables[0].problems] == [("FILE-", bad)]


class TestRecognition:
    def test_exports_are_told_from_canonical_files(self) -> None:
        assert looks_like_export(["study_id", "redcap_event_name", "a"])
        assert looks_like_export(["", "record_id", "a", "form_complete"])
        for table in FOUND.tables.values():
            assert not looks_like_export(list(table.fields))


needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the third-party REDCap files are not here")
PAIRS = [
    ("clinical-trial-1", "dictionary.csv"),
    ("decimal-comma-and-dot", "dictionary.csv"),
    ("decimal-comma-and-dot", "metadata.csv"),
    ("decimal-comma", "dictionay.csv"),
    ("longitudinal", "dictionary.csv"),
    ("repeating-instruments", "dictionary.csv"),
    ("simple", "dictionary.csv"),
    ("simple", "metadata.csv"),
]


def account(export_path: Path, tables: Sequence[TextTable], missing: Sequence[str] = ()) -> None:
    """Every cell that is filled in stands in exactly one form, is REDCap's own, or is reported."""
    with export_path.open(encoding="utf-8", newline="") as file:
        sent = list(csv.reader(file))
    header = sent[0]
    lines = _first_lines(export_path)
    got = Counter[tuple[int, str, str]]()
    for table in tables:
        for batch in table:
            for row, cells in zip(batch.row_numbers(), batch.cells.iter_rows(named=True), strict=True):
                got.update((row, name, text) for name, text in cells.items() if text is not None)
    reported = {problem.column for table in tables for problem in table.problems if problem.code == "HEAD-003"}
    shared = {tables[0].header[0], "redcap_event_name", "redcap_repeat_instance"}
    left = Counter({entry: times for entry, times in got.items() if entry[1] not in shared})
    for line, record in zip(lines, sent[1:], strict=True):
        for name, text in zip(header, record, strict=True):
            own = name in shared or name == "redcap_repeat_instrument" or name.endswith("_complete")
            unseen = "___" in name and text == "0"
            if text and text not in missing and not own and name not in reported:
                times = left.pop((line, name, text), 0)
                assert times == 1 or (unseen and times == 0), (line, name)
    assert not [entry for entry in left if entry[2] not in missing]


def _first_lines(path: Path) -> list[int]:
    """The line where each record starts."""
    lines, number = [], 1
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        for _ in reader:
            lines.append(number)
            number = reader.line_num + 1
    return lines[1:]


@needs_real
class TestRealExports:
    @pytest.mark.parametrize(("folder", "dictionary"), PAIRS)
    def test_every_cell_is_accounted_for(self, folder: str, dictionary: str) -> None:
        export_path = REAL / folder / "data.csv"
        tables = redcap_tables(source(export_path), source(REAL / folder / dictionary), None, 3)
        account(export_path, tables)
        assert {code for code, _, _ in said(tables)} <= {"ROW-003"}

    def test_decimal_marks_are_those_of_the_dictionary(self) -> None:
        folder = REAL / "decimal-comma-and-dot"
        (table,) = redcap_tables(source(folder / "data.csv"), source(folder / "dictionary.csv"))
        assert isinstance(table, RedcapTable)
        assert table.decimal == {
            "height_dot": ".",
            "height_comma": ",",
            "weight_dot": ".",
            "weight_comma": ",",
            "bmi": ".",
            "bmi_comma": ".",
        }

    def test_forms_of_a_longitudinal_project(self) -> None:
        folder = REAL / "longitudinal"
        tables = redcap_tables(source(folder / "data.csv"), source(folder / "dictionary.csv"))
        counts = {table.sheet: sum(batch.cells.height for batch in table) for table in tables}
        assert counts["demographics"] == 3
        assert counts["contact_info"] == 0
        assert all(table.header[:2] == ["study_id", "redcap_event_name"] for table in tables)
        assert [code for code, _, _ in said(tables)] == ["ROW-003"] * 2

    def test_instances_of_a_repeating_instrument(self) -> None:
        folder = REAL / "repeating-instruments"
        demographics, bp = redcap_tables(source(folder / "data.csv"), source(folder / "dictionary.csv"))
        assert [row[:2] for row in read([demographics])["demographics"]] == [(2, "1"), (6, "2")]
        assert [row[2] for row in read([bp])["bp"]] == ["1", "2", "3", "1"]

    def test_an_export_that_passed_through_r(self, tmp_path: Path) -> None:
        path = REAL / "russian" / "data.csv"
        with path.open(encoding="utf-8", newline="") as file:
            header = next(csv.reader(file))
        assert looks_like_export(header)
        assert not is_dictionary(header)
        lines = ["field_name,form_name,field_type"]
        waiting: list[str] = []
        for name in header[1:]:
            if name.endswith("_complete"):
                form = name.removesuffix("_complete")
                types = {each.partition("___")[0]: "checkbox" if "___" in each else "text" for each in waiting}
                lines += [f"{each},{form},{kind}" for each, kind in types.items()]
                waiting = []
            else:
                waiting.append(name)
        (tmp_path / "dictionary.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        options = ReadOptions(missing=("NA",))
        tables = redcap_tables(source(path), source(tmp_path / "dictionary.csv"), options)
        account(path, tables, ["NA"])
        unknown = [(code, column) for code, _, column in said(tables) if code == "HEAD-003"]
        assert unknown == [("HEAD-003", column) for column in ["", *waiting]]
