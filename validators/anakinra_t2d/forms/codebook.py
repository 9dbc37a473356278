"""The codebook: every table, criterion, parameter, endpoint and rule as one Markdown document for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from anakinra_t2d.forms.field_help import code_labels, range_words, requirement_words, same, type_words
from anakinra_t2d.forms.markdown import BREAK, code, table, text
from anakinra_t2d.schema.endpoints import (
    EventCard,
    FormulaCard,
    FromRecords,
    IndicatorCard,
    MeanCard,
    MeanOverCard,
    RankCard,
    TrapezoidCard,
)
from anakinra_t2d.schema.rules import AcrossRule, RowRule

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions, Field, Rule, Table
    from anakinra_t2d.schema.eligibility import Criterion
    from anakinra_t2d.schema.vectors import GroupVector, Vector

_CODE = frozenset(
    "actual arm baseline by choice condition either endpoint expression field follow_up may_be_empty no_result over"
    " parameter pairs population reading reads table unit visit visits where".split()
)
"""Keys whose values are names, units or SQL."""

_APART = frozenset(("id", "code", "label", "definition", "vectors", "text", "kind"))
"""Keys of a card or criterion that do not stand in its list of facts, because they are its heading or a table below."""

_WORDS = {
    "ambiguity": "open readings",
    "at_least": "at least so many",
    "better": "better when",
    "by": "visits are in",
    "sent": "sent by sites as",
    "set": "sets",
}

_BASIS = "The basis of a fact is *paper* (stated there), *implied* (follows from what is stated there) or *assumption*."
_SECTIONS = (
    "Tables",
    "Eligibility criteria",
    "Analysis populations",
    "Parameters",
    "Endpoints",
    "Group results",
    "Rules",
    "Open readings",
)


def codebook(definitions: Definitions) -> str:
    """Everything the definitions say, in Markdown with tables; the same text on every run."""
    trial = definitions.trial
    parts = [
        f"# Codebook: {text(trial.title)}",
        f"Trial {text(trial.registry)}, definitions version {text(trial.version)}. {text(trial.design)}",
        f"The paper: {text(trial.publication.citation)} doi {text(trial.publication.doi)}",
        _BASIS,
        "Sections: " + ", ".join(f"[{title}](#{title.lower().replace(' ', '-')})" for title in _SECTIONS) + ".",
        *_tables(definitions),
        *_criteria(definitions),
        *_populations(definitions),
        *_cards("Parameters", "A number for a patient and an analysis visit.", definitions.endpoints.parameters),
        *_cards("Endpoints", "A number for a patient.", definitions.endpoints.endpoints),
        *_cards("Group results", "Results of a group of patients.", definitions.endpoints.groups),
        *_rules(definitions),
        *_open_readings(definitions),
    ]
    return "\n\n".join(parts) + "\n"


def _tables(definitions: Definitions) -> Iterator[str]:
    yield "## Tables"
    for name in definitions.trial.tables:
        yield from _table(definitions.tables[name], definitions)


def _table(described: Table, definitions: Definitions) -> Iterator[str]:
    yield f"### {code(described.name)}: {text(described.title)}"
    facts = [
        text(described.purpose),
        f"Rows per patient or site: {text(described.rows)}.",
        f"Key: {_codes(described.key)}.",
    ]
    facts += [f"Unique: {_codes(group)}." for group in described.unique]
    facts += [
        f"{_codes(reference.fields)} must be in {code(reference.table)} ({_codes(reference.to)})."
        for reference in described.foreign_keys
    ]
    if described.restricted:
        facts.append("Restricted: it can reveal the arm and lives apart.")
    if described.note:
        facts.append(text(described.note))
    yield " ".join(facts)
    header = ("variable", "meaning", "type", "unit", "possible", "usual", "when", "codes", "required", "blinding",
              "identifying", "source", "basis")  # fmt: skip
    yield table(header, (_variable(field, definitions) for field in described.fields.values()))


def _variable(field: Field, definitions: Definitions) -> Sequence[str]:
    unit = definitions.unit(field)
    labels = code_labels(field, definitions) if field.codelist else {}
    codes = ", ".join(code(one) if same(one, label) else f"{code(one)} {text(label)}" for one, label in labels.items())
    when = [
        f"{what} {', '.join(map(str, values))}"
        for what, values in (("visits", field.visits), ("minutes", field.minutes), ("weeks", field.weeks))
        if values
    ]
    meaning = f"{text(field.label)}. {text(field.description)}"
    notes = [note for note in (field.note, field.ambiguity and f"Open reading {field.ambiguity}.") if note]
    form = f", of the form {text(field.form)} ({code(field.pattern)})" if field.form and field.pattern else ""
    ranged = [f"{range_words(field.range)} ({field.range_source})" if field.range else "", field.range_note or ""]
    return (
        code(field.name),
        " ".join([meaning, *map(text, notes)]),
        text(type_words(field)) + form,
        code(unit) if unit else "",
        text(". ".join(part for part in ranged if part)),
        text(range_words(field.expected)),
        text("; ".join(when)),
        codes,
        text(requirement_words(field)),
        field.blinding,
        field.identifying,
        text(field.source),
        field.basis,
    )


def _criteria(definitions: Definitions) -> Iterator[str]:
    yield "## Eligibility criteria"
    yield (
        "An inclusion must be true and an exclusion false; a condition that is unknown is not assessable and passes "
        "neither."
    )
    for criterion in definitions.eligibility.criteria:
        yield f"### {code(criterion.id)}: {text(criterion.text)}"
        yield table(("fact", "value"), _criterion(criterion))


def _criterion(criterion: Criterion) -> Iterator[Sequence[str]]:
    yield "kind", text(criterion.kind.replace("_", " "))
    yield from _facts(criterion)


def _populations(definitions: Definitions) -> Iterator[str]:
    yield "## Analysis populations"
    yield table(
        ("population", "code", "meaning", "members", "basis", "source"),
        (
            (code(id), code(one.code), text(one.label), code(one.members), one.basis, text(one.source))
            for id, one in definitions.endpoints.populations.items()
        ),
    )


def _cards(title: str, about: str, cards: Iterable[Any]) -> Iterator[str]:
    yield f"## {title}"
    yield about
    for card in cards:
        known_as = getattr(card, "code", None)
        yield f"### {code(card.id)}: {text(card.label)}"
        yield text(card.definition) + (f" CDISC parameter code {code(known_as)}." if known_as else "")
        yield table(("fact", "value"), _card(card))
        yield "Test vectors:"
        yield (
            _group_vectors(card.vectors) if "columns" in type(card.vectors[0]).model_fields else _vectors(card.vectors)
        )


def _card(card: Any) -> Iterator[Sequence[str]]:
    yield from _facts(card)
    if policy := _missing_policy(card):
        yield "missing values", policy


def _missing_policy(card: Any) -> str:
    """What happens to a value that is missing, by operation."""
    limits = ""
    if isinstance(card, FromRecords):
        limits = (
            f" A result below the limit of quantification: {_LIMITS[card.below_limit]}; "
            f"above it: {_LIMITS[card.above_limit]}."
        )
    if isinstance(card, TrapezoidCard):
        return (
            f"Of the samples between the ends, {card.bridged} may be missing and is bridged; without the first or the "
            f"last value there is no area.{limits}"
        )
    if isinstance(card, MeanCard):
        return f"Fewer than {card.at_least} of {len(card.minutes)} samples give none.{limits}"
    if isinstance(card, FromRecords):
        return f"Without a result there is no value; doubled records with different values give none.{limits}"
    if isinstance(card, RankCard):
        return f"Fewer than {card.records} records with a code of the list give none."
    if isinstance(card, IndicatorCard):
        return "Without a known answer there is no value."
    if isinstance(card, FormulaCard):
        assumed = [
            f"{name} counts as {one.when_missing:g}"
            for name, one in card.inputs.items()
            if one.when_missing is not None
        ]
        return "A missing input gives no value" + (
            f", but {', '.join(map(text, assumed))} and the value is marked." if assumed else "."
        )
    if isinstance(card, EventCard):
        return "Without any record in the table there is no value; a patient without such a record has 0."
    if isinstance(card, MeanOverCard):
        return f"Fewer than {card.at_least} of {len(card.over)} values give none."
    return "Complete cases: without a value that it needs there is none."


_LIMITS = {"missing": "no value", "half_limit": "half of the limit", "limit": "the limit"}


def _vectors(vectors: Sequence[Vector]) -> str:
    return table(
        ("case", "inputs", "value", "state", "reason holds"),
        (
            (
                text(one.case),
                "; ".join(_vector_inputs(one)) or "none",
                "none" if one.value is None else _number(one.value),
                code(one.state),
                text(one.reason or ""),
            )
            for one in vectors
        ),
    )


def _vector_inputs(vector: Vector) -> Iterator[str]:
    """Everything a vector gives besides its result, in the order of the model."""
    apart = {"case", "value", "state", "reason"}
    for name, option in type(vector).model_fields.items():
        value = getattr(vector, name)
        if name == "inputs":
            yield from (f"{text(key)} = {_cell(cell)}" for key, cell in value.items())
        elif name not in apart and value != option.get_default(call_default_factory=True):
            shown = (
                "; ".join(f"{text(k)} = {_cell(v)}" for k, v in value.items())
                if isinstance(value, dict)
                else _cell(value)
            )
            yield f"{text(name.replace('_', ' '))}: {shown}"


def _group_vectors(vectors: Sequence[GroupVector]) -> str:
    return table(
        ("case", "columns", "result"),
        (
            (
                text(one.case),
                "; ".join(f"{text(name)} = {_cell(cells)}" for name, cells in one.columns.items()),
                "; ".join(f"{text(name)} = {_cell(value)}" for name, value in one.expect.items()),
            )
            for one in vectors
        ),
    )


def _rules(definitions: Definitions) -> Iterator[str]:
    yield "## Rules"
    yield table(
        ("code", "severity", "where", "expected", "why", "source", "basis"),
        (
            (
                code(rule.code),
                rule.severity,
                _where(rule, definitions),
                text(rule.expected),
                text(rule.why),
                text(rule.source),
                rule.basis,
            )
            for rule in definitions.rules.values()
        ),
    )


def _where(rule: Rule, definitions: Definitions) -> str:
    if isinstance(rule, RowRule):
        return code(f"{definitions.row_rules[rule.code][0].name}.{rule.field}")
    if isinstance(rule, AcrossRule):
        if rule.table is None:
            return "every fitting field"
        return code(f"{rule.table}.{rule.field}" if rule.field else rule.table)
    return "every table"


def _open_readings(definitions: Definitions) -> Iterator[str]:
    yield "## Open readings"
    yield "What the paper leaves open. Of choices, the first is the usual one and any other can be selected."
    yield table(
        ("id", "open", "reading", "where", "choices", "basis"),
        (
            (
                code(one.id),
                text(one.open),
                text(one.reading),
                text(one.where),
                "; ".join(f"{code(name)}: {text(words)}" for name, words in one.choices.items()),
                one.basis,
            )
            for one in definitions.trial.ambiguities
        ),
    )


def _facts(model: BaseModel) -> Iterator[Sequence[str]]:
    """The keys of a card or criterion with their values, without its heading."""
    yield from ((_words(key), _shown(key, value)) for key, value in _given(model) if key not in _APART)


def _words(key: str) -> str:
    return text(_WORDS.get(key, key.replace("_", " ")))


def _shown(key: str, value: object) -> str:
    if isinstance(value, BaseModel):
        return ", ".join(f"{_words(name)}: {_shown(name, one)}" for name, one in _given(value))
    if isinstance(value, Mapping):
        if all(one is None for one in value.values()):
            return _codes(map(str, value))
        parts = [f"{code(str(name))}: {_part(key if key in _CODE else str(name), one)}" for name, one in value.items()]
        return (BREAK if any(isinstance(one, BaseModel) for one in value.values()) else "; ").join(parts)
    if isinstance(value, list | tuple):
        between = BREAK if any(isinstance(one, BaseModel) for one in value) else ", "
        return between.join(_part(key, one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _number(value)
    return code(str(value)) if key in _CODE else text(str(value))


def _part(key: str, value: object) -> str:
    """A value within another one; what has parts itself stands in brackets."""
    return f"({_shown(key, value)})" if isinstance(value, Mapping) else _shown(key, value)


def _given(model: BaseModel) -> Iterator[tuple[str, object]]:
    """The keys of a definition that were given, so that a new key appears by itself."""
    for key, option in type(model).model_fields.items():
        value = getattr(model, key)
        if value is not None and value != option.get_default(call_default_factory=True):
            yield key, value


def _cell(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_cell, value)) + "]"
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    return _number(value) if isinstance(value, int | float) else text(str(value))


def _number(value: float) -> str:
    return repr(value).removesuffix(".0")


def _codes(names: Iterable[str]) -> str:
    return ", ".join(map(code, names))
