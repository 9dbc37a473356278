"""The drafted profile as YAML with comments for the person who completes it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from anakinra_t2d.profiling.matching import Candidate, Decision
from anakinra_t2d.profiling.sheet_draft import SheetDraft, TableDraft

if TYPE_CHECKING:
    from anakinra_t2d.profiling.draft import Draft
    from anakinra_t2d.profiling.evidence import ColumnEvidence
    from anakinra_t2d.schema import Definitions

_PLAIN = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_NOT_TEXT = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
_HEAD = """\
# yaml-language-server: $schema=../meta/profile.json
# Drafted from the site's files: {sure} of {columns} columns are sure, {open} are for you to decide.
# The number after a field says how well name and values agree (1 is best).
# The profile loads when `undecided` is empty: decide each entry by a line in `fields`, `codes`, `ignore` or `expect`,
# then remove it.
"""


def profile_text(draft: Draft, found: Definitions) -> str:
    """YAML text of the profile."""
    lines = [_HEAD.format(sure=draft.sure, columns=draft.columns, open=draft.open).rstrip()]
    lines += [f"# noticed: {_one_line(problem)}" for problem in draft.problems]
    lines.append(f"title: {_text('Draft profile')}")
    if draft.site:
        lines.append(f"site: {_text(draft.site)}")
    else:
        lines.append(f"# site: one of {', '.join(site.id for site in found.trial.sites)}")
    lines.append("# encoding: cp1252, or what else the files are written in when they are not UTF-8")
    lines.append(f"decimal: {_text(draft.decimal)}")
    for name, texts in (("thousands", draft.thousands), ("dates", draft.dates), ("missing", draft.missing)):
        if texts:
            lines.append(f"{name}: {_list(texts)}")
    if draft.codes:
        lines.append("codes:")
        for name, codes in draft.codes.items():
            lines.append(f"  {name}: {_map(codes)}")
    if draft.subjects:
        each = draft.subjects
        lines.append(
            f"subjects: {{fields: [{each.field}], sent: {_text(each.sent)}, canonical: {_text(each.canonical)}}}"
        )
    lines.append("sheets:")
    for sheet in draft.sheets:
        lines += _sheet(sheet)
    lines += _undecided(draft)
    return "\n".join(lines) + "\n"


def _sheet(sheet: SheetDraft) -> Iterator[str]:
    evidence = sheet.evidence
    yield ""
    yield f"  - files: {_text(evidence.file)}"
    if evidence.sheet:
        yield f"    sheet: {_text(evidence.sheet)}"
    if evidence.is_sample:
        yield f"    # only the first {evidence.frame.height:,} rows were looked at"
    if evidence.needs_header_row:
        yield f"    header_row: {evidence.header_row}  # the rows above it were not read"
    if evidence.unit_row:
        yield f"    unit_row: {evidence.unit_row}"
    shown = [table for table in sheet.tables if table.is_sure]
    if sheet.is_canonical:
        yield "    # every column has the name of a field; the file is read without a profile too"
    hidden = [table for table in sheet.tables if table not in shown]
    for table in hidden:
        for decision in table.own:
            if decision.best is not None:
                yield f"    # perhaps {decision.best.shown}: {_text(decision.item.header)}{_comment(decision)}"
    if not shown:
        yield "    tables: []  # no column is surely a field of the trial"
        return
    yield "    tables:"
    bare = Counter(
        decision.best.likeness.form.name for decision in sheet.decisions if decision.best and not decision.item.blocks
    )
    for table in shown:
        yield from _table(table, sheet, bare)


def _table(draft: TableDraft, sheet: SheetDraft, bare: Mapping[str, int]) -> Iterator[str]:
    yield f"      - table: {draft.table.name}"
    yield "        same_names: false"
    if draft.missing:
        yield f"        # no column for what {draft.table.name} always needs: {', '.join(draft.missing)}"
    if draft.repeats and not draft.tests:
        yield "        # several rows give the same record: they must agree"
    lines = [line for decision in draft.decisions for line in _field(decision, sheet, bare)]
    lines += [f"{name}: {{value: {_text(value)}}}  # each record stands once" for name, value in draft.values.items()]
    lines += [f"# {name}: {{value: {_text(value)}}}  # to decide" for name, value in draft.open_values.items()]
    is_empty = all(line.startswith("#") for line in lines)
    yield f"        fields:{' {}' if is_empty else ''}"
    for line in lines:
        yield f"          {line}"
    yield from _over(draft)
    if draft.tests:
        yield from _tests(draft)


def _field(decision: Decision, sheet: SheetDraft, bare: Mapping[str, int]) -> Iterator[str]:
    best = decision.best
    assert best is not None
    name = best.field.name
    if decision.item.blocks and decision.block is None:
        return
    layout = _layout(decision, best, sheet, bare)
    written = layout["column"] if len(layout) == 1 else f"{{{', '.join(f'{k}: {v}' for k, v in layout.items())}}}"
    hidden = "" if decision.is_mapped else "# "
    yield f"{hidden}{name}: {written}{_comment(decision)}"


def _layout(decision: Decision, best: Candidate, sheet: SheetDraft, bare: Mapping[str, int]) -> dict[str, str]:
    item = decision.item
    column = item.header
    form = best.likeness.form
    if decision.block is not None:
        column = decision.block.pattern
    elif form.is_marked and bare[form.name] == 1:
        column = form.name
    layout = {"column": _text(column)}
    if best.fit.unit is not None:
        layout["unit"] = _text(best.fit.unit)
    beside: ColumnEvidence | None = sheet.unit_columns.get(item.evidence.place)
    if beside is not None:
        layout["unit_column"] = _text(beside.header)
    if item.part is not None and item.evidence is not None:
        layout["separator"] = _text(_separator(item, sheet))
        layout["part"] = str(item.part)
    return layout


def _separator(item: object, sheet: SheetDraft) -> str:
    place = item.evidence.place  # type: ignore[attr-defined]
    return sheet.evidence.columns[place].separator or "/"


def _comment(decision: Decision) -> str:
    best = decision.best
    assert best is not None
    open_ = [*decision.reasons, *decision.questions]
    words = [best.likeness.way, *best.fit.notes, *(["to decide: " + "; ".join(open_)] if open_ else [])]
    return f"  # {best.confidence:.2f} {_one_line(', '.join(words))}"


def _over(draft: TableDraft) -> Iterator[str]:
    blocks = [decision.block for decision in draft.decisions if decision.block and decision.is_mapped]
    if not blocks:
        return
    values: dict[str, str] = {}
    for block in blocks:
        for value, spelling in block.values:
            values.setdefault(value, spelling)
    order = sorted(values, key=lambda value: (int(value) if value.lstrip("-").isdigit() else 0, value))
    yield f"        over: {{field: {blocks[0].over.name}, values: {_map({value: values[value] for value in order})}}}"


def _tests(draft: TableDraft) -> Iterator[str]:
    tests = draft.tests
    assert tests
    yield "        tests:"
    yield f"          column: {_text(tests.column.header)}"
    yield f"          result: {_text(tests.result.header)}"
    if tests.unit:
        yield f"          unit_column: {_text(tests.unit.header)}"
    if tests.status:
        yield f"          status_column: {_text(tests.status.header)}"
    yield f"          names:{'' if tests.names else ' {}'}"
    for name, texts in tests.names.items():
        yield f"            {name}: {_list(texts)}"
    for test, reasons in tests.doubts.items():
        place = reasons[-1].partition(".")[2]
        yield f"            # {place}: {_list([test])}  # to decide: {_one_line('; '.join(reasons[:-1]))}"


def _undecided(draft: Draft) -> Iterator[str]:
    if not draft.undecided:
        yield "undecided: []"
        return
    yield ""
    yield "undecided:"
    for each in draft.undecided:
        yield f"  - file: {_text(each.file)}"
        if each.sheet:
            yield f"    sheet: {_text(each.sheet)}"
        yield f"    column: {_text(each.column)}"
        yield f"    candidates: {_list(each.candidates, is_dotted=True)}"
        yield f"    reason: {_text(_one_line(each.reason), always=True)}"


def _text(text: str, *, always: bool = False) -> str:
    """A YAML scalar that stays text."""
    if not always and _PLAIN.match(text) and text.lower() not in _NOT_TEXT:
        return text
    return json.dumps(text, ensure_ascii=False)


def _list(texts: Iterable[str], *, is_dotted: bool = False) -> str:
    return f"[{', '.join(text if is_dotted and re.fullmatch(r'[a-z0-9_.]+', text) else _text(text) for text in texts)}]"


def _map(pairs: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{_text(key)}: {_text(value)}' for key, value in pairs.items())}}}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
