"""Releases that several tests look at, and ways to look into them."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import anakinra_t2d as trial
from anakinra_t2d.releases import endpoint_files
from anakinra_t2d.releases.run import release
from anakinra_t2d.schema.release import ViewName
from conftest import change

KEY = bytes(range(7, 250, 3)).hex().encode()


def converted(folder: Path, out: Path) -> Path:
    """A converted and derived directory of a submission."""
    trial.convert(folder, out=out)
    trial.derive(out)
    return out


def with_events(folder: Path) -> None:
    """Give one patient three events, of which the second is a reaction at the injection site."""

    def edit(rows: list[dict[str, str]]) -> None:
        pattern = next(row for row in rows if row["ae_category"] != "injection_site_reaction")
        mine = [row for row in rows if row["subject_id"] == pattern["subject_id"]]
        for row in mine:
            rows.remove(row)
        reaction = {
            "ae_category": "injection_site_reaction",
            "ae_term": "redness where the needle went in",
            "meddra_pt": "",
            "ae_related": "related",
            "ae_severity": "mild",
            "ae_serious": "no",
            "ae_action": "none",
        }
        # the mark is that of the patient, the same on every event
        pattern = pattern | {"isr_present": "yes"}
        last = {"ae_term": "dry cough", "ae_category": "dry_cough", "meddra_pt": "Cough", "ae_action": "none"}
        rows += [pattern | {"ae_seq": "1"}, pattern | {"ae_seq": "2"} | reaction, pattern | {"ae_seq": "3"} | last]

    change(folder / "adverse_events.csv", edit)


VIEWS: tuple[ViewName, ...] = ("blinded", "safety", "full")


def write_releases(sent: Path, folder: Path) -> None:
    """A trial in which a patient has a reaction at the injection site between other events, in every view.

    ``out`` is the converted and derived directory; each release stands as an archive and unpacked. Its scripts are
    stand-ins, because translating the SQL takes seconds for each engine; other tests run the real ones.
    """
    shutil.copytree(sent, folder / "sent")
    with_events(folder / "sent")
    source = converted(folder / "sent", folder / "out")
    with short_scripts():
        for view in VIEWS:
            release(source, folder / f"{view}.zip", view=view)
            unpacked(folder / f"{view}.zip", folder / view)


@contextmanager
def short_scripts() -> Iterator[None]:
    """Stand-ins for the SQL of a release."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(endpoint_files, "script", lambda views, dialect, shown, readings: f"-- {dialect}\n")
        yield


def document(folder: Path, name: str = "datapackage.json") -> dict[str, Any]:
    """A JSON document of a release."""
    content: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    return content


def table(folder: Path, name: str) -> pl.DataFrame:
    """A table of a release with its codes as text."""
    return pl.read_parquet(folder / "data" / f"{name}.parquet").with_columns(
        pl.col(pl.Categorical, pl.Enum).cast(pl.String)
    )


def tables(folder: Path) -> set[str]:
    """The names of the tables of a release."""
    return {path.stem for path in (folder / "data").glob("*.parquet")}


def key_file(folder: Path) -> Path:
    """A key outside of any work tree that only its owner can read."""
    path = folder / "release.key"
    path.write_bytes(KEY)
    path.chmod(0o600)
    return path


def unpacked(archive: Path, folder: Path) -> Path:
    """The files of a release in a folder."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder


def texts_of(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file below a folder as text: archives opened, Parquet decoded with all its metadata."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield from _texts(path.relative_to(folder).as_posix(), path.read_bytes())


def _texts(name: str, content: bytes) -> Iterator[tuple[str, str]]:
    import pyarrow.parquet as pq

    yield f"name of {name}", name
    try:
        yield name, content.decode("utf-8")
    except UnicodeDecodeError:
        # every byte as a letter, whatever it stands for
        yield name, content.decode("latin-1")
    if content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as opened:
            for inner in opened.namelist():
                yield from _texts(f"{name}/{inner}", opened.read(inner))
    if name.endswith(".parquet"):
        file = pq.ParquetFile(io.BytesIO(content))
        frame = pl.DataFrame(pl.from_arrow(file.read()))
        frame = frame.with_columns(pl.col(pl.List(pl.String)).list.join("\n")).with_columns(pl.all().cast(pl.String))
        yield f"cells of {name}", frame.write_csv()
        schema = file.schema_arrow
        metadata: list[Mapping[bytes, bytes]] = [schema.metadata or {}, *(field.metadata or {} for field in schema)]
        told = [key + b"=" + value for one in metadata for key, value in one.items()]
        yield f"metadata of {name}", b"\n".join(told).decode("utf-8", "replace")


def is_root() -> bool:
    """Whether permissions of files do not count for the one who runs the tests."""
    return os.name == "nt" or os.geteuid() == 0
