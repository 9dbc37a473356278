"""Croissant descriptions: what they say, and that the reader of Croissant finds the same records in the files."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

import anakinra_t2d as trial
from anakinra_t2d.cli.export.croissant import croissant as command
from anakinra_t2d.forms.data_package import data_package
from anakinra_t2d.reading import InputError
from anakinra_t2d.standards.croissant import croissant

FOUND = trial.definitions()
RESTRICTED = {name for name, table in FOUND.tables.items() if table.restricted}
READER = """
import json, pathlib, sys
import mlcroissant, pandas

place = pathlib.Path(sys.argv[1])
described = mlcroissant.Dataset(jsonld=str(place))
assert not described.metadata.ctx.issues.errors, described.metadata.ctx.issues.report()
document = json.loads(place.read_text(encoding="utf-8"))
urls = {one["@id"]: one["contentUrl"] for one in document["distribution"]}
found = {}
for one in document["recordSet"]:
    if "data" in one:
        continue
    path = place.parent / urls[one["field"][0]["source"]["fileObject"]["@id"]]
    frame = pandas.read_parquet(path) if path.suffix == ".parquet" else pandas.read_csv(path)
    records = list(described.records(one["@id"]))
    wrong = 0
    for record, (_, row) in zip(records, frame.iterrows()):
        for name, value in record.items():
            expected = row[name.partition("/")[2]]
            if value is None or pandas.isna(value):
                wrong += not pandas.isna(expected)
            elif isinstance(value, pandas.Timestamp):
                wrong += pandas.Timestamp(expected) != value
            else:
                wrong += (value.decode() if isinstance(value, bytes) else value) != expected
    found[one["@id"]] = [len(records), len(frame), int(wrong)]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def whole(converted_trial: Path) -> dict[str, Any]:
    return croissant(converted_trial, FOUND, unblinded=True)


@pytest.fixture
def released(converted_trial: Path, tmp_path: Path) -> Path:
    """CSV files as resources with Parquet files beside them, in folders of their own."""
    folder = tmp_path / "released"
    names = ["sites", "subjects", "visits", "labs", "randomisation"]
    for end in ("csv", "data"):
        (folder / end).mkdir(parents=True)
    package = data_package(FOUND, paths={name: f"csv/{name}.csv" for name in names}, synthetic=True)
    for resource in package["resources"]:
        frame = pl.read_parquet(converted_trial / f"{resource['name']}.parquet")
        frame.write_csv(folder / resource["path"])
        frame.write_parquet(folder / "data" / f"{resource['name']}.parquet")
        resource["alternatives"] = [{"path": f"data/{resource['name']}.parquet", "format": "parquet"}]
    (folder / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    return folder


def ids(node: Any) -> list[str]:
    """What the document defines under an id."""
    if isinstance(node, list):
        return [one for part in node for one in ids(part)]
    if not isinstance(node, dict):
        return []
    own = [node["@id"]] if "@id" in node and "@type" in node else []
    return own + [one for key, part in node.items() if key not in ("@context", "data") for one in ids(part)]


def references(node: Any) -> set[str]:
    """What the document refers to."""
    if isinstance(node, list):
        return {one for part in node for one in references(part)}
    if not isinstance(node, dict):
        return set()
    own = {node["@id"]} if set(node) == {"@id"} else set()
    return own | {one for key, part in node.items() if key not in ("@context", "data") for one in references(part)}


def read_by_mlcroissant(python: str, place: Path) -> dict[str, list[int]]:
    """For each record set: records found, rows of the file, values that differ."""
    done = subprocess.run([python, "-c", READER, str(place)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, list[int]] = json.loads(done.stdout)
    return found


# ------------------------------------------------------------------------------------------------- what they describe


def test_every_file_is_named_with_its_hash_and_size(whole: dict[str, Any], converted_trial: Path) -> None:
    assert len(whole["distribution"]) == len({one["@id"] for one in whole["distribution"]}) == 32
    for one in whole["distribution"]:
        content = (converted_trial / one["contentUrl"]).read_bytes()
        assert one["sha256"] == hashlib.sha256(content).hexdigest()
        assert one["contentSize"] == f"{len(content)} B"
        assert one["encodingFormat"] == "application/x-parquet"


def test_every_column_is_a_field_with_its_type_unit_codes_and_reference(whole: dict[str, Any]) -> None:
    sets = {one["@id"]: one for one in whole["recordSet"]}
    for name, table in FOUND.tables.items():
        fields = {one["name"]: one for one in sets[name]["field"]}
        assert list(fields) == list(table.fields)
        assert sets[name]["key"] == [{"@id": f"{name}/{part}"} for part in table.key]
        for field in table.fields.values():
            unit = FOUND.unit(field)
            described = fields[field.name]
            assert [one["value"] for one in described.get("annotation", [])] == ([unit] if unit else [])
            assert field.label in described["description"]
            if terms := FOUND.terms(field):
                codes = [one[f"codelist/{field.codelist}/code"] for one in sets[f"codelist/{field.codelist}"]["data"]]
                assert set(terms) <= set(codes)
    labs = {one["name"]: one for one in sets["labs"]["field"]}
    assert labs["subject_id"]["references"] == {
        "fileObject": {"@id": "subjects.parquet"}, "extract": {"column": "subject_id"}
    }  # fmt: skip
    assert labs["visit"]["references"] == {"field": {"@id": "codelist/visit/code"}}
    assert "references" not in labs["visit_seq"]
    assert "subject_id, visit, visit_seq refer to visits (subject_id, visit, visit_seq)." in sets["labs"]["description"]
    assert labs["hba1c_pct"]["dataType"] == "cr:Float64"
    assert "At least 3 %. At most 20 %." in labs["hba1c_pct"]["description"]


def test_ids_are_unique_and_every_reference_leads_somewhere(whole: dict[str, Any]) -> None:
    defined = ids(whole)
    assert len(defined) == len(set(defined))
    assert references(whole) <= set(defined)


def test_it_says_what_identifies_a_person_and_the_licence_only_where_there_is_one(
    whole: dict[str, Any], converted_trial: Path, tmp_path: Path
) -> None:
    direct, quasi = whole["rai:personalSensitiveInformation"]
    assert direct.startswith("Direct identifiers: ") and "subjects.birth_date" in direct
    assert "labs.subject_id" in quasi
    assert whole["license"] == ["https://creativecommons.org/publicdomain/zero/1.0/"]
    (tmp_path / "subjects.parquet").write_bytes((converted_trial / "subjects.parquet").read_bytes())
    package = data_package(FOUND, paths={"subjects": "subjects.parquet"})
    (tmp_path / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    real = croissant(tmp_path, FOUND)
    assert "license" not in real
    assert "datePublished" not in real


def test_the_same_directory_gives_the_same_description(whole: dict[str, Any], converted_trial: Path) -> None:
    assert json.dumps(croissant(converted_trial, FOUND, unblinded=True)) == json.dumps(whole)


def test_restricted_tables_stay_out(converted_trial: Path) -> None:
    described = croissant(converted_trial, FOUND)
    text = json.dumps(described)
    sets = {one["@id"] for one in described["recordSet"]}
    assert not RESTRICTED & sets
    assert sets >= {"subjects", "labs", "adverse_events"}
    assert not [name for name in RESTRICTED if f"{name}.parquet" in text]
    assert not {"codelist/arm", "codelist/unblind_method"} & sets


# --------------------------------------------------------------------------------------------------- read by others


def test_mlcroissant_finds_every_record_of_a_converted_directory(
    converted_trial: Path, other_python: str, tmp_path: Path
) -> None:
    place = tmp_path / "description.json"
    done = CliRunner().invoke(command, ["--data", str(converted_trial), "--unblinded", "--out", str(place)])
    assert done.exit_code == 0, done.output
    found = read_by_mlcroissant(other_python, place)
    assert set(found) == set(FOUND.tables)
    for name, (records, rows, wrong) in found.items():
        assert (records, wrong) == (rows, 0), name
        assert rows == pl.read_parquet(converted_trial / f"{name}.parquet").height


def test_mlcroissant_accepts_the_description_of_a_release(released: Path, other_python: str) -> None:
    place = released / "croissant.json"
    described = croissant(released, FOUND, unblinded=True)
    place.write_text(json.dumps(described), encoding="utf-8")
    paths = [one["@id"] for one in described["distribution"] if "labs" in one["@id"]]
    assert paths == ["data/labs.parquet", "csv/labs.csv"]
    assert {one["encodingFormat"] for one in described["distribution"]} == {"application/x-parquet", "text/csv"}
    done = subprocess.run(
        [str(Path(other_python).with_name("mlcroissant")), "validate", "--jsonld", str(place)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = read_by_mlcroissant(other_python, place)
    assert found["labs"][0] == found["labs"][1] > 0
    assert not sum(wrong for _, _, wrong in found.values())


def test_csv_is_read_where_there_is_no_parquet(released: Path, other_python: str) -> None:
    package = json.loads((released / "datapackage.json").read_text(encoding="utf-8"))
    for resource in package["resources"]:
        del resource["alternatives"]
    (released / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    (released / "croissant.json").write_text(json.dumps(croissant(released, FOUND)), encoding="utf-8")
    found = read_by_mlcroissant(other_python, released / "croissant.json")
    assert set(found) == {"sites", "subjects", "visits", "labs"}
    assert all(records == rows and not wrong for records, rows, wrong in found.values())


# ------------------------------------------------------------------------------------------------------ the command


def test_paths_lead_from_the_description_to_the_files(converted_trial: Path, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere" / "croissant.json"
    place.parent.mkdir()
    done = CliRunner().invoke(command, ["--data", str(converted_trial), "--date", "2026-01-31", "--out", str(place)])
    assert done.exit_code == 0
    assert "randomisation.parquet (restricted)" in done.output
    assert "report.txt" not in done.output
    described = json.loads(place.read_text(encoding="utf-8"))
    assert described["datePublished"] == "2026-01-31"
    for one in described["distribution"]:
        assert not one["contentUrl"].startswith("/")
        assert (place.parent / one["contentUrl"]).is_file()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "labs.parquet").unlink(), "lacks labs.parquet"),
        (lambda folder: (folder / "datapackage.json").unlink(), "has no datapackage.json"),
        (lambda folder: (folder / "datapackage.json").write_text("{"), "cannot be read"),
        (lambda folder: (folder / "datapackage.json").write_text("[]"), "is not what"),
        (
            lambda folder: (folder / "datapackage.json").write_text('{"resources": [{"name": "x"}]}'),
            "describes no tables",
        ),
        (lambda folder: (folder / "labs.parquet").write_text("no"), "is not a Parquet file"),
        (
            lambda folder: (folder / "datapackage.json").write_text(
                '{"resources": [{"name": "x", "path": "../x.csv", "schema": {"fields": []}}]}'
            ),
            "outside of the directory",
        ),
    ],
)
def test_a_broken_directory_gets_a_sentence(spoil: Any, words: str, tmp_path: Path) -> None:
    pl.DataFrame({"subject_id": ["A"]}).write_parquet(tmp_path / "labs.parquet")
    package = data_package(FOUND, paths={"labs": "labs.parquet"})
    (tmp_path / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    spoil(tmp_path)
    with pytest.raises(InputError, match=words):
        croissant(tmp_path, FOUND)
    done = CliRunner().invoke(command, ["--data", str(tmp_path), "--out", str(tmp_path / "x.json")])
    assert done.exit_code == 2
    assert words in done.output
    assert not (tmp_path / "x.json").exists()


def test_wrong_requests_are_refused(converted_trial: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    assert "no directory" in run(command, ["--data", str(tmp_path / "none"), "--out", str(tmp_path / "x.json")]).output
    assert "must end in" in run(command, ["--data", str(converted_trial), "--out", str(tmp_path / "x.txt")]).output
    (tmp_path / "there.json").touch()
    done = run(command, ["--data", str(converted_trial), "--out", str(tmp_path / "there.json")])
    assert done.exit_code == 2
    assert "already exists" in done.output
