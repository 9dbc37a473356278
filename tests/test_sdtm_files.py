"""A trial as SDTM reads as the trial, whatever the format; another study is read and said to be another."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from decimal import Decimal
from itertools import islice
from pathlib import Path

import polars as pl
import pytest

import anakinra_t2d as trial
from anakinra_t2d.conversion.outcome import Outcome
from anakinra_t2d.schema import definitions
from anakinra_t2d.simulation.layouts import SentFile, canonical_texts, render
from anakinra_t2d.simulation.layouts.write import write_file

PILOT = Path(__file__).parents[2] / "shared" / "real" / "cdisc_pilot"
PILOT_ROWS = 400
FOUND = definitions()
SDTM = FOUND.profiles["sdtm"]
OF_READING = {"FILE", "HEAD", "ROW", "CELL", "UNIT", "TEST", "SRC", "LIST"}

needs_pilot = pytest.mark.skipif(not PILOT.is_dir(), reason="the CDISC pilot study is not on this machine")

Texts = dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def texts(sound_trial: Path) -> Texts:
    """The canonical tables of a small trial, with two unscheduled visits of one patient."""
    found = {path.stem: pl.read_csv(path, infer_schema=False) for path in sound_trial.glob("*.csv")}
    patient = found["randomisation"]["subject_id"][0]
    for name in ("visits", "vitals", "labs"):
        frame = found[name]
        week4 = frame.filter((pl.col("subject_id") == patient) & (pl.col("visit") == "week4"))
        more = [
            week4.with_columns(pl.lit("unscheduled").alias("visit"), pl.lit(number).alias("visit_seq"))
            for number in ("1", "2")
        ]
        found[name] = pl.concat([frame, *more])
    return found


@pytest.fixture(scope="module")
def files(texts: Texts) -> list[SentFile]:
    return render(SDTM, texts, FOUND)


def write_dataset_json(file: SentFile, folder: Path) -> None:
    """The same cells as Dataset-JSON 1.1, numbers as numbers."""
    sheet = file.sheets[0]
    kinds = {
        name: "double" if any(isinstance(row[place], Decimal) for row in sheet.rows) else "string"
        for place, name in enumerate(sheet.header)
    }
    stem = file.name.partition(".")[0].upper()
    document = {
        "datasetJSONCreationDateTime": "2006-03-01T12:00:00",
        "datasetJSONVersion": "1.1.0",
        "itemGroupOID": f"IG.{stem}",
        "records": len(sheet.rows),
        "name": stem,
        "label": stem,
        "columns": [
            {"itemOID": f"IT.{stem}.{name}", "name": name, "label": name, "dataType": kind}
            for name, kind in kinds.items()
        ],
        "rows": [[float(cell) if isinstance(cell, Decimal) else cell for cell in row] for row in sheet.rows],
    }
    (folder / f"{stem.lower()}.json").write_text(json.dumps(document), encoding="utf-8")


def write_as(files: list[SentFile], ending: str, folder: Path) -> Path:
    folder.mkdir()
    for file in files:
        if ending == "json":
            write_dataset_json(file, folder)
        else:
            stem = file.name.partition(".")[0]
            write_file(SentFile(f"{stem}.{ending}", file.sheets, file.encoding, file.delimiter), folder)
    return folder


def converted(folder: Path) -> Texts:
    """The tables that the converter wrote, as canonical texts in the order of their keys."""
    return {
        path.stem: canonical_texts(path.stem, pl.read_parquet(path), FOUND).sort(FOUND.tables[path.stem].key)
        for path in folder.glob("*.parquet")
        if path.stem in FOUND.tables and FOUND.tables[path.stem].role != "lineage"
    }


class TestThereAndBack:
    def test_the_data_sets_of_a_trial_read_as_the_trial(
        self, texts: Texts, files: list[SentFile], tmp_path: Path
    ) -> None:
        folder = write_as(files, "xpt", tmp_path / "sent")
        # no profile is named: the data sets are recognised
        outcome = trial.convert(folder, out=tmp_path / "read")
        assert not [finding.message for finding in outcome.findings if finding.code.partition("-")[0] in OF_READING]
        assert all(account.rows_read == account.rows_taken > 0 for account in outcome.sheets)
        read = converted(tmp_path / "read")
        assert set(read) == set(texts)
        for name, frame in texts.items():
            assert read[name].columns == frame.columns
            assert read[name].equals(frame.sort(FOUND.tables[name].key)), name

    def test_one_domain_says_the_same_in_every_format(self, files: list[SentFile], tmp_path: Path) -> None:
        wanted = ("dm.xpt", "xd.xpt", "mh.xpt", "sv.xpt", "xv.xpt", "vs.xpt", "ys.xpt")
        some = [file for file in files if file.name in wanted]
        read = {}
        for ending in ("xpt", "csv", "json"):
            trial.convert(write_as(some, ending, tmp_path / ending), out=tmp_path / f"read_{ending}")
            read[ending] = converted(tmp_path / f"read_{ending}")
        assert read["xpt"]["vitals"].height > 0
        for ending in ("csv", "json"):
            assert set(read[ending]) == set(read["xpt"])
            for name, frame in read["xpt"].items():
                assert read[ending][name].equals(frame), f"{name} from {ending}"


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """What is found in the first rows of the files of the pilot, in all of DM."""
    folder = tmp_path_factory.mktemp("pilot")
    found = {"dm.xpt": trial.validate(PILOT / "dm.xpt")}
    for name in ("dm", "ae", "vs", "lb", "ds", "sv", "ex"):
        with (PILOT / f"{name}.csv").open(encoding="utf-8") as file:
            (folder / f"{name}.csv").write_text("".join(islice(file, PILOT_ROWS)), encoding="utf-8")
        found[f"{name}.csv"] = trial.validate(folder / f"{name}.csv")
    return found


@needs_pilot
class TestPilot:
    """The CDISC pilot is another study: it can be read, and what does not fit is said."""

    @pytest.mark.parametrize("name", ["dm.csv", "dm.xpt", "ae.csv", "vs.csv", "lb.csv"])
    def test_another_study_is_said_once_for_a_file(self, pilot: dict[str, Outcome], name: str) -> None:
        found = [finding for finding in pilot[name].findings if finding.code == "HEAD-007"]
        assert [finding.location.column for finding in found] == ["STUDYID"]

    def test_every_row_is_taken_left_or_unread(self, pilot: dict[str, Outcome]) -> None:
        for name, outcome in pilot.items():
            (account,) = outcome.sheets
            assert account.rows_read > 0, name
            assert account.rows_read == account.rows_taken + account.rows_left + account.rows_unread, name

    def test_transport_file_and_text_file_give_the_same_findings(self, pilot: dict[str, Outcome]) -> None:
        both = [
            Counter((f.code, f.field, tuple(f.key.items()), f.value) for f in pilot[name].findings)
            for name in ("dm.csv", "dm.xpt")
        ]
        assert both[0] == both[1]
        assert both[0].total() > 100

    def test_tests_without_a_field_are_named(self, pilot: dict[str, Outcome]) -> None:
        findings = pilot["lb.csv"].findings
        messages = [finding.message for finding in findings if finding.code == "TEST-001"]
        assert any("test BILI;" in message for message in messages)
        assert not [
            message for message in messages for code in ("GLUC", "HGB", "K", "ALT") if f"test {code};" in message
        ]
        left = [finding.message for finding in findings if finding.code == "ROW-004"]
        assert len(left) == 1
        assert left[0].startswith("no table takes rows with LBCAT = OTHER")

    def test_standing_and_lying_pressures_of_one_visit_are_not_chosen_from(self, pilot: dict[str, Outcome]) -> None:
        fields = {finding.field for finding in pilot["vs.csv"].findings if finding.code == "TEST-002"}
        assert fields >= {"sbp_mmhg", "dbp_mmhg"}

    def test_answers_of_other_scales_become_findings(self, pilot: dict[str, Outcome]) -> None:
        findings = pilot["ae.csv"].findings
        odd = {finding.value for finding in findings if finding.code == "LIST-001" and finding.field == "ae_related"}
        assert odd == {"PROBABLE", "REMOTE"}

    def test_trial_design_beside_patients_is_no_error(self, tmp_path: Path) -> None:
        for name in ("dm.xpt", "ti.csv", "ts.xpt"):
            shutil.copy(PILOT / name, tmp_path / name)
        outcome = trial.validate(tmp_path)
        of_design = [finding for finding in outcome.findings if finding.location.file in ("ti.csv", "ts.xpt")]
        assert not [finding.message for finding in of_design if finding.severity == "error"]
        read = {account.file: (account.rows_read, account.rows_left) for account in outcome.sheets}
        assert read["ti.csv"] == (31, 0)
        assert read["ts.xpt"] == (48, 0)


class TestOneFile:
    def read(self, folder: Path, name: str, text: str) -> tuple[Outcome, Path]:
        (folder / name).write_text(text, encoding="utf-8")
        return trial.convert(folder / name, out=folder / "out"), folder / "out"

    def test_a_missing_repetition_is_the_first(self, tmp_path: Path) -> None:
        head = "STUDYID,DOMAIN,USUBJID,VISIT,VSTESTCD,VSORRES,VSORRESU\n"
        row = "NCT00303394,VS,NCT00303394-DK01-001,WEEK 4,WEIGHT,200,LB\n"
        outcome, _ = self.read(tmp_path, "vs.csv", head + row)
        keys = [dict(finding.key) for finding in outcome.findings if finding.code == "REF-001"]
        assert {"subject_id": "DK01-001", "visit": "week4", "visit_seq": "1"} in keys

    def test_urine_among_chemistry_is_not_taken_for_blood(self, tmp_path: Path) -> None:
        head = "STUDYID,DOMAIN,USUBJID,VISIT,LBCAT,LBSPEC,LBTESTCD,LBORRES,LBORRESU,LBNAM,LBDTC,LBTPTREF,LBTPTNUM\n"
        row = "NCT00303394,LB,NCT00303394-DK01-001,WEEK 4,CHEMISTRY,URINE,CREAT,8.1,mmol/L,LAB_DK,2004-05-05T08:00,,\n"
        outcome, _ = self.read(tmp_path, "lb.csv", head + row)
        assert [account.rows_left for account in outcome.sheets] == [1]
        assert "ROW-004" in {finding.code for finding in outcome.findings}

    def test_a_partial_date_is_kept_as_such(self, tmp_path: Path) -> None:
        rows = "STUDYID,DOMAIN,USUBJID,AESEQ,AESTDTC\nNCT00303394,AE,NCT00303394-DK01-001,1,2004-03\n"
        _, out = self.read(tmp_path, "ae.csv", rows)
        flags = pl.read_parquet(out / "result_flags.parquet")
        assert flags.select("field", "value_raw").rows() == [("ae_start_date", "2004-03")]

    def test_a_whole_date_of_birth_is_a_finding(self, tmp_path: Path) -> None:
        rows = "STUDYID,DOMAIN,USUBJID,SITEID,BRTHDTC\nNCT00303394,DM,NCT00303394-DK01-001,DK01,1950-05-03\n"
        outcome, _ = self.read(tmp_path, "dm.csv", rows)
        found = [finding for finding in outcome.findings if finding.field == "birth_year"]
        assert [finding.severity for finding in found] == ["error"]
