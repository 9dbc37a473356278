"""What entry criteria and the enrolment flow say of other definitions: inputs, readings, steps, tables, codelists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from anakinra_t2d.schema.sql import SqlProblem, columns_read

if TYPE_CHECKING:
    from anakinra_t2d.schema.contents import Definitions
    from anakinra_t2d.schema.eligibility import Criterion, CriterionAlternative
    from anakinra_t2d.schema.flow import FlowStep
    from anakinra_t2d.schema.yaml_source import Loc

_CRITERIA, _FLOW = "schema/eligibility.yaml", "schema/flow.yaml"
_OF_A_LIMIT = ("_below", "_above")


def eligibility_problems(found: Definitions) -> list[str]:
    """Every broken reference of the criteria and of the flow, as ``file:line: place: words``."""
    check = _Check(found)
    check.criteria()
    check.flow()
    return check.problems


class _Check:
    def __init__(self, found: Definitions) -> None:
        self.found = found
        self.problems: list[str] = []
        self.inputs: set[str] = set()

    def say(self, shown: str, loc: Loc, words: str) -> None:
        line = self.found.sources[shown].line(loc)
        self.problems.append(f"{shown}:{line}: {'.'.join(str(part) for part in loc)}: {words}")

    def known(self, shown: str, loc: Loc, what: str, name: str, names: Iterable[str]) -> bool:
        if name in names:
            return True
        self.say(shown, loc, f"there is no {what} {name!r}")
        return False

    def read(self, shown: str, loc: Loc, text: str) -> set[str]:
        """Names in ``text``, those of columns without the relation before the point."""
        try:
            return {name.rpartition(".")[2] for name in columns_read(text)}
        except SqlProblem as problem:
            self.say(shown, loc, str(problem))
            return set()

    def criteria(self) -> None:
        eligibility = self.found.eligibility
        # the query is not run here: a name that it does not have anywhere is certainly no column of it
        self.inputs = self.read(_CRITERIA, ("inputs",), "\n".join(_without_comments(eligibility.inputs)))
        if eligibility.decision:
            self.known(_CRITERIA, ("decision",), "input", eligibility.decision, self.inputs)
        seen: set[str] = set()
        for index, criterion in enumerate(eligibility.criteria):
            loc: Loc = ("criteria", index)
            if criterion.id in seen:
                self.say(_CRITERIA, (*loc, "id"), f"the id {criterion.id} is used twice")
            seen.add(criterion.id)
            self.criterion(loc, criterion)

    def criterion(self, loc: Loc, criterion: Criterion) -> None:
        readings = {one.id: one for one in self.found.trial.ambiguities}
        if criterion.ambiguity:
            self.known(_CRITERIA, (*loc, "ambiguity"), "open reading", criterion.ambiguity, readings)
        self.condition(loc, criterion, criterion.reads)
        for name in criterion.either:
            self.known(_CRITERIA, (*loc, "either"), "entry of `reads`", name, criterion.reads)
        for index, alternative in enumerate(criterion.alternatives):
            place: Loc = (*loc, "alternatives", index)
            if self.known(_CRITERIA, (*place, "reading"), "open reading", alternative.reading, readings):
                choices = list(readings[alternative.reading].choices)
                what = f"choice of {alternative.reading}"
                if self.known(_CRITERIA, (*place, "choice"), what, alternative.choice, choices) and (
                    alternative.choice == choices[0]
                ):
                    self.say(_CRITERIA, (*place, "choice"), "the first choice of a reading is the criterion itself")
            self.condition(place, alternative, criterion.reads)

    def condition(self, loc: Loc, card: Criterion | CriterionAlternative, reads: list[str]) -> None:
        reads = card.reads or reads
        for name in reads:
            self.known(_CRITERIA, (*loc, "reads"), "input", name, self.inputs)
        for key in ("may_be_empty", "no_result"):
            for name in getattr(card, key) or ():
                self.known(_CRITERIA, (*loc, key), "entry of `reads`", name, reads)
        texts: dict[Loc, str] = {("condition",): card.condition}
        texts |= {("no_result", name): text for name, text in (card.no_result or {}).items()}
        for key_of_text, text in texts.items():
            names = self.read(_CRITERIA, (*loc, *key_of_text), text)
            for name in sorted(names - set(reads)):
                whole = next((name.removesuffix(end) for end in _OF_A_LIMIT if name.endswith(end)), name)
                if whole not in reads or name not in self.inputs:
                    self.say(_CRITERIA, (*loc, *key_of_text), f"reads {name}, which `reads` does not list")

    def flow(self) -> None:
        steps: dict[str, FlowStep] = {}
        for index, step in enumerate(self.found.flow.steps):
            loc: Loc = ("steps", index)
            if step.id in steps:
                self.say(_FLOW, (*loc, "id"), f"the step {step.id} is there twice")
            self.place_of(loc, step, steps)
            for table in step.tables:
                self.known(_FLOW, (*loc, "tables"), "table", table, self.found.tables)
            self.read(_FLOW, (*loc, "people"), step.people)
            if step.reasons and step.reasons.codelist:
                lists = self.found.codelists
                self.known(_FLOW, (*loc, "reasons", "codelist"), "codelist", step.reasons.codelist, lists)
            steps[step.id] = step

    def place_of(self, loc: Loc, step: FlowStep, earlier: dict[str, FlowStep]) -> None:
        if step.parent is None:
            if earlier or step.kind != "goes_on":
                self.say(_FLOW, loc, "only the first step has no parent, and it goes on")
        elif self.known(_FLOW, (*loc, "parent"), "earlier step", step.parent, earlier):
            if earlier[step.parent].kind != "goes_on":
                self.say(_FLOW, (*loc, "parent"), f"nobody goes on from the step {step.parent}")
            others = [one.id for one in earlier.values() if one.parent == step.parent and one.kind == "goes_on"]
            if step.kind == "goes_on" and others:
                self.say(_FLOW, loc, f"the way already goes on from {step.parent} to {others[0]}")


def _without_comments(text: str) -> list[str]:
    return [line.partition("--")[0] for line in text.splitlines()]
