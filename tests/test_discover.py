"""Which files of a submission are read: directories, files, data packages and archives of any intent."""

from __future__ import annotations

import gzip
import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from anakinra_t2d.reading import InputError, ReadOptions, discover, open_table
from anakinra_t2d.reading.archive import Limits, UnsafeArchiveError, unpack

TABLES = ["labs", "vitals", "unblinding"]


def names(paths: list[Path], scratch: Path | None = None) -> tuple[dict[str, str], list[tuple[str, str]]]:
    found = discover(paths, TABLES, scratch)
    for file in found.files:
        assert file.path.is_file()
    return {file.shown: file.table or "" for file in found.files}, [(each.code, each.file) for each in found.problems]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "trial"
    (root / "restricted").mkdir(parents=True)
    (root / "deep/er").mkdir(parents=True)
    for name in ["labs.csv", "vitals.parquet", "restricted/unblinding.csv", "deep/er/labs.csv"]:
        (root / name).write_text("a\n1\n")
    for name in [
        "README.md",
        "LICENSE",
        "notes.txt",
        "manifest.json",
        "findings.parquet",
        "rejected.parquet",
        ".labs.csv",
    ]:
        (root / name).write_text("x")
    return root


SOUND = {"labs.csv": "labs", "restricted/unblinding.csv": "unblinding", "vitals.parquet": "vitals"}


def test_a_directory(folder: Path) -> None:
    assert names([folder]) == (SOUND, [])


def others(paths: list[Path], scratch: Path | None = None) -> dict[str, str]:
    """Shown names and formats of the files whose name is not that of a table."""
    found = discover(paths, TABLES, scratch)
    assert all(file.table is None for file in found.others)
    return {file.shown: file.format for file in found.others}


def test_names_of_no_table_and_files_of_other_kinds(folder: Path) -> None:
    for name in ["lab.csv", "labs2.xlsx", "vitals.xlsx", "LABS.csv", "lab.rds", "labs.rds"]:
        (folder / name).write_text("x")
    found, told = names([folder])
    assert found == SOUND
    assert told == [("FILE-006", "lab.rds"), ("FILE-002", "labs.rds"), ("FILE-004", "vitals.xlsx")]
    assert others([folder]) == {"LABS.csv": "csv", "lab.csv": "csv", "labs2.xlsx": "excel"}


def test_the_end_of_a_name_says_the_format(tmp_path: Path) -> None:
    formats = {
        "a.TSV": "csv",
        "b.psv": "csv",
        "c.csv.gz": "csv",
        "d.xpt": "statistical",
        "e.feather": "arrow",
        "f.ndjson": "dataset_json",
        "g.json": "dataset_json",
        "h.json.gz": "dataset_json",
        "i.dsjc": "dataset_json",
        "j.xlsb": "excel",
    }
    for name in [*formats, "no.json", "other.json.gz", "notes.md"]:
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "g.json").write_text('{"datasetJSONVersion": "1.1.0"}')
    (tmp_path / "h.json.gz").write_bytes(gzip.compress(b'{"datasetJSONVersion": "1.1.0"}'))
    (tmp_path / "labs.tsv.gz").write_bytes(b"x")
    (tmp_path / "vitals.json").write_text('{"datasetJSONVersion": "1.1.0"}')
    assert others([tmp_path]) == formats
    assert names([tmp_path]) == (
        {"labs.tsv.gz": "labs", "vitals.json": "vitals"},
        [("FILE-006", "other.json.gz")],
    )


def test_a_profile_beside_the_files(folder: Path, tmp_path: Path) -> None:
    (folder / "profile.yaml").write_text("title: x\n")
    path = package(folder, {"name": "labs", "path": "labs.csv"})
    packed = archive(tmp_path / "trial.zip", {"profile.yaml": "title: x\n", "Export 2004.csv": "a\n1\n"})
    for place in (folder, path, packed):
        found = discover([place], TABLES, tmp_path / f"scratch-{place.name}")
        assert found.files == []
        profiles = [file.profile for file in found.others]
        assert profiles
        assert all(profile and profile.is_file() and profile.name == "profile.yaml" for profile in profiles)
    assert discover([folder / "labs.csv"], TABLES).files[0].profile is None
    assert [file.shown for file in discover([tmp_path / "trial.zip"], TABLES, tmp_path / "again").others] == [
        "trial.zip/Export 2004.csv"
    ]


def test_two_files_of_a_table(folder: Path) -> None:
    (folder / "vitals.csv").write_text("a\n")
    found = discover([folder], TABLES)
    assert [(each.code, each.file, each.details) for each in found.problems] == [
        ("FILE-004", "vitals.parquet", {"other": "vitals.csv"})
    ]
    assert names([folder / "labs.csv", folder / "labs.csv"]) == ({"labs.csv": "labs"}, [])


def test_single_files_and_several_paths(folder: Path, tmp_path: Path) -> None:
    assert names([folder / "labs.csv", folder / "restricted"]) == (
        {"labs.csv": "labs", "restricted/unblinding.csv": "unblinding"},
        [],
    )


def test_directories_and_links_in_place_of_files(tmp_path: Path) -> None:
    root = tmp_path / "trial"
    root.mkdir()
    (root / "labs.csv").mkdir()
    (root / "vitals.csv").symlink_to("vitals.csv")
    (root / "again").symlink_to(".")
    (root / "unblinding.csv").symlink_to(tmp_path / "elsewhere.csv")
    (tmp_path / "elsewhere.csv").write_text("a\n")
    found, problems = names([root])
    assert found == {"unblinding.csv": "unblinding"}
    assert problems == [("FILE-002", "labs.csv"), ("FILE-002", "vitals.csv")]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "labs.csv")
    found = discover([tmp_path], TABLES)
    assert [each.details["problem"] for each in found.problems] == ["this is not a regular file"]


def test_nothing_to_read(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/lab.rds").write_text("x")
    for path, words in {
        "missing": "does not exist",
        "loop": "cannot be read",
        "other": "No file named after a table, such as labs.csv, was found in .*; found lab.rds",
    }.items():
        with pytest.raises(InputError, match=words) as raised:
            discover([tmp_path / path], TABLES)
        assert path in str(raised.value)
    with pytest.raises(InputError):
        discover([], TABLES)


def package(folder: Path, *resources: dict[str, object]) -> Path:
    path = folder / "datapackage.json"
    path.write_text(json.dumps({"resources": list(resources)}))
    return path


def test_a_data_package_names_its_files(folder: Path) -> None:
    path = package(
        folder,
        {
            "name": "labs",
            "path": "deep/er/labs.csv",
            "encoding": "UTF-8",
            "dialect": {"delimiter": ",", "header": True},
        },
        {"name": "vitals", "path": ["vitals.parquet"]},
        {"name": "dictionary", "path": "notes.txt"},
    )
    assert names([path]) == ({"deep/er/labs.csv": "labs", "vitals.parquet": "vitals"}, [("FILE-006", "notes.txt")])
    assert names([folder]) == (SOUND, [])


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        ({"path": "/etc/passwd"}, "not a plain relative path"),
        ({"path": "../labs.csv"}, "not a plain relative path"),
        ({"path": "deep/../../labs.csv"}, "not a plain relative path"),
        ({"path": "c:\\labs.csv"}, "not a plain relative path"),
        ({"path": "out/labs.csv"}, "leads out of"),
        ({"path": ".labs.csv"}, "hidden"),
        ({"path": "https://example.org/labs.csv"}, "network"),
        ({"path": "absent.csv"}, "does not exist"),
        ({"data": [{"a": 1}]}, "names no file"),
        ({"path": "labs.csv", "encoding": "klingon"}, "klingon"),
        ({"path": "labs.csv", "encoding": "base64"}, "base64"),
        ({"path": "labs.csv", "compression": "gz"}, "compression gz"),
        ({"path": "labs.csv", "dialect": "dialect.json"}, "dialect in another file"),
        ({"path": "labs.csv", "dialect": {"delimiter": "::"}}, 'delimiter = "::"'),
        ({"path": "labs.csv", "dialect": {"quoteChar": "'"}}, 'quoteChar = "\'"'),
        ({"path": "labs.csv", "dialect": {"escapeChar": "\\"}}, "escapeChar"),
        ({"path": "labs.csv", "dialect": {"commentChar": "#"}}, "commentChar"),
        ({"path": "labs.csv", "dialect": {"headerRows": [1, 2]}}, "headerRows = [1, 2]"),
        ({"path": "labs.csv", "dialect": {"headerRows": [2], "commentRows": [1, 3]}}, "commentRows = [1, 3]"),
        ({"path": "labs.csv", "schema": {"fields": [{"name": "a", "groupChar": "'"}]}}, 'groupChar = "\'" for a'),
        ({"path": "labs.csv", "schema": {"fields": [{"name": "a", "decimalChar": ";"}]}}, 'decimalChar = ";" for a'),
        ({"path": "labs.xlsx", "dialect": {"sheetName": "x"}}, "sheetName"),
        ({"path": "labs.csv", "dialect": {"header": False}}, "header = false"),
        ({"path": "notes.txt"}, "kind .txt"),
    ],
)
def test_resources_that_are_not_read(folder: Path, resource: dict[str, object], words: str) -> None:
    (folder / "out").symlink_to(folder.parent)
    found = discover([package(folder, {"name": "labs", **resource})], TABLES)
    assert [each.code for each in found.problems] == ["FILE-002"]
    assert words in found.problems[0].details["problem"]
    assert found.files == []


def test_how_a_resource_is_written(folder: Path) -> None:
    (folder / "labs.schema.json").write_text(
        json.dumps(
            {"fields": [{"name": "glucose_mmol_l", "decimalChar": ","}, {"name": "visit"}], "missingValues": ["-"]}
        )
    )
    resource: dict[str, object] = {
        "name": "labs",
        "path": "labs.csv",
        "encoding": "windows-1252",
        "dialect": {
            "delimiter": ";",
            "quoteChar": '"',
            "headerRows": [3],
            "commentRows": [1, 2],
            "nullSequence": "NULL",
            "lineTerminator": "\r",
        },
        "schema": "labs.schema.json",
    }
    vitals: dict[str, object] = {
        "name": "vitals",
        "path": "vitals.parquet",
        "encoding": "latin-1",
        "schema": {"missingValues": ["", {"value": "NK", "label": "not known"}]},
    }
    first, second = discover([package(folder, resource, vitals)], TABLES).files
    assert first.stated == ReadOptions(
        encoding="cp1252",
        delimiter=";",
        header_row=3,
        missing=("-", "NULL"),
        decimal=(("glucose_mmol_l", ","),),
    )
    assert second.stated == ReadOptions(missing=("NK",))


def test_the_format_of_a_resource_whose_name_does_not_tell(folder: Path) -> None:
    (folder / "labs.txt").write_text("a\tb\n1\t2\n")
    for stated in ({"format": "tsv"}, {"mediatype": "text/tab-separated-values; charset=utf-8"}):
        (file,) = discover([package(folder, {"name": "labs", "path": "labs.txt", **stated})], TABLES).files
        table = open_table(file)
        assert [batch.cells.rows() for batch in table] == [[("1", "2")]]
    (file,) = discover([package(folder, {"name": "labs", "path": "labs.txt", "format": "xlsx"})], TABLES).files
    assert file.format == "excel"


@pytest.mark.parametrize("text", ["{", "[]", '{"resources": []}', '{"resources": [{}]}', "[" * 100_000, "\udcff"])
def test_a_descriptor_that_is_no_data_package(tmp_path: Path, text: str) -> None:
    path = tmp_path / "datapackage.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=r"data package .*\.$"):
        discover([path], TABLES)


def archive(path: Path, members: dict[str, str | bytes], **options: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def test_an_archive(tmp_path: Path) -> None:
    members: dict[str, str | bytes] = {
        "labs.csv": "a\n",
        "restricted/unblinding.csv": "a\n",
        "README.md": "",
        "lab.csv": "x",
    }
    expected = {"trial.zip/labs.csv": "labs", "trial.zip/restricted/unblinding.csv": "unblinding"}
    for top in ("", "trial/"):
        packed = {"__MACOSX/._labs.csv": b"\0", ".DS_Store": b"\0"} | {
            top + name: text for name, text in members.items()
        }
        path = archive(tmp_path / "trial.zip", packed)
        assert names([path], tmp_path / f"scratch{top}") == (expected, [])
        assert others([path], tmp_path / f"others{top}") == {"trial.zip/lab.csv": "csv"}


def test_an_archive_inside_an_archive_is_named(tmp_path: Path) -> None:
    inner = archive(tmp_path / "inner.zip", {"vitals.csv": "a\n1\n"}).read_bytes()
    path = archive(tmp_path / "trial.zip", {"labs.csv": "a\n1\n", "inner.zip": inner, "a/b/deep.ZIP": inner})
    found, problems = names([path], tmp_path / "scratch")
    assert found == {"trial.zip/labs.csv": "labs"}
    assert problems == [("FILE-002", "trial.zip/a/b/deep.ZIP"), ("FILE-002", "trial.zip/inner.zip")]
    only = archive(tmp_path / "only.zip", {"inner.zip": inner})
    (problem,) = discover([only], TABLES, tmp_path / "scratch2").problems
    assert problem.details["problem"] == "this is an archive inside an archive, which is not unpacked"


@pytest.mark.parametrize("name", ["a.tsv", "b.csv.gz", "c.xlsb", "d.dsjc", "e.ipc", "f.sas7bdat", "g.ndjson", "h.ods"])
def test_files_of_every_kind_are_unpacked(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path / "trial.zip", {name: "x"})
    assert list(others([path], tmp_path / "scratch")) == [f"trial.zip/{name}"]


def test_a_data_package_in_an_archive(tmp_path: Path) -> None:
    descriptor = json.dumps(
        {"resources": [{"name": "labs", "path": "data/x/2004.csv"}, {"name": "vitals", "path": "../v.csv"}]}
    )
    path = archive(
        tmp_path / "trial.zip", {"datapackage.json": descriptor, "data/x/2004.csv": "a\n1\n", "vitals.csv": "a\n"}
    )
    assert names([path], tmp_path / "scratch") == (
        {"trial.zip/data/x/2004.csv": "labs"},
        [("FILE-002", "trial.zip/../v.csv")],
    )
    path = archive(tmp_path / "broken.zip", {"datapackage.json": "{", "labs.csv": "a\n1\n"})
    with pytest.raises(InputError, match=r"datapackage\.json in .*broken\.zip is not JSON"):
        discover([path], TABLES, tmp_path / "scratch2")


def _encrypted(path: Path) -> None:
    data = bytearray(archive(path, {"labs.csv": "a\n1\n"}).read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(signature) + flags
        data[at] |= 1
    path.write_bytes(data)


def _link(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        info = zipfile.ZipInfo("labs.csv")
        info.external_attr = 0o120777 << 16
        file.writestr(info, "/etc/passwd")


def _lying(path: Path) -> None:
    """An archive whose list says 4 bytes where 4 MB come out."""
    data = bytearray(archive(path, {"labs.csv": b"x" * 4_000_000}).read_bytes())
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(signature) + at, 4)
    path.write_bytes(data)


def _overlong(path: Path) -> None:
    archive(path, {f"f{i}.csv": "" for i in range(10_001)})


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "zip slip": (lambda path: archive(path, {"../labs.csv": "a\n"}), "leads outside"),
    "absolute": (lambda path: archive(path, {"/labs.csv": "a\n"}), "leads outside"),
    "backslash": (lambda path: archive(path, {"..\\labs.csv": "a\n"}), "leads outside"),
    "link": (_link, "a link or a device"),
    "bomb": (lambda path: archive(path, {"labs.csv": b"0" * 100_000_000}), "more than 200 times its size"),
    "lying": (_lying, "cannot be unpacked: it is damaged"),
    "many": (_overlong, "10000 is the limit"),
    "doubled": (lambda path: archive(path, {"labs.csv": "a\n", "./labs.csv": "b\n"}), "labs.csv twice"),
    "password": (_encrypted, "protected by a password"),
    "cut": (
        lambda path: path.write_bytes(archive(path, {"labs.csv": "a\n" * 999}).read_bytes()[:-30]),
        "damaged or incomplete",
    ),
    "no archive": (lambda path: path.write_bytes(b"PK\x03\x04 not a zip"), "damaged or incomplete"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_an_archive_that_must_not_be_unpacked(tmp_path: Path, case: str) -> None:
    make, words = HOSTILE[case]
    path, scratch = tmp_path / "trial.zip", tmp_path / "scratch"
    make(path)
    with pytest.raises(InputError, match=words):
        discover([path], TABLES, scratch)
    (tmp_path / "vitals.csv").write_text("a\n1\n")
    found, problems = names([path, tmp_path / "vitals.csv"], scratch)
    assert found == {"vitals.csv": "vitals"}
    assert problems == [("FILE-002", "trial.zip")]
    assert sorted(each.name for each in tmp_path.rglob("*") if each.is_file()) == ["trial.zip", "vitals.csv"]


def test_the_size_of_an_archive_is_bounded(tmp_path: Path) -> None:
    path = archive(tmp_path / "trial.zip", {"labs.csv": os.urandom(1000), "vitals.csv": os.urandom(1000)})
    assert unpack(path, tmp_path / "enough", [".csv"], Limits(unpacked=2000)).is_dir()
    with pytest.raises(UnsafeArchiveError, match="1,999 is the limit"):
        unpack(path, tmp_path / "too-much", [".csv"], Limits(unpacked=1999))
