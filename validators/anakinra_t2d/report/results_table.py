"""The results for people: each endpoint by arm, the comparison, and the numbers of the paper below them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from anakinra_t2d.finding import printable
from anakinra_t2d.report.flow_picture import flow_text
from anakinra_t2d.report.text import WIDTH

if TYPE_CHECKING:
    from anakinra_t2d.derivation.beside_paper import Comparison
    from anakinra_t2d.derivation.results import Result
    from anakinra_t2d.derivation.run import Derived
    from anakinra_t2d.schema import Definitions
    from anakinra_t2d.schema.endpoints import Endpoint, GroupResult

    Values = Mapping[tuple[str, str | None, str, str], Result]

_ROLES = {
    "primary": "Primary endpoint",
    "secondary": "Secondary endpoints",
    "exploratory": "Other endpoints",
    "safety": "Safety",
    "baseline": "Baseline",
}
_COLOURS = {"agrees": "green", "accepted": "green", "listed": "yellow", "differs": "bold red", "not_available": "dim"}
_KINDS = {"spread": "spread", "ci_low": "lower limit", "ci_high": "upper limit", "p": "P"}
_WORST = ["differs", "listed", "not_available", "accepted", "agrees"]


def plain_results(derived: Derived, found: Definitions, *, width: int = WIDTH) -> str:
    """The results as plain text without colours."""
    out = io.StringIO()
    print_results(derived, found, Console(file=out, width=width, no_color=True, highlight=False, legacy_windows=False))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def print_results(derived: Derived, found: Definitions, console: Console) -> None:
    """Print the enrolment flow, the results beside the numbers of the paper, and what differs from it."""
    console.print(Text(f"Results: {found.trial.title} ({found.trial.registry}), schema {found.trial.version}", "bold"))
    _print_synthetic(derived, console)
    for warning in derived.warnings:
        console.print(Text(printable(warning), "yellow"))
    for reading, choice in derived.readings.items():
        words = next(one.choices[choice] for one in found.trial.ambiguities if one.id == reading)
        console.print(Text(f"Read otherwise than usual: {reading} {choice}, {words}.", "yellow"))
    console.print()
    console.print(Text(flow_text(derived.flow)))
    values = {(r.endpoint_id, r.reading, r.group, r.statistic): r for r in derived.results}
    table = _Table(derived, found, values)
    for role, title in _ROLES.items():
        if (grid := table.grid(role, title)) is not None:
            console.print()
            console.print(grid)
    console.print()
    console.print(_differences(derived))
    _print_synthetic(derived, console)


def _print_synthetic(derived: Derived, console: Console) -> None:
    if derived.synthetic:
        console.print(Text("These data are synthetic: no number here is a result in real persons.", "bold magenta"))


class _Table:
    def __init__(self, derived: Derived, found: Definitions, values: Values) -> None:
        self.values = values
        self.arms = [arm.id for arm in found.trial.arms]
        self.cards: list[Endpoint | GroupResult] = [*found.endpoints.endpoints, *found.endpoints.groups]
        self.comparisons: dict[str, list[Comparison]] = {}
        for one in derived.comparisons:
            if one.line.shown:
                self.comparisons.setdefault(one.line.shown.result, []).append(one)
        self.readings: dict[str, list[str]] = {}
        for result in derived.results:
            if result.reading and result.reading not in self.readings.setdefault(result.endpoint_id, []):
                self.readings[result.endpoint_id].append(result.reading)

    def grid(self, role: str, title: str) -> Grid | None:
        """The results of one role; None when there are none."""
        cards = [card for card in self.cards if card.role == role]
        if not cards:
            return None
        grid = Grid(title=title, title_style="bold", title_justify="left", box=None, pad_edge=False)
        grid.add_column("", ratio=1)
        for heading in (*self.arms, "difference (95 % CI)", "P"):
            grid.add_column(heading, justify="right", header_style="bold", no_wrap=True)
        grid.add_column("paper", header_style="bold", no_wrap=True)
        for card in cards:
            for cells in self._rows(card):
                grid.add_row(*cells)
        return grid

    def _rows(self, card: Endpoint | GroupResult) -> Iterator[list[RenderableType]]:
        unit = "" if card.unit == "1" else f", {card.unit}"
        head = Text.assemble((card.id, "bold"), f" {card.label}{unit}")
        yield [head, *self._cells(card, None), self._verdict(card.id)]
        if card.id in self.comparisons:
            printed = [self._printed(card.id, group) for group in self.arms]
            row = [*printed, self._printed_difference(card.id), self._printed_p(card.id)]
            if any(row):
                yield [Text("  printed", "dim"), *(Text(cell, "dim") for cell in row), ""]
        for reading in self.readings.get(card.id, []):
            yield [Text(f"  read as {reading}", "italic"), *self._cells(card, reading), ""]

    def _cells(self, card: Endpoint | GroupResult, reading: str | None) -> list[RenderableType]:
        one = _One(self.values, card, reading)
        return [*(Text(one.group(arm)) for arm in self.arms), Text(one.difference()), Text(one.p())]

    def _verdict(self, id: str) -> Text:
        found = {one.verdict for one in self.comparisons.get(id, [])}
        if not found:
            return Text("")
        worst = next(verdict for verdict in _WORST if verdict in found)
        flags = sorted(
            {flag for one in self.comparisons[id] if one.verdict == worst for flag in one.line.inconsistency}
        )
        words = " ".join([worst.replace("_", " "), *(flags if worst != "agrees" else [])])
        return Text(words, _COLOURS[worst])

    def _printed(self, id: str, group: str) -> str:
        shown = self._numbers(id, group)
        return _with_spread(shown.get("value", ""), shown.get("spread", ""))

    def _printed_difference(self, id: str) -> str:
        shown = self._numbers(id, "difference")
        interval = f" ({shown['ci_low']} to {shown['ci_high']})" if "ci_low" in shown and "ci_high" in shown else ""
        return shown.get("value", "") + interval

    def _printed_p(self, id: str) -> str:
        found = [one for one in self.comparisons.get(id, []) if one.kind == "p"]
        return ", ".join(dict.fromkeys(one.printed for one in found))

    def _numbers(self, id: str, group: str) -> dict[str, str]:
        found = [one for one in self.comparisons.get(id, []) if one.line.shown and one.line.shown.group == group]
        # of several lines on one result the first is the printed one, the others are worked out from it
        return {one.kind: one.printed for one in reversed(found) if one.kind != "p"}


class _One:
    """The numbers of one card under one reading as text."""

    def __init__(self, values: Values, card: Endpoint | GroupResult, reading: str | None) -> None:
        self.values = values
        self.card = card
        self.reading = reading

    def _get(self, group: str, statistic: str) -> float | None:
        result = self.values.get((self.card.id, self.reading, group, statistic))
        return result.value if result else None

    def _shown(self, group: str, statistic: str) -> str:
        value = self._get(group, statistic)
        return "" if value is None else _number(value, self.card.decimals)

    def group(self, group: str) -> str:
        """Mean (SD) n, or count of n (percent), or r2 of one arm."""
        if (n := self._get(group, "n")) is None:
            return ""
        if (ones := self._get(group, "count")) is not None:
            return f"{ones:.0f}/{n:.0f}" + (f" ({100 * ones / n:.0f} %)" if n else "")
        if (r2 := self._get(group, "r2")) is not None:
            return f"r2 {_number(r2, 3)}, n {n:.0f}"
        return f"{_with_spread(self._shown(group, 'mean'), self._shown(group, 'sd'))} n {n:.0f}".strip()

    def difference(self) -> str:
        """Difference of the arms with its interval, or r2 of all."""
        if (r2 := self._get("all", "r2")) is not None:
            return f"r2 {_number(r2, 3)}, n {self._get('all', 'n'):.0f}"
        low, high = self._shown("difference", "ci_low"), self._shown("difference", "ci_high")
        return self._shown("difference", "difference") + (f" ({low} to {high})" if low and high else "")

    def p(self) -> str:
        """P of the test that the card names, of each arm where there is no comparison."""
        analysis = getattr(self.card, "analysis", None)
        names = [f"p_{analysis.test}"] if analysis else ["p_slope", "p_chi_square", "p_treatment"]
        found = [
            result.value
            for (id, reading, _, statistic), result in self.values.items()
            if id == self.card.id and reading == self.reading and statistic in names and result.value is not None
        ]
        return ", ".join(p_text(value) for value in found)


def _differences(derived: Derived) -> RenderableType:
    counts: dict[str, int] = {}
    for one in derived.comparisons:
        counts[one.verdict] = counts.get(one.verdict, 0) + 1
    words = {
        "agrees": "agree to the printed decimals",
        "accepted": "agree within stated limits",
        "listed": "differ or are no reference, for the reason below",
        "differs": "differ without explanation",
        "not_available": "have no counterpart in these data",
    }
    shown = [f"{counts[verdict]} {text}" for verdict, text in words.items() if verdict in counts]
    parts: list[RenderableType] = [Text("Numbers of the paper: " + "; ".join(shown) + ".", "bold")]
    for (verdict, reason), found in _by_reason(derived.comparisons).items():
        parts.append(Text.assemble((reason or "Without explanation.", _COLOURS[verdict])))
        for one in found:
            line = one.line
            what = ", ".join(part for part in (line.quantity, line.timepoint, line.group) if part)
            kind = "" if one.kind == "value" else f"{_KINDS[one.kind]} "
            ours = "" if one.ours is None else f", here {one.ours:.4g}"
            parts.append(Padding(Text.assemble((line.id, "bold"), f" {what}: {kind}{one.printed}{ours}"), (0, 0, 0, 2)))
    return Group(*parts)


def _by_reason(comparisons: list[Comparison]) -> dict[tuple[str, str | None], list[Comparison]]:
    """Numbers that differ or are no reference; those without an explanation first, equal reasons together."""
    found: dict[tuple[str, str | None], list[Comparison]] = {}
    for one in sorted(comparisons, key=lambda one: _WORST.index(one.verdict)):
        if one.verdict in ("differs", "listed"):
            found.setdefault((one.verdict, one.reason), []).append(one)
    return found


def _with_spread(value: str, spread: str) -> str:
    return f"{value} ({spread})" if value and spread else value


def _number(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    return text.replace("-", "") if float(text) == 0 else text


def p_text(value: float) -> str:
    """A P value as journals print it."""
    return "<0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"
