"""What an export writes: a new file, whole or not at all."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from anakinra_t2d.write.whole_directory import OutputError
from anakinra_t2d.write.whole_file import write_whole_file

out_option: Callable[[Any], Any] = click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File or directory to write; it must not exist.  [default: a name in the current directory]",
)


def target_of(out: Path | None, ending: str) -> Path:
    """The output that was named, else the name of the trial with ``ending`` in the current directory.

    Raises:
        OutputError: it exists.
    """
    from anakinra_t2d.schema import definitions

    target = out or Path(f"{definitions().trial.name}-{ending}")
    require_new(target)
    return target


def require_new(target: Path) -> None:
    """Raise OutputError where something has this name."""
    if target.exists() or target.is_symlink():
        raise OutputError(f"{target} already exists; name another output, or remove it first.")


def require_end(target: Path, *ends: str) -> None:
    """Raise OutputError for a name with another end than ``ends``."""
    if target.suffix.lower() not in ends:
        raise OutputError(f"The name of the output must end in {' or '.join(ends)}; {target.name} does not.")


def write_file(target: Path, content: bytes) -> None:
    """Write a new file, or nothing at all.

    Raises:
        OutputError: it cannot be written.
    """
    write_whole_file(target, content)


def zipped(files: Mapping[str, str]) -> bytes:
    """Files as a ZIP archive, the same bytes on every run."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text.encode())
    return stream.getvalue()
