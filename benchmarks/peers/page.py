"""The table of the documentation, from what was measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.peers.compare import Verdict
from benchmarks.peers.environment import ROOT, WAYS, Peer, written_lines
from benchmarks.peers.measure import Run
from benchmarks.peers.rules import KINDS, TABLES

OURS = "anakinra-t2d"
BEGIN = "<!-- peers: made by python -m benchmarks.peers -->"
END = "<!-- peers: end -->"


@dataclass(frozen=True)
class Size:
    """All runs over one set of files by tool, a run for each round, and what the comparison said of each tool."""

    rows: int
    runs: Mapping[str, list[Run]]
    verdicts: Mapping[str, Mapping[str, Verdict]]

    def ratio(self, tool: str, what: str) -> float:
        """How many times ``anakinra-t2d`` a tool needs of ``seconds`` or ``mebibytes``, the median over the rounds."""
        pairs = zip(self.runs[tool], self.runs[OURS], strict=True)
        return float(median(getattr(theirs, what) / getattr(ours, what) for theirs, ours in pairs))

    def middle(self, tool: str, what: str) -> float:
        """The median of ``seconds`` or ``mebibytes``."""
        return float(median(getattr(run, what) for run in self.runs[tool]))


def section(sizes: list[Size], peers: Mapping[str, Peer], command: str, load: float) -> str:
    """The whole part of the page between its marks, marks included."""
    largest = sizes[-1]
    run = [name for name in peers if name in largest.runs]
    intro = (
        f"`{command}` made this part, and makes it anew. It simulates the trial, plants faults at known rows, and lets "
        f"each tool hold the same {len(KINDS)} rules on the same {len(TABLES)} CSV files, each rule written as a user "
        "of the tool would write it (`benchmarks/peers/`). Every run is a process of its own; seconds are of the whole "
        f"process with its start. × is a tool's need as a multiple of `{OURS} validate --only ...` in the same round; "
        "`--only` chooses which rules are reported, and the row rules that it does not name run as well."
    )
    terms = (
        "*exact*: the rules for which the tool named the planted rows and no others. *missed*: rows that break a rule "
        "and were not named for it; *wrongly named*: rows that were named and do not break it; *of empty cells*: those "
        "among these where a cell was emptied that the rule must not count as a fault. *lines*: what a user writes, "
        f"neither blank nor comment: definition, reading, joins. With `{OURS}` the rules are part of the project: the "
        f"files of these tables in `schema/tables/` have {_schema_lines()} lines, which hold labels, units, sources "
        "and more rules as well."
    )
    marks = (
        "*code*: the tool has no construct for this kind of rule, and runs an expression or a function of its user. "
        "*outside*: its user computes what the rule needs before, and the tool looks at the result. −n: n rows missed; "
        f"+n: n rows wrongly named. With `{OURS}` code is SQL in `schema/`."
    )
    parts = [
        BEGIN,
        "## Beside other validators",
        intro,
        _machine(len(largest.runs[OURS]), load),
        *(_sizes(size, run, peers) for size in sizes),
        terms,
        f"### Rule by rule, at {largest.rows:,} rows",
        _matrix(largest, run, peers),
        marks,
        "### What each has no construct for",
        *(_limits(peer, largest) for peer in peers.values()),
        END,
    ]
    return "\n\n".join(parts) + "\n"


def put(page: Path, text: str) -> None:
    """Put the part into the page in place of the one that is there, or at its end."""
    old = page.read_text(encoding="utf-8") if page.exists() else "# Performance\n"
    if BEGIN in old and END in old:
        head, _, rest = old.partition(BEGIN)
        tail = rest.partition(END)[2].lstrip("\n")
    else:
        head, tail = old.rstrip("\n") + "\n\n", ""
    page.parent.mkdir(exist_ok=True)
    page.write_text(head + text + (f"\n{tail}" if tail else ""), encoding="utf-8")


def _machine(rounds: int, load: float) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    each = "One round" if rounds == 1 else f"Medians of {rounds} rounds"
    return (
        f"{each} on {os.cpu_count()} cores with {memory:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}. Load of the machine when it began, by other work: {load:.1f}."
    )


def _sizes(size: Size, run: list[str], peers: Mapping[str, Peer]) -> str:
    head = "tool|version|s|× s|MiB|× MiB|exact|missed|wrongly named|of empty cells|lines".split("|")
    rows = [_line(size, OURS, OURS, "in `schema/`")]
    rows += [_line(size, name, peers[name].words["title"], str(peers[name].lines)) for name in run]
    said = [
        f"Faster than `{OURS}`: {_below(size, run, peers, 'seconds')}.",
        f"With less memory: {_below(size, run, peers, 'mebibytes')}.",
    ]
    return f"### {size.rows:,} rows\n\n" + _table(head, rows) + "\n\n" + " ".join(said)


def _below(size: Size, run: list[str], peers: Mapping[str, Peer], what: str) -> str:
    ratios = {peers[name].words["title"]: size.ratio(name, what) for name in run}
    return ", ".join(f"{title} ({ratio:.2f} ×)" for title, ratio in ratios.items() if ratio < 1) or "none"


def _line(size: Size, tool: str, title: str, lines: str) -> list[str]:
    runs, verdicts = size.runs[tool], size.verdicts[tool].values()
    ratios = [f"{size.ratio(tool, what):.2f}" if tool != OURS else "1" for what in ("seconds", "mebibytes")]
    return [
        title,
        runs[0].version,
        f"{size.middle(tool, 'seconds'):.2f}",
        ratios[0],
        f"{size.middle(tool, 'mebibytes'):.0f}",
        ratios[1],
        f"{sum(verdict.same for verdict in verdicts)} of {len(verdicts)}",
        str(sum(verdict.missed for verdict in verdicts)),
        str(sum(verdict.other for verdict in verdicts)),
        str(sum(verdict.empty for verdict in verdicts)),
        lines,
    ]


def _matrix(size: Size, run: list[str], peers: Mapping[str, Peer]) -> str:
    head = ["rule", "is", "planted", OURS, *(peers[name].words["title"] for name in run)]
    own = _sql_of_schema()
    rows = []
    for code, kind in KINDS.items():
        verdict = size.verdicts[OURS][code]
        cells = [_cell(verdict, "code" if code in own else "")]
        cells += [_cell(size.verdicts[name][code], peers[name].way(code)) for name in run]
        rows.append([code, kind, str(verdict.planted), *cells])
    return _table(head, rows)


def _cell(verdict: Verdict, way: str) -> str:
    numbers = [f"{sign}{number}" for sign, number in (("−", verdict.missed), ("+", verdict.other)) if number]
    return ", ".join([" ".join(numbers) or "exact", way]).removesuffix(", ")


def _limits(peer: Peer, size: Size) -> str:
    title = f"**{peer.words['title']}**"
    if peer.name not in size.runs:
        return f"{title}: not run. {peer.not_run()}"
    lines = [f"* {code} ({way}): {peer.words[way][code]}" for code in KINDS for way in WAYS if code in peer.words[way]]
    wrong = [code for code, verdict in size.verdicts[peer.name].items() if not verdict.same]
    reasons = peer.words["other_rows"]
    lines += [f"* {code} (other rows): {reasons.get(code, 'The reason is not known.')}" for code in wrong]
    return title + "\n\n" + ("\n".join(lines) or "* It has a construct for every kind of rule.")


def _sql_of_schema() -> set[str]:
    """Codes of the rules that are SQL of the schema and do not follow from the definition of a field."""
    from anakinra_t2d.schema import definitions

    found = definitions()
    return set(KINDS) - set(found.builtin_rules)


def _schema_lines() -> str:
    return f"{sum(written_lines(ROOT / 'schema' / 'tables' / f'{table}.yaml') for table in TABLES):,}"


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
