"""The definitions, kept ready between runs: reading them from YAML takes longer than checking a changed file."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import stat
import sys
import tempfile
from pathlib import Path

from anakinra_t2d import __version__
from anakinra_t2d.schema import Definitions, definitions
from anakinra_t2d.schema.where import data_root


def kept_definitions() -> Definitions:
    """The shipped definitions.

    A copy lies in the user's cache directory under a name made from every schema file and every module that reads
    them. It is used only when it belongs to this user and nobody else may write it, like compiled modules of Python.

    Raises:
        SchemaError: a schema file is wrong; the message names file and line.
    """
    path = _path()
    if path is None:
        return definitions()
    with contextlib.suppress(Exception), path.open("rb") as stream:
        about = os.fstat(stream.fileno())
        if about.st_uid == os.getuid() and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            kept = pickle.load(stream)  # noqa: S301 (written by this user, see above)
            if isinstance(kept, Definitions):
                return kept
    found = definitions()
    with contextlib.suppress(OSError):
        _keep(path, found)
    return found


def _path() -> Path | None:
    """Where the copy lies; None where files have no owner to go by, or no home."""
    if not hasattr(os, "getuid"):
        return None
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        folder = (Path(base) if base else Path.home() / ".cache") / "anakinra-t2d"
        digest = hashlib.sha256(f"{__version__} {sys.version}".encode())
        root = data_root()
        digest.update(str(root).encode())
        for file in sorted((root / "schema").rglob("*.yaml")):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
        for module in sorted((Path(__file__).parents[1] / "schema").glob("*.py")):
            digest.update(module.name.encode() + b"\0" + module.read_bytes())
    except (OSError, RuntimeError):
        return None
    return folder / f"definitions-{digest.hexdigest()[:32]}.pickle"


def _keep(path: Path, found: Definitions) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # one copy for each version would pile up
    for other in path.parent.glob("definitions-*.pickle"):
        other.unlink(missing_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            pickle.dump(found, stream, pickle.HIGHEST_PROTOCOL)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
