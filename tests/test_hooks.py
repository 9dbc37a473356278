"""The pre-commit hooks: their patterns of files, their verdicts, and both through pre-commit itself."""

from __future__ import annotations

import os
import re
import shutil
import site
import subprocess
import sys
from pathlib import Path

import openpyxl
import polars as pl
import pytest
import yaml
from click.testing import CliRunner, Result

from anakinra_t2d.cli.hook import hook
from anakinra_t2d.forms import generate
from anakinra_t2d.hooks.packages import packages
from anakinra_t2d.schema import definitions, load
from conftest import ROOT, change

HOOKS = {each["id"]: each for each in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}
DATA, SCHEMA, RESTRICTED = "anakinra-t2d-data", "anakinra-t2d-schema", "anakinra-t2d-no-restricted"
IDENTITY = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org"}
GIT = {**IDENTITY, "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_CONFIG_GLOBAL": os.devnull}


def git(folder: Path, *words: str, **more: str) -> str:
    run = subprocess.run(
        ["git", *words], cwd=folder, env={**os.environ, **GIT, **more}, capture_output=True, text=True, check=True
    )
    return run.stdout


def run_hook(*words: str | Path) -> Result:
    return CliRunner().invoke(hook, [str(word) for word in words])


class TestPatterns:
    @pytest.mark.parametrize(
        ("path", "taken"),
        [
            ("labs.csv", True),
            ("sent/2005-03/CH01 Labor.CSV", True),
            ("données/été.csv.gz", True),
            ("trial.parquet", True),
            ("denmark/patienter.xlsx", True),
            ("a.sas7bdat", True),
            ("delivery.zip", True),
            ("denmark/profile.yaml", True),
            ("datapackage.json", True),
            ("profile.yaml.txt", False),
            ("my_profile.yaml", False),
            ("labs.csv.md", False),
            ("csv", False),
            ("scripts/read_csv.py", False),
            ("package.json", False),
            ("scan.pdf", False),
        ],
    )
    def test_data(self, path: str, taken: bool) -> None:
        assert bool(re.search(HOOKS[DATA]["files"], path)) == taken

    @pytest.mark.parametrize(
        ("path", "taken"),
        [
            ("schema/tables/labs.yaml", True),
            ("schema/trial.yaml", True),
            ("schema/meta/table.json", True),
            ("datapackage.json", True),
            ("validators/anakinra_t2d/forms/arrow.py", True),
            ("docs/schema/tables/labs.yaml", False),
            ("examples/datapackage.json", False),
            ("README.md", False),
        ],
    )
    def test_schema(self, path: str, taken: bool) -> None:
        assert bool(re.search(HOOKS[SCHEMA]["files"], path)) == taken

    @pytest.mark.parametrize(
        ("path", "taken"),
        [("labs.csv", True), ("notes", True), ("src/schema/a.yaml", True), ("schema/tables/labs.yaml", False)],
    )
    def test_no_restricted(self, path: str, taken: bool) -> None:
        assert (not re.search(HOOKS[RESTRICTED]["exclude"], path)) == taken

    def test_every_hook_runs_a_command_that_is_there(self) -> None:
        for each in HOOKS.values():
            program, verb, name = each["entry"].split()
            assert (program, verb) == ("anakinra-t2d", "hook")
            assert name in hook.commands


class TestPackages:
    def test_files_are_grouped_by_what_is_sent_together(self, tmp_path: Path) -> None:
        for name in ("a/labs.csv", "a/restricted/randomisation.csv", "b/ogtt.csv", "b.zip", "c/d/vitals.csv"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
        found = packages(files, [tmp_path / "a/vitals.csv", tmp_path / "gone/labs.csv"], definitions().tables)
        roots = {each.root.relative_to(tmp_path).as_posix(): len(each.changed) for each in found}
        assert roots == {"a": 2, "b": 1, "b.zip": 1, "c/d": 1}
        assert [path.name for each in found for path in each.removed] == ["vitals.csv"]


class TestData:
    def test_a_sound_file_passes_and_says_what_was_not_run(self, sound_trial: Path) -> None:
        result = run_hook("data", sound_trial / "labs.csv")
        assert result.exit_code == 0, result.output
        assert "0 errors and 0 warnings touch the changed files" in result.output
        assert "Not checked here: " in result.output
        assert "ANOM-004" in result.output

    def test_only_findings_that_touch_the_changed_file_fail(self, copy_of_trial: Path) -> None:
        change(copy_of_trial / "eye_exam.csv", lambda rows: rows[0].update(eye="third"))
        assert run_hook("data", copy_of_trial / "eye_exam.csv").exit_code == 1
        other = run_hook("data", copy_of_trial / "home_glucose.csv")
        assert other.exit_code == 0, other.output
        assert "0 errors and 0 warnings touch the changed files" in other.output
        whole = run_hook("data", "--whole", copy_of_trial / "home_glucose.csv")
        assert whole.exit_code == 0, whole.output
        assert re.search(r"0 errors and 0 warnings touch the changed files; \d+ findings? elsewhere", whole.output)

    def test_a_rule_across_tables_sees_a_change_in_either(self, copy_of_trial: Path) -> None:
        change(copy_of_trial / "subjects.csv", lambda rows: rows.pop(0))
        result = run_hook("data", copy_of_trial / "subjects.csv")
        assert result.exit_code == 1
        assert "recruitment.csv" in result.output
        assert "REF-001" in result.output

    def test_values_and_subject_numbers_are_hidden(self, copy_of_trial: Path) -> None:
        change(copy_of_trial / "labs.csv", lambda rows: rows[0].update(hba1c_pct="88.8"))
        subject = (copy_of_trial / "labs.csv").read_text(encoding="utf-8").splitlines()[1].partition(",")[0]
        hidden = run_hook("data", copy_of_trial / "labs.csv").output
        assert "RNG-001" in hidden
        assert "88.8" not in hidden
        assert subject not in hidden
        shown = run_hook("data", "--show-values", copy_of_trial / "labs.csv").output
        assert "88.8" in shown
        assert subject in shown

    def test_other_data_are_passed_over_and_said(self, tmp_path: Path) -> None:
        (tmp_path / "sales.csv").write_text("a,b\n1,2\n", encoding="utf-8")
        result = run_hook("data", tmp_path / "sales.csv")
        assert result.exit_code == 0
        assert "not checked; no file in it is named after a table" in result.output

    @pytest.mark.parametrize("content", [b"", b"\x00\x01\x02" * 300, b'subject_id\n"open'])
    def test_a_broken_file_fails_without_a_traceback(self, copy_of_trial: Path, content: bytes) -> None:
        (copy_of_trial / "labs.csv").write_bytes(content)
        result = run_hook("data", copy_of_trial / "labs.csv")
        assert result.exit_code == 1
        assert "Traceback" not in result.output

    def test_a_site_directory_is_checked_with_its_profile(self) -> None:
        result = run_hook("data", ROOT / "examples/zurich/CH01_labor.csv")
        assert result.exit_code == 0, result.output
        assert "touch the changed files" in result.output


class TestNoRestricted:
    @pytest.mark.parametrize(
        ("name", "text", "code"),
        [
            ("randomisation.csv", "subject_id,arm\nDK01-001,x\n", "BLND-101"),
            ("Randomisierungsliste 2004.csv", "a,b\n1,2\n", "BLND-101"),
            ("afblinding.txt", "nothing\n", "BLND-101"),
            ("kit_list.csv", "a\n1\n", "BLND-101"),
            ("visits.csv", "subject_id,kit_no\nDK01-001,K10050\n", "BLND-102"),
            ("x.csv", "Patient;Kit-Nr.\n1;K10050\n", "BLND-102"),
            ("x.csv", "subject_id,arm\nDK01-001,A\n", "BLND-102"),
            ("x.csv", "USUBJID,LBTESTCD,LBORRES\n1,INTLK1RA,900\n", "BLND-103"),
            ("x.csv", "id,IL-1Ra (ug/L)\n1,900\n", "BLND-103"),
            ("x.csv", "id,drug\n1,Anakinra\n", "BLND-104"),
            ("x.csv", "subject_id,birth_date\nDK01-001,1947-01-01\n", "PRIV-101"),
            ("x.csv", "Patient;Nachname\n1;Muster\n", "PRIV-101"),
            ("x.csv", "id,note\n1,010147-1234\n", "PRIV-102"),
            ("notes.md", "Call +45 12 34 56 78 tomorrow\n", "PRIV-102"),
            ("notes.txt", "write to someone@example.org\n", "PRIV-102"),
            ("script.py", "# 756.1234.5678.97\n", "PRIV-102"),
            ("letter.md", "geb. 12.03.1947 in Bern\n", "PRIV-103"),
            ("log.md", "IL-1Ra: 1256 ug/L\n", "BLND-103"),
            ("log.md", "she got kit no. 10050\n", "BLND-104"),
        ],
    )
    def test_what_is_refused(self, tmp_path: Path, name: str, text: str, code: str) -> None:
        (tmp_path / name).write_text(text, encoding="utf-8")
        result = run_hook("no-restricted", tmp_path / name)
        assert result.exit_code == 1, result.output
        assert code in result.output
        for secret in ("1947", "1234", "K10050", "900", "Muster", "someone"):
            assert secret not in result.output.replace(str(tmp_path), "")

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("subjects.csv", "subject_id,birth_date,birth_year\nDK01-001,,1947\n"),
            ("template.csv", "subject_id,kit_no,birth_date\n"),
            ("README.md", "The anakinra arm had a mean IL-1Ra level of the drug; randomisation was by blocks.\n"),
            ("CITATION.cff", "email: author@example.org\n"),
            ("randomisation.py", "def randomise(): ...\n"),
            ("labs.csv", "subject_id,visit,hba1c_pct,crp_mg_l\nDK01-001,week4,7.9,1.2\n"),
            ("adverse_events.csv", "subject_id,ae_seq,ae_category\nDK01-001,1,injection_site_reaction\n"),
            ("a.csv", "kitchen,army,armed\n1,2,3\n"),
        ],
    )
    def test_what_is_not(self, tmp_path: Path, name: str, text: str) -> None:
        (tmp_path / name).write_text(text, encoding="utf-8")
        result = run_hook("no-restricted", tmp_path / name)
        assert result.exit_code == 0, result.output

    def test_workbooks_and_parquet_files_are_looked_into(self, tmp_path: Path) -> None:
        book = openpyxl.Workbook()
        book.active.title = "Besøg"
        book.active.append(["Visit list of the clinic"])
        book.active.append([])
        book.active.append(["subject_id", "visit", "Pakningsnr"])
        book.active.append(["DK01-001", "week4", "K10050"])
        book.save(tmp_path / "visits.xlsx")
        pl.DataFrame({"a": ["Arzt: 010147-1234"]}).write_parquet(tmp_path / "x.parquet")
        result = run_hook("no-restricted", tmp_path / "visits.xlsx", tmp_path / "x.parquet")
        assert "visits.xlsx, Besøg, row 4, column Pakningsnr" in result.output
        assert "PRIV-102" in result.output

    def test_archives_and_documents_are_opened(self, tmp_path: Path) -> None:
        shutil.make_archive(str(tmp_path / "sent"), "zip", ROOT / "examples/canonical")
        document = tmp_path / "letter"
        (document / "word").mkdir(parents=True)
        (document / "word/document.xml").write_text("<w:t>geboren am 12.03.1947</w:t>", encoding="utf-8")
        shutil.make_archive(str(document), "zip", document)
        (tmp_path / "letter.zip").rename(tmp_path / "letter.docx")
        result = run_hook("no-restricted", tmp_path / "sent.zip", tmp_path / "letter.docx")
        assert "sent.zip/randomisation.csv" in result.output
        assert "letter.docx/" in result.output
        assert "PRIV-103" in result.output

    def test_other_binary_files_are_passed_over_and_said(self, tmp_path: Path) -> None:
        (tmp_path / "logo.png").write_bytes(b"\x89PNG\r\n\0\0\0")
        (tmp_path / "scan.pdf").write_bytes(b"%PDF-1.7\0\0")
        assert "logo.png" in (shown := run_hook("no-restricted", tmp_path / "logo.png")).output
        assert shown.exit_code == 0
        refused = run_hook("no-restricted", tmp_path / "scan.pdf")
        assert refused.exit_code == 1
        assert "BLND-107" in refused.output

    def test_a_long_line_and_a_large_file_take_no_time(self, tmp_path: Path) -> None:
        (tmp_path / "long.csv").write_text("a,b\n" + "x" * 6_000_000 + ",010147-1234\n", encoding="utf-8")
        (tmp_path / "wide.txt").write_text("a" * 9_000_000 + "@\n" + "tlf " * 100_000, encoding="utf-16")
        result = run_hook("no-restricted", tmp_path / "long.csv", tmp_path / "wide.txt")
        assert "long.csv" in result.output
        assert "wide.txt" not in result.output


class TestSchema:
    def test_another_repository_is_told_what_is_wrong(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        shutil.copytree(ROOT / "schema", tmp_path / "schema")
        generate.write(tmp_path, generate.generated(load(tmp_path)))
        monkeypatch.chdir(tmp_path)
        assert run_hook("schema").output == ""
        path = tmp_path / "schema/tables/vitals.yaml"
        path.write_text(path.read_text(encoding="utf-8").replace("purpose:", "purpos:", 1), encoding="utf-8")
        wrong = run_hook("schema")
        assert wrong.exit_code == 1
        assert "schema/tables/vitals.yaml:3" in wrong.output
        monkeypatch.chdir(tmp_path / "schema")
        assert "There is no schema/trial.yaml" in run_hook("schema").output


@pytest.fixture(scope="module")
def hooks_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout as a repository of hooks with one commit."""
    folder = tmp_path_factory.mktemp("hooks")
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("schema", "validators"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for name in (
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "LICENSE-DATA",
        "datapackage.json",
        ".pre-commit-hooks.yaml",
    ):
        shutil.copy(ROOT / name, folder)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "hooks")
    return folder


class Scratch:
    """A repository of trial data with the hooks installed by pre-commit, as a data manager has it."""

    def __init__(self, folder: Path, hooks: Path, home: Path) -> None:
        self.folder = folder
        # the hooks' own environment takes the packages of this one, so that nothing is downloaded
        self.environment = {
            **GIT,
            "PRE_COMMIT_HOME": str(home),
            "PIP_NO_INDEX": "1",
            "PIP_NO_DEPS": "1",
            "PIP_NO_BUILD_ISOLATION": "0",
            "PYTHONPATH": site.getsitepackages()[0],
            "SKIP": "",
        }
        revision = git(hooks, "rev-parse", "HEAD").strip()
        config = {"repos": [{"repo": hooks.as_uri(), "rev": revision, "hooks": [{"id": DATA}, {"id": RESTRICTED}]}]}
        folder.mkdir()
        git(folder, "init", "-q")
        (folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        self.pre_commit("install", "--install-hooks")

    def pre_commit(self, *words: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "pre_commit", *words],
            cwd=self.folder, env={**os.environ, **self.environment}, check=True, capture_output=True,
        )  # fmt: skip

    def commit(self) -> tuple[bool, str]:
        """Whether what is staged could be committed, and what was said."""
        run = subprocess.run(
            ["git", "commit", "-m", "data"], cwd=self.folder, env={**os.environ, **self.environment},
            capture_output=True, text=True, encoding="utf-8", check=False,
        )  # fmt: skip
        return run.returncode == 0, run.stdout + run.stderr

    def stage_all(self) -> None:
        git(self.folder, "add", "-A")


@pytest.fixture(scope="module")
def scratch(hooks_repository: Path, sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    pytest.importorskip("pre_commit")
    base = tmp_path_factory.mktemp("scratch")
    made = Scratch(base / "repository", hooks_repository, base / "home")
    folder = made.folder / "Daten – Zürich"
    folder.mkdir()
    restricted = {name for name, table in definitions().tables.items() if table.restricted}
    for path in sound_trial.glob("*.csv"):
        if path.stem not in restricted:
            shutil.copy(path, folder)
    return made


class TestThroughPreCommit:
    """In the order of a repository's life; each commit builds on the one before."""

    def test_commits(self, scratch: Scratch) -> None:
        folder = scratch.folder / "Daten – Zürich"
        labs = folder / "labs.csv"
        scratch.stage_all()
        good, said = scratch.commit()
        assert good, said
        assert "0 errors" in said

        sound = labs.read_bytes()
        change(labs, lambda rows: rows[0].update(visit="week 4"))
        scratch.stage_all()
        good, said = scratch.commit()
        assert not good
        assert "LIST-001" in said
        assert "Daten – Zürich/labs.csv, row 2, column visit" in said

        # what is staged is judged, not what lies in the work tree
        labs.write_bytes(sound)
        good, said = scratch.commit()
        assert not good, said
        scratch.stage_all()
        assert "nothing to commit" in scratch.commit()[1]

        # a table that is renamed away leaves records that belong to nobody
        git(scratch.folder, "mv", "Daten – Zürich/visits.csv", "Daten – Zürich/visits old.csv")
        good, said = scratch.commit()
        assert not good
        assert "REF-001" in said
        assert "visits old.csv" in said
        git(scratch.folder, "mv", "Daten – Zürich/visits old.csv", "Daten – Zürich/visits.csv")

        git(scratch.folder, "rm", "-q", "Daten – Zürich/visits.csv")
        good, said = scratch.commit()
        assert not good, "pre-commit names no file that a commit removes"
        assert "REF-001" in said
        git(scratch.folder, "reset", "-q", "--hard")

        (scratch.folder / "kit list.csv").write_text("kit_no,n\nK1,1\n", encoding="utf-8")
        (scratch.folder / "kits.bin").write_bytes(os.urandom(2_000_000) + b"\0")
        scratch.stage_all()
        good, said = scratch.commit()
        assert not good
        assert "kit list.csv: error BLND-101" in said
        assert "Not looked into" in said
        git(scratch.folder, "rm", "-q", "--cached", "kit list.csv")
        good, said = scratch.commit()
        assert good, said
