"""``anakinra-t2d schema diff``: what changed between two versions of the schema."""

from __future__ import annotations

import click

from anakinra_t2d.cli.failures import report_failures


@click.command("diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW", default="installed")
@click.option("--all", "every", is_flag=True, help="Show every change, not only the first of each kind.")
@click.option(
    "--format",
    "layout",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="text for people, json for programs.",
)
@report_failures
def schema_diff(old: str, new: str, every: bool, layout: str) -> None:
    """List what changed between two versions of the schema, as major, minor or patch.

    OLD and NEW are folders of definitions (with schema/ in them), datapackage.json files, outputs of `convert` or
    releases (directory or zip), or the word installed, which NEW is when it is left out. Two folders of definitions are
    compared in everything they say, others in what a data package says of tables and fields.

    Exit status: 0 the version that NEW states is high enough, 1 it is too low, 2 they could not be compared.
    """
    from anakinra_t2d.reading import InputError
    from anakinra_t2d.versions.change import EditionError
    from anakinra_t2d.versions.schema_diff import schema_diff as run

    try:
        diff = run(old, new)
    except EditionError as error:
        raise InputError(str(error)) from None
    if layout == "json":
        import json

        click.echo(json.dumps(diff.as_dict(), ensure_ascii=False, indent=2))
    else:
        from anakinra_t2d.versions.diff_text import diff_text

        click.echo(diff_text(diff, every=every), nl=False)
    raise SystemExit(diff.exit_status())
