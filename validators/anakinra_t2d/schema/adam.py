"""CDISC analysis data sets: which variable of ADSL comes from where, and how parameters become records of a BDS."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as Option
from pydantic import StringConstraints, model_validator

from anakinra_t2d.schema.common import Definition, Name, Sql, Text
from anakinra_t2d.schema.vectors import State

VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]{0,7}$")]
"""Name of a variable or data set: at most eight characters, the limit of SAS transport files."""

VariableLabel = Annotated[str, StringConstraints(pattern=r"^[ -~]{1,40}$", strip_whitespace=True)]
"""Label in ASCII: at most 40 characters, the limit of SAS transport files."""

TableField = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
"""A field as ``table.field``."""


class SubjectVariable(Definition):
    """A variable of ADSL. A subject for whom its source has several different values has none."""

    name: VariableName
    label: VariableLabel
    constant: Text | None = Option(default=None, description="The same text for everyone.")
    trial: Literal["registry", "name"] | None = Option(default=None, description="This fact of the trial.")
    field: TableField | None = Option(default=None, description="A field of a table with a subject_id.")
    query: Sql | None = Option(default=None, description="SQL giving subject_id and value.")
    type: Literal["text", "number", "date"] | None = Option(default=None, description="Type of the query's value.")
    terms: dict[Text, Text | None] = Option(default={}, description="What stands for each code of the field.")
    codelist: Name | None = Option(default=None, description="Codelist whose labels stand for the codes.")
    note: Text | None = None

    @model_validator(mode="after")
    def _one_source(self) -> SubjectVariable:
        sources = [self.constant, self.trial, self.field, self.query]
        if sum(source is not None for source in sources) != 1:
            raise ValueError("a variable has one source: constant, trial, field or query")
        if (self.query is None) != (self.type is None):
            raise ValueError("a query needs the type of its value, other sources have theirs")
        if self.terms and (self.field is None or self.codelist):
            raise ValueError("terms stand for the codes of a field, and not beside a codelist")
        return self


class SubjectLevel(Definition):
    """The data set with one record for each subject; a flag for every population follows its variables."""

    name: VariableName
    label: VariableLabel
    table: Name = Option(description="The table whose records are the subjects.")
    variables: list[SubjectVariable] = Option(min_length=1)
    population_labels: dict[Name, VariableLabel] = Option(
        default={}, description="Label of the flag of a population; without it, its own label, shortened."
    )


class AnalysisVisit(Definition):
    """AVISIT and AVISITN of an analysis visit of the cards."""

    id: Name
    label: Text
    number: int
    baseline: bool = Option(default=False, description="True: its value is the baseline of the parameter.")


class WholeStudy(Definition):
    """AVISIT and AVISITN of an endpoint that belongs to no visit."""

    label: Text
    number: int


class Values(Definition):
    """The data set with a record for each subject, parameter and visit, and for each subject and endpoint."""

    name: VariableName
    label: VariableLabel
    copied: dict[VariableName, VariableName] = Option(description="Variables taken from the subjects, by new name.")
    copied_labels: dict[VariableName, VariableLabel] = {}
    study_day_from: VariableName = Option(description="Date of the subject that is study day 1; there is no day 0.")
    visits: list[AnalysisVisit]
    whole_study: WholeStudy
    usual_date: TableField = Option(description="Date of a record in a table with visits.")
    dates: dict[Name, TableField] = Option(description="Tables whose records have a better date than the visit's.")
    derivation_types: dict[State, VariableName] = Option(
        description="DTYPE by state of a value, for values that are no plain observation or calculation: a sample "
        "between the ends that is bridged, a limit that stands for a result, a missing input that took its default."
    )

    def visit(self, id: str) -> AnalysisVisit:
        """The analysis visit with this id.

        Raises:
            KeyError: there is none.
        """
        return {visit.id: visit for visit in self.visits}[id]


class Adam(Definition):
    """``schema/adam.yaml``."""

    subject_level: SubjectLevel
    values: Values
