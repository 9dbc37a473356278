"""The engine of rules across tables: typed relations, three-valued judging, order, errors and statistics."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from anakinra_t2d.across import RelationError, RuleError, RuleOutcome, check_rules, open_relations, run_rules
from anakinra_t2d.across.expand import expand
from anakinra_t2d.across.relations import COPIED_BELOW
from anakinra_t2d.across.statistics import holm, p_value
from anakinra_t2d.across.text import as_text
from anakinra_t2d.schema import Definitions, definitions
from anakinra_t2d.schema.eligibility import Criterion, Eligibility
from anakinra_t2d.schema.rules import AcrossRule, ForEach, Statistic

WORDS = {
    "severity": "error",
    "expected": "It holds.",
    "message": "{table} {field} is {weight_kg}",
    "hint": "Look.",
    "why": "Because.",
    "source": "test",
    "basis": "assumption",
}


def rule(**parts: Any) -> AcrossRule:
    parts = {"code": "TEST-001", **WORDS, **parts}
    if "for_each" not in parts:
        parts = {"table": "vitals", "field": "weight_kg", **parts}
    return AcrossRule.model_validate(parts)


def with_rules(*rules: AcrossRule) -> Definitions:
    return replace(definitions(), across_rules={one.code: one for one in rules})


def vitals(weights: list[float | None], first: int = 1, **more: Any) -> pl.DataFrame:
    subjects = [f"DK01-{first + index:03}" for index in range(len(weights))]
    return pl.DataFrame(
        {
            "subject_id": subjects,
            "visit": ["baseline"] * len(weights),
            "visit_seq": [1] * len(weights),
            "weight_kg": pl.Series(weights, dtype=pl.Float64),
            **more,
        }
    )


def outcomes(rules: list[AcrossRule], tables: dict[str, Any], **options: Any) -> list[RuleOutcome]:
    found = with_rules(*rules)
    con = open_relations(found, tables)
    check_rules(con, found)
    return list(run_rules(con, found, **options))


WEIGHTS = "SELECT subject_id, visit, visit_seq, weight_kg FROM vitals"


class TestRelations:
    def test_every_table_has_its_columns_and_types(self) -> None:
        con = open_relations(definitions(), {})
        kinds = {"string": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE"}
        kinds |= {"boolean": "BOOLEAN", "date": "DATE", "datetime": "TIMESTAMP"}
        for name, table in definitions().tables.items():
            found = {row[0]: row[1] for row in con.execute(f'DESCRIBE "{name}"').fetchall()}
            declared = {field: kinds[one.type] for field, one in table.fields.items()}
            assert found == declared | {"_row": "BIGINT", "_written": "BOOLEAN"}
            assert con.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone() == (0,)

    def test_sources_of_a_table_are_stacked_and_typed(self, tmp_path: Path) -> None:
        file = tmp_path / "odd [name]*.parquet"
        written = vitals([90.5, None]).with_columns(pl.col("subject_id").cast(pl.Categorical))
        written.with_columns(pl.col("visit_seq").cast(pl.Int16)).write_parquet(file)
        rejected = vitals([12.0], first=9, _row=[7]).drop("visit_seq")
        con = open_relations(definitions(), {"vitals": [file, rejected]})
        rows = con.execute("SELECT subject_id, visit_seq, weight_kg, height_cm, _row, _written FROM vitals").fetchall()
        assert sorted(rows) == [
            ("DK01-001", 1, 90.5, None, 0, True),
            ("DK01-002", 1, None, None, 1, True),
            ("DK01-009", None, 12.0, None, 7, False),
        ]

    def test_a_large_file_stays_a_file(self, tmp_path: Path) -> None:
        file = tmp_path / "vitals.parquet"
        many = pl.DataFrame({"subject_id": ["DK01-001"]}).select(pl.col("subject_id").repeat_by(COPIED_BELOW).explode())
        many.write_parquet(file)
        con = open_relations(definitions(), {"vitals": [file]})
        assert ("vitals",) in con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
        assert con.execute("SELECT COUNT(*), MAX(_row) FROM vitals").fetchone() == (COPIED_BELOW, COPIED_BELOW - 1)

    @pytest.mark.parametrize(
        ("tables", "words"),
        [
            ({"no_such_table": [vitals([1.0])]}, "no table 'no_such_table'"),
            ({"vitals": [Path("absent.parquet")]}, "no file absent.parquet"),
            ({"vitals": [pl.DataFrame({"weight_kg": ["heavy"]})]}, "heavy"),
        ],
    )
    def test_wrong_sources_are_errors(self, tables: dict[str, Any], words: str) -> None:
        with pytest.raises(RelationError, match=words):
            open_relations(definitions(), tables)

    def test_a_file_that_is_no_parquet_is_an_error(self, tmp_path: Path) -> None:
        file = tmp_path / "vitals.parquet"
        file.write_text("subject_id\n", encoding="utf-8")
        with pytest.raises(RelationError, match=r"vitals\.parquet is not a Parquet file"):
            open_relations(definitions(), {"vitals": [file]})

    def test_nothing_is_loaded_and_no_variable_is_a_table(self) -> None:
        con = open_relations(definitions(), {})
        variable = pl.DataFrame({"a": [1]})
        assert variable.height == 1
        with pytest.raises(duckdb.CatalogException):
            con.execute("SELECT * FROM variable")
        with pytest.raises(duckdb.Error):
            con.execute("SELECT * FROM 'https://example.org/a.parquet'")

    def test_the_definitions_are_relations(self) -> None:
        found = definitions()
        con = open_relations(found, {})
        assert con.execute("SELECT day, first_day, last_day FROM schema_visits WHERE visit = 'week4'").fetchone() == (
            29,
            26,
            32,
        )
        fields = con.execute(
            "SELECT type, unit, low, expected_high, measured FROM schema_fields WHERE \"table\" = 'vitals' "
            "AND field IN ('weight_kg', 'visit_seq') ORDER BY field DESC"
        ).fetchall()
        assert fields == [("number", "kg", 30.0, 160.0, True), ("integer", None, 1.0, None, False)]
        assert con.execute("SELECT COUNT(*) FROM schema_fields").fetchone() == (
            sum(len(table.fields) for table in found.tables.values()),
        )
        factor = "SELECT factor, \"offset\" FROM schema_conversions WHERE quantity = 'hba1c' AND unit = 'mmol/mol'"
        assert con.execute(factor).fetchone() == (0.09148, 2.152)
        assert con.execute("SELECT label FROM schema_codelists WHERE codelist = 'sex' AND code = 'F'").fetchone()
        lines = con.execute("SELECT COUNT(DISTINCT id), COUNT(*) FILTER (WHERE field IS NULL) FROM schema_schedule")
        assert lines.fetchone() == (len(found.trial.schedule), 0)

    def test_eligibility_is_three_valued(self) -> None:
        def criterion(name: str, kind: Any, condition: str) -> Criterion:
            return Criterion(
                id=name, kind=kind, text="x", condition=condition, reads=["fever"], basis="paper", source="x"
            )

        eligibility = Eligibility(
            inputs="SELECT subject_id, screening_no, fever, aspirin_mg_d FROM screening",
            criteria=[
                criterion("I1", "inclusion", "aspirin_mg_d <= 100"),
                criterion("E1", "exclusion", "fever = 'yes'"),
                criterion("X1", "post_randomisation", "TRUE"),
            ],
        )
        screening = pl.DataFrame(
            {
                "subject_id": ["A", "B", "C", "D"],
                "screening_no": [1] * 4,
                "fever": ["no", "yes", None, None],
                "aspirin_mg_d": [100, None, 0, 300],
            }
        )
        con = open_relations(replace(definitions(), eligibility=eligibility), {"screening": [screening]})
        states = con.execute("SELECT subject_id, criterion_id, state FROM eligibility_criteria ORDER BY ALL").fetchall()
        assert [state for _, name, state in states if name == "I1"] == ["met", "not_assessable", "met", "not_met"]
        assert [state for _, name, state in states if name == "E1"] == [
            "met",
            "not_met",
            "not_assessable",
            "not_assessable",
        ]
        overall = con.execute("SELECT state FROM eligibility_overall ORDER BY subject_id").fetchall()
        assert [state for (state,) in overall] == ["eligible", "ineligible", "not_assessable", "ineligible"]


class TestJudging:
    def test_counts_are_three_valued(self) -> None:
        (outcome,) = outcomes(
            [rule(records=WEIGHTS, **{"assert": "weight_kg < 100"})], {"vitals": [vitals([90, 110, None, 120])]}
        )
        assert (outcome.judged, outcome.passed, outcome.failed, outcome.not_assessed) == (4, 1, 2, 1)

    def test_violations_carry_key_row_and_values(self) -> None:
        source = vitals([110.0], visit_seq=[2], _row=[41], height_cm=[180.0])
        (outcome,) = outcomes(
            [rule(records="SELECT *, DATE '2004-02-29' AS day FROM vitals", **{"assert": "weight_kg < 100"})],
            {"vitals": [source]},
        )
        (found,) = outcome.violations
        assert found.key == {"subject_id": "DK01-001", "visit": "baseline", "visit_seq": "2"}
        assert (found.table, found.field, found.value, found.row, found.written) == (
            "vitals",
            "weight_kg",
            110.0,
            41,
            False,
        )
        assert found.values["day"] == dt.date(2004, 2, 29)
        assert found.values["height_cm"] == 180.0
        assert not {"_row", "_written", "_holds"} & set(found.values)

    def test_violations_come_by_row_then_key(self) -> None:
        source = vitals([110, 120, 130, 140]).with_columns(_row=pl.Series([9, 5, None, 7], dtype=pl.Int64))
        (outcome,) = outcomes([rule(records=WEIGHTS, **{"assert": "weight_kg < 100"})], {"vitals": [source]})
        assert [found.value for found in outcome.violations] == [120, 140, 110, 130]
        assert [found.row for found in outcome.violations] == [5, 7, 9, None]

    def test_the_limit_keeps_the_count(self) -> None:
        rules = [rule(records=WEIGHTS, **{"assert": "weight_kg < 100"})]
        (outcome,) = outcomes(rules, {"vitals": [vitals([110.0] * 20)]}, limit_per_rule=3)
        assert outcome.failed == 20
        assert [found.key["subject_id"] for found in outcome.violations] == ["DK01-001", "DK01-002", "DK01-003"]

    def test_a_judged_record_without_place_in_the_table_is_kept(self) -> None:
        records = "SELECT 'X' AS subject_id, CAST(NULL AS VARCHAR) AS visit, 1 AS visit_seq, 1.0 AS weight_kg"
        (outcome,) = outcomes([rule(records=records, **{"assert": "weight_kg > 5"})], {"vitals": [vitals([80.0])]})
        (found,) = outcome.violations
        assert (found.row, found.written) == (None, None)
        assert found.key == {"subject_id": "X", "visit": "", "visit_seq": "1"}

    def test_a_finding_on_a_table_has_no_key(self) -> None:
        rules = [rule(records="SELECT COUNT(*) AS n FROM vitals", **{"assert": "n > 5"})]
        (outcome,) = outcomes(rules, {"vitals": [vitals([80.0])]})
        assert [(found.key, found.row, found.values) for found in outcome.violations] == [({}, None, {"n": 1})]

    def test_equal_data_give_equal_outcomes_in_any_order_of_rows(self) -> None:
        weights: list[float | None] = [60.0 + index % 90 for index in range(500)]
        source = vitals(weights, _row=list(range(500)))
        rules = [rule(records=WEIGHTS, **{"assert": "weight_kg < 100"})]
        shuffled = source.sample(fraction=1.0, shuffle=True, seed=4)
        assert outcomes(rules, {"vitals": [source]}) == outcomes(rules, {"vitals": [shuffled]})

    def test_only_and_on_rule(self) -> None:
        seen: list[str] = []
        first, second = (
            rule(code=code, records=WEIGHTS, **{"assert": "weight_kg < 100"}) for code in ("TEST-001", "TEST-002")
        )
        source = {"vitals": [vitals([80.0])]}
        found = outcomes([second, first], source, on_rule=seen.append)
        assert sorted(seen) == [one.rule.code for one in found] == ["TEST-001", "TEST-002"]
        assert [one.rule.code for one in outcomes([second, first], source, only=["TEST-002"])] == ["TEST-002"]
        assert outcomes([second, first], {}) == [], "nothing to judge"


class TestRuleError:
    @pytest.mark.parametrize(
        ("records", "condition", "words"),
        [
            ("SELECT nothing FROM vitals", "nothing > 1", "nothing"),
            (WEIGHTS, "weight > 1", "weight"),
            (WEIGHTS, "weight_kg", "no condition"),
            ("SELECT subject_id, weight_kg FROM vitals", "weight_kg > 1", "visit, visit_seq"),
            ("SELECT subject_id, visit, visit_seq FROM vitals", "visit_seq > 1", "lacks the column weight_kg"),
            (WEIGHTS + " WHERE CAST(subject_id AS BIGINT) > 1", "weight_kg > 1", "DK01-001"),
        ],
    )
    def test_a_rule_that_cannot_run_is_an_error(self, records: str, condition: str, words: str) -> None:
        with pytest.raises(RuleError, match=words) as caught:
            outcomes([rule(records=records, **{"assert": condition})], {"vitals": [vitals([80.0])]})
        assert caught.value.code == "TEST-001"
        assert words in caught.value.message

    def test_an_unknown_code_is_an_error(self) -> None:
        with pytest.raises(KeyError):
            outcomes([rule(records=WEIGHTS, **{"assert": "TRUE"})], {}, only=["NONE-001"])


class TestForEach:
    def test_placeholders_are_filled_and_record_values_stay(self) -> None:
        one = rule(
            for_each={"fields": "measured", "key": ["subject_id", "visit"]},
            records="SELECT {key}, {field} FROM {table} WHERE {field} > {expected_high} + {resolution}",
            message="{field} {value} in {unit}",
            **{"assert": "FALSE"},
        )
        found = {f"{c.table}.{c.field}": c for c in expand(one, definitions())}
        weight = found["vitals.weight_kg"].rule
        assert (
            weight.records == "SELECT subject_id, visit, visit_seq, weight_kg FROM vitals WHERE weight_kg > 160 + 1e-1"
        )
        assert weight.message == "weight_kg {value} in kg"
        assert (weight.table, weight.field, weight.for_each) == ("vitals", "weight_kg", None)
        assert "vitals.visit_seq" not in found
        assert all({"subject_id", "visit"} <= set(definitions().tables[c.table].key) for c in found.values())

    def test_exclusions_and_kinds(self) -> None:
        def names(**options: Any) -> set[str]:
            one = rule(for_each=options, records="SELECT 1 AS n", **{"assert": "n > 0"})
            return {f"{c.table}.{c.field}" for c in expand(one, definitions())}

        assert "vitals.weight_kg" not in names(fields="measured", exclude=["vitals.weight_kg"])
        assert not any(name.startswith("vitals.") for name in names(fields="measured", exclude=["vitals"]))
        assert {"visits.visit_date", "labs.collected_ts"} <= names(fields="dates")
        assert "vitals.None" in names(fields="measured", by="table")
        assert names(fields="measured", only=["vitals.weight_kg", "labs.hba1c_pct"]) == {
            "vitals.weight_kg",
            "labs.hba1c_pct",
        }
        assert not any(name.startswith(("lineage.", "result_flags.")) for name in names(fields="numeric"))

    def test_only_fields_with_values_are_judged(self) -> None:
        one = rule(
            for_each={"fields": "measured"}, records="SELECT {key}, {field} FROM {table}", **{"assert": "{field} > 0"}
        )
        found = outcomes([one], {"vitals": [vitals([80.0])]})
        assert [(outcome.table, outcome.field) for outcome in found] == [("vitals", "weight_kg")]

    def test_fields_together_are_judged_one_by_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        one = rule(
            for_each={"fields": "measured", "by": "fields"},
            records="SELECT {key}, field, value FROM ({long}) AS v",
            message="{field} of {table} is {value}",
            **{"assert": "value < 100"},
        )
        source = vitals([80.0, 110.0, None], height_cm=[180.0, None, 99.0], _row=[3, 2, 1])
        together = outcomes([one], {"vitals": [source]})
        assert [(o.field, o.judged, o.passed, o.failed) for o in together] == [
            ("height_cm", 2, 1, 1),
            ("weight_kg", 2, 1, 1),
        ]
        weight = together[1]
        (found,) = weight.violations
        assert (found.field, found.value, found.row) == ("weight_kg", 110.0, 2)
        assert weight.rule.message.format(**found.values) == "weight_kg of vitals is 110.0"
        # the same when memory holds one field at a time
        monkeypatch.setattr("anakinra_t2d.across.expand.VALUES_TOGETHER", 1)
        apart = outcomes([one], {"vitals": [source]})
        assert {(o.field, o.judged, o.failed) for o in apart} == {(o.field, o.judged, o.failed) for o in together}

    def test_fields_together_need_the_name_of_the_field(self) -> None:
        one = rule(
            for_each={"fields": "measured", "by": "fields"},
            records="SELECT {key}, value FROM ({long}) AS v",
            **{"assert": "value < 100"},
        )
        with pytest.raises(RuleError, match="lacks the column field"):
            outcomes([one], {"vitals": [vitals([80.0])]})

    @pytest.mark.parametrize(
        "parts", [{"for_each": {"fields": "measured"}, "table": "vitals"}, {"table": None, "field": "weight_kg"}]
    )
    def test_what_is_judged_is_said_once(self, parts: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="table"):
            rule(records="SELECT 1 AS n", **{"assert": "n > 0"}, **parts)


class TestStatistics:
    def test_holm_by_hand(self) -> None:
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
        assert holm([0.6, 0.7]) == [1.0, 1.0]
        assert holm([0.001], family=50) == pytest.approx([0.05])
        assert holm([]) == []

    @pytest.mark.parametrize(
        ("distribution", "sides", "inputs", "expected"),
        [
            ("chi2", "upper", {"statistic": 16.919, "df": 9}, 0.05),
            ("normal", "both", {"statistic": -1.959964}, 0.05),
            ("normal", "lower", {"statistic": -1.644854}, 0.05),
            ("student", "upper", {"statistic": 2.015048, "df": 5}, 0.05),
            ("binomial", "upper", {"successes": 10, "n": 10, "chance": 0.5}, 0.5**10),
            ("binomial", "upper", {"successes": 0, "n": 10, "chance": 0.5}, 1.0),
            ("binomial", "lower", {"successes": 0, "n": 10, "chance": 0.5}, 0.5**10),
            ("binomial", "both", {"successes": 10, "n": 10, "chance": 0.5}, 2 * 0.5**10),
        ],
    )
    def test_p_values(self, distribution: Any, sides: Any, inputs: dict[str, float], expected: float) -> None:
        statistic = Statistic(distribution=distribution, sides=sides, false_alarm_rate=0.01, min_records=3)
        assert p_value(statistic, inputs) == pytest.approx(expected, rel=1e-4)

    @staticmethod
    def judged(rows: str, **statistic: Any) -> list[RuleOutcome]:
        options = {"distribution": "normal", "false_alarm_rate": 0.01, "min_records": 10, **statistic}
        one = rule(
            for_each={"fields": "measured", "key": ["subject_id", "visit", "visit_seq"]},
            statistic=options,
            records=f"SELECT * FROM (VALUES {rows}) AS t (field, n, statistic, effect) WHERE field = '{{field}}'",
            **{"assert": "effect < 0.5"},
        )
        source = vitals([80.0], height_cm=[180.0], sbp_mmhg=[120.0])
        return outcomes([one], {"vitals": [source]})

    def test_a_finding_needs_a_small_p_and_a_large_effect(self) -> None:
        found = self.judged(
            "('weight_kg', 50, 5.0, 0.9), ('height_cm', 50, 5.0, 0.1), "
            "('sbp_mmhg', 50, 2.2, 0.9), ('sbp_mmhg', 9, 9, 9)"
        )
        assert [(one.field, one.passed, one.failed, one.not_assessed) for one in found] == [
            ("weight_kg", 0, 1, 0),
            ("height_cm", 1, 0, 0),
            ("sbp_mmhg", 1, 0, 1),
        ]
        (finding,) = found[0].violations
        assert (finding.key, finding.field, finding.value) == ({}, "weight_kg", None)
        # three tests were made: the short one is in no family
        assert finding.values["p"] == f"{3 * 2.866516e-07:.1e}"

    def test_missing_statistic_or_effect_is_not_assessed(self) -> None:
        found = self.judged("('weight_kg', 50, NULL, 0.9), ('height_cm', 50, 9.0, NULL)")
        assert [(one.judged, one.not_assessed, one.failed) for one in found if one.judged] == [(1, 1, 0), (1, 1, 0)]

    def test_a_missing_input_column_is_an_error(self) -> None:
        with pytest.raises(RuleError, match="lacks df"):
            self.judged("('weight_kg', 50, 1.0, 0.9)", distribution="student")

    def test_records_keep_their_key(self) -> None:
        one = rule(
            statistic={"distribution": "normal", "false_alarm_rate": 0.01, "min_records": 3},
            records=WEIGHTS.replace("FROM", ", 50 AS n, weight_kg AS statistic, 1000 AS tests FROM"),
            **{"assert": "weight_kg < 4"},
        )
        source = vitals([4.5, 9.0, 7.0, 1.0], _row=[4, 3, 2, 1])
        (outcome,) = outcomes([one], {"vitals": [source]})
        assert [(found.row, found.value) for found in outcome.violations] == [(2, 7.0), (3, 9.0), (4, 4.5)]
        assert outcome.violations[1].key["subject_id"] == "DK01-002"

    def test_a_chi2_statistic_has_one_side(self) -> None:
        with pytest.raises(ValueError, match="upper"):
            Statistic(distribution="chi2", sides="both", false_alarm_rate=0.01, min_records=3)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (7.0, "7"),
        (0.1, "0.1"),
        (-10, "-10"),
        (dt.date(2004, 2, 29), "2004-02-29"),
        (dt.datetime(2004, 2, 29, 8, 30), "2004-02-29T08:30"),
        (dt.datetime(2004, 2, 29, 8, 30, 5), "2004-02-29T08:30:05"),
    ],
)
def test_values_as_in_the_csv(value: object, text: str) -> None:
    assert as_text(value) == text


def test_for_each_model_is_strict() -> None:
    with pytest.raises(ValueError, match="fields"):
        ForEach.model_validate({"fields": "everything"})
