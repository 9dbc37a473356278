"""Cards of parameters, endpoints and group results, in words."""

from __future__ import annotations

from typing import Any

from anakinra_t2d.explain.words import BASIS, listed
from anakinra_t2d.schema import Definitions

Parts = list[tuple[str, str]]


def parameter_parts(found: Definitions, card: Any) -> Parts:
    """What a parameter is made from, and a case with its result."""
    source = getattr(card, "input", None)
    inputs = getattr(card, "inputs", {})
    used = [end.id for end in found.endpoints.endpoints if getattr(end, "parameter", None) == card.id]
    used += [other.id for other in found.endpoints.parameters if _uses(other, card.id)]
    return [
        ("How it is made", card.definition),
        ("Read from", f"{source.table}.{source.field} in {source.unit}" if source else ""),
        ("Inputs", ", ".join(f"{name}: {one.parameter} in {one.unit}" for name, one in inputs.items())),
        ("Formula (SQL)", getattr(card, "expression", "")),
        ("Visits", ", ".join(card.visits)),
        ("Code in CDISC data sets", card.code),
        *_shared(card),
        ("Used by", ", ".join(used)),
    ]


def endpoint_parts(found: Definitions, card: Any) -> Parts:
    """What an endpoint or a group result is, and a case with its result."""
    reported = [one for one in found.reported if card.id in getattr(one, "endpoints", ())]
    analysis = getattr(card, "analysis", None)
    return [
        ("How it is made", card.definition),
        ("From the parameter", getattr(card, "parameter", None) or ""),
        ("Role", card.role),
        ("Population", card.population),
        ("Better is", getattr(card, "better", None) or ""),
        ("Compared as", f"{analysis.kind}, test {analysis.test.replace('_', ' ')}" if analysis else ""),
        *_shared(card),
        ("Numbers of the paper", ", ".join(getattr(one, "id", "") for one in reported)),
    ]


def _shared(card: Any) -> Parts:
    others = [f"{one.reading}={one.choice}" for one in card.alternatives]
    return [
        ("Unit", f"{card.unit}, shown with {card.decimals} decimals"),
        ("Example", _example(card.vectors[0])),
        ("An example without a result", _example(next((v for v in card.vectors if _fails(v)), None))),
        ("Other readings", ", ".join(others)),
        ("Open reading", ", ".join(card.ambiguity)),
        ("Source", card.source),
        ("Basis", BASIS[card.basis]),
        ("Note", card.note or ""),
    ]


def _example(vector: Any) -> str:
    if vector is None:
        return ""
    if hasattr(vector, "columns"):
        given = [f"{name} = {', '.join(map(str, values))}" for name, values in vector.columns.items()]
        gives = ", ".join(f"{name} {value}" for name, value in vector.expect.items())
    else:
        given = [f"{name} = {'nothing' if value is None else value}" for name, value in vector.inputs.items()]
        gives = f"no value ({vector.state.replace('_', ' ')})" if vector.value is None else f"{vector.value:g}"
    return listed([f"{vector.case}: {'; '.join(given) or 'no record'}", f"gives {gives}"])


def _fails(vector: Any) -> bool:
    return not hasattr(vector, "columns") and vector.value is None


def _uses(other: Any, parameter: str) -> bool:
    return any(one.parameter == parameter for one in getattr(other, "inputs", {}).values())
