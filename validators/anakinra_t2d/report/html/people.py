"""Who the schedule expects at a visit: those who were screened, then those who were treated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anakinra_t2d.across.relations import open_relations

if TYPE_CHECKING:
    from anakinra_t2d.report.html.submission import Submission
    from anakinra_t2d.schema.flow import FlowStep
    from anakinra_t2d.schema.trial import Visit


class Expected:
    """Subjects of the two steps of the enrolment flow on which the schedule rests; empty where no table says them."""

    def __init__(self, submission: Submission) -> None:
        flow = submission.definitions.flow
        allocating = next((step for step in flow.steps if step.allocates), None)
        before = next((step for step in flow.steps if allocating and step.id == allocating.parent), None)
        after = next(iter(flow.below(allocating.id, "goes_on")), None) if allocating else None
        self.before, self.after = (_people(step, submission) for step in (before, after))
        self.words = tuple(step.label.lower() if step else "" for step in (before, after))

    def at(self, visit: Visit | None) -> frozenset[str]:
        """Subjects whom the schedule expects at the visit: before the first dose all who were screened."""
        screening = visit is not None and visit.days is not None and visit.days[1] < 1
        return self.before if screening else self.after


def _people(step: FlowStep | None, submission: Submission) -> frozenset[str]:
    paths = submission.paths()
    if step is None or any(name not in paths for name in step.tables):
        return frozenset()
    with open_relations(submission.definitions, {name: [paths[name]] for name in step.tables}) as con:
        rows = con.execute(f"SELECT DISTINCT subject_id FROM ({step.people}) AS people").fetchall()
    return frozenset(str(subject) for (subject,) in rows if subject is not None)
