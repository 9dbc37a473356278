"""Define-XML: valid, every reference resolved, and the data sets as they are written and nothing besides."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyreadstat
import pytest
import xmlschema
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from anakinra_t2d.cli.export.define_xml import define_xml as command
from anakinra_t2d.derivation.adam import adam
from anakinra_t2d.endpoint_views import views
from anakinra_t2d.schema import definitions
from anakinra_t2d.schema.endpoints import FormulaCard
from anakinra_t2d.standards.define_xml import DESCRIBED, DescribedAs, define_xml
from anakinra_t2d.standards.define_xml_content import (
    Code,
    CodeList,
    Comment,
    DataSet,
    Document,
    Item,
    Method,
    Variable,
    joined,
)
from anakinra_t2d.standards.define_xml_elements import define_xml_text
from anakinra_t2d.standards.sdtm import sdtm
from anakinra_t2d.write.transport_file import write_transport_file
from derived_trial import write_derived, write_tables

FOUND = definitions()
ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT.parent / "shared/real/define_xsd/define/2.1/define2-1-0.xsd"
ODM = "{http://www.cdisc.org/ns/odm/v1.3}"
DEF = "{http://www.cdisc.org/ns/def/v2.1}"
LINK = "{http://www.w3.org/1999/xlink}href"
REFERENCES = {
    "ItemOID": "ItemDef",
    f"{DEF}ItemOID": "ItemDef",
    "CodeListOID": "CodeList",
    "MethodOID": "MethodDef",
    "MeasurementUnitOID": "MeasurementUnit",
    "ValueListOID": "ValueListDef",
    "WhereClauseOID": "WhereClauseDef",
    f"{DEF}CommentOID": "CommentDef",
    f"{DEF}StandardOID": "Standard",
    f"{DEF}ArchiveLocationID": "leaf",
    "leafID": "leaf",
}
NO_USE_IS_NEEDED = {"ItemGroupDef", "MetaDataVersion", "Study"}


@pytest.fixture(scope="module")
def texts() -> dict[str, bytes]:
    """Each document with everything that the definitions know."""
    return {standard: define_xml(FOUND, standard) for standard in DESCRIBED}


@pytest.fixture(scope="module")
def folders(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Data sets of each standard, of a trial that was converted and derived."""
    place = tmp_path_factory.mktemp("define")
    tables = place / "tables"
    write_tables(sound_trial, tables, FOUND)
    write_derived(tables, FOUND)
    adam(tables, FOUND, place / "adam")
    sdtm(tables, FOUND, place / "sdtm", unblinded=True)
    return {"tables": tables, "adam": place / "adam", "sdtm": place / "sdtm"}


@pytest.fixture(scope="module")
def of_data(folders: dict[str, Path]) -> dict[str, bytes]:
    """Each document for the data sets of a directory."""
    return {standard: define_xml(FOUND, standard, folders[standard]) for standard in DESCRIBED}


def tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def words(element: ET.Element | None) -> str:
    """Text below an element."""
    return "" if element is None else "".join(element.itertext()).strip()


class Read:
    """A document as a reader sees it."""

    def __init__(self, text: bytes) -> None:
        self.root = ET.fromstring(text)
        self.by_id = {
            one.get("OID") or one.get("ID"): one for one in self.root.iter() if one.get("OID") or one.get("ID")
        }

    def data_sets(self) -> list[ET.Element]:
        return list(self.root.iter(f"{ODM}ItemGroupDef"))

    def data_set(self, name: str) -> ET.Element:
        return next(one for one in self.data_sets() if one.get("Name") == name)

    def file(self, data_set: ET.Element) -> str:
        return self.by_id[data_set.get(f"{DEF}ArchiveLocationID")].get(LINK) or ""

    def references(self, data_set: ET.Element) -> list[ET.Element]:
        return data_set.findall(f"{ODM}ItemRef")

    def item(self, reference: ET.Element) -> ET.Element:
        return self.by_id[reference.get("ItemOID")]

    def names(self, data_set: ET.Element) -> list[str]:
        return [self.item(reference).get("Name") or "" for reference in self.references(data_set)]

    def variable(self, data_set: str, name: str) -> tuple[ET.Element, ET.Element]:
        """Reference and definition."""
        references = self.references(self.data_set(data_set))
        return next((one, self.item(one)) for one in references if self.item(one).get("Name") == name)

    def key(self, data_set: ET.Element) -> list[str]:
        keyed = [one for one in self.references(data_set) if one.get("KeySequence")]
        return [
            self.item(one).get("Name") or "" for one in sorted(keyed, key=lambda one: int(one.get("KeySequence", "0")))
        ]

    def codes(self, item: ET.Element) -> dict[str, str] | None:
        """Codes of a codelist with their decodes; None without one, or with an external one."""
        reference = item.find(f"{ODM}CodeListRef")
        if reference is None:
            return None
        listed = self.by_id[reference.get("CodeListOID")]
        entries = [*listed.findall(f"{ODM}CodeListItem"), *listed.findall(f"{ODM}EnumeratedItem")]
        return {one.get("CodedValue", ""): words(one.find(f"{ODM}Decode")) for one in entries} or None

    def comment(self, element: ET.Element) -> str:
        return words(self.by_id[element.get(f"{DEF}CommentOID")].find(f"{ODM}Description"))

    def values(self, item: ET.Element) -> list[tuple[dict[str, list[str]], ET.Element, ET.Element]]:
        """Condition, reference and definition of each entry of a value list, conditions by name of the variable."""
        reference = item.find(f"{DEF}ValueListRef")
        if reference is None:
            return []
        found = []
        for one in self.by_id[reference.get("ValueListOID")].findall(f"{ODM}ItemRef"):
            clause = self.by_id[one.findall(f"{DEF}WhereClauseRef")[0].get("WhereClauseOID")]
            where = {
                self.by_id[check.get(f"{DEF}ItemOID")].get("Name", ""): [words(value) for value in check]
                for check in clause
            }
            found.append((where, one, self.item(one)))
        return found


@pytest.fixture(scope="module")
def reads(texts: dict[str, bytes]) -> dict[str, Read]:
    """The documents with everything that the definitions know, read."""
    return {standard: Read(text) for standard, text in texts.items()}


def frame_of(path: Path) -> pl.DataFrame:
    """Rows of a data set, texts as texts, an empty text as none, days as numbers."""
    if path.suffix == ".parquet":
        frame = pl.read_parquet(path)
        return frame.with_columns(pl.col(pl.Boolean).cast(pl.String), pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    read, _ = pyreadstat.read_xport(path, output_format="polars", disable_datetime_conversion=True)
    return pl.DataFrame(read).with_columns(pl.col(pl.String).replace("", None))


def written(value: Any) -> str:
    """A value as characters; a whole number has no point."""
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def has_place(value: Any, item: ET.Element) -> bool:
    """Whether a value keeps to the length and the digits that are stated."""
    shown = written(value)
    digits = item.get("SignificantDigits")
    decimals = len(shown.partition(".")[2].partition("e")[0])
    return len(shown) <= int(item.get("Length", "0")) and (digits is None or decimals <= int(digits))


@cache
def schema_of(path: str) -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(path)


def problems(path: str, text: bytes) -> list[str]:
    """What a schema finds."""
    return [str(one.reason) for one in schema_of(path).iter_errors(text.decode())]


@pytest.mark.parametrize("standard", DESCRIBED)
class TestValid:
    def test_against_the_schema_that_odmlib_ships(self, standard: DescribedAs, texts: dict[str, bytes]) -> None:
        from odmlib.schema_manager import get_schema_path

        assert problems(str(get_schema_path("define", "2.1")), texts[standard]) == []

    @pytest.mark.skipif(not PUBLISHED.is_file(), reason="the folder shared/real is absent")
    def test_against_the_published_schema(self, standard: DescribedAs, of_data: dict[str, bytes]) -> None:
        assert problems(str(PUBLISHED), of_data[standard]) == []

    def test_others_read_it(self, standard: DescribedAs, texts: dict[str, bytes], tmp_path: Path) -> None:
        import odmlib.define_loader
        import odmlib.loader

        path = tmp_path / "define.xml"
        path.write_bytes(texts[standard])
        loader: Any = odmlib.loader.ODMLoader(odmlib.define_loader.XMLDefineLoader(model_package="define_2_1"))
        loader.open_odm_document(str(path))
        version = loader.MetaDataVersion()
        read = Read(texts[standard])
        assert [one.Name for one in version.ItemGroupDef] == [one.get("Name") for one in read.data_sets()]
        assert len(version.ItemDef) == len(list(read.root.iter(f"{ODM}ItemDef")))

    def test_ids_are_unique_and_every_reference_leads_to_its_element(
        self, standard: DescribedAs, texts: dict[str, bytes], of_data: dict[str, bytes]
    ) -> None:
        for text in (texts[standard], of_data[standard]):
            root = ET.fromstring(text)
            ids = Counter(one.get("OID") or one.get("ID") for one in root.iter())
            assert [id for id, count in ids.items() if id and count > 1] == []
            kinds = {one.get("OID") or one.get("ID"): tag(one) for one in root.iter()}
            used = set()
            for one in root.iter():
                for name, kind in REFERENCES.items():
                    if (target := one.get(name)) is not None:
                        assert kinds.get(target) == kind, (tag(one), name, target)
                        used.add(target)
            assert [id for id, kind in kinds.items() if id and id not in used and kind not in NO_USE_IS_NEEDED] == []

    def test_a_leaf_is_a_file_beside_the_document_or_the_paper(
        self, standard: DescribedAs, of_data: dict[str, bytes], folders: dict[str, Path]
    ) -> None:
        leaves = [one.get(LINK, "") for one in ET.fromstring(of_data[standard]).iter(f"{DEF}leaf")]
        outside = [one for one in leaves if not (folders[standard] / one).is_file()]
        assert outside == [f"https://doi.org/{FOUND.trial.publication.doi}"]

    def test_no_text_is_empty_and_none_says_none(self, standard: DescribedAs, texts: dict[str, bytes]) -> None:
        for one in ET.fromstring(texts[standard]).iter(f"{ODM}TranslatedText"):
            assert words(one)
            assert "None" not in words(one).split()
            assert ".." not in words(one)


def test_another_process_gives_the_same_bytes(texts: dict[str, bytes]) -> None:
    script = (
        "import hashlib\nfrom anakinra_t2d.schema import definitions\n"
        "from anakinra_t2d.standards.define_xml import DESCRIBED, define_xml\n"
        "for one in DESCRIBED: print(hashlib.sha256(define_xml(definitions(), one)).hexdigest())"
    )
    # another seed puts sets into another order
    other = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONHASHSEED": "7"}, capture_output=True, text=True, check=True
    )
    assert other.stdout.split() == [hashlib.sha256(texts[one]).hexdigest() for one in DESCRIBED]


@pytest.mark.parametrize("standard", DESCRIBED)
class TestAgainstTheDataSets:
    """What the document says of each data set, held against the file."""

    def test_the_variables_of_the_files_and_none_besides(
        self, standard: DescribedAs, texts: dict[str, bytes], of_data: dict[str, bytes], folders: dict[str, Path]
    ) -> None:
        files = {
            path.name
            for path in folders[standard].iterdir()
            if path.suffix == (".xpt", ".parquet")[standard == "tables"]
        }
        if standard == "tables":
            files = {name for name in files if Path(name).stem in FOUND.tables}
        for text in (texts[standard], of_data[standard]):
            read = Read(text)
            described = {read.file(one): read.names(one) for one in read.data_sets()}
            assert files <= set(described)
            for name in files:
                assert described[name] == frame_of(folders[standard] / name).columns
        kept = Read(of_data[standard])
        assert {kept.file(one) for one in kept.data_sets()} == files

    def test_types_lengths_codes_and_keys_hold(
        self, standard: DescribedAs, texts: dict[str, bytes], of_data: dict[str, bytes], folders: dict[str, Path]
    ) -> None:
        for text in (texts[standard], of_data[standard]):
            read = Read(text)
            for one in read.data_sets():
                path = folders[standard] / read.file(one)
                if not path.is_file():
                    continue
                frame = frame_of(path)
                key = read.key(one)
                assert key
                assert not frame.select(key).is_duplicated().any(), one.get("Name")
                for reference in read.references(one):
                    item = read.item(reference)
                    column = frame[item.get("Name") or ""]
                    if reference.get("Mandatory") == "Yes":
                        assert column.null_count() == 0, item.get("OID")
                    values = column.drop_nulls().unique().to_list()
                    kind = item.get("DataType")
                    if kind in ("integer", "float") and values:
                        assert column.dtype.is_numeric(), item.get("OID")
                    if kind in ("text", "integer", "float"):
                        assert [value for value in values if not has_place(value, item)] == [], item.get("OID")
                    if codes := read.codes(item):
                        assert {written(value) for value in values} <= set(codes), item.get("OID")

    def test_each_value_has_the_metadata_of_one_condition(
        self, standard: DescribedAs, of_data: dict[str, bytes], folders: dict[str, Path]
    ) -> None:
        read = Read(of_data[standard])
        checked = 0
        for one in read.data_sets():
            frame = frame_of(folders[standard] / read.file(one))
            for reference in read.references(one):
                item = read.item(reference)
                values = read.values(item)
                if not values:
                    continue
                filled = frame.filter(pl.col(item.get("Name") or "").is_not_null())
                conditions = [
                    pl.all_horizontal([pl.col(name).is_in(codes) for name, codes in where.items()])
                    for where, _, _ in values
                ]
                assert filled.select(pl.sum_horizontal(conditions).alias("met"))["met"].unique().to_list() == [1]
                for condition, (_, _, value_item) in zip(conditions, values, strict=True):
                    found = filled.filter(condition)[item.get("Name") or ""].unique().to_list()
                    assert [each for each in found if not has_place(each, value_item)] == [], value_item.get("OID")
                    if codes := read.codes(value_item):
                        assert {written(each) for each in found} <= set(codes), value_item.get("OID")
                    checked += len(found)
        assert checked or standard == "tables"


class TestLengthsOfData:
    def test_a_text_is_as_long_as_the_longest_that_is_there(
        self, of_data: dict[str, bytes], texts: dict[str, bytes], folders: dict[str, Path]
    ) -> None:
        column = frame_of(folders["adam"] / "adsl.xpt")["USUBJID"]
        _, item = Read(of_data["adam"]).variable("ADSL", "USUBJID")
        assert int(item.get("Length", "0")) == column.str.len_chars().max()
        _, item = Read(texts["adam"]).variable("ADSL", "USUBJID")
        assert item.get("Length") == "200"

    def test_what_is_not_there_is_left_out(self, folders: dict[str, Path], tmp_path: Path) -> None:
        frame = frame_of(folders["adam"] / "adsl.xpt").drop("TRT01P", "TRT01A")
        write_transport_file(tmp_path / "adsl.xpt", "ADSL", "Subjects", frame, {name: name for name in frame.columns})
        read = Read(define_xml(FOUND, "adam", tmp_path))
        assert [one.get("Name") for one in read.data_sets()] == ["ADSL"]
        assert read.names(read.data_sets()[0]) == frame.columns

    def test_data_sets_that_are_kept_apart_are_not_described(
        self, folders: dict[str, Path], texts: dict[str, bytes], of_data: dict[str, bytes], tmp_path: Path
    ) -> None:
        sdtm(folders["tables"], FOUND, tmp_path / "blinded")
        shown = {one.get("Name") for one in Read(define_xml(FOUND, "sdtm", tmp_path / "blinded")).data_sets()}
        everything = {one.get("Name") for one in Read(of_data["sdtm"]).data_sets()}
        comment = words(next(ET.fromstring(texts["sdtm"]).iter(f"{DEF}CommentDef")))
        apart = everything - shown
        assert len(apart) == sum(table.restricted for table in FOUND.tables.values())
        assert all(str(name) in comment for name in apart)


class TestAnalysisDataSets:
    @pytest.fixture
    def read(self, reads: dict[str, Read]) -> Read:
        return reads["adam"]

    def method(self, read: Read, reference: ET.Element) -> tuple[str, ET.Element]:
        method = read.by_id[reference.get("MethodOID")]
        return words(method.find(f"{ODM}Description")), method

    def test_each_parameter_and_endpoint_has_unit_type_and_formula(self, read: Read) -> None:
        cards = [*FOUND.endpoints.parameters, *FOUND.endpoints.endpoints]
        values = read.values(read.variable("ADBDS", "AVAL")[1])
        assert [where["PARAMCD"] for where, _, _ in values] == [[card.code] for card in cards]
        for card, (where, reference, item) in zip(cards, values, strict=True):
            said, method = self.method(read, reference)
            assert where["AVALU"] == [card.unit]
            assert words(item.find(f"{ODM}Description")).startswith(card.label) or card.label in words(item)
            assert item.get("DataType") in ("float", "integer")
            assert said.startswith(card.definition.rstrip("."))
            assert card.source in said
            assert f"basis: {card.basis}" in said
            assert method.get("Type") == "Computation"
            expressions = method.findall(f"{ODM}FormalExpression")
            assert [one.get("Context") for one in expressions] == ["SQL (DuckDB)"]
            papers = method.findall(f"{DEF}DocumentRef")
            assert len(papers) == (card.basis == "paper")

    def test_a_formula_names_its_inputs(self, read: Read) -> None:
        formulas = {card.code: card for card in FOUND.endpoints.parameters if isinstance(card, FormulaCard)}
        for where, reference, _ in read.values(read.variable("ADBDS", "AVAL")[1]):
            if card := formulas.get(where["PARAMCD"][0]):
                said, _ = self.method(read, reference)
                assert f"{card.code} = {card.expression}, where " in said
                for name, source in card.inputs.items():
                    assert f"{name} is {FOUND.endpoints.parameter(source.parameter).code} (" in said

    def test_whole_numbers_have_the_words_they_stand_for(self, read: Read) -> None:
        items = {where["PARAMCD"][0]: item for where, _, item in read.values(read.variable("ADBDS", "AVAL")[1])}
        assert read.codes(items["EP03"]) == {"1": "Yes", "0": "No"}
        assert list(read.codes(items["RETINOP"]) or {}) == ["0", "1", "2", "3", "4"]
        assert items["HBA1C"].get("DataType") == "float"
        assert items["HBA1C"].get(f"{DEF}DisplayFormat") == "11.2"

    def test_the_expressions_alone_give_the_values(self, read: Read, folders: dict[str, Path]) -> None:
        con = duckdb.connect()
        for path in folders["tables"].glob("*.parquet"):
            if path.stem in FOUND.tables:
                con.execute(f"CREATE VIEW {path.stem} AS SELECT * FROM '{path}'")
        by_name = {view.name: view.query for view in views(FOUND)}
        con.execute(f"CREATE TABLE trial_subjects AS {by_name['trial_subjects']}")
        for population in FOUND.endpoints.populations.values():
            self.run(con, *self.method(read, read.variable("ADSL", population.code)[0]))
        for _, reference, _ in read.values(read.variable("ADBDS", "AVAL")[1]):
            self.run(con, *self.method(read, reference))
        derived = folders["tables"] / "endpoints.parquet"
        for card in FOUND.endpoints.endpoints:
            view = f"endpoint_{card.id.lower().replace('.', '_')}"
            differing = con.execute(
                f"SELECT count(*) FROM {view} AS made FULL JOIN (SELECT * FROM '{derived}' "
                f"WHERE endpoint_id = '{card.id}') AS derived USING (subject_id) WHERE made.state <> derived.state "
                "OR (made.value IS NULL) <> (derived.value IS NULL) OR abs(made.value - derived.value) > 1e-9"
            ).fetchone()
            assert differing == (0,), card.id

    def run(self, con: duckdb.DuckDBPyConnection, said: str, method: ET.Element) -> None:
        """Make a table of the name that the method says."""
        name = re.search(r"View (\w+)", said)
        assert name
        con.execute(f"CREATE TABLE {name[1]} AS {words(method.find(f'{ODM}FormalExpression'))}")

    def test_another_reading_is_in_words_and_in_the_expression(self, read: Read) -> None:
        other = Read(define_xml(FOUND, "adam", readings={"A13": "mosteller"}))
        said, found = [], []
        for one in (read, other):
            values = {
                where["PARAMCD"][0]: reference for where, reference, _ in one.values(one.variable("ADBDS", "AVAL")[1])
            }
            words_of, method = self.method(one, values["BSA"])
            said.append(words_of)
            found.append(words(method.find(f"{ODM}FormalExpression")))
        assert "0.725" in said[0]
        assert "0.725" not in said[1]
        assert found[0] != found[1]
        comments = [words(next(one.root.iter(f"{DEF}CommentDef"))) for one in (read, other)]
        assert ["A13 = mosteller" in comment for comment in comments] == [False, True]

    def test_origins(self, read: Read) -> None:
        def origin(data_set: str, name: str) -> tuple[str | None, str]:
            found = read.variable(data_set, name)[1].find(f"{DEF}Origin")
            assert found is not None
            return found.get("Type"), words(found)

        assert origin("ADSL", "SEX") == ("Predecessor", "subjects.sex")
        assert origin("ADBDS", "SEX") == ("Predecessor", "ADSL.SEX")
        assert origin("ADSL", "STUDYID") == ("Protocol", "")
        assert origin("ADSL", "AGEU") == ("Assigned", "")
        assert origin("ADSL", "TRT01P") == ("Derived", "")
        assert "anakinra is Anakinra 100 mg once daily" in self.method(read, read.variable("ADSL", "TRT01P")[0])[0]

    def test_texts_of_a_query_are_its_codelist(self, read: Read) -> None:
        assert set(read.codes(read.variable("ADSL", "EOSSTT")[1]) or {}) == {"COMPLETED", "DISCONTINUED", "ONGOING"}

    def test_what_the_standard_does_not_know_says_so(self, read: Read) -> None:
        marks = {
            read.item(one).get("Name"): one.get(f"{DEF}IsNonStandard")
            for one in read.references(read.data_set("ADBDS"))
        }
        assert {name for name, mark in marks.items() if mark} == {"CLAMPFL", "AVALU", "AVALSTAT", "AVALREAS"}


class TestTables:
    @pytest.fixture
    def read(self, reads: dict[str, Read]) -> Read:
        return reads["tables"]

    def test_every_field_says_all_that_is_known_of_it(self, read: Read) -> None:
        for table in FOUND.tables.values():
            data_set = read.data_set(table.name)
            assert read.key(data_set) == table.key
            assert read.names(data_set) == list(table.fields)
            for field in table.fields.values():
                _, item = read.variable(table.name, field.name)
                comment = read.comment(item)
                assert words(item.find(f"{ODM}Description")) == field.label
                assert f"Source: {field.source}; basis: {field.basis}" in comment
                unit = item.find(f"{ODM}MeasurementUnitRef")
                assert (unit is not None and read.by_id[unit.get("MeasurementUnitOID")].get("Name")) == (
                    FOUND.unit(field) or False
                )
                assert self.limits(item) == self.limits_of(field)
                if terms := FOUND.terms(field):
                    assert list(read.codes(item) or {}) == terms

    def limits(self, item: ET.Element) -> list[tuple[str | None, str | None, str]]:
        return [(one.get("SoftHard"), one.get("Comparator"), words(one)) for one in item.findall(f"{ODM}RangeCheck")]

    def limits_of(self, field: Any) -> list[tuple[str, str, str]]:
        return [
            (how, comparator, str(bound))
            for how, bounds in (("Hard", field.range), ("Soft", field.expected))
            for comparator, bound in zip(("GE", "LE"), bounds or (), strict=False)
            if bound is not None
        ]

    def test_codes_of_public_terminologies(self, read: Read) -> None:
        aliases = {
            (one.get("Context"), one.get("Name")) for one in read.variable("labs", "hba1c_pct")[1].iter(f"{ODM}Alias")
        }
        assert aliases == {("LOINC", "4548-4"), ("SDTM", "LB.HBA1C")}
        external = {
            (one.get("Name"), dictionary.get("Dictionary"))
            for one in read.root.iter(f"{ODM}CodeList")
            for dictionary in one.iter(f"{ODM}ExternalCodeList")
        }
        assert external == {
            ("MedDRA", "MedDRA"),
            ("WHO ATC CLASSIFICATION SYSTEM", "WHO ATC CLASSIFICATION SYSTEM"),
        }

    def test_a_field_of_two_dictionaries_names_neither(self, read: Read) -> None:
        _, item = read.variable("medical_history", "other_condition_code")
        assert item.find(f"{ODM}CodeListRef") is None

    def test_classes_fit(self, read: Read) -> None:
        found = {one.get("Name"): one.find(f"{DEF}Class") for one in read.data_sets()}
        named = {name: one.get("Name") for name, one in found.items() if one is not None}
        assert named["labs"] == "FINDINGS"
        assert named["adverse_events"] == "EVENTS"
        assert named["medications"] == "INTERVENTIONS"
        assert "sites" not in named
        assert "lineage" not in named

    def test_what_a_restricted_table_and_an_identifying_field_say(self, read: Read) -> None:
        for table in FOUND.tables.values():
            assert ("Restricted:" in read.comment(read.data_set(table.name))) == table.restricted
        assert "It identifies a person" in read.comment(read.variable("subjects", "birth_date")[1])


class TestSubmittedTests:
    @pytest.fixture
    def read(self, reads: dict[str, Read]) -> Read:
        return reads["sdtm"]

    def test_each_test_has_its_own_entry(self, read: Read) -> None:
        entries = read.values(read.variable("VS", "VSORRES")[1])
        found = {where["VSTESTCD"][0]: item for where, _, item in entries}
        assert words(found["WEIGHT"].find(f"{ODM}Description")) == "Body weight"
        assert "Unit kg (UCUM)" in read.comment(found["WEIGHT"])
        assert {(one.get("Context"), one.get("Name")) for one in found["WEIGHT"].iter(f"{ODM}Alias")} == {
            ("LOINC", "29463-7")
        }
        assert set(read.codes(read.variable("VS", "VSTESTCD")[1]) or {}) == set(found)

    def test_what_is_not_of_the_standard_says_so(self, read: Read) -> None:
        for one in read.data_sets():
            own = (one.get("Name") or "")[0] in "XY"
            assert (one.get(f"{DEF}IsNonStandard") == "Yes") == own
            assert (one.get(f"{DEF}StandardOID") is None) == own


_texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Co", "Cn")), min_size=1, max_size=30)


class TestWriting:
    @given(label=_texts, code=_texts, remark=_texts)
    def test_any_text_comes_back_as_it_is(self, label: str, code: str, remark: str) -> None:
        item = Item(label, "text", 5, codelist=CodeList("one", "One", (Code(code, label),)), comment=Comment(remark))
        data_set = DataSet("X", label, "x.xpt", "One record", ("V",), (Variable("V", item),))
        read = Read(
            define_xml_text(Document("d", "D", (data_set,), None, Comment("All.")), FOUND, "2020-01-01T00:00:00")
        )
        definition = read.variable("X", "V")[1]
        description = definition.find(f"{ODM}Description/{ODM}TranslatedText")
        assert description is not None
        assert description.text == label
        listed = read.root.find(f".//{ODM}CodeListItem")
        assert listed is not None
        assert listed.get("CodedValue") == code
        comment = read.by_id[definition.get(f"{DEF}CommentOID")].find(f"{ODM}Description/{ODM}TranslatedText")
        assert comment is not None
        assert comment.text == remark

    def test_two_methods_of_one_id_are_an_error_of_the_program(self) -> None:
        variables = tuple(Variable(name, Item("L", "text", 1, method=Method("M", "M", name))) for name in ("A", "B"))
        data_set = DataSet("X", "X", "x.xpt", "One record", ("A",), variables)
        with pytest.raises(ValueError, match="share the id M"):
            define_xml_text(Document("d", "D", (data_set,), None, Comment("All.")), FOUND, "2020-01-01T00:00:00")

    @given(st.lists(st.one_of(st.none(), st.text(max_size=20)), max_size=5))
    def test_sentences_keep_every_word(self, parts: list[str | None]) -> None:
        said = joined(parts)
        kept = [word for part in parts for word in (part or "").split()]
        assert re.sub(r"[.\s]", "", said) == re.sub(r"\.", "", "".join(kept))
        assert not said or said[-1] in ".!?:"


class TestCommand:
    def invoke(self, *arguments: str | Path) -> Result:
        return CliRunner().invoke(command, [str(one) for one in arguments])

    def test_it_writes_the_document(self, tmp_path: Path, texts: dict[str, bytes]) -> None:
        out = tmp_path / "define.xml"
        result = self.invoke("--standard", "tables", "--out", out)
        assert (result.exit_code, out.read_bytes()) == (0, texts["tables"])
        assert "--data DIR" in result.output

    def test_analysis_data_sets_are_the_usual_ones(self, tmp_path: Path, texts: dict[str, bytes]) -> None:
        out = tmp_path / "define.xml"
        assert self.invoke("--out", out).exit_code == 0
        assert out.read_bytes() == texts["adam"]

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--standard", "send"], "'send' is not one of 'adam', 'sdtm', 'tables'"),
            (["--reading", "A12"], "A12"),
            (["--reading", "A99=total"], "There is no open reading 'A99'"),
            (["--reading", "A12=total", "--standard", "sdtm"], "--reading belongs to --standard adam"),
            (["--out", "define.txt"], "must end in .xml"),
            (["--out", "there.xml"], "already exists; name another output"),
            (["--standard", "tables", "--out", "nowhere/define.xml"], "cannot be written"),
            (["--data", "nowhere"], "nowhere is not a directory"),
            (["--data", "empty"], "holds none of the data sets to describe (adsl.xpt, adbds.xpt ...)"),
            (["--data", "broken"], "adsl.xpt is not a SAS transport file that can be read"),
            (["--data", "foreign"], "adsl.xpt has variables that the definitions do not describe (SHOESIZE)"),
            (["--data", "broken", "--standard", "tables"], "labs.parquet is not a Parquet file that can be read"),
        ],
    )
    def test_wrong_input_is_a_sentence(
        self, arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("there.xml").write_text("mine")
        for name in ("empty", "broken", "foreign"):
            Path(name).mkdir()
        Path("broken/adsl.xpt").write_bytes(b"not a transport file")
        Path("broken/labs.parquet").write_bytes(b"not a Parquet file")
        frame = pl.DataFrame({"USUBJID": ["a"], "SHOESIZE": ["b"]})
        write_transport_file(Path("foreign/adsl.xpt"), "ADSL", "L", frame, {"USUBJID": "U", "SHOESIZE": "S"})
        before = sorted(path.name for path in tmp_path.rglob("*"))
        result = self.invoke(*arguments)
        assert result.exit_code == 2
        assert said in result.output
        assert "Traceback" not in result.output
        assert sorted(path.name for path in tmp_path.rglob("*")) == before
        assert Path("there.xml").read_text() == "mine"
