"""Three-valued logic of the entry criteria as relations: missing inputs, other readings, the released table."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from anakinra_t2d.across import open_relations
from anakinra_t2d.across.eligibility import LIMITS, make_eligibility_relations
from anakinra_t2d.derivation.eligibility import eligibility_query
from anakinra_t2d.schema import definitions
from anakinra_t2d.schema.eligibility import Criterion, Eligibility
from anakinra_t2d.schema.eligibility_readings import criteria_affected, eligibility_with
from anakinra_t2d.schema.loading import load
from anakinra_t2d.schema.readings import ReadingError
from anakinra_t2d.schema.yaml_source import SchemaError

ROOT = Path(__file__).parents[1]
FOUND = definitions()
USUAL = FOUND.eligibility
OTHER = eligibility_with(
    FOUND, {one.reading: one.choice for criterion in USUAL.criteria for one in criterion.alternatives}
)
ENTRY = [one for one in USUAL.criteria if one.kind != "post_randomisation"]
KEY = ("subject_id", "screening_no")
Row = dict[str, Any]


class Judge:
    """The relations of eligibility over rows of inputs that a test gives."""

    def __init__(self) -> None:
        self.con = open_relations(FOUND, {})
        self.made: Eligibility | None = None
        self.types = {name: kind for name, kind, *_ in self.con.execute("DESCRIBE eligibility_inputs").fetchall()}

    def __call__(self, rows: list[Row], eligibility: Eligibility = USUAL) -> list[dict[str, tuple[str, str | None]]]:
        """State and missing inputs of each criterion, by its id, for each row."""
        self.fill(rows)
        if eligibility is not self.made:
            self.make(eligibility)
        found: list[dict[str, tuple[str, str | None]]] = [{} for _ in rows]
        query = "SELECT screening_no, criterion_id, state, missing FROM eligibility_criteria"
        for place, criterion, state, missing in self.con.execute(query).fetchall():
            found[place][criterion] = state, missing
        return found

    def fill(self, rows: list[Row]) -> None:
        """Set the inputs; a row has its place as number of the screening."""
        texts = {name: [str(row[name]) if row.get(name) is not None else None for row in rows] for name in self.types}
        texts |= {"subject_id": ["DK01-001"] * len(rows), "screening_no": [str(place) for place in range(len(rows))]}
        assert {name for row in rows for name in row} <= set(self.types)
        self.con.register("_rows", pl.DataFrame(texts, schema=dict.fromkeys(self.types, pl.String)))
        cells = ", ".join(f"CAST({name} AS {kind})" for name, kind in self.types.items())
        self.con.execute("DELETE FROM eligibility_inputs")
        self.con.execute(f"INSERT INTO eligibility_inputs SELECT {cells} FROM _rows")

    def make(self, eligibility: Eligibility) -> None:
        """Make the relations over the inputs that are there."""
        self.con.execute("CREATE OR REPLACE TABLE given AS SELECT * FROM eligibility_inputs")
        make_eligibility_relations(self.con, eligibility.model_copy(update={"inputs": "SELECT * FROM given"}))
        self.made = eligibility

    def overall(self, rows: list[Row]) -> list[tuple[Any, ...]]:
        """State, failed, missing and decision of each row."""
        self.fill(rows)
        self.make(USUAL)
        query = "SELECT state, failed, missing, investigator FROM eligibility_overall ORDER BY screening_no"
        return self.con.execute(query).fetchall()


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    judge = Judge()
    yield judge
    judge.con.close()


@pytest.mark.parametrize("eligibility", [USUAL, OTHER], ids=["usual", "other readings"])
def test_nothing_known_passes_no_criterion(judge: Judge, eligibility: Eligibility) -> None:
    (found,) = judge([{}], eligibility)
    assert set(found) == {one.id for one in USUAL.criteria}
    for one in eligibility.criteria:
        missing = [name for name in one.reads if name not in one.may_be_empty]
        assert found[one.id] == ("not_assessable", ", ".join(missing)), one.id


def test_the_other_sex_decides_what_concerns_one(judge: Judge) -> None:
    of_women, of_men = judge([{"sex": "F"}, {"sex": "M"}])
    for one in ENTRY:
        if one.sex is not None:
            states = {"F": of_women[one.id][0], "M": of_men[one.id][0]}
            assert states.pop(one.sex) == "not_assessable"
            assert list(states.values()) == ["met"]


NUMBERS = [0, 1.99, 2, 2.01, 3, 5, 7.5, 7.6, 12, 12.1, 19, 20, 27, 30, 30.1, 37.9, 38, 40, 99, 100, 101, 110, 120, 121]
NUMBERS += [130, 131, 170, 399, 400, 401]
DATES = [dt.date(2004, 1, 10) + dt.timedelta(days=days) for days in (0, 1, 20, 60, 91, 92, 120)]


def texts_of(name: str) -> list[str]:
    """Codes of the field that an input comes from, without those that count as missing, and texts of conditions."""
    found = set()
    for table in FOUND.tables.values():
        if (field := table.fields.get(name)) and (terms := FOUND.terms(field)):
            found |= set(terms) - {"unknown", "indeterminate", "not_done"}
    conditions = [one.condition for one in USUAL.criteria]
    conditions += [other.condition for one in USUAL.criteria for other in one.alternatives]
    for condition in conditions:
        for listed in re.findall(rf"\b{name} (?:=|IN) ('[^']*'|\([^)]*\))", condition):
            found |= set(re.findall(r"'([^']*)'", listed))
    return sorted(found) or ["none"]


def inputs_as_sent(types: Mapping[str, str]) -> st.SearchStrategy[Row]:
    """A row of inputs, any of them missing; of a result its number, or a limit below or above which it lies."""
    values: dict[str, st.SearchStrategy[Any]] = {}
    for name, kind in types.items():
        if name in KEY or name.endswith(LIMITS):
            continue
        ends = ["", "", *LIMITS] if f"{name}{LIMITS[0]}" in types else [""]
        some: list[Any] = NUMBERS if kind == "DOUBLE" else [20, 21] if kind == "BIGINT" else DATES
        pool = texts_of(name) if kind == "VARCHAR" else some
        values[name] = st.sampled_from([None, *((name + end, value) for end in ends for value in pool)])
    return st.fixed_dictionaries(values).map(lambda drawn: dict(pair for pair in drawn.values() if pair))


ROWS = inputs_as_sent(Judge().types)


def input_of(name: str) -> str:
    return next((name.removesuffix(end) for end in LIMITS if name.endswith(end)), name)


def is_simple(one: Criterion, row: Mapping[str, Any], removed: set[str]) -> bool:
    """Whether what was removed says nothing by being absent, and no other input stood in for it."""
    several = len(set(one.either) & set(row)) > 1
    return not removed & set(one.may_be_empty) and not several


# without shrinking: one row of many inputs says enough, and takes minutes to make smaller
@settings(max_examples=15, deadline=None, phases=[Phase.reuse, Phase.generate], suppress_health_check=list(HealthCheck))
@pytest.mark.parametrize("other", [False, True], ids=["usual", "other readings"])
@given(rows=st.lists(st.tuples(ROWS, st.integers(0, 2**32)), min_size=6, max_size=6))
def test_a_missing_input_opens_a_question_and_never_turns_the_answer(
    judge: Judge, other: bool, rows: list[tuple[Row, int]]
) -> None:
    eligibility = OTHER if other else USUAL
    full = [row for row, _ in rows]
    removed = [
        {input_of(name) for name in row if Random(f"{seed} {input_of(name)}").random() < 0.3} for row, seed in rows
    ]
    less = [
        {name: value for name, value in row.items() if input_of(name) not in gone}
        for row, gone in zip(full, removed, strict=True)
    ]
    found = judge([*full, *less], eligibility)
    for place, (row, gone) in enumerate(zip(full, removed, strict=True)):
        for one in eligibility.criteria:
            (before, missing), (after, _) = found[place][one.id], found[len(full) + place][one.id]
            if is_simple(one, row, gone & set(one.reads)):
                assert after in (before, "not_assessable"), (one.id, row, gone)
            assert (missing is not None) == (before == "not_assessable"), (one.id, row)
            for name in missing.split(", ") if missing else []:
                assert name in one.reads
                assert name not in row or name in one.no_result


def missing(judge: Judge, criterion: str, row: Row, eligibility: Eligibility = USUAL) -> str | None:
    (found,) = judge([row], eligibility)
    return found[criterion][1]


LIVER = {"ast_uln_u_l": 40, "alt_uln_u_l": 45, "alt_u_l": 20, "ast_u_l": 20, "creatinine_umol_l": 80}
LUNGS = {"tb_history": "no", "other_granulomatous_infection": "no"}
NO_TEST = LUNGS | {"chest_xray_result": "not_done", "mantoux_result": "not_done"}


@pytest.mark.parametrize(
    ("criterion", "row", "expected"),
    [
        ("E12", LIVER, None),
        ("E12", LIVER | {"ast_u_l": None, "alt_uln_u_l": None}, "ast_u_l, alt_uln_u_l"),
        # one value decides, so that nothing is missing
        ("E12", LIVER | {"ast_u_l": None, "creatinine_umol_l": 131}, None),
        # a limit is as good as a number where it decides
        ("E12", LIVER | {"ast_u_l": None, "ast_u_l_below": 10}, None),
        ("E12", LIVER | {"ast_u_l": None, "ast_u_l_below": 10, "creatinine_umol_l": None}, "creatinine_umol_l"),
        ("E12", LIVER | {"ast_u_l": None, "ast_u_l_above": 50}, "ast_u_l"),
        # one answer is enough, and the other is not missed
        ("E5b", {"fever": "no"}, None),
        ("E5b", {}, "fever, body_temp_c"),
        ("E9", {"sex": "F"}, "pregnant, hcg_result"),
        ("E9", {"pregnant": "yes"}, "sex"),
        ("I3", {"diabetes_dx_date": "2001-01-01"}, "screening_date"),
        # not being randomised is no gap
        ("I7", {"consent_given": "yes"}, None),
        ("I7", {"consent_given": "yes", "randomisation_date": "2004-03-01"}, "consent_date"),
        ("I6", {"screening_date": "2004-03-01"}, "med_change_last_3mo"),
        ("E5d", NO_TEST, "chest_xray_result, mantoux_result"),
        ("E5d", NO_TEST | {"tb_history": None}, "tb_history, chest_xray_result, mantoux_result"),
        ("E5d", NO_TEST | {"chest_xray_result": "normal"}, None),
    ],
)
def test_missing_inputs_are_named(judge: Judge, criterion: str, row: Row, expected: str | None) -> None:
    assert missing(judge, criterion, row) == expected


MEDICINE = {"screening_date": "2004-04-10", "randomisation_date": "2004-05-01", "med_change_last_3mo": "yes"}
MET, NOT_MET, OPEN = "met", "not_met", "not_assessable"


@pytest.mark.parametrize(
    ("criterion", "chosen", "row", "usual", "other"),
    [
        ("E12", {"A08": "both"}, LIVER | {"ast_u_l": 121}, NOT_MET, MET),
        ("E12", {"A08": "both"}, LIVER | {"ast_u_l": 121, "creatinine_umol_l": 131}, NOT_MET, NOT_MET),
        ("E12", {"A08": "both"}, LIVER | {"ast_u_l": 121, "creatinine_umol_l": None}, NOT_MET, OPEN),
        ("E12", {"A08": "both"}, LIVER | {"ast_u_l": None}, OPEN, MET),
        ("E5d", {"A11": "both_tests"}, NO_TEST | {"mantoux_result": "negative"}, MET, OPEN),
        ("E5d", {"A11": "both_tests"}, NO_TEST | {"mantoux_result": "positive"}, NOT_MET, NOT_MET),
        ("E7", {"A14": "neutrophils"}, {"leukocytes_10e9_l": 3.0, "neutrophils_10e9_l": 1.9}, MET, NOT_MET),
        ("E7", {"A14": "neutrophils"}, {"leukocytes_10e9_l": 1.9, "neutrophils_10e9_l": 2.0}, NOT_MET, MET),
        ("E7", {"A14": "neutrophils"}, {"leukocytes_10e9_l": 3.0}, MET, OPEN),
        ("I3", {"A20": "randomisation_date"}, MEDICINE | {"diabetes_dx_date": "2004-01-31"}, NOT_MET, MET),
        ("I6", {"A20": "randomisation_date"}, MEDICINE | {"last_med_change_date": "2004-01-31"}, NOT_MET, MET),
        ("I6", {"A20": "randomisation_date"}, MEDICINE | {"last_med_change_date": "2004-02-01"}, NOT_MET, NOT_MET),
        (
            "I6",
            {"A20": "randomisation_date"},
            MEDICINE | {"med_change_last_3mo": "no", "last_med_change_date": "2004-04-20"},
            MET,
            NOT_MET,
        ),
        # somebody who is not randomised is judged at screening
        (
            "I6",
            {"A20": "randomisation_date"},
            {"screening_date": "2004-04-10", "med_change_last_3mo": "yes", "last_med_change_date": "2004-01-09"},
            MET,
            MET,
        ),
    ],
)
def test_another_reading(
    judge: Judge, criterion: str, chosen: dict[str, str], row: Row, usual: str, other: str
) -> None:
    changed = eligibility_with(FOUND, chosen)
    ((state, _),) = [found[criterion] for found in judge([row])]
    ((changed_state, _),) = [found[criterion] for found in judge([row], changed)]
    assert (state, changed_state) == (usual, other)
    (reading,) = chosen
    assert criterion in criteria_affected(USUAL, reading)
    kept = [(a, b) for a, b in zip(USUAL.criteria, changed.criteria, strict=True) if a == b]
    assert {a.id for a, _ in kept} == {one.id for one in USUAL.criteria} - set(criteria_affected(USUAL, reading))


def test_what_both_tests_lack_is_named(judge: Judge) -> None:
    changed = eligibility_with(FOUND, {"A11": "both_tests"})
    assert missing(judge, "E5d", NO_TEST | {"mantoux_result": "negative"}, changed) == "chest_xray_result"


def test_readings_that_do_not_exist() -> None:
    with pytest.raises(ReadingError, match="has no choice 'neither'"):
        eligibility_with(FOUND, {"A08": "neither"})
    assert eligibility_with(FOUND, {"A08": "either"}) is USUAL
    assert eligibility_with(FOUND, {"A12": "incremental"}) == USUAL


SOUND: Row = {
    "sex": "M",
    "age_yr": 50,
    "dx_type": "T2DM",
    "dx_ada_criteria_met": "yes",
    "diabetes_duration_yr": 5,
    "weight_kg": 100,
    "height_cm": 175,
    "hba1c_pct": 8.5,
    "med_change_last_3mo": "no",
    "consent_given": "yes",
    "consent_date": "2004-02-01",
    "cpeptide_fasting_pmol_l": 800,
    "aspirin_mg_d": 0,
    "crp_mg_l": 3,
    "leukocytes_10e9_l": 6,
    "hemoglobin_g_l": 140,
    "gad65_ab_result": "negative",
    "ia2_ab_result": "negative",
    "investigator_eligible": "yes",
    **LIVER,
    **LUNGS,
    "chest_xray_result": "normal",
    "mantoux_result": "negative",
    **dict.fromkeys(
        (
            "corticosteroid_current nsaid_current other_antiinflam_current fever antibiotic_current "
            "other_infection_sign recurrent_infection_history infection_predisposition cancer_current_or_past "
            "other_inv_drug_used immunosuppressive_current immunodeficiency"
        ).split(),
        "no",
    ),
}


def test_overall(judge: Judge) -> None:
    rows = [
        SOUND,
        SOUND | {"hba1c_pct": None},
        SOUND | {"hba1c_pct": None, "age_yr": 19, "fever": "yes", "investigator_eligible": "no"},
        SOUND | {"hba1c_pct": 7.5, "investigator_eligible": None},
    ]
    assert judge.overall(rows) == [
        ("eligible", None, None, "yes"),
        ("not_assessable", None, "I5, E2", "yes"),
        ("ineligible", "I1, E5b", None, "no"),
        ("ineligible", "I5", None, None),
    ]


def test_a_missing_input_passes_neither_an_inclusion_nor_an_exclusion(judge: Judge) -> None:
    """From people who are eligible, what one criterion reads is taken away: the question is open again."""
    woman = SOUND | {"sex": "F", "pregnant": "no", "breast_feeding": "no", "fertile": "no"}
    people = [woman if one.sex == "F" else SOUND for one in ENTRY]
    assert {state for state, *_ in judge.overall(people)} == {"eligible"}
    lacking = [
        person | {name: None for name in one.reads if name != "sex"} for person, one in zip(people, ENTRY, strict=True)
    ]
    for one, (state, failed, open_criteria, _) in zip(ENTRY, judge.overall(lacking), strict=True):
        assert (state, failed) == ("not_assessable", None), one.id
        assert one.id in open_criteria.split(", ")


def test_the_released_table(judge: Judge) -> None:
    judge.overall([SOUND | {"hba1c_pct": None}])
    table = judge.con.execute(eligibility_query())
    names = [name for name, *_ in table.description or []]
    assert names == ["subject_id", "screening_no", "criterion_id", "kind", "state", "missing", "investigator"]
    rows = table.fetchall()
    assert [row[2] for row in rows] == [*(one.id for one in USUAL.criteria), "OVERALL"]
    assert rows[4] == ("DK01-001", 0, "I5", "inclusion", "not_assessable", "hba1c_pct", None)
    assert rows[-1] == ("DK01-001", 0, "OVERALL", "overall", "not_assessable", "I5, E2", "yes")


def test_nobody_screened(judge: Judge) -> None:
    judge.overall([])
    assert judge.con.execute(eligibility_query()).fetchall() == []


def test_contradicting_decisions_are_none(judge: Judge) -> None:
    judge.fill([{"investigator_eligible": "yes"}, {"investigator_eligible": "no"}])
    judge.con.execute("UPDATE eligibility_inputs SET screening_no = 1")
    judge.make(USUAL)
    found = judge.con.execute("SELECT state, investigator FROM eligibility_overall").fetchall()
    assert found == [("not_assessable", None)]


def test_without_criteria(judge: Judge) -> None:
    judge.make(USUAL.model_copy(update={"criteria": []}))
    assert judge.con.execute("SELECT * FROM eligibility_criteria").fetchall() == []


BROKEN = [
    ("      age_yr >= 20", "      age_year >= 20", "reads age_year, which `reads` does not list"),
    ("reads: [dx_type, dx_ada_criteria_met]", "reads: [dx_type, dx_ada_criteria_met, agee]", "no input 'agee'"),
    ("      aspirin_mg_d > 100", "      (aspirin_mg_d > 100", "brackets are not balanced"),
    ('id: "E16"', 'id: "E15"', "the id E15 is used twice"),
    ("choice: both_tests", "choice: all_tests", "there is no choice of A11 'all_tests'"),
    ("choice: both\n", "choice: either\n", "the first choice of a reading is the criterion itself"),
    ("reading: A14", "reading: A99", "there is no open reading 'A99'"),
    ("ambiguity: A21", "ambiguity: A88", "there is no open reading 'A88'"),
    ("either: [fever, body_temp_c]", "either: [fever, temperature]", "there is no entry of `reads` 'temperature'"),
    ("may_be_empty: [last_med_change_date]", "may_be_empty: [last_change]", "no entry of `reads` 'last_change'"),
    ("reads: [neutrophils_10e9_l]", "reads: [leukocytes_10e9_l]", "reads neutrophils_10e9_l, which `reads`"),
    ("decision: investigator_eligible", "decision: signed", "there is no input 'signed'"),
]


def test_broken_references_are_named_with_their_lines(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "schema", tmp_path / "schema")
    path = tmp_path / "schema" / "eligibility.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new, _ in BROKEN:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SchemaError) as caught:
        load(tmp_path)
    for _, new, problem in BROKEN:
        (found,) = [line for line in caught.value.problems if problem in line and " 'E" not in line]
        shown, number, _ = found.split(":", 2)
        assert shown == "schema/eligibility.yaml"
        assert abs(int(number) - text[: text.rindex(new)].count("\n") - 1) <= 4, found


def test_every_input_runs_and_is_found() -> None:
    """What the loader can only look for as a word is a column of the query."""
    con = open_relations(FOUND, {})
    names = {name for name, *_ in con.execute("DESCRIBE eligibility_inputs").fetchall()}
    con.close()
    for one in [*USUAL.criteria, *OTHER.criteria]:
        assert set(one.reads) <= names
