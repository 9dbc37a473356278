"""The package as others get it: built, installed and run elsewhere, with light imports and no package shadowed."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

import anakinra_t2d
from anakinra_t2d.schema import definitions

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("duckdb", "frictionless", "numpy", "pandas", "pandera", "polars", "pyarrow", "scipy")
ALONE = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
UNREACHABLE = ("NewConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "NameResolutionError", "ProxyError")


class TestCheckout:
    def test_the_folder_of_the_package_does_not_shadow_the_package_validators(self) -> None:
        assert not (ROOT / "validators/__init__.py").exists()
        found = _python("import validators; print(validators.__file__, bool(validators.email('a@example.org')))", ROOT)
        file, is_email = found.split()
        assert ROOT / "validators" not in Path(file).resolve().parents
        assert is_email == "True"

    def test_frictionless_can_check_an_email_address(self) -> None:
        code = (
            "from frictionless import Field\n"
            "field = Field.from_descriptor({'name': 'contact', 'type': 'string', 'format': 'email'})\n"
            "print(field.read_cell('someone@example.org'), field.read_cell('nobody')[1] is None)"
        )
        assert _python(code, ROOT) == "('someone@example.org', None) False\n"

    def test_versions_agree(self) -> None:
        citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
        assert citation["version"] == anakinra_t2d.__version__

    def test_the_publication_is_that_of_the_definitions(self) -> None:
        citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
        assert [reference["doi"] for reference in citation["references"]] == [definitions().trial.publication.doi]

    @pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
    def test_a_short_command_loads_nothing_heavy(self, arguments: list[str]) -> None:
        code = (
            "import sys\n"
            "from anakinra_t2d.cli.main import main\n"
            f"sys.argv = ['anakinra-t2d', *{arguments}]\n"
            "try:\n"
            "    main()\n"
            "except SystemExit as end:\n"
            "    assert not end.code, end.code\n"
            f"print('loaded:', *(name for name in {HEAVY} if name in sys.modules))"
        )
        assert _python(code, ROOT).splitlines()[-1].split() == ["loaded:"]

    def test_the_definitions_load_without_an_engine(self) -> None:
        code = (
            "import sys; from anakinra_t2d.schema import definitions; definitions()\n"
            f"print('loaded:', *(name for name in {HEAVY} if name in sys.modules))"
        )
        assert _python(code, ROOT).split() == ["loaded:"]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution as an index would get it."""
    out = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT), cwd=out)
    [built] = out.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of a fresh environment that holds the wheel and what it asks for."""
    environment = tmp_path_factory.mktemp("elsewhere") / "venv"
    _run(sys.executable, "-m", "venv", str(environment), cwd=environment.parent)
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries=1", str(wheel)]
    done = subprocess.run(command, cwd=environment.parent, env=ALONE, capture_output=True, text=True, check=False)
    if done.returncode and any(reason in done.stderr for reason in UNREACHABLE) and not os.environ.get("CI"):
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr
    return python


@pytest.mark.slow
class TestWheel:
    def test_it_holds_the_package_and_its_data_and_nothing_else(self, wheel: Path) -> None:
        names = zipfile.ZipFile(wheel).namelist()
        assert {name.split("/")[0].removesuffix(".dist-info").split("-")[0] for name in names} == {"anakinra_t2d"}
        sent = {path.relative_to(ROOT).as_posix() for path in (ROOT / "schema").rglob("*") if path.is_file()}
        inside = {name.removeprefix("anakinra_t2d/_data/") for name in names if "/_data/" in name}
        assert inside == sent | {"datapackage.json"}
        assert "anakinra_t2d/py.typed" in names
        assert sorted(Path(name).name for name in names if "/licenses/" in name) == ["LICENSE", "LICENSE-DATA"]

    @pytest.mark.network
    def test_it_runs_elsewhere(self, installed: Path, tmp_path: Path) -> None:
        command = installed.with_name("anakinra-t2d")
        assert anakinra_t2d.__version__ in _run(str(command), "--version", cwd=tmp_path)

    @pytest.mark.network
    def test_it_finds_the_same_definitions(self, installed: Path, tmp_path: Path) -> None:
        code = (
            "import anakinra_t2d; from anakinra_t2d.schema import definitions\n"
            "print(definitions().fingerprint, anakinra_t2d.__file__)"
        )
        fingerprint, file = _run(str(installed), "-c", code, cwd=tmp_path).split()
        assert fingerprint == definitions().fingerprint
        assert installed.parents[1] in Path(file).parents

    @pytest.mark.network
    def test_a_plain_install_has_no_pandas(self, installed: Path, tmp_path: Path) -> None:
        listed = _run(str(installed), "-m", "pip", "list", "--format=freeze", cwd=tmp_path)
        names = {line.partition("==")[0].lower() for line in listed.splitlines()}
        assert "polars" in names
        assert "pandas" not in names

    @pytest.mark.network
    def test_every_module_can_be_imported(self, installed: Path, wheel: Path, tmp_path: Path) -> None:
        files = [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")]
        modules = [
            name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
            for name in files
            if "__main__" not in name
        ]
        assert "anakinra_t2d.forms.arrow" in modules
        code = (
            "import importlib\n"
            f"for name in {modules}:\n"
            "    try:\n"
            "        importlib.import_module(name)\n"
            "    except ImportError as error:\n"
            "        print(name, error)"
        )
        assert _run(str(installed), "-c", code, cwd=tmp_path) == ""


def _python(code: str, folder: Path) -> str:
    """What ``code`` prints when it runs in the environment of the tests."""
    return _run(sys.executable, "-c", code, cwd=folder, env=dict(os.environ))


def _run(*command: str, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=env or ALONE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command[:4])} ...\n{done.stdout}{done.stderr}"
    return done.stdout
