"""The directory a release is made from: is it what ``convert`` wrote, unchanged, and by these definitions."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anakinra_t2d.finding import Finding
from anakinra_t2d.reading import InputError
from anakinra_t2d.reading.discover import MANIFEST, PACKAGE
from anakinra_t2d.report.findings_file import FINDINGS

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions

CHECKS = "checks.parquet"
_NOT_CONVERTED = (
    "name a directory that `anakinra-t2d convert` wrote. Files that were never checked are not released: run "
    "`anakinra-t2d convert` on them first"
)


@dataclass(frozen=True)
class Source:
    """A directory of ``convert``, as it was written.

    ``tables`` and ``derived`` are Parquet files by name; ``errors`` counts the open ones.
    """

    folder: Path
    manifest: dict[str, Any]
    package: dict[str, Any]
    summary: dict[str, Any]
    findings: list[Finding]
    tables: dict[str, Path]
    derived: dict[str, Path]

    @property
    def synthetic(self) -> bool:
        """Whether the data say that they are simulated."""
        return bool(self.manifest.get("synthetic"))

    @property
    def errors(self) -> int:
        """Errors that nobody corrected or accepted, those beyond the limit of one check too."""
        return int(self.manifest.get("errors") or 0)

    @property
    def readings(self) -> dict[str, str]:
        """Open readings that ``derive`` chose otherwise than usual."""
        return dict((self.manifest.get("derived") or {}).get("readings") or {})


def open_source(folder: Path, found: Definitions, derived: tuple[str, ...]) -> Source:
    """Look at a directory before anything is made of it. ``derived`` names the tables that ``derive`` adds.

    Raises:
        InputError: it is no output of ``convert``, a file of it is missing or was changed since, or it was made by
            another state of the definitions.
    """
    if not folder.is_dir():
        raise InputError(f"There is no directory {folder}; {_NOT_CONVERTED}.")
    manifest, package, findings = (_document(folder, name) for name in (MANIFEST, PACKAGE, FINDINGS))
    files = manifest.get("files")
    if not isinstance(files, dict) or not isinstance(manifest.get("tables"), dict):
        raise InputError(f"{folder} is not a directory of tables that `anakinra-t2d convert` wrote; {_NOT_CONVERTED}.")
    if manifest.get("trial") != found.trial.registry:
        raise InputError(f"{folder} holds data of another trial ({manifest.get('trial')}), not {found.trial.registry}.")
    if manifest.get("schema_fingerprint") != found.fingerprint:
        raise InputError(
            f"{folder} was converted with version {manifest.get('schema_version')} of the definitions in another state "
            f"than these ({found.trial.version}), so that a description made now would not fit. Run `anakinra-t2d "
            "convert` on the submission again."
        )
    _compare(folder, files)
    try:
        listed = [Finding.from_dict(one) for one in findings["findings"]]
        summary = dict(findings["summary"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(f"{folder / FINDINGS} is not what `anakinra-t2d convert` writes.") from None
    tables = {name: folder / f"{name}.parquet" for name in found.tables if f"{name}.parquet" in files}
    added = {name: folder / f"{name}.parquet" for name in derived if "derived" in manifest}
    return Source(folder, manifest, package, summary, listed, tables, added)


def _compare(folder: Path, files: dict[str, Any]) -> None:
    """Hold every file against the hash that the manifest has of it."""
    for name, stated in sorted(files.items()):
        path = folder / name
        try:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except FileNotFoundError:
            raise InputError(
                f"{path} is missing, although {MANIFEST} lists it; run `anakinra-t2d convert` on the submission again."
            ) from None
        except OSError as error:
            raise InputError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from None
        if not isinstance(stated, dict) or stated.get("sha256") != digest:
            raise InputError(
                f"{path} was changed after it was written: it does not have the hash that {MANIFEST} lists. What was "
                "changed by hand was never checked; correct the submission and run `anakinra-t2d convert` again."
            )
    for needed in (PACKAGE, FINDINGS, CHECKS):
        if needed not in files:
            raise InputError(
                f"{folder / MANIFEST} does not list {needed}, so that nobody can say whether it was changed."
            )


def _document(folder: Path, name: str) -> dict[str, Any]:
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{folder} is no output of convert, because {name} is missing; {_NOT_CONVERTED}.") from None
    except (OSError, ValueError, RecursionError):
        raise InputError(f"{folder / name} cannot be read as JSON; {_NOT_CONVERTED}.") from None
    if not isinstance(content, dict):
        raise InputError(f"{folder / name} is not what `anakinra-t2d convert` writes; {_NOT_CONVERTED}.")
    return content
