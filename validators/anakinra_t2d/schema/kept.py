"""The definitions, kept ready between runs: reading them from YAML takes longer than checking a file."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import stat
import sys
import tempfile
from functools import cache
from pathlib import Path

import pydantic

from anakinra_t2d import __version__
from anakinra_t2d.schema.contents import Definitions
from anakinra_t2d.schema.where import data_root

_COPIES = 4


@cache
def definitions() -> Definitions:
    """The definitions this package ships.

    A copy lies in the user's cache directory under a name made from every schema file and every module that reads
    them. It is used only when it belongs to this user and nobody else may write it, like compiled modules of Python.

    Raises:
        SchemaError: a schema file is wrong; the message names file and line.
    """
    root = data_root()
    path = _path(root)
    if path is None:
        return _loaded(root)
    with contextlib.suppress(Exception), path.open("rb") as stream:
        about = os.fstat(stream.fileno())
        if about.st_uid == os.getuid() and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            copy = pickle.load(stream)  # noqa: S301 (written by this user, see above)
            if isinstance(copy, Definitions):
                return copy
    found = _loaded(root)
    # whatever keeps a copy from being written, the definitions are there
    with contextlib.suppress(Exception):
        _keep(path, found)
    return found


def _loaded(root: Path) -> Definitions:
    from anakinra_t2d.schema.loading import load

    return load(root)


def _path(root: Path) -> Path | None:
    """Where the copy lies; None where files have no owner to go by, or no home."""
    if not hasattr(os, "getuid"):
        return None
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        folder = (Path(base) if base else Path.home() / ".cache") / "anakinra-t2d"
        digest = hashlib.sha256(f"{__version__} {sys.version} {pydantic.VERSION}".encode())
        digest.update(str(root).encode())
        for file in sorted((root / "schema").rglob("*.yaml")):
            digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
        for module in sorted(Path(__file__).parent.glob("*.py")):
            digest.update(module.name.encode() + b"\0" + module.read_bytes())
    except (OSError, RuntimeError):
        return None
    return folder / f"definitions-{digest.hexdigest()[:32]}.pickle"


def _keep(path: Path, found: Definitions) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # copies of all versions would pile up; environments that are used in turn keep theirs
    copies = sorted(path.parent.glob("definitions-*.pickle"), key=lambda copy: copy.stat().st_mtime_ns)
    for other in copies[: 1 - _COPIES]:
        other.unlink(missing_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            pickle.dump(found, stream, pickle.HIGHEST_PROTOCOL)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
