"""``export endpoints``, ``codebook`` and ``adam`` on the command line: what is written, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import jsonschema
import pytest
from click.testing import CliRunner

from anakinra_t2d.cli.main import main


def export(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["export", *arguments])
    assert "Traceback" not in done.output
    return done.exit_code, " ".join(done.output.split())


def test_a_script_is_written_once(tmp_path: Path) -> None:
    target = tmp_path / "endpoints.sql"
    status, said = export("endpoints", "--dialect", "sqlite", "--out", str(target))
    assert status == 0
    assert "for sqlite" in said
    text = target.read_text(encoding="utf-8")
    assert text.startswith("-- Parameters and endpoints of anakinra-t2d for ")
    assert "endpoint_ep33_nausea" in text
    status, said = export("endpoints", "--dialect", "sqlite", "--out", str(target))
    assert (status, "already exists" in said) == (2, True)
    assert target.read_text(encoding="utf-8") == text


def test_a_reading_is_in_the_cards(tmp_path: Path) -> None:
    texts = []
    for place, options in enumerate(([], ["--reading", "A13=mosteller"])):
        target = tmp_path / f"{place}.json"
        assert export("endpoints", "--format", "json", "--out", str(target), *options)[0] == 0
        document = json.loads(target.read_text(encoding="utf-8"))
        (card,) = [one for one in document["parameters"] if one["id"] == "bsa"]
        texts.append((document["readings_chosen"], "SQRT" in card["expression"]))
    assert texts == [({}, False), ({"A13": "mosteller"}, True)]


def test_the_cards_follow_their_json_schema(tmp_path: Path) -> None:
    target = tmp_path / "cards.json"
    assert export("endpoints", "--format", "json", "--out", str(target))[0] == 0
    document = json.loads(target.read_text(encoding="utf-8"))
    schema = json.loads((tmp_path / "cards.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(document)
    document["endpoints"][0]["operation"] = "guess"
    assert not jsonschema.Draft202012Validator(schema).is_valid(document)


REFUSED = [
    (["redcap", "--dialect", "spark"], "No such option '--dialect'"),
    (["codebook", "--reading", "A12=incremental"], "No such option '--reading'"),
    (["endpoints", "--data", "x"], "No such option '--data'"),
    (["adam"], "Missing option '--data'"),
    (["adam", "--data", "nowhere"], "There is no directory"),
    (["endpoints", "--format", "json", "--dialect", "spark"], "--dialect belongs to --format sql"),
    (["endpoints", "--reading", "A12=half"], "it has total, incremental"),
    (["endpoints", "--dialect", "oracle"], "'oracle' is not one of"),
]


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED, ids=[sentence for _, sentence in REFUSED])
def test_what_does_not_fit_is_refused(
    arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, said = export(*arguments)
    assert status == 2
    assert sentence in said
    assert not list(tmp_path.iterdir())


def test_the_codebook_is_written(tmp_path: Path) -> None:
    assert export("codebook", "--out", str(tmp_path / "codebook.md"))[0] == 0
    assert "hba1c_pct" in (tmp_path / "codebook.md").read_text(encoding="utf-8")


def test_the_script_of_duckdb_runs_on_empty_tables(tmp_path: Path) -> None:
    import anakinra_t2d as trial
    from anakinra_t2d.across.relations import SQL_TYPES

    target = tmp_path / "endpoints.sql"
    assert export("endpoints", "--dialect", "duckdb", "--out", str(target))[0] == 0
    with duckdb.connect() as con:
        for name, table in trial.definitions().tables.items():
            columns = ", ".join(f'"{field.name}" {SQL_TYPES[field.type]}' for field in table.fields.values())
            con.execute(f'CREATE TABLE "{name}" ({columns})')
        con.execute(target.read_text(encoding="utf-8"))
        assert con.execute("SELECT COUNT(*) FROM endpoints").fetchall() == [(0,)]
