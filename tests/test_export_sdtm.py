"""Converted data as SDTM data sets: the converter reads the same tables in them again."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pyreadstat
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

import anakinra_t2d as trial
from anakinra_t2d.cli.export.sdtm import sdtm as command
from anakinra_t2d.harmonise.cells import CellReader
from anakinra_t2d.harmonise.notation import Notation
from anakinra_t2d.schema.sites import FieldLayout
from anakinra_t2d.standards.canonical_text import canonical_text, number_text
from anakinra_t2d.standards.sdtm import sdtm
from anakinra_t2d.standards.sdtm_cells import (
    FLAG,
    LIMIT,
    NO_TERM,
    NOT_HELD,
    RAW,
    READ_OTHERWISE,
    RECORD,
    STATUS,
    CellWriter,
    Losses,
)
from anakinra_t2d.standards.sdtm_metadata import sdtm_datasets, sdtm_profile
from anakinra_t2d.standards.sdtm_notes import NOTES
from anakinra_t2d.standards.sdtm_terms import shortened, submitted_terms
from conftest import made_once
from gaps import gaps
from tools import missing

FOUND = trial.definitions()
DATASETS = {dataset.name: dataset for dataset in sdtm_datasets(FOUND)}
OF_READING = ("HEAD", "SRC", "TEST", "ROW", "CELL", "UNIT", "LIST", "SUBJ")


@pytest.fixture(scope="module")
def sound(converted_trial: Path) -> Path:
    """A converted trial."""
    return converted_trial


@pytest.fixture(scope="module")
def spoiled(sound_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A converted trial with gaps, results that are no number and rejected rows."""

    def make(folder: Path) -> None:
        shutil.copytree(sound_trial, folder / "sent")
        gaps(folder / "sent")
        outcome = trial.convert(folder / "sent", out=folder / "converted")
        assert outcome.errors > 0
        assert trial.read(folder / "converted").rejected.height > 0

    return made_once(tmp_path_factory, "sdtm_spoiled", make) / "converted"


@pytest.fixture(scope="module")
def blinded(spoiled: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The SDTM data sets of the spoiled trial without restricted ones, and what the command says."""
    out = tmp_path_factory.mktemp("blinded") / "sdtm"
    result = run("--data", spoiled, "--out", out)
    assert result.exit_code == 0, result.stderr
    return out, result.output


@pytest.fixture(scope="module")
def exported(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SDTM data sets of the sound trial, restricted ones among them."""
    return made_once(tmp_path_factory, "sdtm_exported", lambda folder: sdtm(sound, FOUND, folder, unblinded=True))


def tables_of(folder: Path) -> dict[str, pl.DataFrame]:
    """The tables of a converted directory, sorted by their keys, without lineage and empty tables."""
    read = trial.read(folder)
    frames = {
        name: read[name].with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String)).sort(FOUND.tables[name].key)
        for name in read
        if name in FOUND.tables and FOUND.tables[name].role != "lineage"
    }
    return {name: frame for name, frame in frames.items() if frame.height}


def data_set(folder: Path, name: str) -> pl.DataFrame:
    frame, _ = pyreadstat.read_xport(folder / f"{name.lower()}.xpt", output_format="polars")
    return pl.DataFrame(frame)


def run(*words: object) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words])


class TestThereAndBack:
    def test_every_cell_of_a_sound_trial_comes_back(self, sound: Path, exported: Path, tmp_path: Path) -> None:
        outcome = trial.convert(exported, out=tmp_path / "back")
        assert not [f.message for f in outcome.findings if f.code.partition("-")[0] in OF_READING]
        assert all(account.rows_read == account.rows_taken for account in outcome.sheets)
        wanted, found = tables_of(sound), tables_of(tmp_path / "back")
        assert set(found) == set(wanted)
        assert len(wanted) > 30
        for name, frame in wanted.items():
            assert found[name].equals(frame), name

    def test_a_trial_with_gaps_comes_back_but_for_what_the_notes_say(self, spoiled: Path, tmp_path: Path) -> None:
        said = sdtm(spoiled, FOUND, tmp_path / "sdtm", unblinded=True)
        trial.convert(tmp_path / "sdtm", out=tmp_path / "back")
        wanted, found = tables_of(spoiled), tables_of(tmp_path / "back")
        assert set(found) == set(wanted)
        assert "biopsy" not in wanted
        lost = {}
        for name, frame in wanted.items():
            assert found[name].height == frame.height, name
            for column in frame.columns:
                differ = frame[column].ne_missing(found[name][column])
                if differ.any():
                    lost[f"{name}.{column}"] = frame[column].filter(differ).to_list()
        # a mark above a letter and what is longer than a transport file allows; NA is the profile's empty cell
        assert lost == {
            "adverse_events.ae_term": ["Kløe på armen", "x" * 250],
            "adverse_events.meddra_pt": ["NA"],
            "result_flags.value_raw": ["hæmolyseret", "NA"],
        }
        counts = [line.removeprefix("Values of ").split(" that ") for line in said.splitlines() if " that " in line]
        assert sorted((place, reason.rstrip(".")) for place, reason in counts if "." in place) == [
            ("adverse_events.ae_term", f"{NOT_HELD}: 2"),
            ("adverse_events.meddra_pt", f"{READ_OTHERWISE}: 1"),
            ("result_flags.value_raw", f"{NOT_HELD}: 1"),
            ("result_flags.value_raw", f"{READ_OTHERWISE}: 1"),
        ]
        assert "NA" in set(data_set(tmp_path / "sdtm", "AE")["AEDECOD"])

    def test_the_same_tables_give_the_same_bytes(self, sound: Path, exported: Path, tmp_path: Path) -> None:
        sdtm(sound, FOUND, tmp_path / "again", unblinded=True)
        names = {path.name for path in exported.iterdir()}
        assert names == {path.name for path in (tmp_path / "again").iterdir()}
        for name in names:
            assert (exported / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


class TestDataSets:
    def test_every_file_keeps_the_limits_of_the_format(self, exported: Path) -> None:
        for path in exported.glob("*.xpt"):
            frame, facts = pyreadstat.read_xport(path, output_format="polars")
            dataset = DATASETS[path.stem.upper()]
            assert facts.table_name == dataset.name
            assert facts.file_label == dataset.label
            assert facts.column_names == [variable.name for variable in dataset.variables]
            assert facts.column_labels == [variable.label for variable in dataset.variables]
            assert max(map(len, facts.column_names)) <= 8
            assert all(0 < len(label or "") <= 40 for label in facts.column_labels)
            assert max(facts.variable_storage_width.values()) <= 200
            for variable in dataset.variables:
                kind = pl.Float64 if variable.is_number else pl.String
                assert frame[variable.name].dtype in (kind, pl.Null), variable.name

    def test_records_stand_by_their_keys_and_are_numbered(self, exported: Path) -> None:
        for path in exported.glob("*.xpt"):
            dataset, frame = DATASETS[path.stem.upper()], data_set(exported, path.stem)
            assert frame["STUDYID"].unique().to_list() == ["NCT00303394"]
            assert frame["DOMAIN"].unique().to_list() == [dataset.name]
            assert not frame.select(dataset.keys).is_duplicated().any(), dataset.name
            number = f"{dataset.name}SEQ"
            if number in frame.columns and dataset.variable(number).field is None:
                numbers = frame.group_by("USUBJID").agg(pl.col(number))[number].to_list()
                assert all(each == [float(n) for n in range(1, len(each) + 1)] for each in numbers), dataset.name

    def test_study_days_have_no_day_zero(self, exported: Path) -> None:
        days = data_set(exported, "EX")["EXSTDY"]
        assert days.min() == 1.0
        frame = data_set(exported, "LB").filter(pl.col("VISIT") == "BASELINE")
        assert set(frame["LBDY"].drop_nulls()) & {-1.0, 1.0}
        assert 0.0 not in set(frame["LBDY"])
        start = data_set(exported, "DM").filter(pl.col("RFSTDTC") != "").row(0, named=True)
        assert start["RFSTDTC"] == start["RFXSTDTC"]
        assert start["USUBJID"] == f"NCT00303394-{start['SUBJID']}"
        own = data_set(exported, "EX").filter(pl.col("USUBJID") == start["USUBJID"])
        first = own.filter(pl.col("EXSTDTC") == start["RFSTDTC"])
        assert first["EXSTDY"].to_list() == [1.0]

    def test_a_result_beyond_a_limit_is_a_result(self, blinded: tuple[Path, str]) -> None:
        folder, _ = blinded
        flagged = data_set(folder, "LB").filter(pl.col("LBSTRESC").str.contains("[<>]"))
        rows = flagged.select("LBTESTCD", "LBORRES", "LBORRESU", "LBSTRESC", "LBSTRESN").unique().rows()
        assert ("CRP", "< 0.30", "mg/L", "<0.3", None) in rows
        assert ("WBC", ">100", "10^9/L", ">100", None) in rows
        words = data_set(folder, "LB").filter(pl.col("LBORRES").is_in(["n.d.", "-", "HI"]))
        assert sorted(words["LBORRES"]) == ["-", "HI", "n.d."]
        assert set(words["LBORRESU"]) == {""}
        events = data_set(folder, "AE")
        assert "2004-05" in events["AESTDTC"].to_list()
        assert events.filter(pl.col("AESTDTC") == "2004-05")["AESTDY"].to_list() == [None]

    def test_tests_have_name_unit_and_code(self, exported: Path) -> None:
        frame = data_set(exported, "LB").filter(pl.col("LBTESTCD") == "HBA1C")
        assert set(frame.select("LBTEST", "LBORRESU", "LBSTRESU", "LBLOINC").unique().rows()) == {
            ("HbA1c", "%", "%", "4548-4")
        }
        assert frame["LBORRES"].cast(pl.Float64).equals(frame["LBSTRESN"], null_equal=True)


@pytest.mark.r
def test_r_reads_values_labels_and_units(exported: Path) -> None:
    if shutil.which("Rscript") is None:
        missing("R")
    script = f"""
        if (!requireNamespace("haven", quietly = TRUE)) quit(status = 77)
        data <- haven::read_xpt("{exported / "vs.xpt"}")
        weight <- data[data$VSTESTCD == "WEIGHT", ]
        cat(nrow(data), sum(weight$VSSTRESN, na.rm = TRUE), unique(weight$VSSTRESU), attr(data$VSTESTCD, "label"),
            sep = "\n")
    """
    done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        missing("haven, a package of R,")
    assert done.returncode == 0, done.stderr
    rows, total, unit, label = done.stdout.splitlines()
    frame = data_set(exported, "VS")
    weights = frame.filter(pl.col("VSTESTCD") == "WEIGHT")["VSSTRESN"]
    assert int(rows) == frame.height
    assert float(total) == pytest.approx(weights.sum())
    assert (unit, label) == ("kg", DATASETS["VS"].variable("VSTESTCD").label)


class TestBlinding:
    def test_restricted_tables_are_left_out_and_named(self, blinded: tuple[Path, str]) -> None:
        folder, said = blinded
        names = {path.stem.upper() for path in folder.glob("*.xpt")}
        restricted = {name for name, dataset in DATASETS.items() if dataset.restricted}
        assert restricted == {"YR", "YU", "YL"}
        assert not names & restricted
        assert "Left out because they reveal the arm: randomisation, unblinding, labs_restricted" in said
        assert set(said.splitlines()[1:-1]) <= set((folder / NOTES).read_text(encoding="utf-8").splitlines())
        flags = data_set(folder, "YF")
        assert "labs_restricted" not in set(flags["YFTABLE"])
        assert flags.height > 0

    def test_unblinded_output_says_so(self, exported: Path) -> None:
        assert (exported / "yr.xpt").exists()
        assert "This output is unblinded: randomisation, " in (exported / NOTES).read_text(encoding="utf-8")

    def test_what_has_no_place_is_said(self, exported: Path) -> None:
        text = (exported / NOTES).read_text(encoding="utf-8")
        assert "Tables without a place in SDTM by this profile: lineage." in text
        assert "lb.xpt   Laboratory Test Results (labs, ogtt, iv_stimulation): " in text
        assert str(exported.parent) not in text


class TestDescription:
    def test_every_field_of_the_profile_is_described(self) -> None:
        described = {
            place
            for dataset in DATASETS.values()
            for variable in dataset.variables
            for place in [variable.field, *((level.table, level.field) for level in variable.values)]
        }
        wanted = {
            (table.name, field) for table in FOUND.tables.values() if table.role != "lineage" for field in table.fields
        }
        assert wanted <= described

    def test_keys_are_variables_and_numbered(self) -> None:
        for dataset in DATASETS.values():
            numbered = sorted((v.key, v.name) for v in dataset.variables if v.key)
            assert [name for _, name in numbered] == list(dataset.keys)
            assert dataset.keys[0] == "STUDYID"
            assert len(dataset.label) <= 40
            assert len({variable.name for variable in dataset.variables}) == len(dataset.variables)

    def test_one_list_of_terms_has_one_content(self) -> None:
        lists: dict[str, object] = {}
        for dataset in DATASETS.values():
            for variable in dataset.variables:
                named = [(variable.codelist, variable.terms), *((v.codelist, v.terms) for v in variable.values)]
                for name, terms in named:
                    if name:
                        assert lists.setdefault(name, terms) == terms, name

    @pytest.mark.parametrize(
        ("label", "short"),
        [
            ("Body weight", "Body weight"),
            ("Raw expression of cyclophilin A (reference)", "Raw expression of cyclophilin A"),
            ("Hæmoglobin", "H?moglobin"),
            ("A label that goes on and on until it is too long", "A label that goes on and on until it is"),
            ("x" * 50, "x" * 40),
        ],
    )
    def test_long_labels_are_cut_after_a_word(self, label: str, short: str) -> None:
        assert shortened(label) == short


PROFILE = sdtm_profile(FOUND)
CODED = [
    (field, FieldLayout(column="X"))
    for table in FOUND.tables.values()
    for field in table.fields.values()
    if table.role != "lineage" and (field.codelist or field.type == "boolean")
]


class TestCells:
    @given(st.floats(allow_nan=False, allow_infinity=False, width=64))
    def test_a_number_keeps_all_its_digits(self, number: float) -> None:
        text = number_text(pl.Series([number]))[0]
        assert float(text) == number
        assert "e" not in text.lower()

    @settings(max_examples=25)
    @given(st.lists(st.one_of(st.none(), st.text(max_size=20)), min_size=1, max_size=8))
    def test_a_text_stands_and_is_counted_where_it_reads_otherwise(self, texts: list[str | None]) -> None:
        field = FOUND.tables["adverse_events"].fields["ae_term"]
        losses = Losses()
        layout = FieldLayout(column="AETERM")
        writer = CellWriter(field, layout, PROFILE, FOUND, losses)
        written = writer.write(pl.Series(field.name, texts, dtype=pl.String)).texts
        assert written.to_list() == texts
        read = CellReader(field, FOUND, Notation.of(PROFILE, field, layout, FOUND)).read(written, None).values
        differ = [one for one, other in zip(texts, read, strict=True) if one != other]
        assert losses.values[field.table, field.name, READ_OTHERWISE] == len(differ)

    def test_a_code_that_means_another_one_is_left_out(self) -> None:
        field = FOUND.tables["visits"].fields["visit"]
        losses = Losses()
        layout = FieldLayout(column="VISIT", codes={"week4": "week13", "WEEK 4": "week13"})
        written = CellWriter(field, layout, PROFILE, FOUND, losses).write(pl.Series("visit", ["week4", "week13"]))
        assert written.texts.to_list() == [None, "week4"]
        assert losses.values == {("visits", "visit", NO_TERM): 1}

    @pytest.mark.parametrize(
        ("status", "limit", "raw", "stands"),
        [
            ("below_limit", 0.3, "<0.3", True),
            ("below_limit", 0.3, "< 0.30", True),
            ("below_limit", 0.3, "<0,3", False),  # the comma of a site means nothing here
            ("below_limit", 3.0, "<0.3", False),  # it was sent in another unit
            ("haemolysed", None, "hemolysed", True),
            ("haemolysed", None, "hæmolyse", False),  # a transport file has no such letter
            ("no_result", None, "NA", False),  # an empty cell of the profile
            ("not_done", None, "hemolysed", False),
            ("not_done", None, None, False),
        ],
    )
    def test_a_flag_stands_where_it_reads_as_itself(
        self, status: str, limit: float | None, raw: str | None, stands: bool
    ) -> None:
        field = FOUND.tables["labs"].fields["crp_mg_l"]
        writer = CellWriter(field, FieldLayout(column="LBORRES"), PROFILE, FOUND, Losses())
        values = pl.Series(field.name, [1.5, None], dtype=pl.Float64)
        types = {RECORD: pl.UInt32, STATUS: pl.String, LIMIT: pl.Float64, RAW: pl.String, FLAG: pl.UInt32}
        flags = pl.DataFrame([(1, status, limit, raw, 7)], schema=types, orient="row")
        written = writer.write(values, flags)
        assert written.texts.to_list() == ["1.5", raw if stands else None]
        assert written.placed.to_list() == ([7] if stands else [])

    def test_every_code_has_a_text_that_means_it(self) -> None:
        for field, layout in CODED:
            losses = Losses()
            codes = ["true", "false"] if field.type == "boolean" else FOUND.terms(field) or []
            values = pl.Series(field.name, codes)
            values = values == "true" if field.type == "boolean" else values
            writer = CellWriter(field, layout, PROFILE, FOUND, losses)
            assert writer.write(values).texts.null_count() == 0, field.name
            assert not losses.values
            texts = [term.text.casefold() for term in submitted_terms(field, layout, PROFILE, FOUND)]
            assert len(set(texts)) == len(codes), field.name

    @given(st.datetimes())
    def test_a_moment_is_written_to_the_minute_or_exactly(self, moment: object) -> None:
        field = FOUND.tables["labs"].fields["collected_ts"]
        text = canonical_text(pl.Series([moment], dtype=pl.Datetime("us")), field)[0]
        assert pl.Series([text]).str.to_datetime(time_unit="us")[0] == moment


class TestBadInput:
    def test_a_directory_that_was_not_converted_is_refused(self, sound_trial: Path, tmp_path: Path) -> None:
        for folder in (sound_trial, tmp_path / "nowhere", sound_trial / "labs.csv"):
            result = run("--data", folder, "--out", tmp_path / "out")
            assert result.exit_code == 2
            assert "anakinra-t2d convert" in result.stderr
            assert "Traceback" not in result.output
        assert not (tmp_path / "out").exists()

    def test_an_output_that_exists_is_kept(self, sound: Path, tmp_path: Path) -> None:
        (tmp_path / "out").write_text("mine")
        result = run("--data", sound, "--out", tmp_path / "out")
        assert result.exit_code == 2
        assert "already exists" in result.stderr
        assert (tmp_path / "out").read_text() == "mine"

    def test_a_column_of_another_type_is_refused(self, sound: Path, tmp_path: Path) -> None:
        folder = _copy(sound, tmp_path)
        frame = pl.read_parquet(folder / "labs.parquet").with_columns(pl.col("hba1c_pct").cast(pl.String))
        frame.write_parquet(folder / "labs.parquet")
        result = run("--data", folder, "--out", tmp_path / "out")
        assert result.exit_code == 2
        assert "hba1c_pct of labs.parquet is of the type" in result.stderr

    def test_a_column_of_another_schema_is_refused(self, sound: Path, tmp_path: Path) -> None:
        folder = _copy(sound, tmp_path)
        frame = pl.read_parquet(folder / "labs.parquet").with_columns(pl.lit(1).alias("more"))
        frame.write_parquet(folder / "labs.parquet")
        assert "has a column more" in run("--data", folder, "--out", tmp_path / "out").stderr

    def test_errors_of_the_conversion_are_said(self, spoiled: Path, blinded: tuple[Path, str]) -> None:
        errors = json.loads((spoiled / "manifest.json").read_text())["errors"]
        assert f"The conversion found {errors} errors" in blinded[1]

    @pytest.mark.parametrize("limit", [100, 3_000])
    def test_a_full_disk_leaves_nothing(self, sound: Path, tmp_path: Path, limit: int) -> None:
        script = "import sys; from anakinra_t2d.cli.export.sdtm import sdtm; sdtm.main(sys.argv[1:])"
        words = [sys.executable, "-c", script, "--data", str(sound), "--out", str(tmp_path / "out")]

        def full() -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        done = subprocess.run(words, capture_output=True, text=True, preexec_fn=full, check=False)
        assert done.returncode == 2, done.stdout
        assert "is the disk full?" in done.stderr
        assert not list(tmp_path.iterdir())


def _copy(folder: Path, into: Path) -> Path:
    return Path(shutil.copytree(folder, into / "copy"))
