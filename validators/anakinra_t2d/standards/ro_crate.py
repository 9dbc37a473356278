"""RO-Crate 1.2: a converted directory or a release as a research object, with who made which file from what."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import uuid
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from anakinra_t2d import __version__
from anakinra_t2d.endpoint_views.dialects import DIALECTS, ENGINES
from anakinra_t2d.forms.derived_tables import DERIVED
from anakinra_t2d.reading.discover import MANIFEST, PACKAGE
from anakinra_t2d.standards.described_files import DataFile, DescribedFiles, described_files
from anakinra_t2d.write.whole_directory import OutputError, whole_directory

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions

METADATA = "ro-crate-metadata.json"

_NO_LICENCE = "No licence is stated: ask those who gave you the data before you use them or pass them on."
_BESIDE = {
    "CITATION.cff": "How to cite the data.",
    "LICENSE": "The terms under which the data may be used.",
    "README.md": "What is here and how to read it.",
    "checksums.sha256": "Hashes of all files.",
    "codebook.html": "Every variable, criterion, endpoint and rule, for people.",
    "codebook.md": "Every variable, criterion, endpoint and rule, for people.",
    "croissant.json": "Files, tables, columns, units and codes as Croissant.",
    "endpoints.json": "Parameters and endpoints as cards with test vectors.",
    "endpoints.schema.json": "JSON Schema of the cards.",
    **{f"endpoints-{name}.sql": f"Parameters and endpoints as SQL for {ENGINES[name].title}." for name in DIALECTS},
    "report.html": "The report of the checks as a page.",
    "tables.xlsx": "All tables as a workbook.",
    "checks.parquet": "For every check the records that passed, failed or could not be assessed.",
    "findings.json": "Every finding of the checks.",
    "findings.parquet": "Every finding of the checks.",
    MANIFEST: "What went in and what came out: hashes of all files and the sums that must hold.",
    PACKAGE: "The tables as a Data Package: every column with label, unit, codes, range and source.",
    "rejected.parquet": "Every row that breaks a rule of its own, with its reasons and its cells as sent.",
    "report.txt": "The report of the checks for people.",
    "results.txt": "The results beside the numbers of the paper, for people.",
}


def ro_crate(
    folder: Path, definitions: Definitions, *, unblinded: bool = False, published: dt.date | None = None
) -> dict[str, Any]:
    """The content of ro-crate-metadata.json for a converted directory or a release.

    Args:
        folder: the directory.
        definitions: which tables are restricted, and the paper.
        unblinded: take restricted tables and what names them too.
        published: the day of publication. RO-Crate asks for it; without it the crate has none, since neither the data
            nor the definitions know it and the clock is no answer.

    Raises:
        InputError: the directory is no such output, or lacks a file of its descriptor.
    """
    return describe(described_files(folder, definitions, unblinded=unblinded), definitions, published)


def describe(source: DescribedFiles, definitions: Definitions, published: dt.date | None) -> dict[str, Any]:
    """As ``ro_crate``, of files that were looked up before."""
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version="1.2")
    trial, package = definitions.trial, source.package
    root = crate.root_dataset

    def entity(identifier: str, kind: str, /, **properties: Any) -> ContextEntity:
        return crate.add(ContextEntity(crate, identifier, properties={"@type": kind, **properties}))

    del root["datePublished"]  # the library writes the time of day
    if published is not None:
        root["datePublished"] = published.isoformat()
    root["name"] = str(package.get("title", trial.title))
    root["description"] = str(package.get("description", trial.design))
    root["version"] = str(package.get("version", trial.version))
    root["keywords"] = list(package.get("keywords", []))
    licences = [
        entity(one["path"], "CreativeWork", name=one.get("title", one["name"]), identifier=one["name"])
        for one in package.get("licenses", [])
        if one.get("path")
    ]
    root["license"] = licences or _NO_LICENCE
    root["citation"] = entity(
        f"https://doi.org/{trial.publication.doi}", "ScholarlyArticle", name=trial.publication.citation
    )
    root["creator"] = [
        entity(f"#creator-{number}", "Organization", name=one["title"])
        for number, one in enumerate(package.get("contributors", []), start=1)
    ]
    software = entity(f"#{trial.name}", "SoftwareApplication", name=trial.name, version=__version__)
    files = {
        file.path: crate.add_file(source.folder / file.path, file.path, properties=_about(file))
        for file in source.files
        if file.path != METADATA
    }
    root["mentions"] = _actions(source, files, software, entity)
    made: dict[str, Any] = crate.metadata.generate()
    return made


def write_ro_crate(
    folder: Path,
    definitions: Definitions,
    target: Path,
    *,
    unblinded: bool = False,
    published: dt.date | None = None,
) -> str:
    """Write the files of a directory with their description into a new directory, or a .zip, and say what was done.

    The same input gives the same bytes. The descriptor of the tables names only what is there.

    Raises:
        InputError: the directory is no output of ``convert`` and no release.
        OutputError: the target exists, lies in the directory, or cannot be written.
    """
    place = Path(os.path.abspath(target))
    if place.is_relative_to(os.path.abspath(folder)):
        raise OutputError(f"{target} lies in the directory that it would hold; name a place beside {folder}.")
    if target.exists() or target.is_symlink():
        raise OutputError(f"{target} already exists; name another output, or remove it first.")
    source = described_files(folder, definitions, unblinded=unblinded)
    if target.suffix.lower() == ".zip":
        _write_zip(source, definitions, place, published)
    else:
        with whole_directory(place, marker=METADATA) as partial:
            _fill(source, definitions, partial, published)
    return " ".join(
        part for part in (f"Wrote a crate of {len(source.files)} files to {target}.", source.words()) if part
    )


def _fill(source: DescribedFiles, definitions: Definitions, folder: Path, published: dt.date | None) -> None:
    for file in source.files:
        if file.path != METADATA:
            (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.folder / file.path, folder / file.path)
    if source.left_out:
        kept = {str(one["name"]) for one in source.resources}
        package = {**source.package, "resources": [_without(one, kept) for one in source.resources]}
        _write_json(folder / PACKAGE, package)
    # the files as they are now, since the descriptor has become another one
    now = described_files(folder, definitions, unblinded=True)
    told = DescribedFiles(folder, now.package, source.manifest, now.files, source.left_out)
    _write_json(folder / METADATA, describe(told, definitions, published))


def _without(resource: Mapping[str, Any], kept: set[str]) -> dict[str, Any]:
    """A resource without the foreign keys that lead to tables that were left out."""
    schema = dict(resource["schema"])
    keys = [one for one in schema.pop("foreignKeys", []) if one["reference"]["resource"] in kept | {""}]
    return {**resource, "schema": schema | ({"foreignKeys": keys} if keys else {})}


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _write_zip(source: DescribedFiles, definitions: Definitions, target: Path, published: dt.date | None) -> None:
    partial = target.parent / f".{target.name}.partial-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    try:
        partial.mkdir(parents=True)
        _fill(source, definitions, partial / "crate", published)
        with zipfile.ZipFile(partial / "crate.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(path for path in (partial / "crate").rglob("*") if path.is_file()):
                entry = zipfile.ZipInfo(path.relative_to(partial / "crate").as_posix(), (1980, 1, 1, 0, 0, 0))
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                entry.file_size = path.stat().st_size
                with path.open("rb") as read, archive.open(entry, "w") as written:
                    shutil.copyfileobj(read, written, 1 << 20)
        with (partial / "crate.zip").open("rb") as written_file:
            os.fsync(written_file.fileno())
        os.rename(partial / "crate.zip", target)
    except OSError as error:
        raise OutputError(f"{target.name} cannot be written: {(error.strerror or str(error)).lower()}.") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _about(file: DataFile) -> dict[str, Any]:
    resource = file.resource or {}
    words = resource.get("description") or _BESIDE.get(PurePosixPath(file.path).name)
    return {
        "name": str(resource.get("title") or file.path),
        **({"description": str(words)} if words else {}),
        "encodingFormat": file.media_type,
        "contentSize": str(file.size),
        "sha256": file.sha256,
    }


def _actions(source: DescribedFiles, files: Mapping[str, Any], software: Any, entity: Callable[..., Any]) -> list[Any]:
    """What made the files: the conversion from the files that were sent, and the derivation from the tables."""
    tables = source.manifest.get("tables")
    if not isinstance(tables, dict):
        return []
    given = {str(one["name"]) for one in source.resources}
    # by hash, since the names of sent files can tell more than they should
    sent = [
        entity(
            f"#sent-{name}",
            "CreativeWork",
            name=f"The file that held the table {name} when it was sent",
            sha256=one["source"]["sha256"],
        )
        for name, one in sorted(tables.items())
        if name in given and isinstance(one, dict) and one.get("source", {}).get("sha256")
    ]
    derived = {path for path in files if path.rpartition(".")[0] in DERIVED}
    actions = [
        entity(
            "#convert",
            "CreateAction",
            name=f"Converted by {source.manifest.get('package', 'anakinra-t2d convert')}",
            description=f"With version {source.manifest.get('schema_version')} of the definitions.",
            instrument=software,
            object=sent,
            result=[file for path, file in files.items() if path not in derived],
            actionStatus={"@id": "http://schema.org/CompletedActionStatus"},
        )
    ]
    told = source.manifest.get("derived")
    if isinstance(told, dict) and derived:
        readings = ", ".join(f"{id}={choice}" for id, choice in told.get("readings", {}).items())
        actions.append(
            entity(
                "#derive",
                "CreateAction",
                name="Derived parameters, endpoints, eligibility, flow and results",
                description=f"Version {told.get('schema_version')} of the definitions; open readings: "
                f"{readings or 'the usual ones'}.",
                instrument=software,
                object=[files[file.path] for name in sorted(given & set(tables)) for file in source.of(name)],
                result=[files[path] for path in sorted(derived)],
                actionStatus={"@id": "http://schema.org/CompletedActionStatus"},
            )
        )
    return actions
