"""Ten real glucose tolerance tests: what does not fit the schedule is named, the values arrive unchanged."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

import anakinra_t2d as trial

REAL = Path(__file__).parents[2] / "shared/real/ogtt_gmi/ogtt_long.csv"
pytestmark = pytest.mark.skipif(not REAL.is_file(), reason="the folder with real third-party files is not here")


@pytest.fixture
def sent(tmp_path: Path) -> list[dict[str, str]]:
    with REAL.open(encoding="utf-8", newline="") as file:
        rows = [
            {
                "subject_id": f"GMI-{int(row['ID']):03}",
                "visit": "baseline",
                "nominal_min": row["timePoint"],
                "glucose_mmol_l": row["glucose_mmoll"],
                "insulin_pmol_l": row["insulin_pmoll"],
            }
            for row in csv.DictReader(file)
        ]
    with (tmp_path / "ogtt.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return rows


def test_findings_say_what_is_so_and_nothing_else(sent: list[dict[str, str]], tmp_path: Path) -> None:
    outcome = trial.validate(tmp_path / "ogtt.csv")
    counts = Counter((finding.code, finding.field) for finding in outcome.findings)
    early = [row for row in sent if row["nominal_min"] == "-60"]
    fields = trial.definitions().tables["ogtt"].fields
    unusual = {
        "glucose_mmol_l": [r for r in sent if not 3.5 <= float(r["glucose_mmol_l"]) <= 32],
        "insulin_pmol_l": [r for r in sent if not 5 <= float(r["insulin_pmol_l"]) <= 1500],
    }
    assert {name: fields[name].expected for name in unusual} == {
        "glucose_mmol_l": (3.5, 32),
        "insulin_pmol_l": (5, 1500),
    }
    assert counts.pop(("HEAD-001", "cpeptide_pmol_l")) == 1
    assert counts.pop(("HEAD-001", "proinsulin_pmol_l")) == 1
    assert counts.pop(("HEAD-002", "actual_min")) == 1
    assert counts.pop(("TIME-001", "nominal_min")) == len(early) == 10
    assert counts.pop(("RNG-001", "nominal_min")) == len(early)
    assert counts.pop(("REF-001", "subject_id")) == len(sent) == 60
    assert counts.pop(("FILE-005", None)) == 2
    for field, rows in unusual.items():
        assert counts.pop(("RNG-002", field), 0) == len(rows)
    # what is left are comparisons within the ten tests; these people are healthy, and the rules say so
    for (code, _), number in counts.items():
        assert code.startswith("OGTT-"), counts
        assert trial.definitions().rules[code].severity == "warning"
        assert number <= len({row["subject_id"] for row in sent}) * 6


def test_values_arrive_unchanged(sent: list[dict[str, str]], tmp_path: Path) -> None:
    outcome = trial.convert(tmp_path / "ogtt.csv", out=tmp_path / "out")
    out = trial.read(tmp_path / "out")
    written = {(r["subject_id"], r["nominal_min"]): r for r in out["ogtt"].iter_rows(named=True)}
    taken = [row for row in sent if (row["subject_id"], int(row["nominal_min"])) in written]
    assert len(written) == len(taken) == outcome.tables["ogtt"].rows_valid == 50
    for row in taken:
        record = written[row["subject_id"], int(row["nominal_min"])]
        assert record["glucose_mmol_l"] == float(row["glucose_mmol_l"])
        assert record["insulin_pmol_l"] == float(row["insulin_pmol_l"])
        assert record["cpeptide_pmol_l"] is None
    # a sample an hour before the test lies outside the possible times: rejected, with its cells as sent
    assert out.rejected.height == 10
    assert all('"nominal_min": "-60"' in cells for cells in out.rejected["cells"])
