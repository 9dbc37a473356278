"""A disk that is full or closed, a process that is killed, and two runs into one place leave nothing half made."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import anakinra_t2d as trial
from anakinra_t2d.derivation.converted import open_converted
from anakinra_t2d.derivation.derived_files import beside
from anakinra_t2d.write.sole_writer import BusyError, sole_writer
from anakinra_t2d.write.whole_directory import OutputError, whole_directory
from anakinra_t2d.write.whole_file import write_whole_file

PROGRAM = [sys.executable, "-m", "anakinra_t2d"]
FULL = ("file too large", "disk is full", "the disk full")
"""What the system says of a file that is larger than allowed."""


def run(*words: object, limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command; no file that it writes may become larger than ``limit`` bytes."""

    def bound() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run([*PROGRAM, *map(str, words)], capture_output=True, text=True, check=False, preexec_fn=bound)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def require_a_sentence(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """It ended with the status 2 and said one of these."""
    assert done.returncode == 2, done.stderr[-2000:]
    assert "Traceback" not in done.stderr and "should not have happened" not in done.stderr, done.stderr
    assert any(each in done.stderr.lower() for each in words), done.stderr


class TestFullDisk:
    """A bound on the size of files stands for a disk without room: the same calls fail in the same places."""

    @pytest.mark.parametrize("limit", [0, 60_000])
    def test_convert(self, limit: int, sound_trial: Path, tmp_path: Path) -> None:
        done = run("convert", sound_trial, "--out", tmp_path / "out", limit=limit)
        require_a_sentence(done, *FULL)
        assert list(tmp_path.iterdir()) == []

    def test_convert_keeps_the_earlier_output(self, sound_trial: Path, converted_trial: Path, tmp_path: Path) -> None:
        out = shutil.copytree(converted_trial, tmp_path / "out")
        require_a_sentence(run("convert", sound_trial, "--out", out, limit=5000), *FULL)
        assert contents(out) == contents(converted_trial)
        assert [path.name for path in tmp_path.iterdir()] == ["out"]

    def test_derive(self, converted_trial: Path, tmp_path: Path) -> None:
        out = shutil.copytree(converted_trial, tmp_path / "out")
        require_a_sentence(run("derive", out, limit=5000), *FULL)
        assert contents(out) == contents(converted_trial)
        assert [path.name for path in tmp_path.iterdir()] == ["out"]

    @pytest.mark.parametrize("words", [["report"], ["release"], ["export", "sdtm"], ["export", "codebook"]])
    def test_what_is_made_of_it(self, words: list[str], converted_trial: Path, tmp_path: Path) -> None:
        ends = {"report": ".html", "release": ".zip"}
        data = [converted_trial] if words[0] != "export" else ["--data", converted_trial] if "sdtm" in words else []
        done = run(*words, *data, "--out", tmp_path / f"made{ends.get(words[-1], '')}", limit=1000)
        require_a_sentence(done, *FULL)
        assert list(tmp_path.iterdir()) == []


class TestReadOnly:
    @pytest.fixture
    def closed(self, tmp_path: Path) -> Path:
        folder = tmp_path / "closed"
        folder.mkdir()
        if os.getuid() != 0:
            folder.chmod(0o500)
            return folder
        # permissions do not hold for root; nobody can write there
        if not Path("/sys/kernel").is_dir() or _can_write(Path("/sys/kernel")):
            pytest.skip("no folder is closed to this user")
        return Path("/sys/kernel")

    @pytest.mark.parametrize(
        "words", [["convert", "SENT", "--out"], ["report", "OUT", "--out"], ["export", "codebook", "--out"]]
    )
    def test_output(self, words: list[str], closed: Path, sound_trial: Path, converted_trial: Path) -> None:
        places = {"SENT": sound_trial, "OUT": converted_trial}
        done = run(*(places.get(word, word) for word in words), closed / "made.md")
        require_a_sentence(done, "cannot write", "cannot be written")


def _can_write(folder: Path) -> bool:
    try:
        (folder / "made.md").touch()
    except OSError:
        return False
    return True


def kill_when(words: list[object], there: Callable[[], bool]) -> bool:
    """Start a command and kill it when something is there; False when it ended before."""
    process = subprocess.Popen([*PROGRAM, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if there():
            process.kill()
            return process.wait() == -signal.SIGKILL
        time.sleep(0.002)
    return False


class TestKilled:
    """Whatever stands under the name of the output is whole; the next run removes what is left."""

    @pytest.mark.parametrize("begun", ["*", ".out.partial-*/labs.parquet"])
    def test_convert(self, begun: str, sound_trial: Path, converted_trial: Path, tmp_path: Path) -> None:
        words: list[object] = ["convert", sound_trial, "--out", tmp_path / "out"]
        assert kill_when(words, lambda: any(tmp_path.glob(begun)))
        left = [path.name for path in tmp_path.iterdir()]
        assert all(name.startswith((".out.partial-", ".out.lock")) for name in left), left
        trial.convert(sound_trial, out=tmp_path / "out")
        assert [path.name for path in tmp_path.iterdir()] == ["out"]
        assert contents(tmp_path / "out") == contents(converted_trial)

    def test_derive(self, converted_trial: Path, derived_trial: Path, tmp_path: Path) -> None:
        out = shutil.copytree(converted_trial, tmp_path / "out")
        assert kill_when(["derive", out], lambda: any(tmp_path.glob(".out.partial-*/parameters.parquet")))
        assert contents(out) == contents(converted_trial)
        trial.derive(out)
        assert contents(out) == contents(derived_trial)
        assert [path.name for path in tmp_path.iterdir()] == ["out"]

    def test_release(self, converted_trial: Path, tmp_path: Path) -> None:
        target = tmp_path / "r.zip"
        words: list[object] = ["release", converted_trial, "--out", target]
        assert kill_when(words, lambda: any(tmp_path.glob(".r.zip.partial-*/*")))
        assert not target.exists()
        require_a_sentence(run("release", converted_trial, "--out", target, limit=10), *FULL)
        assert list(tmp_path.iterdir()) == []


class TestTwoRuns:
    def test_the_second_is_told(self, sound_trial: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        with whole_directory(out, marker="manifest.json") as first:
            (first / "manifest.json").write_text("{}")
            done = run("convert", sound_trial, "--out", out)
            require_a_sentence(done, "another run is writing to")
        assert contents(out) == {"manifest.json": b"{}"}

    def test_a_directory_that_was_written_again_is_not_derived(self, converted_trial: Path, tmp_path: Path) -> None:
        out = Path(shutil.copytree(converted_trial, tmp_path / "out"))
        opened = open_converted(out, trial.definitions())
        manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
        (out / "manifest.json").write_text(json.dumps(manifest | {"files": {}}), encoding="utf-8")
        before = contents(out)
        with pytest.raises(OutputError, match="written again by another run"), beside(opened, trial.definitions()):
            pytest.fail("nothing may be derived from it")
        assert contents(out) == before

    def test_both_at_once(self, sound_trial: Path, converted_trial: Path, tmp_path: Path) -> None:
        command = [*PROGRAM, "convert", str(sound_trial), "--out", str(tmp_path / "out")]
        both = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(2)]
        said = [process.communicate()[1].decode() for process in both]
        for process, words in zip(both, said, strict=True):
            assert process.returncode == 0 or "Another run is writing to" in words, words
        assert 0 in [process.returncode for process in both]
        assert contents(tmp_path / "out") == contents(converted_trial)
        assert [path.name for path in tmp_path.iterdir()] == ["out"]

    def test_other_outputs_beside_it_are_free(self, tmp_path: Path) -> None:
        with sole_writer(tmp_path / "a"), sole_writer(tmp_path / "b"):
            assert sorted(path.name for path in tmp_path.iterdir()) == [".a.lock", ".b.lock"]
        assert list(tmp_path.iterdir()) == []

    def test_a_lock_that_was_left_holds_nobody_up(self, tmp_path: Path) -> None:
        (tmp_path / ".a.lock").touch()
        with sole_writer(tmp_path / "a"), pytest.raises(BusyError), sole_writer(tmp_path / "a"):
            pass
        assert list(tmp_path.iterdir()) == []


class TestWholeFile:
    def test_new_files_replace_nothing(self, tmp_path: Path) -> None:
        write_whole_file(tmp_path / "a", b"one")
        with pytest.raises(OutputError, match="already exists"):
            write_whole_file(tmp_path / "a", b"two")
        assert contents(tmp_path) == {"a": b"one"}
        write_whole_file(tmp_path / "a", b"two", replace=True)
        assert contents(tmp_path) == {"a": b"two"}

    def test_left_overs_of_killed_runs_are_removed(self, tmp_path: Path) -> None:
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        (tmp_path / f".a.partial-{gone.pid}-12345678").write_bytes(b"half")
        alive = tmp_path / f".a.partial-{os.getppid()}-12345678"
        alive.write_bytes(b"half")
        write_whole_file(tmp_path / "a", b"one")
        assert sorted(tmp_path.iterdir()) == [alive, tmp_path / "a"]
