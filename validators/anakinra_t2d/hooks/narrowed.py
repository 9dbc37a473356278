"""Definitions in which only what reads a changed table is judged, so that a commit is answered at once."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from anakinra_t2d.schema import Definitions, Table
from anakinra_t2d.schema.rules import AcrossRule

_MADE_FROM_SCREENING = "eligibility_"
_MADE_FROM_PARAMETERS = "recheck_"


@dataclass
class Narrowed:
    """``definitions`` hold the rules to run; ``needed`` are the tables they read; ``left_out`` the rules not run."""

    definitions: Definitions
    needed: frozenset[str]
    left_out: list[str] = field(default_factory=list)


def narrowed(found: Definitions, changed: frozenset[str]) -> Narrowed:
    """Keep the rules that read a changed table, except those that judge all values of a variable together."""
    rules: dict[str, AcrossRule] = {}
    left_out: list[str] = []
    needed = {*changed, *_around(found, changed)}
    for code, rule in found.across_rules.items():
        read = tables_read(rule, found)
        kept = _on(rule, changed) if rule.for_each is not None else rule if read & changed else None
        if kept is None:
            continue
        if judges_distribution(rule):
            left_out.append(code)
            continue
        rules[code] = kept
        needed |= read
    tables = {name: table if name in changed else _as_parent(table, changed) for name, table in found.tables.items()}
    return Narrowed(dataclasses.replace(found, across_rules=rules, tables=tables), frozenset(needed), left_out)


def tables_read(rule: AcrossRule, found: Definitions) -> frozenset[str]:
    """Tables that the SQL of a rule names, and those behind relations that are made from them."""
    words = set(re.findall(r"[a-z0-9_]+", rule.records))
    read = words & set(found.tables)
    if any(word.startswith(_MADE_FROM_SCREENING) for word in words):
        read |= set(re.findall(r"[a-z0-9_]+", found.eligibility.inputs)) & set(found.tables)
    if any(word.startswith(_MADE_FROM_PARAMETERS) for word in words):
        read |= {source.table for card in found.endpoints.parameters if (source := getattr(card, "input", None))}
    return frozenset(read)


def judges_distribution(rule: AcrossRule) -> bool:
    """Whether a rule judges the values of a variable together, so that no single record is at fault."""
    return rule.statistic is not None or (rule.for_each is not None and rule.for_each.by != "field")


def _around(found: Definitions, changed: frozenset[str]) -> set[str]:
    """Tables that changed ones refer to or are referred to by, and the flags that explain empty cells."""
    around = {name for name, table in found.tables.items() if table.role == "flags"}
    for name, table in found.tables.items():
        parents = {key.table for key in table.foreign_keys}
        if name in changed:
            around |= parents
        elif parents & changed:
            around.add(name)
    return around


def _on(rule: AcrossRule, changed: frozenset[str]) -> AcrossRule | None:
    """A rule that is repeated for fields, repeated for those of changed tables only."""
    assert rule.for_each is not None
    only = [entry for entry in rule.for_each.only if entry.partition(".")[0] in changed]
    if rule.for_each.only and not only:
        return None
    return rule.model_copy(update={"for_each": rule.for_each.model_copy(update={"only": only or sorted(changed)})})


def _as_parent(table: Table, changed: frozenset[str]) -> Table:
    """An unchanged table: only what it refers to in changed tables is followed."""
    keys = [key for key in table.foreign_keys if key.table in changed]
    update: Mapping[str, object] = {"unique": [], "foreign_keys": keys}
    return table.model_copy(update=dict(update))
