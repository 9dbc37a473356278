"""The enrolment flow: who is approached, screened, randomised, treated and completes, and who leaves and why."""

from __future__ import annotations

from typing import Literal

from pydantic import Field as Option

from anakinra_t2d.schema.common import Basis, Definition, Name, Sql, Text


class Reasons(Definition):
    """Where the words of the reasons of a step are."""

    codelist: Name | None = None
    criteria: bool = Option(default=False, description="True: reasons may be ids of entry criteria.")
    words: dict[Text, Text] = Option(default={}, description="Words of other codes.")


class FlowStep(Definition):
    """People who reach a step, or who leave before the next one."""

    id: Name
    label: Text
    kind: Literal["goes_on", "leaves", "part"] = Option(
        description="goes_on: the way of the trial; with those that leave it makes up its parent. leaves: people who "
        "are in the parent and do not go on. part: some of the parent, beside the way."
    )
    parent: Name | None = Option(default=None, description="The step these people come from; only the first has none.")
    allocates: bool = Option(default=False, description="True: from here on people belong to an arm.")
    tables: list[Name] = Option(description="Tables that must have rows, or the number of people is not known.")
    people: Sql = Option(
        description="SQL over the tables and relations of eligibility with the columns person, subject_id, site_id and "
        "reason; several rows for a person who has several reasons."
    )
    reasons: Reasons | None = None
    basis: Basis
    source: Text
    note: Text | None = None


class Flow(Definition):
    """``schema/flow.yaml``."""

    steps: list[FlowStep] = Option(min_length=1)

    def below(self, parent: str | None, kind: str) -> list[FlowStep]:
        """The steps of a kind below ``parent``, in their order."""
        return [step for step in self.steps if step.parent == parent and step.kind == kind]

    @property
    def allocated(self) -> set[str]:
        """Ids of the steps whose people belong to an arm: one that allocates and all below it."""
        found: set[str] = set()
        for step in self.steps:
            if step.allocates or step.parent in found:
                found.add(step.id)
        return found
