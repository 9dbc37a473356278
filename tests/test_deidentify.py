"""De-identified tables: who is in them cannot be read, and what is derived from them is the same."""

from __future__ import annotations

import base64
import datetime as dt
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import anakinra_t2d as trial
from anakinra_t2d.deidentify.derived import derive_released
from anakinra_t2d.deidentify.git_state import Tracking, tracking
from anakinra_t2d.deidentify.keys import ReleaseKey, check_strength, new_key, read_key
from anakinra_t2d.deidentify.risk import RiskReport
from anakinra_t2d.deidentify.run import deidentify_directory
from anakinra_t2d.forms.arrow import arrow_schema
from anakinra_t2d.forms.data_package import data_package
from anakinra_t2d.reading import InputError
from anakinra_t2d.schema.deidentification_references import identifier_fields, person_field
from anakinra_t2d.write.parquet_table import ParquetTable
from anakinra_t2d.write.whole_directory import OutputError
from conftest import change
from released_data import FOUND, KEY, OTHER_KEY, as_text, cells, deidentified, frame, pseudonym

GOOD = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
WAYS = ("study_day", "shifted")
DERIVED_WAYS = ("study_day", pytest.param("shifted", marks=pytest.mark.slow))


@pytest.fixture(scope="module")
def converted(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A converted and derived trial with a text, an ethnic origin and a flag beside what the simulator makes."""
    folder = tmp_path_factory.mktemp("deidentify")
    shutil.copytree(sound_trial, folder / "sent")
    change(folder / "sent/subjects.csv", lambda rows: [row.update(race_ethnicity="Greenlandic") for row in rows[:2]])
    change(folder / "sent/labs.csv", lambda rows: rows[0].update(crp_mg_l="<0.3"))
    change(folder / "sent/visits.csv", lambda rows: rows[0].update(physical_exam_finding="scar of the mayor of Aarhus"))
    trial.convert(folder / "sent", out=folder / "out")
    trial.derive(folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def released(converted: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, RiskReport]]:
    """The trial released in both ways of dates."""
    folder = tmp_path_factory.mktemp("released")
    return {
        "study_day": (folder / "study_day", deidentified(converted, folder / "study_day")),
        "shifted": (folder / "shifted", deidentified(converted, folder / "shifted", dates="shifted")),
    }


@pytest.fixture(scope="module")
def derived(
    released: dict[str, tuple[Path, RiskReport]], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """What follows from the tables released in a way, derived when it is first asked for."""
    folder = tmp_path_factory.mktemp("derived")

    def of(way: str) -> Path:
        if not (folder / way).exists():
            tables, report = released[way]
            derive_released(tables, folder / way, report=report, definitions=FOUND, synthetic=True)
        return folder / way

    return of


class TestKeys:
    def key(self, folder: Path, content: str | bytes, mode: int = 0o600) -> Path:
        path = folder / "release.key"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    def test_a_new_key_is_private_random_and_accepted(self, tmp_path: Path) -> None:
        made = [new_key(tmp_path / f"{number}.key") for number in range(3)]
        assert len({key.secret for key in made}) == 3
        assert all((tmp_path / f"{number}.key").stat().st_mode & 0o777 == 0o600 for number in range(3))
        assert [read_key(tmp_path / f"{number}.key").secret for number in range(3)] == [key.secret for key in made]

    def test_a_key_is_never_overwritten(self, tmp_path: Path) -> None:
        path = self.key(tmp_path, GOOD)
        with pytest.raises(InputError, match="never overwritten"):
            new_key(path)
        assert path.read_text(encoding="ascii") == GOOD

    def test_a_key_does_not_show_itself(self) -> None:
        assert KEY.secret.decode() not in repr(KEY)
        assert KEY.check not in KEY.secret.decode()

    def test_white_space_at_the_end_does_not_count(self, tmp_path: Path) -> None:
        first = read_key(self.key(tmp_path, GOOD + "\r\n"))
        assert first.secret == GOOD.encode() == read_key(self.key(tmp_path, GOOD)).secret

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("", "holds 0 bytes"),
            ("  \n", "holds 0 bytes"),
            (GOOD[:31], "holds 31 bytes"),
            ("a" * 64, "repeats one character"),
            ("correct horse battery staple, correct horse", "words"),
            ("3141592653589793238462643383279502884197", "digits only"),
            ("0123456789abcdefghijklmnopqrstuvwxyzABCDEF", "follow each other"),
            ("ab12" * 16, "different characters"),
            ((GOOD[:16] + "xyz") * 6, "repeats itself"),
            (bytes(range(64)), "follow each other"),
            (bytes(64), "repeats one character"),
            (GOOD * 2000, "larger than"),
        ],
    )
    def test_a_key_that_can_be_guessed_is_refused(self, tmp_path: Path, content: str | bytes, words: str) -> None:
        with pytest.raises(InputError, match=words) as caught:
            read_key(self.key(tmp_path, content))
        shown = content if isinstance(content, str) else content.decode("latin-1")
        assert len(shown.strip()) < 8 or shown.strip() not in str(caught.value)

    def test_random_bytes_are_a_key(self) -> None:
        random = Random(1)
        for _ in range(500):
            content = random.randbytes(32)
            check_strength(content, Path("release.key"))
            check_strength(content.hex().encode(), Path("release.key"))
            check_strength(base64.b64encode(content), Path("release.key"))

    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
    def test_a_key_that_others_can_read_or_change_is_refused(self, tmp_path: Path, mode: int) -> None:
        with pytest.raises(InputError, match="chmod 600"):
            read_key(self.key(tmp_path, GOOD, mode))

    def test_a_missing_key_a_directory_and_a_pipe_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="There is no key file"):
            read_key(tmp_path / "none.key")
        with pytest.raises(InputError, match="is no file"):
            read_key(tmp_path)
        os.mkfifo(tmp_path / "pipe", 0o600)
        with pytest.raises(InputError, match="is no file"):
            read_key(tmp_path / "pipe")
        with pytest.raises(InputError, match="no directory"):
            new_key(tmp_path / "none" / "release.key")

    def test_a_key_inside_the_data_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        path = self.key(tmp_path / "data", GOOD)
        with pytest.raises(InputError, match="lies inside"):
            read_key(path, not_inside=[tmp_path / "data"])
        (tmp_path / "link").symlink_to(tmp_path / "data")
        with pytest.raises(InputError, match="lies inside"):
            read_key(tmp_path / "link" / path.name, not_inside=[tmp_path / "data"])
        assert read_key(path, not_inside=[tmp_path / "other"]).path == path

    def test_a_key_that_git_has_or_could_take_is_refused(self, tmp_path: Path) -> None:
        def git(*arguments: str) -> None:
            subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)

        git("init", "--quiet")
        path = self.key(tmp_path, GOOD)
        with pytest.raises(InputError, match="not ignored"):
            read_key(path)
        with pytest.raises(InputError, match="not ignored"):
            new_key(tmp_path / "new.key")
        assert not (tmp_path / "new.key").exists()
        (tmp_path / ".gitignore").write_text("*.key\n", encoding="utf-8")
        assert read_key(path).secret == GOOD.encode()
        assert new_key(tmp_path / "new.key").path == tmp_path / "new.key"
        # ignored, and in the repository all the same
        git("add", "--force", path.name)
        with pytest.raises(InputError, match="tracked by git"):
            read_key(path)

    def test_a_link_from_outside_to_a_tracked_key_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "repository").mkdir()
        subprocess.run(["git", "init", "--quiet", str(tmp_path / "repository")], check=True)
        path = self.key(tmp_path / "repository", GOOD)
        (tmp_path / "link.key").symlink_to(path)
        with pytest.raises(InputError, match="not ignored"):
            read_key(tmp_path / "link.key")

    def test_without_git_a_key_in_a_work_tree_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert tracking(tmp_path / "release.key") is Tracking.OUTSIDE
        (tmp_path / ".git").mkdir()
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(InputError, match="git cannot say"):
            read_key(self.key(tmp_path, GOOD))


class TestNobodyIsNamed:
    @pytest.mark.parametrize("way", WAYS)
    def test_no_number_date_text_or_place_of_the_trial_is_in_any_cell(
        self, converted: Path, released: dict[str, tuple[Path, RiskReport]], way: str
    ) -> None:
        identifiers = identifier_fields(FOUND)
        texts = {name for group in FOUND.deidentification.withheld for name in group.fields}
        secret = set()
        for table, name, value in cells(converted):
            kind = (
                FOUND.tables[table].fields[name].type if name in getattr(FOUND.tables.get(table), "fields", {}) else ""
            )
            full = f"{table}.{name}"
            if full in identifiers or kind in ("date", "datetime") or (full in texts and kind == "string"):
                secret.add(as_text(value))
                if isinstance(value, dt.datetime):
                    secret.add(as_text(value.date()))
        # words that the definitions themselves use say nothing of anybody
        secret -= {term.code for codelist in FOUND.codelists.values() for term in codelist.terms}
        assert len(secret) > 500
        for table, name, value in cells(released[way][0]):
            text = as_text(value)
            assert text not in secret, (table, name)
            if not isinstance(value, bool | int | float):
                assert not any(one in text for one in secret if len(one) > 6), (table, name)

    def test_only_tables_are_written_and_none_that_is_left_out(
        self, released: dict[str, tuple[Path, RiskReport]]
    ) -> None:
        names = {path.name for path in released["study_day"][0].iterdir()}
        left_out = {one.table for one in FOUND.deidentification.left_out}
        assert names == {f"{name}.parquet" for name in FOUND.tables if name not in left_out}

    def test_a_person_has_one_pseudonym_in_every_table_and_record_key(
        self, converted: Path, released: dict[str, tuple[Path, RiskReport]]
    ) -> None:
        folder, _ = released["study_day"]
        for name in FOUND.tables:
            person = person_field(FOUND, name)
            if person and (folder / f"{name}.parquet").exists():
                before = {pseudonym(one) for one in frame(converted, name)[person].drop_nulls()}
                assert set(frame(folder, name)[person].drop_nulls()) == before, name
        assert frame(folder, "subjects").height == frame(converted, "subjects").height

    def test_flags_name_records_that_are_there(self, released: dict[str, tuple[Path, RiskReport]]) -> None:
        flags = frame(released["study_day"][0], "result_flags")
        assert flags.height
        for flag in flags.iter_rows(named=True):
            key = dict(part.split("=", 1) for part in flag["record_key"].split("|"))
            rows = frame(released["study_day"][0], flag["table"])
            here = rows.filter(*(pl.col(name).cast(pl.String) == value for name, value in key.items()))
            assert here.height == 1 and here[flag["field"]].item() is None
        limited = flags.filter(pl.col("result_status") == "below_limit")
        assert 0.3 in limited["limit_value"]

    def test_the_order_of_rows_is_that_of_the_pseudonyms(self, released: dict[str, tuple[Path, RiskReport]]) -> None:
        for table in ("subjects", "visits", "exposure", "recruitment", "hba1c_crosscheck"):
            key = FOUND.tables[table].key
            rows = frame(released["study_day"][0], table).select(key)
            assert rows[key[0]].is_sorted() and rows.n_unique() == rows.height

    def test_the_same_key_gives_the_same_bytes_and_another_one_other_names(
        self, converted: Path, released: dict[str, tuple[Path, RiskReport]], tmp_path: Path
    ) -> None:
        for way in WAYS:
            folder, report = released[way]
            again = deidentify_directory(
                converted, tmp_path / way, key=KEY, definitions=FOUND, dates=report.dates, threshold=5
            )
            assert again.as_dict() == report.as_dict()
            for path in folder.iterdir():
                assert path.read_bytes() == (tmp_path / way / path.name).read_bytes(), path.name
        other = deidentified(converted, tmp_path / "other", dates="shifted", key=OTHER_KEY)
        old = frame(released["shifted"][0], "subjects")
        new = frame(tmp_path / "other", "subjects")
        assert not set(old["subject_id"]) & set(new["subject_id"])
        assert not set(old["first_dose_date"].drop_nulls()) & set(new["first_dose_date"].drop_nulls())
        assert other.key_check != released["shifted"][1].key_check


class TestDates:
    def test_study_days_count_from_the_first_dose_and_have_no_day_0(
        self, converted: Path, released: dict[str, tuple[Path, RiskReport]]
    ) -> None:
        visits = frame(converted, "visits").join(
            frame(converted, "subjects").select("subject_id", "first_dose_date"), on="subject_id"
        )
        treated = visits.filter(pl.col("first_dose_date").is_not_null() & pl.col("study_day").is_not_null())
        expected = {
            (pseudonym(s), v, n): day
            for s, v, n, day in treated.select("subject_id", "visit", "visit_seq", "study_day").iter_rows()
        }
        got = frame(released["study_day"][0], "visits").select("subject_id", "visit", "visit_seq", "visit_date")
        days = {row[:3]: row[3] for row in got.iter_rows()}
        assert expected and {key: days[key] for key in expected} == expected
        assert 0 not in got["visit_date"]

    def test_who_is_never_randomised_counts_from_the_first_screening(
        self, released: dict[str, tuple[Path, RiskReport]]
    ) -> None:
        folder, report = released["study_day"]
        out = frame(folder, "subjects").filter(~pl.col("randomised"))["subject_id"]
        days = frame(folder, "screening").filter(pl.col("subject_id").is_in(out.implode()), pl.col("screening_no") == 1)
        assert days["screening_date"].unique().to_list() == [1]
        assert "Study day 1 is screening.screening_date for" in report.text()

    def test_all_dates_of_a_person_move_by_the_same_days_and_never_by_none(
        self, converted: Path, released: dict[str, tuple[Path, RiskReport]]
    ) -> None:
        shifts: dict[str, set[int]] = {}
        for name in ("visits", "home_glucose", "stimulation_tests", "adverse_events"):
            table = FOUND.tables[name]
            dates = [one for one, field in table.fields.items() if field.type == "date"]
            before = frame(converted, name).with_columns(
                pl.col("subject_id").map_elements(pseudonym, return_dtype=pl.String)
            )
            after = frame(released["shifted"][0], name)
            both = before.join(after, on=table.key, suffix=" new")
            assert both.height == before.height
            for date in dates:
                moved = both.filter(pl.col(f"{date} new").is_not_null())
                days = (moved[f"{date} new"] - moved[date]).dt.total_days()
                for person, number in zip(moved["subject_id"], days, strict=True):
                    shifts.setdefault(person, set()).add(number)
        low, high = FOUND.deidentification.shift.days
        assert shifts and all(len(one) == 1 and low <= min(one) <= high for one in shifts.values())
        assert len({min(one) for one in shifts.values()}) > len(shifts) * 0.9

    def test_old_dates_stand_as_the_earliest_day(
        self, converted: Path, released: dict[str, tuple[Path, RiskReport]]
    ) -> None:
        folder, report = released["study_day"]
        earliest = FOUND.deidentification.day_one.earliest_day
        days = frame(folder, "medications")["start_date"].drop_nulls()
        assert days.min() == earliest and days.len() == frame(converted, "medications")["start_date"].count()
        assert report.done.dates_floored >= (days == earliest).sum() - 1

    def test_clock_times_are_gone(self, released: dict[str, tuple[Path, RiskReport]]) -> None:
        for way, kind in (("study_day", pl.Int64), ("shifted", pl.Date)):
            assert frame(released[way][0], "labs").schema["collected_ts"] == kind
        assert "dose_time" not in frame(released["study_day"][0], "exposure").columns


class TestDescriptions:
    @pytest.mark.parametrize("way", WAYS)
    def test_the_files_are_as_the_released_definitions_say(
        self, released: dict[str, tuple[Path, RiskReport]], way: str
    ) -> None:
        folder, report = released[way]
        for path in sorted(folder.iterdir()):
            schema = pq.read_schema(path)
            wanted = arrow_schema(report.definitions.tables[path.stem], report.definitions)
            assert schema.remove_metadata().equals(wanted.remove_metadata()), path.stem
            assert [schema.field(name).metadata for name in wanted.names] == [one.metadata for one in wanted]

    def test_a_changed_field_says_what_it_is(self, released: dict[str, tuple[Path, RiskReport]]) -> None:
        days, moved = (released[way][1] for way in WAYS)
        field = days.definitions.tables["visits"].fields["visit_date"]
        assert (field.type, days.definitions.unit(field), field.range) == ("integer", "d", None)
        assert "no day 0" in field.description and "study day" in field.label
        assert moved.definitions.tables["labs"].fields["collected_ts"].type == "date"
        changed = {(one.table, one.name): one for one in days.changed}
        assert changed["subjects", "subject_id"].description.startswith("Keyed pseudonym")
        assert ("vitals", "weight_kg") not in changed

    def test_a_data_package_can_be_made_of_them(self, released: dict[str, tuple[Path, RiskReport]]) -> None:
        folder, report = released["study_day"]
        package = data_package(report.definitions, paths={path.stem: path.name for path in folder.iterdir()})
        visits = next(one for one in package["resources"] if one["name"] == "visits")
        described = {one["name"]: one for one in visits["schema"]["fields"]}
        assert described["visit_date"]["type"] == "integer" and "physical_exam_finding" not in described

    def test_rules_that_read_changed_fields_are_left_out(self, released: dict[str, tuple[Path, RiskReport]]) -> None:
        rules = released["study_day"][1].definitions.rules
        assert "SUBJ-002" not in rules and "PRIV-001" not in rules
        assert len(rules) > 100


class TestDerived:
    def both(self, before: Path, after: Path, name: str, key: list[str]) -> pl.DataFrame:
        old = pl.read_parquet(before / f"{name}.parquet").with_columns(
            pl.col("subject_id").map_elements(pseudonym, return_dtype=pl.String)
        )
        new = pl.read_parquet(after / f"{name}.parquet")
        joined = old.join(new, on=key, how="full", suffix=" new", coalesce=True)
        assert joined.height == old.height == new.height
        return joined

    @pytest.mark.parametrize("way", DERIVED_WAYS)
    def test_endpoints_that_read_values_are_the_same_to_the_last_bit(
        self, converted: Path, derived: Callable[[str], Path], released: dict[str, tuple[Path, RiskReport]], way: str
    ) -> None:
        report = released[way][1]
        touched = {one["field"] for one in report.steps if one["taken"]} | {one["field"] for one in report.emptied}
        by_person = {
            card.id
            for card in FOUND.endpoints.parameters
            if (used := getattr(card, "input", None)) and f"{used.table}.{used.field}" in touched
        }
        for name, key in (
            ("parameters", ["subject_id", "visit", "parameter"]),
            ("endpoints", ["subject_id", "endpoint_id"]),
        ):
            joined = self.both(converted, derived(way), name, key)
            columns = [one for one in ("baseline", "follow_up", "value", "state", "reason") if one in joined.columns]
            same = pl.all_horizontal(pl.col(one).eq_missing(pl.col(f"{one} new")) for one in columns)
            other = joined.filter(~same)
            # what is not the same is missing, and says so
            assert other["value new"].null_count() == other.height
            assert set(other["state new"]) <= {"not_derivable"}
            if name == "parameters":
                assert set(other["parameter"]) <= by_person
            else:
                used = {
                    card.id
                    for card in FOUND.endpoints.endpoints
                    if card.operation == "event" or any(f'"{id}"' in card.model_dump_json() for id in by_person)
                }
                assert set(other["endpoint_id"]) <= used
            assert joined.filter(same & pl.col("value").is_not_null()).height > 0.7 * joined["value"].count()

    @pytest.mark.parametrize("way", DERIVED_WAYS)
    def test_a_criterion_is_judged_alike_or_not_any_more(
        self, converted: Path, derived: Callable[[str], Path], way: str
    ) -> None:
        joined = self.both(converted, derived(way), "eligibility", ["subject_id", "screening_no", "criterion_id"])
        other = joined.filter(pl.col("state") != pl.col("state new"))
        assert set(other["state new"]) <= {"not_assessable"}
        assert other.height < 0.3 * joined.height

    def test_endpoints_of_pooled_events_are_withheld_with_their_results(self, derived: Callable[[str], Path]) -> None:
        endpoints = pl.read_parquet(derived("study_day") / "endpoints.parquet")
        rare = endpoints.filter(pl.col("endpoint_id") == "EP33.facial_nerve_palsy")
        assert rare["value"].null_count() == rare.height > 0
        results = pl.read_parquet(derived("study_day") / "results.parquet")
        of_rare = results.filter(pl.col("endpoint_id") == "EP33.facial_nerve_palsy")
        assert of_rare["value"].null_count() == of_rare.height > 0

    def test_results_and_flow_have_no_small_cells(
        self, derived: Callable[[str], Path], released: dict[str, tuple[Path, RiskReport]]
    ) -> None:
        threshold = released["study_day"][1].threshold
        results = pl.read_parquet(derived("study_day") / "results.parquet")
        assert results.filter(pl.col("statistic") == "n", pl.col("value").is_between(1, threshold - 1)).is_empty()
        assert results["value"].count() > 100
        flow = pl.read_parquet(derived("study_day") / "flow.parquet")
        assert flow.filter(pl.col("reason").is_not_null() & (pl.col("n") < threshold)).is_empty()
        assert flow.filter(pl.col("by") == "all").height >= len(FOUND.flow.steps)


def write(folder: Path, tables: dict[str, pl.DataFrame]) -> Path:
    folder.mkdir(parents=True)
    for name, rows in tables.items():
        described = FOUND.tables[name]
        types = arrow_schema(described, FOUND)
        kinds = {"string": pl.String, "integer": pl.Int64, "number": pl.Float64, "boolean": pl.Boolean, "date": pl.Date}
        full = rows.with_columns(
            pl.lit(None, kinds.get(field.type, pl.Datetime("us"))).alias(one)
            for one, field in described.fields.items()
            if one not in rows.columns
        ).select(types.names)
        with ParquetTable(folder / f"{name}.parquet", described, FOUND, {}) as file:
            file.write(full)
    return folder


DAYS = st.dates(dt.date(2003, 10, 1), dt.date(2005, 12, 31))
NUMBERS = st.from_regex(r"\A(DK01|CH01)-[0-9]{3,5}\Z")


@st.composite
def small_trials(draw: st.DrawFn) -> dict[str, pl.DataFrame]:
    """People with any numbers and dates, with visits, flags and events."""
    numbers = draw(st.lists(NUMBERS, min_size=1, max_size=25, unique=True))
    people = [
        {
            "subject_id": number,
            "site_id": draw(st.sampled_from(["DK01", "CH01"])),
            "sex": draw(st.sampled_from(["M", "F"])),
            "birth_year": 1940,
            "birth_date": draw(st.none() | st.dates(dt.date(1900, 1, 1), dt.date(1985, 1, 1))),
            "age_yr": draw(st.integers(20, 95)),
            "diabetes_duration_yr": draw(st.floats(0, 50)),
            "screening_status": "passed",
            "randomised": draw(st.booleans()),
            "first_dose_date": draw(st.none() | DAYS),
        }
        for number in numbers
    ]
    subjects = pl.DataFrame(people, schema_overrides={"first_dose_date": pl.Date, "birth_date": pl.Date})
    doses = [
        {"subject_id": number, "dose_date": draw(DAYS), "dose_mg": 100.0, "route": "SUBCUTANEOUS", "dose_taken": "yes"}
        for number in numbers
    ]
    flags = [
        {
            "table": "exposure",
            "record_key": f"subject_id={one['subject_id']}|dose_date={one['dose_date']}",
            "field": "dose_mg",
            "result_status": "not_done",
            "value_raw": f"{one['subject_id']} on {one['dose_date']}",
        }
        for one in doses
    ]
    return {"subjects": subjects, "exposure": pl.DataFrame(doses), "result_flags": pl.DataFrame(flags)}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(small_trials(), st.sampled_from(WAYS), st.binary(min_size=32, max_size=32), st.integers(2, 12))
def test_whatever_the_trial_no_number_or_date_of_it_is_in_a_cell(
    tmp_path_factory: pytest.TempPathFactory, trial_of: dict[str, pl.DataFrame], way: str, secret: bytes, threshold: int
) -> None:
    folder = tmp_path_factory.mktemp("any")
    source = write(folder / "source", trial_of)
    dates = "shifted" if way == "shifted" else "study_day"
    deidentified(source, folder / "out", dates=dates, threshold=threshold, key=ReleaseKey(secret))  # type: ignore[arg-type]
    secrets = {
        as_text(value)
        for rows in trial_of.values()
        for column in rows.get_columns()
        if column.dtype == pl.Date or column.name == "subject_id"
        for value in column.drop_nulls()
    }
    for table, name, value in cells(folder / "out"):
        assert not any(one in as_text(value) for one in secrets), (table, name)
    # a date is moved or counted as long as the person has a day to count from
    doses = frame(folder / "out", "exposure")
    flags = frame(folder / "out", "result_flags")
    known = trial_of["subjects"]["first_dose_date"].count()
    assert doses.height == (known if way == "study_day" else trial_of["exposure"].height)
    assert flags.height == doses.height
    keys = {f"subject_id={one}|dose_date={day}" for one, day in doses.select("subject_id", "dose_date").iter_rows()}
    assert set(flags["record_key"]) == keys
    shutil.rmtree(folder)


class TestBadInput:
    def small(self, folder: Path) -> Path:
        people = pl.DataFrame(
            {
                "subject_id": ["DK01-001", "DK01-002"],
                "site_id": ["DK01", "DK01"],
                "sex": ["M", "F"],
                "birth_year": [1950, 1951],
                "age_yr": [54, 53],
                "diabetes_duration_yr": [4.0, 5.0],
                "screening_status": ["passed", "failed"],
                "randomised": [True, False],
            }
        )
        return write(folder / "source", {"subjects": people})

    @pytest.mark.parametrize(
        ("spoil", "words"),
        [
            (lambda source: (source / "subjects.parquet").unlink(), "no table subjects"),
            (lambda source: (source / "subjects.parquet").write_bytes(b"PAR1 and nothing"), "not a Parquet file"),
            (
                lambda source: (
                    pl.read_parquet(source / "subjects.parquet")
                    .with_columns(pl.col("birth_date").cast(pl.String))
                    .write_parquet(source / "subjects.parquet")
                ),
                "birth_date holds String",
            ),
            (
                lambda source: pl.concat([pl.read_parquet(source / "subjects.parquet")] * 2).write_parquet(
                    source / "subjects.parquet"
                ),
                "names a person twice",
            ),
            (
                lambda source: pl.DataFrame({"subject_id": ["DK01-001"]}).write_parquet(source / "visits.parquet"),
                "has no column visit,",
            ),
            (shutil.rmtree, "There is no directory"),
        ],
    )
    def test_data_that_are_not_as_convert_writes_them_are_refused(
        self, tmp_path: Path, spoil: Callable[[Path], object], words: str
    ) -> None:
        source = self.small(tmp_path)
        spoil(source)
        with pytest.raises(InputError, match=words) as caught:
            deidentified(source, tmp_path / "out")
        assert not (tmp_path / "out").exists()
        assert "DK01-00" not in str(caught.value)

    def test_an_output_that_is_there_is_not_touched(self, tmp_path: Path) -> None:
        source = self.small(tmp_path)
        (tmp_path / "out").mkdir()
        (tmp_path / "out/notes.txt").write_text("mine", encoding="utf-8")
        with pytest.raises(OutputError, match="other files"):
            deidentified(source, tmp_path / "out")
        for out in (source, source / "out", tmp_path):
            with pytest.raises(OutputError, match="a directory apart"):
                deidentified(source, out)

    def test_a_key_beside_the_data_a_low_threshold_and_an_unknown_way_are_refused(self, tmp_path: Path) -> None:
        source = self.small(tmp_path)
        (source / "release.key").write_text(GOOD, encoding="ascii")
        (source / "release.key").chmod(0o600)
        with pytest.raises(InputError, match="lies inside"):
            deidentified(source, tmp_path / "out", key=read_key(source / "release.key"))
        with pytest.raises(InputError, match="threshold is 1"):
            deidentified(source, tmp_path / "out", threshold=1)
        with pytest.raises(InputError, match="study_day or shifted"):
            deidentified(source, tmp_path / "out", dates="julian")  # type: ignore[arg-type]

    def test_people_that_only_other_tables_name_are_hidden_too(self, tmp_path: Path) -> None:
        source = self.small(tmp_path)
        doses = pl.DataFrame(
            {
                "subject_id": ["DK01-777"],
                "dose_date": [dt.date(2004, 5, 1)],
                "dose_mg": [100.0],
                "route": ["SUBCUTANEOUS"],
                "dose_taken": ["yes"],
            }
        )
        write(tmp_path / "more", {"exposure": doses})
        shutil.copy(tmp_path / "more/exposure.parquet", source)
        report = deidentified(source, tmp_path / "out")
        assert report.people == 3
        assert report.done.records_without_key == 1
        assert frame(tmp_path / "out", "exposure").is_empty()
