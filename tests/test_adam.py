"""CDISC analysis data sets: the values of parameters and endpoints, in the shape and formats that SAS and R read."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pyreadstat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from anakinra_t2d.across import open_relations
from anakinra_t2d.derivation.adam import adam
from anakinra_t2d.derivation.adam_values import parameter_names
from anakinra_t2d.endpoint_views import views
from anakinra_t2d.reading import InputError, SourceFile, open_table
from anakinra_t2d.schema import Definitions, SchemaError, definitions, load
from anakinra_t2d.schema.adam import Adam
from anakinra_t2d.schema.adam_references import adam_problems
from anakinra_t2d.schema.endpoints import Endpoints, LevelCard, TwoVisitsCard
from anakinra_t2d.schema.yaml_source import read_yaml
from anakinra_t2d.write.transport_file import LONGEST_TEXT, transport_text, write_transport_file
from anakinra_t2d.write.whole_directory import OutputError
from conftest import change
from tools import missing

ROOT = Path(__file__).parents[1]
FOUND = definitions()
CARDS = FOUND.endpoints
BASELINES = {visit.id for visit in FOUND.adam.values.visits if visit.baseline}
LABELS = {visit.id: visit.label for visit in FOUND.adam.values.visits}
KEY = ["USUBJID", "PARAMCD", "AVISIT"]

TREATED = "CH01-003"


def convert(sent: Path, folder: Path) -> None:
    """Write canonical files as converted tables, without the rules."""
    folder.mkdir()
    texts = {path.stem: [pl.read_csv(path, infer_schema=False)] for path in sorted(sent.glob("*.csv"))}
    with open_relations(FOUND, texts) as con:
        for name in texts:
            columns = ", ".join(f'"{field}"' for field in FOUND.tables[name].fields)
            con.execute(f"COPY (SELECT {columns} FROM {name}) TO '{folder / f'{name}.parquet'}' (FORMAT parquet)")
    resources = [{"name": name, "path": f"{name}.parquet"} for name in texts]
    (folder / "datapackage.json").write_text(json.dumps({"resources": resources}))
    manifest = {"synthetic": True, "schema_fingerprint": FOUND.fingerprint}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def derive(folder: Path, found: Definitions = FOUND) -> None:
    """Write parameters and endpoints beside converted tables."""
    tables = {name: [folder / f"{name}.parquet"] for name in found.tables if (folder / f"{name}.parquet").is_file()}
    with open_relations(found, tables, memory_limit="4GB") as con:
        for view in views(found):
            # tables, because a view is calculated anew for each endpoint that reads it
            con.execute(f"CREATE TABLE {view.name} AS {view.query}")
        for name in ("parameters", "endpoints"):
            con.execute(f"COPY (SELECT * FROM {name}) TO '{folder / f'{name}.parquet'}' (FORMAT parquet)")


@pytest.fixture(scope="module")
def derived(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A derived trial: a bridged sample, an assumed input, and a week 4 that was repeated 3 days later."""
    sent, folder = tmp_path_factory.mktemp("adam") / "sent", tmp_path_factory.mktemp("adam") / "derived"
    shutil.copytree(sound_trial, sent)

    def without_60(rows: list[dict[str, str]]) -> None:
        row = next(row for row in rows if row["subject_id"] == TREATED and row["nominal_min"] == "60")
        rows.remove(row)

    def without_nitrogen(rows: list[dict[str, str]]) -> None:
        rows[0]["urinary_n_mg_min"] = ""

    def again(rows: list[dict[str, str]]) -> None:
        row = next(row for row in rows if row["subject_id"] == TREATED and row["visit"] == "week4")
        later = row | {"visit_seq": "2"}
        if "visit_date" in row:
            later["visit_date"] = str(dt.date.fromisoformat(row["visit_date"]) + dt.timedelta(days=3))
        if row.get("collected_ts"):
            later["collected_ts"] = (dt.datetime.fromisoformat(row["collected_ts"]) + dt.timedelta(days=3)).isoformat()
            later["hba1c_pct"], later["crp_mg_l"], later["il6_ng_l"] = "9.9", "", ""
        rows.append(later)

    change(sent / "ogtt.csv", without_60)
    change(sent / "clamp.csv", without_nitrogen)
    change(sent / "visits.csv", again)
    change(sent / "labs.csv", again)
    convert(sent, folder)
    derive(folder)
    return folder


@pytest.fixture(scope="module")
def written(derived: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adam") / "out"
    said = adam(derived, FOUND, folder)
    (folder / "said.txt").write_text(said)
    return folder


@pytest.fixture(scope="module")
def adsl(written: Path) -> pl.DataFrame:
    return pl.read_parquet(written / "adsl.parquet")


@pytest.fixture(scope="module")
def adbds(written: Path) -> pl.DataFrame:
    return pl.read_parquet(written / "adbds.parquet")


@pytest.fixture(scope="module")
def changed(derived: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Text and output of a directory without two tables, with contradictory milestones and a flagged result."""
    folder, out = tmp_path_factory.mktemp("adam") / "changed", tmp_path_factory.mktemp("adam") / "out"
    shutil.copytree(derived, folder)
    without(folder, "randomisation", "consents")
    path = folder / "disposition.parquet"
    events = pl.read_parquet(path)
    completed = events.filter((pl.col("subject_id") == TREATED) & (pl.col("ds_event") == "completed"))
    withdrawn = [
        completed.with_columns(
            pl.lit("withdrawn").cast(events.schema["ds_event"]).alias("ds_event"),
            pl.lit(reason).cast(events.schema["ds_reason"]).alias("ds_reason"),
        )
        for reason in ("other", "pregnancy")
    ]
    pl.concat([events, *withdrawn]).write_parquet(path)
    path = folder / "result_flags.parquet"
    flags = pl.read_parquet(path)
    row = dict.fromkeys(flags.columns) | {
        "table": "labs",
        "record_key": f"subject_id={TREATED}|visit=week4|visit_seq=2",
        "field": "crp_mg_l",
        "result_status": "below_limit",
        "limit_value": 0.3,
    }
    pl.concat([flags, pl.DataFrame([row], schema=flags.schema)]).write_parquet(path)
    return adam(folder, FOUND, out), out


@pytest.fixture
def copy_of_derived(derived: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(derived, tmp_path / "derived"))


def without(folder: Path, *tables: str) -> None:
    """Take tables out of a converted directory."""
    path = folder / "datapackage.json"
    package = json.loads(path.read_text())
    package["resources"] = [one for one in package["resources"] if one["name"] not in tables]
    path.write_text(json.dumps(package))
    for table in tables:
        (folder / f"{table}.parquet").unlink()


def day(adbds: pl.DataFrame, code: str, visit: str, subject: str = TREATED) -> dt.date | None:
    """The day of a parameter at a visit."""
    chosen = (pl.col("USUBJID") == subject) & (pl.col("PARAMCD") == code) & (pl.col("AVISIT") == visit)
    found: dt.date | None = adbds.filter(chosen)["ADT"].item()
    return found


class TestSubjects:
    def test_every_subject_has_one_record(self, derived: Path, adsl: pl.DataFrame) -> None:
        subjects = pl.read_parquet(derived / "subjects.parquet")
        assert adsl["USUBJID"].to_list() == sorted(subjects["subject_id"].to_list())

    def test_values_are_those_of_the_tables(self, derived: Path, adsl: pl.DataFrame) -> None:
        subjects = pl.read_parquet(derived / "subjects.parquet").sort("subject_id")
        for name, source in {"AGE": "age_yr", "TRTSDT": "first_dose_date", "RANDDT": "randomisation_date"}.items():
            assert adsl[name].to_list() == subjects[source].to_list(), name
        assert set(adsl["STUDYID"]) == {FOUND.trial.registry}

    def test_arms_are_those_assigned_and_received(self, derived: Path, adsl: pl.DataFrame) -> None:
        arms = pl.read_parquet(derived / "randomisation.parquet")
        labels = {arm.id: arm.label for arm in FOUND.trial.arms} | {"none": None}
        given = {row["subject_id"]: row for row in arms.iter_rows(named=True)}
        for row in adsl.iter_rows(named=True):
            arm = given.get(row["USUBJID"], {"arm": "none", "arm_actual": "none"})
            assert (row["TRT01P"], row["TRT01A"]) == (labels[arm["arm"]], labels[arm["arm_actual"]])
        assert adsl["TRT01P"].n_unique() == 3

    def test_flags_say_who_belongs_to_each_population(self, derived: Path, adsl: pl.DataFrame) -> None:
        tables = {name: [derived / f"{name}.parquet"] for name in ("subjects", "consents")}
        with open_relations(FOUND, tables) as con:
            for population in CARDS.populations.values():
                members = dict(con.execute(population.members).fetchall())
                flags = {True: "Y", False: "N", None: None}
                expected = [flags[members.get(subject)] for subject in adsl["USUBJID"]]
                assert adsl[population.code].to_list() == expected
        assert set(adsl["SAFFL"]) == {"Y", "N"}

    def test_the_end_of_the_study_has_its_reason(self, adsl: pl.DataFrame) -> None:
        stopped = adsl.filter(pl.col("EOSSTT") == "DISCONTINUED")
        assert stopped.height and stopped["DCSREAS"].null_count() == 0
        assert (
            adsl.filter(pl.col("EOSSTT") != "DISCONTINUED")["DCSREAS"].null_count()
            == adsl.filter(pl.col("EOSSTT") != "DISCONTINUED").height
        )
        assert set(adsl.filter(pl.col("RANDFL") == "N")["EOSSTT"]) == {None}
        assert set(adsl.filter(pl.col("COMPLFL") == "Y")["EOSSTT"]) == {"COMPLETED"}

    def test_everyone_has_the_variables_of_the_definition(self, adsl: pl.DataFrame) -> None:
        flags = [population.code for population in CARDS.populations.values()]
        assert adsl.columns == [variable.name for variable in FOUND.adam.subject_level.variables] + flags


class TestValues:
    def test_values_are_those_of_the_parameters(self, derived: Path, adbds: pl.DataFrame) -> None:
        codes = {card.id: card.code for card in CARDS.parameters}
        parameters = pl.read_parquet(derived / "parameters.parquet").select(
            pl.col("subject_id").alias("USUBJID"),
            pl.col("parameter").replace_strict(codes).alias("PARAMCD"),
            pl.col("visit").replace_strict(LABELS).alias("AVISIT"),
            "value", "unit", "state", "reason",
        )  # fmt: skip
        records = adbds.filter(pl.col("PARCAT1") == "PARAMETER")
        both = records.join(parameters, on=KEY, how="full", coalesce=True, validate="1:1")
        assert both.height == records.height == parameters.height
        for ours, theirs in {"AVAL": "value", "AVALU": "unit", "AVALSTAT": "state", "AVALREAS": "reason"}.items():
            assert both[ours].to_list() == both[theirs].to_list(), ours

    def test_values_are_those_of_the_endpoints(self, derived: Path, adbds: pl.DataFrame) -> None:
        codes = {card.id: card.code for card in CARDS.endpoints}
        endpoints = pl.read_parquet(derived / "endpoints.parquet").select(
            pl.col("subject_id").alias("USUBJID"),
            pl.col("endpoint_id").replace_strict(codes).alias("PARAMCD"),
            "baseline", "value", "state",
        )  # fmt: skip
        records = adbds.filter(pl.col("PARCAT1") == "ENDPOINT")
        both = records.join(endpoints, on=KEY[:2], how="full", coalesce=True, validate="1:1")
        assert both.height == records.height == endpoints.height
        for ours, theirs in {"AVAL": "value", "BASE": "baseline", "AVALSTAT": "state"}.items():
            assert both[ours].to_list() == both[theirs].to_list(), ours
        assert both["CHG"].null_count() == both.height

    def test_a_change_endpoint_is_the_change_of_its_parameter(self, adbds: pl.DataFrame) -> None:
        checked = 0
        codes = {card.id: card.code for card in CARDS.parameters}
        for card in CARDS.endpoints:
            if isinstance(card, TwoVisitsCard) and card.operation == "change":
                changes = adbds.filter(
                    (pl.col("PARAMCD") == codes[card.parameter]) & (pl.col("AVISIT") == LABELS[card.follow_up])
                )
                endpoints = adbds.filter((pl.col("PARAMCD") == card.code) & pl.col("AVAL").is_not_null())
                both = endpoints.join(changes, on="USUBJID", validate="1:1")
                assert both.height == endpoints.height
                pairs = both.select("AVAL", "CHG_right").iter_rows()
                assert all(math.isclose(one, other, rel_tol=1e-9) for one, other in pairs), card.id
                assert both["ADT"].to_list() == both["ADT_right"].to_list()
                checked += both.height
        assert checked > 100

    def test_the_change_is_the_value_less_the_baseline_and_only_after_it(self, adbds: pl.DataFrame) -> None:
        records = adbds.filter(pl.col("PARCAT1") == "PARAMETER")
        after = ~pl.col("AVISIT").is_in([LABELS[visit] for visit in BASELINES])
        possible = after & pl.col("AVAL").is_not_null() & pl.col("BASE").is_not_null()
        expected = records.with_columns(pl.when(possible).then(pl.col("AVAL") - pl.col("BASE")).alias("expected"))
        assert expected["CHG"].to_list() == expected["expected"].to_list()
        assert expected["CHG"].count() > 100

    def test_there_is_one_baseline_for_a_subject_and_parameter(self, adbds: pl.DataFrame) -> None:
        flagged = adbds.filter(pl.col("ABLFL") == "Y")
        assert flagged.select(KEY[:2]).is_duplicated().sum() == 0
        assert flagged["AVAL"].to_list() == flagged["BASE"].to_list()
        assert set(adbds["ABLFL"]) == {"Y", None}
        based = adbds.filter((pl.col("PARCAT1") == "PARAMETER") & pl.col("BASE").is_not_null())
        assert based.join(flagged, on=KEY[:2], how="anti").height == 0

    def test_how_a_value_came_about_is_its_derivation_type(self, adbds: pl.DataFrame) -> None:
        found = set(adbds.select("AVALSTAT", "DTYPE").unique().iter_rows())
        assert found == {
            ("derived", None),
            ("not_derivable", None),
            ("not_in_population", None),
            ("input_imputed_interval", "INTERP"),
            ("input_assumed", "ASSUMED"),
        }
        assert adbds.filter(pl.col("AVAL").is_null())["AVALREAS"].null_count() == 0

    def test_names_and_codes_belong_to_one_another(self, adbds: pl.DataFrame) -> None:
        pairs = adbds.select("PARAMCD", "PARAM").unique()
        assert pairs["PARAMCD"].is_unique().all() and pairs["PARAM"].is_unique().all()
        assert set(pairs["PARAMCD"]) == {card.code for card in [*CARDS.parameters, *CARDS.endpoints]}
        names = parameter_names(FOUND)
        assert names["hba1c"] == "Glycated haemoglobin (%)"
        assert names["EP01"] == "EP01 HbA1c change at 13 weeks (%)"
        assert names["proinsulin_insulin"] == "Fasting proinsulin/insulin ratio"
        visits = adbds.select("PARAMCD", "AVISIT", "AVISITN").unique()
        assert visits.select("PARAMCD", "AVISIT").is_duplicated().sum() == 0
        assert visits.select("PARAMCD", "AVISITN").is_duplicated().sum() == 0

    def test_no_number_is_nan(self, adsl: pl.DataFrame, adbds: pl.DataFrame) -> None:
        for frame in (adsl, adbds):
            for column in frame.select(pl.selectors.float()):
                assert not column.is_nan().any() and not column.is_infinite().any()

    def test_records_of_a_subject_have_the_variables_of_the_subject(
        self, adsl: pl.DataFrame, adbds: pl.DataFrame
    ) -> None:
        both = adbds.join(adsl, on="USUBJID", validate="m:1")
        for name, source in {"TRTP": "TRT01P", "TRTA": "TRT01A", "SAFFL": "SAFFL_right", "AGE": "AGE_right"}.items():
            assert both[name].to_list() == both[source].to_list(), name


class TestDays:
    def test_there_is_no_day_0(self, adbds: pl.DataFrame) -> None:
        dated = adbds.filter(pl.col("ADY").is_not_null())
        assert 0 not in set(dated["ADY"])
        for row in dated.select("ADT", "TRTSDT", "ADY").unique().iter_rows(named=True):
            distance = (row["ADT"] - row["TRTSDT"]).days
            assert row["ADY"] == distance + (distance >= 0)
        assert {-1, 1} <= {(day > 0) - (day < 0) for day in dated["ADY"]}

    def test_a_repeat_of_a_visit_dates_only_the_results_it_has(self, derived: Path, adbds: pl.DataFrame) -> None:
        labs = pl.read_parquet(derived / "labs.parquet").filter(
            (pl.col("subject_id") == TREATED) & (pl.col("visit") == "week4")
        )
        first, second = (row["collected_ts"].date() for row in labs.sort("visit_seq").iter_rows(named=True))
        assert second - first == dt.timedelta(days=3)
        chosen = (pl.col("USUBJID") == TREATED) & (pl.col("AVISIT") == "Week 4") & (pl.col("PARAMCD") == "HBA1C")
        assert adbds.filter(chosen)["AVAL"].item() == 9.9
        assert day(adbds, "HBA1C", "Week 4") == second
        assert day(adbds, "CRP", "Week 4") == first
        assert day(adbds, "EP02", "Week 4") == second

    def test_each_table_has_its_own_day(self, derived: Path, adbds: pl.DataFrame) -> None:
        def sent(table: str, column: str, **where: object) -> dt.date | None:
            frame = pl.read_parquet(derived / f"{table}.parquet")
            for name, wanted in where.items():
                frame = frame.filter(pl.col(name) == wanted)
            found: dt.date | None = frame[column].item()
            return found

        subject = pl.read_parquet(derived / "clamp.parquet")["subject_id"][0]
        clamp = sent("clamp", "clamp_date", subject_id=subject, visit="clamp_baseline")
        test = sent("stimulation_tests", "ogtt_date", subject_id=subject, visit="baseline")
        assert clamp and test and clamp > test
        for code in ("MVALUE", "MI", "GLUCOX"):
            assert day(adbds, code, "Baseline", subject) == clamp
        for code in ("CPAUCO", "CPAUCC", "HOMAS", "GLUCF"):
            assert day(adbds, code, "Baseline", subject) == test
        visit = sent("visits", "visit_date", subject_id=subject, visit="baseline", visit_seq=1)
        for code in ("WEIGHT", "BMI", "BSA", "RETINOP"):
            assert day(adbds, code, "Baseline", subject) == visit
        home = sent("home_glucose", "measured_date", subject_id=subject, week=3)
        assert home and day(adbds, "HOMEFPG", "Week 3", subject) == home
        for code in ("HEIGHT", "AGE", "MALE"):
            assert day(adbds, code, "Baseline", subject) is None


class TestFiles:
    @pytest.mark.parametrize("name", ["adsl", "adbds"])
    def test_the_transport_file_holds_what_the_parquet_file_holds(self, written: Path, name: str) -> None:
        ours = pl.read_parquet(written / f"{name}.parquet")
        theirs, about = pyreadstat.read_xport(written / f"{name}.xpt", output_format="polars")
        assert (about.table_name, theirs.columns) == (name.upper(), ours.columns)
        for column, kind in ours.schema.items():
            expected = ours[column].to_list()
            found = theirs[column].to_list()
            if kind == pl.String:
                assert [text or None for text in found] == expected, column
            else:
                # 56 bits of a SAS number hold the 53 of ours
                assert found == expected, column
            if kind == pl.Date:
                assert about.original_variable_types[column] == "DATE9", column

    @pytest.mark.parametrize("name", ["adsl", "adbds"])
    def test_labels_are_in_both_files(self, written: Path, name: str) -> None:
        _, about = pyreadstat.read_xport(written / f"{name}.xpt", metadataonly=True, output_format="polars")
        schema = pq.read_schema(written / f"{name}.parquet")
        labels = [schema.field(column).metadata[b"label"].decode() for column in schema.names]
        assert about.column_labels == labels
        assert all(1 <= len(label) <= 40 and label.isascii() for label in labels)
        assert all(len(column) <= 8 for column in schema.names)
        assert about.file_label == schema.metadata[b"label"].decode()

    def test_our_own_reader_reads_the_transport_file(self, written: Path, adsl: pl.DataFrame) -> None:
        table = open_table(SourceFile("subjects", written / "adsl.xpt", "adsl.xpt", "statistical"))
        cells = pl.concat([batch.cells for batch in table])
        assert table.header == adsl.columns and not table.problems
        found = cells.select(adsl.columns).to_dict(as_series=False)
        for column in adsl:
            assert found[column.name] == [None if value is None else str(value) for value in column], column.name

    def test_equal_input_gives_equal_bytes(self, derived: Path, written: Path, tmp_path: Path) -> None:
        adam(derived, FOUND, tmp_path / "again")
        for path in sorted(written.glob("ad*")):
            assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes(), path.name

    @pytest.mark.r
    def test_r_reads_the_transport_files(self, written: Path, adbds: pl.DataFrame) -> None:
        if shutil.which("Rscript") is None:
            missing("R")
        script = f"""
        if (!requireNamespace("haven", quietly = TRUE)) quit(status = 77)
        data <- haven::read_xpt("{written / "adbds.xpt"}")
        cat(sprintf("%d %.17g %s %s\\n", nrow(data), sum(data$AVAL, na.rm = TRUE), sum(is.na(data$AVAL)),
            sum(as.numeric(data$ADT - as.Date("2000-01-01")), na.rm = TRUE)))
        cat(attr(data$CHG, "label"), class(data$ADT), "\\n")
        """
        done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=False)
        if done.returncode == 77:
            missing("haven, a package of R,")
        assert done.returncode == 0, done.stderr
        first, second = done.stdout.splitlines()
        rows, total, empty, days = first.split()
        assert (int(rows), int(empty)) == (adbds.height, adbds["AVAL"].null_count())
        assert math.isclose(float(total), adbds["AVAL"].sum(), rel_tol=1e-9)
        assert float(days) == sum((day - dt.date(2000, 1, 1)).days for day in adbds["ADT"].drop_nulls())
        assert second.split() == ["Change", "from", "Baseline", "Date"]

    @given(st.text())
    def test_a_text_of_a_transport_file_is_short_and_ascii(self, text: str) -> None:
        kept = transport_text(text)
        assert kept.isascii() and len(kept) <= LONGEST_TEXT and kept == kept.rstrip(" ")
        assert transport_text(kept) == kept

    def test_texts_that_had_to_change_are_counted(self, tmp_path: Path) -> None:
        frame = pl.DataFrame({"A": ["Prøve", "Überhöht", "x" * 300, "plain", None], "N": [1.5, None, 2.0, 3.0, 1e-7]})
        changed = write_transport_file(tmp_path / "a.xpt", "A", "All", frame, {"A": "Text", "N": "Number"})
        found, _ = pyreadstat.read_xport(tmp_path / "a.xpt", output_format="polars")
        assert changed == 3
        assert found["A"].to_list() == ["Pr?ve", "Uberhoht", "x" * 200, "plain", ""]
        assert found["N"].to_list() == frame["N"].to_list()


class TestWhatIsSaid:
    def test_an_output_with_arms_is_said_to_be_unblinded(self, written: Path) -> None:
        said = (written / "said.txt").read_text()
        assert "This output is unblinded: TRT01P, TRT01A, IL1RA, EP24 reveal the arm." in said
        assert "The data are synthetic." in said

    def test_without_the_randomisation_the_arms_are_left_out(self, copy_of_derived: Path, tmp_path: Path) -> None:
        without(copy_of_derived, "randomisation", "labs_restricted")
        for name, column, id in (("parameters", "parameter", "il1ra"), ("endpoints", "endpoint_id", "EP24")):
            path = copy_of_derived / f"{name}.parquet"
            is_restricted = pl.col(column) == id
            frame = pl.read_parquet(path).with_columns(pl.when(~is_restricted).then("value").alias("value"))
            frame.write_parquet(path)
        said = adam(copy_of_derived, FOUND, tmp_path / "out")
        assert "TRT01P and TRT01A are left out: of randomisation there is nothing here." in said
        assert "unblinded" not in said
        assert "No arm is in it, but these can hint at the arm: DCSREAS" in said and "CRP" in said
        for name in ("adsl", "adbds"):
            columns = pl.read_parquet_schema(tmp_path / "out" / f"{name}.parquet")
            assert not [column for column in columns if column.startswith("TRT") and not column.endswith("DT")]


class TestChangedTables:
    def test_the_restricted_results_alone_reveal_the_arm(self, changed: tuple[str, Path]) -> None:
        assert "This output is unblinded: IL1RA, EP24 reveal the arm." in changed[0]
        assert "TRT01P and TRT01A are left out: of randomisation there is nothing here." in changed[0]

    def test_a_flag_is_left_out_when_nothing_says_who_belongs(self, changed: tuple[str, Path]) -> None:
        assert "CLAMPFL is left out: of consents there is nothing here." in changed[0]
        assert "CLAMPFL" not in pl.read_parquet_schema(changed[1] / "adsl.parquet")
        assert "SAFFL" in pl.read_parquet_schema(changed[1] / "adsl.parquet")

    def test_milestones_that_contradict_each_other_give_no_status(self, changed: tuple[str, Path]) -> None:
        adsl = pl.read_parquet(changed[1] / "adsl.parquet")
        row = adsl.filter(pl.col("USUBJID") == TREATED).row(0, named=True)
        assert row["EOSSTT"] is None and row["DCSREAS"] is None
        assert "DCSREAS is empty for 1 subjects whose records have several different values." in changed[0]

    def test_a_repeat_beyond_a_limit_dates_its_result(self, changed: tuple[str, Path], adbds: pl.DataFrame) -> None:
        records = pl.read_parquet(changed[1] / "adbds.parquet")
        later = day(records, "HBA1C", "Week 4")
        assert day(records, "CRP", "Week 4") == later
        assert day(records, "IL6", "Week 4") != later
        assert day(adbds, "CRP", "Week 4") != later


class TestNotDerived:
    @pytest.mark.parametrize("missing", ["parameters.parquet", "endpoints.parquet"])
    def test_a_directory_that_was_not_derived(self, copy_of_derived: Path, tmp_path: Path, missing: str) -> None:
        (copy_of_derived / missing).unlink()
        with pytest.raises(InputError, match=f"has no {missing}; run `anakinra-t2d derive` on it first"):
            adam(copy_of_derived, FOUND, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_a_directory_that_was_not_converted(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="convert"):
            adam(tmp_path, FOUND, tmp_path / "out")
        with pytest.raises(InputError, match="no directory"):
            adam(tmp_path / "nowhere", FOUND, tmp_path / "out")

    def test_a_file_that_is_something_else(self, copy_of_derived: Path, tmp_path: Path) -> None:
        path = copy_of_derived / "parameters.parquet"
        pl.read_parquet(path).drop("state").with_columns(value=pl.lit("1")).write_parquet(path)
        with pytest.raises(InputError, match=r"value, state missing or of another type"):
            adam(copy_of_derived, FOUND, tmp_path / "out")
        path.write_text("no parquet")
        with pytest.raises(InputError, match="not a Parquet file that can be read"):
            adam(copy_of_derived, FOUND, tmp_path / "out")

    @pytest.mark.parametrize("edit", ["another", "unit", "fewer"])
    def test_values_of_other_cards(self, copy_of_derived: Path, tmp_path: Path, edit: str) -> None:
        path = copy_of_derived / "parameters.parquet"
        frame = pl.read_parquet(path)
        is_hba1c = pl.col("parameter") == "hba1c"
        changed = {
            "another": frame.with_columns(
                pl.when(is_hba1c).then(pl.lit("a1c")).otherwise("parameter").alias("parameter")
            ),
            "unit": frame.with_columns(pl.when(is_hba1c).then(pl.lit("mmol/mol")).otherwise("unit").alias("unit")),
            "fewer": frame.filter(~is_hba1c),
        }
        changed[edit].write_parquet(path)
        with pytest.raises(InputError, match=r"derived with other definitions .*hba1c.*differ"):
            adam(copy_of_derived, FOUND, tmp_path / "out")

    def test_nobody_was_randomised(self, copy_of_derived: Path, tmp_path: Path) -> None:
        for name in ("parameters", "endpoints"):
            path = copy_of_derived / f"{name}.parquet"
            pl.read_parquet(path).clear().write_parquet(path)
        adam(copy_of_derived, FOUND, tmp_path / "out")
        found, _ = pyreadstat.read_xport(tmp_path / "out" / "adbds.xpt", output_format="polars")
        assert found.height == 0 and "AVAL" in found.columns

    def test_there_are_no_subjects(self, copy_of_derived: Path, tmp_path: Path) -> None:
        without(copy_of_derived, "subjects")
        with pytest.raises(InputError, match="no record of subjects"):
            adam(copy_of_derived, FOUND, tmp_path / "out")

    def test_values_of_unknown_subjects(self, copy_of_derived: Path, tmp_path: Path) -> None:
        path = copy_of_derived / "endpoints.parquet"
        frame = pl.read_parquet(path)
        frame.with_columns(pl.col("subject_id").replace(TREATED, "XX01-999")).write_parquet(path)
        with pytest.raises(InputError, match="1 subjects with derived values") as caught:
            adam(copy_of_derived, FOUND, tmp_path / "out")
        assert "XX01-999" not in str(caught.value)

    def test_a_folder_with_other_files_is_not_replaced(self, derived: Path, tmp_path: Path) -> None:
        (tmp_path / "mine.txt").write_text("mine")
        with pytest.raises(OutputError, match="holds other files"):
            adam(derived, FOUND, tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_new_card_appears_by_itself(copy_of_derived: Path, tmp_path: Path) -> None:
    level = next(card for card in CARDS.endpoints if isinstance(card, LevelCard) and card.id == "BL06")
    data = level.model_dump(mode="json") | {"id": "XX01", "code": "XX01", "label": "C-peptide later", "visit": "week13"}
    cards = CARDS.model_dump(mode="json", by_alias=True)
    cards["endpoints"].append(data)
    found = dataclasses.replace(FOUND, endpoints=Endpoints.model_validate_json(json.dumps(cards), strict=True))
    with pytest.raises(InputError, match="XX01 differ"):
        adam(copy_of_derived, found, tmp_path / "out")

    path = copy_of_derived / "endpoints.parquet"
    endpoints = pl.read_parquet(path)
    later = pl.read_parquet(copy_of_derived / "parameters.parquet").filter(
        (pl.col("parameter") == level.parameter) & (pl.col("visit") == "week13")
    )
    more = later.with_columns(endpoint_id=pl.lit("XX01"), baseline=pl.lit(None, pl.Float64), follow_up=pl.col("value"))
    pl.concat([endpoints, more.select(endpoints.columns)]).write_parquet(path)
    adam(copy_of_derived, found, tmp_path / "out")
    new = pl.read_parquet(tmp_path / "out" / "adbds.parquet").filter(pl.col("PARAMCD") == "XX01")
    assert set(new["PARAM"]) == {"XX01 C-peptide later (pmol/L)"} and set(new["AVISIT"]) == {"Week 13"}
    assert new["AVAL"].to_list() == later.sort("subject_id")["value"].to_list()
    assert new["AVAL"].count() > 5 and new["ADT"].count() >= new["AVAL"].count()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("field: subjects.age_yr", "field: subjects.age", "there is no field of subjects 'age'"),
        ("field: subjects.age_yr", "field: sites.country", "there is no field of sites 'subject_id'"),
        ("name: AGE,", "name: SAFFL,", "the variable SAFFL stands 2 times"),
        (", none: null}", "}", "'none' has no term here"),
        (", none: null}", ", none: null, other: X}", "'other' is no code of randomisation.arm_actual"),
        ("codelist: disposition_reason", "codelist: reasons", "there is no codelist 'reasons'"),
        ("treated: Safety", "safe: Safety", "there is no population 'safe'"),
        ("TRTP: TRT01P", "TRTP: TRT02P", "there is no variable of the subjects 'TRT02P'"),
        ("study_day_from: TRTSDT", "study_day_from: RFSTDT", "there is no variable of the subjects 'RFSTDT'"),
        ("usual_date: visits.visit_date", "usual_date: visits.visit", "visits.visit is no date"),
        ("clamp: clamp.clamp_date", "clamps: clamp.clamp_date", "there is no table 'clamps'"),
        ("{id: week4, label: Week 4,", "{id: week5, label: Week 4,", "the id week5 stands 2 times"),
        (
            "{id: week4, label: Week 4,",
            "{id: week5, label: Week 4,",
            "the analysis visit 'week4' of the parameter hba1c is",
        ),
        ("number: 4}", "number: 4, baseline: true}", "the parameter hba1c has the baselines baseline, week4"),
    ],
)
def test_a_mistake_in_the_definition_names_its_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = spoil(tmp_path, old, new)
    source = read_yaml(path, "schema/adam.yaml")
    changed = Adam.model_validate_json(json.dumps(source.data), strict=True)
    problems = adam_problems(
        dataclasses.replace(FOUND, adam=changed, sources={**FOUND.sources, "schema/adam.yaml": source})
    )
    assert any(words in one and one.startswith("schema/adam.yaml:") for one in problems), problems


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("label: Age,", "label: Age of the subject in completed years at screening,", "should match pattern"),
        ("label: Age,", "label: Ålder,", "should match pattern"),
        ("name: AGE,", "name: AGEINYEARS,", "should match pattern"),
        ("constant: YEARS", "constant: YEARS, trial: name", "a variable has one source"),
        ("      type: text\n", "", "a query needs the type of its value"),
        ("      codelist: disposition_reason", "      terms: {a: b}", "terms stand for the codes of a field"),
        ("input_assumed: ASSUMED", "assumed: ASSUMED", "Input should be 'derived'"),
    ],
)
def test_what_a_definition_cannot_say(tmp_path: Path, old: str, new: str, words: str) -> None:
    source = read_yaml(spoil(tmp_path, old, new), "schema/adam.yaml")
    with pytest.raises(ValidationError, match=words):
        Adam.model_validate_json(json.dumps(source.data), strict=True)


def test_the_definition_is_checked_when_it_is_loaded(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "schema", tmp_path / "schema")
    shutil.copy(spoil(tmp_path, "field: subjects.age_yr", "field: subjects.age"), tmp_path / "schema" / "adam.yaml")
    with pytest.raises(SchemaError) as caught:
        load(tmp_path)
    lines = (ROOT / "schema" / "adam.yaml").read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "name: AGE," in text)
    assert caught.value.problems == [
        f"schema/adam.yaml:{line}: subject_level.variables.4.field: there is no field of subjects 'age'"
    ]


def spoil(folder: Path, old: str, new: str) -> Path:
    """A copy of the definition with a change."""
    text = (ROOT / "schema" / "adam.yaml").read_text(encoding="utf-8")
    assert old in text
    path = folder / "adam.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path
