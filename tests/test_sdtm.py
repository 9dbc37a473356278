"""The published layout SDTM: every field has one place, in data sets that the transport format can hold."""

from __future__ import annotations

import csv
import fnmatch
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anakinra_t2d.schema import SchemaError, definitions, load_profile
from anakinra_t2d.schema.sites import FieldLayout, Profile, SheetLayout, TableLayout
from anakinra_t2d.schema.tables import Table

REAL = Path(__file__).parents[2] / "shared" / "real"
PILOT = REAL / "cdisc_pilot"
FOUND = definitions()
SDTM = FOUND.profiles["sdtm"]
SENT = [table for table in FOUND.tables.values() if table.role != "lineage"]
STANDARD = ["dm", "sv", "vs", "lb", "ae", "cm", "ex", "ec", "da", "ds", "dv", "mh", "ie"]
TRIAL_DESIGN = ["ta", "td", "te", "ti", "tm", "ts", "tv"]

needs_pilot = pytest.mark.skipif(not PILOT.is_dir(), reason="the CDISC pilot study is not on this machine")


def stem(sheet: SheetLayout) -> str:
    return sheet.files.partition(".")[0]


def layouts() -> Iterator[tuple[SheetLayout, TableLayout]]:
    for sheet in SDTM.sheets:
        for layout in sheet.tables:
            yield sheet, layout


def layouts_of(table: Table) -> list[tuple[SheetLayout, TableLayout]]:
    return [(sheet, layout) for sheet, layout in layouts() if layout.table == table.name]


def sheet_of(file: str) -> SheetLayout | None:
    return next((sheet for sheet in SDTM.sheets if fnmatch.fnmatchcase(file, sheet.files)), None)


def columns_of(layout: TableLayout) -> list[str]:
    """Every column that a layout reads, each once."""
    tests = layout.tests
    names: list[str | None] = [*layout.where, *layout.when_filled]
    names += [tests.column, tests.result, tests.unit_column, tests.status_column] if tests else []
    for name in layout.fields:
        names += [*layout.field(name).columns, layout.field(name).unit_column]
    return [name for name in dict.fromkeys(names) if name]


class TestEveryFieldHasOnePlace:
    @pytest.mark.parametrize("table", SENT, ids=lambda table: table.name)
    def test_fields_beside_the_key_stand_once(self, table: Table) -> None:
        places = Counter(
            name
            for _, layout in layouts_of(table)
            for name in [*layout.fields, *(layout.tests.names if layout.tests else [])]
            if name not in table.key
        )
        assert places == Counter(name for name in table.fields if name not in table.key)

    @pytest.mark.parametrize("table", SENT, ids=lambda table: table.name)
    def test_the_whole_key_stands_in_each_sheet(self, table: Table) -> None:
        assert layouts_of(table)
        for sheet, layout in layouts_of(table):
            missing = [name for name in table.key if name not in layout.fields]
            assert not missing, sheet.files

    def test_no_column_is_read_by_its_own_name_unsaid(self) -> None:
        assert not [sheet.files for sheet, layout in layouts() if layout.same_names]

    def test_each_column_of_a_sheet_is_one_field_of_a_table(self) -> None:
        for sheet, layout in layouts():
            times = Counter(column for name in layout.fields for column in layout.field(name).columns)
            assert [column for column, number in times.items() if number > 1] == [], sheet.files

    def test_numbers_with_a_unit_state_it(self) -> None:
        for sheet, layout in layouts():
            fields = FOUND.tables[layout.table].fields
            for name in layout.fields:
                entry = layout.field(name)
                if fields[name].quantity:
                    assert entry.unit or entry.unit_column, f"{sheet.files} {name}"

    def test_numbers_among_the_results_have_a_column_for_their_unit(self) -> None:
        for sheet, layout in layouts():
            if layout.tests and any(FOUND.tables[layout.table].fields[name].quantity for name in layout.tests.names):
                assert layout.tests.unit_column, sheet.files


class TestNames:
    def test_columns_fit_the_transport_format(self) -> None:
        for sheet, layout in layouts():
            wrong = [name for name in columns_of(layout) if not re.fullmatch("[A-Z][A-Z0-9]{0,7}", name)]
            assert wrong == [], sheet.files

    def test_a_column_is_read_or_left_out_and_not_both(self) -> None:
        for sheet in SDTM.sheets:
            conditions = {column for layout in sheet.tables for column in [*layout.where, *layout.unless]}
            read = {column for layout in sheet.tables for column in columns_of(layout)} - conditions
            ignored = Counter(sheet.ignore)
            assert read & set(ignored) == set(), sheet.files
            assert [name for name, times in ignored.items() if times > 1] == [], sheet.files

    def test_nothing_is_left_out_by_a_lone_star(self) -> None:
        assert not [sheet.files for sheet in SDTM.sheets if any(not name.strip("*?") for name in sheet.ignore)]

    def test_each_data_set_has_a_name_and_says_its_domain(self) -> None:
        names = [stem(sheet) for sheet in SDTM.sheets]
        assert len(set(names)) == len(names)
        for sheet in SDTM.sheets:
            assert sheet.files == f"{stem(sheet)}.*"
            if sheet.tables:
                assert sheet.expect == {"STUDYID": [FOUND.trial.registry], "DOMAIN": [stem(sheet).upper()]}

    def test_data_sets_of_the_sponsor_have_names_that_the_standard_leaves_free(self) -> None:
        own = [stem(sheet) for sheet in SDTM.sheets if stem(sheet) not in STANDARD + TRIAL_DESIGN]
        assert own
        assert [name for name in own if name[0] not in "xyz"] == []

    def test_columns_of_a_domain_begin_with_it(self) -> None:
        free = {"USUBJID", "VISIT", "SITEID", "SEX", "BRTHDTC", "AGE", "AGEU", "RFXSTDTC", "RFXENDTC", "RACE"}
        for sheet, layout in layouts():
            odd = [c for c in columns_of(layout) if c not in free and not c.startswith(stem(sheet).upper())]
            assert odd == [], sheet.files

    def test_names_of_tests_are_codes_and_mean_one_field_where_they_stand(self) -> None:
        for sheet, layout in layouts():
            if layout.tests:
                texts = [text for names in layout.tests.names.values() for text in names]
                assert len({text.casefold() for text in texts}) == len(texts), sheet.files
                if layout.tests.column.endswith("TESTCD"):
                    wrong = [text for text in texts if not re.fullmatch("[A-Z_][A-Z0-9_]{0,7}", text)]
                    assert wrong == [], sheet.files

    def test_the_codes_of_the_definitions_are_used(self) -> None:
        domains = {stem(sheet).upper(): sheet for sheet in SDTM.sheets}
        for table, domain in (("vitals", "VS"), ("labs", "LB"), ("ogtt", "LB"), ("iv_stimulation", "LB")):
            for layout in domains[domain].tables:
                if layout.table != table or layout.tests is None:
                    continue
                for name, texts in layout.tests.names.items():
                    code = FOUND.tables[table].fields[name].codes.cdisc
                    # two fields share HCG, the word and the number; the collection time has no code
                    if code is not None and name != "hcg_iu_l":
                        assert texts[0] == code, f"{table}.{name}"


class TestCodes:
    def test_every_code_of_a_list_can_be_written_and_read_back(self) -> None:
        for name, words in SDTM.codes.items():
            codes = {"true", "false"} if name == "boolean" else set(FOUND.codelists[name].codes)
            assert set(words.values()) == codes, name
            assert len({word.casefold() for word in words}) == len(words), name

    def test_a_word_that_means_a_code_is_no_word_of_an_empty_cell(self) -> None:
        words = {word.casefold() for texts in SDTM.codes.values() for word in texts}
        assert not words & {word.casefold() for word in SDTM.missing}

    @given(site=st.sampled_from(["DK01", "CH01"]), number=st.integers(1, 999))
    def test_subject_numbers_go_there_and_back(self, site: str, number: int) -> None:
        assert SDTM.subjects
        subject = f"{site}-{number:03}"
        sent = SDTM.subjects.to_sent(subject)
        assert sent == f"NCT00303394-{subject}"
        assert SDTM.subjects.to_canonical(sent) == subject

    @pytest.mark.parametrize("number", ["01-701-1015", "CDISC001", "DK01-001"])
    def test_numbers_of_another_form_stay(self, number: str) -> None:
        assert SDTM.subjects
        assert SDTM.subjects.to_canonical(number) == number


class TestBlinding:
    def test_the_arm_is_never_read_from_a_standard_domain(self) -> None:
        revealing = {"ARM", "ARMCD", "ACTARM", "ACTARMCD", "EXTRT", "ECTRT"}
        for sheet in SDTM.sheets:
            read = {column for layout in sheet.tables for column in columns_of(layout)}
            assert not read & revealing
        demographics = sheet_of("dm.xpt")
        assert demographics
        assert {"ARM", "ARMCD", "ACTARM", "ACTARMCD"} <= set(demographics.ignore)

    def test_restricted_tables_have_data_sets_of_their_own(self) -> None:
        for sheet in SDTM.sheets:
            restricted = {FOUND.tables[layout.table].restricted for layout in sheet.tables}
            assert len(restricted) <= 1, sheet.files


class TestLaboratory:
    def layouts(self) -> dict[str, list[TableLayout]]:
        sheet = sheet_of("lb.csv")
        assert sheet
        found: dict[str, list[TableLayout]] = {}
        for layout in sheet.tables:
            found.setdefault(layout.table, []).append(layout)
        return found

    def test_a_sample_of_a_stimulation_test_is_never_a_fasting_value(self) -> None:
        layouts = self.layouts()
        points = [text for name in ("ogtt", "iv_stimulation") for text in layouts[name][0].where["LBTPTREF"]]
        assert len(set(points)) == len(points)
        for layout in layouts["labs"]:
            assert set(layout.unless["LBTPTREF"]) == set(points)

    def test_urine_is_never_blood(self) -> None:
        blood, urine = self.layouts()["labs"]
        assert not set(blood.where["LBCAT"]) & set(urine.where["LBCAT"])
        assert blood.unless["LBSPEC"] == ["URINE"]


class TestWhichFiles:
    @pytest.mark.parametrize("name", STANDARD)
    @pytest.mark.parametrize("ending", ["xpt", "csv", "json", "csv.gz"])
    def test_standard_domains_are_read_in_every_format(self, name: str, ending: str) -> None:
        sheet = sheet_of(f"{name}.{ending}")
        assert sheet is not None
        assert sheet.tables

    @pytest.mark.parametrize("name", TRIAL_DESIGN)
    def test_trial_design_is_left_out_on_purpose(self, name: str) -> None:
        sheet = sheet_of(f"{name}.xpt")
        assert sheet is not None
        assert not sheet.tables

    @pytest.mark.parametrize("name", ["adae.xpt", "suppae.xpt", "qs.xpt", "vitals.csv"])
    def test_other_files_are_not_taken(self, name: str) -> None:
        assert sheet_of(name) is None

    def test_a_file_is_recognised_by_what_every_domain_has(self) -> None:
        assert SDTM.recognised_by == ["STUDYID", "DOMAIN"]


@needs_pilot
class TestPilotHeaders:
    @pytest.mark.parametrize("path", sorted(PILOT.glob("*.csv")), ids=lambda path: path.name)
    def test_every_column_is_read_or_left_out_on_purpose(self, path: Path) -> None:
        sheet = sheet_of(path.name)
        assert sheet is not None
        with path.open(encoding="utf-8", newline="") as file:
            header = next(csv.reader(file))
        read = {column for layout in sheet.tables for column in columns_of(layout)} | set(sheet.expect)
        unknown = [
            name
            for name in header
            if name not in read and not any(fnmatch.fnmatchcase(name, each) for each in sheet.ignore)
        ]
        assert unknown == [] or not sheet.tables


class TestTheModel:
    HEAD = "title: A laboratory\nsheets:\n  - files: a.csv\n    tables:\n      - table: vitals\n        fields:\n"

    def profile(self, folder: Path, fields: str) -> Profile:
        path = folder / "own.yaml"
        path.write_text(self.HEAD + fields, encoding="utf-8")
        return load_profile(path, FOUND)

    def test_a_default_belongs_to_a_column(self) -> None:
        with pytest.raises(ValueError, match="default belongs to a column"):
            FieldLayout(value="1", default="2")

    def test_a_default_is_kept(self, tmp_path: Path) -> None:
        profile = self.profile(tmp_path, '          visit_seq: {column: REP, default: "1"}\n')
        assert profile.sheets[0].tables[0].field("visit_seq").default == "1"

    def test_a_default_that_is_no_code_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(SchemaError, match="there is no term of visit 'week5'; did you mean 'week4'"):
            self.profile(tmp_path, "          visit: {column: VISIT, default: week5}\n")
