"""A site profile is drafted from a site's files: what is sure is right, what is not is left to a person."""

from __future__ import annotations

import dataclasses
import datetime as dt
import fnmatch
import random
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anakinra_t2d.cli.profile import profile as profile_command
from anakinra_t2d.profiling import Draft, draft_profile
from anakinra_t2d.profiling.names import fold
from anakinra_t2d.profiling.notation import dates, number_marks, read_number, two_parts
from anakinra_t2d.reading.header_row import name_and_unit
from anakinra_t2d.reading.problems import InputError
from anakinra_t2d.schema import Definitions, Profile, SchemaError, definitions, load_profile
from anakinra_t2d.schema.sites import OVER, SheetLayout

ROOT = Path(__file__).parents[1]
CANONICAL = ROOT / "examples/canonical"
REAL = ROOT.parent / "shared/real"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the folder with real third-party files is not here")

DANISH = """\
PatNr;Besøg;Dato;Vægt (kg);Højde (cm);BT (mmHg);Puls;HbA1c (%);CRP (mg/l);Kreatinin (µmol/l);Hb (mmol/l);Bemærkning
DK-001;V1;13-02-2004;98,2;188,5;131/75;64;9,2;3,98;63;9,2;Anders ringer selv
DK-001;V2;15-03-2004;97,2;;133/77;66;8,2;<0,3;65;9,0;
DK-002;V1;01-02-2004;88,2;178,5;141/85;60;9,8;2,98;73;8,2;Birgit flytter
DK-002;V3;07-05-2004;88,9;;121/70;67;8,8;1,98;71;8,4;
"""
GERMAN = """\
Pat-Nr;Visite;Untersuchungsdatum;Gewicht;Größe (m);Glukose_-10 (mmol/l);Glukose_0 (mmol/l);Glukose_30 (mmol/l);\
Glukose_120 (mmol/l);G_iv0 (mmol/l);G_iv3 (mmol/l);G_iv12 (mmol/l);HGlc_w0 (mmol/l);HGlc_w1 (mmol/l);HGlc_w2 (mmol/l);\
C-Peptid nüchtern (pmol/ml);Leukozyten (G/l)
001;V1;01.02.2004;98.2;1.88;8.1;8.2;12.1;12.2;12.2;18.2;15.3;8.1;7.9;7.8;1.06;6.1
002;V1;03.04.2004;88.2;1.78;9.1;9.2;13.1;11.2;11.2;17.2;14.3;9.1;8.9;8.8;0.86;7.1
"""
LONG = """\
PatientID,Visite,Test,Ergebnis,Einheit,Labor
CH01-001,V1,HbA1c,9.2,%,LAB_CH
CH01-001,V1,Kreatinin,63,µmol/l,LAB_CH
CH01-001,V1,CRP,3.98,mg/l,LAB_CH
CH01-001,V1,Leukozyten,6.1,G/l,LAB_CH
CH01-001,V1,Homocystein,11.2,µmol/l,LAB_CH
CH01-002,V2,HbA1c,8.2,%,LAB_CH
CH01-002,V2,Kreatinin,83,µmol/l,LAB_CH
CH01-002,V2,CRP,<0.3,mg/l,LAB_CH
CH01-002,V2,Leukozyten,7.3,G/l,LAB_CH
CH01-002,V2,Homocystein,9.2,µmol/l,LAB_CH
"""


def draft_of(folder: Path, **files: str) -> Draft:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return draft_profile(folder)


def parsed(draft: Draft) -> dict[str, object]:
    loaded = yaml.safe_load(draft.text)
    assert isinstance(loaded, dict)
    return loaded


def load_decided(draft: Draft, folder: Path) -> Profile:
    """The profile as it loads when a person has emptied ``undecided``."""
    head, _, _ = draft.text.partition("\nundecided:")
    path = folder / "drafted.yaml"
    path.write_text(head + "\n", encoding="utf-8")
    return load_profile(path, definitions())


def fields_of(profile: Profile, table: str) -> dict[str, str]:
    """Field: header of its column, in the tables of this name."""
    return {
        name: layout.field(name).columns[0]
        for sheet in profile.sheets
        for layout in sheet.tables
        if layout.table == table
        for name in layout.fields
        if layout.field(name).columns
    }


def reasons(draft: Draft) -> dict[str, str]:
    return {entry.column: entry.reason for entry in draft.undecided}


def covered(draft: Draft) -> None:
    """Every column is in some field, condition or test, or it is undecided; nothing is ignored."""
    for sheet in draft.sheets:
        used: set[int] = set(sheet.tests.columns if sheet.tests else ())
        used |= {column.place for column in sheet.unit_columns.values()}
        for table in sheet.tables:
            if table.is_sure:
                used |= {c.place for each in table.decisions if each.is_mapped for c in each.item.columns}
        listed = {entry.column for entry in draft.undecided if entry.file == sheet.evidence.file}
        for column in sheet.evidence.columns:
            shown = column.header or f"(column {column.place + 1} without a name)"
            assert column.place in used or shown in listed, column.header
    assert "ignore" not in str(parsed(draft)["sheets"])


class TestDanishSheet:
    def test_fields_units_codes_and_notation_are_found(self, tmp_path: Path) -> None:
        draft = draft_of(tmp_path, besog=DANISH)
        profile = load_decided(draft, tmp_path)
        assert (profile.decimal, profile.dates) == (",", ["dd-mm-yyyy"])
        assert profile.codes == {"visit": {"V1": "baseline", "V2": "week4", "V3": "week13"}}
        vitals = fields_of(profile, "vitals")
        assert vitals | {"subject_id": "PatNr", "visit": "Besøg", "weight_kg": "Vægt", "height_cm": "Højde"} == vitals
        labs = fields_of(profile, "labs")
        assert labs | {"hba1c_pct": "HbA1c", "creatinine_umol_l": "Kreatinin", "hemoglobin_g_l": "Hb"} == labs
        assert fields_of(profile, "visits")["visit_date"] == "Dato"
        assert set(reasons(draft)) == {"PatNr", "Bemærkning"}
        covered(draft)

    def test_two_values_in_a_cell_are_two_fields(self, tmp_path: Path) -> None:
        profile = load_decided(draft_of(tmp_path, besog=DANISH), tmp_path)
        layout = next(each for each in profile.sheets[0].tables if each.table == "vitals")
        parts = {name: (layout.field(name).separator, layout.field(name).part) for name in ("sbp_mmhg", "dbp_mmhg")}
        assert parts == {"sbp_mmhg": ("/", 1), "dbp_mmhg": ("/", 2)}

    def test_a_sequence_without_column_is_1_when_each_record_stands_once(self, tmp_path: Path) -> None:
        profile = load_decided(draft_of(tmp_path, besog=DANISH), tmp_path)
        numbered = [layout for layout in profile.sheets[0].tables if "visit_seq" in layout.fields]
        assert [layout.field("visit_seq").value for layout in numbered] == ["1", "1", "1"]
        twice = DANISH + DANISH.splitlines()[1] + "\n"
        again = draft_of(tmp_path, besog=twice)
        assert "visit_seq" in reasons(again)

    def test_how_subject_numbers_translate_is_for_a_person_to_confirm(self, tmp_path: Path) -> None:
        draft = draft_of(tmp_path, besog=DANISH)
        assert draft.subjects is not None and draft.subjects.sent == "DK-{number:03}"
        assert "confirm in subjects" in reasons(draft)["PatNr"]

    def test_no_text_of_a_person_is_printed(self, tmp_path: Path) -> None:
        text = draft_of(tmp_path, besog=DANISH).text
        assert "Anders" not in text and "Birgit" not in text and "DK-002" not in text

    def test_a_header_below_a_title_and_a_unit_row_are_found(self, tmp_path: Path) -> None:
        lines = [
            "Besøgsskema;;;;",
            "",
            "PatNr;Besøg;Vægt;Højde;Puls",
            ";;kg;cm;/min",
            "DK-001;V1;98,2;188,5;64",
            "DK-002;V1;88,2;178,5;66",
        ]
        draft = draft_of(tmp_path, besog="\n".join(lines) + "\n")
        sheet = load_decided(draft, tmp_path).sheets[0]
        assert (sheet.header_row, sheet.unit_row) == (3, 4)
        assert draft.sure == 4 and "unit kg from the unit row" in draft.text


class TestGermanSheet:
    def test_blocks_become_records_below_each_other(self, tmp_path: Path) -> None:
        profile = load_decided(draft_of(tmp_path, breit=GERMAN), tmp_path)
        overs = {
            each.table: (each.over.field, list(each.over.values)) for each in profile.sheets[0].tables if each.over
        }
        assert overs == {
            "ogtt": ("nominal_min", ["-10", "0", "30", "120"]),
            "iv_stimulation": ("nominal_min", ["0", "3", "12"]),
            "home_glucose": ("week", ["0", "1", "2"]),
        }
        assert fields_of(profile, "iv_stimulation")["glucose_mmol_l"] == f"G_iv{OVER}"

    def test_day_and_month_are_open_without_a_day_above_12(self, tmp_path: Path) -> None:
        draft = draft_of(tmp_path, breit=GERMAN)
        assert "dd.mm.yyyy or mm.dd.yyyy" in reasons(draft)["Untersuchungsdatum"]
        assert draft.dates == []
        settled = draft_of(tmp_path, breit=GERMAN.replace("03.04.2004", "23.04.2004"))
        assert settled.dates == ["dd.mm.yyyy"] and "Untersuchungsdatum" not in reasons(settled)

    def test_a_missing_unit_is_asked_for_and_never_guessed(self, tmp_path: Path) -> None:
        draft = draft_of(tmp_path, breit=GERMAN)
        assert "no unit is stated; in the expected range: kg" in reasons(draft)["Gewicht"]
        layout = next(e for e in load_decided(draft, tmp_path).sheets[0].tables if e.table == "vitals")
        assert layout.field("weight_kg").unit is None

    def test_an_ambiguous_unit_is_open(self, tmp_path: Path) -> None:
        reason = reasons(draft_of(tmp_path, breit=GERMAN))["C-Peptid nüchtern (pmol/ml)"]
        assert "pmol/ml" in reason and "nmol/L (100 %)" in reason

    def test_blocks_that_spell_minutes_differently_are_open(self, tmp_path: Path) -> None:
        rows = [line.split(";") for line in GERMAN.splitlines()]
        extra = ["Ins_m10 (mU/l)", "Ins_0 (mU/l)", "Ins_30 (mU/l)"]
        lines = [";".join([*row, *(extra if not number else ["10", "11", "30"])]) for number, row in enumerate(rows)]
        draft = draft_of(tmp_path, breit="\n".join(lines) + "\n")
        assert "write m10 otherwise" in reasons(draft)["Ins_m10 (mU/l)"]
        assert "insulin_pmol_l" not in fields_of(load_decided(draft, tmp_path), "ogtt")
        covered(draft)

    def test_every_column_is_accounted_for(self, tmp_path: Path) -> None:
        covered(draft_of(tmp_path, breit=GERMAN, lang=LONG))


class TestResultsBelowEachOther:
    def test_tests_result_and_unit_column_are_found(self, tmp_path: Path) -> None:
        draft = draft_of(tmp_path, labor=LONG)
        layout = load_decided(draft, tmp_path).sheets[0].tables[0]
        assert layout.tests is not None
        assert (layout.tests.column, layout.tests.result, layout.tests.unit_column) == ("Test", "Ergebnis", "Einheit")
        assert layout.tests.names == {
            "hba1c_pct": ["HbA1c"],
            "creatinine_umol_l": ["Kreatinin"],
            "crp_mg_l": ["CRP"],
            "leukocytes_10e9_l": ["Leukozyten"],
        }
        assert fields_of(load_decided(draft, tmp_path), "labs")["lab_id"] == "Labor"

    def test_an_unknown_test_is_open_not_ignored(self, tmp_path: Path) -> None:
        assert "Homocystein" in reasons(draft_of(tmp_path, labor=LONG))["Test"]


class TestOpenQuestions:
    def test_hba1c_of_two_tables_is_open(self, tmp_path: Path) -> None:
        rows = ["PatNr,Visit,Sample code,Lab,HbA1c (%)", "CH01-001,V1,S1,LAB_CH,7.9", "CH01-002,V1,S2,LAB_CH,8.9"]
        draft = draft_of(tmp_path, austausch="\n".join(rows) + "\n")
        entry = next(each for each in draft.undecided if each.column == "HbA1c (%)")
        assert {"labs.hba1c_pct", "hba1c_crosscheck.hba1c_pct"} <= set(entry.candidates)
        covered(draft)

    def test_both_decimal_marks_are_open(self, tmp_path: Path) -> None:
        rows = ["PatNr;Visite;Gewicht (kg);Größe (cm);HbA1c (%)"]
        rows += [f"CH01-00{n};V1;8{n},5;17{n},2;{n}.5" for n in range(6, 9)]
        draft = draft_of(tmp_path, misch="\n".join(rows) + "\n")
        assert draft.decimal == "," and "decimal mark here is '.'" in reasons(draft)["HbA1c (%)"]

    def test_values_that_contradict_the_unit_leave_the_field_open(self, tmp_path: Path) -> None:
        rows = ["PatNr;Visite;HbA1c (%)", *(f"CH01-00{n};V1;5{n}" for n in range(1, 6))]
        draft = draft_of(tmp_path, mmol="\n".join(rows) + "\n")
        assert "only 0 % of the values" in reasons(draft)["HbA1c (%)"]

    def test_an_unknown_code_says_where_it_stands(self, tmp_path: Path) -> None:
        rows = ["subject_id;Geschlecht;birth_year", *(f"CH01-00{n};{'mwmwx'[n]};195{n}" for n in range(5))]
        assert "row 6" in reasons(draft_of(tmp_path, leute="\n".join(rows) + "\n"))["Geschlecht"]

    def test_doubled_and_nameless_columns_are_listed(self, tmp_path: Path) -> None:
        draft = draft_of(tmp_path, doppelt="PatNr,Visit,HbA1c (%),HbA1c (%),\nCH01-001,V1,8.1,8.2,x\n")
        assert "twice" in reasons(draft)["HbA1c (%)"]
        assert "(column 5 without a name)" in reasons(draft)

    def test_a_drafted_profile_with_open_entries_does_not_load(self, tmp_path: Path) -> None:
        draft = draft_of(tmp_path, besog=DANISH)
        path = tmp_path / "drafted.yaml"
        path.write_text(draft.text, encoding="utf-8")
        with pytest.raises(SchemaError, match="Bemærkning"):
            load_profile(path, definitions())

    def test_what_looks_like_a_personal_number_is_not_shown(self, tmp_path: Path) -> None:
        rows = ["PatNr;CPR", *(f"DK01-00{n};010150-123{n}" for n in range(5))]
        draft = draft_of(tmp_path, cpr="\n".join(rows) + "\n")
        assert "identify a person" in reasons(draft)["CPR"]
        assert "010150" not in draft.text

    def test_personal_numbers_in_place_of_subject_numbers_make_no_template(self, tmp_path: Path) -> None:
        rows = ["PatNr;Visite;HbA1c (%)", *(f"010150-123{n};V1;8.{n}" for n in range(5))]
        draft = draft_of(tmp_path, cpr="\n".join(rows) + "\n")
        assert draft.subjects is None and "PatNr" in reasons(draft)
        assert "010150" not in draft.text


class TestCanonicalNames:
    def test_every_column_is_sure_and_the_profile_loads_as_it_is(self, tmp_path: Path) -> None:
        draft = draft_profile(CANONICAL)
        assert (draft.open, draft.undecided) == (0, [])
        path = tmp_path / "canonical.yaml"
        path.write_text(draft.text, encoding="utf-8")
        profile = load_profile(path, definitions())
        for sheet in profile.sheets:
            layout = sheet.tables[0]
            assert layout.table == sheet.files.removesuffix(".csv")
            assert {name: layout.field(name).columns for name in layout.fields} == {n: [n] for n in layout.fields}
        covered(draft)


SHUFFLED = [
    *(("vitals", name) for name in ("weight_kg", "height_cm", "bmi_kg_m2", "heart_rate_bpm")),
    *(
        ("labs", name)
        for name in ("hba1c_pct", "crp_mg_l", "hemoglobin_g_l", "platelets_10e9_l", "alt_u_l", "hdl_mmol_l")
    ),
    *(("labs", name) for name in ("sodium_mmol_l", "triglycerides_mmol_l", "creatinine_umol_l", "leptin_ug_l")),
]
KEYS = [("visits", "subject_id"), ("visits", "visit")]
VALUES = {
    "weight_kg": "88.5",
    "height_cm": "178.5",
    "bmi_kg_m2": "29.5",
    "heart_rate_bpm": "66",
    "hba1c_pct": "8.5",
    "crp_mg_l": "3.5",
    "hemoglobin_g_l": "145",
    "platelets_10e9_l": "255",
    "alt_u_l": "35",
    "hdl_mmol_l": "1.1",
    "sodium_mmol_l": "140",
    "triglycerides_mmol_l": "1.8",
    "creatinine_umol_l": "71",
    "leptin_ug_l": "12.5",
}


def name_choices(table: str, name: str) -> list[str]:
    """Names listed for one field alone, so that the name decides; with the unit in brackets."""
    found = definitions()
    field = found.tables[table].fields[name]
    every = [
        fold(text)
        for each in found.tables.values()
        for other in each.fields.values()
        if other.name != name
        for text in (other.name, other.label, *other.synonyms)
    ]
    unit = f" ({found.unit(field)})" if field.quantity else ""
    return [text + unit for text in [field.label, *field.synonyms] if fold(text) not in every]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
def test_other_names_in_another_order_give_the_same_mapping(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    names = {entry: draw.choice(name_choices(*entry)) for entry in [*KEYS, *SHUFFLED]}
    order = draw.sample(list(names), len(names))
    values = {**VALUES, "subject_id": "CH01-00{}", "visit": "V1"}
    rows = [";".join(values[name].format(number) for _, name in order) for number in range(1, 4)]
    draft = draft_of(tmp_path, mixed="\n".join([";".join(names[entry] for entry in order), *rows]) + "\n")
    profile = load_decided(draft, tmp_path)
    for (table, name), header in names.items():
        shown = [column for each in ("vitals", "labs", table) if (column := fields_of(profile, each).get(name))]
        assert shown and {name_and_unit(header)[0], header} & set(shown), (name, header)


class TestNotation:
    @pytest.mark.parametrize(
        ("texts", "decimal", "thousands"),
        [
            (["1,5", "12"], ",", set()),
            (["1'256", "3.5"], ".", {"'"}),
            (["1.256,5"], ",", {"."}),
            (["1 256", "7"], None, {" "}),
            (["0.512"], ".", set()),
        ],
    )
    def test_marks_are_what_the_cells_prove(self, texts: list[str], decimal: str | None, thousands: set[str]) -> None:
        seen = number_marks(texts)
        assert (seen.decimal, set(seen.thousands)) == (decimal, thousands)

    def test_three_digits_after_a_mark_prove_nothing(self) -> None:
        assert number_marks(["1.256", "2.345"]).doubtful == 2
        assert number_marks(["1,5", "1.5"]).is_mixed

    @pytest.mark.parametrize(
        ("text", "decimal", "value"),
        [
            ("1.256,5", ",", 1256.5),
            ("1'256.5", ".", 1256.5),
            ("<0,3", ",", 0.3),
            ("1,256.5", ".", 1256.5),
            ("n.d.", ".", None),
        ],
    )
    def test_numbers_are_read_with_their_marks(self, text: str, decimal: str, value: float | None) -> None:
        assert read_number(text, decimal) == value

    @given(st.dates(min_value=dt.date(1950, 1, 1)))
    def test_a_day_above_12_and_only_that_proves_the_order(self, day: dt.date) -> None:
        shape = dates({f"{day:%d.%m.%Y}": 1}).shapes[0]
        assert ("dm" in shape.orders) == (day.day > 12)
        assert shape.layout("dm") == "dd.mm.yyyy"

    def test_two_numbers_in_a_cell(self) -> None:
        assert two_parts({"145/83": 9, "n.d.": 1}) == "/"
        assert two_parts({"145": 9, "145/83": 1}) is None


@cache
def simulated(layout: str, folder: Path) -> Path:
    from anakinra_t2d.cli.main import main

    result = CliRunner().invoke(main, ["simulate", "--layout", layout, "--patients", "12", "--out", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


def sent_columns(layout: SheetLayout) -> Iterator[tuple[str, tuple[str, str]]]:
    """Headers of a sheet with table and field."""
    for table in layout.tables:
        spelled = list(table.over.values.values()) if table.over else [""]
        for name in table.fields:
            for column in table.field(name).columns:
                for each in spelled:
                    yield column.replace(OVER, each), (table.table, name)


def compare(draft: Draft, true: Profile) -> tuple[int, int, int]:
    """Number of columns whose field was found, was wrong though called sure, and stands in the true profile."""
    right = wrong = total = 0
    for sheet in draft.sheets:
        truth: dict[str, set[tuple[str, str]]] = {}
        for layout in true.sheets:
            is_same = layout.sheet is None or fold(layout.sheet) == fold(sheet.evidence.sheet or "")
            if is_same and fnmatch.fnmatchcase(sheet.evidence.file.lower(), layout.files.lower()):
                for header, entry in sent_columns(layout):
                    truth.setdefault(fold(header), set()).add(entry)
        for column in sheet.evidence.columns:
            wanted = truth.get(fold(column.header)) or truth.get(fold(name_and_unit(column.header)[0]))
            found = {
                (table.table.name, decision.best.field.name)
                for table in sheet.tables
                if table.is_sure
                for decision in table.decisions
                if decision.is_mapped and decision.best and column in decision.item.columns
            }
            total += wanted is not None
            right += bool(found) and wanted is not None and found <= wanted
            wrong += bool(found) and wanted is not None and not found <= wanted
    return right, wrong, total


@pytest.mark.skipif(not (ROOT / "schema/sites/denmark.yaml").is_file(), reason="the published profiles are not here")
@pytest.mark.parametrize("layout", ["denmark", "zurich"])
class TestFilesOfTheSites:
    @pytest.fixture
    def files(self, layout: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return simulated(layout, tmp_path_factory.getbasetemp() / f"profiling-{layout}")

    def test_most_of_the_true_mapping_is_found_and_nothing_sure_is_wrong(self, layout: str, files: Path) -> None:
        draft = draft_profile(files)
        right, wrong, total = compare(draft, definitions().profiles[layout])
        assert wrong == 0
        assert right >= 0.85 * total > 100
        covered(draft)

    def test_without_the_published_names_nothing_sure_is_wrong_either(self, layout: str, files: Path) -> None:
        unaware: Definitions = dataclasses.replace(definitions(), profiles={})
        right, wrong, total = compare(draft_profile(files, found=unaware), definitions().profiles[layout])
        assert wrong == 0
        assert right >= 0.35 * total


@needs_real
class TestRealFiles:
    def test_the_laboratory_of_the_pilot_is_a_list_of_results(self, tmp_path: Path) -> None:
        draft = draft_profile(REAL / "cdisc_pilot/lb.csv")
        tests = draft.sheets[0].tests
        assert tests is not None and tests.unit is not None
        assert (tests.column.header, tests.result.header, tests.unit.header) == ("LBTESTCD", "LBORRES", "LBORRESU")
        assert tests.names["fpg_mmol_l"] == ["GLUC"]
        assert "LBTESTCD" in reasons(draft)
        covered(draft)
        load_decided(draft, tmp_path)

    def test_glucose_in_two_units_is_open(self, tmp_path: Path) -> None:
        draft = draft_profile(REAL / "ogtt_gmi")
        assert {"glucose_mgdl", "glucose_mmoll", "ID"} <= set(reasons(draft))
        covered(draft)
        load_decided(draft, tmp_path)

    @pytest.mark.parametrize("folder", ["simple", "decimal-comma", "repeating-instruments"])
    def test_redcap_exports_show_no_value(self, folder: str, tmp_path: Path) -> None:
        draft = draft_profile(REAL / "redcap" / folder / "data.csv")
        covered(draft)
        load_decided(draft, tmp_path)
        assert not any(text in draft.text for text in ("Nutmouse", "Valdez", "(405)", "mouse.com"))


class TestCommand:
    def test_text_goes_to_stdout_and_the_summary_to_stderr(self, tmp_path: Path) -> None:
        (tmp_path / "besog.csv").write_text(DANISH, encoding="utf-8")
        result = CliRunner().invoke(profile_command, [str(tmp_path)])
        assert result.exit_code == 0
        assert yaml.safe_load(result.stdout)["decimal"] == ","
        assert "10 columns are sure, 2 to decide" in result.stderr

    def test_a_file_is_written_once(self, tmp_path: Path) -> None:
        (tmp_path / "besog.csv").write_text(DANISH, encoding="utf-8")
        out = tmp_path / "site.yaml"
        assert CliRunner().invoke(profile_command, [str(tmp_path), "--out", str(out)]).exit_code == 0
        first = out.read_text(encoding="utf-8")
        result = CliRunner().invoke(profile_command, [str(tmp_path), "--out", str(out)])
        assert (result.exit_code, out.read_text(encoding="utf-8")) == (2, first)
        assert "exists already" in result.stderr

    @pytest.mark.parametrize("text", ["", None])
    def test_nothing_to_read_is_a_sentence_and_status_2(self, text: str | None, tmp_path: Path) -> None:
        if text is not None:
            (tmp_path / "leer.csv").write_text(text, encoding="utf-8")
        result = CliRunner().invoke(profile_command, [str(tmp_path)])
        assert result.exit_code == 2
        assert result.stderr.strip().endswith(".") and "Traceback" not in result.stderr
        with pytest.raises(InputError):
            draft_profile(tmp_path)

    def test_help_loads_nothing_heavy(self) -> None:
        code = (
            "import anakinra_t2d.cli.profile, sys; print([m for m in ('polars', 'scipy', 'numpy') if m in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"
