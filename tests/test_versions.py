"""What changed between two versions of the schema, its level, and data that were made with another version."""

from __future__ import annotations

import copy
import json
import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import anakinra_t2d as trial
from anakinra_t2d.cli.other_version import heed_version
from anakinra_t2d.cli.schema_diff import schema_diff as command
from anakinra_t2d.reading import InputError
from anakinra_t2d.released import VersionWarning
from anakinra_t2d.review.compare import compare
from anakinra_t2d.schema.rules import AcrossRule, RowRule
from anakinra_t2d.schema.tables import Field, Table
from anakinra_t2d.versions import compare_fields, compare_rules, table_facts
from anakinra_t2d.versions.change import Change, EditionError, Kind, Level, Version, highest
from anakinra_t2d.versions.compare_fields import direction_of
from anakinra_t2d.versions.definition_files import DefinitionFiles, read_files
from anakinra_t2d.versions.diff_text import diff_text
from anakinra_t2d.versions.edition import Edition, of_document, of_files, open_edition
from anakinra_t2d.versions.matching import matched
from anakinra_t2d.versions.note import differences_from
from anakinra_t2d.versions.schema_diff import compare_editions, schema_diff

ROOT = Path(__file__).parents[1]
MIRRORED: dict[Kind, Kind] = {"added": "removed", "removed": "added", "tightened": "loosened", "loosened": "tightened"}
PROPERTY = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
Files = dict[str, Any]
Edit = Callable[[Files], None]

FOUND = read_files(ROOT / "schema", "here")
HERE = of_files(FOUND, "here")
VITALS, TRIAL, LISTS, QUANTITIES, CARDS = (
    f"schema/{name}.yaml" for name in ("tables/vitals", "trial", "codelists", "quantities", "endpoints")
)
CRITERIA, FLOW, REPORTED, BODY = (f"schema/{name}.yaml" for name in ("eligibility", "flow", "reported", "rules/body"))


def edited(edit: Edit, *paths: str) -> Edition:
    """The state of the schema after ``edit`` changed the content of the files at ``paths``."""
    files = {**FOUND.content, **{path: copy.deepcopy(FOUND.content[path]) for path in paths}}
    edit(files)
    return of_files(DefinitionFiles(files, frozenset(), ()), "edited")


def change_of(edit: Edit, *paths: str) -> Change:
    """The one change that an edit makes."""
    changes = compare_editions(HERE, edited(edit, *paths)).changes
    assert len(changes) == 1, [change.sentence for change in changes]
    return changes[0]


def field_edit(name: str, **values: Any) -> Edit:
    def edit(files: Files) -> None:
        files[VITALS]["fields"][name].update(values)

    return edit


def row_rule(files: Files, code: str) -> dict[str, Any]:
    return next(rule for rule in files[VITALS]["rules"] if rule["code"] == code)


def card(files: Files, kind: str, identity: str) -> dict[str, Any]:
    return next(one for one in files[CARDS][kind] if one["id"] == identity)


def _drop_field(files: Files) -> None:
    del files[VITALS]["fields"]["body_temp_c"]


def _rename_field(files: Files) -> None:
    fields = files[VITALS]["fields"]
    files[VITALS]["fields"] = {("pulse_bpm" if name == "heart_rate_bpm" else name): one for name, one in fields.items()}
    for rule in files[VITALS]["rules"]:
        rule["fields"] = ["pulse_bpm" if name == "heart_rate_bpm" else name for name in rule["fields"]]


def _add_field(required: str) -> Edit:
    def edit(files: Files) -> None:
        new = {**files[VITALS]["fields"]["body_temp_c"], "label": "Waist", "description": "Waist", "variable": None}
        files[VITALS]["fields"]["waist_cm"] = {**new, "required": required, "quantity": "height"}

    return edit


def _drop_code(files: Files) -> None:
    del files[LISTS]["codelists"]["sex"]["terms"][0]


def _add_code(files: Files) -> None:
    files[LISTS]["codelists"]["sex"]["terms"].append({"code": "X", "label": "Other", "words": []})


def _rename_code(files: Files) -> None:
    files[LISTS]["codelists"]["sex"]["terms"][0]["code"] = "X"


def _unit(files: Files) -> None:
    files[QUANTITIES]["quantities"]["body_weight"]["unit"] = "g"


def _factor(files: Files) -> None:
    conversions = files[QUANTITIES]["quantities"]["body_weight"]["conversions"]
    next(one for one in conversions if one["factor"])["factor"] = "3.5"


def _drop_conversion(files: Files) -> None:
    del files[QUANTITIES]["quantities"]["body_weight"]["conversions"][0]


def _severity(code: str, severity: str) -> Edit:
    def edit(files: Files) -> None:
        row_rule(files, code)["severity"] = severity

    return edit


def _condition(code: str) -> Edit:
    def edit(files: Files) -> None:
        row_rule(files, code)["assert"] += " AND TRUE"

    return edit


def _drop_rule(files: Files) -> None:
    files[VITALS]["rules"] = [rule for rule in files[VITALS]["rules"] if rule["code"] != "VIT-002"]


def _add_rule(severity: str) -> Edit:
    def edit(files: Files) -> None:
        new = {"code": "VIT-099", "severity": severity, "assert": "sbp_mmhg <> 1", "expected": "Something else."}
        files[VITALS]["rules"].append({**row_rule(files, "VIT-002"), **new})

    return edit


def _rename_rule(files: Files) -> None:
    row_rule(files, "VIT-002")["code"] = "VIT-098"


def _window(low: int, high: int) -> Edit:
    def edit(files: Files) -> None:
        next(visit for visit in files[TRIAL]["visits"] if visit["id"] == "week4")["days"] = [low, high]

    return edit


def _of_card(kind: str, identity: str, **values: Any) -> Edit:
    def edit(files: Files) -> None:
        card(files, kind, identity).update(values)

    return edit


def _of_first(path: str, part: str, **values: Any) -> Edit:
    def edit(files: Files) -> None:
        files[path][part][0].update(values)

    return edit


def _members(files: Files) -> None:
    files[CARDS]["populations"]["treated"]["members"] = "SELECT subject_id, TRUE AS member FROM subjects"


def _usual_reading(files: Files) -> None:
    reading = next(one for one in files[TRIAL]["ambiguities"] if len(one["choices"]) > 1)
    reading["choices"] = dict(reversed(reading["choices"].items()))


def _words_of_the_table(files: Files) -> None:
    files[VITALS]["purpose"] = "Something else"


def _restricted(files: Files) -> None:
    files[VITALS]["restricted"] = True


def _unique(files: Files) -> None:
    files[VITALS]["unique"] = [["weight_kg"]]


def _key(files: Files) -> None:
    files[VITALS]["key"] = ["subject_id", "visit"]


def _no_reference(files: Files) -> None:
    del files[VITALS]["foreign_keys"][0]


def _reorder(files: Files) -> None:
    files[VITALS]["fields"] = dict(reversed(files[VITALS]["fields"].items()))


WEIGHT = "vitals.weight_kg"
EDITS: list[tuple[str, Edit, tuple[str, ...], Level, Kind, str]] = [
    ("field dropped", _drop_field, (VITALS,), "major", "removed", "vitals.body_temp_c"),
    ("optional field added", _add_field("optional"), (VITALS,), "minor", "added", "vitals.waist_cm"),
    ("required field added", _add_field("always"), (VITALS,), "major", "added", "vitals.waist_cm"),
    ("range tightened", field_edit("weight_kg", range=[35, 350]), (VITALS,), "major", "tightened", WEIGHT),
    ("range loosened", field_edit("weight_kg", range=[30, 400]), (VITALS,), "minor", "loosened", WEIGHT),
    ("range moved", field_edit("weight_kg", range=[40, 400]), (VITALS,), "major", "changed", WEIGHT),
    ("range opened", field_edit("weight_kg", range=None), (VITALS,), "minor", "loosened", WEIGHT),
    ("expected narrowed", field_edit("weight_kg", expected=[70, 160]), (VITALS,), "minor", "tightened", WEIGHT),
    ("type", field_edit("weight_kg", type="integer"), (VITALS,), "major", "changed", WEIGHT),
    ("pattern set", field_edit("subject_id", pattern="[A-Z]+"), (VITALS,), "major", "tightened", "vitals.subject_id"),
    ("made optional", field_edit("weight_kg", required="optional"), (VITALS,), "minor", "loosened", WEIGHT),
    ("made required", field_edit("bsa_m2", required="always"), (VITALS,), "major", "tightened", "vitals.bsa_m2"),
    ("codes narrowed", field_edit("visit", terms=["baseline"]), (VITALS,), "major", "tightened", "vitals.visit"),
    ("identifying", field_edit("bsa_m2", identifying="direct"), (VITALS,), "major", "tightened", "vitals.bsa_m2"),
    ("label", field_edit("weight_kg", label="Weight"), (VITALS,), "patch", "words", WEIGHT),
    ("source and note", field_edit("weight_kg", source="Table 9", note="x"), (VITALS,), "patch", "words", WEIGHT),
    ("words of the table", _words_of_the_table, (VITALS,), "patch", "words", "vitals"),
    ("restricted", _restricted, (VITALS,), "major", "tightened", "vitals"),
    ("unique", _unique, (VITALS,), "major", "tightened", "vitals"),
    ("key", _key, (VITALS,), "major", "changed", "vitals"),
    ("reference dropped", _no_reference, (VITALS,), "minor", "loosened", "vitals"),
    ("fields in another order", _reorder, (VITALS,), "major", "reordered", "vitals"),
    ("code dropped", _drop_code, (LISTS,), "major", "tightened", "sex"),
    ("code added", _add_code, (LISTS,), "minor", "loosened", "sex"),
    ("code renamed", _rename_code, (LISTS,), "major", "renamed", "sex"),
    ("unit", _unit, (QUANTITIES,), "major", "changed", "body_weight"),
    ("factor", _factor, (QUANTITIES,), "major", "changed", "body_weight"),
    ("conversion dropped", _drop_conversion, (QUANTITIES,), "major", "removed", "body_weight"),
    ("severity raised", _severity("VIT-003", "error"), (VITALS,), "major", "tightened", "VIT-003"),
    ("severity lowered", _severity("VIT-002", "warning"), (VITALS,), "minor", "loosened", "VIT-002"),
    ("condition of an error", _condition("VIT-002"), (VITALS,), "major", "changed", "VIT-002"),
    ("condition of a warning", _condition("VIT-003"), (VITALS,), "minor", "changed", "VIT-003"),
    ("rule dropped", _drop_rule, (VITALS,), "minor", "removed", "VIT-002"),
    ("error added", _add_rule("error"), (VITALS,), "major", "added", "VIT-099"),
    ("warning added", _add_rule("warning"), (VITALS,), "minor", "added", "VIT-099"),
    ("rule renamed", _rename_rule, (VITALS,), "major", "renamed", "VIT-098"),
    ("window narrowed", _window(27, 30), (TRIAL,), "major", "tightened", "week4"),
    ("window widened", _window(20, 40), (TRIAL,), "minor", "loosened", "week4"),
    ("operation", _of_card("endpoints", "EP01", operation="log_ratio"), (CARDS,), "major", "changed", "EP01"),
    ("input", _of_card("parameters", "hba1c", input={"table": "a"}), (CARDS,), "major", "changed", "hba1c"),
    ("vectors", _of_card("parameters", "hba1c", vectors=[]), (CARDS,), "patch", "words", "hba1c"),
    ("definition", _of_card("endpoints", "EP01", definition="x"), (CARDS,), "patch", "words", "EP01"),
    ("population", _members, (CARDS,), "major", "changed", "treated"),
    ("usual reading", _usual_reading, (TRIAL,), "major", "changed", "A08"),
    ("criterion", _of_first(CRITERIA, "criteria", condition="TRUE"), (CRITERIA,), "major", "changed", "I1"),
    ("text of a criterion", _of_first(CRITERIA, "criteria", text="x"), (CRITERIA,), "patch", "words", "I1"),
    ("people of a step", _of_first(FLOW, "steps", people="SELECT 1"), (FLOW,), "major", "changed", "recruited"),
    ("reported number", _of_first(REPORTED, "reported", value="99"), (REPORTED,), "patch", "changed", "R001"),
]  # fmt: skip


class TestLevels:
    @pytest.mark.parametrize(
        ("edit", "paths", "level", "kind", "name"), [one[1:] for one in EDITS], ids=[one[0] for one in EDITS]
    )
    def test_of_a_single_edit(self, edit: Edit, paths: tuple[str, ...], level: Level, kind: Kind, name: str) -> None:
        change = change_of(edit, *paths)
        assert (change.level, change.kind, change.name) == (level, kind, name), change.sentence
        # a code is named by its own name, everything else by that of the thing
        assert (change.before or name).rpartition(".")[2] in change.sentence
        assert change.sentence.endswith(".")

    @pytest.mark.parametrize(("edit", "paths"), [one[1:3] for one in EDITS], ids=[one[0] for one in EDITS])
    def test_mirror_when_the_edit_is_taken_back(self, edit: Edit, paths: tuple[str, ...]) -> None:
        there = edited(edit, *paths)
        forth, back = compare_editions(HERE, there).changes, compare_editions(there, HERE).changes
        assert len(forth) == len(back)
        for one, other in zip(forth, back, strict=True):
            assert other.kind == MIRRORED.get(one.kind, one.kind)
            assert (other.what, other.aspect is None) == (one.what, one.aspect is None)
            assert one.kind == "renamed" or other.name == one.name

    def test_rename_is_said_and_not_taken_for_granted(self) -> None:
        changes = compare_editions(HERE, edited(_rename_field, VITALS)).changes
        renamed = next(change for change in changes if change.kind == "renamed")
        assert (renamed.level, renamed.name, renamed.before) == ("major", "vitals.pulse_bpm", "vitals.heart_rate_bpm")
        assert "looks like a rename" in renamed.sentence
        assert not [change for change in changes if change.kind in ("added", "removed")]

    def test_two_fields_alike_are_no_rename(self) -> None:
        found = matched({"a": 1, "b": 1}, {"c": 1, "d": 1}, lambda _a, one, _b, other: int(one == other))
        assert (found.renamed, found.removed, found.added) == ([], ["a", "b"], ["c", "d"])

    def test_unit_names_the_fields_that_have_it(self) -> None:
        sentence = change_of(_unit, QUANTITIES).sentence
        assert WEIGHT in sentence
        assert "from kg to g" in sentence

    def test_table_dropped_and_added(self) -> None:
        def drop(files: Files) -> None:
            del files["schema/tables/eye_exam.yaml"]

        without = edited(drop)
        forth, back = compare_editions(HERE, without).changes, compare_editions(without, HERE).changes
        assert ("major", "removed", "eye_exam") in [(one.level, one.kind, one.name) for one in forth]
        assert ("minor", "added", "eye_exam") in [(one.level, one.kind, one.name) for one in back]

    def test_layout_of_sql_is_no_change(self) -> None:
        def wrap(files: Files) -> None:
            rule = files[BODY]["rules"][0]
            rule["records"] = rule["records"].replace(" ", "\n ")

        assert compare_editions(HERE, edited(wrap, BODY)).changes == ()


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a single value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if parts is None:
        return [path]
    return [place for key, one in parts for place in places(one, (*path, key))]


CLOSED = {"version", "released"}
"""Keys of the version itself."""
PLACES = [
    (path, place)
    for path, content in FOUND.content.items()
    for place in places(content)
    if not {str(key) for key in place} & CLOSED
]


class TestDiff:
    def test_of_a_state_with_itself_is_empty(self) -> None:
        diff = compare_editions(HERE, HERE)
        assert (diff.changes, diff.level, diff.not_compared, diff.exit_status()) == ((), None, (), 0)

    def test_of_definitions_with_their_own_package_is_empty(self) -> None:
        diff = compare_editions(HERE, open_edition(ROOT / "datapackage.json"))
        assert diff.changes == ()
        assert "rules" in diff.not_compared[-1]

    @PROPERTY
    @given(st.sampled_from(PLACES), st.data())
    def test_says_whatever_is_changed(self, where: tuple[str, tuple[Any, ...]], data: st.DataObject) -> None:
        path, place = where

        def edit(files: Files) -> None:
            part = files[path]
            for key in place[:-1]:
                part = part[key]
            old = part[place[-1]]
            if isinstance(old, bool):
                part[place[-1]] = not old
            elif isinstance(old, int | float):
                part[place[-1]] = old + data.draw(st.sampled_from([-1, 1, 7]))
            else:
                part[place[-1]] = f"{old or ''}{data.draw(st.sampled_from(['x', '9']))}"

        there = edited(edit, path)
        forth, back = compare_editions(HERE, there), compare_editions(there, HERE)
        assert forth.changes
        assert back.changes
        assert highest(forth.changes) == forth.level

    @PROPERTY
    @given(st.lists(st.sampled_from(EDITS), min_size=2, max_size=4, unique_by=lambda one: one[2]))
    def test_of_several_edits_has_the_level_of_the_weightiest(self, edits: list[Any]) -> None:
        def edit(files: Files) -> None:
            for one in edits:
                one[1](files)

        diff = compare_editions(HERE, edited(edit, *(path for one in edits for path in one[2])))
        assert diff.level == next(level for level in ("major", "minor", "patch") if level in [one[3] for one in edits])
        for _, _, _, level, kind, name in edits:
            assert (level, kind, name) in [(one.level, one.kind, one.name) for one in diff.changes]

    def test_knows_every_key_of_fields_tables_and_rules(self) -> None:
        """A key that is added to the models must be given a level."""
        keys = {name for name in Field.model_fields if not name.startswith("_")}
        assert keys - {"codes"} <= compare_fields.COMPARED
        handled = {
            *table_facts.WORDS_OF_TABLE,
            "role",
            "restricted",
            "key",
            "unique",
            "foreign_keys",
            "fields",
            "rules",
        }
        assert set(Table.model_fields) <= handled
        rules = {field.alias or name for model in (RowRule, AcrossRule) for name, field in model.model_fields.items()}
        assert rules - {"code", "severity", "acceptable"} <= compare_rules.COMPARED


class TestRange:
    ends = st.none() | st.integers(-5, 5)

    @given(ends, ends, ends, ends)
    def test_direction_mirrors(self, a: int | None, b: int | None, c: int | None, d: int | None) -> None:
        forth, back = direction_of((a, b), (c, d)), direction_of((c, d), (a, b))
        if (a, b) == (c, d):
            return
        assert back == MIRRORED.get(forth, forth)

    @given(ends, ends, ends, ends)
    def test_direction_is_that_of_the_values_that_are_let_in(
        self, a: int | None, b: int | None, c: int | None, d: int | None
    ) -> None:
        def within(value: int, low: int | None, high: int | None) -> bool:
            return (low is None or low <= value) and (high is None or value <= high)

        old, new = ({value for value in range(-7, 8) if within(value, *ends)} for ends in ((a, b), (c, d)))
        direction = direction_of((a, b), (c, d))
        if direction == "tightened":
            assert new <= old
        elif direction == "loosened":
            assert old <= new

    def test_of_dates(self) -> None:
        assert direction_of(("2004-01-01", "2006-12-31"), ("2004-01-01", "2005-12-31")) == "tightened"


class TestVersion:
    @given(st.tuples(*[st.integers(0, 99)] * 3), st.sampled_from(["major", "minor", "patch"]))
    def test_after_a_change_is_higher_and_no_higher_than_needed(
        self, parts: tuple[int, int, int], level: Level
    ) -> None:
        old = Version(*parts)
        new = old.after(level)
        assert new > old
        assert Version.read(str(new)) == new
        kept, raised = {"major": (0, 0), "minor": (1, 1), "patch": (2, 2)}[level]
        assert (new.major, new.minor, new.patch)[:kept] == parts[:kept]
        assert (new.major, new.minor, new.patch)[raised] == parts[raised] + 1
        assert not any((new.major, new.minor, new.patch)[raised + 1 :])

    @pytest.mark.parametrize("text", ["1.2", "1.2.3.4", "v1.2.3", "1.2.x", "", "01.2.3", "1.2.3-rc1", "-1.2.3"])
    def test_of_another_form_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="MAJOR"):
            Version.read(text)

    def test_nothing_changed_needs_no_other(self) -> None:
        assert Version(1, 2, 3).after(None) == Version(1, 2, 3)


@pytest.fixture
def definitions_folder(tmp_path: Path) -> Path:
    """A copy of the definitions that a test may change."""
    shutil.copytree(ROOT / "schema", tmp_path / "newer" / "schema")
    return tmp_path / "newer"


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def run(*words: str | Path) -> Any:
    return CliRunner().invoke(command, [str(word) for word in words])


class TestCommand:
    def test_refuses_a_version_that_is_too_low(self, definitions_folder: Path) -> None:
        version = str(HERE.version)
        replaced(definitions_folder / "schema/tables/vitals.yaml", "range: [30, 350]", "range: [30, 250]")
        result = run(ROOT, definitions_folder)
        assert result.exit_code == 1
        assert "vitals.weight_kg: the possible range was 30 to 350 kg and is now 30 to 250 kg" in result.stdout
        assert "which is too low" in " ".join(result.stdout.split())
        needed = HERE.version.after("major")
        replaced(definitions_folder / "schema/trial.yaml", f'version: "{version}"', f'version: "{needed}"')
        result = run(ROOT, definitions_folder)
        assert result.exit_code == 0
        assert f"NEW should be version {needed}, and it is" in result.stdout

    def test_json_is_the_same_in_words(self, definitions_folder: Path) -> None:
        replaced(definitions_folder / "schema/tables/vitals.yaml", "label: Body weight", "label: Weight")
        document = json.loads(run(ROOT / "schema", definitions_folder / "schema", "--format", "json").stdout)
        assert document["level"] == "patch"
        assert document["number"] == {"major": 0, "minor": 0, "patch": 1}
        assert document["changes"][0]["sentence"] == "The words of the field vitals.weight_kg changed: label."
        assert (document["sufficient"], document["needed_version"]) == (False, str(HERE.version.after("patch")))

    def test_same_input_gives_the_same_text(self, definitions_folder: Path) -> None:
        replaced(definitions_folder / "schema/codelists.yaml", "label: ", "label: New ")
        first, again = (run("installed", definitions_folder).stdout for _ in range(2))
        assert first == again
        assert "codelists changed" in first

    def test_long_lists_are_counted_unless_all_are_asked_for(self) -> None:
        def edit(files: Files) -> None:
            for one in files[REPORTED]["reported"]:
                one["value"] = "123"

        diff = compare_editions(HERE, edited(edit, REPORTED))
        short, long = (diff_text(diff, every=every) for every in (False, True))
        assert "--all shows them" in short
        assert long.count("The reported number") == len(diff.changes) > short.count("The reported number")

    def test_new_is_the_installed_schema_when_left_out(self) -> None:
        result = run(ROOT)
        assert result.exit_code == 0
        assert "Nothing changed" in result.stdout

    def test_keys_of_another_version_are_left_out_and_named(self, definitions_folder: Path) -> None:
        replaced(definitions_folder / "schema/trial.yaml", "patients: 70", "patients: 70\nphase: two")
        result = run(definitions_folder, "installed")
        assert result.exit_code == 0
        assert "keys that this version does not know (phase)" in " ".join(result.stdout.split())

    def test_keys_that_only_a_newer_version_has_do_not_keep_a_file_out(self, definitions_folder: Path) -> None:
        replaced(definitions_folder / "schema/trial.yaml", "patients: 70\n", "")
        document = json.loads(run(definitions_folder, "installed", "--format", "json").stdout)
        assert [(one["level"], one["aspect"]) for one in document["changes"]] == [("minor", "patients")]
        assert "the key patients" in document["not_compared"][0]

    def test_file_that_cannot_be_read_is_left_out_of_both(self, definitions_folder: Path) -> None:
        (definitions_folder / "schema/tables/vitals.yaml").write_text("title: [", encoding="utf-8")
        result = run(definitions_folder, "installed")
        assert result.exit_code == 0, result.output
        assert "schema/tables/vitals.yaml" in result.stdout
        assert "The table vitals" not in result.stdout
        assert "VIT-002" not in result.stdout

    def test_rules_between_keys_do_not_keep_a_table_out(self, definitions_folder: Path) -> None:
        replaced(definitions_folder / "schema/tables/vitals.yaml", "range: [30, 350]", "range: [100, 350]")
        document = json.loads(run("installed", definitions_folder, "--format", "json").stdout)
        assert [one["name"] for one in document["changes"]] == ["vitals.weight_kg"]
        assert "compared as it stands" in document["not_compared"][0]

    def test_table_of_another_form_is_taken_from_the_package(self, definitions_folder: Path) -> None:
        shutil.copy(ROOT / "datapackage.json", definitions_folder)
        (definitions_folder / "schema/tables/vitals.yaml").write_text("title: An older form", encoding="utf-8")
        replaced(definitions_folder / "datapackage.json", '"maximum": 350', '"maximum": 340')
        document = json.loads(run("installed", definitions_folder, "--format", "json").stdout)
        assert [one["name"] for one in document["changes"]] == ["vitals.weight_kg"]
        assert any("as datapackage.json describes it" in words for words in document["not_compared"])


class TestUnusableInput:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("", "is not JSON text"),
            ("[]", "is not a data package"),
            ("{}", "no list of resources"),
            ('{"resources": []}', "states no version"),
            ('{"resources": [], "version": 3}', "states no version"),
            ('{"resources": [], "version": "3"}', "MAJOR.MINOR.PATCH"),
            ('{"resources": [1], "version": "1.0.0"}', "not a data package of tables"),
            ('{"resources": [{"name": "a", "schema": "a.json"}], "version": "1.0.0"}', "not a data package of tables"),
            (
                '{"resources": [{"name": "a", "schema": {"fields": [1]}}], "version": "1.0.0"}',
                "not a data package of tables",
            ),
            ('{"name": "other", "resources": [], "version": "1.0.0"}', "no table in common"),
            ("\ufffe", "is not JSON text"),
            ("[" * 100_000, "is not JSON text"),
        ],
        ids=range(12),
    )
    def test_of_a_package(self, tmp_path: Path, content: str, words: str) -> None:
        (tmp_path / "datapackage.json").write_text(content, encoding="utf-8")
        for old in (tmp_path / "datapackage.json", tmp_path):
            result = run(old, "installed")
            assert result.exit_code == 2
            assert words in result.stderr
            assert "Traceback" not in result.stderr

    def test_of_a_place(self, tmp_path: Path) -> None:
        (tmp_path / "binary").write_bytes(bytes(range(256)))
        (tmp_path / "schema").mkdir()
        (tmp_path / "schema/trial.yaml").write_text("name: [", encoding="utf-8")
        for place, words in (
            (tmp_path / "nowhere", "There is no"),
            (tmp_path / "binary", "is not JSON text"),
            (tmp_path / "schema", "cannot be compared"),
            (ROOT / "tests", "holds neither"),
        ):
            for pair in ((place, "installed"), ("installed", place)):
                result = run(*pair)
                assert (result.exit_code, words in result.stderr) == (2, True), result.output

    def test_of_a_zip(self, tmp_path: Path) -> None:
        whole = tmp_path / "whole.zip"
        with zipfile.ZipFile(whole, "w") as archive:
            archive.writestr("a.txt", "a")
        assert run(whole, "installed").exit_code == 2
        broken = tmp_path / "broken.zip"
        with zipfile.ZipFile(broken, "w") as archive:
            archive.write(ROOT / "datapackage.json", "datapackage.json", zipfile.ZIP_DEFLATED)
        content = bytearray(broken.read_bytes())
        content[200:260] = bytes(60)
        broken.write_bytes(bytes(content))
        result = run(broken, "installed")
        assert result.exit_code == 2
        assert "zip" in result.stderr

    def test_of_the_definitions(self, definitions_folder: Path) -> None:
        (definitions_folder / "schema/codelists.yaml").unlink()
        result = run("installed", definitions_folder)
        assert result.exit_code == 2
        assert "codelists.yaml is not there" in result.stderr


@pytest.fixture
def older(converted_trial: Path, tmp_path: Path) -> Path:
    """The same output, made with another version that had the weight in pounds and fewer codes and fields."""
    folder = tmp_path / "older"
    shutil.copytree(converted_trial, folder)
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    package["version"] = "0.9.0"
    fields = {(one["name"], field["name"]): field for one in package["resources"] for field in one["schema"]["fields"]}
    fields["vitals", "weight_kg"]["unit"] = "[lb_av]"
    fields["subjects", "sex"]["constraints"]["enum"] = ["F"]
    for one in package["resources"]:
        one["schema"]["fields"] = [field for field in one["schema"]["fields"] if field["name"] != "height_cm"]
    (folder / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    return folder


def zipped(folder: Path, target: Path, top: str = "") -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"{top}{path.name}")
    return target


class TestDataOfAnotherVersion:
    def test_of_the_same_version_say_nothing(self, converted_trial: Path, tmp_path: Path) -> None:
        for source in (
            converted_trial,
            zipped(converted_trial, tmp_path / "a.zip"),
            zipped(converted_trial, tmp_path / "b.zip", "x/"),
        ):
            note = differences_from(source)
            assert (note.changes, note.warning, note.refusal()) == ((), None, None)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert trial.read(converted_trial)["vitals"].height > 0
        assert schema_diff(converted_trial, "installed").changes == ()

    def test_say_in_one_sentence_what_differs(self, older: Path) -> None:
        note = differences_from(older)
        assert note.warning is not None
        for words in (
            "0.9.0",
            "unit changed from [lb_av] to kg",
            "vitals.height_cm: the field is new",
            "newly allowed",
        ):
            assert words in note.warning
        assert note.warning.endswith(".")
        assert note.warning.count(". ") == 0

    def test_are_refused_where_a_unit_changed(self, older: Path) -> None:
        note = differences_from(older)
        assert "vitals.weight_kg" in (note.refusal() or "")
        assert note.refusal({("vitals", "sbp_mmhg")}) is None
        with pytest.warns(VersionWarning, match=r"0\.9\.0"):
            out = trial.read(older)
        assert out["subjects"].height > 0
        for read in (out.__getitem__, out.scan):
            with pytest.raises(InputError, match=r"vitals\.weight_kg"):
                read("vitals")
        with pytest.warns(VersionWarning):
            assert trial.read(older, any_version=True)["vitals"].height > 0

    def test_are_not_compared_where_a_unit_changed(self, older: Path, converted_trial: Path) -> None:
        with pytest.raises(InputError, match="something else"):
            compare(older, converted_trial)
        package = json.loads((older / "datapackage.json").read_text(encoding="utf-8"))
        for one in package["resources"]:
            for field in one["schema"]["fields"]:
                if field.get("unit") == "[lb_av]":
                    field["unit"] = "kg"
        (older / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
        assert "newly allowed" in " ".join(compare(older, converted_trial).schema)

    def test_are_said_on_stderr_before_a_command_works_on_them(
        self, older: Path, converted_trial: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        heed_version(older, {("subjects", "sex")})
        assert "0.9.0" in capsys.readouterr().err
        with pytest.raises(InputError, match="something else"):
            heed_version(older, {("vitals", "weight_kg")})
        heed_version(converted_trial)
        assert capsys.readouterr().err == ""

    def test_broken_package_is_an_input_error(self, older: Path) -> None:
        package = json.loads((older / "datapackage.json").read_text(encoding="utf-8"))
        del package["version"]
        (older / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
        with pytest.raises(InputError, match="no version"):
            trial.read(older)

    def test_definitions_are_no_data(self) -> None:
        with pytest.raises(EditionError, match="no data"):
            differences_from("installed")

    def test_accepted_range_is_no_change(self, converted_trial: Path) -> None:
        package = json.loads((converted_trial / "datapackage.json").read_text(encoding="utf-8"))
        for one in package["resources"]:
            for field in one["schema"]["fields"]:
                if field["name"] == "weight_kg":
                    field["rangeBeforeAcceptance"] = field.pop("constraints")
        assert compare_editions(of_document(package, None, "x"), open_edition(converted_trial)).changes == ()

    def test_what_a_release_leaves_out_or_changes_is_no_difference(self, converted_trial: Path, tmp_path: Path) -> None:
        folder = tmp_path / "release"
        shutil.copytree(converted_trial, folder)
        path = folder / "datapackage.json"
        package = json.loads(path.read_text(encoding="utf-8"))
        for one in package["resources"]:
            fields = [field for field in one["schema"]["fields"] if field["name"] != "height_cm"]
            for field in fields:
                if field["type"] in ("date", "datetime"):
                    field |= {"type": "integer", "unit": "d", "requirement": "optional"}
            one["schema"]["fields"] = fields
        path.write_text(json.dumps(package), encoding="utf-8")
        note = differences_from(folder)
        assert ("visits", "visit_date") in note.unusable
        assert "vitals.height_cm" in [change.name for change in note.changes]
        path.write_text(json.dumps(package | {"view": "blinded", "deidentified": True}), encoding="utf-8")
        assert differences_from(folder).changes == ()
        diff = schema_diff(folder, "installed")
        assert [change for change in diff.changes if change.level != "patch"] == []
        assert any("on purpose" in words for words in diff.not_compared)

    def test_a_change_is_said_of_a_release_too(self, older: Path) -> None:
        path = older / "datapackage.json"
        package = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(package | {"view": "blinded"}), encoding="utf-8")
        note = differences_from(older)
        assert set(note.unusable) == {("vitals", "weight_kg")}
        assert "vitals.height_cm" not in (note.warning or "")
