"""Drafts a site profile from the files of a site."""

from __future__ import annotations

import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from anakinra_t2d.profiling.evidence import ColumnEvidence, gather
from anakinra_t2d.profiling.fit import Fitter, person_field
from anakinra_t2d.profiling.matching import Candidate, Decision
from anakinra_t2d.profiling.names import FieldNames
from anakinra_t2d.profiling.sheet_draft import SheetDraft, SheetDrafter
from anakinra_t2d.profiling.undecided import Open, open_questions
from anakinra_t2d.profiling.unit_words import UnitWords
from anakinra_t2d.schema import Definitions, definitions
from anakinra_t2d.schema.sites import BOOLEAN

_NUMBERED = re.compile(r"^(?P<before>.*?)(?P<digits>\d+)$", re.DOTALL)


@dataclass
class Subjects:
    """How the subject numbers of the site look: template as sent and the proposal for the canonical form."""

    field: str
    sent: str
    canonical: str


@dataclass
class Draft:
    """A drafted profile; ``text`` is its YAML. ``sure`` and ``open`` count columns of the files."""

    sheets: list[SheetDraft]
    undecided: list[Open] = field(default_factory=list)
    decimal: str = "."
    thousands: list[str] = field(default_factory=list)
    dates: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    subjects: Subjects | None = None
    site: str | None = None
    problems: list[str] = field(default_factory=list)
    text: str = ""

    @property
    def columns(self) -> int:
        """Number of columns in all sheets."""
        return sum(len(sheet.evidence.columns) for sheet in self.sheets)

    @property
    def open(self) -> int:
        """Number of columns about which something must be decided."""
        return sum(each.columns for each in self.undecided)

    @property
    def sure(self) -> int:
        """Number of columns about which nothing is open."""
        return self.columns - self.open


def draft_profile(*paths: Path, found: Definitions | None = None) -> Draft:
    """Look at the files below ``paths`` and draft the profile that reads them.

    Nothing unsure is applied: it stands in ``undecided``, and a profile with such entries does not load.

    Raises:
        InputError: nothing can be read.
    """
    from anakinra_t2d.profiling.yaml_text import profile_text

    found = found or definitions()
    units = UnitWords(found)
    names = FieldNames(found, units)
    fitter = Fitter(found, units)
    drafter = SheetDrafter(found, units, names, fitter)
    with tempfile.TemporaryDirectory(prefix="anakinra-t2d-") as scratch:
        sheets, problems = gather(paths, found, names.known(), units, Path(scratch))
    draft = Draft([drafter.draft(sheet) for sheet in sheets], problems=problems)
    _number_notation(draft)
    _date_notation(draft)
    _missing_words(draft, fitter)
    _codes(draft)
    _subjects(draft, found, fitter)
    draft.undecided = [entry for sheet in draft.sheets for entry in open_questions(sheet, fitter)]
    draft.text = profile_text(draft, found)
    return draft


def _mapped(draft: Draft) -> Iterator[tuple[Decision, Candidate]]:
    """Every decision whose field is clear, each once."""
    for sheet in draft.sheets:
        for decision in sheet.decisions:
            if decision.best is not None and decision.is_mapped:
                yield decision, decision.best


def _number_notation(draft: Draft) -> None:
    """The decimal mark that most columns use; columns with another one are open."""
    columns: list[tuple[Decision | None, ColumnEvidence]] = [
        (decision, decision.item.evidence)
        for decision, best in _mapped(draft)
        if best.field.type in ("number", "integer")
    ]
    columns += [(None, tests.result) for sheet in draft.sheets if (tests := sheet.tests)]
    marks = Counter(column.marks.decimal for _, column in columns if column.marks.decimal)
    draft.decimal = marks.most_common(1)[0][0] if marks else "."
    for decision, column in columns:
        seen = column.marks
        draft.thousands += [mark for mark in sorted(seen.thousands) if mark not in (*draft.thousands, draft.decimal)]
        question = None
        if seen.is_mixed:
            question = "point and comma are both decimal marks here"
        elif seen.decimal and seen.decimal != draft.decimal:
            question = f"the decimal mark here is {seen.decimal!r}, elsewhere {draft.decimal!r}"
        elif seen.doubtful and seen.decimal is None and (draft.decimal == "," or not marks):
            question = "three digits after a mark could be decimals or thousands"
        if question and decision is not None:
            decision.questions.append(question)


def _date_notation(draft: Draft) -> None:
    """The layouts that some day above 12 proves; others are open."""
    for sheet in draft.sheets:
        dated = [
            (decision, decision.item.evidence)
            for decision in sheet.decisions
            if decision.best is not None and decision.is_mapped and decision.best.field.type in ("date", "datetime")
        ]
        proven: dict[str, set[str]] = defaultdict(set)
        for _, column in dated:
            for shape in column.dates.shapes:
                proven[shape.separator] |= shape.orders
        for decision, column in dated:
            for shape in column.dates.shapes:
                orders = shape.orders or proven[shape.separator]
                if len(orders) != 1:
                    day, month = shape.layout("dm"), shape.layout("md")
                    why = "both orders are found" if orders else "no day is above 12"
                    decision.questions.append(f"the dates are {day} or {month}: {why}")
                    continue
                layout = shape.layout(next(iter(orders)))
                if layout not in draft.dates:
                    draft.dates.append(layout)
                if shape.year.endswith("2"):
                    decision.questions.append("years have two digits: say two_digit_years_from")
    draft.dates.sort()


def _missing_words(draft: Draft, fitter: Fitter) -> None:
    """Texts of empty cells, unless the same text is a code in some column."""
    coded = {
        text
        for decision, best in _mapped(draft)
        if best.field.codelist or best.field.type == "boolean"
        for text in decision.item.evidence.texts
        if fitter.code(text, best.field) is not None
    }
    for sheet in draft.sheets:
        columns = [(each, each.item.evidence) for each in sheet.decisions if each.is_mapped]
        for decision, column in columns:
            clash = sorted(text for text in column.missing if text in coded)
            if clash and decision.best is not None and not decision.best.field.codelist:
                decision.questions.append(f"{', '.join(clash)} is an empty cell here and a code elsewhere")
            draft.missing += [t for t in column.missing if t not in coded and t not in draft.missing]
        if sheet.tests:
            draft.missing += [t for t in sheet.tests.result.missing if t not in coded and t not in draft.missing]
    draft.missing.sort()


def _codes(draft: Draft) -> None:
    """Texts as sent with their codes, by codelist."""
    for _, best in _mapped(draft):
        name = best.field.codelist or BOOLEAN
        for text, code in best.fit.codes.items():
            draft.codes.setdefault(name, {}).setdefault(text, code)
    draft.codes = {name: dict(sorted(each.items(), key=lambda pair: pair[1])) for name, each in draft.codes.items()}


def _subjects(draft: Draft, found: Definitions, fitter: Fitter) -> None:
    """The form of the subject numbers; how it becomes the canonical one is for a person to confirm."""
    _, person = person_field(found)
    numbered = [decision for decision, best in _mapped(draft) if best.field.name == person]
    texts = {text for decision in numbered for text in decision.item.evidence.filled}
    sites = [site.id for site in found.trial.sites]
    if not texts or all(any(text.startswith(f"{site}-") for site in sites) for text in texts):
        draft.site = _only({text.split("-")[0] for text in texts})
        return
    before = {match["before"] if (match := _NUMBERED.match(text)) else None for text in texts}
    question = "the subject numbers have several forms: say in subjects how they become those of the trial"
    is_shown = len(texts) > 1 and not any(fitter.is_identifying(text) for text in texts)
    if is_shown and len(before) == 1 and (start := next(iter(before))) is not None:
        widths = {len(match["digits"]) for text in texts if (match := _NUMBERED.match(text))}
        width = widths.pop() if len(widths) == 1 else None
        letters = "".join(char for char in start if char.isalpha()).upper()
        draft.site = _only({site for site in sites if letters and site.startswith(letters)})
        digits = f"{{number:0{width}}}" if width and width > 1 else "{number}"
        if "{" not in start:
            site = draft.site or "SITE"
            draft.subjects = Subjects(person, start + digits, f"{site}-{digits}")
            question = (
                f"confirm in subjects that {draft.subjects.sent} is {draft.subjects.canonical} of the trial; "
                f"the site is one of {', '.join(sites)}"
            )
    numbered[0].questions.append(question)


def _only(texts: set[str]) -> str | None:
    return next(iter(texts)) if len(texts) == 1 else None
