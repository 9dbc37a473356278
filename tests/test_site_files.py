"""Files as a site sends them become the tables: columns side by side, results below each other, several files."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from click.testing import CliRunner

import anakinra_t2d as trial
from anakinra_t2d.cli.main import main

PROFILE = """
title: A clinic
decimal: ","
thousands: ["'"]
dates: [dd.mm.yyyy]
missing: [k.A.]
subjects: {fields: [subject_id], sent: "P-{number}", canonical: "CH01-{number:03}"}
codes:
  visit: {V1: baseline, V2: week4, V3: week13}
  yes_no: {ja: "yes", nein: "no"}
  yes_no_unknown: {ja: "yes", nein: "no"}
sheets:
"""
WIDE = """
  - files: "visiten.csv"
    ignore: [Bemerkung]
    tables:
      - table: vitals
        same_names: false
        fields:
          subject_id: PatNr
          visit: Visite
          visit_seq: {value: "1"}
          weight_kg: Gewicht
          sbp_mmhg: {column: RR, separator: "/", part: 1, unit: "mm[Hg]"}
          dbp_mmhg: {column: RR, separator: "/", part: 2, unit: "mm[Hg]"}
      - table: ogtt
        same_names: false
        over: {field: nominal_min, values: {"-10": "-10", "0": "0", "30": "30"}}
        fields:
          subject_id: PatNr
          visit: Visite
          glucose_mmol_l: {column: "G_{over}", unit: mg/dL}
          insulin_pmol_l: {column: "Ins_{over}", unit: "m[iU]/L"}
"""
VISITS = (
    "PatNr;Visite;Gewicht (kg);RR;G_-10;G_0;G_30;Ins_-10;Ins_0;Ins_30;Bemerkung\n"
    "P-7;V1;98,2;145/83;250;251,5;;7;<3;n.d.;x\n"
    " p-7 ;V3;k.A.;n.d.;;;;;;;\n"
    "P-8;V1;101;150/90;180;;;;;;\n"
)
LONG = """
  - files: "labor*.csv"
    tables:
      - table: labs
        same_names: false
        fields:
          subject_id: PatNr
          visit: Visite
          visit_seq: {value: "1"}
          lab_id: {value: LAB_CH}
          collected_ts: {column: Entnahme}
        tests:
          column: Analyse
          result: Resultat
          unit_column: Einheit
          names: {hba1c_pct: [HbA1c], crp_mg_l: [CRP], hemoglobin_g_l: [Hämoglobin], creatinine_umol_l: [Kreatinin]}
"""
LABOR = (
    "PatNr;Visite;Entnahme;Analyse;Resultat;Einheit\n"
    "P-7;V1;28.01.2004 08:39;HbA1c;9,3;%\n"
    "P-7;V1;28.01.2004 08:39;CRP;<0,3;mg/dl\n"
    "P-8;V1;29.01.2004 08:05;hämoglobin;14,9;g/dl\n"
    "P-7;V1;28.01.2004 08:39;Hämoglobin;9,24661784783;mmol/l\n"
    "P-8;V1;29.01.2004 08:05;Kreatinin;1'256;µmol/l\n"
    "P-8;V1;29.01.2004 08:05;CRP;12;Zorkmid\n"
)


def send(folder: Path, profile: str, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "profile.yaml").write_text(PROFILE + profile, encoding="utf-8")
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def test_columns_side_by_side(tmp_path: Path) -> None:
    sent = send(tmp_path / "sent", WIDE, visiten=VISITS)
    outcome = trial.convert(sent, out=tmp_path / "out")
    out = trial.read(tmp_path / "out")
    vitals = {(r["subject_id"], r["visit"]): r for r in out["vitals"].to_dicts()}
    assert set(vitals) == {("CH01-007", "baseline"), ("CH01-007", "week13"), ("CH01-008", "baseline")}
    first = vitals["CH01-007", "baseline"]
    assert (first["weight_kg"], first["sbp_mmhg"], first["dbp_mmhg"], first["visit_seq"]) == (98.2, 145, 83, 1)
    assert vitals["CH01-007", "week13"]["weight_kg"] is None
    ogtt = out["ogtt"].select("subject_id", "nominal_min", "glucose_mmol_l", "insulin_pmol_l").rows()
    expected = [
        ("CH01-007", -10, float(Decimal(250) * Decimal("0.0555074")), 42.0),
        ("CH01-007", 0, float(Decimal("251.5") * Decimal("0.0555074")), None),
        ("CH01-007", 30, None, None),
        ("CH01-008", -10, float(Decimal(180) * Decimal("0.0555074")), None),
    ]
    assert ogtt == expected
    flags = {(f["record_key"], f["field"]): f for f in out["result_flags"].to_dicts()}
    censored = flags["subject_id=CH01-007|visit=baseline|nominal_min=0", "insulin_pmol_l"]
    assert (censored["result_status"], censored["limit_value"], censored["value_raw"]) == ("below_limit", 18, "<3")
    assert flags["subject_id=CH01-007|visit=baseline|nominal_min=30", "insulin_pmol_l"]["result_status"] == "not_done"
    assert flags["subject_id=CH01-007|visit=week13|visit_seq=1", "sbp_mmhg"]["result_status"] == "not_done"
    bad = ("CELL", "UNIT", "SUBJ", "ROW", "HEAD-006", "HEAD-003")
    assert not [finding for finding in outcome.findings if finding.code.startswith(bad)]
    (sheet,) = outcome.sheets
    assert (sheet.rows_read, sheet.rows_taken, sheet.rows_left) == (3, 3, 0)
    assert sheet.columns_ignored == ["Bemerkung"]


def test_lineage_leads_back_to_the_cell(tmp_path: Path) -> None:
    sent = send(tmp_path / "sent", WIDE, visiten=VISITS)
    trial.convert(sent, out=tmp_path / "out")
    lineage = pl.read_parquet(tmp_path / "out/lineage.parquet")
    record = "subject_id=CH01-007|visit=baseline|nominal_min=0"
    (cell,) = lineage.filter(field="glucose_mmol_l", record_key=record).to_dicts()
    assert (cell["src_file"], cell["src_row"], cell["src_column"]) == ("visiten.csv", 2, "G_0")
    assert (cell["value_raw"], cell["unit_raw"]) == ("251,5", "mg/dL")
    factor = Decimal(cell["conversion"].split("value * ")[1].split(" ")[0])
    written = trial.read(tmp_path / "out")["ogtt"].filter(pl.col("nominal_min") == 0)["glucose_mmol_l"]
    assert float(Decimal("251.5") * factor) == written[0]


def test_results_below_each_other(tmp_path: Path) -> None:
    sent = send(tmp_path / "sent", LONG, labor=LABOR)
    outcome = trial.convert(sent, out=tmp_path / "out")
    out = trial.read(tmp_path / "out")
    labs = {r["subject_id"]: r for r in out["labs"].to_dicts()}
    assert labs["CH01-007"]["hba1c_pct"] == 9.3
    assert labs["CH01-007"]["hemoglobin_g_l"] == 149
    assert labs["CH01-007"]["crp_mg_l"] is None
    assert labs["CH01-007"]["collected_ts"].isoformat() == "2004-01-28T08:39:00"
    (flag,) = out["result_flags"].to_dicts()
    assert (flag["field"], flag["result_status"], flag["limit_value"]) == ("crp_mg_l", "below_limit", 3.0)
    # the record with a unit that nobody knows is set aside whole, with its place
    assert "CH01-008" not in labs
    (unknown,) = [f for f in outcome.findings if f.code == "UNIT-001"]
    assert (unknown.location.file, unknown.location.row, unknown.location.column) == ("labor.csv", 7, "Resultat")
    assert unknown.field == "crp_mg_l"
    rejected = out.rejected.filter(pl.col("table") == "labs").to_dicts()
    assert [(r["file"], r["row"]) for r in rejected] == [("labor.csv", 4)]
    assert json.loads(rejected[0]["cells"])["hemoglobin_g_l"] == "14,9"


def test_two_files_describe_one_record(tmp_path: Path) -> None:
    sent = send(tmp_path / "sent", LONG, labor1=LABOR, labor2=LABOR.replace("HbA1c;9,3;%", "HbA1c;9,4;%"))
    outcome = trial.validate(sent)
    (differs,) = [f for f in outcome.findings if f.code == "SRC-001" and f.field == "hba1c_pct"]
    assert differs.key["subject_id"] == "CH01-007"
    assert "9.4" in differs.message
    assert differs.location.file == "labor1.csv"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("P-7;V1", "Q-7;V1", "SUBJ-017"),
        ("P-7;V1", "P-7;V9", "LIST-001"),
        ("98,2", "98.2.1", "CELL-001"),
        ("145/83", "145", "CELL-009"),
        ("Gewicht (kg)", "Gewicht (stones)", "UNIT-001"),
        ("Gewicht (kg)", "Gewicht", "UNIT-002"),
        ("Bemerkung", "Notiz", "HEAD-003"),
        ("PatNr", "Patient", "HEAD-006"),
    ],
)
def test_what_does_not_fit_is_a_finding_with_its_place(tmp_path: Path, old: str, new: str, code: str) -> None:
    sent = send(tmp_path / "sent", WIDE, visiten=VISITS.replace(old, new, 1))
    outcome = trial.validate(sent)
    found = [f for f in outcome.findings if f.code == code]
    assert found
    assert all(f.location.file == "visiten.csv" and f.location.row for f in found)
    assert all(f.hint and f.expected for f in found)


def test_a_guess_is_never_applied(tmp_path: Path) -> None:
    sent = send(tmp_path / "sent", WIDE, visiten=VISITS)
    with (sent / "profile.yaml").open("a") as file:
        guess = "{file: visiten.csv, column: RR, candidates: [vitals.sbp_mmhg], reason: two values}"
        file.write(f"undecided:\n  - {guess}\n")
    with pytest.raises(trial.InputError, match="decide on the column 'RR' first"):
        trial.validate(sent)


def test_a_profile_by_name_or_file(tmp_path: Path) -> None:
    sent = send(tmp_path / "sent", WIDE, visiten=VISITS)
    (sent / "profile.yaml").rename(tmp_path / "clinic.yaml")
    assert trial.validate(sent, profile=tmp_path / "clinic.yaml").tables["vitals"].rows_read == 3
    with pytest.raises(trial.InputError, match=r"There is no site profile denmrk.*did you mean denmark"):
        trial.validate(sent, profile="denmrk")
    with pytest.raises(trial.InputError, match="No file named after a table"):
        trial.validate(sent)


def test_numbers_of_a_workbook_are_not_taken_for_mistyped_texts(tmp_path: Path) -> None:
    """A cell with the number 98.2 is sound at a site with decimal commas; the text 98.2 in the same column is not."""
    profile = WIDE.replace("visiten.csv", "visiten.xlsx")
    sent = send(tmp_path / "sent", profile)
    book = xlsxwriter.Workbook(sent / "visiten.xlsx")
    sheet = book.add_worksheet()
    rows = [line.split(";") for line in VISITS.splitlines()]
    for place, row in enumerate(rows):
        for column, text in enumerate(row):
            if text:
                sheet.write_string(place, column, text)
    sheet.write_number(1, 2, 98.2)
    sheet.write_string(3, 2, "101.5")
    book.close()
    outcome = trial.convert(sent, out=tmp_path / "out")
    (mixed,) = [finding for finding in outcome.findings if finding.code == "CELL-001"]
    assert (mixed.location.row, mixed.location.column, mixed.value) == (4, "Gewicht (kg)", "101.5")
    vitals = trial.read(tmp_path / "out")["vitals"]
    assert vitals["weight_kg"].to_list() == [98.2, None]


@pytest.mark.parametrize(
    ("again", "code"),
    [
        ("<0,3;mg/dl", "TEST-003"),
        ("<3;mg/l", "TEST-003"),
        ("<0,5;mg/dl", "TEST-002"),
        ("4;mg/l", "TEST-002"),
        (";", None),
    ],
)
def test_a_result_that_stands_twice(tmp_path: Path, again: str, code: str | None) -> None:
    sent = send(tmp_path / "sent", LONG, labor=LABOR + f"P-7;V1;28.01.2004 08:39;CRP;{again}\n")
    outcome = trial.convert(sent, out=tmp_path / "out")
    assert {f.code for f in outcome.findings if f.code.startswith("TEST")} == ({code} if code else set())
    out = trial.read(tmp_path / "out")
    flags = out["result_flags"]["limit_value"].to_list() if "result_flags" in out else []
    assert flags == ([] if code == "TEST-002" else [3.0])


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        (
            "k0: &k0 [x, x]\n" + "".join(f"k{n}: &k{n} [{f'*k{n - 1}, ' * 9}x]\n" for n in range(1, 12)),
            "too many parts",
        ),
        ("title: " + "[" * 20_000, "nested too deeply"),
        ("title: [\n" + "[\n" * 5_000 + "]" * 5_001, "nested too deeply"),
        ("".join(" " * n + "k:\n" for n in range(2_000)), "nested too deeply"),
        ('title: "\0"\n', "control characters"),
        ("title: x\nsheets: []\nmore: 1\n", "unknown key 'more'"),
    ],
)
def test_a_profile_that_means_harm_is_a_sentence(tmp_path: Path, profile: str, words: str) -> None:
    sent = send(tmp_path / "sent", WIDE, visiten=VISITS)
    (sent / "profile.yaml").write_text(profile, encoding="utf-8")
    with pytest.raises(trial.InputError, match=words):
        trial.validate(sent)


def test_a_header_cannot_command_a_terminal(tmp_path: Path) -> None:
    hostile = "\x1b[31mevil[red]"
    (tmp_path / "labs.csv").write_text(f"subject_id,{hostile}\nCH01-001,1\n", encoding="utf-8")
    output = CliRunner().invoke(main, ["validate", str(tmp_path / "labs.csv"), "--only", "HEAD-003"]).output
    assert "\x1b" not in output
    assert output.count(r"\x1b[31mevil[red]") == 2
