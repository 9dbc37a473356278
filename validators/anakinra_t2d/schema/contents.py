"""Everything the schema says, as one object."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from anakinra_t2d.schema.adam import Adam
from anakinra_t2d.schema.deidentification import Deidentification
from anakinra_t2d.schema.eligibility import Eligibility
from anakinra_t2d.schema.endpoints import Endpoints
from anakinra_t2d.schema.flow import Flow
from anakinra_t2d.schema.quantities import Quantity, Spelling
from anakinra_t2d.schema.reported import Reported
from anakinra_t2d.schema.rules import AcrossRule, BuiltinRule, RowRule
from anakinra_t2d.schema.sites import Profile
from anakinra_t2d.schema.tables import Field, Table
from anakinra_t2d.schema.trial import Codelist, Trial
from anakinra_t2d.schema.yaml_source import YamlSource

Rule = BuiltinRule | RowRule | AcrossRule


@dataclass(frozen=True)
class Definitions:
    """Everything the schema says, by name."""

    trial: Trial
    quantities: dict[str, Quantity]
    codelists: dict[str, Codelist]
    tables: dict[str, Table]
    builtin_rules: dict[str, BuiltinRule]
    across_rules: dict[str, AcrossRule]
    profiles: dict[str, Profile]
    spellings: list[Spelling]
    eligibility: Eligibility
    flow: Flow
    endpoints: Endpoints
    reported: list[Reported]
    adam: Adam
    deidentification: Deidentification
    sources: dict[str, YamlSource]
    root: Path

    @cached_property
    def rules(self) -> dict[str, Rule]:
        """Every rule by its code, ordered by code."""
        rules: dict[str, Rule] = {**self.builtin_rules, **self.across_rules}
        for table in self.tables.values():
            rules.update({rule.code: rule for rule in table.rules})
        return dict(sorted(rules.items()))

    @cached_property
    def result_words(self) -> dict[str, str]:
        """Words that stand in place of a number, in lower case, with the result status they mean."""
        return {word.lower(): term.code for term in self.result_statuses.terms for word in term.words}

    @cached_property
    def result_statuses(self) -> Codelist:
        """The codelist of the side table for values that are not numbers."""
        flags = next(table for table in self.tables.values() if table.role == "flags")
        return self.codelists[next(field.codelist for field in flags.fields.values() if field.codelist)]

    @cached_property
    def row_rules(self) -> dict[str, tuple[Table, RowRule]]:
        """Every row rule by its code, with its table."""
        return {rule.code: (table, rule) for table in self.tables.values() for rule in table.rules}

    def quantity(self, field: Field) -> Quantity | None:
        """The quantity a field measures."""
        return self.quantities[field.quantity] if field.quantity else None

    def unit(self, field: Field) -> str | None:
        """Canonical UCUM unit of a field."""
        quantity = self.quantity(field)
        return quantity.unit if quantity else None

    def terms(self, field: Field) -> list[str] | None:
        """Allowed codes of a field, in their order; None when the field has no codelist."""
        if field.codelist is None:
            return None
        return list(field.terms) or self.codelists[field.codelist].codes

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the schema files, names included."""
        digest = hashlib.sha256()
        for shown in sorted(self.sources):
            digest.update(f"{shown}\0".encode())
            digest.update((self.root / shown).read_bytes())
        return digest.hexdigest()
