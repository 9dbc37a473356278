"""Where a run writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Folders:
    """The folder of the tables, and one for what is thrown away at the end."""

    tables: Path
    scratch: Path
