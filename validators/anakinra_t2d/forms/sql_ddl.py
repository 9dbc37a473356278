"""The tables as CREATE TABLE statements of an engine, which then refuses what a constraint can refuse."""

from __future__ import annotations

import collections
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anakinra_t2d.forms.row_conditions import CannotExpress, NotHeld, not_held, row_conditions
from anakinra_t2d.forms.sql_conditions import Engine, check_condition, quoted, text_literal
from anakinra_t2d.forms.sql_ddl_engines import ENGINES

if TYPE_CHECKING:
    from anakinra_t2d.schema import Definitions, Field, Table


@dataclass(frozen=True)
class Constraint:
    """A constraint of a table; ``code`` is the rule it holds, empty where it stands for a type that an engine lacks."""

    code: str
    field: str
    sql: str
    name: str = ""

    @property
    def line(self) -> str:
        """As it stands in CREATE TABLE."""
        return f"CONSTRAINT {quoted(self.name)} {self.sql}"


@dataclass(frozen=True)
class TableForm:
    """A table in an engine: what must not be empty (by field: the code), its constraints, and what it cannot hold."""

    table: Table
    filled: dict[str, str]
    constraints: tuple[Constraint, ...]
    refused: dict[tuple[str, str, str], str]


def sql_ddl(definitions: Definitions, engine: Engine) -> str:
    """A script that makes every table, those that others refer to first.

    Types, NOT NULL, keys and references are those of the definitions; ranges, codelists, patterns and the row rules of
    severity error are CHECK constraints, named after the rule. A condition that is NULL passes. The header says how to
    load files and what is not held.
    """
    made = [create_table(form, definitions, engine) for form in table_forms(definitions, engine)]
    return "\n\n".join([_header(definitions, engine), *ENGINES[engine].first, *made]) + "\n"


def table_forms(definitions: Definitions, engine: Engine) -> list[TableForm]:
    """Every table in the order in which they must be made."""
    return [_form(table, definitions, engine) for table in definitions.tables.values()]


def create_table(
    form: TableForm, definitions: Definitions, engine: Engine, *, only: Collection[str] | None = None
) -> str:
    """The statements of one table; ``only`` leaves out all constraints but those of these rules."""
    described, table = ENGINES[engine], form.table
    lines: list[tuple[str, str]] = []
    for field in table.fields.values():
        code = form.filled.get(field.name)
        filled = " NOT NULL" if code and (only is None or code in only) else ""
        lines.append((f"{quoted(field.name)} {described.types[field.type]}{filled}", _words(field, definitions)))
    lines += [(one.line, "") for one in form.constraints if only is None or one.code in only]
    title = f"{table.title}: {table.purpose}"
    shown = [f"CREATE TABLE {quoted(table.name)} ("]
    for place, (line, words) in enumerate(lines, start=1):
        comma = "," if place < len(lines) else ""
        remark = f"  -- {words}" if words and not described.has_comments else ""
        shown.append(f"  {line}{comma}{remark}")
    shown.append(f"){described.after_table};")
    if not described.has_comments:
        return "\n".join([f"-- {title}", *shown])
    shown.append(f"COMMENT ON TABLE {quoted(table.name)} IS {text_literal(title)};")
    for field in table.fields.values():
        column = f"{quoted(table.name)}.{quoted(field.name)}"
        shown.append(f"COMMENT ON COLUMN {column} IS {text_literal(_words(field, definitions))};")
    return "\n".join(shown)


def rules_held(definitions: Definitions, engine: Engine) -> set[str]:
    """Codes of the rules that the tables hold, at least for some fields."""
    forms = table_forms(definitions, engine)
    codes = {one.code for form in forms for one in form.constraints}
    return (codes | {code for form in forms for code in form.filled.values()}) - {""}


def rules_not_held(definitions: Definitions, engine: Engine) -> list[NotHeld]:
    """Every rule that the tables do not hold, with the reason, ordered by code, table and field."""
    refused: dict[tuple[str, str, str], str] = {}
    for form in table_forms(definitions, engine):
        refused |= form.refused
    return not_held(definitions, rules_held(definitions, engine), refused)


def _form(table: Table, definitions: Definitions, engine: Engine) -> TableForm:
    filled = {
        field.name: "KEY-002" if field.name in table.key else "REQ-001"
        for field in table.fields.values()
        if field.required == "always"
    }
    constraints = list(_keys(table))
    for field in table.fields.values():
        if (typed := ENGINES[engine].type_checks.get(field.type)) is not None:
            check = f"CHECK ({typed.format(name=quoted(field.name))})"
            constraints.append(Constraint("", field.name, check, f"type of {field.name}"))
        if terms := definitions.terms(field):
            codes = ", ".join(text_literal(term) for term in terms)
            check = f"CHECK ({quoted(field.name)} IN ({codes}))"
            constraints.append(Constraint("LIST-001", field.name, check, f"LIST-001 {field.name}"))
    refused: dict[tuple[str, str, str], str] = {}
    for condition in row_conditions(table):
        try:
            check = f"CHECK ({check_condition(condition.sql, table, engine)})"
        except CannotExpress as reason:
            refused[condition.code, table.name, condition.field] = str(reason)
        else:
            constraints.append(Constraint(condition.code, condition.field, check, condition.name))
    return TableForm(table, filled, tuple(constraints), refused)


def _keys(table: Table) -> Iterator[Constraint]:
    # names of keys are names of indexes too, and these are unique among all tables
    yield Constraint("KEY-001", table.key[-1], f"PRIMARY KEY ({_list(table.key)})", f"KEY-001 {table.name}")
    for group in table.unique:
        name = f"KEY-003 {table.name} {' '.join(group)}"
        yield Constraint("KEY-003", group[-1], f"UNIQUE ({_list(group)})", name)
    for reference in table.foreign_keys:
        target = f"{quoted(reference.table)} ({_list(reference.to)})"
        sql = f"FOREIGN KEY ({_list(reference.fields)}) REFERENCES {target}"
        yield Constraint("REF-001", reference.fields[-1], sql, f"REF-001 {' '.join(reference.fields)}")


def _list(names: Collection[str]) -> str:
    return ", ".join(map(quoted, names))


def _words(field: Field, definitions: Definitions) -> str:
    unit = definitions.unit(field)
    return f"{field.label}{f' [{unit}]' if unit else ''}: {field.description}"


def _header(definitions: Definitions, engine: Engine) -> str:
    trial, described = definitions.trial, ENGINES[engine]
    absent = rules_not_held(definitions, engine)
    counts = collections.Counter(one.kind for one in absent)
    lines = [
        f"Tables of {trial.name} for {described.title}",
        f"Made from the definitions of version {trial.version} ({trial.registry}); change these and make it anew.",
        "",
        "Every table must be made; one that was not sent stays empty. Load them in the order in which they stand here.",
        *described.loading,
        "",
        "A constraint is named after the rule it holds: `anakinra-t2d explain CODE` says why it is there. A record",
        "that was accepted in spite of a finding is refused; leave out the line of that rule before you load it.",
        "",
        "Not held here, and checked by `anakinra-t2d validate` alone:",
        f"  {counts['other records']} rules that read more than one record,",
        f"  {counts['before the tables']} about files and cells as sent, {counts['warning']} that only warn;",
        "  values required under a condition, where a result flag may say why a sound record lacks them:",
        *_wrapped(f"{one.table}.{one.field}" for one in absent if one.kind == "flags"),
        *(f"  {one.code} of {one.table}.{one.field}: {one.reason}." for one in absent if one.kind == "engine"),
    ]
    return "\n".join(f"-- {line}".rstrip() for line in lines)


def _wrapped(names: Iterator[str] | Collection[str], width: int = 112) -> Iterator[str]:
    line = ""
    for name in names:
        if line and len(line) + len(name) > width:
            yield f"    {line},"
            line = ""
        line = f"{line}, {name}" if line else name
    if line:
        yield f"    {line}."
