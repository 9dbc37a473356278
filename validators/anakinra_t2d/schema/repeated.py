"""Cards that repeat for several fields or codes: ``for_each`` written out before the cards are read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_OF_A_TERM = ("code", "label", "number")
KINDS = ("parameters", "endpoints", "groups")


@dataclass
class WrittenOut:
    """Cards without ``for_each``; ``origin`` has the place of each card in the file, by kind."""

    data: dict[str, Any]
    origin: dict[str, list[int]] = field(default_factory=dict)
    problems: list[tuple[tuple[str | int, ...], str]] = field(default_factory=list)

    def place(self, loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
        """A place in ``data`` as a place in the file."""
        if len(loc) > 1 and loc[0] in self.origin and isinstance(loc[1], int):
            return (loc[0], self.origin[str(loc[0])][loc[1]], *loc[2:])
        return loc


def written_out(data: Any, codelists: Mapping[str, Mapping[str, str]]) -> WrittenOut:
    """The cards of endpoints.yaml with every ``for_each`` repeated.

    A ``for_each`` is a list of placeholders with their texts, or ``codelist``: then ``code``, ``label`` and the
    two-digit ``number`` of each term. ``{name}`` stands for a placeholder in any text of the card.
    """
    result = WrittenOut(dict(data) if isinstance(data, Mapping) else {})
    for kind in KINDS:
        cards = result.data.get(kind)
        if not isinstance(cards, list):
            continue
        whole: list[Any] = []
        origin: list[int] = []
        for index, card in enumerate(cards):
            made = [card]
            if isinstance(card, Mapping) and "for_each" in card:
                template = {key: value for key, value in card.items() if key != "for_each"}
                items, problem = _items(card["for_each"], codelists)
                if problem:
                    result.problems.append(((kind, index, "for_each"), problem))
                made = [_filled(template, item) for item in items]
                result.problems += [((kind, index, "for_each"), words) for words in _unused(template, items)]
            whole += made
            origin += [index] * len(made)
        result.data[kind], result.origin[kind] = whole, origin
    return result


def _items(for_each: Any, codelists: Mapping[str, Mapping[str, str]]) -> tuple[list[dict[str, str]], str | None]:
    if isinstance(for_each, list) and all(isinstance(item, dict) for item in for_each):
        return [{str(key): str(value) for key, value in item.items()} for item in for_each], None
    if isinstance(for_each, dict) and set(for_each) == {"codelist"}:
        terms = codelists.get(str(for_each["codelist"]))
        if terms is None:
            return [], f"there is no codelist {for_each['codelist']!r}"
        return [
            {"code": code, "label": label, "number": f"{number:02}"}
            for number, (code, label) in enumerate(terms.items(), 1)
        ], None
    return [], "is a list of placeholders with their texts, or `codelist: name`"


def _unused(template: Any, items: list[dict[str, str]]) -> list[str]:
    """A placeholder that no text has is a mistake, often an unquoted comma in a text."""
    used = set(_PLACEHOLDER.findall(json.dumps(template)))
    names = dict.fromkeys(name for item in items for name in item if name not in _OF_A_TERM)
    return [f"no text of the card has the placeholder {{{name}}}" for name in names if name not in used]


def _filled(value: Any, item: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda found: item.get(found[1], found[0]), value)
    if isinstance(value, list):
        return [_filled(entry, item) for entry in value]
    if isinstance(value, dict):
        return {_filled(key, item): _filled(entry, item) for key, entry in value.items()}
    return value
