"""Unit texts of site files lead to the right UCUM unit, and values to the right number."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anakinra_t2d.harmonise.cells import CellReader, ReadCells
from anakinra_t2d.harmonise.notation import Notation
from anakinra_t2d.harmonise.numbers import evaluate
from anakinra_t2d.harmonise.units import UnitReader, likely_unit, read_unit, tidy
from anakinra_t2d.schema import Field, definitions
from anakinra_t2d.schema.quantities import Conversion, Quantity

FOUND = definitions()
ALIASES = Path(__file__).parents[2] / "shared/trial/unit_aliases.csv"
FIELDS = {field.quantity: field for table in FOUND.tables.values() for field in table.fields.values() if field.quantity}
SCOPES = {
    "C-peptide": "c_peptide",
    "hCG": "hcg",
    "HbA1c": "hba1c",
    "albumin ratio": "albumin_excretion",
    "weight": "body_weight",
    "BMI": "body_mass_index",
    "BSA": "body_surface_area",
    "temperature": "body_temperature",
    "oxidation": "oxidation_rate",
    "duration": "diabetes_duration",
    "time": "duration_hours",
    "biopsy": "ratio",
}
"""Names of analytes that differ from those of the quantities in more than case and spaces."""
FACTORS = [c for quantity in FOUND.quantities.values() for c in quantity.conversions if c.factor is not None]
CONFIRMED = Notation(confirmed=True)
READERS = {name: UnitReader(field, FOUND, Notation()) for name, field in FIELDS.items()}


def units_of(quantity: Quantity) -> set[str]:
    return {quantity.unit, *(conversion.unit for conversion in quantity.conversions)}


def read(field: Field, texts: list[str], unit: str, notation: Notation | None = None) -> ReadCells:
    notation = notation or Notation()
    stated = read_unit(unit, field, FOUND, notation)
    assert stated.code is None, stated
    return CellReader(field, FOUND, notation).read(pl.Series(texts, dtype=pl.String), stated)


def value(table: str, field: str, text: str, unit: str, notation: Notation | None = None) -> Decimal:
    (found,) = read(FOUND.tables[table].fields[field], [text], unit, notation).values.to_list()
    assert found is not None
    return Decimal(found)


class TestSpellings:
    @pytest.mark.skipif(not ALIASES.is_file(), reason="the folder with the facts of the trial is not here")
    def test_every_listed_spelling_means_what_the_list_says(self) -> None:
        wrong, looked = [], 0
        with ALIASES.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            scopes = [SCOPES.get(scope, scope.lower().replace(" ", "_")) for scope in row["scope"].split(";")]
            if scopes == ["any"]:
                scopes = [name for name in FIELDS if row["ucum"] in units_of(FOUND.quantities[name])]
            assert scopes, row
            for name in scopes:
                quantity = FOUND.quantities[name]
                asked = {c.unit for c in quantity.conversions if c.apply == "ask"}
                found = READERS[name].read(row["raw_spelling"])
                looked += 1
                if row["ambiguous"] == "yes":
                    right = found.code == "UNIT-003" and row["raw_spelling"] == found.details["found"]
                elif row["ucum"] in asked:
                    right = found.code == "UNIT-003" and found.unit == row["ucum"]
                else:
                    right = found.code is None and found.unit == row["ucum"]
                if not right:
                    wrong.append((name, row, found))
        assert wrong == []
        assert looked > 500

    def test_ucum_codes_are_always_taken(self) -> None:
        for name, field in FIELDS.items():
            quantity = FOUND.quantities[name]
            assert read_unit(quantity.unit, field, FOUND, Notation()).code is None
            for conversion in quantity.conversions:
                found = read_unit(conversion.unit, field, FOUND, CONFIRMED)
                assert found.unit == conversion.unit, (name, conversion.unit)
                assert (found.code is None) == any(
                    c.apply != "no" for c in quantity.conversions if c.unit == conversion.unit
                )

    def test_no_two_units_look_alike_when_tidied(self) -> None:
        for name, quantity in FOUND.quantities.items():
            seen: dict[str, set[str | None]] = {}
            for spelling in [*quantity.spellings, *FOUND.spellings]:
                seen.setdefault(tidy(spelling.text), set()).add(spelling.unit)
            for unit in units_of(quantity):
                seen.setdefault(tidy(unit), set()).add(unit)
            own = {tidy(spelling.text) for spelling in quantity.spellings}
            assert {key: units for key, units in seen.items() if len(units) > 1 and key not in own} == {}, name

    @pytest.mark.parametrize(
        ("quantity", "text", "unit"),
        [
            ("glucose", " [mmol/l] ", "mmol/L"),
            ("glucose", "(mg/dL)", "mg/dL"),
            ("glucose", "in mmol/l", "mmol/L"),
            ("glucose", "mmol pr. l", "mmol/L"),
            ("glucose", "mmol per L", "mmol/L"),
            ("glucose", "MMol/L", "mmol/L"),
            ("creatinine", "umol l-1", "umol/L"),
            ("creatinine", "µmol·l⁻¹", "umol/L"),
            ("creatinine", "UMOL/L", "umol/L"),
            ("leptin", "Âµg/L", "ug/L"),
            ("leptin", "Î¼g/L", "ug/L"),
            ("body_temperature", "Â°C", "Cel"),
            ("leukocytes", "10⁹/l", "10*9/L"),
            ("leukocytes", "x 10^9 / L", "10*9/L"),
            ("leukocytes", "10**9/L", "10*9/L"),
            ("platelets", "THOU/uL", "10*3/uL"),
            ("platelets", "GI/L", "10*9/L"),
            ("platelets", "G/L", "10*9/L"),
            ("haemoglobin", "G/L", "g/L"),
            ("haemoglobin", "G/dl", "g/dL"),
            ("height", "IN", "[in_i]"),
            ("heart_rate", "BEATS/MIN", "/min"),
            ("insulin", "µIU/ml", "u[iU]/mL"),
            ("insulin", "m[IU]/L", "m[iU]/L"),
            ("m_value", "mg kg-1 min-1", "mg/(kg.min)"),
            ("ratio", "", "1"),
            ("duration_hours", "Std.", "h"),
        ],
    )
    def test_as_people_also_write_it(self, quantity: str, text: str, unit: str) -> None:
        found = read_unit(text, FIELDS[quantity], FOUND, Notation())
        assert (found.unit, found.code) == (unit, None)

    @pytest.mark.parametrize(
        ("quantity", "text", "reading"),
        [
            ("leukocytes", "g/l", " for Leukocytes"),  # grams are not giga
            ("neutrophils", "g/L", " for Neutrophils"),
            ("glucose", "pmol/L", " for Glucose"),
            ("glucose", "mmool/L", " (did you mean mmol/L?)"),
            ("glucose", "Einheiten", ""),
            ("insulin", "MU/ML", None),
            ("sodium", "5.4", ""),
        ],
    )
    def test_unknown_texts_are_named_and_never_guessed(self, quantity: str, text: str, reading: str | None) -> None:
        found = read_unit(text, FIELDS[quantity], FOUND, CONFIRMED)
        assert found.code == "UNIT-001"
        assert found.conversion is None
        assert found.details["found"] == text
        assert reading is None or found.details["reading"] == reading
        assert FOUND.quantities[quantity].unit in found.details["terms"].split(", ")

    @settings(deadline=None)
    @given(text=st.text(max_size=12), name=st.sampled_from(sorted(FIELDS)))
    def test_any_text_gives_a_unit_of_the_quantity_or_a_code(self, text: str, name: str) -> None:
        found = READERS[name].read(text)
        if found.code is None:
            assert found.unit in units_of(FOUND.quantities[name])
        else:
            assert set(found.details) == {"found", "terms", "reading", "problem", "unit", "rest"}

    @pytest.mark.parametrize("text", [None, "", "  "])
    def test_no_unit_is_a_question(self, text: str | None) -> None:
        found = read_unit(text, FIELDS["glucose"], FOUND, CONFIRMED)
        assert found.code == "UNIT-002"
        assert found.details["terms"] == "mmol/L, mg/dL, g/L"


class TestDecisions:
    def test_an_ambiguous_text_waits_for_a_person(self) -> None:
        field = FIELDS["creatinine"]
        assert read_unit("?mol/L", field, FOUND, Notation()).code == "UNIT-003"
        assert read_unit("?mol/L", field, FOUND, Notation(units={"?mol/L": "umol/L"})).code is None
        assert read_unit("?mol/L", field, FOUND, CONFIRMED).unit == "umol/L"

    def test_a_lost_micro_sign_is_a_question_for_every_quantity(self) -> None:
        found = read_unit("\ufffdg/L", FIELDS["leptin"], FOUND, Notation())
        assert found.code == "UNIT-003"
        assert "micro sign" in found.details["problem"]

    def test_what_a_person_decided_goes_before_the_schema(self) -> None:
        decided = Notation(units={"E/ml": "u[iU]/mL", "mg/dl": "mg/dL"})
        assert read_unit("e/mL", FIELDS["insulin"], FOUND, decided).unit == "u[iU]/mL"
        # but no decision on a spelling makes a foreign unit one of the quantity
        assert read_unit("mg/dl", FIELDS["insulin"], FOUND, decided).code == "UNIT-001"

    @pytest.mark.parametrize(
        ("quantity", "unit"),
        [("hba1c", "{fraction}"), ("interleukin_6", "ng/mL"), ("glucose", "g/dL"), ("insulin", "pmol/ml")],
    )
    def test_asked_conversions_need_the_site(self, quantity: str, unit: str) -> None:
        found = read_unit(unit, FIELDS[quantity], FOUND, Notation())
        assert (found.code, found.conversion) == ("UNIT-003", None)
        assert found.details["problem"]
        assert read_unit(unit, FIELDS[quantity], FOUND, CONFIRMED).conversion is not None

    @pytest.mark.parametrize(
        ("quantity", "unit", "why"),
        [
            ("hba1c", "%{MonoS}", "Swedish scale"),
            ("glucose", "mmol/L{whole_blood}", "meters read about 11 % lower"),
            ("albumin_excretion", "mg/mmol", "creatinine"),
            ("albumin_excretion", "mg/liter/24 hr", None),
        ],
    )
    def test_some_are_never_converted(self, quantity: str, unit: str, why: str | None) -> None:
        found = read_unit(unit, FIELDS[quantity], FOUND, CONFIRMED)
        assert found.code in (("UNIT-003",) if why else ("UNIT-001", "UNIT-003"))
        assert found.conversion is None
        assert why is None or why in found.details["problem"]

    def test_of_two_conversions_the_applied_one_counts(self) -> None:
        found = read_unit("uU/mL", FIELDS["insulin"], FOUND, CONFIRMED)
        assert found.conversion is not None
        assert (found.conversion.factor, found.conversion.basis) == ("6.0", "convention")


class TestValues:
    @pytest.mark.parametrize(
        ("table", "field", "sent", "unit", "canonical"),
        [
            ("labs", "hba1c_pct", "58.5", "mmol/mol", "7.503580"),
            ("labs", "hba1c_pct", "107.7", "mmol/mol", "12.004396"),
            ("labs", "hba1c_pct", "46.4", "mmol/mol", "6.396672"),
            ("labs", "cholesterol_mmol_l", "200", "mg/dl", "5.172"),
            ("labs", "crp_mg_l", "3.0", "mg/dL", "30"),
            ("labs", "creatinine_umol_l", "1.471", "mg/dL", "130.0364"),
            ("labs", "leukocytes_10e9_l", "2000", "per mm3", "2"),
            ("labs", "platelets_10e9_l", "16000", "/mm3", "16"),
            ("labs", "ast_u_l", "0.5", "µkat/L", "30"),
            ("labs", "cpeptide_fasting_pmol_l", "1.208", "ng/ml", "399.95672"),
            ("ogtt", "insulin_pmol_l", "1", "uIU/mL", "6"),
            ("ogtt", "insulin_pmol_l", "12.5", "mE/l", "75"),
            ("ogtt", "glucose_mmol_l", "180.156", "mg/dL", "9.99999115440"),
            ("vitals", "height_cm", "1.70", "m", "170"),
            ("vitals", "weight_kg", "172", "lbs", "78.01788764"),
        ],
    )
    def test_known_points(self, table: str, field: str, sent: str, unit: str, canonical: str) -> None:
        assert value(table, field, sent, unit) == Decimal(canonical).normalize()

    def test_hba1c_agrees_with_the_rounded_table(self) -> None:
        for sent, rounded in (("58.5", "7.50"), ("107.7", "12.00"), ("46.4", "6.40")):
            assert round(value("labs", "hba1c_pct", sent, "mmol/mol"), 2) == Decimal(rounded)

    def test_haemoglobin_at_its_limit(self) -> None:
        comma = Notation(decimal=",")
        assert round(value("labs", "hemoglobin_g_l", "6,8", "mmol/l", comma), 1) == Decimal("109.6") < 110
        assert round(value("labs", "hemoglobin_g_l", "6,9", "mmol/l", comma), 1) == Decimal("111.2") > 110

    def test_body_mass_index_of_exactly_27(self) -> None:
        comma = Notation(decimal=",")
        weight = value("vitals", "weight_kg", "78,03", "kg", comma)
        height = value("vitals", "height_cm", "1,70", "m", comma)
        assert weight / (height / 100) ** 2 == 27

    def test_lineage_says_how_to_go_back(self) -> None:
        read_cells = read(FOUND.tables["labs"].fields["hemoglobin_g_l"], ["6,8"], "mmol/l", Notation(decimal=","))
        assert read_cells.changed.rows() == [
            (0, "6,8", None, "decimal comma read as point; mmol/L to g/L: value * 16.114 + 0")
        ]

    def test_a_factor_of_one_does_not_round(self) -> None:
        found = read(FIELDS["interleukin_6"], ["1.23456789012345678", "3.40"], "pg/mL")
        assert found.values.to_list() == ["1.23456789012345678", "3.40"]
        assert set(found.changed["conversion"]) == {"pg/mL to ng/L: value * 1 + 0"}

    @settings(max_examples=400, deadline=None)
    @given(
        conversion=st.sampled_from(FACTORS),
        canonical=st.decimals(min_value="0.001", max_value=5000, places=3),
    )
    def test_there_and_back(self, conversion: Conversion, canonical: Decimal) -> None:
        assert conversion.to_canonical(conversion.to_sent(canonical)) == canonical


class TestUnitsOfRows:
    FIELD = FOUND.tables["labs"].fields["crp_mg_l"]

    def test_every_row_has_its_own(self) -> None:
        texts = pl.Series(["5", "5", "5,5", "18", "3", "n.d.", None, "<0,3"])
        units = pl.Series(["mg/L", "mg/dl", "mg/dl", "xyz", None, None, None, "mg/dl"])
        found = CellReader(self.FIELD, FOUND, Notation(decimal=",")).read(texts, units)
        assert found.values.to_list() == ["5", "50", "55", None, None, None, None, None]
        assert found.changed["unit_raw"].to_list() == ["mg/dl", "mg/dl"]
        assert found.flags.rows() == [(5, "not_done", None, "n.d."), (7, "below_limit", "3", "<0,3")]
        assert [(p.code, p.positions, p.texts) for p in found.problems] == [
            ("UNIT-001", [3], ["18"]),
            ("UNIT-002", [4], ["3"]),
        ]

    def test_the_numbers_hint_at_a_missing_unit(self) -> None:
        field = FOUND.tables["labs"].fields["fpg_mmol_l"]
        texts = pl.Series(["180", "165", "201", "9.1"])
        found = CellReader(field, FOUND, Notation()).read(texts, pl.Series([None, None, None, "mmol/l"]))
        (problem,) = found.problems
        assert problem.positions == [0, 1, 2]
        assert problem.details["reading"] == " (looks like mg/dL: 180 is 9.99 mmol/L)"

    @pytest.mark.parametrize(
        ("field", "values", "hint"),
        [
            ("fpg_mmol_l", ["180"], " (looks like mg/dL: 180 is 9.99 mmol/L)"),
            ("fpg_mmol_l", ["9", "10", "11"], " (looks like mmol/L)"),
            ("hba1c_pct", ["58", "70", "64"], " (looks like mmol/mol: 64 is 8.01 %)"),
            ("creatinine_umol_l", ["1.1"], " (looks like mg/dL: 1.1 is 97.2 umol/L)"),
            ("fpg_mmol_l", ["100000"], ""),
            ("fpg_mmol_l", [], ""),
        ],
    )
    def test_likely_units(self, field: str, values: list[str], hint: str) -> None:
        numbers = [Decimal(text) for text in values]
        assert likely_unit(FOUND.tables["labs"].fields[field], FOUND, numbers) == hint


class TestFormulas:
    FIELD = FOUND.tables["labs"].fields["neutrophils_10e9_l"]

    def test_values_of_the_same_record_are_used(self) -> None:
        reader = CellReader(self.FIELD, FOUND, CONFIRMED)
        texts, units = pl.Series(["45", "50", "60", "3"]), pl.Series(["%", "%", "%", "G/l"])
        others = {"leukocytes_10e9_l": pl.Series(["6.1", None, "8", None])}
        found = reader.read(texts, units, others)
        assert found.values.to_list() == ["2.745", None, "4.8", "3"]
        assert found.changed["conversion"].to_list() == [
            "% to 10*9/L: value / 100 * leukocytes_10e9_l, leukocytes_10e9_l = 6.1",
            "% to 10*9/L: value / 100 * leukocytes_10e9_l, leukocytes_10e9_l = 8",
        ]
        (problem,) = found.problems
        assert (problem.code, problem.positions) == ("UNIT-003", [1])
        assert "leukocytes_10e9_l" in problem.details["problem"]

    def test_a_whole_column(self) -> None:
        field = FIELDS["glucose_infusion_rate"]
        stated = read_unit("mg/kg/min", field, FOUND, Notation())
        weights = {"body_weight_kg": pl.Series(["94.5", "0.1"])}
        found = CellReader(field, FOUND, Notation()).read(pl.Series(["8", "8"]), stated, weights)
        assert found.values.to_list() == ["756", "0.8"]
        without = CellReader(field, FOUND, Notation()).read(pl.Series(["8", None]), stated)
        assert [(p.code, p.positions) for p in without.problems] == [("UNIT-003", [0])]

    def test_division_by_nothing_is_a_question(self) -> None:
        field = FIELDS["insulin_infusion_rate"]
        stated = read_unit("mU/kg/min", field, FOUND, CONFIRMED)
        others = {"body_weight_kg": pl.Series(["95"]), "bsa_m2": pl.Series(["0"])}
        found = CellReader(field, FOUND, CONFIRMED).read(pl.Series(["1"]), stated, others)
        assert [(p.code, p.positions) for p in found.problems] == [("UNIT-003", [0])]

    @pytest.mark.parametrize(
        ("formula", "result"),
        [("value * 2", "3.0"), ("-value / (1 + 0.5)", "-1"), ("value - 0.1 - 0.2 - 1.2", "0"), ("1.73", "1.73")],
    )
    def test_arithmetic_is_decimal(self, formula: str, result: str) -> None:
        assert evaluate(formula, {"value": Decimal("1.5")}) == Decimal(result)

    @pytest.mark.parametrize("formula", ["value ** 2", "abs(value)", "value.real", "other", "'a'", "value if 1 else 2"])
    def test_nothing_else_is_evaluated(self, formula: str) -> None:
        with pytest.raises(ValueError, match="cannot be evaluated"):
            evaluate(formula, {"value": Decimal(1)})

    def test_every_formula_of_the_schema_can_be_evaluated(self) -> None:
        formulas = [
            (conversion.formula, conversion.needs)
            for quantity in FOUND.quantities.values()
            for conversion in quantity.conversions
            if conversion.formula is not None
        ]
        assert formulas
        for formula, needs in formulas:
            assert evaluate(formula, dict.fromkeys(["value", *needs], Decimal(2))) > 0


def test_a_field_without_a_quantity_has_no_unit() -> None:
    field = FOUND.tables["subjects"].fields["birth_year"]
    assert field.quantity is None
    assert UnitReader(field, FOUND, Notation()).read("mmol/L") == read_unit(None, field, FOUND, Notation())
