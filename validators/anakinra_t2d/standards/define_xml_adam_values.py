"""The data set of parameters and endpoints (ADBDS) for Define-XML, each parameter with its own metadata."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from anakinra_t2d.derivation.adam_values import LABELS, parameter_names
from anakinra_t2d.schema.endpoints import (
    EventCard,
    IndicatorCard,
    LevelCard,
    MeanOverCard,
    RankCard,
    TwoVisitsCard,
)
from anakinra_t2d.standards.define_xml_adam_subjects import DAY_FORMAT, DAY_LENGTH
from anakinra_t2d.standards.define_xml_content import (
    LONGEST_NUMBER,
    LONGEST_TEXT,
    NUMBER_DIGITS,
    Code,
    CodeList,
    Comment,
    DataSet,
    Item,
    Method,
    Origin,
    Value,
    Variable,
    joined,
)
from anakinra_t2d.standards.define_xml_methods import Methods
from anakinra_t2d.standards.define_xml_tables import display_format
from anakinra_t2d.write.transport_file import transport_text

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.schema.endpoints import Endpoint, Parameter

_NO_STANDARD = ("AVALU", "AVALSTAT", "AVALREAS")
_MANDATORY = (
    "STUDYID", "USUBJID", "SUBJID", "PARAMCD", "PARAM", "PARCAT1", "AVISIT", "AVISITN", "AVALU", "AVALSTAT",
)  # fmt: skip
_ASSIGNED, _DERIVED = Origin("Assigned", "Sponsor"), Origin("Derived", "Sponsor")
_TRUE = CodeList("yes_no_number", "Yes or no as a number", (Code("1", "Yes"), Code("0", "No")), data_type="integer")
_BASELINE = CodeList("baseline_flag", "Baseline record", (Code("Y", "Yes"),))
_STATES = {
    "derived": "Derived, nothing special",
    "input_imputed_interval": "Derived, a sample between the ends is bridged",
    "input_imputed_limit": "Derived, a limit of quantification stands for a result",
    "input_assumed": "Derived, a missing input took its default",
    "not_derivable": "No value can be derived",
    "not_in_population": "The endpoint does not concern this patient",
}


def value_data_set(definitions: Definitions, subjects: DataSet) -> DataSet:
    """A record for each subject, parameter and analysis visit, and for each subject and endpoint."""
    known = definitions.adam.values
    return DataSet(
        name=known.name,
        label=known.label,
        file=f"{known.name.lower()}.xpt",
        structure="One record per subject, parameter and analysis visit, and per subject and endpoint",
        key=("STUDYID", "USUBJID", "PARAMCD", "AVISITN"),
        variables=(*_copied(definitions, subjects), *_own(definitions)),
        group="BASIC DATA STRUCTURE",
        purpose="Analysis",
        comment=Comment(
            "Everyone for whom values are derived, with a record for each parameter and visit even where there is no "
            "value; AVALSTAT and AVALREAS say why. A record of an endpoint (PARCAT1 is ENDPOINT) holds one value of a "
            "patient, which can be a change itself."
        ),
    )


def _copied(definitions: Definitions, subjects: DataSet) -> Iterable[Variable]:
    known = definitions.adam.values
    there = {variable.name: variable for variable in subjects.variables}
    flags = {population.code: population.code for population in definitions.endpoints.populations.values()}
    for new, old in {**known.copied, **flags}.items():
        item = there[old].item
        yield Variable(
            name=new,
            item=dataclasses.replace(
                item,
                label=known.copied_labels.get(new) or item.label,
                origin=Origin("Predecessor", words=f"{subjects.name}.{old}"),
                method=None,
                comment=None,
            ),
            mandatory=new in _MANDATORY,
            standard=there[old].standard,
        )


def _own(definitions: Definitions) -> Iterable[Variable]:
    names = parameter_names(definitions)
    items = _items(definitions, names)
    for name, label in LABELS.items():
        yield Variable(
            name=name,
            item=dataclasses.replace(items[name], label=label),
            mandatory=name in _MANDATORY,
            standard=name not in _NO_STANDARD,
            values=tuple(_values(definitions, names)) if name == "AVAL" else (),
        )


def _items(definitions: Definitions, names: dict[str, str]) -> dict[str, Item]:
    """What is said of the variables that a record has beside those of its subject, by name."""
    known, cards = definitions.adam.values, definitions.endpoints
    both: list[Parameter | Endpoint] = [*cards.parameters, *cards.endpoints]
    texts = {card.code: transport_text(names[card.id]) for card in both}
    visits = _visits(definitions)
    day = known.study_day_from
    return {
        "PARAMCD": _text(CodeList("PARAMCD", "Parameter code", _codes(texts, texts))),
        "PARAM": _text(CodeList("PARAM", "Parameter", _codes(texts.values()))),
        "PARCAT1": _text(CodeList("PARCAT1", "Parameter category 1", _codes(("PARAMETER", "ENDPOINT")))),
        "PARCAT2": _text(
            CodeList(
                "PARCAT2", "Role of an endpoint", _codes(dict.fromkeys(one.role.upper() for one in cards.endpoints))
            )
        ),
        "AVISIT": _text(
            CodeList("AVISIT", "Analysis visit", _codes(visits)),
            "AVISIT: The analysis visit of a parameter; of an endpoint its follow-up visit, or the visits it covers, "
            f"or {known.whole_study.label} where it has none.",
        ),
        "AVISITN": _number(
            "AVISITN: The number of the visit in AVISIT; of several visits that of the last.",
            length=max(len(str(number)) for number in visits.values()),
            codelist=CodeList("AVISITN", "Analysis visit (N)", _numbered(visits), data_type="integer"),
        ),
        "ADT": _number(
            "ADT: The day of the record that the value was read from; of a formula the latest of its inputs. Empty "
            "where the records of a visit have different days.",
            length=DAY_LENGTH,
            display=DAY_FORMAT,
        ),
        "ADY": _number(
            f"ADY: ADT - {day} + 1 from {day} on, ADT - {day} before it; there is no day 0.", length=DAY_LENGTH
        ),
        "AVAL": _number(""),
        "AVALU": _text(CodeList("AVALU", "Unit (UCUM)", _codes(sorted({card.unit for card in both})))),
        "BASE": _number(
            "BASE: AVAL of the baseline record of the parameter (ABLFL is Y); of an endpoint the value at baseline of "
            "the parameter it is made from. BASETYPE says which."
        ),
        "BASETYPE": _text(CodeList("BASETYPE", "Baseline type", _codes(_bases(definitions)))),
        "CHG": _number("CHG: AVAL - BASE after the baseline visit of a parameter; empty for endpoints."),
        "ABLFL": _text(_BASELINE, "ABLFL: Y on the record of a parameter that has a value at its baseline visit."),
        "DTYPE": _text(
            CodeList("DTYPE", "Derivation type", _derivation_types(definitions)),
            "DTYPE: From AVALSTAT, where the value is no plain observation or calculation: "
            + ", ".join(f"{name} for {state}" for state, name in known.derivation_types.items())
            + ".",
        ),
        "AVALSTAT": _text(
            CodeList("AVALSTAT", "State of a value", _codes(_STATES, _STATES)),
            "AVALSTAT: How the value came about, from the column state of the view of the parameter or endpoint.",
        ),
        "AVALREAS": _text(
            None, "AVALREAS: Why there is no value, or what is special about it, from the column reason of the view."
        ),
    }


def _text(codelist: CodeList | None, method: str = "") -> Item:
    """A text, derived by ``method`` (``NAME: words``) or else assigned; its label comes later."""
    length = max((len(code.value) for code in codelist.codes), default=1) if codelist else LONGEST_TEXT
    origin = _DERIVED if method else _ASSIGNED
    return Item("", "text", length, origin=origin, codelist=codelist, method=_method(method))


def _number(
    method: str, *, length: int | None = None, display: str | None = None, codelist: CodeList | None = None
) -> Item:
    """A number derived by ``method``; one with a length is whole."""
    return Item(
        "",
        "integer" if length else "float",
        length or LONGEST_NUMBER,
        None if length else NUMBER_DIGITS,
        display,
        origin=_DERIVED,
        codelist=codelist,
        method=_method(method),
    )


def _method(words: str) -> Method | None:
    name, _, said = words.partition(": ")
    return Method(f"values.{name}", name, said) if said else None


def _numbered(visits: Mapping[str, int]) -> tuple[Code, ...]:
    numbers = sorted(set(visits.values()))
    return tuple(
        Code(str(number), " or ".join(label for label, other in visits.items() if other == number))
        for number in numbers
    )


def _derivation_types(definitions: Definitions) -> tuple[Code, ...]:
    states: dict[str, list[str]] = {}
    for state, name in definitions.adam.values.derivation_types.items():
        states.setdefault(name, []).append(_STATES[state])
    return tuple(Code(name, joined(words)) for name, words in states.items())


def _values(definitions: Definitions, names: dict[str, str]) -> Iterable[Value]:
    cards, methods = definitions.endpoints, Methods(definitions, names)
    for card in [*cards.parameters, *cards.endpoints]:
        is_endpoint = not hasattr(card, "visits")
        method = methods.endpoint(card) if is_endpoint else methods.parameter(card)  # type: ignore[arg-type]
        label = transport_text(names[card.id])
        codelist = _whole_numbers(card, definitions)
        if codelist:
            length = max(len(code.value) for code in codelist.codes)
            item = Item(label, "integer", length, origin=_DERIVED, codelist=codelist, method=method)
        else:
            display = display_format(card.decimals)
            item = Item(label, "float", LONGEST_NUMBER, NUMBER_DIGITS, display, origin=_DERIVED, method=method)
        yield Value(card.code, (("PARAMCD", (card.code,)), ("AVALU", (card.unit,))), item)


def _whole_numbers(card: Parameter | Endpoint, definitions: Definitions) -> CodeList | None:
    """The codelist of a value that counts nothing: yes or no, or a place in a list."""
    if isinstance(card, IndicatorCard | EventCard):
        return _TRUE
    if isinstance(card, RankCard):
        field = definitions.tables[card.input.table].fields[card.input.field]
        labels = (
            {term.code: term.label for term in definitions.codelists[field.codelist].terms} if field.codelist else {}
        )
        codes = tuple(Code(str(place), labels.get(code, code)) for place, code in enumerate(card.codes))
        return CodeList(f"{card.code}.places", card.label, codes, data_type="integer")
    if isinstance(card, TwoVisitsCard):
        return _TRUE if card.operation in ("decrease", "increase") else None
    if isinstance(card, LevelCard):
        return _whole_numbers(definitions.endpoints.parameter(card.parameter), definitions)
    return None


def _visits(definitions: Definitions) -> dict[str, int]:
    """AVISITN by AVISIT."""
    known = definitions.adam.values
    cards = definitions.endpoints
    asked = {visit for card in cards.parameters for visit in card.visits}
    found = {visit.label: visit.number for visit in known.visits if visit.id in asked}
    for card in cards.endpoints:
        if isinstance(card, MeanOverCard):
            over = sorted((known.visit(visit) for visit in card.over), key=lambda visit: visit.number)
            label = over[0].label if len(over) == 1 else f"{over[0].label} to {over[-1].label}"
            found[label] = over[-1].number
        elif isinstance(card, EventCard):
            found[known.whole_study.label] = known.whole_study.number
    return dict(sorted(found.items(), key=lambda one: one[1]))


def _bases(definitions: Definitions) -> list[str]:
    """Every parameter with a baseline that its values are compared with."""
    known, cards = definitions.adam.values, definitions.endpoints
    found: dict[str, None] = {}
    for parameter in cards.parameters:
        baseline = next((visit for visit in map(known.visit, parameter.visits) if visit.baseline), None)
        if baseline:
            found[f"{parameter.code} at {baseline.label}"] = None
    for card in cards.endpoints:
        if isinstance(card, TwoVisitsCard):
            code = cards.parameter(card.parameter).code
            found[f"{code} at {known.visit(card.baseline).label}"] = None
    return list(found)


def _codes(values: Iterable[str], labels: Mapping[str, str] | None = None) -> tuple[Code, ...]:
    return tuple(Code(transport_text(value), labels[value] if labels else None) for value in values)
