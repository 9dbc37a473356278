"""The output directory is the old one, whole, or the new one, whole, whenever the process dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from anakinra_t2d.write.whole_directory import OutputError, whole_directory

# writes a new output over an old one and kills itself before the n-th call that touches the disk
VICTIM = textwrap.dedent(
    """
    import ctypes, os, shutil, signal, sys
    from pathlib import Path
    from anakinra_t2d.write import whole_directory as module

    target, fatal, exchange = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "exchange"
    calls = 0

    def deadly(function):
        def wrapped(*args, **kwargs):
            global calls
            calls += 1
            if calls == fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)
        return wrapped

    for name in ("fsync", "rename", "rmdir", "unlink", "mkdir"):
        setattr(os, name, deadly(getattr(os, name)))
    shutil.rmtree = deadly(shutil.rmtree)
    module._exchange = deadly(module._exchange) if exchange else (lambda one, other: False)
    with module.whole_directory(target, marker="manifest") as folder:
        for name in ("a", "b", "manifest"):
            (folder / name).write_text("new " + name)
    print("calls", calls)
    """
)


def write(target: Path, words: str) -> None:
    with whole_directory(target, marker="manifest") as folder:
        for name in ("a", "b", "manifest"):
            (folder / name).write_text(f"{words} {name}")


def state(target: Path) -> str:
    texts = {path.name: path.read_text() for path in target.iterdir()}
    assert set(texts) == {"a", "b", "manifest"}
    words = {text.split()[0] for text in texts.values()}
    assert len(words) == 1, texts
    return words.pop()


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a POSIX signal")
@pytest.mark.parametrize("way", ["exchange", "rename"])
def test_killed_at_every_step(tmp_path: Path, way: str) -> None:
    script = tmp_path / "victim.py"
    script.write_text(VICTIM)
    seen = set()
    for fatal in range(1, 60):
        target = tmp_path / f"{way}{fatal}" / "out"
        write(target, "old")
        done = subprocess.run(
            [sys.executable, script, target, str(fatal), way], capture_output=True, text=True, check=False
        )
        finished = done.returncode == 0
        assert finished or done.returncode == -signal.SIGKILL, done.stderr
        if target.exists():
            seen.add(state(target))
        else:
            # only without an atomic exchange: the old output waits under its other name until the next run
            assert way == "rename"
        write(target, "later")
        assert state(target) == "later"
        assert [path.name for path in target.parent.iterdir()] == ["out"], "left-overs of the killed run"
        if finished:
            break
    else:
        pytest.fail("the victim never finished")
    assert seen == {"old", "new"}


def test_an_error_leaves_the_old_output(tmp_path: Path) -> None:
    target = tmp_path / "out"
    write(target, "old")

    def fails_half_way() -> None:
        with whole_directory(target, marker="manifest") as folder:
            (folder / "a").write_text("new a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails_half_way()
    assert state(target) == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_foreign_directories_and_files_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.docx").write_text("years of work")
    with pytest.raises(OutputError, match=r"thesis\.docx"), whole_directory(tmp_path / "mine", marker="manifest"):
        pass
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is a file"), whole_directory(tmp_path / "file", marker="manifest"):
        pass
    assert (tmp_path / "mine" / "thesis.docx").read_text() == "years of work"


def test_a_missing_or_empty_directory_is_filled(tmp_path: Path) -> None:
    write(tmp_path / "deep" / "out", "new")
    assert state(tmp_path / "deep" / "out") == "new"
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty", "new")
    assert state(tmp_path / "empty") == "new"
