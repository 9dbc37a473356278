"""``anakinra-t2d export sql-ddl``: the tables for a database."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from anakinra_t2d.cli.export.files import out_option, require_end, target_of, write_file
from anakinra_t2d.cli.failures import report_failures


@click.command("sql-ddl", short_help="CREATE TABLE with keys, references and checks")
@click.option(
    "--dialect",
    type=click.Choice(["duckdb", "postgres", "sqlite"]),
    default="duckdb",
    show_default=True,
    help="The engine of the SQL.",
)
@out_option
@report_failures
def sql_ddl(dialect: Literal["duckdb", "postgres", "sqlite"], out: Path | None) -> None:
    """Write CREATE TABLE statements with keys, references and CHECK constraints that hold the rules of one record."""
    from anakinra_t2d.forms.sql_ddl import rules_held
    from anakinra_t2d.forms.sql_ddl import sql_ddl as script
    from anakinra_t2d.schema import definitions

    found = definitions()
    target = target_of(out, f"tables-{dialect}.sql")
    require_end(target, ".sql")
    write_file(target, script(found, dialect).encode())
    held = len(rules_held(found, dialect))
    click.echo(f"Wrote {len(found.tables)} tables for {dialect}, which hold {held} rules, to {target}")
