"""What is looked for, compiled from the definitions: names of files, columns, whole cells and texts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from anakinra_t2d.schema import Definitions
from anakinra_t2d.schema.blinding import Place, blinding

IDENTITY_RULE = "PRIV-102"
TABLE_RULE = "BLND-101"
COLUMN_RULE = "BLND-102"
PERSON_RULE = "PRIV-101"
ONE_ARM_RULE = "BLND-105"
HINT_RULE = "BLND-106"
UNREAD_RULE = "BLND-107"


@dataclass(frozen=True)
class Sign:
    """A pattern with the rule it breaks; ``source`` ignores case and runs in Python and in polars alike."""

    rule: str
    label: str
    source: str
    only_in_data: bool = False

    def found_in(self, text: str) -> bool:
        """Whether a short text, such as a name, has it."""
        return re.search(self.source, text) is not None


@dataclass(frozen=True)
class Codes:
    """Codes of a column that only one arm has."""

    column: str
    codes: frozenset[str]
    label: str


class Signs:
    """All that is looked for; ``blinded`` adds what only blinded people must not see."""

    def __init__(self, found: Definitions, *, blinded: bool) -> None:
        known = blinding(found.root)
        self.found = found
        self.blinded = blinded
        self.file_names = self._of(found, "file_name")
        self.columns = self._of(found, "column")
        self.cells = self._of(found, "cell")
        self.texts = [
            *self._of(found, "text"),
            *(
                Sign(IDENTITY_RULE, each.label, f"(?i){each.pattern}", each.label in known.only_in_data)
                for each in found.trial.identity_patterns
            ),
        ]
        self.codes: list[Codes] = []
        self.hinting: frozenset[str] = frozenset()
        if blinded:
            self.codes = [
                Codes(
                    one.field,
                    frozenset(one.codes),
                    f"{one.field} = {one.codes[0]}" if len(one.codes) == 1 else one.field,
                )
                for one in known.blinded_codes
            ]
            self.texts += [
                Sign(ONE_ARM_RULE, each.label, f"(?i){each.pattern}", only_in_data=True) for each in known.blinded_words
            ]
            judged = {code.column for code in self.codes}
            self.hinting = frozenset(
                name
                for table in found.tables.values()
                if not table.restricted
                for name, field in table.fields.items()
                if field.blinding == "revealing" and name not in judged
            )
        self.tables = {name for name, table in found.tables.items() if table.restricted}
        self.names = self._names()
        self.known = frozenset(
            spelling.lower()
            for table in found.tables.values()
            for name, field in table.fields.items()
            for spelling in (name, *field.synonyms)
        )
        """Names that a header may have, by which it is found below a title."""

    def column(self, name: str) -> list[tuple[str, str]]:
        """The (rule, what) that the name of a column stands for."""
        plain = " ".join(name.split()).casefold()
        if plain in self.names:
            return [self.names[plain]]
        known = next((sign for sign in self.columns if sign.found_in(plain)), None)
        return [(known.rule, known.label)] if known else []

    def _of(self, found: Definitions, place: Place) -> list[Sign]:
        signs = blinding(found.root).signs
        return [Sign(one.rule, one.label, f"(?i){one.pattern}") for one in signs if place in one.where]

    def _names(self) -> dict[str, tuple[str, str]]:
        """Names of the fields that stand in restricted tables only, and of those that name a person."""
        open_names = {name for table in self.found.tables.values() if not table.restricted for name in table.fields}
        names: dict[str, tuple[str, str]] = {}
        for table in self.found.tables.values():
            for name, field in table.fields.items():
                if field.identifying == "direct":
                    rule, label = PERSON_RULE, f'"{field.label}"'
                elif table.restricted and name not in open_names and field.blinding == "revealing":
                    rule, label = COLUMN_RULE, f'"{field.label}" of the restricted table {table.name}'
                else:
                    continue
                for spelling in (name, *field.synonyms):
                    names[spelling.casefold()] = (rule, label)
        return names
