"""Synthetic trials in the layout of a site: each cell says what the canonical table says, and nothing is lost."""

from __future__ import annotations

import csv
import filecmp
import json
import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pyreadstat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anakinra_t2d.schema import Definitions, Profile, definitions
from anakinra_t2d.simulation import simulate, tables
from anakinra_t2d.simulation.layouts import (
    Cell,
    SentFile,
    SentSheet,
    canonical_texts,
    deliver,
    records_of_site,
    render,
)
from anakinra_t2d.simulation.layouts.moments import moment_text
from anakinra_t2d.simulation.layouts.write import write_file
from site_reader import Record, SiteReader, Tables, sheets_in_memory, sheets_on_disk, shortest

PATIENTS, SEED = 16, 7
SITES = {"denmark": "DK01", "zurich": "CH01"}


@cache
def found() -> Definitions:
    return definitions()


@cache
def typed() -> dict[str, pl.DataFrame]:
    return tables(PATIENTS, SEED)


@cache
def canonical() -> dict[str, pl.DataFrame]:
    return {name: canonical_texts(name, frame, found()) for name, frame in typed().items()}


def expected(name: str, frame: pl.DataFrame) -> dict[tuple[str, ...], Record]:
    """A canonical table as the independent reader gives it."""
    table = found().tables[name]
    records = {}
    for row in frame.iter_rows(named=True):
        record = {field: text for field, text in row.items() if text is not None}
        for field, text in record.items():
            if table.fields[field].type in ("number", "integer"):
                record[field] = shortest(text)
        records[tuple(record[field] for field in table.key)] = record
    return records


def with_flags(read: Tables) -> Tables:
    """Flags in cells as rows of the side table, which is how the canonical form says them; texts as sent left out."""
    result: Tables = {"result_flags": dict(read.get("result_flags", {}))}
    for name, records in read.items():
        if name == "result_flags":
            continue
        key = found().tables[name].key
        result[name] = {}
        for at, record in records.items():
            result[name][at] = {field: text for field, text in record.items() if ":" not in field}
            for field in [field for field in record if field.endswith(":status")]:
                status = {"<": "below_limit", ">": "above_limit"}.get(record[field], record[field])
                where = "|".join(f"{part}={record[part]}" for part in key)
                flag = {"table": name, "record_key": where, "field": field.removesuffix(":status")}
                limit = record.get(field.replace(":status", ":limit"))
                flag |= {"result_status": status} | ({"limit_value": limit} if limit else {})
                result["result_flags"][tuple(flag[part] for part in ("table", "record_key", "field"))] = flag
    for flag in result["result_flags"].values():
        flag.pop("value_raw", None)
    return {name: records for name, records in result.items() if records}


def canonical_records(frames: dict[str, pl.DataFrame]) -> Tables:
    frames = {name: frame for name, frame in frames.items() if frame.height}
    return with_flags({name: expected(name, frame) for name, frame in frames.items()})


def profile_of(**parts: Any) -> Profile:
    """A profile from its parts, read as strictly as a file."""
    return Profile.model_validate_json(json.dumps({"title": "A clinic", "sheets": [], **parts}))


def frame_of(name: str, *rows: dict[str, str]) -> dict[str, pl.DataFrame]:
    """Canonical texts of one table; fields that no row has are left out."""
    fields = [field for field in found().tables[name].fields if any(field in row for row in rows)]
    return {name: pl.DataFrame(rows, schema=dict.fromkeys(fields, pl.String))}


def laid_out(profile: Profile, frames: dict[str, pl.DataFrame]) -> SentSheet:
    """The only sheet of a layout."""
    (file,) = render(profile, frames, found())
    (sheet,) = file.sheets
    return sheet


def one_table(table: str, fields: dict[str, Any], file: str = "x.csv", **more: Any) -> dict[str, Any]:
    """The part of a profile that describes one sheet with one table."""
    layout = {"table": table, "same_names": False, "fields": fields}
    sheet = {"files": file, "tables": [layout | more.pop("layout", {})]}
    return {"sheets": [sheet | more.pop("sheet", {})], **more}


SUBJECT = {"subject_id": "DK01-007"}
WHO: dict[str, Any] = {"subject_id": "Pat"}
VITALS = {"subject_id": "DK01-007", "visit": "baseline", "visit_seq": "1"}
LABS = VITALS
VISIT_KEYS: dict[str, Any] = {"subject_id": "Pat", "visit": "Visit", "visit_seq": "No"}


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What each site sends of one trial."""
    folders = {name: tmp_path_factory.mktemp(name) for name in SITES}
    for name, folder in folders.items():
        rows = deliver(typed(), found().profiles[name], found(), folder)
        own = records_of_site(canonical(), SITES[name], found())
        assert rows == {table: frame.height for table, frame in own.items()}
    return folders


def read_delivery(name: str, folder: Path) -> Tables:
    profile = found().profiles[name]
    reader = SiteReader(profile, found())
    return with_flags(reader.read(sheets_on_disk(folder, profile.encoding, profile.delimiter)))


class TestWholeTrial:
    """What the independent reader finds is the canonical trial, value for value."""

    @pytest.mark.parametrize("name", SITES)
    def test_a_site_sends_its_records_and_all_of_them(self, delivered: dict[str, Path], name: str) -> None:
        read = read_delivery(name, delivered[name])
        wanted = canonical_records(records_of_site(canonical(), SITES[name], found()))
        assert set(read) == set(wanted)
        for table, records in wanted.items():
            assert read[table] == records, table

    def test_both_sites_together_are_the_canonical_trial(self, delivered: dict[str, Path]) -> None:
        parts = [read_delivery(name, delivered[name]) for name in SITES]
        wanted = canonical_records(canonical())
        for table, records in wanted.items():
            if table == "submission":
                continue  # each delivery is a submission of its own
            together = {key: record for part in parts for key, record in part.get(table, {}).items()}
            assert together == records, table
            assert sum(len(part.get(table, {})) for part in parts) == len(records), table

    def test_submissions_name_their_site(self, delivered: dict[str, Path]) -> None:
        for name, site in SITES.items():
            ((identifier,),) = read_delivery(name, delivered[name])["submission"]
            assert identifier == f"SYNTHETIC-{PATIENTS}-{SEED}-{site}"

    def test_flags_stand_in_the_cells(self, delivered: dict[str, Path]) -> None:
        for name in SITES:
            sheets = {sheet for _, sheet, _ in sheets_on_disk(delivered[name], "cp1252", ";")}
            assert "Bemærkninger" not in sheets
            assert not list(delivered[name].glob("*befundstatus*"))
        assert canonical()["result_flags"].height > 0

    def test_the_same_seed_gives_the_same_bytes(self, delivered: dict[str, Path], tmp_path: Path) -> None:
        # another process at another time: nothing of either may stay in the files
        again = tmp_path / "denmark"
        code = (
            f"import anakinra_t2d as t; t.simulate({str(again)!r}, patients={PATIENTS}, seed={SEED}, layout='denmark')"
        )
        subprocess.run([sys.executable, "-c", code], check=True)
        deliver(typed(), found().profiles["zurich"], found(), tmp_path / "zurich")
        for name, folder in delivered.items():
            files = [path.name for path in folder.iterdir()]
            assert filecmp.cmpfiles(folder, tmp_path / name, files, shallow=False)[0] == files

    def test_profile_and_notice_lie_beside_the_files(self, delivered: dict[str, Path]) -> None:
        for name, folder in delivered.items():
            source = found().root / "schema" / "sites" / f"{name}.yaml"
            assert (folder / "profile.yaml").read_bytes() == source.read_bytes()
            assert "No record describes a real person" in (folder / "README.txt").read_text("utf-8")

    def test_an_unknown_layout_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="unknown layout 'mars'"):
            simulate(tmp_path / "x", layout="mars")  # type: ignore[arg-type]
        assert not (tmp_path / "x").exists()


class TestLikeTheRealThing:
    """Cells that a person can check by eye."""

    def test_danish_visit_sheet(self, delivered: dict[str, Path]) -> None:
        sheet = openpyxl.load_workbook(delivered["denmark"] / "besoegsskema.xlsx")["Besøg"]
        rows = list(sheet.iter_rows(values_only=True))
        assert rows[0][0] == "Anakinra T2D – besøgsdata, center DK01"
        assert rows[1][0] == "Synthetic data. No record describes a real person."
        header = [str(cell) for cell in rows[2]]
        for name in ("PatientID", "Hæmoglobin (mmol/l)", "HbA1c (%)", "G_-10", "Cpep_iv12", "HGlc_w13"):
            assert name in header
        row = next(row for row in rows[3:] if row[header.index("Besøg")] == "V1 uge 0")
        cells = dict(zip(header, row, strict=True))
        subject = f"DK01-{int(str(cells['PatientID']).removeprefix('DK-')):03}"
        vitals = canonical()["vitals"].filter(subject_id=subject, visit="baseline").row(0, named=True)
        labs = canonical()["labs"].filter(subject_id=subject, visit="baseline").row(0, named=True)
        curve = canonical()["ogtt"].filter(subject_id=subject, visit="baseline", nominal_min="120").row(0, named=True)
        assert cells["Vægt (kg)"] == vitals["weight_kg"].replace(".", ",")
        assert cells["Blodtryk"] == f"{vitals['sbp_mmhg']}/{vitals['dbp_mmhg']}"
        assert cells["Puls"] == int(vitals["heart_rate_bpm"])
        year, month, day = labs["collected_ts"][:10].split("-")
        assert cells["Prøvetid"] == f"{day}-{month}-{year} {labs['collected_ts'][11:16]}"
        assert float(cells["Hæmoglobin (mmol/l)"].replace(",", ".")) == pytest.approx(
            int(labs["hemoglobin_g_l"]) / 16.114
        )
        assert float(cells["Cpep_120"].replace(",", ".")) == pytest.approx(int(curve["cpeptide_pmol_l"]) / 1000)
        assert cells["Fastende"] == "ja"

    def test_swiss_laboratory_export(self, delivered: dict[str, Path]) -> None:
        content = (delivered["zurich"] / "CH01_labor.csv").read_bytes()
        lines = content.decode("cp1252").split("\r\n")
        assert lines[0].startswith("PatNr;Visite;Wiederholung;Entnahme;")
        assert lines[0].endswith(";Phase;Minute;Minute effektiv;Analyse;Resultat;Einheit")
        rows = list(csv.DictReader(lines, delimiter=";"))
        sugar = [row for row in rows if row["Analyse"] == "Glucose"]
        assert {row["Einheit"] for row in sugar} == {"mg/dl", "mmol/l"}
        by_patient = {(row["PatNr"], row["Einheit"]) for row in sugar}
        assert len(by_patient) == len({patient for patient, _ in by_patient}), "a patient keeps one unit"
        volume = next(row for row in rows if row["Analyse"] == "Urinmenge" and len(row["Resultat"]) > 3)
        assert volume["Resultat"][1] == "'"
        assert b"\xb5U/ml" in content

    def test_transport_files_hold_true_numbers(self, tmp_path: Path) -> None:
        rows = deliver(typed(), found().profiles["sdtm"], found(), tmp_path)
        frame, meta = pyreadstat.read_xport(tmp_path / "vs.xpt", output_format="polars")
        assert {"STUDYID", "DOMAIN", "USUBJID", "VSTESTCD", "VSORRES"} <= set(frame.columns)
        assert frame["VSORRES"].dtype == pl.String
        people, _ = pyreadstat.read_xport(tmp_path / "dm.xpt", output_format="polars")
        assert people["AGE"].dtype == pl.Float64
        assert people.height == rows["subjects"]
        assert meta.table_name == "VS"
        assert b"01MAR06:12:00:00" in (tmp_path / "vs.xpt").read_bytes()


class TestNumbersAndUnits:
    @pytest.mark.parametrize(
        ("decimal", "thousands", "value", "text"),
        [
            (".", ["'"], "1256", "1'256"),
            (".", ["'"], "999", "999"),
            (",", ["."], "1256.5", "1.256,5"),
            (",", [" "], "1234567", "1 234 567"),
            (",", [], "1256", "1256"),
            (".", ["’"], "1000.25", "1’000.25"),
        ],
    )
    def test_marks(self, decimal: str, thousands: list[str], value: str, text: str) -> None:
        parts = one_table("labs", {**VISIT_KEYS, "urine_volume_ml": {"column": "Vol", "unit": "mL"}})
        profile = profile_of(**parts, decimal=decimal, thousands=thousands)
        sheet = laid_out(profile, frame_of("labs", {**LABS, "urine_volume_ml": value}))
        assert sheet.rows[0][3] == text

    def test_no_thousands_in_years_and_other_counts(self) -> None:
        profile = profile_of(**one_table("subjects", {**WHO, "birth_year": "Born"}), thousands=["'"])
        assert laid_out(profile, frame_of("subjects", {**SUBJECT, "birth_year": "1947"})).rows == [["DK01-007", "1947"]]

    @pytest.mark.parametrize(
        ("entry", "header", "cell"),
        [
            ("Hb", "Hb (g/L)", "161.14"),
            ({"column": "Hb", "unit": "g/L"}, "Hb", "161.14"),
            ({"column": "Hb", "unit": "mmol/L"}, "Hb", "10"),
            ("Hb (g/dl)", "Hb (g/dl)", "16.114"),
            ({"column": ["Hb [mmol/l]", "Haemoglobin"]}, "Hb [mmol/l]", "10"),
        ],
    )
    def test_unit_in_header_or_profile(self, entry: Any, header: str, cell: str) -> None:
        profile = profile_of(**one_table("labs", {**VISIT_KEYS, "hemoglobin_g_l": entry}), units={"g/L": "g/L"})
        sheet = laid_out(profile, frame_of("labs", {**LABS, "hemoglobin_g_l": "161.14"}))
        assert (sheet.header[3], sheet.rows[0][3]) == (header, cell)

    def test_unit_row(self) -> None:
        fields = {**VISIT_KEYS, "weight_kg": "Weight", "height_cm": {"column": "Height", "unit": "m"}}
        profile = profile_of(**one_table("vitals", fields, sheet={"header_row": 3, "unit_row": 4}))
        sheet = laid_out(profile, frame_of("vitals", {**VITALS, "weight_kg": "98.2", "height_cm": "188.5"}))
        assert sheet.lines == [
            ["A clinic"],
            ["Synthetic data. No record describes a real person."],
            ["Pat", "Visit", "No", "Weight", "Height"],
            [None, None, None, "kg", "m"],
            ["DK01-007", "baseline", "1", "98.2", "1.885"],
        ]

    def test_unit_row_above_the_header(self) -> None:
        fields = {**VISIT_KEYS, "weight_kg": "Weight"}
        profile = profile_of(**one_table("vitals", fields, sheet={"header_row": 2, "unit_row": 1}))
        sheet = laid_out(profile, frame_of("vitals", {**VITALS, "weight_kg": "98.2"}))
        assert sheet.lines[:2] == [[None, None, None, "kg"], ["Pat", "Visit", "No", "Weight"]]
        assert len(sheet.lines) == 3

    def test_unit_column(self) -> None:
        fields = {**VISIT_KEYS, "weight_kg": {"column": "Weight", "unit_column": "Unit", "unit": "[lb_av]"}}
        profile = profile_of(**one_table("vitals", fields))
        row = {**VITALS, "weight_kg": "45.359237"}
        frames = frame_of("vitals", row, {**VITALS, "visit": "week4"})
        sheet = laid_out(profile, frames)
        assert sheet.header[3:] == ["Weight", "Unit"]
        assert [row[3:] for row in sheet.rows] == [["100", "lb"], [None, None]]

    def test_conversions_that_need_more_are_refused(self) -> None:
        fields = {**VISIT_KEYS, "neutrophils_10e9_l": {"column": "Neu", "unit": "%"}}
        with pytest.raises(ValueError, match=r"labs\.neutrophils_10e9_l cannot be written in %"):
            render(
                profile_of(**one_table("labs", fields)),
                frame_of("labs", {**LABS, "neutrophils_10e9_l": "4.5"}),
                found(),
            )

    def test_a_conversion_to_be_asked_needs_the_answer(self) -> None:
        entry = {"column": "HbA1c", "unit": "{fraction}"}
        frames = frame_of("labs", {**LABS, "hba1c_pct": "8.7"})
        with pytest.raises(ValueError, match="cannot be written"):
            render(profile_of(**one_table("labs", {**VISIT_KEYS, "hba1c_pct": entry})), frames, found())
        profile = profile_of(**one_table("labs", {**VISIT_KEYS, "hba1c_pct": {**entry, "confirmed": True}}))
        assert laid_out(profile, frames).rows[0][3] == "0.087"

    def test_true_numbers_of_a_workbook(self) -> None:
        fields = {**VISIT_KEYS, "weight_kg": "Weight", "sbp_mmhg": "BP"}
        frames = frame_of("vitals", {**VITALS, "weight_kg": "98.2", "sbp_mmhg": "145"})
        with_comma = profile_of(**one_table("vitals", fields, "x.xlsx"), decimal=",")
        assert laid_out(with_comma, frames).rows[0][2:] == [Decimal(1), "98,2", Decimal(145)]
        with_point = profile_of(**one_table("vitals", fields, "x.xlsx"))
        assert laid_out(with_point, frames).rows[0][2:] == [Decimal(1), Decimal("98.2"), Decimal(145)]

    def test_two_values_in_a_cell(self) -> None:
        parts = {"sbp_mmhg": 1, "dbp_mmhg": 2}
        pair = {
            name: {"column": "BP", "separator": "/", "part": part, "unit": "mm[Hg]"} for name, part in parts.items()
        }
        profile = profile_of(**one_table("vitals", {**VISIT_KEYS, **pair}))
        values = [{"sbp_mmhg": "145", "dbp_mmhg": "83"}, {}, {"sbp_mmhg": "145"}, {"dbp_mmhg": "83"}]
        rows = [{**VITALS, "visit_seq": str(place), **pair} for place, pair in enumerate(values)]
        cells = [row[3] for row in laid_out(profile, frame_of("vitals", *rows)).rows]
        assert cells == ["145/83", None, "145/", "/83"]


class TestDatesAndWords:
    @pytest.mark.parametrize(
        ("canonical_text", "layouts", "first_year", "text"),
        [
            ("2004-02-09", ["dd-mm-yyyy"], None, "09-02-2004"),
            ("2004-02-09", ["d.m.yy"], 1950, "9.2.04"),
            ("1944-02-09", ["d.m.yy", "d/m/yyyy"], 1950, "9/2/1944"),
            ("2004-02-09", ["dd.mm.yyyy hh:mm", "dd.mm.yyyy"], None, "09.02.2004"),
            ("2004-02-09T08:05:00", ["dd.mm.yyyy", "dd.mm.yyyy hh:mm"], None, "09.02.2004 08:05"),
            ("2004-02-09T08:05:07", ["dd.mm.yyyy hh:mm"], None, "2004-02-09T08:05:07"),
            ("2004-02-09T08:05:07", ["yyyy-mm-ddThh:mm:ss"], None, "2004-02-09T08:05:07"),
            ("2004-02-09", [], None, "2004-02-09"),
            ("2004-02-09", ["dd.mm.yy"], None, "2004-02-09"),
            ("2004-02-09", ["mm.yyyy"], None, "2004-02-09"),
        ],
    )
    def test_dates(self, canonical_text: str, layouts: list[str], first_year: int | None, text: str) -> None:
        assert moment_text(canonical_text, layouts, first_year) == text

    @given(st.datetimes().map(lambda moment: moment.replace(microsecond=0)))
    def test_a_date_time_keeps_all_it_says(self, moment: Any) -> None:
        text = moment_text(moment.isoformat(), ["d/m/yyyy hh:mm"], None)
        if "T" in text:
            assert moment.second and text == moment.isoformat()
        else:
            day, clock = text.split(" ")
            d, m, y = day.split("/")
            assert (int(d), int(m), int(y)) == (moment.day, moment.month, moment.year)
            assert clock == f"{moment:%H:%M}" and not moment.second

    def test_codes_take_the_first_text(self) -> None:
        fields = {**WHO, "sex": "Sex", "completed": "Done"}
        codes = {"sex": {"kvinde": "F", "K": "F", "mand": "M"}, "boolean": {"ja": "true", "nej": "false"}}
        profile = profile_of(**one_table("subjects", fields), codes=codes)
        rows = [{"subject_id": "DK01-001", "sex": "F", "completed": "false"}, {"subject_id": "DK01-002", "sex": "M"}]
        assert [row[1:] for row in laid_out(profile, frame_of("subjects", *rows)).rows] == [
            ["kvinde", "nej"],
            ["mand", None],
        ]

    def test_codes_of_a_field_go_first(self) -> None:
        fields = {**WHO, "sex": {"column": "Sex", "codes": {"1": "M", "2": "F"}}}
        profile = profile_of(**one_table("subjects", fields), codes={"sex": {"mand": "M"}})
        assert laid_out(profile, frame_of("subjects", {**SUBJECT, "sex": "M"})).rows[0][1] == "1"

    def test_a_text_that_means_another_code_is_not_written(self) -> None:
        fields = {**WHO, "sex": {"column": "Sex", "codes": {"m": "F"}}}
        with pytest.raises(ValueError, match=r"subjects\.sex: the profile has no text for the code M"):
            render(profile_of(**one_table("subjects", fields)), frame_of("subjects", {**SUBJECT, "sex": "M"}), found())

    def test_a_text_that_means_empty_is_not_written(self) -> None:
        profile = profile_of(**one_table("subjects", {**WHO, "race_ethnicity": "Race"}), missing=["NA"])
        with pytest.raises(ValueError, match=r"subjects\.race_ethnicity: a value reads like a word of an empty cell"):
            render(profile, frame_of("subjects", {**SUBJECT, "race_ethnicity": "na"}), found())

    def test_subject_numbers(self) -> None:
        numbers: dict[str, Any] = {"fields": ["subject_id"], "map": {"Pilot": "DK01-900"}}
        numbers |= {"sent": "DK-{number}", "canonical": "DK01-{number:03}"}
        profile = profile_of(**one_table("subjects", WHO), subjects=numbers)
        rows = [{"subject_id": "DK01-007"}, {"subject_id": "DK01-900"}]
        assert laid_out(profile, frame_of("subjects", *rows)).rows == [["DK-7"], ["Pilot"]]
        with pytest.raises(ValueError, match=r"subjects\.subject_id: a subject number has no form"):
            render(profile, frame_of("subjects", {"subject_id": "CH01-007"}), found())


class TestFlags:
    @staticmethod
    def frames(field: str, status: str, **more: str) -> dict[str, pl.DataFrame]:
        key = "subject_id=DK01-007|visit=baseline|visit_seq=1"
        flag = {"table": "labs", "record_key": key, "field": field, "result_status": status, **more}
        return {**frame_of("labs", {**LABS, "lab_id": "LAB_DK"}), **frame_of("result_flags", flag)}

    @staticmethod
    def profile(*, file: str = "x.csv", **more: Any) -> Profile:
        fields = {**VISIT_KEYS, "crp_mg_l": "CRP (mg/dl)", "lab_id": "Lab"}
        parts = one_table("labs", fields, file, **more)
        parts["sheets"].append({"files": "flags.csv", "tables": [{"table": "result_flags"}]})
        return profile_of(**parts)

    def test_a_limit_in_the_unit_and_the_notation_of_the_site(self) -> None:
        (file,) = render(
            self.profile(decimal=","), self.frames("crp_mg_l", "below_limit", limit_value="0.300"), found()
        )
        assert file.sheets[0].rows[0][3] == "<0,03"

    def test_above_a_limit(self) -> None:
        (file,) = render(self.profile(), self.frames("crp_mg_l", "above_limit", limit_value="300"), found())
        assert file.sheets[0].rows[0][3] == ">30"

    def test_a_word(self) -> None:
        profile = self.profile(results={"hæmolyseret": "haemolysed"})
        (file,) = render(profile, self.frames("crp_mg_l", "haemolysed", value_raw="haemolysed"), found())
        assert file.sheets[0].rows[0][3] == "hæmolyseret"

    @pytest.mark.parametrize(
        ("field", "status"), [("crp_mg_l", "below_limit"), ("il6_ng_l", "invalid"), ("crp_mg_l", "qualitative")]
    )
    def test_what_a_cell_cannot_say_stays_in_the_side_table(self, field: str, status: str) -> None:
        """No limit and no word; a field that has no column; a result without a number."""
        files = render(self.profile(), self.frames(field, status, value_raw="greenish"), found())
        assert files[0].sheets[0].rows[0][3] is None
        assert [file.name for file in files] == ["x.csv", "flags.csv"]
        assert field in files[1].sheets[0].rows[0]

    def test_a_cell_with_a_number_keeps_it(self) -> None:
        frames = self.frames("crp_mg_l", "below_limit", limit_value="0.3")
        frames |= frame_of("labs", {**LABS, "lab_id": "LAB_DK", "crp_mg_l": "2.0"})
        files = render(self.profile(), frames, found())
        assert files[0].sheets[0].rows[0][3] == "0.2"
        assert len(files) == 2

    def test_columns_of_numbers_hold_no_words(self) -> None:
        files = render(
            self.profile(file="x.parquet"), self.frames("crp_mg_l", "below_limit", limit_value="0.3"), found()
        )
        assert [file.name for file in files] == ["x.parquet", "flags.csv"]

    def test_a_word_in_the_status_column_of_a_test(self) -> None:
        tests = {"column": "T", "result": "R", "unit_column": "U", "status_column": "S", "names": {"crp_mg_l": ["CRP"]}}
        parts = one_table("labs", {**VISIT_KEYS, "lab_id": "Lab"}, layout={"tests": tests})
        profile = profile_of(**parts, results={"NOT DONE": "not_done"})
        sheet = laid_out(profile, self.frames("crp_mg_l", "not_done"))
        assert dict(zip(sheet.header, sheet.rows[0], strict=True)) == {
            **dict(zip(("Pat", "Visit", "No", "Lab"), ("DK01-007", "baseline", "1", "LAB_DK"), strict=True)),
            "T": "CRP",
            "R": None,
            "U": None,
            "S": "NOT DONE",
        }


OGTT = {"subject_id": "DK01-007", "visit": "baseline"}
BLOCK: dict[str, Any] = {"over": {"field": "nominal_min", "values": {"-10": "m10", "0": "000"}}}
CURVE: dict[str, Any] = {
    "subject_id": "Pat",
    "visit": "Visit",
    "glucose_mmol_l": {"column": "G_{over}", "unit": "mmol/L"},
    "insulin_pmol_l": {"column": "I_{over}", "unit": "m[iU]/L"},
}


class TestBlocksAndTests:
    def test_columns_side_by_side(self) -> None:
        rows = [
            {**OGTT, "nominal_min": "-10", "glucose_mmol_l": "9.1", "insulin_pmol_l": "60"},
            {**OGTT, "nominal_min": "0", "glucose_mmol_l": "9.3"},
        ]
        sheet = laid_out(profile_of(**one_table("ogtt", CURVE, layout=BLOCK)), frame_of("ogtt", *rows))
        assert sheet.header == ["Pat", "Visit", "G_m10", "G_000", "I_m10", "I_000"]
        assert sheet.rows == [["DK01-007", "baseline", "9.1", "9.3", "10", None]]

    def test_a_record_without_a_column_is_not_lost_silently(self) -> None:
        profile = profile_of(**one_table("ogtt", CURVE, layout=BLOCK))
        unplanned = frame_of("ogtt", {**OGTT, "nominal_min": "45", "glucose_mmol_l": "9.1"})
        with pytest.raises(ValueError, match="no place for 1 of 1 records of ogtt"):
            render(profile, unplanned, found())
        with pytest.raises(ValueError, match="no place for 1 of 1 records of ogtt"):
            render(profile, frame_of("ogtt", {**OGTT, "nominal_min": "0"}), found())

    def test_a_list_of_keys_shows_what_no_other_sheet_can(self) -> None:
        parts = one_table("ogtt", CURVE, layout=BLOCK)
        keys = {"subject_id": "Pat", "visit": "Visit", "nominal_min": {"column": "Min", "unit": "min"}}
        parts["sheets"].append({"files": "y.csv", "tables": [{"table": "ogtt", "same_names": False, "fields": keys}]})
        rows = [{**OGTT, "nominal_min": "-10", "glucose_mmol_l": "9.1"}, {**OGTT, "nominal_min": "0"}]
        files = render(profile_of(**parts), frame_of("ogtt", *rows), found())
        assert files[0].sheets[0].rows == [["DK01-007", "baseline", "9.1", None, None, None]]
        assert files[1].sheets[0].rows == [["DK01-007", "baseline", "0"]]

    def test_rows_below_each_other(self) -> None:
        tests = {
            "column": "Test",
            "result": "Result",
            "unit_column": "Unit",
            "names": {"glucose_mmol_l": ["Sugar", "Glucose"], "insulin_pmol_l": ["Insulin"]},
            "units": {"glucose_mmol_l": ["mg/dL", "mmol/L"]},
        }
        fields = {"subject_id": "Pat", "visit": "Visit", "nominal_min": {"column": "Min", "unit": "min"}}
        profile = profile_of(**one_table("ogtt", fields, layout={"tests": tests, "where": {"Phase": ["OGTT", "O"]}}))
        rows = [
            {"subject_id": "DK01-001", "visit": "baseline", "nominal_min": "0", "glucose_mmol_l": "5.55074"},
            {"subject_id": "DK01-002", "visit": "baseline", "nominal_min": "0", "glucose_mmol_l": "5.6"},
            {"subject_id": "DK01-002", "visit": "baseline", "nominal_min": "30", "insulin_pmol_l": "60"},
            {"subject_id": "DK01-002", "visit": "baseline", "nominal_min": "60"},
        ]
        sheet = laid_out(profile, frame_of("ogtt", *rows))
        assert sheet.header == ["Pat", "Visit", "Min", "Phase", "Test", "Result", "Unit"]
        assert [row[0:1] + row[2:] for row in sheet.rows] == [
            ["DK01-001", "0", "OGTT", "Sugar", "100", "mg/dl"],
            ["DK01-002", "0", "OGTT", "Sugar", "5.6", "mmol/l"],
            ["DK01-002", "30", "OGTT", "Insulin", "60", "pmol/l"],
            ["DK01-002", "60", "OGTT", "Sugar", None, None],
        ]

    def test_constants_choose_the_records(self) -> None:
        def layout(visit: str, column: str) -> dict[str, Any]:
            fields = {"subject_id": "Pat", "visit": {"value": visit}, "visit_seq": {"value": "1"}}
            weight = {"weight_kg": {"column": column, "unit": "kg"}}
            return {"table": "vitals", "same_names": False, "fields": fields | weight, "when_filled": [column]}

        tables_ = [layout("baseline", "Weight 0"), layout("week13", "Weight 13")]
        profile = profile_of(sheets=[{"files": "x.csv", "tables": tables_}])
        rows = [{**VITALS, "weight_kg": "98.2"}, {**VITALS, "visit": "week13", "weight_kg": "99.0"}]
        sheet = laid_out(profile, frame_of("vitals", *rows))
        assert sheet.header == ["Pat", "Weight 0", "Weight 13"]
        assert sheet.rows == [["DK01-007", "98.2", "99.0"]]
        with pytest.raises(ValueError, match="no place for 1 of 1 records of vitals"):
            render(profile, frame_of("vitals", {**VITALS, "visit": "week4", "weight_kg": "99.0"}), found())

    def test_expected_texts_and_conditions_on_fields(self) -> None:
        parts = one_table(
            "vitals",
            {**VISIT_KEYS, "weight_kg": "W"},
            sheet={"expect": {"STUDY": ["A1", "A2"]}},
            layout={"where": {"Visit": ["baseline"]}, "unless": {"Pat": ["DK01-009"]}},
        )
        frames = frame_of("vitals", {**VITALS, "weight_kg": "98.2"})
        sheet = laid_out(profile_of(**parts), frames)
        assert sheet.header[0] == "STUDY" and sheet.rows[0][0] == "A1"
        for other in ({"visit": "week4"}, {"subject_id": "DK01-009"}):
            with pytest.raises(ValueError, match="no place for 1 of 1 records"):
                render(profile_of(**parts), frame_of("vitals", {**VITALS, "weight_kg": "98.2", **other}), found())

    def test_tables_share_rows_and_wait_for_their_own(self) -> None:
        vitals = {"table": "vitals", "same_names": False, "fields": {**VISIT_KEYS, "weight_kg": "W"}}
        labs = {"table": "labs", "same_names": False, "fields": {**VISIT_KEYS, "hba1c_pct": "A1c"}}
        profile = profile_of(
            sheets=[{"files": "x.csv", "tables": [vitals | {"when_filled": ["W"]}, labs | {"when_filled": ["A1c"]}]}]
        )
        frames = frame_of("vitals", {**VITALS, "weight_kg": "98.2"}) | frame_of(
            "labs", {**LABS, "hba1c_pct": "8.7"}, {**LABS, "visit_seq": "2", "hba1c_pct": "8.8"}
        )
        assert [row[2:] for row in laid_out(profile, frames).rows] == [["1", "98.2", "8.7"], ["2", None, "8.8"]]

    def test_a_block_goes_to_the_likeliest_row(self) -> None:
        visits = {"subject_id": "Pat", "visit": "Visit", "visit_seq": "No", "visit_date": "Date"}
        block = {"field": "week", "values": {"1": "1"}}
        home = {"subject_id": "Pat", "home_fpg_mmol_l": {"column": "H{over}", "unit": "mmol/L"}}
        layouts = [
            {"table": "visits", "same_names": False, "fields": visits, "when_filled": ["Date"]},
            {
                "table": "home_glucose",
                "same_names": False,
                "where": {"Visit": ["week13", "week4"]},
                "over": block,
                "fields": home,
            },
        ]
        profile = profile_of(sheets=[{"files": "x.csv", "tables": layouts}])
        rows = [
            {"subject_id": who, "visit": visit, "visit_seq": "1", "visit_date": "2004-02-09"}
            for who, visit in (("DK01-001", "week4"), ("DK01-001", "week13"), ("DK01-002", "week4"))
        ]
        people = ("DK01-001", "DK01-002", "DK01-003")
        home_rows = [{"subject_id": who, "week": "1", "home_fpg_mmol_l": "9.0"} for who in people]
        sheet = laid_out(profile, frame_of("visits", *rows) | frame_of("home_glucose", *home_rows))
        assert [row[:2] + row[4:] for row in sheet.rows] == [
            ["DK01-001", "week4", None],
            ["DK01-001", "week13", "9.0"],
            ["DK01-002", "week4", "9.0"],
            ["DK01-003", "week13", "9.0"],
        ]


class TestNothingIsLost:
    def test_a_value_without_a_column(self) -> None:
        profile = profile_of(**one_table("subjects", WHO))
        with pytest.raises(ValueError, match=r"A clinic has no place for 1 values of subjects\.sex"):
            render(profile, frame_of("subjects", {**SUBJECT, "sex": "M"}), found())

    def test_a_table_without_a_sheet(self) -> None:
        with pytest.raises(ValueError, match="no place for 1 of 1 records of subjects"):
            render(profile_of(), frame_of("subjects", SUBJECT), found())

    def test_a_key_without_a_column(self) -> None:
        profile = profile_of(**one_table("vitals", {"subject_id": "Pat"}))
        with pytest.raises(ValueError, match=r"x\.csv: no column holds vitals\.visit, part of the key"):
            render(profile, frame_of("vitals", VITALS), found())

    def test_two_values_for_one_cell(self) -> None:
        fields = {**WHO, "randomisation_date": "Date", "first_dose_date": "Date"}
        row = {**SUBJECT, "randomisation_date": "2004-02-09", "first_dose_date": "2004-02-10"}
        with pytest.raises(ValueError, match="subjects: two values meet in one cell of the column Date"):
            render(profile_of(**one_table("subjects", fields)), frame_of("subjects", row), found())

    def test_own_names_are_written_when_they_are_used(self) -> None:
        profile = profile_of(sheets=[{"files": "x.csv", "tables": [{"table": "vitals"}]}])
        sheet = laid_out(profile, frame_of("vitals", {**VITALS, "weight_kg": "98.2"}))
        assert sheet.header == ["subject_id", "visit", "visit_seq", "weight_kg"]
        assert sheet.rows == [["DK01-007", "baseline", "1", "98.2"]]

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data(), st.sampled_from(sorted(SITES)))
    def test_any_gaps_in_the_records_are_read_back(self, data: st.DataObject, name: str) -> None:
        """Cells taken away at random, whole records emptied among them: the rest arrives, and so do the records."""
        frames = {}
        for table in ("visits", "vitals", "labs", "ogtt", "iv_stimulation", "home_glucose"):
            own = small(name)[table]
            gaps = data.draw(st.lists(st.integers(0, 2**own.width - 1), min_size=own.height, max_size=own.height))
            frames[table] = with_gaps(table, own, gaps)
        profile = found().profiles[name]
        files = render(profile, frames, found())
        read = SiteReader(profile, found()).read(sheets_in_memory(files))
        for table, frame in frames.items():
            assert read.get(table, {}) == expected(table, frame), table


@cache
def small(name: str) -> dict[str, pl.DataFrame]:
    """Some records of a patient of a site."""
    own = records_of_site(canonical(), SITES[name], found())
    people = own["randomisation"]["subject_id"].head(1)
    return {
        table: frame.filter(pl.col("subject_id").is_in(people.implode())).head(5)
        for table, frame in own.items()
        if "subject_id" in frame.columns
    }


def with_gaps(table: str, frame: pl.DataFrame, gaps: Sequence[int]) -> pl.DataFrame:
    key = found().tables[table].key
    rows = frame.to_dicts()
    for row, gap in zip(rows, gaps, strict=True):
        for place, field in enumerate(frame.columns):
            if field not in key and gap >> place & 1:
                row[field] = None
    return pl.DataFrame(rows, schema=dict.fromkeys(frame.columns, pl.String))


class TestFiles:
    @staticmethod
    def file(name: str, *rows: list[Cell], **more: Any) -> SentFile:
        return SentFile(name, [SentSheet("Sheet", ["A", "B"], list(rows), labels=["First", "Second"])], **more)

    def test_text_that_needs_quotes(self, tmp_path: Path) -> None:
        path = write_file(
            self.file("x.csv", ["a;b", 'say "x"'], [None, "ø"], delimiter=";", encoding="cp1252"), tmp_path
        )
        assert path.read_bytes() == b'A;B\r\n"a;b";"say ""x"""\r\n;\xf8\r\n'

    def test_a_letter_that_the_encoding_lacks(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="the encoding cp1252 has no 'μ'"):
            write_file(self.file("x.csv", ["μ", None], encoding="cp1252"), tmp_path)

    def test_workbook_cells_keep_their_kind(self, tmp_path: Path) -> None:
        path = write_file(self.file("x.xlsx", ["98,2", Decimal("98.2")], ["=1+1", None]), tmp_path)
        rows = list(openpyxl.load_workbook(path).active.iter_rows(min_row=2))
        assert [cell.value for cell in rows[0]] == ["98,2", 98.2]
        assert rows[1][0].value == "=1+1" and rows[1][0].data_type in ("s", "inlineStr", "f")

    @pytest.mark.parametrize("name", ["x.parquet", "x.feather"])
    def test_typed_columns(self, tmp_path: Path, name: str) -> None:
        path = write_file(self.file(name, ["a", Decimal("1.5")], [None, None]), tmp_path)
        frame = pl.read_parquet(path) if name.endswith("parquet") else pl.read_ipc(path)
        assert frame.to_dict(as_series=False) == {"A": ["a", None], "B": [1.5, None]}
        with pytest.raises(ValueError, match="the column A holds numbers and texts"):
            write_file(self.file(name, ["a", None], [Decimal(1), None]), tmp_path)

    @pytest.mark.parametrize("row", [["x" * 201, None], ["ø" * 101, None]])
    def test_what_a_transport_file_cannot_hold(self, tmp_path: Path, row: list[Cell]) -> None:
        with pytest.raises(ValueError, match="more than 200 bytes"):
            write_file(self.file("x.xpt", row), tmp_path)
        with pytest.raises(ValueError, match="is not a name"):
            write_file(self.file("ninechars.xpt", ["a", None]), tmp_path)

    def test_formats_without_sheets(self, tmp_path: Path) -> None:
        file = self.file("x.csv", ["a", None])
        file.sheets *= 2
        with pytest.raises(ValueError, match="has no sheets"):
            write_file(file, tmp_path)
        with pytest.raises(ValueError, match=r"x\.doc: files of this format are not written"):
            write_file(self.file("x.doc", ["a", None]), tmp_path)

    @pytest.mark.parametrize(
        ("pattern", "extension", "name"),
        [
            ("visits*.csv", None, "visits.csv"),
            ("visits_*.xlsx", None, "visits.xlsx"),
            ("dm.*", "xpt", "dm.xpt"),
            ("dm.*", None, "dm.csv"),
            ("*.csv", None, "data.csv"),
            ("Data 2005.csv", None, "Data 2005.csv"),
        ],
    )
    def test_file_names(self, pattern: str, extension: str | None, name: str) -> None:
        parts = one_table("subjects", WHO, pattern)
        profile = profile_of(**parts, extension=extension)
        (file,) = render(profile, frame_of("subjects", SUBJECT), found())
        assert file.name == name
