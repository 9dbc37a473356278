"""What ``derive`` writes is what the views give that any database can run, however the data are spoiled."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import anakinra_t2d as trial
from anakinra_t2d.across import open_relations
from anakinra_t2d.derivation import card_file, eligibility, workspace
from anakinra_t2d.endpoint_views.views import views
from anakinra_t2d.write.whole_directory import OutputError

FOUND = trial.definitions()
pytestmark = pytest.mark.slow
RECORDS = [
    "labs",
    "labs_restricted",
    "vitals",
    "ogtt",
    "iv_stimulation",
    "clamp",
    "biopsy",
    "home_glucose",
    "eye_exam",
    "medical_history",
    "adverse_events",
    "consents",
    "randomisation",
    "result_flags",
]
FACTORS = (1.0, 1.0, 1.1, -1.0, 0.0)


def rewritten(path: Path, edit: Callable[[pa.Table], pa.Table]) -> None:
    """The file after a change; a new one, because others may be links to it."""
    table = pq.read_table(path)
    table = edit(table.cast(pa.schema([one.with_nullable(True) for one in table.schema], table.schema.metadata)))
    path.unlink()
    pq.write_table(table, path)


def spoiled(table: pa.Table, random: np.random.Generator) -> pa.Table:
    """Some records are left out, some cells emptied, some records doubled with other numbers, all shuffled."""
    rows = table.num_rows
    if not rows:
        return table
    doubled = np.flatnonzero(random.random(rows) < 0.06)
    kept, more = [], []
    for name in table.column_names:
        column = table[name].combine_chunks()
        empty = random.random(rows) < (0.01 if name in ("subject_id", "visit", "nominal_min", "visit_seq") else 0.05)
        column = pc.if_else(pa.array(empty), pa.scalar(None, column.type), column)
        again = column.take(pa.array(doubled))
        if pa.types.is_floating(column.type):
            again = pc.multiply(again, pa.array(random.choice(FACTORS, len(doubled))))
        kept.append(column)
        more.append(again)
    whole = pa.concat_tables([pa.table(columns, schema=table.schema) for columns in (kept, more)])
    return whole.take(pa.array(random.permutation(whole.num_rows)[: int(whole.num_rows * 0.97)]))


@pytest.fixture(scope="module")
def damaged(converted_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A converted trial whose records nothing checked, with limits of quantification among them."""
    folder = Path(shutil.copytree(converted_trial, tmp_path_factory.mktemp("damaged") / "out"))
    random = np.random.default_rng(1)
    rewritten(folder / "labs.parquet", lambda table: limited(table, folder))
    for name in RECORDS:
        rewritten(folder / f"{name}.parquet", lambda table: spoiled(table, random))
    return folder


def limited(labs: pa.Table, folder: Path) -> pa.Table:
    """Laboratory records of which every third has a limit instead of a result, which result_flags say."""
    rows = labs.to_pylist()[::3]
    flags = [
        {
            "table": "labs",
            "record_key": "|".join(f"{key}={row[key]}" for key in FOUND.tables["labs"].key),
            "field": "crp_mg_l",
            "result_status": "below_limit",
            "limit_value": 0.3,
        }
        for row in rows
    ]
    rewritten(
        folder / "result_flags.parquet",
        lambda table: pa.concat_tables([table, pa.Table.from_pylist(flags, schema=table.schema)]),
    )
    place = labs.schema.get_field_index("crp_mg_l")
    empty = pa.array(np.arange(labs.num_rows) % 3 == 0)
    column = pc.if_else(empty, pa.scalar(None, pa.float64()), labs["crp_mg_l"].combine_chunks())
    return labs.set_column(place, labs.schema.field(place), column)


def from_views(folder: Path, readings: dict[str, str]) -> dict[str, pl.DataFrame]:
    """Parameters and endpoints from the views over the tables of a directory."""
    with open_relations(FOUND, tables_of(folder)) as con:
        for view in views(FOUND, readings):
            con.execute(f"CREATE TABLE {view.name} AS {view.query}")
        return {name: pl.DataFrame(con.sql(f"FROM {name}").to_arrow_table()) for name in ("parameters", "endpoints")}


def released(folder: Path) -> pl.DataFrame:
    """Eligibility from the query over the tables of a directory."""
    with open_relations(FOUND, tables_of(folder)) as con:
        return pl.DataFrame(con.sql(eligibility.eligibility_query()).to_arrow_table())


def tables_of(folder: Path) -> dict[str, list[Path]]:
    return {name: [path] for name in FOUND.tables if (path := folder / f"{name}.parquet").exists()}


def in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many patients are derived: with files and in several parts, that end in the middle of a card."""
    monkeypatch.setattr(workspace, "IN_MEMORY_BELOW", 0)
    monkeypatch.setattr(workspace, "AT_ONCE", 11)
    monkeypatch.setattr(card_file, "ROW_GROUP", 17)
    monkeypatch.setattr(eligibility, "AT_ONCE", 5)


@pytest.fixture(scope="module", params=[{}, {"A12": "incremental", "A27": "nominal", "A28": "half_limit"}], ids=str)
def readings(request: pytest.FixtureRequest) -> dict[str, str]:
    found: dict[str, str] = request.param
    return found


@pytest.fixture(scope="module")
def expected(damaged: Path, readings: dict[str, str]) -> dict[str, pl.DataFrame]:
    return from_views(damaged, readings)


@pytest.mark.parametrize("many", [False, True], ids=["few patients", "many patients"])
def test_the_files_hold_what_the_views_give(
    damaged: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    readings: dict[str, str],
    expected: dict[str, pl.DataFrame],
    *,
    many: bool,
) -> None:
    if many:
        in_batches(monkeypatch)
    copy = Path(shutil.copytree(damaged, tmp_path / "copy"))
    trial.derive(copy, readings=readings)
    for name in ("parameters", "endpoints"):
        found = pl.read_parquet(copy / f"{name}.parquet")
        assert found.columns == expected[name].columns
        key = found.columns[:3] if name == "parameters" else found.columns[:2]
        both = found.join(expected[name], on=key, how="full", suffix="_view", nulls_equal=True)
        assert both.height == found.height == expected[name].height
        for column in set(found.columns) - set(key):
            ours, theirs = both[column], both[f"{column}_view"]
            if ours.dtype == pl.Float64:
                apart = (ours - theirs).abs() > 1e-12 * theirs.abs()
                assert not apart.any(), column
                assert ours.is_null().equals(theirs.is_null()), column
            else:
                assert ours.equals(theirs, null_equal=True), column


def test_damage_reaches_what_the_cards_tell_apart(readings: dict[str, str], expected: dict[str, pl.DataFrame]) -> None:
    parameters = expected["parameters"]
    states = {"derived", "not_derivable", "input_imputed_interval"}
    assert set(parameters["state"]) >= states | ({"input_imputed_limit"} if readings else set())
    reasons = set(parameters["reason"].drop_nulls())
    assert {"no record", "no value", "several different values"} <= reasons


def test_rows_stand_by_card_then_patient_then_visit(
    converted_trial: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = (Path(shutil.copytree(converted_trial, tmp_path / name)) for name in ("few", "many"))
    trial.derive(few)
    in_batches(monkeypatch)
    trial.derive(many)
    cards = FOUND.endpoints
    order = {card.id: place for place, card in enumerate([*cards.parameters, *cards.endpoints])}
    visits = {card.id: list(card.visits) for card in cards.parameters}
    rows = pl.read_parquet(few / "parameters.parquet", columns=["parameter", "subject_id", "visit"]).rows()
    places = [(order[id], subject, visits[id].index(visit)) for id, subject, visit in rows]
    assert all(one < next_one for one, next_one in pairwise(places))
    ends = pl.read_parquet(few / "endpoints.parquet", columns=["endpoint_id", "subject_id"]).rows()
    assert all(one < next_one for one, next_one in pairwise((order[id], subject) for id, subject in ends))
    # neither the order nor anything else depends on how much is done at once
    for name in ("parameters", "endpoints", "eligibility", "flow", "results"):
        assert pl.read_parquet(few / f"{name}.parquet").equals(pl.read_parquet(many / f"{name}.parquet")), name
    assert pq.ParquetFile(many / "parameters.parquet").metadata.num_row_groups > 1
    assert pl.read_parquet(few / "eligibility.parquet").equals(released(converted_trial))


def test_a_patient_with_contradicting_records_is_one_patient(converted_trial: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(converted_trial, tmp_path / "copy"))
    who = pl.read_parquet(copy / "subjects.parquet").filter(treated=True)["subject_id"][0]

    def again(table: pa.Table) -> pa.Table:
        row = table.filter(pc.equal(table["subject_id"], who))
        place = row.schema.get_field_index("treated")
        untreated = row.set_column(place, row.schema.field(place), pa.array([False]))
        return pa.concat_tables([table, untreated])

    rewritten(copy / "subjects.parquet", again)
    trial.derive(copy)
    rows = pl.read_parquet(copy / "endpoints.parquet").filter(endpoint_id="EP01")
    assert rows["subject_id"].is_unique().all()
    assert rows.filter(subject_id=who)["reason"].item() == "membership in the population treated is not known"


def test_no_patients(converted_trial: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(converted_trial, tmp_path / "copy"))
    rewritten(copy / "subjects.parquet", lambda table: table.slice(0, 0))
    trial.derive(copy)
    for name in ("parameters", "endpoints"):
        assert pl.read_parquet(copy / f"{name}.parquet").is_empty()


def test_a_full_disk_leaves_the_directory_as_it_was(
    converted_trial: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(converted_trial, tmp_path / "copy"))
    before = {path.name: path.read_bytes() for path in copy.iterdir()}

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(OutputError, match="No space left"):
        trial.derive(copy)
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]
