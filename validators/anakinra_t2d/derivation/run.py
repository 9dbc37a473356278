"""``derive``: everything that follows from converted tables, written beside them."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from anakinra_t2d.across.eligibility import make_eligibility_relations
from anakinra_t2d.across.relations import open_relations
from anakinra_t2d.derivation.aligned_columns import counted
from anakinra_t2d.derivation.beside_paper import Comparison, beside_paper
from anakinra_t2d.derivation.converted import Converted, open_converted
from anakinra_t2d.derivation.derived_files import DerivedFiles, beside
from anakinra_t2d.derivation.flow import FlowRow, flow_rows
from anakinra_t2d.derivation.results import Result, Results
from anakinra_t2d.derivation.workspace import Relations, Workspace
from anakinra_t2d.report.results_table import plain_results
from anakinra_t2d.schema import Definitions, definitions
from anakinra_t2d.schema.eligibility_readings import eligibility_with
from anakinra_t2d.schema.readings import affected, checked, choices

if TYPE_CHECKING:
    import duckdb

    from anakinra_t2d.derivation.workspace import Made
    from anakinra_t2d.schema.endpoints import Endpoint, Parameter

Progress = Callable[[str, float], None]
_MEMORY = "700MB"


@dataclass
class Derived:
    """What ``derive`` wrote, for the one who reads the report.

    ``states`` counts the endpoint values by state; ``readings`` are the open readings chosen otherwise than usual;
    ``warnings`` are sentences about the data it came from.
    """

    folder: Path
    readings: Mapping[str, str]
    synthetic: bool
    states: dict[str, int] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    flow: list[FlowRow] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def derive(
    folder: str | Path,
    *,
    readings: Mapping[str, str] | None = None,
    all_readings: bool = False,
    found: Definitions | None = None,
    progress: Progress | None = None,
    workspace: type[Workspace] = Workspace,
) -> Derived:
    """Write parameters, endpoints, eligibility, enrolment flow and results as Parquet beside converted tables.

    These are ``parameters.parquet``, ``endpoints.parquet``, ``eligibility.parquet``, ``flow.parquet``,
    ``results.parquet`` (columns: :mod:`anakinra_t2d.forms.derived_tables`) and ``results.txt``, described in
    datapackage.json and manifest.json. The directory changes as a whole or not at all.

    Args:
        folder: a directory that ``convert`` wrote.
        readings: another choice of open readings, by id, for instance ``{"A12": "incremental"}``.
        all_readings: also calculate the results under every other choice of each open reading, one at a time.
        found: the definitions; the shipped ones by default.
        progress: called with a short text and the part that is done (0 to 1).
        workspace: makes the parameters and endpoints.

    Raises:
        InputError: the directory is no output of ``convert``, or a table of it cannot be read.
        ReadingError: a reading or choice does not exist.
        OutputError: the directory cannot be written.
    """
    found = found or definitions()
    chosen = checked(found, readings or {})
    converted = open_converted(Path(folder), found)
    derived = Derived(Path(folder), chosen, converted.synthetic, warnings=converted.warnings)
    with (
        beside(converted, found) as files,
        tempfile.TemporaryDirectory(prefix=".work-", dir=files.folder) as scratch,
    ):
        with open_relations(
            _without_cards(found),
            {name: [path] for name, path in converted.tables.items()},
            memory_limit=_MEMORY,
            scratch=Path(scratch),
        ) as con:
            if chosen:
                make_eligibility_relations(con, eligibility_with(found, chosen))
            run = _Derivation(found, converted, con, Path(scratch), files, derived, progress, workspace)
            run.run(all_readings=all_readings)
        files.finish(found, derived.readings, plain_results(derived, found))
    return derived


def _without_cards(found: Definitions) -> Definitions:
    """The same tables and criteria; what sites calculated is then not rechecked, which only rules need."""
    return replace(found, endpoints=found.endpoints.model_copy(update={"parameters": [], "endpoints": []}))


class _Derivation:
    def __init__(
        self,
        found: Definitions,
        converted: Converted,
        con: duckdb.DuckDBPyConnection,
        scratch: Path,
        files: DerivedFiles,
        derived: Derived,
        progress: Progress | None,
        workspace: type[Workspace],
    ) -> None:
        self.found = found
        self.con = con
        self.files = files
        self.derived = derived
        self.progress = progress or (lambda text, part: None)
        self.done, self.steps = 0, 1
        self.workspace = workspace(con, found, scratch, converted.wrong_units, self._tell)

    def run(self, *, all_readings: bool) -> None:
        cards = self.found.endpoints
        variants = self._variants() if all_readings else []
        self.steps = len(cards.parameters) + len(cards.endpoints)
        self.steps += sum(len(affected(cards, reading)) for reading, _ in variants)
        usual = self._make_and_write()
        results = Results(self.con, self.workspace, [arm.id for arm in self.found.trial.arms])
        self.derived.results += results.of(usual)
        for reading, choice in variants:
            varied = self.workspace.vary(usual, self.derived.readings, reading, choice)
            self.derived.results += results.of(varied)
        self.files.results(self.derived.results)
        self.derived.flow = flow_rows(self.con, self.found, arms=results.has_arms)
        self.files.flow(self.derived.flow)
        self.derived.comparisons = beside_paper(
            {(r.endpoint_id, r.group, r.statistic): r.value for r in self.derived.results if r.reading is None},
            {(row.step, row.group, row.reason): row.n for row in self.derived.flow if row.n is not None},
            self.found,
            synthetic=self.derived.synthetic,
        )

    def _make_and_write(self) -> Relations:
        subjects, states = self.workspace.subjects, Counter[str]()
        with self.files.cards(subjects) as (parameters, endpoints):

            def write(card: Parameter | Endpoint, made: Made) -> None:
                if "" in made:
                    endpoints.add(card.id, card.unit, made)
                    states.update(counted(made[""]["state"]))
                else:
                    parameters.add(card.id, card.unit, made)

            usual = self.workspace.make(self.derived.readings, write)
        self.files.eligibility(self.con, eligibility_with(self.found, self.derived.readings).criteria)
        self.derived.states = dict(sorted(states.items()))
        return usual

    def _variants(self) -> list[tuple[str, str]]:
        return [
            (reading, choice)
            for reading, known in choices(self.found).items()
            if affected(self.found.endpoints, reading)
            for choice in known
            if choice != self.derived.readings.get(reading, next(iter(known)))
        ]

    def _tell(self, text: str) -> None:
        self.progress(text, min(1.0, self.done / self.steps))
        self.done += 1
