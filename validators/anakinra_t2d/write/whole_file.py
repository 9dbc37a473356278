"""A file that appears whole or not at all, even when the process is killed."""

from __future__ import annotations

import os
from pathlib import Path

from anakinra_t2d.write.whole_directory import OutputError, partial_name, remove_left_overs


def write_whole_file(target: Path, content: bytes, *, replace: bool = False) -> None:
    """Write ``content`` to ``target``, which must not exist unless it may be replaced.

    Raises:
        OutputError: the name is taken, or the file cannot be written.
    """
    partial = partial_name(target)
    try:
        remove_left_overs(target)
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            partial.replace(target)
        else:
            put_new(partial, target)
    except FileExistsError:
        raise OutputError(f"{target} already exists; name another output, or remove it first.") from None
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {(error.strerror or str(error)).lower()}.") from None
    finally:
        partial.unlink(missing_ok=True)


def put_new(made: Path, target: Path) -> None:
    """Give the file ``made`` the name ``target``; what has the name stays.

    Raises:
        FileExistsError: something has the name.
        OSError: it cannot be given.
    """
    try:
        # a link never replaces a file that appeared meanwhile
        os.link(made, target)
    except FileExistsError:
        raise
    except OSError:
        if target.exists() or target.is_symlink():
            raise FileExistsError from None
        os.rename(made, target)
