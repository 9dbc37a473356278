"""UCUM units: is a text a valid code, by the grammar of UCUM and a table of its atoms."""

from __future__ import annotations

import re
from functools import cache

_PREFIXES = ("Y", "Z", "E", "P", "T", "G", "M", "k", "h", "da", "d", "c", "m", "u", "n", "p", "f", "a", "z", "y")
_METRIC = frozenset("m s g rad K C cd mol L l eq Pa J W N Hz kat cal U [iU] Cel osm t m[Hg] [arb'U]".split())
_OTHER = frozenset(
    "% [ppth] [ppm] a mo wk d h min mm[Hg] [degF] [lb_av] [oz_av] [in_i] [ft_i] [pH] 10* 10^ [HPF] [drp] deg".split()
)
_TOKEN = re.compile(r"\{[\x21-\x7a|~]*\}|\(|\)|\.|/|[^{}()./]+")
_SIMPLE = re.compile(r"^(?P<atom>10[*^]|[^0-9+-].*?|1)(?P<exponent>[+-]?[0-9]+)?$")


def unit_problem(unit: str) -> str | None:
    """Why ``unit`` is not a UCUM code, or None when it is one. UCUM is case sensitive."""
    if any(not "!" <= char <= "~" for char in unit):
        return f"the unit {unit!r} has a character that UCUM does not know"
    if unit.count("(") != unit.count(")"):
        return f"the unit {unit!r} has unbalanced brackets"
    tokens = _TOKEN.findall(unit)
    if "".join(tokens) != unit or not tokens:
        return f"the unit {unit!r} is not written as UCUM asks"
    expect_term = True
    for index, token in enumerate(tokens):
        if token in (".", "/"):
            if expect_term and not (token == "/" and index == 0):
                return f"the unit {unit!r} has an operator without a unit before it"
            expect_term = True
        elif token == "(":
            if not expect_term:
                return f"the unit {unit!r} lacks an operator before a bracket"
        elif token == ")":
            if expect_term:
                return f"the unit {unit!r} lacks a unit before a closing bracket"
        elif token.startswith("{"):
            expect_term = False
        else:
            if not expect_term:
                return f"the unit {unit!r} lacks an operator between two units"
            if not _is_term(token):
                return f"{token!r} in the unit {unit!r} is not a UCUM unit (codes are case sensitive)"
            expect_term = False
    return f"the unit {unit!r} ends with an operator" if expect_term else None


@cache
def _is_term(token: str) -> bool:
    if token.isdigit():
        return True
    match = _SIMPLE.match(token)
    return bool(match) and _is_atom(match["atom"])  # type: ignore[index]


def _is_atom(atom: str) -> bool:
    if atom in _METRIC or atom in _OTHER:
        return True
    return any(atom.startswith(prefix) and atom[len(prefix) :] in _METRIC for prefix in _PREFIXES)
