"""The page: its sections put together into one file that asks nothing of any network and runs no script but its own."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anakinra_t2d.report.html.completeness import ANY_TIME, Cell, cells
from anakinra_t2d.report.html.curves import MOST_PATIENTS, curve_sets
from anakinra_t2d.report.html.disclosure import Disclosure
from anakinra_t2d.report.html.finding_groups import Findings, grouped, variable_anchor
from anakinra_t2d.report.html.people import Expected
from anakinra_t2d.report.html.places import visit_words
from anakinra_t2d.report.html.results import result_groups
from anakinra_t2d.report.html.scale import drawing
from anakinra_t2d.report.html.submission import Submission
from anakinra_t2d.report.html.variables import variable_tables
from anakinra_t2d.report.html.visible import counted, short_number, visible

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

    from anakinra_t2d.derivation.beside_paper import Comparison
    from anakinra_t2d.schema import Definitions

_TEMPLATES = Path(__file__).parent / "templates"
_OPEN_BELOW = 300
"""With so many findings at most, all rules stand open."""
_MOST_GAPS = 60
"""So many variables with missing values are named."""


def html_report(
    folder: Path,
    definitions: Definitions,
    *,
    unblinded: bool = False,
    show_values: bool = True,
    comparisons: Sequence[Comparison] = (),
) -> str:
    """The report of a directory that ``convert`` wrote; the same text for the same directory.

    Args:
        folder: the directory; what ``derive`` added to it is used.
        definitions: everything the schema says.
        unblinded: show what can tell the arms, among it the flow and the results by arm.
        show_values: False leaves out every value and replaces the numbers of subjects by stable pseudonyms.
        comparisons: numbers of the paper, to stand below the results by arm.

    Raises:
        InputError: the directory is no output of ``convert``, or a file in it cannot be read.
    """
    submission = Submission(folder, definitions)
    # findings with pseudonyms beside values with subject numbers would say whose they are
    show_values = show_values and not submission.summary.get("values_hidden")
    disclosure = Disclosure(definitions, unblinded, show_values)
    findings = grouped(submission, disclosure)
    curves = curve_sets(submission, disclosure, findings.shown)
    style, script = _asset("report.css", synthetic=submission.synthetic), _asset("report.js")
    results = submission.results() if unblinded else None
    page: str = _environment().get_template("page.html").render(
        style=style,
        script=script,
        policy=_policy(style, script),
        trial=definitions.trial,
        package=submission.manifest.get("package", ""),
        schema_version=submission.manifest.get("schema_version", ""),
        synthetic=submission.synthetic,
        outdated=submission.outdated,
        disclosure=disclosure,
        verdict=_verdict(submission),
        table_rows=_table_rows(submission, findings),
        absent=submission.summary.get("tables_absent") or [],
        flow=_flow(submission, unblinded=unblinded),
        heat=_heat(submission, disclosure),
        findings=findings,
        open_groups=findings.listed <= _OPEN_BELOW,
        variable_tables=variable_tables(submission, disclosure, findings.shown),
        curves=curves,
        most_patients=MOST_PATIENTS,
        results=None if results is None else result_groups(results, comparisons, definitions),
        derived="derived" in submission.manifest,
        arms=[arm.id for arm in definitions.trial.arms],
    )  # fmt: skip
    return page


def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"counted": counted, "number": short_number, "visible": visible}
    return environment


def _asset(name: str, *, synthetic: bool = False) -> Markup:
    text = (_TEMPLATES / name).read_text(encoding="utf-8")
    if synthetic:
        text += (_TEMPLATES / "synthetic.css").read_text(encoding="utf-8")
    return drawing([text])


def _policy(style: str, script: str) -> str:
    """Nothing is loaded from anywhere, and only this style sheet and this script count."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@dataclass(frozen=True)
class Verdict:
    """What the reader has to know first; ``state`` is error, warning or sound."""

    state: str
    head: str
    sentence: str
    facts: list[tuple[str, str]]


def _verdict(submission: Submission) -> Verdict:
    summary = submission.summary
    errors, warnings = int(summary.get("errors", 0)), int(summary.get("warnings", 0))
    accepted = sum(finding.status == "accepted" for finding in submission.findings)
    tables = summary.get("tables") or {}
    read, rejected = (sum(int(one.get(name, 0)) for one in tables.values()) for name in ("rows_read", "rows_rejected"))
    if errors:
        state, head = "error", f"{counted(errors, 'error')} to correct"
        sentence = (
            f"{counted(rejected, 'row was', 'rows were')} left out of the tables because of them."
            if rejected
            else "No row was left out of the tables."
        )
    elif warnings:
        state, head = "warning", f"No error, {counted(warnings, 'warning')} to look at"
        sentence = "Every row is in the tables."
    else:
        state, head = "sound", "Nothing to correct"
        sentence = "Every row holds what the definitions say." if not accepted else "What was found has been accepted."
    facts = [
        ("errors", f"{errors:,}"),
        ("warnings", f"{warnings:,}"),
        ("accepted", f"{accepted:,}"),
        ("rows read", f"{read:,}"),
        ("rows rejected", f"{rejected:,}"),
        ("checks not assessed", f"{int(summary.get('not_assessed', 0)):,}"),
    ]
    return Verdict(state, head, sentence, [fact for fact in facts if fact[0] != "accepted" or accepted])


def _table_rows(submission: Submission, findings: Findings) -> list[tuple[str, str, int, int, int, int, int]]:
    """Name, file, rows read, valid and rejected, errors and warnings of each table."""
    sources = submission.manifest.get("tables") or {}
    rows = []
    for name, one in (submission.summary.get("tables") or {}).items():
        file = visible(str((sources.get(name) or {}).get("source", {}).get("file", "")))
        numbers = [int(one.get(key, 0)) for key in ("rows_read", "rows_valid", "rows_rejected")]
        found = [findings.by_table[name, severity] for severity in ("error", "warning")]
        rows.append((name, file, numbers[0], numbers[1], numbers[2], found[0], found[1]))
    return rows


def _flow(submission: Submission, *, unblinded: bool) -> Markup | None:
    from anakinra_t2d.report.flow_picture import flow_svg

    rows = submission.flow()
    if rows is None:
        return None
    picture = flow_svg([row for row in rows if row.by == "all" or (unblinded and row.by == "arm")])
    # the policy of the page allows no style but the sheet, which says the same
    picture = re.sub(r' style="[^"]*"', "", picture, count=1)
    return drawing([picture])


@dataclass(frozen=True)
class Gap:
    """A variable with planned values that are neither there nor explained."""

    table: str
    visit: str
    field: str
    anchor: str
    missing: int
    planned: int


@dataclass(frozen=True)
class Heat:
    """``rows`` are tables with a cell or nothing for each visit; ``gaps`` the variables with most missing values."""

    visits: list[str]
    rows: list[tuple[str, list[Cell | None]]]
    gaps: list[Gap]
    more_gaps: int
    before: str
    after: str
    people: tuple[int, int]


def _heat(submission: Submission, disclosure: Disclosure) -> Heat:
    expected = Expected(submission)
    found = cells(submission, disclosure, expected)
    words = visit_words(submission.definitions) | {ANY_TIME: "No visit"}
    used = [id for id in words if any(cell.visit == id for cell in found)]
    by_place = {(cell.table, cell.visit): cell for cell in found}
    rows = [
        (name, [by_place.get((name, visit)) for visit in used])
        for name in submission.definitions.trial.tables
        if any(cell.table == name for cell in found)
    ]
    gaps = [
        Gap(cell.table, words[cell.visit], one.field, variable_anchor(cell.table, one.field), missing, one.planned)
        for cell in found
        for one in cell.fields
        if (missing := one.planned - one.present - one.explained)
    ]
    gaps.sort(key=lambda gap: -gap.missing)
    before, after = expected.words
    people = len(expected.before), len(expected.after)
    shown = gaps[:_MOST_GAPS]
    return Heat([words[id] for id in used], rows, shown, len(gaps) - len(shown), before, after, people)
