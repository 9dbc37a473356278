"""Where the definitions are: inside the installed package or, in a checkout, at its root."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def data_root() -> Path:
    """Folder that holds ``schema/`` and ``datapackage.json``.

    Raises:
        FileNotFoundError: the package was installed without its data.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_data", package.parents[1]):
        if (folder / "schema" / "trial.yaml").is_file():
            return folder
    raise FileNotFoundError("The schema files are missing from this installation; install the package again.")
