"""Reads ``schema/`` into typed, frozen objects; every mistake is an error that names file and line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from anakinra_t2d.schema.adam import Adam
from anakinra_t2d.schema.adam_references import adam_problems
from anakinra_t2d.schema.contents import Definitions
from anakinra_t2d.schema.cross_references import problems_between
from anakinra_t2d.schema.deidentification import Deidentification
from anakinra_t2d.schema.deidentification_references import deidentification_problems
from anakinra_t2d.schema.eligibility import Eligibility
from anakinra_t2d.schema.eligibility_references import eligibility_problems
from anakinra_t2d.schema.endpoint_references import endpoint_problems
from anakinra_t2d.schema.endpoints import Endpoints
from anakinra_t2d.schema.flow import Flow
from anakinra_t2d.schema.profile_references import profile_problems
from anakinra_t2d.schema.quantities import Quantities
from anakinra_t2d.schema.repeated import WrittenOut, written_out
from anakinra_t2d.schema.reported import ReportedResults
from anakinra_t2d.schema.rules import RuleFile
from anakinra_t2d.schema.sites import Profile
from anakinra_t2d.schema.tables import Table
from anakinra_t2d.schema.trial import Codelists, Trial
from anakinra_t2d.schema.yaml_source import Loc, SchemaError, YamlSource, read_yaml

Model = TypeVar("Model", bound=BaseModel)


def load(root: Path) -> Definitions:
    """Read the definitions below ``root / "schema"`` and check what they refer to.

    Raises:
        SchemaError: every problem found, each with file and line.
    """
    reader = _Reader(root)
    trial = reader.model("schema/trial.yaml", Trial)
    quantities = reader.model("schema/quantities.yaml", Quantities)
    codelists = reader.model("schema/codelists.yaml", Codelists)
    eligibility = reader.model("schema/eligibility.yaml", Eligibility)
    flow = reader.model("schema/flow.yaml", Flow)
    tables = {path.stem: reader.model(reader.shown(path), Table) for path in reader.files("tables")}
    rule_files = [reader.model(reader.shown(path), RuleFile) for path in reader.files("rules")]
    reported = reader.model("schema/reported.yaml", ReportedResults)
    endpoints = reader.endpoints("schema/endpoints.yaml", codelists)
    adam = reader.model("schema/adam.yaml", Adam)
    deidentification = reader.model("schema/deidentification.yaml", Deidentification)
    profiles = {path.stem: reader.model(reader.shown(path), Profile) for path in reader.files("sites")}
    reader.stop_if_wrong()
    assert trial and quantities and codelists and eligibility and flow and endpoints and reported and adam
    assert deidentification
    known = {name: table for name, table in tables.items() if table}
    for name, table in known.items():
        table._name = name
        for field_name, field in table.fields.items():
            field._name, field._table = field_name, name
    for name, profile in profiles.items():
        if profile:
            profile._name = name
    files = [file for file in rule_files if file]
    order = [name for name in trial.tables if name in known] + [name for name in known if name not in trial.tables]
    result = Definitions(
        trial=trial,
        quantities=quantities.quantities,
        codelists=codelists.codelists,
        tables={name: known[name] for name in _parents_first({name: known[name] for name in order})},
        builtin_rules={rule.code: rule for file in files for rule in file.builtin},
        across_rules={rule.code: rule for file in files for rule in file.rules},
        profiles={name: profile for name, profile in profiles.items() if profile},
        spellings=quantities.spellings,
        eligibility=eligibility,
        flow=flow,
        endpoints=endpoints,
        reported=reported.reported,
        adam=adam,
        deidentification=deidentification,
        sources=reader.sources,
        root=root,
    )
    problems = problems_between(result, quantities, files)
    problems += eligibility_problems(result)
    problems += endpoint_problems(result, reader.written_out)
    problems += adam_problems(result)
    problems += deidentification_problems(result)
    for name, site in result.profiles.items():
        problems += profile_problems(result, site, reader.sources[f"schema/sites/{name}.yaml"])
    if problems:
        raise SchemaError(sorted(problems))
    return result


def load_profile(path: Path, found: Definitions) -> Profile:
    """Read a site profile from any file.

    Raises:
        SchemaError: the file cannot be read, is no profile, or names what the definitions do not have; a line each.
    """
    reader = _Reader(path.parent)
    try:
        profile = reader.model(path.name, Profile)
    except OSError as error:
        raise SchemaError([f"{path}: cannot be read: {(error.strerror or '').lower()}"]) from None
    reader.stop_if_wrong()
    assert profile
    profile._name = path.stem
    if problems := profile_problems(found, profile, reader.sources[path.name]):
        raise SchemaError(sorted(problems))
    return profile


def _parents_first(tables: dict[str, Table]) -> list[str]:
    """Table names with every referenced table before the tables that refer to it."""
    done: list[str] = []

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in done or name in path or name not in tables:
            return
        for reference in tables[name].foreign_keys:
            visit(reference.table, (*path, name))
        done.append(name)

    for name in tables:
        visit(name, ())
    return done


class _Reader:
    """Reads schema files into models and gathers the problems of all of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sources: dict[str, YamlSource] = {}
        self.problems: list[str] = []
        self.written_out = WrittenOut({})

    def shown(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def files(self, folder: str) -> list[Path]:
        found = sorted((self.root / "schema" / folder).glob("*.y*ml"))
        self.problems += [f"{self.shown(p)}: schema files end in .yaml" for p in found if p.suffix != ".yaml"]
        return [path for path in found if path.suffix == ".yaml"]

    def model(self, shown: str, model: type[Model]) -> Model | None:
        source = self.source(shown)
        return self.read(source, source.data, model, lambda loc: loc) if source else None

    def endpoints(self, shown: str, codelists: Codelists | None) -> Endpoints | None:
        """The cards, with those that repeat written out."""
        source = self.source(shown)
        if source is None:
            return None
        lists = codelists.codelists if codelists else {}
        terms = {name: {term.code: term.label for term in one.terms} for name, one in lists.items()}
        whole = self.written_out = written_out(source.data, terms)
        self.problems += [f"{shown}:{source.line(loc)}: {_place(loc)}: {words}" for loc, words in whole.problems]
        return self.read(source, whole.data, Endpoints, whole.place)

    def source(self, shown: str) -> YamlSource | None:
        try:
            source = read_yaml(self.root / shown, shown)
        except FileNotFoundError:
            self.problems.append(f"{shown}: the file is missing")
            return None
        except SchemaError as error:
            self.problems += error.problems
            return None
        self.sources[shown] = source
        return source

    def read(self, source: YamlSource, data: object, model: type[Model], place: Callable[[Loc], Loc]) -> Model | None:
        try:
            # by way of JSON, because strict models take a list for a tuple only from JSON
            return model.model_validate_json(json.dumps(data), strict=True)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                self.problems.append(_problem(source, detail, place))
            return None

    def stop_if_wrong(self) -> None:
        if self.problems:
            raise SchemaError(self.problems)


def _place(loc: Loc) -> str:
    return ".".join(str(part) for part in loc) or "file"


def _problem(source: YamlSource, detail: Any, place_in_file: Callable[[Loc], Loc]) -> str:
    loc: Loc = place_in_file(tuple(detail["loc"]))
    place = _place(loc)
    if detail["type"] == "extra_forbidden":
        words = f"unknown key {loc[-1]!r}"
    elif detail["type"] == "missing":
        words = f"the key {loc[-1]!r} is missing"
    else:
        message = detail["msg"].removeprefix("Value error, ")
        found = "" if isinstance(detail["input"], dict | list | BaseModel) else f", found {detail['input']!r}"
        words = message[0].lower() + message[1:] + found
    return f"{source.path}:{source.line(loc)}: {place}: {words}"
