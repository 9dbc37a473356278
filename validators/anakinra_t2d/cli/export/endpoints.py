"""``anakinra-t2d export endpoints``: parameters and endpoints for other programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click

from anakinra_t2d.cli.export.files import out_option, require_new, target_of, write_file
from anakinra_t2d.cli.failures import report_failures
from anakinra_t2d.cli.readings import chosen_readings

_DIALECTS = ("duckdb", "postgres", "spark", "sqlite")


@click.command("endpoints", short_help="parameters and endpoints as SQL views or JSON cards")
@out_option
@click.option("--dialect", type=click.Choice(_DIALECTS), default=None, help="The engine of the SQL.  [default: duckdb]")
@click.option(
    "--format",
    "layout",
    type=click.Choice(["sql", "json"]),
    default="sql",
    show_default=True,
    help="A script of SQL views, or the cards as JSON with their JSON Schema.",
)
@click.option("--reading", "readings", multiple=True, metavar="ID=CHOICE", help="Another choice of an open reading.")
@report_failures
def endpoints(out: Path | None, dialect: str | None, layout: str, readings: tuple[str, ...]) -> None:
    """Write parameters and endpoints as SQL views over the tables, or as JSON cards with their test vectors."""
    chosen = chosen_readings(readings)
    if layout == "json":
        if dialect:
            raise click.UsageError("--dialect belongs to --format sql.")
        _cards(out, chosen)
    else:
        _script(out, dialect or _DIALECTS[0], chosen)


def _cards(out: Path | None, readings: Mapping[str, str]) -> None:
    from anakinra_t2d.endpoint_views.json_cards import json_cards, json_cards_schema
    from anakinra_t2d.schema import definitions

    found = definitions()
    target = target_of(out, "endpoints.json")
    schema = target.with_suffix(".schema.json")
    require_new(schema)
    write_file(target, json_cards(found, readings).encode())
    write_file(schema, (json.dumps(json_cards_schema(), ensure_ascii=False, indent=1) + "\n").encode())
    click.echo(
        f"Wrote the cards of {len(found.endpoints.endpoints)} endpoints to {target}, their JSON Schema to {schema}"
    )


def _script(out: Path | None, engine: str, readings: Mapping[str, str]) -> None:
    from anakinra_t2d.endpoint_views import views
    from anakinra_t2d.endpoint_views.dialects import script
    from anakinra_t2d.schema import definitions

    found = definitions()
    target = target_of(out, f"endpoints-{engine}.sql")
    text = script(views(found, readings), engine, found, readings=readings)  # type: ignore[arg-type]
    write_file(target, text.encode())
    click.echo(f"Wrote the SQL of parameters and endpoints for {engine} to {target}")
