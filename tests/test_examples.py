"""The examples are what the simulator writes, and what the two sites send is the canonical trial."""

from __future__ import annotations

from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from python_calamine import CalamineWorkbook

import anakinra_t2d as trial

EXAMPLES = Path(__file__).parents[1] / "examples"


def contents(path: Path) -> object:
    """Bytes of a file; the cells of a workbook, whose bytes follow the library that packs it."""
    if path.suffix != ".xlsx":
        return path.read_bytes()
    book = CalamineWorkbook.from_path(path)
    return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}


@pytest.mark.parametrize("layout", ["canonical", "denmark", "zurich"])
def test_they_are_fresh(layout: str, tmp_path: Path) -> None:
    trial.simulate(tmp_path, layout=layout)  # type: ignore[arg-type]
    written = {path.name: contents(path) for path in tmp_path.iterdir()}
    kept = {path.name: contents(path) for path in (EXAMPLES / layout).iterdir()}
    assert written.keys() == kept.keys()
    assert [name for name in written if written[name] != kept[name]] == [], "run `make examples`"


def test_what_the_sites_send_is_the_canonical_trial(tmp_path: Path) -> None:
    sites = trial.convert(EXAMPLES / "denmark", EXAMPLES / "zurich", out=tmp_path / "sites")
    canonical = trial.convert(EXAMPLES / "canonical", out=tmp_path / "canonical")
    assert [(o.errors, o.warnings) for o in (sites, canonical)] == [(0, 0), (0, 0)]
    report = (tmp_path / "sites/report.txt").read_text(encoding="utf-8")
    assert "…" not in report.split("0 errors")[0]
    assert sites.not_assessed == canonical.not_assessed
    ours, theirs = trial.read(tmp_path / "sites"), trial.read(tmp_path / "canonical")
    compared = 0
    for name, table in trial.definitions().tables.items():
        if table.role in ("delivery", "lineage"):
            continue  # each site makes a delivery and a lineage of its own
        as_sent = [name for name in table.fields if name == "value_raw"]
        pair = [frames[name].drop(as_sent).sort(table.key) for frames in (ours, theirs)]
        assert_frame_equal(*pair, check_exact=True)
        compared += pair[0].height
    assert compared == sum(table.rows_valid for table in canonical.tables.values()) - 1
    assert sites.tables["labs"].rows_valid == canonical.tables["labs"].rows_valid
