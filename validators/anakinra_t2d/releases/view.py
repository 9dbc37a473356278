"""A view of the trial: which tables, fields, cards, criteria and rules it holds, worked out from the definitions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from anakinra_t2d.endpoint_views.views import ARMS, View, relation_of, views
from anakinra_t2d.schema.blinding import blinding
from anakinra_t2d.schema.release import ReleaseFile, RevealingRecord, ViewName, release_views
from anakinra_t2d.schema.rules import AcrossRule, RowRule
from anakinra_t2d.schema.sql import columns_read

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions, Field, Table
    from anakinra_t2d.schema.eligibility import Criterion
    from anakinra_t2d.schema.release import View as Terms


_TEXT = re.compile(r"'(?:[^']|'')*'")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class ReleaseView:
    """A view by its name; ``found`` are all definitions, from which everything here follows.

    ``withheld`` are columns, as table and field, that no card can be calculated from because they are gone.
    """

    name: ViewName
    found: Definitions
    withheld: frozenset[tuple[str, str]] = frozenset()

    @cached_property
    def file(self) -> ReleaseFile:
        """``schema/release.yaml``.

        Raises:
            SchemaError: the file is wrong.
        """
        return release_views(self.found)

    @property
    def terms(self) -> Terms:
        """What the schema says of the view."""
        return self.file.views[self.name]

    @cached_property
    def codes(self) -> list[tuple[RevealingRecord, frozenset[str]]]:
        """Fields whose codes reveal the arm, with these codes and with what becomes of their records in the view."""
        if not self.terms.without("revealing_records"):
            return []
        known = {(one.table, one.field): frozenset(one.codes) for one in blinding(self.found.root).blinded_codes}
        return [(one, known[one.table, one.field]) for one in self.file.revealing_records if self.name in one.views]

    @cached_property
    def tables_with_records_left_out(self) -> frozenset[str]:
        """Tables that lack records which the data have."""
        return frozenset(one.table for one, _ in self.codes if one.leaves == "record")

    def holds_table(self, table: Table) -> bool:
        """Whether the view has the table."""
        terms = self.terms
        if table.restricted and terms.without("restricted_tables"):
            return False
        if table.role == "lineage" and terms.without("lineage"):
            return False
        return not terms.tables or table.name in terms.tables

    def holds_field(self, table: Table, field: Field) -> bool:
        """Whether the view has the field of a table."""
        terms = self.terms
        if not self.holds_table(table):
            return False
        if terms.without("revealing_fields") and _reveals(table, field):
            return False
        if field.identifying == "direct" and terms.without("direct_identifiers"):
            return False
        beside = terms.without("free_text_beside_revealing_records") and table.name in self.tables_with_records_left_out
        return not (beside and is_free_text(self.found, table, field))

    def fields(self, table: Table) -> list[str]:
        """The fields of a table that the view has, in their order."""
        return [name for name, field in table.fields.items() if self.holds_field(table, field)]

    @cached_property
    def cards(self) -> frozenset[str]:
        """Parameters and endpoints that rest on nothing the view leaves out."""
        every = [*self.found.endpoints.parameters, *self.found.endpoints.endpoints]
        return frozenset(card.id for card in every if self._holds_view(relation_of(self.found.endpoints, card.id)))

    def _holds_view(self, name: str) -> bool:
        asked = self.terms.without("derived_from_left_out") or self.withheld
        return not asked or name not in self._views_that_tell

    @cached_property
    def _views_that_tell(self) -> frozenset[str]:
        """Views of parameters and endpoints that read something left out, at whatever distance."""
        told: set[str] = set()
        for view in views(self.found):
            words = _words(view.query)
            # a column counts for each table that is named: rather one card too few than one too many
            read = ((name, column) for name in words & self.found.tables.keys() for column in words)
            if words & told or any(not self._holds(*one) for one in read):
                told.add(view.name)
        return frozenset(told)

    def _holds(self, name: str, column: str) -> bool:
        table = self.found.tables.get(name)
        if table is None:
            return True
        if (name, column) in self.withheld:
            return False
        if name in self.tables_with_records_left_out or not self.holds_table(table):
            return False
        return column not in table.fields or self.holds_field(table, table.fields[column])

    def endpoint_views(self, definitions: Definitions, readings: Mapping[str, str]) -> list[View]:
        """Views of the cards of the view, for a script; that of the arms only where results may compare them."""
        made = views(definitions, readings)
        return [view for view in made if view.name != ARMS or not self.terms.without("results_by_arm")]

    def holds_criterion(self, criterion: Criterion) -> bool:
        """Whether the view has the verdicts on a criterion."""
        return criterion.kind != "post_randomisation" or not self.terms.without("after_randomisation_criteria")

    def definitions(self, found: Definitions | None = None, present: Iterable[str] | None = None) -> Definitions:
        """The part of the definitions that describes the view.

        Args:
            found: definitions of changed tables, for instance of de-identified ones; all definitions by default.
            present: the tables that are there; every table of the view by default.
        """
        found = found or self.found
        there = set(found.tables if present is None else present)
        tables = {
            name: self._table(table)
            for name, table in found.tables.items()
            if name in there and self.holds_table(self.found.tables[name])
        }
        cards = found.endpoints
        kept = found.endpoints.model_copy(
            update={
                "populations": {
                    id: one for id, one in cards.populations.items() if self._holds_view(relation_of(cards, id))
                },
                "parameters": [card for card in cards.parameters if card.id in self.cards],
                "endpoints": [card for card in cards.endpoints if card.id in self.cards],
                "groups": [] if self.terms.without("results_by_arm") else cards.groups,
            }
        )
        criteria = [one for one in found.eligibility.criteria if self.holds_criterion(one)]
        return replace(
            found,
            tables=tables,
            trial=found.trial.model_copy(update={"tables": [name for name in found.trial.tables if name in tables]}),
            across_rules={code: rule for code, rule in found.across_rules.items() if self._holds_rule(rule, tables)},
            endpoints=kept,
            eligibility=found.eligibility.model_copy(update={"criteria": criteria}),
        )

    def _table(self, table: Table) -> Table:
        own = self.found.tables[table.name]
        kept = {
            name: field
            for name, field in table.fields.items()
            if name not in own.fields or self.holds_field(own, own.fields[name])
        }
        gone = {*own.fields, *table.fields} - set(kept)
        fields = {name: _asked_for_within(field, gone) for name, field in kept.items()}
        return table.model_copy(
            update={
                "fields": fields,
                "rules": [rule for rule in table.rules if _within(rule, fields)],
                "unique": [group for group in table.unique if set(group) <= set(fields)],
            }
        )

    def _holds_rule(self, rule: AcrossRule, tables: Mapping[str, Table]) -> bool:
        """Whether everything that the rule reads is in the view."""
        if rule.table is not None and rule.table not in tables:
            return False
        for place in rule.fields:
            name, _, field = place.partition(".")
            if name in self.found.tables and (name not in tables or (field and field not in tables[name].fields)):
                return False
        words = _words(rule.records) | _words(rule.assert_)
        return not any(name in words for name in self.found.tables if name not in tables)


def is_free_text(found: Definitions, table: Table, field: Field) -> bool:
    """Whether people write what they like into the field."""
    in_key = field.name in table.key or any(field.name in reference.fields for reference in table.foreign_keys)
    return field.type == "string" and not in_key and found.terms(field) is None and field.pattern is None


def _reveals(table: Table, field: Field) -> bool:
    """Whether the field can tell the arm, or is asked for only where one that can says so."""
    conditions = [text for text in (field.required_when, field.planned.when) if text]
    read = set().union(*map(columns_read, conditions))
    return field.blinding == "revealing" or any(
        name in table.fields and table.fields[name].blinding == "revealing" for name in read
    )


def _asked_for_within(field: Field, gone: set[str]) -> Field:
    """The field, optional where the condition under which it is asked for reads a field that is gone."""
    conditions = [text for text in (field.required_when, field.planned.when) if text]
    if not gone & set().union(*map(columns_read, conditions)):
        return field
    planned = type(field.planned)()
    return field.model_copy(update={"required": "optional", "required_when": None, "planned": planned})


def _within(rule: RowRule, fields: Mapping[str, Field]) -> bool:
    return {rule.field, *rule.fields} <= set(fields)


def _words(sql: str) -> frozenset[str]:
    """Names in a query, whatever they name; texts in quotes are none."""
    return frozenset(_NAME.findall(_TEXT.sub("", sql)))
