"""What the package depends on is locked, described, licensed and never called clean unasked."""

from __future__ import annotations

import json
import re
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from click.testing import CliRunner
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from supply_chain import audit as audits
from supply_chain.__main__ import main
from supply_chain.audit import Audit, ask, rounds, take
from supply_chain.bill import bill_of_materials
from supply_chain.document import commands, fill
from supply_chain.licences import decisions, licences, permits
from supply_chain.lock import PYTHONS, Pin, declared, faults, read_lock, surroundings
from supply_chain.places import DOCUMENT, ENVIRONMENT, LOCK, Failure, completed, python_of, tool, tools_are_there

from tools import missing

HASH = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def pins() -> list[Pin]:
    return read_lock()


@pytest.fixture(scope="module")
def uv() -> Path:
    if not tools_are_there():
        missing("the environment of requirements/tools.txt (`python -m supply_chain tools` makes it)")
    return tool("uv")


def lock_of(tmp_path: Path, *lines: str) -> list[Pin]:
    path = tmp_path / "lock.txt"
    path.write_text("".join(f"{line} \\\n    --hash={HASH}\n    # via something\n" for line in lines), encoding="utf-8")
    return read_lock(path)


class TestTheLock:
    def test_it_meets_what_pyproject_asks_for(self, pins: list[Pin]) -> None:
        assert faults(pins, declared()) == []

    def test_it_names_no_place_to_fetch_from(self, pins: list[Pin]) -> None:
        text = LOCK.read_text(encoding="utf-8")
        assert "://" not in text
        assert re.findall(r"^ *(-\S+?)[ =]", text, re.MULTILINE) == ["--hash"] * sum(len(pin.hashes) for pin in pins)

    def test_what_the_locked_packages_ask_for_is_locked(self, pins: list[Pin]) -> None:
        """As far as they are installed here in the locked version; pip checks the rest when it installs the lock."""
        from importlib.metadata import distributions

        here = {str(canonicalize_name(one.name)): one for one in distributions()}
        same = [here[p.name] for p in pins if p.name in here and Version(here[p.name].version) == p.version]
        wanted = [Requirement(line) for one in same for line in one.requires or ()]
        assert faults(pins, wanted) == []
        assert same

    @pytest.mark.parametrize(
        ("lines", "sentence"),
        [
            ((), "polars is not locked for Python 3.11 on Linux."),
            (("polars==1.9",), "polars is locked at 1.9 for Python 3.14 on Windows, and >=2.1 is asked for."),
            (("polars==2.1 ; sys_platform != 'win32'",), "polars is not locked for Python 3.12 on Windows."),
            (("polars==2.1 ; python_full_version < '3.14'",), "polars is not locked for Python 3.14 on Darwin."),
            (("polars==2.1", "polars==2.2"), "polars is locked 2 times for Python 3.11 on Linux."),
        ],
    )
    def test_a_fault_is_said(self, lines: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
        assert sentence in faults(lock_of(tmp_path, *lines), [Requirement("polars>=2.1")])

    def test_two_versions_for_two_pythons_are_no_fault(self, tmp_path: Path) -> None:
        locked = lock_of(
            tmp_path, "Polars==2.1 ; python_full_version < '3.12'", "polars==2.2 ; python_full_version >= '3.12'"
        )
        assert faults(locked, [Requirement("polars>=2.1"), Requirement("other ; python_version < '3.10'")]) == []

    def test_a_version_without_hash_is_a_fault(self, tmp_path: Path) -> None:
        (tmp_path / "lock.txt").write_text("polars==2.1\n", encoding="utf-8")
        assert faults(read_lock(tmp_path / "lock.txt"), []) == ["polars 2.1 has no sound sha256 hash."]

    @pytest.mark.parametrize("line", ["polars>=2", "polars>=2,<3", "polars", "-e ."])
    def test_a_line_that_locks_nothing_is_refused(self, line: str, tmp_path: Path) -> None:
        (tmp_path / "lock.txt").write_text(f"{line}\n", encoding="utf-8")
        with pytest.raises(Failure, match=re.escape(line)):
            read_lock(tmp_path / "lock.txt")

    @pytest.mark.slow
    @pytest.mark.network
    @pytest.mark.parametrize("python", PYTHONS)
    @pytest.mark.parametrize(
        ("platform", "system"),
        [
            ("linux", "Linux"),
            ("aarch64-unknown-linux-gnu", "Linux"),
            ("macos", "Darwin"),
            ("x86_64-apple-darwin", "Darwin"),
            ("windows", "Windows"),
        ],
    )
    def test_pip_would_install_wheels_and_nothing_else(
        self, python: str, platform: str, system: str, uv: Path, tmp_path: Path
    ) -> None:
        done = completed(
            *(uv, "pip", "install", "--no-config", "--dry-run", "--require-hashes", "--requirements", LOCK),
            *("--target", tmp_path, "--python-version", python, "--python-platform", platform),
            *("--only-binary", ":all:"),
        )
        assert done.returncode == 0, done.stderr
        where = (python, system)
        [there] = [one for one in surroundings() if (one["python_version"], one["platform_system"]) == where]
        assert f"install {sum(pin.holds_in(there) for pin in read_lock())} packages" in done.stderr


class TestTheBill:
    @pytest.mark.slow
    @pytest.mark.network
    @pytest.mark.usefixtures("uv")
    def test_it_describes_the_locked_versions_and_is_the_same_each_time(self, pins: list[Pin], tmp_path: Path) -> None:
        text = bill_of_materials()
        bill = json.loads(text)
        here = {name: str(value) for name, value in default_environment().items()}
        wanted = {(pin.name, str(pin.version)) for pin in pins if pin.holds_in(here)}
        assert {(canonicalize_name(one["name"]), one["version"]) for one in bill["components"]} == wanted
        assert {one["purl"].split("@")[0] for one in bill["components"]} == {f"pkg:pypi/{name}" for name, _ in wanted}
        assert bill["metadata"]["component"]["name"] == "anakinra-t2d"
        assert bill["metadata"]["component"]["version"]
        [own] = [one for one in bill["dependencies"] if one["ref"] == bill["metadata"]["component"]["bom-ref"]]
        # what tests ask for as well counts here too
        needed = {canonicalize_name(ref.partition("==")[0]) for ref in own["dependsOn"]}
        assert {canonicalize_name(requirement.name) for requirement in declared()} <= needed
        assert "file:" not in text
        assert "timestamp" not in text
        assert bill_of_materials() == text
        code = (
            "import sys; from cyclonedx.validation.json import JsonStrictValidator as V\n"
            "from cyclonedx.schema import SchemaVersion\n"
            "print(V(SchemaVersion.V1_6).validate_str(open(sys.argv[1], encoding='utf-8').read()))"
        )
        (tmp_path / "bill.json").write_text(text, encoding="utf-8")
        assert completed(python_of(ENVIRONMENT), "-c", code, tmp_path / "bill.json").stdout == "None\n"


class TestLicences:
    @pytest.mark.parametrize(
        ("expression", "permitted"),
        [
            ("MIT", True),
            ("MIT AND ISC", True),
            ("MIT AND GPL-3.0-only", False),
            ("GPL-2.0-or-later OR MIT", True),
            ("GPL-2.0-or-later AND MIT OR ISC", True),
            ("GPL-3.0-only OR AGPL-3.0-only", False),
            ("(MIT OR GPL-3.0-only) AND ISC", False),
            ("", False),
        ],
    )
    def test_one_of_the_choices_must_be_allowed_as_a_whole(self, expression: str, permitted: bool) -> None:
        assert permits(expression, ["MIT", "ISC"]) is permitted

    def test_a_package_that_states_nothing_is_not_allowed(self) -> None:
        bill = {"components": [{"name": "Some_Thing", "version": "1"}]}
        [one] = licences(bill, decisions())
        assert (one.name, one.licence, one.allowed) == ("some-thing", "none stated", False)

    def test_several_statements_bind_together(self) -> None:
        stated = [{"license": {"id": "MIT"}}, {"license": {"name": "Proprietary"}}]
        bill = {"components": [{"name": "thing", "version": "1", "licenses": stated}]}
        [one] = licences(bill, decisions())
        assert (one.licence, one.allowed) == ("MIT AND Proprietary", False)

    def test_what_was_read_is_still_locked(self, pins: list[Pin]) -> None:
        assert set(decisions().read) <= {pin.name for pin in pins}


def answer(*found: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": list(found), "fixes": []}


SOUND = {"name": "polars", "version": "2.1", "vulns": []}
UNKNOWN = {"name": "polars", "skip_reason": "Dependency not found"}
UNREACHABLE = "Traceback ...\nrequests.exceptions.ConnectionError: no host\n"
HURT = {"name": "polars", "version": "2.1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.2"]}]}


class TestTheAudit:
    @pytest.mark.parametrize(
        ("answered", "verdict"),
        [
            (answer(SOUND), "clean"),
            (answer(HURT), "vulnerable"),
            (answer(UNKNOWN), "not checked"),
            (answer(), "not checked"),
            (None, "not checked"),
        ],
        ids=["sound", "hurt", "unknown", "left out", "no answer"],
    )
    def test_only_what_was_answered_is_clean(
        self, answered: dict[str, Any] | None, verdict: str, tmp_path: Path
    ) -> None:
        audit = Audit()
        take(audit, lock_of(tmp_path, "polars==2.1"), answered, "no answer" if answered is None else "")
        assert audit.verdict == verdict

    def test_one_unchecked_version_leaves_the_whole_unchecked(self, tmp_path: Path) -> None:
        audit = Audit()
        take(audit, lock_of(tmp_path, "polars==2.1", "other==1"), answer(SOUND), "")
        assert (audit.clean, audit.verdict) == ({"polars 2.1"}, "not checked")

    def test_nothing_asked_is_not_clean(self) -> None:
        assert Audit().verdict == "not checked"

    def test_every_version_of_a_package_is_asked_about(self, pins: list[Pin]) -> None:
        asked = rounds(pins)
        assert sorted((pin.name, pin.version) for some in asked for pin in some) == sorted(
            (pin.name, pin.version) for pin in pins
        )
        assert all(len({pin.name for pin in some}) == len(some) for some in asked)

    @pytest.mark.parametrize(
        ("said", "verdict", "status"),
        [
            (
                CompletedProcess([], 1, "", UNREACHABLE),
                "not checked",
                2,
            ),
            (CompletedProcess([], 0, json.dumps(answer(SOUND)), ""), "clean", 0),
            (CompletedProcess([], 1, json.dumps(answer(HURT)), ""), "vulnerable", 1),
        ],
        ids=["unreachable", "sound", "hurt"],
    )
    def test_the_command_says_so(
        self,
        said: CompletedProcess[str],
        verdict: str,
        status: int,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        locked = lock_of(tmp_path, "polars==2.1")

        def run(*words: object, seconds: float) -> CompletedProcess[str]:
            return said

        monkeypatch.setattr(audits, "completed", run)
        monkeypatch.setattr(audits, "tool", Path)
        monkeypatch.setattr("supply_chain.lock.read_lock", lambda: locked)
        result = CliRunner().invoke(main, ["audit"])
        assert (result.exit_code, result.output.splitlines()[-1].split(":")[0]) == (status, verdict)
        assert ("clean" in result.output) is (verdict == "clean")
        if verdict == "not checked":
            sentence = "1 version was not checked: the advisory database gave no answer (ConnectionError)."
            assert sentence in result.output

    def test_an_answer_that_never_comes_leaves_all_unchecked(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import subprocess

        def hang(*words: object, seconds: float) -> CompletedProcess[str]:
            raise subprocess.TimeoutExpired("pip-audit", seconds)

        monkeypatch.setattr(audits, "completed", hang)
        monkeypatch.setattr(audits, "tool", Path)
        assert ask(lock_of(tmp_path, "polars==2.1"), "osv").verdict == "not checked"


class TestTheDocument:
    def test_its_licences_are_those_of_the_locked_versions(self, pins: list[Pin]) -> None:
        """``python -m supply_chain document`` writes them anew."""
        text = DOCUMENT.read_text(encoding="utf-8")
        [block] = re.findall(r"<!-- python -m supply_chain sbom -->\n```text\n(.*?)```", text, re.DOTALL)
        listed = {tuple(line.split()[:2]) for line in block.split("\n\n")[0].splitlines()}
        made_on = next(surroundings())
        assert listed == {(pin.name, str(pin.version)) for pin in pins if pin.holds_in(made_on)}

    def test_every_block_is_filled_by_a_command_that_exists(self) -> None:
        text = DOCUMENT.read_text(encoding="utf-8")
        assert len(commands(text)) == text.count("<!-- end -->") == text.count("```text\n") >= 4
        for command in commands(text):
            module, *words = command.split()
            if module == "supply_chain":
                assert words[0] in main.commands

    def test_filling_changes_only_the_named_block(self) -> None:
        text = "a\n<!-- python -m one -->\n<!-- end -->\nb\n<!-- python -m two --x -->\nold\n<!-- end -->\n"
        filled = fill(text, {"one": "new\n"})
        assert filled == text.replace("-m one -->\n", "-m one -->\n```text\nnew\n```\n")
        assert fill(filled, {"one": "new"}) == filled


class TestWrongInput:
    def test_check_cannot_upgrade(self) -> None:
        result = CliRunner().invoke(main, ["lock", "--check", "--upgrade"])
        assert result.exit_code == 2
        assert "--check writes nothing" in result.output

    def test_a_block_that_is_not_there(self) -> None:
        result = CliRunner().invoke(main, ["document", "--only", "nothing"])
        assert result.exit_code == 2
        assert "supply_chain sbom" in result.output
