"""One name of the definitions, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from anakinra_t2d.explain.endpoint_topics import endpoint_parts, parameter_parts
from anakinra_t2d.explain.examples import example_of
from anakinra_t2d.explain.words import BASIS, listed, number_range
from anakinra_t2d.schema import Definitions, Field, Rule, Table
from anakinra_t2d.schema.eligibility import Criterion
from anakinra_t2d.schema.quantities import Quantity
from anakinra_t2d.schema.rules import AcrossRule, RowRule

Parts = list[tuple[str, str]]


@dataclass
class Topic:
    """Something that has a name; ``make`` gives its parts as (heading, text), only when they are asked for."""

    kind: str
    id: str
    title: str
    make: Callable[[], Parts]
    also: list[str] = field(default_factory=list)
    """Other names by which it is found."""

    def parts(self) -> Parts:
        """What it is, why, source, basis and the rest; parts without text are left out."""
        return [(heading, text) for heading, text in self.make() if text]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        parts = [{"heading": heading, "text": text} for heading, text in self.parts()]
        return {"kind": self.kind, "id": self.id, "title": self.title, "parts": parts}


def all_topics(found: Definitions) -> list[Topic]:
    """Everything that can be explained, rules first."""
    trial = found.trial
    topics = [Topic("rule", code, rule.expected, _rule(found, code, rule)) for code, rule in found.rules.items()]
    for table in found.tables.values():
        topics.append(Topic("table", table.name, table.title, _table(table)))
        for name, one in table.fields.items():
            also = [name, one.label, *one.synonyms]
            topics.append(Topic("variable", f"{table.name}.{name}", one.label, _field(found, table, one), also))
    topics += [Topic("eligibility criterion", one.id, one.text, _criterion(one)) for one in found.eligibility.criteria]
    for card in found.endpoints.parameters:
        also = [card.code, card.label]
        topics.append(Topic("parameter", card.id, card.label, _later(parameter_parts, found, card), also))
    for end in (*found.endpoints.endpoints, *found.endpoints.groups):
        also = [getattr(end, "code", end.id), end.label]
        topics.append(Topic("endpoint", end.id, end.label, _later(endpoint_parts, found, end), also))
    for reading in trial.ambiguities:
        parts = [
            ("What is open", reading.open),
            ("Reading used here", reading.reading),
            ("Other readings", listed(f"{reading.id}={choice}: {words}" for choice, words in reading.choices.items())),
            ("Where it counts", reading.where),
            ("Basis", BASIS[reading.basis]),
        ]
        topics.append(Topic("open reading of the paper", reading.id, reading.open, _always(parts)))
    for odd in trial.inconsistencies:
        parts = [
            ("Where", f"{odd.section}: {odd.quantity}"),
            ("Printed", odd.printed),
            ("What does not fit", odd.check),
            ("Reading", odd.reading),
            ("How it is used here", odd.use),
            ("Weight", odd.weight),
            ("Basis", "a comparison of numbers of the paper with each other"),
        ]
        topics.append(Topic("inconsistency of the paper", odd.id, odd.quantity, _always(parts)))
    for name, quantity in found.quantities.items():
        topics.append(Topic("quantity", name, quantity.label, _quantity(found, name, quantity), [quantity.label]))
    topics += [Topic("unit", unit, f"the unit {unit}", _unit(found, unit), texts) for unit, texts in _units(found)]
    for name, codelist in found.codelists.items():
        terms = [("Codes", listed(f"{term.code}: {term.label}" for term in codelist.terms))]
        topics.append(Topic("codelist", name, codelist.label, _always(terms)))
    for visit in trial.visits:
        days = f"study days {visit.days[0]} to {visit.days[1]}" if visit.days else ""
        parts = [("When", days), ("Note", visit.note or ""), ("Open reading", visit.ambiguity or "")]
        parts += [("Source", visit.source), ("Basis", BASIS[visit.basis])]
        topics.append(Topic("visit", visit.id, visit.label, _always(parts)))
    return topics


def _always(parts: Parts) -> Callable[[], Parts]:
    return lambda: parts


def _later(make: Callable[[Definitions, Any], Parts], found: Definitions, card: Any) -> Callable[[], Parts]:
    return lambda: make(found, card)


def _rule(found: Definitions, code: str, rule: Rule) -> Callable[[], Parts]:
    def parts() -> Parts:
        reads: Iterable[str] = ()
        condition = ""
        if isinstance(rule, RowRule):
            table = found.row_rules[code][0].name
            reads, condition = [f"{table}.{name}" for name in rule.fields], rule.assert_
        elif isinstance(rule, AcrossRule):
            reads, condition = rule.fields, f"{rule.assert_}\nfor each record of:\n{rule.records}"
            if rule.for_each is not None:
                reads = [f"every field of this kind: {rule.for_each.fields}"]
        example = example_of(found.root, code)
        return [
            ("What holds in good data", rule.expected),
            ("What a finding says", rule.message),
            ("Severity", f"{rule.severity}{'' if rule.acceptable else '; it cannot be accepted'}"),
            ("Why", rule.why),
            ("What to do", rule.hint),
            ("Reads", ", ".join(reads)),
            ("Source", rule.source),
            ("Basis", BASIS[rule.basis]),
            ("Note", rule.note or ""),
            ("Example that fails", example.shown if example else ""),
            ("What is found in it", example.found if example else ""),
            ("How to mend it", rule.hint if example else ""),
            ("Condition (SQL; NULL is not assessed)", condition),
        ]

    return parts


def _table(table: Table) -> Callable[[], Parts]:
    return lambda: [
        ("Purpose", table.purpose),
        ("Rows of a patient", table.rows),
        ("Key", ", ".join(table.key)),
        ("Restricted", "yes: it can reveal the arm and lives apart" if table.restricted else ""),
        ("Refers to", ", ".join(sorted({key.table for key in table.foreign_keys}))),
        ("Fields", ", ".join(table.fields)),
        ("Rules of one row", ", ".join(rule.code for rule in table.rules)),
        ("Note", table.note or ""),
    ]


def _field(found: Definitions, table: Table, one: Field) -> Callable[[], Parts]:
    def parts() -> Parts:
        unit = found.unit(one)
        place = f"{table.name}.{one.name}"
        basis = f" ({BASIS[one.range_source]})" if one.range_source else ""
        judged = [rule.code for rule in table.rules if one.name in rule.fields]
        judged += [code for code, rule in found.across_rules.items() if place in rule.fields]
        used = [c.id for c in found.endpoints.parameters if _reads(c, table.name, one.name)]
        asked = {"always": "in every record", "planned": "where the schedule has it", "optional": "never"}
        identifying = {"none": "", "quasi": "together with other values", "direct": "by itself; never shown"}
        revealing = "it or its change can reveal the arm" if one.blinding == "revealing" else ""
        return [
            ("What it is", one.description),
            ("Table", f"{table.name} ({table.title})"),
            ("Why", table.purpose),
            ("Type", one.type),
            ("Unit", f"{unit} (quantity {one.quantity})" if unit else ""),
            ("Codes", ", ".join(found.terms(one) or ())),
            ("Form", one.form or ""),
            ("Possible range", number_range(one.range, unit) + basis if one.range else ""),
            ("Expected range", number_range(one.expected, unit) if one.expected else ""),
            ("On the ranges", one.range_note or ""),
            ("Visits", ", ".join(one.visits)),
            ("Required", asked.get(one.required) or one.required_when or f"as rule {one.required_by} asks"),
            ("Blinding", revealing),
            ("Identifying", identifying[one.identifying]),
            ("Other names in site files", ", ".join(one.synonyms)),
            ("Judged by", ", ".join(dict.fromkeys(judged))),
            ("Used by the parameters", ", ".join(used)),
            ("Source", one.source),
            ("Basis", BASIS[one.basis]),
            ("Open reading", one.ambiguity or ""),
            ("Note", one.note or ""),
        ]

    return parts


def _reads(card: Any, table: str, name: str) -> bool:
    source = getattr(card, "input", None)
    return source is not None and (source.table, source.field) == (table, name)


def _criterion(criterion: Criterion) -> Callable[[], Parts]:
    wanted = {
        "inclusion": "must hold",
        "exclusion": "must not hold",
        "post_randomisation": "judged after randomisation",
    }
    return lambda: [
        ("Kind", f"{criterion.kind.replace('_', ' ')}: {wanted[criterion.kind]}"),
        ("What it asks", criterion.text),
        ("Limits", criterion.strictness or ""),
        ("Examples at the limit", criterion.examples or ""),
        ("Reads", ", ".join(criterion.reads)),
        ("When something is missing", criterion.missing_means or "the criterion cannot be judged"),
        ("How far it can be judged", criterion.evaluability or ""),
        ("Other readings", ", ".join(f"{one.reading}={one.choice}" for one in criterion.alternatives)),
        ("Open reading", criterion.ambiguity or ""),
        ("Note", criterion.note or ""),
        ("Source", criterion.source),
        ("Basis", BASIS[criterion.basis]),
        ("Condition (SQL; NULL cannot be judged)", criterion.condition),
    ]


def _quantity(found: Definitions, name: str, quantity: Quantity) -> Callable[[], Parts]:
    def parts() -> Parts:
        used = [f"{t.name}.{f.name}" for t in found.tables.values() for f in t.fields.values() if f.quantity == name]
        conversions = []
        for one in quantity.conversions:
            by = f"times {one.factor}" if one.factor else one.formula or "not converted"
            plus = f" plus {one.offset}" if one.offset != "0" else ""
            when = {"yes": "", "ask": "; only when the site confirms it", "no": "; never by itself"}[one.apply]
            conversions.append(f"{one.unit}: {by}{plus} gives {quantity.unit} ({one.basis}: {one.source}{when})")
        return [
            ("Canonical unit", quantity.unit),
            ("Also accepted", ", ".join(quantity.accepted)),
            ("Conversions", listed(conversions)),
            ("Spellings", ", ".join(one.text for one in quantity.spellings)),
            ("Variables", ", ".join(used)),
            ("Note", quantity.note or ""),
        ]

    return parts


def _units(found: Definitions) -> list[tuple[str, list[str]]]:
    """Every unit with its spellings in site files."""
    units: dict[str, list[str]] = {}
    for quantity in found.quantities.values():
        for unit in (quantity.unit, *quantity.accepted, *(one.unit for one in quantity.conversions)):
            units.setdefault(unit, [])
    spellings = [*found.spellings, *(one for quantity in found.quantities.values() for one in quantity.spellings)]
    for one in spellings:
        if one.unit is not None:
            units.setdefault(one.unit, []).append(one.text)
    return [(unit, list(dict.fromkeys(texts))) for unit, texts in sorted(units.items())]


def _unit(found: Definitions, unit: str) -> Callable[[], Parts]:
    def parts() -> Parts:
        own = [name for name, quantity in found.quantities.items() if quantity.unit == unit]
        turned = []
        for name, quantity in found.quantities.items():
            for one in quantity.conversions:
                if one.unit == unit:
                    by = f"times {one.factor}" if one.factor else one.formula or "not converted"
                    turned.append(f"{name}: {by} gives {quantity.unit} (source: {one.source})")
        texts = dict(_units(found))[unit]
        doubtful = [one.text for one in found.spellings if one.unit == unit and one.ambiguous]
        return [
            ("What it is", f"a unit in UCUM, the code of units that programs read; case counts: {unit}"),
            ("Canonical for", ", ".join(own)),
            ("Converted from it", listed(turned)),
            ("Spellings in site files", ", ".join(texts)),
            ("Spellings that need an answer of the site", ", ".join(doubtful)),
            ("Source", "https://ucum.org; the conversions have their own"),
            ("Basis", "a convention"),
        ]

    return parts
