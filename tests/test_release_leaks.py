"""What a de-identified, blinded release must not tell: every byte of it is searched, archives and Parquet opened."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import polars as pl
import pytest

import anakinra_t2d as trial
from anakinra_t2d.releases import endpoint_files
from anakinra_t2d.releases.run import release
from conftest import change, made_once, read_rows
from release_data import converted, key_file, texts_of, unpacked

FOUND = trial.definitions()
ARMS = [arm.id for arm in FOUND.trial.arms]
WORDS = re.compile("|".join([*ARMS, "kineret", "verum"]), re.IGNORECASE)
DATA = re.compile(r"^(cells of |csv/)")


@pytest.fixture(scope="module", autouse=True)
def _one_script() -> Iterator[None]:
    """Translating the SQL takes seconds for each engine, and all say the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(endpoint_files, "DIALECTS", ("duckdb",))
        yield


@pytest.fixture(scope="module")
def submission(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trial in which somebody has a date of birth, in a folder with the name of a site."""

    def born(rows: list[dict[str, str]]) -> None:
        # the row is rejected for it; one of somebody who was only screened, so that the others stay
        row = next(row for row in rows if row["randomised"] != "true")
        row["birth_date"] = f"{row['birth_year']}-11-23"

    def make(folder: Path) -> None:
        sent = folder / "hvidovre-2005-klinik"
        shutil.copytree(sound_trial, sent)
        change(sent / "subjects.csv", born)
        converted(sent, folder / "out")

    return made_once(tmp_path_factory, "leaks", make) / "hvidovre-2005-klinik"


@pytest.fixture(scope="module")
def source(submission: Path) -> Path:
    return submission.parent / "out"


@pytest.fixture(scope="module", params=["study_day", "shifted"])
def folder(request: pytest.FixtureRequest, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(base: Path) -> None:
        base.mkdir()
        release(source, base / "r.zip", deidentify=True, key_file=key_file(base), dates=request.param, with_errors=True)
        unpacked(base / "r.zip", base / "r")

    return made_once(tmp_path_factory, f"leaks_{request.param}", make) / "r"


@pytest.fixture(scope="module")
def texts(folder: Path) -> list[tuple[str, str]]:
    return list(texts_of(folder))


def values(folder: Path, *columns: str) -> set[str]:
    """Everything that stands in columns of these names in any file."""
    found: set[str] = set()
    for path in folder.glob("*.csv"):
        for row in read_rows(path):
            found |= {row[column] for column in columns if row.get(column)}
    return found


def dates(folder: Path) -> set[dt.date]:
    """Every date that a person has, in any table."""
    found = set()
    for name, table in FOUND.tables.items():
        timed = [field.name for field in table.fields.values() if field.type in ("date", "datetime")]
        path = folder / f"{name}.csv"
        if timed and path.is_file() and table.role == "data":
            found |= {dt.date.fromisoformat(row[one][:10]) for row in read_rows(path) for one in timed if row[one]}
    return found


def notations(day: dt.date) -> Iterator[str]:
    """A date as ISO, as Danes and Swiss write it, and as SAS shows it."""
    yield day.isoformat()
    yield day.strftime("%d.%m.%Y")
    yield day.strftime("%d-%m-%Y")
    yield day.strftime("%d/%m/%Y")
    yield day.strftime("%d%b%Y").upper()
    yield f"{day.day}.{day.month}.{day.year}"


_SHAPES = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{4}|[0-9]{2}[A-Z]{3}[0-9]{4}")
Found = set[tuple[str, str]]


def dates_in(texts: list[tuple[str, str]], days: set[dt.date]) -> Found:
    """Which of the days stand in which text, in any notation."""
    wanted = {one for day in days for one in notations(day)}
    return {(one, name) for name, text in texts for one in wanted.intersection(_SHAPES.findall(text))}


def found_in(texts: list[tuple[str, str]], wanted: set[str]) -> Found:
    """Which of the words stand in which text, not inside of longer numbers or words."""
    pattern = re.compile(r"(?<![0-9A-Za-z])(?:" + "|".join(map(re.escape, sorted(wanted))) + r")(?![0-9A-Za-z])")
    return {(match[0], name) for name, text in texts for match in pattern.finditer(text)}


def not_of_the_definitions(found: Found) -> Found:
    """Without examples in the words of the definitions, which stand there for every trial; never in the data."""
    fixed = {word for word, _ in found if any(word in text for text in fixed_texts())}
    return {(word, name) for word, name in found if word not in fixed or DATA.match(name)}


class TestEveryByte:
    def test_the_search_finds_what_is_there(self, source: Path, submission: Path) -> None:
        """The same search on the converted directory itself, so that an empty result means something."""
        there = list(texts_of(source))
        assert found_in(there, values(submission, "subject_id"))
        assert len({day for day, _ in dates_in(there, dates(submission))}) > 100
        assert found_in(there, values(submission, "kit_no"))
        assert found_in(list(texts_of(submission)), values(submission, "birth_date"))

    @pytest.mark.parametrize(
        "columns",
        [
            ("subject_id",),
            ("contact_id", "sample_code"),
            ("kit_no", "randomisation_no", "block_id"),
            ("birth_date",),
        ],
    )
    def test_no_number_of_a_person_or_kit(
        self, texts: list[tuple[str, str]], submission: Path, columns: tuple[str, ...]
    ) -> None:
        wanted = values(submission, *columns)
        assert wanted
        assert not_of_the_definitions(found_in(texts, wanted)) == set()

    def test_no_date_in_any_notation(self, texts: list[tuple[str, str]], submission: Path) -> None:
        assert len(dates(submission)) > 100
        assert not_of_the_definitions(dates_in(texts, dates(submission))) == set()

    def test_no_compact_date_in_the_data(self, texts: list[tuple[str, str]], submission: Path) -> None:
        data = [(name, text) for name, text in texts if DATA.match(name)]
        assert found_in(data, {day.strftime("%Y%m%d") for day in dates(submission)}) == set()

    def test_no_name_and_no_hash_of_a_file_that_was_sent(self, texts: list[tuple[str, str]], submission: Path) -> None:
        hashes = {hashlib.sha256(path.read_bytes()).hexdigest() for path in submission.iterdir()}
        assert found_in(texts, hashes) == set()
        # the folder had another name while it was made, and the same parent
        place = str(submission.parent.parent)
        assert not [name for name, text in texts if submission.name in text or place in text]

    def test_no_hash_of_a_subject_number(self, texts: list[tuple[str, str]], submission: Path) -> None:
        """A hash without a key can be undone by trying all numbers."""
        people = values(submission, "subject_id")
        for made in ("md5", "sha1", "sha256"):
            digests = {hashlib.new(made, one.encode()).hexdigest()[:8] for one in people}
            assert not [one for _, text in texts if "pseudonym" in text for one in digests if one in text]

    def test_the_key_is_not_in_it(self, texts: list[tuple[str, str]], folder: Path) -> None:
        key = (folder.parent / "release.key").read_text(encoding="utf-8").strip()
        assert not [name for name, text in texts if key[:16] in text]

    def test_no_word_of_an_arm_in_the_data(self, texts: list[tuple[str, str]]) -> None:
        told = [
            (name, match[0]) for name, text in texts if name.startswith("cells of ") for match in WORDS.finditer(text)
        ]
        assert told == []

    def test_a_word_of_an_arm_in_metadata_is_one_of_the_definitions(self, texts: list[tuple[str, str]]) -> None:
        fixed = "\n".join(fixed_texts())
        for name, text in texts:
            if name.startswith("metadata of "):
                for line in text.split("\n"):
                    if WORDS.search(line):
                        words = line.partition("=")[2]
                        assert words in fixed or words.strip('"') in fixed, (name, line)


@cache
def fixed_texts() -> tuple[str, ...]:
    """Every text of the definitions."""
    files = [path.read_text(encoding="utf-8") for path in sorted((FOUND.root / "schema").rglob("*.yaml"))]
    fields = [field for table in FOUND.tables.values() for field in table.fields.values()]
    return (*files, *(f"{field.label}\n{field.description}" for field in fields))


def swapped(folder: Path) -> None:
    """Give every patient the other arm, and nothing else."""
    other = dict(zip(ARMS, reversed(ARMS), strict=True))

    def swap(rows: list[dict[str, str]]) -> None:
        for row in rows:
            row["arm"], row["arm_actual"] = (other.get(row[one], row[one]) for one in ("arm", "arm_actual"))

    change(folder / "randomisation.csv", swap)


def test_a_trial_with_the_arms_swapped_gives_the_same_bytes(source: Path, submission: Path, tmp_path: Path) -> None:
    """Whatever names the drug in a blinded release carries no information on who had it."""
    shutil.copytree(submission, tmp_path / "swapped")
    swapped(tmp_path / "swapped")
    other = converted(tmp_path / "swapped", tmp_path / "out")
    arms = [
        pl.read_parquet(path / "randomisation.parquet")["arm"].cast(pl.String).to_list() for path in (source, other)
    ]
    assert arms[0] != arms[1]
    for name, folder in (("one", source), ("two", other)):
        release(folder, tmp_path / f"{name}.zip", with_errors=True)
    one, two = (unpacked(tmp_path / f"{name}.zip", tmp_path / name) for name in ("one", "two"))
    marks = [json.loads((path / "manifest.json").read_text())["with_errors"] for path in (one, two)]
    assert marks[0] == marks[1]
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_findings_of_a_deidentified_release_name_no_record(folder: Path) -> None:
    assert sorted(path.name for path in (folder / "report").iterdir()) == [
        "checks.csv", "disclosure-risk.json", "disclosure-risk.txt", "report.html",
    ]  # fmt: skip
    with (folder / "report/checks.csv").open(encoding="utf-8", newline="") as file:
        assert list(next(csv.reader(file))) == ["code", "severity", "passed", "failed", "not_assessed", "expected"]
