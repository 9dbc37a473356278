"""The words of the schema on every variable, beside the picture of its values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from anakinra_t2d.forms.field_help import code_labels, range_words, requirement_words, same, sent_tables, type_words
from anakinra_t2d.report.html.box_plot import box_plot
from anakinra_t2d.report.html.distributions import distributions
from anakinra_t2d.report.html.finding_groups import variable_anchor

if TYPE_CHECKING:
    from anakinra_t2d.finding import Finding
    from anakinra_t2d.report.html.disclosure import Disclosure
    from anakinra_t2d.report.html.submission import Submission
    from anakinra_t2d.schema import Definitions, Field, Table


_PRIVACY = {"direct": "identifies a person; never shown", "quasi": "may identify a person together with others"}


@dataclass(frozen=True)
class Variable:
    """A variable: ``facts`` are its words by heading, ``picture`` is empty where no values are drawn."""

    anchor: str
    name: str
    label: str
    description: str
    unit: str
    basis: str
    range_basis: str
    usual: str
    hard: str
    facts: list[tuple[str, str]]
    findings: int
    picture: Markup


@dataclass(frozen=True)
class VariableTable:
    """The variables of a table; ``hidden`` says why values are not drawn."""

    name: str
    title: str
    purpose: str
    hidden: str
    variables: list[Variable]

    @property
    def drawn(self) -> list[Variable]:
        """Those with a picture."""
        return [variable for variable in self.variables if variable.picture]

    @property
    def others(self) -> list[Variable]:
        """Those without."""
        return [variable for variable in self.variables if not variable.picture]

    @property
    def findings(self) -> int:
        """Findings on all of them."""
        return sum(variable.findings for variable in self.variables)


def variable_tables(submission: Submission, disclosure: Disclosure, findings: Sequence[Finding]) -> list[VariableTable]:
    """Every table that a site sends, in the order of the trial."""
    definitions = submission.definitions
    counts = Counter((finding.table, finding.field) for finding in findings)
    by_table: dict[str, list[Finding]] = {}
    for finding in findings:
        by_table.setdefault(finding.table or "", []).append(finding)
    found = []
    for table in sent_tables(definitions):
        rows = distributions(table, submission, disclosure, by_table.get(table.name, []))
        variables = []
        for field in table.fields.values():
            unit = _unit(field, definitions)
            picture = (
                box_plot(rows[field.name], field, f" {unit}" if unit else "") if field.name in rows else Markup("")
            )
            variables.append(_variable(field, table, definitions, counts, picture))
        found.append(VariableTable(table.name, table.title, table.purpose, _hidden(table, disclosure), variables))
    return found


def _hidden(table: Table, disclosure: Disclosure) -> str:
    if not disclosure.show_values:
        return "Values are left out of this report."
    if not disclosure.table(table):
        return "The table can reveal the arm; its values are left out of a blinded report."
    return ""


def _unit(field: Field, definitions: Definitions) -> str:
    unit = definitions.unit(field) or ""
    return "" if unit == "1" else unit


def _variable(
    field: Field,
    table: Table,
    definitions: Definitions,
    counts: Mapping[tuple[str | None, str | None], int],
    picture: Markup,
) -> Variable:
    return Variable(
        anchor=variable_anchor(table.name, field.name),
        name=field.name,
        label=field.label,
        description=field.description,
        unit=_unit(field, definitions),
        basis=field.basis,
        range_basis=field.range_source or "",
        usual=range_words(field.expected),
        hard=range_words(field.range),
        facts=_facts(field, definitions),
        findings=counts.get((table.name, field.name), 0),
        picture=picture,
    )


def _facts(field: Field, definitions: Definitions) -> list[tuple[str, str]]:
    codes = code_labels(field, definitions) if field.codelist else {}
    readings = {one.id: one for one in definitions.trial.ambiguities}
    reading = readings.get(field.ambiguity or "")
    range_from = ": ".join(part for part in (field.range_source, field.range_note) if part)
    facts = (
        ("Unit", _unit(field, definitions)),
        ("Type", type_words(field)),
        ("Asked for", requirement_words(field)),
        ("Usual range", range_words(field.expected)),
        ("Possible range", range_words(field.range)),
        ("Ranges from", range_from),
        ("Codes", "; ".join(code if same(code, label) else f"{code} = {label}" for code, label in codes.items())),
        ("Form", field.form),
        ("Visits", ", ".join(field.visits)),
        ("Specimen", field.specimen),
        ("LOINC", field.codes.loinc),
        ("CDISC", ".".join(part for part in (field.codes.cdisc_domain, field.codes.cdisc) if part)),
        ("Blinding", "can reveal the arm" if field.blinding == "revealing" else ""),
        ("Privacy", _PRIVACY.get(field.identifying)),
        ("Source", field.source),
        ("Basis", field.basis),
        ("Open reading", f"{reading.id}: {reading.open} Read here as: {reading.reading}." if reading else ""),
        ("Note", field.note),
    )
    return [(heading, text) for heading, text in facts if text]
