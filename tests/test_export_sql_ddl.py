"""Tables as SQL: engines make them, load a sound trial into them, and refuse what a constraint can refuse."""

from __future__ import annotations

import collections
import re
import sqlite3
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import duckdb
import pytest
import sqlglot
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import anakinra_t2d as trial
from anakinra_t2d.cli.export.sql_ddl import sql_ddl as command
from anakinra_t2d.forms.row_conditions import CannotExpress
from anakinra_t2d.forms.sql_conditions import Engine, check_condition
from anakinra_t2d.forms.sql_ddl import create_table, rules_held, rules_not_held, sql_ddl, table_forms
from anakinra_t2d.forms.sql_glob import globs
from conftest import read_rows
from engines import Postgres, postgres_server
from sql_databases import Database, InDuckDb, InPostgres, InSqlite, insertion
from test_rule_fixtures import FOLDER, read_fixture

FOUND = trial.definitions()
ENGINES: tuple[Engine, ...] = get_args(Engine)
SCRIPTS = {engine: sql_ddl(FOUND, engine) for engine in ENGINES}
HELD = {engine: rules_held(FOUND, engine) for engine in ENGINES}
FORMS = {engine: {form.table.name: form for form in table_forms(FOUND, engine)} for engine in ENGINES}
Counter = collections.Counter[tuple[str, tuple[str, ...]]]
ON_POSTGRES = pytest.param("postgres", marks=pytest.mark.postgres)
EACH = ("duckdb", "sqlite", ON_POSTGRES)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Database:
    if request.param == "postgres":
        return InPostgres(request.getfixturevalue("postgres"))
    return InDuckDb() if request.param == "duckdb" else InSqlite()


# --------------------------------------------------------------------------------------------------- a sound trial


def counts(database: Database) -> dict[str, int]:
    query = " UNION ALL ".join(f"SELECT '{name}', COUNT(*) FROM \"{name}\"" for name in FOUND.tables)
    return {str(name): int(number) for name, number in database.rows(query)}


def sent(folder: Path) -> dict[str, int]:
    """Rows of the canonical files."""
    return {name: len(read_rows(path)) if (path := folder / f"{name}.csv").is_file() else 0 for name in FOUND.tables}


@pytest.mark.parametrize("database", EACH, indirect=True)
def test_the_script_makes_every_table_and_says_what_it_is(database: Database) -> None:
    database.run(SCRIPTS[database.engine])
    assert set(counts(database).values()) == {0}
    if database.engine == "duckdb":
        said = database.rows("SELECT comment FROM duckdb_columns() WHERE column_name = 'hba1c_pct' ORDER BY table_name")
        assert ("HbA1c [%]: Glycated haemoglobin as NGSP (DCCT) percent",) in said
    elif database.engine == "postgres":
        said = database.rows("SELECT obj_description('labs'::regclass)")
        assert said == [("Laboratory: Blood and urine results of one visit, a column per analyte.",)]
    else:
        assert "-- HbA1c [%]: Glycated haemoglobin" in SCRIPTS["sqlite"]


def recipe(engine: Engine, start: str) -> str:
    """What the header of the script says to do."""
    (line,) = [one for one in SCRIPTS[engine].splitlines() if one.startswith(f"-- {start}")]
    return line.removeprefix(f"-- {start}").strip()


def test_duckdb_loads_parquet_and_csv_as_the_header_says(converted_trial: Path, sound_trial: Path) -> None:
    for start, folder, ending in (("Parquet:", converted_trial, "parquet"), ("CSV:", sound_trial, "csv")):
        database = InDuckDb()
        database.run(SCRIPTS["duckdb"])
        for name in FOUND.tables:
            if (path := folder / f"{name}.{ending}").is_file():
                database.run(recipe("duckdb", start).replace(f"'labs.{ending}'", f"'{path}'").replace("labs", name, 1))
        assert {**counts(database), "lineage": 0} == sent(sound_trial)


@pytest.mark.postgres
def test_postgres_loads_csv_as_the_header_says(postgres: Postgres, sound_trial: Path) -> None:
    database = InPostgres(postgres)
    words = [SCRIPTS["postgres"]]
    for name in FOUND.tables:
        if (path := sound_trial / f"{name}.csv").is_file():
            header = path.read_text(encoding="utf-8").partition("\n")[0]
            told = recipe("postgres", "CSV, in psql:").replace("'labs.csv'", f"'{path}'")
            words.append(told.replace("labs", f"{name} ({', '.join(quoted(header))})", 1))
    database.run("\n".join(words) + "\n")
    assert counts(database) == sent(sound_trial)


def quoted(header: str) -> list[str]:
    return [f'"{name}"' for name in header.split(",")]


def test_sqlite_loads_csv_as_the_header_says(
    sound_trial: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [one.removeprefix("--") for one in SCRIPTS["sqlite"].splitlines() if one.startswith("--     ")]
    program = textwrap.dedent("\n".join(lines[: next(n for n, one in enumerate(lines) if "COMMIT" in one) + 1]))
    for path in sound_trial.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "tables.sql").write_text(SCRIPTS["sqlite"], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(program, names)
    names["con"].close()
    database = InSqlite(tmp_path / "trial.db")
    assert counts(database) == sent(sound_trial)
    assert database.rows("SELECT COUNT(*) FROM subjects WHERE randomised = 1")[0][0] == 16
    assert database.rows("PRAGMA foreign_key_check") == []


def test_the_csv_that_duckdb_makes_of_parquet_loads(converted_trial: Path, tmp_path: Path) -> None:
    """Times are then written with a space before the hour."""
    database = InSqlite()
    database.run(SCRIPTS["sqlite"])
    words = recipe("sqlite", "CSV from Parquet, with DuckDB:").replace(
        "labs.parquet", f"{converted_trial}/submission.parquet"
    )
    duckdb.connect().execute(words.replace("labs.csv", f"{tmp_path}/submission.csv"))
    (row,) = read_rows(tmp_path / "submission.csv")
    assert database.insert([insertion("submission", {**row, "synthetic": row["synthetic"] == "true"})]) == []


# ------------------------------------------------------------------------------------------------- what is refused


def fixture_rows(code: str, folder: str) -> dict[str, list[dict[str, Any]]]:
    """Records by table, parents first."""
    found = {path.stem: path for path in (FOLDER / code / folder).glob("*.csv")}
    return {
        name: list(read_fixture(found[name], FOUND.tables[name]).drop("_row").iter_rows(named=True))
        for name in FOUND.tables
        if name in found
    }


def only_the_rule(engine: Engine, code: str, tables: Sequence[str]) -> list[str]:
    """Tables that hold nothing but one rule, so that nothing else can refuse a record."""
    # a reference leads to a key
    codes = {code} | ({"KEY-001"} if code == "REF-001" else set())
    return [create_table(FORMS[engine][name], FOUND, engine, only=codes) for name in tables]


def key_of(table: str, record: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    values = (record[name] for name in FOUND.tables[table].key)
    return table, tuple("" if one is None else str(one) for one in values)


def check_outcome(code: str, engine: Engine, kept: Counter, said: Sequence[str]) -> None:
    """The records of a fixture that must be refused were, and no others."""
    expected = yaml.safe_load((FOLDER / code / "expected.yaml").read_text(encoding="utf-8"))["findings"]
    wrong = {(one["table"], tuple(one["key"].values())) for one in expected}
    rows = fixture_rows(code, "invalid")
    sent = collections.Counter(key_of(name, row) for name, records in rows.items() for row in records)
    refused = set(sent - kept)
    if code in ("KEY-001", "KEY-003"):  # the first of two that clash is there before the other
        assert refused and refused <= wrong
    else:
        assert refused == wrong
    if code in FOUND.row_rules and engine != "duckdb":  # DuckDB shows the condition in place of the name
        assert len(said) == len(wrong) and all(code in one for one in said)


def statements(code: str, folder: str) -> list[str]:
    return [insertion(name, row) for name, records in fixture_rows(code, folder).items() for row in records]


def key_query(table: str) -> str:
    return f'SELECT {", ".join(quoted(",".join(FOUND.tables[table].key)))} FROM "{table}"'


def as_keys(table: str, rows: Iterable[tuple[Any, ...]]) -> Counter:
    return collections.Counter((table, tuple("" if one is None else str(one) for one in row)) for row in rows)


@pytest.mark.parametrize("database", ["duckdb", "sqlite"], indirect=True)
@pytest.mark.parametrize("code", sorted(HELD["duckdb"] | HELD["sqlite"]))
def test_the_rows_of_a_fixture_are_refused_and_no_others(code: str, database: Database) -> None:
    if code not in HELD[database.engine]:
        assert code in {one.code for one in rules_not_held(FOUND, database.engine) if one.kind == "engine"}
        return
    tables = list(fixture_rows(code, "invalid"))
    database.run("\n".join(only_the_rule(database.engine, code, tables)))
    said = database.insert(statements(code, "invalid"))
    kept = sum((as_keys(name, database.rows(key_query(name))) for name in tables), collections.Counter())
    check_outcome(code, database.engine, kept, said)
    if code in FOUND.row_rules:
        for name in tables:
            database.run(f'DELETE FROM "{name}"')
        table = FOUND.row_rules[code][0].name
        sound = [insertion(table, row) for row in fixture_rows(code, "valid")[table]]
        assert sound
        assert database.insert(sound) == []


@pytest.mark.postgres
def test_postgres_refuses_the_rows_of_every_fixture_and_no_others(postgres: Postgres) -> None:
    """A schema of its own for each rule, and one run of psql for all, because each start takes its time."""
    database = InPostgres(postgres)
    made: list[str] = []
    sound: list[str] = []
    asked: list[str] = []
    for code in sorted(HELD["postgres"]):
        tables = list(fixture_rows(code, "invalid"))
        path = f'CREATE SCHEMA IF NOT EXISTS "{code}"; SET search_path = "{code}"'
        made += [path, *only_the_rule("postgres", code, tables), *statements(code, "invalid")]
        asked += [
            key_query(name).replace("SELECT ", f"SELECT '{code}', '{name}', ").replace("FROM ", f'FROM "{code}".')
            for name in tables
        ]
        if code in FOUND.row_rules:
            table = FOUND.row_rules[code][0].name
            sound += [path, *(f'DELETE FROM "{name}"' for name in tables)]
            sound += [insertion(table, row) for row in fixture_rows(code, "valid")[table]]
    said = database.insert(made)
    kept = collections.defaultdict[str, Counter](collections.Counter)
    for code, name, *key in database.server.rows(asked):
        kept[code] += as_keys(name, [tuple(key)])
    for code in HELD["postgres"]:
        check_outcome(code, "postgres", kept[code], [one for one in said if f'"{code}' in one])
    assert database.insert(sound) == []


@pytest.mark.parametrize("database", EACH, indirect=True)
def test_the_whole_script_names_what_it_refuses(database: Database, sound_trial: Path) -> None:
    subject = read_rows(sound_trial / "subjects.csv")[0]
    typed = {name: value == "true" if value in ("true", "false") else value for name, value in subject.items()}
    database.run(SCRIPTS[database.engine])
    sites = {one["site_id"]: one for one in read_rows(sound_trial / "sites.csv")}
    own = insertion("sites", sites.pop(subject["site_id"]))
    assert database.insert([own, insertion("subjects", typed)]) == []
    other = typed | {"subject_id": f"{subject['site_id']}-999"}
    wrong: dict[str, dict[str, Any]] = {
        "RNG-001 age_yr": other | {"age_yr": 300},
        "LIST-001 sex": other | {"sex": "unknown"},
        "SUBJ-001": other | {"subject_id": "XX-1"},
        "KEY-001 subjects": typed,
        "REF-001 site_id": other | {"site_id": min(sites), "subject_id": f"{min(sites)}-001"},
    }
    for name, record in wrong.items():
        (said,) = database.insert([insertion("subjects", record)])
        if database.engine == "postgres" or (database.engine == "sqlite" and not name.startswith(("KEY", "REF"))):
            assert name in said
    assert database.insert([insertion("subjects", other)]) == []


@pytest.mark.parametrize(
    "record",
    [
        {"dose_date": "2004-02-31"}, {"dose_date": "31.01.2004"}, {"dose_date": "2004"}, {"dose_mg": "much"},
        {"dose_mg": "1,5"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("database", EACH, indirect=True)
def test_a_text_of_another_type_is_refused(record: dict[str, Any], database: Database) -> None:
    database.run(create_table(FORMS[database.engine]["exposure"], FOUND, database.engine, only={""}))
    assert database.insert([insertion("exposure", {"dose_date": "2004-02-29", "dose_mg": "1.5"})]) == []
    assert len(database.insert([insertion("exposure", {"dose_date": "2004-01-31", **record})])) == 1


# ------------------------------------------------------------------------------------------------ what is not held


@pytest.mark.parametrize("engine", ENGINES)
def test_every_rule_is_held_or_listed_with_its_reason(engine: Engine) -> None:
    listed = rules_not_held(FOUND, engine)
    assert HELD[engine] | {one.code for one in listed} == set(FOUND.rules)
    assert all(one.reason for one in listed)


@pytest.mark.parametrize("engine", ENGINES)
def test_as_many_rules_are_held_as_before(engine: Engine) -> None:
    kinds = collections.Counter(one.kind for one in rules_not_held(FOUND, engine))
    assert kinds["engine"] == {"duckdb": 0, "postgres": 0, "sqlite": 1}[engine]
    assert kinds["flags"] == 48
    assert len(HELD[engine]) == {"duckdb": 63, "postgres": 63, "sqlite": 62}[engine]
    errors = {code for code, (_, rule) in FOUND.row_rules.items() if rule.severity == "error"}
    assert errors - HELD[engine] == ({"SCRN-001"} if engine == "sqlite" else set())
    for one in rules_not_held(FOUND, engine):
        if one.kind == "engine":
            assert f"{one.code} of {one.table}.{one.field}: {one.reason}" in SCRIPTS[engine]


@pytest.mark.parametrize("engine", ENGINES)
def test_names_are_unique_and_short_enough(engine: Engine) -> None:
    """PostgreSQL cuts names after 63 bytes; names of keys are unique among all tables."""
    indexes = []
    for form in FORMS[engine].values():
        names = [one.name for one in form.constraints]
        assert len(set(names)) == len(names)
        assert max(len(name.encode()) for name in names) <= 63
        indexes += [one.name for one in form.constraints if one.code in ("KEY-001", "KEY-003")]
    assert len(set(indexes)) == len(indexes)


@pytest.mark.parametrize(
    "text",
    [
        "2004-02-31T08:00",
        "2004-02-28",
        "08:00",
        "2453000.5",
        "now",
        "2004-02-28T25:00",
        "2004-02-28T08",
        "28.02.2004 08:00",
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_sqlite_takes_only_times_as_times(text: str, database: Database) -> None:
    database.run(create_table(FORMS["sqlite"]["submission"], FOUND, "sqlite", only={""}))
    good = ["2004-02-28T08:00", "2004-02-28 08:00:00", "2004-02-29T08:00:00.123456", None]
    assert database.insert(insertion("submission", {"submission_ts": one}) for one in good) == []
    assert len(database.insert([insertion("submission", {"submission_ts": text})])) == 1


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("dose_mg / 2 > 3", "Div means the same"),
        ("LEVENSHTEIN(dose_taken, 'yes') < 2", "means the same"),
        ("dose_date + INTERVAL '7' DAY > DATE '2004-01-01'", "SQLite has no intervals"),
        ("dose_time ~ '^[a-z]+$'", "SQLite has no regular expressions"),
        ("dose_time LIKE dose_taken", "whatever the case"),
    ],
)
def test_what_an_engine_cannot_state_says_why(condition: str, reason: str) -> None:
    with pytest.raises(CannotExpress, match=reason):
        check_condition(condition, FOUND.tables["exposure"], "sqlite")


@pytest.mark.parametrize("text", ["insulin", "Insulin", "ins_lin", "ins*lin", "", None])
@pytest.mark.parametrize("condition", ["x LIKE 'ins%'", "x NOT LIKE 'ins%'", "x LIKE 'ins_lin'", "x LIKE 'ins*%'"])
def test_like_says_the_same_in_sqlite_as_in_duckdb(condition: str, text: str | None) -> None:
    (known,) = duckdb.execute(f"SELECT {condition} FROM (SELECT ? AS x)", [text]).fetchall()
    translated = check_condition(condition.replace("x", "dose_time"), FOUND.tables["exposure"], "sqlite")
    (found,) = sqlite3.connect(":memory:").execute(f'SELECT {translated} FROM (SELECT ? AS "dose_time")', [text])
    assert found == known


PATTERNS = sorted(
    {field.pattern for table in FOUND.tables.values() for field in table.fields.values() if field.pattern}
)


@given(st.data())
def test_a_pattern_says_the_same_as_globs(data: st.DataObject) -> None:
    pattern = data.draw(st.sampled_from([*PATTERNS, r"^a{0,2}(b|c\?)?[^x]$", r"^\.[0-9]{2,3}$", "^(|a|[*]b)$"]))
    text = data.draw(st.from_regex(pattern, fullmatch=True) | st.text("ab0.:A*?x", max_size=6))
    connection = sqlite3.connect(":memory:")
    matched = any(connection.execute("SELECT ? GLOB ?", [text, one]).fetchone()[0] for one in globs(pattern))
    assert matched == (re.fullmatch(pattern, text) is not None)


@pytest.mark.parametrize(
    "pattern",
    ["[0-9]", "^[0-9]+$", "^.$", "^a*$", r"^\d$", "^(a$", "^a)$", "^[a-z]{0,500}(a|b){20}$", "^a??$", "^{2}$"],
)
def test_other_patterns_are_not_guessed(pattern: str) -> None:
    with pytest.raises(CannotExpress):
        globs(pattern)


# ------------------------------------------------------------------------------------------------------ the command


@pytest.mark.parametrize("engine", ENGINES)
def test_the_command_writes_a_script_that_can_be_parsed(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "tables.sql"
    done = CliRunner().invoke(command, ["--dialect", engine, "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert out.read_text(encoding="utf-8") == SCRIPTS[engine]
    made = [one for one in sqlglot.parse(SCRIPTS[engine], read=engine) if isinstance(one, sqlglot.exp.Create)]
    assert [one.this.this.name for one in made] == list(FOUND.tables)
    assert max(map(len, re.findall(r"(?m)^-- .*$", SCRIPTS[engine].partition("CREATE")[0]))) <= 123


def test_wrong_requests_are_refused(tmp_path: Path) -> None:
    run = CliRunner().invoke
    assert "must end in .sql" in run(command, ["--out", str(tmp_path / "tables.txt")]).output
    (tmp_path / "tables.sql").touch()
    done = run(command, ["--out", str(tmp_path / "tables.sql")])
    assert done.exit_code == 2
    assert "already exists" in done.output
    assert run(command, ["--dialect", "oracle"]).exit_code == 2
