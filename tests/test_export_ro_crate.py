"""RO-Crates: what they hold, what they leave out, and that the library of the standard reads them back."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import anakinra_t2d as trial
from anakinra_t2d.cli.export.ro_crate import ro_crate as command
from anakinra_t2d.forms.data_package import data_package
from anakinra_t2d.standards.ro_crate import METADATA, ro_crate, write_ro_crate
from anakinra_t2d.write.whole_directory import OutputError

FOUND = trial.definitions()
RESTRICTED = {name for name, table in FOUND.tables.items() if table.restricted}
DAY = dt.date(2026, 1, 31)


@pytest.fixture(scope="module")
def blinded(derived_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("crate") / "blinded"
    write_ro_crate(derived_trial, FOUND, target, published=DAY)
    return target


@pytest.fixture(scope="module")
def full(derived_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("crate") / "full.zip"
    write_ro_crate(derived_trial, FOUND, target, published=DAY, unblinded=True)
    return target


def graph(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["@id"]: one for one in document["@graph"]}


def of(folder: Path) -> dict[str, dict[str, Any]]:
    return graph(json.loads((folder / METADATA).read_text(encoding="utf-8")))


def references(node: Any) -> set[str]:
    if isinstance(node, list):
        return {one for part in node for one in references(part)}
    if not isinstance(node, dict):
        return set()
    if set(node) == {"@id"}:
        return {node["@id"]}
    return {one for part in node.values() for one in references(part)}


# ----------------------------------------------------------------------------------------------------- what it says


def test_the_library_of_the_standard_reads_it_back(full: Path, blinded: Path) -> None:
    from rocrate.rocrate import ROCrate

    for place in (full, blinded):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            crate = ROCrate(place)
        names = {entity.id for entity in crate.data_entities}
        if place == blinded:
            there = {path.relative_to(place).as_posix() for path in place.rglob("*")}
        else:
            there = set(zipfile.ZipFile(place).namelist())
        assert names == there - {METADATA}
        assert crate.root_dataset["datePublished"] == "2026-01-31"
        assert crate.root_dataset["license"][0]["name"] == "Creative Commons Zero v1.0 Universal"
        assert {entity.id for entity in crate.get_by_type("CreateAction")} == {"#convert", "#derive"}


def test_every_property_that_the_standard_demands_is_there(blinded: Path) -> None:
    root = of(blinded)["./"]
    assert {"@id", "@type", "name", "description", "datePublished", "license", "hasPart"} <= set(root)
    assert of(blinded)[METADATA]["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.2"}
    assert of(blinded)[root["citation"]["@id"]]["name"] == FOUND.trial.publication.citation


def test_every_reference_leads_to_an_entity_or_the_web(blinded: Path) -> None:
    entities = of(blinded)
    for one in references(list(entities.values())):
        assert one in entities or one.startswith(("https://w3id.org/", "http://schema.org/"))


def test_every_file_has_its_hash_size_format_and_words(blinded: Path) -> None:
    entities = of(blinded)
    for path in (one for one in blinded.rglob("*") if one.is_file() and one.name != METADATA):
        entity = entities[path.relative_to(blinded).as_posix()]
        content = path.read_bytes()
        assert entity["sha256"] == hashlib.sha256(content).hexdigest()
        assert entity["contentSize"] == str(len(content))
        assert entity["encodingFormat"] != "application/octet-stream"
        assert entity["name"]
        assert entity["description"].endswith(".")


def test_the_actions_say_what_came_from_what(full: Path, derived_trial: Path) -> None:
    entities = graph(json.loads(zipfile.ZipFile(full).read(METADATA)))
    manifest = json.loads((derived_trial / "manifest.json").read_text(encoding="utf-8"))
    convert, derive = entities["#convert"], entities["#derive"]
    hashes = {entities[one["@id"]]["sha256"] for one in convert["object"]}
    assert hashes == {table["source"]["sha256"] for table in manifest["tables"].values()}
    assert convert["instrument"] == {"@id": "#anakinra-t2d"}
    assert entities["#anakinra-t2d"]["version"] == trial.__version__
    made = {one["@id"] for one in derive["result"]}
    tables = {f"{name}.parquet" for name in ("parameters", "endpoints", "eligibility", "flow", "results")}
    assert made == tables | {"results.txt"}
    assert {"@id": "ogtt.parquet"} in derive["object"]
    assert not made & {one["@id"] for one in convert["result"]}


def test_there_is_no_clock_in_it(blinded: Path, derived_trial: Path) -> None:
    text = (blinded / METADATA).read_text(encoding="utf-8")
    year = str(dt.datetime.now(tz=dt.UTC).year)
    assert set(re.findall(r"20\d\d-\d\d-\d\d(?:T[0-9:]+)?", text)) == {"2026-01-31"}
    undated = json.dumps(ro_crate(derived_trial, FOUND, unblinded=True))
    assert "datePublished" not in undated
    assert f"{year}-" not in undated


def test_the_same_directory_gives_the_same_bytes(full: Path, derived_trial: Path, tmp_path: Path) -> None:
    write_ro_crate(derived_trial, FOUND, tmp_path / "again.zip", published=DAY, unblinded=True)
    assert (tmp_path / "again.zip").read_bytes() == full.read_bytes()


def test_without_a_licence_it_says_so(derived_trial: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "subjects.parquet").write_bytes((derived_trial / "subjects.parquet").read_bytes())
    (tmp_path / "README.md").write_text("# Data\n", encoding="utf-8")
    package = data_package(FOUND, paths={"subjects": "data/subjects.parquet"})
    (tmp_path / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    entities = graph(ro_crate(tmp_path, FOUND))
    assert entities["./"]["license"].startswith("No licence is stated")
    assert {one["@id"] for one in entities["./"]["hasPart"]} == {
        "data/subjects.parquet",
        "README.md",
        "datapackage.json",
    }
    assert "#convert" not in entities


# ------------------------------------------------------------------------------------------------ what it leaves out


def test_nothing_of_a_restricted_table_is_in_a_blinded_crate(blinded: Path, derived_trial: Path) -> None:
    allocation = pl.read_parquet(derived_trial / "randomisation.parquet")
    secret = {str(one) for name in ("randomisation_no", "kit_no", "block_id") for one in allocation[name].drop_nulls()}
    secret = {one for one in secret if len(one) > 2}
    assert secret
    for path in (one for one in blinded.rglob("*") if one.is_file()):
        cells = decoded(path)
        assert not [one for one in secret if one in cells], path.name
        assert not [name for name in RESTRICTED if f"{name}.parquet" in cells], path.name


def decoded(path: Path) -> str:
    if path.suffix == ".parquet":
        return pl.read_parquet(path).write_ndjson() + str(pq.read_schema(path))
    return path.read_text(encoding="utf-8")


def test_it_says_what_was_left_out(derived_trial: Path, tmp_path: Path) -> None:
    said = write_ro_crate(derived_trial, FOUND, tmp_path / "crate", published=DAY)
    assert "randomisation.parquet (restricted)" in said
    assert "results.parquet (it has results by arm)" in said
    assert "manifest.json (made from all tables)" in said
    assert "--unblinded" in said
    assert "Left out" not in write_ro_crate(derived_trial, FOUND, tmp_path / "whole", published=DAY, unblinded=True)


def test_a_table_with_a_row_about_a_restricted_one_stays_out(derived_trial: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    frame = pl.read_parquet(derived_trial / "result_flags.parquet")
    about = frame.head(1).with_columns(table=pl.lit(min(RESTRICTED)).cast(frame.schema["table"]))
    package = data_package(FOUND, paths={"result_flags": "result_flags.parquet"})
    (folder / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    for rows, given in ((frame, True), (pl.concat([frame, about]), False)):
        rows.write_parquet(folder / "result_flags.parquet")
        assert ("result_flags.parquet" in graph(ro_crate(folder, FOUND))) == given


def test_the_descriptor_names_only_what_is_there(blinded: Path) -> None:
    package = json.loads((blinded / "datapackage.json").read_text(encoding="utf-8"))
    names = {one["name"] for one in package["resources"]}
    assert not names & RESTRICTED
    for resource in package["resources"]:
        assert (blinded / resource["path"]).is_file()
        for key in resource["schema"].get("foreignKeys", []):
            assert key["reference"]["resource"] in names | {""}


# ------------------------------------------------------------------------------------------------------ the command


def test_the_command_writes_a_directory_or_an_archive(derived_trial: Path, tmp_path: Path, full: Path) -> None:
    arguments = ["--data", str(derived_trial), "--date", "2026-01-31"]
    done = CliRunner().invoke(command, [*arguments, "--out", str(tmp_path / "crate")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "crate" / METADATA).is_file()
    done = CliRunner().invoke(command, [*arguments, "--unblinded", "--out", str(tmp_path / "crate.zip")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "crate.zip").read_bytes() == full.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["crate", "crate.zip"]


def test_wrong_requests_are_refused(derived_trial: Path, tmp_path: Path) -> None:
    def run(*arguments: object) -> str:
        done = CliRunner().invoke(command, [str(one) for one in arguments])
        assert done.exit_code == 2
        return done.output

    day = ("--date", "2026-01-31")
    assert "no directory" in run("--data", tmp_path / "none", "--out", tmp_path / "x", *day)
    assert "has no datapackage.json" in run("--data", tmp_path, "--out", tmp_path.parent / "x", *day)
    assert "already exists" in run("--data", derived_trial, "--out", tmp_path, *day)
    assert "lies in the directory" in run("--data", derived_trial, "--out", derived_trial / "crate", *day)
    assert "does not match" in run("--data", derived_trial, "--out", tmp_path / "x", "--date", "31.01.2026")
    assert "--date" in run("--data", derived_trial, "--out", tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["crate", "crate.zip"])
def test_a_full_disk_leaves_nothing_behind(
    name: str, derived_trial: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("anakinra_t2d.standards.ro_crate.shutil.copyfile", full_disk)
    with pytest.raises(OutputError, match=r"(?i)no space left"):
        write_ro_crate(derived_trial, FOUND, tmp_path / name, published=DAY)
    assert list(tmp_path.iterdir()) == []


def test_the_library_is_loaded_only_when_it_is_used() -> None:
    program = """
import sys
import anakinra_t2d.cli.export.ro_crate
import anakinra_t2d.standards.ro_crate
assert not {"rocrate", "pandas", "polars"} & set(sys.modules), sorted(sys.modules)
import rocrate.rocrate
assert "pandas" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
