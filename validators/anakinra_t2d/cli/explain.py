"""``anakinra-t2d explain``: what a rule, a variable, a criterion, an endpoint or a unit means."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from anakinra_t2d.cli.failures import report_failures

if TYPE_CHECKING:
    from rich.console import Console

    from anakinra_t2d.explain import Topic

MOST_EXPLAINED = 3
"""Meanings of one name that are explained; of more, a list is given."""


@click.command()
@click.argument("name", metavar="CODE")
@click.option(
    "--format",
    "layout",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="text for people, json for programs.",
)
@report_failures
def explain(name: str, layout: str) -> None:
    """Say what a code or a name means: what, why, source, basis, an example that fails and how to mend it.

    CODE is a rule (OGTT-004), a variable (labs.hba1c_pct or hba1c_pct), a table, an eligibility criterion (I1), a
    parameter or endpoint (homa, EP01), an open reading of the paper (A12), an inconsistency of the paper (F04), a
    quantity, a unit (mmol/L), a codelist or a visit. Exit status: 2 when there is no such name.
    """
    from anakinra_t2d.explain import near, topics_named
    from anakinra_t2d.report.plain import one_line
    from anakinra_t2d.schema import definitions

    found = definitions()
    topics = topics_named(name, found)
    if not topics:
        like = near(name, found)
        did = f" Did you mean {', '.join(like[:-1]) + ' or ' if like[1:] else ''}{like[-1]}?" if like else ""
        click.echo(f"Nothing is named {one_line(name, 80)}.{did}", err=True)
        raise SystemExit(2)
    if layout == "json":
        document = {"format": 1, "name": name, "topics": [topic.as_dict() for topic in topics]}
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    from rich.console import Console

    from anakinra_t2d.report.text import WIDTH

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    if len(topics) > MOST_EXPLAINED:
        _list(topics, console)
        return
    for number, topic in enumerate(topics):
        if number:
            console.print()
        _print(topic, console)


def _list(topics: Sequence[Topic], console: Console) -> None:
    from rich.text import Text

    console.print(f"{len(topics)} things have this name; explain one of them:")
    for topic in topics:
        console.print(Text.assemble("  ", (topic.id, "bold"), f"  {topic.kind}: {topic.title}"))


def _print(topic: Topic, console: Console) -> None:
    from rich.padding import Padding
    from rich.text import Text

    console.print(Text.assemble((topic.id, "bold"), f"  {topic.kind}"))
    console.print(Text(topic.title))
    for heading, text in topic.parts():
        console.print(Text(heading, "bold cyan"))
        for line in text.splitlines():
            console.print(Padding(Text(line), (0, 0, 0, 2), expand=False))
