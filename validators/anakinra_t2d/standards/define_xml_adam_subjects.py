"""The data set of subjects (ADSL) for Define-XML."""

from __future__ import annotations

import dataclasses
import textwrap
from typing import TYPE_CHECKING, Any

from anakinra_t2d.standards.define_xml_content import (
    LONGEST_NUMBER,
    LONGEST_TEXT,
    NUMBER_DIGITS,
    Code,
    CodeList,
    Comment,
    DataSet,
    Expression,
    Item,
    Method,
    Origin,
    Variable,
    joined,
)
from anakinra_t2d.standards.define_xml_methods import CONTEXT, Methods
from anakinra_t2d.standards.define_xml_tables import field_codelist, number_size
from anakinra_t2d.write.transport_file import transport_text

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions, Field
    from anakinra_t2d.schema.adam import SubjectVariable

FLAG = CodeList("yes_no_flag", "Yes or no", (Code("Y", "Yes"), Code("N", "No")))
DAY_LENGTH, DAY_FORMAT = 5, "DATE9."
KEY = ("STUDYID", "USUBJID")
_LONGEST_LABEL = 40
_STANDARD = frozenset(
    "STUDYID USUBJID SUBJID SITEID AGE AGEU SEX RACE ARM ACTARM TRT01P TRT01A RANDDT TRTSDT TRTEDT EOSSTT DCSREAS EOSDT"
    " RANDFL SAFFL COMPLFL FASFL ITTFL PPROTFL ENRLFL".split()
)
"""Variables of ADSL that the implementation guide defines, as far as a definition may use them."""


def subject_data_set(definitions: Definitions) -> DataSet:
    """A variable for each entry of the definition, and a flag for each population."""
    level = definitions.adam.subject_level
    methods = Methods(definitions, {})
    always = {"constant", "trial"}
    variables = [
        Variable(
            name=variable.name,
            item=_item(variable, definitions),
            mandatory=bool(variable.model_fields_set & always) or variable.name in KEY,
            standard=variable.name in _STANDARD,
        )
        for variable in level.variables
    ]
    for id, population in definitions.endpoints.populations.items():
        label = level.population_labels.get(id) or textwrap.shorten(population.label, _LONGEST_LABEL, placeholder="...")
        item = Item(
            label=label,
            data_type="text",
            length=1,
            origin=Origin("Derived", "Sponsor"),
            codelist=FLAG,
            method=methods.population(id),
        )
        variables.append(Variable(population.code, item, standard=population.code in _STANDARD))
    return DataSet(
        name=level.name,
        label=level.label,
        file=f"{level.name.lower()}.xpt",
        structure="One record per subject",
        key=KEY,
        variables=tuple(variables),
        group="SUBJECT LEVEL ANALYSIS DATASET",
        purpose="Analysis",
        repeating=False,
        comment=Comment(
            joined(
                [
                    f"Everyone with a record in the table {level.table}",
                    "A variable whose source has several different values for a subject is empty",
                ]
            )
        ),
    )


def _item(variable: SubjectVariable, definitions: Definitions) -> Item:
    if variable.field:
        table, _, name = variable.field.partition(".")
        item = _of_field(variable, definitions.tables[table].fields[name], definitions)
    elif variable.query:
        item = _of_query(variable, definitions)
    else:
        fact = str(variable.constant or getattr(definitions.trial, variable.trial or "registry"))
        listed = CodeList(variable.name, variable.label, (Code(fact),)) if variable.constant else None
        item = _text(variable, listed, (fact,))
        origin = Origin("Assigned", "Sponsor") if variable.constant else Origin("Protocol", "Sponsor")
        item = dataclasses.replace(item, origin=origin)
    if variable.note:
        item = dataclasses.replace(item, comment=Comment(joined([variable.note])))
    return item


def _of_field(variable: SubjectVariable, field: Field, definitions: Definitions) -> Item:
    source = f"{field.table}.{field.name}"
    origin = Origin("Predecessor", words=source)
    if variable.terms:
        words = joined(f"{code} is {text or 'empty'}" for code, text in variable.terms.items())
        texts = tuple(dict.fromkeys(text for text in variable.terms.values() if text))
        return dataclasses.replace(
            _text(variable, CodeList(variable.name, variable.label, tuple(map(Code, texts))), texts),
            origin=Origin("Derived", "Sponsor"),
            method=Method(variable.name, variable.label, joined([f"From {source}", words])),
        )
    if field.type in ("date", "datetime"):
        return Item(variable.label, "integer", DAY_LENGTH, display=DAY_FORMAT, origin=origin)
    if field.type in ("integer", "number"):
        length, decimals, display = number_size(field)
        kind: Any = "float" if field.type == "number" else "integer"
        return Item(variable.label, kind, length, decimals, display, origin=origin)
    codelist = FLAG if field.type == "boolean" else field_codelist(field, definitions)
    if variable.codelist:
        codelist = _labels(variable, definitions)
    codes = tuple(code.value for code in codelist.codes) if codelist else ()
    return dataclasses.replace(_text(variable, codelist, codes), origin=origin)


def _of_query(variable: SubjectVariable, definitions: Definitions) -> Item:
    assert variable.query is not None
    method = Method(
        variable.name,
        variable.label,
        "What the query gives for the subject in its column value.",
        Expression(CONTEXT, variable.query),
    )
    derived = Origin("Derived", "Sponsor")
    if variable.type == "date":
        return Item(variable.label, "integer", DAY_LENGTH, display=DAY_FORMAT, origin=derived, method=method)
    if variable.type == "number":
        return Item(variable.label, "float", LONGEST_NUMBER, NUMBER_DIGITS, origin=derived, method=method)
    codelist = _labels(variable, definitions) if variable.codelist else None
    if codelist is None and (texts := _texts(variable.query)):
        codelist = CodeList(variable.name, variable.label, tuple(map(Code, texts)))
    codes = tuple(code.value for code in codelist.codes) if codelist else ()
    return dataclasses.replace(_text(variable, codelist, codes), origin=derived, method=method)


def _text(variable: SubjectVariable, codelist: CodeList | None, texts: tuple[str, ...]) -> Item:
    length = max((len(transport_text(text)) for text in texts), default=LONGEST_TEXT)
    return Item(variable.label, "text", length, codelist=codelist)


def _labels(variable: SubjectVariable, definitions: Definitions) -> CodeList:
    """The labels that stand for the codes of a codelist."""
    assert variable.codelist is not None
    listed = definitions.codelists[variable.codelist]
    texts = (transport_text(term.label[0].upper() + term.label[1:]) for term in listed.terms)
    return CodeList(f"{variable.codelist}.labels", listed.label, tuple(map(Code, texts)))


def _texts(query: str) -> tuple[str, ...]:
    """Every text that a query can give as its value; none when it can give others as well."""
    import sqlglot
    from sqlglot import exp

    tree: Any = sqlglot.parse_one(query, read="duckdb")
    values = [one.this for one in tree.selects if one.alias_or_name == "value"]
    if len(values) != 1 or not isinstance(values[0], exp.Case):
        return ()
    results: list[Any] = [branch.args["true"] for branch in values[0].args["ifs"]]
    if values[0].args.get("default") is not None:
        results.append(values[0].args["default"])
    if not all(isinstance(one, exp.Literal) and one.is_string for one in results):
        return ()
    return tuple(dict.fromkeys(str(one.this) for one in results))
