"""The generated files: none is stale, and the JSON Schemas fit the schema files they describe."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from anakinra_t2d.forms import generate
from anakinra_t2d.forms.meta import meta_schemas
from anakinra_t2d.schema import definitions

ROOT = Path(__file__).resolve().parents[1]
SCHEMA_FILES = sorted(path.relative_to(ROOT / "schema").as_posix() for path in (ROOT / "schema").rglob("*.yaml"))


class TestJsonSchemas:
    @pytest.mark.parametrize("name", SCHEMA_FILES)
    def test_a_schema_file_names_its_json_schema(self, name: str) -> None:
        path = ROOT / "schema" / name
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        match = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
        assert match, f"the first line is {first!r}"
        target = (path.parent / match[1]).resolve()
        assert target.parent == ROOT / "schema/meta"
        assert target.stem in meta_schemas()

    @pytest.mark.parametrize("name", SCHEMA_FILES)
    def test_a_schema_file_fits_its_json_schema(self, name: str) -> None:
        path = ROOT / "schema" / name
        kind = _kind(name)
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert [f"{error.json_path}: {error.message}" for error in _meta(kind).iter_errors(data)] == []

    def test_keys_are_those_of_the_files(self) -> None:
        rule = meta_schemas()["table"]["$defs"]["RowRule"]["properties"]
        assert "assert" in rule
        assert "assert_" not in rule
        assert "from" in meta_schemas()["trial"]["$defs"]["Procedure"]["properties"]

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"purpos": "x"}, "'purpos' was unexpected"),
            ({"role": "lost"}, "'lost' is not one of"),
            ({"restricted": "no"}, "'no' is not of type 'boolean'"),
            ({"key": ["Subject"]}, "'Subject' does not match"),
        ],
    )
    def test_an_editor_would_mark_a_mistake(self, change: dict[str, Any], words: str) -> None:
        data = yaml.safe_load((ROOT / "schema/tables/vitals.yaml").read_text(encoding="utf-8"))
        errors = [error.message for error in _meta("table").iter_errors(data | change)]
        assert len(errors) == 1
        assert words in errors[0]

    @pytest.mark.parametrize("name", sorted(meta_schemas()))
    def test_a_json_schema_is_one(self, name: str) -> None:
        schema = meta_schemas()[name]
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        jsonschema.Draft202012Validator.check_schema(schema)


class TestGeneratedFiles:
    def test_those_of_the_repository_are_fresh(self) -> None:
        assert generate.stale(ROOT, generate.generated(definitions())) == []

    def test_they_do_not_depend_on_the_run(self) -> None:
        code = (
            "import hashlib\n"
            "from anakinra_t2d.schema import definitions\n"
            "from anakinra_t2d.forms.generate import generated\n"
            "print(hashlib.sha256(repr(sorted(generated(definitions()).items())).encode()).hexdigest())"
        )
        digests = set()
        for seed in ("1", "2"):
            environment = {**os.environ, "PYTHONHASHSEED": seed}
            run = subprocess.run(
                [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
            )
            digests.add(run.stdout)
        assert len(digests) == 1

    def test_they_are_text_files_of_whole_lines(self) -> None:
        for path, text in generate.generated(definitions()).items():
            assert text.endswith("\n"), path
            assert "\r" not in text, path

    def test_what_is_stale_is_listed_and_mended(self, tmp_path: Path) -> None:
        texts = {"datapackage.json": "{}\n", "schema/meta/table.json": "{}\n"}
        assert generate.write(tmp_path, texts) == ["datapackage.json", "schema/meta/table.json"]
        assert generate.stale(tmp_path, texts) == []
        (tmp_path / "datapackage.json").write_text("{ }\n", encoding="utf-8")
        (tmp_path / "schema/meta/table.json").unlink()
        (tmp_path / "schema/meta/gone.json").write_text("{}\n", encoding="utf-8")
        mended = ["datapackage.json", "schema/meta/gone.json", "schema/meta/table.json"]
        assert generate.stale(tmp_path, texts) == mended
        assert generate.write(tmp_path, texts) == mended
        assert generate.write(tmp_path, texts) == []

    def test_check_fails_on_a_stale_file_and_writes_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        elsewhere = dataclasses.replace(definitions(), root=tmp_path)
        monkeypatch.setattr(generate, "definitions", lambda: elsewhere)
        (tmp_path / "pyproject.toml").touch()
        failed = CliRunner().invoke(generate.main, ["--check"])
        assert failed.exit_code == 1
        assert "  datapackage.json\n" in failed.output
        assert not (tmp_path / "datapackage.json").exists()
        assert CliRunner().invoke(generate.main, []).exit_code == 0
        assert CliRunner().invoke(generate.main, ["--check"]).exit_code == 0

    def test_an_installed_package_is_never_changed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        installed = dataclasses.replace(definitions(), root=tmp_path)
        monkeypatch.setattr(generate, "definitions", lambda: installed)
        result = CliRunner().invoke(generate.main, [])
        assert result.exit_code == 1
        assert "checkout" in result.output
        assert list(tmp_path.iterdir()) == []


def _kind(schema_file: str) -> str:
    folder, _, name = schema_file.rpartition("/")
    return {"tables": "table", "rules": "rules", "sites": "profile"}.get(folder, name.removesuffix(".yaml"))


def _meta(kind: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(meta_schemas()[kind])
