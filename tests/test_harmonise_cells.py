"""Cells as sites write them become canonical text, a flag or a problem; nothing is lost and nothing guessed."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Sequence
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anakinra_t2d.harmonise.cells import CellReader, ReadCells
from anakinra_t2d.harmonise.dates import DateReader
from anakinra_t2d.harmonise.notation import Notation
from anakinra_t2d.harmonise.numbers import NumberReader, plain
from anakinra_t2d.harmonise.results import ABOVE_LIMIT, BELOW_LIMIT, PARTIAL_DATE
from anakinra_t2d.schema import Field, definitions
from anakinra_t2d.schema.sites import FieldLayout, Profile, SubjectNumbers

FOUND = definitions()
CANONICAL = Notation()
DENMARK = Notation(decimal=",", thousands=(".",), dates=("dd-mm-yyyy", "dd-mm-yyyy hh:mm"), profiled=True)
ZURICH = Notation(thousands=("'",), dates=("d.m.yyyy", "d.m.yyyy hh:mm"), profiled=True)


def field(path: str) -> Field:
    table, _, name = path.partition(".")
    return FOUND.tables[table].fields[name]


GLUCOSE = field("labs.fpg_mmol_l")
VISIT_DATE = field("visits.visit_date")
TAKEN = field("labs.collected_ts")
SEX = field("subjects.sex")


READERS: dict[tuple[int, int], CellReader] = {}


def read(of: Field, notation: Notation, texts: Sequence[str | None]) -> ReadCells:
    reader = READERS.get((id(of), id(notation))) or CellReader(of, FOUND, notation)
    if notation in (CANONICAL, DENMARK, ZURICH):
        READERS[id(of), id(notation)] = reader
    return reader.read(pl.Series(texts, dtype=pl.String), None)


def one(of: Field, notation: Notation, text: str) -> str | None:
    """The canonical text, the flag in angle brackets, or code and reading of the problem."""
    found = read(of, notation, [text])
    if found.problems:
        (problem,) = found.problems
        return problem.code + problem.details.get("reading", "")
    if found.flags.height:
        status, limit = found.flags.row(0)[1:3]
        return f"<{status}{'' if limit is None else ' ' + limit}>"
    (value,) = found.values.to_list()
    assert value is None or isinstance(value, str)
    return value


class TestNumbers:
    @pytest.mark.parametrize(
        ("notation", "text", "expected"),
        [
            (CANONICAL, "5.40", "5.40"),
            (CANONICAL, "-10", "-10"),
            (CANONICAL, "−10", "-10"),
            (CANONICAL, "–10", "-10"),
            (CANONICAL, "+5.40", "5.4"),
            (CANONICAL, ".5", "0.5"),
            (CANONICAL, "1e-3", "0.001"),
            (CANONICAL, "1.50E+03", "1500"),
            (CANONICAL, " 5.4\u00a0", "5.4"),
            (DENMARK, "5,40", "5.4"),
            (DENMARK, "1.256", "1256"),
            (DENMARK, "1.256,5", "1256.5"),
            (DENMARK, "-0,50", "-0.5"),
            (DENMARK, "1,5e-3", "0.0015"),
            (DENMARK, "12", "12"),
            (ZURICH, "1'256", "1256"),
            (ZURICH, "1’256.50", "1256.5"),
            (ZURICH, "12'345'678", "12345678"),
            (Notation(thousands=(" ",)), "1 256", "1256"),
            (Notation(thousands=(" ",)), "1\u00a0256", "1256"),
            (Notation(thousands=(" ",)), "1\u202f256.25", "1256.25"),
            (Notation(thousands=(",",)), "1,256", "1256"),
            (Notation(decimal=",", thousands=(".",), midnights=True), "1.256", "1256"),
            (Notation(decimal=",", thousands=(".",), typed=True), "1.256", "1.256"),  # a column of numbers
            (Notation(decimal=",", typed=True), "1.5e-05", "0.000015"),
            (Notation(decimal=",", typed=True), "5,4", "5.4"),
        ],
    )
    def test_read(self, notation: Notation, text: str, expected: str) -> None:
        found = read(GLUCOSE, notation, [text])
        assert found.values.to_list() == [expected]
        assert found.changed["value_raw"].to_list() == ([] if text == expected else [text])

    @pytest.mark.parametrize(
        ("notation", "text", "expected"),
        [
            (CANONICAL, "5,4", "CELL-001 (5.4 if the comma is a decimal mark)"),
            (CANONICAL, "1,234", "CELL-001 (1.234 if the comma is a decimal mark, 1234 if it marks thousands)"),
            (CANONICAL, "1'256", "CELL-001 (1256 if the apostrophe marks thousands)"),
            (CANONICAL, "5.4 mmol/L", "CELL-001 (something stands behind the number: mmol/L)"),
            (CANONICAL, "7.2*", "CELL-001 (something stands behind the number: *)"),
            (DENMARK, "5.4", "CELL-001 (5.4 if the point is a decimal mark)"),  # marks are mixed
            (DENMARK, "0.123", "CELL-001 (0.123 if the point is a decimal mark)"),
            (DENMARK, "1.23,4", "CELL-001"),
            (DENMARK, "1.2345", "CELL-001 (1.2345 if the point is a decimal mark)"),
            (DENMARK, "1.234.56", "CELL-001"),
            (ZURICH, "1'23", "CELL-001 (something stands behind the number: '23)"),
            (ZURICH, "1'234’567", None),
            (CANONICAL, "1e999", None),
            (CANONICAL, "1_000", None),
            (CANONICAL, "٣", "CELL-001"),
            (CANONICAL, "NaN", "CELL-001"),
            (CANONICAL, "inf", "CELL-001"),
            (CANONICAL, "0x1F", None),
            (CANONICAL, "+", "CELL-001"),
            (CANONICAL, "e5", "CELL-001"),
            (CANONICAL, "--5", "CELL-001"),
            (CANONICAL, "= 5", "CELL-001"),
        ],
    )
    def test_not_read(self, notation: Notation, text: str, expected: str | None) -> None:
        answer = one(GLUCOSE, notation, text)
        assert answer is not None and answer.startswith("CELL-001")
        assert expected is None or answer == expected

    @pytest.mark.parametrize(
        ("notation", "text", "expected"),
        [
            (CANONICAL, "12", "12"),
            (CANONICAL, "12.0", "12"),
            (DENMARK, "12,00", "12"),
            (ZURICH, "1'200", "1200"),
            (CANONICAL, "12.5", "CELL-002"),
            (CANONICAL, "1.2e1", "12"),
            (CANONICAL, "twelve", "CELL-002"),
        ],
    )
    def test_whole_numbers(self, notation: Notation, text: str, expected: str) -> None:
        assert one(field("visits.visit_seq"), notation, text) == expected

    @settings(deadline=None)
    @given(
        value=st.decimals(min_value=-(10**9), max_value=10**9, places=4),
        decimal=st.sampled_from([".", ","]),
        mark=st.sampled_from(["", "'", "’", " ", "\u00a0", "\u202f", ".", ","]),
        minus=st.sampled_from(["-", "−"]),
    )
    def test_a_number_in_any_notation_is_read_back(self, value: Decimal, decimal: str, mark: str, minus: str) -> None:
        if mark == decimal:
            mark = ""
        text = f"{abs(value):,f}".replace(",", "_").replace(".", decimal).replace("_", mark)
        text = (minus if value < 0 else "") + text
        listed = {"": (), "\u00a0": (" ",), "\u202f": (" ",)}.get(mark, (mark,))
        number = NumberReader(Notation(decimal=decimal, thousands=listed)).read(text)
        assert number is not None
        assert number.value == value
        assert Decimal(number.text) == value
        assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", number.text)

    @settings(deadline=None)
    @given(value=st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
    def test_plain_text_is_exact_and_short(self, value: Decimal) -> None:
        text = plain(value)
        assert Decimal(text) == value
        assert "E" not in text and not re.search(r"\.[0-9]*0$", text)


class TestResults:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("<0.3", "<below_limit 0.3>"),
            ("< 0.30", "<below_limit 0.30>"),
            ("<= 5", "<below_limit 5>"),
            ("≤5", "<below_limit 5>"),
            ("> 500", "<above_limit 500>"),
            ("≥ 1e2", "<above_limit 100>"),
            (">=500", "<above_limit 500>"),
            ("＞500", "<above_limit 500>"),
            ("<LLOQ", "<below_range>"),
            ("LO", "<below_range>"),
            ("Low", "<below_range>"),
            ("HI", "<above_range>"),
            ("HIGH", "<above_range>"),
            ("n.d.", "<not_done>"),
            ("ND", "<not_done>"),
            ("nm", "<not_done>"),
            ("NOT  DONE", "<not_done>"),
            ("ikke udført", "<not_done>"),
            ("Nicht gemacht", "<not_done>"),
            ("Hæmolyseret", "<haemolysed>"),
            ("HÄMOLYTISCH", "<haemolysed>"),
            ("hemolysed", "<haemolysed>"),
            (".", "<no_result>"),
            ("-", "<no_result>"),
            ("–", "<no_result>"),
            ("--", "<no_result>"),
            ("NA", "<no_result>"),
            ("<", "CELL-001"),
            ("<>5", "CELL-001"),
            ("<abc", "CELL-001"),
            ("< 0,3", "CELL-001"),
            ("see letter", "CELL-001"),
        ],
    )
    def test_words_and_signs(self, text: str, expected: str) -> None:
        assert one(GLUCOSE, CANONICAL, text) == expected

    def test_in_the_notation_of_the_site(self) -> None:
        assert one(GLUCOSE, DENMARK, "< 0,3") == "<below_limit 0.3>"
        assert one(GLUCOSE, ZURICH, ">1'000") == "<above_limit 1000>"

    def test_words_of_the_profile(self) -> None:
        notation = Notation(results={"se brev": "qualitative", "lav": "not_done"}, missing=frozenset({"-", "-9"}))
        assert one(GLUCOSE, notation, "Se brev") == "<qualitative>"
        assert one(GLUCOSE, notation, "LAV") == "<not_done>"
        found = read(GLUCOSE, notation, ["-", "-9", "", " ", None, "5"])
        assert found.values.to_list() == [None, None, None, None, None, "5"]
        assert found.changed.height == found.flags.height == len(found.problems) == 0

    def test_only_measured_numbers_have_results(self) -> None:
        assert one(field("labs.visit_seq"), CANONICAL, "n.d.") == "CELL-002"
        assert one(field("labs.visit_seq"), CANONICAL, "<5") == "CELL-002"

    def test_statuses_that_follow_from_the_form_are_terms(self) -> None:
        assert {BELOW_LIMIT, ABOVE_LIMIT, PARTIAL_DATE} <= set(FOUND.result_statuses.codes)

    @settings(deadline=None)
    @given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=10))
    def test_no_text_becomes_nothing(self, text: str) -> None:
        for notation in (CANONICAL, DENMARK, ZURICH):
            found = read(GLUCOSE, notation, [text])
            value = found.values[0]
            if value is not None and value != text and Decimal(value) == 0:
                assert re.search("0", text) and not re.search("[1-9]", re.split("[eE]", text)[0])


class TestDates:
    @pytest.mark.parametrize(
        ("notation", "text", "expected"),
        [
            (CANONICAL, "2004-01-28", "2004-01-28"),
            (CANONICAL, "2004-01-28T00:00:00", "2004-01-28"),
            (CANONICAL, "2004-01-28 00:00", "2004-01-28"),
            (CANONICAL, "20040128", "2004-01-28"),
            (CANONICAL, "2004", "<partial_date>"),
            (CANONICAL, "2004-01", "<partial_date>"),
            (DENMARK, "28-01-2004", "2004-01-28"),
            (DENMARK, "8-1-2004", "2004-01-08"),
            (DENMARK, "03-04-2004", "2004-04-03"),
            (DENMARK, "01-2004", "<partial_date>"),
            (DENMARK, "28-01-2004 00:00", "2004-01-28"),
            (ZURICH, "3.4.2004", "2004-04-03"),
            (ZURICH, "03.04.2004", "2004-04-03"),
            (Notation(dates=("m/d/yyyy",)), "3/4/2004", "2004-03-04"),
            (Notation(dates=("ddmmyyyy",)), "03042004", "2004-04-03"),
            (Notation(dates=("d.m.yy",), two_digit_years_from=1930), "28.1.04", "2004-01-28"),
            (Notation(dates=("d.m.yy",), two_digit_years_from=1930), "28.1.45", "1945-01-28"),
            (Notation(dates=("d.m.yyyy",), two_digit_years_from=1930), "28.1.30", "1930-01-28"),
            (Notation(dates=("d.m.yy",)), "28.1.2004", "2004-01-28"),
            (Notation(dates=("d.m.yyyy", "m.d.yyyy")), "28.1.2004", "2004-01-28"),
            (Notation(dates=("d.m.yyyy", "m.d.yyyy")), "4.4.2004", "2004-04-04"),
            (Notation(epoch="1899-12-30"), "38014", "2004-01-28"),
            (Notation(epoch="1904-01-01"), "36552", "2004-01-28"),
            (Notation(epoch="1899-12-30"), "38014.0", "2004-01-28"),
            (Notation(epoch="1899-12-30"), "2004", "<partial_date>"),
        ],
    )
    def test_read(self, notation: Notation, text: str, expected: str) -> None:
        assert one(VISIT_DATE, notation, text) == expected

    @pytest.mark.parametrize(
        ("notation", "text", "reading"),
        [
            (CANONICAL, "03-04-2004", " (2004-04-03 or 2004-03-04?)"),
            (CANONICAL, "28.01.2004", " (2004-01-28?)"),
            (CANONICAL, "2004/01/28", " (2004-01-28?)"),
            (CANONICAL, "28.1.04", " (1904-01-28 or 2004-01-28?)"),
            (CANONICAL, "2004-02-30", " (there is no such day)"),
            (CANONICAL, "UN-JAN-2004", ""),
            (CANONICAL, "2004---28", ""),
            (CANONICAL, "38014", ""),
            (CANONICAL, "2004-01-28T08:39", " (the text has a time of day, which this field does not hold)"),
            (CANONICAL, "2004-01-28T25:00", ""),
            (DENMARK, "31-02-2004", " (there is no such day)"),
            (DENMARK, "28-01-04", " (1904-01-28 or 2004-01-28?)"),
            (DENMARK, "01-28-2004", " (there is no such day)"),
            (DENMARK, "28.01.2004", " (2004-01-28?)"),
            (DENMARK, "28-01-20041", ""),
            (Notation(dates=("d.m.yyyy", "m.d.yyyy")), "3.4.2004", " (2004-04-03 or 2004-03-04?)"),
            (
                Notation(epoch="1899-12-30"),
                "38014.5",
                " (the text has a time of day, which this field does not hold)",
            ),
            (Notation(epoch="1899-12-30"), "12", None),
            (Notation(epoch="1899-12-30"), "99999999999", None),
        ],
    )
    def test_not_read(self, notation: Notation, text: str, reading: str | None) -> None:
        answer = one(VISIT_DATE, notation, text)
        assert answer is not None and answer.startswith("CELL-003")
        assert reading is None or answer == f"CELL-003{reading}"

    @pytest.mark.parametrize(
        ("notation", "text", "expected"),
        [
            (CANONICAL, "2004-01-28T08:39", "2004-01-28T08:39"),
            (CANONICAL, "2004-01-28T08:39:05", "2004-01-28T08:39:05"),
            (CANONICAL, "2004-01-28T08:39:00", "2004-01-28T08:39:00"),
            (CANONICAL, "2004-01-28 08:39", "2004-01-28T08:39"),
            (CANONICAL, "2004-01-28 8:39:05", "2004-01-28T08:39:05"),
            (CANONICAL, "2004-01-28T08:39:05.000", "2004-01-28T08:39:05"),
            (CANONICAL, "2004-01-28", "<partial_date>"),
            (CANONICAL, "2004-01-28T08", "<partial_date>"),
            (CANONICAL, "2004-01", "<partial_date>"),
            (DENMARK, "28-01-2004 08:39", "2004-01-28T08:39"),
            (DENMARK, "28-01-2004 8:39:05", "2004-01-28T08:39:05"),
            (DENMARK, "28-01-2004", "<partial_date>"),
            (Notation(dates=("dd.mm.yyyy hh.mm",)), "28.01.2004 08.39", "2004-01-28T08:39"),
            (Notation(dates=("hh:mm dd/mm/yyyy",)), "08:39 28/01/2004", "2004-01-28T08:39"),
            (Notation(midnights=True), "2004-01-28", "2004-01-28T00:00:00"),
            (Notation(epoch="1899-12-30"), "38014.360416666664", "2004-01-28T08:39"),
            (Notation(decimal=",", epoch="1899-12-30"), "38014,360416666664", "2004-01-28T08:39"),
            (CANONICAL, "2004-01-28T24:00", "CELL-004"),
            (CANONICAL, "2004-01-28T08:60", "CELL-004"),
            (CANONICAL, "2004-01-28T08:39:60", "CELL-004"),
            (
                CANONICAL,
                "2004-01-28T08:39Z",
                "CELL-004 (the clock time of the site is asked for, without a time zone)",
            ),
            (CANONICAL, "2004-02-30T08:39", "CELL-004 (there is no such day)"),
            (CANONICAL, "03-04-2004 08:39", "CELL-004 (2004-04-03 or 2004-03-04?)"),
            (CANONICAL, "08:39", "CELL-004"),
        ],
    )
    def test_dates_with_times(self, notation: Notation, text: str, expected: str) -> None:
        assert one(TAKEN, notation, text) == expected

    @settings(deadline=None)
    @given(
        day=st.dates(min_value=dt.date(1910, 1, 1), max_value=dt.date(2099, 12, 31)),
        layout=st.sampled_from(
            ["dd-mm-yyyy", "d.m.yyyy", "mm/dd/yyyy", "yyyy/mm/dd", "d.m.yy", "ddmmyyyy", "dd mm yyyy"]
        ),
    )
    def test_a_date_in_any_layout_is_read_back(self, day: dt.date, layout: str) -> None:
        parts = {"d": day.day, "m": day.month, "y": day.year % 100 if "yyyy" not in layout else day.year}
        text = re.sub("d+|m+|y+", lambda found: str(parts[found[0][0]]).zfill(len(found[0])), layout)
        from_year = day.year - 50
        reader = DateReader(Notation(dates=(layout,), two_digit_years_from=from_year), with_time=False)
        assert reader.read(text).value == day.isoformat()

    @settings(deadline=None)
    @given(day=st.dates(min_value=dt.date(1901, 1, 1), max_value=dt.date(2200, 1, 1)))
    def test_serial_numbers_are_days(self, day: dt.date) -> None:
        serial = (day - dt.date(1899, 12, 30)).days
        found = DateReader(Notation(epoch="1899-12-30"), with_time=False).read(str(serial))
        assert found.value == day.isoformat() or (found.partial and 1500 <= serial < 3000)

    def test_the_words_of_a_date_of_birth_are_not_shown(self) -> None:
        birth = field("subjects.birth_date")
        assert birth.identifying == "direct"
        found = read(birth, CANONICAL, ["03-04-1950", "1950-04-31"])
        assert [problem.details["reading"] for problem in found.problems] == [""]


class TestCodes:
    def test_words_of_the_site(self) -> None:
        notation = Notation(codes={"kvinde": "F", "mand": "M"}, profiled=True)
        found = read(SEX, notation, ["Kvinde", "mand ", "F", "m", "X", None])
        assert found.values.to_list() == ["F", "M", "F", "M", None, None]
        assert found.changed.rows() == [
            (0, "Kvinde", None, "code Kvinde read as F"),
            (1, "mand ", None, "code mand read as M"),
            (3, "m", None, "code m read as M"),
        ]
        assert [(p.code, p.positions, p.details["terms"]) for p in found.problems] == [("LIST-001", [4], "M, F")]

    def test_without_a_profile_letter_case_counts(self) -> None:
        assert one(SEX, CANONICAL, "f") == "LIST-001"
        assert one(SEX, Notation(midnights=True, epoch="1899-12-30", typed=True), "f") == "LIST-001"

    def test_a_word_may_mean_another_code_than_it_looks(self) -> None:
        swapped = Notation(codes={"m": "F"}, profiled=True)
        assert read(SEX, swapped, ["M", "F"]).values.to_list() == ["F", "F"]

    def test_a_word_that_leads_to_no_code_of_the_field_is_a_problem(self) -> None:
        assert one(SEX, Notation(codes={"d": "diverse"}, profiled=True), "D") == "LIST-001"

    def test_a_listed_word_goes_before_an_empty_one(self) -> None:
        notation = Notation(codes={"-": "F"}, missing=frozenset({"-", "m"}), profiled=True)
        assert read(SEX, notation, ["-", "M"]).values.to_list() == ["F", None]

    def test_true_and_false(self) -> None:
        field_type = Field.model_construct(**{**dict(SEX), "type": "boolean", "codelist": None})
        field_type._name = "done"
        notation = Notation(codes={"ja": "true", "nej": "false"}, profiled=True)
        found = read(field_type, notation, ["Ja", "nej", "true", "TRUE", "1"])
        assert found.values.to_list() == ["true", "false", "true", "true", None]
        assert [(p.code, p.positions) for p in found.problems] == [("CELL-005", [4])]


class TestSubjects:
    NUMBERS = SubjectNumbers(
        fields=["subject_id"], sent="{number}", canonical="DK01-{number:03}", map={"X1": "DK01-099"}
    )

    def test_numbers_of_the_site(self) -> None:
        notation = Notation(subjects=self.NUMBERS, profiled=True)
        found = read(field("labs.subject_id"), notation, ["7", " 012", "x1", "DK01-007", None])
        assert found.values.to_list() == ["DK01-007", "DK01-012", "DK01-099", None, None]
        assert [(p.code, p.positions, p.texts) for p in found.problems] == [("SUBJ-017", [3], ["DK01-007"])]
        assert set(found.changed["conversion"]) == {"subject number of the site read as that of the trial"}


class TestTexts:
    def test_outer_spaces_go_and_control_characters_stay(self) -> None:
        found = read(field("labs.subject_id"), CANONICAL, ["a", " b\u00a0", "c\x00", "\x1fd", "  ", None])
        assert found.values.to_list() == ["a", "b", "c\x00", "\x1fd", None, None]
        assert found.changed.rows() == [(1, " b\u00a0", None, "spaces around the text removed")]

    def test_odd_characters_of_a_number_are_left_to_the_typing(self) -> None:
        found = read(GLUCOSE, CANONICAL, ["5\x00", "\ufeff5"])
        assert found.values.to_list() == ["5\x00", "\ufeff5"]
        assert found.problems == []

    def test_clock_times_of_spreadsheets(self) -> None:
        of = field("exposure.dose_time")
        found = read(of, CANONICAL, ["08:23", "08:23:00", "8:23", "08:23:30", "25:00:00", "morning"])
        assert found.values.to_list() == ["08:23", "08:23", "08:23", "08:23:30", "25:00:00", "morning"]
        assert found.changed["position"].to_list() == [1, 2]


class TestNotation:
    PROFILE = Profile.model_validate(
        {
            "title": "x",
            "decimal": ",",
            "thousands": ["."],
            "dates": ["dd-mm-yyyy"],
            "missing": ["IB"],
            "results": {"Se Brev": "qualitative"},
            "codes": {"sex": {"Mand": "M"}, "boolean": {"Ja": "true"}},
            "subjects": {"fields": ["subject_id"], "sent": "{number}", "canonical": "DK01-{number:03}"},
            "sheets": [],
        }
    )

    def test_of_a_profile(self) -> None:
        notation = Notation.of(self.PROFILE, SEX, FieldLayout(column="x", codes={"Kvinde": "F"}), FOUND)
        assert notation.codes == {"mand": "M", "kvinde": "F"}
        assert (notation.decimal, notation.thousands, notation.missing) == (",", (".",), frozenset({"ib"}))
        assert notation.subjects is None and not notation.confirmed and notation.is_of_a_site
        confirmed = Notation.of(self.PROFILE, field("labs.subject_id"), FieldLayout(column="x", confirmed=True), FOUND)
        assert confirmed.subjects is not None and confirmed.confirmed and confirmed.codes == {}

    def test_without_a_profile(self) -> None:
        assert Notation.of(None, SEX, None, FOUND) == Notation()
        assert not Notation(midnights=True, epoch="1899-12-30").is_of_a_site


class TestWholeColumns:
    TEXTS = st.lists(
        st.one_of(
            st.none(),
            st.text(max_size=8),
            st.sampled_from(
                ["5,4", "5.4", "<3", "n.d.", " 7", "2004-01-28", "28-01-2004", "2004", "M", "kvinde", "8:05"]
            ),
        ),
        max_size=12,
    )

    @settings(max_examples=100, deadline=None)
    @given(texts=TEXTS, notation=st.sampled_from([CANONICAL, DENMARK, ZURICH]))
    def test_every_cell_is_kept_flagged_reported_or_empty(self, texts: list[str | None], notation: Notation) -> None:
        for of in (GLUCOSE, VISIT_DATE, TAKEN, SEX, field("exposure.dose_time"), field("visits.visit_seq")):
            found = read(of, notation, texts)
            flagged = found.flags["position"].to_list()
            bad = [position for problem in found.problems for position in problem.positions]
            assert len({*flagged, *bad}) == len(flagged) + len(bad)
            changed = dict(found.changed.select("position", "value_raw").iter_rows())
            for position, (text, value) in enumerate(zip(texts, found.values.to_list(), strict=True)):
                if position in flagged or position in bad:
                    assert value is None
                elif value is None:
                    assert text is None or not text.strip()
                else:
                    assert changed.get(position) == (None if value == text else text)
            for problem in found.problems:
                assert problem.texts == [texts[position] for position in problem.positions]

    @settings(deadline=None)
    @given(texts=TEXTS)
    def test_a_column_is_read_like_its_cells(self, texts: list[str | None]) -> None:
        whole = read(GLUCOSE, DENMARK, texts).values.to_list()
        assert whole == [None if text is None else read(GLUCOSE, DENMARK, [text]).values[0] for text in texts]

    def test_a_canonical_column_is_not_touched(self) -> None:
        texts = pl.Series("x", ["5.4", "7", None, "0.10"])
        found = CellReader(GLUCOSE, FOUND, CANONICAL).read(texts, None)
        assert found.values.to_list() == texts.to_list()
        assert found.changed.height == found.flags.height == 0
        missing = CellReader(GLUCOSE, FOUND, Notation(missing=frozenset({"7"}))).read(texts, None)
        assert missing.values.to_list() == ["5.4", None, None, "0.10"]

    def test_an_empty_column(self) -> None:
        for texts in (pl.Series([], dtype=pl.String), pl.Series([None, None], dtype=pl.String)):
            found = CellReader(GLUCOSE, FOUND, DENMARK).read(texts, None)
            assert found.values.to_list() == texts.to_list()

    def test_a_long_column_takes_seconds_at_most(self) -> None:
        distinct = [f"{number / 100:.2f}".replace(".", ",") for number in range(20_000)]
        texts = pl.Series(distinct * 10)
        start = time.perf_counter()
        found = CellReader(GLUCOSE, FOUND, DENMARK).read(texts, None)
        assert time.perf_counter() - start < 5
        assert found.values.null_count() == 0
        assert found.changed.height > 100_000
