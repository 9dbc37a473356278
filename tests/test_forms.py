"""Forms of the definitions for other tools: Arrow schemas and the Data Package, as those tools read them."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from frictionless import Package
from frictionless import validate as frictionless_validate

from anakinra_t2d.forms import generate
from anakinra_t2d.forms.arrow import arrow_schema
from anakinra_t2d.forms.data_package import PROFILE, data_package
from anakinra_t2d.schema import Field, Table, definitions

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED_PROFILE = ROOT.parent / "shared/real/datapackage_profiles/datapackage.json"

TABLES = [*definitions().tables.values()]

VISITS: list[dict[str, Any]] = [
    {"subject_id": "DK01-001", "visit": "baseline", "visit_seq": 1, "weight_kg": 94.5, "body_temp_cel": 36.7},
    {"subject_id": "DK01-001", "visit": "week13", "visit_seq": 1},
]


class TestArrow:
    @pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
    def test_fields_have_the_types_that_they_declare(self, table: Table) -> None:
        plain = {
            "string": pa.string(),
            "integer": pa.int64(),
            "number": pa.float64(),
            "boolean": pa.bool_(),
            "date": pa.date32(),
            "datetime": pa.timestamp("us"),
        }
        coded = pa.dictionary(pa.int8(), pa.string())
        assert {field.name: (field.type, field.nullable) for field in arrow_schema(table)} == {
            name: (coded if field.codelist else plain[field.type], field.required != "always")
            for name, field in table.fields.items()
        }

    def test_a_measured_field_says_what_it_is(self) -> None:
        assert _text(arrow_schema("labs").field("hba1c_pct").metadata) == {
            "label": "HbA1c",
            "description": "Glycated haemoglobin as NGSP (DCCT) percent",
            "unit": "%",
            "range": "[3, 20]",
            "expected": "[5.5, 13]",
            "basis": "paper",
            "identifying": "none",
            "blinding": "open",
            "loinc": "4548-4",
            "cdisc_domain": "LB",
            "cdisc": "HBA1C",
        }

    def test_a_coded_field_lists_its_own_terms_only(self) -> None:
        metadata = _text(arrow_schema("randomisation").field("arm").metadata)
        assert metadata["codelist"] == "arm"
        assert list(json.loads(metadata["terms"])) == ["anakinra", "placebo"]
        assert metadata["blinding"] == "revealing"

    def test_a_table_says_which_schema_it_follows(self) -> None:
        found = definitions()
        assert _text(arrow_schema("vitals").metadata) == {
            "table": "vitals",
            "title": "Vital signs",
            "schema_version": found.trial.version,
            "trial_registry": found.trial.registry,
        }

    def test_many_terms_take_a_wider_index(self) -> None:
        found = definitions()
        visit = found.codelists["visit"]
        term = visit.terms[0]
        many = [*visit.terms, *(term.model_copy(update={"code": f"extra_{i}"}) for i in range(128))]
        table = found.tables["visits"].model_copy(deep=True)
        table.fields["visit"].terms.clear()
        wide = dataclasses.replace(
            found, codelists={**found.codelists, "visit": visit.model_copy(update={"terms": many})}
        )
        assert arrow_schema(table, wide).field("visit").type.index_type == pa.int16()
        assert arrow_schema("visits").field("visit").type.index_type == pa.int8()

    @pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
    def test_schema_and_metadata_survive_parquet(self, table: Table, tmp_path: Path) -> None:
        schema = arrow_schema(table)
        pq.write_table(schema.empty_table(), tmp_path / "t.parquet")
        assert pq.read_schema(tmp_path / "t.parquet").equals(schema, check_metadata=True)

    def test_values_survive_parquet(self, tmp_path: Path) -> None:
        _write_parquet(tmp_path / "vitals.parquet", "vitals", VISITS)
        read = pq.read_table(tmp_path / "vitals.parquet")
        assert read.select(["subject_id", "visit", "visit_seq", "weight_kg"]).to_pylist() == [
            {"subject_id": "DK01-001", "visit": "baseline", "visit_seq": 1, "weight_kg": 94.5},
            {"subject_id": "DK01-001", "visit": "week13", "visit_seq": 1, "weight_kg": None},
        ]

    def test_an_unknown_table_is_an_error(self) -> None:
        with pytest.raises(KeyError, match="vital_signs"):
            arrow_schema("vital_signs")


class TestDataPackage:
    def test_the_published_profile_accepts_it(self) -> None:
        if not PUBLISHED_PROFILE.is_file():
            pytest.skip("the published Data Package profiles are not beside the checkout")
        profile = json.loads(PUBLISHED_PROFILE.read_text(encoding="utf-8"))
        validator = jsonschema.validators.validator_for(profile)(profile, format_checker=jsonschema.FormatChecker())
        some = data_package(definitions(), paths={"labs": "labs.parquet", "randomisation": "restricted/r.parquet"})
        for descriptor in (_repository(), some):
            assert [error.message for error in validator.iter_errors(descriptor)] == []

    def test_frictionless_reads_the_descriptor_as_version_2(self) -> None:
        descriptor = _repository()
        assert descriptor["$schema"] == PROFILE
        assert [error.message for error in Package.validate_descriptor(descriptor).errors] == []

    def test_the_repository_has_every_table_that_is_sent(self) -> None:
        names = [resource["name"] for resource in _repository()["resources"]]
        assert names == [name for name in definitions().trial.tables if name != "lineage"]

    @pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
    def test_only_what_is_an_error_is_a_constraint(self, table: Table) -> None:
        for field in table.fields.values():
            low, high = field.range or (None, None)
            stated = {
                "required": True if field.required == "always" else None,
                "unique": True if [field.name] in table.unique else None,
                "enum": definitions().terms(field),
                "minimum": low,
                "maximum": high,
                "pattern": field.pattern,
            }
            constraints = _described(table.name, field.name).get("constraints", {})
            assert constraints == {name: value for name, value in stated.items() if value is not None}, field.name

    def test_a_unit_is_a_ucum_code(self) -> None:
        units = {name: _described("labs", name)["unit"] for name in ("hba1c_pct", "leukocytes_10e9_l", "crp_mg_l")}
        assert units == {"hba1c_pct": "%", "leukocytes_10e9_l": "10*9/L", "crp_mg_l": "mg/L"}

    def test_what_only_warns_stands_beside_the_constraints(self) -> None:
        hba1c = _described("labs", "hba1c_pct")
        assert hba1c["constraints"] == {"minimum": 3, "maximum": 20}
        assert hba1c["expected"] == {"minimum": 5.5, "maximum": 13}
        assert hba1c["requirement"] == "planned"
        assert hba1c["codes"] == {"loinc": "4548-4", "cdisc_domain": "LB", "cdisc": "HBA1C"}

    def test_restricted_tables_are_marked(self) -> None:
        marked = {resource["name"] for resource in _repository()["resources"] if resource["restricted"]}
        assert marked == {"randomisation", "unblinding", "labs_restricted"}

    def test_foreign_keys_to_absent_tables_are_left_out(self) -> None:
        everything = {resource["name"]: resource["schema"] for resource in _repository()["resources"]}
        assert [key["reference"]["resource"] for key in everything["vitals"]["foreignKeys"]] == ["subjects", "visits"]
        some = data_package(definitions(), paths={"vitals": "vitals.parquet", "visits": "visits.parquet"})
        referenced = {
            resource["name"]: [key["reference"]["resource"] for key in resource["schema"].get("foreignKeys", [])]
            for resource in some["resources"]
        }
        assert referenced == {"visits": [], "vitals": ["visits"]}

    def test_only_simulated_data_are_given_away(self) -> None:
        real = data_package(definitions(), paths={"vitals": "vitals.parquet"})
        assert "licenses" not in real
        assert "synthetic" not in real
        assert _repository()["licenses"][0]["name"] == "CC0-1.0"
        assert _repository()["synthetic"] is True

    def test_further_resources_come_last(self) -> None:
        extra = {"name": "findings", "path": "findings.parquet"}
        package = data_package(definitions(), paths={"vitals": "vitals.parquet"}, resources_extra=[extra])
        assert [resource["name"] for resource in package["resources"]] == ["vitals", "findings"]

    def test_wrong_paths_are_errors(self) -> None:
        with pytest.raises(KeyError, match="vital_signs"):
            data_package(definitions(), paths={"vital_signs": "v.csv"})
        with pytest.raises(ValueError, match=r"vitals\.xlsx"):
            data_package(definitions(), paths={"vitals": "vitals.xlsx"})


class TestFrictionless:
    def test_it_finds_nothing_in_the_examples(self) -> None:
        if not (ROOT / generate.EXAMPLES).is_dir():
            pytest.skip("the example trial is not there")
        report = frictionless_validate(str(ROOT / "datapackage.json"))
        assert report.errors == []
        assert report.flatten(["name", "rowNumber", "fieldName", "type", "note"]) == []

    @pytest.mark.parametrize(
        ("changed", "expected"),
        [
            ({}, set()),
            ({"weight_kg": 945}, {("constraint-error", "weight_kg")}),
            ({"weight_kg": "94,5"}, {("type-error", "weight_kg")}),
            ({"visit": "week 13"}, {("constraint-error", "visit"), ("foreign-key", None)}),
            ({"visit_seq": None}, {("constraint-error", "visit_seq"), ("foreign-key", None)}),
            ({"subject_id": "DK01-002"}, {("foreign-key", None)}),
        ],
        ids=["sound", "range", "type", "term", "required", "reference"],
    )
    def test_it_enforces_what_the_definitions_call_an_error(
        self, changed: dict[str, Any], expected: set[tuple[str, str | None]], tmp_path: Path
    ) -> None:
        _write_csv(tmp_path / "visits.csv", "visits", VISITS)
        _write_csv(tmp_path / "vitals.csv", "vitals", [VISITS[0] | changed])
        descriptor = data_package(definitions(), paths={"visits": "visits.csv", "vitals": "vitals.csv"})
        (tmp_path / "datapackage.json").write_text(json.dumps(descriptor), encoding="utf-8")
        report = frictionless_validate(str(tmp_path / "datapackage.json"))
        assert report.errors == []
        assert {
            (task.name, error.type, getattr(error, "field_name", None))
            for task in report.tasks
            for error in task.errors
        } == {("vitals", *error) for error in expected}

    @pytest.mark.parametrize(("weight", "valid"), [(94.5, True), (945.0, False)])
    def test_it_reads_a_folder_of_parquet(self, weight: float, valid: bool, other_python: str, tmp_path: Path) -> None:
        _write_parquet(tmp_path / "visits.parquet", "visits", VISITS)
        _write_parquet(tmp_path / "vitals.parquet", "vitals", [VISITS[0] | {"weight_kg": weight}, VISITS[1]])
        descriptor = data_package(definitions(), paths={"visits": "visits.parquet", "vitals": "vitals.parquet"})
        (tmp_path / "datapackage.json").write_text(json.dumps(descriptor), encoding="utf-8")
        run = subprocess.run(
            [other_python, "-m", "frictionless", "validate", "datapackage.json", "--json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        report = json.loads(run.stdout)
        assert report["valid"] is valid, run.stdout
        assert [error["fieldName"] for task in report["tasks"] for error in task["errors"]] == ["weight_kg"] * (
            not valid
        )


def _text(metadata: Mapping[bytes, bytes]) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in metadata.items()}


def _repository() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(generate.generated(definitions())["datapackage.json"])
    return loaded


def _described(table: str, field: str) -> dict[str, Any]:
    [resource] = data_package(definitions(), paths={table: f"{table}.csv"})["resources"]
    [described] = [entry for entry in resource["schema"]["fields"] if entry["name"] == field]
    result: dict[str, Any] = described
    return result


def _complete(table: str, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records with a value in every field that may never be empty, and no other fields than the table's."""
    fields = definitions().tables[table].fields
    filled = {name: _some_value(field) for name, field in fields.items() if field.required == "always"}
    return [{name: (filled | record).get(name) for name in fields} for record in records]


def _some_value(field: Field) -> Any:
    if terms := definitions().terms(field):
        return terms[0]
    if field.bounds:
        return field.bounds[0]
    return {"string": "x", "integer": 1, "number": 1.0, "boolean": True, "date": dt.date(2004, 5, 1)}[field.type]


def _write_csv(path: Path, table: str, records: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(definitions().tables[table].fields))
        writer.writeheader()
        writer.writerows(
            {name: str(value).lower() if isinstance(value, bool) else value for name, value in record.items()}
            for record in _complete(table, records)
        )


def _write_parquet(path: Path, table: str, records: list[dict[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(_complete(table, records), schema=arrow_schema(table)), path)
